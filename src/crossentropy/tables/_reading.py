"""How text is to be read: what the user says (`Reading`), what was settled (`Dialect`), what is known of it before."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from crossentropy.tables._kinds import Kind

if TYPE_CHECKING:
    from crossentropy.tables._table import Table

__all__ = ["Dialect", "Expected", "GivenKind", "Reading"]

GivenKind = Literal["number", "boolean", "category", "text", "date", "list", "identifier"]


def _separates(value: str) -> str:
    if len(value) != 1 or not value.isascii() or value in '\0\n\r"':
        raise ValueError("expected one ASCII character, no quote and no end of a line")
    return value


def _encloses(value: str) -> str:
    if value and (len(value) != 1 or not value.isascii() or value in "\0\n\r"):
        raise ValueError('expected one ASCII character, or "" for none')
    return value


def _decodes(value: str) -> str:
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


Separator = Annotated[str, AfterValidator(_separates)]
Quote = Annotated[str, AfterValidator(_encloses)]
Encoding = Annotated[str, AfterValidator(_decodes)]


class _Form(BaseModel):
    """Base of what says how text is read: checked, whether a user gives it or a file that a stranger made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        separator, quote = getattr(self, "separator", None), getattr(self, "quote", None)
        if separator is not None and separator == quote:
            raise ValueError("the separator and the quote are the same character")
        return self


class Reading(_Form):
    """What the user says about the form of the data; None leaves it to be recognised.

    Attributes:
        separator: the character between the fields of a text file.
        decimal: "." or ",".
        quote: the character around a field that holds the separator; "" for none.
        encoding: a name that Python's codecs know: "utf-8", "cp1252", "utf-16", ...
        header: whether the first line names the columns; without one they are called x0, x1, ...
        kinds: column -> kind, in place of the one that the rules would infer.
    """

    separator: Separator | None = None
    decimal: Literal[".", ","] | None = None
    quote: Quote | None = None
    encoding: Encoding | None = None
    header: bool | None = None
    kinds: Mapping[str, GivenKind] = {}


class Dialect(_Form):
    """How a text file was read, all of it settled; told with the run, and tried first on data to predict.

    Beside what `Reading` has: `escape` is the character that takes a quote's meaning from it where quotes are not
    doubled, and `spaced` says that blanks behind a separator are no part of a field: they stand before a quote,
    or align the columns.
    """

    separator: Separator
    decimal: Literal[".", ","] = "."
    quote: Quote = '"'
    escape: Literal["", "\\"] = ""
    spaced: bool = False
    encoding: Encoding = "utf-8"
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
