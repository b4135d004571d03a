r"""Terms with their weights: what a text column learned, as arrays that any program can read.

The weight of term t in a row where it stands c times, before the row is brought to length 1:

.. math:: w_t = (1 + \ln c) \left(1 + \ln \frac{1 + N}{1 + n_t}\right)

N rows of training, n_t of them with t (Salton & Buckley, "Term-weighting approaches in automatic text retrieval",
Information Processing & Management 24 (1988); the ones under the fraction keep a term of every row finite).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from crossentropy.errors import BundleError
from crossentropy.tables._terms import Grams, count_terms

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LEAST_ROWS", "MOST_TERMS", "Vocabulary"]

LEAST_ROWS = 2
"""Rows of training that a term must stand in."""
MOST_TERMS = 1 << 16
"""Terms of a column, the most frequent first."""
# Rows whose terms are held at a time, and characters in them.
_ROWS, _CHARACTERS = 1 << 17, 1 << 24
# Terms that are looked up one by one: of few rows, telling the different ones apart takes longer.
_FEW = 1000


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """D terms, sorted, and their weights (D,) in float32."""

    terms: tuple[str, ...]
    weights: NDArray[np.float32]

    EMPTY: ClassVar[Vocabulary]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self.terms, self.weights.tobytes()) == (
            other.terms,
            other.weights.tobytes(),
        )

    def __hash__(self) -> int:
        return hash(self.terms)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {term: j for j, term in enumerate(self.terms)}

    @classmethod
    def fit(cls, text: pl.Series, grams: Grams, most: int) -> Vocabulary:
        """Return at most so many terms, of those in two rows or more: the ones in the most rows."""
        import polars as pl

        total: pl.DataFrame | None = None
        for chunk in _chunks(text):
            found = count_terms(chunk, grams).group_by("term").agg(pl.len().alias("rows"))
            total = (
                found
                if total is None
                else pl.concat([total, found]).group_by("term").agg(pl.col("rows").sum())
            )
        if total is None:
            return cls.EMPTY
        kept = total.filter(pl.col("rows") >= min(LEAST_ROWS, len(text)))
        # ties are broken by name: the same rows in another order give the same encoder
        kept = kept.sort(["rows", "term"], descending=[True, False]).head(min(most, MOST_TERMS)).sort("term")
        weights = 1.0 + np.log((1.0 + len(text)) / (1.0 + kept["rows"].to_numpy()))
        return cls(tuple(kept["term"].to_list()), weights.astype(np.float32))

    def transform(self, text: pl.Series, grams: Grams) -> csr_array:
        """Return the weights of the terms of each row (N, D), each row of length 1, or 0 where it has no known term."""
        blocks = [self._rows(chunk, grams) for chunk in _chunks(text)]
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return csr_array(np.zeros((0, len(self.terms)), np.float32))
        return csr_array(vstack(blocks, "csr"))

    def _rows(self, text: pl.Series, grams: Grams) -> csr_array:
        counts = count_terms(text, grams)
        at = self._places(counts["term"])
        known = at >= 0
        row, at = counts["row"].to_numpy()[known].astype(np.int32), at[known]
        values = (1.0 + np.log(counts["count"].to_numpy()[known].astype(np.float64))) * self.weights[at]
        # in one order, so that sums of squares have the same bits wherever a row stands
        order = np.lexsort((at, row))
        row, at, values = row[order], at[order], values[order]
        starts = np.searchsorted(row, np.arange(len(text) + 1)).astype(np.int32)
        squares = np.add.reduceat(np.append(values**2, 0.0), np.minimum(starts[:-1], len(values)))
        lengths = np.sqrt(np.where(np.diff(starts) > 0, squares, 1.0))
        values /= lengths[row]
        shape = len(text), len(self.terms)
        return csr_array((values.astype(np.float32), at, starts), shape=shape)

    def _places(self, terms: pl.Series) -> NDArray[np.int32]:
        """Return the place of each term, -1 for one that is not known."""
        import polars as pl

        several = len(terms) > _FEW
        distinct = terms.unique(maintain_order=True) if several else terms
        places = np.array([self._place.get(term, -1) for term in distinct.to_list()], np.int32)
        return places[terms.cast(pl.Enum(distinct)).to_physical().to_numpy()] if several else places

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the terms as bytes of UTF-8 with an end of line behind each, and the weights."""
        joined = "".join(f"{term}\n" for term in self.terms).encode()
        return {"terms": np.frombuffer(joined, np.uint8), "weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], count: int) -> Vocabulary:
        """Return the vocabulary of so many terms that `to_arrays` told.

        Raises:
            BundleError: the arrays are not of that form.
        """
        raw, weights = arrays.get("terms"), arrays.get("weights")
        if raw is None or weights is None or raw.dtype != np.uint8 or raw.ndim != 1:
            raise BundleError("The terms of a text column are missing, or of another form.")
        try:
            terms = tuple(raw.tobytes().decode().split("\n")[:-1])
        except UnicodeDecodeError:
            raise BundleError("The terms of a text column are no UTF-8.") from None
        fits = weights.dtype == np.float32 and weights.shape == (count,) and len(terms) == count
        # NaN compares as false
        if not fits or not ((weights >= 1.0) & (weights < 100.0)).all() or len(set(terms)) < count:
            raise BundleError(
                f"The terms of a text column are not {count} different ones with their weights."
            )
        return cls(terms, weights)


Vocabulary.EMPTY = Vocabulary((), np.empty(0, np.float32))


def _chunks(text: pl.Series) -> list[pl.Series]:
    """Cut the rows so that each part has about so many rows and characters at most."""
    ends = text.str.len_bytes().fill_null(0).cum_sum().to_numpy().astype(np.int64) // _CHARACTERS
    groups = ends + np.arange(len(text)) // _ROWS
    cuts = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(text)]
    return [text.slice(low, high - low) for low, high in pairwise(cuts) if high > low]
