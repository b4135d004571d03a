"""The certificate is never below the true gap, and small when the fit says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.linear import LogisticRegression, Status

from .problems import IDS, PROBLEMS, Problem, fit, random_rows

MINIMA = {}


def minimum_of(problem):
    """Return min F, raised by the rounding of extended precision."""
    if problem.name not in MINIMA:
        MINIMA[problem.name] = raised(problem.minimum())
    return MINIMA[problem.name]


def raised(minimum):
    return minimum * (1 + 64 * np.finfo(np.longdouble).eps)


@pytest.mark.parametrize("max_iter", [0, 1, 3, 6, 500])
@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_gap_bounds_the_true_gap_wherever_the_fit_stops(problem, max_iter):
    model = fit(problem, max_iter=max_iter, tol=1e-9)
    true_gap = problem.objective(model.coef_, model.intercept_) - minimum_of(problem)
    assert true_gap <= model.optimality_gap_
    assert np.isfinite(model.optimality_gap_)


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_default_fit_certifies_its_tolerance(problem):
    model = fit(problem)
    assert model.result_.status is Status.REACHED
    assert model.result_.relative_gap <= 1e-6
    assert model.optimality_gap_ <= 1e-6 * model.objective_ * (1 + 1e-12)


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_reported_objective_is_the_objective(problem):
    model = fit(problem)
    truth = float(problem.objective(model.coef_, model.intercept_))
    assert model.objective_ == pytest.approx(truth, rel=1e-9)


def test_gap_is_not_needlessly_large_on_an_ordinary_problem():
    problem = PROBLEMS[0]
    model = fit(problem, max_iter=2, tol=1e-15)
    true_gap = float(problem.objective(model.coef_, model.intercept_) - minimum_of(problem))
    assert true_gap <= model.optimality_gap_ <= 100 * true_gap


def test_gap_with_an_intercept_far_from_its_optimum_is_still_a_bound():
    # The dual point must be moved to the class frequencies; q = p would give a bound that is too low.
    problem = Problem("shifted", *random_rows(5, 200, 3, 3), C=1e-4)
    model = LogisticRegression(C=problem.C, max_iter=0, warm_start=True)
    model.fit(problem.X, problem.y)
    for shift in (1e-6, 1e-3, 0.1, 1.0, 5.0):
        for direction in np.eye(3):
            model.coef_ = np.zeros((3, 3))
            model.intercept_ = shift * direction
            model.fit(problem.X, problem.y)
            true_gap = problem.objective(model.coef_, model.intercept_) - minimum_of(problem)
            assert true_gap <= model.optimality_gap_


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(4, 40),
    d=st.integers(1, 5),
    k=st.integers(2, 4),
    log_c=st.floats(-4, 5),
    log_scale=st.floats(-3, 3),
    offset=st.sampled_from([0.0, 1.0, 300.0]),
    weighted=st.booleans(),
    intercept=st.booleans(),
    max_iter=st.sampled_from([1, 2, 4, 500]),
)
def test_gap_bounds_the_true_gap_of_random_problems(
    seed, n, d, k, log_c, log_scale, offset, weighted, intercept, max_iter
):
    X, y = random_rows(seed, n, d, k)
    s = np.random.default_rng(seed).uniform(0.1, 4, n) if weighted else None
    problem = Problem("random", offset + X * 10.0**log_scale, y, C=10.0**log_c, s=s, intercept=intercept)
    model = fit(problem, max_iter=max_iter)
    true_gap = problem.objective(model.coef_, model.intercept_) - raised(problem.minimum())
    assert true_gap <= model.optimality_gap_
    if max_iter == 500:
        assert model.result_.relative_gap <= 1e-6


@pytest.mark.parametrize("outputs", [2, 3])
def test_without_penalty_the_objective_is_the_bound(outputs):
    X, y = random_rows(6, 300, 3, outputs)
    model = LogisticRegression(C=np.inf).fit(X, y)
    assert model.result_.status is Status.UNPENALISED
    assert model.optimality_gap_ == pytest.approx(model.objective_, rel=1e-11)
    nearly = LogisticRegression(C=1e9, tol=1e-9).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), nearly.predict_proba(X), atol=1e-4)


def test_without_penalty_separable_classes_end_at_a_vanishing_loss():
    problem = next(p for p in PROBLEMS if p.name == "separable, C 1e6")
    model = LogisticRegression(C=np.inf).fit(problem.X, problem.y)
    assert model.result_.status is Status.REACHED
    assert model.objective_ <= 1e-9 * np.log(3) * 1.0001
    assert np.isfinite(model.coef_).all()


def test_every_status_has_a_message_and_the_limits_are_named():
    assert all(len(status.message) > 20 for status in Status)
    problem = PROBLEMS[0]
    assert fit(problem, max_iter=1, tol=1e-12).result_.status is Status.MAX_ITER
    assert fit(problem, tol=1e-40).result_.status is Status.ARITHMETIC


def test_no_step_is_taken_for_what_rounding_adds_to_the_bound():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 5)), rng.integers(0, 3, 400)
    X[:, 0] = np.exp(3 * X[:, 0])
    near, limit = (LogisticRegression(C=1e6, tol=tol).fit(X, y) for tol in (1e-4, 1e-9))
    assert limit.result_.status is Status.ARITHMETIC
    # at the quadratic end a few steps reach the last digit
    assert limit.n_iter_[0] <= near.n_iter_[0] + 4
    np.testing.assert_allclose(limit.coef_, LogisticRegression(C=1e6, tol=1e-14).fit(X, y).coef_, rtol=1e-9)
