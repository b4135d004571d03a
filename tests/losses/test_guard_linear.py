"""The guards of `test_guard.py` where there are no logits to look at, and those of binary targets in both forms."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from crossentropy.errors import InputError, MisuseWarning, TargetError
from crossentropy.losses import (
    LinearCrossEntropyLoss,
    LossOptions,
    SparseTarget,
    binary_cross_entropy_with_logits,
    linear_binary_cross_entropy,
    linear_cross_entropy,
)
from tests.losses.loss_list import random

N, D, K = 40, 6, 5
X, W = torch.randn(N, D, generator=random(0)), torch.randn(K, D, generator=random(1))
IDS = torch.arange(N) % K
RAISE, ALLOW, STRICT = (
    LossOptions(probabilities="raise"),
    LossOptions(probabilities="allow"),
    LossOptions(strict=True),
)


def probabilities(rows: int, classes: int) -> Tensor:
    return torch.randn(rows, classes, generator=random(2)).softmax(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("classes", [2, 7, 300])
def test_a_layer_that_gives_probabilities_is_named_with_the_floor(dtype: torch.dtype, classes: int):
    p, layer = probabilities(30, classes).to(dtype), torch.eye(classes, dtype=dtype)
    ids = torch.zeros(30, dtype=torch.long)
    floor = math.log(1 + (classes - 1) / math.e)
    with pytest.warns(MisuseWarning, match=f"first 16 rows .* below {floor:.4f} nats") as caught:
        linear_cross_entropy(p, layer, ids)
    assert caught[0].filename == __file__
    with pytest.raises(InputError, match="look like probabilities"):
        linear_cross_entropy(p, layer, ids, options=RAISE)
    linear_cross_entropy(p, layer, ids, options=ALLOW)


def test_the_module_names_the_line_of_its_caller():
    module = LinearCrossEntropyLoss(K, K)
    with torch.no_grad():
        module.linear.weight.copy_(torch.eye(K))
    with pytest.warns(MisuseWarning) as caught:
        module(probabilities(N, K), IDS)
    assert caught[0].filename == __file__


def test_the_bias_of_the_layer_and_further_axes_count():
    p = probabilities(N, K)
    with pytest.warns(MisuseWarning):
        linear_cross_entropy(p - 1, torch.eye(K), IDS, linear_bias=torch.ones(K))
    layer = torch.stack([torch.eye(K), torch.eye(K).flip(0)], 1)
    with pytest.warns(MisuseWarning, match="first 32 rows"):
        linear_cross_entropy(p, layer, torch.stack([IDS, IDS], 1))


def test_a_warning_comes_once_for_each_line():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(5):
            linear_cross_entropy(probabilities(N, K), torch.eye(K), IDS)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("x", "w"),
    [
        (X, W),
        (probabilities(N, K).log(), torch.eye(K)),
        (probabilities(1, K), torch.eye(K)),
        (torch.rand(N, K, generator=random(3)), torch.eye(K)),
        (torch.zeros(N, K), torch.eye(K)),
        (torch.zeros(0, K), torch.eye(K)),
        (probabilities(N, K).index_fill(0, torch.tensor(15), 0.3), torch.eye(K)),
    ],
    ids=["logits", "logarithms", "one row", "no sum", "zeros", "nothing", "one row of 16"],
)
def test_what_may_be_logits_is_left_in_peace(x: Tensor, w: Tensor):
    linear_cross_entropy(x, w, IDS[: len(x)], options=RAISE, reduction="sum")


def test_hardly_any_logits_are_made_where_all_is_well():
    x, w = torch.randn(64, 32, generator=random(4)), torch.randn(4096, 32, generator=random(5))
    from crossentropy.losses import _guard

    seen = []

    class Count(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if func is torch.nn.functional.linear:
                seen.append(out.numel())
            return out

    with Count():
        _guard.check_probabilities_of_layer(_guard.Layer(x, w, None), 4096, (), LossOptions())
    assert seen == [64]


Q = torch.randn(N, K, generator=random(6)).softmax(1)


def changed(row: int, values: list[float]) -> Tensor:
    return Q.index_put((torch.tensor(row),), torch.tensor(values))


BAD: list[tuple[Any, str]] = [
    (changed(2, [0.5, 0.4, 0.4, 0, 0]), r"row 2 sums to 1\.3"),
    (changed(1, [1.5, -0.5, 0, 0, 0]), r"row 1 holds -0\.5"),
    (
        SparseTarget(torch.tensor([[0, 1]] * N), torch.tensor([[0.5, 0.5]] * (N - 1) + [[0.5, 0.2]])),
        rf"row {N - 1} sums to 0\.7",
    ),
]


@pytest.mark.parametrize("limit", [None, 1], ids=["whole", "tiles"])
@pytest.mark.parametrize(("target", "message"), BAD, ids=["sum", "negative", "sparse"])
def test_targets_that_are_no_distributions_warn_and_are_refused_under_strict(
    target: Any, message: str, limit: int | None
):
    with pytest.warns(MisuseWarning, match=message) as caught:
        linear_cross_entropy(X, W, target, memory_limit=limit)
    assert caught[0].filename == __file__
    with pytest.raises(TargetError, match=message):
        linear_cross_entropy(X, W, target, options=STRICT, memory_limit=limit)


def test_rows_left_out_need_no_distribution():
    out = torch.arange(N) == 2
    options = LossOptions(ignored=out, strict=True)
    linear_cross_entropy(X, W, changed(2, [9.0] * K), options=options)


Y = torch.rand(N, K, generator=random(7))


@pytest.mark.parametrize("linear", [False, True], ids=["logits", "layer"])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Y.index_put((torch.tensor(3), torch.tensor(1)), torch.tensor(-1.0)), r"position \(3, 1\) holds -1"),
        (Y.index_put((torch.tensor(0), torch.tensor(4)), torch.tensor(2.0)), r"position \(0, 4\) holds 2"),
        (Y.index_put((torch.tensor(0), torch.tensor(4)), torch.tensor(math.nan)), "holds nan"),
        (SparseTarget(IDS[:, None], torch.full((N, 1), 1.5)), r"holds 1\.5"),
    ],
    ids=["below", "above", "nan", "sparse"],
)
def test_binary_targets_outside_of_0_and_1_warn_and_are_refused_under_strict(
    target: Any, message: str, linear: bool
):
    def call(options: LossOptions) -> Tensor:
        if linear:
            return linear_binary_cross_entropy(X, W, target, options=options)
        return binary_cross_entropy_with_logits(X @ W.T, target, options=options)

    with pytest.warns(MisuseWarning, match=message) as caught:
        call(LossOptions())
    assert caught[0].filename == __file__
    with pytest.raises(TargetError, match=message):
        call(STRICT)


def test_padding_and_decisions_left_out_need_no_binary_target():
    padded = SparseTarget(torch.full((N, 1), -100), torch.full((N, 1), 7.0))
    linear_binary_cross_entropy(X, W, padded, options=STRICT)
    out = torch.zeros(N, K, dtype=torch.bool)
    out[3, 1] = True
    target = Y.masked_fill(out, -1)
    binary_cross_entropy_with_logits(X @ W.T, target, options=LossOptions(strict=True, ignored=out))
    binary_cross_entropy_with_logits(torch.tensor(0.3), torch.tensor(1.0), options=STRICT)
