"""The rows of a table that can be learned from or tested on: with a known target and a positive weight."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

__all__ = ["Rows", "read_rows", "roles", "shared_rows", "strange_rows"]


@dataclass(frozen=True)
class Rows:
    """Some rows of a table: `position` (N,) is each row's place in it, counted from 0.

    `weights` (N,) are ones where no column of weights was named (`weighted` is False).
    """

    table: Table
    ids: NDArray[np.int64]
    weights: NDArray[np.float64]
    position: NDArray[np.int64]
    classes: tuple[bool | int | str, ...]
    weighted: bool

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
    whole = Rows(table, ids, weights, np.arange(table.frame.height), classes, weighted)
    kept = whole.take((ids >= 0) & (weights > 0))
    if len(kept.ids) == 0:
        found = class_values(table, config.target).drop_nulls().unique().sort().head(5).to_list()
        raise DataError(
            f"{table.name}: no row has a target among the classes of the training rows: "
            f"{', '.join(map(repr, found)) or 'all are missing'} and not {', '.join(map(repr, classes[:5]))}.",
        )
    return kept, tuple(_sentences(config, table, ids, weights))


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


def roles(config: Config) -> dict[str, str]:
    """Return the columns that have another part to play than a feature's, and which."""
    found = {config.target: "the target"}
    if config.weight is not None:
        found[config.weight] = "the row weights"
    if config.id is not None:
        found[config.id] = "the row names"
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
