r"""L1 and elastic net: proximal Newton steps on a working set of coefficients.

    evaluate F, its gradient everywhere, and the certificate (`_l1_certificate`)      two passes
    working set <- coefficients that are not 0, and those whose slope is furthest above l1
    a few times: model <- exact curvature at the point, on the working set
                 d     <- coordinate descent on  g.d + d.H d / 2 + l1 |W + d|_1       (`_coordinate_kernels`)
                 go along d until F + l1 |W|_1 has fallen enough; X d is known, so this costs no product

Why this. The minimum has a few hundred coefficients that are not 0 among millions, and after the first steps everything
but the certificate touches those alone. The curvature of softmax couples the classes; a coordinate's slope in it needs
sum_k p_k u_k of each row and nothing else, so the model is exact where majorised or diagonal models (one-vs-rest, the
bound of Boehning) take many times the steps. Stochastic methods (SAGA) need no curvature and thousands of passes.

From a cold start the penalty is followed down from where the first coefficient appears, tenfold a step.

References: Friedman, Hastie & Tibshirani, Journal of Statistical Software 33 (2010), section 4; Yuan, Ho & Lin, "An
improved GLMNET for l1-regularized logistic regression", JMLR 13 (2012); Massias, Gramfort & Salmon, "Celer", ICML
(2018), for working sets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crossentropy.linear._coordinate_kernels import (
    close_sweep,
    column_sums,
    open_sweep,
    sweep_columns,
    sweep_dense,
    sweep_intercept,
)
from crossentropy.linear._l1_certificate import intercept_tilt, l1_gap
from crossentropy.linear._objective import Point
from crossentropy.linear._run import Progress, Watch
from crossentropy.linear._solver import SolverResult, Status
from crossentropy.linear._table_objective import TableObjective
from crossentropy.linear._tables import DenseTable, SideBySide, SparseTable, Table

__all__ = ["solve_l1"]

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

NOISE = 16 * np.finfo(np.float64).eps
ROUGH = 3e-2
STEP_DOWN = 10.0
"""From a cold start l1 falls by this factor a time, each fitted to the relative gap ROUGH."""

INNER = 8
"""Newton steps on one working set."""

LEAST_ROOM, MOST_ROOM = 0.1, 16.0
"""How far, in nats of a logit, one coefficient may go in a step: a row with p = 1e-4 has next to no curvature."""

INTERCEPT_STEPS = 10
NEAR = 0.01
"""Newton steps of the intercepts alone are taken until they are shorter than this, in nats."""

SWEEPS = 200
SETTLED = 1e-2
"""Coordinate descent ends when a sweep moves less than this share of the first one's; less near the minimum."""

TINY = float(np.finfo(np.float64).tiny)


def solve_l1(
    objective: TableObjective,
    start: Floats,
    *,
    tol: float,
    max_iter: int,
    watch: Watch | None = None,
) -> SolverResult:
    """Minimise objective + l1 |W|_1 from `start`; the arguments are those of `_solver.solve`."""
    run = _Run(objective, np.array(start, dtype=np.float64, order="F"), max_iter, watch)
    final = objective.penalty
    if not np.any(run.weight):
        strongest = float(np.abs(run.slopes(run.evaluate())).max(initial=0.0))
        strength = strongest / STEP_DOWN
        while strength > 3.0 * final.l1:
            ratio = strength / final.l1
            run.objective = objective.with_penalty(replace(final, l1=strength, l2=ratio * final.l2))
            run.descend(ROUGH, told=False)
            strength /= STEP_DOWN
        run.objective = objective
    return run.descend(tol, told=True)


