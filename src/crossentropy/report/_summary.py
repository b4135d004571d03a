"""A run as data: everything that the page, the Markdown and the terminal say, and all that `metrics.json` holds.

It holds aggregates and the worst few rows, never the data set, and nothing that differs between two runs of the
same settings on the same data (times and machines stand in `environment.json`).
"""

from __future__ import annotations

from typing import Literal

from crossentropy.evaluation import (
    ColumnShare,
    Estimate,
    Evaluation,
    Figures,
    FormGain,
    Repeats,
    Slice,
    SuspectPair,
)


class ColumnNote(Figures):
    """One column of the table: its kind, whether the model uses it, and why not or how."""

    name: str
    kind: str
    used: bool
    missing: int
    note: str


class PenaltyPoint(Figures):
    """Mean out-of-fold log-loss (nats) at one C, with its standard error."""

    C: float
    loss: float
    standard_error: float


class Penalty(Figures):
    """The chosen C, and the path it was chosen from (empty when the user gave C)."""

    C: float
    folds: int
    path: tuple[PenaltyPoint, ...]


class Temperature(Figures):
    """Calibrated logits = (logits + shift) / temperature, fitted on out-of-fold logits.

    `loss_before` and `loss_after` are mean out-of-fold log-losses in nats (None when no row could be held out).
    `corrected` says that class weights were undone, that is, ln of each class weight was subtracted from its logit.
    `form` is the calibration used, and `gains` what each richer one gains over the temperature alone, out of sample.
    """

    value: float
    loss_before: float | None
    loss_after: float | None
    corrected: bool
    form: Literal["temperature", "vector", "matrix"] = "temperature"
    gains: tuple[FormGain, ...] = ()


class PartFigures(Figures):
    """One of several models whose calibrated probabilities are averaged, and what it is worth alone.

    `weight` is that of its probabilities, 0 for a yardstick. `loss` is its mean log-loss in nats out of fold, after a
    temperature of its own, over the rows that every part left out (None when there are none).
    """

    name: str
    weight: float
    temperature: float
    loss: float | None
    note: str


class Optimality(Figures):
    """The fit's certificate: objective - minimum <= gap, all in nats (mean form)."""

    objective: float
    gap: float
    n_iter: int
    message: str


class WorstRow(Figures):
    """A test row with a high loss. `cells` are its values as text; `image` its grey levels in [0, 1], if any."""

    id: str
    target: str
    label: str
    p_target: float
    p_label: float
    loss: float
    cells: dict[str, str]
    image: tuple[tuple[float, ...], ...] | None


class SuspectLabels(Figures):
    """Labels of training rows that are probably wrong, by predictions out of fold.

    `wrong` estimates how many of the `rows` labels are wrong if wrong labels strike rows alike; `contradicted` how many
    at most, where every confident contradiction counts. `found` rows are named in `out_of_fold.parquet`, the first of
    them `listed` here, where `label` is the class suggested and `loss` that of the label given.
    """

    rows: int
    wrong: Estimate
    contradicted: Estimate
    found: int
    pairs: tuple[SuspectPair, ...]
    listed: tuple[WorstRow, ...]


class Summary(Figures):
    """A run told to a person, before it is put into any form."""

    format: Literal[1] = 1
    data: str
    target: str
    rows_train: int
    rows_test: int
    features: int
    seed: int
    split: str
    test: Evaluation
    penalty: Penalty
    temperature: Temperature
    optimality: Optimality
    columns: tuple[ColumnNote, ...]
    worst_rows: tuple[WorstRow, ...]
    notes: tuple[str, ...]
    advice: tuple[str, ...]
    labels: SuspectLabels | None = None
    contributions: tuple[ColumnShare, ...] = ()
    slices: tuple[Slice, ...] = ()
    slices_tried: int = 0
    repeats: Repeats | None = None

    def _repr_markdown_(self) -> str:
        """Return what a notebook shows."""
        from crossentropy.report._markdown import to_markdown

        return to_markdown(self)

    parts: tuple[PartFigures, ...] = ()


def without_rows(summary: Summary) -> Summary:
    """Return the summary without any single row: none of the worst ones, none whose label is suspected."""
    labels = None if summary.labels is None else summary.labels.model_copy(update={"listed": ()})
    return summary.model_copy(update={"worst_rows": (), "labels": labels})
