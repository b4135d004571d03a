"""Mixing classifiers: the weights are the minimum that they claim to be, and nothing is chosen by chance."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from crossentropy.evaluation import fit_mixture, losses_from_logits, mix

RNG = np.random.default_rng(0)
N, K = 500, 3
TARGETS = RNG.integers(0, K, N)
GOOD = RNG.normal(size=(N, K)) + 2.0 * np.eye(K)[TARGETS]
OTHER = RNG.normal(size=(N, K)) + 1.5 * np.eye(K)[TARGETS]
NOISE = 3.0 * RNG.normal(size=(N, K))


def cost(weights, parts, s):
    losses = losses_from_logits(mix(parts, weights), TARGETS)
    return s @ losses * N / s.sum() - np.log(weights).sum()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_weights_are_the_minimum(weighted):
    parts = [GOOD, OTHER, NOISE]
    s = RNG.exponential(size=N) if weighted else np.ones(N)
    found = fit_mixture(parts, TARGETS, s if weighted else None)
    assert found.sum() == pytest.approx(1.0)
    assert found[0] > found[1] > found[2]
    best = cost(found, parts, s)
    for _ in range(50):
        other = np.maximum(found + 0.02 * RNG.normal(size=3), 1e-3)
        assert cost(other / other.sum(), parts, s) >= best - 1e-9


def test_the_mixture_of_two_that_err_apart_is_better_than_either():
    twin = RNG.normal(size=(N, K)) + 2.0 * np.eye(K)[TARGETS]
    weights = fit_mixture([GOOD, twin], TARGETS)
    alone = [losses_from_logits(log_softmax(z, axis=1), TARGETS).mean() for z in (GOOD, twin)]
    assert losses_from_logits(mix([GOOD, twin], weights), TARGETS).mean() < min(alone) - 0.03


def test_equal_parts_and_no_rows_have_equal_weights():
    np.testing.assert_allclose(fit_mixture([GOOD, GOOD], TARGETS), [0.5, 0.5], atol=1e-6)
    few = fit_mixture([GOOD[:1], NOISE[:1]], TARGETS[:1])
    assert np.abs(few - 0.5).max() < 0.25


def test_a_mixture_is_the_weighted_mean_of_the_probabilities():
    weights = np.array([0.25, 0.75])
    expected = 0.25 * softmax(GOOD, axis=1) + 0.75 * softmax(OTHER, axis=1)
    np.testing.assert_allclose(np.exp(mix([GOOD, OTHER], weights)), expected, atol=1e-12)


def test_a_part_without_weight_has_no_say():
    broken = np.full((N, K), np.nan)
    np.testing.assert_array_equal(mix([GOOD, broken], np.array([1.0, 0.0])), log_softmax(GOOD, axis=1))
