"""The penalty path: weights, identifiers, dtypes, the grid, and what each number means."""

import numpy as np
import pytest
from scipy.special import log_softmax

from crossentropy.errors import ClassIdError, ConfigError
from crossentropy.linear import LogisticRegression, cross_validate_penalty

from .problems import random_rows

HALF_DECADES = {float(f"{10 ** (k / 2):.3g}") for k in range(-12, 9)}


@pytest.fixture(params=[2, 4], ids=["K2", "K4"])
def data(request):
    X, y = random_rows(40, 120, 3, request.param)
    return X, y, {"n_classes": request.param, "folds": np.arange(120) % 4}


def costs(path, y):
    return -log_softmax(path.out_of_fold_logits, axis=1)[np.arange(len(y)), y]


def test_the_standard_error_is_that_of_a_weighted_mean(data):
    X, y, settings = data
    s = np.random.default_rng(0).uniform(0, 3, 120)
    path = cross_validate_penalty(X, y, Cs=[1.0], sample_weight=s, **settings)
    off = costs(path, y) - path.losses[0]
    assert path.standard_errors[0] == pytest.approx(np.sqrt(((s * off) ** 2).sum()) / s.sum(), rel=1e-9)
    # C multiplies the sum of the weights: 4 s at C / 4 is the same problem, and no more rows were seen
    again = cross_validate_penalty(X, y, Cs=[0.25], sample_weight=4 * s, **settings)
    assert again.losses[0] == pytest.approx(path.losses[0], rel=1e-9)
    assert again.standard_errors[0] == pytest.approx(path.standard_errors[0], rel=1e-9)


def test_a_row_of_no_weight_is_a_row_that_is_not_there(data):
    X, y, settings = data
    there = np.random.default_rng(1).random(120) > 0.3
    folds = settings.pop("folds")
    y = np.where(there, y, settings["n_classes"])  # a class whose rows all weigh nothing
    arguments = {"n_classes": settings["n_classes"] + 1, "Cs": [0.1, 1.0]}
    weightless = cross_validate_penalty(X, y, folds=folds, sample_weight=1.0 * there, **arguments)
    removed = cross_validate_penalty(X[there], y[there], folds=folds[there], **arguments)
    np.testing.assert_allclose(weightless.losses, removed.losses, rtol=1e-9)
    np.testing.assert_allclose(weightless.standard_errors, removed.standard_errors, rtol=1e-9)
    np.testing.assert_allclose(costs(weightless, y)[~there], np.log(2 * _others(folds, there) + 1)[~there])


def _others(folds, there):
    """Return for each row how many rows with weight its fold leaves to train on."""
    return there.sum() - np.bincount(folds, there)[folds]


def test_an_absent_class_has_half_a_row_whatever_the_rows_weigh(data):
    X, y, settings = data
    y = np.where(np.arange(120) == 5, settings.pop("n_classes"), y)
    s = np.random.default_rng(2).uniform(0.5, 9, 120)
    path = cross_validate_penalty(X, y, n_classes=int(y.max()) + 1, Cs=[1.0], sample_weight=s, **settings)
    assert costs(path, y)[5] == pytest.approx(np.log(2 * 90 + 1), rel=1e-12)


def test_fold_ids_are_names(data):
    X, y, settings = data
    named = np.array([9, 0, 4, 2])[settings["folds"]]
    plain = cross_validate_penalty(X, y, Cs=[0.1, 1.0], **settings)
    other = cross_validate_penalty(X, y, Cs=[0.1, 1.0], n_classes=settings["n_classes"], folds=named)
    np.testing.assert_allclose(other.losses, plain.losses, rtol=1e-9)
    assert other.relative_gaps.shape == plain.relative_gaps.shape == (2, 4)


def test_penalties_may_come_in_any_order_and_twice(data):
    X, y, settings = data
    mixed = cross_validate_penalty(X, y, Cs=[1.0, 0.01, 0.1, 1.0], **settings)
    ordered = cross_validate_penalty(X, y, Cs=np.array([0.01, 0.1, 1.0]), **settings)
    assert mixed.Cs.tolist() == ordered.Cs.tolist() == [0.01, 0.1, 1.0]
    assert mixed.losses.tobytes() == ordered.losses.tobytes()
    assert mixed.C == ordered.C


