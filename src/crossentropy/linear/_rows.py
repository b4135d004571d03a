"""Rows of a dense feature matrix, served tile by tile, in the precision of the work.

A pass goes through the rows in tiles that fit in cache: each tile is multiplied with the parameters, becomes residuals,
and is multiplied with these while it is still in cache, so the features cross the memory bus once.

Three things happen to a row before it meets a coefficient:

* the column means are subtracted (when there is an intercept to absorb them: `w.x + b = w.(x - m) + (b + w.m)`, and
  the intercept is free, so the problem is the same). A column of 1000 +- 1 otherwise costs six digits in the curvature;
* the intercept is added;
* the entries become float64, or float32 for passes that only have to find the way (`_solver`).

Where no mean exceeds `FAR` deviations, the first two are done on the products, not on the rows:
`(X - 1 m^T) W^T = X W^T - 1 (W m)^T` and `R^T (X - 1 m^T) = R^T X - (R^T 1) m^T` lose at most two digits then, and a
tile whose type is that of the work is a view: no copy. Otherwise the tile is a centred copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["Factors", "Rows", "Sums"]

Floats = NDArray[np.float64]
Tile = NDArray[np.floating]
DOUBLE = np.dtype(np.float64)

TILE_BYTES = 1 << 20
"""Of a tile and its logits together: half of one core's second-level cache."""

FEW = 64
"""Outputs up to which logits are column-major: 1.6 to 2 times faster at 10 and 26, slower at 1000."""

FAR = 20.0
"""Deviations that a column's mean may be off zero before the rows themselves are centred."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Parameters made ready for the products with tiles."""

    weight: NDArray[np.floating]
    """(D, outputs), in the type of the work."""
    shift: NDArray[np.floating] | None
    """(outputs,): the intercept, less W m where the tile is not centred."""


