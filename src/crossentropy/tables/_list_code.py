"""What the encoder knows of a column whose cells list several categories each: tags, ingredients, keywords."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import FailFast
from scipy.sparse import csr_array

from crossentropy.tables._cells import strings
from crossentropy.tables._codes import LEAST_ROWS, MOST_LEVELS, CodeBase
from crossentropy.tables._items import items, likely_separator, separator_of
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ListCode"]


class ListCode(CodeBase):
    """Features of a list of categories: one indicator an item, one for all other items, one for missing.

    Items have a place that stand in two rows of training or more; an empty list has no item.
    """

    kind: Literal["list"] = "list"
    separator: str
    levels: Annotated[tuple[str, ...], FailFast()]
    other: bool

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The items, other, missing."""
        names = [f"{self.name} has {level}" for level in self.levels]
        return (*names, *[f"{self.name} has other"] * self.other, *[f"{self.name} missing"] * self.missing)

    @property
    def sparse(self) -> bool:
        """True: a row holds few of the items."""
        return True

    @property
    def note(self) -> str:
        """How many items."""
        rest = ", the rest one together" if self.other else ""
        return f"{len(self.levels):,} items have a place each{rest}"

    @classmethod
    def fit(cls, table: Table, series: pl.Series, most: int = MOST_LEVELS) -> ListCode:
        """Return the items of a column, at most so many."""
        import polars as pl

        nested = series.dtype.is_nested()
        separator = (
            "" if nested else separator_of(strings(series).drop_nulls()) or likely_separator(strings(series))
        )
        found = items(table, series, separator)
        counts = found.group_by("item").agg(pl.len().alias("rows"))
        kept = counts.filter(pl.col("rows") >= min(LEAST_ROWS, len(series)))
        # ties are broken by name: the same rows in another order give the same encoder
        kept = kept.sort(["rows", "item"], descending=[True, False]).head(min(most, MOST_LEVELS))
        return cls(
            name=series.name,
            missing=bool(_absent(series).any()),
            separator=separator,
            levels=tuple(kept["item"].sort().to_list()),
            other=len(kept) < len(counts),
        )

    @cached_property
    def _place(self) -> dict[str, int]:
        return {level: j for j, level in enumerate(self.levels)}

    def rows(self, table: Table, series: pl.Series) -> csr_array:
        """Return the features (N, D) of a column of the table."""
        import polars as pl

        found = items(table, series, self.separator)
        nowhere = len(self.levels) if self.other else -1
        known = {item: self._place.get(item, nowhere) for item in found["item"].unique().to_list()}
        at = found["item"].replace_strict(known, default=-1, return_dtype=pl.Int32).to_numpy()
        row = found["row"].to_numpy().astype(np.int64)
        row, at = row[at >= 0], at[at >= 0]
        if self.missing:
            absent = np.flatnonzero(_absent(series))
            row, at = np.append(row, absent), np.append(at, np.full(len(absent), len(self.features) - 1))
        shape = len(series), len(self.features)
        # several rare items of a row are one "other"
        place = np.unique(row * shape[1] + at)
        row, at = np.divmod(place, max(shape[1], 1))
        starts = np.searchsorted(row, np.arange(shape[0] + 1)).astype(np.int32)
        return csr_array((np.ones(len(at), np.float32), at.astype(np.int32), starts), shape=shape)


def _absent(series: pl.Series) -> NDArray[np.bool_]:
    given = series if series.dtype.is_nested() else strings(series)
    return np.asarray(given.is_null().to_numpy())
