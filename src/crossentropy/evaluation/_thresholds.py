r"""Two classes of which one is to be found: what each threshold on its probability finds, and at what price.

A threshold t is a decision by costs: with a false alarm at t and a miss at 1 - t,

.. math:: p\,(1 - t) > (1 - p)\, t \iff p > t

so that there is one way to decide, `cheapest`, and a threshold for each matrix of costs,

.. math:: t = \frac{c_{np} - c_{nn}}{(c_{np} - c_{nn}) + (c_{pn} - c_{pp})}

which is c_fp / (c_fp + c_fn) where right answers cost nothing.

References:
    Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, equation 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import ConfigError, did_you_mean
from crossentropy.evaluation._costs import cheapest
from crossentropy.evaluation._figures import Estimate, PositiveFigures, ThresholdFigures
from crossentropy.evaluation._intervals import proportion_interval

__all__ = ["positive_class", "positive_figures", "threshold_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TABLE = (0.01, 0.02, 0.05, *(round(0.1 * i, 1) for i in range(1, 10)), 0.95, 0.98, 0.99)


def positive_class(name: object, classes: Sequence[object]) -> int:
    """Return the id of the class to find.

    Raises:
        ConfigError: there are not two classes, or none of that name.
    """
    names = [str(c) for c in classes]
    if len(names) != 2:
        raise ConfigError(
            f"A positive class was named, {name!r}, and there are {len(names):,} classes: thresholds are for two.",
            fix="Costs decide among any number of classes: --costs, in Python costs=.",
        )
    if str(name) not in names:
        raise ConfigError(f"There is no class {name!r} to find.", fix=did_you_mean(str(name), names))
    return names.index(str(name))


def threshold_of(costs: Floats, positive: int) -> float | None:
    """Return the probability above which saying `positive` costs less; None where costs reward what is wrong."""
    negative = 1 - positive
    alarm = costs[negative, positive] - costs[negative, negative]
    miss = costs[positive, negative] - costs[positive, positive]
    return float(np.clip(alarm / (alarm + miss), 0.0, 1.0)) if alarm + miss > 0 else None


def positive_figures(
    probabilities: Floats,
    targets: Ints,
    positive: int,
    *,
    classes: Sequence[object],
    costs: Floats | None = None,
    sample_weight: Floats | None = None,
    groups: Ints | None = None,
) -> PositiveFigures:
    """Return what is found of one of two classes, at the threshold that decides and at others.

    Args:
        probabilities: (N, 2).
        targets: (N,) class ids.
        positive: the id of the class to find.
        classes: the two names.
        costs: (2, 2), cost[true][predicted]; None where a miss and a false alarm weigh the same.
        sample_weight: (N,).
        groups: (N,) ids of groups of rows that are alike.
    """
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    of_class = targets == positive
    implied = None if costs is None else threshold_of(costs, positive)

    def at(threshold: float) -> ThresholdFigures:
        asked = np.array([[0.0, threshold], [1 - threshold, 0.0]])
        said = cheapest(probabilities, asked if positive else asked[::-1, ::-1])[0] == positive
        both = float(weights @ of_class + weights @ said)
        return ThresholdFigures(
            threshold=threshold,
            said=int(said.sum()),
            said_share=float(weights @ said / weights.sum()),
            precision=_share(of_class, said, weights, groups),
            recall=_share(said, of_class, weights, groups),
            f1=float(2 * (weights @ (said & of_class)) / both) if both > 0 else None,
        )

    return PositiveFigures(
        name=str(classes[positive]),
        rows=int(of_class.sum()),
        share=float(weights @ of_class / weights.sum()),
        by_costs=implied is not None,
        decided=at(0.5 if implied is None else implied),
        table=tuple(at(threshold) for threshold in _TABLE),
    )


def _share(
    hits: NDArray[np.bool_], among: NDArray[np.bool_], weights: Floats, groups: Ints | None
) -> Estimate | None:
    if not weights[among].sum() > 0:
        return None
    return proportion_interval(hits[among], weights[among], None if groups is None else groups[among])
