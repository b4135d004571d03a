"""Gradient, curvature and projections of the objective, against finite differences and at the extremes."""

import numpy as np
import pytest

from crossentropy.linear import Status
from crossentropy.linear._dense import dense_objective
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._run import Run
from crossentropy.linear._solver import MOST_CUT, _newton, solve

from .problems import IDS, PROBLEMS, evaluate, random_rows

RNG = np.random.default_rng(0)


def objective_of(X, y, k, *, l2=0.1, intercept=True, weights=None, offset=None):
    weights = np.ones(len(y)) if weights is None else weights
    return dense_objective(
        X, y, n_classes=k, row_weight=weights, penalty=Penalty(l2), intercept=intercept, offset=offset
    )


CASES = [
    (k, intercept, kind)
    for k in (2, 3, 7)
    for intercept in (True, False)
    for kind in ("plain", "weighted", "soft", "offset")
]


@pytest.fixture(params=CASES, ids=lambda c: f"K{c[0]}-intercept{c[1]}-{c[2]}")
def case(request):
    k, intercept, kind = request.param
    X, y = random_rows(1, 50, 4, k)
    weights = RNG.uniform(0, 2, 50) if kind != "plain" else None
    targets = RNG.dirichlet(np.ones(k), 50) if kind == "soft" else y
    offset = RNG.standard_normal((50, k)) if kind == "offset" else None
    objective = objective_of(X, targets, k, intercept=intercept, weights=weights, offset=offset)
    parameters = RNG.standard_normal(objective.start().shape)
    return objective, parameters


def test_gradient_is_the_finite_difference_of_the_value(case):
    objective, parameters = case
    gradient = objective.evaluate(parameters).gradient
    for _ in range(3):
        direction = RNG.standard_normal(parameters.shape)
        h = 1e-5
        rise = objective.evaluate(parameters + h * direction).value
        fall = objective.evaluate(parameters - h * direction).value
        assert np.vdot(gradient, direction) == pytest.approx((rise - fall) / (2 * h), rel=1e-6, abs=1e-9)


def test_curvature_product_is_the_finite_difference_of_the_gradient(case):
    objective, parameters = case
    point = objective.evaluate(parameters)
    direction = RNG.standard_normal(parameters.shape)
    h = 1e-5
    rise = objective.evaluate(parameters + h * direction).gradient
    fall = objective.evaluate(parameters - h * direction).gradient
    product = objective.curvature_product(point, direction)
    np.testing.assert_allclose(product, (rise - fall) / (2 * h), rtol=1e-5, atol=1e-8)


def test_full_blocks_are_the_diagonal_blocks_of_the_hessian(case):
    objective, parameters = case
    point = objective.evaluate(parameters)
    inverse = objective.metric(point, np.random.default_rng(0)).with_penalty(objective.penalty)
    for row in range(len(parameters)):
        direction = np.zeros_like(parameters)
        direction[row] = RNG.standard_normal(parameters.shape[1])
        product = np.zeros_like(parameters)
        product[row] = objective.curvature_product(point, direction)[row]
        np.testing.assert_allclose(inverse.solve(product), direction, rtol=1e-7, atol=1e-9)


