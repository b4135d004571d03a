r"""Three ways down, each where it is the fastest, and a proof at the end.

    start     <- where there are many rows: a fit to a twentieth of them                         (float32)
    L-BFGS in the metric of the curvature blocks, until the predicted bound is small enough      (float32, then float64)
    proof     <- the certificate, tilted along the steps that L-BFGS remembers                   (float64)
    where that is not enough, Newton steps by conjugate gradients, to the limit of arithmetic    (float64)

Why L-BFGS first. In the same metric it takes a third of the passes of Newton-CG (`_lbfgs`), and its passes need not be
exact: in float32 they take two thirds of the time, and what they do not see, the float64 certificate does.

Why Newton after it. A Newton step does not mind units: columns of 1e-4 and of 1e4, a penalty of 1e-9, classes of three
rows; and its end is quadratic, where L-BFGS crawls on separable data with a weak penalty. The blocks (`_metric`) make
the inner products few; CG uses the true Hessian, so the coupling of the classes that the blocks leave out costs
products, never accuracy. Joint Newton costs K D / 8 passes a step; first-order methods depend on the units.

Short steps. Where a rare class has not been fitted yet its rows have p near 0: a gradient, and next to no curvature. A
Newton step is then far too long, and the line search cuts it to a hundredth, step after step. A stronger penalty is
the cure: a minimum that is a thousand times more penalised is near, and each tenfold weaker one is near the last. So
when five steps had to be cut the loop goes back to the start and follows the penalty down (50,000 x 144, K = 58, C =
3.16: 250 passes in place of 1200). Doing that always would cost easy problems half as much again.

Stopping. `gap <= tol * F`: a relative gap, however small F is; loss, gradient and curvature keep their relative
accuracy (`_loss`), so on separable data with a weak penalty it can be reached where F itself goes to 0. Without a
penalty there is no minimum then, and F is measured against a thousandth of what there was to explain.

Rounding. Near the end F changes by less than its own rounding error, and an Armijo test compares noise. There the test
allows `NOISE |F|`, and what ends the loop is that the Newton decrement stopped shrinking.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._lbfgs import Descent, descend
from crossentropy.linear._metric import Metric
from crossentropy.linear._newton import NOISE, newton_step, search
from crossentropy.linear._objective import Objective, Point
from crossentropy.linear._run import Progress, Run, Watch

__all__ = ["Progress", "SolverResult", "Status", "Watch", "solve"]

Floats = NDArray[np.float64]

STALLED = 3
"""Newton steps in a row without halving a decrement that is below rounding, that mean: no more to gain."""

WORTH = 30.0
"""The certificate is worked out when its estimate is below so many times the target."""

LITTLE = 1e-3
"""The estimate of the gap, relative to the target, at which a bound that no longer halves is due to rounding."""

MOST_CUT = 5
"""Steps that the line search may cut before the penalty is followed down instead."""

FACTORS = (1e3, 1e2, 1e1, 1.0)
ROUGH = 1e-2
"""The penalties on the way down, relative to the one asked for, and the relative gap that each but the last is for."""

FLOOR = 1e-3
"""Without a penalty F may fall to 0, and is then measured against this share of the reference loss."""

SINGLE = 1e7
"""Multiply-adds of a product above which the descent begins in float32: below, a pass is all overhead."""

SINGLE_NOISE, DOUBLE_NOISE = 3e-7, 1e-15
"""Relative error of F in passes of either kind."""

MANY_ROWS, SHARE, FEWEST = 20_000, 20, 3000
"""Problems of more rows, and of float32 size, start from a fit to one row in `SHARE`, of `FEWEST` at least."""

STRONGER = 100.0
"""How much more that fit is penalised: in proportion to its rows it would over-fit them."""


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
    MAX_ITER = "Stopped at max_iter steps. The certified gap holds, but is above tol."
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
    """gap / objective (without a penalty: / max(objective, 1e-3 of the loss of the best constant prediction))."""
    n_iter: int
    """Steps: of L-BFGS and of Newton's method."""
    n_passes: int
    """Passes over the features: evaluations, curvature products, and the blocks at their cost in passes."""
    status: Status
    separation: Floats | None = field(default=None, repr=False)
    """Where the rows can be separated without error, the witness: parameters (outputs, width) under which the logit of
    each row's own class is strictly the largest, seen at the end; without a penalty the minimum is then not attained.
    None says nothing."""


