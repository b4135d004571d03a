"""The penalty by cross-validation: nothing leaks, the best is chosen, rare classes do no harm."""

import numpy as np
import pytest
from scipy.special import log_softmax

from crossentropy.errors import ClassIdError, ConfigError, ShapeError, TargetError
from crossentropy.linear import LogisticRegression, cross_validate_penalty

from .problems import random_rows


@pytest.fixture(params=[2, 4], ids=["K2", "K4"])
def data(request):
    X, y = random_rows(30, 200, 4, request.param)
    return X, y, request.param, np.arange(200) % 5


def test_default_path_holds_together(data):
    X, y, k, folds = data
    path = cross_validate_penalty(X, y, n_classes=k, folds=folds)
    assert path.losses.shape == path.Cs.shape == path.standard_errors.shape
    assert (np.diff(path.Cs) > 0).all()
    assert path.relative_gaps.shape == (len(path.Cs), 5)
    assert path.relative_gaps.max() <= 1e-4
    assert path.chosen == np.argmin(path.losses)
    assert path.Cs[path.chosen] == path.C
    assert path.loss == path.losses.min()
    assert path.loss < np.log(k)
    assert np.isfinite(path.out_of_fold_logits).all()
    cost = -log_softmax(path.out_of_fold_logits, axis=1)[np.arange(200), y]
    assert path.loss == pytest.approx(cost.mean(), rel=1e-12)
    assert path.standard_errors[path.chosen] == pytest.approx(cost.std() / np.sqrt(200), rel=1e-9)


def test_fold_fits_are_those_of_the_estimator_on_the_other_rows(data):
    X, y, k, folds = data
    s = np.random.default_rng(0).uniform(0.2, 2, 200)
    path = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[0.3], sample_weight=s, tol=1e-12)
    for fold in range(5):
        held = folds == fold
        model = LogisticRegression(C=0.3, tol=1e-12).fit(X[~held], y[~held], s[~held])
        logits = path.out_of_fold_logits[held]
        np.testing.assert_allclose(log_softmax(logits, axis=1), model.predict_log_proba(X[held]), atol=1e-5)


def test_a_row_never_sees_its_own_target(data):
    X, y, k, folds = data
    clean = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[10.0])
    for row in (0, 7, 199):
        poisoned = y.copy()
        poisoned[row] = (y[row] + 1) % k
        path = cross_validate_penalty(X, poisoned, n_classes=k, folds=folds, Cs=[10.0])
        same_fold = folds == folds[row]
        np.testing.assert_array_equal(path.out_of_fold_logits[same_fold], clean.out_of_fold_logits[same_fold])
        assert not np.allclose(
            path.out_of_fold_logits[~same_fold], clean.out_of_fold_logits[~same_fold], atol=1e-4
        )


def test_rows_of_fold_minus_one_train_always_and_are_never_scored(data):
    X, y, k, folds = data
    aside = np.where(np.arange(200) < 60, -1, folds)
    path = cross_validate_penalty(X, y, n_classes=k, folds=aside, Cs=[1.0], tol=1e-12)
    assert np.isnan(path.out_of_fold_logits[:60]).all()
    assert np.isfinite(path.out_of_fold_logits[60:]).all()
    cost = -log_softmax(path.out_of_fold_logits[60:], axis=1)[np.arange(140), y[60:]]
    assert path.losses[0] == pytest.approx(cost.mean(), rel=1e-12)
    model = LogisticRegression(tol=1e-12).fit(X[aside != 2], y[aside != 2])
    found = log_softmax(path.out_of_fold_logits[aside == 2], axis=1)
    np.testing.assert_allclose(found, model.predict_log_proba(X[aside == 2]), atol=1e-5)


def test_class_weights_are_corrected_before_scoring_and_not_in_the_logits(data):
    X, y, k, folds = data
    factor = np.linspace(1.0, 8.0, k)
    path = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[1.0], class_weight=factor, tol=1e-10)
    corrected = log_softmax(path.out_of_fold_logits - np.log(factor), axis=1)
    assert path.losses[0] == pytest.approx(-corrected[np.arange(200), y].mean(), rel=1e-12)
    model = LogisticRegression(tol=1e-10, class_weight=dict(enumerate(factor))).fit(
        X[folds != 0], y[folds != 0]
    )
    raw = log_softmax(path.out_of_fold_logits[folds == 0], axis=1)
    np.testing.assert_allclose(raw, model.predict_log_proba(X[folds == 0]), atol=1e-4)
    plain = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[1.0])
    assert path.losses[0] == pytest.approx(plain.losses[0], rel=0.15)


