r"""The objective of dense rows: penalised cross-entropy of a linear model, in mean form.

.. math:: F(\theta) = \sum_i \omega_i\,\mathrm{CE}(\theta \tilde x_i, y_i) + \tfrac{l_2}{2}\lVert W\rVert^2,
          \qquad \omega_i = s_i / \textstyle\sum_j s_j

with :math:`\tilde x = (x, 1)` and :math:`\theta = (W, b)` of shape (K, D + 1), or (1, D + 1) for two classes.

Softmax and digits that cancel
------------------------------
Near the end on separable data every row has p_y = 1 - 1e-9, and everything of interest lives in the 1e-9. So nothing
here is computed as 1 - p or log(p):

* CE is log1p(sum of the other exponentials) where the target leads;
* the residual p - e_y of the target is minus the sum of the other probabilities;
* a curvature product subtracts the target's entry of `V x` from the row first (softmax does not see the shift), so that
  the large entry p_y multiplies a zero.

Loss, gradient and curvature keep a *relative* accuracy of about 1e-15 N^(1/2); without this the certificate would
stop at 1e-16 absolute, which is no help when the minimum itself is 1e-6.

Cost: two products of N D K multiply-adds a pass, through BLAS, tile by tile. The probabilities (N, K) of a point are
kept, since the curvature, its blocks and the certificate all need them; nothing else has N rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._certificate import DualData, dual_gap
from crossentropy.linear._metric import Metric, build_metric, rows_used
from crossentropy.linear._objective import Point
from crossentropy.linear._rows import Rows
from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["DenseObjective", "LogisticObjective", "SoftmaxObjective", "dense_objective"]

Floats = NDArray[np.float64]

EXPONENTIAL = 20
"""Multiply-adds that the work on one logit beside the products is worth."""


@dataclass(frozen=True, eq=False)
class DenseObjective(ABC):
    """Rows, targets and weights of one dense problem; the loss itself is the subclass's."""

    rows: Rows
    targets: NDArray[np.intp]
    weights: Floats
    """(N,) omega, which sums to 1."""
    l2: float
    dual: DualData
    frequencies: Floats
    """(K,): sum of omega over the rows of each class."""
    reference: float

    @property
    def build_cost(self) -> float:
        # A block takes width / 4 passes when all rows are used; 2 and 0.3 are measured, factors included.
        n = len(self.rows)
        return 2.0 + 0.3 * self.rows.width * rows_used(n, self.rows.width) / n

    def with_penalty(self, l2: float) -> Self:
        """Return the same problem with another penalty, sharing the data."""
        return replace(self, l2=l2)

    def _penalty_gradient(self, parameters: Floats) -> Floats:
        pulled = self.l2 * parameters
        if self.rows.intercept:
            pulled[:, -1] = 0.0
        return pulled

    def _ranges(self) -> list[slice]:
        n, outputs = len(self.rows), len(self.frequencies)
        return row_ranges(n, float(n) * outputs * (self.rows.width + EXPONENTIAL))

    def evaluate(self, parameters: Floats) -> Point:
        probabilities = np.empty((len(self.rows), len(self.frequencies)))

        def part(within: slice) -> tuple[float, float, Floats]:
            value, mass, gradient = 0.0, 0.0, np.zeros_like(parameters)
            for span, x in self.rows.tiles(within):
                weights = self.weights[span]
                loss, residual = self._residual(x @ parameters.T, self.targets[span], probabilities[span])
                residual *= weights[:, None]
                value += float(weights @ loss)
                mass += float(np.abs(residual).sum())
                gradient += residual.T @ x
            return value, mass, gradient

        parts = in_threads(part, self._ranges())
        pulled = self._penalty_gradient(parameters)
        value = 0.5 * float(np.vdot(pulled, parameters)) + sum(value for value, _, _ in parts)
        gradient = sum((gradient for _, _, gradient in parts), pulled)
        return Point(parameters, value, gradient, probabilities, sum(mass for _, mass, _ in parts))

    def curvature_product(self, point: Point, direction: Floats) -> Floats:
        def part(within: slice) -> Floats:
            product = np.zeros_like(direction)
            for span, x in self.rows.tiles(within):
                bent = self._bend(x @ direction.T, self.targets[span], point.probabilities[span])
                bent *= self.weights[span][:, None]
                product += bent.T @ x
            return product

        return sum(in_threads(part, self._ranges()), self._penalty_gradient(direction))

    def gap(self, point: Point) -> float:
        return dual_gap(self.dual, point, self.l2, partial(self.curvature_product, point))

    def gap_estimate(self, point: Point) -> float:
        pulled = point.gradient[:, :-1] if self.rows.intercept else point.gradient
        return float(np.vdot(pulled, pulled)) / (2.0 * self.l2) if self.l2 > 0.0 else point.value

    @abstractmethod
    def start(self) -> Floats:
        """Return the best constant prediction, as parameters."""

    @abstractmethod
    def project(self, parameters: Floats) -> Floats:
        """Remove the direction that the loss does not see."""

    def metric(self, point: Point, rng: np.random.Generator) -> Metric:
        # Two classes share one row of parameters, and p (1 - p) is the same for both.
        return build_metric(self.rows, self.weights, point.probabilities[:, -len(point.parameters) :], rng)

    @abstractmethod
    def _residual(self, z: Floats, targets: NDArray[np.intp], out: Floats) -> tuple[Floats, Floats]:
        """Return loss (n,) and d loss / d logits; write the probabilities (n, K) to `out`; `z` may be used up."""

    @abstractmethod
    def _bend(self, u: Floats, targets: NDArray[np.intp], probabilities: Floats) -> Floats:
        """Return (d^2 loss / d logits^2) u, row by row; `u` may be used up."""


