"""The encoder in pipelines of scikit-learn: with this package's estimator and with scikit-learn's."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import linear_model
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from crossentropy import LogisticRegression
from crossentropy.errors import ConfigError
from crossentropy.tables import TableEncoder

RNG = np.random.default_rng(0)
N = 240
Y = RNG.choice(["yes", "no"], N)
PLAIN = pl.DataFrame({"x": RNG.normal(size=N) + (Y == "yes"), "c": RNG.choice(["a", "b", None], N)})
TEXT = PLAIN.with_columns(
    words=pl.Series([f"{w} the {i % 7} word" for i, w in enumerate(RNG.permutation(300)[:N])])
)


def as_pandas(frame):
    return pd.DataFrame(frame.to_dict(as_series=False) if isinstance(frame, pl.DataFrame) else frame)


@pytest.mark.parametrize("estimator", [LogisticRegression, linear_model.LogisticRegression])
@pytest.mark.parametrize("frame", [PLAIN, TEXT, as_pandas(PLAIN), PLAIN["x"].to_numpy()[:, None]])
def test_it_works_in_pipelines_and_cross_validation(estimator, frame):
    model = make_pipeline(TableEncoder(), estimator())
    assert model.fit(frame, Y).score(frame, Y) > 0.6
    scores = cross_val_score(clone(model), as_pandas(frame), Y, cv=3, scoring="neg_log_loss")
    assert (scores > -0.75).all()
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(frame) == model.predict_proba(frame)).all()


def test_the_output_is_sparse_where_columns_make_it_so():
    dense, mixed = TableEncoder().fit_transform(PLAIN), TableEncoder().fit_transform(TEXT)
    assert isinstance(dense, np.ndarray)
    assert sparse.issparse(mixed)
    for asked in (True, False):
        got = TableEncoder(sparse_output=asked).fit_transform(TEXT)
        assert sparse.issparse(got) is asked
        whole = got.toarray() if asked else got
        assert (whole == mixed.toarray()).all()
    assert dense.dtype == mixed.dtype == np.float32


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_out_where_they_are_asked_for(library):
    encoder = TableEncoder(drop=["c"]).set_output(transform=library)
    got = encoder.fit_transform(PLAIN)
    assert type(got).__module__.startswith(library)
    assert list(got.columns) == encoder.get_feature_names_out().tolist() == ["x"]


def test_kinds_and_columns_are_checked():
    encoder = TableEncoder(kinds={"c": "text"}).fit(PLAIN, Y)
    assert [(c.name, c.kind) for c in encoder.columns_] == [("x", "number"), ("c", "text")]
    assert encoder.feature_names_in_.tolist() == ["x", "c"]
    for settings in ({"drop": ["nowhere"]}, {"kinds": {"nowhere": "text"}}, {"sparse_output": 3}):
        with pytest.raises(ConfigError, match=r"nowhere|sparse_output is 3"):
            TableEncoder(**settings).fit(PLAIN)
