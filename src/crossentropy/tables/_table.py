"""A table in memory, and where each of its rows stands in the source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from crossentropy.tables._reading import Dialect

__all__ = ["Origin", "Table", "digest_of", "refuse_patterns"]


@dataclass(frozen=True)
class Origin:
    """Where the N rows of a table stand in its source, for messages.

    Lines of text files are counted from 1, the header included, as an editor shows them; a record that runs over
    several lines is named by its first. Rows of anything else are counted from 0.

    Attributes:
        word: what is counted.
        number: (N,) the number of each row in its file.
        part: (N,) which of `parts` each row is from.
        parts: the names of the files, when there are several.
    """

    word: Literal["line", "row"]
    number: NDArray[np.int64]
    part: NDArray[np.int64]
    parts: tuple[str, ...] = ()

    def __getitem__(self, index: int) -> str:
        """Return the place of one row in words: "line 17"."""
        where = f"{self.word} {self.number[index]}"
        return f"{self.parts[self.part[index]]}, {where}" if len(self.parts) > 1 else where

    def take(self, mask: NDArray[np.bool_]) -> Origin:
        """Return the places of the rows where the mask is True."""
        return replace(self, number=self.number[mask], part=self.part[mask])

    @classmethod
    def rows(cls, count: int) -> Origin:
        """Return the places of rows that are counted from 0."""
        return cls("row", np.arange(count), np.zeros(count, np.int64))

    @classmethod
    def joined(cls, origins: Mapping[str, Origin]) -> Origin:
        """Return the places of the rows of several files, one after the other."""
        return cls(
            next(iter(origins.values())).word,
            np.concatenate([o.number for o in origins.values()]),
            np.repeat(np.arange(len(origins)), [len(o.number) for o in origins.values()]),
            tuple(origins),
        )


@dataclass(frozen=True)
class Table:
    """A table in memory: `frame`, the name it goes by in messages, and what is known beside the columns.

    Attributes:
        frame: the columns.
        name: what messages call it: the path, or "the pandas frame".
        digest: the SHA-256 of the file's bytes, or of the frame's values.
        origin: where each row stands in the source.
        format: what it was read as: "CSV", "Parquet", ...; empty for data in memory.
        dialect: how the text was read, when it was text.
        notes: sentences on what was read other than it stands.
        image: (height, width) when the feature columns are the pixels of an image, row by row.
        target: the column to predict when the source itself says so.
    """

    frame: pl.DataFrame
    name: str
    digest: str
    origin: Origin = field(repr=False)
    format: str = ""
    dialect: Dialect | None = None
    notes: tuple[str, ...] = ()
    image: tuple[int, int] | None = None
    target: str | None = None

    @property
    def decimal(self) -> str:
        """The decimal mark of numbers that stand as text."""
        return self.dialect.decimal if self.dialect else "."

    @property
    def recognised(self) -> str:
        """What the source was recognised as, in words; empty for data in memory."""
        return f"{self.format}, {self.dialect.in_words()}" if self.dialect else self.format

    def take(self, mask: NDArray[np.bool_]) -> Table:
        """Return the rows where the mask is True, which keep their places."""
        return replace(self, frame=self.frame.filter(mask), origin=self.origin.take(mask))

    def with_column(self, name: str, values: Any) -> Table:
        """Return the table with one more column of as many values as it has rows."""
        import polars as pl

        from crossentropy.tables._memory import series_of

        column = series_of(name, values)
        if len(column) != self.frame.height:
            raise DataError(
                f"{self.name} has {self.frame.height} rows, but {name!r} has {len(column)} values."
            )
        if name in self.frame.columns:
            raise DataError(
                f"{self.name} has a column {name!r} already.", fix=f"Pass target={name!r} to use it."
            )
        mark = hashlib.sha256((self.digest + digest_of(pl.DataFrame(column))).encode()).hexdigest()
        return replace(self, frame=self.frame.with_columns(column), digest=mark)


def refuse_patterns(columns: Iterable[str], name: str) -> None:
    """Refuse names like "^a$", which Polars takes for patterns in nearly all that it does with a column.

    Raises:
        DataError: there is one.
    """
    for column in columns:
        if column.startswith("^") and column.endswith("$"):
            raise DataError(
                f"{name}: the name of the column {column!r} begins with ^ and ends with $, and so is a pattern.",
                fix="Rename it.",
            )


def digest_of(frame: pl.DataFrame) -> str:
    """Return a digest of names, types and values that does not depend on the version of a file format."""
    whole = hashlib.sha256(repr([(n, str(t)) for n, t in frame.schema.items()]).encode())
    for column in frame.iter_columns():
        whole.update(np.ascontiguousarray(column.hash().to_numpy()).tobytes())
    return whole.hexdigest()
