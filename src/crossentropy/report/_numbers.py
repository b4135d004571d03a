"""Numbers and names as a person reads them: three significant digits, percent with one decimal, clean names.

A number and its unit are joined by a no-break space; the terminal and the Markdown turn it into a plain one.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable

from crossentropy.evaluation import Estimate

NBSP = "\u00a0"
INTERVAL = f"95{NBSP}% interval"
NAME_LIMIT = 48

_JOINERS = (
    "\u200c\u200d"  # needed inside Persian words and composed emoji; every other format mark is dropped
)


def figure(value: float) -> str:
    """Return `value` with three significant digits: 0.0812, 1.23, 1,235, 3.2e-8."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = int(exponent)
    if -5 < power < 7:
        return f"{value:,.{max(0, 2 - power)}f}"
    return f"{mantissa.rstrip('0').rstrip('.')}e{power}"


def short(value: float) -> str:
    """Return `figure(value)` without trailing zeros: a setting (C = 1), not a measurement (1.00)."""
    text = figure(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def nats(value: float) -> str:
    """Return a loss with its unit."""
    return f"{figure(value)}{NBSP}nats"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal; never 0 or 100 for what is merely close to it."""
    if not math.isfinite(share):
        return "undefined"
    if 0 < share < 0.0005:
        return f"under 0.1{NBSP}%"
    if 0.9995 <= share < 1 - 1e-9:  # a sum of weights that should be 1 may miss it by a rounding error
        return f"over 99.9{NBSP}%"
    if abs(share) >= 100:  # no share, yet a skill can be that far below zero
        return f"{figure(100 * share)}{NBSP}%"
    return f"{100 * share:.1f}{NBSP}%".replace("-0.0", "0.0")


def chance(p: float) -> str:
    """Return a probability as a percentage, in two significant digits where it is small: 97.3 %, 0.21 %."""
    if not 0 < p < 0.01:
        return percent(p)
    text = (
        f"{100 * p:.1e}".replace("e-0", "e-")
        if p < 1e-6
        else f"{100 * p:.{1 - math.floor(math.log10(100 * p))}f}"
    )
    return f"{text}{NBSP}%"


def points(share: float) -> str:
    """Return a difference of percentages in points."""
    return percent(share).replace("%", "points")


def count(number: int, noun: str = "", plural: str = "") -> str:
    """Return a count, with its noun in the right number if one is given."""
    if not noun:
        return f"{number:,}"
    return f"{number:,}{NBSP}{noun if number == 1 else plural or noun + 's'}"


def equally_likely(loss: float) -> str:
    """Return exp(loss): the number of equally likely classes that would leave the same uncertainty."""
    classes = math.exp(loss) if not loss >= 700 else math.inf
    if classes < 1e7 and abs(classes - round(classes)) < 1e-9 * classes:
        return f"{round(classes):,}"
    return figure(classes)


def between(estimate: Estimate, style: Callable[[float], str] = figure) -> str:
    """Return the interval of an estimate, its bounds in the given style."""
    return f"{style(estimate.low)} to {style(estimate.high)}"


def whole(estimate: Estimate) -> str:
    """Return the interval of a number of rows."""
    return f"{math.floor(estimate.low):,} to {math.ceil(estimate.high):,}"


def line(text: str, limit: int = NAME_LIMIT) -> str:
    """Return text from the data as one harmless line of at most `limit` characters.

    Escape codes, line breaks, direction overrides and halves of surrogate pairs never reach a terminal or a page.
    """
    kept = []
    for character in " ".join(text[: 8 * limit].split()):
        category = unicodedata.category(character)
        if category in ("Cc", "Cs"):
            kept.append("\ufffd")
        elif category != "Cf" or character in _JOINERS:
            kept.append(character)
    joined = "".join(kept).strip()
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"


def clean(name: str, limit: int = NAME_LIMIT) -> str:
    """Return a name from the data as one harmless line that is never empty."""
    return line(name, limit) or "(empty)"


def quoted(name: str, limit: int = NAME_LIMIT) -> str:
    """Return a name from the data in quotes, set apart from the sentence where it runs from right to left."""
    known = clean(name, limit)
    if any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in known):
        known = f"\u2068{known}\u2069"
    return f"“{known}”"


def listed(names: list[str], shown: int = 3) -> str:
    """Return quoted names as a list in words, the first few of them."""
    parts = [quoted(name, 30) for name in names[:shown]]
    if len(names) > shown:
        parts.append(f"{len(names) - shown:,} more")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
