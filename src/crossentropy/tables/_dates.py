"""From the cells of a column to moments: seconds since 1970-01-01 in UTC.

Text is read as 2024-01-31, 31.1.2024 or 1/31/24, with -, / or . between, and a time of day behind it. Where the year
stands last, the data say whether the day or the month comes first: a first number above 12 is a day. Two digits of a
year are 1969 to 2068, as POSIX has it. Times without a zone are taken as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.tables._cells import strings
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DATE", "day_first", "moments"]

Floats = NDArray[np.float64]

DATE = (
    r"^(?:(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}|\d{2}))"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AaPp])[Mm])?(?: ?(Z|[+-]\d{2}:?\d{2}))?)?$"
)
_DAY = 86_400.0


def day_first(text: pl.Series) -> tuple[bool, str]:
    """Return whether the day stands before the month where the year is last, and what decided if nothing proved it."""
    found = text.drop_nulls().str.extract_groups(DATE).struct.unnest()
    first, mark, second = (found[f"{j}"].drop_nulls() for j in (4, 5, 6))
    if len(first) == 0:
        return True, ""
    days, months = (int((part.cast(int) > 12).sum()) for part in (first, second))
    if days != months:
        proof = (
            ""
            if min(days, months) == 0
            else f"{max(days, months):,} dates say so, {min(days, months):,} do not"
        )
        return days > months, proof
    by_slash = bool((mark == "/").all())
    order = "month before day, as is usual with /" if by_slash else "day before month"
    return not by_slash, f"no date tells whether the day or the month comes first: read as {order}"


def moments(table: Table, series: pl.Series, *, day_first: bool) -> Floats:
    """Return the seconds (N,) since 1970-01-01 in UTC, NaN where there is no date; of times of day, since midnight.

    Raises:
        DataError: the column holds neither dates nor text.
    """
    import polars as pl

    dtype = series.dtype
    if dtype == pl.Time:
        return _seconds(series.cast(pl.Int64), 1e9)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if dtype in (pl.Date, pl.Datetime):
        return _seconds(series.cast(pl.Datetime("us"), strict=False).to_physical(), 1e6)
    if dtype == pl.Null:
        return np.full(len(series), np.nan)
    if not (dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)):
        raise DataError(f"{table.name}: column {series.name!r} holds values of type {dtype}; expected dates.")
    return _parse(strings(series), day_first=day_first)


def _seconds(whole: pl.Series, unit: float) -> Floats:
    return np.asarray(whole.cast(float).fill_null(float("nan")).to_numpy(), np.float64) / unit


def _parse(text: pl.Series, *, day_first: bool) -> Floats:
    parts = text.str.extract_groups(DATE).struct.unnest()

    def number(j: int) -> Floats:
        return np.asarray(parts[f"{j}"].cast(float).fill_null(float("nan")).to_numpy(), np.float64)

    last = np.isnan(number(1))
    short = (parts["7"].str.len_chars() == 2).fill_null(False).to_numpy()
    late = number(7) + np.where(short, np.where(number(7) < 69, 2000.0, 1900.0), 0.0)
    day, month = (number(4), number(6)) if day_first else (number(6), number(4))
    year = np.where(last, late, number(1))
    month, day = np.where(last, month, number(2)), np.where(last, day, number(3))
    seconds = _midnight(year, month, day)
    hour, minute, second = (np.nan_to_num(number(j)) for j in (8, 9, 10))
    half = parts["11"].str.to_lowercase()
    noon = (half == "p").fill_null(False).to_numpy() * 12.0
    hour = np.where(half.is_not_null().to_numpy(), hour % 12 + noon, hour)
    fits = (hour < 24) & (minute < 60) & (second <= 60)
    whole: Floats = np.where(fits, seconds + 3600 * hour + 60 * minute + second, np.nan) - _offset(
        parts["12"]
    )
    return whole


def _midnight(year: Floats, month: Floats, day: Floats) -> Floats:
    """Return the seconds of midnight, NaN for a day that no calendar has."""
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= 1)
    months = np.where(fits, (year - 1970) * 12 + month - 1, 0).astype(np.int64)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - first
    return np.where(fits & (day <= length), (first + np.where(fits, day, 1) - 1) * _DAY, np.nan)


def _offset(zone: pl.Series) -> Floats:
    """Return the seconds by which a zone is ahead of UTC: 0 of Z and of none."""
    digits = zone.str.replace(":", "", literal=True)
    east = np.where((digits.str.slice(0, 1) == "-").fill_null(False), -1.0, 1.0)
    hours, minutes = (
        digits.str.slice(a, 2).cast(float, strict=False).fill_null(0.0).to_numpy() for a in (1, 3)
    )
    ahead: Any = east * (3600.0 * hours + 60.0 * minutes)
    return np.asarray(ahead, np.float64)
