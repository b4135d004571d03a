"""What `LogisticRegressionCV` promises: the scores of its folds, the best penalty, and the fit that goes with it."""

import pickle

import numpy as np
import pytest
import sklearn
import sklearn.linear_model
import torch
from sklearn.base import clone
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)

from crossentropy.errors import ConfigError
from crossentropy.linear import LogisticRegression, LogisticRegressionCV, cross_validate_penalty
from crossentropy.linear._auto import _deal, auto_path
from crossentropy.linear._fit import FitSettings, seed_of
from crossentropy.linear._targets import read_targets

from .problems import random_rows

CS = [0.01, 1.0, 100.0]
TIGHT = {"tol": 1e-11}


@pytest.fixture(params=[2, 3], ids=["K2", "K3"])
def data(request):
    return random_rows(90, 150, 4, request.param)


def outputs(y):
    return 1 if y.max() == 1 else y.max() + 1


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", None, "neg_brier_score", "roc_auc_ovr"])
def test_scores_and_paths_are_those_of_single_fits(data, scoring):
    X, y = data
    s = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = LogisticRegressionCV(Cs=CS, cv=3, scoring=scoring, class_weight="balanced", **TIGHT).fit(X, y, s)
    scorer = get_scorer(scoring or "accuracy")
    weight = dict(enumerate(s.sum() / ((y.max() + 1) * np.bincount(y, s))))
    for fold, (train, held) in enumerate(StratifiedKFold(3).split(X, y)):
        for c, C in enumerate(CS):
            single = LogisticRegression(C=C, class_weight=weight, **TIGHT).fit(X[train], y[train], s[train])
            score = scorer(single, X[held], y[held], sample_weight=s[held])
            assert model.scores_[fold, 0, c] == pytest.approx(score, abs=1e-6)
            path = model.coefs_paths_[fold, 0, c]
            np.testing.assert_allclose(path, np.column_stack([single.coef_, single.intercept_]), atol=1e-4)
    assert CS[int(np.argmax(model.scores_.sum(axis=(0, 1))))] == model.C_


def test_the_model_that_is_kept_is_the_fit_on_all_rows(data):
    X, y = data
    model = LogisticRegressionCV(Cs=CS, **TIGHT).fit(X, y)
    alone = LogisticRegression(C=model.C_, tol=1e-13).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), alone.predict_proba(X), atol=1e-6)
    assert model.objective_ - model.optimality_gap_ <= alone.objective_
    assert model.optimality_gap_ <= 1e-2 * 1e-4 * model.objective_
    assert model.relative_gaps_.max() <= 1e-11 * (1 + 1e-9)


def test_attributes_have_scikit_learns_new_form(data):
    X, y = data
    mine = LogisticRegressionCV(Cs=3, cv=4).fit(X, y)
    theirs = sklearn.linear_model.LogisticRegressionCV(
        Cs=3, cv=4, use_legacy_attributes=False, l1_ratios=(0,), scoring="neg_log_loss"
    ).fit(X, y)
    for name in (
        "coef_",
        "intercept_",
        "scores_",
        "coefs_paths_",
        "n_iter_",
        "Cs_",
        "l1_ratios_",
        "classes_",
    ):
        assert getattr(mine, name).shape == getattr(theirs, name).shape, name
        assert getattr(mine, name).dtype.kind == getattr(theirs, name).dtype.kind or name == "l1_ratios_", (
            name
        )
    assert type(mine.C_) is float
    assert type(mine.l1_ratio_) is float
    np.testing.assert_array_equal(mine.Cs_, theirs.Cs_)
    np.testing.assert_allclose(mine.scores_, theirs.scores_, atol=2e-2)


def test_without_refit_the_folds_own_best_are_averaged(data):
    X, y = data
    model = LogisticRegressionCV(Cs=CS, cv=3, refit=False, **TIGHT).fit(X, y)
    best = model.scores_[:, 0].argmax(axis=1)
    mean = np.mean([model.coefs_paths_[fold, 0, c] for fold, c in enumerate(best)], axis=0)
    np.testing.assert_allclose(np.column_stack([model.coef_, model.intercept_]), mean)
    assert pytest.approx(np.mean(np.array(CS)[best])) == model.C_
    assert model.out_of_fold_logits_.shape == (len(y), y.max() + 1)


SPLITTERS = {
    "k folds": KFold(4, shuffle=True, random_state=0),
    "repeated": RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
    "overlapping": ShuffleSplit(3, test_size=0.4, random_state=0),
    "pairs": [(np.arange(50, 150), np.arange(50)), (np.arange(100), np.arange(100, 150))],
    "masks": [(np.arange(150) >= 60, np.arange(150) < 60)],
}


