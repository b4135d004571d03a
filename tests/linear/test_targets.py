"""Soft targets, offsets and weights: each equals the plain fit that it stands for."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from crossentropy.errors import ConfigError, InputError, ShapeError, TargetError
from crossentropy.linear import LogisticRegression

from .problems import random_rows

TIGHT = {"tol": 1e-15}


@pytest.fixture(params=[2, 4], ids=["K2", "K4"])
def data(request):
    return random_rows(70, 150, 3, request.param)


def one_hot(y):
    return np.eye(y.max() + 1)[y]


def agree(model, other, X):
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-7)
    assert model.objective_ == pytest.approx(other.objective_, rel=1e-9)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 1: 0.5}])
def test_one_hot_targets_are_labels(data, class_weight):
    X, y = data
    s = np.random.default_rng(0).uniform(0, 2, len(y))
    hard = LogisticRegression(class_weight=class_weight, **TIGHT).fit(X, y, s)
    soft = LogisticRegression(class_weight=class_weight, **TIGHT).fit(X, one_hot(y), s)
    agree(soft, hard, X)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 1: 0.5}])
def test_a_soft_row_is_a_row_of_each_class_with_that_weight(data, class_weight):
    X, y = data
    K = y.max() + 1
    P = np.random.default_rng(1).dirichlet(np.ones(K), len(y))
    soft = LogisticRegression(class_weight=class_weight, **TIGHT).fit(X, P)
    rows, classes = np.repeat(X, K, axis=0), np.tile(np.arange(K), len(y))
    hard = LogisticRegression(class_weight=class_weight, **TIGHT).fit(rows, classes, P.ravel())
    np.testing.assert_allclose(soft.predict_proba(X), hard.predict_proba(X), atol=1e-7)


def test_soft_targets_come_from_any_container_and_name_the_classes(data):
    X, y = data
    P = 0.9 * one_hot(y) + 0.1 / (y.max() + 1)
    plain = LogisticRegression().fit(X, P)
    assert plain.classes_.tolist() == list(range(y.max() + 1))
    names = ["bee", "ape", "dog", "cat"][: P.shape[1]]
    for given in (pd.DataFrame(P, columns=names), pl.DataFrame(P, schema=names)):
        model = LogisticRegression().fit(X, given)
        assert model.classes_.tolist() == names
        np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-12)
        assert set(model.predict(X)) <= set(names)
    tensor = LogisticRegression().fit(torch.tensor(X), torch.tensor(P))
    np.testing.assert_allclose(tensor.coef_, plain.coef_, rtol=1e-12)


def test_a_certified_gap_bounds_what_is_left_above_the_entropy_of_the_targets(data):
    X, y = data
    truth = LogisticRegression().fit(X, y)
    P = truth.predict_proba(X)
    model = LogisticRegression(C=1e9).fit(X, P)
    entropy = -(P * np.log(P)).sum(axis=1).mean()
    penalty = (truth.coef_**2).sum() / (2e9 * len(y))
    assert model.objective_ - model.optimality_gap_ <= entropy + penalty
    assert entropy < model.objective_ <= entropy + penalty + 1e-6


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([0.5, 0.6], r"Row 3 of y, \(0.5, 0.6\), is no distribution: it sums to 1.1"),
        ([1.5, -0.5], "Row 3 of y"),
    ],
)
def test_rows_that_are_no_distribution_are_refused(row, what):
    P = np.full((6, 2), 0.5)
    P[3] = row
    with pytest.raises(TargetError, match=what):
        LogisticRegression().fit(np.zeros((6, 1)), P)


def test_other_mistakes_in_soft_targets_are_said_in_words(data):
    X, y = data
    P = one_hot(y)
    with pytest.raises(ShapeError, match=r"y has 149 rows of probabilities, and X has 150"):
        LogisticRegression().fit(X, P[1:])
    with pytest.raises(ConfigError, match=r"class_weight names 'zebra'"):
        LogisticRegression(class_weight={"zebra": 1.0}).fit(X, P)
    with pytest.raises(InputError, match=r"offset must hold numbers"):
        LogisticRegression().fit(X, y, offset=["a"] * len(y))
    with pytest.raises(ValueError, match=r"[Mm]ultilabel|1d array"):
        LogisticRegression().fit(X, P.astype(int))
    with pytest.raises(ValueError, match="continuous"):
        LogisticRegression().fit(X, P[:, 0] * 0.3)
    P[2, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit(X, P)


def test_an_offset_is_a_column_whose_weight_is_one(data):
    X, y = data
    outputs = 1 if y.max() == 1 else y.max() + 1
    full = LogisticRegression(C=np.inf, **TIGHT).fit(X, y)
    W = full.coef_[:, :1]
    offset = X[:, :1] @ W.T
    part = LogisticRegression(C=np.inf, **TIGHT).fit(
        X[:, 1:], y, offset=offset if outputs > 1 else offset[:, 0]
    )
    given = offset if outputs > 1 else offset[:, 0]
    np.testing.assert_allclose(part.predict_proba(X[:, 1:], offset=given), full.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(part.coef_, full.coef_[:, 1:], atol=1e-5)
    np.testing.assert_array_equal(part.predict(X[:, 1:], offset=given), full.predict(X))
    assert part.score(X[:, 1:], y, offset=given) == full.score(X, y)
    as_tensor = part.predict_proba(torch.tensor(X[:, 1:]), offset=torch.tensor(given))
    np.testing.assert_allclose(as_tensor.numpy(), full.predict_proba(X), atol=1e-6)


def test_a_constant_offset_moves_the_intercept_alone(data):
    X, y = data
    outputs = 1 if y.max() == 1 else y.max() + 1
    shift = np.linspace(-1, 1, outputs) if outputs > 1 else np.array([0.7])
    plain = LogisticRegression(**TIGHT).fit(X, y)
    moved = LogisticRegression(**TIGHT).fit(X, y, offset=np.tile(shift, (len(y), 1)))
    np.testing.assert_allclose(moved.coef_, plain.coef_, atol=1e-6)
    np.testing.assert_allclose(moved.intercept_ + shift, plain.intercept_, atol=1e-6)


def test_mistakes_in_an_offset_are_said_in_words(data):
    X, y = data
    with pytest.raises(ShapeError, match=r"offset has shape \(3,\), and must have"):
        LogisticRegression().fit(X, y, offset=[1, 2, 3])
    offset = np.zeros((len(y), y.max() + 1))
    offset[5] = np.inf
    with pytest.raises(InputError, match=r"offset contains NaN or infinity, first in row 5"):
        LogisticRegression().fit(X, y, offset=offset)


def test_class_weights_may_name_a_class_that_these_rows_lack(data):
    X, y = data
    weight = {name: 1.0 + name for name in range(y.max() + 2)}
    wider = LogisticRegression(class_weight=weight).fit(X, y)
    del weight[y.max() + 1]
    np.testing.assert_array_equal(wider.coef_, LogisticRegression(class_weight=weight).fit(X, y).coef_)
    with pytest.raises(
        ConfigError, match=r"class_weight names 'zebra', which is no class of y, and leaves out 0"
    ):
        LogisticRegression(class_weight={"zebra": 1.0}).fit(X, y)
