"""The softmax loss of class ids on the CPU, as most batches are: with one exponential an element.

With the largest logit m of a row, s = sum_k e^(z_k - m), the share a of the target t, and u of every class (label
smoothing), the loss is `(a + K u) log s - a (z_t - m) - u sum_k (z_k - m)`.

A row comes from memory for its largest element; then `e^(z - m)` is kept in cache, and summed; then the gradient is
written from there, in the dtype of the logits. The general kernel (`_kernels`) copies blocks to where options may
change them, and passes a dozen arrays from call to call, 0.4 microseconds a row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crossentropy.losses._vector import exponential, kernel, load, maximum, store, summing

WIDE = 64
"""A row is taken in pieces of 64, and what is left over in a piece that is filled up: loops over whole vectors only."""

PART = 8192
"""Elements whose exponentials are summed in the dtype to compute in, before float64 takes over."""


@kernel
def _largest(part: Any, first: Any) -> Any:
    m = first
    for j in range(part.shape[0]):
        m = maximum(m, load(part[j]))
    return m


@summing
def _powers(part: Any, m: Any, powers: Any, zero: Any) -> Any:
    total = zero
    for j in range(part.shape[0]):
        e = exponential(load(part[j]) - m)
        powers[j] = e
        total += e
    return total


@summing
def _power_sum(part: Any, m: Any, zero: Any) -> Any:
    total = zero
    for j in range(part.shape[0]):
        total += exponential(load(part[j]) - m)
    return total


@summing
def _distances(part: Any, m: Any, zero: Any) -> Any:
    total = zero
    for j in range(part.shape[0]):
        total += load(part[j]) - m
    return total


@kernel
def _slopes(powers: Any, factor: Any, less: Any, slopes: Any) -> None:
    for j in range(slopes.shape[0]):
        slopes[j] = store(powers[j] * factor - less, slopes[j])


@kernel
def _copy(source: Any, target: Any) -> None:
    for j in range(target.shape[0]):
        target[j] = load(source[j])


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
    kept: Any,
) -> None:
    """Rows begin to end of `z` (N, K): losses, and the gradient of sum_i scale_i loss_i if `slopes` has rows.

    `shares` (N, 1) are the a, or of size 0: 1; `uniform` is u; `out` (N,) marks rows that are left out, or is of size
    0; `scale` is (1,) or (N,). `kept`, of the dtype to compute in, is room for one row and 2 * WIDE elements.
    """
    kind = kept.dtype.type
    zero = kind(0)  # `m * 0` would be float64, and so would be every sum that begins with it
    width = z.shape[1]
    whole = width // WIDE * WIDE
    left, kept = kept[:WIDE], kept[WIDE:]
    left[:] = kind(-math.inf)
    for i in range(begin, end):
        if out.shape[0] > 0 and out[i]:
            result[i] = 0.0
            if slopes.shape[0] > 0:
                slopes[i, :] = 0
            continue
        row = z[i]
        _copy(row[whole:], left[: width - whole])
        m = _largest(row[:whole], _largest(left, left[0]))
        s = np.float64(_powers(left, m, kept[whole : whole + WIDE], zero))
        if slopes.shape[0] > 0:
            for low in range(0, whole, PART):
                high = min(low + PART, whole)
                s += np.float64(_powers(row[low:high], m, kept[low:high], zero))
        else:
            for low in range(0, whole, PART):
                s += np.float64(_power_sum(row[low : min(low + PART, whole)], m, zero))
        k = ids[i, 0]
        share = shares[i, 0] if shares.shape[0] > 0 else 1.0
        total = share + width * uniform
        loss = total * math.log(s)
        if share != 0.0:
            loss -= share * (np.float64(load(row[k])) - np.float64(m))
        if uniform > 0.0:
            for low in range(0, width, PART):
                loss -= uniform * np.float64(_distances(row[low : min(low + PART, width)], m, zero))
        result[i] = loss
        if slopes.shape[0] > 0:
            by = scale[0] if scale.shape[0] == 1 else scale[i]
            factor, less = kind(by * total / s), kind(by * uniform)
            _slopes(kept, factor, less, slopes[i])
            if share != 0.0:
                slopes[i, k] = store(kept[k] * factor - less - kind(by * share), slopes[i, k])