class SoftmaxObjective(DenseObjective):
    """Softmax regression, K >= 3: one row of parameters a class, kept at sum zero over the classes.

    F does not change when one vector is added to all rows of (W, b) but for the penalty, which is least at sum zero:
    the minimiser has it, every gradient there has it, and the solver projects its directions on it. Left alone, the
    null direction makes the curvature singular and the preconditioned steps drift along it.
    """

    def start(self) -> Floats:
        parameters = np.zeros((len(self.frequencies), self.rows.width))
        if self.rows.intercept:
            parameters[:, -1] = np.log(self.frequencies)
        return self.project(parameters)

    def project(self, parameters: Floats) -> Floats:
        projected: Floats = parameters - parameters.mean(axis=0)
        return projected

    def _residual(self, z: Floats, targets: NDArray[np.intp], out: Floats) -> tuple[Floats, Floats]:
        each = np.arange(len(z))
        z -= z.max(axis=1, keepdims=True)
        lead = z[each, targets]
        np.exp(z, out=z)
        z[each, targets] = 0.0
        others = z.sum(axis=1)
        own = np.exp(lead)
        total = others + own
        loss = np.where(lead == 0.0, np.log1p(others), np.log(total) - lead)
        z /= total[:, None]
        out[:] = z
        out[each, targets] = own / total
        z[each, targets] = -others / total
        return loss, z

    def _bend(self, u: Floats, targets: NDArray[np.intp], probabilities: Floats) -> Floats:
        u -= u[np.arange(len(u)), targets][:, None]
        u -= np.einsum("ij,ij->i", probabilities, u)[:, None]
        u *= probabilities
        return u


class LogisticObjective(DenseObjective):
    """Logistic regression, K = 2: one row of parameters, the logit of class 1 against class 0."""

    def start(self) -> Floats:
        parameters = np.zeros((1, self.rows.width))
        if self.rows.intercept:
            parameters[0, -1] = np.log(self.frequencies[1] / self.frequencies[0])
        return parameters

    def project(self, parameters: Floats) -> Floats:
        return parameters

    def _residual(self, z: Floats, targets: NDArray[np.intp], out: Floats) -> tuple[Floats, Floats]:
        z = z[:, 0]
        tail = np.exp(-np.abs(z))
        large, small = 1.0 / (1.0 + tail), tail / (1.0 + tail)
        out[:, 1] = np.where(z >= 0, large, small)
        out[:, 0] = np.where(z >= 0, small, large)
        loss = np.log1p(tail) + np.maximum(np.where(targets == 1, -z, z), 0.0)
        return loss, np.where(targets == 1, -out[:, 0], out[:, 1])[:, None]

    def _bend(self, u: Floats, targets: NDArray[np.intp], probabilities: Floats) -> Floats:
        u *= (probabilities[:, 0] * probabilities[:, 1])[:, None]
        return u


def dense_objective(
    features: NDArray[np.floating],
    targets: NDArray[np.intp],
    *,
    n_classes: int,
    row_weight: Floats,
    l2: float,
    intercept: bool,
    index: NDArray[np.intp] | None = None,
) -> DenseObjective:
    """Build the objective of dense rows: logistic for two classes, softmax from three on.

    Args:
        features: (N, D) float32 or float64, C-contiguous, finite; read, never copied whole.
        targets: (N,) class ids in [0, K), each with a positive weight somewhere.
        n_classes: K >= 2.
        row_weight: (N,) s_i >= 0, class weights already multiplied in.
        l2: the penalty in mean form.
        intercept: whether a free intercept is fitted.
        index: the rows that count; `targets` and `row_weight` stay (N,).
    """
    if index is not None:
        targets, row_weight = targets[index], row_weight[index]
    weights = row_weight / row_weight.sum()
    rows = Rows.of(features, intercept=intercept, n_outputs=n_classes, index=index)
    reach = np.zeros(rows.width)
    for _, x in rows.tiles():
        reach = np.maximum(reach, np.abs(x).max(axis=0))
    shares = np.bincount(targets, weights, n_classes).astype(np.float64, copy=False)
    reference = -float(shares @ np.log(shares)) if intercept else float(np.log(n_classes))
    kind = LogisticObjective if n_classes == 2 else SoftmaxObjective
    return kind(rows, targets, weights, l2, DualData(weights, reach, intercept), shares, reference)
