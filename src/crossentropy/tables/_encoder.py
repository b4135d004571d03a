"""From columns to features: numbers standardised, categories one-hot, text by its terms, missing values in their place.

The fitted encoder is data, readable by a person: JSON (`to_json`), and the terms of text as arrays beside it
(`to_arrays`). It is rebuilt exactly from them: JSON holds a float64 with all of its digits, so that a reloaded encoder
gives the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, PositiveInt, ValidationError, model_validator
from scipy import sparse

from crossentropy.errors import BundleError, DataError, did_you_mean
from crossentropy.tables._codes import CategoryCode, NumberCode
from crossentropy.tables._date_code import DateCode
from crossentropy.tables._features import Features
from crossentropy.tables._kinds import Column
from crossentropy.tables._list_code import ListCode
from crossentropy.tables._reading import Dialect, Expected
from crossentropy.tables._table import Table
from crossentropy.tables._text_code import TextCode
from crossentropy.tables._vocabulary import Vocabulary

__all__ = ["Code", "Encoder"]

Code = Annotated[NumberCode | CategoryCode | TextCode | DateCode | ListCode, Field(discriminator="kind")]

# Weights of all sparse features of a column together, in a model of K classes: 128 MiB in float64.
_MOST_WEIGHTS = 1 << 24


class _Schema(BaseModel):
    """The whole of `schema.json`; no column stands in it twice."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

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

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The D names, in the order of the feature columns: those of dense columns first."""
        return tuple(name for code in (*self._dense, *self._sparse) for name in code.features)

    @property
    def _dense(self) -> list[Code]:
        return [code for code in self.codes if not code.sparse]

    @property
    def _sparse(self) -> list[Code]:
        return [code for code in self.codes if code.sparse]

    @cached_property
    def _width(self) -> int:
        return sum(len(code.features) for code in self._dense)

    @property
    def widths(self) -> tuple[int, int]:
        """How many features are dense, and how many sparse."""
        return self._width, len(self.feature_names) - self._width

    @cached_property
    def places(self) -> Mapping[str, slice]:
        """Where the features of each column stand among the D, in the order of the columns."""
        found, start = {}, 0
        for code in (*self._dense, *self._sparse):
            stop = start + len(code.features)
            found[code.name] = slice(start, stop)
            start = stop
        return {code.name: found[code.name] for code in self.codes}

    @classmethod
    def fit(cls, table: Table, columns: tuple[Column, ...], *, n_classes: int = 2) -> Encoder:
        """Fit on training rows only.

        Args:
            table: the training rows.
            columns: as `infer_columns` says.
            n_classes: K, of the model to come: the more there are, the fewer terms and levels have a place of their
                own, so that its weights stay within memory.

        Raises:
            DataError: no column is used.
        """
        used = [c for c in columns if c.used]
        if not used:
            raise DataError(
                f"{table.name}: no column is left to learn from.",
                fix="Left out: " + "; ".join(f"{c.name} ({c.note or c.kind})" for c in columns[:8]) + ".",
            )
        most = _MOST_WEIGHTS // n_classes
        codes: list[Code] = []
        for column in used:
            values = table.frame[column.name]
            if column.kind == "category":
                codes.append(CategoryCode.fit(table, values, most))
            elif column.kind == "text":
                codes.append(TextCode.fit(table, values, most))
            elif column.kind == "list":
                codes.append(ListCode.fit(table, values, most))
            elif column.kind == "date":
                codes.append(DateCode.fit(table, values))
            else:
                codes.append(NumberCode.fit(table, values))
        left_out = tuple(c.name for c in columns if not c.used)
        return cls(tuple(codes), left_out, table.image, table.dialect)

    def told(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """Return the columns that the encoder was fitted to, with what became of them added to their notes."""
        notes = {code.name: code.note for code in self.codes}
        return tuple(
            replace(c, note="; ".join(filter(None, [c.note, notes.get(c.name, "")]))) for c in columns
        )

    def transform(self, table: Table) -> Features:
        """Return the features (N, D). Columns may come in any order; further columns are ignored.

        Raises:
            DataError: a column is missing, or holds values of another kind.
        """
        frame = table.frame
        self._refuse_other_columns(table)
        dense = np.empty((frame.height, self._width), np.float32)
        start = 0
        for code in self._dense:
            stop = start + len(code.features)
            code.write(table, frame[code.name], dense[:, start:stop])
            start = stop
        blocks = [code.rows(table, frame[code.name]) for code in self._sparse]
        if not blocks:
            return Features(dense)
        return Features(
            dense, sparse.csr_array(sparse.hstack(blocks, "csr")) if len(blocks) > 1 else blocks[0]
        )

    def _refuse_other_columns(self, table: Table) -> None:
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

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as JSON data."""
        schema = _Schema(columns=self.codes, left_out=self.left_out, image=self.image, dialect=self.dialect)
        return schema.model_dump(mode="json")

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what JSON would hold badly: the terms of text, by the column's place among `codes`."""
        return {
            f"column{place}.{name}": array
            for place, code in enumerate(self.codes)
            if isinstance(code, TextCode)
            for name, array in code.vocabulary.to_arrays().items()
        }

    @classmethod
    def from_json(cls, data: Any, arrays: Mapping[str, NDArray[Any]] | None = None) -> Encoder:
        """Return the encoder that `to_json` and `to_arrays` told; further arrays are ignored.

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
        codes = tuple(
            _with_terms(code, f"column{place}.", arrays or {}) if isinstance(code, TextCode) else code
            for place, code in enumerate(schema.columns)
        )
        return cls(codes, schema.left_out, schema.image, schema.dialect)


def _with_terms(code: TextCode, prefix: str, arrays: Mapping[str, NDArray[Any]]) -> TextCode:
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return code.model_copy(update={"vocabulary": Vocabulary.from_arrays(own, code.terms)})


def _frozen(value: Any) -> Any:
    """Return JSON data with tuples for lists, as the strict schema wants them."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return value
