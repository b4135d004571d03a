"""What is to be said of a table whose columns are not quite those of training: it is used, and not as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossentropy.tables._codes import CategoryCode, NumberCode
from crossentropy.tables._date_code import DateCode
from crossentropy.tables._encoder import Encoder
from crossentropy.tables._kinds import missing
from crossentropy.tables._table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["notices"]


def notices(encoder: Encoder, table: Table, *, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return sentences on columns that training did not have, unseen categories, other types, missing values.

    Args:
        encoder: as fitted in training.
        table: one that `encoder.transform` takes.
        known: columns that may stand in the table and are no features (the target, ...).
    """
    found = []
    codes = {code.name: code for code in encoder.codes}
    told = {*codes, *encoder.left_out, *known}
    further = [n for n in table.frame.columns if n not in told]
    if further:
        found.append(f"{_counted(len(further), 'column')} that training had not: ignored ({_some(further)}).")
    for name, code in codes.items():
        series = table.frame[name]
        if isinstance(code, CategoryCode):
            found += _of_category(code, series)
        elif isinstance(code, NumberCode):
            found += _of_number(series)
        elif isinstance(code, DateCode):
            found += _of_date(code, table, series)
        absent = missing(series)
        if absent and not code.missing:
            place = "the mean" if isinstance(code, NumberCode) else "zeros"
            found.append(
                f"column {name!r}: {_counted(absent, 'missing value')}, of which training had none: read as {place}."
            )
    return tuple(f"{table.name}: {sentence}" for sentence in found)


def _of_category(code: CategoryCode, series: pl.Series) -> list[str]:
    unseen = code.unseen(series)
    if not unseen:
        return []
    shown = _some(sorted(set(unseen)))
    return [
        f"column {series.name!r}: {_counted(len(unseen), 'row')} of categories not seen in training ({shown})."
    ]


def _of_date(code: DateCode, table: Table, series: pl.Series) -> list[str]:
    unread = code.unread(table, series)
    return [f"column {series.name!r}: {_counted(unread, 'value')} read as missing: no dates."] * bool(unread)


def _of_number(series: pl.Series) -> list[str]:
    import polars as pl

    if series.dtype == pl.String and series.null_count() < len(series):
        return [f"column {series.name!r}: text was read as numbers."]
    infinite = int(series.is_infinite().sum()) if series.dtype.is_float() else 0
    return [f"column {series.name!r}: {_counted(infinite, 'infinite value')} read as missing."] * bool(
        infinite
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
