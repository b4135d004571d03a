"""A finished run put to use: its classifier on further data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crossentropy.classifier import Classifier
from crossentropy.errors import BundleError
from crossentropy.evaluation import Evaluation, evaluate
from crossentropy.experiment._config import read_config
from crossentropy.experiment._rows import read_rows
from crossentropy.experiment._tell import prediction_table
from crossentropy.tables import find_column, read_table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["evaluate_run", "load_classifier", "predict_run"]


def load_classifier(folder: Path | str) -> Classifier:
    """Return the classifier of a run folder.

    Raises:
        BundleError: the folder is no run folder, or its model is damaged.
    """
    folder = Path(folder)
    if not (folder / "model").is_dir():
        raise BundleError(
            f"{folder}: no run folder.", fix="Expected a folder that `crossentropy train` wrote."
        )
    return Classifier.load(folder / "model")


def evaluate_run(folder: Path | str, data: Any) -> tuple[Evaluation, tuple[str, ...]]:
    """Return how good a run's classifier is on further data, and what is to be said of rows left out.

    Raises:
        BundleError: the folder is no run folder, or damaged.
        DataError: the data cannot be read, or lack the target or another column.
    """
    classifier = load_classifier(folder)
    rows, notes = read_rows(read_config(Path(folder) / "config.json"), read_table(data), classifier.classes)
    logits = classifier.logits(rows.table)
    return evaluate(logits, rows.ids, classes=classifier.classes, sample_weight=rows.given_weights), notes


def predict_run(folder: Path | str, data: Any) -> pl.DataFrame:
    """Return a run's predictions for further data: id, label, one probability a class.

    Raises:
        BundleError: the folder is no run folder, or damaged.
        DataError: the data cannot be read, or lack a column.
    """
    classifier = load_classifier(folder)
    config = read_config(Path(folder) / "config.json")
    table = read_table(data)
    ids = (
        np.arange(table.frame.height) if config.id is None else find_column(table, config.id, "the row names")
    )
    return prediction_table(classifier, classifier.logits(table), ids, None)
