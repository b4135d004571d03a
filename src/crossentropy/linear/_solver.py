r"""One loop: Newton steps by conjugate gradients, in the metric of the curvature blocks.

    repeat
        stop?                         certificate, decrement, budget
        metric  <- blocks; anew when they have become slower, and the products spent in them would pay for new ones
        step    <- conjugate gradients on  H s = -g, preconditioned, to an accuracy that grows as g shrinks
        point   <- line search along s (unit step almost always)

Why this and no menu. A Newton step does not mind units: columns of 1e-4 and of 1e4, a penalty of 1e-9, classes of three
rows. The blocks (`_metric`) make the inner products few; CG uses the true Hessian, so the coupling of the classes that
the blocks leave out costs products, never accuracy; and the end is quadratic, which the certificate needs
(`_certificate`: its bound shrinks like |g|^2 / l2). L-BFGS in the same metric was measured at two thirds of the passes
to 1e-6 on an easy problem, and did not get there on separable data with a weak penalty; joint Newton costs K D / 8
passes a step; first-order methods depend on the units.

Short steps. Where a rare class has not been fitted yet its rows have p near 0: a gradient, and next to no curvature. A
Newton step is then far too long, and the line search cuts it to a hundredth, step after step. A stronger penalty is
the cure: a minimum that is a thousand times more penalised is near, and each tenfold weaker one is near the last. So
when five steps had to be cut the loop goes back to the start and follows the penalty down (50,000 x 144, K = 58, C =
3.16: 250 passes in place of 1200). Doing that always would cost easy problems half as much again.

Stopping. `gap <= tol * max(F, 1e-3 reference)`, where the reference is the cross-entropy of the best constant
prediction: a relative gap, until F is below a thousandth of what there was to explain. On separable data with a weak
penalty F itself goes to 0, and a millionth of nearly nothing is nothing anyone can see.

Rounding. Near the end F changes by less than its own rounding error, and an Armijo test compares noise. There the test
allows `NOISE |F|`, and what ends the loop is that the Newton decrement stopped shrinking.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._metric import Metric, Preconditioner
from crossentropy.linear._objective import Objective, Point

__all__ = ["Progress", "SolverResult", "Status", "Watch", "solve"]

Floats = NDArray[np.float64]

NOISE = 16 * np.finfo(np.float64).eps
SLOWER = 1.25
"""How much slower than when new a metric must have become before it is built again."""

STALLED = 3
"""Newton steps in a row without halving a decrement that is below rounding, that mean: no more to gain."""

WORTH = 30.0
"""The certificate is worked out when its estimate is below so many times the target."""

MOST_CUT = 5
"""Steps that the line search may cut before the penalty is followed down instead."""

FACTORS = (1e3, 1e2, 1e1, 1.0)
ROUGH = 1e-2
"""The penalties on the way down, relative to the one asked for, and the relative gap that each but the last is for."""

FLOOR = 1e-3
"""Share of the reference loss below which F is no longer the measure of a relative gap."""


class Status(enum.Enum):
    """Why the solver stopped. The value is the message."""

    REACHED = "The certified gap is at most tol times the objective."
    ARITHMETIC = (
        "The certified gap stopped shrinking above tol: this is the limit of float64 arithmetic on these features. "
        "Columns of similar scale, or a stronger penalty, lower the limit."
    )
    UNPENALISED = (
        "Without a penalty the only bound on the gap is the objective itself. The Newton decrement, an estimate of the "
        "gap and no bound, is at most tol times the objective. On separable data the minimum is not attained."
    )
    MAX_ITER = "Stopped at max_iter Newton steps. The certified gap holds, but is above tol."
    STOPPED = "Stopped by a callback. The certified gap holds, but is above tol."

    @property
    def message(self) -> str:
        """The reason in words."""
        return str(self.value)


@dataclass(frozen=True, eq=False)
class SolverResult:
    """Where the solver stopped, and what is known about it."""

    parameters: Floats = field(repr=False)
    """(outputs, D) weights, with a last column of intercepts where they are fitted."""
    objective: float
    """F at the parameters, in nats, mean form."""
    gap: float
    """Upper bound on objective - minimum, in nats, rounding included."""
    relative_gap: float
    """gap / max(objective, 1e-3 of the loss of the best constant prediction): what tol is compared with."""
    n_iter: int
    """Newton steps."""
    n_passes: int
    """Passes over the features: evaluations, curvature products, and the blocks at their cost in passes."""
    status: Status


@dataclass(frozen=True, eq=False)
class Progress:
    """Where the solver stands after `n_iter` Newton steps."""

    parameters: Floats = field(repr=False)
    """(outputs, width), as the objective has them."""
    objective: float
    gap: float
    """Upper bound on the objective of the best parameters so far, minus the minimum."""
    n_iter: int


Watch = Callable[[Progress], bool]
"""Told of the start and of every step; True ends the fit."""


def solve(
    objective: Objective,
    start: Floats,
    *,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    metric: Metric | None = None,
    watch: Watch | None = None,
) -> tuple[SolverResult, Metric | None]:
    """Minimise `objective` from `start`.

    Args:
        objective: the problem.
        start: (outputs, width) parameters to start from; projected first.
        tol: the relative gap to reach, see `SolverResult.relative_gap`.
        max_iter: most Newton steps.
        rng: draws the rows of the preconditioner's blocks; nothing else is random.
        metric: blocks from a nearby problem, used until they stop paying.
        watch: told of each step; the certificate is then worked out at each, for a pass.

    Returns:
        The result, and the blocks in use at the end for the next problem of a path.
    """
    run = _Run(objective, rng, metric, watch)
    found = _minimise(run, start, tol, max_iter, most_cut=MOST_CUT if objective.penalty.l2 > 0.0 else None)
    n_iter, passes = run.n_iter, run.passes
    for factor in () if found else FACTORS:
        run = _Run(
            objective.with_penalty(replace(objective.penalty, l2=factor * objective.penalty.l2)),
            rng,
            run.kept_metric(),
            watch if factor == 1.0 else None,
            n_iter,
        )
        goal, left = (tol if factor == 1.0 else ROUGH), max(0, max_iter - n_iter)
        found = _minimise(run, start, goal, left, most_cut=None)
        start = found.parameters if found else start
        n_iter, passes = n_iter + run.n_iter, passes + run.passes
    assert found is not None
    return replace(found, n_iter=n_iter, n_passes=round(passes)), run.kept_metric()


def _minimise(
    run: _Run, start: Floats, tol: float, max_iter: int, most_cut: int | None
) -> SolverResult | None:
    """Run the loop from `start`; None once the line search has cut `most_cut` steps."""
    objective = run.objective
    point = run.evaluate(objective.project(start))
    best, best_gap = point, np.inf
    lowest, stalled = np.inf, 0
    while True:
        target = tol * _scale(objective, point)
        if run.watch is not None or objective.gap_estimate(point) <= WORTH * target:
            best, best_gap = min((best, best_gap), (point, run.gap(point)), key=itemgetter(1))
        stop = run.told(point, best_gap)
        if best_gap <= tol * _scale(objective, best):
            status = Status.REACHED
            break
        if stop:
            status = Status.STOPPED
            break
        step = run.newton_step(point, 0.2 * objective.penalty.l2 * target)
        decrement = -0.5 * float(np.vdot(point.gradient, step))
        stalled = 0 if decrement < 0.5 * lowest else stalled + 1
        lowest = min(lowest, decrement)
        if objective.penalty.l2 == 0.0 and decrement <= tol * point.value and run.is_fresh(point):
            status = Status.UNPENALISED
            break
        if run.n_iter >= max_iter:
            status = Status.MAX_ITER
            break
        small = decrement <= 1e3 * NOISE * point.value
        moved = None if small and stalled >= STALLED else run.search(point, step, -2.0 * decrement)
        if moved is None:
            status = Status.ARITHMETIC
            break
        point = moved
        if most_cut is not None and run.n_cut >= most_cut:
            return None
    if status is not Status.REACHED:
        best, best_gap = min((best, best_gap), (point, run.gap(point)), key=itemgetter(1))
    relative = best_gap / _scale(objective, best)
    return SolverResult(
        best.parameters, best.value, best_gap, relative, run.n_iter, round(run.passes), status
    )


def _scale(objective: Objective, point: Point) -> float:
    return max(point.value, FLOOR * objective.reference, np.finfo(float).tiny)


class _Run:
    """The state of one minimisation beside its point: the blocks, and what has been spent."""

    def __init__(
        self,
        objective: Objective,
        rng: np.random.Generator,
        metric: Metric | None,
        watch: Watch | None = None,
        n_before: int = 0,
    ) -> None:
        self.objective = objective
        self.rng = rng
        self.watch = watch
        self.n_before = n_before
        self.metric = metric
        self.inverse: Preconditioner | None = metric.with_penalty(objective.penalty) if metric else None
        self.built_at: Point | None = None
        self.passes = 0.0
        self.n_iter = 0
        self.n_cut = 0
        self.age, self.first_pace = (metric.age, metric.pace) if metric else (0, 0.0)
        self.pace = self.first_pace
        self.first_norm = 0.0

    def kept_metric(self) -> Metric | None:
        """Return the blocks in use, for the next problem of a path."""
        return replace(self.metric, age=self.age, pace=self.first_pace) if self.metric else None

    def told(self, point: Point, gap: float) -> bool:
        """Tell the watch where the loop is; return whether it wants the end."""
        if self.watch is None:
            return False
        return self.watch(Progress(point.parameters, point.value, gap, self.n_before + self.n_iter))

    def evaluate(self, parameters: Floats) -> Point:
        self.passes += 1
        return self.objective.evaluate(parameters)

    def gap(self, point: Point) -> float:
        self.passes += 1
        return self.objective.gap(point)

    def preconditioner(self, point: Point) -> Preconditioner:
        """Return the inverse blocks; built anew when slower than they were, and used enough to have paid."""
        stale = self.pace > SLOWER * self.first_pace and self.age > self.objective.build_cost
        if self.inverse is None or stale:
            self.metric = self.objective.metric(point, self.rng)
            self.inverse = self.metric.with_penalty(self.objective.penalty)
            self.built_at = point
            self.passes += self.objective.build_cost
            self.age, self.first_pace = 0, 0.0
        return self.inverse

    def is_fresh(self, point: Point) -> bool:
        """Whether the blocks are those of `point`; else have them built next: a decrement in old blocks may be low."""
        if self.built_at is not point:
            self.inverse = None
        return self.built_at is point

    def newton_step(self, point: Point, enough: float) -> Floats:
        """Solve H s = -g by preconditioned conjugate gradients.

        To a residual of `forcing` in the metric, relative to g; or until the next gradient, which is that residual but
        for the change of curvature, need not be shorter: its squared length is below `enough`.
        """
        objective, inverse = self.objective, self.preconditioner(point)
        before, step = self.age, np.zeros_like(point.gradient)
        residual = -point.gradient
        towards = direction = objective.project(inverse.solve(residual))
        norm = power = float(np.vdot(residual, towards))
        self.first_norm = self.first_norm or norm
        forcing = float(np.clip((norm / self.first_norm) ** 0.5, 1e-10, 0.09)) if norm > 0.0 else 0.09
        for _ in range(max(20, 2 * step.size)):
            bent = objective.curvature_product(point, direction)
            self.passes += 1
            self.age += 1
            curvature = float(np.vdot(direction, bent))
            if not (curvature > 0.0 and power > 0.0):
                break
            step += (power / curvature) * direction
            residual -= (power / curvature) * bent
            towards = objective.project(inverse.solve(residual))
            previous, power = power, float(np.vdot(residual, towards))
            short = power <= 0.01 * norm and float(np.vdot(residual, residual)) <= enough
            if short or power <= forcing * norm:
                break
            direction = towards + (power / previous) * direction
        self.pace = (self.age - before) / max(0.1, np.log10(max(norm, 1e-300) / max(power, 1e-300)))
        self.first_pace = self.first_pace or self.pace
        return step if np.any(step) else direction

    def search(self, point: Point, step: Floats, slope: float) -> Point | None:
        """Return a point along `step` that lowers F by Armijo's rule, up to rounding; None where there is none."""
        length = 1.0
        for _ in range(40):
            trial = self.evaluate(point.parameters + length * step)
            change = trial.value - point.value
            if change <= 1e-4 * length * slope + NOISE * abs(point.value):
                self.n_iter += 1
                self.n_cut += length < 1.0
                return trial
            bend = 2.0 * (change - length * slope)
            fitted = -slope * length / bend if np.isfinite(bend) and bend > 0.0 else 0.1
            length *= float(np.clip(fitted, 0.1, 0.5))
        return None
