"""What an evaluation says, as data: frozen, and the same in JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Figures(BaseModel):
    """Base of every record of figures: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Estimate(Figures):
    """A mean over rows with its 95 % confidence interval."""

    value: float
    low: float
    high: float


class ReliabilityBin(Figures):
    """Rows of like confidence: what was promised (mean confidence) and what happened (accuracy)."""

    rows: int
    confidence: float
    accuracy: Estimate


class ClassFigures(Figures):
    """One class: its rows, their part of all rows (by weight) and of the whole loss, their mean loss in nats."""

    name: str
    rows: int
    row_share: float
    loss: float | None
    loss_share: float
    recall: float | None
    precision: float | None


class ConfusedPair(Figures):
    """`rows` rows of class `target` were labelled `label`; `share` is their part of the rows of `target`."""

    target: str
    label: str
    rows: int
    share: float


class SuspectPair(Figures):
    """`rows` rows given as class `target` probably are `suggested`."""

    target: str
    suggested: str
    rows: int


class Calibration(Figures):
    """Calibration error of the top label, with what a perfectly calibrated classifier would show by chance.

    `error` is sum_b (n_b / n) |accuracy_b - confidence_b| over bins of equal mass; `noise` is the 95 % point of
    the same figure when every label is drawn from the predicted confidence itself. An error below the noise is
    no evidence of miscalibration. `point` are the rows whose confidence lies between 85 % and 95 %, if there are any.
    `density` counts the rows in equal steps of confidence from 0 to 1.
    """

    error: float
    noise: float
    bins: tuple[ReliabilityBin, ...]
    point: ReliabilityBin | None = None
    density: tuple[int, ...] = ()


class LossParts(Figures):
    """What a loss is made of, in nats: loss = uncertainty - discrimination + miscalibration.

    `uncertainty` = H(y) is what the class frequencies leave open; `discrimination` is what the forecasts know of it, in
    whatever words they say it; `miscalibration` is lost by saying it with the wrong confidence, and comes back by a
    smooth map of the logits (fitted to other rows, so that it may be a little below zero).
    """

    uncertainty: Estimate
    discrimination: Estimate
    miscalibration: Estimate


class CostFigures(Figures):
    """What decisions cost a row, in the unit of the costs: each row gets the label that is expected to cost least.

    `expected` is what the probabilities foresee, `cost` what it came to, `most_probable` what the most probable labels
    would have come to, `saved` the difference, `constant` the cost of saying `constant_class` of every row, the
    cheapest such class. `relabelled` rows get another label than the most probable one.
    """

    cost: Estimate
    expected: float
    most_probable: Estimate
    saved: Estimate
    constant: float
    constant_class: str
    relabelled: int


class FormGain(Figures):
    """What a form of calibration gains over a temperature, in nats a row, out of sample, with its standard error."""

    form: Literal["vector", "matrix"]
    gain: float
    standard_error: float


class ThresholdFigures(Figures):
    """Saying the positive class of rows whose probability of it is above `threshold`: of `said` rows.

    `precision` is the part of those that are of the class (None where it is never said), `recall` the part of the class
    that is found (None where it has no rows), `f1` = 2 hits / (rows of the class + rows said).
    """

    threshold: float
    said: int
    said_share: float
    precision: Estimate | None
    recall: Estimate | None
    f1: float | None


class PositiveFigures(Figures):
    """One of two classes as the one to find: `rows` rows are of it, `share` of all by weight.

    `decided` is the threshold that decides: the one that costs imply (`by_costs`), or one half. `table` tells others.
    """

    name: str
    rows: int
    share: float
    by_costs: bool
    decided: ThresholdFigures
    table: tuple[ThresholdFigures, ...]


class Evaluation(Figures):
    """How good probabilities are on rows that took no part in the fit. Losses are in nats.

    `uniform` = ln K is the loss of a guess without knowledge, `frequencies` = H(y) that of someone who knows
    only how frequent each class is; `skill` = 1 - loss / H(y) is the part of that which the model explains
    (None when the rows hold one class only), and its interval that of the ratio, both losses over the same rows.
    `weighted` says that the rows had weights: then every mean and share is one of weight, while `rows`,
    `confusion` and `confused` count rows. `majority` is the accuracy of always saying `majority_class`.
    `worst_share` is the part of the loss carried by the worst 1 % of the rows, which are `worst_rows` rows.
    `confusion[i][j]` counts rows of class i labelled j. `perplexity` = e^loss is the number of equally likely classes
    that would leave the same doubt. `parts`, `brier`, `balanced_accuracy`, `macro_f1` and `auc` (one class against the
    rest, mean over the classes) have bootstrap intervals; a figure that these rows cannot give is None. Where the rows
    come in `groups` groups, every interval is that of as many independent groups.
    """

    rows: int
    weighted: bool
    classes: tuple[str, ...]
    loss: Estimate
    loss_bits: float
    perplexity: Estimate
    parts: LossParts | None
    uniform: float
    frequencies: float
    skill: float | None
    skill_interval: Estimate | None
    accuracy: Estimate
    majority: float
    majority_class: str
    brier: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    auc: Estimate | None
    calibration: Calibration
    worst_share: float
    worst_rows: int
    by_class: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    confused: tuple[ConfusedPair, ...]
    groups: int | None = None
    costs: CostFigures | None = None
    positive: PositiveFigures | None = None


class Slice(Figures):
    """Rows of one column's value, whose mean loss (nats) is higher than that of the rest.

    Which rows: those whose cell is `level`; or above `low` and up to `high` (in words of the text, if `words`); or,
    with none of these, is missing. `excess` is by how much the mean loss is above that of all other rows, with an
    interval that holds for all slices tried together. `fall` is the part of the whole loss that would go if it were
    not above.
    """

    column: str
    level: str | None = None
    low: str | None = None
    high: str | None = None
    words: bool = False
    rows: int
    row_share: float
    loss: float
    loss_share: float
    excess: Estimate
    fall: float


class Repeats(Figures):
    """The same table split, trained and tested `splits` times by other seeds: the luck of the split.

    `loss`, `skill` and `accuracy` are means over the splits, with the intervals of `repeated`; `least` and `most` are
    the extremes of the loss, and `first` is that of the split which the report is of.
    """

    splits: int
    loss: Estimate
    skill: Estimate | None
    accuracy: Estimate
    first: float
    least: float
    most: float


class ColumnShare(Figures):
    """What a column is worth: the loss (nats a row) that comes back when its values are dealt anew among the rows.

    `share` is that as a part of what the model knows beyond the class frequencies; None where it knows nothing.
    """

    name: str
    worth: Estimate
    share: Estimate | None


class ClassChange(Figures):
    """How the mean loss of the rows of one class differs, second minus first, in nats."""

    name: str
    rows: int
    difference: Estimate


class ChangedRow(Figures):
    """A row whose loss differs much between two classifiers."""

    id: str
    target: str
    labels: tuple[str, str]
    losses: tuple[float, float]


class Comparison(Figures):
    """Two classifiers on the same rows, paired; differences are second minus first, losses in nats.

    Intervals are those of the bootstrap over rows, or over `groups` groups. `mended` rows are labelled right by the
    second only, `spoilt` ones by the first only, `relabelled` ones differently by the two.
    """

    names: tuple[str, str]
    rows: int
    groups: int | None
    losses: tuple[Estimate, Estimate]
    difference: Estimate
    accuracies: tuple[Estimate, Estimate]
    accuracy_difference: Estimate
    mended: int
    spoilt: int
    relabelled: int
    by_class: tuple[ClassChange, ...]
    changed: tuple[ChangedRow, ...] = ()
