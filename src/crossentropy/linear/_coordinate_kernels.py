"""Coordinate descent on the quadratic model of one class's coefficients: the inner loop of `_proximal`.

With p the probabilities at the point where the model was made, u = X d the change of the logits so far and s = sum_k
p_k u_k, the model's slope in coefficient (c, j) is g + sum_i x_ij omega_i p_ic (u_ic - s_i). Within a class only
`pull = omega p_c (u_c - s)` changes, by omega p_c (1 - p_c) x delta when a coefficient moves by delta: so a coordinate
costs one gathered sum over its column, and as much again where it moves. The exact curvature of softmax, and no K x K
block.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["close_sweep", "column_sums", "open_sweep", "sweep_columns", "sweep_dense", "sweep_intercept"]

Floats = NDArray[np.float64]
_FAST = {"contract", "reassoc", "nsz", "arcp"}


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def column_sums(
    starts: NDArray[Any],
    rows: NDArray[Any],
    values: Any,
    columns: NDArray[np.intp],
    linear: Floats,
    square: Floats,
) -> tuple[Floats, Floats]:
    """Return sum_i x_ij linear_i and sum_i x_ij^2 square_i for the columns named."""
    first, second = np.empty(len(columns)), np.empty(len(columns))
    for k in range(len(columns)):
        a, b = 0.0, 0.0
        for e in range(starts[columns[k]], starts[columns[k] + 1]):
            x = np.float64(values[e])
            a += x * linear[rows[e]]
            b += x * x * square[rows[e]]
        first[k], second[k] = a, b
    return first, second


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def open_sweep(
    mass: Floats, share: Floats, change: Floats, mixed: Floats, bend: Floats, pull: Floats
) -> None:
    """Write bend = mass (1 - share) and pull = mass (change - mixed); take share change out of `mixed`."""
    for i in range(len(mass)):
        bend[i] = mass[i] * (1.0 - share[i])
        pull[i] = mass[i] * (change[i] - mixed[i])
        mixed[i] -= share[i] * change[i]


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def close_sweep(share: Floats, change: Floats, mixed: Floats) -> None:
    """Put share change back into `mixed`."""
    for i in range(len(share)):
        mixed[i] += share[i] * change[i]


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _moved(weight: float, slope: float, curvature: float, l1: float) -> float:
    """Return how far the minimiser of slope d + curvature d^2 / 2 + l1 |weight + d| lies."""
    target = curvature * weight - slope
    if target > l1:
        return (target - l1) / curvature - weight
    if target < -l1:
        return (target + l1) / curvature - weight
    return -weight


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def sweep_columns(
    starts: NDArray[Any],
    rows: NDArray[Any],
    values: Any,
    columns: NDArray[np.intp],
    weight: Floats,
    origin: Floats,
    gradient: Floats,
    curvature: Floats,
    bend: Floats,
    pull: Floats,
    change: Floats,
    l1: float,
    l2: float,
    whole: bool,
    room: Floats,
) -> float:
    """Visit each coefficient of `columns` once, or those that are not 0; return the sum of curvature delta^2.

    No coefficient goes further than `room` from its origin.
    """
    total = 0.0
    for k in range(len(columns)):
        if curvature[k] <= 0.0 or not (whole or weight[k] != 0.0):
            continue
        low, high = starts[columns[k]], starts[columns[k] + 1]
        slope = gradient[k] + l2 * (weight[k] - origin[k])
        for e in range(low, high):
            slope += values[e] * pull[rows[e]]
        delta = _moved(weight[k], slope, curvature[k], l1)
        aim = min(max(weight[k] + delta, origin[k] - room[k]), origin[k] + room[k])
        delta = aim - weight[k]
        if delta != 0.0:
            weight[k] = aim
            total += curvature[k] * delta * delta
            for e in range(low, high):
                step = values[e] * delta
                pull[rows[e]] += bend[rows[e]] * step
                change[rows[e]] += step
    return total


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def sweep_dense(
    table: Any,
    columns: NDArray[np.intp],
    weight: Floats,
    origin: Floats,
    gradient: Floats,
    curvature: Floats,
    bend: Floats,
    pull: Floats,
    change: Floats,
    l1: float,
    l2: float,
    whole: bool,
    room: Floats,
) -> float:
    """Do as `sweep_columns` does, for a dense table (columns, N)."""
    total = 0.0
    for k in range(len(columns)):
        if curvature[k] <= 0.0 or not (whole or weight[k] != 0.0):
            continue
        x = table[columns[k]]
        slope = gradient[k] + l2 * (weight[k] - origin[k])
        for i in range(len(x)):
            slope += x[i] * pull[i]
        delta = _moved(weight[k], slope, curvature[k], l1)
        aim = min(max(weight[k] + delta, origin[k] - room[k]), origin[k] + room[k])
        delta = aim - weight[k]
        if delta != 0.0:
            weight[k] = aim
            total += curvature[k] * delta * delta
            for i in range(len(x)):
                step = x[i] * delta
                pull[i] += bend[i] * step
                change[i] += step
    return total


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def sweep_intercept(
    gradient: float, bend: Floats, pull: Floats, change: Floats, shift: float, room: float
) -> float:
    """Move the free intercept to the model's minimum, at most `room` from its origin; return by how much."""
    slope, curvature = gradient, 0.0
    for i in range(len(bend)):
        slope += pull[i]
        curvature += bend[i]
    if curvature <= 0.0:
        return 0.0
    delta = min(max(shift - slope / curvature, -room), room) - shift
    for i in range(len(bend)):
        pull[i] += bend[i] * delta
        change[i] += delta
    return delta
