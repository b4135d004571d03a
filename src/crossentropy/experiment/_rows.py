"""The rows of a table that can be learned from or tested on: with a known target and a positive weight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.experiment._config import Config
from crossentropy.tables import (
    Column,
    Encoder,
    Table,
    class_ids,
    class_values,
    find_column,
    numbers,
    read_targets,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Rows", "frequencies_of", "read_rows", "roles", "shared_rows", "strange_rows"]


@dataclass(frozen=True)
class Rows:
    """Some rows of a table: `position` (N,) is each row's place in it, counted from 0.

    `weights` (N,) are ones where no column of weights was named (`weighted` is False). `groups` (N,) are ids of groups
    of rows that belong together, `times` (N,) when each row was: None where no column says it.
    """

    table: Table
    ids: NDArray[np.int64]
    weights: NDArray[np.float64]
    position: NDArray[np.int64]
    classes: tuple[bool | int | str, ...]
    weighted: bool
    groups: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | None = None

    @property
    def given_weights(self) -> NDArray[np.float64] | None:
        """The weights, or None where none were given."""
        return self.weights if self.weighted else None

    def take(self, mask: NDArray[np.bool_]) -> Rows:
        """Return the rows where the mask is True."""
        return replace(
            self,
            table=self.table.take(mask),
            ids=self.ids[mask],
            weights=self.weights[mask],
            position=self.position[mask],
            groups=None if self.groups is None else self.groups[mask],
            times=None if self.times is None else self.times[mask],
        )


def read_rows(
    config: Config, table: Table, classes: tuple[bool | int | str, ...] | None = None
) -> tuple[Rows, tuple[str, ...]]:
    """Return the rows of a table that have a target, and sentences about those that have none.

    Args:
        config: names the target and the weight column.
        table: any table.
        classes: the classes known from training; None to take those of this table.

    Raises:
        DataError: a column is missing, or a weight is negative, missing or infinite.
        TargetError: see `read_targets`; or no row has a known target.
    """
    weights = _weights(config, table)
    weighted = config.weight is not None
    if classes is None:
        heavy = table.take(weights > 0)
        if heavy.frame.height == 0:
            raise DataError(f"{table.name}: column {config.weight!r}: every weight is 0.")
        classes = read_targets(heavy, config.target).classes
    ids = class_ids(table, config.target, classes)
    times = _times(config, table)
    whole = Rows(
        table, ids, weights, np.arange(table.frame.height), classes, weighted, _groups(config, table), times
    )
    timeless = np.zeros(len(ids), np.bool_) if times is None else np.isnan(times)
    kept = whole.take((ids >= 0) & (weights > 0) & ~timeless)
    if len(kept.ids) == 0:
        found = class_values(table, config.target).drop_nulls().unique().sort().head(5).to_list()
        raise DataError(
            f"{table.name}: no row has a target among the classes of the training rows: "
            f"{', '.join(map(repr, found)) or 'all are missing'} and not {', '.join(map(repr, classes[:5]))}.",
        )
    said = _sentences(config, table, ids, weights)
    if timeless.any():
        said.append(f"{table.name}: {_left_out(timeless.sum(), f'without a time in column {config.time!r}')}")
    return kept, tuple(said)


def _sentences(
    config: Config, table: Table, ids: NDArray[np.int64], weights: NDArray[np.float64]
) -> list[str]:
    said = []
    target = class_values(table, config.target)
    absent = target.is_null().to_numpy()
    if absent.any():
        said.append(f"{table.name}: {_left_out(absent.sum(), 'without a target')}")
    unknown = (ids < 0) & ~absent
    if unknown.any():
        names = sorted({str(v) for v in target.filter(unknown).to_list()})
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        said.append(f"{table.name}: {_left_out(unknown.sum(), f'of classes not seen in training ({shown})')}")
    weightless = (weights == 0).sum()
    if weightless:
        said.append(f"{table.name}: {_left_out(weightless, 'of weight 0')}")
    return said


def _left_out(number: int, which: str) -> str:
    rows, were = ("row", "was") if number == 1 else ("rows", "were")
    return f"{number:,} {rows} {which} {were} left out."


def _weights(config: Config, table: Table) -> NDArray[np.float64]:
    if config.weight is None:
        return np.ones(table.frame.height)
    weights = numbers(table, find_column(table, config.weight, "the row weights"))
    # beyond these bounds sums and squares of weights leave float64
    fits = (weights == 0) | ((weights >= _LIGHTEST) & (weights <= 1 / _LIGHTEST))
    wrong = np.flatnonzero(~fits)
    if len(wrong):
        value = table.frame[config.weight][int(wrong[0])]
        raise DataError(
            f"{table.name}: column {config.weight!r}, {table.origin[int(wrong[0])]}: {value!r} is no weight.",
            fix=f"Expected 0, or numbers from {_LIGHTEST:g} to {1 / _LIGHTEST:g}, none missing.",
        )
    return weights


_LIGHTEST = 1e-100


def frequencies_of(rows: Rows) -> NDArray[np.float64]:
    """Return the frequencies (K,) of the classes, by weight."""
    mass = np.bincount(rows.ids, rows.weights, len(rows.classes))
    share: NDArray[np.float64] = mass / mass.sum()
    return share


def roles(config: Config) -> dict[str, str]:
    """Return the columns that have another part to play than a feature's, and which."""
    found = {config.target: "the target"}
    if config.weight is not None:
        found[config.weight] = "the row weights"
    if config.id is not None:
        found[config.id] = "the row names"
    if config.group is not None:
        found[config.group] = "the groups"
    if config.time is not None:
        found[config.time] = "the time"
    return found