@dataclass(eq=False)
class _Run:
    """Parameters and their logits, kept in step."""

    objective: TableObjective
    parameters: Floats
    max_iter: int
    watch: Watch | None

    def __post_init__(self) -> None:
        self.columns = _columns_of(self.objective.rows.table)
        self.logits: Floats = self.objective.rows.logits(self.parameters)
        self.n_iter = 0
        self.passes = 1.0
        self.most_moved = 0.0
        self.room = 1.0

    @property
    def weight(self) -> Floats:
        """The penalised part (outputs, D), a view."""
        return self.parameters[:, : self.objective.rows.table.shape[1]]

    def norm(self) -> float:
        """Return l1 |W|_1."""
        return self.objective.penalty.l1 * float(np.abs(self.weight).sum())

    def evaluate(self) -> Point:
        """Return the smooth part and its gradient everywhere: half a pass, the logits being known."""
        objective, intercept = self.objective, self.objective.rows.intercept
        value, mass, probabilities, residual = self._rows_with_free_intercept()
        gradient: Floats = objective.rows.pull(residual)
        gradient += objective.penalty.gradient(self.parameters, intercept=intercept)
        value += objective.penalty.value(self.parameters, intercept=intercept)
        self.passes += 0.5
        return Point(self.parameters.copy(order="F"), value, gradient, probabilities, mass)

    def _rows_with_free_intercept(self) -> tuple[float, float, Floats, Floats]:
        """Return what `row_losses` does, after Newton steps for the intercepts alone.

        They cost no product, and the certificate needs class frequencies that are nearly right, of rare classes too.
        """
        objective = self.objective
        for trial in range(INTERCEPT_STEPS + 1):
            found = objective.row_losses(self.logits.copy())
            if not objective.rows.intercept or trial == INTERCEPT_STEPS:
                break
            value, mass, probabilities, residual = found
            free = residual.sum(axis=0)[:, None]
            tilt, _ = intercept_tilt(
                objective.dual_data(), Point(self.parameters, value, free, probabilities, mass)
            )
            step = np.clip(tilt[-len(free) :], -1.0, 1.0)
            if np.abs(step).max() < NEAR:
                break
            self.parameters[:, -1] += step
            self.logits += step
        return found

    def slopes(self, point: Point) -> Floats:
        """Return the gradient of the penalised part."""
        return point.gradient[:, : self.objective.rows.table.shape[1]]

    def descend(self, tol: float, *, told: bool) -> SolverResult:
        """Descend until the certified relative gap is at most `tol`."""
        objective = self.objective
        best: tuple[float, Point, float] | None = None
        stalled, last = 0, np.inf
        while True:
            point = self.evaluate()
            value, gap = point.value + self.norm(), l1_gap(self.objective, point)
            self.passes += 0.5
            scale = max(value, TINY)
            stalled = 0 if best is None or gap < 0.5 * best[0] else stalled + 1
            lost = np.inf if best is None else last - value
            last = value
            if best is None or gap < best[0]:
                best = (gap, point, value)
            status = None
            if best[0] <= tol * scale:
                status = Status.REACHED
            elif (
                told
                and self.watch is not None
                and self.watch(Progress(point.parameters, value, best[0], self.n_iter))
            ):
                status = Status.STOPPED
            elif self.n_iter >= self.max_iter:
                status = Status.MAX_ITER
            elif (stalled > 10 and lost <= NOISE * value) or not self._improve(point, tol * scale):
                status = Status.ARITHMETIC
            if status is not None:
                gap, point, value = best
                if objective.rows.intercept and objective.loss.outputs > 1:  # plain intercepts of sum zero
                    point.parameters[:, -1] -= objective.rows.to_plain(point.parameters)[:, -1].mean()
                relative = gap / max(value, TINY)
                return SolverResult(
                    point.parameters, value, gap, relative, self.n_iter, round(self.passes), status
                )

    def _improve(self, point: Point, target: float) -> bool:
        """Take Newton steps on a working set; False where not even the first one gains."""
        active = self._working_set(point)
        table = self.columns.of(np.unique(np.concatenate(active)))
        first, gained = 0.0, False
        for inner in range(INNER):
            if self.n_iter >= self.max_iter:
                break
            if inner > 0:
                value, mass, probabilities, residual = self.objective.row_losses(self.logits.copy())
                value += self.objective.penalty.value(
                    self.parameters, intercept=self.objective.rows.intercept
                )
                point = Point(self.parameters, value, residual.T, probabilities, mass)
                self.passes += 0.1
            model = _Model(self, point, active, table, whole=inner == 0)
            # The bound falls with the slopes' error, F with its square.
            decrease = model.minimise(0.1 * target * min(1.0, target / max(point.value, TINY)))
            moved = self._go(point, model, decrease)
            gained = gained or moved
            self.n_iter += 1
            first = first or decrease
            if not moved or decrease <= 0.05 * first:
                break
        return gained

    def _working_set(self, point: Point) -> list[Places]:
        """Return, for each output, the columns in play: coefficients that are not 0, and the worst violations."""
        slopes, l1 = np.abs(self.slopes(point)), self.objective.penalty.l1
        support = self.weight != 0.0
        violation = np.where(support, 0.0, slopes - l1)
        wanted = max(2 * int(support.sum()), 50 * len(slopes), 100)
        found = int((violation > 0.0).sum())
        least = 0.0
        if found > wanted:
            least = float(np.partition(violation[violation > 0.0], found - wanted)[found - wanted])
        chosen = support | ((violation > 0.0) & (violation >= least))
        return [np.flatnonzero(row) for row in chosen]

    def _go(self, point: Point, model: _Model, decrease: float) -> bool:
        """Move along the model's step by Armijo's rule; False where rounding is all there is to gain."""
        if not decrease > 0.0:
            return False
        objective, length = self.objective, 1.0
        here = point.value + model.norm(0.0)
        for _ in range(30):
            logits = self.logits + length * model.change.T
            there = objective.row_losses(logits.copy())[0] + model.square(length) + model.norm(length)
            self.passes += 0.1
            if there <= here - 1e-3 * length * decrease + NOISE * abs(here):
                break
            length *= 0.5
        else:
            return False
        self.logits = logits
        for c, (places, step) in enumerate(zip(model.active, model.steps(), strict=True)):
            self.parameters[c, places] += length * step
        if objective.rows.intercept:
            self.parameters[:, -1] += length * model.shift
        self.room = min(2.0 * self.room, MOST_ROOM) if length == 1.0 else max(length * self.room, LEAST_ROOM)
        return True