@pytest.mark.parametrize("name", SPLITTERS)
def test_any_splitter_and_out_of_fold_logits(data, name):
    X, y = data
    cv = SPLITTERS[name]
    model = LogisticRegressionCV(Cs=[1.0], cv=cv, **TIGHT).fit(X, y)
    splits = cv if isinstance(cv, list) else list(cv.split(X, y))
    total, times = np.zeros((len(y), y.max() + 1)), np.zeros(len(y))
    for fold, (train, held) in enumerate(splits):
        single = LogisticRegression(C=1.0, **TIGHT).fit(X[train], y[train])
        logits = single.predict_log_proba(X[held])
        total[held] += logits - logits.mean(axis=1, keepdims=True)
        times[held] += 1
        expected = -log_loss(y[held], single.predict_proba(X[held]))
        assert model.scores_[fold, 0, 0] == pytest.approx(expected, abs=1e-6)
    seen = times > 0
    np.testing.assert_allclose(model.out_of_fold_logits_[seen], total[seen] / times[seen, None], atol=1e-4)
    assert np.isnan(model.out_of_fold_logits_[~seen]).all()


def test_groups_are_routed_to_the_splitter(data):
    X, y = data
    groups = np.arange(len(y)) % 7
    with pytest.raises(ValueError, match=r"Passing groups to LogisticRegressionCV\.fit is only supported if"):
        LogisticRegressionCV(cv=GroupKFold(3)).fit(X, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegressionCV(Cs=CS, cv=GroupKFold(3)).fit(X, y, groups=groups)
    pairs = list(GroupKFold(3).split(X, y, groups))
    np.testing.assert_array_equal(model.scores_, LogisticRegressionCV(Cs=CS, cv=pairs).fit(X, y).scores_)


def test_it_agrees_with_a_grid_search(data):
    X, y = data
    grid = GridSearchCV(LogisticRegression(tol=1e-14), {"C": CS}, scoring="neg_log_loss", cv=4).fit(X, y)
    model = LogisticRegressionCV(Cs=CS, cv=4, tol=1e-14).fit(X, y)
    assert grid.best_params_["C"] == model.C_
    means = model.scores_.mean(axis=(0, 1))
    np.testing.assert_allclose(means, grid.cv_results_["mean_test_score"], atol=1e-7)
    assert model.score(X, y) == pytest.approx(grid.score(X, y), abs=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_folds_without_a_class_are_scored(fit_intercept):
    X, y = random_rows(91, 60, 3, 3)
    y = np.sort(y)
    model = LogisticRegressionCV(Cs=CS, cv=KFold(3), fit_intercept=fit_intercept).fit(X, y)
    assert np.isfinite(model.scores_).all()
    assert np.isfinite(model.coefs_paths_).all()
    assert model.scores_.min() > -10
    accuracy = LogisticRegressionCV(Cs=CS, cv=KFold(3), scoring="accuracy").fit(X, np.repeat([0, 1, 2], 20))
    assert (accuracy.scores_ == 0).all()


def test_two_classes_left_of_three_share_the_penalty_of_the_pair():
    X, y = random_rows(92, 90, 3, 3)
    order = np.argsort(y == 2, kind="stable")
    X, y = X[order], y[order]
    few = int((y < 2).sum())
    cv = [(np.arange(few), np.arange(few, 90))]
    path = LogisticRegressionCV(Cs=[1.0], cv=cv, **TIGHT).fit(X, y).coefs_paths_[0, 0, 0]
    pair = LogisticRegression(C=2.0, **TIGHT).fit(
        X[:few], y[:few]
    )  # |w|^2 / 4 is what two rows of w / 2 cost
    np.testing.assert_allclose(path[1, :-1] - path[0, :-1], pair.coef_[0], atol=1e-4)


def test_c_auto_is_corrected_for_class_weights(data):
    X, y = data
    weight = {name: 30.0**name for name in range(y.max() + 1)}
    model = LogisticRegression(C="auto", class_weight=weight).fit(X, y)
    folds = _deal(y, np.random.default_rng(seed_of(0)))
    path = cross_validate_penalty(
        X, y, n_classes=len(weight), folds=folds, class_weight=np.array(list(weight.values()))
    )
    assert model.C_ == path.C
    raw = cross_validate_penalty(X, y, n_classes=len(weight), folds=folds)
    settings = FitSettings(1.0, 0.0, 1e-6, 500, True, seed_of(0))
    targets = read_targets(y, len(y), None, weight, X)
    mine = auto_path(X, targets, None, settings)
    np.testing.assert_allclose(mine.losses, path.losses, rtol=1e-3)
    assert abs(mine.losses - path.losses).max() < abs(raw.loss - path.loss)


def test_soft_targets_and_offsets_go_through_the_folds(data):
    X, y = data
    K = y.max() + 1
    P = 0.8 * np.eye(K)[y] + 0.2 / K
    offset = np.random.default_rng(3).standard_normal((len(y), K))
    cv = [(np.arange(50, 150), np.arange(50)), (np.arange(100), np.arange(100, 150))]
    model = LogisticRegressionCV(Cs=[0.1, 1.0], cv=cv, **TIGHT).fit(X, P, offset=offset)
    for fold, (train, held) in enumerate(cv):
        single = LogisticRegression(C=1.0, **TIGHT).fit(X[train], P[train], offset=offset[train])
        logs = single.predict_log_proba(X[held], offset=offset[held])
        assert model.scores_[fold, 0, 1] == pytest.approx((P[held] * logs).sum(axis=1).mean(), abs=1e-6)
    assert LogisticRegression(C="auto").fit(X, P, offset=offset).C_ > 0
    hard = LogisticRegressionCV(Cs=[1.0], cv=cv).fit(X, y, offset=offset)
    logs = hard.predict_log_proba(X, offset=offset)
    assert hard.score(X, y, offset=offset) == pytest.approx(logs[np.arange(len(y)), y].mean())
    with pytest.raises(ConfigError, match=r"scoring='accuracy' needs labels"):
        LogisticRegressionCV(scoring="accuracy", cv=cv).fit(X, P)


def test_c_auto_is_the_lowest_out_of_fold_loss(data):
    X, y = data
    model = LogisticRegression(C="auto").fit(X, y)
    assert model.C == "auto"
    again = LogisticRegression(C=model.C_).fit(X, y)
    np.testing.assert_array_equal(model.coef_, again.coef_)
    rng = np.random.default_rng(5)
    noise = LogisticRegression(C="auto").fit(rng.standard_normal((200, 5)), rng.integers(0, 2, 200))
    assert noise.C_ < model.C_
    assert clone(model).fit(X, y).C_ == model.C_


def test_labels_tensors_and_pickles(data):
    X, y = data
    names = np.array(["ape", "bee", "cat"])[y]
    model = LogisticRegressionCV(Cs=CS).fit(torch.tensor(X), names)
    assert set(model.predict(X)) <= set(names)
    assert isinstance(model.predict_proba(torch.tensor(X)), torch.Tensor)
    back = pickle.loads(pickle.dumps(model))
    assert back.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    np.testing.assert_array_equal(back.coefs_paths_, model.coefs_paths_)


def test_paths_too_large_to_keep_are_not_and_say_so(data, monkeypatch):
    X, y = data
    whole = LogisticRegressionCV(Cs=CS).fit(X, y)
    monkeypatch.setattr("crossentropy.linear._record.LARGEST", 100)
    model = LogisticRegressionCV(Cs=CS).fit(X, y)
    np.testing.assert_array_equal(model.coef_, whole.coef_)
    with pytest.raises(AttributeError, match="not kept"):
        _ = model.coefs_paths_


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"Cs": 0}, "Cs is 0"),
        ({"Cs": []}, r"Cs is \[\]"),
        ({"Cs": [1.0, -1.0]}, "C is -1.0"),
        ({"Cs": "many"}, "Cs is 'many'"),
        ({"l1_ratios": (2.0,)}, "l1_ratio is 2.0"),
        ({"l1_ratios": None}, "l1_ratios is None"),
        ({"tol": 0}, "tol is 0"),
        ({"max_iter": -1}, "max_iter is -1"),
        ({"n_jobs": 2}, "n_jobs=2 has no meaning"),
        ({"use_legacy_attributes": True}, "use_legacy_attributes=True has no meaning"),
        ({"cv": [(np.arange(10), np.arange(0))]}, "Fold 0 of cv holds out no row"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused_by_name(data, settings, what):
    with pytest.raises(ConfigError, match=what):
        LogisticRegressionCV(**settings).fit(*data)


def test_a_fold_without_weight_is_refused(data):
    X, y = data
    weights = np.where(np.arange(150) < 50, 0.0, 1.0)
    with pytest.raises(ConfigError, match="fold 0 have sample_weight 0"):
        LogisticRegressionCV(cv=KFold(3)).fit(X, y, weights)


def test_verbose_tells_of_each_penalty(data, capsys):
    LogisticRegressionCV(Cs=CS).fit(*data)
    assert capsys.readouterr() == ("", "")
    LogisticRegressionCV(Cs=CS, verbose=1).fit(*data)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3].rstrip(":") for line in lines] == ["0.01", "1", "100"]
