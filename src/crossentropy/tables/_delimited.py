"""From delimited text to a table: recognise, parse everything as text, then decide what each column is.

Types are decided on all values of a column, after parsing: a reader that decides on the first hundred rows fails on
the hundred and first, and one that parses numbers at once has lost the zero of "007" and reads a category of digits
otherwise at prediction than in training. It is also twice as fast as Polars' own inference over all rows.

Polars parses; Python's csv module, slower and strict, takes over where Polars gives up or counts other records than
the scan did: to read what is unusual (blanks before quotes, quotes inside of fields, escaped quotes), or to say on
which line the text is broken.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.tables._dialect import MismatchError, clean, decoded, parsed, recognise
from crossentropy.tables._reading import Dialect, Expected, Reading
from crossentropy.tables._scan import Records, scan
from crossentropy.tables._table import Origin, refuse_patterns
from crossentropy.tables._values import decimal_of, infer_values, plain_text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Text", "read_text", "settle_values"]

# The line by which spreadsheets are told the separator.
_ANNOUNCED = re.compile(rb"""["']?sep=([,;\t|:^~ ])["']?[,;\t]*\r?\n""", re.I)


@dataclass(frozen=True)
class Text:
    """A delimited text as parsed: every column text."""

    frame: pl.DataFrame
    origin: Origin
    dialect: Dialect
    notes: tuple[str, ...]


def read_text(data: bytes, name: str, given: Reading, expected: Expected) -> Text:
    """Parse a delimited text.

    Raises:
        DataError: it is no text, its quotes do not match, a line has more fields than the header, or two columns
            share a name.
    """
    import polars as pl

    known = expected.dialect.encoding if expected.dialect else None
    whole, encoding = decoded(data, name, given, known)
    data = whole.strip(b"\r\n\x1a") + b"\n"
    if announced := _ANNOUNCED.match(data):
        data = data[announced.end() :].lstrip(b"\r\n")
        given = given.model_copy(update={"separator": given.separator or announced[1].decode()})
    if not data.strip():
        raise DataError(f"{name}: the file is empty.", fix="Expected a header and at least one row.")
    above = whole[: whole.index(data[:-1])].count(b"\n")
    dialect = recognise(data, name, given, expected, encoding)
    records = scan(data, dialect.separator, dialect.quote)
    frame = _fast(data, dialect, records)
    cut = records.fields < records.fields[0]
    if frame is None:
        frame, records = _strict(data, name, dialect, above)
        cut = records.fields < records.fields[0]
    head = list(frame.row(0)) if dialect.header else [f"x{j}" for j in range(frame.width)]
    names = clean(cell or "" for cell in head)
    twice = next((n for n, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(
            f"{name}: the column name {twice!r} occurs twice.",
            fix="Rename one of them; or, if the first line holds no names, say that there is no header.",
        )
    refuse_patterns(names, name)
    # in a table of one column a blank line is a missing value; among several it is no row
    kept = ~records.blank if frame.width > 1 else np.ones(len(records.blank), np.bool_)
    kept[0] &= not dialect.header
    # a line of nothing but blanks is an empty one
    kept &= ~(cut & (records.fields == 1) & (frame[:, 0].str.strip_chars().fill_null("") == "").to_numpy())
    lines = (records.line + above)[kept]
    short = cut[kept]
    notes = []
    if short.any():
        notes.append(
            f"{name}: {short.sum():,} of {len(short):,} lines have fewer fields than the first line (line "
            f"{lines[short.argmax()]}, to begin with): what they lack is missing."
        )
    frame = frame.filter(pl.Series(kept)).rename(dict(zip(frame.columns, names, strict=True)))
    return Text(frame, Origin("line", lines, np.zeros(len(lines), np.int64)), dialect, tuple(notes))


def _fast(data: bytes, dialect: Dialect, records: Records) -> pl.DataFrame | None:
    """Return all records, the header among them, as text; None where Polars and the scan do not agree."""
    import polars as pl

    first = int(records.fields[0])
    if not records.closed or dialect.spaced or dialect.escape or int(records.fields.max()) > first:
        return None
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator=dialect.separator,
            quote_char=dialect.quote or None,
            schema={f"f{j}": pl.String for j in range(first)},
        )
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.height == len(records.fields) else None


def _strict(data: bytes, name: str, dialect: Dialect, above: int) -> tuple[pl.DataFrame, Records]:
    """Return all records by Python's csv module, which says on which line the text is broken."""
    import polars as pl

    rows: list[list[str]] = []
    lines: list[int] = []
    limit = csv.field_size_limit(len(data) + 1)
    try:
        for line, record in parsed(data.decode(), dialect):
            rows.append(record)
            lines.append(line + above)
    except MismatchError as error:
        said = "a quote is opened and never closed" if error.at_end else str(error)
        raise DataError(
            f"{name}: line {error.line + above}: {said}.",
            fix="Expected a quote inside of a quoted field to be doubled; or say that there is no quoting.",
        ) from None
    finally:
        csv.field_size_limit(limit)
    fields = np.array([len(row) for row in rows])
    _even(rows, fields, lines, name, dialect)
    width = len(rows[0])
    columns = [[row[j] if j < len(row) else None for row in rows] for j in range(width)]
    frame = pl.DataFrame([pl.Series(f"f{j}", column, dtype=pl.String) for j, column in enumerate(columns)])
    return frame, Records(fields, np.array(lines) - above, fields == 0, closed=True)


def _even(
    rows: list[list[str]], fields: NDArray[np.int64], lines: list[int], name: str, dialect: Dialect
) -> None:
    """Make the records as wide as the first, or refuse the first that is wider.

    What is empty behind the last name is cut off. Where every record has one field more than the first, that names
    the columns and leaves out the one of the row names, as R writes it.
    """
    width = len(rows[0])
    wide = [i for i in np.flatnonzero(fields > width).tolist() if any(c.strip() for c in rows[i][width:])]
    if not wide:
        return
    if dialect.header and (fields[1:][fields[1:] > 0] == width + 1).all():
        rows[0].insert(0, "")
        fields[0] += 1
        return
    i = wide[0]
    fix = f"Expected as many (separator {dialect.separator!r}); a field that holds the separator stands in quotes."
    if len(wide) > len(rows) / 2:
        fix = "If lines stand above the one that names the columns, remove them."
    raise DataError(f"{name}: line {lines[i]} has {fields[i]} fields, the first line {width}.", fix=fix)


def settle_values(
    frame: pl.DataFrame, dialect: Dialect, given: Reading, expected: Expected
) -> tuple[pl.DataFrame, Dialect, tuple[str, ...]]:
    """Decide what the columns of text are; return the columns, the dialect with its decimal mark, and notes.

    A column whose kind is known stays text where it is not a number: its values are read by that kind later, one by
    one, so that a message can name the first that is not.
    """
    import polars as pl

    # by place: Polars takes a column called "*" for a pattern
    frame = frame.select(plain_text(pl.nth(j)) for j in range(frame.width))
    kinds = {**expected.kinds, **given.kinds}
    open_columns = [
        frame[name] for name in frame.columns if kinds.get(name, "number") in ("number", "boolean")
    ]
    decimal = given.decimal or decimal_of(open_columns, dialect.separator)
    decimal = decimal or (expected.dialect.decimal if expected.dialect else ".")
    settled, notes = [], []
    for text in frame.iter_columns():
        if kinds.get(text.name, "number") not in ("number", "boolean"):
            settled.append(text)
            continue
        values, note = infer_values(text, decimal)
        settled.append(values)
        notes += [note] * bool(note)
    return pl.DataFrame(settled), dialect.model_copy(update={"decimal": decimal}), tuple(notes)
