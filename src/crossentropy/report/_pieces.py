"""The parts of a report that are lists and tables: chosen, ordered and cut once, for every form alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crossentropy.evaluation import ClassFigures, ColumnShare, ConfusedPair, Evaluation, PositiveFigures
from crossentropy.report._numbers import chance, count, percent
from crossentropy.report._summary import ColumnNote, Summary

MOST_CLASSES = 12
MOST_PAIRS = 8
MOST_COLUMNS = 400


@dataclass(frozen=True)
class Anchor:
    """One mark on the scale of the loss, in nats."""

    key: str
    name: str
    loss: float


def anchors(test: Evaluation) -> tuple[Anchor, ...]:
    """Return the marks of the loss scale, from certainty to a blind guess."""
    return (
        Anchor("zero", "certain and right", 0.0),
        Anchor("model", "this model", test.loss.value),
        Anchor("frequencies", "class frequencies", test.frequencies),
        Anchor("uniform", "uniform guess", test.uniform),
    )


def bits(loss: float) -> float:
    """Return nats as bits."""
    return loss / math.log(2)


def scale_end(test: Evaluation) -> float:
    """Return the loss at the right end of the scale: ln K, or the model's own if that is larger."""
    known = [loss for loss in (test.uniform, test.loss.value, test.loss.high) if math.isfinite(loss)]
    return max(known, default=0.0) or 1.0


def classes_by_loss(test: Evaluation) -> tuple[tuple[ClassFigures, ...], int]:
    """Return the classes that carry most of the loss, and how many are left over."""
    ordered = sorted(test.by_class, key=lambda c: -c.loss_share if math.isfinite(c.loss_share) else -math.inf)
    return tuple(ordered[:MOST_CLASSES]), max(0, len(ordered) - MOST_CLASSES)


def top_pairs(test: Evaluation) -> tuple[ConfusedPair, ...]:
    """Return the pairs of classes most often confused."""
    return tuple(sorted(test.confused, key=lambda pair: -pair.rows)[:MOST_PAIRS])


def decided_row(positive: PositiveFigures) -> int:
    """Return which line of `threshold_rows` is the one that decides."""
    return sorted({at.threshold for at in (*positive.table, positive.decided)}).index(
        positive.decided.threshold
    )


def threshold_rows(positive: PositiveFigures) -> tuple[tuple[str, ...], ...]:
    """Return lines of threshold, rows said, precision, recall and F1 as text, the deciding one among them."""
    points = {point.threshold: point for point in (*positive.table, positive.decided)}
    return tuple(
        (
            f"above {chance(t)}",
            count(at.said),
            *("-" if e is None else percent(e.value) for e in (at.precision, at.recall)),
            "-" if at.f1 is None else percent(at.f1),
        )
        for t, at in sorted(points.items())
    )


def worth_most(shares: Sequence[ColumnShare]) -> tuple[tuple[ColumnShare, ...], int]:
    """Return the columns that are worth most, and how many are left over."""
    return tuple(shares[:MOST_CLASSES]), max(0, len(shares) - MOST_CLASSES)


def left_out(summary: Summary) -> tuple[ColumnNote, ...]:
    """Return the columns that the model does not use."""
    return tuple(column for column in summary.columns if not column.used)


def used(summary: Summary) -> tuple[ColumnNote, ...]:
    """Return the columns that the model uses."""
    return tuple(column for column in summary.columns if column.used)
