"""What the encoder knows of a column of dates and times."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import FailFast, Field, FiniteFloat

from crossentropy.errors import DataError
from crossentropy.tables._cells import strings
from crossentropy.tables._codes import FAR, CodeBase
from crossentropy.tables._dates import day_first, moments
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DateCode"]

Floats = NDArray[np.float64]
Part = Literal["elapsed", "month", "weekday", "hour"]

_DAY, _YEAR = 86_400.0, 365.2425 * 86_400.0
_SIZES = {"month": 12, "weekday": 7, "hour": 24}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class DateCode(CodeBase):
    """Features of a date or a time, all in UTC, of those parts that differ between the rows of training.

    | part    | features                                                                            |
    |---------|-------------------------------------------------------------------------------------|
    | elapsed | the seconds since 1970, less their mean, in standard deviations                     |
    | month   | an indicator a month; sine and cosine of the time of the year                       |
    | weekday | an indicator a day of the week                                                      |
    | hour    | an indicator an hour; sine and cosine of the time of the day                        |

    Missing, which a date that cannot be read is as well, is 0 in all of them, and has an indicator if any was.
    """

    kind: Literal["date"] = "date"
    day_first: bool
    mean: FiniteFloat
    scale: Annotated[FiniteFloat, Field(gt=0)]
    parts: Annotated[tuple[Part, ...], FailFast()]

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The parts, and missing."""
        names: list[str] = []
        for part in self.parts:
            if part == "elapsed":
                names.append(f"{self.name} elapsed")
                continue
            levels = (
                _WEEKDAYS if part == "weekday" else range(part == "month", _SIZES[part] + (part == "month"))
            )
            names += [f"{self.name} {part} = {level}" for level in levels]
            if part != "weekday":
                turn = "year" if part == "month" else "day"
                names += [f"{self.name} {turn} sine", f"{self.name} {turn} cosine"]
        return (*names, *[f"{self.name} missing"] * self.missing)

    @property
    def note(self) -> str:
        """Which parts differ."""
        return f"its {', '.join(self.parts)}".replace("elapsed", "elapsed time")

    @classmethod
    def fit(cls, table: Table, series: pl.Series) -> DateCode:
        """Return the order of the parts and which of them differ.

        Raises:
            DataError: no value can be read as a date.
        """
        import polars as pl

        first = day_first(strings(series))[0] if not series.dtype.is_temporal() else True
        seconds = moments(table, series, day_first=first)
        present = seconds[np.isfinite(seconds)]
        if len(present) == 0:
            row = int(series.is_not_null().arg_max() or 0)
            raise DataError(
                f"{table.name}: column {series.name!r}, {table.origin[row]}: {str(series[row])[:60]!r} is not a date.",
                fix="Expected dates like 2024-01-31, 31.1.2024 or 1/31/24; or give the column another kind.",
            )
        differs: dict[Part, bool] = {
            "elapsed": series.dtype != pl.Time and float(present.std()) > 0,
            "month": bool(np.ptp(_month(present))),
            "weekday": series.dtype != pl.Time and bool(np.ptp(_weekday(present))),
            "hour": bool(np.ptp(present % _DAY)),
        }
        scale = float(present.std())
        return cls(
            name=series.name,
            missing=len(present) < len(seconds),
            day_first=first,
            mean=float(present.mean()),
            scale=scale if scale > 0 else 1.0,
            parts=tuple(part for part, does in differs.items() if does),
        )

    def unread(self, table: Table, series: pl.Series) -> int:
        """Return how many values are there and cannot be read as dates."""
        absent = np.isnan(moments(table, series, day_first=self.day_first))
        given = series if series.dtype.is_temporal() else strings(series)
        return int((absent & given.is_not_null().to_numpy()).sum())

    def write(self, table: Table, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the features (N, D) of a column of the table."""
        seconds = moments(table, series, day_first=self.day_first)
        absent = ~np.isfinite(seconds)
        known = np.where(absent, self.mean, seconds)
        start = 0
        for part in self.parts:
            block = self._part(part, known)
            block[absent] = 0.0
            out[:, start : start + block.shape[1]] = block
            start += block.shape[1]
        if self.missing:
            out[:, -1] = absent

    def _part(self, part: Part, seconds: Floats) -> Floats:
        if part == "elapsed":
            return np.clip((seconds - self.mean) / self.scale, -FAR, FAR)[:, None]
        if part == "weekday":
            return np.eye(7)[_weekday(seconds)]
        level = _month(seconds) if part == "month" else (seconds % _DAY // 3600).astype(np.int64)
        angle = 2 * np.pi * ((seconds % _YEAR) / _YEAR if part == "month" else (seconds % _DAY) / _DAY)
        return np.column_stack([np.eye(_SIZES[part])[level], np.sin(angle), np.cos(angle)])


def _month(seconds: Floats) -> NDArray[np.int64]:
    days = np.floor(seconds / _DAY).astype(np.int64).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(np.int64) % 12


def _weekday(seconds: Floats) -> NDArray[np.int64]:
    # 1970-01-01 was a Thursday
    return (np.floor(seconds / _DAY).astype(np.int64) + 3) % 7
