"""From columns to features: numbers standardised, categories one-hot, missing values with a place of their own.

The fitted encoder is data (`to_json`), readable by a person, and rebuilt exactly from it: JSON holds a float64 with
all of its digits, so that a reloaded encoder gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    FiniteFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from crossentropy.errors import BundleError, DataError, did_you_mean
from crossentropy.tables._kinds import LEVELS, Column
from crossentropy.tables._reading import Dialect, Expected
from crossentropy.tables._table import Table
from crossentropy.tables._values import is_placeholder, mixed_units, parse_flags, parse_numbers, plain_text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Encoder", "numbers"]

# A value further out than this many standard deviations says no more than one at the limit, and float32 holds it.
_FAR = 1e4


class _Code(BaseModel):
    """Base of what the schema holds for a column: checked when it is read back, never coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NumberCode(_Code):
    """Features of a number or boolean: (x - mean) / scale, missing as 0, and an indicator of missing if any was."""

    kind: Literal["number"] = "number"
    name: str
    mean: FiniteFloat
    scale: Annotated[FiniteFloat, Field(gt=0)]
    missing: bool

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} missing") if self.missing else (self.name,)

    @classmethod
    def fit(cls, name: str, values: NDArray[np.float64]) -> NumberCode:
        present = values[np.isfinite(values)]
        # divided by the largest first: squares of 1e200 overflow
        largest = float(np.abs(present).max()) or 1.0
        mean = float((present / largest).mean()) * largest
        scale = float((present / largest).std()) * largest
        scale = scale if scale > 0 else 1.0
        return cls(name=name, mean=mean, scale=scale, missing=len(present) < len(values))

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        absent = ~np.isfinite(values)
        with np.errstate(over="ignore"):
            code = np.clip((values - self.mean) / self.scale, -_FAR, _FAR)
        out[:, 0] = np.where(absent, 0.0, code)
        if self.missing:
            out[:, 1] = absent


class CategoryCode(_Code):
    """Features of a category: one indicator a level, one for all other levels, one for missing, as far as seen.

    A level not seen in training goes to `other` where there is one, and is all zeros where there is none.
    """

    kind: Literal["category"] = "category"
    name: str
    levels: Annotated[tuple[str, ...], FailFast()]
    other: bool
    missing: bool

    @property
    def features(self) -> tuple[str, ...]:
        names = [f"{self.name} = {level}" for level in self.levels]
        return (*names, *[f"{self.name} other"] * self.other, *[f"{self.name} missing"] * self.missing)

    @classmethod
    def fit(cls, series: pl.Series) -> CategoryCode:
        strings = _strings(series)
        # by names of our own: Polars takes a column called "*" for a pattern
        counts = strings.drop_nulls().alias("value").value_counts()
        # ties in frequency are broken by name: the same rows in another order give the same encoder
        ranked = counts.sort(["count", "value"], descending=[True, False])["value"]
        levels = tuple(sorted(ranked.head(LEVELS).to_list()))
        other, absent = len(ranked) > LEVELS, strings.null_count() > 0
        return cls(name=series.name, levels=levels, other=other, missing=absent)

    def _positions(self, strings: pl.Series) -> NDArray[np.int32]:
        """Return the place of each value among the levels, -1 for none.

        1.0 is found as 1: programs write whole numbers so as soon as one of them is missing.
        """
        import polars as pl

        known = {level: j for j, level in enumerate(self.levels)}
        whole = strings.str.replace(r"^([+-]?\d+)\.0+$", "$1")
        found = strings.replace_strict(known, default=-1, return_dtype=pl.Int32)
        again = whole.replace_strict(known, default=-1, return_dtype=pl.Int32)
        return np.asarray(found.zip_with(found >= 0, again).to_numpy(), np.int32)

    def unseen(self, series: pl.Series) -> list[str]:
        """Return the values that are not among the levels and have no place of their own, one a row."""
        if self.other:
            return []
        strings = _strings(series)
        return strings.filter((self._positions(strings) < 0) & strings.is_not_null().to_numpy()).to_list()

    def write(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        strings = _strings(series)
        position = self._positions(strings)
        absent = strings.is_null().to_numpy()
        width = len(self.levels)
        hit = np.flatnonzero((position >= 0) & ~absent)
        out[:] = 0
        out[hit, position[hit]] = 1
        if self.other:
            out[:, width] = (position < 0) & ~absent
        if self.missing:
            out[:, width + self.other] = absent


Code = Annotated[NumberCode | CategoryCode, Field(discriminator="kind")]


class _Schema(_Code):
    """The whole of `schema.json`; no column stands in it twice."""

    # a stranger's file may hold millions of mistakes: one is enough
    columns: Annotated[tuple[Code, ...], FailFast()]
    left_out: Annotated[tuple[str, ...], FailFast()]
    image: tuple[PositiveInt, PositiveInt] | None
    dialect: Dialect | None

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({code.name for code in self.columns}) < len(self.columns):
            raise ValueError("a column occurs twice")
        return self


@dataclass(frozen=True)
class Encoder:
    """The fitted map from a table to features (N, D) in float32.

    Attributes:
        codes: the columns that are used, and how.
        left_out: the columns of the training table that are not used.
        image: (height, width) when the columns are pixels.
        dialect: how the training table was read when it was text.
    """

    codes: tuple[Code, ...]
    left_out: tuple[str, ...] = ()
    image: tuple[int, int] | None = None
    dialect: Dialect | None = None

    @property
    def expected(self) -> Expected:
        """What is known of a table that is to be encoded before it is read."""
        kinds = {code.name: code.kind for code in self.codes}
        return Expected(frozenset(kinds), dict(kinds), self.dialect)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The D names, in the order of the feature columns."""
        return tuple(name for code in self.codes for name in code.features)

    @classmethod
    def fit(cls, table: Table, columns: tuple[Column, ...]) -> Encoder:
        """Fit on training rows only.

        Raises:
            DataError: no column is used.
        """
        used = [c for c in columns if c.used]
        if not used:
            raise DataError(
                f"{table.name}: no column is left to learn from.",
                fix="Left out: " + "; ".join(f"{c.name} ({c.note or c.kind})" for c in columns[:8]) + ".",
            )
        codes: list[Code] = []
        for column in used:
            values = table.frame[column.name]
            if column.kind == "category":
                codes.append(CategoryCode.fit(values))
            else:
                codes.append(NumberCode.fit(column.name, numbers(table, values)))
        left_out = tuple(c.name for c in columns if not c.used)
        return cls(tuple(codes), left_out, table.image, table.dialect)

    def transform(self, table: Table) -> NDArray[np.float32]:
        """Return the features (N, D). Columns may come in any order; further columns are ignored.

        Raises:
            DataError: a column is missing, or holds values of another kind.
        """
        frame = table.frame
        if self.image and table.image and self.image != table.image:
            given, known = ("x".join(map(str, shape)) for shape in (table.image, self.image))
            raise DataError(f"{table.name}: {given} pixels; the classifier was trained on {known}.")
        present = set(frame.columns)
        absent = [code.name for code in self.codes if code.name not in present]
        if absent:
            further = f" (nor {len(absent) - 1:,} more of those)" if len(absent) > 1 else ""
            raise DataError(
                f"{table.name} has no column {absent[0]!r}, which the classifier was trained on{further}.",
                fix=did_you_mean(absent[0], frame.columns)
                if not further
                else f"Missing: {', '.join(absent[:12])}{', ...' * (len(absent) > 12)}.",
            )
        features = np.empty((frame.height, len(self.feature_names)), np.float32)
        start = 0
        for code in self.codes:
            stop = start + len(code.features)
            values = frame[code.name]
            out = features[:, start:stop]
            if isinstance(code, NumberCode):
                code.write(numbers(table, values), out)
            else:
                _refuse_other_kinds(table, values, "categories")
                code.write(values, out)
            start = stop
        return features

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as JSON data."""
        schema = _Schema(columns=self.codes, left_out=self.left_out, image=self.image, dialect=self.dialect)
        return schema.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Any) -> Encoder:
        """Return the encoder that `to_json` told.

        Raises:
            BundleError: the data are not of that form.
        """
        try:
            # not through pydantic's own JSON, which takes 90 bytes of memory for each byte of "[],[],[]"
            schema = _Schema.model_validate(_frozen(data))
        except RecursionError:
            raise BundleError("The schema is not of the expected form (nested too deeply).") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BundleError(f"The schema is not of the expected form ({where}: {first['msg']}).") from None
        return cls(schema.columns, schema.left_out, schema.image, schema.dialect)


