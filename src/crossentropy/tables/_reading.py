"""How text is to be read: what the user says (`Reading`), what was settled (`Dialect`), what is known of it before."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from crossentropy.tables._kinds import Kind

if TYPE_CHECKING:
    from crossentropy.tables._table import Table

__all__ = ["Dialect", "Expected", "GivenKind", "Reading"]

GivenKind = Literal["number", "boolean", "category", "text", "date", "identifier"]


class Reading(BaseModel):
    """What the user says about the form of the data; None leaves it to be recognised.

    Attributes:
        separator: the character between the fields of a text file.
        decimal: "." or ",".
        quote: the character around a field that holds the separator; "" for none.
        encoding: a name that Python's codecs know: "utf-8", "cp1252", "utf-16", ...
        header: whether the first line names the columns; without one they are called x0, x1, ...
        kinds: column -> kind, in place of the one that the rules would infer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    quote: str | None = None
    encoding: str | None = None
    header: bool | None = None
    kinds: Mapping[str, GivenKind] = {}

    @field_validator("separator")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or not value.isascii() or value in '\n\r"'):
            raise ValueError("expected one ASCII character, no quote and no end of a line")
        return value

    @field_validator("quote")
    @classmethod
    def _one_character_or_none(cls, value: str | None) -> str | None:
        if value and (len(value) != 1 or not value.isascii() or value in "\n\r"):
            raise ValueError('expected one ASCII character, or "" for none')
        return value

    @field_validator("encoding")
    @classmethod
    def _known_codec(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                known = codecs.lookup(value)
            except (LookupError, ValueError):
                raise ValueError(
                    "no encoding of that name is known; expected one like utf-8, cp1252, utf-16"
                ) from None
            # such codecs turn bytes into bytes: base64, rot13, ...
            if not getattr(known, "_is_text_encoding", True):
                raise ValueError("it is no encoding of text")
        return value


class Dialect(BaseModel):
    """How a text file was read, all of it settled; told with the run, and tried first on data to predict.

    Beside what `Reading` has: `escape` is the character that takes a quote's meaning from it where quotes are not
    doubled, and `spaced` says that blanks behind a separator are no part of a field: they stand before a quote,
    or align the columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    separator: str
    decimal: Literal[".", ","] = "."
    quote: str = '"'
    escape: Literal["", "\\"] = ""
    spaced: bool = False
    encoding: str = "utf-8"
    header: bool = True

    def in_words(self) -> str:
        """Return the dialect in a few words, with what is usual left out."""
        names = {"\t": "tab", " ": "space"}
        blanks = self.separator == " " and self.spaced
        said = ["separated by blanks" if blanks else f"separator {names.get(self.separator, self.separator)}"]
        if self.decimal != ".":
            said.append("decimal comma")
        if self.quote != '"':
            said.append(f"quote {self.quote}" if self.quote else "no quoting")
        said.append(self.encoding)
        return ", ".join([*said, "header" if self.header else "no header: columns are called x0, x1, ..."])


@dataclass(frozen=True)
class Expected:
    """What is known of a table before it is read.

    Attributes:
        names: columns that it should have; a first line that holds one of them is a header.
        kinds: column -> kind, as in training: a category stays text although all its values be digits.
        dialect: how the training data were read.
    """

    names: frozenset[str] = frozenset()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    dialect: Dialect | None = None

    @classmethod
    def like(cls, table: Table, names: Any = ()) -> Expected:
        """Return what is expected of another table with the columns of this one."""
        import polars as pl

        kinds: dict[str, Kind] = {}
        for name, dtype in table.frame.schema.items():
            if dtype == pl.String:
                kinds[name] = "category"
            elif dtype.is_numeric():
                kinds[name] = "number"
        return cls(frozenset([*table.frame.columns, *names]), kinds, table.dialect)
