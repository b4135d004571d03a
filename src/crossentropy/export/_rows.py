"""Rows to check an export on where nobody gives any: drawn from what the encoder knows of each column.

Numbers are standard normal, for that is how the encoder leaves them, and one in fifty is far out; a category is one
of its levels, a list and a text are a few of their items and terms; a place for missing values is used. Half of the
rows are brought near to zero, where no class is certain: where all probabilities are 0 or 1 any weights look right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from crossentropy.tables import Encoder, Features

__all__ = ["made_rows"]

_FAR, _FAR_SHARE, _MISSING_SHARE, _NEAR = 30.0, 0.02, 0.1, 0.05
_FEW = 12


def made_rows(encoder: Encoder, count: int, seed: int = 0) -> Features:
    """Return so many rows of features; the same ones for the same encoder and seed."""
    rng = np.random.default_rng(seed)
    width, sparse_width = encoder.widths
    dense = np.zeros((count, width), np.float32)
    rows: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    for code in encoder.codes:
        at = encoder.places[code.name]
        d = at.stop - at.start
        if not d:
            continue
        if code.kind in ("number", "date"):
            dense[:, at] = _numbers(rng, count, d)
            if code.missing:
                absent = rng.random(count) < _MISSING_SHARE
                dense[absent, at] = 0.0
                dense[:, at.stop - 1] = absent
        elif not code.sparse:
            dense[np.arange(count), at.start + rng.integers(d, size=count)] = 1.0
        else:
            each = 1 if code.kind == "category" else _FEW
            rows.append(np.repeat(np.arange(count), each))
            places.append(at.start - width + rng.integers(d, size=count * each))
    dense[count // 2 :] *= np.float32(_NEAR)
    if not sparse_width:
        return Features(dense)
    return Features(dense, _sparse(rng, rows, places, (count, sparse_width)))


def _numbers(rng: np.random.Generator, count: int, width: int) -> NDArray[np.float64]:
    drawn = rng.normal(size=(count, width))
    return np.where(rng.random((count, width)) < _FAR_SHARE, _FAR * drawn, drawn)


def _sparse(
    rng: np.random.Generator,
    rows: list[NDArray[np.int64]],
    places: list[NDArray[np.int64]],
    shape: tuple[int, int],
) -> Any:
    """Return compressed rows with numbers in (0, 1] at the places, as terms and indicators have."""
    row, place = np.concatenate(rows), np.concatenate(places)
    row, place = np.divmod(np.unique(row * shape[1] + place), shape[1])
    values = (1.0 - rng.random(len(row))).astype(np.float32)
    starts = np.searchsorted(row, np.arange(shape[0] + 1)).astype(np.int32)
    return csr_array((values, place.astype(np.int32), starts), shape=shape)