def _frozen(value: Any) -> Any:
    """Return JSON data with tuples for lists, as the strict schema wants them."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return value


def numbers(table: Table, series: pl.Series) -> NDArray[np.float64]:
    """Return the values of a column as float64, missing ones as NaN; text that reads as a number is one.

    Raises:
        DataError: a value is not a number; names the column, the row and the value.
    """
    import polars as pl

    _refuse_other_kinds(table, series, "numbers")
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        return np.asarray(series.cast(pl.Float64).to_numpy(), np.float64)
    text = series.cast(pl.String).to_frame().select(plain_text(pl.nth(0))).to_series()
    values = parse_numbers(text, table.decimal)
    if values.null_count() > text.null_count():
        values = values.zip_with(values.is_not_null(), parse_flags(text).cast(pl.Float64))
    broken = values.is_null() & text.is_not_null() & ~is_placeholder(text)
    if bool(broken.any()):
        row = int(broken.arg_max() or 0)
        if mixed_units(text):
            raise DataError(
                f"{table.name}: column {series.name!r} mixes units (%, $, €, ...), or numbers with and without %; "
                f"one is {series[row]!r} in {table.origin[row]}.",
                fix="Write all of its values in one unit.",
            )
        raise DataError(
            f"{table.name}: column {series.name!r}, {table.origin[row]}: {series[row]!r} is not a number.",
            fix="Expected numbers, or true and false, in this column; or give it another kind.",
        )
    return np.asarray(values.to_numpy(), np.float64)


def _refuse_other_kinds(table: Table, series: pl.Series, expected: str) -> None:
    """Refuse dates, which would pass as numbers of days, and lists, structures and bytes, which are no values."""
    import polars as pl

    dtype = series.dtype
    if dtype.is_temporal() or dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"{table.name}: column {series.name!r} holds values of type {dtype}; expected {expected}."
        )


def _strings(series: pl.Series) -> pl.Series:
    """Return the values as text; 3.0 becomes "3", since a missing value is all that made the column float.

    Blanks around a value are no part of it, and empty text is missing, whatever the source.
    """
    import polars as pl

    if series.dtype.is_float():
        whole = series.cast(pl.Int64, strict=False)
        if bool((whole.cast(pl.Float64) == series).all()):
            series = whole
    text = series.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)
