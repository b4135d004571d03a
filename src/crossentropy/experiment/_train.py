"""The main job: read -> split -> encode -> choose C -> fit -> calibrate -> evaluate.

The order is the point. Test rows are set aside before anything is fitted; column kinds, encoder, C and temperature
see training rows only; C and temperature come from out-of-fold logits, that is, from rows that the fit behind them
did not see; the test rows are touched once, by the finished classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from crossentropy.errors import ConfigError
from crossentropy.experiment._config import Config, make_config, make_reading
from crossentropy.experiment._environment import environment
from crossentropy.experiment._judge import Deciding, judged
from crossentropy.experiment._rows import roles, shared_rows, strange_rows
from crossentropy.experiment._run import Run
from crossentropy.experiment._slices import slices
from crossentropy.experiment._split import split
from crossentropy.experiment._tell import contributions, label_errors, prediction_table, row_names, worst_rows
from crossentropy.report import ColumnNote, Summary, advise, without_rows
from crossentropy.tables import (
    Expected,
    Reading,
    Table,
    notices,
    read_table,
)

__all__ = ["train"]


def train(
    data: Any = None,
    *,
    target: Any = None,
    test: Any = None,
    config: Config | None = None,
    say: Callable[[str], None] | None = None,
    **settings: Any,
) -> Run:
    """Train a calibrated classifier on a table, and say how good it is on rows that it never saw.

    Args:
        data: anything that `tables.read_table` reads: a path to one or several files (CSV, JSON lines, Parquet,
            Arrow), `sklearn:NAME`, a pandas, polars or Arrow table, an array, sparse matrix or tensor.
        target: the name of the column to predict, or its N values. May be left out for `sklearn:NAME`.
        test: the table to test on, like `data`; by default a stratified fifth of the rows of `data`.
        config: all settings at once, as `read_config` gives them; then no other setting is allowed.
        say: is called with one line for each step of the work.
        **settings: the fields of `Config`: test_size, group, time, group_duplicates, model, time_limit, C, weight,
            class_weight, costs, positive, drop, id, show_rows, seed; and how the data are read, where it should not be
            recognised: separator, decimal, quote, encoding, header, kinds.

    Returns:
        The run: `.classifier`, `.summary`, `.predictions`, and `.save(folder)`.

    Raises:
        DataError: the data cannot be read or used; the message names the file, the column, the row.
        TargetError: the target is continuous, has one class only, or is missing everywhere.
        ConfigError: a setting is unknown or out of range.
    """
    clock = _Clock(say or (lambda line: None))
    config, table, test_table = _sources(data, target, test, config, settings)
    clock("read", f"Read {table.frame.height:,} rows of {table.frame.width} columns from {_described(table)}")
    sides = split(config, table, test_table)
    rows, held_out = sides.rows, sides.held_out
    deciding = Deciding.read(config.costs, config.positive, rows.classes)
    # scikit-learn takes longer to import than all else together, and a table that is refused needs nothing of it
    from crossentropy.experiment._fit import FOLDS
    from crossentropy.experiment._learn import learn
    from crossentropy.experiment._repeat import repeats

    clock("split", f"Set {len(held_out.ids):,} rows aside to test on, {len(rows.ids):,} to train on")
    learned = learn(config, rows, clock)
    classifier, columns, fitted, parts = learned.classifier, learned.columns, learned.fitted, roles(config)
    encoder = classifier.encoder
    tested = encoder.transform(held_out.table)
    logits = classifier.calibration(fitted.model.logits(tested))
    notes = (
        *learned.gifts,
        *table.notes,
        *sides.notes,
        *strange_rows(rows, columns, FOLDS),
        *shared_rows(encoder, rows, held_out),
        *(f"Test rows of {notice}" for notice in notices(encoder, held_out.table, known=tuple(parts))),
    )
    ids = row_names(config.id, held_out)
    # what names a row is no feature, and yet what a person looks a row up by
    named = [c.name for c in columns if c.kind == "identifier" and c.name not in (*parts, *config.drop)]
    out_of_fold, suspects = label_errors(
        classifier, fitted.out_of_fold, row_names(config.id, rows), rows, named
    )
    harder, tried = slices(classifier, logits, held_out)
    test = judged(logits, held_out, deciding)
    clock("test", f"Tested on {len(held_out.ids):,} rows")
    again = repeats(config, table, test, len(rows.ids))
    if again is not None:
        clock("repeats", f"Split, trained and tested {again.splits - 1:,} times more")
    summary = Summary(
        data=table.name,
        target=config.target,
        rows_train=len(rows.ids),
        rows_test=len(held_out.ids),
        features=learned.width,
        seed=config.seed,
        split=sides.how if fitted.folds == f"{FOLDS} folds" else f"{sides.how}; {fitted.folds}",
        test=test,
        repeats=again,
        parts=fitted.parts,
        penalty=fitted.penalty,
        temperature=fitted.temperature,
        optimality=fitted.optimality,
        columns=tuple(ColumnNote(**asdict(c)) for c in columns if c.name not in parts),
        worst_rows=worst_rows(classifier, logits, ids, held_out, named),
        labels=suspects,
        contributions=contributions(classifier, tested, logits, held_out),
        slices=harder,
        slices_tried=tried,
        notes=notes,
        advice=(),
    )
    told = summary.model_copy(update={"advice": (*learned.gifts[:1], *advise(summary))[:4]})
    return Run(
        config=config,
        classifier=classifier,
        summary=told if config.show_rows else without_rows(told),
        predictions=prediction_table(classifier, logits, ids, held_out),
        out_of_fold=out_of_fold,
        log=(*fitted.log, {"step": "test", "rows": summary.test.rows, "loss": summary.test.loss.value}),
        environment=environment(table, test_table, clock.seconds),
    )


class _Clock:
    """Says each step when it is done, and keeps how long it took."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def __call__(self, step: str, line: str) -> None:
        now = perf_counter()
        self.seconds[step] = round(now - self._last, 3)
        self._last = now
        self.say(f"{line} ({self.seconds[step]:.1f} s)")


