r"""Conjugate directions with the logits at hand: the method for tens of thousands of columns.

With so many columns, most of them rare, the curvature at a point says little about a step from it: a row that is not
yet fitted has p near 0, next to no curvature and a full gradient, and the words that it shares with nobody are moved
far too far. Newton's steps then have to be cut to a quarter, twenty times in a row, and each cost ten products
(50,000 x 77,249, K = 58, C = 10: 276 passes from zero, 154 when the penalty is followed down). What does work is to
turn after every product, and to go along each direction exactly as far as F falls:

    z          <- D^-1 g, projected               D: the curvature's diagonal (and blocks for dense columns)
    direction  <- -z + beta direction             beta by Polak and Ribiere, at least 0
    U          <- X direction                     one product
    t          <- argmin F(theta + t direction)   on Z + t U: no product, a few exponentials
    theta, Z   <- theta + t direction, Z + t U
    g          <- X^T R + l2 W                    one product, transposed

An iteration is one pass, and there is no second evaluation ever: 69 passes in the problem above, certified. The line
search costs what a row costs beside its products. L-BFGS with the same line search took 87 passes with 10 pairs and 90
with 4, and reads and writes ten times as many vectors, which at K D = 4.5 million entries are as dear as the products.

Precision. Products are bound by the memory they gather from, so the descent works on float32 coefficients, logits and
residuals (long sums in float64) while the gap it aims at is well above what float32 can tell, then certifies in
float64. Where the certificate is not there yet, it goes on in float64 from where it is; where conjugate directions
stall (columns of correlation 0.999), Newton steps finish (`_solver`).

References: Polak & Ribiere, "Note sur la convergence de methodes de directions conjuguees", ESAIM 3 (1969); Nocedal &
Wright, "Numerical Optimization" (2006), 5.2 (restarts, beta >= 0).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._dense_blocks import dense_blocks
from crossentropy.linear._metric import Metric, Preconditioner
from crossentropy.linear._objective import Point
from crossentropy.linear._run import Progress, Watch
from crossentropy.linear._solver import SolverResult, Status, solve
from crossentropy.linear._solver import _scale as scale_of
from crossentropy.linear._sparse_kernels import advance, scale_and_centre, turn
from crossentropy.linear._table_objective import TableObjective
from crossentropy.linear._threads import in_threads, row_ranges

__all__ = ["descend"]

Floats = NDArray[np.float64]
Real = NDArray[Any]
"""float32 or float64."""

FACTORS = (100.0, 10.0, 1.0)
ROUGH = 3e-2
"""From a cold start the penalty is followed down in these steps, to this relative gap each."""

SINGLE = 1e-7
"""Relative gaps from this on are looked for in float32 first."""

ROUNDS: tuple[tuple[type[Any], float], ...] = ((np.float32, 0.7), (np.float64, 0.5), (np.float64, 0.1))
"""Precision, and the estimate to reach relative to tol, until the certificate says that tol is met."""

PATIENCE = 40
"""Iterations in which the gap must have halved, or conjugate directions have stalled."""

MOST = 400
"""Iterations before Newton steps take over."""

FLAT = 0.1
"""The line search ends where the slope is below this share of the first."""

REVIEWS = (2, 5, 10, 20, 40, 80, 160)
"""Iterations at which the diagonal is looked at again."""

EVERY = 15
"""Iterations after which the blocks of dense columns are built anew: kept for good, the gap of the problem in
`_dense_blocks` stands still at 2e-2, and 166 iterations are taken where 88 suffice."""

TINY = float(np.finfo(np.float64).tiny)
MOST_TRIALS = 20

DRIFT = 0.3
"""Share of the classes' curvature that may change before the diagonal is worked out again."""


def descend(
    objective: TableObjective,
    start: Floats,
    *,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    watch: Watch | None = None,
) -> SolverResult:
    """Minimise a wide `objective` from `start`; the arguments are those of `_solver.solve`."""
    cold = not np.any(start[:, : objective.rows.table.shape[1]])
    spent = _Spent(max_iter, watch)
    parameters: Floats = np.asfortranarray(objective.project(start), dtype=np.float64)
    for factor in FACTORS if cold else (1.0,):
        problem = objective
        if factor != 1.0:
            stronger = replace(objective.penalty, l2=factor * objective.penalty.l2)
            problem = objective.with_penalty(stronger)
        for work, goal in ROUNDS if factor == 1.0 else ((np.float32, ROUGH / tol),):
            if work is np.float32 and goal * tol < SINGLE:
                continue
            descent = _Descent(problem, parameters, work, rng)
            descent.run(goal * tol, spent, told=factor == 1.0)
            parameters = objective.project(descent.parameters.T.astype(np.float64))
            if factor != 1.0:
                continue
            point = objective.evaluate(parameters)
            gap = objective.gap(point)
            spent.passes += 2
            if gap <= tol * scale_of(objective, point) or spent.stopped or spent.left <= 0:
                return _result(objective, point, gap, tol, spent)
    left = max_iter - spent.n_iter
    finished, _ = solve(objective, parameters, tol=tol, max_iter=left, rng=rng, watch=watch)
    return replace(
        finished,
        n_iter=finished.n_iter + spent.n_iter,
        n_passes=round(finished.n_passes + spent.passes),
    )


