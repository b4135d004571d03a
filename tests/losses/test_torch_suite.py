"""torch's own suite for these losses: every sample, refusal and module of it, values and derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from crossentropy import losses
from crossentropy.losses import _fast as fast

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:torch",
    "ignore::UserWarning:torch",
    "ignore::FutureWarning",
    "ignore::crossentropy.errors.MisuseWarning",  # torch's distributions are not normalised
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning",
)

FUNCTIONS = ["cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
MODULES = ["CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss"]


@pytest.fixture(params=["by size", "rows", "columns"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "by size":
        monkeypatch.setattr(fast, "WORTH_A_KERNEL", 1)
        monkeypatch.setattr(fast, "LONG_ROW", 1 if request.param == "rows" else 1 << 60)
        monkeypatch.setattr(fast, "_SIDE_BY_SIDE", 1)


def operator(name: str) -> Any:
    from torch.testing._internal.common_methods_invocations import op_db

    (op,) = [op for op in op_db if op.name == f"nn.functional.{name}"]
    return op


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_sample_of_torch_passes_both_gradient_checks(path: None, name: str):
    op = operator(name)
    samples = list(op.sample_inputs("cpu", torch.float64, requires_grad=True))
    assert len(samples) > 10
    for sample in samples:
        others = [a.detach() if isinstance(a, Tensor) else a for a in sample.args]

        def ours(input: Tensor, others: Any = others, options: Any = sample.kwargs) -> Tensor:
            return getattr(losses, name)(input, *others, **options)

        expected = op(sample.input, *others, **sample.kwargs)
        assert_close(ours(sample.input), expected, equal_nan=True)
        if sample.input.numel() == 0 or not expected.isfinite().all():
            continue
        assert torch.autograd.gradcheck(ours, sample.input)
        assert torch.autograd.gradgradcheck(ours, sample.input)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_refusal_of_torchs_functions_is_one_here(name: str):
    op = operator(name)
    if op.error_inputs_func is None:
        return
    for error in op.error_inputs("cpu"):
        sample = error.sample_input
        with pytest.raises(error.error_type):
            getattr(losses, name)(sample.input, *sample.args, **sample.kwargs)


def module_info(name: str) -> Any:
    from torch.testing._internal.common_modules import module_db

    (info,) = [info for info in module_db if info.module_cls is getattr(torch.nn, name)]
    return info


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_every_module_of_torchs_suite_gives_the_same(path: None, name: str, dtype: torch.dtype):
    info = module_info(name)
    cases = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=True)
    assert len(cases) >= 3
    for case in cases:
        made, given = case.constructor_input, case.forward_input
        ours = getattr(losses, name)(*made.args, **made.kwargs)
        torchs = getattr(torch.nn, name)(*made.args, **made.kwargs)
        values = [module(*given.args, **given.kwargs) for module in (ours, torchs)]
        assert_close(*values, equal_nan=True)
        input = given.args[0]
        upstream = torch.ones_like(values[0])
        slopes = [torch.autograd.grad(v, input, upstream, retain_graph=True)[0] for v in values]
        assert_close(*slopes, equal_nan=True)
        assert ours.state_dict().keys() == torchs.state_dict().keys()


@pytest.mark.parametrize("name", MODULES)
def test_every_refusal_of_torchs_modules_is_one_here(name: str):
    info = module_info(name)
    if info.module_error_inputs_func is None:
        return
    for error in info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    ):
        made = error.module_error_input.constructor_input
        given = error.module_error_input.forward_input
        with pytest.raises(error.error_type):
            getattr(losses, name)(*made.args, **made.kwargs)(*given.args, **given.kwargs)
