"""The ways down, and what each leaves: float32 descent, metrics of every kind, witnesses of separation."""

import numpy as np
import pytest

from crossentropy.linear import LogisticRegression, Status
from crossentropy.linear import _metric as metric_room
from crossentropy.linear._dense import dense_objective
from crossentropy.linear._metric import Metric, SharedMetric
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._solver import MANY_ROWS, SINGLE, solve

from .problems import PROBLEMS, fit, random_rows


def test_a_descent_in_float32_from_few_rows_ends_in_a_float64_proof():
    X, y = random_rows(0, 24_000, 24, 20)
    assert X.size * 20 > SINGLE
    assert len(X) > MANY_ROWS
    for dtype in (np.float32, np.float64):
        features = X.astype(dtype)
        rough = LogisticRegression().fit(features, y)
        sharp = LogisticRegression(tol=1e-13).fit(features, y)
        assert rough.result_.status is sharp.result_.status is Status.REACHED
        assert rough.result_.relative_gap <= 1e-6
        true_gap = rough.objective_ - (sharp.objective_ - sharp.optimality_gap_)
        assert -1e-13 <= true_gap - sharp.optimality_gap_ <= rough.optimality_gap_
        assert rough.objective_ >= sharp.objective_ - sharp.optimality_gap_


def test_passes_in_float32_agree_with_those_in_float64():
    X, y = random_rows(1, 3000, 7, 5)
    X = X + 3.0
    objective = dense_objective(
        X, y, n_classes=5, row_weight=np.ones(3000), penalty=Penalty(1e-3), intercept=True
    )
    parameters = objective.project(np.random.default_rng(0).standard_normal((5, 8)))
    wide, narrow = objective.evaluate(parameters), objective.single().evaluate(parameters)
    assert narrow.value == pytest.approx(wide.value, rel=1e-6)
    np.testing.assert_allclose(narrow.gradient, wide.gradient, atol=1e-6)
    assert not np.array_equal(narrow.gradient, wide.gradient)
    direction = np.random.default_rng(1).standard_normal((5, 8))
    np.testing.assert_allclose(
        objective.single().curvature_product(narrow, direction),
        objective.curvature_product(wide, direction),
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", ["shared", "diagonal", "blocks"])
def test_every_metric_leads_to_the_minimum(kind, monkeypatch):
    X, y = random_rows(2, 60, 20, 6)
    monkeypatch.setattr(metric_room, "CHEAP", 0.0 if kind != "blocks" else 1e10)
    monkeypatch.setattr(metric_room, "DEAR", 0.0)
    if kind == "diagonal":
        monkeypatch.setattr(metric_room, "WIDEST", 1)
    objective = dense_objective(
        X, y, n_classes=6, row_weight=np.ones(60), penalty=Penalty(1e-3), intercept=True
    )
    start, rng = objective.start(), np.random.default_rng(0)
    metric = objective.metric(objective.evaluate(start), rng)
    assert isinstance(metric, SharedMetric) == (kind == "shared")
    assert metric.gram.ndim == (3 if kind == "blocks" else 2)
    thorough = objective.metric(objective.evaluate(start), rng, thorough=True)
    assert type(thorough) is Metric
    assert thorough.gram.ndim == 3
    result, _ = solve(objective, start, tol=1e-9, max_iter=300, rng=rng)
    assert result.status is Status.REACHED
    monkeypatch.undo()
    best, _ = solve(objective, start, tol=1e-13, max_iter=300, rng=rng)
    assert abs(result.objective - best.objective) <= result.gap + best.gap


def test_the_shared_metric_inverts_the_blocks_of_features_that_are_alike_in_all_classes():
    X, y = random_rows(3, 500, 6, 4)
    objective = dense_objective(
        X, y, n_classes=4, row_weight=np.ones(500), penalty=Penalty(0.02), intercept=True
    )
    point = objective.evaluate(np.zeros((4, 7)))  # p is 1/4 everywhere: the blocks are 3/16 G + l2
    rng = np.random.default_rng(0)
    values, basis = metric_room._gram(objective.rows, objective.loss.weights, 500, rng)
    scales = metric_room._scales(objective.loss.weights, point.probabilities)
    shared = SharedMetric(scales, True, basis=basis, values=values).with_penalty(Penalty(0.02))
    exact = objective.metric(point, rng).with_penalty(Penalty(0.02))
    gradient = rng.standard_normal((4, 7))
    np.testing.assert_allclose(
        shared.solve(gradient)[:, :-1], exact.solve(gradient)[:, :-1], rtol=1e-6, atol=1e-8
    )


SEPARABLE = [p for p in PROBLEMS if p.name.startswith("separable")]


@pytest.mark.parametrize("C", [1e6, np.inf])
@pytest.mark.parametrize("problem", SEPARABLE, ids=lambda p: p.name)
def test_separation_comes_with_a_witness(problem, C):
    model = LogisticRegression(C=C).fit(problem.X, problem.y)
    witness = model.result_.separation
    assert witness is not None
    logits = problem.X @ witness[:, :-1].T + witness[:, -1]
    if logits.shape[1] == 1:
        logits = np.column_stack([np.zeros(len(logits)), logits])
    own = logits[np.arange(len(logits)), problem.y]
    logits[np.arange(len(logits)), problem.y] = -np.inf
    assert (own > logits.max(axis=1)).all()


@pytest.mark.parametrize("k", [2, 4])
def test_rows_that_no_parameters_can_separate_have_no_witness(k):
    X, y = random_rows(5, 100, 3, k)
    twice = np.concatenate([X, X[:1]]), np.append(y, (y[0] + 1) % k)  # one row in two classes
    for C in (1.0, 1e6, np.inf):
        assert LogisticRegression(C=C).fit(*twice).result_.separation is None


def test_the_default_tolerance_is_met_relative_to_an_objective_of_nearly_nothing():
    problem = SEPARABLE[0]
    model = fit(problem)
    assert model.objective_ < 1e-6
    assert model.optimality_gap_ <= 1e-6 * model.objective_
