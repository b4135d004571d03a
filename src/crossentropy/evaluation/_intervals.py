"""95 % confidence intervals of weighted means over independent rows, or over independent groups of rows.

With unequal weights the rows count as n_eff = (sum w)^2 / sum w^2 (Kish, Survey Sampling, 1965, section 8.2). Rows of a
group count together: the variance is that of the groups' sums (Cochran, Sampling Techniques, 1977, section 9A.2), and
a proportion has as many rows as would give it that variance (Kish's effective sample).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    half = _Z * _error(share * (values - mean), groups)
    return Estimate(value=mean, low=max(floor, mean - half), high=mean + half)


def proportion_interval(
    hits: NDArray[np.bool_], weights: Floats, groups: NDArray[np.int64] | None = None
) -> Estimate:
    """Return the weighted share of hits with Wilson's interval (JASA 22, 1927), honest near 0 and 1."""
    share = weights / weights.sum()
    n = 1 / float(share @ share)
    p = min(float(share @ hits), 1.0)
    if groups is not None:
        error = _error(share * (hits - p), groups)
        n = min(n, p * (1 - p) / error**2) if error > 0 else min(n, len(np.unique(groups)))
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    return Estimate(
        value=p, low=min(max(0.0, float(centre - half)), p), high=max(min(1.0, float(centre + half)), p)
    )


def _error(moved: Floats, groups: NDArray[np.int64] | None) -> float:
    """Return the standard error of a sum of deviations (N,), by rows or by groups of them."""
    if groups is not None:
        unit = np.unique(groups, return_inverse=True)[1]
        moved = np.bincount(unit, moved).astype(np.float64)
        if len(moved) > 1:
            moved = moved * np.sqrt(len(moved) / (len(moved) - 1))
    return float(np.sqrt(moved @ moved))