class _Model:
    """The quadratic model at a point on a working set, and the step that minimises it."""

    def __init__(
        self, run: _Run, point: Point, active: list[Places], table: _Columns, *, whole: bool
    ) -> None:
        objective = run.objective
        self.run, self.active, self.table = run, active, table
        self.l1, self.l2 = objective.penalty.l1, objective.penalty.l2
        self.intercept = objective.rows.intercept
        omega, outputs = objective.loss.weights, objective.loss.outputs
        p = np.ascontiguousarray(point.probabilities.T)
        self.share = p if outputs > 1 else np.zeros((1, p.shape[1]))
        self.mass = omega * p if outputs > 1 else (omega * p[0] * p[1])[None]
        self.change = np.zeros((outputs, p.shape[1]))
        self.mixed = np.zeros(p.shape[1])
        """sum_k p_k u_k of each row."""
        self.bend, self.pull = np.empty(p.shape[1]), np.empty(p.shape[1])
        self.shift = np.zeros(outputs)
        self.room = [run.room / np.maximum(objective.reach[places], TINY) for places in active]
        self.origin = [run.weight[c, places].copy() for c, places in enumerate(active)]
        self.weight = [origin.copy() for origin in self.origin]
        self.gradient, self.curvature = [], []
        self.free = point.gradient[:, -1].copy() if whole else point.gradient.sum(axis=1)
        for c, places in enumerate(active):
            bend = self.mass[c] * (1.0 - self.share[c])
            linear = np.zeros(p.shape[1]) if whole else np.ascontiguousarray(point.gradient[c])
            first, second = table.sums(places, linear, bend)
            own = point.gradient[c, places] if whole else first + self.l2 * self.origin[c]
            self.gradient.append(own)
            self.curvature.append(second + self.l2)

    def steps(self) -> list[Floats]:
        """Return the step of each output's active coefficients."""
        return [weight - origin for weight, origin in zip(self.weight, self.origin, strict=True)]

    def norm(self, length: float) -> float:
        """Return l1 |W|_1 that far along the step: nothing outside the working set is not 0."""
        pairs = zip(self.origin, self.weight, strict=True)
        return self.l1 * sum(float(np.abs(o + length * (w - o)).sum()) for o, w in pairs)

    def square(self, length: float) -> float:
        """Return l2 |W|^2 / 2 that far along the step."""
        pairs = zip(self.origin, self.weight, strict=True)
        return 0.5 * self.l2 * sum(float(((o + length * (w - o)) ** 2).sum()) for o, w in pairs)

    def minimise(self, enough: float) -> float:
        """Sweep until little moves; return the decrease that the slope and the L1 norm promise."""
        run, first, settled = self.run, 0.0, SETTLED
        whole = True
        for sweep in range(SWEEPS):
            moved = sum(self._sweep(c, whole=whole) for c in range(len(self.active)))
            if sweep == 0:
                first = moved
                run.most_moved = max(run.most_moved, first, TINY)
                settled = max(1e-8, SETTLED * (first / run.most_moved) ** 0.25)
            small = moved <= max(settled * first, enough)
            if small and whole and sweep > 0:
                break
            whole = small  # those at 0 are looked at again once the others have settled
        promised = float(self.free @ self.shift) if self.intercept else 0.0
        for gradient, weight, origin in zip(self.gradient, self.weight, self.origin, strict=True):
            promised += float(gradient @ (weight - origin))
            promised += self.l1 * float(np.abs(weight).sum() - np.abs(origin).sum())
        return -promised

    def _sweep(self, c: int, *, whole: bool) -> float:
        """Visit the coefficients of one output, or those that are not 0; return how much moved, in nats."""
        share, change, bend, pull = self.share[c], self.change[c], self.bend, self.pull
        open_sweep(self.mass[c], share, change, self.mixed, bend, pull)
        total = 0.0
        if self.intercept:
            step = sweep_intercept(self.free[c], bend, pull, change, self.shift[c], self.run.room)
            self.shift[c] += step
            total += step * step * float(bend.sum())
        total += self.table.sweep(
            self.active[c],
            self.weight[c],
            self.origin[c],
            self.gradient[c],
            self.curvature[c],
            bend,
            pull,
            change,
            self.l1,
            self.l2,
            whole,
            self.room[c],
        )
        close_sweep(share, change, self.mixed)
        return total