def _result(objective: TableObjective, point: Point, gap: float, tol: float, spent: _Spent) -> SolverResult:
    relative = gap / scale_of(objective, point)
    status = Status.MAX_ITER
    if relative <= tol:
        status = Status.REACHED
    elif spent.stopped:
        status = Status.STOPPED
    return SolverResult(
        point.parameters,
        point.value,
        gap,
        relative,
        spent.n_iter,
        round(spent.passes),
        status,
        point.parameters if objective.separates(point) else None,
    )


class _Spent:
    """Iterations and passes so far, and who is told of them."""

    def __init__(self, max_iter: int, watch: Watch | None) -> None:
        self.max_iter = max_iter
        self.watch = watch
        self.n_iter = 0
        self.passes = 0.0
        self.stopped = False

    @property
    def left(self) -> int:
        """Iterations left."""
        return self.max_iter - self.n_iter

    def tell(self, objective: TableObjective, parameters: Real) -> bool:
        """Tell the watch, with a certificate; return whether it wants the end."""
        if self.watch is None:
            return False
        point = objective.evaluate(parameters.T.astype(np.float64))
        self.passes += 2
        progress = Progress(point.parameters, point.value, objective.gap(point), self.n_iter)
        self.stopped = self.watch(progress)
        return self.stopped


