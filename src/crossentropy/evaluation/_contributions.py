"""How much of the skill each column carries: the loss that comes back when its values are dealt anew among the rows.

References:
    Breiman, Random Forests, Machine Learning 45, 2001, section 10 (permutation); Fisher, Rudin, Dominici, All Models
    are Wrong, but Many are Useful, JMLR 20, 2019 (the same for any loss, and its ratio to what is known).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from crossentropy.evaluation._evaluate import losses_from_logits
from crossentropy.evaluation._figures import ColumnShare, Estimate
from crossentropy.evaluation._intervals import mean_interval

__all__ = ["column_shares"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def column_shares(
    logits: Floats,
    parts: Iterable[tuple[str, Floats]],
    targets: Ints,
    *,
    sample_weight: Floats | None = None,
    groups: Ints | None = None,
    draws: int = 5,
) -> tuple[ColumnShare, ...]:
    r"""Return what each column is worth to the loss, the most first; nothing where a loss is infinite.

    With z_i the logits of row i, c_i what one column adds to them, and pi a random order of the rows:

    .. math:: d_i = \ell(z_i - c_i + c_{\pi(i)}, t_i) - \ell(z_i, t_i), \qquad
        \text{share} = \frac{\sum_i w_i d_i}{\sum_i w_i (h_i - \ell_i)}

    h_i = -ln of the frequency of the row's class, so that the denominator is what the model knows beyond the class
    frequencies. d_i is the mean over several orders. Columns that tell the same stand in for each other: the shares
    need not add up to 1.

    Args:
        logits: (N, K).
        parts: of each column its name and what it adds to the logits, (N, K).
        targets: (N,) class ids.
        sample_weight: (N,).
        groups: (N,) ids of groups of rows that are alike; intervals are then those of whole groups.
        draws: orders of the rows for each column.
    """
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    kept = weights > 0
    logits, targets, weights = logits[kept], targets[kept], weights[kept]
    groups = None if groups is None else groups[kept]
    losses = losses_from_logits(logits, targets)
    if not np.isfinite(losses).all():
        return ()
    frequency = np.bincount(targets, weights, logits.shape[1]) / weights.sum()
    known = -np.log(frequency[targets]) - losses
    found = []
    for place, (name, part) in enumerate(parts):
        moved = _moved(logits, part[kept], targets, losses, weights, draws, np.random.default_rng([place]))
        worth = mean_interval(moved, weights, floor=-np.inf, groups=groups)
        found.append(ColumnShare(name=name, worth=worth, share=_share(moved, known, weights, groups)))
    return tuple(sorted(found, key=lambda column: -column.worth.value))


def _moved(
    logits: Floats,
    part: Floats,
    targets: Ints,
    losses: Floats,
    weights: Floats,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Return (N,) what each row has to do with the worth of a column, whose weighted mean is that worth.

    A row counts twice: by the loss it comes to with the values of others, and by the loss that others come to with its
    values. The variance of the mean is that of the sum of both (Hoeffding, Annals of Mathematical Statistics 19, 1948,
    section 5); the first alone gives intervals that are too short.
    """
    received, given = np.zeros(len(targets)), np.zeros(len(targets))
    for _ in range(draws):
        order = rng.permutation(len(targets))
        change = losses_from_logits(logits + (part[order] - part), targets) - losses
        received += change / draws
        given[order] += weights * change / draws
    both: Floats = received + (given - given.mean()) / weights
    return both


def _share(moved: Floats, known: Floats, weights: Floats, groups: Ints | None) -> Estimate | None:
    """Return the ratio of two means over the same rows, linearised (Cochran, 1977, section 2.11)."""
    whole = float(weights @ known / weights.sum())
    if not whole > 0:
        return None
    share = float(weights @ moved / weights.sum()) / whole
    rest = mean_interval(moved - share * known, weights, floor=-np.inf, groups=groups)
    half = (rest.high - rest.value) / whole
    return Estimate(value=share, low=share - half, high=share + half)
