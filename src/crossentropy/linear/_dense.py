r"""The objective of dense rows: penalised cross-entropy of a linear model, in mean form.

.. math:: F(\theta) = \sum_i \omega_i\,\mathrm{CE}(\theta \tilde x_i + o_i, t_i) + \tfrac{l_2}{2}\lVert W\rVert^2,
          \qquad \omega_i = s_i / \textstyle\sum_j s_j

with :math:`\tilde x = (x, 1)` and :math:`\theta = (W, b)` of shape (K, D + 1), or (1, D + 1) for two classes.

Cost: two products of N D K multiply-adds a pass, through BLAS, tile by tile. The probabilities (N, K) of a point are
kept, since the curvature, its blocks and the certificate all need them; nothing else has N rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._certificate import DualData, dual_gap
from crossentropy.linear._loss import RowLoss, row_loss
from crossentropy.linear._metric import Metric, build_metric, rows_used
from crossentropy.linear._objective import Point
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._rows import Rows
from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["LinearObjective", "dense_objective"]

Floats = NDArray[np.float64]

EXPONENTIAL = 20
"""Multiply-adds that the work on one logit beside the products is worth."""


@dataclass(frozen=True, eq=False)
class LinearObjective:
    """A table of rows, their loss, and a penalty.

    Of `rows` it asks for tiles `x` with `x @ parameters.T` and `residual.T @ x`; a table that can do better overrides
    `evaluate` and `curvature_product`.
    """

    rows: Rows
    loss: RowLoss
    penalty: Penalty
    reference: float
    reach: Floats
    """(width,): the largest magnitude of each column."""

    @property
    def floor(self) -> float:
        """What F cannot go below."""
        return self.loss.floor

    @property
    def build_cost(self) -> float:
        # A block takes width / 4 passes when all rows are used; 2 and 0.3 are measured, factors included.
        n = len(self.rows)
        return 2.0 + 0.3 * self.rows.width * rows_used(n, self.rows.width) / n

    def with_penalty(self, penalty: Penalty) -> Self:
        """Return the same problem with another penalty, sharing the data."""
        return replace(self, penalty=penalty)

    def _pulled(self, parameters: Floats) -> Floats:
        return self.penalty.gradient(parameters, intercept=self.rows.intercept)

    def _ranges(self) -> list[slice]:
        n = len(self.rows)
        return row_ranges(n, float(n) * self.loss.outputs * (self.rows.width + EXPONENTIAL))

    def start(self) -> Floats:
        """Return the best constant prediction, as parameters."""
        parameters = np.zeros((self.loss.outputs, self.rows.width))
        if self.rows.intercept:
            parameters[:, -1] = self.loss.best_constant(intercept=True)
        return parameters

    def project(self, parameters: Floats) -> Floats:
        """Remove the direction that the loss does not see."""
        return self.loss.project(parameters)

    def evaluate(self, parameters: Floats) -> Point:
        """Return F, its gradient and the probabilities: one pass."""
        probabilities = np.empty((len(self.rows), self.loss.n_classes))

        def part(within: slice) -> tuple[float, float, Floats]:
            value, mass, gradient = 0.0, 0.0, np.zeros_like(parameters)
            for span, x in self.rows.tiles(within):
                loss, residual = self.loss.residual(x @ parameters.T, span, probabilities[span])
                value += loss
                mass += float(np.abs(residual).sum())
                gradient += residual.T @ x
            return value, mass, gradient

        parts = in_threads(part, self._ranges())
        value = sum(
            (value for value, _, _ in parts), self.penalty.value(parameters, intercept=self.rows.intercept)
        )
        gradient = sum((gradient for _, _, gradient in parts), self._pulled(parameters))
        return Point(parameters, value, gradient, probabilities, sum(mass for _, mass, _ in parts))

    def curvature_product(self, point: Point, direction: Floats) -> Floats:
        """Return the Hessian of F at `point` times `direction`: one pass."""

        def part(within: slice) -> Floats:
            product = np.zeros_like(direction)
            for span, x in self.rows.tiles(within):
                product += self.loss.bend(x @ direction.T, span, point.probabilities[span]).T @ x
            return product

        return sum(in_threads(part, self._ranges()), self._pulled(direction))

    def gap(self, point: Point) -> float:
        """Return an upper bound on F(point) - min F, rounding included: up to one pass."""
        dual = DualData(self.loss.weights, self.reach, self.rows.intercept, self.floor)
        return dual_gap(dual, point, self.penalty.l2, partial(self.curvature_product, point))

    def gap_estimate(self, point: Point) -> float:
        """Return about what `gap` will say, at no cost: no bound."""
        pulled, l2 = point.gradient[:, :-1] if self.rows.intercept else point.gradient, self.penalty.l2
        return float(np.vdot(pulled, pulled)) / (2.0 * l2) if l2 > 0.0 else point.value - self.floor

    def metric(self, point: Point, rng: np.random.Generator) -> Metric:
        """Return the curvature blocks at `point`."""
        # Two classes share one row of parameters, and p (1 - p) is the same for both.
        return build_metric(
            self.rows, self.loss.weights, point.probabilities[:, -len(point.parameters) :], rng
        )


def dense_objective(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    row_weight: Floats,
    penalty: Penalty,
    intercept: bool,
    offset: NDArray[np.floating] | None = None,
    index: NDArray[np.intp] | None = None,
) -> LinearObjective:
    """Build the objective of dense rows: logistic for two classes, softmax from three on.

    Args:
        features: (N, D) float32 or float64, C-contiguous, finite; read, never copied whole.
        targets: (N,) class ids in [0, K), each with a positive weight somewhere; or (N, K) distributions.
        n_classes: K >= 2.
        row_weight: (N,) s_i >= 0, class weights already multiplied in.
        penalty: the smooth penalty, in mean form.
        intercept: whether a free intercept is fitted.
        offset: margins to be added to the logits: (N, K), or (N,) for two classes.
        index: the rows that count; `targets`, `row_weight` and `offset` stay N long.
    """
    if index is not None:
        targets, row_weight = targets[index], row_weight[index]
        offset = None if offset is None else offset[index]
    loss = row_loss(targets, n_classes=n_classes, row_weight=row_weight, offset=offset)
    rows = Rows.of(features, intercept=intercept, n_outputs=n_classes, index=index)
    reach = np.zeros(rows.width)
    for _, x in rows.tiles():
        reach = np.maximum(reach, np.abs(x).max(axis=0))
    return LinearObjective(rows, loss, penalty, loss.reference(intercept=intercept), reach)
