"""What the templates need beside the summary: positions on a scale, chosen rows, pictures. Data only, no markup."""

from __future__ import annotations

import math
from collections.abc import Iterable

from crossentropy.evaluation import Evaluation
from crossentropy.report._images import confusion_picture, grey_picture
from crossentropy.report._numbers import NBSP, between, clean, count, figure, line, nats, percent, quoted
from crossentropy.report._pieces import (
    MOST_CLASSES,
    MOST_COLUMNS,
    classes_by_loss,
    left_out,
    scale_end,
    used,
    worth_most,
)
from crossentropy.report._source_words import row_words, slice_name, slice_words, suspect_words, worth_words
from crossentropy.report._summary import Summary, WorstRow

MOST_CELLS = 8
MOST_MORE_CELLS = 60
CELL_LIMIT = 120
HEAD_LIMIT = 20
NEAR = 0.16  # two labels under the scale closer than this would run into each other

View = dict[str, object]


def width(share: float) -> str:
    """Return a share as a CSS length within its box."""
    return f"{100 * min(1.0, max(0.0, share)):.2f}%" if math.isfinite(share) else "0.00%"


def wrappable(text: str) -> str:
    """Return a number whose unit may stand on the next line, for a narrow box."""
    return text.replace(NBSP, " ")


def pin(position: float, name: str = "") -> View:
    """Return a label under or over a scale, on the side of its position that has room."""
    if position < 0.5:
        return {"name": name, "side": "start", "style": f"left:{width(position)}"}
    return {"name": name, "side": "end", "style": f"right:{width(1 - position)}"}


def ruler(test: Evaluation) -> View | None:
    """Return the loss on the scale from 0 to ln K; None if the loss is not finite."""
    if not math.isfinite(test.loss.value):
        return None
    end = scale_end(test)
    loss, known, blind = test.loss.value / end, test.frequencies / end, test.uniform / end
    low = test.loss.low / end if math.isfinite(test.loss.low) else loss
    high = test.loss.high / end if math.isfinite(test.loss.high) else loss
    won = max(0.0, known - loss)
    if blind - known < NEAR:
        name = "H(y) = ln K" if f"{test.frequencies:.9g}" == f"{test.uniform:.9g}" else "H(y) and ln K"
        pins = [pin(blind, name.replace(" ", NBSP))]
    else:
        pins = [pin(blind, f"ln{NBSP}K")]
        pins += [pin(known, "H(y)")] if known > NEAR / 2 else []
    return {
        "told": (
            f"On a scale from 0 (certain and right) to {nats(end)}: this model {figure(test.loss.value)} (interval "
            f"{between(test.loss)}), class frequencies H(y) {figure(test.frequencies)}, uniform guess ln K "
            f"{figure(test.uniform)}."
        ),
        "model": pin(loss),
        "left": width(loss),
        "won": width(won),
        "told_won": won > 0.45 and test.skill is not None,
        "low": width(low),
        "width": width(high - low),
        "frequencies": width(known),
        "uniform": width(blind),
        "pins": pins,
    }


def parts(test: Evaluation) -> View | None:
    """Return the loss and what it is made of, on the scale from 0 to H(y); None where it has no parts."""
    if test.parts is None or not math.isfinite(test.loss.value) or not test.parts.uncertainty.value > 0:
        return None
    whole = max(test.parts.uncertainty.value, test.loss.value)
    lost = max(0.0, test.parts.miscalibration.value)
    rest = max(0.0, test.loss.value - lost)
    known = max(0.0, test.parts.discrimination.value - lost)
    rows = [
        ("rest", "open", "what its logits cannot tell", rest),
        ("lost", "off", "what wrong confidence costs", lost),
        ("known", "known", "what it knows and says", known),
    ]
    shown, start = [], 0.0
    for kind, short, told, value in rows:
        shown.append(
            {"kind": kind, "short": short, "told": told, "value": value, "left": width(start / whole)}
            | {"width": width(value / whole)}
        )
        start += value
    return {"rows": shown, "told": "; ".join(f"{told}: {nats(value)}" for _, _, told, value in rows) + "."}


def accuracy(test: Evaluation) -> View:
    """Return the accuracy on the scale from 0 to 1."""
    return {
        "told": (
            f"Accuracy {percent(test.accuracy.value)}, interval {between(test.accuracy, percent)}; always the most "
            f"frequent class {percent(test.majority)}."
        ),
        "low": width(test.accuracy.low),
        "width": width(test.accuracy.high - test.accuracy.low),
        "pin": pin(test.majority),
    }


