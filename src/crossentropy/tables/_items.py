"""From the cells of a column to the items that each of them lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossentropy.errors import DataError
from crossentropy.tables._cells import strings
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["holds_categories", "items", "likely_separator", "separator_of"]

SEPARATORS = (",", ";", "|")
# Text is a list where half of the values have the separator, an item stands in four of them on average, and is short.
_SHARE, _REPEATS, _WORDS = 0.5, 4.0, 3.0


def separator_of(text: pl.Series) -> str:
    """Return what separates the items of each value (no value null); empty where the text is no list."""
    for mark in SEPARATORS:
        if float(text.str.contains(mark, literal=True).mean() or 0.0) < _SHARE:  # type: ignore[arg-type]
            continue
        found = text.str.split(mark).explode(empty_as_null=False).str.strip_chars()
        words = float(found.str.count_matches(r"\S+").mean() or 0.0)  # type: ignore[arg-type]
        if len(found) >= _REPEATS * found.n_unique() and words <= _WORDS:
            return mark
    return ""


def holds_categories(dtype: pl.DataType) -> bool:
    """Say whether values are lists of strings, integers or booleans; lists of reals are vectors."""
    import polars as pl

    inner = getattr(dtype, "inner", None)
    if not isinstance(dtype, pl.List | pl.Array) or inner is None:
        return False
    return bool(inner.is_integer() or inner in (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Null))


def items(table: Table, series: pl.Series, separator: str) -> pl.DataFrame:
    """Return each item of each row once: columns row (UInt32) and item (String).

    Raises:
        DataError: the column holds neither lists of categories nor text.
    """
    import polars as pl

    dtype = series.dtype
    if holds_categories(dtype):
        lists = series.cast(pl.List(pl.String), strict=False)
    elif dtype.is_nested() or dtype.is_temporal() or dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"{table.name}: column {series.name!r} holds values of type {dtype}; expected lists of categories."
        )
    else:
        text = strings(series)
        # a single name, where lists are expected, is a list of one
        lists = text.str.split(separator) if separator else text
    whole = pl.DataFrame({"item": lists}).with_row_index("row")
    if lists.dtype.is_nested():
        whole = whole.explode("item", empty_as_null=False, keep_nulls=False)
    apart = whole.with_columns(pl.col("item").str.strip_chars())
    return apart.filter(pl.col("item").is_not_null() & (pl.col("item") != "")).unique(maintain_order=True)


def likely_separator(text: pl.Series) -> str:
    """Return the separator that most values have."""
    shares = {mark: int(text.str.contains(mark, literal=True).sum()) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: shares[mark])
