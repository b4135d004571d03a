"""The calibration error with its noise floor, and the temperature that mends it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from crossentropy.evaluation._figures import Calibration, ReliabilityBin
from crossentropy.evaluation._intervals import proportion_interval

__all__ = ["calibration", "fit_temperature"]

_BINS = 15
_DRAWS = 400
_LIMIT = 1e3


def calibration(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Calibration:
    r"""Return the expected calibration error of the top label, its noise floor and the bins behind it.

    .. math:: \mathrm{ECE} = \sum_b w_b \, |\mathrm{acc}_b - \mathrm{conf}_b|

    over 15 bins of equal mass (equal confidences share a bin, so that the order of the rows has no say). The
    noise floor is the 95 % point of the same figure over 400 draws in which each row is correct with exactly
    its own confidence: what a perfectly calibrated classifier shows on as many rows.

    References:
        Naeini, Cooper, Hauskrecht (AAAI 2015); Brocker, Smith (Weather and Forecasting 22, 2007), section 3,
        for the resampled floor.
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
    members = [np.flatnonzero(bins == b) for b in range(len(promised))]
    return Calibration(
        error=float(np.abs(np.bincount(bins, share * correct) - promised).sum()),
        noise=float(np.quantile(draws, 0.95)),
        bins=tuple(
            ReliabilityBin(
                rows=len(rows),
                confidence=float(np.average(confidence[rows], weights=weights[rows])),
                accuracy=proportion_interval(correct[rows], weights[rows]),
            )
            for rows in members
            if weights[rows].sum() > 0
        ),
    )


def fit_temperature(
    logits: NDArray[np.float64],
    targets: NDArray[np.int64],
    sample_weight: NDArray[np.float64] | None = None,
) -> tuple[float, float, float]:
    r"""Return the temperature T > 0 that minimises the mean loss of `logits / T`, and that loss before and after.

    .. math:: \min_{\beta = 1/T} \sum_i s_i \Bigl(\log \sum_k e^{\beta z_{ik}} - \beta z_{i t_i}\Bigr) / \sum_i s_i

    which is convex in beta. T is kept within [1e-3, 1e3]: on separable data the minimum lies at T = 0, where
    every probability would be 0 or 1, which no finite sample supports.

    Args:
        logits: (N, K) of rows that took no part in the fit, or the temperature is too low.
        targets: (N,) class ids.
        sample_weight: (N,).

    Returns:
        (temperature, loss at temperature 1, loss at the temperature), losses in nats.

    References:
        Guo, Pleiss, Sun, Weinberger (ICML 2017), section 4.2.
    """
    rows = np.arange(len(targets))
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    share = weights / weights.sum()

    def loss(beta: float) -> float:
        return float(-share @ log_softmax(beta * logits, axis=1)[rows, targets])

    before = loss(1.0)
    found = minimize_scalar(
        lambda t: loss(np.exp(-t)),
        bounds=(-np.log(_LIMIT), np.log(_LIMIT)),
        method="bounded",
        options={"xatol": 1e-8},
    )
    temperature = float(np.exp(found.x))
    after = loss(1 / temperature)
    return (temperature, before, after) if after < before else (1.0, before, before)
