"""Problems built with a known optimum, then transformed so that the answer must follow; and peers."""

from dataclasses import fields, replace

import numpy as np
import pytest
import sklearn.linear_model
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.linear import LogisticRegression
from crossentropy.linear._dense import dense_objective
from crossentropy.linear._loss import SoftmaxLoss
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._solver import solve

from .problems import PROBLEMS, Problem, random_rows

TIGHT = 1e-19


def built(k, *, penalised, intercept, n=40, d=4):
    """Build rows, classes, weights and C whose optimum is (weight, bias), which is returned.

    Each row x_j occurs with every class k, with weight t_jk. The gradient at the chosen optimum vanishes when
    t = p + delta, delta^T (x, 1) = -(l2 n) (W, 0), and delta sums to zero over the classes.
    The delta of least norm is small.
    """
    rng = np.random.default_rng(k)
    x = rng.standard_normal((n, d))
    ones = np.ones((n, 1)) if intercept else np.zeros((n, 1))
    weight, bias = 0.5 * rng.standard_normal((k, d)), 0.5 * rng.standard_normal(k) * intercept
    weight, bias = weight - weight.mean(axis=0), bias - bias.mean()
    z = x @ weight.T + bias
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    l2 = 0.0002 if penalised else 0.0
    pull = np.column_stack([l2 * n * weight, np.zeros(k)])
    t = p + np.linalg.lstsq(np.hstack([x, ones]).T, pull.T, rcond=None)[0]
    assert t.min() > 0
    C = 1 / (l2 * n) if penalised else np.inf
    if k == 2:  # one vector w = W_1 - W_0; ||W||^2 = ||w||^2 / 2, so at 2 C the penalties agree
        weight, bias, C = weight[1:] - weight[:1], bias[1:] - bias[:1], 2 * C
    y = np.tile(np.arange(k), n)
    return np.repeat(x, k, axis=0), y, t.ravel(), C, weight, bias


