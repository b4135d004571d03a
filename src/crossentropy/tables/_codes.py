"""What the encoder knows of a number and of a category, and how it makes features of them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, FiniteFloat
from scipy.sparse import csr_array

from crossentropy.tables._cells import numbers, refuse_other_kinds, strings
from crossentropy.tables._kinds import LEVELS
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FAR", "CategoryCode", "CodeBase", "NumberCode", "one_each"]

Floats = NDArray[np.float64]

# A value further out than this many standard deviations says no more than one at the limit, and float32 holds it.
FAR = 1e4

FEW = 64
"""Rows up to which a loop over them is faster than Polars, whose every call costs 0.2 ms."""
_POINTLESS = re.compile(r"^([+-]?\d+)\.0+\Z")
HEAVY = 30.0
"""Excess kurtosis of heavy tails: 0 of a normal distribution, 6 of an exponential one."""
USUAL = 0.1
"""Share of the rows that a value needs for an indicator of its own."""
LEAST_ROWS = 2
"""Rows of training that a level needs for a place of its own where there are more than `LEVELS`."""
MOST_LEVELS = 1 << 13
"""Levels of a column, the most frequent first."""


class CodeBase(BaseModel):
    """Base of what the schema holds for a column: checked when it is read back, never coerced.

    `features` names what it makes, in order. A dense code writes them into an array (`write`), a sparse one returns
    them as compressed rows (`rows`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    missing: bool

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the features."""
        raise NotImplementedError

    @property
    def sparse(self) -> bool:
        """Whether most features are zero in most rows."""
        return False

    @property
    def note(self) -> str:
        """What is to be said of the features, beside the kind; empty where they are what anyone expects."""
        return ""

    def write(self, table: Table, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the features (N, D) of a column of the table."""
        raise NotImplementedError

    def rows(self, table: Table, series: pl.Series) -> csr_array:
        """Return the features (N, D) of a column of the table."""
        raise NotImplementedError


class Tail(BaseModel):
    """How a number with heavy tails is bent before it is standardised: asinh((x - centre) / unit).

    Linear near the centre, logarithmic on both sides, for any sign. `centre` is the median, `unit` the median distance
    from it of what is not equal to it; `usual` is the most frequent value where it stands in a tenth of the rows: it
    has an indicator of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    centre: FiniteFloat
    unit: Annotated[FiniteFloat, Field(gt=0)]
    usual: FiniteFloat | None

    @classmethod
    def fit(cls, values: Floats) -> Tail | None:
        """Return how to bend the values, None where their tails are not heavy."""
        largest = float(np.abs(values).max()) or 1.0
        small = values / largest
        if not small.std() > 0 or not kurtosis(small) > HEAVY:
            return None
        centre = float(np.median(values))
        distance = np.abs(small - centre / largest)
        unit = float(np.median(distance[distance > 0])) * largest if (distance > 0).any() else 0.0
        if not 0 < unit < np.inf:
            return None
        found, times = np.unique(values, return_counts=True)
        if len(found) < 3:  # two values have no tails, whatever stands between them
            return None
        usual = float(found[times.argmax()]) if times.max() >= USUAL * len(values) else None
        return cls(centre=centre, unit=unit, usual=usual)

    def bend(self, values: Floats) -> Floats:
        """Return the values bent."""
        with np.errstate(over="ignore", invalid="ignore"):
            bent: Floats = np.arcsinh(values / self.unit - self.centre / self.unit)
        return bent


class NumberCode(CodeBase):
    """Features of a number or boolean: (x - mean) / scale, missing as 0, and an indicator of missing if any was.

    Where the tails are heavy, x is bent first, and the mean and the scale are those of what is bent.
    """

    kind: Literal["number"] = "number"
    mean: FiniteFloat
    scale: Annotated[FiniteFloat, Field(gt=0)]
    tail: Tail | None = None

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The number, whether it has its usual value, and whether it is missing."""
        usual = self.tail.usual if self.tail else None
        names = [self.name] if usual is None else [self.name, f"{self.name} = {usual:g}"]
        return (*names, f"{self.name} missing") if self.missing else tuple(names)

    @property
    def note(self) -> str:
        """Whether the tails are bent."""
        return "" if self.tail is None else "heavy tails: its logarithm in either direction from the median"

    @classmethod
    def fit(cls, table: Table, series: pl.Series) -> NumberCode:
        """Return the mean and the standard deviation of what is not missing."""
        values = numbers(table, series)
        present = values[np.isfinite(values)]
        absent = len(present) < len(values)
        # the grey levels of an image stay in proportion
        tail = None if table.image else Tail.fit(present)
        present = present if tail is None else tail.bend(present)
        # divided by the largest first: squares of 1e200 overflow
        largest = float(np.abs(present).max()) or 1.0
        mean = float((present / largest).mean()) * largest
        scale = float((present / largest).std()) * largest
        scale = scale if scale > 0 else 1.0
        return cls(name=series.name, mean=mean, scale=scale, missing=absent, tail=tail)

    def write(self, table: Table, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the features (N, D) of a column of the table."""
        values = numbers(table, series)
        absent = ~np.isfinite(values)
        bent = values if self.tail is None else self.tail.bend(values)
        with np.errstate(over="ignore", invalid="ignore"):
            code = np.clip((bent - self.mean) / self.scale, -FAR, FAR)
        out[:, 0] = np.where(absent, 0.0, code)
        if self.tail is not None and self.tail.usual is not None:
            out[:, 1] = values == self.tail.usual
        if self.missing:
            out[:, -1] = absent


class CategoryCode(CodeBase):
    """Features of a category: one indicator a level, one for all other levels, one for missing, as far as seen.

    Up to 40 levels all have a place; of more, those that stand in two rows. A level that has none goes to `other` where
    there is one, and is all zeros where there is none.
    """

    kind: Literal["category"] = "category"
    levels: Annotated[tuple[str, ...], FailFast()]
    other: bool

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The levels, other, missing."""
        names = [f"{self.name} = {level}" for level in self.levels]
        return (*names, *[f"{self.name} other"] * self.other, *[f"{self.name} missing"] * self.missing)

    @property
    def sparse(self) -> bool:
        """Whether the levels are many."""
        return len(self.levels) > LEVELS

    @property
    def note(self) -> str:
        """How many levels have a place, where not all have."""
        return f"{len(self.levels):,} of them have a place each, the rest one together" if self.other else ""

    @classmethod
    def fit(cls, table: Table, series: pl.Series, most: int = MOST_LEVELS) -> CategoryCode:
        """Return the levels of a column, of many at most so many."""
        import polars as pl

        refuse_other_kinds(table, series, "categories")
        names = strings(series)
        # by names of our own: Polars takes a column called "*" for a pattern
        counts = names.drop_nulls().alias("value").value_counts()
        kept = counts
        if len(counts) > LEVELS:
            # ties in frequency are broken by name: the same rows in another order give the same encoder
            ranked = counts.sort(["count", "value"], descending=[True, False])
            several = int((ranked["count"] >= LEAST_ROWS).sum())
            kept = ranked.head(max(LEVELS, min(several, most, MOST_LEVELS)))
        levels = tuple(kept.sort(pl.col("value"))["value"].to_list())
        return cls(
            name=series.name, levels=levels, other=len(levels) < len(counts), missing=names.null_count() > 0
        )

    @cached_property
    def _place(self) -> dict[str, int]:
        return {level: j for j, level in enumerate(self.levels)}

    def _positions(self, names: pl.Series) -> NDArray[np.int32]:
        """Return the feature of each value, -1 for none.

        1.0 is found as 1: programs write whole numbers so as soon as one of them is missing.
        """
        import polars as pl

        absent = len(self.levels) + self.other if self.missing else -1
        if len(names) <= FEW:
            return np.array([absent if v is None else self._position(v) for v in names.to_list()], np.int32)
        known = {value: self._position(value) for value in names.drop_nulls().unique().to_list()}
        found = names.replace_strict(known, default=None, return_dtype=pl.Int32)
        return np.asarray(found.fill_null(absent).to_numpy(), np.int32)

    def _position(self, value: str) -> int:
        place = self._place.get(value)
        if place is None:
            place = self._place.get(_POINTLESS.sub(r"\1", value))
        return place if place is not None else len(self.levels) if self.other else -1

    def unseen(self, series: pl.Series) -> list[str]:
        """Return the values that are not among the levels and have no place of their own, one a row."""
        if self.other:
            return []
        names = strings(series)
        return names.filter((self._positions(names) < 0) & names.is_not_null().to_numpy()).to_list()

    def write(self, table: Table, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the features (N, D) of a column of the table."""
        refuse_other_kinds(table, series, "categories")
        position = self._positions(strings(series))
        hit = np.flatnonzero(position >= 0)
        out[:] = 0
        out[hit, position[hit]] = 1

    def rows(self, table: Table, series: pl.Series) -> csr_array:
        """Return the features (N, D) of a column of the table."""
        refuse_other_kinds(table, series, "categories")
        return one_each(self._positions(strings(series)), len(self.features))


def kurtosis(values: Floats) -> float:
    """Return the excess kurtosis of values that are not all the same: E (x - m)^4 / (E (x - m)^2)^2 - 3."""
    centred = values - values.mean()
    squares = centred**2
    return float((squares**2).mean() / squares.mean() ** 2 - 3.0)


def one_each(position: NDArray[np.int32], width: int) -> csr_array:
    """Return rows (N, width) with a 1 at one place each, or nowhere where the position is negative."""
    there: NDArray[Any] = position >= 0
    starts = np.append(0, np.cumsum(there)).astype(np.int32)
    return csr_array(
        (np.ones(int(starts[-1]), np.float32), position[there], starts), shape=(len(position), width)
    )
