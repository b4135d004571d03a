"""Laws that hold for every member of the list of losses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from crossentropy.losses import (
    one_hot,
    sigmoid,
    softmax,
)
from tests.losses.loss_list import (
    BINARY,
    BINARY_POS_WEIGHT,
    CLASS_LOSSES,
    CROSS_ENTROPY,
    ID_LOSSES,
    LAW,
    LOSSES,
    PROBABILITIES,
    REDUCTIONS,
    SMOOTHED,
    SOFTMAX_LOSSES,
    Loss,
    Shape,
    class_weight,
    element_weight,
    gradient,
    random,
    shapes,
    weighted_rows,
)

every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)
softmax_loss = pytest.mark.parametrize("loss", SOFTMAX_LOSSES, ids=str)
class_loss = pytest.mark.parametrize("loss", CLASS_LOSSES, ids=str)
id_loss = pytest.mark.parametrize("loss", ID_LOSSES, ids=str)


@every_loss
@LAW
@given(shape=shapes(), reduction=st.sampled_from(REDUCTIONS), weighted=st.booleans())
def test_ours_is_the_definition_and_torchs(loss: Loss, shape: Shape, reduction: str, weighted: bool):
    input, target = loss.make(shape)
    input.requires_grad_()
    options = {"reduction": reduction} | ({"weight": loss.make_weight(shape)} if weighted else {})
    ours, defined, torchs = (f(input, target, **options) for f in (loss, loss.defined, loss.by_torch))
    assert ours.dtype == torchs.dtype
    assert_close(ours, defined, rtol=1e-12, atol=1e-12, equal_nan=True)
    assert_close(ours, torchs, equal_nan=True)
    assert_close(gradient(ours, input), gradient(torchs, input), equal_nan=True)


@every_loss
@LAW
@given(shape=shapes())
def test_the_loss_is_linear_in_the_weight(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    first, second = loss.make_weight(shape, salt=2), loss.make_weight(shape, salt=3)

    def weighted(weight):
        return loss(input, target, weight=weight, reduction="none")

    assert_close(
        weighted(first) + 3 * second.sum() * weighted(second), weighted(first + 3 * second.sum() * second)
    )
    assert_close(weighted(torch.ones_like(first)), loss(input, target, reduction="none"))


@id_loss
@LAW
@given(shape=shapes())
def test_a_class_weight_multiplies_the_loss_of_its_rows(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    weight = torch.zeros(shape.classes, dtype=torch.float64)
    weight[0] = 3
    if loss is SMOOTHED:  # the share spread over all classes is weighted by each of them
        uniform = -0.1 / shape.classes * 3 * input.log_softmax(1)[:, 0]
        expected = 0.9 * 3 * (target == 0) * CROSS_ENTROPY(input, target, reduction="none") + uniform
    else:
        expected = 3 * (target == 0) * loss(input, target, reduction="none")
    assert_close(loss(input, target, weight=weight, reduction="none"), expected)


@pytest.mark.parametrize("loss", [BINARY, BINARY_POS_WEIGHT, PROBABILITIES], ids=str)
@LAW
@given(shape=shapes(), axis=st.sampled_from(["all", "classes", "rows", "one"]))
def test_element_weights_multiply_and_broadcast(loss: Loss, shape: Shape, axis: str):
    input, target = loss.make(shape)
    weight = element_weight(shape)
    if axis == "classes":
        weight = weight.new_tensor(range(shape.classes)).view(-1, *[1] * len(shape.extra))
    elif axis == "rows":
        weight = weight.new_tensor(range(shape.rows)).view(-1, *[1] * (input.ndim - 1))
    elif axis == "one":
        weight = weight.new_tensor([7.0])
    assert_close(
        loss(input, target, weight=weight, reduction="none"), weight * loss(input, target, reduction="none")
    )


@every_loss
@LAW
@given(shape=shapes(), weighted=st.booleans())
def test_the_reductions_agree(loss: Loss, shape: Shape, weighted: bool):
    input, target = loss.make(shape)
    weight = loss.make_weight(shape) if weighted else None
    each, mean, total = (loss(input, target, weight=weight, reduction=r) for r in ("none", "mean", "sum"))
    by_class = loss in CLASS_LOSSES
    assert each.shape == (shape.without_classes if by_class else shape.full)
    assert_close(total, each.sum())
    assert_close(mean, each.sum() / weighted_rows(loss, target, weight), equal_nan=True)
    assert (each >= 0).all()


@every_loss
@LAW
@given(shape=shapes(least_rows=1))
def test_repeating_the_batch_doubles_the_sum_and_keeps_the_mean(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    twice = torch.cat([input, input]), torch.cat([target, target])
    assert_close(loss(*twice, reduction="sum"), 2 * loss(input, target, reduction="sum"))
    assert_close(loss(*twice), loss(input, target))


@id_loss
@LAW
@given(
    shape=shapes(least_rows=2),
    ignore_index=st.sampled_from([-100, -1, 0, 999]),
    junk=st.sampled_from([0.0, 1e4]),
)
def test_masked_rows_are_sliced_rows(loss: Loss, shape: Shape, ignore_index: int, junk: float):
    input, target = loss.make(shape)
    if ignore_index == 0:  # an id of the range may be the ignored one
        target = target.clamp(min=min(1, shape.classes - 1))
    weight = class_weight(shape)
    keep = torch.arange(shape.rows) % 2 == 1
    masked = target.clone()
    masked[~keep] = ignore_index
    soiled = input.clone()
    soiled[~keep] += junk
    soiled.requires_grad_()
    kept = target[keep] != ignore_index
    for reduction in ("mean", "sum"):
        ours = loss(soiled, masked, weight=weight, ignore_index=ignore_index, reduction=reduction)
        if kept.all():
            sliced = loss(input[keep], target[keep], weight=weight, reduction=reduction)
            assert_close(ours, sliced)
        assert_close(
            ours,
            loss.by_torch(soiled, masked, weight=weight, ignore_index=ignore_index, reduction=reduction),
            equal_nan=True,
        )
    each = loss(soiled, masked, weight=weight, ignore_index=ignore_index, reduction="none")
    assert (each[~keep] == 0).all()
    assert (gradient(each, soiled)[~keep] == 0).all()


@id_loss
@pytest.mark.parametrize("junk", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [-100, 0, 2])
def test_an_ignored_row_takes_no_part_whatever_it_holds(
    loss: Loss, junk: float, reduction: str, ignored: int
):
    input, target = loss.make(Shape())
    target[1:] = torch.tensor([1, 1, 1, 1])
    sound = loss(input[1:], target[1:], reduction=reduction)
    input[0], target[0] = junk, ignored
    input.requires_grad_()
    ours = loss(input, target, reduction=reduction, ignore_index=ignored)
    assert_close(ours[1:] if reduction == "none" else ours, sound)
    slope = gradient(ours, input)
    assert (slope[0] == 0).all()
    assert slope.isfinite().all()


@softmax_loss
@LAW
@given(shape=shapes(), shift=st.floats(-1000, 1000))
def test_a_shift_of_all_logits_changes_nothing(loss: Loss, shape: Shape, shift: float):
    input, target = loss.make(shape)
    weight = loss.make_weight(shape)
    shifts = shift * torch.randn(shape.without_classes, generator=random(shape.seed)).double().unsqueeze(1)
    shifted = loss(input + shifts, target, weight=weight, reduction="none")
    assert_close(shifted, loss(input, target, weight=weight, reduction="none"), rtol=1e-9, atol=1e-8)


@softmax_loss
@LAW
@given(shape=shapes())
def test_the_gradient_is_softmax_minus_target(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    input.requires_grad_()
    smoothing = loss.fixed.get("label_smoothing", 0.0)
    q = target if target.is_floating_point() else one_hot(target, shape.classes).movedim(-1, 1)
    q = (1 - smoothing) * q + smoothing / shape.classes
    slope = torch.autograd.grad(loss(input, target, reduction="sum"), input)[0]
    assert_close(slope, softmax(input, 1) - q)
    assert_close(slope.sum(1), torch.zeros_like(slope.sum(1)))


@LAW
@given(shape=shapes())
def test_the_gradient_of_the_binary_loss_is_sigmoid_minus_target(shape: Shape):
    input, target = BINARY.make(shape)
    input.requires_grad_()
    slope = torch.autograd.grad(BINARY(input, target, reduction="sum"), input)[0]
    assert_close(slope, sigmoid(input) - target)


@every_loss
@LAW
@given(shape=shapes(), upward=st.booleans())
def test_permuting_the_classes_changes_nothing(loss: Loss, shape: Shape, upward: bool):
    input, target = loss.make(shape)
    weight = loss.make_weight(shape)
    order = torch.randperm(shape.classes, generator=random(shape.seed))
    moved_target = torch.argsort(order)[target] if loss in ID_LOSSES else target[:, order]
    moved_weight = weight[order] if loss in CLASS_LOSSES else weight[:, order]
    moved = loss(input[:, order], moved_target, weight=moved_weight, reduction="sum")
    assert_close(moved, loss(input, target, weight=weight, reduction="sum"))


@every_loss
@LAW
@given(shape=shapes())
def test_permuting_the_rows_permutes_the_losses(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    order = torch.randperm(shape.rows, generator=random(shape.seed))
    assert_close(
        loss(input[order], target[order], reduction="none"), loss(input, target, reduction="none")[order]
    )


@class_loss
@LAW
@given(shape=shapes())
def test_further_axes_are_further_rows(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    weight = class_weight(shape)
    flat_input = input.movedim(1, -1).reshape(-1, shape.classes)
    flat_target = (
        target.reshape(-1) if loss in ID_LOSSES else target.movedim(1, -1).reshape(-1, shape.classes)
    )
    for reduction in REDUCTIONS:
        ours = loss(input, target, weight=weight, reduction=reduction)
        flat = loss(flat_input, flat_target, weight=weight, reduction=reduction)
        assert_close(ours.reshape(flat.shape), flat, equal_nan=True)


@class_loss
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_single_row_needs_no_batch_axis(loss: Loss, reduction: str):
    input, target = loss.make(Shape(rows=1))
    weight = class_weight(Shape())
    alone = loss(input[0], target[0], weight=weight, reduction=reduction)
    assert alone.shape == ()
    assert_close(alone, loss(input, target, weight=weight, reduction=reduction).squeeze())
    assert_close(alone, loss.by_torch(input[0], target[0], weight=weight, reduction=reduction))


# torch itself calls torch.jit.script when forward-mode differentiation is first used
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@every_loss
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_first_and_second_derivatives_are_finite_differences(loss: Loss, reduction: str):
    shape = Shape(rows=3, classes=3)
    input, target = loss.make(shape)
    input.requires_grad_()
    if target.is_floating_point():
        target = target.clamp(0.1, 0.9).requires_grad_()
    weight = loss.make_weight(shape)

    def value(*tensors):
        return loss(*tensors, weight=weight, reduction=reduction)

    assert torch.autograd.gradcheck(value, (input, target), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(value, (input, target))


@every_loss
@LAW
@given(shape=shapes(least_rows=1), reduction=st.sampled_from(REDUCTIONS))
def test_backward_twice_gives_the_same_and_touches_nothing(loss: Loss, shape: Shape, reduction: str):
    input, target = loss.make(shape)
    weight = loss.make_weight(shape)
    before = [t.clone() for t in (input, target, weight)]
    input.requires_grad_()
    output = loss(input * 1.0, target, weight=weight, reduction=reduction)
    first, second = (
        torch.autograd.grad(output, input, torch.full_like(output, factor), retain_graph=True)[0]
        for factor in (1, -2)
    )
    assert_close(second, -2 * first)
    for tensor, copy in zip((input, target, weight), before, strict=True):
        assert torch.equal(tensor, copy)


@every_loss
@LAW
@given(shape=shapes())
def test_strided_inputs_give_the_same(loss: Loss, shape: Shape):
    input, target = loss.make(shape)
    weight = loss.make_weight(shape)

    def strided(tensor):
        apart = tensor.repeat_interleave(2, -1)[..., ::2]
        return apart.transpose(0, -1).contiguous().transpose(0, -1) if tensor.ndim > 1 else apart

    views = [strided(t) for t in (input, target)]
    expected = loss(input, target, weight=weight, reduction="none")
    assert_close(loss(*views, weight=strided(weight), reduction="none"), expected)


@every_loss
@pytest.mark.parametrize("classes", [1, 2, 3, 17, 1000])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_odd_sizes(loss: Loss, rows: int, classes: int):
    shape = Shape(rows=rows, classes=classes)
    input, target = loss.make(shape, torch.float32)
    input.requires_grad_()
    fixed = {name: v.float() if isinstance(v, torch.Tensor) else v for name, v in loss.fixed.items()}
    for reduction in REDUCTIONS:
        ours = loss.function(input, target, **fixed, reduction=reduction)
        torchs = loss.torchs(input, target, **fixed, reduction=reduction)
        assert_close(ours, torchs, equal_nan=True)
        assert_close(gradient(ours, input), gradient(torchs, input), equal_nan=True)
        assert ours.isnan().any() == (rows == 0 and reduction == "mean")


@id_loss
@pytest.mark.parametrize("nothing", ["no rows", "all ignored", "zero weight"])
def test_the_mean_of_nothing_is_nan_and_the_sum_is_zero(loss: Loss, nothing: str):
    shape = Shape(rows=0) if nothing == "no rows" else Shape()
    input, target = loss.make(shape)
    if nothing == "all ignored":
        target = torch.full_like(target, -100)
    weight = torch.zeros(3, dtype=torch.float64) if nothing == "zero weight" else None
    input.requires_grad_()
    ours, torchs = (f(input, target, weight=weight) for f in (loss, loss.by_torch))
    assert ours.isnan()
    assert_close(ours, torchs, equal_nan=True)
    assert_close(gradient(ours, input), gradient(torchs, input), equal_nan=True)
    assert loss(input, target, weight=weight, reduction="sum") == 0
