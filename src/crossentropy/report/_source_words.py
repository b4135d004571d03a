"""The sentences on where the loss comes from: rows, parts of the rows, labels, columns."""

from __future__ import annotations

from collections.abc import Sequence

from crossentropy.evaluation import ColumnShare, Evaluation, Slice
from crossentropy.report._numbers import (
    INTERVAL,
    NBSP,
    between,
    chance,
    clean,
    count,
    figure,
    listed,
    nats,
    percent,
    quoted,
    whole,
)
from crossentropy.report._summary import Summary, SuspectLabels, WorstRow


def worst_words(test: Evaluation) -> str:
    """Return how much of the loss the worst rows carry."""
    rows = (
        "The single worst row carries"
        if test.worst_rows <= 1
        else f"The worst 1{NBSP}% of the rows ({test.worst_rows:,} rows) carry"
    )
    return f"{rows} {percent(test.worst_share)} of the whole loss."


def slices_words(summary: Summary) -> str:
    """Return whether any part of the rows is harder than the rest."""
    tried = count(summary.slices_tried, "part")
    if not summary.slices_tried:
        return "No column parts these rows into parts that are large enough to compare."
    if not summary.slices:
        return f"Of {tried} of the rows, by the values of each column, none is clearly harder than the rest."
    most = summary.slices[0]
    return (
        f"Of {tried} of the rows, by the values of each column, {count(len(summary.slices))} "
        f"{'is' if len(summary.slices) == 1 else 'are'} clearly harder than the rest; most is lost where "
        f"{slice_name(most)}."
    )


def slice_name(part: Slice) -> str:
    """Return which rows they are, as a phrase: “colour” is “red”."""
    column = quoted(part.column, 30)
    if part.level is not None:
        return f"{column} is {quoted(part.level, 30)}"
    if part.low is None and part.high is None:
        return f"{column} is missing"
    low, high = clean(part.low or "", 30), clean(part.high or "", 30)
    where = f"above {low} and up to {high}"
    if part.low is None or part.high is None:
        where = f"up to {high}" if part.low is None else f"above {low}"
    return f"{column} has {where} words" if part.words else f"{column} is {where}"


def slice_words(part: Slice) -> str:
    """Return how much harder the rows are."""
    return (
        f"{count(part.rows, 'row')}, {percent(part.row_share)} of all, with {percent(part.loss_share)} of the loss: "
        f"{nats(part.loss)} a row, at least {figure(part.excess.low)} more than the rest; as easy as the rest, they "
        f"would lower the loss by {percent(part.fall)}"
    )


def precision_of(labels: SuspectLabels) -> float:
    """Return what part of the labels named is estimated to be wrong."""
    most = labels.contradicted.value
    return min(1.0, labels.wrong.value / most) if most > 0 else 0.0


def labels_title(labels: SuspectLabels) -> str:
    """Return the title of the labels named: wrong ones only where most of them are."""
    mostly = labels.found and precision_of(labels) >= 0.5
    return "Labels that are probably wrong" if mostly else "Labels to check"


def label_words(labels: SuspectLabels) -> str:
    """Return how many labels are wrong, between the number that is likely and the most that there can be."""
    if not labels.found:
        return f"Held out, the model contradicts none of {labels.rows:,} training labels with confidence."
    likely, most = round(labels.wrong.value), round(labels.contradicted.value)
    contradicted = (
        f"Held out, the model contradicts {most:,} of {labels.rows:,} training labels with confidence ({INTERVAL} "
        f"{whole(labels.contradicted)}). Where it is surest of all, it contradicts"
    )
    if likely >= most:
        return f"{contradicted} as many: most of these labels are wrong."
    if likely >= most / 2:
        return (
            f"{contradicted} not many fewer: if mistakes strike all rows alike, about {likely:,} labels are wrong "
            f"({INTERVAL} {whole(labels.wrong)})."
        )
    if not likely:
        told = "hardly any label is wrong"
    else:
        verb = "is" if likely == 1 else "are"
        told = f"about {count(likely, 'label')} {verb} wrong"
    return (
        f"{contradicted} fewer: if mistakes strike all rows alike, {told} ({INTERVAL} {whole(labels.wrong)})"
        f"{_one_in(most, likely)}. The other rows are unusual for their class, or the model knows too little of them."
    )


def _one_in(named: int, wrong: int) -> str:
    """Return how many of those that are contradicted are wrong, where that is few."""
    return f", about one in {round(named / wrong):,} of those that it contradicts" if wrong else ""


def suspect_words(row: WorstRow) -> str:
    """Return what one row is called, and what it seems to be."""
    return (
        f"labelled {quoted(row.target, 30)} ({chance(row.p_target)}), rather {quoted(row.label, 30)} "
        f"({chance(row.p_label)})"
    )


def row_words(row: WorstRow) -> str:
    """Return what the model said of one row, and what the row is."""
    label, target = quoted(row.label, 30), quoted(row.target, 30)
    if row.label == row.target:
        return f"said {label} with {chance(row.p_label)}: right, but unsure"
    return f"said {label} with {chance(row.p_label)}, is {target} with {chance(row.p_target)}"


def contributions_words(shares: Sequence[ColumnShare]) -> str:
    """Return which columns carry the skill, and which nothing shows to be of use."""
    useful = [column for column in shares if column.worth.low > 0]
    if not useful:
        return "No single column is shown to be missed: what one tells, others tell too."
    most = " most" if len(shares) > len(useful[:3]) else ""
    sentence = f"The model would miss {listed([column.name for column in useful[:3]])}{most}"
    idle = len(shares) - len(useful)
    if idle:
        sentence += f"; nothing shows that {count(idle, 'other')} would be missed"
    return f"{sentence}."


def worth_words(column: ColumnShare) -> str:
    """Return what a column is worth, as a share of the skill where there is any."""
    worth = f"{nats(column.worth.value)} a row"
    if column.share is None:
        return f"{worth} ({INTERVAL} {between(column.worth)})"
    return (
        f"{percent(column.share.value)} of the skill ({INTERVAL} {between(column.share, percent)}), {worth}"
    )
