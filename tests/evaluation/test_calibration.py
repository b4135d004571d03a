"""The temperature finds the truth it was given; the noise floor tells calibrated from miscalibrated."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from crossentropy.evaluation import evaluate, fit_temperature
from crossentropy.evaluation._calibration import calibration


def calibrated(n, k, rng, scale=2.0):
    logits = rng.normal(size=(n, k)) * scale
    chance = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (rng.random((n, 1)) > chance).sum(axis=1).clip(0, k - 1)


@pytest.mark.parametrize("truth", [0.25, 1.0, 3.0])
def test_the_temperature_is_found(truth):
    logits, targets = calibrated(20_000, 4, np.random.default_rng(0))
    temperature, before, after = fit_temperature(logits * truth, targets)
    assert temperature == pytest.approx(truth, rel=0.05)
    assert after <= before


def test_the_temperature_minimises_the_loss_with_one_row_more_of_unknown_class():
    logits, targets = calibrated(500, 3, np.random.default_rng(1))
    weights = np.random.default_rng(2).exponential(size=500)
    temperature, before, after = fit_temperature(logits * 2, targets, weights)

    def losses(t):
        return np.average(-log_softmax(logits * 2 / t, axis=1), axis=0, weights=weights)

    def loss(t):
        rows = -log_softmax(logits * 2 / t, axis=1)[np.arange(500), targets]
        return np.average(rows, weights=weights)

    def smoothed(t):
        return 500 * loss(t) + losses(t).mean()

    assert before == pytest.approx(loss(1))
    assert after == pytest.approx(loss(temperature))
    assert smoothed(temperature) <= min(smoothed(t) for t in np.geomspace(0.5, 10, 200)) + 1e-9


def test_rows_that_are_all_right_do_not_make_the_model_certain():
    logits = np.array([[1.0, -1.0], [-1.0, 1.0]] * 10)
    temperature, _, after = fit_temperature(logits, np.array([0, 1] * 10))
    # 20 rows right and one unknown: each label has the probability (20 + 1/2) / 21
    assert np.exp(-after) == pytest.approx(20.5 / 21)
    assert temperature == pytest.approx(2 / np.log(20.5 / 0.5))


def test_a_temperature_within_its_standard_error_is_not_used():
    rng = np.random.default_rng(6)
    kept = 0
    for _ in range(100):
        logits, targets = calibrated(150, 3, rng)
        temperature, before, after = fit_temperature(logits, targets)
        kept += temperature == 1.0
        assert (temperature == 1.0) == (before == after)
    assert kept >= 70


def test_logits_without_information_keep_their_temperature():
    assert fit_temperature(np.zeros((10, 3)), np.arange(10) % 3)[0] == 1.0


def test_a_perfectly_calibrated_classifier_stays_below_its_noise_floor():
    rng = np.random.default_rng(3)
    below = 0
    for _ in range(200):
        logits, targets = calibrated(200, 3, rng)
        calibration = evaluate(logits, targets, classes="abc").calibration
        below += calibration.error <= calibration.noise
    assert 0.90 <= below / 200 <= 0.99


def test_an_overconfident_classifier_is_above_it():
    logits, targets = calibrated(2000, 3, np.random.default_rng(4))
    calibration = evaluate(logits * 2, targets, classes="abc").calibration
    assert calibration.error > 2 * calibration.noise


def test_the_bins_hold_every_row_once_and_give_the_error():
    logits, targets = calibrated(997, 5, np.random.default_rng(5))
    calibration = evaluate(logits, targets, classes="abcde").calibration
    assert sum(b.rows for b in calibration.bins) == 997
    assert len(calibration.bins) == 15
    assert max(b.rows for b in calibration.bins) - min(b.rows for b in calibration.bins) <= 1
    error = sum(b.rows / 997 * abs(b.accuracy.value - b.confidence) for b in calibration.bins)
    assert calibration.error == pytest.approx(error)
    confidences = [b.confidence for b in calibration.bins]
    assert confidences == sorted(confidences)


def test_equal_confidences_share_a_bin():
    calibration = evaluate(np.zeros((50, 2)), np.arange(50) % 2, classes="ab").calibration
    assert [b.rows for b in calibration.bins] == [50]
    assert calibration.error == pytest.approx(0, abs=1e-12)


def test_rows_of_a_group_raise_the_noise_floor_and_the_doubt_about_the_temperature():
    """Calibrated, but right and wrong by whole groups: the floor holds what chance shows, as it does without groups."""
    rng = np.random.default_rng(0)
    above = {"rows": 0, "groups": 0}
    temperatures = {"rows": 0, "groups": 0}
    for _ in range(60):
        groups = np.repeat(np.arange(60), 20)
        z = np.repeat(rng.normal(size=60) * 1.5, 20)
        targets = np.repeat(rng.random(60) < 1 / (1 + np.exp(-z[::20])), 20).astype(np.int64)
        logits = np.stack([np.zeros_like(z), z], axis=1)
        confidence, right = 1 / (1 + np.exp(-np.abs(z))), (z > 0) == targets
        for name, given in (("rows", None), ("groups", groups)):
            found = calibration(confidence, right, np.ones(len(z)), given)
            above[name] += found.error > found.noise
            temperatures[name] += fit_temperature(logits, targets, groups=given)[0] != 1.0
    assert above["rows"] > 40
    assert above["groups"] <= 9
    assert temperatures["rows"] > 30
    assert temperatures["groups"] < temperatures["rows"] / 2


def test_the_rows_about_90_percent_are_those_between_85_and_95():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.5, 1, 4000)
    targets = (rng.random(4000) < p).astype(np.int64)
    logits = np.stack([np.zeros(4000), np.log(p / (1 - p))], axis=1)
    point = evaluate(logits, targets, classes=(0, 1)).calibration.point
    near = (p >= 0.85) & (p < 0.95)
    assert point.rows == near.sum()
    assert point.confidence == pytest.approx(p[near].mean())
    assert point.accuracy.value == pytest.approx(targets[near].mean())
    density = evaluate(logits, targets, classes=(0, 1)).calibration.density
    assert (len(density), sum(density), sum(density[:25])) == (50, 4000, 0)
    assert density[45] == ((p >= 0.9) & (p < 0.92)).sum()
    assert evaluate(logits[p < 0.8], targets[p < 0.8], classes=(0, 1)).calibration.point is None
