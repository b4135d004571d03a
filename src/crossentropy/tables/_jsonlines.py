"""JSON lines (one object a line), and a JSON array of objects."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from crossentropy.errors import DataError
from crossentropy.tables._dialect import decoded
from crossentropy.tables._memory import series_of
from crossentropy.tables._reading import Reading
from crossentropy.tables._table import Origin

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_json_lines"]


def read_json_lines(data: bytes, name: str, given: Reading) -> tuple[pl.DataFrame, Origin]:
    """Return the objects of a text as rows; what an object lacks is missing.

    Raises:
        DataError: a line is no JSON object, with the number of the line.
    """
    import polars as pl

    text, _ = decoded(data, name, given, None)
    start = text.lstrip()
    # [ and a value closed on the same line: one array a line, which the reader of lines refuses by its number
    if start.startswith(b"[") and start[1:].lstrip()[:1] in (b"{", b"]"):
        rows = _array(text, name)
        return _frame(rows), Origin.rows(len(rows))
    filled = np.array([bool(line.strip()) for line in text.split(b"\n")])
    lines = np.flatnonzero(filled) + 1
    origin = Origin("line", lines, np.zeros(len(lines), np.int64))
    # Polars takes the first of two values under one key; who writes such a line writes many
    _objects(b"\n".join(text.split(b"\n", _CHECKED)[:_CHECKED]), name)
    try:
        frame = pl.read_ndjson(text, infer_schema_length=None)
        # values that do not fit together are left to the reader that can say where
        if frame.height == len(lines) and not any(t.is_nested() or t == pl.Null for t in frame.dtypes):
            return frame, origin
    except pl.exceptions.PolarsError:
        pass
    return _frame(_objects(text, name)), origin


def _objects(text: bytes, name: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name}: line {number}: not JSON ({_said(error)}).", fix=_FIX) from None
        if not isinstance(row, dict):
            raise DataError(f"{name}: line {number}: holds no JSON object.", fix=_FIX)
        rows.append(row)
    return rows


def _array(text: bytes, name: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{name}: {where}not JSON ({_said(error)}).", fix=_FIX) from None
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{name}: row {number}: holds no JSON object.", fix=_FIX)
    return list(rows)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return row


def _said(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error) or "nested too deeply"


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the objects column by column; values that do not fit together become text."""
    import polars as pl

    names = list(dict.fromkeys(key for row in rows for key in row))
    return pl.DataFrame([series_of(name, [row.get(name) for row in rows]) for name in names])


# How many lines are read by the reader that finds what Polars passes over.
_CHECKED = 1000
_FIX = "Expected one JSON object a line, or an array of objects."
