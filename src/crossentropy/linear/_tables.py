"""Tables of features that are not one dense array: compressed sparse rows, and blocks of columns side by side.

A table knows two products, `logits = X W` and `pull(R) = X^T R`, the diagonal of X^T diag(q) X, and how to give a few
rows as dense ones. What is done with them (loss, penalty, certificate) is in `_table_objective`, once for all tables.

Sparse rows stay sparse, and are centred all the same: `(X - 1 m^T) W = X W - 1 (m^T W)` and `(X - 1 m^T)^T R = X^T R -
m (1^T R)`, which spares the intercept its coupling with every column (and is the same problem, see `_rows`).

Transposed products must not let two threads add to one place. Three ways were weighed: a copy of the matrix by columns
(each thread owns a range of columns; memory 1x the data), accumulators of its own for each thread (K D floats a thread,
and their sum: more than the data where K is over a few), and atomic or coloured updates (which numba lacks, and which
serialise the frequent columns). The copy reads the residuals (N, K) where the accumulators would write the gradient
(D, K), and is as fast as the forward product.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crossentropy.linear._sparse_kernels import multiply, multiply_squares
from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["DenseTable", "SideBySide", "SparseTable", "Table", "canonical"]

Floats = NDArray[np.float64]
Real = NDArray[Any]
"""float32 or float64."""


class Table(Protocol):
    """N rows of D features. Coefficients are (D, outputs), logits and residuals (N, outputs), row-major."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64, as the entries are held."""
        ...

    @property
    def terms(self) -> float:
        """Largest number of terms in the sum that makes a logit."""
        ...

    def logits(self, weight: Real, shift: Floats) -> Real:
        """Return X W + 1 shift^T."""
        ...

    def pull(self, residual: Real, centre: Floats, total: Floats) -> Real:
        """Return X^T R - centre total^T."""
        ...

    def pull_squares(self, mass: Real) -> Floats:
        """Return (X * X)^T Q, the diagonals of X^T diag(q) X for each column q of Q."""
        ...

    @property
    def shift(self) -> Floats:
        """(D,), what is taken off each column as it is read."""
        ...

    def reach(self) -> Floats:
        """Return (D,), the largest |x_j| of each column."""
        ...

    def longest(self) -> float:
        """Return the largest norm of a row."""
        ...

    def mean(self, weights: Floats) -> Floats:
        """Return (D,), the weighted mean of each column."""
        ...

    @property
    def entries(self) -> int:
        """Numbers that a product reads."""
        ...

    def rows(self, positions: NDArray[np.intp]) -> Floats:
        """Return some rows (n, D) as a dense array."""
        ...

    def take(self, positions: NDArray[np.intp]) -> Table:
        """Return the table of some rows."""
        ...


def canonical(features: Any) -> sparse.csr_array:
    """Return SciPy sparse features as compressed rows of float32 or float64: sorted, without duplicates or zeros."""
    rows = sparse.csr_array(features)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if not rows.has_canonical_format or (rows.nnz and not rows.data.all()):
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    return rows


