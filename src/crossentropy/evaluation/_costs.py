"""Decisions: the label whose expected cost is least, and what deciding so costs.

References:
    Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, section 1 (the decision under a matrix of costs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import ConfigError
from crossentropy.evaluation._figures import CostFigures
from crossentropy.evaluation._given import class_list, parsed, refuse_unknown
from crossentropy.evaluation._intervals import mean_interval

__all__ = ["cheapest", "cost_figures", "costs_data", "read_costs"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FORM = (
    'Expected cost[true][predicted]: an object of objects by class names, {"ill": {"well": 10}, "well": {"ill": 1}}, '
    "where right labels may be left out and cost 0, or rows of numbers in the order of the classes."
)
_LARGEST = 1e100


def read_costs(given: Any, classes: Sequence[object]) -> Floats:
    """Return the costs (K, K) of saying class j (column) of a row of class i (row).

    Args:
        given: the matrix as nested lists in the order of the classes, or as nested mappings by class names; or JSON of
            either, or the path of a file of it.
        classes: the K class names.

    Raises:
        ConfigError: it is neither, its shape is not (K, K), a class is missing or unknown, or a cost is no number.
    """
    given = costs_data(given)
    names = [str(name) for name in classes]
    if isinstance(given, Mapping):
        given = _by_name(given, names)
    k = len(names)
    if not _rows_of(given, k) or not all(_rows_of(row, k) for row in given):
        rows = len(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else 0
        shape = f"{rows:,} rows" if rows != k else f"{rows:,} rows, not all of {k:,} numbers"
        raise ConfigError(
            f"The costs have {shape}; there are {k:,} classes: {class_list(names)}.",
            fix=_FORM,
        )
    for i, row in enumerate(given):
        for j, cost in enumerate(row):
            if isinstance(cost, bool | str) or cost is None or not _number(cost):
                raise ConfigError(
                    f"The cost of saying {names[j]!r} of {names[i]!r} is {cost!r}, no number within 1e100.",
                    fix=_FORM,
                )
    return np.array(given, np.float64)


def costs_data(given: Any) -> Any:
    """Return costs as data that JSON holds, in any of the forms of `read_costs`; what it is not is told there.

    Raises:
        ConfigError: a file cannot be read, or text is no JSON.
    """
    return _plain(parsed(given, "The costs", _FORM))


def _plain(value: Any) -> Any:
    """Return nested containers and NumPy's numbers as those that JSON has; anything else as it is."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def cheapest(probabilities: Floats, costs: Floats) -> tuple[Ints, Floats]:
    r"""Return the label (N,) whose expected cost is least, and that cost (N,).

    .. math:: \hat y = \arg\min_j \sum_i p_i \, c_{ij}

    Of labels that cost the same, the more probable one.

    Args:
        probabilities: (N, K).
        costs: (K, K), cost[true][predicted].
    """
    expected = probabilities @ costs
    least = expected.min(axis=1, keepdims=True)
    # a sum in another order differs in the last digits
    tied = expected <= least + 1e-12 * np.abs(costs).max()
    labels = np.where(tied, probabilities, -1.0).argmax(axis=1)
    return labels, expected[np.arange(len(labels)), labels]


def cost_figures(
    probabilities: Floats,
    targets: Ints,
    costs: Floats,
    *,
    classes: Sequence[object],
    sample_weight: Floats | None = None,
    groups: Ints | None = None,
) -> CostFigures:
    """Return what the cheapest labels cost a row, beside the most probable ones and always the same one.

    Args:
        probabilities: (N, K).
        targets: (N,) class ids.
        costs: (K, K), cost[true][predicted].
        classes: the K class names.
        sample_weight: (N,).
        groups: (N,) ids of groups of rows that are alike.
    """
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    probable = probabilities.argmax(axis=1)
    labels, expected = cheapest(probabilities, costs)
    paid, otherwise = costs[targets, labels], costs[targets, probable]
    always = weights @ costs[targets] / weights.sum()

    def told(values: Floats) -> Any:
        return mean_interval(values, weights, floor=-np.inf, groups=groups)

    return CostFigures(
        cost=told(paid),
        expected=float(weights @ expected / weights.sum()),
        most_probable=told(otherwise),
        saved=told(otherwise - paid),
        constant=float(always.min()),
        constant_class=str(classes[int(always.argmin())]),
        relabelled=int((labels != probable).sum()),
    )


def _by_name(given: Mapping[Any, Any], names: list[str]) -> list[list[Any]]:
    for true, row in given.items():
        if not isinstance(row, Mapping):
            raise ConfigError(f"The costs of {true!r} are {row!r}, not those of each label.", fix=_FORM)
        refuse_unknown((true, *row), names, "The costs", _FORM)
    rows = {str(true): {str(name): cost for name, cost in row.items()} for true, row in given.items()}
    for i in names:
        for j in names:
            if i != j and j not in rows.get(i, {}):
                raise ConfigError(f"The costs lack that of saying {j!r} of {i!r}.", fix=_FORM)
    return [[rows[i].get(j, 0.0) for j in names] for i in names]


def _rows_of(value: Any, k: int) -> bool:
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) and len(value) == k


def _number(cost: Any) -> bool:
    try:
        return bool(abs(float(cost)) <= _LARGEST)
    except (TypeError, ValueError, OverflowError):
        return False