def _sources(
    data: Any, target: Any, test: Any, config: Config | None, settings: dict[str, Any]
) -> tuple[Config, Table, Table | None]:
    """Settle where the tables come from, and the settings with them."""
    if config is not None and (settings or target is not None):
        raise ConfigError("Give either config or single settings, not both.")
    if data is None and config is not None:
        data = config.data
    if test is None and config is not None:
        test = config.test
    if data is None:
        said = (
            "No data were given."
            if config is None
            else "The settings name no data: the run was made in memory."
        )
        raise ConfigError(said, fix="Give a path, a frame or an array.")
    if test is not None and "test_size" in settings:
        raise ConfigError("test and test_size were both given.", fix="Leave one out.")
    if test is not None and settings.get("repeats"):
        raise ConfigError(
            "test and repeats were both given: a table to test on leaves nothing to split.",
            fix="Leave one out.",
        )
    name = target if isinstance(target, str) else None
    reading = config or make_reading(**{k: v for k, v in settings.items() if k in Reading.model_fields})
    table = read_table(data, reading, _expected(config, name, settings))
    test_table = None if test is None else read_table(test, reading, Expected.like(table))
    if test_table is not None and test_table.digest == table.digest:
        raise ConfigError(
            f"{test_table.name} is the training table itself: a test on it says nothing.",
            fix="Give other rows, or leave it out to set a fifth of the rows aside.",
        )
    if target is not None and name is None:
        table, name = table.with_column("target", target), "target"
    if config is None:
        name = name if name is not None else table.target
        unknown = [setting for setting in settings if setting not in Config.model_fields]
        if name is None and not unknown:
            raise ConfigError(
                f"Which column of {table.name} is the target was not given.",
                fix="Name it: --target COLUMN, in Python target='COLUMN' or the N values. "
                f"Columns: {', '.join(table.frame.columns[:12])}{', ...' * (table.frame.width > 12)}.",
            )
        config = make_config(**({} if name is None else {"target": name}), **settings)
    place = {"data": _place(data), "test": _place(test)}
    return config.model_copy(update=place), table, test_table


def _expected(config: Config | None, target: str | None, settings: dict[str, Any]) -> Expected:
    """Return what the settings tell of the training table: some of its columns, and that weights are numbers."""
    told = config.model_dump() if config is not None else {"target": target, **settings}
    weight = told.get("weight")
    names = [
        told.get("target"),
        told.get("id"),
        weight,
        *(told.get("drop") or ()),
        *(told.get("kinds") or ()),
    ]
    return Expected(
        frozenset(n for n in names if isinstance(n, str)),
        {weight: "number"} if isinstance(weight, str) else {},
    )


def _described(table: Table) -> str:
    return f"{table.name}: {table.recognised}" if table.recognised else table.name


def _place(source: Any) -> str | None:
    return str(source) if isinstance(source, str | Path) else None
