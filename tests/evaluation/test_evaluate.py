"""Figures against scikit-learn's where it has them, and against their own laws where it has none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics

from crossentropy.errors import ShapeError, TargetError
from crossentropy.evaluation import evaluate, losses_from_logits
from crossentropy.evaluation._evaluate import _skill_interval

LAWS = settings(deadline=None, derandomize=True, max_examples=60)


@st.composite
def problems(draw, min_classes=2):
    k = draw(st.integers(min_classes, 6))
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = rng.normal(size=(n, k)) * draw(st.sampled_from([0.1, 1.0, 5.0]))
    weights = draw(st.sampled_from([None, "random", "zeros"]))
    w = None if weights is None else rng.exponential(size=n) + 1e-3
    if weights == "zeros" and n > 1:
        w[rng.integers(n)] = 0
    return logits, rng.integers(0, k, n), w


@LAWS
@given(problems())
def test_scikit_learn_gives_the_same_figures(problem):
    logits, targets, weights = problem
    k = logits.shape[1]
    got = evaluate(logits, targets, classes=range(k), sample_weight=weights)
    probabilities = softmax(logits, axis=1)
    labels = probabilities.argmax(axis=1)
    known = {"labels": range(k), "sample_weight": weights}
    assert got.loss.value == pytest.approx(metrics.log_loss(targets, probabilities, **known), rel=1e-9)
    assert got.accuracy.value == pytest.approx(metrics.accuracy_score(targets, labels, sample_weight=weights))
    np.testing.assert_array_equal(got.confusion, metrics.confusion_matrix(targets, labels, labels=range(k)))
    one_hot = np.eye(k)[targets]
    assert got.brier.value == pytest.approx(
        np.average(((probabilities - one_hot) ** 2).sum(axis=1), weights=weights)
    )
    heavy = np.ones(len(targets), bool) if weights is None else weights > 0
    there = sorted(set(targets[heavy]))
    recalls = metrics.recall_score(
        targets, labels, labels=there, average="macro", sample_weight=weights, zero_division=0
    )
    assert got.balanced_accuracy.value == pytest.approx(recalls)
    named = sorted(set(targets[heavy]) | set(labels[heavy]))
    assert got.macro_f1.value == pytest.approx(
        metrics.f1_score(
            targets, labels, labels=named, average="macro", sample_weight=weights, zero_division=0
        )
    )
    if len(there) == 1:
        assert got.auc is None
    else:
        areas = [
            metrics.roc_auc_score(targets == c, probabilities[:, c], sample_weight=weights) for c in there
        ]
        assert got.auc.value == pytest.approx(np.mean(areas))
    if got.skill is not None:
        assert got.skill == pytest.approx(
            metrics.d2_log_loss_score(targets, probabilities, **known), rel=1e-9
        )
    present = sorted(set(targets))
    recall = metrics.recall_score(
        targets, labels, labels=present, average=None, sample_weight=weights, zero_division=0
    )
    for c, r in zip(present, recall, strict=True):
        if got.by_class[c].recall is not None:
            assert got.by_class[c].recall == pytest.approx(r)


@LAWS
@given(problems(), st.floats(-1e3, 1e3), st.randoms(use_true_random=False))
def test_laws_of_an_evaluation(problem, shift, random):
    logits, targets, weights = problem
    n, k = logits.shape
    got = evaluate(logits, targets, classes=range(k), sample_weight=weights)
    assert got.loss_bits == pytest.approx(got.loss.value / np.log(2))
    assert got.uniform == pytest.approx(np.log(k))
    assert 0 <= got.frequencies <= got.uniform + 1e-12
    assert got.loss.low <= got.loss.value <= got.loss.high
    assert 0 <= got.accuracy.low <= got.accuracy.value <= got.accuracy.high <= 1
    assert 1 / k <= got.majority + 1e-12
    assert sum(c.loss_share for c in got.by_class) == pytest.approx(1)
    assert sum(c.rows for c in got.by_class) == n == sum(map(sum, got.confusion)) == got.rows
    mass = np.bincount(targets, weights, k)
    parts = sum(c.loss * m for c, m in zip(got.by_class, mass, strict=True) if c.loss is not None)
    assert parts / mass.sum() == pytest.approx(got.loss.value)
    assert 0 < got.worst_share <= 1
    assert sum(p.rows for p in got.confused) <= n
    assert 0 <= got.calibration.error <= 1
    # a shift of all logits of a row changes nothing, nor does the order of the rows
    order = list(range(n))
    random.shuffle(order)
    moved = evaluate(
        (logits + shift)[order],
        targets[order],
        classes=range(k),
        sample_weight=None if weights is None else weights[order],
    )
    assert moved.loss.value == pytest.approx(got.loss.value, rel=1e-9, abs=1e-9)
    assert moved.confusion == got.confusion
    assert moved.calibration.error == pytest.approx(got.calibration.error, abs=1e-9)


@LAWS
@given(problems())
def test_a_weight_of_two_is_two_rows(problem):
    logits, targets, _ = problem
    k = logits.shape[1]
    twice = np.arange(len(targets)) % 2 == 0
    got = evaluate(logits, targets, classes=range(k), sample_weight=1.0 + twice)
    rows = np.repeat(np.arange(len(targets)), 1 + twice)
    again = evaluate(logits[rows], targets[rows], classes=range(k))
    for name in ("brier", "balanced_accuracy", "macro_f1", "auc"):
        one, two = getattr(got, name), getattr(again, name)
        assert (one and one.value) == pytest.approx(two and two.value), name
    for name in ("frequencies", "skill", "majority"):
        assert getattr(got, name) == pytest.approx(getattr(again, name)), name
    assert got.loss.value == pytest.approx(again.loss.value)
    assert got.accuracy.value == pytest.approx(again.accuracy.value)
    for a, b in zip(got.by_class, again.by_class, strict=True):
        assert a.loss_share == pytest.approx(b.loss_share)


def test_anchors():
    targets = np.array([0, 0, 0, 1])
    uniform = evaluate(np.zeros((4, 2)), targets, classes="ab")
    assert uniform.loss.value == pytest.approx(np.log(2))
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert uniform.frequencies == pytest.approx(entropy)
    prior = evaluate(np.log(np.tile([0.75, 0.25], (4, 1))), targets, classes="ab")
    assert prior.loss.value == pytest.approx(entropy)
    assert prior.skill == pytest.approx(0, abs=1e-12)
    assert prior.majority == 0.75
    perfect = evaluate(np.eye(2)[targets] * 100, targets, classes="ab")
    assert perfect.skill == pytest.approx(1)
    assert evaluate(np.zeros((2, 3)), np.array([1, 1]), classes="abc").skill is None


def test_no_loss_saturates():
    logits = np.array([[1e4, 0.0], [0.0, 1e4], [0.0, -1e4]])
    np.testing.assert_array_equal(losses_from_logits(logits, np.array([1, 1, 1])), [1e4, 0, 1e4])


def test_the_most_confused_pairs_come_first():
    targets = np.array([0] * 5 + [1] * 5 + [2] * 5)
    labels = np.array([0, 0, 0, 0, 1] + [0, 0, 0, 1, 1] + [2] * 5)
    got = evaluate(np.eye(3)[labels], targets, classes=["x", "y", "z"])
    assert [(p.target, p.label, p.rows, p.share) for p in got.confused] == [
        ("y", "x", 3, 0.6),
        ("x", "y", 1, 0.2),
    ]


def test_the_share_of_the_worst_hundredth():
    p = np.full(200, 0.5)
    p[:2] = np.exp(-10)
    logits = np.log(np.column_stack([p, 1 - p]))
    got = evaluate(logits, np.zeros(200, int), classes="ab")
    assert got.worst_share == pytest.approx(20 / (20 + 198 * np.log(2)))


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered_loss = covered_accuracy = 0
    for _ in range(400):
        p = rng.uniform(0.6, 0.95, 300)
        targets = (rng.random(300) > p).astype(int)
        got = evaluate(np.log(np.column_stack([p, 1 - p])), targets, classes="ab")
        # over the draw of p in [0.6, 0.95] as well: E accuracy = E p, E loss = E H(p)
        q = np.linspace(0.6, 0.95, 10_001)
        covered_loss += got.loss.low <= -(q * np.log(q) + (1 - q) * np.log(1 - q)).mean() <= got.loss.high
        covered_accuracy += got.accuracy.low <= q.mean() <= got.accuracy.high
    assert 0.92 <= covered_loss / 400 <= 0.98
    assert 0.92 <= covered_accuracy / 400 <= 0.98


@pytest.mark.parametrize(
    ("logits", "targets", "weights", "error", "said"),
    [
        (np.zeros((2, 2)), [0, 1, 1], None, ShapeError, "targets (3,)"),
        (np.zeros((2, 3)), [0, 1], None, ShapeError, "for 2 classes"),
        (np.zeros((0, 2)), [], None, ShapeError, "at least one row"),
        (np.zeros((2, 2)), [0, 2], None, TargetError, "Row 1: class id 2"),
        (np.zeros((2, 2)), [0, 1], [1.0], ShapeError, "sample_weight has shape (1,)"),
        (np.zeros((2, 2)), [0, 1], [1.0, -1.0], TargetError, "not negative"),
        (np.zeros((2, 2)), [0, 1], [0.0, 0.0], TargetError, "positive sum"),
    ],
)
def test_what_does_not_fit_is_refused(logits, targets, weights, error, said):
    with pytest.raises(error) as caught:
        evaluate(
            logits,
            np.array(targets, int),
            classes="ab",
            sample_weight=None if weights is None else np.array(weights),
        )
    assert said in str(caught.value)


@LAWS
@given(problems())
def test_the_interval_of_the_skill_holds_the_skill_and_knows_what_the_rows_share(problem):
    logits, targets, weights = problem
    got = evaluate(logits, targets, classes=range(logits.shape[1]), sample_weight=weights)
    if got.skill is None:
        assert got.skill_interval is None
        return
    assert got.skill_interval.value == pytest.approx(got.skill)
    assert got.skill_interval.low <= got.skill_interval.value <= got.skill_interval.high <= 1
    assert got.weighted == (weights is not None)
    share = np.bincount(targets, weights) / np.bincount(targets, weights).sum()
    better = evaluate(
        np.log(np.maximum(share, 1e-300))[None].repeat(len(targets), axis=0),
        targets,
        classes=range(len(share)),
    )
    if weights is None:
        # someone who knows the frequencies exactly has skill zero for certain, whatever the spread of the losses
        assert better.skill_interval.low == pytest.approx(0, abs=1e-9)
        assert better.skill_interval.high == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("sure", [0.0, 1.0, 4.0])
def test_the_interval_of_the_skill_covers_as_often_as_it_says(sure):
    """Rare classes make h_i = -ln f vary far more than the loss does: that spread is no doubt about a good model."""
    rng = np.random.default_rng(3)
    frequency = np.array([0.6, 0.3, 0.07, 0.03])
    covered, widths = 0, []

    def losses(n):
        targets = rng.choice(4, n, p=frequency)
        logits = np.log(frequency) + rng.normal(size=(n, 4)) * 0.3
        logits[np.arange(n), targets] += sure * rng.exponential(size=n)
        return losses_from_logits(logits, targets), targets

    many, targets = losses(400_000)
    truth = 1 - many.mean() / -(frequency @ np.log(frequency))
    for _ in range(300):
        few, seen = losses(500)
        got = _skill_interval(few, (np.bincount(seen, minlength=4) / 500)[seen], np.ones(500), None)
        covered += got.low <= truth <= got.high
        widths.append(got.high - got.low)
    assert 0.90 <= covered / 300 <= 0.985
    if sure == 4.0:
        spread = np.std(-np.log(frequency[targets])) / -(frequency @ np.log(frequency))
        assert np.mean(widths) < 0.8 * 2 * 1.96 * spread / np.sqrt(500)


def test_a_loss_beyond_the_exponential_is_still_a_number_and_comes_back_from_json():
    logits = np.array([[0.0, 3e4], [3e4, 0.0], [2e4, 0.0]])
    evaluation = evaluate(logits, np.array([0, 1, 0]), classes=("a", "b"))
    assert evaluation.loss.value == pytest.approx(2e4)
    assert np.isfinite(evaluation.perplexity.high)
    assert type(evaluation).model_validate_json(evaluation.model_dump_json()) == evaluation
