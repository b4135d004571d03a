"""A finished run put to use: its classifier on further data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from crossentropy.classifier import Classifier
from crossentropy.errors import BundleError, DataError, did_you_mean
from crossentropy.evaluation import Evaluation, cheapest
from crossentropy.experiment._config import Config, read_config
from crossentropy.experiment._judge import Deciding, judged
from crossentropy.experiment._rows import Rows, frequencies_of, read_rows, roles
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
    folder: Path | str,
    data: Any,
    reading: Reading | None = None,
    costs: Any = None,
    deployment_prior: Any = None,
    positive: object = None,
) -> tuple[Evaluation, tuple[str, ...]]:
    """Return how good a run's classifier is on further data, and sentences on what was used other than it stands.

    Args:
        folder: of a run.
        data: whatever `train` takes, with the target.
        reading: what is known of the form of the data; the rest is as in training, or recognised.
        costs: what `evaluation.read_costs` reads; then what the cheapest labels cost is told too. By default those that
            the run was trained with.
        deployment_prior: what `evaluation.read_frequencies` reads: the class frequencies to count on, where these are
            not those of the training rows.
        positive: of two classes the one to find, for precision, recall and thresholds. By default that of the run.

    Raises:
        BundleError: the folder is no run folder, or damaged; or it knows no class frequencies to move from.
        ConfigError: the costs are no matrix of costs of these classes, the frequencies none of them, or there is no
            such positive class.
        DataError: the data cannot be read, or lack the target or another column.
    """
    trained = load_classifier(folder)
    config = read_config(Path(folder) / "config.json")
    deciding = Deciding.read(
        config.costs if costs is None else costs,
        config.positive if positive is None else positive,
        trained.classes,
    )
    classifier = trained if deployment_prior is None else trained.at_frequencies(deployment_prior)
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
    if classifier is not trained:
        said = (*said, _moved(trained, classifier, rows))
    return judged(logits, rows, deciding), said


def predict_run(
    folder: Path | str,
    data: Any,
    reading: Reading | None = None,
    costs: Any = None,
    deployment_prior: Any = None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a run's predictions for further data (id, label, one probability a class), and sentences as above.

    With `costs`, which `evaluation.read_costs` reads, or those that the run was trained with, the label is the one
    whose expected cost is least, and that cost stands behind the probabilities as `expected_cost`. `deployment_prior`
    is as in `evaluate_run`.

    Raises:
        BundleError: the folder is no run folder, or damaged; or it knows no class frequencies to move from.
        ConfigError: the costs are no matrix of costs of these classes, or the frequencies none of them.
        DataError: the data cannot be read, or lack a column.
    """
    classifier = load_classifier(folder)
    config = read_config(Path(folder) / "config.json")
    matrix = Deciding.read(config.costs if costs is None else costs, None, classifier.classes).costs
    if deployment_prior is not None:
        classifier = classifier.at_frequencies(deployment_prior)
    table = read_table(data, reading, expected_of(classifier, config))
    ids = (
        np.arange(table.frame.height) if config.id is None else find_column(table, config.id, "the row names")
    )
    logits = classifier.logits(table)
    predictions = prediction_table(classifier, logits, ids, None)
    if matrix is not None:
        import polars as pl

        labels, expected = cheapest(softmax(logits, axis=1), matrix)
        names = pl.Series("label", list(classifier.classes)).gather(labels)
        predictions = predictions.with_columns(names, pl.Series("expected_cost", expected))
    said = (*table.notes, *notices(classifier.encoder, table, known=tuple(roles(config))))
    if matrix is not None and costs is None:
        said = (*said, "Labels are those that cost least by the costs that the run was trained with.")
    return predictions, said


def _moved(trained: Classifier, moved: Classifier, rows: Rows) -> str:
    """Return a sentence on the class whose frequency changes most: in training, from now on, and in the rows."""
    before, now = trained.frequencies, moved.frequencies
    assert before is not None
    assert now is not None
    most = int(np.abs(np.log(now / before)).argmax())
    shares = [f"{100 * found[most]:.3g} %" for found in (before, now, frequencies_of(rows))]
    return (
        f"The probabilities are for the class frequencies given: {trained.classes[most]!r} was {shares[0]} of the "
        f"training rows and is taken for {shares[1]}; of these rows it is {shares[2]}."
    )


def expected_of(classifier: Classifier, config: Config) -> Expected:
    """Return what is known of further data: the columns as in training, class names as text if they were."""
    expected = classifier.encoder.expected
    kinds = dict(expected.kinds)
    if isinstance(classifier.classes[0], str):
        kinds.setdefault(config.target, "category")
    if config.weight is not None:
        kinds.setdefault(config.weight, "number")
    return replace(expected, kinds=kinds)
