"""Data from every container give the same fit, and results where the data are."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from crossentropy.errors import InputError, ShapeError
from crossentropy.linear import LogisticRegression

from .problems import random_rows

NAMES = ["a", "b", "c", "d"]


class ArrowTable:
    """A table that offers Arrow's C stream and nothing else; polars makes the stream."""

    def __init__(self, frame):
        self.columns = frame.columns
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self._frame.__arrow_c_stream__(requested_schema)


CONTAINERS = {
    "lists": lambda X: X.tolist(),
    "Fortran order": np.asfortranarray,
    "every second row of twice as many": lambda X: np.repeat(X, 2, axis=0)[::2],
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "pandas, nullable": lambda X: pd.DataFrame(X, columns=NAMES).convert_dtypes(),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "Arrow": lambda X: ArrowTable(pl.DataFrame(X, schema=NAMES)),
    "torch": torch.tensor,
    "torch, with a gradient, transposed": lambda X: torch.tensor(X.T, requires_grad=True).T,
}


@pytest.fixture(params=[2, 4], ids=["K2", "K4"])
def data(request):
    return random_rows(60, 120, 4, request.param)


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_fit_does_not_depend_on_the_container(data, name):
    X, y = data
    plain = LogisticRegression().fit(X, y)
    given = CONTAINERS[name](X)
    model = LogisticRegression().fit(given, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(model.predict_proba(given)), plain.predict_proba(X), rtol=1e-12)
    assert isinstance(model.coef_, np.ndarray)
    named = getattr(model, "feature_names_in_", None)
    assert named is None if not hasattr(given, "columns") else named.tolist() == NAMES


@pytest.mark.parametrize(
    "column",
    [list, pd.Series, pl.Series, torch.tensor, pd.Categorical, lambda y: y.astype(float)],
    ids=["list", "pandas", "polars", "torch", "categorical", "float"],
)
def test_targets_and_weights_come_from_any_container(data, column):
    X, y = data
    s = np.linspace(0.5, 2.0, len(y))
    plain = LogisticRegression().fit(X, y, s)
    weights = s if column is pd.Categorical else column(s)
    model = LogisticRegression().fit(X, column(y), sample_weight=weights)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-12)
    assert model.score(X, column(y), sample_weight=weights) == plain.score(X, y, s)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba", "predict_log_proba", "predict"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int64])
def test_a_tensor_in_is_a_tensor_out(data, method, dtype):
    X, y = data
    model = LogisticRegression().fit(X, y)
    rows = torch.tensor(3 * X).to(dtype)
    result = getattr(model, method)(rows)
    assert isinstance(result, torch.Tensor)
    assert result.device == rows.device
    if method != "predict":
        assert result.dtype == (torch.float32 if dtype in (torch.float32, torch.bfloat16) else torch.float64)
    expected = getattr(model, method)(rows.to(torch.float64).numpy())
    np.testing.assert_allclose(result.double().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_labels_that_are_strings_stay_numpy(data):
    X, y = data
    model = LogisticRegression().fit(torch.tensor(X), np.array(["ape", "bee", "cat", "dog"])[y])
    assert set(model.predict(torch.tensor(X))) <= {"ape", "bee", "cat", "dog"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes_and_results_have_the_dtype_of_the_features(data, dtype):
    X, y = data
    model = LogisticRegression().fit(X.astype(dtype), y)
    for value in (model.coef_, model.intercept_, model.predict_proba(X.astype(dtype))):
        assert value.dtype == dtype
    assert model.result_.parameters.dtype == np.float64
    exact = LogisticRegression().fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X.astype(dtype)), exact.predict_proba(X), atol=1e-4)


def test_mistakes_in_a_tensor_are_said_in_words(data):
    X, y = data
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ShapeError, match=r"X has 3 features, but LogisticRegression is expecting 4"):
        model.predict(torch.tensor(X[:, :3]))
    with pytest.raises(ShapeError, match=r"Expected a 2D tensor"):
        model.predict(torch.tensor(X[0]))
    X[1, 1] = np.nan
    with pytest.raises(InputError, match=r"NaN or infinity"):
        model.predict(torch.tensor(X))
    with pytest.raises(ShapeError, match=r"layout torch.sparse_coo"):
        LogisticRegression().fit(torch.tensor(X).to_sparse(), y)


ARRAY_API = """
import numpy as np, sklearn, torch
from crossentropy.linear import LogisticRegression
rng = np.random.default_rng(0)
X = rng.standard_normal((90, 3)); y = (X @ rng.standard_normal((3, 3))).argmax(axis=1)
plain = LogisticRegression().fit(X, y)
for name, xp in (("torch", torch),):
    for dispatch in (False, True):
        with sklearn.config_context(array_api_dispatch=dispatch):
            model = LogisticRegression(warm_start=True).fit(xp.asarray(X), xp.asarray(y))
            home = np.ndarray if not dispatch else type(xp.asarray(X))
            assert isinstance(model.coef_, home), (name, dispatch, type(model.coef_))
            for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
                result = getattr(model, method)(xp.asarray(X))
                assert isinstance(result, type(xp.asarray(X))), (name, method)
                same = np.from_dlpack(result)
                assert np.allclose(same, getattr(plain, method)(X), atol=1e-12), (name, method)
            assert model.score(xp.asarray(X), xp.asarray(y)) == plain.score(X, y)
            assert model.fit(xp.asarray(X), xp.asarray(y)).n_iter_[0] == 0
print("same")
"""


def test_array_libraries_get_their_own_arrays_back():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ARRAY_API],
        env={"SCIPY_ARRAY_API": "1", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "same\n", done.stderr
