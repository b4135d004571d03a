"""The report as Markdown, with every value from the data escaped: none can break a table or become markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from crossentropy.evaluation import Evaluation
from crossentropy.report._decision_words import cost_words, positive_words
from crossentropy.report._fit_words import (
    optimality_words,
    penalty_words,
    repeats_words,
    run_words,
    temperature_words,
)
from crossentropy.report._models import models_words
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
    threshold_rows,
    top_pairs,
    worth_most,
)
from crossentropy.report._sections import sections
from crossentropy.report._source_words import (
    contributions_words,
    label_words,
    row_words,
    slice_name,
    slice_words,
    slices_words,
    suspect_words,
    worst_words,
    worth_words,
)
from crossentropy.report._summary import Summary
from crossentropy.report._words import (
    accuracy_words,
    calibration_words,
    interval_words,
    loss_words,
    parts_words,
    rates_words,
    skill_words,
    trust_words,
    verdict,
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
    target = quoted(summary.target)
    blocks = [
        f"# Telling {escape(target)} in {escape(clean(summary.data, 120))}",
        f"**{escape(verdict(test, target, summary.repeats)[0])}** {escape(verdict(test)[1])}",
        escape(run_words(summary)) + ".",
    ]
    for section in sections(summary):
        blocks += [f"## {section.title}", *_BLOCKS[section.key](summary)]
    return "\n\n".join(block for block in blocks if block).replace(NBSP, " ") + "\n"


def _loss(summary: Summary) -> list[str]:
    test = summary.test
    scale = [
        (a.name, figure(a.loss), figure(bits(a.loss)), f"{equally_likely(a.loss)} equally likely")
        for a in anchors(test)
    ]
    return [
        _table(("", "nats", "bits", "as unsure as"), scale),
        escape(f"{interval_words(test)} {loss_words(test)}".strip()),
        escape(skill_words(test)),
        escape(repeats_words(summary.repeats)) if summary.repeats else "",
    ]


def _sources(summary: Summary) -> list[str]:
    test = summary.test
    blocks = [escape(worst_words(test)), *_classes(test)]
    if summary.slices_tried:
        rows = [(slice_name(part), slice_words(part)) for part in summary.slices]
        blocks += [escape(slices_words(summary)), _table(("rows where", ""), rows) if rows else ""]
    return blocks


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
    return [table, f"And {escape(count(more, 'more class', 'more classes'))}." if more else ""]


def _worst(summary: Summary) -> list[str]:
    rows = [(clean(row.id), f"{row_words(row)}, cost {nats(row.loss)}") for row in summary.worst_rows]
    return [_table(("row", "what happened"), rows)]


def _labels(summary: Summary) -> list[str]:
    labels = summary.labels
    assert labels is not None
    rows = [(clean(row.id), suspect_words(row)) for row in labels.listed]
    return [
        escape(label_words(labels)),
        _table(("row", "given and suggested"), rows) if rows else "",
    ]


def _calibration(summary: Summary) -> list[str]:
    test = summary.test
    rows = [
        (count(b.rows), percent(b.confidence), percent(b.accuracy.value), between(b.accuracy, percent))
        for b in test.calibration.bins
    ]
    return [
        escape(f"{calibration_words(test)} {trust_words(test)}"),
        _table(("rows", "mean confidence", "accuracy", INTERVAL), rows),
    ]


def _confusion(summary: Summary) -> list[str]:
    test = summary.test
    blocks = [escape(accuracy_words(test)), escape(rates_words(test))]
    pairs = top_pairs(test)
    if pairs:
        rows = [(quoted(p.target), quoted(p.label), count(p.rows), percent(p.share)) for p in pairs]
        blocks.append(_table(("class", "labelled", "rows", "of its rows"), rows))
    return blocks


def _decisions(summary: Summary) -> list[str]:
    test, blocks = summary.test, []
    if test.costs is not None:
        blocks.append(escape(cost_words(test.costs)))
    if test.positive is not None:
        head = ("said", "rows", "precision", "recall", "F1")
        blocks += [escape(positive_words(test.positive)), _table(head, threshold_rows(test.positive))]
    return blocks


def _contributions(summary: Summary) -> list[str]:
    shown, more = worth_most(summary.contributions)
    return [
        escape(contributions_words(summary.contributions)),
        _table(("column", "what would be lost without it"), [(clean(c.name), worth_words(c)) for c in shown]),
        f"And {escape(count(more, 'more column'))}." if more else "",
    ]


def _data(summary: Summary) -> list[str]:
    blocks = []
    if summary.columns:
        ordered = [*left_out(summary), *(c for c in summary.columns if c.used)]
        rows = [
            (
                clean(c.name),
                clean(c.kind),
                "used" if c.used else "left out",
                count(c.missing),
                line(c.note, 160),
            )
            for c in ordered[:MOST_COLUMNS]
        ]
        more = len(ordered) - len(rows)
        blocks = [_table(("column", "kind", "use", "missing", "note"), rows)]
        blocks.append(f"And {escape(count(more, 'more column'))}." if more else "")
    return [*blocks, _bullets([clean(note, NOTE_LIMIT) for note in summary.notes])]


def _method(summary: Summary) -> list[str]:
    told = (
        f"Split: {clean(summary.split, NOTE_LIMIT)}; seed {summary.seed}",
        *filter(None, [models_words(summary)]),
        penalty_words(summary.penalty),
        temperature_words(summary.temperature),
        optimality_words(summary.optimality),
    )
    return [_bullets(told), *_path(summary)]


_BLOCKS: dict[str, Callable[[Summary], list[str]]] = {
    "loss": _loss,
    "parts": lambda summary: [escape(parts_words(summary.test))],
    "sources": _sources,
    "worst": _worst,
    "labels": _labels,
    "calibration": _calibration,
    "confusion": _confusion,
    "decisions": _decisions,
    "contributions": _contributions,
    "data": _data,
    "method": _method,
    "next": lambda summary: [_bullets([clean(advice, NOTE_LIMIT) for advice in summary.advice])],
}


def _path(summary: Summary) -> list[str]:
    rows = [(short(p.C), figure(p.loss), figure(p.standard_error)) for p in summary.penalty.path]
    return [_table(("C", "held-out loss (nats)", "standard error"), rows)] if rows else []


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {escape(item)}" for item in items)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *(tuple(escape(cell) for cell in row) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
