"""95 % confidence intervals of weighted means over independent rows, or over independent groups of rows.

With unequal weights the rows count as n_eff = (sum w)^2 / sum w^2 (Kish, Survey Sampling, 1965, section 8.2). Rows of a
group count together: the variance is that of the groups' sums (Cochran, Sampling Techniques, 1977, section 9A.2), and
a proportion has as many rows as would give it that variance (Kish's effective sample).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from crossentropy.evaluation._figures import Estimate

Floats = NDArray[np.float64]

_Z = 1.959963984540054  # the standard normal's 97.5 % point


def mean_interval(
    values: Floats, weights: Floats, floor: float = 0.0, groups: NDArray[np.int64] | None = None
) -> Estimate:
    """Return the weighted mean of values, none below `floor`, with its normal-approximation interval.

    The standard error is that of a ratio mean, sqrt(sum w^2 (v - m)^2) / sum w; the lower end is cut at `floor`.
    """
    share = weights / weights.sum()
    mean = float(share @ values)
    if not np.isfinite(mean):
        return Estimate(value=mean, low=floor, high=float("inf"))
    half = _Z * error_of_sum(share * (values - mean), groups)
    return Estimate(value=mean, low=max(floor, mean - half), high=mean + half)


def repeated(values: Floats, tested: float, trained: float) -> Estimate:
    r"""Return the mean of a figure over random splits of the same rows, with an interval that counts what they share.

    .. math:: \bar v \pm t_{R-1,\, 0.975} \sqrt{\Bigl(\frac 1R + \frac{n_{test}}{n_{train}}\Bigr) s^2}

    Splits overlap, and s^2 / R goes to 0 with many of them, which no number of splits of the same rows can know.

    Args:
        values: (R,) one of each split, R >= 2.
        tested: rows that test in a split.
        trained: rows that train.

    References:
        Nadeau, Bengio, Inference for the generalization error, Machine Learning 52, 2003, equation 7.
    """
    n, mean = len(values), float(values.mean())
    half = float(student.ppf(0.975, n - 1)) * float(np.sqrt((1 / n + tested / trained) * values.var(ddof=1)))
    return Estimate(value=mean, low=mean - half, high=mean + half)


def proportion_interval(
    hits: NDArray[np.bool_], weights: Floats, groups: NDArray[np.int64] | None = None
) -> Estimate:
    """Return the weighted share of hits with Wilson's interval (JASA 22, 1927), honest near 0 and 1."""
    share = weights / weights.sum()
    n = 1 / float(share @ share)
    p = min(float(share @ hits), 1.0)
    if groups is not None:
        error = error_of_sum(share * (hits - p), groups)
        n = min(n, p * (1 - p) / error**2) if error > 0 else min(n, len(np.unique(groups)))
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    return Estimate(
        value=p, low=min(max(0.0, float(centre - half)), p), high=max(min(1.0, float(centre + half)), p)
    )


def error_of_sum(moved: Floats, groups: NDArray[np.int64] | None) -> float:
    """Return the standard error of a sum of deviations (N,), by rows or by groups of them."""
    if groups is not None:
        unit = np.unique(groups, return_inverse=True)[1]
        moved = np.bincount(unit, moved).astype(np.float64)
        if len(moved) > 1:
            moved = moved * np.sqrt(len(moved) / (len(moved) - 1))
    return float(np.sqrt(moved @ moved))