def test_softmax_directions_are_projected_on_sum_zero():
    X, y = random_rows(1, 50, 4, 5)
    objective = objective_of(X, y, 5)
    parameters = RNG.standard_normal((5, 5))
    np.testing.assert_allclose(objective.project(parameters).sum(axis=0), 0, atol=1e-14)
    assert objective.evaluate(objective.project(parameters)).value < objective.evaluate(parameters).value


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_value_and_gradient_agree_with_extended_precision(problem):
    l2 = 1 / (problem.C * problem.weights.sum())
    objective = objective_of(
        problem.X, problem.y, problem.K, l2=l2, intercept=problem.intercept, weights=problem.weights
    )
    scale = 1 / np.maximum(np.abs(problem.X).max(axis=0), 1e-300)
    shape = (1 if problem.K == 2 else problem.K, problem.X.shape[1])
    weight, bias = 3 * RNG.standard_normal(shape) * scale, RNG.standard_normal(shape[0])
    bias *= problem.intercept
    plain = np.column_stack([weight, bias]) if problem.intercept else weight
    point = objective.evaluate(objective.rows.to_centred(plain))
    value, gradient, _ = evaluate(problem, np.column_stack([weight, bias]).astype(np.longdouble))
    assert point.value == pytest.approx(float(value), rel=1e-12)
    if problem.intercept:  # d/dW at centred features = d/dW - d/db centre
        gradient[:, :-1] -= gradient[:, -1:] * objective.rows.centre
    gradient = gradient if problem.intercept else gradient[:, :-1]
    size = point.residual * objective.rows.reach_of_width + l2 * np.abs(point.parameters)
    assert (np.abs(point.gradient - gradient) <= 1e-12 * size + 1e-25).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_one_hot_distributions_are_class_ids_and_offsets_are_logits(k):
    X, y = random_rows(2, 60, 4, k)
    base = objective_of(X, y, k)
    parameters = RNG.standard_normal(base.start().shape)
    margins = base.rows.take(np.arange(60)) @ parameters.T  # of the centred rows, as the objective sees them
    point = base.evaluate(parameters)
    soft = objective_of(X, np.eye(k)[y], k).evaluate(parameters)
    moved = objective_of(X, y, k, offset=margins[:, 0] if k == 2 else margins).evaluate(0 * parameters)
    for other, pulled in ((soft, 0.0), (moved, base.penalty.gradient(parameters, intercept=True))):
        np.testing.assert_allclose(other.gradient, point.gradient - pulled, atol=1e-13)
        np.testing.assert_allclose(other.probabilities, point.probabilities, rtol=1e-12)
    assert soft.value == pytest.approx(point.value, rel=1e-13)
    assert moved.value == pytest.approx(
        point.value - base.penalty.value(parameters, intercept=True), rel=1e-13
    )


def test_repeated_rows_with_both_targets_are_one_row_with_a_distribution():
    X, _ = random_rows(3, 80, 4, 3)
    rng = np.random.default_rng(0)
    t = rng.dirichlet(np.ones(3), 80)
    margins = rng.standard_normal((80, 3))
    soft = objective_of(X, t, 3, offset=margins)
    apart = objective_of(
        np.repeat(X, 3, axis=0),
        np.tile(np.arange(3), 80),
        3,
        weights=t.ravel(),
        offset=np.repeat(margins, 3, axis=0),
    )
    settings = {"tol": 1e-12, "max_iter": 100}
    one, _ = solve(soft, soft.start(), rng=rng, **settings)
    two, _ = solve(apart, apart.start(), rng=rng, **settings)
    assert one.status is two.status is Status.REACHED
    assert one.objective == pytest.approx(two.objective, rel=1e-12)
    shift = apart.rows.to_plain(two.parameters) - soft.rows.to_plain(one.parameters)
    np.testing.assert_allclose(shift, 0, atol=1e-8)


def test_gap_with_distributions_and_offsets_is_a_bound():
    X, _ = random_rows(4, 80, 3, 4)
    rng = np.random.default_rng(1)
    for k, targets in ((4, rng.dirichlet(0.3 * np.ones(4), 80)), (2, rng.dirichlet(np.ones(2), 80))):
        objective = objective_of(X, targets, k, l2=1e-3, offset=rng.standard_normal((80, k)))
        best, _ = solve(objective, objective.start(), tol=1e-13, max_iter=100, rng=rng)
        for size in (1e-4, 1e-2, 1.0):
            point = objective.evaluate(best.parameters + size * rng.standard_normal(best.parameters.shape))
            assert (
                point.value - best.objective <= objective.gap(point) <= point.value - objective.floor + 1e-10
            )


@pytest.mark.parametrize("k", [2, 3])
def test_a_loss_of_1e_30_keeps_its_digits(k):
    X = np.array([[1.0], [-1.0]])
    objective = objective_of(X, np.array([0, 1]), k if k == 2 else 3, l2=0.0, intercept=False)
    margin = 70.0
    parameters = np.array([[-margin]]) if k == 2 else np.array([[margin], [-margin], [0.0]])
    point = objective.evaluate(parameters)
    # K = 2: each row costs log1p(exp(-70)); K = 3: two wrong logits, 140 and 70 below.
    truth = np.exp(-margin) + (0 if k == 2 else np.exp(-2 * margin))
    assert point.value == pytest.approx(truth, rel=1e-12, abs=0)
    assert np.abs(point.gradient).max() > 0.4 * truth
    bend = objective.curvature_product(
        point, np.ones_like(parameters) * np.arange(1, len(parameters) + 1)[:, None]
    )
    assert np.isfinite(bend).all()
    assert np.abs(bend).max() > 0.4 * truth


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_extreme_logits_stay_finite(scale):
    X, y = random_rows(3, 40, 3, 4)
    objective = objective_of(X, y, 4)
    point = objective.evaluate(scale * RNG.standard_normal((4, 4)))
    assert np.isfinite(point.value)
    assert np.isfinite(point.gradient).all()
    assert np.isfinite(objective.gap(point))


