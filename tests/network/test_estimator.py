"""NetworkClassifier: what it learns, what it keeps of the folds, and what it promises of weights, order and time."""

import math
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from scipy.special import log_softmax
from sklearn.datasets import load_iris, make_circles

from crossentropy.errors import ConfigError, ShapeError, TargetError
from crossentropy.evaluation import fit_temperature, losses_from_logits
from crossentropy.network import NetworkClassifier
from crossentropy.tables import Features

from .problems import network, same_bits

SMALL = {"folds": 3, "members": 4, "width": 16, "epochs": 30, "lr": 2e-2}


def circles(n=300, seed=0):
    return make_circles(n, noise=0.15, factor=0.4, random_state=seed)


@pytest.fixture(scope="module")
def fitted():
    X, y = circles()
    return NetworkClassifier(**SMALL).fit(X, y)


def test_it_learns_what_no_linear_model_can(fitted):
    X, y = circles(seed=1)
    assert fitted.score(X, y) > 0.95
    losses = losses_from_logits(fitted.predict_log_proba(X), y)
    assert losses.mean() < 0.25


def test_out_of_fold_logits_are_those_of_the_network_that_did_not_see_the_row(fitted):
    X, y = circles()
    logs = fitted.out_of_fold_logits_
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1.0)
    saw = np.stack([part.log_probabilities(fitted._read(X, reset=False)) for part in fitted.network_.parts])
    same = np.isclose(saw, logs, rtol=0, atol=1e-12).all(axis=2)
    assert (same.sum(axis=0) == 1).all()
    assert np.array_equal(np.sort(same.sum(axis=1)), [100, 100, 100])
    value, before, _ = fit_temperature(logs, y.astype(np.int64))
    assert (value, before) == pytest.approx((fitted.temperature_, fitted.loss_))


def test_probabilities_are_the_calibrated_mean_of_the_networks(fitted):
    X, _ = circles(seed=2)
    each = [np.exp(part.log_probabilities(fitted._read(X, reset=False))) for part in fitted.network_.parts]
    expected = log_softmax(np.log(np.mean(each, axis=0)) / fitted.temperature_, axis=1)
    np.testing.assert_allclose(fitted.predict_log_proba(X), expected, atol=1e-12)


