"""The estimator and its certificate: what the attributes mean, starts from another fit, dtypes, rounding."""

from dataclasses import replace

import numpy as np
import pytest

from crossentropy.linear import LogisticRegression

from .problems import IDS, PROBLEMS, evaluate, fit, random_rows

LOOSE = [replace(problem, intercept=False) for problem in PROBLEMS if len(problem.y) > 2]


@pytest.mark.parametrize("problem", LOOSE, ids=lambda problem: problem.name)
def test_the_gap_at_the_limit_of_arithmetic_is_not_below_the_exact_one(problem):
    # Without intercepts the bound is |gradient|^2 / (2 l2); there the computed gradient is nothing but rounding.
    model = fit(problem, tol=1e-40, max_iter=60)
    theta = np.column_stack([model.coef_, model.intercept_]).astype(np.longdouble)
    slope = evaluate(problem, theta)[1][:, :-1]
    exact = (slope**2).sum() * problem.C * problem.weights.sum() / 2
    assert min(exact, problem.objective(model.coef_, model.intercept_)) <= model.optimality_gap_


@pytest.mark.parametrize("max_iter", [0, 2, 500])
@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_the_relative_gap_is_the_gap_over_the_objective(problem, max_iter):
    model = fit(problem, max_iter=max_iter)
    assert model.result_.relative_gap * model.objective_ == pytest.approx(
        model.optimality_gap_, rel=1e-9, abs=0
    )
    assert model.optimality_gap_ == model.result_.gap
    assert model.objective_ == model.result_.objective
    assert model.n_iter_.tolist() == [model.result_.n_iter]
    assert model.n_iter_[0] <= max_iter


@pytest.mark.parametrize("classes", [(2, 3), (3, 2), (4, 3), (3, 4)])
def test_warm_start_from_other_classes_starts_anew(classes):
    first, second = (random_rows(50, 120, 4, k) for k in classes)
    model = LogisticRegression(warm_start=True).fit(*first).fit(*second)
    cold = LogisticRegression().fit(*second)
    assert model.coef_.tobytes() == cold.coef_.tobytes()
    assert model.n_iter_[0] == cold.n_iter_[0]


def test_warm_start_from_classes_of_other_names_starts_anew():
    X, y = random_rows(51, 120, 4, 3)
    model = LogisticRegression(warm_start=True).fit(X, np.array(["a", "b", "c"])[y])
    model.fit(X, np.array(["b", "c", "d"])[y])
    assert model.coef_.tobytes() == LogisticRegression().fit(X, y).coef_.tobytes()
    assert model.classes_.tolist() == ["b", "c", "d"]


@pytest.mark.parametrize("k", [2, 4])
def test_balanced_classes_weigh_the_same_in_all_whatever_the_rows_weigh(k):
    X, y = random_rows(52, 160, 3, k)
    s = np.random.default_rng(0).uniform(0.2, 3, 160)
    named = LogisticRegression(class_weight="balanced", tol=1e-14).fit(X, y, s)
    mass = np.bincount(y, s)
    rows = LogisticRegression(tol=1e-14).fit(X, y, s * (s.sum() / (k * mass))[y])
    np.testing.assert_allclose(named.coef_, rows.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(named.intercept_, rows.intercept_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("k", [2, 3])
def test_any_layout_and_numeric_dtype_of_the_features_gives_the_float64_fit(k):
    X, y = random_rows(53, 100, 4, k)
    whole = np.rint(100 * X).astype(np.int64)
    truth = LogisticRegression(C=1e-3, tol=1e-12).fit(whole.astype(np.float64), y)
    wide = np.zeros((100, 8), dtype=np.int64)
    wide[:, ::2] = whole
    for features in (whole, np.asfortranarray(whole.astype(np.float64)), wide[:, ::2], whole.tolist()):
        model = LogisticRegression(C=1e-3, tol=1e-12).fit(features, y)
        np.testing.assert_allclose(model.coef_, truth.coef_, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(model.predict_proba(features), truth.predict_proba(whole), rtol=1e-12)
        assert (
            model.coef_.dtype == model.intercept_.dtype == model.predict_proba(features).dtype == np.float64
        )
    far = whole + 10**9  # more digits than float32 has
    model = LogisticRegression(C=1e-3, tol=1e-12).fit(far, y)
    np.testing.assert_allclose(model.coef_, truth.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.predict_proba(far), truth.predict_proba(whole), atol=1e-4)


def test_equal_probabilities_give_the_first_class():
    model = LogisticRegression().fit(np.array([[-1.0], [1.0]]), ["no", "yes"])
    model.intercept_ = np.zeros(1)
    assert model.predict_proba([[0.0]]).tolist() == [[0.5, 0.5]]
    assert model.predict([[0.0]]).tolist() == ["no"]


@pytest.mark.parametrize("tol", [-1e-6, 0, "1e-6", np.nan])
def test_a_tolerance_out_of_range_is_refused_by_name(tol):
    with pytest.raises(ValueError, match=r"^tol is .* above 0"):
        LogisticRegression(tol=tol).fit(*random_rows(54, 30, 2, 2))


@pytest.mark.parametrize("k", [2, 3])
def test_the_gap_of_many_rows_is_that_of_the_few_they_repeat(k):
    # The intercepts are off, so the bound holds a divergence, which is summed in chunks of rows.
    X, y = random_rows(55, 100, 3, k)
    gaps = []
    for times in (1, 90):
        rows = np.tile(X, (times, 1)), np.tile(y, times)
        model = LogisticRegression(C=0.1 / times, tol=1e-14, warm_start=True).fit(*rows)
        model.intercept_ = model.intercept_ + 0.1 * np.arange(1, len(model.intercept_) + 1)
        gaps.append(model.set_params(max_iter=0).fit(*rows).optimality_gap_)
    assert gaps[1] == pytest.approx(gaps[0], rel=1e-4)
    assert gaps[0] < 0.5 * model.objective_
