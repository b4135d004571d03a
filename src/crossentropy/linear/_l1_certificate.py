r"""The bound on the gap where the penalty has an L1 norm in it.

For distributions :math:`q_i` that have the class frequencies of the targets (the free intercept asks it, see
`_certificate`), with :math:`A = \sum_i \omega_i (q_i - t_i) x_i^T` and :math:`\varphi(w) = l_1 |w| + l_2 w^2 / 2`,

.. math:: F(W, b) - \min F \le \sum_i \omega_i \mathrm{KL}(q_i \| p_i)
          + \sum_{cj} \big[\varphi(W_{cj}) + \varphi^*(-A_{cj}) + A_{cj} W_{cj}\big],
          \qquad \varphi^*(v) = \frac{(|v| - l_1)_+^2}{2 l_2}

Each bracket is at least 0 and is computed as a sum of terms that are: with m the soft threshold of v = -A it is
(l2 W - m)^2 / (2 l2) + l1 (|W| - sign(m) W) where m is not 0, else l2 W^2 / 2 + |W| (l1 - sign(W) v).

Without an L2 part the conjugate is infinite beyond l1. Then q is drawn towards the targets, q = theta q0 + (1 - theta)
t, which scales A by theta and keeps the class frequencies: theta = l1 / max |A| is feasible, and is near 1 near the
minimum. With an L2 part both theta = 1 and this one are tried, and the smaller bound is taken.

q0 is p tilted to the class frequencies of the targets, as in `_certificate`; the divergence is summed as p h(q/p - 1),
h(x) = (1 + x) ln(1 + x) - x >= 0, which does not cancel. Rounding of A is allowed for as there, column by column.

References: Ndiaye, Fercoq, Gramfort & Salmon, "Gap Safe screening rules for sparsity enforcing penalties", Journal of
Machine Learning Research 18 (2017), section 3 (dual points by scaling).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._certificate import FUZZ, UNIT, DualData, _intercept_bends, _inverse, _rounding
from crossentropy.linear._objective import Point
from crossentropy.linear._table_objective import TableObjective
from crossentropy.linear._threads import in_threads

__all__ = ["intercept_tilt", "l1_gap"]

Floats = NDArray[np.float64]

TINY = float(np.finfo(np.float64).tiny)
NEAR = 1e-5
"""Below this x a bound on h(x) is taken, which is x^2 / 2 up to 2 |x|."""


def l1_gap(objective: TableObjective, point: Point) -> float:
    """Return an upper bound on F + l1 |W|_1 at `point` minus its minimum, in nats: one pass."""
    loss, rows, l1, l2 = objective.loss, objective.rows, objective.penalty.l1, objective.penalty.l2
    weight = point.parameters[:, :-1] if rows.intercept else point.parameters
    whole = (point.value + l1 * float(np.abs(weight).sum()) - loss.floor) * (1.0 + FUZZ)
    data = objective.dual_data()
    error = 2.0 * _rounding(data, point) * point.residual
    tilt, spare = np.zeros(loss.n_classes), 0.0
    if rows.intercept:
        tilt, left = intercept_tilt(data, point)
        error += left + 4.0 * UNIT
        spare = 50.0 * left
    away, fits = _residual(objective, point, tilt)
    if not fits:
        return whole
    pulled = rows.pull(away)
    dual = pulled[:, :-1] if rows.intercept else pulled
    errors = error * (data.reach[:-1] if rows.intercept else data.reach)
    largest = float((np.abs(dual) + errors).max(initial=0.0))
    scales = {min(1.0, l1 / largest) if largest > 0.0 else 1.0} | ({1.0} if l2 > 0.0 else set())
    bounds = [
        _divergence(objective, point, tilt, theta) + _young(weight, theta * dual, errors, l1, l2) + spare
        for theta in scales
    ]
    return float(min(whole, min(bounds) * (1.0 + FUZZ)))


def intercept_tilt(data: DualData, point: Point) -> tuple[Floats, float]:
    """Return t (K,) with M t = -g_b, M the curvature in the intercepts, and what is left of g_b, in the 1-norm."""
    wanted, bends = -point.gradient[:, -1], _intercept_bends(data, point)
    inverse = _inverse(bends)
    tilt = inverse @ wanted
    tilt += inverse @ (wanted - bends @ tilt)
    left = float(np.abs(wanted - bends @ tilt).sum())
    return (np.concatenate([[0.0], tilt]) if len(tilt) == 1 else tilt), left


def _tilted(point: Point, tilt: Floats, span: slice) -> Floats:
    p = point.probabilities[span]
    return p * (1.0 + (tilt - (p @ tilt)[:, None]))


def _mix(objective: TableObjective, q: Floats, span: slice, theta: float) -> Floats:
    """Return theta q + (1 - theta) t; `q` is used up."""
    targets = objective.loss.targets[span]
    q *= theta
    if targets.ndim == 2:
        q += (1.0 - theta) * targets
    else:
        q[np.arange(len(q)), targets.astype(np.intp)] += 1.0 - theta
    return q


def _residual(objective: TableObjective, point: Point, tilt: Floats) -> tuple[Floats, bool]:
    """Return omega (q0 - t), (N, outputs); and whether the tilt is within its limits, else there is no q0."""
    loss = objective.loss
    away = np.empty((len(loss), loss.outputs))

    def part(within: slice) -> bool:
        fits = True
        for span in objective.tiles(within):
            p = point.probabilities[span]
            lift = tilt - (p @ tilt)[:, None]
            fits = fits and bool(np.abs(lift).max(initial=0.0) <= 0.5)
            q = p * (1.0 + lift)
            targets = loss.targets[span]
            if targets.ndim == 2:
                q -= targets
            else:
                q[np.arange(len(q)), targets.astype(np.intp)] -= 1.0
            away[span] = q[:, -loss.outputs :] * loss.weights[span][:, None]
        return fits

    return away, all(in_threads(part, objective.ranges()))


def _divergence(objective: TableObjective, point: Point, tilt: Floats, theta: float) -> float:
    """Return mean KL(q || p) for q = theta q0 + (1 - theta) t."""

    def part(within: slice) -> float:
        total = 0.0
        for span in objective.tiles(within):
            p = point.probabilities[span]
            q = _mix(objective, _tilted(point, tilt, span), span, theta)
            x = (q - p) / np.maximum(p, TINY)
            near = np.minimum(np.abs(x), NEAR)
            with np.errstate(divide="ignore", invalid="ignore"):
                exact = np.where(x > -1.0, (1.0 + x) * np.log1p(x) - x, 1.0)
            series = near * near * (0.5 + near)  # at least h
            terms = p * np.where(np.abs(x) < NEAR, series, exact)
            total += float(objective.loss.weights[span] @ terms.sum(axis=1))
        return total

    return sum(in_threads(part, objective.ranges()))


def _young(weight: Floats, dual: Floats, errors: Floats, l1: float, l2: float) -> float:
    """Bound the sum of phi(W) + phi*(-A) + A W, for A known up to `errors` (D,)."""
    size = np.abs(weight)
    if l2 == 0.0:
        return float((size * (np.maximum(l1 + np.sign(weight) * dual, 0.0) + errors)).sum())
    excess = np.maximum(np.abs(dual) + errors - l1, 0.0)
    pull = -np.sign(dual) * excess
    beyond = (l2 * weight - pull) ** 2 / (2.0 * l2) + l1 * (size - np.sign(pull) * weight)
    within = 0.5 * l2 * weight**2 + size * np.maximum(l1 + np.sign(weight) * dual, 0.0)
    return float((np.where(excess > 0.0, beyond, within) + size * errors).sum())