def test_a_row_is_told_the_same_alone_and_among_others(fitted):
    X, _ = circles(seed=2)
    alone = np.concatenate([fitted.decision_function(X[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(fitted.decision_function(X)[:20], alone, rtol=0, atol=1e-12)


def test_weights_are_repetitions_and_the_order_has_no_say():
    X, y = circles(120)
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, len(y))
    order = rng.permutation(len(y))
    models = [
        NetworkClassifier(**SMALL).fit(X[order], y[order], sample_weight=counts[order]),
        NetworkClassifier(**SMALL).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts)),
    ]
    assert np.array_equal(models[0].predict_proba(X), models[1].predict_proba(X))
    assert not np.array_equal(
        models[0].predict_proba(X), NetworkClassifier(**SMALL).fit(X, y).predict_proba(X)
    )


def test_equal_rows_of_several_classes_are_one_row_with_shares():
    X, y = np.repeat([[0.0], [1.0], [2.0]], 40, axis=0), np.tile([0, 0, 0, 1], 30)
    y[80:] = np.tile([0, 1], 20)
    model = NetworkClassifier(**SMALL).fit(X, y)
    found = model.predict_proba(np.array([[0.0], [2.0]]))[:, 1]
    np.testing.assert_allclose(found, [0.25, 0.5], atol=0.2)
    assert np.unique(model.out_of_fold_logits_[~np.isnan(model.out_of_fold_logits_)]).size <= 6


def test_class_weights_are_weights_of_the_rows():
    X, y = circles(120)
    weighted = NetworkClassifier(**SMALL, class_weight={0: 1.0, 1: 3.0}).fit(X, y)
    same = NetworkClassifier(**SMALL).fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    assert np.array_equal(weighted.predict_proba(X), same.predict_proba(X))


def test_missing_values_are_a_value_of_their_own():
    X, y = circles()
    X = np.column_stack([X, np.where(y == 1, np.nan, 0.5)])
    model = NetworkClassifier(**SMALL).fit(X, y)
    assert model.loss_ < 0.05
    assert model.score(X, y) == 1.0
    assert np.isfinite(model.predict_proba(np.full((2, 3), np.nan))).all()


@pytest.mark.parametrize(
    "form", [sparse.csr_matrix, sparse.csr_array, pd.DataFrame, pl.DataFrame, np.ndarray.tolist]
)
def test_other_forms_of_the_same_numbers(form):
    X, y = circles(100)
    X[X < 0] = 0
    expected = NetworkClassifier(**SMALL).fit(X, y).predict_proba(X)
    columns = {"columns": ["a", "b"]} if form is pd.DataFrame else {"schema": ["a", "b"]}
    given = form(X, **columns) if form in (pd.DataFrame, pl.DataFrame) else form(X)
    model = NetworkClassifier(**SMALL).fit(given, y)
    np.testing.assert_allclose(model.predict_proba(given), expected, atol=1e-12)


def test_many_sparse_features_become_few_directions():
    rng = np.random.default_rng(0)
    X = sparse.random(300, 5_000, 0.01, "csr", dtype=np.float32, random_state=0)
    dense = rng.normal(size=(300, 1)).astype(np.float32)
    y = (np.asarray(X[:, :2_500].sum(axis=1)).ravel() > np.asarray(X[:, 2_500:].sum(axis=1)).ravel()).astype(
        int
    )
    features = Features(dense, sparse.csr_array(X))
    model = NetworkClassifier(**SMALL).fit(features, y)
    assert model.network_.parts[0].preparation.width == 1 + 64
    assert model.n_features_in_ == 5_001
    again = model.predict_proba(features.take(slice(7)))
    np.testing.assert_allclose(again, model.predict_proba(features)[:7], atol=1e-6)


def test_folds_may_be_given():
    X, y = circles(120)
    folds = np.arange(120) % 4
    folds[:10] = -1
    model = NetworkClassifier(**{**SMALL, "folds": None}).fit(X, y, folds=folds)
    assert len(model.network_.parts) == 4
    assert np.isnan(model.out_of_fold_logits_[:10]).all()
    assert np.isfinite(model.out_of_fold_logits_[10:]).all()
    few = NetworkClassifier(**{**SMALL, "folds": 2}).fit(X, y, folds=folds)
    assert len(few.network_.parts) == 2
    assert np.array_equal(np.isfinite(few.out_of_fold_logits_[:, 0]), (folds == 0) | (folds == 1))
    with pytest.raises(ShapeError, match="of shape"):
        NetworkClassifier().fit(X, y, folds=folds[1:])


def test_a_network_learns_nothing_of_the_rows_that_are_held_out():
    X, y = circles(120)
    folds = np.arange(120) % 3
    held = folds == 0
    # the best of one epoch is that one, whatever the held-out rows say
    settings = {**SMALL, "epochs": 1}
    model = NetworkClassifier(**settings).fit(X, y, folds=folds)
    other = NetworkClassifier(**settings).fit(
        np.where(held[:, None], 5 - 3 * X, X), np.where(held, 1 - y, y), folds=folds
    )
    same = [
        same_bits(a.network.state_dict(), b.network.state_dict())
        for a, b in zip(model.network_.parts, other.network_.parts, strict=True)
    ]
    assert same == [True, False, False]


def test_one_fold_holds_an_eighth_out():
    X, y = circles(160)
    model = NetworkClassifier(**{**SMALL, "folds": 1}).fit(X, y)
    assert len(model.network_.parts) == 1
    assert np.isfinite(model.out_of_fold_logits_[:, 0]).sum() == 20


@pytest.mark.parametrize("limit", [1e-6, 0.5])
def test_a_time_limit_is_kept_and_something_good_comes_back(limit):
    X, y = circles(2_000)
    start = time.monotonic()
    model = NetworkClassifier(time_limit=limit).fit(X, y)
    assert time.monotonic() - start < limit + 5.0
    assert np.isfinite(model.predict_proba(X)).all()
    # no worse than the class frequencies
    assert losses_from_logits(model.predict_log_proba(X), y).mean() < math.log(2) + 0.02


def test_a_module_of_ones_own():
    X, y = load_iris(return_X_y=True)
    model = NetworkClassifier(network(4, 3), folds=3, epochs=40, lr=0.02).fit(X, y)
    assert model.score(X, y) > 0.9
    made = []

    def make(features, classes):
        made.append((features, classes))
        return network(features, classes)

    again = NetworkClassifier(make, folds=3, epochs=40, lr=0.02).fit(X, y)
    assert made == [(4, 3)] * 3
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="NaN"):
        model.predict(np.full((1, 4), np.nan))


def test_a_class_that_is_in_no_other_row_is_learned_from_but_not_held_out():
    X, y = circles(60)
    y[0] = 2
    model = NetworkClassifier(**SMALL).fit(X, y)
    assert np.isnan(model.out_of_fold_logits_[0]).all()
    assert model.predict_proba(X).shape == (60, 3)


def test_records_name_their_fold():
    X, y = circles(60)
    records = []
    NetworkClassifier(**{**SMALL, "epochs": 2}).fit(X, y, write=records.append)
    assert {record["fold"] for record in records} == {0, 1, 2}
    assert {"step", "loss", "lr", "rows", "gradient_norm", "epoch", "fold"} == set(records[0])


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"folds": 0}, ConfigError, "folds is 0"),
        ({"members": 0}, ConfigError, "members is 0"),
        ({"dropout": 1.0}, ConfigError, "dropout is 1.0"),
        ({"time_limit": 0}, ConfigError, "time_limit is 0"),
        ({"time_limit": math.nan}, ConfigError, "time_limit is nan"),
        ({"optimizer": "adm"}, ConfigError, "no optimizer 'adm'"),
        ({"class_weight": "balance"}, ConfigError, "class_weight is 'balance'"),
        ({"class_weight": {0: 0.0}}, TargetError, "only class 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, kind, said):
    with pytest.raises(kind, match=said):
        NetworkClassifier(**settings).fit(*circles(40))
