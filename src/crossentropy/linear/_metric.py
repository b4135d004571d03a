"""The preconditioner: one curvature block a class, from rows drawn where that class is uncertain.

The Hessian of softmax regression has K x K blocks of (D + 1)^2. The diagonal ones,

    B_c = sum_i omega_i p_ic (1 - p_ic) x_i x_i^T + l2 I,

hold what makes problems hard: columns of different scale, collinear columns, and classes with few rows. In the metric
of these blocks what is left is the coupling between classes, and conjugate gradients need some 5 to 20 products where
a diagonal needs hundreds.

A block over all rows costs D/4 passes. It is an average, so a sample does: max(3000, 4 D) rows drawn with probability
proportional to omega p (1 - p) (capped at 1, weighted by the inverse: unbiased), so that a rare class is represented
by the rows that carry its curvature. The Gram blocks are kept without the penalty: along a path of penalties only
their Cholesky factors are made anew.

The simpler design, one shared Gram factor, was measured at 200 passes where this takes 50; one exact joint Hessian
costs K D / 8 passes and (K D)^3 / 3 operations each time. But blocks can cost too much:

* where K (D + 1) > N they are larger than the features, and each is built of rows that the others need as well. Then
  one Gram matrix G = V diag(w) V^T of the features serves all classes, each with its own scale a_c = sum omega p (1 -
  p): B_c = a_c G + l2 I is inverted in the basis V at the price of one D x D eigenproblem, whatever K and l2;
* where a build costs more than `DEAR` passes (wide dense tables: D/4 passes for one class), and above `LARGEST`
  entries, only the diagonals are kept. A descent that this makes too slow asks for the blocks after all (`thorough`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from crossentropy.linear._penalty import Penalty
from crossentropy.linear._rows import Rows
from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["Metric", "Preconditioner", "build_cost", "build_metric"]

Floats = NDArray[np.float64]
Real = NDArray[np.floating]

DEAR = 60.0
"""Passes that a build may cost, unless it is below `CHEAP` multiply-adds."""

CHEAP = 1e10

WIDEST = 1024
"""Columns up to which a shared Gram matrix is factored."""

LARGEST = 1 << 26
"""Entries of all blocks together: 512 MiB."""

TILE_ENTRIES = 1 << 17
GOLDEN = 0.6180339887498949


@dataclass(frozen=True, eq=False)
class Metric:
    """Curvature blocks without their penalty: (outputs, width, width), or their diagonals (outputs, width)."""

    gram: Real
    intercept: bool
    age: int = 0
    """Curvature products spent in this metric so far, on all problems of a path."""
    pace: float = 0.0
    """Products a decade of residual took when the metric was new."""

    def with_penalty(self, penalty: Penalty) -> Preconditioner:
        """Add the penalty and factor: the block may then be inverted."""
        ridge = np.full(self.gram.shape[-1], penalty.l2)
        if self.intercept:
            ridge[-1] = 0.0
        if self.gram.ndim == 2:
            diagonal = self.gram + ridge
            return Preconditioner(1.0 / np.where(diagonal > 0.0, diagonal, 1.0))
        return Preconditioner(
            np.stack(in_threads(lambda block: _inverse_factor(block, ridge), list(self.gram)))
        )


@dataclass(frozen=True, eq=False)
class SharedMetric(Metric):
    """One Gram matrix for all classes; `gram` holds the scale of each, (outputs, 1)."""

    basis: Real = field(default_factory=lambda: np.zeros((0, 0)))
    values: Floats = field(default_factory=lambda: np.zeros(0))

    def with_penalty(self, penalty: Penalty) -> Preconditioner:
        """Add the penalty to all directions: the intercept is a little damped, which costs no exactness."""
        damped = self.gram * self.values + penalty.l2
        return SharedPreconditioner((1.0 / damped).astype(self.basis.dtype), self.basis)


@dataclass(frozen=True, eq=False)
class Preconditioner:
    """The inverse of the penalised blocks: L^-1 of each (outputs, width, width), or 1 / diagonal."""

    inverse: Real

    def solve(self, gradient: Floats) -> Floats:
        """Return B^-1 g, block by block."""
        if self.inverse.ndim == 2:
            return self.inverse * gradient
        half = np.matmul(self.inverse, gradient.astype(self.inverse.dtype)[:, :, None])
        whole = np.matmul(self.inverse.transpose(0, 2, 1), half)[:, :, 0]
        solved: Floats = whole.astype(np.float64, copy=False)
        return solved


@dataclass(frozen=True, eq=False)
class SharedPreconditioner(Preconditioner):
    """V diag(1 / (a_c w + l2)) V^T for each class c; `inverse` holds the diagonals."""

    basis: Real = field(default_factory=lambda: np.zeros((0, 0)))

    def solve(self, gradient: Floats) -> Floats:
        """Return B^-1 g, class by class."""
        turned = (gradient.astype(self.basis.dtype) @ self.basis) * self.inverse
        solved: Floats = (turned @ self.basis.T).astype(np.float64)
        return solved


def _scales(weights: Floats, probabilities: Real) -> Floats:
    scales: Floats = weights @ probabilities - weights @ (probabilities * probabilities)
    return np.maximum(scales.astype(np.float64), np.finfo(np.float32).tiny)[:, None]


def _gram(rows: Rows, weights: Floats, used: int, rng: np.random.Generator) -> tuple[Floats, Real]:
    """Return eigenvalues and eigenvectors of the weighted mean of x x^T, over a sample of rows."""
    n = len(rows)
    drawn = np.arange(n) if used == n else np.sort(rng.permutation(n)[: max(used, 8 * rows.width)])
    x = rows.take(drawn)
    x *= np.sqrt(weights[drawn] / weights[drawn].sum())[:, None]
    values, basis = np.linalg.eigh((x.T @ x).astype(np.float64))
    return np.maximum(values, 1e-7 * max(float(values[-1]), np.finfo(float).tiny)), basis.astype(rows.work)


def _inverse_factor(block: Real, ridge: Floats) -> Real:
    """Return L^-1 with (block + ridge) = L L^T; a jitter grows until the factor exists."""
    damped = block.copy()
    diagonal = np.einsum("ii->i", damped)
    diagonal += ridge.astype(block.dtype)
    scale = (1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))).astype(block.dtype)
    damped *= scale[:, None]
    damped *= scale
    potrf, trtri = (
        (lapack.spotrf, lapack.strtri) if block.dtype == np.float32 else (lapack.dpotrf, lapack.dtrtri)
    )
    for jitter in 4.0 * np.finfo(block.dtype).eps * 10.0 ** np.arange(0.0, 17.0):
        diagonal[:] = 1.0 + jitter
        factor, failed = potrf(damped.T, lower=1)
        if not failed:
            break
    inverse, _ = trtri(factor, lower=1, overwrite_c=1)
    return np.ascontiguousarray(np.tril(inverse) * scale)


def build_metric(
    rows: Rows,
    weights: Floats,
    probabilities: Real,
    rng: np.random.Generator,
    *,
    thorough: bool = False,
) -> Metric:
    """Build the metric of the classes whose probabilities (N, outputs) are given.

    Args:
        rows: the features.
        weights: (N,) omega.
        probabilities: (N, outputs), at the point whose curvature is wanted.
        rng: draws the rows when not all are used.
        thorough: build blocks wherever they fit, at any price.
    """
    n, outputs = probabilities.shape
    used, entries = rows_used(n, rows.width), outputs * rows.width**2
    price = entries * (0.5 * used + rows.width / 3)
    if not thorough and price > CHEAP and outputs * rows.width > n and outputs > 2 and rows.width <= WIDEST:
        values, basis = _gram(rows, weights, used, rng)
        return SharedMetric(_scales(weights, probabilities), rows.intercept, basis=basis, values=values)
    dear = price > CHEAP and build_cost(n, rows.width) > DEAR
    if entries > LARGEST or (dear and not thorough):
        return Metric(_diagonals(rows, weights, probabilities), rows.intercept)
    if used == n:
        return Metric(_whole_blocks(rows, weights, probabilities), rows.intercept)
    return Metric(_sampled_blocks(rows, weights, probabilities, used, rng), rows.intercept)


def build_cost(n: int, width: int) -> float:
    """Return what the blocks of all classes cost, in passes: 2 and 0.3 are measured, factors included."""
    return 2.0 + 0.3 * width * rows_used(n, width) / n


def rows_used(n: int, width: int) -> int:
    """Return how many of n rows a block is built from: a sample, where it is less than half of them."""
    wanted = max(3000, 4 * width)
    return wanted if n > 2 * wanted else n


def _diagonals(rows: Rows, weights: Floats, probabilities: Real) -> Floats:
    total = np.zeros((probabilities.shape[1], rows.width))
    for span in _chunks(slice(0, len(rows)), rows.width):
        x, p = rows.take(np.arange(span.start, span.stop)), probabilities[span]
        total += (p * (1.0 - p) * weights[span][:, None]).T @ (x * x)
    return total


def _chunks(within: slice, width: int) -> Iterator[slice]:
    length = int(np.clip(TILE_ENTRIES // width, 64, 8192))
    for start in range(within.start, within.stop, length):
        yield slice(start, min(start + length, within.stop))


def _whole_blocks(rows: Rows, weights: Floats, probabilities: Real) -> Real:
    def part(within: slice) -> Real:
        blocks = np.zeros((probabilities.shape[1], rows.width, rows.width), dtype=rows.work)
        for span in _chunks(within, rows.width):
            x, p = rows.take(np.arange(span.start, span.stop)), probabilities[span]
            roots = np.sqrt(p * (1.0 - p) * weights[span][:, None]).astype(rows.work)
            for block, root in zip(blocks, roots.T, strict=True):
                scaled = x * root[:, None]
                block += scaled.T @ scaled
        return blocks

    ranges = row_ranges(len(rows), 0.5 * float(len(rows)) * probabilities.shape[1] * rows.width**2)
    parts = in_threads(part, ranges)
    return sum(parts[1:], parts[0])


def _sampled_blocks(
    rows: Rows, weights: Floats, probabilities: Real, wanted: int, rng: np.random.Generator
) -> Real:
    r"""Draw about `wanted` rows a class; one uniform number a row serves all classes, turned by the golden ratio."""
    uniform = rng.random(len(weights))

    def block(c: int) -> Real:
        p = probabilities[:, c]
        mass = p * (1.0 - p) * weights
        chance = np.minimum(1.0, mass * (wanted / max(mass.sum(), np.finfo(float).tiny)))
        drawn = np.flatnonzero((uniform + c * GOLDEN) % 1.0 < chance)
        scaled = rows.take(drawn)
        scaled *= np.sqrt(mass[drawn] / chance[drawn])[:, None]
        gram: Real = scaled.T @ scaled
        return gram

    return np.stack(in_threads(block, range(probabilities.shape[1])))
