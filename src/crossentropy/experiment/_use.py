"""A finished run put to use: its classifier on further data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crossentropy.classifier import Classifier
from crossentropy.errors import BundleError, DataError, did_you_mean
from crossentropy.evaluation import Evaluation, evaluate
from crossentropy.experiment._config import Config, read_config
from crossentropy.experiment._rows import read_rows, roles
from crossentropy.experiment._tell import prediction_table
from crossentropy.tables import Expected, Reading, find_column, notices, read_table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["evaluate_run", "expected_of", "load_classifier", "predict_run"]


def load_classifier(folder: Path | str) -> Classifier:
    """Return the classifier of a run folder.

    Raises:
        BundleError: the folder is no run folder, or its model is damaged.
    """
    folder = Path(folder)
    try:
        found = (folder / "model").is_dir()
    except OSError as error:
        raise BundleError(f"{folder}: cannot be read ({error.strerror}).") from None
    if not found:
        raise BundleError(
            f"{folder}: no run folder.", fix="Expected a folder that `crossentropy train` wrote."
        )
    return Classifier.load(folder / "model")


def evaluate_run(
    folder: Path | str, data: Any, reading: Reading | None = None
) -> tuple[Evaluation, tuple[str, ...]]:
    """Return how good a run's classifier is on further data, and sentences on what was used other than it stands.

    Args:
        folder: of a run.
        data: whatever `train` takes, with the target.
        reading: what is known of the form of the data; the rest is as in training, or recognised.

    Raises:
        BundleError: the folder is no run folder, or damaged.
        DataError: the data cannot be read, or lack the target or another column.
    """
    classifier = load_classifier(folder)
    config = read_config(Path(folder) / "config.json")
    table = read_table(data, reading, expected_of(classifier, config))
    if config.target not in table.frame.columns:
        raise DataError(
            f"{table.name} has no column {config.target!r} (the target), so there is nothing to judge by.",
            fix=f"{did_you_mean(config.target, table.frame.columns)} "
            "Rows whose target is not known can be predicted: `crossentropy predict`, in Python predict_run.",
        )
    rows, notes = read_rows(config, table, classifier.classes)
    logits = classifier.logits(rows.table)
    said = (*table.notes, *notes, *notices(classifier.encoder, rows.table, known=tuple(roles(config))))
    return evaluate(
        logits, rows.ids, classes=classifier.classes, sample_weight=rows.given_weights, groups=rows.groups
    ), said


def predict_run(
    folder: Path | str, data: Any, reading: Reading | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a run's predictions for further data (id, label, one probability a class), and sentences as above.

    Raises:
        BundleError: the folder is no run folder, or damaged.
        DataError: the data cannot be read, or lack a column.
    """
    classifier = load_classifier(folder)
    config = read_config(Path(folder) / "config.json")
    table = read_table(data, reading, expected_of(classifier, config))
    ids = (
        np.arange(table.frame.height) if config.id is None else find_column(table, config.id, "the row names")
    )
    predictions = prediction_table(classifier, classifier.logits(table), ids, None)
    return predictions, (*table.notes, *notices(classifier.encoder, table, known=tuple(roles(config))))


def expected_of(classifier: Classifier, config: Config) -> Expected:
    """Return what is known of further data: the columns as in training, class names as text if they were."""
    expected = classifier.encoder.expected
    kinds = dict(expected.kinds)
    if isinstance(classifier.classes[0], str):
        kinds.setdefault(config.target, "category")
    if config.weight is not None:
        kinds.setdefault(config.weight, "number")
    return replace(expected, kinds=kinds)
