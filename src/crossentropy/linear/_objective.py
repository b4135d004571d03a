"""What the solver may ask of a problem, and what it is told.

The solver knows a problem by the `Objective` protocol alone. It is made of three parts that vary independently: a
table of features, the loss of its rows (`_loss`: targets, row weights, offsets), and a penalty (`_penalty`). Dense rows
are one implementation (`_dense`); sparse or streamed rows, or sums over many machines, are further ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._metric import Metric
from crossentropy.linear._penalty import Penalty

__all__ = ["Objective", "Point"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Point:
    """An evaluation: F and its gradient at `parameters` (outputs, width), and the probabilities (N, K) there."""

    parameters: Floats
    value: float
    gradient: Floats
    probabilities: Floats
    residual: float
    """sum_i omega_i |p_i - t_i|_1: what the rounding error of the gradient is proportional to."""


class Objective(Protocol):
    """A convex F of parameters (outputs, width), in nats. Nothing that is passed in is written to."""

    @property
    def penalty(self) -> Penalty:
        """The smooth penalty, part of F."""
        ...

    @property
    def reference(self) -> float:
        """Loss of the best constant prediction, in nats: what F is measured against when it goes to 0."""
        ...

    @property
    def floor(self) -> float:
        """What F cannot go below: the mean entropy of the targets, 0 for class ids."""
        ...

    @property
    def intercept(self) -> bool:
        """Whether the last column of the parameters is a free intercept."""
        ...

    @property
    def n_rows(self) -> int:
        """N."""
        ...

    @property
    def work(self) -> float:
        """Multiply-adds of one product with all rows."""
        ...

    @property
    def build_cost(self) -> float:
        """Cost of `metric`, in passes."""
        ...

    def with_penalty(self, penalty: Penalty) -> Objective:
        """Return the same problem with another penalty, sharing the data."""
        ...

    def single(self) -> Objective:
        """Return the same problem in passes of float32 arithmetic, or itself where these gain nothing."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> Objective:
        """Return the problem of about n of its rows, some of each class."""
        ...

    def start(self) -> Floats:
        """Return the best constant prediction, as parameters."""
        ...

    def project(self, parameters: Floats) -> Floats:
        """Remove the direction that the loss does not see."""
        ...

    def evaluate(self, parameters: Floats) -> Point:
        """Return F and its gradient: one pass."""
        ...

    def curvature_product(self, point: Point, direction: Floats) -> Floats:
        """Return the Hessian of F at `point` times `direction`: one pass."""
        ...

    def metric(self, point: Point, rng: np.random.Generator, *, thorough: bool = False) -> Metric:
        """Return an approximation of the Hessian at `point` that can be inverted; the best there is if `thorough`."""
        ...

    def gap(self, point: Point, tilt: Floats | None = None) -> float:
        """Return an upper bound on F(point) - min F, rounding included; the nearer `tilt` to -H^-1 g, the smaller."""
        ...

    def separates(self, point: Point) -> bool:
        """Whether at `point` the logit of each row's own class is strictly the largest, rounding included."""
        ...

    def gap_estimate(self, point: Point) -> float:
        """Return about what `gap` will say, at no cost: no bound."""
        ...
