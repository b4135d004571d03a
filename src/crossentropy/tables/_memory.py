"""From what is in memory to one Polars frame: frames of any library, arrays, sparse matrices, tensors."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.tables._table import Origin, Table, digest_of, refuse_patterns

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_memory", "series_of"]

# What a sparse matrix may take once it is dense.
_DENSE_BYTES = 4 << 30


def read_memory(source: Any) -> Table:
    """Return a frame, an array, a sparse matrix or a tensor as a table.

    Raises:
        DataError: it is none of these, or has the wrong shape.
    """
    import polars as pl

    if isinstance(source, pl.LazyFrame):
        try:
            source = source.collect()
        except pl.exceptions.PolarsError as error:
            said = str(error).splitlines()[0]
            raise DataError(f"the polars frame: cannot be collected ({said}).") from None
    if isinstance(source, pl.DataFrame):
        return _table(source, "the polars frame")
    library = type(source).__module__.split(".")[0]
    if library == "pandas":
        return _table(_pandas(source), "the pandas frame")
    if hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__array_interface__"):
        return _arrow(source)
    if library == "scipy" and hasattr(source, "toarray"):
        return _array(_dense(source), "the sparse matrix")
    if library == "torch" and hasattr(source, "detach"):
        return _array(_from_torch(source), "the tensor")
    if isinstance(source, np.ma.MaskedArray):
        # what is masked is missing
        source = source.astype(np.float64 if source.dtype.kind in "biuf" else object)
        source = source.filled(np.nan if source.dtype.kind == "f" else None)
    try:
        return _array(np.asarray(source), "the array", type(source).__name__)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        # lists of different lengths
        raise DataError(
            f"Data of type {type(source).__name__} cannot be read as a table ({error}).",
            fix="Expected rows of equal length; the values to predict go apart, as target=.",
        ) from None


def _from_torch(source: Any) -> NDArray[Any]:
    import torch

    tensor = source.detach()
    try:
        if tensor.layout != torch.strided:
            # dense on a device without data first, to know the size
            _refuse_large(tensor.shape, max(tensor.dtype.itemsize, 4))
            tensor = tensor.to_dense()
        tensor = tensor.cpu().resolve_conj().resolve_neg()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        # NumPy has neither bfloat16 nor the floats of 8 bits
        if tensor.dtype.is_floating_point and tensor.dtype.itemsize < 4:
            tensor = tensor.float()
        return np.asarray(tensor.numpy())
    except (RuntimeError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"The tensor (dtype {source.dtype}, {source.layout}, on {source.device}) cannot be read as a table.",
            fix="Expected a tensor of numbers with data, (N, D).",
        ) from None


def _table(frame: pl.DataFrame, name: str, image: tuple[int, int] | None = None) -> Table:
    import polars as pl

    refuse_patterns(frame.columns, name)
    odd = [column for column in frame.iter_columns() if column.dtype == pl.Object]
    if odd:
        frame = frame.with_columns(_as_text(column.name, column.to_list()) for column in odd)
    return Table(frame, name, digest_of(frame), Origin.rows(frame.height), image=image)


def _arrow(source: Any) -> Table:
    import polars as pl

    try:
        frame = pl.DataFrame(source)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"The Arrow data cannot be read as a table ({error}).") from None
    return _table(frame, "the Arrow table")


def _dense(source: Any) -> NDArray[Any]:
    _refuse_large(source.shape, max(source.dtype.itemsize, 4))
    return np.asarray(source.toarray())


def _refuse_large(shape: tuple[int, ...], itemsize: int) -> None:
    needed = int(np.prod(shape, dtype=float)) * itemsize
    if needed > _DENSE_BYTES:
        raise DataError(
            f"The sparse matrix of shape {tuple(shape)} would take {needed / 2**30:.0f} GiB as a table.",
            fix=f"Expected at most {_DENSE_BYTES >> 30} GiB: choose fewer columns, or fit `LogisticRegression`.",
        )


def _array(array: NDArray[Any], name: str, kind: str = "") -> Table:
    import polars as pl

    if array.dtype.kind not in "biufOU" or (array.dtype.kind == "O" and array.ndim == 0):
        raise DataError(
            f"Data of type {kind or array.dtype}{f' of {array.dtype}' * (kind != '' and array.ndim > 0)} cannot "
            "be read as a table.",
            fix="Expected a path, a pandas, polars or Arrow table, or an array of numbers.",
        )
    image = None
    if array.ndim == 3:
        image = array.shape[1], array.shape[2]
        names = [f"pixel_{r}_{c}" for r in range(image[0]) for c in range(image[1])]
        array, name = array.reshape(len(array), -1), f"{name} of images"
    elif array.ndim == 2:
        names = [f"x{j}" for j in range(array.shape[1])]
    else:
        raise DataError(f"An array of shape {array.shape} cannot be read as a table.", fix="Expected (N, D).")
    if array.dtype == np.float16 or array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    columns = np.ascontiguousarray(array.T)
    if array.dtype.kind in "OU":
        frame = pl.DataFrame(
            [series_of(n, column.tolist()) for n, column in zip(names, columns, strict=True)]
        )
    else:
        frame = pl.DataFrame([pl.Series(n, column) for n, column in zip(names, columns, strict=True)])
    return _table(frame, name, image)


def _pandas(source: Any) -> pl.DataFrame:
    """Copy column by column: Polars' own conversion would need pyarrow, which nothing else here does."""
    import polars as pl

    if not hasattr(source, "columns"):
        raise DataError(
            f"A pandas {type(source).__name__} cannot be read as a table.",
            fix="Expected a DataFrame: (N, D).",
        )
    names = [_plain(str(c)) for c in source.columns]
    if len(set(names)) < len(names):
        twice = next(n for n, count in Counter(names).items() if count > 1)
        raise DataError(
            f"the pandas frame: the column name {twice!r} occurs twice.", fix="Rename one of them."
        )
    return pl.DataFrame([series_of(name, source.iloc[:, j]) for j, name in enumerate(names)])


