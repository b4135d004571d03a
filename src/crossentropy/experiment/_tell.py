"""From a finished classifier and its test rows to the summary and the table of predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from crossentropy.classifier import Classifier, LinearModel
from crossentropy.evaluation import (
    ColumnShare,
    LabelErrors,
    column_shares,
    find_label_errors,
    losses_from_logits,
)
from crossentropy.experiment._rows import Rows
from crossentropy.report import SuspectLabels, WorstRow
from crossentropy.tables import Features

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "cell",
    "contributions",
    "label_errors",
    "prediction_table",
    "row_names",
    "suspect_labels",
    "worst_rows",
]

_WORST = 12
_SUSPECTS = 24
_CELL = 200
# Of what each column is worth: logits to compute in all, rows at least, orders of the rows at most.
_WORK, _FEWEST, _DRAWS = 20_000_000, 500, 5


def prediction_table(
    classifier: Classifier, logits: NDArray[np.float64], ids: Iterable[Any], rows: Rows | None
) -> pl.DataFrame:
    """Return a flat table: id, target, label, p_<class>..., loss_nats; without the targets' two when unknown.

    Behind the id stand the group and the weight of the row, where there are any.

    Args:
        classifier: whose classes name the columns.
        logits: (N, K), calibrated.
        ids: N names of rows.
        rows: the rows with their targets, or None.
    """
    import polars as pl

    names = pl.Series("name", list(classifier.classes))
    probabilities = softmax(logits, axis=1)
    columns = [pl.Series("id", ids)]
    if rows is not None:
        if rows.groups is not None:
            columns.append(pl.Series("group", rows.groups))
        if rows.weighted:
            columns.append(pl.Series("weight", rows.weights))
        columns.append(names.gather(rows.ids).rename("target"))
    columns.append(names.gather(logits.argmax(axis=1)).rename("label"))
    columns += [pl.Series(f"p_{name}", probabilities[:, k]) for k, name in enumerate(classifier.classes)]
    if rows is not None:
        columns.append(pl.Series("loss_nats", losses_from_logits(logits, rows.ids)))
    return pl.DataFrame(columns)


def worst_rows(
    classifier: Classifier,
    logits: NDArray[np.float64],
    ids: pl.Series,
    rows: Rows,
    named: Sequence[str] = (),
) -> tuple[WorstRow, ...]:
    """Return the rows with the highest losses, highest first, with their cells or as an image.

    `named` are columns that are no features and yet tell a person which row it is; they come first.
    """
    order = np.argsort(-losses_from_logits(logits, rows.ids), kind="stable")[:_WORST]
    return _told(classifier, logits, ids, rows, named, order.tolist())


def label_errors(
    classifier: Classifier,
    logits: NDArray[np.float64],
    ids: pl.Series,
    rows: Rows,
    named: Sequence[str] = (),
) -> tuple[pl.DataFrame, SuspectLabels | None]:
    """Return the table of out-of-fold predictions, and the labels among them that are probably wrong.

    The table is like `prediction_table`, of the training rows that some fold held out, with the class that a row with a
    suspected label probably is as `suggested`.

    Args:
        classifier: whose classes name the columns.
        logits: (N, K), calibrated, out of fold; NaN in rows that no fold held out.
        ids: N names of rows.
        rows: the training rows.
        named: see `worst_rows`.
    """
    import polars as pl

    known = np.asarray(np.isfinite(logits).all(axis=1))
    logits, ids, rows = logits[known], ids.filter(pl.Series(known)), rows.take(known)
    table = prediction_table(classifier, logits, ids, rows)
    if not len(rows.ids):
        return table, None
    found = find_label_errors(softmax(logits, axis=1), rows.ids, classifier.classes)
    suspect = pl.Series(found.suggested != rows.ids)
    names = pl.Series("name", list(classifier.classes)).gather(found.suggested)
    nobody = pl.Series([None], dtype=names.dtype).new_from_index(0, len(names))
    table = table.with_columns(names.zip_with(suspect, nobody).alias("suggested"))
    return table, suspect_labels(classifier, logits, ids, rows, named, found)


def suspect_labels(
    classifier: Classifier,
    logits: NDArray[np.float64],
    ids: pl.Series,
    rows: Rows,
    named: Sequence[str],
    found: LabelErrors,
) -> SuspectLabels:
    """Return what the report says of labels that are probably wrong, with the surest of them."""
    return SuspectLabels(
        rows=found.rows,
        wrong=found.wrong,
        contradicted=found.contradicted,
        found=len(found.found),
        pairs=found.pairs,
        listed=_told(classifier, logits, ids, rows, named, found.found[:_SUSPECTS].tolist()),
    )


def contributions(
    classifier: Classifier, features: Features, logits: NDArray[np.float64], rows: Rows
) -> tuple[ColumnShare, ...]:
    """Return what each column is worth on these rows; nothing for pixels, none of which says anything alone.

    Nothing for mixtures either, whose logits are no sum over the columns.

    Of many rows, columns and classes a random part of the rows is enough, and the intervals say so.
    """
    if classifier.encoder.image or not isinstance(classifier.model, LinearModel):
        return ()
    n, each = len(rows.ids), len(classifier.encoder.codes) * len(classifier.classes)
    most = max(_FEWEST, _WORK // each)
    if n > most:
        some = np.zeros(n, np.bool_)
        some[np.random.default_rng(0).choice(n, most, replace=False)] = True
        features, logits, rows, n = features.take(some), logits[some], rows.take(some), most
    return column_shares(
        logits,
        classifier.contributions(features),
        rows.ids,
        sample_weight=rows.given_weights,
        groups=rows.groups,
        draws=int(np.clip(_WORK // (n * each), 1, _DRAWS)),
    )


def row_names(column: str | None, rows: Rows) -> pl.Series:
    """Return the names of rows: those of the column, or their positions in the table, counted from 0."""
    import polars as pl

    return rows.table.frame[column] if column else pl.Series(rows.position)


def _told(
    classifier: Classifier,
    logits: NDArray[np.float64],
    ids: pl.Series,
    rows: Rows,
    named: Sequence[str],
    order: list[int],
) -> tuple[WorstRow, ...]:
    losses = losses_from_logits(logits, rows.ids)
    probabilities = softmax(logits, axis=1)
    known = [name for name in named if name in rows.table.frame.columns]
    shape = classifier.encoder.image
    used = {} if shape else _loudest(classifier, logits, rows, order)
    pixels = _pixels(rows) if shape else None
    found = []
    for i in order:
        label = int(logits[i].argmax())
        found.append(
            WorstRow(
                id=str(ids[i]),
                target=str(classifier.classes[rows.ids[i]]),
                label=str(classifier.classes[label]),
                p_target=float(probabilities[i, rows.ids[i]]),
                p_label=float(probabilities[i, label]),
                loss=float(losses[i]),
                cells={} if shape else {name: cell(rows.table.frame[name][i]) for name in (*known, *used[i])},
                image=None
                if shape is None or pixels is None
                else tuple(tuple(line) for line in pixels[i].reshape(shape).round(4).tolist()),
            )
        )
    return tuple(found)


def _loudest(
    classifier: Classifier, logits: NDArray[np.float64], rows: Rows, order: list[int]
) -> dict[int, list[str]]:
    """Return of each row the columns used, first those that speak most for or against what it was called.

    Against its true class where the label is wrong, else against the runner-up. In their own order where the logits
    are no sum over the columns.
    """
    if not isinstance(classifier.model, LinearModel):
        used = [code.name for code in classifier.encoder.codes]
        return dict.fromkeys(order, used)
    chosen = np.zeros(len(rows.ids), np.bool_)
    chosen[order] = True
    parts = dict(classifier.contributions(classifier.encoder.transform(rows.table.take(chosen))))
    found = {}
    for place, i in enumerate(np.flatnonzero(chosen).tolist()):
        label, runner_up = np.argsort(-logits[i], kind="stable")[:2].tolist()
        other = rows.ids[i] if rows.ids[i] != label else runner_up
        said = {name: abs(float(part[place, label] - part[place, other])) for name, part in parts.items()}
        found[i] = sorted(said, key=lambda name: -said[name])
    return found


def cell(value: object) -> str:
    """Return a value of the table as text that a card or a line can hold."""
    import polars as pl

    if value is None:
        return ""
    if isinstance(value, pl.Series):
        value = ", ".join(map(str, value.to_list()))
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _pixels(rows: Rows) -> NDArray[np.float64]:
    """Return all columns that are pixels (N, H W), scaled so that they span [0, 1]."""
    height, width = rows.table.image or (0, 0)
    pixels = rows.table.frame[:, : height * width].to_numpy().astype(np.float64)
    low, high = np.nanmin(pixels), np.nanmax(pixels)
    scaled: NDArray[np.float64] = (pixels - low) / (high - low if high > low else 1.0)
    return np.nan_to_num(scaled)
