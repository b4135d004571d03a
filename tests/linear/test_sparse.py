"""Sparse rows and blocks of columns: the same minimum as dense rows, whatever the storage, weights and penalty."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from crossentropy.errors import InputError, ShapeError
from crossentropy.linear import (
    LogisticRegression,
    LogisticRegressionCV,
    Status,
    cross_validate_penalty,
    side_by_side,
)
from crossentropy.linear import _table_objective as table_objective_module
from crossentropy.linear._descent import descend
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._solver import solve
from crossentropy.linear._table_objective import table_objective
from crossentropy.linear._tables import DenseTable, SideBySide, SparseTable, canonical

from .problems import IDS, PROBLEMS, Problem, evaluate
from .test_certificate import minimum_of, raised


def text(seed=0, n=400, d=60, k=4, dtype=np.float64):
    """Rows of a few frequent and many rare columns, classes that depend on them; empty rows and columns."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, d + 1)
    X = (rng.random((n, d)) < frequency * 0.8) * rng.uniform(0.1, 1, (n, d))
    X[::37] = 0
    X[:, 5] = 0
    y = (3 * X @ rng.standard_normal((d, k)) + rng.gumbel(size=(n, k))).argmax(axis=1)
    y[:k] = np.arange(k)
    return sparse.csr_array(X.astype(dtype)), y


def parameters_of(model):
    return np.column_stack([model.coef_, model.intercept_])


@pytest.fixture(params=["blocks", "descent"])
def method(request, monkeypatch):
    """Newton steps in curvature blocks, or conjugate directions: the size decides, here the test does."""
    if request.param == "descent":
        monkeypatch.setattr(table_objective_module, "FULL", 0)
    return request.param


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("intercept", [True, False])
def test_sparse_is_dense(method, k, intercept):
    X, y = text(k=k)
    settings = {"C": 3.0, "tol": 1e-19, "fit_intercept": intercept, "class_weight": "balanced"}
    dense = LogisticRegression(**settings).fit(X.toarray(), y)
    fitted = LogisticRegression(**settings).fit(X, y)
    np.testing.assert_allclose(parameters_of(fitted), parameters_of(dense), atol=1e-8)
    np.testing.assert_allclose(fitted.predict_proba(X), dense.predict_proba(X.toarray()), atol=1e-8)
    assert fitted.objective_ == pytest.approx(dense.objective_, rel=1e-12)


def test_single_precision_is_double_to_four_digits(method):
    X, y = text()
    single = LogisticRegression(C=3.0).fit(X.astype(np.float32), y)
    double = LogisticRegression(C=3.0, tol=1e-12).fit(X, y)
    assert single.result_.status is Status.REACHED
    assert single.coef_.dtype == np.float32
    tight = LogisticRegression(C=3.0, tol=1e-10).fit(X.astype(np.float32), y)
    np.testing.assert_allclose(tight.coef_, double.coef_, atol=1e-4)


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_every_hard_problem_is_certified_when_sparse(problem, method):
    model = LogisticRegression(C=problem.C, fit_intercept=problem.intercept)
    model.fit(sparse.csr_array(problem.X), problem.y, sample_weight=problem.s)
    assert model.result_.status is Status.REACHED
    true_gap = problem.objective(model.coef_, model.intercept_) - minimum_of(problem)
    assert true_gap <= model.optimality_gap_


@pytest.mark.parametrize("max_iter", [0, 1, 3, 10])
@pytest.mark.parametrize("k", [2, 3])
def test_gap_bounds_the_true_gap_wherever_the_descent_stops(monkeypatch, max_iter, k):
    monkeypatch.setattr(table_objective_module, "FULL", 0)
    for seed in range(5):
        X, y = text(seed, n=60, d=12, k=k)
        problem = Problem("text", X.toarray(), y, C=10.0 ** (seed - 1))
        model = LogisticRegression(C=problem.C, max_iter=max_iter).fit(X, y)
        true_gap = problem.objective(model.coef_, model.intercept_) - raised(problem.minimum())
        assert true_gap <= model.optimality_gap_
        assert model.n_iter_[0] <= max_iter