def test_loss_is_weighted_by_the_rows(data):
    X, y, k, folds = data
    s = np.random.default_rng(1).uniform(0, 3, 200)
    path = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[1.0], sample_weight=s)
    cost = -log_softmax(path.out_of_fold_logits, axis=1)[np.arange(200), y]
    assert path.losses[0] == pytest.approx(np.average(cost, weights=s), rel=1e-12)


def test_warm_path_equals_single_fits(data):
    X, y, k, folds = data
    whole = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[0.01, 0.1, 1.0], tol=1e-10)
    for C, loss in zip(whole.Cs, whole.losses, strict=True):
        alone = cross_validate_penalty(X, y, n_classes=k, folds=folds, Cs=[C], tol=1e-10)
        assert alone.losses[0] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("rows_of_rare", [1, 2])
def test_classes_missing_from_training_rows_are_survived(data, rows_of_rare):
    X, y, k, _ = data
    y = np.where(np.arange(200) < rows_of_rare, k, y)
    path = cross_validate_penalty(X, y, n_classes=k + 1, folds=np.zeros(200, int) + (np.arange(200) >= 40))
    assert np.isfinite(path.losses).all()
    assert np.isfinite(path.out_of_fold_logits).all()
    # Half a row of the absent class on top of 160: ln(2 * 160 + 1) nats for each of its rows.
    cost = -log_softmax(path.out_of_fold_logits[:rows_of_rare], axis=1)[:, k]
    np.testing.assert_allclose(cost, np.log(2 * 160 + 1), rtol=1e-12)


def test_a_fold_that_leaves_one_class_is_survived():
    X, y = np.arange(8.0)[:, None], np.array([0, 0, 0, 0, 1, 1, 1, 1])
    path = cross_validate_penalty(X, y, n_classes=2, folds=y, Cs=[1.0])
    np.testing.assert_allclose(-log_softmax(path.out_of_fold_logits, axis=1)[np.arange(8), y], np.log(9))


def test_path_ends_after_the_loss_has_risen():
    X, y = random_rows(31, 60, 30, 3, strength=0.5)
    path = cross_validate_penalty(X, y, n_classes=3, folds=np.arange(60) % 5)
    assert len(path.Cs) - 1 - path.chosen == 3
    assert path.losses[-1] > path.loss


def test_useless_features_still_give_an_answer():
    y = np.arange(40) % 2
    path = cross_validate_penalty(np.zeros((40, 2)), y, n_classes=2, folds=np.arange(40) // 8)
    assert path.loss == pytest.approx(np.log(2), rel=1e-6)


def test_no_columns_at_all_give_the_class_frequencies():
    y = np.arange(30) % 3
    path = cross_validate_penalty(np.empty((30, 0)), y, n_classes=3, folds=np.arange(30) // 6)
    assert path.loss == pytest.approx(np.log(3), rel=1e-6)


def test_same_bits_twice_and_inputs_unmodified(data):
    X, y, k, folds = data
    for array in (X, y, folds):
        array.flags.writeable = False
    one = cross_validate_penalty(X, y, n_classes=k, folds=folds, random_state=4)
    two = cross_validate_penalty(X, y, n_classes=k, folds=folds, random_state=4)
    assert one.out_of_fold_logits.tobytes() == two.out_of_fold_logits.tobytes()
    assert one.losses.tobytes() == two.losses.tobytes()


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"targets": np.array([0, 1, 2, 9, 1, 0])}, ClassIdError, "9 in row 3"),
        ({"targets": np.zeros(5, int)}, ShapeError, "targets"),
        ({"folds": np.zeros(4, int)}, ShapeError, "folds"),
        ({"class_weight": np.array([1.0, 0.0, 1.0])}, ConfigError, "class_weight"),
        ({"class_weight": np.ones(2)}, ShapeError, "class_weight"),
        ({"sample_weight": np.full(6, -1.0)}, ConfigError, "sample_weight"),
        ({"sample_weight": np.zeros(6)}, ConfigError, "sample_weight"),
        ({"Cs": [0.0, 1.0]}, ConfigError, "Cs"),
        ({"Cs": []}, ConfigError, "Cs"),
        ({"folds": np.zeros(6, int)}, TargetError, "no row to train on"),
    ],
)
def test_wrong_arguments_are_named(change, error, text):
    arguments = {"targets": np.array([0, 1, 2, 0, 1, 2]), "n_classes": 3, "folds": np.arange(6) % 2}
    with pytest.raises(error, match=text):
        cross_validate_penalty(np.ones((6, 2)), **{**arguments, **change})
