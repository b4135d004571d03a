"""Blocks of columns, dense and sparse, as one set of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot

from crossentropy.errors import InputError, ShapeError

if TYPE_CHECKING:
    from crossentropy.linear._tables import SideBySide

__all__ = ["is_table", "products", "side_by_side"]

Floats = NDArray[np.float64]


def side_by_side(*blocks: Any) -> SideBySide:
    """Return dense and sparse columns of the same rows as one set of features, none of them copied or made dense.

    `LogisticRegression` and `cross_validate_penalty` take it for (N, D1 + D2 + ...) features: numbers beside the words
    of a text, say. Of a sparse block a copy by columns is added.

    Args:
        blocks: NumPy arrays and SciPy sparse matrices (N, D1), (N, D2), ...; other numbers than float32 and float64
            become float64.

    Raises:
        ShapeError: a block is not of two dimensions, or the blocks differ in their rows.
        InputError: a value is NaN or infinite.
    """
    # numba, for those who need it
    from crossentropy.linear._tables import DenseTable, SideBySide, SparseTable

    if not blocks:
        raise ShapeError("side_by_side() was given no block of columns.")
    tables: list[DenseTable | SparseTable] = []
    for place, given in enumerate(blocks):
        is_sparse = sparse.issparse(given)
        block: Any = given if is_sparse else np.asarray(given)
        if block.ndim != 2:
            raise ShapeError(f"Block {place} has {block.ndim} dimension(s). Expected features (N, D).")
        if block.shape[0] != blocks[0].shape[0]:
            raise ShapeError(f"Block {place} has {block.shape[0]} rows, block 0 has {blocks[0].shape[0]}.")
        if block.dtype not in (np.float32, np.float64):
            block = block.astype(np.float64)
        if not np.isfinite(block.data if is_sparse else block).all():
            raise InputError(f"Block {place} contains NaN or infinity.")
        tables.append(SparseTable.of(block) if is_sparse else DenseTable.of(block))
    return SideBySide(tuple(tables))


def is_table(features: Any) -> bool:
    """Whether features are blocks of columns."""
    return hasattr(features, "pull_squares")


def products(features: Any, rows: NDArray[np.intp] | slice, weight: Floats) -> Floats:
    """Return x_i W^T for some rows of an array, of CSR, or of a table."""
    if not is_table(features):
        chosen: Floats = safe_sparse_dot(features[rows], weight.T, dense_output=True)
        return chosen
    logits: Floats = features.logits(np.ascontiguousarray(weight.T), weight @ features.shift)[rows]
    return logits
