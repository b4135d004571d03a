"""What kind of thing each column holds, by written rules, with the evidence in words.

| kind       | rule (on the training rows)                                                             | used |
|------------|-----------------------------------------------------------------------------------------|------|
| number     | integers, floats, decimals, durations                                                   | yes  |
| boolean    | booleans                                                                                | yes  |
| category   | strings and categoricals that are none of the below                                     | yes  |
| constant   | one value only, nothing missing                                                         | no   |
| empty      | every value missing                                                                     | no   |
| identifier | consecutive distinct integers, or strings of one word of which more than 95 % differ    | no   |
| text       | strings of three words or more on average, or of which more than half differ            | yes  |
| date       | dates, times of day; strings that all look like 2024-01-31, 31.1.2024 or 1/31/24         | yes  |
| list       | lists of strings, integers or booleans; strings like "a, b, c" whose items recur         | yes  |
| dropped    | named in `leave_out`                                                                    | no   |
| other      | lists of anything else, structures, raw bytes                                           | no   |

The rules for identifiers and text need more than 40 distinct values: below that, one column a value is cheap. A kind
that the user gives is taken in place of the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crossentropy.tables._dates import DATE, day_first
from crossentropy.tables._items import holds_categories, separator_of
from crossentropy.tables._values import parse_numbers

if TYPE_CHECKING:
    import polars as pl

    from crossentropy.tables._table import Table

__all__ = ["LEVELS", "Column", "Kind", "infer_columns"]

Kind = Literal[
    "number",
    "boolean",
    "category",
    "constant",
    "empty",
    "identifier",
    "text",
    "date",
    "list",
    "dropped",
    "other",
]

LEVELS = 40
_USED = ("number", "boolean", "category", "text", "date", "list")


@dataclass(frozen=True)
class Column:
    """One column of the training rows: its kind, whether it is used, how many values are missing, and why."""

    name: str
    kind: Kind
    used: bool
    missing: int
    note: str


def infer_columns(
    table: Table, *, leave_out: Mapping[str, str], given: Mapping[str, Kind] | None = None
) -> tuple[Column, ...]:
    """Return one Column for each column of the table.

    Args:
        table: the training rows.
        leave_out: name -> why, for columns that are not features whatever they hold (the target, the id, ...).
        given: name -> kind, in place of the one that the rules would infer.
    """
    given = given or {}
    found = []
    for series in table.frame.iter_columns():
        kind: Kind = "dropped"
        note = leave_out.get(series.name, "")
        if series.name not in leave_out:
            kind, note = _kind(series)
            if series.name in given and kind != "empty":
                kind, note = given[series.name], _given_note(given[series.name], kind)
        found.append(Column(series.name, kind, kind in _USED, missing(series), note))
    return tuple(found)


def _given_note(kind: Kind, inferred: Kind) -> str:
    said = "the kind was given" if kind == inferred else f"the kind was given; the rules say {inferred}"
    return said if kind in _USED or kind == "identifier" else f"{said}; not read yet"


def missing(series: pl.Series) -> int:
    """Return how many values are missing: null, and NaN or infinite among floats."""
    if series.dtype.is_float():
        return len(series) - int(series.is_finite().sum())
    return series.null_count()


def _kind(series: pl.Series) -> tuple[Kind, str]:
    import polars as pl

    dtype = series.dtype
    rows, absent = len(series), missing(series)
    if absent == rows:
        return "empty", "every value is missing"
    if holds_categories(dtype):
        return "list", f"values of type {dtype}"
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return "other", f"values of type {dtype} are not read"
    if dtype == pl.Duration:
        return "number", "durations, in seconds"
    distinct = series.drop_nulls().n_unique()
    if distinct == 1 and absent == 0:
        return "constant", "one value only"
    if dtype.is_temporal():
        return "date", f"values of type {dtype}"
    if dtype == pl.Boolean:
        return "boolean", ""
    if dtype.is_numeric():
        return _number(series, distinct, rows)
    return _string(series.cast(pl.String).drop_nulls(), distinct)


def _number(series: pl.Series, distinct: int, rows: int) -> tuple[Kind, str]:
    if series.dtype.is_integer() and distinct == rows > LEVELS:
        low, high = series.cast(int).min(), series.cast(int).max()
        if isinstance(low, int) and isinstance(high, int) and high - low < 2 * rows:
            return "identifier", "integers that count the rows"
    if series.dtype.is_float():
        infinite = int(series.is_infinite().sum())
        if infinite:
            return "number", f"{infinite} infinite values are treated as missing"
    return "number", ""


def _string(present: pl.Series, distinct: int) -> tuple[Kind, str]:
    if bool(present.head(5).str.contains(DATE).all()) and bool(present.str.contains(DATE).all()):
        return "date", day_first(present)[1]
    if distinct > LEVELS:
        separator = separator_of(present)
        if separator and parse_numbers(present, ".").null_count():
            return "list", f"items separated by {separator!r}"
        words = present.str.count_matches(r"\S+").mean()
        varied = distinct / len(present)
        if isinstance(words, float) and words >= 3:
            return "text", f"{words:.0f} words a value"
        # what only looks like names is left out, and whoever meant numbers must know
        digits = (
            "" if parse_numbers(present, ".").null_count() else ", all of them numbers that stand as text"
        )
        if varied > 0.95:
            return "identifier", f"{distinct} distinct values in {len(present)} rows{digits}"
        if varied > 0.5:
            return "text", f"{distinct} distinct values in {len(present)} rows{digits}"
        return "category", f"{distinct} levels"
    return "category", f"{distinct} levels"
