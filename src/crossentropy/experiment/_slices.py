"""The parts of a table that may be harder than the rest: levels, quarters of numbers, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crossentropy.classifier import Classifier
from crossentropy.evaluation import Part, Slice, find_slices, losses_from_logits
from crossentropy.experiment._rows import Rows
from crossentropy.tables import Table, numbers

__all__ = ["slices"]

# Levels of a column that are tried, the most frequent ones; numbers with no more values than that are levels too.
_LEVELS, _VALUES = 40, 8
_QUARTERS = (0.25, 0.5, 0.75)


def slices(classifier: Classifier, logits: NDArray[np.float64], rows: Rows) -> tuple[tuple[Slice, ...], int]:
    """Return the parts of the rows that are harder than the rest, and how many were tried; of pixels none is.

    Args:
        classifier: whose columns part the rows.
        logits: (N, K), calibrated.
        rows: the rows with their targets.
    """
    if classifier.encoder.image:
        return (), 0
    parts = (part for code in classifier.encoder.codes for part in _parts(rows.table, code.name, code.kind))
    return find_slices(
        losses_from_logits(logits, rows.ids), parts, sample_weight=rows.given_weights, groups=rows.groups
    )


def _parts(table: Table, name: str, kind: str) -> Iterator[Part]:
    series = table.frame[name]
    missing = series.is_null().to_numpy()
    if kind == "number":
        values = numbers(table, series)
        missing = ~np.isfinite(values)
        yield from _of_numbers(values, name, lambda value: f"{value:.6g}")
    elif kind in ("category", "boolean"):
        yield from _of_levels(series.cast(pl.String), name)
    elif kind == "text":
        words = series.cast(pl.String).str.count_matches(r"\S+").cast(pl.Float64)
        yield from _of_numbers(_known(words), name, lambda value: f"{value:.0f}", words=True)
    elif series.dtype.is_temporal():
        days = series.to_physical()
        shown = dict(zip(days.to_list(), series.cast(pl.String).to_list(), strict=True))
        yield from _of_numbers(_known(days.cast(pl.Float64)), name, lambda value: str(shown.get(int(value))))
    if missing.any():
        yield Part(missing, name)


def _known(series: pl.Series) -> NDArray[np.float64]:
    return np.asarray(series.fill_null(float("nan")).to_numpy(), np.float64)


def _of_levels(series: pl.Series, name: str) -> Iterator[Part]:
    counts = series.drop_nulls().value_counts(sort=True)
    # in a settled order, which equal counts do not have
    counts = counts.sort(["count", series.name], descending=[True, False])
    for level in counts[series.name].head(_LEVELS).to_list():
        yield Part((series == level).fill_null(False).to_numpy(), name, level=level)


def _of_numbers(
    values: NDArray[np.float64], name: str, shown: Callable[[float], str], *, words: bool = False
) -> Iterator[Part]:
    """Give the quarters of numbers, or each value where they are few; a quarter ends with a value that occurs."""
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) < 2:
        return
    if len(distinct) <= _VALUES and not words:
        for value in distinct:
            yield Part(values == value, name, level=shown(float(value)))
        return
    ends = np.unique(np.quantile(known, _QUARTERS, method="inverted_cdf"))
    ends = ends[ends < distinct[-1]]
    for low, high in zip([-np.inf, *ends], [*ends, np.inf], strict=True):
        yield Part(
            (values > low) & (values <= high),
            name,
            low=None if low == -np.inf else shown(float(low)),
            high=None if high == np.inf else shown(float(high)),
            words=words,
        )
