"""What the encoder knows of a column of text."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, InstanceOf, NonNegativeInt
from scipy.sparse import csr_array, hstack

from crossentropy.tables._cells import refuse_other_kinds, strings
from crossentropy.tables._codes import CodeBase, one_each
from crossentropy.tables._table import Table
from crossentropy.tables._terms import Grams
from crossentropy.tables._vocabulary import MOST_TERMS, Vocabulary

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TextCode"]

# Text of fewer words a value is names and codes, where what they have in common lies inside of words.
_FEW_WORDS = 3.0


class TextCode(CodeBase):
    """Features of text: the weights of its terms, each row of length 1, and an indicator of missing if any was.

    The terms stand apart, as arrays (`Vocabulary`); the schema says how many there are.
    """

    kind: Literal["text"] = "text"
    grams: Grams
    terms: NonNegativeInt
    vocabulary: InstanceOf[Vocabulary] = Field(default=Vocabulary.EMPTY, exclude=True, repr=False)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The terms, and missing."""
        names = [f"{self.name}: {term}" for term in self.vocabulary.terms]
        return (*names, *[f"{self.name} missing"] * self.missing)

    @property
    def sparse(self) -> bool:
        """True: a row holds few of the terms."""
        return True

    @property
    def note(self) -> str:
        """How many terms of which kind."""
        kinds = "words and pairs of words" if self.grams == "words" else "words and runs of characters"
        return f"{self.terms:,} terms: {kinds} that stand in two rows or more"

    @classmethod
    def fit(cls, table: Table, series: pl.Series, most: int = MOST_TERMS) -> TextCode:
        """Return the terms of a column, at most so many."""
        refuse_other_kinds(table, series, "text")
        text = strings(series)
        words = text.drop_nulls().str.count_matches(r"\S+").mean()
        grams: Grams = "words" if isinstance(words, float) and words >= _FEW_WORDS else "characters"
        vocabulary = Vocabulary.fit(text, grams, most)
        return cls(
            name=series.name,
            missing=text.null_count() > 0,
            grams=grams,
            terms=len(vocabulary.terms),
            vocabulary=vocabulary,
        )

    def rows(self, table: Table, series: pl.Series) -> csr_array:
        """Return the features (N, D) of a column of the table."""
        refuse_other_kinds(table, series, "text")
        text = strings(series)
        weights = self.vocabulary.transform(text, self.grams)
        if not self.missing:
            return weights
        absent = one_each(np.where(text.is_null().to_numpy(), 0, -1).astype(np.int32), 1)
        return csr_array(hstack([weights, absent], "csr"))
