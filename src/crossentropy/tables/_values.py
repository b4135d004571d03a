r"""From the text of a column to its values: numbers in either decimal style, booleans, missing markers.

| text                                              | read as                                                     |
|---------------------------------------------------|-------------------------------------------------------------|
| empty, NA, N/A, #N/A, <NA>, NaN, null, None, \N, ... | missing                                                    |
| true, false (in any case), and nothing else       | boolean                                                     |
| 12, -3, +4                                        | integer, unless one has a leading zero: 007 is a code       |
| 1.5, .5, 1e-3, inf                                | number                                                      |
| 1,234.5 and 1,234,567                             | number, its thousands grouped; in decimal style "."         |
| 1,5 and 1.234,5 and 1 234,5                       | number, in decimal style ","                                |
| 45%, $1.50, 2,50 €                                | the number without the sign, if all have the same           |
| ?, -, --, ., *, #DIV/0!, #VALUE!, ...             | missing in a column of numbers, and said; text in any other |

The rules hold for all values of a column or for none. The decimal style is that of the file; a column that reads in
the other one only is read in the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "MISSING",
    "decimal_of",
    "infer_values",
    "is_placeholder",
    "mixed_units",
    "parse_flags",
    "parse_numbers",
    "plain_text",
]

# What pandas reads as missing, so that a file means the same here, and what databases write for it; an empty field is
# missing in any case.
MISSING = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
    "-NaN",
    "-nan",
    "1.#IND",
    "-1.#IND",
    "1.#QNAN",
    "-1.#QNAN",
    "\\N",
)
# Signs, and what spreadsheets write where a formula failed.
_PLACEHOLDERS = (
    "?",
    "-",
    "--",
    ".",
    "*",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
)

_GROUPED = {
    ".": r"^[+-]?([1-9]\d{0,2}([,\x{a0}\x{202f}'’]\d{3})+|[1-9]\d?(,\d{2})+,\d{3})(\.\d*)?$",
    ",": r"^[+-]?(\d+|[1-9]\d{0,2}([.\x{20}\x{a0}\x{202f}']\d{3})+)?(,\d+)?([eE][+-]?\d+)?$",
}
_FLAGS = {"true": True, "false": False}
_CODE = r"^[+-]?0\d+$"
# What one of the two styles alone allows: 1,5 (not three decimals), 0,123, 1.234,5; and the same mirrored.
_PROOF = {
    ",": r"^[+-]?(\d*,(\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+|[1-9]\d{0,2}(\.\d{3})+,\d+)$",
    ".": r"^[+-]?(\d*\.(\d{1,2}|\d{4,})|0\.\d+|\d{4,}\.\d+|[1-9]\d{0,2}(,\d{3})+\.\d+)$",
}
_EITHER = r"^[+-]?[$€£¥]? ?[\d.,]*\d[\d.,]* ?[%€£¥]?$"


def plain_text(text: pl.Expr) -> pl.Expr:
    """Return the text without blanks around it, missing markers as null."""
    import polars as pl

    stripped = text.str.strip_chars()
    return pl.when(~stripped.is_in(MISSING)).then(stripped)


def infer_values(text: pl.Series, decimal: str) -> tuple[pl.Series, str]:
    """Return a column of plain text as what all of its values are, and a note on what was read as missing."""
    import polars as pl

    present = text.drop_nulls()
    if len(present) == 0:
        return text, ""
    if present[0].lower() in ("true", "false"):
        flags = parse_flags(text)
        return (flags, "") if flags.null_count() == text.null_count() else (text, "")
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return (text, "") if bool(text.str.contains(_CODE).any()) else (whole, "")
    if bool(text.str.contains(_CODE).any()):
        return text, ""
    values = parse_numbers(text, decimal)
    broken = text.filter(values.is_null() & text.is_not_null())
    odd = int(is_placeholder(broken).sum())
    if len(broken) > odd or odd == len(present) or _too_long(text):
        return text, _why_text(text, broken)
    note = ""
    if odd:
        shown = ", ".join(repr(v) for v in broken.unique().sort().to_list())
        note = (
            f"column {text.name!r}: {shown} among numbers was read as missing ({odd:,} of {len(text):,} rows)"
        )
        exact = text.cast(pl.Int64, strict=False)
        values = exact if exact.null_count() == text.null_count() + odd else values
    return values, note


def _why_text(text: pl.Series, broken: pl.Series) -> str:
    """Return a sentence on a column that is text for a few of its values only, or for the units of its numbers."""
    present = len(text) - text.null_count()
    if 0 < len(broken) < 0.2 * present:
        shown = ", ".join(repr(v) for v in broken.unique().sort().head(3).to_list())
        more = ", ..." if broken.n_unique() > 3 else ""
        return (
            f"column {text.name!r} is read as text for {len(broken):,} of its {present:,} values, which are no "
            f"numbers: {shown}{more}"
        )
    if bool(text.str.contains(r"^[+-]?[$€£¥]? ?[\d.,]*\d ?[%€£¥]?$").all()) and mixed_units(text):
        return f"column {text.name!r} mixes units (%, $, €, ...), or numbers with and without %: it is read as text"
    return ""


def is_placeholder(text: pl.Series) -> pl.Series:
    """Say which values, like "?", stand for missing among numbers; null is none."""
    return text.is_in(_PLACEHOLDERS).fill_null(False)


def _too_long(text: pl.Series) -> bool:
    """Say whether the column holds nothing but integers, one of them beyond 64 bits: names, not measurements."""
    return bool(text.str.contains(r"^[+-]?\d+$").all()) and bool((text.str.len_bytes() > 18).any())


def parse_numbers(text: pl.Series, decimal: str) -> pl.Series:
    """Return the numbers that a column of text spells, as float64; null where it spells none.

    Read in the decimal style given, or in the other one when more of the column reads in that.
    """
    first = _parse(text, decimal)
    if first.null_count() == text.null_count() or not bool(text.str.contains(",", literal=True).any()):
        return first
    other = _parse(text, "," if decimal == "." else ".")
    return other if other.null_count() < first.null_count() else first


def parse_flags(text: pl.Series) -> pl.Series:
    """Return true as 1 and false as 0, in any case; null for anything else."""
    import polars as pl

    return text.str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)


def _parse(text: pl.Series, decimal: str) -> pl.Series:
    import polars as pl

    if bool(text.str.contains(r"[%$€£¥]").any()) and not mixed_units(text):
        text = text.str.replace(r"^([+-]?)[$€£¥] ?", "$1").str.replace(r" ?[%€£¥]$", "")
    if bool(text.str.contains("\u2212", literal=True).any()):
        text = text.str.replace("^\u2212", "-")
    if decimal == ".":
        direct = text.cast(pl.Float64, strict=False)
        if direct.null_count() == text.null_count():
            return direct
        grouped = text.str.contains(_GROUPED["."])
        if not bool(grouped.any()):
            return direct
        bare = text.str.replace_all(r"[,\x{a0}\x{202f}'’]", "").cast(pl.Float64, strict=False)
        return direct.zip_with(~grouped.fill_null(False), bare)
    bare = text.str.replace_all(r"[.\x{20}\x{a0}\x{202f}']", "").str.replace(",", ".", literal=True)
    values = bare.cast(pl.Float64, strict=False)
    fits = text.str.contains(_GROUPED[","]) | text.str.contains(r"(?i)^[+-]?inf(inity)?$")
    nothing = pl.Series(text.name, [None], dtype=pl.Float64)
    return values.zip_with(fits.fill_null(False), nothing.new_from_index(0, len(text)))


def mixed_units(text: pl.Series) -> bool:
    """Say whether the column mixes signs of units: two currencies, or 45% beside 0.45. Their numbers do not compare."""
    signs = text.str.extract(r"([%$€£¥])", 1)
    kinds = signs.drop_nulls().unique().to_list()
    bare = text.filter(signs.is_null() & text.is_not_null() & ~is_placeholder(text))
    return len(kinds) > 1 or (kinds == ["%"] and not bool(bare.str.contains(r"^[+-]?0*$").all()))


def decimal_of(columns: list[pl.Series], separator: str) -> Literal[".", ","] | None:
    """Return the decimal style that the columns of a file prove, or None when nothing proves either.

    A column speaks when nine of ten values look like numbers. Decimal comma: some column needs it, and none needs
    the point; or nothing is proved, but values have commas and the separator is ";", which is what programs write
    where the comma is the decimal mark.
    """
    proved = {".": 0, ",": 0}
    commas = 0
    for text in columns:
        present = text.drop_nulls()
        if len(present) == 0 or not bool(present.str.contains("[.,]").any()):
            continue
        if int(present.str.contains(_EITHER).sum()) < 0.9 * len(present):
            continue
        commas += bool(present.str.contains(",", literal=True).any())
        for style in (".", ","):
            proved[style] += bool(present.str.contains(_PROOF[style]).any())
    if proved[","] and not proved["."]:
        return ","
    if proved["."]:
        return "."
    return "," if commas and separator == ";" else None
