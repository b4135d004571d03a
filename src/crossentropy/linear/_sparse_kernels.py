"""Products with compressed rows and columns, and the vector work of a conjugate direction, over a range.

Each kernel works on a range of rows (or columns) and is called from a few threads, see `_threads`. It holds no lock and
allocates nothing but an accumulator, and two ranges never write to one place.

Arrays of coefficients and of logits are (columns, outputs) and (rows, outputs), row-major: an entry of the matrix then
meets `outputs` neighbours in memory, and the inner loop is vectorised. What bounds a product is the gathering of those
rows of `outputs` numbers, nonzeros * outputs * itemsize bytes, not the arithmetic: hence the single precision in
`_descent`. Sums of more than `FEW` terms are accumulated in float64 whatever the arrays are.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_columns", "advance", "multiply", "multiply_squares", "scale_and_centre", "turn"]

Floats = NDArray[np.float64]
Real = NDArray[Any]
"""float32 or float64."""

FEW = 64
"""Terms up to which a sum may be made in the precision of what it is made of."""

_FAST = {"contract", "reassoc", "nsz", "arcp"}


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def multiply(
    starts: NDArray[Any],
    indices: NDArray[Any],
    values: Real,
    given: Real,
    lead: Floats,
    shift: Floats,
    out: Real,
    first: int,
    end: int,
) -> None:
    """Write out[i] = lead[i] shift + sum_e values[e] given[indices[e]] for the compressed rows i in [first, end)."""
    width = given.shape[1]
    total = np.empty(width)
    for i in range(first, end):
        low, high = starts[i], starts[i + 1]
        if width == 1:
            alone = lead[i] * shift[0]
            for e in range(low, high):
                alone += values[e] * given[indices[e], 0]
            out[i, 0] = alone
        elif high - low <= FEW:
            into = out[i]
            for c in range(width):
                into[c] = lead[i] * shift[c]
            for e in range(low, high):
                value, row = values[e], given[indices[e]]
                for c in range(width):
                    into[c] += value * row[c]
        else:
            for c in range(width):
                total[c] = lead[i] * shift[c]
            for e in range(low, high):
                value, row = values[e], given[indices[e]]
                for c in range(width):
                    total[c] += value * row[c]
            for c in range(width):
                out[i, c] = total[c]


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def add_columns(given: Real, total: Floats, first: int, end: int) -> None:
    """Add the rows [first, end) to `total`."""
    for i in range(first, end):
        for c in range(given.shape[1]):
            total[c] += given[i, c]


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def multiply_squares(
    starts: NDArray[Any], indices: NDArray[Any], values: Real, given: Real, out: Real, first: int, end: int
) -> None:
    """Write out[i] = sum_e values[e]^2 given[indices[e]] for the compressed rows i in [first, end)."""
    width = given.shape[1]
    total = np.empty(width)
    for i in range(first, end):
        total[:] = 0.0
        for e in range(starts[i], starts[i + 1]):
            value, row = values[e] * values[e], given[indices[e]]
            for c in range(width):
                total[c] += value * row[c]
        for c in range(width):
            out[i, c] = total[c]


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def scale_and_centre(
    inverse: Real, gradient: Real, before: Real, out: Real, centred: bool, first: int, end: int
) -> tuple[float, float]:
    """Write out = P (inverse * gradient), P taking each row's mean off; return <gradient, out> and <before, out>."""
    width = gradient.shape[1]
    now, then = 0.0, 0.0
    for j in range(first, end):
        mean = 0.0
        for c in range(width):
            out[j, c] = inverse[j, c] * gradient[j, c]
            mean += out[j, c]
        mean = mean / width if centred else 0.0
        for c in range(width):
            value = out[j, c] - mean
            out[j, c] = value
            now += value * gradient[j, c]
            then += value * before[j, c]
    return now, then


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def turn(
    direction: Real,
    towards: Real,
    kept: float,
    gradient: Real,
    parameters: Real,
    penalised: int,
    first: int,
    end: int,
) -> tuple[float, float, float]:
    """Write direction = kept direction - towards; return <gradient, it>; where penalised <parameters, it>, <it, it>."""
    width = direction.shape[1]
    slope, pull, length = 0.0, 0.0, 0.0
    for j in range(first, end):
        counts = 1.0 if j < penalised else 0.0
        for c in range(width):
            new = kept * direction[j, c] - towards[j, c]
            direction[j, c] = new
            slope += gradient[j, c] * new
            pull += counts * parameters[j, c] * new
            length += counts * new * new
    return slope, pull, length


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def advance(
    parameters: Real,
    direction: Real,
    step: float,
    gradient: Real,
    l2: float,
    penalised: int,
    first: int,
    end: int,
) -> float:
    """Write parameters += step * direction, gradient += l2 * parameters where penalised; return the latter's square."""
    width = direction.shape[1]
    square = 0.0
    for j in range(first, end):
        pulled = l2 if j < penalised else 0.0
        for c in range(width):
            new = parameters[j, c] + step * direction[j, c]
            parameters[j, c] = new
            total = gradient[j, c] + pulled * new
            gradient[j, c] = total
            if j < penalised:
                square += total * total
    return square
