"""The state of one minimisation beside its point: the preconditioner in use, and what has been spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._metric import Metric, Preconditioner
from crossentropy.linear._objective import Objective, Point

__all__ = ["Progress", "Run", "Watch"]

Floats = NDArray[np.float64]

SLOWER = 1.25
"""How much slower than when new a metric must have become before it is built again."""


@dataclass(frozen=True, eq=False)
class Progress:
    """Where the solver stands after `n_iter` steps."""

    parameters: Floats = field(repr=False)
    """(outputs, width), as the objective has them."""
    objective: float
    gap: float
    """Upper bound on the objective of the best parameters so far, minus the minimum."""
    n_iter: int


Watch = Callable[[Progress], bool]
"""Told of the start and of every step; True ends the fit."""


class Run:
    """The state of one minimisation beside its point: the blocks, and what has been spent."""

    def __init__(
        self,
        objective: Objective,
        rng: np.random.Generator,
        metric: Metric | None,
        watch: Watch | None = None,
    ) -> None:
        self.objective = objective
        self.rng = rng
        self.watch = watch
        self.thorough = False
        self.stopped = False
        self.told_at, self.told_gap = -1, np.inf
        self.metric = metric
        self.inverse: Preconditioner | None = metric.with_penalty(objective.penalty) if metric else None
        self.built_at: Point | None = None
        self.passes = 0.0
        self.n_iter = 0
        self.n_cut = 0
        self.age, self.first_pace = (metric.age, metric.pace) if metric else (0, 0.0)
        self.pace = self.first_pace
        self.first_norm = 0.0

    def aim(self, objective: Objective) -> None:
        """Go on to another problem, in the blocks of this one."""
        self.objective = objective
        self.inverse = self.metric.with_penalty(objective.penalty) if self.metric else None
        self.n_cut, self.first_norm = 0, 0.0

    def kept_metric(self) -> Metric | None:
        """Return the blocks in use, for the next problem of a path."""
        return replace(self.metric, age=self.age, pace=self.first_pace) if self.metric else None

    def tell(self, point: Point, gap: float | None = None) -> bool:
        """Tell the watch where the fit is; return whether it wants the end. The bound costs a pass, unless known."""
        if self.watch is None or self.told_at == self.n_iter:
            return self.stopped
        self.told_at = self.n_iter
        self.told_gap = min(self.told_gap, self.gap(point) if gap is None else gap)
        progress = Progress(point.parameters, point.value, self.told_gap, self.n_iter)
        self.stopped = self.stopped or self.watch(progress)
        return self.stopped

    def evaluate(self, parameters: Floats) -> Point:
        """Return the point at `parameters`: one pass."""
        self.passes += 1
        return self.objective.evaluate(parameters)

    def gap(self, point: Point, tilt: Floats | None = None) -> float:
        """Return the certificate: one pass, and one more along a tilt."""
        self.passes += 1 if tilt is None else 2
        return self.objective.gap(point, tilt)

    def preconditioner(self, point: Point) -> Preconditioner:
        """Return the inverse blocks; built anew when slower than they were, and used enough to have paid."""
        stale = self.pace > SLOWER * self.first_pace and self.age > self.objective.build_cost
        return self.rebuild(point) if self.inverse is None or stale else self.inverse

    def rebuild(self, point: Point) -> Preconditioner:
        """Build the blocks of `point`."""
        self.metric = self.objective.metric(point, self.rng, thorough=self.thorough)
        self.inverse = self.metric.with_penalty(self.objective.penalty)
        self.built_at = point
        self.passes += self.objective.build_cost if self.metric.gram.ndim == 3 else 1.0
        self.age, self.first_pace = 0, 0.0
        return self.inverse

    def is_fresh(self, point: Point) -> bool:
        """Whether the blocks are those of `point`; else have them built next: a decrement in old blocks may be low."""
        if self.built_at is not point:
            self.inverse = None
        return self.built_at is point
