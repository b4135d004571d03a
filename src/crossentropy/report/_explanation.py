"""One row taken apart: what each column adds to the logits of its classes, in a table whose lines add up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from crossentropy.evaluation import ColumnShare, Figures
from crossentropy.report._numbers import NBSP, chance, clean, count, figure, line, nats, quoted
from crossentropy.report._source_words import contributions_words, worth_words
from crossentropy.report._text import joined, section, wrapped

__all__ = ["ColumnPart", "RowExplanation", "TermPart", "contributions_text", "explanation_text"]

_COLUMNS, _TERMS = 20, 4


class TermPart(Figures):
    """What one term of a text, or one level, adds to the centred logits (K)."""

    term: str
    logits: tuple[float, ...]


class ColumnPart(Figures):
    """What a column adds to the centred logits (K) of a row, and its strongest terms where it is text."""

    name: str
    value: str
    logits: tuple[float, ...]
    terms: tuple[TermPart, ...]


class RowExplanation(Figures):
    """A row taken apart: logits = bias + the sum of the parts, for each of the K classes.

    The logits are calibrated and centred: their sum over the classes is 0, so that each says how far its class stands
    above the mean of all. `loss` = ln(sum of e^logits) - logit of the target, in nats; None where that is not known.
    """

    id: str
    classes: tuple[str, ...]
    logits: tuple[float, ...]
    bias: tuple[float, ...]
    parts: tuple[ColumnPart, ...]
    probabilities: tuple[float, ...]
    label: int
    target: int | None
    loss: float | None

    @property
    def against(self) -> int:
        """The class that the label is set against: the target where the label is wrong, else the next best."""
        if self.target is not None and self.target != self.label:
            return self.target
        others = [k for k in range(len(self.classes)) if k != self.label]
        return max(others, key=lambda k: self.logits[k])


def contributions_text(shares: Sequence[ColumnShare]) -> str:
    """Return what each column is worth in plain text, in lines of at most 80 columns."""
    lines = [f"{quoted(column.name, 30)}: {worth_words(column)}" for column in shares[:_COLUMNS]]
    if len(shares) > _COLUMNS:
        lines.append(f"and {count(len(shares) - _COLUMNS, 'more column')}")
    return joined(
        [wrapped(contributions_words(shares)), section("What would be lost without a column", lines)]
    )


def explanation_text(row: RowExplanation) -> str:
    """Return the row taken apart in plain text, in lines of at most 80 columns."""
    said, other = row.label, row.against
    names = [clean(row.classes[k], 11) for k in (said, other)]
    lines = [_line("column", "value", names[0], names[1], "difference")]
    parts = sorted(row.parts, key=lambda part: -abs(part.logits[said] - part.logits[other]))
    for part in parts[:_COLUMNS]:
        lines.append(_numbers(part.name, part.value, part.logits, said, other))
        terms = sorted(part.terms, key=lambda term: -abs(term.logits[said] - term.logits[other]))
        lines += [
            _numbers(f"  {clean(_seen(t.term), 20)}", "", t.logits, said, other) for t in terms[:_TERMS]
        ]
    rest = parts[_COLUMNS:]
    if rest:
        together = [sum(part.logits[k] for part in rest) for k in range(len(row.classes))]
        lines.append(_numbers(f"{count(len(rest), 'more column')}", "", together, said, other))
    lines += [
        _numbers("before any column", "", row.bias, said, other),
        _numbers("sum", "", row.logits, said, other),
    ]
    more = row.logits[said] - row.logits[other]
    odds = math.exp(min(700.0, more))
    told = (
        f"{quoted(row.classes[said], 30)} is e^{figure(more)} = {figure(odds)} times as likely as "
        f"{quoted(row.classes[other], 30)}. A column adds to the logit of each class; the sum over all classes is 0 in "
        "every line."
    )
    if any(part.terms for part in parts):
        told += " Indented lines are the strongest terms of a text, and part of the line above them."
    return joined([wrapped(_verdict(row)), lines, wrapped(told)])


def _seen(term: str) -> str:
    """Return a run of characters with the blanks at its ends to be seen."""
    return term if term == term.strip() else term.replace(" ", "·")


def _verdict(row: RowExplanation) -> str:
    said = f"Row {clean(row.id, 24)}: {quoted(row.classes[row.label], 30)} with {chance(row.probabilities[row.label])}"
    if row.target is None or row.loss is None:
        return f"{said}."
    cost = f"its loss is -ln{NBSP}{row.probabilities[row.target]:.3g} = {nats(row.loss)}"
    if row.target == row.label:
        return f"{said}, and it is: {cost}."
    target = f"{quoted(row.classes[row.target], 30)} with {chance(row.probabilities[row.target])}"
    return f"{said}; it is {target}: {cost}."


def _numbers(name: str, value: str, logits: Sequence[float], said: int, other: int) -> str:
    pair = logits[said], logits[other]
    return _line(name, value, *(f"{number:+.3f}" for number in (*pair, pair[0] - pair[1])))


def _line(name: str, value: str, *numbers: str) -> str:
    shown = f"  {name[:2] if name.startswith('  ') else ''}{_padded(clean(name, 23), 24 - 2 * name.startswith('  '))}"
    return f"{shown}{_padded(line(value, 14), 15)}" + "".join(
        _padded(number, 12, right=True) for number in numbers
    )


def _padded(text: str, width: int, *, right: bool = False) -> str:
    """Pad by the columns that a terminal uses."""
    from rich.cells import cell_len, set_cell_size

    cut = set_cell_size(text, width - 1).rstrip() if cell_len(text) >= width else text
    blank = " " * max(1, width - cell_len(cut))
    return blank + cut if right else cut + blank