def confusion(test: Evaluation) -> View:
    """Return the confusion as cells for few classes, as a picture for many."""
    k = len(test.classes)
    view: View = {"cells": (), "tall": False, "heads": (), "picture": "", "told": ""}
    if k > MOST_CLASSES:
        total = sum(map(sum, test.confusion))
        right = sum(row[i] for i, row in enumerate(test.confusion))
        view["picture"] = confusion_picture(test.confusion)
        view["told"] = (
            f"Confusion of {count(k, 'class', 'classes')}: {right:,} of {total:,} rows lie on the diagonal, which is "
            "labelled correctly. The most frequent mistakes are in the table below."
        )
        return view
    heads = [clean(name, HEAD_LIMIT) for name in test.classes]
    view["heads"] = heads
    view["tall"] = max(map(len, heads), default=0) > 3
    view["cells"] = [
        {"name": clean(name, 30), "cells": [_cell(rows, sum(row), i == j) for j, rows in enumerate(row)]}
        for i, (name, row) in enumerate(zip(test.classes, test.confusion, strict=True))
    ]
    return view


def _cell(rows: int, total: int, right: bool) -> View:
    kind = ("right" if right else "wrong") if rows else "none"
    # square root, as in the picture of many classes: a few mistakes are already visible
    return {"rows": rows, "kind": kind, "shade": round(100 * math.sqrt(rows / total)) if total else 0}


def classes(test: Evaluation) -> View:
    """Return the classes that carry most of the loss, and the length of their bars."""
    shown, more = classes_by_loss(test)
    shares = [c.loss_share for c in shown] + [c.row_share for c in shown]
    longest = max((share for share in shares if math.isfinite(share)), default=0.0) or 1.0
    compact = max((len(clean(c.name)) for c in shown), default=0) <= 6
    return {"shown": shown, "more": more, "compact": compact, "bar": lambda share: width(share / longest)}


def worst(summary: Summary) -> Iterable[View]:
    """Return the worst rows as cards."""
    return [_card(row) for row in summary.worst_rows]


def suspects(summary: Summary) -> Iterable[View]:
    """Return the labels that are probably wrong as cards, the surest first."""
    listed = () if summary.labels is None else summary.labels.listed
    return [_card(row) | {"words": suspect_words(row)} for row in listed]


def _card(row: WorstRow) -> View:
    picture = grey_picture(row.image) if row.image else ""
    cells = [(clean(name), line(value, CELL_LIMIT)) for name, value in row.cells.items()]
    first = 0 if picture else MOST_CELLS
    more = cells[first : first + MOST_MORE_CELLS]
    return {
        "id": clean(row.id),
        "loss": row.loss,
        "words": row_words(row),
        "picture": picture,
        "alt": f"Row {clean(row.id)} as an image: {quoted(row.target, 30)}, taken for {quoted(row.label, 30)}",
        "cells": cells[:first],
        "more": more,
        "more_told": count(len(cells) - first, "column" if picture else "more column"),
        "hidden": max(0, len(cells) - first - len(more)),
    }


def slices(summary: Summary) -> Iterable[View]:
    """Return the parts of the rows that are harder than the rest, and the length of their bars."""
    longest = max((part.fall for part in summary.slices), default=0.0)
    return [
        {
            "name": slice_name(part),
            "words": slice_words(part),
            "bar": width(part.fall / longest if longest else 0),
        }
        for part in summary.slices
    ]


def contributions(summary: Summary) -> View:
    """Return the columns that are worth most, and the length of their bars."""
    shown, more = worth_most(summary.contributions)
    longest = max((c.worth.value for c in shown if math.isfinite(c.worth.value)), default=0.0)
    return {
        "shown": [
            {
                "name": c.name,
                "words": worth_words(c),
                "bar": width(c.worth.value / longest if longest > 0 else 0),
            }
            for c in shown
        ],
        "more": more,
    }


def columns(summary: Summary) -> View:
    """Return the columns left out and used, cut to a number that a page can hold."""
    out, within = left_out(summary), used(summary)
    shown_out = out[:MOST_COLUMNS]
    shown = within[: MOST_COLUMNS - len(shown_out)]
    gaps = sum(1 for column in within if column.missing)
    return {
        "left": shown_out,
        "used": shown,
        "left_told": f" and leaves out {len(out):,}" if out else " and leaves out none",
        "used_count": len(within),
        "hidden": len(summary.columns) - len(shown_out) - len(shown),
        "missing_told": f", {gaps:,} of them with missing values" if gaps else ", none with missing values",
    }


def example(summary: Summary) -> View | None:
    """Return the first worst row whose probability can be written down, to work the formula through."""
    for row in summary.worst_rows:
        if row.p_target > 0 and math.isfinite(row.loss):
            return {"id": row.id, "target": row.target, "p": f"{row.p_target:.4g}", "loss": row.loss}
    return None