def test_descent_and_newton_meet():
    X, y = text(1, n=800, d=200, k=5)
    objective = table_objective(
        X, y, n_classes=5, row_weight=np.ones(800), penalty=Penalty(1e-4), intercept=True
    )
    down = descend(objective, objective.start(), tol=1e-12, max_iter=500, rng=np.random.default_rng(0))
    newton, _ = solve(objective, objective.start(), tol=1e-12, max_iter=500, rng=np.random.default_rng(0))
    assert down.status is newton.status is Status.REACHED
    assert down.objective == pytest.approx(newton.objective, abs=down.gap + newton.gap)
    np.testing.assert_allclose(down.parameters.sum(axis=0), 0, atol=1e-10)


def test_storage_does_not_matter():
    X, y = text()
    unsorted = X.copy()
    for i in range(X.shape[0]):
        span = slice(X.indptr[i], X.indptr[i + 1])
        unsorted.indices[span] = X.indices[span][::-1]
        unsorted.data[span] = X.data[span][::-1]
    unsorted = sparse.csr_array((unsorted.data, unsorted.indices, unsorted.indptr), shape=X.shape)
    doubled = sparse.coo_array(
        (np.tile(X.data / 2, 2), (np.tile(X.tocoo().row, 2), np.tile(X.tocoo().col, 2))), shape=X.shape
    )
    zeros = X.toarray()
    zeros[0, 0] = zeros[1, 1] = 1.0
    explicit = sparse.csr_array(zeros)
    explicit.data[explicit.indptr[0]] = X[0, 0]
    explicit[0, 0], explicit[1, 1] = X[0, 0], X[1, 1]
    wide = sparse.csr_array((X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), shape=X.shape)
    forms = [unsorted, doubled, explicit, wide, X.tocsc(), sparse.csr_matrix(X), sparse.lil_array(X)]
    expected = LogisticRegression(tol=1e-19).fit(X, y)
    for form in forms:
        before = form.copy()
        fitted = LogisticRegression(tol=1e-19).fit(form, y)
        np.testing.assert_allclose(parameters_of(fitted), parameters_of(expected), atol=1e-8)
        assert (abs(form - before) > 0).nnz == 0
    integers = sparse.csr_array((X > 0).astype(np.int64))
    floats = LogisticRegression(tol=1e-19).fit(integers.astype(float), y)
    np.testing.assert_allclose(
        parameters_of(LogisticRegression(tol=1e-19).fit(integers, y)), parameters_of(floats), atol=1e-8
    )


def test_canonical_rows_are_shared_and_others_left_alone():
    X, _ = text()
    assert np.shares_memory(canonical(X).data, X.data)
    messy = sparse.csr_array((np.ones(3), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 4))
    rows = canonical(messy)
    np.testing.assert_array_equal(rows.toarray(), [[1, 0, 2, 0]])
    np.testing.assert_array_equal(messy.indices, [2, 0, 2])


def test_weights_are_repetition(method):
    X, y = text()
    times = np.random.default_rng(3).integers(0, 4, len(y))
    times[:4] = 1
    kept = np.repeat(np.arange(len(y)), times)
    weighted = LogisticRegression(tol=1e-19).fit(X, y, sample_weight=times)
    repeated = LogisticRegression(tol=1e-19).fit(X[kept], y[kept])
    np.testing.assert_allclose(parameters_of(weighted), parameters_of(repeated), atol=1e-8)


def test_relabelled_duplicated_and_scaled_columns(method):
    X, y = text()
    order = np.array([2, 0, 3, 1])
    plain = LogisticRegression(tol=1e-19).fit(X, y)
    relabelled = LogisticRegression(tol=1e-19).fit(X, order[y])
    np.testing.assert_allclose(parameters_of(relabelled)[order], parameters_of(plain), atol=1e-8)
    twice = LogisticRegression(tol=1e-19, C=0.5).fit(sparse.hstack([X, X], format="csr"), y)
    d = X.shape[1]
    np.testing.assert_allclose(twice.coef_[:, :d], plain.coef_ / 2, atol=1e-8)
    np.testing.assert_allclose(twice.coef_[:, d:], plain.coef_ / 2, atol=1e-8)
    scaled = LogisticRegression(tol=1e-19, C=1 / 49).fit(7 * X, y)
    np.testing.assert_allclose(scaled.coef_ * 7, plain.coef_, atol=1e-8)


