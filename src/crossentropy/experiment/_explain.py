"""Why the classifier of a run says what it says: of one row, and of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from crossentropy.classifier import Classifier
from crossentropy.errors import ConfigError, DataError
from crossentropy.evaluation import ColumnShare, losses_from_logits
from crossentropy.experiment._config import Config, read_config
from crossentropy.experiment._rows import read_rows
from crossentropy.experiment._run import read_summary
from crossentropy.experiment._tell import cell, contributions
from crossentropy.experiment._use import expected_of, load_classifier
from crossentropy.report import ColumnPart, RowExplanation, TermPart
from crossentropy.tables import Features, Reading, Table, find_column, read_table

__all__ = ["explain_columns", "explain_row"]

_TERMS = 8


def explain_columns(
    folder: Path | str, data: Any = None, reading: Reading | None = None
) -> tuple[ColumnShare, ...]:
    """Return what each column is worth to the classifier of a run, the most first.

    Args:
        folder: of a run.
        data: rows with their targets; by default what the run found on its test rows.
        reading: what is known of the form of the data.

    Raises:
        BundleError: the folder is no run folder, or damaged.
        DataError: the data cannot be read, or lack a column; or no column has a worth of its own (pixels).
    """
    if data is None:
        found = read_summary(folder).contributions
    else:
        classifier, config, table = _opened(folder, data, reading)
        find_column(table, config.target, "the target")
        rows, _ = read_rows(config, table, classifier.classes)
        features = classifier.encoder.transform(rows.table)
        logits = classifier.calibration(classifier.model.logits(features))
        found = contributions(classifier, features, logits, rows)
    if not found:
        raise DataError(f"{folder}: no column has a worth that was measured: pixels, or an infinite loss.")
    return found


def explain_row(
    folder: Path | str, row: str | int, data: Any = None, reading: Reading | None = None
) -> RowExplanation:
    """Return one row taken apart: what each column adds to the logits of the classes.

    Args:
        folder: of a run.
        row: its name in the column of names, where the run has one (`id`); else its number, counted from 0.
        data: where the row stands; by default the table that the run was tested on, or else trained on.
        reading: what is known of the form of the data.

    Raises:
        BundleError: the folder is no run folder, or damaged.
        ConfigError: no data were given, and the run was made in memory.
        DataError: the data cannot be read, or have no such row.
    """
    config = read_config(Path(folder) / "config.json")
    if data is None:
        data = config.test or config.data
        reading = reading or config
        if data is None:
            raise ConfigError(
                f"{folder} was trained on data in memory, so that row {row} is not to be found.",
                fix="Give the data: explain RUN DATA --row ID.",
            )
    classifier, config, table = _opened(folder, data, reading)
    place = _place(config, table, str(row))
    one = table.take(np.arange(table.frame.height) == place)
    features = classifier.encoder.transform(one)
    logits = classifier.calibration(classifier.model.logits(features))
    target = _target(config, one, classifier)
    return RowExplanation(
        id=str(row),
        classes=tuple(map(str, classifier.classes)),
        logits=_told(logits[0] - logits[0].mean()),
        bias=_told(classifier.centred_bias),
        parts=tuple(
            ColumnPart(
                name=name,
                value=cell(one.frame[name][0]),
                logits=_told(part[0]),
                terms=_terms(classifier, features, name),
            )
            for name, part in classifier.contributions(features)
        ),
        probabilities=_told(softmax(logits[0])),
        label=int(logits[0].argmax()),
        target=target,
        loss=None if target is None else float(losses_from_logits(logits, np.array([target]))[0]),
    )


def _opened(folder: Path | str, data: Any, reading: Reading | None) -> tuple[Classifier, Config, Table]:
    classifier = load_classifier(folder)
    config = read_config(Path(folder) / "config.json")
    return classifier, config, read_table(data, reading, expected_of(classifier, config))


def _place(config: Config, table: Table, row: str) -> int:
    """Return the position of a row in the table."""
    n = table.frame.height
    if config.id is None:
        if not row.isascii() or not row.isdigit() or int(row) >= n:
            raise DataError(
                f"{table.name} has no row {row!r}.",
                fix=f"Expected a number from 0 to {n - 1:,}: rows have no names.",
            )
        return int(row)
    names = find_column(table, config.id, "the row names").cast(str)
    found = np.flatnonzero((names == row).fill_null(False).to_numpy())
    if len(found) != 1:
        said = f"{len(found):,} rows of that name" if len(found) else "no such row"
        raise DataError(f"{table.name}: column {config.id!r}, {row!r}: {said}.", fix="Name one row.")
    return int(found[0])


def _target(config: Config, one: Table, classifier: Classifier) -> int | None:
    """Return the class of a row; None where it is missing, or unknown to the classifier."""
    if config.target not in one.frame.columns:
        return None
    try:
        rows, _ = read_rows(config.model_copy(update={"weight": None}), one, classifier.classes)
    except DataError:
        return None
    return int(rows.ids[0])


def _terms(classifier: Classifier, features: Features, column: str) -> tuple[TermPart, ...]:
    """Return the terms of a column of text that add most to the logits of a row, the strongest first."""
    code = next(code for code in classifier.encoder.codes if code.name == column)
    if code.kind != "text" or features.sparse is None:
        return ()
    place, width = classifier.encoder.places[column], features.dense.shape[1]
    here = features.sparse[[0], place.start - width : place.stop - width].tocoo()
    parts = classifier.column_weights(column)[here.coords[1]] * here.data[:, None].astype(np.float64)
    names = [code.features[j].removeprefix(f"{column}: ") for j in here.coords[1].tolist()]
    strongest = np.argsort(-np.abs(parts).max(axis=1), kind="stable")[:_TERMS]
    return tuple(TermPart(term=names[i], logits=_told(parts[i])) for i in strongest.tolist())


def _told(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(values.tolist())
