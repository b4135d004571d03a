"""What row weights mean: a scale means nothing, a weight of zero is no row, and heavy rows are few rows."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from crossentropy.errors import TargetError
from crossentropy.evaluation import evaluate, fit_temperature, losses_from_logits

from .test_calibration import calibrated

NAMES = ["a", "b", "c", "d"]


def problem(seed, n=300, k=4, scale=2.0):
    rng = np.random.default_rng(seed)
    logits, targets = calibrated(n, k, rng, scale)
    return logits, targets, rng.exponential(size=n) ** 2 + 1e-3


def figures(evaluation):
    """Every number of an evaluation under its path."""
    found = {}

    def walk(path, value):
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{path}.{name}", inner)
        elif isinstance(value, list | tuple):
            for i, inner in enumerate(value):
                walk(f"{path}[{i}]", inner)
        elif isinstance(value, int | float):
            found[path] = value

    walk("", evaluation.model_dump())
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_scale_of_the_weights_means_nothing(seed):
    logits, targets, weights = problem(seed)
    one, two = (
        figures(evaluate(logits, targets, classes=NAMES, sample_weight=w)) for w in (weights, 7 * weights)
    )
    assert one == pytest.approx(two)
    assert fit_temperature(logits * 3, targets, weights) == pytest.approx(
        fit_temperature(logits * 3, targets, 7 * weights)
    )
    ones = evaluate(logits, targets, classes=NAMES, sample_weight=np.ones(300))
    assert ones == evaluate(logits, targets, classes=NAMES).model_copy(update={"weighted": True})


@pytest.mark.parametrize("seed", range(5))
def test_a_row_of_weight_zero_is_no_row(seed):
    logits, targets, weights = problem(seed)
    # rows without weight that would spoil everything: certain of a wrong class
    more = np.full((40, 4), -50.0)
    more[:, 3] = 50
    with_them = evaluate(
        np.vstack([logits, more]),
        np.append(targets, np.zeros(40, int)),
        classes=NAMES,
        sample_weight=np.append(weights, np.zeros(40)),
    )
    without = evaluate(logits, targets, classes=NAMES, sample_weight=weights)
    assert with_them.rows == 340
    for name in ("loss", "accuracy"):
        assert getattr(with_them, name).model_dump() == pytest.approx(getattr(without, name).model_dump())
    for name in ("loss_bits", "frequencies", "skill", "majority", "majority_class", "worst_share"):
        assert getattr(with_them, name) == pytest.approx(getattr(without, name)), name
    for name in ("brier", "balanced_accuracy", "macro_f1", "auc"):
        assert getattr(with_them, name).value == pytest.approx(getattr(without, name).value), name
    for one, two in zip(with_them.by_class, without.by_class, strict=True):
        for name in ("row_share", "loss", "loss_share", "recall", "precision"):
            assert getattr(one, name) == pytest.approx(getattr(two, name)), (one.name, name)


def test_shares_of_classes_are_by_weight_and_counts_are_rows():
    targets = np.array([0, 0, 0, 1])
    labels = np.array([0, 1, 0, 0])
    got = evaluate(np.eye(2)[labels], targets, classes=["a", "b"], sample_weight=np.array([1.0, 1, 1, 9]))
    a, b = got.by_class
    assert (a.rows, b.rows) == (3, 1)
    assert (a.row_share, b.row_share) == pytest.approx((0.25, 0.75))
    assert (a.recall, b.recall) == pytest.approx((2 / 3, 0))
    assert (a.precision, b.precision) == pytest.approx((2 / 11, 0))
    assert (got.majority, got.majority_class) == (pytest.approx(0.75), "b")


def test_the_share_of_the_worst_rows_is_by_weight_and_says_how_many_rows():
    p = np.full(250, 0.5)
    p[:2] = np.exp(-10)
    weights = np.ones(250)
    weights[:2] = 3
    logits = np.log(np.column_stack([p, 1 - p]))
    got = evaluate(logits, np.zeros(250, int), classes="ab", sample_weight=weights)
    assert got.worst_rows == 2
    assert got.worst_share == pytest.approx(60 / (60 + 248 * np.log(2)))
    assert evaluate(logits[:9], np.zeros(9, int), classes="ab").worst_rows == 1


def test_intervals_with_weights_cover_as_often_as_they_say():
    """A tenth of the rows has nearly all of the weight: an interval that counted rows would be far too narrow."""
    rng = np.random.default_rng(0)
    covered_loss = covered_accuracy = 0
    for _ in range(400):
        p = rng.uniform(0.6, 0.95, 600)
        targets = (rng.random(600) > p).astype(int)
        weights = np.where(rng.random(600) < 0.1, 20.0, 0.1)
        got = evaluate(np.log(np.column_stack([p, 1 - p])), targets, classes="ab", sample_weight=weights)
        q = np.linspace(0.6, 0.95, 10_001)
        covered_loss += got.loss.low <= -(q * np.log(q) + (1 - q) * np.log(1 - q)).mean() <= got.loss.high
        covered_accuracy += got.accuracy.low <= q.mean() <= got.accuracy.high
    assert 0.92 <= covered_loss / 400 <= 0.97
    assert 0.92 <= covered_accuracy / 400 <= 0.97


def test_the_bins_are_weighted():
    # two confidences, hence two bins, of which each has right and wrong rows of unlike weights
    rng = np.random.default_rng(1)
    p = np.repeat([0.6, 0.9], 50)
    targets = (rng.random(100) > p).astype(int)
    weights = rng.exponential(size=100)
    logits = np.log(np.column_stack([p, 1 - p]))
    calibration = evaluate(logits, targets, classes="ab", sample_weight=weights).calibration
    assert len(calibration.bins) == 2
    error = 0
    for rows, got in zip((slice(50), slice(50, 100)), calibration.bins, strict=True):
        part = evaluate(logits[rows], targets[rows], classes="ab", sample_weight=weights[rows])
        assert got.accuracy.model_dump() == pytest.approx(part.accuracy.model_dump())
        assert got.confidence == pytest.approx(p[rows][0])
        error += weights[rows].sum() / weights.sum() * abs(got.accuracy.value - got.confidence)
    assert calibration.error == pytest.approx(error)


def test_the_confidence_of_a_bin_is_its_weighted_mean():
    logits, targets, weights = problem(2)
    calibration = evaluate(logits, targets, classes=NAMES, sample_weight=weights).calibration
    confidence = np.sort(softmax(logits, axis=1).max(axis=1))
    order = np.argsort(softmax(logits, axis=1).max(axis=1))
    start = 0
    for got in calibration.bins:
        rows = order[start : start + got.rows]
        assert got.confidence == pytest.approx(
            np.average(softmax(logits[rows], axis=1).max(axis=1), weights=weights[rows])
        )
        start += got.rows
    assert start == len(confidence)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_noise_floor_is_the_95_percent_point_of_chance(weighted):
    # with one confidence for all rows the error is |a mean of n_eff coin throws - its expectation|
    ratios = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n = 400 + seed
        weights = rng.exponential(size=n) if weighted else None
        logits = np.log(np.tile([0.7, 0.3], (n, 1)))
        noise = evaluate(logits, rng.integers(0, 2, n), classes="ab", sample_weight=weights).calibration.noise
        n_eff = n if weights is None else weights.sum() ** 2 / (weights**2).sum()
        ratios.append(noise / (1.959964 * np.sqrt(0.7 * 0.3 / n_eff)))
    assert np.mean(ratios) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_temperature_is_used_exactly_when_it_gains_more_than_its_standard_error(weighted):
    used = 0
    for seed in range(60):
        logits, targets, weights = problem(seed, n=120, k=3, scale=1.5)
        # in turn: as they are, too bold, much too bold
        logits = logits * (1 + 0.4 * (seed % 3))
        weights = weights if weighted else np.ones(120)
        share = weights / weights.sum()

        def smoothed(log_t, logits=logits, targets=targets, share=share):
            every = [losses_from_logits(logits / np.exp(log_t), np.full(120, k)) for k in range(3)]
            own = losses_from_logits(logits / np.exp(log_t), targets)
            return share @ (120 * own + np.mean(every, axis=0)) / 121

        best = np.exp(minimize_scalar(smoothed, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8}).x)
        gain = losses_from_logits(logits, targets) - losses_from_logits(logits / best, targets)
        mean = share @ gain
        error = np.sqrt(share**2 @ (gain - mean) ** 2)
        temperature = fit_temperature(logits, targets, weights)[0]
        assert temperature == pytest.approx(best if mean > error else 1.0, rel=1e-4)
        used += temperature != 1
    assert 10 < used < 50


@pytest.mark.parametrize("truth", [0.01, 100.0])
def test_a_temperature_far_from_one_is_found(truth):
    logits, targets = calibrated(5_000, 3, np.random.default_rng(0))
    assert fit_temperature(logits * truth, targets)[0] == pytest.approx(truth, rel=0.1)


def test_ten_confused_pairs_are_named():
    # every class labelled as every other, some more often: 20 pairs of 5 classes
    targets, labels = (a.ravel() for a in np.mgrid[:5, :5])
    often = np.arange(25) + 1
    got = evaluate(np.eye(5)[np.repeat(labels, often)], np.repeat(targets, often), classes="abcde")
    assert len(got.confused) == 10
    counts = [p.rows for p in got.confused]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == max(o for t, j, o in zip(targets, labels, often, strict=True) if t != j)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_weight_that_is_not_finite_is_refused(bad):
    with pytest.raises(TargetError, match="finite"):
        evaluate(np.zeros((2, 2)), np.array([0, 1]), classes="ab", sample_weight=np.array([1.0, bad]))


def test_certain_rows_cost_zero_and_not_minus_zero():
    losses = losses_from_logits(np.array([[0.0, -1e4], [1e4, 0.0]]), np.array([0, 0]))
    assert not np.signbit(losses).any()


def test_rows_of_a_class_are_counted_by_their_target():
    logits, targets, weights = problem(0)
    got = evaluate(logits, targets, classes=NAMES, sample_weight=weights)
    assert [c.rows for c in got.by_class] == np.bincount(targets, minlength=4).tolist()
    assert [c.rows for c in got.by_class] == [sum(row) for row in got.confusion]


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_no_mistake_in_n_rows_is_no_certainty(n):
    # Wilson's interval of n hits in n is [n / (n + z^2), 1], of none [0, z^2 / (n + z^2)]
    z2 = 1.959963984540054**2
    logits = np.tile([1.0, 0.0], (n, 1))
    right, wrong = (evaluate(logits, np.full(n, k), classes="ab").accuracy for k in (0, 1))
    assert (right.value, right.low, right.high) == pytest.approx((1, n / (n + z2), 1))
    assert (wrong.value, wrong.low, wrong.high) == pytest.approx((0, 0, z2 / (n + z2)), abs=1e-12)


def test_a_loss_is_never_said_to_be_negative():
    # one costly row among cheap ones: mean - 1.96 standard errors lies below zero
    logits = np.array([[10.0, 0.0]] * 9 + [[0.0, 10.0]])
    loss = evaluate(logits, np.zeros(10, int), classes="ab").loss
    assert loss.low == 0 < loss.value < loss.high
