"""Which rows are trained on and which test, and in which fold a training row is held out: by class, group or time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError, TargetError
from crossentropy.evaluation import (
    group_folds,
    group_test,
    latest_test,
    stratified_folds,
    stratified_test,
    time_blocks,
)
from crossentropy.experiment._config import Config
from crossentropy.experiment._rows import Rows, read_rows, roles
from crossentropy.tables import Table, find_column, infer_columns

__all__ = ["Sides", "folds_of", "split"]


@dataclass(frozen=True, eq=False)
class Sides:
    """The rows to train on, those to test on, what is to be said of rows left out or shared, and how it was done."""

    rows: Rows
    held_out: Rows
    notes: tuple[str, ...]
    how: str


def split(config: Config, table: Table, test_table: Table | None) -> Sides:
    """Return both sides.

    Raises:
        DataError: a column is missing, or too few rows, groups or times are there to set any aside.
        TargetError: the rows to train on hold one class only.
    """
    _check_columns(config, table)
    rows, notes = read_rows(config, table)
    if config.group_duplicates:
        rows = _with_duplicates(config, rows)
    if test_table is not None:
        held_out, more = read_rows(config, test_table, rows.classes)
        straddling = _straddling(config, rows, held_out)
        return Sides(rows, held_out, (*notes, *more, *straddling), f"tested on {test_table.name}")
    is_test = _is_test(config, rows)
    if not is_test.any() or is_test.all():
        what = "rows"
        if rows.times is not None:
            what = f"moments in column {config.time!r}"
        elif rows.groups is not None:
            what = "groups"
        few = len(is_test) if what == "rows" else _distinct(rows)
        raise DataError(f"{table.name}: {few} {what} are too few to set any aside.", fix="Give --test FILE.")
    trained, held_out, new = _known_classes(table.name, rows.take(~is_test), rows.take(is_test))
    return Sides(trained, held_out, (*notes, *new, *_few(config, trained, held_out)), _how(config))


def folds_of(config: Config, rows: Rows, n_folds: int) -> tuple[NDArray[np.int64], str]:
    """Return (N,) the fold in which each training row is held out, -1 for none, and how the folds were made."""
    rng = np.random.default_rng([config.seed, 1])
    if rows.times is not None:
        return time_blocks(rows.times, rows.ids, n_folds), f"{n_folds} blocks of time"
    if rows.groups is not None:
        return group_folds(rows.groups, rows.ids, n_folds, rng), f"{n_folds} folds of whole groups"
    return stratified_folds(rows.ids, n_folds, rng), f"{n_folds} folds"


def _is_test(config: Config, rows: Rows) -> NDArray[np.bool_]:
    rng = np.random.default_rng([config.seed, 0])
    if rows.times is not None:
        return latest_test(rows.times, config.test_size)
    if rows.groups is not None:
        return group_test(rows.groups, rows.ids, config.test_size, rng)
    return stratified_test(rows.ids, config.test_size, rng)


def _check_columns(config: Config, table: Table) -> None:
    for name in config.drop:
        find_column(table, name, "to be dropped")
    for name, kind in config.kinds.items():
        find_column(table, name, f"to be read as {kind}")
    for column, part in (
        (config.id, "the row names"),
        (config.group, "the groups"),
        (config.time, "the time"),
    ):
        if column is not None:
            find_column(table, column, part)


def _distinct(rows: Rows) -> int:
    values = rows.times if rows.times is not None else rows.groups
    return 0 if values is None else len(np.unique(values))


def _known_classes(name: str, rows: Rows, held_out: Rows) -> tuple[Rows, Rows, tuple[str, ...]]:
    """Leave classes that only test rows have out of both sides, and say so: nothing could be learned of them."""
    present = np.bincount(rows.ids, minlength=len(rows.classes)) > 0
    if present.sum() < 2:
        raise TargetError(
            f"{name}: the rows to train on hold one class only.",
            fix="Give other rows to test on: --test FILE.",
        )
    if present.all():
        return rows, held_out, ()
    classes = tuple(c for c, there in zip(rows.classes, present, strict=True) if there)
    new = [str(c) for c, there in zip(rows.classes, present, strict=True) if not there]
    place = np.cumsum(present) - 1
    known = held_out.take(present[held_out.ids])
    if not len(known.ids):
        raise DataError(f"{name}: no test row is of a class that the training rows have.")
    lost = len(held_out.ids) - len(known.ids)
    said = (
        f"{name}: {lost:,} test {'row' if lost == 1 else 'rows'} of classes not seen in training "
        f"({', '.join(new[:5])}{', ...' * (len(new) > 5)}) {'was' if lost == 1 else 'were'} left out."
    )
    return (
        replace(rows, ids=place[rows.ids], classes=classes),
        replace(known, ids=place[known.ids], classes=classes),
        (said,),
    )


def _few(config: Config, rows: Rows, held_out: Rows) -> tuple[str, ...]:
    """Return a sentence where whole groups or moments leave a test set of quite another size than was asked for."""
    n, tested = len(rows.ids) + len(held_out.ids), len(held_out.ids)
    if (rows.groups is None and rows.times is None) or 0.5 <= tested / (n * config.test_size) <= 1.5:
        return ()
    unit: str = "group"
    sides: list[NDArray[Any] | None] = [rows.groups, held_out.groups]
    if rows.times is not None:
        unit, sides = "moment", [rows.times, held_out.times]
    known = np.concatenate([side for side in sides if side is not None])
    largest = int(np.unique(known, return_counts=True)[1].max())
    return (
        f"{tested:,} of {n:,} rows test, {100 * tested / n:.3g} % where {100 * config.test_size:.3g} % were asked for: "
        f"no {unit} is parted, and the largest holds {largest:,} rows. Another --seed, --test-size or --test FILE "
        "gives other test rows.",
    )


def _with_duplicates(config: Config, rows: Rows) -> Rows:
    """Return the rows with those grouped that are equal in every column which may be a feature.

    Where groups are named too, rows that share either belong together, and so do chains of such rows.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    parts = roles(config)
    columns = infer_columns(
        rows.table, leave_out={**dict.fromkeys(config.drop, "dropped"), **parts}, given=config.kinds
    )
    used = [c.name for c in columns if c.used]
    if not used:
        return rows
    alike = rows.table.frame[used].hash_rows().rank("dense").to_numpy().astype(np.int64) - 1
    if rows.groups is None:
        return replace(rows, groups=alike)
    n = int(rows.groups.max()) + 1
    links = coo_matrix((np.ones(len(alike)), (rows.groups, n + alike)), shape=(n + int(alike.max()) + 1,) * 2)
    _, component = connected_components(links, directed=False)
    return replace(rows, groups=component[rows.groups].astype(np.int64))


