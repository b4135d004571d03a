"""By-products of the loss: what each row says beside what it costs, taken while the row is in cache.

Sums of the row are known by then (`_kernels.State`). What is left goes over its blocks once more: the entropy
`log s - sum_k e^(z_k - m) (z_k - m) / s`, the place of the largest logit, how many logits come before the target's,
and the k largest. Only rows whose log-sum-exp is a number are taken; in the others order has no meaning here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from crossentropy.losses._kernels import BLOCK, losses, statistics, whole_rows
from crossentropy.losses._row_loops import fill, largest_of
from crossentropy.losses._vector import exponential, kernel, summing

_PIECE = 64
"""Elements that are passed over together where none of them is among the largest so far."""


class Facts(NamedTuple):
    """One place for each row, or none at all for what was not asked for."""

    best: Any  # (N,) int64, the target class
    entropy: Any  # (N,) float64
    argmax: Any  # (N,) int64
    rank: Any  # (N,) int64
    probability: Any  # (N,) float64
    top: Any  # (N, k) int64
    values: Any  # (N, k) float64, room for the logits of `top`


@summing
def _entropy_sum(block: Any, m: Any) -> Any:
    total = block.dtype.type(0)  # `m * 0` would be float64
    for j in range(block.shape[0]):
        x = block[j] - m
        e = exponential(x)
        total += e * x if e > 0 else e
    return total


@kernel
def _above(block: Any, value: Any) -> int:
    count = 0
    for j in range(block.shape[0]):
        count += block[j] > value
    return count


@kernel
def _not_below(block: Any, value: Any) -> int:
    count = 0
    for j in range(block.shape[0]):
        count += block[j] >= value
    return count


@kernel
def _first(block: Any, value: Any) -> int:
    for j in range(block.shape[0]):
        if block[j] == value:
            return j
    return -1


@kernel
def _take_largest(block: Any, start: int, top: Any, values: Any) -> None:
    # Sorted insertion; an equal one that comes later stays behind.
    last = values.shape[0] - 1
    for low in range(0, block.shape[0], _PIECE):
        high = min(low + _PIECE, block.shape[0])
        if np.float64(largest_of(block[low:high])) <= values[last] and top[last] >= 0:
            continue
        for j in range(low, high):
            value = np.float64(block[j])
            if value <= values[last] and top[last] >= 0:
                continue
            place = last
            while place > 0 and (top[place - 1] < 0 or value > values[place - 1]):
                values[place], top[place] = values[place - 1], top[place - 1]
                place -= 1
            values[place], top[place] = value, start + j


@kernel
def _row_facts(row: Any, i: int, terms: Any, state: Any, facts: Any, scratch: Any) -> None:
    bias, numbers = terms[5], terms[7]
    best, entropy, argmax, rank, probability, top, values = facts
    m, s = state[0][i], state[1][i]
    block, width, k = scratch[0], row.shape[0], best[i]
    low = k // BLOCK * BLOCK
    high = min(low + BLOCK, width)
    fill(row[low:high], bias[low:high], numbers, block[: high - low])
    target = block[k - low]
    if probability.shape[0] > 0:
        probability[i] = math.exp(np.float64(target) - m) / s
    before, place, spread = 0, -1, 0.0
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        part = block[: stop - start]
        fill(row[start:stop], bias[start:stop], numbers, part)
        if rank.shape[0] > 0:
            split = min(max(k - start, 0), stop - start)
            before += _not_below(part[:split], target) + _above(part[split:], target)
        if argmax.shape[0] > 0 and place < 0 and np.float64(largest_of(part)) == m:
            place = start + _first(part, part.dtype.type(m))
        if entropy.shape[0] > 0:
            spread += np.float64(_entropy_sum(part, part.dtype.type(m)))
        if top.shape[0] > 0:
            _take_largest(part, start, top[i], values[i])
    if rank.shape[0] > 0:
        rank[i] = before
    if argmax.shape[0] > 0:
        argmax[i] = place
    if entropy.shape[0] > 0:
        entropy[i] = math.log(s) - spread / s


@kernel
def rows_with_facts(
    z: Any,
    slopes: Any,
    terms: Any,
    state: Any,
    scale: Any,
    result: Any,
    facts: Any,
    scratch: Any,
    kept: Any,
    begin: int,
    end: int,
) -> None:
    """Rows begin to end: losses, gradient if `slopes` has rows, and facts of those with a log-sum-exp.

    Rows that are left out have none: their largest logit stays -inf.
    """
    for i in range(begin, end):
        if slopes.shape[0] > 0:
            whole_rows(z, slopes, terms, state, scale, result, scratch, kept, i, i + 1)
        else:
            statistics(z, 0, terms, state, scratch, i, i + 1)
            losses(terms, state, result, i, i + 1)
        if -np.inf < state[0][i] < np.inf and state[1][i] > 0:
            _row_facts(z[i], i, terms, state, facts, scratch)
