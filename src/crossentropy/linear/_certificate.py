r"""How far from the minimum: a bound from the dual problem, without cancellation.

Mechanism
---------
For any distributions :math:`q_i` over the classes, log-sum-exp is at least :math:`\langle q,z\rangle + H(q)`, and the
shortfall is :math:`\mathrm{KL}(q\,\|\,p)`. Put into F, with :math:`A = \sum_i \omega_i (q_i - t_i) x_i^T`:

.. math:: F(W, b) - D(q) = \sum_i \omega_i \mathrm{KL}(q_i \| p_i) + \frac{\lVert A + l_2 W\rVert^2}{2 l_2}
          + \Big\langle b, \sum_i \omega_i (q_i - t_i)\Big\rangle

and D(q), the dual objective, is at most min F provided that the last sum vanishes: the free intercept asks that q has
the class frequencies of the targets. Every term is a square or a divergence: the bound keeps its relative accuracy
however small it is, where F - D(q) evaluated as a difference ends at 1e-16 F. Offsets only shift the logits that p is
made of, and targets may be distributions: nothing changes.

The tilt, and the Newton decrement
----------------------------------
With q = p the divergence is zero and A + l2 W is the gradient: the bound is |g|^2 / (2 l2), larger than the true gap by
up to the condition number of the problem. We tilt p to first order along a direction s of the parameters,

.. math:: q_i = p_i\,(1 + u_i), \qquad u_i = s \tilde x_i - \langle p_i, s \tilde x_i\rangle,

which sums to one and is a distribution while u > -1. Then A + l2 W = (g + H s - l2 s)_W with H the Hessian of F, and
the divergence is half of s^T (H - l2 I) s to second order. For H s = -g - r the bound is, to second order,

.. math:: -\tfrac12 s^T H s - s^T g + \frac{\lVert r_W\rVert^2}{2 l_2}
          = \tfrac12 g^T H^{-1} g \quad\text{for } r = 0:

half the squared Newton decrement, the true gap to second order. As a bound the decrement is known from
self-concordance, which needs H >= l2 I, false along a free intercept, and constants that are never met. Here it is the
value of the dual at a feasible point: nothing is assumed of H, third-order terms are in the divergence, and the
intercept is a constraint on q like any other. What an inexact step leaves, r, is all that is divided by l2.

The step need not be found by more passes: L-BFGS remembers enough of them (`_lbfgs.Descent.tilt`).

The intercept
-------------
The frequencies of q must be those of the targets, f. A change t of the intercept's part of s moves them by M t, with
M = sum_i omega_i (diag p_i - p_i p_i^T): a K x K system gives the t that cancels what g_b and s leave. Moving
probability by fixed amounts instead would break on separable data: a row with p = 1e-300 cannot receive 1e-12 at a
small divergence, and under a tilt need not. What rounding leaves, v, is known up to its own rounding error (in
proportion to the mass of each class in p - t, at most 2 f_c); a further tilt t' with M t' = -v would repair it exactly,
and |t'| <= |M^-1| |v|. So with tau twice the largest of those, every u is off by at most tau: the divergence grows by
at most tau sum omega |p ln(1 + u)|_1 + tau^2, and A by tau sum omega p (1 - p) times the largest |x_j| of each column.

Rounding
--------
The gradient carries an error of about eps times the sums of magnitudes. We add u * |p - t|_1 * (largest |x_j| of each
column j), with u the growth of a random walk of rounding errors, ten standard deviations wide (Higham & Mary, "A new
approach to probabilistic rounding error analysis", SIAM Journal on Scientific Computing 41 (2019)), and the error of
the logits themselves. Worst-case constants would be 1000 times larger and are never met.

F is at least the mean entropy of the targets (0 for class ids), so what F exceeds it by is a bound too, and the only
one without a penalty (l2 = 0); the smallest one is reported.

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

__all__ = ["DualData", "Tilted", "divergences", "dual_gap"]

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
    frequencies: Floats
    """(K,) f, all above 0."""
    reach: Floats
    """(width,): the largest magnitude of each column."""
    intercept: bool
    floor: float
    """What F cannot go below."""
    terms: float | None = None
    """Most terms in the sum of a logit; None for one a column."""
    longest: float = np.inf
    """The largest norm of a row: of sparse rows much less than that of `reach`."""


@dataclass(frozen=True, eq=False)
class Tilted:
    """The distributions q = p (1 + u) along a direction."""

    product: Floats
    """(outputs, width): sum omega p u x^T, the curvature of the loss times the direction."""
    divergence: float
    """sum omega KL(q || p), or a little more."""
    mass: float
    """sum omega |p u|_1: what the rounding error of the product is proportional to."""
    least: float
    """The smallest u; q is a distribution when it is above -1."""


def divergences(p: NDArray[np.floating], u: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return KL(q || p) or a little more of each row (n,), for q = p (1 + u) with <p, u> = 0.

    It is sum p h(u), h(u) = (1 + u) ln(1 + u) - u. For small u that would cancel: there h(u) <= u^2 / 2 + |u|^3 / 6 +
    u^4 / 6 is taken, which holds for |u| <= 1/2 by the series sum (-u)^k / (k (k - 1)).
    """
    size = np.abs(u)
    small = u * u * (0.5 + size * (1.0 / 6.0 + size / 6.0))
    if not size.max(initial=0.0) <= 0.05:
        bounded = np.maximum(u, -1.0 + 1e-9)
        exact = (1.0 + bounded) * np.log1p(bounded) - bounded
        small = np.where(size <= 0.05, small, exact)
    total: NDArray[np.floating] = np.einsum("ij,ij->i", p, small)
    return total


