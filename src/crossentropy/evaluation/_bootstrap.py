"""Figures with bootstrap intervals: the same figure over many draws of the rows, as many as there are, with repeats.

A draw is a set of counts: how often each row stands in it. Counts are drawn as Poisson(1), independently, which is
what sampling with replacement tends to, and is one array for all draws. Every figure here is then a ratio of weighted
sums, so that all draws are one matrix product.

References:
    Efron, Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentile intervals); Hanley, MacGibbon,
    Creating non-parametric bootstrap samples using Poisson frequencies, 2006.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from crossentropy.evaluation._figures import Estimate

__all__ = ["bootstrap", "draws_for"]

Floats = NDArray[np.float64]

Figure = Callable[[Floats], Floats]
"""From row weights (B, N) to the figure (B,) of each; NaN where it is undefined."""

_WORK = 5e7  # entries of all draws times classes: about a second
_CHUNK = 64
_TAILS = (0.025, 0.975)


def draws_for(rows: int, classes: int) -> int:
    """Return how many draws are affordable: 100 to 500."""
    return int(np.clip(_WORK / max(1, rows * classes), 100, 500))


def bootstrap(
    figures: Mapping[str, Figure], weights: Floats, draws: int, groups: NDArray[np.int64] | None = None
) -> dict[str, Estimate | None]:
    """Return each figure over the rows with its 95 % percentile interval; None where it is undefined.

    The interval is stretched to hold the figure itself, which a percentile interval of a skewed figure need not.

    Args:
        figures: what to compute.
        weights: (N,) of the rows.
        draws: how many.
        groups: (N,) ids of groups, whose rows are drawn together.
    """
    rng = np.random.default_rng(0)
    unit = None if groups is None else np.unique(groups, return_inverse=True)[1]
    values = {name: figure(weights[None])[0] for name, figure in figures.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in figures}
    for start in range(0, draws, _CHUNK):
        units = len(weights) if unit is None else int(unit.max()) + 1
        drawn_units = rng.poisson(1.0, (min(_CHUNK, draws - start), units))
        counts = (drawn_units if unit is None else drawn_units[:, unit]) * weights
        for name, figure in figures.items():
            drawn[name].append(figure(counts))
    return {name: _estimate(value, np.concatenate(drawn[name])) for name, value in values.items()}


def _estimate(value: float, drawn: Floats) -> Estimate | None:
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or len(known) == 0:
        return None
    low, high = np.quantile(known, _TAILS, method="linear") if np.isfinite(known).all() else (value, np.inf)
    return Estimate(value=float(value), low=float(min(low, value)), high=float(max(high, value)))
