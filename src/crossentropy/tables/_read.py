"""From whatever someone has to one Polars frame: files by their suffix, frames and arrays by their kind."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crossentropy.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Table", "read_table"]

# What pandas reads as missing, so that a file means the same here; an empty field is missing in any case.
_MISSING = ("", "#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")


@dataclass(frozen=True)
class Table:
    """A table in memory: `frame`, the name it goes by in messages, and what is known beside the columns.

    `image` is (height, width) when the feature columns are the pixels of an image, row by row. `target` is the
    column to predict when the source itself says so. `digest` is the SHA-256 of the file's bytes, or of the
    frame's values.
    """

    frame: pl.DataFrame
    name: str
    digest: str
    image: tuple[int, int] | None = None
    target: str | None = None

    def with_column(self, name: str, values: Any) -> Table:
        """Return the table with one more column of as many values as it has rows."""
        import polars as pl

        column = _series(name, values)
        if len(column) != self.frame.height:
            raise DataError(
                f"{self.name} has {self.frame.height} rows, but {name!r} has {len(column)} values."
            )
        if name in self.frame.columns:
            raise DataError(
                f"{self.name} has a column {name!r} already.", fix=f"Pass target={name!r} to use it."
            )
        frame = self.frame.with_columns(column)
        mark = hashlib.sha256((self.digest + _digest(pl.DataFrame(column))).encode()).hexdigest()
        return replace(self, frame=frame, digest=mark)


def read_table(source: Any) -> Table:
    """Read a table.

    Args:
        source: a path to a `.csv`, `.tsv` or `.parquet` file; `sklearn:NAME` for a set that comes with scikit-learn
            (digits, iris, wine, breast_cancer); a pandas or polars frame; a NumPy array of shape (N, D), or
            (N, H, W) for grey images; or a Table.

    Raises:
        DataError: it cannot be read as a table, has no rows or no columns, or two columns share a name.
    """
    if isinstance(source, Table):
        table = source
    elif isinstance(source, str) and source.startswith("sklearn:"):
        table = _sklearn(source)
    elif isinstance(source, str | Path):
        table = _file(Path(source))
    else:
        table = _memory(source)
    if table.frame.width == 0 or table.frame.height == 0:
        raise DataError(
            f"{table.name}: the table has {table.frame.height} rows and {table.frame.width} columns.",
            fix="Expected a header and at least one row.",
        )
    return table


def _file(path: Path) -> Table:
    import polars as pl

    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": lambda p: _csv(p, ","),
        ".tsv": lambda p: _csv(p, "\t"),
        ".parquet": lambda p: pl.read_parquet(p, glob=False),
    }
    reader = readers.get(path.suffix.lower())
    near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
    if reader is None and not path.exists():
        raise DataError(f"{path}: no such file.", fix=did_you_mean(path.name, sorted(near)))
    if reader is None:
        raise DataError(
            f"{path}: a file of kind {path.suffix or '(no suffix)'!r} is not read here.",
            fix=f"Expected one of {', '.join(readers)}.",
        )
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise DataError(f"{path}: {what}.", fix=did_you_mean(path.name, sorted(near)))
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty.")
        frame = reader(path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except pl.exceptions.PolarsError as error:
        said = str(error).strip().splitlines()
        raise DataError(
            f"{path}: cannot be read as {path.suffix.lower()[1:]} ({said[0] if said else 'no reason given'})."
        ) from None
    return Table(frame, str(path), digest)


def _csv(path: Path, separator: str) -> pl.DataFrame:
    import polars as pl

    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream, delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: not text in UTF-8 ({error}).", fix="Save it as UTF-8, or as Parquet."
        ) from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}: the column name {twice[0]!r} occurs twice.", fix="Rename one of them.")
    return pl.read_csv(
        path, separator=separator, infer_schema_length=None, null_values=list(_MISSING), glob=False
    )


def _memory(source: Any) -> Table:
    import polars as pl

    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return Table(source, "the polars frame", _digest(source))
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        frame = _pandas(source)
        return Table(frame, "the pandas frame", _digest(frame))
    array = np.asarray(source)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"Data of type {type(source).__name__} cannot be read as a table.",
            fix="Expected a path, a pandas or polars frame, or a NumPy array of numbers.",
        )
    if array.ndim == 3:
        _, height, width = array.shape
        names = [f"pixel_{r}_{c}" for r in range(height) for c in range(width)]
        frame = pl.DataFrame(
            np.ascontiguousarray(array.reshape(len(array), -1).T), schema=names, orient="col"
        )
        return Table(frame, "the array of images", _digest(frame), image=(height, width))
    if array.ndim != 2:
        raise DataError(f"An array of shape {array.shape} cannot be read as a table.", fix="Expected (N, D).")
    names = [f"x{j}" for j in range(array.shape[1])]
    frame = pl.DataFrame(np.ascontiguousarray(array.T), schema=names, orient="col")
    return Table(frame, "the array", _digest(frame))


def _pandas(source: Any) -> pl.DataFrame:
    """Copy column by column: Polars' own conversion would need pyarrow, which nothing else here does."""
    import polars as pl

    names = [str(c) for c in source.columns]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise DataError(
            f"the pandas frame: the column name {twice!r} occurs twice.", fix="Rename one of them."
        )
    return pl.DataFrame([_series(name, source.iloc[:, j]) for j, name in enumerate(names)])


def _series(name: str, values: Any) -> pl.Series:
    """Return any one-dimensional values as a Polars column; what pandas calls missing is null."""
    import polars as pl

    if isinstance(values, pl.Series):
        return values.rename(name)
    if hasattr(values, "isna"):
        missing = values.isna().to_numpy()
        dtype = getattr(values.dtype, "numpy_dtype", values.dtype)
        if getattr(dtype, "kind", "O") in "biufM" and not missing.any():
            return pl.Series(name, np.ascontiguousarray(values.to_numpy(dtype)))
        if getattr(dtype, "kind", "O") == "f":
            return pl.Series(name, values.to_numpy(np.float64, na_value=np.nan), nan_to_null=True)
        values = [None if m else v for v, m in zip(values.tolist(), missing, strict=True)]
    elif hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise DataError(f"{name!r} has shape {values.shape}.", fix="Expected one value a row: (N,).")
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if v is None else str(v) for v in values])


def _sklearn(source: str) -> Table:
    import polars as pl
    from sklearn import datasets

    name = source.removeprefix("sklearn:")
    target_of = {"digits": "digit", "iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis"}
    if name not in target_of:
        raise DataError(
            f"scikit-learn has no set {name!r} that is read here.", fix=did_you_mean(name, target_of)
        )
    raw = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(np.ascontiguousarray(raw.data.T), schema=list(raw.feature_names), orient="col")
    labels = raw.target if name == "digits" else [str(raw.target_names[t]) for t in raw.target]
    frame = frame.with_columns(pl.Series(target_of[name], labels))
    return Table(frame, source, _digest(frame), (8, 8) if name == "digits" else None, target_of[name])


def _digest(frame: pl.DataFrame) -> str:
    """Return a digest of names, types and values that does not depend on the version of a file format."""
    whole = hashlib.sha256(repr([(n, str(t)) for n, t in frame.schema.items()]).encode())
    for column in frame.iter_columns():
        whole.update(np.ascontiguousarray(column.hash().to_numpy()).tobytes())
    return whole.hexdigest()