class _Descent:
    """The state of one descent: everything with a row or a column for each of the table's, in one precision."""

    def __init__(
        self, objective: TableObjective, parameters: Floats, work: type[Any], rng: np.random.Generator
    ) -> None:
        self.objective = objective
        self.work = work
        self.rng = rng
        loss, rows = objective.loss, objective.rows
        self.penalised = rows.table.shape[1]
        self.l2 = objective.penalty.l2
        self.parameters: Real = np.ascontiguousarray(parameters.T, dtype=work)
        self.logits: Real = rows.logits(parameters).astype(work, copy=False)
        self.probabilities: Real = np.empty((len(loss), loss.n_classes), dtype=work)
        self.residual: Real = np.empty((len(loss), loss.outputs), dtype=work)
        self.columns = row_ranges(rows.width, float(self.parameters.size) * 4.0)
        self.pulled = objective.penalty.value(parameters, intercept=rows.intercept)
        self.loss, _ = self._along(np.zeros_like(self.logits), 0.0)
        self.direction = np.zeros_like(self.parameters)
        self.towards = np.empty_like(self.parameters)
        self.before = np.zeros_like(self.parameters)
        self.gradient, self.square = self._gradient(0.0)
        self.power = 0.0
        self._build()

    @property
    def value(self) -> float:
        """F where the descent stands."""
        return self.loss + self.pulled

    def run(self, tol: float, spent: _Spent, *, told: bool) -> None:
        """Descend until the gap is about `tol`, relative, or nothing more is gained."""
        spent.passes += 2.0
        best, since = np.inf, 0
        most = min(spent.left, MOST)
        for iteration in range(most + 1):
            gap = self._gap_estimate()
            if gap < 0.5 * best:
                best, since = gap, iteration
            done = gap <= tol * max(self.value, TINY)
            if done or iteration == most or iteration - since > PATIENCE:
                return
            if told and spent.tell(self.objective, self.parameters):
                return
            if self._is_stale(iteration):
                self._build()
                spent.passes += 1
            if not self._iterate():
                return
            spent.n_iter += 1
            spent.passes += 1

    def _gap_estimate(self) -> float:
        """Return about what the certificate will say: |g_W|^2 / (2 l2), and the intercepts' part in the diagonal."""
        gap = self.square / (2.0 * self.l2)
        if self.objective.rows.intercept:
            free = self.gradient[-1].astype(np.float64)
            gap += 0.5 * float(free**2 @ (1.0 / np.maximum(self.built_for, TINY)))
        return gap

    def _iterate(self) -> bool:
        """Turn, and go along the new direction to the least F; False where no direction leads down."""
        now, then = self._precondition()
        kept = max(0.0, (now - then) / self.power) if self.power > 0.0 else 0.0
        self.power = now
        slope, pull, length = self._turn(kept)
        if not slope < 0.0 and kept > 0.0:  # no longer downhill: start again along -z
            slope, pull, length = self._turn(0.0)
        if not slope < 0.0:
            return False
        change = self.objective.rows.logits(self.direction.T)
        step = self._search(change, slope, self.l2 * pull, self.l2 * length)
        self.pulled += step * pull * self.l2 + 0.5 * step * step * self.l2 * length
        change *= self.work(step)
        self.logits += change
        self.before = self.gradient
        self.gradient, self.square = self._gradient(step)
        return True

    def _turn(self, kept: float) -> tuple[float, float, float]:
        """Turn the direction; return its slope, and <W, it> and <it, it> of the penalised part."""

        def part(columns: slice) -> tuple[float, float, float]:
            sums: tuple[float, float, float] = turn(
                self.direction,
                self.towards,
                self.work(kept),
                self.gradient,
                self.parameters,
                self.penalised,
                columns.start,
                columns.stop,
            )
            return sums

        slope, pull, length = np.sum(in_threads(part, self.columns), axis=0).tolist()
        return slope, pull, length

    def _gradient(self, step: float) -> tuple[Real, float]:
        """Move the parameters by `step` along the direction; return the gradient there, and the square of its W."""
        gradient: Real = np.ascontiguousarray(self.objective.rows.pull(self.residual).T)

        def part(columns: slice) -> float:
            square: float = advance(
                self.parameters,
                self.direction,
                self.work(step),
                gradient,
                self.work(self.l2),
                self.penalised,
                columns.start,
                columns.stop,
            )
            return square

        return gradient, sum(in_threads(part, self.columns))

    def _search(self, change: Real, slope: float, pull: float, length: float) -> float:
        """Return t > 0 where the slope along the direction is small; set loss, residual and probabilities there."""
        low, high, lowest = 0.0, np.inf, self.loss
        step = -slope / max(self._bend(change) + length, TINY)
        for trial in range(MOST_TRIALS):
            self.loss, reached = self._along(change, step)
            steep = reached + pull + step * length
            gained = self.loss + step * pull + 0.5 * step * step * length <= lowest
            if abs(steep) <= FLAT * abs(slope) or (trial > 4 and gained):
                break
            low, high = (low, step) if steep > 0.0 else (step, high)
            newton = step - steep / max(self._bend(change) + length, TINY)
            if not low < newton < high:
                newton = 0.5 * (low + high) if np.isfinite(high) else 4.0 * step
            step = newton
        return step

    def _along(self, change: Real, step: float) -> tuple[float, float]:
        """Return the loss at Z + step * change and its slope in the step; set residual and probabilities there."""
        loss = self.objective.loss

        def part(within: slice) -> tuple[float, float]:
            value, slope = 0.0, 0.0
            for span in self.objective.tiles(within):
                z = change[span] * self.work(step)
                z += self.logits[span]
                own, residual = loss.residual(z, span, self.probabilities[span])
                self.residual[span] = residual
                value += own
                slope += float(np.einsum("ij,ij->", residual, change[span], dtype=np.float64))
            return value, slope

        value, slope = np.sum(in_threads(part, self.objective.ranges()), axis=0).tolist()
        return value, slope

    def _bend(self, change: Real) -> float:
        """Return the second derivative of the loss along the direction, at the present probabilities."""

        def part(within: slice) -> float:
            total = 0.0
            for span in self.objective.tiles(within):
                u = change[span]
                bent = self.objective.loss.bend(u.copy(), span, self.probabilities[span])
                total += float(np.einsum("ij,ij->", bent, u, dtype=np.float64))
            return total

        return sum(in_threads(part, self.objective.ranges()))

    def _precondition(self) -> tuple[float, float]:
        """Set z = D^-1 g, projected; return <g, z> and <g before, z>."""
        centred = self.objective.loss.outputs > 1

        def part(columns: slice) -> tuple[float, float]:
            sums: tuple[float, float] = scale_and_centre(
                self.inverse, self.gradient, self.before, self.towards, centred, columns.start, columns.stop
            )
            return sums

        now, then = np.sum(in_threads(part, self.columns), axis=0).tolist()
        if self.blocks is not None:
            at, inverse = self.blocks
            towards = inverse.solve(self.gradient[at].T).T
            towards = towards - towards.mean(axis=1, keepdims=True) if centred else towards
            self.towards[at] = towards
            now += float(np.vdot(towards, self.gradient[at]))
            then += float(np.vdot(towards, self.before[at]))
        return now, then

    def _masses(self) -> tuple[Floats, Floats]:
        """Return omega p (1 - p), (N, outputs), and its sum of each output."""
        p = self.probabilities[:, -self.objective.loss.outputs :]
        mass = (p * (1.0 - p)) * self.objective.loss.weights[:, None].astype(self.work)
        return mass, mass.sum(axis=0, dtype=np.float64)

    def _is_stale(self, iteration: int) -> bool:
        """Whether to look at the curvature again: that of dense columns every so often, a diagonal where it drifted."""
        if self.blocks is not None and iteration > 0 and iteration % EVERY == 0:
            return True
        return iteration in REVIEWS and (self.blocks is not None or self._drifted())

    def _drifted(self) -> bool:
        _, now = self._masses()
        return bool(np.abs(now - self.built_for).sum() > DRIFT * self.built_for.sum())

    def _build(self) -> None:
        """Work out the preconditioner, and begin again along -z."""
        mass, self.built_for = self._masses()
        metric = Metric(self.objective.rows.pull_squares(mass), self.objective.rows.intercept)
        inverse = metric.with_penalty(self.objective.penalty).inverse
        self.inverse: Real = np.ascontiguousarray(inverse.T, dtype=self.work)
        self.blocks: tuple[NDArray[np.intp], Preconditioner] | None = None
        found = dense_blocks(self.objective, self.probabilities, self.rng)
        if found is not None:
            self.blocks = found.positions, found.metric.with_penalty(self.objective.penalty)
            self.inverse[found.positions] = 0.0
        self.power = 0.0
