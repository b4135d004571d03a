"""Two classifiers on the same rows: what one loses and gains against the other, row by row.

The losses of two classifiers on a row have most of their chance in common (a hard row is hard for both), so that the
mean of their differences is known far better than the difference of their means.

References:
    Efron, Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3; Davison, Hinkley, Bootstrap Methods and
    their Application, 1997, section 3.8 (whole groups are drawn where rows of a group are alike).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import DataError
from crossentropy.evaluation._bootstrap import bootstrap
from crossentropy.evaluation._figures import ClassChange, Comparison, Estimate
from crossentropy.evaluation._rates import mean

__all__ = ["compare_losses"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DRAWS, _WORK = 2000, 5e7


def compare_losses(
    losses: tuple[Floats, Floats],
    labels: tuple[Ints, Ints],
    targets: Ints,
    *,
    names: tuple[str, str],
    classes: Sequence[object],
    sample_weight: Floats | None = None,
    groups: Ints | None = None,
) -> Comparison:
    r"""Return the paired comparison of two classifiers on the same rows.

    .. math:: \Delta = \sum_i w_i (\ell^{(2)}_i - \ell^{(1)}_i) \big/ \sum_i w_i

    so that what is below zero speaks for the second. Intervals are percentiles over bootstrap draws of the rows, or of
    whole groups.

    Args:
        losses: of each row under the first and under the second, (N,) nats.
        labels: the class ids that they give, (N,).
        targets: (N,) class ids.
        names: of the two.
        classes: the K class names.
        sample_weight: (N,).
        groups: (N,) ids of groups, whose rows are drawn together.

    Raises:
        DataError: a loss is not finite.
    """
    n = len(targets)
    if not all(np.isfinite(side).all() for side in losses):
        raise DataError("A row has an infinite loss under one of the two: their difference has no meaning.")
    weights = np.ones(n) if sample_weight is None else sample_weight
    right = tuple((side == targets).astype(np.float64) for side in labels)
    change = losses[1] - losses[0]
    of_class = {c: targets == c for c in range(len(classes)) if (targets == c).any()}
    figures = {
        "first": mean(losses[0]),
        "second": mean(losses[1]),
        "difference": mean(change),
        "right first": mean(right[0]),
        "right second": mean(right[1]),
        "right": mean(right[1] - right[0]),
    }
    draws = int(np.clip(_WORK / n, 200, _DRAWS))
    found = bootstrap(figures, weights, draws, groups)
    by_class = [
        ClassChange(
            name=str(classes[c]),
            rows=int(rows.sum()),
            difference=_known(
                bootstrap(
                    {"d": mean(change[rows])}, weights[rows], draws, None if groups is None else groups[rows]
                )["d"]
            ),
        )
        for c, rows in _largest(of_class, change * weights)
    ]
    return Comparison(
        names=names,
        rows=n,
        groups=None if groups is None else len(np.unique(groups)),
        losses=(_known(found["first"]), _known(found["second"])),
        difference=_known(found["difference"]),
        accuracies=(_known(found["right first"]), _known(found["right second"])),
        accuracy_difference=_known(found["right"]),
        mended=int(((right[0] == 0) & (right[1] == 1)).sum()),
        spoilt=int(((right[0] == 1) & (right[1] == 0)).sum()),
        relabelled=int((labels[0] != labels[1]).sum()),
        by_class=tuple(by_class),
    )


_CLASSES = 12


def _largest(of_class: dict[int, NDArray[np.bool_]], moved: Floats) -> list[tuple[int, NDArray[np.bool_]]]:
    """Return the classes that move the loss most, the one that moves it most first."""
    touched = [(c, rows) for c, rows in of_class.items() if moved[rows].any()]
    return sorted(touched, key=lambda item: -abs(float(moved[item[1]].sum())))[:_CLASSES]


def _known(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate
