"""From whatever someone has to a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crossentropy.errors import DataError
from crossentropy.tables._files import read_files
from crossentropy.tables._memory import read_memory
from crossentropy.tables._reading import Expected, Reading
from crossentropy.tables._sets import read_set
from crossentropy.tables._table import Table

__all__ = ["read_table"]

_SETS = "sklearn:"


def read_table(source: Any, reading: Reading | None = None, expected: Expected | None = None) -> Table:
    """Read a table.

    Args:
        source: a path, a pattern (`parts/*.csv`), a folder of files with the same columns, or "-" for standard input:
            delimited text, JSON lines, Parquet, or Arrow (Feather), text also compressed with gzip or zstd;
            `sklearn:NAME` for a set that comes with scikit-learn (digits, iris, wine, breast_cancer); a pandas,
            polars or Arrow table; a NumPy array, SciPy sparse matrix or torch tensor of shape (N, D), or an array
            of shape (N, H, W) for grey images; or a Table.
        reading: what the user says about the form of the data; the rest is recognised.
        expected: what is known of the table before it is read.

    Raises:
        DataError: it cannot be read as a table, has no rows or no columns, or two columns share a name.
    """
    reading, expected = reading or Reading(), expected or Expected()
    if isinstance(source, Table):
        table = source
    elif isinstance(source, str) and source.startswith(_SETS):
        table = read_set(source.removeprefix(_SETS))
    elif isinstance(source, str | Path):
        table = read_files(source, reading, expected)
    else:
        table = read_memory(source)
    if table.frame.width == 0 or table.frame.height == 0:
        raise DataError(
            f"{table.name}: the table has {table.frame.height} rows and {table.frame.width} columns.",
            fix="Expected a header and at least one row.",
        )
    return table
