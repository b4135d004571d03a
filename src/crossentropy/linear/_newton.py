r"""A Newton step by conjugate gradients in the metric of the curvature blocks, and the line search along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._objective import Point
from crossentropy.linear._run import Run

__all__ = ["NOISE", "newton_step", "search"]

Floats = NDArray[np.float64]

NOISE = 16 * np.finfo(np.float64).eps
"""Relative rounding error of F."""


def newton_step(run: Run, point: Point, enough: float) -> Floats:
    """Solve H s = -g by preconditioned conjugate gradients.

    To a residual of `forcing` in the metric, relative to g; or until the next gradient, which is that residual but
    for the change of curvature, need not be shorter: its squared length is below `enough`.
    """
    objective, inverse = run.objective, run.preconditioner(point)
    before, step = run.age, np.zeros_like(point.gradient)
    residual = -point.gradient
    towards = direction = objective.project(inverse.solve(residual))
    norm = power = float(np.vdot(residual, towards))
    run.first_norm = run.first_norm or norm
    forcing = float(np.clip((norm / run.first_norm) ** 0.5, 1e-10, 0.09)) if norm > 0.0 else 0.09
    for _ in range(max(20, 2 * step.size)):
        bent = objective.curvature_product(point, direction)
        run.passes += 1
        run.age += 1
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
    run.pace = (run.age - before) / max(0.1, np.log10(max(norm, 1e-300) / max(power, 1e-300)))
    run.first_pace = run.first_pace or run.pace
    return step if np.any(step) else direction


def search(run: Run, point: Point, step: Floats, slope: float) -> Point | None:
    """Return a point along `step` that lowers F by Armijo's rule, up to rounding; None where there is none."""
    length = 1.0
    for _ in range(40):
        trial = run.evaluate(point.parameters + length * step)
        change = trial.value - point.value
        if change <= 1e-4 * length * slope + NOISE * abs(point.value):
            run.n_iter += 1
            run.n_cut += length < 1.0
            return trial
        bend = 2.0 * (change - length * slope)
        fitted = -slope * length / bend if np.isfinite(bend) and bend > 0.0 else 0.1
        length *= float(np.clip(fitted, 0.1, 0.5))
    return None
