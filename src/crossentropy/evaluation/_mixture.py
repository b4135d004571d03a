"""Several classifiers as one: the mean of their probabilities, by weights that suit rows which none of them saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

__all__ = ["fit_mixture", "mix"]

_PSEUDO = 1.0
"""What each part is given beforehand, in rows: of few rows, weights are noise, and equal ones the better guess."""


def mix(logits: Sequence[NDArray[np.float64]], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return :math:`\ln \sum_m w_m\,\mathrm{softmax}(z_m)` (N, K) for the logits z_m (N, K) of M parts.

    Args:
        logits: of each part.
        weights: (M,) w, at least 0 and of sum 1.
    """
    used = [(z, w) for z, w in zip(logits, weights.tolist(), strict=True) if w > 0]
    logs = np.stack([log_softmax(z, axis=1) + np.log(w) for z, w in used])
    mixed: NDArray[np.float64] = logsumexp(logs, axis=0)
    return mixed


def fit_mixture(
    logits: Sequence[NDArray[np.float64]],
    targets: NDArray[np.int64],
    sample_weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    r"""Return the weights (M,) on the simplex that minimise

    .. math:: -\sum_i s_i \ln \sum_m w_m\,p_{m i t_i} - \sum_m \ln w_m

    with the s scaled to sum to N: the log-loss of the mixture, with a row for each part beforehand. It is convex
    in w, so no part is chosen by chance. A combination by logistic regression instead of a convex one costs more on
    further rows than it gains on these.

    Args:
        logits: (N, K) of each of M parts, calibrated, for rows that took no part in their fits.
        targets: (N,) class ids.
        sample_weight: (N,).

    References:
        Wolpert, Stacked generalization, Neural Networks 5 (1992); Breiman, Stacked regressions, Machine Learning 24
        (1996), section 2, for the constraint.
    """
    n, parts = len(targets), len(logits)
    rows = np.arange(n)
    logs = np.stack([log_softmax(z, axis=1)[rows, targets] for z in logits])
    share = np.ones(n) if sample_weight is None else sample_weight * (n / sample_weight.sum())

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_weights = log_softmax(theta)
        joint = logs + log_weights[:, None]
        each = logsumexp(joint, axis=0)
        taken = np.exp(joint - each) @ share + _PSEUDO
        value = -float(share @ each) - _PSEUDO * float(log_weights.sum())
        gradient = (n + parts * _PSEUDO) * np.exp(log_weights) - taken
        return value / n, gradient / n

    found = minimize(
        cost, np.zeros(parts), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9}
    )
    weights: NDArray[np.float64] = np.exp(log_softmax(found.x))
    return weights
