"""The softmax loss of class ids on the CPU, as most batches are: with one exponential an element.

With the largest logit m of a row, s = sum_k e^(z_k - m), the share a of the target t, and u of every class (label
smoothing), the loss is `(a + K u) log s - a (z_t - m) - u sum_k (z_k - m)`.

A row comes from memory for its largest element; then `e^(z - m)` is written to where the gradient will be, and summed;
then it is scaled there, in cache. The general kernel (`_kernels`) takes every exponential twice, copies blocks to where
options may change them, and passes a dozen arrays from call to call, 0.4 microseconds a row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crossentropy.losses._row_loops import largest_of
from crossentropy.losses._vector import exponential, kernel, summing

WIDE = 64
"""A row is taken in pieces of 64, and what is left over in a piece that is filled up: loops over whole vectors only."""

PART = 8192
"""Elements whose exponentials are summed in the dtype to compute in, before float64 takes over."""


@summing
def _powers(part: Any, m: Any, powers: Any) -> Any:
    total = m * 0
    for j in range(part.shape[0]):
        e = exponential(part[j] - m)
        powers[j] = e
        total += e
    return total


@summing
def _power_sum(part: Any, m: Any) -> Any:
    total = m * 0
    for j in range(part.shape[0]):
        total += exponential(part[j] - m)
    return total


@summing
def _distances(part: Any, m: Any) -> Any:
    total = m * 0
    for j in range(part.shape[0]):
        total += part[j] - m
    return total


@kernel
def _slopes(powers: Any, factor: Any, less: Any) -> None:
    for j in range(powers.shape[0]):
        powers[j] = powers[j] * factor - less


@kernel
def _copy(source: Any, target: Any) -> None:
    for j in range(target.shape[0]):
        target[j] = source[j]


@kernel
def _larger(first: Any, rest: Any) -> Any:
    # Of a number and the elements of an array, which may have none.
    if rest.shape[0] == 0:
        return first
    second = largest_of(rest)
    return second if second > first or first != first else first


@kernel
def plain_rows(
    z: Any,
    slopes: Any,
    ids: Any,
    shares: Any,
    uniform: float,
    out: Any,
    scale: Any,
    result: Any,
    begin: int,
    end: int,
    rest: Any,
) -> None:
    """Rows begin to end of `z` (N, K): losses, and the gradient of sum_i scale_i loss_i if `slopes` has rows.

    `shares` (N, 1) are the a, or of size 0: 1; `uniform` is u; `out` (N,) marks rows that are left out, or is of size
    0; `scale` is (1,) or (N,); `rest` is room for 2 * WIDE elements, the first half -inf.
    """
    kind = z.dtype.type
    width = z.shape[1]
    whole = width // WIDE * WIDE
    left, powers = rest[:WIDE], rest[WIDE:]
    for i in range(begin, end):
        if out.shape[0] > 0 and out[i]:
            result[i] = 0.0
            if slopes.shape[0] > 0:
                slopes[i, :] = 0
            continue
        row = z[i]
        _copy(row[whole:], left[: width - whole])
        m = _larger(largest_of(left), row[:whole])
        s = np.float64(_powers(left, m, powers))
        if slopes.shape[0] > 0:
            for low in range(0, whole, PART):
                high = min(low + PART, whole)
                s += np.float64(_powers(row[low:high], m, slopes[i, low:high]))
        else:
            for low in range(0, whole, PART):
                s += np.float64(_power_sum(row[low : min(low + PART, whole)], m))
        k = ids[i, 0]
        share = shares[i, 0] if shares.shape[0] > 0 else 1.0
        total = share + width * uniform
        loss = total * math.log(s)
        if share != 0.0:
            loss -= share * (np.float64(row[k]) - np.float64(m))
        if uniform > 0.0:
            for low in range(0, width, PART):
                loss -= uniform * np.float64(_distances(row[low : min(low + PART, width)], m))
        result[i] = loss
        if slopes.shape[0] > 0:
            by = scale[0] if scale.shape[0] == 1 else scale[i]
            factor, less = kind(by * total / s), kind(by * uniform)
            _slopes(slopes[i, :whole], factor, less)
            _slopes(powers, factor, less)
            _copy(powers, slopes[i, whole:])
            slopes[i, k] -= kind(by * share)
