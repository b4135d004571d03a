"""The softmax loss on the CPU for few classes, or classes that do not lie side by side: vectors run over rows.

A row of ten logits is shorter than a vector, and whatever is done for each row alone (a logarithm, a call, a loop that
starts) costs more than its exponentials. So rows are taken some hundred at a time, and turned as they are read: class
k of all of them becomes one line of `block`. Largest logit, sum of exponentials, logarithm and gradient then go line
by line with a row in each lane, and turn back as they are written. The exponentials are kept, in cache, between the
sum and the gradient.

Logits (N, K, L) with the classes on the axis in the middle come as they are: a line is read from memory without
turning. Logits (N, K) are the same with L rows and N = 1, seen through strides.

One call takes a group of rows from logits to losses and gradient and keeps nothing: a backward that comes again
computes all of it again, at the price of reading the logits. Losses are summed group by group, so that the sum
does not depend on the number of threads.

The terms, and what the arrays of size 0 stand for, are those of `_kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy.losses._kernels import bend, transform
from crossentropy.losses._vector import exponential, kernel, load, logarithm, maximum, store, summing

FEWEST, MOST, ELEMENTS = 16, 512, 4096
"""Rows of a group: a vector of them at the least; else so many that a block stays in the first-level cache."""


def rows_together(classes: int) -> int:
    """Return how many rows a group takes, a multiple of 16: one vector of float32 at its widest."""
    return max(FEWEST, min(MOST, ELEMENTS // classes // 16 * 16))


@kernel
def _read(part: Any, line: Any) -> None:
    n = part.shape[0]
    for r in range(n):
        line[r] = load(part[r])
    for r in range(n, line.shape[0]):
        line[r] = 0


@kernel
def _shift(line: Any, by: Any) -> None:
    for r in range(line.shape[0]):
        line[r] += by


@kernel
def _raise_top(line: Any, top: Any) -> None:
    for r in range(line.shape[0]):
        top[r] = maximum(top[r], line[r])


@kernel
def _powers(line: Any, top: Any, power: Any, s: Any) -> None:
    for r in range(line.shape[0]):
        e = exponential(line[r] - top[r])
        power[r] = e
        s[r] += e


@kernel
def _count(line: Any, top: Any, share: Any, total: Any, against: Any) -> None:
    # `share` is a line of shares, or one share of every row.
    one = share.shape[0] == 1
    for r in range(line.shape[0]):
        a = np.float64(share[0] if one else share[r])
        total[r] += a
        against[r] += 0.0 if a == 0.0 else a * (np.float64(line[r]) - np.float64(top[r]))


@kernel
def _logarithms(s: Any, log_s: Any) -> None:
    for r in range(s.shape[0]):
        log_s[r] = logarithm(s[r])


@kernel
def _losses(log_s: Any, top: Any, total: Any, against: Any, zeta: float, loss: Any) -> None:
    for r in range(loss.shape[0]):
        loss[r] = total[r] * log_s[r] - against[r]
    if zeta > 0.0:
        for r in range(loss.shape[0]):
            lse = np.float64(top[r]) + log_s[r]
            loss[r] += zeta * lse * lse
            total[r] += 2 * zeta * lse


@summing
def _weighted(loss: Any, by: Any) -> float:
    total = 0.0
    for r in range(loss.shape[0]):
        total += loss[r] * by[r]
    return total


@kernel
def _factors(s: Any, total: Any, by: Any, factor: Any) -> None:
    # Onto the sums of exponentials, which have done their work.
    for r in range(factor.shape[0]):
        factor[r] = factor.dtype.type(by[r] * total[r] / np.float64(s[r]))


@kernel
def _times(power: Any, factor: Any) -> None:
    for r in range(power.shape[0]):
        power[r] *= factor[r]


@kernel
def _minus_shares(slope: Any, by: Any, share: Any) -> None:
    one = share.shape[0] == 1
    for r in range(slope.shape[0]):
        slope[r] -= slope.dtype.type(by[r]) * (share[0] if one else share[r])


@kernel
def _clear(values: Any, out: Any) -> None:
    for r in range(out.shape[0]):
        if out[r]:
            values[r] = 0


@kernel
def _scales(scale: Any, first: int, count: int, by: Any) -> None:
    by[count:] = 0
    if scale.shape[0] == 1:
        by[:count] = scale[0]
    else:
        for r in range(count):
            by[r] = scale[first + r]


@kernel
def _write(slope: Any, out: Any) -> None:
    for r in range(out.shape[0]):
        out[r] = store(slope[r], out[r])


@kernel
def _shares_of(dense: Any, weight: Any, k: int, share: Any) -> None:
    _read(dense, share)
    w = weight[0] if weight.shape[0] == 1 else weight[k]
    if w != 1:
        for r in range(share.shape[0]):
            share[r] *= w


@kernel
def _statistics(
    z: Any, b: int, start: int, first: int, count: int, terms: Any, scratch: Any, per_row: Any
) -> None:
    # From the logits to `powers`, `top`, `s` and, for each row, the sum of the a_ik and of a_ik (z'_ik - top_i).
    ids, shares, uniform, dense, weight, bias, _, numbers = terms
    classes = z.shape[1]
    top, s = scratch[3 * classes], scratch[3 * classes + 1]
    total, against = per_row[1], per_row[2]
    top[:] = -np.inf
    s[:] = 0
    total[:] = 0
    against[:] = 0
    for k in range(classes):
        line = scratch[k]
        _read(z[b, k, start : start + count], line)
        if bias.shape[0] > 0:
            _shift(line, bias[k])
        transform(line, numbers)
        _raise_top(line, top)
    for k in range(classes):
        line = scratch[k]
        _powers(line, top, scratch[classes + k], s)
        if uniform.shape[0] == 1:
            _count(line, top, uniform, total, against)
        elif uniform.shape[0] > 1:
            _count(line, top, uniform[k : k + 1], total, against)
        if dense.shape[0] > 0:
            share = scratch[2 * classes + k]
            _shares_of(dense[b, k, start : start + count], weight, k, share)
            _count(line, top, share, total, against)
    for j in range(ids.shape[1]):
        for r in range(count):
            k = ids[first + r, j]
            if 0 <= k < classes:
                a = shares[first + r, j] if shares.shape[0] > 0 else 1.0
                total[r] += a
                if a != 0.0:
                    against[r] += a * (np.float64(scratch[k, r]) - np.float64(top[r]))


@kernel
def _gradient(
    slopes: Any, b: int, start: int, first: int, count: int, terms: Any, scratch: Any, per_row: Any
) -> None:
    ids, shares, uniform, dense, _, _, out, numbers = terms
    classes = slopes.shape[1]
    factor, s = scratch[3 * classes], scratch[3 * classes + 1]
    total, by = per_row[1], per_row[4]
    _factors(s, total, by, factor)
    for k in range(classes):
        slope = scratch[classes + k]
        _times(slope, factor)
        if uniform.shape[0] == 1:
            _minus_shares(slope, by, uniform)
        elif uniform.shape[0] > 1:
            _minus_shares(slope, by, uniform[k : k + 1])
        if dense.shape[0] > 0:
            _minus_shares(slope, by, scratch[2 * classes + k])
    for j in range(ids.shape[1]):
        for r in range(count):
            k = ids[first + r, j]
            if 0 <= k < classes:
                a = shares[first + r, j] if shares.shape[0] > 0 else 1.0
                scratch[classes + k, r] -= scratch.dtype.type(by[r] * a)
    for k in range(classes):
        slope = scratch[classes + k]
        bend(slope, scratch[k], numbers)
        if out.shape[0] > 0:
            _clear(slope, out[first : first + count])
        _write(slope, slopes[b, k, start : start + count])


@kernel
def columns(
    z: Any,
    slopes: Any,
    terms: Any,
    scale: Any,
    losses: Any,
    sums: Any,
    scratch: Any,
    per_row: Any,
    begin: int,
    end: int,
) -> None:
    """Groups begin to end of the rows of `z` (N, K, L): their losses, and the gradient of sum_i scale_i loss_i.

    `losses` (N L,) and `slopes` (N, K, L) may be of size 0: not asked for. `sums` holds sum_i scale_i loss_i of each
    group. `scratch` is (3 K + 2, G), of the dtype to compute in, and `per_row` (5, G), float64.
    """
    out, numbers = terms[6], terms[7]
    classes, length = z.shape[1], z.shape[2]
    size = scratch.shape[1]
    groups = (length + size - 1) // size
    log_s, total, against, loss, by = per_row[0], per_row[1], per_row[2], per_row[3], per_row[4]
    for g in range(begin, end):
        b = g // groups
        start = (g - b * groups) * size
        count = min(size, length - start)
        first = b * length + start
        _statistics(z, b, start, first, count, terms, scratch, per_row)
        _logarithms(scratch[3 * classes + 1], log_s)
        _losses(log_s, scratch[3 * classes], total, against, numbers[2], loss)
        _scales(scale, first, count, by)
        if out.shape[0] > 0:
            _clear(loss, out[first : first + count])
        sums[g] = _weighted(loss[:count], by)
        if losses.shape[0] > 0:
            _read(loss[:count], losses[first : first + count])
        if slopes.shape[0] > 0:
            _gradient(slopes, b, start, first, count, terms, scratch, per_row)
