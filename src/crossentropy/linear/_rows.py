"""Rows of a feature matrix, served as float64 tiles that fit in cache.

Three things happen to a row before it meets a coefficient, all in the one copy into the tile:

* float32 becomes float64, so that every sum of the package is a float64 sum and no float64 copy of all features exists;
* the column means are subtracted (when there is an intercept to absorb them: `w.x + b = w.(x - m) + (b + w.m)`, and
  the intercept is free, so the problem is the same). A column of 1000 +- 1 otherwise costs six digits in the curvature;
* a 1 is appended for the intercept.

The copy costs O(N D) beside the O(N D K) of the products. A view into float64 features would save it, for K = 1 up to
half of a pass, at the price of a second code path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows"]

Floats = NDArray[np.float64]

TILE_ENTRIES = 1 << 18
"""Float64 entries of a tile and its logits together: 2 MiB, about one core's second-level cache."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Chosen rows of `features`, centred, with the intercept's column of ones (see the top of the file)."""

    features: NDArray[np.floating]
    index: NDArray[np.intp] | None
    centre: Floats
    intercept: bool
    tile: int

    @classmethod
    def of(
        cls,
        features: NDArray[np.floating],
        *,
        intercept: bool,
        n_outputs: int,
        index: NDArray[np.intp] | None = None,
    ) -> Rows:
        """Choose `index` (all when None) of `features`, with a tile length that suits `n_outputs` logits a row."""
        d = features.shape[1]
        tile = int(np.clip(TILE_ENTRIES // (d + 2 * n_outputs + 1), 256, 4096))
        rows = cls(features, index, np.zeros(d), False, tile)
        if not intercept:
            return rows
        total = np.zeros(d)
        for _, x in rows.tiles():
            total += x.sum(axis=0)
        return cls(features, index, total / max(1, len(rows)), True, tile)

    def __len__(self) -> int:
        return len(self.features) if self.index is None else len(self.index)

    @property
    def width(self) -> int:
        """Columns of a tile: D, and one more with an intercept."""
        return len(self.centre) + int(self.intercept)

    def tiles(self, within: slice | None = None) -> Iterator[tuple[slice, Floats]]:
        """Give `(positions, tile)` in order, for all rows or a range; the next step overwrites the tile."""
        first, end = (0, len(self)) if within is None else (within.start, within.stop)
        buffer = np.empty((min(self.tile, end - first), self.width))
        for start in range(first, end, self.tile):
            span = slice(start, min(start + self.tile, end))
            chosen = span if self.index is None else self.index[span]
            yield span, self._fill(chosen, buffer[: span.stop - start])

    def take(self, positions: NDArray[np.intp]) -> Floats:
        """Give the rows at `positions` as one new tile (n, width)."""
        chosen = positions if self.index is None else self.index[positions]
        return self._fill(chosen, np.empty((len(positions), self.width)))

    def _fill(self, chosen: slice | NDArray[np.intp], out: Floats) -> Floats:
        d = len(self.centre)
        if self.intercept:
            np.subtract(self.features[chosen], self.centre, out=out[:, :d])
            out[:, d] = 1.0
        else:
            out[:] = self.features[chosen]
        return out

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
