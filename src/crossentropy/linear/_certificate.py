r"""How far from the minimum: a bound from the dual problem, without cancellation.

Mechanism
---------
For any distributions :math:`q_i` over the classes, log-sum-exp is at least :math:`\langle q,z\rangle + H(q)`, and the
shortfall is :math:`\mathrm{KL}(q\,\|\,p)`. Put into F, with :math:`A = \sum_i \omega_i (q_i - t_i) x_i^T`:

.. math:: F(W, b) - D(q) = \sum_i \omega_i \mathrm{KL}(q_i \| p_i) + \frac{\lVert A + l_2 W\rVert^2}{2 l_2}
          + \Big\langle b, \sum_i \omega_i (q_i - t_i)\Big\rangle

and D(q), the dual objective, is at most min F provided that the last sum vanishes: the free intercept asks that q has
the class frequencies of the targets. Every term is a square or a divergence: the bound keeps its relative accuracy
however small it is, where F - D(q) evaluated as a difference ends at 1e-16 F.

With q = p the divergence is zero and A + l2 W is the gradient, but the class frequencies of p are off by the intercept
gradient g_b. We tilt p to first order, q = p (1 + t - <p, t>): it still sums to one, it stays positive while t is
small, and its class frequencies are right when M t = -g_b with M = sum_i omega_i (diag p_i - p_i p_i^T), a K x K
system. Its A differs from that of p by the curvature product of the direction (W, b) = (0, t): one pass. Moving
probability by fixed amounts instead would save the pass and break on separable data: a row with p = 1e-300 cannot
receive 1e-12 at a small divergence, and under a tilt need not.

Rounding
--------
The gradient carries an error of about eps times the sums of magnitudes. We add u * |p - e|_1 * (largest |x_j| of each
column j), with u the growth of a random walk of rounding errors, ten standard deviations wide (Higham & Mary, "A new
approach to probabilistic rounding error analysis", SIAM Journal on Scientific Computing 41 (2019)), and the error of
the logits themselves. Worst-case constants would be 1000 times larger and are never met.

What it gives up
----------------
The bound is |gradient|^2 / (2 l2) near the end, larger than the true gap by up to the condition number of the
problem: at tiny l2 it is pessimistic by orders of magnitude. A bound from the Newton decrement would not be, but its
proof by self-concordance needs H >= l2 I, false along the free intercept. Newton steps end quadratically, so one or
two more make even the pessimistic bound small; we spend those instead.

Offsets only shift the logits that p is made of, and targets may be distributions: nothing above changes.

F is at least the mean entropy of the targets (0 for class ids), so what F exceeds it by is a bound too, and the only
one without a penalty (l2 = 0); the smaller one is reported.

References: Fenchel-Young duality as in Boyd & Vandenberghe, "Convex Optimization", 5.1 and 5.5.1; for the dual of
multinomial regression Yu, Huang & Lin, "Dual coordinate descent methods for logistic regression and maximum entropy
models", Machine Learning 85 (2011), section 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._objective import Point

__all__ = ["DualData", "dual_gap"]

Floats = NDArray[np.float64]

UNIT = np.finfo(np.float64).eps / 2
TINY = np.finfo(np.float64).tiny
CHUNK = 4096
FUZZ = 1e-12
"""Relative error allowed to the sums that make up the bound itself."""


@dataclass(frozen=True, eq=False)
class DualData:
    """What the bound needs to know of the data beside a point."""

    weights: Floats
    """(N,) omega."""
    reach: Floats
    """(width,): the largest magnitude of each column."""
    intercept: bool
    floor: float
    """What F cannot go below."""


def dual_gap(data: DualData, point: Point, l2: float, bend: Callable[[Floats], Floats]) -> float:
    """Return an upper bound on F(point) - min F, in nats; at most what F exceeds its floor by.

    Args:
        data: the problem.
        point: where.
        l2: the penalty, 0 for none.
        bend: the curvature product at `point` (used once, when there is an intercept).
    """
    whole = point.value * (1.0 + FUZZ) - data.floor * (1.0 - FUZZ)
    if l2 == 0.0:
        return whole
    divergence, gradient = 0.0, point.gradient
    error = 2.0 * _rounding(data, point) * point.residual
    if data.intercept:
        tilt, left = _tilt(data, point)
        divergence, fits = _divergence(data, point, tilt)
        if not fits:
            return whole
        divergence += 50.0 * left  # mass moved to a probability of e^-50 costs 50 nats a unit
        direction = np.zeros_like(gradient)
        direction[:, -1] = tilt[-len(gradient) :]
        gradient = (gradient + bend(direction))[:, :-1]
        error += left + 4.0 * UNIT  # the frequencies of q meet those of the targets up to this
    length = float(np.linalg.norm(gradient)) + error * float(np.linalg.norm(data.reach))
    length += (
        8.0 * UNIT * l2 * float(np.linalg.norm(point.parameters))
    )  # rounding of the penalty's own gradient
    return float(min(whole, (divergence + length * length / (2.0 * l2)) * (1.0 + FUZZ)))


def _rounding(data: DualData, point: Point) -> float:
    """Return the relative error of the residual sums: of the sums themselves, and of the logits inside."""
    walk = 10.0 * UNIT
    sums = np.sqrt(CHUNK) + np.sqrt(len(data.weights) / 256) + 8.0
    logits = (np.sqrt(len(data.reach)) + 2.0) * float((np.abs(point.parameters) @ data.reach).max())
    return float(walk * (sums + 2.0 * logits))


def _tilt(data: DualData, point: Point) -> tuple[Floats, float]:
    """Return t (K,) with M t = -g_b, and what is left of g_b after it, in the 1-norm.

    Two classes share one logit, the softmax of (0, z): their t is (0, t_1).
    """
    wanted = -point.gradient[:, -1]
    if len(wanted) == 1:
        bend = float((data.weights * point.probabilities[:, 0]) @ point.probabilities[:, 1])
        tilt = wanted / bend if bend > 0.0 else np.zeros(1)
        return np.concatenate([[0.0], tilt]), float(np.abs(wanted - bend * tilt).sum())
    p = point.probabilities
    bends = -(p * data.weights[:, None]).T @ p
    np.fill_diagonal(bends, 0.0)
    np.fill_diagonal(bends, -bends.sum(axis=0))  # rows of M sum to zero; p (1 - p) summed would cancel
    scale = 1.0 / np.sqrt(np.maximum(np.diag(bends), TINY))
    inverse = np.linalg.pinv(bends * scale * scale[:, None], hermitian=True) * scale * scale[:, None]
    tilt = inverse @ wanted
    tilt += inverse @ (wanted - bends @ tilt)
    return tilt, float(np.abs(wanted - bends @ tilt).sum())


def _divergence(data: DualData, point: Point, tilt: Floats) -> tuple[float, bool]:
    """Bound mean KL(q || p) for q = p (1 + u), u = t - <p, t>; and say whether all |u| <= 1/2, else there is no q.

    The divergence is sum p h(u), where h(u) = (1 + u) ln(1 + u) - u <= u^2 / (2 min(1, 1 + u)), without cancellation.
    """
    total = 0.0
    for start in range(0, len(data.weights), CHUNK):
        p = point.probabilities[start : start + CHUNK]
        u = tilt - (p @ tilt)[:, None]
        if not np.abs(u).max(initial=0.0) <= 0.5:
            return 0.0, False
        terms = p * u * u / (2.0 * np.minimum(1.0, 1.0 + u))
        total += float(data.weights[start : start + CHUNK] @ terms.sum(axis=1))
    return total, True