@dataclass(frozen=True, eq=False)
class SparseTable:
    """Compressed sparse rows, and the same by columns."""

    by_row: sparse.csr_array
    by_column: sparse.csc_array

    @classmethod
    def of(cls, features: Any) -> SparseTable:
        """Take any SciPy sparse matrix or array; shares the data of canonical rows, and adds one copy by columns."""
        rows = canonical(features)
        return cls(rows, rows.tocsc())

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        n, d = self.by_row.shape
        return int(n), int(d)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return np.dtype(self.by_row.dtype)

    @property
    def terms(self) -> float:
        """Largest number of terms in the sum that makes a logit."""
        return float(np.diff(self.by_row.indptr).max(initial=1))

    def logits(self, weight: Real, shift: Floats) -> Real:
        """Return X W + 1 shift^T."""
        return _product(self.by_row, weight, multiply, np.ones(self.shape[0]), shift)

    def pull(self, residual: Real, centre: Floats, total: Floats) -> Real:
        """Return X^T R - centre total^T."""
        return _product(self.by_column, residual, multiply, -centre, total)

    def pull_squares(self, mass: Real) -> Floats:
        """Return (X * X)^T Q."""
        return _product(self.by_column, mass, multiply_squares).astype(np.float64, copy=False)

    @property
    def shift(self) -> Floats:
        """(D,) zeros."""
        return np.zeros(self.shape[1])

    def reach(self) -> Floats:
        """Return (D,), the largest |x_j| of each column."""
        largest: Floats = abs(self.by_column).max(axis=0).toarray().ravel().astype(np.float64)
        return largest

    def longest(self) -> float:
        """Return the largest norm of a row."""
        squares = self.by_row.copy()
        squares.data = np.square(squares.data, dtype=np.float64)
        return float(np.sqrt(squares.sum(axis=1).max(initial=0.0)))

    def mean(self, weights: Floats) -> Floats:
        """Return (D,), the weighted mean of each column."""
        mean: Floats = self.pull(weights[:, None], np.zeros(self.shape[1]), np.zeros(1))[:, 0]
        return mean

    def rows(self, positions: NDArray[np.intp]) -> Floats:
        """Return some rows (n, D) as a dense array."""
        chosen: Floats = self.by_row[positions].toarray().astype(np.float64, copy=False)
        return chosen

    @property
    def entries(self) -> int:
        """Numbers that a product reads."""
        return int(self.by_row.nnz)

    def take(self, positions: NDArray[np.intp]) -> SparseTable:
        """Return the table of some rows."""
        return SparseTable.of(self.by_row[positions])


def _product(matrix: sparse.csr_array | sparse.csc_array, given: Real, kernel: Any, *more: Floats) -> Real:
    """Run a kernel over the compressed axis, in ranges of about as many nonzeros each."""
    starts = matrix.indptr
    length = len(starts) - 1
    out = np.empty((length, given.shape[1]), dtype=given.dtype)
    given = np.ascontiguousarray(given)

    def part(within: slice) -> None:
        kernel(starts, matrix.indices, matrix.data, given, *more, out, within.start, within.stop)

    work = float(matrix.nnz + length) * (given.shape[1] + 2)
    parts = len(row_ranges(length, work))
    aims = np.linspace(0, starts[-1], parts + 1)[1:-1]
    edges = [0, *np.searchsorted(starts, aims).tolist(), length]
    in_threads(part, [slice(low, high) for low, high in pairwise(edges)])
    return out


