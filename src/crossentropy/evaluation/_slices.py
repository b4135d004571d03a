r"""Where the loss comes from: parts of the rows, by the value of one column, whose mean loss is above that of the rest.

For a part S of the rows with weights w and losses l, the excess and the sum whose variance is its own are

.. math:: d = \bar\ell_S - \bar\ell_{\bar S}, \qquad
          d - \mathrm{E}\,d \approx \sum_{i \in S} \tfrac{w_i}{w_S} (\ell_i - \bar\ell_S)
          - \sum_{i \notin S} \tfrac{w_i}{w_{\bar S}} (\ell_i - \bar\ell_{\bar S})

Of m parts tried, those are told whose lower bound at the level 0.05 / m is above zero: the chance that any is told
although no part is harder than its rest is then at most 5 %. Of parts that are mostly the same rows one is told.

References:
    Bonferroni's inequality, as in Dunn, Multiple comparisons among means, JASA 56, 1961; Chung, Kraska, Polyzotis, Tae,
    Whang, Automated data slicing for model validation, IEEE TKDE 32, 2020 (slices of large, significant loss first).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from crossentropy.evaluation._figures import Estimate, Slice
from crossentropy.evaluation._intervals import error_of_sum

__all__ = ["Part", "find_slices"]

Floats = NDArray[np.float64]

_LEVEL = 0.05
_MOST = 5
# Rows (or groups) on either side that a standard error needs.
_FEWEST = 30
# What is more than half of the rows is no part that stands out: the rest of it would be.
_LARGEST = 0.5
# Two parts are mostly the same rows if those that are in both are more than this share of those in either.
_SAME = 0.5


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows, and how they are told: see `Slice`."""

    rows: NDArray[np.bool_]
    column: str
    level: str | None = None
    low: str | None = None
    high: str | None = None
    words: bool = False


def find_slices(
    losses: Floats,
    parts: Iterable[Part],
    *,
    sample_weight: Floats | None = None,
    groups: NDArray[np.int64] | None = None,
) -> tuple[tuple[Slice, ...], int]:
    """Return the parts that are harder than the rest, the one that carries most excess loss first, and how many of
    them were tried.

    Args:
        losses: (N,) nats, finite; of infinite ones nothing is told.
        parts: which to try; those of too few rows, or of more than half of them, are not.
        sample_weight: (N,).
        groups: (N,) ids of groups of rows that are alike.
    """
    weights = np.ones(len(losses)) if sample_weight is None else sample_weight
    units = np.arange(len(losses)) if groups is None else groups
    tried = [
        part
        for part in parts
        if part.rows.mean() <= _LARGEST
        and min(_units(units, part.rows), _units(units, ~part.rows)) >= _FEWEST
    ]
    if not tried or not np.isfinite(losses).all() or not losses.any():
        return (), len(tried)
    found = []
    for part in tried:
        excess = _excess(losses, part.rows, weights, groups, _LEVEL / len(tried), _units(units, part.rows))
        if excess is not None and excess.low > 0:
            share = float(weights[part.rows].sum() / weights.sum())
            found.append((share * excess.value, part, excess))
    found.sort(key=lambda item: -item[0])
    chosen: list[tuple[float, Part, Estimate]] = []
    for item in found:
        if all(_overlap(item[1].rows, other.rows) <= _SAME for _, other, _ in chosen):
            chosen.append(item)
    whole = float(weights @ losses)
    return tuple(_told(item, losses, weights, whole) for item in chosen[:_MOST]), len(tried)


def _units(units: NDArray[np.int64], rows: NDArray[np.bool_]) -> int:
    return len(np.unique(units[rows]))


def _excess(
    losses: Floats,
    rows: NDArray[np.bool_],
    weights: Floats,
    groups: NDArray[np.int64] | None,
    level: float,
    units: int,
) -> Estimate | None:
    inside, outside = np.where(rows, weights, 0.0), np.where(rows, 0.0, weights)
    if not (inside.sum() > 0 and outside.sum() > 0):
        return None
    inside, outside = inside / inside.sum(), outside / outside.sum()
    here, there = float(inside @ losses), float(outside @ losses)
    error = error_of_sum(inside * (losses - here) - outside * (losses - there), groups)
    half = float(student.ppf(1 - level, units - 1)) * error
    return Estimate(value=here - there, low=here - there - half, high=here - there + half)


def _overlap(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    return float((one & two).sum() / (one | two).sum())


def _told(item: tuple[float, Part, Estimate], losses: Floats, weights: Floats, whole: float) -> Slice:
    carried, part, excess = item
    own = float(weights[part.rows].sum())
    lost = float(weights[part.rows] @ losses[part.rows])
    return Slice(
        column=part.column,
        level=part.level,
        low=part.low,
        high=part.high,
        words=part.words,
        rows=int(part.rows.sum()),
        row_share=own / float(weights.sum()),
        loss=lost / own,
        loss_share=lost / whole,
        excess=excess,
        fall=carried * float(weights.sum()) / whole,
    )
