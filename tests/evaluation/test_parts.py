"""The parts of the loss, and bootstrap intervals: identities, known truths, other people's code, and coverage."""

import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from crossentropy.evaluation import evaluate, losses_from_logits, stratified_folds
from crossentropy.evaluation._bootstrap import bootstrap
from crossentropy.evaluation._rates import auc, mean
from crossentropy.evaluation._recalibrate import fit_confidence, mended, recalibrated_losses

from .test_calibration import calibrated
from .test_evaluate import LAWS, problems

ABCD = "abcd"


def excess(logits, honest):
    """The expected loss of `logits` above that of the true distributions softmax(honest), in nats."""
    truth = softmax(honest, axis=1)
    return (truth * (log_softmax(honest, axis=1) - log_softmax(logits, axis=1))).sum(axis=1).mean()


@LAWS
@given(problems())
def test_the_parts_add_up_to_the_loss(problem):
    logits, targets, weights = problem
    got = evaluate(logits, targets, classes=range(logits.shape[1]), sample_weight=weights)
    if got.parts is None:
        assert got.skill is None
        return
    parts = got.parts
    whole = parts.uncertainty.value - parts.discrimination.value + parts.miscalibration.value
    assert whole == pytest.approx(got.loss.value)
    assert parts.uncertainty.value == pytest.approx(got.frequencies)
    for part in (*parts.model_dump().values(), got.brier.model_dump(), got.macro_f1.model_dump()):
        assert part["low"] <= part["value"] <= part["high"]
    assert got.perplexity.value == pytest.approx(np.exp(got.loss.value))


@pytest.mark.parametrize("slope", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_miscalibration_is_what_a_wrong_confidence_costs(slope, offset):
    rng = np.random.default_rng(1)
    honest, targets = calibrated(20_000, 4, rng, 2.0)
    spoiled = slope * honest + offset * np.array([1.0, 0.0, 0.0, -1.0])
    parts = evaluate(spoiled, targets, classes=ABCD).parts
    cost = excess(spoiled, honest)
    assert parts.miscalibration.value == pytest.approx(cost, abs=0.02 * cost + 2e-3)
    # what the logits know does not change with the words they say it in
    assert parts.discrimination.value == pytest.approx(
        evaluate(honest, targets, classes=ABCD).parts.discrimination.value, abs=1e-3
    )


def test_mending_what_is_honest_gains_next_to_nothing_on_few_rows():
    """A map judged on the rows it was fitted to always seems to gain; one judged on other rows does not."""
    rng = np.random.default_rng(12)
    seen, unseen = [], []
    for _ in range(40):
        logits, targets = calibrated(60, 4, rng, 1.5)
        as_it_stands = losses_from_logits(logits, targets)
        fitted = fit_confidence(logits, targets, np.ones(60))
        seen.append(as_it_stands.mean() - losses_from_logits(mended(logits, fitted), targets).mean())
        unseen.append(as_it_stands.mean() - recalibrated_losses(logits, targets, np.ones(60)).mean())
    assert np.mean(seen) > 0.02
    assert np.mean(unseen) < 0.005


def test_a_forecast_of_the_frequencies_knows_nothing():
    targets = np.random.default_rng(0).choice(4, 3000, p=[0.4, 0.3, 0.2, 0.1])
    logits = np.log(np.bincount(targets) / 3000)[None].repeat(3000, axis=0)
    parts = evaluate(logits, targets, classes=ABCD).parts
    assert abs(parts.discrimination.value) < 2e-3
    assert abs(parts.miscalibration.value) < 2e-3


def tails_in(z):
    return np.sign(z) * np.log1p(np.abs(z))


def test_two_classes_are_a_logistic_regression_on_the_logit_and_its_bend():
    rng = np.random.default_rng(2)
    logits, targets = calibrated(6000, 2, rng, 3.0)
    logits = 0.5 * logits + [0.0, 0.7]
    weights = rng.exponential(size=6000)
    folds = stratified_folds(targets, 5, np.random.default_rng(0))
    half = (logits[:, 1] - logits[:, 0]) / 2
    features = np.column_stack([half, tails_in(half)])
    expected = np.empty(6000)
    for fold in range(5):
        held = folds == fold
        peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
            features[~held], targets[~held], sample_weight=weights[~held]
        )
        expected[held] = -peer.predict_log_proba(features[held])[np.arange(held.sum()), targets[held]]
    got = recalibrated_losses(logits, targets, weights)
    # ours holds one row of the forecast itself more than 4800, and a prior
    np.testing.assert_allclose(np.exp(-got), np.exp(-expected), atol=0.03)
    assert np.average(got, weights=weights) == pytest.approx(np.average(expected, weights=weights), abs=5e-3)


