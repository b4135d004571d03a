"""The calibration error with its noise floor, and the temperature that mends it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.special import log_softmax

from crossentropy.evaluation._figures import Calibration, ReliabilityBin
from crossentropy.evaluation._intervals import error_of_sum, proportion_interval

__all__ = ["calibration", "fit_temperature"]

_BINS = 15
_POINT = (0.85, 0.95)
_STEPS = 50
_DRAWS = 400
_LIMIT = 1e3
_STEPS_OF_NEWTON = 60


def calibration(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64],
    groups: NDArray[np.int64] | None = None,
) -> Calibration:
    r"""Return the expected calibration error of the top label, its noise floor and the bins behind it.

    .. math:: \mathrm{ECE} = \sum_b w_b \, |\mathrm{acc}_b - \mathrm{conf}_b|

    over 15 bins of equal mass (equal confidences share a bin, so that the order of the rows has no say). The
    noise floor is the 95 % point of the same figure over 400 draws in which each row is correct with exactly
    its own confidence: what a perfectly calibrated classifier shows on as many rows. Rows of a group are right
    and wrong together, so that there is more chance in them: there the floor is no lower than the 95 % point over
    draws of the sign of what each whole group was off by (the wild bootstrap).

    References:
        Naeini, Cooper, Hauskrecht (AAAI 2015); Brocker, Smith (Weather and Forecasting 22, 2007), section 3,
        for the resampled floor; Cameron, Gelbach, Miller (Review of Economics and Statistics 90, 2008), section
        III.B, for signs drawn by group.
    """
    edges = np.unique(np.quantile(confidence, np.linspace(0, 1, _BINS + 1)[1:-1], method="lower"))
    bins = np.searchsorted(edges, confidence, side="left")
    _, bins = np.unique(bins, return_inverse=True)
    share = weights / weights.sum()
    promised = np.bincount(bins, share * confidence)
    rng = np.random.default_rng(0)
    draws = np.empty(_DRAWS)
    for d in range(_DRAWS):
        happened = np.bincount(bins, share * (rng.random(len(confidence)) < confidence))
        draws[d] = np.abs(happened - promised).sum()
    noise = float(np.quantile(draws, 0.95))
    if groups is not None:
        noise = max(noise, _noise_of_groups(share, correct - confidence, bins, groups, rng))

    def told(rows: NDArray[np.bool_]) -> ReliabilityBin:
        return ReliabilityBin(
            rows=int(rows.sum()),
            confidence=float(np.average(confidence[rows], weights=weights[rows])),
            accuracy=proportion_interval(
                correct[rows], weights[rows], None if groups is None else groups[rows]
            ),
        )

    near = (confidence >= _POINT[0]) & (confidence < _POINT[1])
    members = [bins == b for b in range(len(promised))]
    return Calibration(
        error=float(np.abs(np.bincount(bins, share * correct) - promised).sum()),
        noise=noise,
        bins=tuple(told(rows) for rows in members if weights[rows].sum() > 0),
        point=told(near) if weights[near].sum() > 0 else None,
        density=tuple(np.histogram(confidence, _STEPS, (0.0, 1.0))[0].tolist()),
    )


def _noise_of_groups(
    share: NDArray[np.float64],
    off: NDArray[np.float64],
    bins: NDArray[np.int64],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    """Return the 95 % point of the error when the sign of all that a group is off by is drawn anew."""
    units, unit = np.unique(groups, return_inverse=True)
    sums = coo_array((share * off, (unit, bins)), shape=(len(units), int(bins.max()) + 1)).tocsr()
    signs = rng.choice([-1.0, 1.0], (_DRAWS, len(units)))
    return float(np.quantile(np.abs(signs @ sums).sum(axis=1), 0.95))


def fit_temperature(
    logits: NDArray[np.float64],
    targets: NDArray[np.int64],
    sample_weight: NDArray[np.float64] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> tuple[float, float, float]:
    r"""Return the temperature T by which to divide logits, and their mean loss before and after.

    .. math:: \min_{\beta = 1/T} \sum_i s_i \Bigl(\log \sum_k e^{\beta z_{ik}} - \beta\, q_i \cdot z_i\Bigr),
              \qquad q_i = \frac{n\, e_{t_i} + 1/K}{n + 1}

    which is convex in beta. The targets q are those of n rows and one more whose class is anybody's guess: without
    it, rows that are all labelled correctly would have T = 0, and the first mistake to come would cost thousands of
    nats (Platt's targets, for K classes). T stays 1 unless the mean loss falls by more than its standard error:
    below that, T is noise, and moves the loss of further rows up as often as down.

    Args:
        logits: (N, K) of rows that took no part in the fit, or the temperature is too low.
        targets: (N,) class ids.
        sample_weight: (N,).
        groups: (N,) ids of groups of rows that are alike: the standard error is then that of whole groups.

    Returns:
        (temperature, loss at temperature 1, loss at the temperature), losses in nats.

    References:
        Guo, Pleiss, Sun, Weinberger (ICML 2017), section 4.2; Platt, Probabilistic outputs for support vector
        machines (1999), section 2.2, for the targets.
    """
    n, k = logits.shape
    rows = np.arange(n)
    weights = np.ones(n) if sample_weight is None else sample_weight
    share = weights / weights.sum()
    wanted = (n * logits[rows, targets] + logits.sum(axis=1) / k) / (n + 1)

    def slopes(beta: float) -> tuple[float, float]:
        """Return the first two derivatives: of each row, mean and variance of z under softmax(beta z)."""
        chance = np.exp(beta * logits - (beta * logits).max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        mean = np.einsum("ij,ij->i", chance, logits)
        spread = np.einsum("ij,ij,ij->i", chance, logits, logits) - mean**2
        return float(share @ (mean - wanted)), float(share @ spread)

    found = _root(slopes)
    before, after = _losses(logits, targets), _losses(found * logits, targets)
    gain = before - after
    error = error_of_sum(share * (gain - share @ gain), groups)
    if share @ gain > error:
        return 1.0 / found, float(share @ before), float(share @ after)
    return 1.0, float(share @ before), float(share @ before)


def _losses(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    losses: NDArray[np.float64] = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    return losses


def _root(slopes: Callable[[float], tuple[float, float]]) -> float:
    """Return where the first derivative of a convex function of beta is 0, within [1/1000, 1000].

    By Newton's steps from 1, which are halved (on the scale of ln beta) where they leave the bracket known so far.
    """
    low, high, beta = 1 / _LIMIT, _LIMIT, 1.0
    for _ in range(_STEPS_OF_NEWTON):
        first, second = slopes(beta)
        low, high = (beta, high) if first < 0 else (low, beta)
        step = beta - first / second if second > 0 else np.nan
        following = float(step) if low < step < high else float(np.sqrt(low * high))
        if abs(following - beta) <= 1e-10 * beta:
            return following
        beta = following
    return beta
