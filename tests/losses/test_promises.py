"""What the docstrings promise at the edges: refusals just outside, infinities under smoothing, slopes near 0 and 1."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from crossentropy import errors, losses
from tests.losses.loss_list import Shape, distributions, ids, logits

Z, T, Q = logits(Shape()), ids(Shape()), distributions(Shape())
DEEP, DEEP_IDS = logits(Shape(rows=2, extra=(4,))), ids(Shape(rows=2, extra=(4,)))
DEEP_IDS = DEEP_IDS.index_fill(1, torch.tensor([1, 3]), 5)
ABOVE_ONE = torch.nextafter(torch.ones(2), torch.full((2,), 2.0))

REFUSALS = [
    ("cross_entropy", errors.ConfigError, "ignore_index=0 is for class ids", (Z, Q), {"ignore_index": 0}),
    ("cross_entropy", errors.ConfigError, r"1\.01 is outside", (Z, T), {"label_smoothing": 1.01}),
    ("cross_entropy", errors.TensorTypeError, "input has dtype complex128", (Z * 1j, T), {}),
    ("cross_entropy", errors.TargetError, "complex64; class ids", (Z, T + 0j), {}),
    ("nll_loss", errors.ClassIdError, r"position \(0, 1\).*\(4 such of 8\)", (DEEP, DEEP_IDS), {}),
    ("binary_cross_entropy", errors.InputError, "input holds .* at row 0", (ABOVE_ONE, torch.ones(2)), {}),
    ("binary_cross_entropy", errors.TargetError, "target holds .* at row 0", (torch.ones(2), ABOVE_ONE), {}),
    ("one_hot", errors.ConfigError, "num_classes=-2", (T, -2), {}),
    ("sigmoid", errors.InputError, "input is a list", ([0.0],), {}),
    ("softmax", errors.InputError, "input is a list", ([0.0], 0), {}),
    ("log_softmax", errors.InputError, "input is a list", ([0.0], 0), {}),
]


@pytest.mark.parametrize(
    ("name", "error", "message", "args", "options"), REFUSALS, ids=[f"{r[0]}-{r[2]}" for r in REFUSALS]
)
def test_a_call_just_outside_is_refused(
    name: str, error: type[Exception], message: str, args: tuple[Any, ...], options: dict[str, Any]
):
    with pytest.raises(error, match=message):
        getattr(losses, name)(*args, **options)


def test_values_are_checked_in_tensors_that_require_grad():
    for p, y in ((1.5, 1.0), (0.5, 1.5)):
        input, target = torch.tensor([p], requires_grad=True), torch.tensor([y], requires_grad=True)
        with pytest.raises(errors.InputError, match=r"holds 1\.5 at row 0"):
            losses.binary_cross_entropy(input, target)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_slope_of_a_small_probability_is_minus_its_inverse(dtype: torch.dtype):
    for p in (1e-11, 1e-10, 1e-9, 1e-8):
        input = torch.tensor([p], dtype=dtype, requires_grad=True)
        target = torch.ones_like(input)
        (slope,) = torch.autograd.grad(losses.binary_cross_entropy(input, target), input, create_graph=True)
        assert_close(slope, -1 / input)
        assert_close(torch.autograd.grad(slope, input)[0], input**-2)


@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_smoothing_too_costs_nothing_at_minus_infinity_where_the_class_weighs_nothing(smoothing: float):
    z = torch.tensor([[0.0, -torch.inf, 1.0], [2.0, -torch.inf, 1.0]], requires_grad=True)
    weight, target = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([2, 0])
    # a logit so low that its probability is 0 as well, though its logarithm is not
    low = z.detach().clamp(min=-1e4)
    for reduction in ("none", "sum", "mean"):
        options = {"label_smoothing": smoothing, "reduction": reduction}
        ours = losses.cross_entropy(z, target, weight, **options)
        assert_close(ours, F.cross_entropy(low, target, weight, **options))
    assert torch.autograd.grad(ours, z)[0].isfinite().all()


@pytest.mark.parametrize("smoothing", [0.0, 0.03, 0.25, 1.0])
def test_the_module_smooths_by_what_it_was_given(smoothing: float):
    module = losses.CrossEntropyLoss(label_smoothing=smoothing)
    assert_close(module(Z, T), losses.cross_entropy(Z, T, label_smoothing=smoothing))


def test_a_number_without_axes_has_the_axis_0_as_in_torch():
    z = torch.tensor(2.0)
    for dim in (0, -1):
        assert torch.equal(losses.softmax(z, dim), F.softmax(z, dim))
        assert torch.equal(losses.log_softmax(z, dim), F.log_softmax(z, dim))
    with pytest.raises(errors.ShapeError, match="expected -1 to 0"):
        losses.softmax(z, 1)