def test_many_classes_are_at_the_minimum_of_the_formula():
    rng = np.random.default_rng(3)
    logits, targets = calibrated(300, 5, rng, 2.0)
    logits, weights = 2 * logits, rng.exponential(size=300)
    z = logits - logits.mean(axis=1, keepdims=True)
    wanted = (300 * np.eye(5)[targets] + softmax(logits, axis=1)) / 301

    def formula(x):
        log_q = log_softmax(x[0] * z + x[1] * tails_in(z) + x[2:], axis=1)
        prior = ((x[0] - 1) ** 2 + (x[1:] ** 2).sum()) / 2
        return -np.average((wanted * log_q).sum(axis=1), weights=weights) + prior / 300

    fitted = fit_confidence(logits, targets, weights)
    best = minimize(formula, np.r_[0.5, np.zeros(6)], method="BFGS", tol=1e-10)
    assert formula(fitted) == pytest.approx(best.fun, abs=1e-10)
    np.testing.assert_allclose(
        softmax(mended(logits, fitted), axis=1),
        softmax(best.x[0] * z + best.x[1] * tails_in(z) + best.x[2:], axis=1),
        atol=1e-4,
    )


def test_heavy_tails_are_seen_as_wrong_confidence():
    """Too sure far out, not sure enough in the middle: no one slope mends both."""
    rng = np.random.default_rng(4)
    honest, targets = calibrated(8000, 2, rng, 2.0)
    half = (honest[:, 1] - honest[:, 0]) / 2
    spoiled = np.column_stack([np.zeros(8000), np.sign(half) * (np.abs(half) + 0.3 * half**2)])
    parts = evaluate(spoiled, targets, classes="ab").parts
    assert parts.miscalibration.low > 0
    assert parts.miscalibration.value == pytest.approx(excess(spoiled, honest), rel=0.35)


def test_rows_that_are_all_right_keep_a_finite_slope():
    targets = np.arange(40) % 2
    logits = np.where(np.eye(2)[targets] > 0, 1.0, -1.0)
    fitted = fit_confidence(logits, targets, np.ones(40))
    assert np.abs(fitted).max() < 10
    assert (softmax(mended(logits, fitted), axis=1).max(axis=1) > softmax(logits, axis=1).max(axis=1)).all()


def test_infinite_losses_have_no_parts_and_still_have_rates():
    logits = np.array([[0.0, -np.inf], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    got = evaluate(logits, np.array([1, 1, 0, 1]), classes="ab")
    assert got.loss.value == np.inf
    assert got.parts is None
    assert got.perplexity.value == np.inf
    assert got.balanced_accuracy.value == pytest.approx(5 / 6)
    assert [c.loss_share for c in got.by_class] == [0.0, 1.0]
    assert got.by_class[0].loss == pytest.approx(np.log1p(np.exp(-2)))
    assert got.worst_share == 1.0


@pytest.fixture(scope="module")
def samples():
    """What many rows say of an over-confident forecast, and what 150 times few of them do."""
    rng = np.random.default_rng(11)

    def figures(n):
        logits, targets = calibrated(n, 3, rng, 1.5)
        return evaluate(1.6 * logits + [0.3, 0, 0], targets, classes="abc")

    return figures(60_000), [figures(250) for _ in range(150)]


@pytest.mark.parametrize("name", ["auc", "macro_f1", "balanced_accuracy", "brier", "miscalibration"])
def test_bootstrap_intervals_cover_about_as_often_as_they_say(samples, name):
    whole, few = samples

    def figure(got):
        return getattr(got.parts if name == "miscalibration" else got, name)

    truth = figure(whole).value
    covered = sum(f.low <= truth <= f.high for f in map(figure, few))
    assert 0.87 <= covered / 150 <= 0.995


def test_an_interval_is_that_of_resampled_rows():
    """Against the plain bootstrap: draw rows with replacement, compute the figure anew each time."""
    rng = np.random.default_rng(5)
    logits, targets = calibrated(200, 3, rng, 1.5)
    p = softmax(logits, axis=1)
    ours = bootstrap({"auc": auc(p, targets, np.ones(200))}, np.ones(200), 2000)["auc"]
    plain = []
    for _ in range(2000):
        rows = rng.integers(0, 200, 200)
        again = auc(p[rows], targets[rows], np.ones(200))
        plain.append(again(np.ones((1, 200)))[0])
    assert (ours.low, ours.high) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.006)


def test_weights_stand_in_for_repetition():
    rng = np.random.default_rng(6)
    logits, targets = calibrated(80, 3, rng, 1.5)
    counts = rng.integers(1, 4, 80)
    p = softmax(logits, axis=1)
    once = {"auc": auc(p, targets, counts.astype(float)), "m": mean(p[:, 0])}
    again = np.repeat(np.arange(80), counts)
    many = {"auc": auc(p[again], targets[again], np.ones(len(again))), "m": mean(p[again, 0])}
    for name in once:
        assert once[name](counts[None].astype(float)) == pytest.approx(many[name](np.ones((1, len(again)))))
