"""Numbers and facts about the losses that do not move."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.special import expit
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

CLASSES = [2, 3, 5, 10, 100, 1000]


def double(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("target", "cost"), [(1.0, 0.2231), (0.0, 1.6094)])
def test_a_probability_of_0_8_costs_0_2231_when_right_and_1_6094_when_wrong(target: float, cost: float):
    loss = binary_cross_entropy(double(0.8), double(target)).item()
    assert loss == pytest.approx(-math.log(0.8 if target else 0.2))
    assert loss == pytest.approx(cost, abs=5e-5)
    logit = double(math.log(0.8 / 0.2))
    assert binary_cross_entropy_with_logits(logit, double(target)).item() == pytest.approx(loss)


def test_only_the_probability_of_the_target_class_counts():
    p = double(0.1, 0.2, 0.2, 0.5)
    assert nll_loss(p.log(), torch.tensor(1)).item() == pytest.approx(-math.log(0.2))
    assert cross_entropy(p.log(), torch.tensor(1)).item() == pytest.approx(-math.log(0.2))
    assert nll_loss(double(0.6, 0.2, 0.1, 0.1).log(), torch.tensor(1)).item() == pytest.approx(-math.log(0.2))


def test_the_one_hot_of_class_2_of_4_is_0010():
    assert one_hot(torch.tensor(2), 4).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("classes", CLASSES)
def test_equal_logits_cost_the_logarithm_of_the_number_of_classes(classes: int):
    loss = cross_entropy(torch.zeros(1, classes, dtype=torch.float64), torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log(classes))


@pytest.mark.parametrize(
    ("classes", "floor"), list(zip(CLASSES, [0.3133, 0.5514, 0.9048, 1.4612, 3.622, 5.910], strict=True))
)
def test_softmax_before_the_loss_bounds_it_from_both_sides(classes: int, floor: float):
    best, worst = torch.zeros(2, 1, classes, dtype=torch.float64)
    best[0, 0] = worst[0, 1] = 1e4
    target = torch.tensor([0])
    lowest = cross_entropy(softmax(best, 1), target).item()
    assert lowest == pytest.approx(math.log(1 + (classes - 1) / math.e))
    assert lowest == pytest.approx(floor, rel=2e-4)
    assert cross_entropy(softmax(worst, 1), target).item() == pytest.approx(math.log(math.e + classes - 1))
    assert cross_entropy(best, target).item() == 0


def test_the_loss_grows_linearly_in_a_wrong_logit():
    z = torch.arange(30.0, 1030.0, 100.0, dtype=torch.float64)
    two = cross_entropy(
        torch.stack([torch.zeros_like(z), z], 1), torch.zeros(len(z), dtype=torch.long), reduction="none"
    )
    assert_close(two, z)
    assert_close(binary_cross_entropy_with_logits(z, torch.zeros_like(z), reduction="none"), z)


def test_the_logarithm_turns_a_product_of_probabilities_into_a_sum():
    p = double(0.9, 0.5, 0.2)
    total = binary_cross_entropy(p, torch.ones_like(p), reduction="sum")
    assert total.item() == pytest.approx(-math.log(0.9 * 0.5 * 0.2))


def test_smoothing_leaves_a_gap_to_the_entropy_of_the_smoothed_target():
    smoothing, classes = 0.1, 4
    q = (1 - smoothing) * one_hot(torch.tensor([1]), classes).double() + smoothing / classes
    least = cross_entropy(q.log(), torch.tensor([1]), label_smoothing=smoothing)
    assert_close(least, -(q * q.log()).sum())
    assert q[0].tolist() == pytest.approx([0.025, 0.925, 0.025, 0.025])


def test_a_probability_of_exactly_zero_costs_at_most_100_nats():
    p, y = double(0, 1, 0, 1), double(1, 0, 0, 1)
    assert binary_cross_entropy(p, y, reduction="none").tolist() == [100, 100, 0, 0]


def test_sigmoid_and_softmax_in_both_tails():
    z = torch.tensor([-1e4, -700, -40, -1, 0, 1, 40, 700, 1e4], dtype=torch.float64)
    assert_close(sigmoid(z), torch.from_numpy(expit(z.numpy())), rtol=1e-14, atol=0)
    assert softmax(double(1e4, 0, -1e4), 0).tolist() == [1, 0, 0]
    assert log_softmax(double(1e4, 0, -1e4), 0).tolist() == [0, -1e4, -2e4]