def check(model, weight, bias, rtol=1e-8):
    np.testing.assert_allclose(model.coef_, weight, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(model.intercept_, bias, rtol=rtol, atol=rtol)


@pytest.fixture(
    params=[
        (k, penalised, intercept)
        for k in (2, 3, 8)
        for penalised in (True, False)
        for intercept in (True, False)
    ],
    ids=lambda c: f"K{c[0]}-{'penalised' if c[1] else 'free'}-{'' if c[2] else 'no-'}intercept",
)
def known(request):
    k, penalised, intercept = request.param
    X, y, s, C, weight, bias = built(k, penalised=penalised, intercept=intercept)
    return X, y, s, LogisticRegression(C=C, tol=TIGHT, fit_intercept=intercept), weight, bias


def test_known_optimum(known):
    X, y, s, model, weight, bias = known
    check(model.fit(X, y, s), weight, bias)


def test_known_optimum_of_stacked_rows(known):
    X, y, s, model, weight, bias = known
    model.set_params(C=model.C / 2).fit(np.vstack([X, X]), np.r_[y, y], np.r_[s, s])
    check(model, weight, bias)


def test_known_optimum_of_halved_weights(known):
    X, y, s, model, weight, bias = known
    check(model.set_params(C=model.C * 2).fit(X, y, s / 2), weight, bias)


def test_known_optimum_of_duplicated_columns(known):
    X, y, s, model, weight, bias = known
    # (W/2, W/2) has half the squared norm of W: twice the penalty restores the problem.
    model.set_params(C=model.C / 2).fit(np.hstack([X, X]), y, s)
    np.testing.assert_allclose(model.coef_[:, :4] + model.coef_[:, 4:], weight, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, bias, rtol=1e-8, atol=1e-8)
    if np.isfinite(model.C):
        check(model, np.hstack([weight, weight]) / 2, bias)


def test_known_optimum_of_permuted_rows_and_columns(known):
    X, y, s, model, weight, bias = known
    rows, columns = np.random.default_rng(0).permutation(len(X)), [2, 0, 3, 1]
    check(model.fit(X[rows][:, columns], y[rows], s[rows]), weight[:, columns], bias)


def test_known_optimum_of_relabelled_classes(known):
    X, y, s, model, weight, bias = known
    k = int(y.max()) + 1
    renamed = np.random.default_rng(1).permutation(k)
    if k == 2:
        sign = 1 if renamed[1] == 1 else -1
        check(model.fit(X, renamed[y], s), sign * weight, sign * bias)
    else:
        back = np.argsort(renamed)
        check(model.fit(X, renamed[y], s), weight[back], bias[back])


def test_known_optimum_of_rotated_and_scaled_columns(known):
    X, y, s, model, weight, bias = known
    rotation = np.linalg.qr(np.random.default_rng(2).standard_normal((4, 4)))[0]
    check(model.fit(X @ rotation, y, s), weight @ rotation, bias)
    scale = np.array([1e-3, 1.0, 1e2, 1e4])
    if np.isinf(model.C):
        check(model.fit(X * scale, y, s), weight / scale, bias)


def test_known_optimum_of_shifted_columns(known):
    X, y, s, model, weight, bias = known
    shift = np.array([1000.0, -3.0, 0.0, 50.0])
    if model.fit_intercept:
        model.fit(X + shift, y, s)
        np.testing.assert_allclose(model.coef_, weight, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(model.intercept_ + model.coef_ @ shift, bias, rtol=1e-7, atol=1e-7)
    else:
        # Without an intercept a shift is another problem, and must not be absorbed.
        model.fit(X + shift, y, s)
        assert np.abs(model.coef_ - weight).max() > 1e-3


@pytest.mark.parametrize("k", [2, 4])
def test_weights_are_repetition(k):
    X, y = random_rows(8, 80, 3, k)
    counts = np.random.default_rng(0).integers(0, 4, 80)
    counts[:k] = 1
    weighted = LogisticRegression(tol=TIGHT).fit(X, y, counts)
    repeated = LogisticRegression(tol=TIGHT).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    check(weighted, repeated.coef_, repeated.intercept_)


@pytest.mark.parametrize("k", [2, 4])
def test_class_weights_are_row_weights(k):
    X, y = random_rows(9, 80, 3, k)
    factor = np.linspace(0.5, 3, k)
    named = LogisticRegression(tol=TIGHT, class_weight=dict(enumerate(factor))).fit(X, y)
    rows = LogisticRegression(tol=TIGHT).fit(X, y, factor[y])
    check(named, rows.coef_, rows.intercept_)
    balanced = LogisticRegression(tol=TIGHT, class_weight="balanced").fit(X, y)
    rows = LogisticRegression(tol=TIGHT).fit(X, y, (80 / (k * np.bincount(y)))[y])
    check(balanced, rows.coef_, rows.intercept_)


@pytest.mark.parametrize("intercept", [True, False])
def test_binary_is_two_class_softmax_at_half_of_c(intercept):
    # W_1 = -W_0 = w / 2 has ||W||^2 = ||w||^2 / 2. The estimator has no softmax of two; the objective has.
    X, y = random_rows(10, 60, 3, 2)
    one = LogisticRegression(C=2.0, tol=TIGHT, fit_intercept=intercept).fit(X, y)
    weights, half = np.ones(60), 1.0
    base = dense_objective(
        X, y, n_classes=2, row_weight=weights, penalty=Penalty(1 / (half * 60)), intercept=intercept
    )
    parts = {field.name: getattr(base.loss, field.name) for field in fields(base.loss)}
    pair = replace(base, loss=SoftmaxLoss(**parts))
    result, _ = solve(pair, pair.start(), tol=TIGHT, max_iter=100, rng=np.random.default_rng(0))
    both = pair.rows.to_plain(result.parameters)
    np.testing.assert_allclose(both[1, :3] - both[0, :3], one.coef_[0], rtol=1e-8)
    assert result.objective == pytest.approx(one.objective_, rel=1e-12)


@pytest.mark.parametrize("k", [2, 5])
def test_float32_features_give_the_float64_answer(k):
    X, y = random_rows(11, 200, 6, k)
    X = X.astype(np.float32)
    narrow = LogisticRegression(tol=1e-12).fit(X, y)
    wide = LogisticRegression(tol=1e-12).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(narrow.result_.parameters, wide.result_.parameters, rtol=1e-8, atol=1e-8)
    check(narrow, wide.coef_, wide.intercept_, rtol=1e-6)  # coef_ is float32, as the features are
    other = LogisticRegression(tol=1e-12).fit(X.astype(np.float64) * (1 + 1e-8), y)
    check(other, narrow.coef_, narrow.intercept_, rtol=1e-4)


PEER_PROBLEMS = [
    p for p in PROBLEMS if p.name in ("easy", "binary", "26 classes", "weights with zeros", "no intercept")
]


@pytest.mark.parametrize("problem", PEER_PROBLEMS, ids=lambda p: p.name)
def test_agrees_with_scikit_learn_and_is_not_worse(problem):
    settings = {"C": problem.C, "fit_intercept": problem.intercept}
    mine = LogisticRegression(**settings, tol=1e-14).fit(problem.X, problem.y, problem.s)
    peer = sklearn.linear_model.LogisticRegression(
        **settings, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )
    peer.fit(problem.X, problem.y, problem.s)
    np.testing.assert_allclose(mine.predict_proba(problem.X), peer.predict_proba(problem.X), atol=1e-6)
    np.testing.assert_allclose(
        mine.decision_function(problem.X), peer.decision_function(problem.X), atol=1e-4
    )
    ours = problem.objective(mine.coef_, mine.intercept_)
    assert ours <= problem.objective(peer.coef_, peer.intercept_) + 1e-10 * ours


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), k=st.integers(2, 5), log_c=st.floats(-3, 3))
def test_softmax_rows_sum_to_zero_and_binary_has_one(seed, k, log_c):
    X, y = random_rows(seed, 40, 3, k)
    model = LogisticRegression(C=10.0**log_c).fit(X, y)
    if k == 2:
        assert model.coef_.shape == (1, 3)
        assert model.intercept_.shape == (1,)
    else:
        size = np.abs(model.coef_).max() + np.abs(model.intercept_).max()
        np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-12 * size)
        np.testing.assert_allclose(model.intercept_.sum(), 0, atol=1e-12 * size)


