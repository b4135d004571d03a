"""How the losses are related: which is a special case, a mixture or an expectation of which."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from crossentropy.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    log_softmax,
    nll_loss,
    one_hot,
    sigmoid,
    softmax,
)
from tests.losses.loss_list import (
    BINARY,
    CROSS_ENTROPY,
    LAW,
    NLL,
    REDUCTIONS,
    SMOOTHED,
    SOFT,
    SOFT_SMOOTHED,
    SOFTMAX_LOSSES,
    Loss,
    Shape,
    class_weight,
    distributions,
    element_weight,
    ids,
    logits,
    random,
    shapes,
)

softmax_loss = pytest.mark.parametrize("loss", SOFTMAX_LOSSES, ids=str)


@LAW
@given(shape=shapes())
def test_one_hot_distributions_are_class_ids(shape: Shape):
    input, target = CROSS_ENTROPY.make(shape)
    q = one_hot(target, shape.classes).movedim(-1, 1).double()
    weight = class_weight(shape)
    for smoothing in (0.0, 0.2):
        by_id = cross_entropy(input, target, weight, reduction="none", label_smoothing=smoothing)
        assert_close(cross_entropy(input, q, weight, reduction="none", label_smoothing=smoothing), by_id)


@pytest.mark.parametrize("loss", [CROSS_ENTROPY, SOFT], ids=str)
@LAW
@given(shape=shapes(), smoothing=st.floats(0, 1), reduction=st.sampled_from(REDUCTIONS))
def test_label_smoothing_mixes_two_losses(loss: Loss, shape: Shape, smoothing: float, reduction: str):
    input, target = loss.make(shape)
    uniform = torch.full(shape.full, 1 / shape.classes, dtype=torch.float64)
    mixture = (1 - smoothing) * loss(input, target, reduction=reduction) + smoothing * cross_entropy(
        input, uniform, reduction=reduction
    )
    assert_close(loss(input, target, reduction=reduction, label_smoothing=smoothing), mixture, equal_nan=True)


@LAW
@given(shape=shapes())
def test_a_loss_of_distributions_is_the_expectation_of_the_loss_of_ids(shape: Shape):
    input, q = SOFT.make(shape)
    each = [
        cross_entropy(input, torch.full(shape.without_classes, k), reduction="none")
        for k in range(shape.classes)
    ]
    assert_close(cross_entropy(input, q, reduction="none"), (q * torch.stack(each, 1)).sum(1))


@LAW
@given(shape=shapes())
def test_the_binary_loss_is_that_of_two_classes_with_logits_0_and_z(shape: Shape):
    z, y = BINARY.make(shape)
    two = torch.stack([torch.zeros_like(z), z], 1)
    assert_close(
        binary_cross_entropy_with_logits(z, y, reduction="none"),
        cross_entropy(two, torch.stack([1 - y, y], 1), reduction="none"),
    )
    assert_close(sigmoid(z), softmax(two, 1)[:, 1])


@LAW
@given(shape=shapes())
def test_flipping_the_sign_flips_the_classes(shape: Shape):
    z, y = BINARY.make(shape)
    assert_close(
        binary_cross_entropy_with_logits(-z, 1 - y, reduction="none"),
        binary_cross_entropy_with_logits(z, y, reduction="none"),
    )
    p = sigmoid(z / shape.spread)
    assert_close(
        binary_cross_entropy(1 - p, 1 - y, reduction="none"), binary_cross_entropy(p, y, reduction="none")
    )


@LAW
@given(shape=shapes())
def test_the_forms_reduce_to_one_another(shape: Shape):
    z, target = CROSS_ENTROPY.make(shape)
    weight = class_weight(shape)
    assert_close(
        nll_loss(log_softmax(z, 1), target, weight), cross_entropy(z, target, weight), equal_nan=True
    )
    y = BINARY.make_target(shape)
    mild = z / shape.spread
    assert_close(
        binary_cross_entropy(sigmoid(mild), y, reduction="none"),
        binary_cross_entropy_with_logits(mild, y, reduction="none"),
    )
    ones = torch.ones((), dtype=torch.float64)
    assert_close(
        binary_cross_entropy_with_logits(z, y, pos_weight=ones, reduction="none"),
        binary_cross_entropy_with_logits(z, y, reduction="none"),
    )


@LAW
@given(shape=shapes())
def test_pos_weight_multiplies_the_positive_part_alone(shape: Shape):
    z, y = BINARY.make(shape)
    pos_weight = element_weight(shape)
    positive = binary_cross_entropy_with_logits(z, torch.ones_like(y), reduction="none")
    negative = binary_cross_entropy_with_logits(z, torch.zeros_like(y), reduction="none")
    weighted = binary_cross_entropy_with_logits(z, y, pos_weight=pos_weight, reduction="none")
    assert_close(weighted, pos_weight * y * positive + (1 - y) * negative)


@LAW
@given(shape=shapes(least_rows=1))
def test_the_target_distribution_is_the_minimum(shape: Shape):
    q = distributions(shape)
    entropy = cross_entropy(q.log(), q, reduction="none")
    assert_close(entropy, -(q * q.log()).sum(1))
    assert (cross_entropy(logits(shape), q, reduction="none") >= entropy - 1e-12).all()


@softmax_loss
def test_one_class_costs_nothing(loss: Loss):
    input, target = loss.make(Shape(classes=1))
    assert (loss(input, target, reduction="none") == 0).all()


@pytest.mark.filterwarnings("ignore::crossentropy.errors.MisuseWarning")
@pytest.mark.parametrize("loss", [CROSS_ENTROPY, SOFT, SOFT_SMOOTHED], ids=str)
def test_distributions_that_are_none_go_through_the_same_formula(loss: Loss):
    input = logits(Shape())
    target = torch.randn(Shape().full, generator=random(9), dtype=torch.float64)
    options = {"label_smoothing": loss.fixed.get("label_smoothing", 0.0), "reduction": "none"}
    ours = cross_entropy(input, target, **options)
    assert_close(ours, torch.nn.functional.cross_entropy(input, target, **options))


def test_nll_loss_and_cross_entropy_take_every_integer_dtype():
    input, target = logits(Shape()), ids(Shape())
    for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32):
        for loss in (CROSS_ENTROPY, SMOOTHED, NLL):
            assert_close(loss(input, target.to(dtype)), loss(input, target))
