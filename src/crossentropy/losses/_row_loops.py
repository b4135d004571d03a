"""Loops over a few elements of a row, which the compiler makes vectors of: what `_kernels` puts together to a loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy.losses._vector import exponential, hyperbolic, kernel, load, maximum, store, summing

WHOLE = 64
"""Elements of four of the widest vectors, by which loops are unrolled."""


@kernel
def largest_of(block: Any) -> Any:
    """The largest element; NaN is passed over."""
    m = block[0]
    for j in range(block.shape[0]):
        m = maximum(m, block[j])
    return m


@summing
def power_sum(block: Any, m: Any) -> Any:
    """sum_j e^(z_j - m)."""
    s = block.dtype.type(0)  # `m * 0` would be float64
    for j in range(block.shape[0]):
        s += exponential(block[j] - m)
    return s


@summing
def scaled_sum(block: Any) -> float:
    """sum_j z_j, in float64."""
    s = 0.0
    for j in range(block.shape[0]):
        s += np.float64(block[j])
    return s


@summing
def weighted_sum(block: Any, weights: Any) -> float:
    """sum_j w_j z_j in float64, where 0 times anything is 0."""
    s = 0.0
    for j in range(block.shape[0]):
        w = np.float64(weights[j])
        s += 0.0 if w == 0.0 else w * np.float64(block[j])
    return s


@summing
def dense_sums(block: Any, target: Any, weight: float) -> Any:
    """sum_j w t_j, and sum_j w t_j z_j, in float64."""
    total, against = 0.0, 0.0
    for j in range(block.shape[0]):
        w = np.float64(load(target[j])) * weight
        total += w
        against += 0.0 if w == 0.0 else w * np.float64(block[j])
    return total, against


@summing
def weighted_dense_sums(block: Any, target: Any, weights: Any) -> Any:
    """The same with a weight for each class."""
    total, against = 0.0, 0.0
    for j in range(block.shape[0]):
        w = np.float64(load(target[j])) * np.float64(weights[j])
        total += w
        against += 0.0 if w == 0.0 else w * np.float64(block[j])
    return total, against


@kernel
def fill(part: Any, bias: Any, numbers: Any, block: Any) -> None:
    """The transformed logits of a part of a row, and -inf behind; `bias` is its part, or has no elements."""
    n = part.shape[0]
    for j in range(n):
        block[j] = load(part[j])
    for j in range(n, block.shape[0]):
        block[j] = -np.inf
    if bias.shape[0] > 0:
        for j in range(n):
            block[j] += bias[j]
    transform(block[:n], numbers)


@kernel
def transform(block: Any, numbers: Any) -> None:
    """The soft cap and the temperature, in place."""
    cap = numbers[0]
    if cap > 0:
        for j in range(block.shape[0]):
            block[j] = block.dtype.type(cap) * hyperbolic(block[j] * block.dtype.type(1 / cap))
    if numbers[1] != 1.0:
        for j in range(block.shape[0]):
            block[j] *= block.dtype.type(numbers[1])


@kernel
def whole_vectors(n: int) -> int:
    """Elements of as many whole vectors as hold n."""
    # What is left over by a loop over whole vectors is done one by one, at thirty times the time an element.
    return (n + WHOLE - 1) // WHOLE * WHOLE


@kernel
def any_nan(block: Any) -> bool:
    """Whether an element is no number."""
    count = 0
    for j in range(block.shape[0]):
        count += block[j] != block[j]
    return count > 0


@kernel
def softmax_times(block: Any, shift: Any, factor: Any, slope: Any) -> None:
    """e^(z_j - m) times a factor, into `slope`."""
    for j in range(block.shape[0]):
        slope[j] = exponential(block[j] - shift) * factor


@kernel
def minus(slope: Any, scale: Any, values: Any) -> None:
    """Take off scale times the values, or one value."""
    if values.shape[0] == 1:
        share = scale * slope.dtype.type(load(values[0]))
        for j in range(slope.shape[0]):
            slope[j] -= share
    else:
        for j in range(slope.shape[0]):
            slope[j] -= scale * slope.dtype.type(load(values[j]))


@kernel
def minus_weighted(slope: Any, scale: Any, values: Any, weights: Any) -> None:
    """Take off scale w_j times the values."""
    for j in range(slope.shape[0]):
        slope[j] -= scale * weights[j] * slope.dtype.type(load(values[j]))


@kernel
def bend(slope: Any, block: Any, numbers: Any) -> None:
    """The derivative of the transformed logit by the logit, as a factor."""
    kind = slope.dtype.type
    inner = kind(numbers[1])
    if numbers[0] > 0:
        back = kind(1 / (numbers[0] * numbers[1]))
        for j in range(slope.shape[0]):
            t = block[j] * back
            slope[j] *= (kind(1) - t * t) * inner
    elif numbers[1] != 1.0:
        for j in range(slope.shape[0]):
            slope[j] *= inner


@kernel
def put(slope: Any, out: Any) -> None:
    """Round to the dtype of `out`."""
    for j in range(slope.shape[0]):
        out[j] = store(slope[j], out[j])


@summing
def powers_in_place(block: Any, m: Any) -> Any:
    """e^(z_j - m) in the place of z_j, and their sum."""
    s = block.dtype.type(0)  # `m * 0` would be float64
    for j in range(block.shape[0]):
        e = exponential(block[j] - m)
        block[j] = e
        s += e
    return s


@kernel
def put_scaled(powers: Any, factor: Any, out: Any) -> None:
    """A multiple, rounded to the dtype of `out`."""
    for j in range(out.shape[0]):
        out[j] = store(powers[j] * factor, out[j])


@kernel
def scaled(block: Any, factor: Any) -> None:
    """A multiple, in place."""
    for j in range(block.shape[0]):
        block[j] *= factor
