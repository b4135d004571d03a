"""From the target column to class ids and class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError, TargetError, did_you_mean
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Targets", "class_ids", "class_values", "find_column", "read_targets"]

ClassName = bool | int | str

# A target with more distinct values than this, in more than half of the rows, measure rather than name.
_MANY = 50


@dataclass(frozen=True)
class Targets:
    """`ids` (N,) in [0, K) and the K sorted `classes`; -1 where the target is missing."""

    ids: NDArray[np.int64]
    classes: tuple[ClassName, ...]


def find_column(table: Table, name: str, role: str) -> pl.Series:
    """Return a column by name.

    Raises:
        DataError: there is none; the nearest name is offered.
    """
    if name not in table.frame.columns:
        raise DataError(
            f"{table.name} has no column {name!r} ({role}).", fix=did_you_mean(name, table.frame.columns)
        )
    return table.frame[name]


def read_targets(table: Table, name: str) -> Targets:
    """Return the targets of a table to train on.

    Raises:
        DataError: there is no such column.
        TargetError: the target is continuous, has no value, or one class only.
    """
    series = class_values(table, name)
    classes = tuple(sorted(series.drop_nulls().unique().to_list()))
    if not classes:
        raise TargetError(f"{table.name}: the target {name!r} is missing in every row.")
    if len(classes) == 1:
        raise TargetError(
            f"{table.name}: the target {name!r} has one class only ({classes[0]!r}), "
            f"and is missing in {series.null_count():,} of {len(series):,} rows.",
            fix="Expected at least two classes.",
        )
    return Targets(class_ids(table, name, classes), classes)


def class_ids(table: Table, name: str, classes: tuple[ClassName, ...]) -> NDArray[np.int64]:
    """Return (N,) the position of each target in `classes`; -1 where it is missing or not among them."""
    import polars as pl

    series = class_values(table, name)
    known: dict[Any, int] = {c: i for i, c in enumerate(classes)}
    if series.dtype == pl.String:
        known = {str(c): i for c, i in known.items()}
    elif isinstance(classes[0], str):
        series = series.cast(pl.String)
    ids = series.replace_strict(known, default=-1, return_dtype=pl.Int64)
    if series.dtype == pl.String:
        # a whole number written as 1.0, as for a category
        whole = series.str.replace(r"^([+-]?\d+)\.0+$", "$1")
        again = whole.replace_strict(known, default=-1, return_dtype=pl.Int64)
        ids = ids.zip_with(ids >= 0, again)
    return np.where(series.is_null().to_numpy(), -1, ids.to_numpy()).astype(np.int64)


def class_values(table: Table, name: str) -> pl.Series:
    """Return the targets as booleans, integers (of 64 bits) or strings; whole floats are integers.

    Raises:
        DataError: there is no such column.
        TargetError: the target is continuous, or no name of a class.
    """
    import polars as pl

    series = find_column(table, name, "the target")
    if series.dtype == pl.Boolean:
        return series
    if series.dtype.is_float() or series.dtype.is_decimal():
        finite = series.fill_nan(None) if series.dtype.is_float() else series
        whole = finite.cast(pl.Int64, strict=False)
        broken = (whole.cast(pl.Float64) != finite.cast(pl.Float64)).fill_null(False) | (
            whole.is_null() & finite.is_not_null()
        )
        if bool(broken.any()):
            row = int(broken.arg_max() or 0)
            raise TargetError(
                f"{table.name}: the target {name!r} looks continuous ({table.origin[row]}: {series[row]}).",
                fix="Expected classes: strings, booleans, or whole numbers.",
            )
        series = whole
    if series.dtype.is_integer():
        small = series.cast(pl.Int64, strict=False)
        # names beyond 64 bits are told apart by their digits
        series = small if small.null_count() == series.null_count() else series.cast(pl.String)
        return _few(series, table, name)
    if series.dtype.is_nested() or series.dtype.is_temporal() or series.dtype in (pl.Binary, pl.Object):
        raise TargetError(
            f"{table.name}: the target {name!r} has type {series.dtype}.",
            fix="Expected classes: strings, booleans, or whole numbers.",
        )
    # blanks around a name are no part of it, nor is nothing a name, whatever the source
    text = series.cast(pl.String).str.strip_chars()
    return _few(text.set(text == "", None), table, name)


def _few(series: pl.Series, table: Table, name: str) -> pl.Series:
    distinct = series.drop_nulls().n_unique()
    if distinct > _MANY and distinct > len(series) / 2:
        raise TargetError(
            f"{table.name}: the target {name!r} has {distinct} distinct values in {len(series)} rows.",
            fix="Expected classes; this looks like a measurement or an identifier.",
        )
    return series
