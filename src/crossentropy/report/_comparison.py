"""A comparison of two runs for a terminal."""

from __future__ import annotations

from crossentropy.evaluation import Comparison, Estimate
from crossentropy.report._numbers import (
    INTERVAL,
    NBSP,
    between,
    clean,
    count,
    figure,
    nats,
    percent,
    points,
    quoted,
)
from crossentropy.report._text import joined, section, wrapped

__all__ = ["comparison_text", "comparison_verdict"]


def comparison_verdict(found: Comparison) -> str:
    """Return which of the two is better, in one sentence."""
    first, second = (quoted(name, 60) for name in found.names)
    low, high = found.difference.low, found.difference.high
    size = abs(found.difference.value)
    if low == high == 0:
        return f"{first} and {second} lose the same on every row."
    if low <= 0 <= high:
        sides = f"{signed(low)} to {signed(high)}"
        return (
            f"Neither is shown to be better: the loss of {second} differs by "
            f"{signed(found.difference.value)}{NBSP}nats a row, and the {INTERVAL} ({sides}) holds zero."
        )
    better, worse = (second, first) if high < 0 else (first, second)
    ends = sorted((abs(low), abs(high)))
    return (
        f"{better} is better than {worse}: its loss is lower by {nats(size)} a row ({INTERVAL} {figure(ends[0])} to "
        f"{figure(ends[1])})."
    )


def comparison_text(found: Comparison) -> str:
    """Return the comparison in plain text, in lines of at most 80 columns."""
    over = f"{found.rows:,} test rows"
    if found.groups is not None:
        over += f" in {count(found.groups, 'group')}, which are drawn whole"
    lines = [
        *(
            f"{'first' if side == 0 else 'second'}, {quoted(found.names[side], 60)}: loss "
            f"{nats(found.losses[side].value)}, accuracy {percent(found.accuracies[side].value)}"
            for side in (0, 1)
        ),
        f"second minus first: loss {signed(found.difference.value)}{NBSP}nats ({_ends(found.difference)}), accuracy "
        f"{_points(found.accuracy_difference.value)} ({INTERVAL} {_points(found.accuracy_difference.low)} to "
        f"{_points(found.accuracy_difference.high)})",
        f"{count(found.relabelled, 'row')} labelled differently: {found.mended:,} right in the second only, "
        f"{found.spoilt:,} right in the first only",
    ]
    classes = [
        f"{quoted(c.name, 30)} ({count(c.rows, 'row')}): {signed(c.difference.value)}{NBSP}nats ({_ends(c.difference)})"
        for c in found.by_class[:6]
    ]
    rows = [
        f"row {clean(row.id, 24)}, {quoted(row.target, 20)}: {quoted(row.labels[0], 20)} at {nats(row.losses[0])}, "
        f"then {quoted(row.labels[1], 20)} at {nats(row.losses[1])}"
        for row in found.changed[:6]
    ]
    return joined(
        [
            wrapped(comparison_verdict(found)),
            section(f"On the same {over}", lines),
            section("Classes that move the loss most (second minus first, a row of the class)", classes),
            section("Rows that differ most", rows),
        ]
    )


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return figure(value) if value <= 0 else f"+{figure(value)}"


def _ends(estimate: Estimate) -> str:
    return f"{INTERVAL} {between(estimate, signed)}"


def _points(share: float) -> str:
    return points(share) if share <= 0 else f"+{points(share)}"
