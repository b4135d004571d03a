"""The rows of a table that can be learned from or tested on: with a known target and a positive weight."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.experiment._config import Config
from crossentropy.tables import Encoder, Table, class_ids, find_column, numbers, read_targets

__all__ = ["Rows", "read_rows", "shared_rows"]


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
        table = replace(self.table, frame=self.table.frame.filter(mask))
        return replace(
            self, table=table, ids=self.ids[mask], weights=self.weights[mask], position=self.position[mask]
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
        heavy = replace(table, frame=table.frame.filter(weights > 0))
        classes = read_targets(heavy, config.target).classes
    ids = class_ids(table, config.target, classes)
    whole = Rows(table, ids, weights, np.arange(table.frame.height), classes, weighted)
    kept = whole.take((ids >= 0) & (weights > 0))
    if len(kept.ids) == 0:
        raise DataError(f"{table.name}: no row has a target among the classes of the training rows.")
    return kept, tuple(_sentences(config, table, ids, weights))


def _sentences(
    config: Config, table: Table, ids: NDArray[np.int64], weights: NDArray[np.float64]
) -> list[str]:
    said = []
    target = table.frame[config.target]
    absent = target.is_null().to_numpy()
    if absent.any():
        said.append(f"{table.name}: {absent.sum():,} rows without a target were left out.")
    unknown = (ids < 0) & ~absent
    if unknown.any():
        names = sorted({str(v) for v in target.filter(unknown).to_list()})
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        said.append(
            f"{table.name}: {unknown.sum():,} rows of classes not seen in training ({shown}) were left out."
        )
    weightless = (weights == 0).sum()
    if weightless:
        said.append(f"{table.name}: {weightless:,} rows of weight 0 were left out.")
    return said


def _weights(config: Config, table: Table) -> NDArray[np.float64]:
    if config.weight is None:
        return np.ones(table.frame.height)
    weights = numbers(table, find_column(table, config.weight, "the row weights"))
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        value = table.frame[config.weight][int(wrong[0])]
        raise DataError(
            f"{table.name}: column {config.weight!r}, row {wrong[0]}: {value!r} is no weight.",
            fix="Expected finite numbers, not negative, none missing.",
        )
    return weights


def shared_rows(encoder: Encoder, rows: Rows, held_out: Rows) -> tuple[str, ...]:
    """Return a sentence on test rows that equal a training row in every column used, if there are any."""
    used = [code.name for code in encoder.codes]
    missing = [name for name in used if name not in held_out.table.frame.columns]
    if missing:
        return ()
    known = rows.table.frame.select(used).hash_rows()
    shared = int(held_out.table.frame.select(used).hash_rows().is_in(known.implode()).sum())
    if shared == 0:
        return ()
    n = len(held_out.ids)
    return (
        f"{shared:,} of {n:,} test rows ({shared / n:.1%}) equal a training row in every column used: "
        "on those the model may remember rather than know.",
    )