def solve(
    objective: Objective,
    start: Floats,
    *,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    metric: Metric | None = None,
    near: bool = False,
    watch: Watch | None = None,
) -> tuple[SolverResult, Metric | None]:
    """Minimise `objective` from `start`.

    Args:
        objective: the problem.
        start: (outputs, width) parameters to start from; projected first.
        tol: the relative gap to reach, see `SolverResult.relative_gap`.
        max_iter: most steps.
        rng: draws the rows of the preconditioner's blocks and of the first fit; nothing else is random.
        metric: blocks from a nearby problem, used until they stop paying.
        near: whether `start` is a solution of a nearby problem, to be improved at once.
        watch: told of each step; all passes are float64 then, and the certificate is worked out at each, for a pass.

    Returns:
        The result, and the blocks in use at the end for the next problem of a path.
    """
    start = objective.project(start)
    run = Run(objective, rng, metric, watch)
    if not near and objective.work >= SINGLE and objective.n_rows > MANY_ROWS and max_iter > 0:
        start = _of_few_rows(run, start)
    if near:
        # Two or three Newton steps from a nearby solution, in blocks at hand, take fewer passes than new pairs do: half
        # the time of a path over 16,000 x 16 with 26 classes, a quarter over 50,948 x 144 with 58. What is nearby is
        # the solution of a stronger penalty: there is no better one to follow down from.
        found = _newton(run, run.evaluate(start), tol, max_iter, None)
    else:
        point, found = _descended(run, start, tol, max_iter)
        if found is None:
            found = _newton(run, point, tol, max_iter, MOST_CUT if objective.penalty.l2 > 0.0 else None)
    if found is None:
        found = _followed_down(run, start, tol, max_iter)
    return replace(found, n_iter=run.n_iter, n_passes=round(run.passes)), run.kept_metric()


def _of_few_rows(run: Run, start: Floats) -> Floats:
    """Return the parameters of a rough fit to some rows, more penalised."""
    objective = run.objective
    few = max(FEWEST, objective.n_rows // SHARE)
    penalty = replace(objective.penalty, l2=STRONGER * objective.penalty.l2)
    problem = objective.single().sample(few, run.rng).with_penalty(penalty)
    rough = Run(problem, run.rng, None)
    descent = Descent(rough.evaluate(start))
    descend(rough, descent, ROUGH, 30, SINGLE_NOISE)
    run.passes += rough.passes * few / objective.n_rows
    return descent.point.parameters


def _descended(run: Run, start: Floats, tol: float, max_iter: int) -> tuple[Point, SolverResult | None]:
    """Descend by L-BFGS; return where that ended, and the result where the certificate was small enough."""
    objective, pairs = run.objective, []
    if objective.work >= SINGLE and run.watch is None:
        run.objective = objective.single()
        descent = Descent(run.evaluate(start))
        descend(run, descent, tol, max_iter, SINGLE_NOISE)
        run.objective = objective
        start, pairs = descent.point.parameters, descent.pairs
    descent = Descent(run.evaluate(start), pairs)
    for goal in (tol, 0.1 * tol):
        if not descend(run, descent, goal, max_iter, DOUBLE_NOISE):
            break
        point, scale = descent.point, _scale(objective, descent.point)
        tilt, _ = descent.tilt(objective.penalty.l2, intercept=objective.intercept)
        gap = run.gap(point, tilt)
        if gap <= tol * scale:
            run.tell(point, gap)
            return point, _result(run, point, gap, Status.REACHED)
    return descent.point, None


def _followed_down(run: Run, start: Floats, tol: float, max_iter: int) -> SolverResult:
    """Fit with a stronger penalty, then with weaker and weaker ones, each from the last solution."""
    objective, watch, found = run.objective, run.watch, None
    for factor in FACTORS:
        run.watch = watch if factor == 1.0 else None
        run.aim(objective.with_penalty(replace(objective.penalty, l2=factor * objective.penalty.l2)))
        goal = tol if factor == 1.0 else ROUGH
        found = _newton(run, run.evaluate(start), goal, max_iter, None)
        start = found.parameters if found else start
    assert found is not None
    return found


def _result(run: Run, point: Point, gap: float, status: Status) -> SolverResult:
    return SolverResult(
        point.parameters,
        point.value,
        gap,
        gap / _scale(run.objective, point),
        run.n_iter,
        round(run.passes),
        status,
        point.parameters if run.objective.separates(point) else None,
    )


def _newton(run: Run, point: Point, tol: float, max_iter: int, most_cut: int | None) -> SolverResult | None:
    """Take Newton steps from `point`; None once the line search has cut `most_cut` steps."""
    objective, run.thorough = run.objective, True
    best, best_gap = point, np.inf
    lowest, stalled = np.inf, 0
    while True:
        target = tol * _scale(objective, point)
        estimate, rounding = objective.gap_estimate(point), False
        if run.watch is not None or estimate <= WORTH * target:
            gap = run.gap(point)
            # the estimate is without rounding: a bound that stays above it is of nothing else
            rounding = estimate <= LITTLE * target and gap > 0.5 * best_gap
            best, best_gap = min((best, best_gap), (point, gap), key=itemgetter(1))
        stop = run.tell(point, best_gap)
        if best_gap <= tol * _scale(objective, best):
            status = Status.REACHED
            break
        if stop:
            status = Status.STOPPED
            break
        if rounding:
            status = Status.ARITHMETIC
            break
        step = newton_step(run, point, 0.2 * objective.penalty.l2 * target)
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
        moved = None if small and stalled >= STALLED else search(run, point, step, -2.0 * decrement)
        if moved is None:
            status = Status.ARITHMETIC
            break
        point = moved
        if most_cut is not None and run.n_cut >= most_cut:
            return None
    if status is not Status.REACHED:
        best, best_gap = min((best, best_gap), (point, run.gap(point)), key=itemgetter(1))
    return _result(run, best, best_gap, status)


def _scale(objective: Objective, point: Point) -> float:
    least = FLOOR * objective.reference if objective.penalty.l2 == 0.0 else 0.0
    return max(point.value, least, np.finfo(float).tiny)
