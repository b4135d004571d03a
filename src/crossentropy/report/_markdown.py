"""The report as Markdown, with every value from the data escaped: none can break a table or become markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crossentropy.evaluation import Evaluation
from crossentropy.report._numbers import (
    INTERVAL,
    NBSP,
    between,
    clean,
    count,
    equally_likely,
    figure,
    line,
    nats,
    percent,
    quoted,
    short,
)
from crossentropy.report._pieces import (
    MOST_COLUMNS,
    anchors,
    bits,
    classes_by_loss,
    left_out,
    top_pairs,
    worth_most,
)
from crossentropy.report._summary import Summary
from crossentropy.report._words import (
    accuracy_words,
    calibration_words,
    contributions_words,
    interval_words,
    label_words,
    loss_words,
    optimality_words,
    parts_words,
    penalty_words,
    point_words,
    rates_words,
    row_words,
    run_words,
    skill_words,
    suspect_words,
    temperature_words,
    verdict,
    worst_words,
    worth_words,
)

NOTE_LIMIT = 400
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> str:
    """Return text as Markdown that shows exactly this text, in a paragraph, a list item or a cell of a table.

    Beside the marks of CommonMark it disarms the bare links of GitHub ("https://", "www.", mail addresses) and
    what would start a list, a heading or a rule at the beginning of a line.
    """
    text = re.sub(r"[&<>]", lambda m: _ENTITIES[m.group()], text)
    text = re.sub(r"[\\`*_{}\[\]|~$#@!]", lambda m: "\\" + m.group(), text)
    text = text.replace("://", r"\://")
    text = re.sub(r"(?i)\bwww\.", lambda m: m.group()[:-1] + r"\.", text)
    text = re.sub(r"^([-+=])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)


def to_markdown(summary: Summary) -> str:
    """Return the run told in Markdown."""
    test = summary.test
    blocks = [
        f"# Telling {escape(quoted(summary.target))} in {escape(clean(summary.data, 120))}",
        f"**{escape(verdict(test, quoted(summary.target))[0])}** {escape(verdict(test)[1])}",
        escape(run_words(summary)) + ".",
        *_evaluation_blocks(test),
        *_worst_rows(summary),
        *_labels(summary),
        *_contributions(summary),
        *_columns(summary),
        "## How it was done",
        _bullets(
            (
                f"Split: {clean(summary.split, NOTE_LIMIT)}; seed {summary.seed}",
                penalty_words(summary.penalty),
                temperature_words(summary.temperature),
                optimality_words(summary.optimality),
            )
        ),
        *_path(summary),
        *_listed("Notes", summary.notes),
        *_listed("What to look at next", summary.advice),
    ]
    return "\n\n".join(block for block in blocks if block).replace(NBSP, " ") + "\n"


def _evaluation_blocks(test: Evaluation) -> list[str]:
    scale = [
        (a.name, figure(a.loss), figure(bits(a.loss)), f"{equally_likely(a.loss)} equally likely")
        for a in anchors(test)
    ]
    blocks = [
        "## The loss",
        _table(("", "nats", "bits", "as unsure as"), scale),
        escape(f"{interval_words(test)} {loss_words(test)}".strip()),
        escape(skill_words(test)),
        escape(parts_words(test)),
        "## Accuracy",
        escape(accuracy_words(test)),
        escape(rates_words(test)),
        "## Calibration",
        escape(f"{calibration_words(test)} {point_words(test)}"),
        _table(
            ("rows", "mean confidence", "accuracy", INTERVAL),
            [
                (
                    count(b.rows),
                    percent(b.confidence),
                    percent(b.accuracy.value),
                    between(b.accuracy, percent),
                )
                for b in test.calibration.bins
            ],
        ),
    ]
    return [*(block for block in blocks if block), *_confusion(test), *_classes(test)]


def _confusion(test: Evaluation) -> list[str]:
    pairs = top_pairs(test)
    if not pairs:
        return []
    rows = [(quoted(p.target), quoted(p.label), count(p.rows), percent(p.share)) for p in pairs]
    return ["## Most often confused", _table(("class", "labelled", "rows", "of its rows"), rows)]


def _classes(test: Evaluation) -> list[str]:
    shown, more = classes_by_loss(test)
    rows = [
        (
            clean(c.name),
            count(c.rows),
            "-" if c.loss is None else figure(c.loss),
            percent(c.loss_share),
            "-" if c.recall is None else percent(c.recall),
            "-" if c.precision is None else percent(c.precision),
        )
        for c in shown
    ]
    table = _table(("class", "rows", "mean loss (nats)", "of the loss", "recall", "precision"), rows)
    return [
        "## Loss by class",
        table,
        f"And {escape(count(more, 'more class', 'more classes'))}." if more else "",
    ]


def _worst_rows(summary: Summary) -> list[str]:
    if not summary.worst_rows:
        return []
    rows = [(clean(row.id), f"{row_words(row)}, cost {nats(row.loss)}") for row in summary.worst_rows]
    return ["## Worst test rows", escape(worst_words(summary.test)), _table(("row", "what happened"), rows)]


def _labels(summary: Summary) -> list[str]:
    labels = summary.labels
    if labels is None:
        return []
    rows = [(clean(row.id), suspect_words(row)) for row in labels.listed]
    return [
        "## Labels that are probably wrong",
        escape(label_words(labels)),
        _table(("row", "given and suggested"), rows) if rows else "",
    ]


def _contributions(summary: Summary) -> list[str]:
    if not summary.contributions:
        return []
    shown, more = worth_most(summary.contributions)
    return [
        "## What the columns contribute",
        escape(contributions_words(summary.contributions)),
        _table(("column", "what would be lost without it"), [(clean(c.name), worth_words(c)) for c in shown]),
        f"And {escape(count(more, 'more column'))}." if more else "",
    ]


def _columns(summary: Summary) -> list[str]:
    if not summary.columns:
        return []
    ordered = [*left_out(summary), *(c for c in summary.columns if c.used)]
    rows = [
        (clean(c.name), clean(c.kind), "used" if c.used else "left out", count(c.missing), line(c.note, 160))
        for c in ordered[:MOST_COLUMNS]
    ]
    more = len(ordered) - len(rows)
    table = _table(("column", "kind", "use", "missing", "note"), rows)
    return ["## Columns", table, f"And {escape(count(more, 'more column'))}." if more else ""]


def _path(summary: Summary) -> list[str]:
    rows = [(short(p.C), figure(p.loss), figure(p.standard_error)) for p in summary.penalty.path]
    return [_table(("C", "held-out loss (nats)", "standard error"), rows)] if rows else []


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return [f"## {title}", _bullets([clean(item, NOTE_LIMIT) for item in items])] if items else []


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {escape(item)}" for item in items)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *(tuple(escape(cell) for cell in row) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
