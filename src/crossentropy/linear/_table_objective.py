r"""The objective of a table (sparse rows, or blocks of columns): the solver's protocol, from two products.

.. math:: F(W, b) = \sum_i \omega_i\,\mathrm{CE}(W (x_i - m) + b + o_i, t_i) + \tfrac{l_2}{2}\lVert W\rVert^2

A pass is: logits of all rows; loss and residuals tile by tile (`_loss`); the transposed product. So the logits (N,
outputs) exist whole, which `_descent` turns to account: along a direction they are a line, and the loss along it costs
no product.

Layout. The protocol's parameters are (outputs, width). Here they are transposed views of row-major (width, outputs)
arrays, since the kernels want the coefficients of one column as neighbours; every elementwise operation of NumPy keeps
that layout, and the reader of a result sees an ordinary (outputs, width) array.

The preconditioner. Up to `FULL` entries the blocks of `_metric`, from rows made dense a tile at a time. Above, the
diagonal for every column. Blocks for the most frequent words were tried and made things worse (50,000 x 77,249, K = 58:
92 passes with the 128 most frequent, 69 with the diagonal): what is left then, the coupling of classes and of the words
of a row, is a diagonal's equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._certificate import DualData, Tilted, divergences, dual_gap
from crossentropy.linear._loss import RowLoss, row_loss
from crossentropy.linear._metric import Metric, build_cost, build_metric
from crossentropy.linear._objective import Point
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._sparse_kernels import add_columns
from crossentropy.linear._tables import SparseTable, Table
from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["CentredRows", "TableObjective", "table_objective"]

Floats = NDArray[np.float64]
Real = NDArray[Any]
"""float32 or float64."""

FULL = 1 << 22
"""Entries of all blocks together up to which the curvature blocks are whole: 32 MiB."""

TILE = 1 << 17
"""Logits of a tile: 1 MiB."""


@dataclass(frozen=True, eq=False)
class CentredRows:
    """A table with its column means taken off and the intercept's ones: what `_rows.Rows` is for dense rows."""

    table: Table
    centre: Floats
    """(D,), what is taken off each column by algebra, beside what the table takes off as it is read."""
    intercept: bool
    work: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))

    def __len__(self) -> int:
        return self.table.shape[0]

    @property
    def width(self) -> int:
        """D, and one more with an intercept."""
        return self.table.shape[1] + int(self.intercept)

    def take(self, positions: NDArray[np.intp]) -> Floats:
        """Give rows as one new dense tile (n, width)."""
        rows = self.table.rows(positions) - self.centre
        return np.column_stack([rows, np.ones(len(rows))]) if self.intercept else rows

    def logits(self, parameters: Real) -> Real:
        """Return (N, outputs) for (outputs, width) parameters, in their precision."""
        d = self.table.shape[1]
        weight = np.ascontiguousarray(parameters.T[:d])
        shift = np.zeros(len(parameters))
        if self.intercept:
            shift = parameters[:, d] - (self.centre.astype(weight.dtype) @ weight).astype(np.float64)
        if not weight.any():  # a direction of the intercepts alone, as the certificate asks for
            return np.tile(shift.astype(weight.dtype), (len(self), 1))
        return self.table.logits(weight, shift)

    def pull(self, residual: Real) -> Real:
        """Return (outputs, width), the transposed product."""
        total = _column_sums(residual)
        pulled = self.table.pull(residual, self.centre, total)
        if self.intercept:
            pulled = np.concatenate([pulled, total[None].astype(residual.dtype)])
        return pulled.T

    def pull_squares(self, mass: Floats) -> Floats:
        """Return (outputs, width), the diagonals of the curvature of each output.

        Of a sparse column the part of the mean is left out: m^2 beside x^2 is the share of its nonzeros, squared.
        """
        out = np.empty((self.width, mass.shape[1]))
        d = self.table.shape[1]
        out[:d] = self.table.pull_squares(mass)
        if self.intercept:
            out[d] = mass.sum(axis=0)
        return out.T

    def to_centred(self, parameters: Floats) -> Floats:
        """Move the intercept of (outputs, width) parameters from plain to centred features."""
        return self._moved(parameters, 1.0)

    def to_plain(self, parameters: Floats) -> Floats:
        """Move the intercept back: the inverse of `to_centred`."""
        return self._moved(parameters, -1.0)

    def _moved(self, parameters: Floats, sign: float) -> Floats:
        moved = np.array(parameters, dtype=np.float64, order="F")
        if self.intercept:
            moved[:, -1] += sign * (moved[:, :-1] @ (self.centre + self.table.shift))
        return moved


