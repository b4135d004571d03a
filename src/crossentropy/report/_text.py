"""The summary for a terminal: plain text, at most 80 columns, no colour codes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from crossentropy.evaluation import Evaluation
from crossentropy.report._numbers import (
    NBSP,
    clean,
    count,
    equally_likely,
    figure,
    line,
    percent,
    quoted,
)
from crossentropy.report._pieces import anchors, bits, classes_by_loss, left_out, scale_end, top_pairs
from crossentropy.report._summary import Summary
from crossentropy.report._words import (
    accuracy_words,
    calibration_words,
    contributions_words,
    cost_words,
    interval_words,
    label_words,
    loss_words,
    optimality_words,
    parts_words,
    penalty_words,
    point_words,
    rates_words,
    run_words,
    skill_words,
    suspect_words,
    temperature_words,
    verdict,
    worst_words,
    worth_words,
)

WIDTH = 80
RULER = 22
NOTE_LIMIT = 300


def to_text(summary: Summary) -> str:
    """Return the run told in plain text, in lines of at most 80 columns."""
    blocks = [
        [*wrapped(f"{quoted(summary.target)} in {clean(summary.data, 120)}"), *wrapped(run_words(summary))],
        *_evaluation_blocks(summary.test, quoted(summary.target)),
        _labels(summary),
        _contributions(summary),
        section("Fit", _fit_items(summary)),
        section("Columns left out", _left_out_items(summary)),
        section("Notes", [clean(note, NOTE_LIMIT) for note in summary.notes]),
        section("What to look at next", [clean(advice, NOTE_LIMIT) for advice in summary.advice]),
    ]
    return joined(blocks)


def evaluation_text(evaluation: Evaluation, target: str | None = None) -> str:
    """Return an evaluation told in plain text, in lines of at most 80 columns; `target` is the column's name."""
    return joined(_evaluation_blocks(evaluation, "the class" if target is None else quoted(target)))


def _evaluation_blocks(test: Evaluation, target: str) -> list[list[str]]:
    return [
        wrapped(" ".join(verdict(test, target))),
        [
            "Loss on the test rows",
            *_ruler(test),
            *wrapped(loss_words(test), "  "),
            *wrapped(skill_words(test), "  "),
            *(wrapped(parts_words(test), "  ") if test.parts else ()),
        ],
        _told("Accuracy", accuracy_words(test), rates_words(test)),
        _told("Costs", cost_words(test.costs) if test.costs else ""),
        _told("Calibration", calibration_words(test), point_words(test)),
        _classes(test),
        _pairs(test),
    ]


def _ruler(test: Evaluation) -> list[str]:
    """Return the scale of the loss as a small table with bars."""
    end = scale_end(test)
    lines = [f"  {'':<18}{'nats':>9}{'bits':>9}{'as unsure as':>17}"]
    for anchor in anchors(test):
        unsure = f"{equally_likely(anchor.loss)} {'class' if anchor.loss == 0 else 'classes'}"
        if not math.isfinite(anchor.loss):
            unsure, bar = "-", "?"
        else:
            bar = "#" * round(RULER * min(1.0, max(0.0, anchor.loss / end)))
        numbers = f"{_narrow(anchor.loss):>9}{_narrow(bits(anchor.loss)):>9}{unsure:>17}"
        lines.append(f"  {anchor.name:<18}{numbers}  |{bar}")
    return [*lines, *wrapped(interval_words(test), "  ")] if interval_words(test) else lines


def _narrow(value: float) -> str:
    """Return a figure that leaves a blank in a column of nine: of 1.95e-128 the size is all that matters."""
    text = figure(value)
    return text if len(text) < 9 or not math.isfinite(value) else f"{value:.0e}"


def _classes(test: Evaluation) -> list[str]:
    if len(test.by_class) < 2:
        return _told("Where the loss lies", worst_words(test))
    shown = classes_by_loss(test)[0][:5]
    more = len(test.by_class) - len(shown)
    width = min(24, max(5, *(cell_len(clean(c.name, 24)) for c in shown)))
    lines = _told("Where the loss lies", worst_words(test))
    lines.append(f"  {'class':<{width}}{'rows':>9}{'of rows':>14}{'of loss':>14}{'recall':>14}")
    for c in shown:
        name = set_cell_size(clean(c.name, 24), width)
        share = percent(c.row_share)
        recall = "-" if c.recall is None else percent(c.recall)
        lines.append(f"  {name}{count(c.rows):>9}{share:>14}{percent(c.loss_share):>14}{recall:>14}")
    if more > 0:
        lines.append(f"  and {count(more, 'more class', 'more classes')}")
    return lines


def _pairs(test: Evaluation) -> list[str]:
    items = [
        f"{quoted(p.target, 28)} labelled {quoted(p.label, 28)}: "
        f"{count(p.rows, 'row')}, {percent(p.share)} of its rows"
        for p in top_pairs(test)[:4]
    ]
    return section("Most often confused", items)


def _contributions(summary: Summary) -> list[str]:
    shares = summary.contributions
    if not shares:
        return []
    shown = [f"{quoted(column.name, 30)}: {worth_words(column)}" for column in shares[:5]]
    return [*_told("What the columns contribute", contributions_words(shares)), *section("", shown)[1:]]


def _labels(summary: Summary) -> list[str]:
    labels = summary.labels
    if labels is None or not labels.found:
        return []
    shown = [f"row {clean(row.id, 24)}: {suspect_words(row)}" for row in labels.listed[:3]]
    return [
        *_told("Labels that are probably wrong", label_words(labels)),
        *section("", shown)[1:],
    ]


def _fit_items(summary: Summary) -> Sequence[str]:
    return (
        penalty_words(summary.penalty),
        temperature_words(summary.temperature),
        optimality_words(summary.optimality),
    )


def _left_out_items(summary: Summary) -> Sequence[str]:
    columns = left_out(summary)
    items = [f"{quoted(c.name)} ({clean(c.kind)}): {line(c.note, 160)}" for c in columns[:6]]
    return [*items, f"and {count(len(columns) - 6, 'more column')}"] if len(columns) > 6 else items


def section(title: str, items: Iterable[str]) -> list[str]:
    """Return a titled list, empty where it has no items."""
    lines = [part for item in items if item for part in wrapped(item, "    ", "  - ")]
    return [title, *lines] if lines else []


def _told(title: str, *sentences: str) -> list[str]:
    lines = [part for sentence in sentences if sentence for part in wrapped(sentence, "  ")]
    return [title, *lines] if lines else []


def wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """Wrap by the columns that a terminal uses, in which an emoji or a Chinese character takes two."""
    lines: list[str] = []
    current = indent if first is None else first
    empty = True
    for word in text.split(" "):
        for piece in _broken(word, WIDTH - len(indent)):
            if not empty and cell_len(f"{current} {piece}") > WIDTH:
                lines.append(current)
                current, empty = indent, True
            current = f"{current}{'' if empty else ' '}{piece}"
            empty = False
    return [*lines, current]


def _broken(word: str, width: int) -> Iterable[str]:
    """Cut a word that is wider than a line."""
    while cell_len(word) > width:
        cut = next(n for n in range(len(word), 0, -1) if cell_len(word[:n]) <= width)
        yield word[:cut]
        word = word[cut:]
    yield word


def joined(blocks: Iterable[Sequence[str]]) -> str:
    """Return blocks of lines as one text."""
    text = "\n\n".join("\n".join(line_.rstrip() for line_ in block) for block in blocks if block)
    return text.replace(NBSP, " ") + "\n"
