r"""L-BFGS in the metric of the curvature blocks: the way to the minimum for nearly every problem.

    repeat
        direction <- two-loop recursion over the last `PAIRS` steps, with the inverse blocks as initial metric
        point     <- line search along it (unit step almost always): one pass
        blocks    <- anew, when the probabilities have moved away from those that the blocks were built at

A Newton step by conjugate gradients spends 5 to 20 curvature products on one model; the products teach nothing to the
next model. Here every pass is a gradient at a new point, and its difference from the last one is a curvature product
along the step, kept for `PAIRS` steps. In the same metric that takes a third of the passes (docs/solver.md).
What it lacks is the quadratic end; the Newton loop in `_solver` takes over where this one stops gaining.

The pairs also give the certificate its tilt. With s_k the steps and y_k = H s_k (nearly, near the end), a direction
:math:`s = \sum_k \alpha_k s_k` has a known H s, so the bound of `_certificate` for the dual point tilted along s,

.. math:: -\tfrac12 s^T H s - s^T g + \frac{\lVert (g + H s)_W \rVert^2}{2 l_2},

is a small quadratic in alpha, and its minimum costs nothing. It predicts what the certificate will say, and so ends
the descent.

Rounding. In float32 passes the value carries an error of about 1e-7 F. A change below that is no news; there the line
search takes a step by its slope instead: Hager & Zhang, "A new conjugate gradient method with guaranteed descent and an
efficient line search", SIAM Journal on Optimization 16 (2005), the approximate Wolfe condition (4.1).

References: Nocedal & Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._objective import Point
from crossentropy.linear._run import Run

__all__ = ["Descent", "descend"]

Floats = NDArray[np.float64]

PAIRS = 20
"""Steps remembered. 10 and 40 were measured alike."""

DRIFT = 0.25
YOUNG = 6
BUILDS = 4
"""Blocks are built anew when |p - p_then|_1 exceeds this share of sum 2 p (1 - p), after so many steps, so often."""

HOPELESS = 25
"""Steps in a row without halving the decrement, that mean: this is not the way."""

SURE = 0.5
"""The descent ends when the predicted bound is below this share of the target."""

NEAR = 30.0
"""The bound is predicted once the decrement is below so many times the target."""


@dataclass(eq=False)
class Descent:
    """Where a descent stands, and the steps it remembers."""

    point: Point
    pairs: list[tuple[Floats, Floats, float]] = field(default_factory=list)
    """(step, change of the gradient, 1 / their product)."""

    def direction(self, run: Run) -> Floats:
        """Return minus the L-BFGS approximation of H^-1 g."""
        q = self.point.gradient.copy()
        weights = []
        for step, change, rho in reversed(self.pairs):
            weights.append(rho * float(np.vdot(step, q)))
            q -= weights[-1] * change
        q = run.objective.project(run.preconditioner(self.point).solve(q))
        for (step, change, rho), weight in zip(self.pairs, reversed(weights), strict=True):
            q += (weight - rho * float(np.vdot(change, q))) * step
        return -q

    def move(self, point: Point) -> None:
        """Go to `point`, and remember the step when it shows positive curvature."""
        step = point.parameters - self.point.parameters
        change = point.gradient - self.point.gradient
        product = float(np.vdot(step, change))
        if product > 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
            self.pairs = [*self.pairs[1 - PAIRS :], (step, change, 1.0 / product)]
        self.point = point

    def tilt(self, l2: float, *, intercept: bool) -> tuple[Floats | None, float]:
        """Return the combination of the pairs with the least predicted bound, and that bound (see the top)."""
        if not self.pairs or l2 <= 0.0:
            return None, np.inf
        shape, g = self.point.gradient.shape, self.point.gradient.ravel()
        free = np.ones(shape)
        if intercept:
            free[:, -1] = 0.0
        steps = np.array([step.ravel() for step, _, _ in self.pairs])
        changes = np.array([change.ravel() for _, change, _ in self.pairs])
        pulled = changes * free.ravel()
        bends = steps @ changes.T
        system = pulled @ pulled.T / l2 - 0.5 * (bends + bends.T)
        wanted = steps @ g - pulled @ g / l2
        scale = 1.0 / np.sqrt(np.maximum(np.einsum("ij,ij->i", pulled, pulled) / l2, 1e-300))
        solution = np.linalg.lstsq(system * scale * scale[:, None], wanted * scale, rcond=1e-10)[0] * scale
        direction, bent = solution @ steps, solution @ changes
        left = (g + bent) * free.ravel()
        bound = -0.5 * float(direction @ bent) - float(direction @ g) + float(left @ left) / (2.0 * l2)
        return direction.reshape(shape), bound


def descend(run: Run, descent: Descent, tol: float, max_iter: int, noise: float) -> bool:
    """Move `descent` until its predicted bound is below `tol` of F; say whether that was reached.

    Args:
        run: counts passes and steps, and keeps the blocks.
        descent: where to start; moved.
        tol: the relative gap wanted.
        max_iter: most steps of the run.
        noise: relative error of the value, below which its changes are no news.
    """
    objective, built, young, builds = run.objective, descent.point, 0, 1
    lowest, hopeless = np.inf, 0
    while run.n_iter < max_iter:
        point = descent.point
        direction = descent.direction(run)
        slope = float(np.vdot(point.gradient, direction))
        decrement, target = -0.5 * slope, tol * (point.value - objective.floor)
        if not decrement > 0.0 or (objective.penalty.l2 == 0.0 and decrement <= 0.1 * target):
            return True
        if decrement <= NEAR * target:
            _, bound = descent.tilt(objective.penalty.l2, intercept=objective.intercept)
            if min(bound / SURE, objective.gap_estimate(point)) <= target:
                return True
        hopeless = 0 if decrement < 0.5 * lowest else hopeless + 1
        lowest = min(lowest, decrement)
        if hopeless > HOPELESS or run.tell(point):
            return False
        moved = _search(run, point, direction, slope, noise)
        if moved is None:
            return False
        descent.move(moved)
        young += 1
        if young >= YOUNG and builds < BUILDS and _drift(moved, built) > DRIFT:
            run.rebuild(moved)
            descent.pairs, built, young, builds = [], moved, 0, builds + 1
    return False


def _drift(point: Point, then: Point) -> float:
    """Return how far the probabilities have moved, relative to their own spread; on about a million of them."""
    every = 1 + point.probabilities.size // 1_000_000
    p, q = point.probabilities[::every], then.probabilities[::every]
    return float(np.abs(p - q).sum()) / max(2.0 * float((q * (1.0 - q)).sum()), 1e-30)


def _search(run: Run, point: Point, direction: Floats, slope: float, noise: float) -> Point | None:
    length = 1.0
    for _ in range(20):
        trial = run.evaluate(point.parameters + length * direction)
        change = trial.value - point.value
        flat = abs(change) <= noise * abs(point.value)
        if change <= 1e-4 * length * slope or (
            flat and abs(float(np.vdot(trial.gradient, direction))) <= 0.9 * abs(slope)
        ):
            run.n_iter += 1
            return trial
        bend = 2.0 * (change - length * slope)
        fitted = -slope * length / bend if np.isfinite(bend) and bend > 0.0 else 0.1
        length *= float(np.clip(fitted, 0.1, 0.5))
    return None