def _column_sums(residual: Real) -> Floats:
    def part(within: slice) -> Floats:
        total = np.zeros(residual.shape[1])
        add_columns(residual, total, within.start, within.stop)
        return total

    parts = in_threads(part, row_ranges(len(residual), float(residual.size)))
    return sum(parts[1:], parts[0])


@dataclass(frozen=True, eq=False)
class TableObjective:
    """A table, the loss of its rows, and a penalty: see the top of the file, and `Objective` for the methods."""

    rows: CentredRows
    loss: RowLoss
    penalty: Penalty
    reference: float
    reach: Floats
    """(width,): the largest magnitude of each column."""
    longest: float
    """The largest norm of a row, intercept's one included."""

    @property
    def floor(self) -> float:
        """What F cannot go below."""
        return self.loss.floor

    @property
    def intercept(self) -> bool:
        """Whether a free intercept is fitted."""
        return self.rows.intercept

    @property
    def n_rows(self) -> int:
        """N."""
        return len(self.rows)

    @property
    def work(self) -> float:
        """Multiply-adds of one product with all rows."""
        return float(self.rows.table.entries) * self.loss.outputs

    @property
    def wide(self) -> bool:
        """Whether there are too many columns for whole curvature blocks."""
        return self.loss.outputs * self.rows.width**2 > FULL

    @property
    def build_cost(self) -> float:
        """Cost of `metric`, in passes."""
        return 1.0 if self.wide else build_cost(len(self.rows), self.rows.width)

    def with_penalty(self, penalty: Penalty) -> Self:
        """Return the same problem with another penalty, sharing the data."""
        return replace(self, penalty=penalty)

    def single(self) -> Self:
        """Return the same problem: what single precision saves is saved in `_descent`."""
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Self:
        """Return the problem of n random rows and of the first of each class; their weights are brought to sum 1."""
        chosen = [rng.permutation(len(self.rows))[:n]]
        if self.loss.targets.ndim == 1:
            counted = np.flatnonzero(self.loss.weights > 0.0)
            chosen.append(counted[np.unique(self.loss.targets[counted], return_index=True)[1]])
        positions = np.unique(np.concatenate(chosen))
        positions = positions[self.loss.weights[positions] > 0.0]
        rows = replace(self.rows, table=self.rows.table.take(positions))
        return replace(self, rows=rows, loss=self.loss.take(positions))

    def start(self) -> Floats:
        """Return the best constant prediction, as parameters."""
        parameters = np.zeros((self.loss.outputs, self.rows.width), order="F")
        if self.rows.intercept:
            parameters[:, -1] = self.loss.best_constant(intercept=True)
        return parameters

    def project(self, parameters: Floats) -> Floats:
        """Remove the direction that the loss does not see."""
        return self.loss.project(parameters)

    def tiles(self, within: slice) -> list[slice]:
        """Cut a range of rows so that the logits of each part fit in cache."""
        size = max(64, TILE // self.loss.n_classes)
        return [slice(low, min(low + size, within.stop)) for low in range(within.start, within.stop, size)]

    def ranges(self) -> list[slice]:
        """Return a range of rows for each thread."""
        n = len(self.rows)
        return row_ranges(n, float(n) * self.loss.n_classes * 20.0)

    def evaluate(self, parameters: Floats) -> Point:
        """Return F, its gradient and the probabilities: one pass."""
        value, mass, probabilities, residual = self.row_losses(self.rows.logits(parameters))
        intercept = self.rows.intercept
        value += self.penalty.value(parameters, intercept=intercept)
        gradient: Floats = self.rows.pull(residual)
        gradient += self.penalty.gradient(parameters, intercept=intercept)
        return Point(parameters, value, gradient, probabilities, mass)

    def row_losses(self, logits: Floats) -> tuple[float, float, Floats, Floats]:
        """Return the mean loss, sum |residual|, the probabilities (N, K), and the residuals, in place of the logits."""
        probabilities = np.empty((len(logits), self.loss.n_classes))

        def part(within: slice) -> tuple[float, float]:
            value, mass = 0.0, 0.0
            for span in self.tiles(within):
                loss, residual = self.loss.residual(logits[span], span, probabilities[span])
                logits[span] = residual
                value += loss
                mass += float(np.abs(residual).sum())
            return value, mass

        parts = in_threads(part, self.ranges())
        return sum(value for value, _ in parts), sum(mass for _, mass in parts), probabilities, logits

    def curvature_product(self, point: Point, direction: Floats) -> Floats:
        """Return the Hessian of F at `point` times `direction`: one pass."""
        change = self.rows.logits(direction)

        def part(within: slice) -> None:
            for span in self.tiles(within):
                change[span] = self.loss.bend(change[span], span, point.probabilities[span])

        in_threads(part, self.ranges())
        product: Floats = self.rows.pull(change)
        product += self.penalty.gradient(direction, intercept=self.rows.intercept)
        return product

    def tilted(self, point: Point, direction: Floats) -> Tilted:
        """Return what the certificate asks of the distributions q = p (1 + u) along `direction`: one pass."""
        logits, outputs = self.rows.logits(direction), self.loss.outputs

        def part(within: slice) -> tuple[float, float, float]:
            divergence, mass, least = 0.0, 0.0, 0.0
            for span in self.tiles(within):
                p, weights = point.probabilities[span], self.loss.weights[span]
                u = self.loss.tilt(logits[span].copy(), span, p)
                divergence += float(weights @ divergences(p, u))
                least = min(least, float(u.min(initial=0.0)))
                u *= p
                u *= weights[:, None]
                mass += float(np.abs(u).sum())
                logits[span] = u[:, -outputs:]
            return divergence, mass, least

        parts = in_threads(part, self.ranges())
        product = self.rows.pull(logits)
        divergence, mass = sum(each[0] for each in parts), sum(each[1] for each in parts)
        return Tilted(product, divergence, mass, min(each[2] for each in parts))

    def gap(self, point: Point, tilt: Floats | None = None) -> float:
        """Return an upper bound on F(point) - min F, rounding included: one pass, and two more along a tilt."""
        return dual_gap(self.dual_data(), point, self.penalty.l2, partial(self.tilted, point), tilt)

    def dual_data(self) -> DualData:
        """Return what the certificate needs to know of the data."""
        return DualData(
            self.loss.weights,
            self.loss.frequencies,
            self.reach,
            self.rows.intercept,
            self.floor,
            self.rows.table.terms + 2.0,
            self.longest,
        )

    def separates(self, point: Point) -> bool:
        """Whether the logit of each row's own class is strictly the largest, rounding included."""
        if self.loss.offset is not None:
            return False
        size = float((np.abs(point.parameters) @ self.reach).max())
        size = min(size, self.longest * float(np.linalg.norm(point.parameters, axis=1).max()))
        doubt = 1e-14 * (1.0 + (np.sqrt(self.rows.table.terms) + 2.0) * size)
        for span in self.tiles(slice(0, len(self.rows))):
            margins = self.loss.margins(span, point.probabilities[span])
            if not (margins[self.loss.weights[span] > 0.0] > doubt).all():
                return False
        return True

    def gap_estimate(self, point: Point) -> float:
        """Return about what `gap` will say, at no cost: no bound."""
        if self.penalty.l2 == 0.0:
            return point.value - self.floor
        pulled = point.gradient[:, :-1] if self.rows.intercept else point.gradient
        return float(np.linalg.norm(pulled)) ** 2 / (2.0 * self.penalty.l2)

    def metric(self, point: Point, rng: np.random.Generator, *, thorough: bool = False) -> Metric:
        """Return the curvature blocks at `point`, or their diagonals."""
        p = point.probabilities[:, -self.loss.outputs :]
        if self.wide:
            mass = p * (1.0 - p)
            mass *= self.loss.weights[:, None]
            return Metric(self.rows.pull_squares(mass), self.rows.intercept)
        return build_metric(cast(Any, self.rows), self.loss.weights, p, rng, thorough=thorough)


def table_objective(
    features: Any,
    targets: NDArray[Any],
    *,
    n_classes: int,
    row_weight: Floats,
    penalty: Penalty,
    intercept: bool,
    offset: NDArray[np.floating] | None = None,
    centred: bool = True,
) -> TableObjective:
    """Build the objective of a table: logistic for two classes, softmax from three on.

    Args:
        features: a table, or anything SciPy takes for a sparse matrix (N, D).
        targets: (N,) class ids in [0, K), each with a positive weight somewhere; or (N, K) distributions.
        n_classes: K >= 2.
        row_weight: (N,) s_i >= 0, class weights already multiplied in; rows of weight 0 cost time and nothing else.
        penalty: the smooth penalty, in mean form.
        intercept: whether a free intercept is fitted.
        offset: margins to be added to the logits: (N, K), or (N,) for two classes.
        centred: whether column means are taken off by algebra, beside what a dense table takes off.
    """
    table = features if hasattr(features, "pull_squares") else SparseTable.of(features)
    loss = row_loss(targets, n_classes=n_classes, row_weight=row_weight, offset=offset)
    centre = table.mean(loss.weights) if intercept and centred else np.zeros(table.shape[1])
    rows = CentredRows(table, centre, intercept)
    reach = table.reach() + np.abs(centre)  # what is rounded is the uncentred sum
    longest = float(np.sqrt((table.longest() + np.linalg.norm(centre)) ** 2 + intercept))
    bounds = np.append(reach, 1.0) if intercept else reach
    return TableObjective(rows, loss, penalty, loss.reference(intercept=intercept), bounds, longest)
