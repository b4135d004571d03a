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

from crossentropy.linear._certificate import DualData, Tilted, divergences, dual_gap
from crossentropy.linear._loss import RowLoss, row_loss
from crossentropy.linear._metric import Metric, build_cost, build_metric
from crossentropy.linear._objective import Point
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._rows import Rows, Sums
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
        return float(len(self.rows)) * self.rows.width * self.loss.outputs

    @property
    def build_cost(self) -> float:
        return build_cost(len(self.rows), self.rows.width)

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
        n, outputs = len(self.rows), self.loss.outputs
        probabilities = np.empty((n, self.loss.n_classes), dtype=self.rows.work)
        factors = self.rows.factors(parameters)

        def part(within: slice) -> tuple[float, float, Sums]:
            value, mass, sums = 0.0, 0.0, Sums(outputs, len(self.rows.centre))
            for span, x in self.rows.tiles(within, outputs):
                loss, residual = self.loss.residual(self.rows.logits(x, factors), span, probabilities[span])
                value += loss
                mass += float(np.abs(residual).sum())
                sums.add(residual, x)
            return value, mass, sums

        parts = in_threads(part, self._ranges())
        value = sum(
            (value for value, _, _ in parts), self.penalty.value(parameters, intercept=self.rows.intercept)
        )
        gradient = self.rows.gathered([sums for _, _, sums in parts]) + self._pulled(parameters)
        return Point(parameters, value, gradient, probabilities, sum(mass for _, mass, _ in parts))

    def curvature_product(self, point: Point, direction: Floats) -> Floats:
        """Return the Hessian of F at `point` times `direction`: one pass."""
        outputs, factors = self.loss.outputs, self.rows.factors(direction)

        def part(within: slice) -> Sums:
            sums = Sums(outputs, len(self.rows.centre))
            for span, x in self.rows.tiles(within, outputs):
                bent = self.loss.bend(self.rows.logits(x, factors), span, point.probabilities[span])
                sums.add(bent, x)
            return sums

        return self.rows.gathered(in_threads(part, self._ranges())) + self._pulled(direction)

    def single(self) -> Self:
        """Return the same problem with the products inside a row in float32; sums over rows stay float64."""
        return replace(self, rows=replace(self.rows, work=np.dtype(np.float32)))

    def sample(self, n: int, rng: np.random.Generator) -> Self:
        """Return the problem of n random rows and three more of each class; their weights are brought to sum 1."""
        chosen = [rng.permutation(len(self.rows))[:n]]
        if self.loss.targets.ndim == 1:
            order = np.argsort(self.loss.targets, kind="stable")
            first = np.searchsorted(self.loss.targets[order], np.arange(self.loss.n_classes))
            near = np.minimum(first[:, None] + np.arange(3), len(order) - 1)
            chosen.append(order[near].ravel())
        positions = np.unique(np.concatenate(chosen))
        positions = positions[self.loss.weights[positions] > 0.0]
        index = positions if self.rows.index is None else self.rows.index[positions]
        return replace(self, rows=replace(self.rows, index=index), loss=self.loss.take(positions))

    def tilted(self, point: Point, direction: Floats) -> Tilted:
        """Return what the certificate asks of the distributions q = p (1 + u) along `direction`: one pass."""
        factors = self.rows.factors(direction)

        def part(within: slice) -> tuple[Sums, float, float, float]:
            sums = Sums(self.loss.outputs, len(self.rows.centre))
            divergence, mass, least = 0.0, 0.0, 0.0
            for span, x in self.rows.tiles(within, self.loss.outputs):
                p, weights = point.probabilities[span], self.loss.weights[span]
                u = self.loss.tilt(self.rows.logits(x, factors), span, p)
                divergence += float(weights @ divergences(p, u))
                least = min(least, float(u.min(initial=0.0)))
                u *= p
                u *= weights[:, None]
                mass += float(np.abs(u).sum())
                sums.add(u[:, -self.loss.outputs :], x)
            return sums, divergence, mass, least

        parts = in_threads(part, self._ranges())
        product = self.rows.gathered([sums for sums, _, _, _ in parts])
        return Tilted(
            product,
            sum(divergence for _, divergence, _, _ in parts),
            sum(mass for _, _, mass, _ in parts),
            min(least for _, _, _, least in parts),
        )

    def gap(self, point: Point, tilt: Floats | None = None) -> float:
        """Return an upper bound on F(point) - min F, rounding included: one pass, and two more along a tilt."""
        data = DualData(
            self.loss.weights,
            self.loss.frequencies,
            self.rows.reach_of_width,
            self.rows.intercept,
            self.floor,
        )
        return dual_gap(data, point, self.penalty.l2, partial(self.tilted, point), tilt)

    def separates(self, point: Point) -> bool:
        """Whether the logit of each row's own class is strictly the largest, rounding included."""
        if self.loss.offset is not None:
            return False
        doubt = 1e-14 * (np.sqrt(self.rows.width) + 2.0)
        doubt *= float((np.abs(point.parameters) @ self.rows.reach_of_width).max())
        for start in range(0, len(self.rows), 4096):
            span = slice(start, min(start + 4096, len(self.rows)))
            margins = self.loss.margins(span, point.probabilities[span])
            if not (margins[self.loss.weights[span] > 0.0] > doubt + 1e-14).all():
                return False
        return True

    def gap_estimate(self, point: Point) -> float:
        """Return about what `gap` will say, at no cost: no bound."""
        pulled, l2 = point.gradient[:, :-1] if self.rows.intercept else point.gradient, self.penalty.l2
        return float(np.vdot(pulled, pulled)) / (2.0 * l2) if l2 > 0.0 else point.value - self.floor

    def metric(self, point: Point, rng: np.random.Generator, *, thorough: bool = False) -> Metric:
        """Return the curvature blocks at `point`."""
        # Two classes share one row of parameters, and p (1 - p) is the same for both.
        return build_metric(
            self.rows,
            self.loss.weights,
            point.probabilities[:, -len(point.parameters) :],
            rng,
            thorough=thorough,
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
    rows = Rows.of(features, intercept=intercept, index=index)
    return LinearObjective(rows, loss, penalty, loss.reference(intercept=intercept))