def strange_rows(rows: Rows, columns: tuple[Column, ...], folds: int) -> tuple[str, ...]:
    """Return sentences on training rows that repeat, classes with fewer rows than folds, and infinite values."""
    said = []
    table = rows.table
    repeated = table.frame.height - table.frame.hash_rows().n_unique()
    if repeated:
        said.append(
            f"{repeated:,} of {table.frame.height:,} training rows repeat an earlier one in every column."
        )
    counts = np.bincount(rows.ids, minlength=len(rows.classes))
    few = [f"{name!r} ({n})" for name, n in zip(rows.classes, counts, strict=True) if n < folds]
    if few:
        shown = ", ".join(few[:8]) + (", ..." if len(few) > 8 else "")
        said.append(
            f"Classes with fewer training rows than the {folds} folds: {shown}. Some folds hold none of them out."
        )
    folded: dict[str, list[str]] = {}
    for name in rows.classes:
        folded.setdefault(str(name).casefold(), []).append(repr(name))
    alike = [" and ".join(names) for names in folded.values() if len(names) > 1]
    if alike:
        said.append(
            f"Classes that differ in capitals only are learned as different ones: {', '.join(alike[:5])}."
        )
    for column in columns:
        series = table.frame[column.name]
        infinite = int(series.is_infinite().sum()) if column.used and series.dtype.is_float() else 0
        if infinite:
            said.append(f"Column {column.name!r}: {infinite:,} infinite values were treated as missing.")
    return tuple(said)


def shared_rows(encoder: Encoder, rows: Rows, held_out: Rows) -> tuple[str, ...]:
    """Return a sentence on test rows that equal a training row in every column used, if there are any."""
    used = [code.name for code in encoder.codes]
    missing = [name for name in used if name not in held_out.table.frame.columns]
    if missing:
        return ()
    # not by select, which takes a column called "*" for a pattern
    known, tested = rows.table.frame[used].hash_rows(), held_out.table.frame[used].hash_rows()
    shared = int(tested.is_in(known.implode()).sum())
    if shared == 0:
        return ()
    n = len(held_out.ids)
    return (
        f"{shared:,} of {n:,} test rows ({100 * shared / n:.1f} %) equal a training row in every column used: "
        "on those the model may remember rather than know.",
    )


def _times(config: Config, table: Table) -> NDArray[np.float64] | None:
    """Return when each row was, as a number in some unit, NaN where that is missing; None where no column says it.

    Raises:
        DataError: a value is no date, time or number.
    """
    import polars as pl

    if config.time is None or config.time not in table.frame.columns:
        return None
    series = table.frame[config.time]
    if series.dtype.is_temporal():
        found = series.to_physical().cast(pl.Float64)
    elif series.dtype.is_numeric():
        found = series.cast(pl.Float64)
    else:
        text = series.cast(pl.String).str.strip_chars()
        found = text.cast(pl.Float64, strict=False)
        if found.null_count() > text.null_count():
            found = _moments(text)
        wrong = np.flatnonzero((found.is_null() & text.is_not_null()).to_numpy())
        if len(wrong):
            place, value = table.origin[int(wrong[0])], text[int(wrong[0])]
            raise DataError(
                f"{table.name}: column {config.time!r}, {place}: {value!r} is no time.",
                fix="Expected dates such as 2024-01-31, 2024-01-31 17:05 or 2024-01-31T17:05:00+02:00, or numbers.",
            )
    values = found.fill_null(float("nan")).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _moments(text: pl.Series) -> pl.Series:
    """Return text as microseconds, null where it is no date in the form that most of its rows have."""
    import polars as pl

    best = text.to_frame("t").select(pl.lit(None, pl.Float64)).to_series().new_from_index(0, len(text))
    for form in _FORMS:
        moments = text.str.to_datetime(form, strict=False, time_unit="us").to_physical().cast(pl.Float64)
        if moments.null_count() < best.null_count():
            best = moments
    return best


# ISO 8601 in its usual spellings; days and months the other way round cannot be told apart, and are not guessed.
_FORMS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    # with an offset from UTC, or Z, each row its own
    "%+",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
)


def _groups(config: Config, table: Table) -> NDArray[np.int64] | None:
    """Return the group of each row; a row without one is a group of its own."""
    import polars as pl

    if config.group is None or config.group not in table.frame.columns:
        return None
    known = table.frame[config.group].cast(pl.String).rank("dense").to_numpy().astype(np.float64)
    absent = np.isnan(known)
    known[absent] = len(known) + np.arange(int(absent.sum()))
    return known.astype(np.int64)
