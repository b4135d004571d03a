"""What `LogisticRegression` promises its user."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crossentropy.errors import ConfigError, TargetError
from crossentropy.linear import LogisticRegression

from .problems import random_rows


@pytest.fixture(params=[2, 4], ids=["K2", "K4"])
def data(request):
    return random_rows(20, 150, 4, request.param)


def test_the_same_fit_twice_gives_the_same_bits(data):
    X, y = random_rows(21, 7000, 4, 3)
    for features, targets in (data, (X, y)):
        one = LogisticRegression(random_state=3).fit(features, targets)
        two = LogisticRegression(random_state=3).fit(features, targets)
        assert one.coef_.tobytes() == two.coef_.tobytes()
        assert one.intercept_.tobytes() == two.intercept_.tobytes()
        assert one.optimality_gap_ == two.optimality_gap_


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_the_caller_are_not_written(data, dtype):
    X, y = data[0].astype(dtype), data[1]
    s = np.random.default_rng(0).uniform(0.5, 2, len(y))
    before = X.copy(), y.copy(), s.copy()
    for array in (X, y, s):
        array.flags.writeable = False
    model = LogisticRegression(class_weight="balanced", warm_start=True).fit(X, y, s)
    model.fit(X, y, s).predict_log_proba(X)
    for array, copy in zip((X, y, s), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_fits_in_four_threads_equal_fits_in_one():
    problems = [random_rows(seed, 400, 5, 2 + seed % 3) for seed in range(8)]
    serial = [LogisticRegression().fit(X, y) for X, y in problems]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda data: LogisticRegression().fit(*data), problems))
    for one, other in zip(serial, threaded, strict=True):
        np.testing.assert_allclose(other.coef_, one.coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(other.intercept_, one.intercept_, rtol=1e-9, atol=1e-12)


def test_warm_start_takes_fewer_passes_to_the_same_optimum(data):
    X, y = data
    model = LogisticRegression(C=1.0, tol=1e-12, warm_start=True).fit(X, y)
    cold = LogisticRegression(C=1.3, tol=1e-12).fit(X, y)
    model.set_params(C=1.3).fit(X, y)
    assert 0 < model.n_passes_ < cold.n_passes_
    np.testing.assert_allclose(model.coef_, cold.coef_, rtol=1e-5, atol=1e-6)
    again = model.fit(X, y)
    assert again.n_iter_[0] <= 1  # what tilted the first certificate is not remembered


def test_warm_start_from_another_shape_starts_anew(data):
    X, y = data
    model = LogisticRegression(warm_start=True).fit(X, y)
    model.fit(X[:, :2], y)
    np.testing.assert_array_equal(model.coef_, LogisticRegression().fit(X[:, :2], y).coef_)


def test_labels_may_be_strings_booleans_or_gapped_integers():
    X, y = random_rows(22, 100, 3, 3)
    plain = LogisticRegression().fit(X, y)
    named = LogisticRegression().fit(X, np.array(["ape", "bee", "cat"])[y])
    gapped = LogisticRegression().fit(X, np.array([-5, 3, 70])[y])
    assert named.classes_.tolist() == ["ape", "bee", "cat"]
    assert named.predict(X).tolist() == named.classes_[plain.predict(X)].tolist()
    assert gapped.predict(X).tolist() == gapped.classes_[plain.predict(X)].tolist()
    flags = LogisticRegression().fit(X, y == 1)
    assert flags.classes_.dtype == bool
    assert flags.predict(X).dtype == bool


def test_outputs_agree_with_each_other(data):
    X, y = data
    model = LogisticRegression().fit(X, y)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))
    logits = model.decision_function(X)
    assert logits.shape == ((150,) if len(model.classes_) == 2 else (150, 4))
    assert model.score(X, y) == np.mean(model.predict(X) == y)
    cost = -model.predict_log_proba(X)[np.arange(150), y].mean()
    penalty = (model.coef_**2).sum() / (2 * model.C * 150)
    assert model.objective_ == pytest.approx(cost + penalty, rel=1e-12)


def test_log_probabilities_of_far_rows_are_finite(data):
    X, y = data
    far = LogisticRegression(C=100.0).fit(X, y).predict_log_proba(1e6 * X)
    assert np.isfinite(far).all()
    assert far.min() < -1e3


def test_result_survives_clone_and_pickle(data):
    X, y = data
    model = LogisticRegression(C=2.0).fit(X, y)
    assert clone(model).C == 2.0
    back = pickle.loads(pickle.dumps(model))
    assert back.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert back.result_.status is model.result_.status
    np.testing.assert_array_equal(model.result_.parameters, np.column_stack([model.coef_, model.intercept_]))


def test_column_names_are_kept_and_checked(data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = LogisticRegression().fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("C", 0.0),
        ("C", -1.0),
        ("C", "1"),
        ("C", np.nan),
        ("tol", 0.0),
        ("max_iter", -1),
        ("max_iter", 2.5),
        ("fit_intercept", "no"),
        ("warm_start", 1),
        ("verbose", "x"),
        ("verbose", -1),
    ],
)
def test_settings_out_of_range_are_refused_by_name(data, setting, value):
    with pytest.raises(ConfigError, match=setting):
        LogisticRegression(**{setting: value}).fit(*data)


def test_one_class_is_refused():
    with pytest.raises(TargetError, match="one class only, 7"):
        LogisticRegression().fit(np.ones((3, 1)), [7, 7, 7])


@pytest.mark.parametrize("where", ["sample_weight", "class_weight"])
def test_two_classes_need_weight(where):
    X, y = np.arange(6.0)[:, None], np.array(["a", "b", "c"] * 2)
    zero = {"b": 0.0, "c": 0.0}
    model = LogisticRegression(class_weight=zero if where == "class_weight" else None)
    with pytest.raises(TargetError, match=r"Of 3 classes only class a has rows"):
        model.fit(X, y, (y == "a").astype(float) if where == "sample_weight" else None)


@pytest.mark.parametrize("where", ["sample_weight", "class_weight"])
@pytest.mark.parametrize("K", [3, 5])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_a_class_without_weight_has_probability_zero_and_the_others_their_limit(where, K, l1_ratio):
    X, y = random_rows(31, 200, 3, K)
    settings = {"tol": 1e-12, "l1_ratio": l1_ratio, "C": 0.1}
    if where == "class_weight":
        model, weights = LogisticRegression(class_weight={1: 0.0}, **settings), None
    else:
        model, weights = LogisticRegression(**settings), (y != 1).astype(float)
    model.fit(X, y, weights)
    assert model.classes_.tolist() == list(range(K))
    assert (model.predict_proba(X)[:, 1] == 0).all()
    almost = LogisticRegression(**settings).fit(X, y, np.where(y == 1, 1e-9, 1.0))
    np.testing.assert_allclose(model.predict_proba(X), almost.predict_proba(X), atol=1e-6)
    assert model.objective_ <= almost.objective_ + 1e-9
    assert np.isfinite(model.decision_function(X)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(data, bad):
    X, y = data
    X = X.copy()
    X[3, 1] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        LogisticRegression().fit(X, y)


def test_negative_weights_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        LogisticRegression().fit(X, y, -np.ones(len(y)))


def test_default_fits_repeat_to_the_bit():
    X, y = random_rows(23, 7000, 4, 3)  # enough rows for the blocks to be sampled
    assert LogisticRegression().fit(X, y).coef_.tobytes() == LogisticRegression().fit(X, y).coef_.tobytes()
