"""A scikit-learn user changes one import: signatures, attributes, and the tools around an estimator."""

import inspect
import pickle

import numpy as np
import pytest
import sklearn
import sklearn.linear_model
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossentropy.errors import ConfigError
from crossentropy.linear import LogisticRegression

from .problems import random_rows

PEERS = [(LogisticRegression, sklearn.linear_model.LogisticRegression)]


@pytest.fixture(params=[2, 3], ids=["K2", "K3"])
def data(request):
    return random_rows(80, 150, 4, request.param)


@pytest.mark.parametrize(("ours", "theirs"), PEERS)
def test_every_parameter_is_taken_in_the_same_way(ours, theirs):
    mine, yours = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    assert set(yours) - set(mine) <= {"l1_ratio"}
    for name, parameter in yours.items():
        assert name not in mine or mine[name].kind == parameter.kind, name


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "liblinear"},
        {"dual": True},
        {"penalty": "l1"},
        {"penalty": "l2"},
        {"penalty": None},
        {"intercept_scaling": 2.0},
        {"n_jobs": -1},
        {"penalty": 0.5},
    ],
    ids=str,
)
def test_a_setting_without_meaning_is_refused_in_one_line_that_says_why(data, settings):
    (name,) = settings
    with pytest.raises(ConfigError, match=rf"^{name}=.* (has no meaning here|is not taken): .*\.$") as caught:
        LogisticRegression(**settings).fit(*data)
    assert "\n" not in str(caught.value)


def test_the_defaults_of_scikit_learn_are_accepted_when_written_out(data):
    theirs = sklearn.linear_model.LogisticRegression().get_params()
    LogisticRegression(**{name: theirs[name] for name in ("solver", "dual", "penalty", "n_jobs")}).fit(*data)
    LogisticRegression(intercept_scaling=1.0, dual=np.False_).fit(*data)


def test_attributes_have_the_same_shapes(data):
    X, y = data
    mine, yours = LogisticRegression().fit(X, y), sklearn.linear_model.LogisticRegression().fit(X, y)
    for name in ("coef_", "intercept_", "n_iter_", "classes_"):
        assert getattr(mine, name).shape == getattr(yours, name).shape
        assert getattr(mine, name).dtype == getattr(yours, name).dtype
    missing = {name for name in set(dir(yours)) - set(dir(mine)) if not name.startswith("_")}
    assert missing <= {"l1_ratio"}


def test_grid_search_pipelines_and_clones(data):
    X, y = data
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [0.01, 1.0, 100.0]},
        scoring="neg_log_loss",
    ).fit(X, y)
    best = grid.best_estimator_
    again = clone(best).fit(X, y)
    assert again.predict_proba(X).tobytes() == best.predict_proba(X).tobytes()
    assert pickle.loads(pickle.dumps(grid)).predict_proba(X).tobytes() == grid.predict_proba(X).tobytes()
    assert LogisticRegression(C=3.0).get_params()["C"] == 3.0


def test_the_tools_around_an_estimator_take_it(data):
    X, y = data
    for tool in (
        CalibratedClassifierCV(LogisticRegression(), method="sigmoid"),
        CalibratedClassifierCV(LogisticRegression(), method="isotonic", ensemble=False),
        BaggingClassifier(LogisticRegression(), n_estimators=5, random_state=0),
        OneVsRestClassifier(LogisticRegression()),
        RFE(LogisticRegression(), n_features_to_select=2),
    ):
        assert tool.fit(X, y).score(X, y) > 0.5
    assert SelectFromModel(LogisticRegression()).fit(X, y).transform(X).shape[0] == len(X)
    assert cross_val_predict(LogisticRegression(), X, y, method="predict_proba").shape == (150, y.max() + 1)


def test_bagging_of_a_class_that_most_samples_miss():
    X, y = random_rows(81, 60, 3, 3)
    y = np.where(np.arange(60) == 5, 2, np.minimum(y, 1))
    bags = BaggingClassifier(LogisticRegression(), n_estimators=10, random_state=0).fit(X, y)
    np.testing.assert_allclose(bags.predict_proba(X).sum(axis=1), 1)


def test_offsets_are_routed_to_fit_and_score(data):
    X, y = data
    offset = np.zeros((len(y), y.max() + 1))
    offset[:, 0] = np.linspace(-2, 2, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(offset=True).set_score_request(offset=True)
        grid = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=3).fit(X, y, offset=offset)
    direct = LogisticRegression(C=grid.best_params_["C"]).fit(X, y, offset=offset)
    np.testing.assert_array_equal(grid.best_estimator_.coef_, direct.coef_)


def test_sparsify_and_back(data):
    X, y = data
    model = LogisticRegression().fit(X, y)
    before, coef = model.predict_proba(X), model.coef_.copy()
    np.testing.assert_allclose(model.sparsify().predict_proba(X), before, rtol=1e-12)
    np.testing.assert_array_equal(model.densify().coef_, coef)


class Budget:
    """Ends a fit after some steps, and keeps what it saw."""

    def __init__(self, steps):
        self.steps, self.gaps, self.objectives = steps, [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name != "newton-iter" or fitted_estimator is None:
            return False
        self.gaps.append(fitted_estimator.optimality_gap_)
        self.objectives.append(fitted_estimator.objective_)
        assert fitted_estimator.predict_proba(np.zeros((1, 4))).shape[0] == 1
        return len(self.gaps) >= self.steps


def test_a_callback_sees_the_gap_fall_and_may_end_the_fit(data):
    X, y = data
    whole = Budget(1000)
    model = LogisticRegression(tol=1e-10).set_callbacks(whole).fit(X, y)
    assert len(whole.gaps) == model.n_iter_[0]
    assert whole.gaps[-1] == model.optimality_gap_
    assert whole.gaps == sorted(whole.gaps, reverse=True)
    least = model.objective_ - model.optimality_gap_
    for gap, objective in zip(whole.gaps, whole.objectives, strict=True):
        assert objective - gap <= least + 1e-12
    short = LogisticRegression(tol=1e-10).set_callbacks(Budget(2)).fit(X, y)
    assert short.n_iter_[0] == 2
    assert "callback" in short.result_.status.message
    assert short.objective_ - short.optimality_gap_ <= model.objective_


def test_verbose_shows_the_gap_fall_and_says_why_the_fit_ended(data, capsys):
    X, y = data
    LogisticRegression().fit(X, y)
    assert capsys.readouterr() == ("", "")
    model = LogisticRegression(verbose=1).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == model.n_iter_[0] + 1
    assert f"at most {model.optimality_gap_:.2g} above the minimum" in err.splitlines()[-1]
    LogisticRegression(verbose=1, max_iter=1, tol=1e-15).fit(X, y)
    assert "Stopped at max_iter steps." in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("K", [2, 3])
def test_weights_that_separate_the_rows_are_shown_as_a_witness(K, capsys):
    rng = np.random.default_rng(0)
    y = np.arange(60) % K
    X = 100.0 + 8.0 * rng.standard_normal((K, 4))[y] + 0.2 * rng.standard_normal((60, 4))
    witness = LogisticRegression(C=1e5, verbose=1).fit(X, y).result_.separation
    assert "can be separated without error" in capsys.readouterr().err
    logits = X @ witness[:, :-1].T + witness[:, -1]
    if K == 2:
        logits = np.hstack([np.zeros((60, 1)), logits])
    own = logits[np.arange(60), y]
    logits[np.arange(60), y] = -np.inf
    assert (own > logits.max(axis=1)).all()
    assert LogisticRegression().fit(*random_rows(3, 200, 2, K, strength=0.5)).result_.separation is None
