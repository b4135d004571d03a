"""L1 and elastic net: the minimum by its own conditions, sparse = dense = mixed, and the certificate's promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from crossentropy.linear import LogisticRegression, Status
from crossentropy.linear._penalty import penalty_of
from crossentropy.linear._proximal import solve_l1
from crossentropy.linear._table_objective import table_objective
from crossentropy.linear._tables import DenseTable, SideBySide, SparseTable

from .problems import Problem, evaluate, random_rows
from .test_sparse import parameters_of, text


def smooth(X, y, model, C, ratio, intercept=True, s=None):
    """Return loss + L2 part and its gradient, in extended precision, and l1."""
    s = np.ones(len(y)) if s is None else s
    strength = 1 / (C * s.sum())
    if ratio == 1:
        problem, extra = Problem("loss", X, y, C=1e30, s=s, intercept=intercept), 0.0
    else:
        problem, extra = Problem("loss", X, y, C=C / (1 - ratio), s=s, intercept=intercept), 0.0
    value, gradient, _ = evaluate(problem, parameters_of(model).astype(np.longdouble))
    return value + extra, gradient, ratio * strength


def total(X, y, model, C, ratio, intercept=True, s=None):
    value, _, l1 = smooth(X, y, model, C, ratio, intercept, s)
    return value + l1 * np.abs(model.coef_.astype(np.longdouble)).sum()


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("C", [0.05, 1.0, 30.0])
def test_fit_meets_the_conditions_of_a_minimum(k, ratio, C):
    X, y = random_rows(0, 300, 12, k)
    model = LogisticRegression(C=C, l1_ratio=ratio, tol=1e-9).fit(X, y)
    assert model.result_.relative_gap <= 1e-8
    _, gradient, l1 = smooth(X, y, model, C, ratio)
    assert model.objective_ == pytest.approx(float(total(X, y, model, C, ratio)), rel=1e-9)
    slope, chosen = gradient[:, :-1], model.coef_ != 0
    np.testing.assert_allclose(slope[chosen], -l1 * np.sign(model.coef_[chosen]), atol=2e-5)
    assert (np.abs(slope[~chosen]) <= l1 + 2e-5).all()
    np.testing.assert_allclose(gradient[:, -1], 0, atol=2e-5)


def test_only_what_matters_is_kept():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 50))
    y = (X[:, 3] - X[:, 7] + rng.logistic(size=2000) > 0).astype(int)
    model = LogisticRegression(C=0.01, l1_ratio=1).fit(X, y)
    assert set(np.flatnonzero(model.coef_)) == {3, 7}
    assert model.result_.status is Status.REACHED


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("ratio", [1.0, 0.3])
@pytest.mark.parametrize("intercept", [True, False])
def test_sparse_is_dense(k, ratio, intercept):
    X, y = text(k=k)
    make = {"C": 2.0, "l1_ratio": ratio, "tol": 1e-9, "fit_intercept": intercept}
    s = np.random.default_rng(0).uniform(0, 2, len(y))
    dense = LogisticRegression(**make).fit(X.toarray(), y, sample_weight=s)
    fitted = LogisticRegression(**make).fit(X, y, sample_weight=s)
    assert fitted.objective_ == pytest.approx(
        dense.objective_, abs=dense.optimality_gap_ + fitted.optimality_gap_ + 1e-15
    )
    # With an even number of classes the same shift of a column costs the L1 norm nothing: the minimiser is not unique.
    np.testing.assert_allclose(fitted.predict_proba(X), dense.predict_proba(X.toarray()), atol=1e-3)
    truth = float(total(X.toarray(), y, fitted, 2.0, ratio, intercept, s))
    assert fitted.objective_ == pytest.approx(truth, rel=1e-9)


def test_mixed_is_sparse():
    X, y = text()
    numbers = np.random.default_rng(1).standard_normal((400, 3)) + 1
    penalty = penalty_of(1.0, 1.0, 400.0)
    make = {"n_classes": 4, "row_weight": np.ones(400), "penalty": penalty, "intercept": True}
    tables = (
        SideBySide((SparseTable.of(X), DenseTable.of(numbers))),
        SparseTable.of(sparse.hstack([X, numbers], format="csr")),
    )
    found = []
    for table in tables:
        objective = table_objective(table, y, centred=False, **make)
        result = solve_l1(objective, objective.start(), tol=1e-7, max_iter=200)
        assert result.status is Status.REACHED
        found.append(objective.rows.to_plain(result.parameters))
    logits = [X @ p[:, : -3 - 1].T + numbers @ p[:, -4:-1].T + p[:, -1] for p in found]
    spread = [z - z.mean(axis=1, keepdims=True) for z in logits]
    np.testing.assert_allclose(spread[0], spread[1], atol=2e-2)


def test_weights_are_repetition():
    X, y = text()
    times = np.random.default_rng(3).integers(0, 3, len(y))
    times[:4] = 1
    kept = np.repeat(np.arange(len(y)), times)
    weighted = LogisticRegression(tol=1e-9, l1_ratio=1).fit(X, y, sample_weight=times)
    repeated = LogisticRegression(tol=1e-9, l1_ratio=1).fit(X[kept], y[kept])
    gaps = weighted.optimality_gap_ + repeated.optimality_gap_
    assert weighted.objective_ == pytest.approx(repeated.objective_, abs=gaps + 1e-15)


def test_a_strong_penalty_leaves_the_intercepts_alone():
    X, y = text()
    model = LogisticRegression(C=1e-4, l1_ratio=1, tol=1e-10).fit(X, y)
    assert not model.coef_.any()
    np.testing.assert_allclose(model.predict_proba(X)[0], np.bincount(y) / len(y), atol=1e-5)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(6, 40),
    d=st.integers(1, 6),
    k=st.integers(2, 4),
    log_c=st.floats(-3, 3),
    ratio=st.sampled_from([1.0, 0.9, 0.2]),
    offset=st.sampled_from([0.0, 1.0, 30.0]),
    intercept=st.booleans(),
    max_iter=st.sampled_from([0, 1, 2, 4]),
)
def test_gap_bounds_the_true_gap(seed, n, d, k, log_c, ratio, offset, intercept, max_iter):
    X, y = random_rows(seed, n, d, k)
    check_bound(offset + X, y, 10.0**log_c, ratio, intercept, max_iter)


@pytest.mark.deep
@settings(max_examples=1000, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(6, 60),
    d=st.integers(1, 10),
    k=st.integers(2, 5),
    log_c=st.floats(-4, 4),
    ratio=st.sampled_from([1.0, 0.99, 0.5, 0.01]),
    offset=st.sampled_from([0.0, 1.0, 300.0]),
    log_scale=st.floats(-3, 3),
    intercept=st.booleans(),
    max_iter=st.sampled_from([0, 1, 2, 4, 8, 500]),
)
def test_gap_bounds_the_true_gap_on_a_large_grid(
    seed, n, d, k, log_c, ratio, offset, log_scale, intercept, max_iter
):
    X, y = random_rows(seed, n, d, k)
    check_bound((offset + X) * 10.0**log_scale, y, 10.0**log_c, ratio, intercept, max_iter)


def check_bound(X, y, C, ratio, intercept, max_iter):
    """The gap of an early stop bounds what a long fit still gains, as extended precision sees it."""
    make = {"C": C, "l1_ratio": ratio, "fit_intercept": intercept}
    early = LogisticRegression(max_iter=max_iter, **make).fit(X, y)
    late = LogisticRegression(max_iter=1000, tol=1e-12, **make).fit(sparse.csr_array(X), y)
    gained = total(X, y, early, C, ratio, intercept) - total(X, y, late, C, ratio, intercept)
    assert gained <= early.optimality_gap_ * (1 + 1e-9)
    assert late.optimality_gap_ >= 0