class Sums:
    """R^T [x, 1], summed over tiles: float64, whatever the type of the work."""

    def __init__(self, outputs: int, d: int) -> None:
        self.products = np.zeros((outputs, d))
        self.residuals = np.zeros(outputs)

    def add(self, residual: NDArray[np.floating], x: Tile) -> None:
        """Add the rows of a tile."""
        self.products += residual.T @ x
        self.residuals += residual.sum(axis=0, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Rows:
    """Chosen rows of `features`, centred, with the intercept's column of ones (see the top of the file)."""

    features: NDArray[np.floating]
    index: NDArray[np.intp] | None
    centre: Floats
    """(D,) means; zeros without an intercept."""
    reach: Floats
    """(D,) largest magnitude of each centred column."""
    intercept: bool
    far: bool
    """Whether a mean is so far off zero that tiles are centred copies."""
    work: np.dtype[Any] = DOUBLE

    @classmethod
    def of(
        cls, features: NDArray[np.floating], *, intercept: bool, index: NDArray[np.intp] | None = None
    ) -> Rows:
        """Choose `index` (all when None) of `features`."""
        d = features.shape[1]
        bare = cls(features, index, np.zeros(d), np.zeros(d), False, False, features.dtype)
        if len(bare) == 0:
            return replace(bare, intercept=intercept, work=DOUBLE)

        def part(within: slice) -> tuple[Floats, Floats, Tile, Tile]:
            total, squares = np.zeros(d), np.zeros(d)
            low, high = np.full(d, np.inf, features.dtype), np.full(d, -np.inf, features.dtype)
            for _, x in bare.tiles(within):
                ones = np.ones(len(x), dtype=x.dtype)
                total += ones @ x
                squares += np.einsum("ij,ij->j", x, x)
                np.minimum(low, x.min(axis=0), out=low)
                np.maximum(high, x.max(axis=0), out=high)
            return total, squares, low, high

        parts = in_threads(part, row_ranges(len(bare), 8.0 * len(bare) * d))
        low = np.min([part[2] for part in parts], axis=0).astype(np.float64)
        high = np.max([part[3] for part in parts], axis=0).astype(np.float64)
        if not intercept:
            return replace(bare, reach=np.maximum(-low, high), work=DOUBLE)
        mean = np.clip(sum(part[0] for part in parts) / len(bare), low, high)
        variance = np.maximum(sum(part[1] for part in parts) / len(bare) - mean * mean, 0.0)
        centre = np.where(low == high, low, mean)
        return cls(
            features,
            index,
            centre,
            np.maximum(high - centre, centre - low),
            True,
            bool((np.abs(centre) > FAR * np.sqrt(variance)).any()),
        )

    def __len__(self) -> int:
        return len(self.features) if self.index is None else len(self.index)

    @property
    def width(self) -> int:
        """Columns of the parameters: D, and one more with an intercept."""
        return len(self.centre) + int(self.intercept)

    @property
    def reach_of_width(self) -> Floats:
        """(width,): the largest magnitude of each column, that of the ones included."""
        return np.append(self.reach, 1.0) if self.intercept else self.reach

    def tiles(self, within: slice | None = None, outputs: int = 1) -> Iterator[tuple[slice, Tile]]:
        """Give `(positions, tile)` in order, for all rows or a range; the next step may overwrite the tile."""
        first, end = (0, len(self)) if within is None else (within.start, within.stop)
        d, size = self.features.shape[1], self.work.itemsize
        length = int(np.clip(TILE_BYTES // (size * (d + 2 * outputs)), 64, 8192))
        view = self.index is None and not self.far and self.features.dtype == self.work
        buffer = np.empty((0 if view else min(length, end - first), d), dtype=self.work)
        for start in range(first, end, length):
            span = slice(start, min(start + length, end))
            if view:
                yield span, self.features[span]
            else:
                chosen = span if self.index is None else self.index[span]
                yield span, self._fill(chosen, buffer[: span.stop - start])

    def take(self, positions: NDArray[np.intp]) -> Tile:
        """Give the centred rows at `positions`, with the column of ones, as one new tile (n, width)."""
        chosen = positions if self.index is None else self.index[positions]
        tile = np.empty((len(positions), self.width), dtype=self.work)
        np.subtract(self.features[chosen], self.centre, out=tile[:, : len(self.centre)], casting="same_kind")
        if self.intercept:
            tile[:, -1] = 1.0
        return tile

    def _fill(self, chosen: slice | NDArray[np.intp], out: Tile) -> Tile:
        if self.far:
            np.subtract(self.features[chosen], self.centre, out=out, casting="same_kind")
        else:
            out[:] = self.features[chosen]
        return out

    def factors(self, parameters: Floats) -> Factors:
        """Make (outputs, width) parameters ready for `logits`."""
        weight = np.ascontiguousarray(parameters[:, : len(self.centre)].T, dtype=self.work)
        if not self.intercept:
            return Factors(weight, None)
        shift = parameters[:, -1] if self.far else parameters[:, -1] - self.centre @ weight
        return Factors(weight, shift.astype(self.work))

    def logits(self, x: Tile, factors: Factors) -> Tile:
        """Return the logits (n, outputs) of a tile."""
        # A few classes in a column-major array: sums over the classes are then sums of long columns.
        few = 2 < factors.weight.shape[1] <= FEW
        z: Tile = (factors.weight.T @ x.T).T if few else x @ factors.weight
        if factors.shift is not None:
            z += factors.shift
        return z

    def gathered(self, parts: list[Sums]) -> Floats:
        """Return sum R^T [x - m, 1] (outputs, width) from the sums over tiles."""
        products = sum((part.products for part in parts[1:]), parts[0].products)
        if not self.intercept:
            return products
        residuals = sum((part.residuals for part in parts[1:]), parts[0].residuals)
        if not self.far:
            products -= residuals[:, None] * self.centre
        return np.column_stack([products, residuals])

    def to_centred(self, parameters: Floats) -> Floats:
        """Move the intercept of (outputs, width) parameters from plain to centred features."""
        return self._moved(parameters, 1.0)

    def to_plain(self, parameters: Floats) -> Floats:
        """Move the intercept back: the inverse of `to_centred`."""
        return self._moved(parameters, -1.0)

    def _moved(self, parameters: Floats, sign: float) -> Floats:
        moved = np.array(parameters, dtype=np.float64)
        if self.intercept:
            moved[:, -1] += sign * (moved[:, :-1] @ self.centre)
        return moved
