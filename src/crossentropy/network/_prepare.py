r"""From features to what the network for tables takes; fitted on the rows that it is trained on, and no others.

A number loses its median, is divided by its interquartile range (by half of its range where that is 0), and is bent
smoothly into (-3, 3): :math:`x / \sqrt{1 + (x / 3)^2}`, which leaves the middle as it is and keeps outliers from
shouting (Holzmuller, Grinsztajn, Steinwart, Better by default, NeurIPS 2024, section 3). Constant columns are left out.
A missing value is the median, and says so in a column of its own. Numbers of three and more values are embedded
(`_table_network`), unless there are more than 300.

Sparse features are made dense while they are at most 256. More of them become the 64 directions in which the rows
differ most (truncated singular value decomposition): N x 64 numbers are the most that a sparse block ever takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Blocks", "Preparation"]

MOST_DENSE = 256
DIRECTIONS = 64
MOST_EMBEDDED = 300
_CLIP = 3.0
_TILE = 8192


@dataclass(frozen=True, eq=False)
class Blocks:
    """N rows: dense features (N, D1), NaN where missing, and sparse ones (N, D2) in compressed rows, or None."""

    dense: NDArray[np.floating]
    sparse: Any = None

    def __len__(self) -> int:
        return len(self.dense)

    def take(self, rows: Any) -> Blocks:
        """Return the rows of an index."""
        return Blocks(self.dense[rows], None if self.sparse is None else self.sparse[rows])


@dataclass(frozen=True, eq=False)
class Preparation:
    """What was learned of the training rows.

    Attributes:
        kept: (c,) the columns that are used, embedded ones first.
        centre: (c,) their medians.
        scale: (c,) what they are multiplied by.
        embedded: how many are embedded.
        gaps: (g,) the columns with a column of their own for missing values.
        knots: (embedded, bins + 1) rising, NaN where a number has fewer.
        directions: (D2, 64) of the sparse features, or None where these are made dense.
    """

    kept: NDArray[np.int64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    embedded: int
    gaps: NDArray[np.int64]
    knots: NDArray[np.float64]
    directions: NDArray[np.float32] | None = None

    @property
    def width(self) -> int:
        """How many columns come out."""
        return len(self.kept) + len(self.gaps)

    @classmethod
    def fit(cls, blocks: Blocks, bins: int, seed: int = 0) -> Self:
        """Learn medians, ranges, knots and directions."""
        directions = _directions(blocks.sparse, seed)
        x = _dense(blocks, directions)
        missing = np.isnan(x)
        gaps = np.flatnonzero(missing.any(axis=0))
        x = np.where(missing.all(axis=0), 0.0, x) if missing.all(axis=0).any() else x
        low, first, centre, third, high = np.nanquantile(x, [0.0, 0.25, 0.5, 0.75, 1.0], axis=0)
        spread, span = third - first, high - low
        with np.errstate(divide="ignore", over="ignore"):
            scale = np.where(spread > 0, 1.0 / spread, 2.0 / span)
        varies = (span > 0) & np.isfinite(scale)
        scale = np.where(varies, scale, 0.0)
        z = _bent(x, centre, scale)
        several = varies & _more_than_two(z)
        if several.sum() > MOST_EMBEDDED:
            several[:] = False
        embedded, plain = np.flatnonzero(several), np.flatnonzero(varies & ~several)
        kept = np.concatenate([embedded, plain])
        knots = np.full((len(embedded), bins + 1), np.nan)
        for row, j in enumerate(embedded):
            known = z[:, j][~np.isnan(z[:, j])]
            found = np.unique(np.quantile(known, np.linspace(0.0, 1.0, bins + 1)).astype(np.float32))
            # a number that is nearly always the same has its two ends for knots
            found = found if len(found) > 1 else np.array([known.min(), known.max()])
            knots[row, : len(found)] = found
        return cls(kept, centre[kept], scale[kept], len(embedded), gaps, knots, directions)

    def transform(self, blocks: Blocks) -> Tensor:
        """Return (N, width) in float32."""
        out = torch.empty((len(blocks), self.width), dtype=torch.float32)
        target = out.numpy()
        for start in range(0, len(blocks), _TILE):
            x = _dense(blocks.take(slice(start, start + _TILE)), self.directions)
            z = _bent(x[:, self.kept], self.centre, self.scale)
            target[start : start + _TILE, : len(self.kept)] = np.where(np.isnan(z), 0.0, z)
            target[start : start + _TILE, len(self.kept) :] = np.isnan(x[:, self.gaps])
        return out

    def knots_of(self) -> list[Tensor]:
        """Return the knots of each embedded number."""
        return [torch.from_numpy(row[~np.isnan(row)].astype(np.float32)) for row in self.knots]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays."""
        arrays: dict[str, NDArray[Any]] = {
            "kept": self.kept,
            "centre": self.centre,
            "scale": self.scale,
            "embedded": np.array(self.embedded),
            "gaps": self.gaps,
            "knots": self.knots,
        }
        return arrays if self.directions is None else arrays | {"directions": self.directions}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what `to_arrays` told."""
        return cls(
            kept=arrays["kept"],
            centre=arrays["centre"],
            scale=arrays["scale"],
            embedded=int(arrays["embedded"]),
            gaps=arrays["gaps"],
            knots=arrays["knots"],
            directions=arrays.get("directions"),
        )


def _bent(x: NDArray[Any], centre: NDArray[Any], scale: NDArray[Any]) -> NDArray[np.float64]:
    z = np.clip((x - centre) * scale, -1e6, 1e6)
    bent: NDArray[np.float64] = z / np.sqrt(1.0 + (z / _CLIP) ** 2)
    return bent


def _more_than_two(z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (D,) whether a column has three values or more, missing ones not counted."""
    low, high = np.nanmin(z, axis=0), np.nanmax(z, axis=0)
    return np.asarray(((z > low) & (z < high)).any(axis=0))


def _directions(sparse: Any, seed: int) -> NDArray[np.float32] | None:
    if sparse is None or sparse.shape[1] <= MOST_DENSE:
        return None
    from sklearn.decomposition import TruncatedSVD

    n = min(DIRECTIONS, sparse.shape[0] - 1, sparse.shape[1] - 1)
    found = TruncatedSVD(max(1, n), random_state=seed).fit(sparse)
    return np.ascontiguousarray(found.components_.T, dtype=np.float32)


def _dense(blocks: Blocks, directions: NDArray[np.float32] | None) -> NDArray[np.float64]:
    parts = [np.asarray(blocks.dense, dtype=np.float64)]
    if blocks.sparse is not None:
        s = blocks.sparse
        parts.append(np.asarray(s.toarray() if directions is None else s @ directions, dtype=np.float64))
    return np.hstack(parts) if len(parts) > 1 else parts[0]
