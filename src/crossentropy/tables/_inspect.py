"""The kinds of all columns with the evidence for each, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from crossentropy.tables._giveaway import giveaways
from crossentropy.tables._kinds import Column, Kind, infer_columns
from crossentropy.tables._table import Table
from crossentropy.tables._targets import read_targets
from crossentropy.tables._values import parse_numbers

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ColumnEvidence", "Inspection", "inspect_table"]

_LEVELS_SHOWN = 8
_CELL = 60


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(_Data):
    """One value of a column and how many rows hold it."""

    value: str
    rows: int


class ColumnEvidence(_Data):
    """What is known of one column.

    Attributes:
        name: its name.
        kind: by the rules, or as given.
        used: whether it becomes features.
        missing: rows without a value: null, and NaN or infinite among numbers.
        distinct: how many different values it has.
        low: the least value of a number; None for anything else.
        high: the greatest value of a number; None for anything else.
        levels: the most frequent values, unless the column is a number.
        note: the rule that decided, in words.
        warnings: what to look at.
    """

    name: str
    kind: Kind
    used: bool
    missing: int
    distinct: int
    low: float | None
    high: float | None
    levels: tuple[Level, ...]
    note: str
    warnings: tuple[str, ...]


class Inspection(_Data):
    """A table told before anything is trained on it.

    Attributes:
        name: what messages call it.
        recognised: how it was read, in words; empty for data in memory.
        rows: how many.
        columns: one record a column, in the order of the table, the target left out.
        target: the name of the target column, or None.
        classes: the classes with their rows, most frequent first; empty without a target.
        notes: what concerns the whole table.
    """

    name: str
    recognised: str
    rows: int
    columns: tuple[ColumnEvidence, ...]
    target: str | None
    classes: tuple[Level, ...]
    notes: tuple[str, ...]


def inspect_table(
    table: Table, *, target: str | None = None, given: Mapping[str, Kind] | None = None
) -> Inspection:
    """Return the kinds of all columns with the evidence for each.

    The rules see all rows here and the training rows only in a run, so that a column on the edge of a rule may come
    out otherwise there.

    Args:
        table: any table.
        target: the column to predict, if it is known.
        given: name -> kind, in place of the one that the rules would infer.

    Raises:
        DataError: there is no such column.
        TargetError: the target cannot be learned; see `read_targets`.
    """
    classes: tuple[Level, ...] = ()
    ids = None
    notes = list(table.notes)
    if target is not None:
        ids = read_targets(table, target).ids
        classes = _levels(table.frame[target], limit=None)
        absent = table.frame[target].null_count()
        notes += [f"{absent:,} rows have no target."] * bool(absent)
        rare = [c.value for c in classes if c.rows < _RARE]
        if rare:
            notes.append(
                f"Classes with fewer than {_RARE} rows: {', '.join(rare[:8])}{', ...' * (len(rare) > 8)}."
            )
    repeated = table.frame.height - table.frame.hash_rows().n_unique()
    notes += [f"{repeated:,} rows repeat an earlier one in every column."] * bool(repeated)
    leave_out = {} if target is None else {target: "the target"}
    columns = infer_columns(table, leave_out=leave_out, given=given)
    if ids is not None:
        known = ids >= 0
        notes += map(str, giveaways(table.take(known), columns, ids[known], np.random.default_rng(0)))
    return Inspection(
        name=table.name,
        recognised=table.recognised,
        rows=table.frame.height,
        columns=tuple(_evidence(table, column) for column in columns if column.name != target),
        target=target,
        classes=classes,
        notes=tuple(notes),
    )


# Fewer rows than the folds that choose the penalty.
_RARE = 5


def _evidence(table: Table, column: Column) -> ColumnEvidence:
    import polars as pl

    series = table.frame[column.name]
    # what has no text has no levels to show
    plain = not (series.dtype.is_nested() or series.dtype.is_object() or series.dtype == pl.Duration)
    low, high = _range(series) if series.dtype.is_numeric() else (None, None)
    return ColumnEvidence(
        name=column.name,
        kind=column.kind,
        used=column.used,
        missing=column.missing,
        distinct=series.drop_nulls().n_unique() if plain else 0,
        low=low,
        high=high,
        levels=_levels(series, _LEVELS_SHOWN)
        if plain and column.kind not in ("number", "identifier")
        else (),
        note=column.note,
        warnings=tuple(_warnings(table, series, column)),
    )


def _range(series: pl.Series) -> tuple[float | None, float | None]:
    finite = series.filter(series.is_finite()) if series.dtype.is_float() else series.drop_nulls()
    if len(finite) == 0:
        return None, None
    return float(finite.min()), float(finite.max())  # type: ignore[arg-type]


def _levels(series: pl.Series, limit: int | None) -> tuple[Level, ...]:
    import polars as pl

    text = (
        series.drop_nulls().cast(pl.String, strict=False)
        if series.dtype != pl.Binary
        else series.clear().cast(pl.String)
    )
    # by names of our own: Polars takes a column called "*" for a pattern
    counts = text.alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    shown = counts if limit is None else counts.head(limit)
    return tuple(Level(value=str(value)[:_CELL], rows=rows) for value, rows in shown.iter_rows())


def _warnings(table: Table, series: pl.Series, column: Column) -> list[str]:
    import polars as pl

    said = []
    rows = len(series)
    if column.kind not in ("empty", "dropped") and column.missing > rows / 2:
        said.append(f"{column.missing / rows:.0%} of the values are missing")
    if series.dtype == pl.String and column.kind in ("category", "text", "identifier"):
        numbers = parse_numbers(series, table.decimal)
        broken = numbers.is_null() & series.is_not_null()
        share = int(numbers.is_not_null().sum()) / max(rows - series.null_count(), 1)
        if 0.8 < share < 1:
            row = int(broken.arg_max() or 0)
            said.append(
                f"numbers, but for {int(broken.sum()):,} values: {series[row]!r} in {table.origin[row]}"
            )
    return said
