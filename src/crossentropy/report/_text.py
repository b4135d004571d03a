"""The summary for a terminal: plain text, at most 80 columns, no colour codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len, set_cell_size

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
    NBSP,
    clean,
    count,
    equally_likely,
    figure,
    line,
    percent,
    quoted,
)
from crossentropy.report._pieces import (
    anchors,
    bits,
    classes_by_loss,
    left_out,
    scale_end,
    threshold_rows,
    top_pairs,
)
from crossentropy.report._sections import TITLES, sections
from crossentropy.report._source_words import (
    contributions_words,
    label_words,
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

WIDTH = 80
RULER = 22
NOTE_LIMIT = 300


def to_text(summary: Summary) -> str:
    """Return the run told in plain text, in lines of at most 80 columns."""
    target = quoted(summary.target)
    of_test = _by_evaluation(summary.test)
    lines: dict[str, Callable[[], list[str]]] = {
        **of_test,
        "loss": lambda: [
            *of_test["loss"](),
            *_sentences(repeats_words(summary.repeats) if summary.repeats else ""),
        ],
        "sources": lambda: [*of_test["sources"](), *_slices(summary)],
        "labels": lambda: _labels(summary),
        "contributions": lambda: _contributions(summary),
        "data": lambda: _data(summary),
        "method": lambda: _items(_fit_items(summary)),
        "next": lambda: _items([clean(advice, NOTE_LIMIT) for advice in summary.advice]),
    }
    blocks = [
        [*wrapped(f"{target} in {clean(summary.data, 120)}"), *wrapped(run_words(summary))],
        wrapped(" ".join(verdict(summary.test, target, summary.repeats))),
    ]
    for part in sections(summary):
        told = lines[part.key]() if part.key in lines else []
        blocks.append([part.title, *told] if told else [])
    return joined(blocks)


def evaluation_text(evaluation: Evaluation, target: str | None = None) -> str:
    """Return an evaluation told in plain text, in lines of at most 80 columns; `target` is the column's name."""
    blocks = [wrapped(" ".join(verdict(evaluation, "the class" if target is None else quoted(target))))]
    for key, lines in _by_evaluation(evaluation).items():
        told = lines()
        blocks.append([TITLES[key], *told] if told else [])
    return joined(blocks)


def _by_evaluation(test: Evaluation) -> dict[str, Callable[[], list[str]]]:
    """Return what makes the lines of each section that an evaluation alone can fill, in order."""
    return {
        "loss": lambda: [*_ruler(test), *_sentences(loss_words(test), skill_words(test))],
        "parts": lambda: _sentences(parts_words(test)),
        "sources": lambda: _classes(test),
        "calibration": lambda: _sentences(calibration_words(test), trust_words(test)),
        "confusion": lambda: [*_sentences(accuracy_words(test), rates_words(test)), *_items(_pairs(test))],
        "decisions": lambda: _decisions(test),
    }


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
    lines = _sentences(worst_words(test))
    if len(test.by_class) < 2:
        return lines
    shown = classes_by_loss(test)[0][:5]
    more = len(test.by_class) - len(shown)
    width = min(24, max(5, *(cell_len(clean(c.name, 24)) for c in shown)))
    lines.append(f"  {'class':<{width}}{'rows':>9}{'of rows':>14}{'of loss':>14}{'recall':>14}")
    for c in shown:
        name = set_cell_size(clean(c.name, 24), width)
        share = percent(c.row_share)
        recall = "-" if c.recall is None else percent(c.recall)
        lines.append(f"  {name}{count(c.rows):>9}{share:>14}{percent(c.loss_share):>14}{recall:>14}")
    if more > 0:
        lines.append(f"  and {count(more, 'more class', 'more classes')}")
    return lines


def _slices(summary: Summary) -> list[str]:
    if not summary.slices_tried:
        return []
    shown = [f"{slice_name(part)}: {slice_words(part)}" for part in summary.slices]
    return [*_sentences(slices_words(summary)), *_items(shown)]


def _pairs(test: Evaluation) -> list[str]:
    return [
        f"{quoted(p.target, 28)} labelled {quoted(p.label, 28)}: "
        f"{count(p.rows, 'row')}, {percent(p.share)} of its rows"
        for p in top_pairs(test)[:4]
    ]


def _decisions(test: Evaluation) -> list[str]:
    lines = _sentences(
        cost_words(test.costs) if test.costs else "",
        positive_words(test.positive) if test.positive else "",
    )
    if test.positive:
        rows = [("said", "rows", "precision", "recall", "F1"), *threshold_rows(test.positive)]
        lines += [f"  {said:<16}{''.join(f'{cell:>14}' for cell in cells)}" for said, *cells in rows]
    return lines


def _contributions(summary: Summary) -> list[str]:
    shares = summary.contributions
    shown = [f"{quoted(column.name, 30)}: {worth_words(column)}" for column in shares[:5]]
    return [*_sentences(contributions_words(shares)), *_items(shown)]


def _labels(summary: Summary) -> list[str]:
    labels = summary.labels
    if labels is None or not labels.found:
        return []
    shown = [f"row {clean(row.id, 24)}: {suspect_words(row)}" for row in labels.listed[:3]]
    return [*_sentences(label_words(labels)), *_items(shown)]


def _data(summary: Summary) -> list[str]:
    out = left_out(summary)
    items = [f"{quoted(c.name)} ({clean(c.kind)}): {line(c.note, 160)}" for c in out[:6]]
    if len(out) > 6:
        items.append(f"and {count(len(out) - 6, 'more column')}")
    lines = [*wrapped("Columns left out:", "  "), *_items(items)] if items else []
    return [*lines, *_items([clean(note, NOTE_LIMIT) for note in summary.notes])]


def _fit_items(summary: Summary) -> Sequence[str]:
    return (
        *filter(None, [models_words(summary)]),
        penalty_words(summary.penalty),
        temperature_words(summary.temperature),
        optimality_words(summary.optimality),
    )


def _items(items: Iterable[str]) -> list[str]:
    return [part for item in items if item for part in wrapped(item, "    ", "  - ")]


def _sentences(*sentences: str) -> list[str]:
    return [part for sentence in sentences if sentence for part in wrapped(sentence, "  ")]


def section(title: str, items: Iterable[str]) -> list[str]:
    """Return a titled list, empty where it has no items."""
    lines = _items(items)
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
