"""The softmax loss on the CPU for few classes, or classes that do not lie side by side: vectors run over rows.

A row of ten logits is shorter than a vector, and whatever is done for each row alone (a logarithm, a call, a loop that
starts) costs more than its exponentials. So rows are taken some hundred at a time, and turned as they are read: class
k of all of them becomes one line of `block`. Largest logit, sum of exponentials, logarithm and gradient then go line
by line with a row in each lane, and turn back as they are written. The exponentials are kept, in cache, between the
sum and the gradient.

Logits (N, K, L) with the classes on the axis in the middle come as they are: a line is read from memory without
turning. Logits (N, K) are (N, K, 1) here, and rows go along the first axis.

One call takes a group of rows from logits to losses and gradient and keeps nothing: a backward that comes again
computes all of it again, at the price of reading the logits. Losses are summed group by group, so that the sum
does not depend on the number of threads.

The terms, and what the arrays of size 0 stand for, are those of `_kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy.losses._lines import (
    FEW,
    carry,
    clear,
    give,
    logarithms,
    powers,
    raise_top,
    read,
    scales,
    take,
    weighted,
)
from crossentropy.losses._row_loops import bend, transform
from crossentropy.losses._vector import kernel


@kernel
def _shift(line: Any, by: Any) -> None:
    for r in range(line.shape[0]):
        line[r] += by


@kernel
def _count(line: Any, top: Any, share: Any, total: Any, against: Any) -> None:
    # `share` is a line of shares, or one share of every row.
    one = share.shape[0] == 1
    for r in range(line.shape[0]):
        a = np.float64(share[0] if one else share[r])
        total[r] += a
        against[r] += 0.0 if a == 0.0 else a * (np.float64(line[r]) - np.float64(top[r]))


@kernel
def _losses(log_s: Any, top: Any, total: Any, against: Any, zeta: float, loss: Any) -> None:
    for r in range(loss.shape[0]):
        loss[r] = total[r] * np.float64(log_s[r]) - against[r]
    if zeta > 0.0:
        for r in range(loss.shape[0]):
            lse = np.float64(top[r]) + np.float64(log_s[r])
            loss[r] += zeta * lse * lse
            total[r] += 2 * zeta * lse


@kernel
def _factors(s: Any, total: Any, by: Any, factor: Any) -> None:
    for r in range(factor.shape[0]):
        factor[r] = factor.dtype.type(by[r] * total[r] / s[r])


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
def _weigh(share: Any, weight: Any) -> None:
    if weight != 1:
        for r in range(share.shape[0]):
            share[r] *= weight


@kernel
def _statistics(
    z: Any, b: int, start: int, first: int, count: int, terms: Any, scratch: Any, per_row: Any
) -> None:
    # From the logits to `powers`, `top`, `s` and, for each row, the sum of the a_ik and of a_ik (z'_ik - top_i).
    ids, shares, uniform, dense, weight, bias, _, numbers = terms
    classes = z.shape[1]
    top, part = scratch[3 * classes], scratch[3 * classes + 1]
    top[:] = -np.inf
    part[:] = 0
    per_row[:] = 0
    s, total, against = per_row[0], per_row[1], per_row[2]
    spread = uniform.shape[0] > 0 or dense.shape[0] > 0
    take(z, b, start, count, scratch[:classes])
    for k in range(classes):
        line = scratch[k]
        if bias.shape[0] > 0:
            _shift(line, bias[k])
        transform(line, numbers)
        raise_top(line, top)
    if dense.shape[0] > 0:
        take(dense, b, start, count, scratch[2 * classes : 3 * classes])
    for few in range(0, classes, FEW):
        for k in range(few, min(few + FEW, classes)):
            line = scratch[k]
            powers(line, top, scratch[classes + k], part)
            if uniform.shape[0] == 1:
                _count(line, top, uniform, per_row[3], per_row[4])
            elif uniform.shape[0] > 1:
                _count(line, top, uniform[k : k + 1], per_row[3], per_row[4])
            if dense.shape[0] > 0:
                share = scratch[2 * classes + k]
                _weigh(share, weight[0] if weight.shape[0] == 1 else weight[k])
                _count(line, top, share, per_row[3], per_row[4])
        carry(part, s, per_row[5])
        if spread:
            carry(per_row[3], total, per_row[6])
            carry(per_row[4], against, per_row[7])
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
    factor, by = scratch[3 * classes], per_row[4]
    _factors(per_row[0], per_row[1], by, factor)
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
            clear(slope, out[first : first + count])
    give(scratch[classes : 2 * classes], b, start, count, slopes)


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
    group. `scratch` is (3 K + 2, G), of the dtype to compute in, and `per_row` (8, G), float64.
    """
    out, numbers = terms[6], terms[7]
    classes, length = z.shape[1], z.shape[0] if z.shape[2] == 1 else z.shape[2]
    size = scratch.shape[1]
    groups = (length + size - 1) // size
    s, total, against, loss, by = per_row[0], per_row[1], per_row[2], per_row[3], per_row[4]
    for g in range(begin, end):
        b = g // groups
        start = (g - b * groups) * size
        count = min(size, length - start)
        first = b * length + start
        _statistics(z, b, start, first, count, terms, scratch, per_row)
        top, log_s = scratch[3 * classes], scratch[3 * classes + 1]
        logarithms(s, log_s)
        _losses(log_s, top, total, against, numbers[2], loss)
        scales(scale, first, count, by)
        if out.shape[0] > 0:
            clear(loss, out[first : first + count])
        sums[g] = weighted(loss[:count], by)
        if losses.shape[0] > 0:
            read(loss[:count], losses[first : first + count])
        if slopes.shape[0] > 0:
            _gradient(slopes, b, start, first, count, terms, scratch, per_row)
