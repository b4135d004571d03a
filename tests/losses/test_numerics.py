"""Extreme logits, infinities, and the error of every dtype against float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from crossentropy.losses import _definition as definition
from crossentropy.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    log_softmax,
    nll_loss,
    one_hot,
    softmax,
)
from tests.losses.loss_list import BINARY, CROSS_ENTROPY, LOGIT_LOSSES, LOSSES, SOFT, Loss, Shape, gradient

INF = float("inf")


def moved(options: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    return {k: v.to(dtype) if isinstance(v, torch.Tensor) else v for k, v in options.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [100.0, 1e4])
@pytest.mark.parametrize("loss", LOGIT_LOSSES, ids=str)
def test_value_gradient_and_hessian_are_finite_at_extreme_logits(loss: Loss, size: float, dtype: torch.dtype):
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3).to(dtype)
    _, target = loss.make(Shape(rows=len(signs)), dtype)
    fixed = moved(loss.fixed, dtype)

    def total(z: torch.Tensor) -> torch.Tensor:
        return loss.function(z, target, **fixed, reduction="sum")

    z = (size * signs).requires_grad_()
    value = total(z)
    assert_close(value, loss.torchs(z, target, **fixed, reduction="sum"))
    slope = torch.autograd.grad(value, z, create_graph=True)[0]
    curvature = torch.autograd.grad(slope.sum() + (slope * signs).sum(), z)[0]
    for result in (value, slope, curvature):
        assert result.isfinite().all()
    if size == 100:
        row = signs[0:3]
        _, target = loss.make(Shape(rows=3), dtype)
        assert torch.autograd.functional.hessian(total, size * row).isfinite().all()


@pytest.mark.parametrize("p", [0.0, 1e-30, 1e-13, 1e-7, 0.3, 1 - 1e-7, 1.0])
@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_slope_of_a_probability_is_that_of_torch_up_to_the_edges(p: float, y: float, dtype: torch.dtype):
    input, target = torch.tensor([p], dtype=dtype, requires_grad=True), torch.tensor([y], dtype=dtype)
    ours, torchs = (
        binary_cross_entropy(input, target),
        torch.nn.functional.binary_cross_entropy(input, target),
    )
    assert_close(ours, torchs)
    slope = torch.autograd.grad(ours, input, create_graph=True)[0]
    assert_close(slope, torch.autograd.grad(torchs, input)[0])
    assert torch.autograd.grad(slope, input)[0].isfinite()


def test_a_class_ruled_out_by_minus_infinity_costs_nothing_where_the_target_is_another():
    z = torch.tensor([[0.0, -INF, 1.0]], requires_grad=True)
    without = torch.tensor([[0.0, 1.0]])
    by_id = cross_entropy(z, torch.tensor([2]))
    assert_close(by_id, cross_entropy(without, torch.tensor([1])))
    assert_close(by_id, torch.nn.functional.cross_entropy(z, torch.tensor([2])))
    assert_close(gradient(by_id, z, seed=0)[0, 1], torch.tensor(0.0))
    # torch: 0 * -inf = NaN
    q = torch.tensor([[0.5, 0.0, 0.5]])
    soft = cross_entropy(z, q)
    assert_close(soft, cross_entropy(without, torch.tensor([[0.5, 0.5]])))
    assert_close(torch.autograd.grad(soft, z)[0], softmax(z, 1) - q)
    assert cross_entropy(z, torch.tensor([1])) == INF
    assert cross_entropy(z, torch.tensor([2]), label_smoothing=0.1) == INF


def test_a_coefficient_of_zero_costs_nothing_at_probability_zero():
    log_p, weight = torch.tensor([[-INF, 0.0]], requires_grad=True), torch.tensor([0.0, 1.0])
    assert nll_loss(log_p, torch.tensor([0]), weight, reduction="sum") == 0
    assert cross_entropy(log_p, torch.tensor([0]), weight, reduction="sum") == 0
    z = torch.tensor([INF, -INF, INF, -INF], requires_grad=True)
    y = torch.tensor([1.0, 0.0, 0.0, 1.0])
    each = binary_cross_entropy_with_logits(z, y, reduction="none")
    assert each.tolist() == [0, 0, INF, INF]
    assert torch.autograd.grad(each[:2].sum(), z)[0].tolist() == [0, 0, 0, 0]
    off = torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert binary_cross_entropy_with_logits(z, y, off, reduction="none").tolist() == [0, 0, 0, 0]


def test_a_loss_of_nothing_is_positive_zero():
    each = cross_entropy(torch.zeros(2, 1), torch.tensor([0, -100]), reduction="none")
    assert not each.signbit().any()


def test_nan_logits_are_not_hidden_by_weights():
    z = torch.tensor([[torch.nan, 0.0]])
    assert cross_entropy(z, torch.tensor([1]), torch.tensor([1.0, 0.0]), reduction="sum").isnan()
    assert binary_cross_entropy_with_logits(z, torch.ones(1, 2), torch.zeros(2), reduction="sum").isnan()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_error_against_float64_is_at_most_that_of_torch(loss: Loss, reduction: str, dtype: torch.dtype):
    shape = Shape(rows=64, classes=17, seed=5, spread=4.0)
    input, target = loss.make(shape, dtype)
    weight, fixed = loss.make_weight(shape).to(dtype), moved(loss.fixed, dtype)
    options = {"weight": weight, "reduction": reduction}
    input.requires_grad_()
    truth_input = input.detach().double().requires_grad_()
    wide_target = target.double() if target.is_floating_point() else target
    truth = loss.definition(truth_input, wide_target, **moved(fixed | options, torch.float64))
    ours, torchs = (f(input, target, **fixed, **options) for f in (loss.function, loss.torchs))
    assert ours.dtype == torchs.dtype == dtype

    def worst(approximate: torch.Tensor, exact: torch.Tensor) -> float:
        return ((approximate.double() - exact).abs() / (1 + exact.abs())).max().item()

    tolerance = torch.finfo(dtype).eps
    assert worst(ours, truth) <= worst(torchs, truth) + tolerance
    slopes = [gradient(output, at) for output, at in ((ours, input), (torchs, input), (truth, truth_input))]
    assert slopes[0].dtype == dtype
    assert worst(slopes[0], slopes[2]) <= worst(slopes[1], slopes[2]) + tolerance


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e4])
def test_a_shift_costs_no_digits_in_float32(offset: float):
    z = torch.tensor([[0.0, 1.0, 2.0]]) + offset
    for k in range(3):
        truth = cross_entropy(z.double(), torch.tensor([k])).float()
        assert_close(cross_entropy(z, torch.tensor([k])), truth, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_definition_of_the_activations_is_that_of_torch(dtype: torch.dtype):
    z = CROSS_ENTROPY.make(Shape(rows=9, classes=17, spread=30.0), dtype)[0].requires_grad_()
    for defined, public, torchs in (
        (definition.softmax, softmax, torch.softmax),
        (definition.log_softmax, log_softmax, torch.log_softmax),
    ):
        for dim in (0, 1, -1):
            assert_close(defined(z, dim), torchs(z, dim))
            assert torch.equal(public(z, dim), torchs(z, dim))
            assert_close(gradient(defined(z, dim), z), gradient(public(z, dim), z))
    assert_close(definition.one_hot(torch.tensor([[0, 2]]), 3), one_hot(torch.tensor([[0, 2]]), 3))
    assert_close(definition.sigmoid(z), 1 / (1 + (-z).exp()))


@pytest.mark.parametrize("dtypes", [(torch.float32, torch.float64), (torch.float64, torch.float32)], ids=str)
@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16], ids=str)
def test_mixed_dtypes_give_the_dtype_of_torch(dtypes: tuple[torch.dtype, torch.dtype], narrow: torch.dtype):
    wide_pairs = [dtypes, (narrow, torch.float32), (torch.float32, narrow), (narrow, narrow)]
    for input_dtype, target_dtype in wide_pairs:
        for loss in (SOFT, BINARY):
            input, target = (
                t.to(d) for t, d in zip(loss.make(Shape()), (input_dtype, target_dtype), strict=True)
            )
            for reduction in ("none", "mean"):
                ours, torchs = (f(input, target, reduction=reduction) for f in (loss.function, loss.torchs))
                assert ours.dtype == torchs.dtype
                tolerance = 4 * max(torch.finfo(d).eps for d in (input_dtype, target_dtype, torchs.dtype))
                assert_close(ours, torchs, rtol=tolerance, atol=tolerance)
