"""The features of a table: a dense block and a sparse one, side by side, so that text costs what it has in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

__all__ = ["Features"]


@dataclass(frozen=True, eq=False)
class Features:
    """N rows of D features, the dense ones first.

    Attributes:
        dense: (N, D1) float32.
        sparse: (N, D2) float32, compressed rows without zeros; None where no column needs it.
    """

    dense: NDArray[np.float32]
    sparse: csr_array | None = None

    def __len__(self) -> int:
        return len(self.dense)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return len(self.dense), self.dense.shape[1] + (0 if self.sparse is None else self.sparse.shape[1])

    def take(self, rows: Any) -> Features:
        """Return the rows that an index, a mask or a slice names."""
        return Features(self.dense[rows], None if self.sparse is None else self.sparse[rows])

    def times(self, place: slice, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the product (N, K) of the features at a place, all dense or all sparse, with weights (d, K)."""
        width = self.dense.shape[1]
        if self.sparse is None or place.stop <= width:
            return self.dense[:, place].astype(np.float64) @ weights
        product: NDArray[np.float64] = self.sparse[:, place.start - width : place.stop - width] @ weights
        return product

    def toarray(self) -> NDArray[np.float32]:
        """Return all features as one dense array (N, D), however large."""
        if self.sparse is None:
            return self.dense
        whole: NDArray[np.float32] = np.hstack([self.dense, self.sparse.toarray()])
        return whole

    def tocsr(self) -> csr_array:
        """Return all features as one sparse array (N, D)."""
        dense = csr_array(self.dense)
        return dense if self.sparse is None else csr_array(hstack([dense, self.sparse], "csr"))