@dataclass(frozen=True, eq=False)
class DenseTable:
    """A dense array of rows, float32 or float64, its column means taken off as it is read."""

    features: Real
    shift: Floats

    @classmethod
    def of(cls, features: Real) -> DenseTable:
        """Share the data; centre them."""
        return cls(features, features.mean(axis=0, dtype=np.float64))

    def _read(self, chosen: slice | NDArray[np.intp], precision: Any) -> Real:
        return np.subtract(self.features[chosen], self.shift).astype(precision, copy=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.features.shape[0], self.features.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return np.dtype(self.features.dtype)

    @property
    def terms(self) -> float:
        """Largest number of terms in the sum that makes a logit."""
        return float(self.features.shape[1])

    def _tiles(self, outputs: int) -> list[list[slice]]:
        """Cut the rows into a list of tiles for each thread."""
        n, d = self.shape
        tile = max(256, (1 << 18) // (d + 2 * outputs + 1))
        ranges = row_ranges(n, float(n) * d * outputs)
        return [[slice(low, min(low + tile, r.stop)) for low in range(r.start, r.stop, tile)] for r in ranges]

    def logits(self, weight: Real, shift: Floats) -> Real:
        """Return X W + 1 shift^T, each tile in the precision of W."""
        out = np.empty((len(self.features), weight.shape[1]), dtype=weight.dtype)

        def part(tiles: list[slice]) -> None:
            for span in tiles:
                np.matmul(self._read(span, weight.dtype), weight, out=out[span])
                out[span] += shift.astype(weight.dtype)

        in_threads(part, self._tiles(weight.shape[1]))
        return out

    def pull(self, residual: Real, centre: Floats, total: Floats) -> Real:
        """Return X^T R - centre total^T; sums of more than a tile in float64."""

        def part(tiles: list[slice]) -> Floats:
            product = np.zeros((self.shape[1], residual.shape[1]))
            for span in tiles:
                product += self._read(span, residual.dtype).T @ residual[span]
            return product

        parts = in_threads(part, self._tiles(residual.shape[1]))
        product = sum(parts[1:], parts[0]) - np.outer(centre, total)
        return product.astype(residual.dtype, copy=False)

    def pull_squares(self, mass: Real) -> Floats:
        """Return (X * X)^T Q."""
        total = np.zeros((self.shape[1], mass.shape[1]))
        for tiles in self._tiles(mass.shape[1]):
            for span in tiles:
                total += np.square(self._read(span, np.float64)).T @ mass[span]
        return total

    def reach(self) -> Floats:
        """Return (D,), the largest |x_j| of each column."""
        low, high = self.features.min(axis=0), self.features.max(axis=0)
        largest: Floats = np.maximum(np.abs(high - self.shift), np.abs(low - self.shift))
        return largest

    def longest(self) -> float:
        """Return the largest norm of a row."""
        tiles = [span for tiles in self._tiles(1) for span in tiles]
        return max(float(np.linalg.norm(self._read(span, np.float64), axis=1).max()) for span in tiles)

    def mean(self, weights: Floats) -> Floats:
        """Return (D,), the weighted mean of each column."""
        mean: Floats = self.pull(weights[:, None], np.zeros(self.shape[1]), np.zeros(1))[:, 0]
        return mean

    def rows(self, positions: NDArray[np.intp]) -> Floats:
        """Return some rows (n, D) as a dense array."""
        chosen: Floats = self._read(positions, np.float64)
        return chosen

    @property
    def entries(self) -> int:
        """Numbers that a product reads."""
        return self.features.size

    def take(self, positions: NDArray[np.intp]) -> DenseTable:
        """Return the table of some rows."""
        return DenseTable(self.features[positions], self.shift)


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Tables of the same rows, their columns side by side: text beside numbers, say. Sparse ones stay sparse."""

    tables: tuple[Table, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The wider of the tables' types."""
        return np.result_type(*(table.dtype for table in self.tables))

    @property
    def _cuts(self) -> list[int]:
        return [0, *np.cumsum([table.shape[1] for table in self.tables]).tolist()]

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D), D over all tables."""
        return self.tables[0].shape[0], self._cuts[-1]

    @property
    def terms(self) -> float:
        """Largest number of terms in the sum that makes a logit."""
        return sum(table.terms for table in self.tables)

    def logits(self, weight: Real, shift: Floats) -> Real:
        """Return X W + 1 shift^T, the sum of the blocks' products."""
        whole = np.zeros((self.shape[0], weight.shape[1]), dtype=weight.dtype)
        for table, (a, b) in zip(self.tables, pairwise(self._cuts), strict=True):
            whole += table.logits(weight[a:b], shift if a == 0 else np.zeros_like(shift))
        return whole

    def pull(self, residual: Real, centre: Floats, total: Floats) -> Real:
        """Return X^T R - centre total^T, block by block."""
        spans = pairwise(self._cuts)
        return np.concatenate(
            [
                table.pull(residual, centre[a:b], total)
                for table, (a, b) in zip(self.tables, spans, strict=True)
            ]
        )

    def pull_squares(self, mass: Real) -> Floats:
        """Return (X * X)^T Q, block by block."""
        return np.concatenate([table.pull_squares(mass) for table in self.tables])

    @property
    def shift(self) -> Floats:
        """(D,), what is taken off each column as it is read."""
        return np.concatenate([table.shift for table in self.tables])

    def reach(self) -> Floats:
        """Return (D,), the largest |x_j| of each column."""
        return np.concatenate([table.reach() for table in self.tables])

    def longest(self) -> float:
        """Return no less than the largest norm of a row."""
        return float(np.linalg.norm([table.longest() for table in self.tables]))

    def mean(self, weights: Floats) -> Floats:
        """Return (D,), the weighted mean of each column."""
        return np.concatenate([table.mean(weights) for table in self.tables])

    def rows(self, positions: NDArray[np.intp]) -> Floats:
        """Return some rows (n, D) as a dense array."""
        return np.concatenate([table.rows(positions) for table in self.tables], axis=1)

    @property
    def entries(self) -> int:
        """Numbers that a product reads."""
        return sum(table.entries for table in self.tables)

    def take(self, positions: NDArray[np.intp]) -> SideBySide:
        """Return the table of some rows."""
        return SideBySide(tuple(table.take(positions) for table in self.tables))
