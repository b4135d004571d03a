r"""Columns that give the target away: each alone, before anything is trained.

A column's values are cut into bins (a number by its quantiles, anything else by its values). Half of the rows count the
classes in each bin, the other half are predicted by these counts, and the halves change places:

.. math:: p(k \mid b) = \frac{n_{bk} + a\,\pi_k}{n_b + a}

with the class frequencies pi and a small a, so that a bin that once misleads costs much. What this loss is below H(y),
as a share of it, is the column's skill. From `SURE` on the target all but stands in the column: a copy of it, a code
for it, or something that is only known once the answer is.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.tables._cells import numbers, strings
from crossentropy.tables._kinds import Column
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Giveaway", "giveaways"]

SURE = 0.95
PRIOR = 0.1
PER_BIN = 12
# Fewer rows than this a class prove nothing; more than so many rows are sampled.
_FEW, _ENOUGH = 5, 50_000


@dataclass(frozen=True)
class Giveaway:
    """A column that alone predicts the target, with its loss and that of the class frequencies, in nats."""

    name: str
    loss: float
    frequencies: float

    def __str__(self) -> str:
        return (
            f"Column {self.name!r} alone gives the target away: its values predict other rows with a loss of "
            f"{self.loss:.2g} nats, of {self.frequencies:.3g} without it. Unless it is known before the answer is, "
            f"leave it out: --drop {shlex.quote(self.name)}."
        )


def giveaways(
    table: Table, columns: tuple[Column, ...], ids: NDArray[np.int64], rng: np.random.Generator
) -> tuple[Giveaway, ...]:
    """Return the columns that give the target away, the surest first.

    Args:
        table: N training rows.
        columns: as `infer_columns` says; the unused are passed over.
        ids: (N,) class ids in [0, K).
        rng: deals the rows into halves.
    """
    classes, counts = np.unique(ids, return_counts=True)
    if len(ids) < _FEW * len(classes) or len(classes) < 2:
        return ()
    shares = counts / len(ids)
    entropy = float(-shares @ np.log(shares))
    rows = np.sort(rng.permutation(len(ids))[:_ENOUGH])
    half = rng.random(len(rows)) < 0.5
    found = []
    for column in columns:
        if not column.used:
            continue
        bins = _bins(table, table.frame[column.name].gather(rows))
        if bins is None:
            continue
        loss = _loss(bins, ids[rows], half, np.bincount(ids) / len(ids))
        if loss < (1.0 - SURE) * entropy:
            found.append(Giveaway(column.name, loss, entropy))
    return tuple(sorted(found, key=lambda one: one.loss))


def _bins(table: Table, series: pl.Series) -> NDArray[np.int64] | None:
    """Return the bin (N,) of each value; of values that hardly repeat, whether there is one. None: unreadable."""
    import polars as pl

    if series.dtype.is_numeric() or series.dtype == pl.Duration:
        return _quantiles(numbers(table, series))
    if series.dtype.is_temporal():
        moments = series.to_physical().cast(float).fill_null(float("nan"))
        return _quantiles(np.asarray(moments.to_numpy(), np.float64))
    try:
        whole = series if series.dtype.is_nested() else strings(series)
        ranks = whole.rank("dense") if not whole.dtype.is_nested() else whole.hash().rank("dense")
    except (DataError, pl.exceptions.PolarsError):
        return None
    if ranks.n_unique() > len(ranks) / 2:
        return np.asarray(whole.is_null().to_numpy(), np.int64)
    return np.asarray(ranks.fill_null(0).to_numpy(), np.int64)


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin (N,) of each number: quantiles of a few rows, and a frequent value has one of its own.

    A bin is where the rows of a value start and where they end. So a code for many classes is told apart, and so are
    1 % of amounts above 0 from the 99 % that are 0.
    """
    known = np.isfinite(values)
    most = max(2, int(known.sum()) // PER_BIN)
    _, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    first, last = ((edge * most) // max(len(place), 1) for edge in (ends - counts, ends - 1))
    bins = np.full(len(values), -1, np.int64)
    bins[known] = (first * most + last)[place]
    return bins


def _loss(
    bins: NDArray[np.int64], ids: NDArray[np.int64], half: NDArray[np.bool_], shares: NDArray[np.float64]
) -> float:
    """Return the mean loss of each half, predicted by the other."""
    _, bins = np.unique(bins, return_inverse=True)
    pairs = bins * len(shares) + ids
    kinds, pair = np.unique(pairs, return_inverse=True)
    total = 0.0
    for learn in (half, ~half):
        seen = np.bincount(pair[learn], minlength=len(kinds))[pair[~learn]]
        rows = np.bincount(bins[learn], minlength=int(bins.max(initial=0)) + 1)[bins[~learn]]
        total -= float(np.log((seen + PRIOR * shares[ids[~learn]]) / (rows + PRIOR)).sum())
    return total / len(ids)
