"""How good probabilities and the decisions by them are, on the rows of a run as on further ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from crossentropy.evaluation import (
    Evaluation,
    cost_figures,
    evaluate,
    positive_class,
    positive_figures,
    read_costs,
)
from crossentropy.experiment._rows import Rows

__all__ = ["Deciding", "judged"]


@dataclass(frozen=True, eq=False)
class Deciding:
    """What decisions go by: costs (K, K), and of two classes the id of the one to find; None where nothing was said."""

    costs: NDArray[np.float64] | None
    positive: int | None

    @classmethod
    def read(cls, costs: Any, positive: object, classes: Sequence[object]) -> Deciding:
        """Return what was said, checked against the classes.

        Raises:
            ConfigError: it does not fit them.
        """
        return cls(
            None if costs is None else read_costs(costs, classes),
            None if positive is None else positive_class(positive, classes),
        )


def judged(logits: NDArray[np.float64], rows: Rows, deciding: Deciding) -> Evaluation:
    """Return every figure of calibrated logits (N, K) on rows."""
    names, weights, groups = rows.classes, rows.given_weights, rows.groups
    found = evaluate(logits, rows.ids, classes=names, sample_weight=weights, groups=groups)
    if deciding.costs is None and deciding.positive is None:
        return found
    p = softmax(logits, axis=1)
    told: dict[str, Any] = {"classes": names, "sample_weight": weights, "groups": groups}
    paid, positive = None, None
    if deciding.costs is not None:
        paid = cost_figures(p, rows.ids, deciding.costs, **told)
    if deciding.positive is not None:
        positive = positive_figures(p, rows.ids, deciding.positive, costs=deciding.costs, **told)
    return found.model_copy(update={"costs": paid, "positive": positive})