def series_of(name: str, values: Any) -> pl.Series:
    """Return any one-dimensional values as a Polars column; what pandas calls missing is null."""
    import polars as pl

    if isinstance(values, pl.Series):
        return values.rename(name)
    if hasattr(values, "sparse"):
        values = values.sparse.to_dense()
    if hasattr(values, "isna"):
        missing = values.isna().to_numpy()
        dtype = getattr(values.dtype, "numpy_dtype", values.dtype)
        kind = dtype.kind if isinstance(dtype, np.dtype) else "O"
        if kind in "biufM" and not missing.any():
            # Polars has no floats beyond 64 bits
            narrow = np.float64 if kind == "f" and dtype.itemsize > 8 else dtype
            return pl.Series(name, np.ascontiguousarray(values.to_numpy(narrow)))
        if kind == "f":
            return pl.Series(name, values.to_numpy(np.float64, na_value=np.nan), nan_to_null=True)
        values = [None if m else v for v, m in zip(values.tolist(), missing, strict=True)]
    elif hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise DataError(f"{name!r} has shape {values.shape}.", fix="Expected one value a row: (N,).")
    if isinstance(values, list):
        values = [v.item() if isinstance(v, np.generic) else v for v in values]
    try:
        series = pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, UnicodeEncodeError, pl.exceptions.PolarsError):
        return _as_text(name, values)
    return _as_text(name, values) if series.dtype == pl.Object else series


def _as_text(name: str, values: Any) -> pl.Series:
    """Return values of several types as text; a boolean is spelled as in every other source."""
    import polars as pl

    return pl.Series(
        name,
        [None if v is None else str(v).lower() if isinstance(v, bool) else _plain(str(v)) for v in values],
        dtype=pl.String,
    )


def _plain(text: str) -> str:
    """Return the text with what is no character (half of a UTF-16 pair) replaced."""
    return text.encode("utf-8", "replace").decode()