def test_large_n_with_sampled_blocks_reaches_the_same_minimum():
    X, y = random_rows(12, 9000, 5, 4)  # above the row count where blocks are sampled
    first = LogisticRegression(tol=1e-10, random_state=0).fit(X, y)
    other = LogisticRegression(tol=1e-10, random_state=1).fit(X, y)
    assert first.coef_.tobytes() != other.coef_.tobytes()
    check(first, other.coef_, other.intercept_, rtol=1e-5)
    assert first.result_.n_passes <= 60


def test_units_of_the_columns_do_not_matter_to_the_solver():
    X, y = random_rows(13, 300, 6, 3)
    plain = LogisticRegression(C=np.inf).fit(X, y)
    scaled = LogisticRegression(C=np.inf).fit(X * 10.0 ** np.arange(-6, 6, 2), y)
    assert abs(int(plain.n_iter_[0]) - int(scaled.n_iter_[0])) <= 1
    np.testing.assert_allclose(
        scaled.predict_proba(X * 10.0 ** np.arange(-6, 6, 2)), plain.predict_proba(X), atol=1e-4
    )


def test_problem_with_wide_range_is_solved_in_few_passes():
    problem: Problem = next(p for p in PROBLEMS if p.name == "separable, C 1e6")
    model = LogisticRegression(C=problem.C).fit(problem.X, problem.y)
    assert model.result_.n_passes < 1000
