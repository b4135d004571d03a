"""Equal rows as one row, with their summed weight and their classes' shares of it for a target.

Cross-entropy is linear in weights and in targets, so the loss is the same number. What is gained: a row that is given
twice is a row of weight 2, to the last bit; no copy of a held-out row is trained on; and the order in which the rows
are given has no say, since they are put in the order of their digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.network._prepare import Blocks

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, eq=False)
class Merged:
    """n distinct rows of N.

    Attributes:
        first: (n,) where the first of each stands among the N.
        place: (N,) which of the n stands for each; -1 for rows of weight 0.
        weights: (n,) summed.
        targets: (n,) class ids; (n, K) shares where equal rows have different classes.
        ids: (n,) the class with the largest share.
        pairs: (m, 2) each of the n with each class that it has, and
        pair_weights: (m,) the summed weight of both together.
    """

    first: NDArray[np.intp]
    place: NDArray[np.intp]
    weights: NDArray[np.float64]
    targets: NDArray[Any]
    ids: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pair_weights: NDArray[np.float64]


def merge(
    blocks: Blocks,
    ids: NDArray[np.intp],
    weights: NDArray[np.float64],
    n_classes: int,
    apart: NDArray[np.int64] | None = None,
) -> Merged:
    """Merge rows of weight above 0 that are equal in every feature, and in `apart` (N,) where it is given."""
    heavy = np.flatnonzero(weights > 0)
    digests = _digests(blocks)[heavy]
    if apart is not None:
        digests = _mixed(digests + apart[heavy].astype(np.uint64))
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    n = len(first)
    place = np.full(len(weights), -1, np.intp)
    place[heavy] = inverse
    cells = np.bincount(inverse * n_classes + ids[heavy], weights[heavy], n * n_classes)
    mass = cells.astype(np.float64, copy=False).reshape(n, n_classes)
    total = mass.sum(axis=1)
    modal = mass.argmax(axis=1).astype(np.int64)
    pairs = np.argwhere(mass > 0)
    targets = modal if len(pairs) == n else mass / total[:, None]
    return Merged(heavy[first], place, total, targets, modal, pairs, mass[mass > 0])


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 bits that each depend on all bits of the value (the finaliser of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _digests(blocks: Blocks) -> NDArray[np.uint64]:
    """Return 64 bits a row, equal for equal rows; of a million others two are equal once in 37 million times.

    The sum over the features of what their values are mixed to, less what 0 is mixed to: sparse and dense rows of the
    same values have the same digest.
    """
    found = np.zeros(len(blocks), np.uint64)
    width = blocks.dense.shape[1]
    for j in range(width):
        found += _entries(blocks.dense[:, j], np.array([j]))
    if blocks.sparse is not None:
        rows = blocks.sparse.tocsr()
        entries = _entries(rows.data, rows.indices + width)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(entries)])
        found += sums[rows.indptr[1:]] - sums[rows.indptr[:-1]]
    return _mixed(found)


def _entries(values: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.uint64]:
    keys = (columns.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return _mixed(_bits(values) + keys) - _mixed(keys)


def _bits(values: NDArray[Any]) -> NDArray[np.uint64]:
    # one zero and one NaN, of the several that there are
    plain = np.asarray(values, dtype=np.float64) + 0.0
    return np.where(np.isnan(plain), np.nan, plain).view(np.uint64)
