"""95 % confidence intervals of weighted means over independent rows.

With unequal weights the rows count as n_eff = (sum w)^2 / sum w^2 (Kish, Survey Sampling, 1965, section 8.2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.evaluation._figures import Estimate

_Z = 1.959963984540054  # the standard normal's 97.5 % point


def mean_interval(values: NDArray[np.float64], weights: NDArray[np.float64], floor: float = 0.0) -> Estimate:
    """Return the weighted mean of values, none below `floor`, with its normal-approximation interval.

    The standard error is that of a ratio mean, sqrt(sum w^2 (v - m)^2) / sum w; the lower end is cut at `floor`.
    """
    share = weights / weights.sum()
    mean = float(share @ values)
    if not np.isfinite(mean):
        return Estimate(value=mean, low=floor, high=float("inf"))
    half = _Z * float(np.sqrt(share**2 @ (values - mean) ** 2))
    return Estimate(value=mean, low=max(floor, mean - half), high=mean + half)


def proportion_interval(hits: NDArray[np.bool_], weights: NDArray[np.float64]) -> Estimate:
    """Return the weighted share of hits with Wilson's interval (JASA 22, 1927), honest near 0 and 1."""
    share = weights / weights.sum()
    n = 1 / float(share @ share)
    p = min(float(share @ hits), 1.0)
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    return Estimate(
        value=p, low=min(max(0.0, float(centre - half)), p), high=max(min(1.0, float(centre + half)), p)
    )