def dual_gap(
    data: DualData,
    point: Point,
    l2: float,
    tilted: Callable[[Floats], Tilted],
    tilt: Floats | None = None,
) -> float:
    """Return an upper bound on F(point) - min F, in nats; at most what F exceeds its floor by.

    Args:
        data: the problem.
        point: where.
        l2: the penalty, 0 for none.
        tilted: gives q along a direction (called once where there is an intercept, once more with a `tilt`).
        tilt: a direction s with H s near -gradient; None for s = 0.
    """
    whole = point.value * (1.0 + FUZZ) - data.floor * (1.0 - FUZZ)
    if l2 == 0.0:
        return whole
    bounds = [whole] if tilt is None else [whole, _bound(data, point, l2, tilted, tilt)]
    if not bounds[-1] < 0.5 * _plain_estimate(data, point, l2):
        bounds.append(_bound(data, point, l2, tilted, None))
    return float(min(bound for bound in bounds if not np.isnan(bound)))


def _plain_estimate(data: DualData, point: Point, l2: float) -> float:
    pulled = point.gradient[:, :-1] if data.intercept else point.gradient
    return float(np.vdot(pulled, pulled)) / (2.0 * l2)


def _bound(
    data: DualData,
    point: Point,
    l2: float,
    tilted: Callable[[Floats], Tilted],
    tilt: Floats | None,
) -> float:
    """Return the bound at the dual point tilted along `tilt`; infinity where that is no distribution."""
    direction = np.zeros_like(point.gradient) if tilt is None else np.array(tilt)
    divergence, gradient, moved = 0.0, point.gradient, 0.0
    if data.intercept:
        wanted = -point.gradient[:, -1]
        if tilt is not None:
            wanted = wanted - tilted(direction).product[:, -1]
        bends = _intercept_bends(data, point)
        inverse = _inverse(bends)
        intercept = inverse @ wanted
        direction[:, -1] += intercept + inverse @ (wanted - bends @ intercept)
    if data.intercept or tilt is not None:
        q = tilted(direction)
        if not q.least > -1.0 + 1e-6:
            return np.inf
        divergence, gradient, moved = q.divergence, point.gradient + q.product, q.mass
    error = 2.0 * _rounding(data, point) * (point.residual + moved)
    if data.intercept:
        left, gradient = gradient[:, -1], gradient[:, :-1]
        share = data.frequencies if len(left) > 1 else data.frequencies.min(keepdims=True)
        lost = _rounding(data, point) * np.minimum(2.0 * share, point.residual + moved)
        tau = 4.0 * float((np.abs(inverse) @ (np.abs(left) + lost)).max())
        if not (tau < 0.1 and np.allclose(bends @ (inverse @ left), left, rtol=0.1, atol=float(lost.max()))):
            return np.inf
        divergence += tau * (moved * (2.0 if q.least > -0.5 else 14.0) + tau)
        error += tau * min(1.0, point.residual if data.floor == 0.0 else 1.0)
    length = float(np.linalg.norm(gradient)) + error * float(np.linalg.norm(data.reach))
    # rounding of the penalty's own gradient
    length += 8.0 * UNIT * l2 * float(np.linalg.norm(point.parameters))
    return (divergence + length * length / (2.0 * l2)) * (1.0 + FUZZ)


def _rounding(data: DualData, point: Point) -> float:
    """Return the relative error of the residual sums: of the sums themselves, and of the logits inside."""
    walk = 10.0 * UNIT
    sums = np.sqrt(CHUNK) + np.sqrt(len(data.weights) / 256) + 8.0
    size = float((np.abs(point.parameters) @ data.reach).max())
    if np.isfinite(data.longest):
        size = min(size, data.longest * float(np.linalg.norm(point.parameters, axis=1).max()))
    logits = (np.sqrt(len(data.reach) if data.terms is None else data.terms) + 2.0) * size
    return float(walk * (sums + 2.0 * logits))


def _intercept_bends(data: DualData, point: Point) -> Floats:
    """Return M (outputs, outputs), the curvature in the intercepts; a single logit has one number."""
    p = point.probabilities
    if len(point.gradient) == 1:
        return np.array([[float((data.weights * p[:, 0]) @ p[:, 1])]])
    bends: Floats = -(p * data.weights[:, None]).T @ p
    np.fill_diagonal(bends, 0.0)
    np.fill_diagonal(bends, -bends.sum(axis=0))  # rows of M sum to zero; p (1 - p) summed would cancel
    return bends


def _inverse(bends: Floats) -> Floats:
    scale = 1.0 / np.sqrt(np.maximum(np.diag(bends), TINY))
    inverse: Floats = np.linalg.pinv(bends * scale * scale[:, None], hermitian=True) * scale * scale[:, None]
    return inverse