def test_blocks_of_sampled_rows_are_near_those_of_all_rows(monkeypatch):
    X, y = random_rows(4, 12000, 3, 4, strength=4.0)
    objective = objective_of(X, y, 4)
    point = objective.evaluate(np.random.default_rng(1).standard_normal((4, 4)))
    sampled = objective.metric(point, np.random.default_rng(0)).gram
    monkeypatch.setattr("crossentropy.linear._metric.rows_used", lambda n, width: n)
    whole = objective.metric(point, np.random.default_rng(0)).gram
    assert not np.array_equal(sampled, whole)
    scale = np.sqrt(np.einsum("kii->ki", whole))
    np.testing.assert_allclose(sampled, whole, atol=0.1 * (scale[:, :, None] * scale[:, None, :]).max())
    np.testing.assert_allclose(np.einsum("kii->ki", sampled), scale**2, rtol=0.15)


def test_diagonal_metric_where_blocks_are_too_large(case, monkeypatch):
    objective, parameters = case
    monkeypatch.setattr("crossentropy.linear._metric.LARGEST", 1)
    metric = objective.metric(objective.evaluate(parameters), np.random.default_rng(0))
    monkeypatch.setattr("crossentropy.linear._metric.LARGEST", 1 << 26)
    whole = objective.metric(objective.evaluate(parameters), np.random.default_rng(0))
    np.testing.assert_allclose(metric.gram, np.einsum("kii->ki", whole.gram), rtol=1e-12)
    result, _ = solve(
        objective, parameters, tol=1e-9, max_iter=200, rng=np.random.default_rng(0), metric=metric
    )
    assert result.status is Status.REACHED


@pytest.mark.parametrize("k", [2, 3])
def test_a_start_from_which_full_newton_steps_diverge_does_no_harm(k):
    X, y = random_rows(5, 60, 1, k)
    objective = objective_of(X, y, k, l2=1e-6)
    far = 20.0 * np.ones((1 if k == 2 else k, 2)) * np.linspace(-1, 1, 1 if k == 2 else k)[:, None]
    point = objective.evaluate(objective.project(far))
    step = np.linalg.lstsq(
        np.stack(
            [objective.curvature_product(point, d.reshape(far.shape)).ravel() for d in np.eye(far.size)]
        ),
        -point.gradient.ravel(),
        rcond=1e-12,
    )[0].reshape(far.shape)
    assert objective.evaluate(point.parameters + step).value > point.value  # the full step is too long
    result, _ = solve(objective, far, tol=1e-9, max_iter=100, rng=np.random.default_rng(0))
    assert result.status is Status.REACHED
    best, _ = solve(objective, objective.start(), tol=1e-9, max_iter=100, rng=np.random.default_rng(0))
    assert result.objective == pytest.approx(best.objective, rel=1e-8)


def test_where_steps_must_be_cut_the_penalty_is_followed_down_to_the_same_minimum():
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(1, 41) ** 1.5
    targets = np.concatenate([np.arange(40), rng.choice(40, 1460, p=frequency / frequency.sum())])
    levels = np.where(rng.random(1500) < 0.5, targets % 30, rng.integers(0, 30, 1500))
    tails = np.exp(3 * rng.normal(size=(1500, 4)) + 0.5 * (targets % 4)[:, None])
    features = np.column_stack([np.eye(30)[levels], (tails - tails.mean(axis=0)) / tails.std(axis=0)])
    objective = objective_of(features, targets, 40, l2=1e-5)
    for most_cut in (MOST_CUT, None):
        run = Run(objective, np.random.default_rng(0), None)
        alone = _newton(run, run.evaluate(objective.start()), 1e-8, 200, most_cut)
        assert (alone is None) == (most_cut is not None)
    result, _ = solve(objective, objective.start(), tol=1e-8, max_iter=200, rng=np.random.default_rng(0))
    assert result.status is Status.REACHED
    assert abs(result.objective - alone.objective) <= result.gap + alone.gap
    assert 0 < result.n_iter < result.n_passes