class _Columns:
    """Sparse columns, all of them."""

    def __init__(self, by_column: sparse.csc_array) -> None:
        self.parts = (by_column.indptr, by_column.indices, by_column.data)

    def of(self, places: Places) -> _Columns:
        """Return what serves the columns named."""
        return self

    def sums(self, places: Places, linear: Floats, square: Floats) -> tuple[Floats, Floats]:
        """Return sum_i x_ij linear_i and sum_i x_ij^2 square_i."""
        first, second = column_sums(*self.parts, places, linear, square)
        return first, second

    def sweep(self, places: Places, *model: Any) -> float:
        """Visit each coefficient once; return how much moved."""
        return float(sweep_columns(*self.parts, places, *model))


class _DenseColumns(_Columns):
    """Dense columns, those in play copied one after the other."""

    def __init__(self, table: DenseTable) -> None:
        self.table = table
        self.places: Places = np.empty(0, dtype=np.intp)
        self.copy: Floats = np.empty((0, table.shape[0]))

    def of(self, places: Places) -> _Columns:
        """Copy the columns named, unless they are there."""
        if not np.isin(places, self.places).all():
            self.places = places
            chosen = self.table.features[:, places].astype(np.float64)
            self.copy = np.ascontiguousarray((chosen - self.table.shift[places]).T)
        return self

    def sums(self, places: Places, linear: Floats, square: Floats) -> tuple[Floats, Floats]:
        """Return sum_i x_ij linear_i and sum_i x_ij^2 square_i."""
        x = self.copy[np.searchsorted(self.places, places)]
        return x @ linear, np.einsum("ji,ji,i->j", x, x, square)

    def sweep(self, places: Places, *model: Any) -> float:
        """Visit each coefficient once; return how much moved."""
        return float(sweep_dense(self.copy, np.searchsorted(self.places, places), *model))


def _columns_of(table: Table) -> _Columns:
    if isinstance(table, DenseTable):
        return _DenseColumns(table)
    return _Columns(_by_column(table))


def _by_column(table: Table) -> sparse.csc_array:
    if isinstance(table, SparseTable):
        return table.by_column
    if isinstance(table, SideBySide):
        return sparse.csc_array(sparse.hstack([_by_column(part) for part in table.tables]))
    assert isinstance(table, DenseTable)
    return sparse.csc_array(table.features.astype(np.float64) - table.shift)
