"""The real data sets that come with scikit-learn, by name."""

from __future__ import annotations

import numpy as np

from crossentropy.errors import DataError, did_you_mean
from crossentropy.tables._table import Origin, Table, digest_of

__all__ = ["read_set"]

_TARGET = {"digits": "digit", "iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis"}


def read_set(name: str) -> Table:
    """Return the set of that name; its target column is the last.

    Raises:
        DataError: there is none of that name.
    """
    import polars as pl
    from sklearn import datasets

    if name not in _TARGET:
        raise DataError(
            f"scikit-learn has no set {name!r} that is read here.", fix=did_you_mean(name, _TARGET)
        )
    raw = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(np.ascontiguousarray(raw.data.T), schema=list(raw.feature_names), orient="col")
    labels = raw.target if name == "digits" else [str(raw.target_names[t]) for t in raw.target]
    frame = frame.with_columns(pl.Series(_TARGET[name], labels))
    return Table(
        frame,
        f"sklearn:{name}",
        digest_of(frame),
        Origin.rows(frame.height),
        image=(8, 8) if name == "digits" else None,
        target=_TARGET[name],
    )