def _straddling(config: Config, rows: Rows, held_out: Rows) -> tuple[str, ...]:
    """Return a sentence on groups that stand on both sides of a given split."""
    if config.group is None:
        return ()
    import polars as pl

    known = rows.table.frame[config.group].cast(pl.String).drop_nulls().unique()
    tested = held_out.table.frame[config.group].cast(pl.String)
    both = tested.is_in(known.implode()) & tested.is_not_null()
    if not both.any():
        return ()
    n, groups = int(both.sum()), tested.filter(both).n_unique()
    noun, verb = ("group", "is") if groups == 1 else ("groups", "are")
    return (
        f"{groups:,} {noun} of column {config.group!r} {verb} in both tables, with {n:,} of {len(tested):,} test rows: "
        "on those the model may know the group rather than the class.",
    )


def _how(config: Config) -> str:
    share = f"{100 * config.test_size:.3g} % of the rows"
    whole = f"{share}, whole groups of column {config.group!r}"
    if config.time is not None:
        return f"the latest {share} by column {config.time!r}"
    if config.group is not None and config.group_duplicates:
        return f"{whole} and of equal rows, stratified by class as far as it goes"
    if config.group is not None:
        return f"{whole}, stratified by class as far as it goes"
    if config.group_duplicates:
        return f"{share}, equal rows kept together, stratified by class"
    return f"{share}, stratified by class"
