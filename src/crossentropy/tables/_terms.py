r"""From text to the terms in it: words, pairs of neighbours, and runs of characters.

| term | what |
|---|---|
| word | letters, digits, marks and _ in a run, lower-cased |
| pair | two words that follow each other |
| run  | three to five characters in a row within a word and the blanks around it: " na", "nam", "name " |

A character of a script that has no blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) is a
word of its own. Everything else, control characters included, only separates words. All rows go through Polars at once;
what Python does is done once for each distinct term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Grams", "count_terms"]

Grams = Literal["words", "characters"]
"""Words and pairs; or words and runs of characters, for text of a word or two a value."""

_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_WORD = rf"[{_ALONE}]\p{{M}}*|[\w--[{_ALONE}]]+"
_RUNS = (3, 4, 5)
# Longer words are cut for their runs of characters: a megabyte without a blank is no word.
_LONGEST = 100


def count_terms(text: pl.Series, grams: Grams) -> pl.DataFrame:
    """Return how often each term stands in each row: columns row (UInt32), term (String), count (UInt32).

    Args:
        text: N strings; null has no terms.
        grams: which terms.
    """
    import polars as pl

    words = (
        pl.LazyFrame({"term": text})
        .with_row_index("row")
        .with_columns(pl.col("term").str.to_lowercase().str.extract_all(_WORD))
        .explode("term", empty_as_null=False, keep_nulls=False)
        .collect()
    )
    found = [words]
    if grams == "words":
        pair = pl.col("term") + " " + pl.col("term").shift(-1)
        together = pl.col("row") == pl.col("row").shift(-1)
        found.append(words.select("row", pl.when(together).then(pair).alias("term")))
    else:
        padded = words.select("row", (" " + pl.col("term").str.slice(0, _LONGEST) + " ").alias("term"))
        found += [_runs(padded, length) for length in _RUNS]
    counts = pl.concat(found).group_by("row", "term").agg(pl.len().alias("count"))
    return counts.filter(counts["term"].is_not_null())


def _runs(padded: pl.DataFrame, length: int) -> pl.DataFrame:
    """Return the runs of so many characters; a word and its blanks are also one where they are no longer."""
    import polars as pl

    starts = pl.int_ranges(0, (pl.col("term").str.len_chars().cast(pl.Int64) - length + 1).clip(0))
    runs = padded.select("row", "term", starts.alias("start")).explode(
        "start", empty_as_null=False, keep_nulls=False
    )
    return runs.select("row", pl.col("term").str.slice(pl.col("start"), length))
