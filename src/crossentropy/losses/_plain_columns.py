"""The softmax loss of class ids for few classes, or classes that do not lie side by side, as most batches are.

The loss is that of `_plain_kernels`, `(a + K u) log s - a (z_t - m) - u sum_k (z_k - m)`; rows are taken together as in
`_column_kernels`. There a row has eight numbers in float64 and three lines a class; here the exponential takes the
place of its logit, all is of the dtype to compute in, and the only loops over single rows are those that look up the
logit of the target and put down its slope.
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
    powers_in_place,
    raise_top,
    read,
    scales,
    take,
    weighted,
)
from crossentropy.losses._vector import kernel

SPARE = 8
"""Lines beside those of the classes."""


@kernel
def _distances(line: Any, top: Any, total: Any) -> None:
    for r in range(line.shape[0]):
        total[r] += line[r] - top[r]


@kernel
def _losses(log_s: Any, share: Any, far: Any, classes: int, uniform: float, loss: Any) -> None:
    kind = loss.dtype.type
    spread = kind(classes * uniform)
    for r in range(loss.shape[0]):
        loss[r] = (share[r] + spread) * log_s[r] - far[r]


@kernel
def _factors(s: Any, share: Any, by: Any, classes: int, uniform: float, factor: Any) -> None:
    spread = factor.dtype.type(classes * uniform)
    for r in range(factor.shape[0]):
        factor[r] = by[r] * (share[r] + spread) / s[r]


@kernel
def _slopes(power: Any, factor: Any, by: Any, uniform: float) -> None:
    less = power.dtype.type(uniform)
    for r in range(power.shape[0]):
        power[r] = power[r] * factor[r] - by[r] * less


@kernel
def _times(power: Any, factor: Any) -> None:
    for r in range(power.shape[0]):
        power[r] *= factor[r]


@kernel
def _far(lines: Any, top: Any, ids: Any, shares: Any, first: int, count: int, share: Any, far: Any) -> None:
    # The share of each row's target, and its part of the loss.
    classes, one = lines.shape[0], share.dtype.type(1)
    for r in range(count):
        k = ids[first + r, 0]
        a = share.dtype.type(shares[first + r, 0]) if shares.shape[0] > 0 else one
        share[r] = a
        far[r] += a * (lines[k, r] - top[r]) if a != 0 and 0 <= k < classes else 0


@kernel
def plain_columns(
    z: Any,
    slopes: Any,
    ids: Any,
    shares: Any,
    uniform: float,
    out: Any,
    scale: Any,
    losses: Any,
    sums: Any,
    scratch: Any,
    begin: int,
    end: int,
) -> None:
    """Groups begin to end of the rows of `z` (N, K, L): their losses, and the gradient of sum_i scale_i loss_i.

    `losses` (N L,) and `slopes` (N, K, L) may be of size 0: not asked for. `sums` holds sum_i scale_i loss_i of each
    group. `scratch` is (K + SPARE, G), of the dtype to compute in. The other arguments are those of `plain_rows`.
    """
    classes, length = z.shape[1], z.shape[0] if z.shape[2] == 1 else z.shape[2]
    size = scratch.shape[1]
    groups = (length + size - 1) // size
    lines = scratch[:classes]
    top, part, s, lost = scratch[classes], scratch[classes + 1], scratch[classes + 2], scratch[classes + 3]
    share, far, loss, by = (
        scratch[classes + 4],
        scratch[classes + 5],
        scratch[classes + 6],
        scratch[classes + 7],
    )
    for g in range(begin, end):
        b = g // groups
        start = (g - b * groups) * size
        count = min(size, length - start)
        first = b * length + start
        top[:] = -np.inf
        scratch[classes + 1 :] = 0
        take(z, b, start, count, lines)
        for k in range(classes):
            raise_top(lines[k], top)
        if uniform > 0:
            for few in range(0, classes, FEW):
                for k in range(few, min(few + FEW, classes)):
                    _distances(lines[k], top, part)
                carry(part, far, lost)
            lost[:] = 0
            for r in range(size):
                far[r] *= far.dtype.type(uniform)
        _far(lines, top, ids, shares, first, count, share, far)
        for few in range(0, classes, FEW):
            for k in range(few, min(few + FEW, classes)):
                powers_in_place(lines[k], top, part)
            carry(part, s, lost)
        log_s = part
        logarithms(s, log_s)
        _losses(log_s, share, far, classes, uniform, loss)
        scales(scale, first, count, by)
        if out.shape[0] > 0:
            clear(loss, out[first : first + count])
        sums[g] = weighted(loss[:count], by)
        if losses.shape[0] > 0:
            read(loss[:count], losses[first : first + count])
        if slopes.shape[0] > 0:
            factor = lost
            _factors(s, share, by, classes, uniform, factor)
            for k in range(classes):
                if uniform > 0:
                    _slopes(lines[k], factor, by, uniform)
                else:
                    _times(lines[k], factor)
            for r in range(count):
                k = ids[first + r, 0]
                if 0 <= k < classes:
                    lines[k, r] -= by[r] * share[r]
            if out.shape[0] > 0:
                for k in range(classes):
                    clear(lines[k], out[first : first + count])
            give(lines, b, start, count, slopes)