@pytest.mark.parametrize("full", [0, 1 << 22])
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("intercept", [True, False])
def test_mixed_blocks_are_one_dense_table(monkeypatch, full, k, intercept):
    monkeypatch.setattr(table_objective_module, "FULL", full)
    X, y = text(k=k)
    rng = np.random.default_rng(9)
    numbers = rng.standard_normal((400, 3)) * [1, 1e-3, 100] + [0, 0, 1000]
    whole = np.hstack([X.toarray(), numbers])
    shift = None if intercept else np.zeros(3)
    dense = DenseTable.of(numbers) if shift is None else DenseTable(numbers, shift)
    mixed = SideBySide((SparseTable.of(X), dense))
    make = {"n_classes": k, "row_weight": np.ones(400), "penalty": Penalty(1e-3), "intercept": intercept}
    objective = table_objective(mixed, y, **make)
    found, _ = solve(objective, objective.start(), tol=1e-12, max_iter=200, rng=rng)
    plain = objective.rows.to_plain(found.parameters)
    if not intercept:
        plain = np.column_stack([plain, np.zeros(len(plain))])
    problem = Problem("mixed", whole, y, C=1 / (1e-3 * 400), intercept=intercept)
    value, _, _ = evaluate(problem, plain.astype(np.longdouble))
    assert found.objective == pytest.approx(float(value), rel=1e-9)
    assert found.status is Status.REACHED
    expected = LogisticRegression(C=problem.C, fit_intercept=intercept, tol=1e-12).fit(whole, y)
    np.testing.assert_allclose(plain, parameters_of(expected), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("k", [2, 4])
def test_gradient_and_curvature_are_finite_differences(k):
    X, y = text(k=k)
    rng = np.random.default_rng(1)
    objective = table_objective(
        X, y, n_classes=k, row_weight=rng.random(400), penalty=Penalty(1e-2), intercept=True
    )
    parameters, direction = rng.standard_normal((2, *objective.start().shape))
    point = objective.evaluate(parameters)
    h = 1e-5
    up, down = (objective.evaluate(parameters + step * direction) for step in (h, -h))
    assert np.vdot(point.gradient, direction) == pytest.approx((up.value - down.value) / (2 * h), rel=1e-6)
    product = objective.curvature_product(point, direction)
    np.testing.assert_allclose(product, (up.gradient - down.gradient) / (2 * h), rtol=1e-5, atol=1e-9)


def test_offsets_and_soft_targets_on_sparse_rows():
    X, _ = text()
    rng = np.random.default_rng(2)
    soft = rng.dirichlet(np.ones(4), 400)
    offset = rng.standard_normal((400, 4))
    dense = LogisticRegression(tol=1e-19).fit(X.toarray(), soft, offset=offset)
    fitted = LogisticRegression(tol=1e-19).fit(X, soft, offset=offset)
    np.testing.assert_allclose(parameters_of(fitted), parameters_of(dense), atol=1e-8)


def test_without_penalty(method):
    X, y = text(n=2000, d=8, k=3)
    fitted = LogisticRegression(C=np.inf).fit(X, y)
    assert fitted.result_.status is Status.UNPENALISED
    dense = LogisticRegression(C=np.inf).fit(X.toarray(), y)
    assert fitted.objective_ == pytest.approx(dense.objective_, rel=1e-6)


def test_warm_start_spends_next_to_nothing(monkeypatch):
    monkeypatch.setattr(table_objective_module, "FULL", 0)
    X, y = text()
    model = LogisticRegression(warm_start=True).fit(X, y)
    first = model.result_.n_iter
    model.fit(X, y)
    assert model.result_.n_iter <= 1 < first


def test_penalty_shares_the_data():
    X, y = text()
    objective = table_objective(
        X, y, n_classes=4, row_weight=np.ones(400), penalty=Penalty(1e-2), intercept=True
    )
    other = objective.with_penalty(replace(objective.penalty, l2=1.0))
    assert other.rows is objective.rows
    assert other.penalty.l2 == 1.0


def test_not_finite_entries_are_refused():
    X, y = text()
    X.data[3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit(X, y)


def test_path_over_sparse_and_mixed_features_is_the_path_over_dense_ones(method):
    X, y = text(k=3)
    folds = np.arange(400) % 4
    settings = {"n_classes": 3, "folds": folds, "Cs": [0.1, 1.0, 10.0], "tol": 1e-10}
    dense = cross_validate_penalty(X.toarray(), y, **settings)
    tables = (SparseTable.of(X[:, :50]), DenseTable.of(X[:, 50:].toarray()))
    for features in (X, SideBySide(tables)):
        path = cross_validate_penalty(features, y, **settings)
        np.testing.assert_allclose(path.losses, dense.losses, rtol=1e-6)
        np.testing.assert_allclose(path.out_of_fold_logits.sum(axis=1), 0, atol=1e-6)
        np.testing.assert_allclose(path.out_of_fold_logits, dense.out_of_fold_logits, atol=1e-3)
        assert (path.relative_gaps <= 1e-10).all()


def test_penalty_is_chosen_on_sparse_rows():
    X, y = text()
    found = LogisticRegressionCV(cv=3, Cs=3, tol=1e-8).fit(X, y)
    dense = LogisticRegressionCV(cv=3, Cs=3, tol=1e-8).fit(X.toarray(), y)
    assert found.C_ == dense.C_
    np.testing.assert_allclose(found.coef_, dense.coef_, atol=1e-2)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("full", [0, 1 << 22])
def test_blocks_side_by_side_are_fitted_as_one_array(monkeypatch, k, full):
    monkeypatch.setattr(table_objective_module, "FULL", full)
    X, y = text(k=k)
    numbers = np.random.default_rng(3).standard_normal((400, 3)) * [1, 5, 0.1] + [0, 3, 1]
    blocks, whole = side_by_side(numbers, X), np.hstack([numbers, X.toarray()])
    fitted = LogisticRegression(tol=1e-10).fit(blocks, y)
    dense = LogisticRegression(tol=1e-10).fit(whole, y)
    assert fitted.n_features_in_ == whole.shape[1]
    np.testing.assert_allclose(parameters_of(fitted), parameters_of(dense), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(fitted.predict_proba(blocks), dense.predict_proba(whole), atol=1e-5)
    assert (fitted.predict(blocks) == dense.predict(whole)).all()


def test_blocks_that_do_not_fit_are_refused():
    X, y = text()
    with pytest.raises(ShapeError, match="Block 1 has 400 rows, block 0 has 3"):
        side_by_side(np.zeros((3, 2)), X)
    with pytest.raises(InputError, match="Block 0 contains NaN"):
        side_by_side(np.full((400, 1), np.nan), X)
    model = LogisticRegression().fit(side_by_side(np.zeros((400, 1)), X), y)
    with pytest.raises(ShapeError, match="expecting 61 features"):
        model.predict(side_by_side(X))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LogisticRegression().fit(side_by_side(X), y[1:])


def test_scouts_choose_the_penalty_and_every_fold_predicts_at_it():
    X, y = text(k=3)
    folds = np.arange(400) % 4
    settings = {"n_classes": 3, "folds": folds, "tol": 1e-9}
    alone = cross_validate_penalty(X, y, **settings, scouts=1)
    whole = cross_validate_penalty(X, y, **settings, Cs=[alone.C])
    np.testing.assert_allclose(alone.out_of_fold_logits, whole.out_of_fold_logits, atol=1e-4)
    at = alone.relative_gaps[alone.chosen]
    # where they start knows their held-out rows, and little of it may be left
    assert (at[1:] <= settings["tol"] / 10).all()
    assert np.isnan(np.delete(alone.relative_gaps, alone.chosen, axis=0)[:, 1:]).all()
    first = cross_validate_penalty(X, y, **(settings | {"folds": np.where(folds == 0, 0, -1)}), Cs=alone.Cs)
    np.testing.assert_allclose(alone.losses[: len(first.losses)], first.losses, rtol=1e-4)
    assert (np.diff(alone.Cs) > 0).all()


@pytest.mark.parametrize("only", [0, 2])
def test_a_fold_without_a_class_does_not_start_from_another(only: int):
    X, y = text(k=4)
    folds = np.where(y == 3, only, np.arange(400) % 4)
    settings = {"n_classes": 4, "folds": folds, "tol": 1e-9}
    alone = cross_validate_penalty(X, y, **settings, scouts=1)
    whole = cross_validate_penalty(X, y, **settings, Cs=[alone.C])
    np.testing.assert_allclose(alone.out_of_fold_logits, whole.out_of_fold_logits, atol=1e-3)