def test_of_equal_losses_the_strongest_penalty_is_chosen():
    path = cross_validate_penalty(
        np.zeros((40, 2)), np.arange(40) % 2, n_classes=2, folds=np.arange(40) // 8, Cs=[0.1, 1.0, 10.0]
    )
    assert len(set(path.losses)) == 1
    assert path.C == 0.1


@pytest.mark.parametrize(("n", "ends"), [(60, 3), (600, 1)], ids=["too few rows to tell", "clearly worse"])
def test_given_penalties_too_end_where_weaker_ones_no_longer_help(n, ends):
    X, y = random_rows(31, n, n // 20, 3, strength=0.5)
    settings = {"n_classes": 3, "folds": np.arange(n) % 5}

    def rows(C):
        return costs(cross_validate_penalty(X, y, Cs=[C], tol=1e-9, **settings), y)

    path = cross_validate_penalty(X, y, Cs=10.0 ** np.arange(-4, 9), **settings)
    assert len(path.Cs) == path.chosen + 1 + ends < 13
    for weaker in path.Cs[path.chosen + 1 :]:
        worse = rows(weaker) - rows(path.C)
        clearly = worse.mean() > 3 * worse.std() / np.sqrt(n)
        assert clearly == (weaker == path.Cs[-1] and ends < 3)


def test_the_default_penalties_are_half_decades_from_1e_minus_6_to_1e4():
    X, y = random_rows(41, 200, 3, 3)
    folds = np.arange(200) % 4
    small = cross_validate_penalty(1e-4 * X, y, n_classes=3, folds=folds)
    large = cross_validate_penalty(1e4 * X, y, n_classes=3, folds=folds)
    assert small.Cs[-1] == 1e4
    assert large.Cs[0] == 1e-6
    assert set(small.Cs) | set(large.Cs) <= HALF_DECADES
    for path in (small, large):
        assert len(path.Cs) == sum(path.Cs[0] <= C <= path.Cs[-1] for C in HALF_DECADES)


def test_the_penalties_left_out_are_those_under_which_the_features_do_nothing(data):
    X, y, settings = data
    first = cross_validate_penalty(X, y, **settings).Cs[0]
    left_out = sorted(C for C in HALF_DECADES if first > C)
    assert left_out
    constant = cross_validate_penalty(np.empty((120, 0)), y, Cs=[1.0], **settings).loss
    for C in left_out:
        assert cross_validate_penalty(X, y, Cs=[C], **settings).loss == pytest.approx(constant, rel=0.02)


def test_gap_and_budget_are_those_of_the_estimator_on_the_other_rows(data):
    X, y, settings = data
    path = cross_validate_penalty(X, y, Cs=[3.0], max_iter=1, tol=1e-12, **settings)
    for fold in range(4):
        rows = settings["folds"] != fold
        alone = LogisticRegression(C=3.0, max_iter=1, tol=1e-12).fit(X[rows], y[rows]).result_
        assert alone.n_iter == 1
        assert path.relative_gaps[0, fold] == pytest.approx(alone.relative_gap, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_features_of_other_dtypes_give_the_float64_logits(data, dtype):
    X, y, settings = data
    X = (1000 * X).astype(np.int64) + 10**9 if dtype is np.int64 else X.astype(dtype)
    arguments = {"Cs": [0.1, 1.0] if dtype is np.float32 else [1e-5], "tol": 1e-10} | settings
    one = cross_validate_penalty(X, y, **arguments).out_of_fold_logits
    other = cross_validate_penalty(X.astype(np.float64), y, **arguments).out_of_fold_logits
    assert one.dtype == np.float64
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"targets": np.array([0, 1, -1, 0, 1, 2])}, ClassIdError, "-1 in row 2"),
        ({"class_weight": np.array([1.0, np.inf, 1.0])}, ConfigError, "class_weight"),
        ({"sample_weight": np.array([1.0, 1, 1, np.inf, 1, 1])}, ConfigError, "sample_weight"),
        (
            {"folds": np.array([-1, -1, -1, -1, 0, 1]), "sample_weight": np.array([1.0, 1, 1, 1, 0, 0])},
            ConfigError,
            "some row of a fold",
        ),
    ],
)
def test_wrong_values_are_named(change, error, text):
    arguments = {"targets": np.array([0, 1, 2, 0, 1, 2]), "n_classes": 3, "folds": np.arange(6) % 2}
    with pytest.raises(error, match=text):
        cross_validate_penalty(np.ones((6, 2)), **{**arguments, **change})
