"""The softmax loss on the CPU: one pass over each row while it is in cache, compiled by Numba.

A row of logits comes from memory once. Its blocks of 4096 elements go through the first-level cache: largest element,
sum of exponentials against the largest so far, sums against the target (`statistics`). Then, from the second-level
cache, its gradient is written (`gradient`).
Memory traffic is that of reading the logits and writing the gradient once, two passes; torch's composition makes six.
Where losses and gradient are made together (`whole_rows`), the row is kept beside with its exponentials; a gradient
that is made later takes them anew.

Both halves take a tile of the logits as well, columns `first` to `first + width` of all K: the sums go on from where
the tile before has left them. A caller that makes the logits tile by tile can run the same code; so far none does.

Every option is a term of one sum. With z' the transformed logits and a_ik the weight of class k in the target of row i,
the loss is `sum_k a_ik (lse_i - z'_ik) + zeta lse_i^2`, and a_ik = share_ij at the class ids (i, j), plus `uniform_k`
(label smoothing), plus `weight_k dense_ik`. Sums that cancel are taken in float64.

Arrays of size 0 stand for what is absent: one compiled form serves every combination of options.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from crossentropy.losses._row_loops import (
    any_nan,
    bend,
    dense_sums,
    fill,
    largest_of,
    minus,
    minus_weighted,
    power_sum,
    powers_in_place,
    put,
    put_scaled,
    scaled,
    scaled_sum,
    softmax_times,
    weighted_dense_sums,
    weighted_sum,
    whole_vectors,
)
from crossentropy.losses._vector import kernel, store

BLOCK = 4096
"""Elements of a row that are worked on together: 16 KiB in float32, with as much for the gradient, of 32 in L1."""

STRIDE = BLOCK + 144
"""Elements between the two scratch rows: at a multiple of 4 KiB the loads of one wait for the stores of the other."""

FEW_IDS = 8
"""Class ids of a row up to which each is looked for among all of them."""


class Terms(NamedTuple):
    """What the rows are held against, as arrays; see `Rows`."""

    ids: Any  # (N, m) int64, -1: nothing
    shares: Any  # (N, m) float64, or (0, 0): 1
    uniform: Any  # (K,) or (1,) or (0,), of the computing dtype
    dense: Any  # (N, K) or (0, 0)
    weight: Any  # (K,) or (1,), of the computing dtype
    bias: Any  # (K,) or (0,), of the computing dtype
    out: Any  # (N,) bool or (0,)
    numbers: Any  # soft cap or 0, 1 / temperature, z-loss


class State(NamedTuple):
    """What is known of each row after the columns so far, in float64."""

    largest: Any  # (N,) max z'
    powers: Any  # (N,) sum exp(z' - largest)
    total: Any  # (N,) sum of the a_ik
    against: Any  # (N,) sum of a_ik z'_ik, without the class ids
    at: Any  # (N, m) z' at the class ids


@kernel
def _row_sums(
    block: Any,
    i: int,
    low: int,
    high: int,
    uniform: Any,
    dense: Any,
    weight: Any,
    totals: Any,
    against: Any,
) -> None:
    if uniform.shape[0] == 1:
        against[i] += np.float64(uniform[0]) * scaled_sum(block)
    elif uniform.shape[0] > 1:
        against[i] += weighted_sum(block, uniform[low:high])
    if dense.shape[0] > 0:
        if weight.shape[0] == 1:
            total, product = dense_sums(block, dense[i, low:high], np.float64(weight[0]))
        else:
            total, product = weighted_dense_sums(block, dense[i, low:high], weight[low:high])
        totals[i] += total
        against[i] += product


@kernel
def _row_statistics(
    row: Any,
    i: int,
    first: int,
    ids: Any,
    uniform: Any,
    dense: Any,
    weight: Any,
    bias: Any,
    numbers: Any,
    largest: Any,
    powers: Any,
    totals: Any,
    against: Any,
    at: Any,
    scratch: Any,
) -> None:
    m, s = largest[i], powers[i]
    width = row.shape[0]
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        block, padded = scratch[0, : stop - start], scratch[0, : whole_vectors(stop - start)]
        low, high = first + start, first + stop
        fill(row[start:stop], bias[low:high], numbers, padded)
        top = np.float64(largest_of(padded))
        if top > m:
            s *= math.exp(m - top)
            m = top
        if m > -np.inf:
            s += np.float64(power_sum(padded, block.dtype.type(m)))
        elif any_nan(block):
            s = np.nan
        _row_sums(block, i, low, high, uniform, dense, weight, totals, against)
        for j in range(ids.shape[1]):
            k = ids[i, j]
            if low <= k < high:
                at[i, j] = np.float64(block[k - low])
    largest[i], powers[i] = m, s


@kernel
def _row_loss(
    i: int, ids: Any, shares: Any, numbers: Any, largest: Any, powers: Any, totals: Any, against: Any, at: Any
) -> Any:
    # With every difference taken against the largest logit first: a common shift of the logits costs no digits.
    total, m = totals[i], largest[i]
    log_powers = math.log(powers[i]) if m > -np.inf else np.nan
    loss = total * m - against[i]
    for j in range(ids.shape[1]):
        if ids[i, j] >= 0:
            share = shares[i, j] if shares.shape[0] > 0 else 1.0
            if share != 0.0:
                loss -= share * at[i, j]
    loss += total * log_powers
    if numbers[2] > 0.0:
        loss += numbers[2] * (m + log_powers) ** 2
    return loss


@kernel
def _less_targets(
    slope: Any,
    i: int,
    low: int,
    high: int,
    ids: Any,
    shares: Any,
    uniform: Any,
    dense: Any,
    weight: Any,
    scale: float,
) -> None:
    kind = slope.dtype.type
    if uniform.shape[0] == 1:
        minus(slope, kind(scale), uniform)
    elif uniform.shape[0] > 1:
        minus(slope, kind(scale), uniform[low:high])
    if dense.shape[0] > 0:
        if weight.shape[0] == 1:
            minus(slope, kind(scale * weight[0]), dense[i, low:high])
        else:
            minus_weighted(slope, kind(scale), dense[i, low:high], weight[low:high])
    for j in range(ids.shape[1]):
        k = ids[i, j]
        if low <= k < high:
            slope[k - low] -= kind(scale * (shares[i, j] if shares.shape[0] > 0 else 1.0))


@kernel
def _row_gradient(
    row: Any,
    out: Any,
    i: int,
    first: int,
    ids: Any,
    shares: Any,
    uniform: Any,
    dense: Any,
    weight: Any,
    bias: Any,
    numbers: Any,
    largest: Any,
    powers: Any,
    totals: Any,
    scale: float,
    scratch: Any,
) -> None:
    kind = scratch.dtype.type
    m, total = largest[i], totals[i]
    if numbers[2] > 0.0:
        total += 2 * numbers[2] * (m + math.log(powers[i]))
    factor = scale * total / powers[i] if m > -np.inf else np.nan
    width = row.shape[0]
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        low, high = first + start, first + stop
        slope, padded = scratch[1, : stop - start], whole_vectors(stop - start)
        fill(row[start:stop], bias[low:high], numbers, scratch[0, :padded])
        softmax_times(scratch[0, :padded], kind(m), kind(factor), scratch[1, :padded])
        _less_targets(slope, i, low, high, ids, shares, uniform, dense, weight, scale)
        bend(slope, scratch[0, : stop - start], numbers)
        put(slope, out[start:stop])


@kernel
def statistics(z: Any, first: int, terms: Any, state: Any, scratch: Any, begin: int, end: int) -> None:
    """Take the columns `first` to `first + width` of rows begin to end into the state."""
    ids, _, uniform, dense, weight, bias, out, numbers = terms
    largest, powers, totals, against, at = state
    for i in range(begin, end):
        if out.shape[0] == 0 or not out[i]:
            _row_statistics(
                z[i],
                i,
                first,
                ids,
                uniform,
                dense,
                weight,
                bias,
                numbers,
                largest,
                powers,
                totals,
                against,
                at,
                scratch,
            )


@kernel
def losses(terms: Any, state: Any, result: Any, begin: int, end: int) -> None:
    """The loss of each row in nats from a state that has seen all columns; 0 for rows that are left out."""
    ids, shares, _, _, _, _, out, numbers = terms
    largest, powers, totals, against, at = state
    for i in range(begin, end):
        if out.shape[0] > 0 and out[i]:
            result[i] = 0.0
        else:
            result[i] = _row_loss(i, ids, shares, numbers, largest, powers, totals, against, at)


@kernel
def gradient(
    z: Any, slopes: Any, first: int, terms: Any, state: Any, scale: Any, scratch: Any, begin: int, end: int
) -> None:
    """The gradient of sum_i scale_i loss_i by the logits of the tile, from a state that has seen all columns.

    `slopes` may be `z`.
    """
    ids, shares, uniform, dense, weight, bias, out, numbers = terms
    largest, powers, totals, _, _ = state
    for i in range(begin, end):
        if out.shape[0] > 0 and out[i]:
            slopes[i, :] = 0
        else:
            by = scale[0] if scale.shape[0] == 1 else scale[i]
            _row_gradient(
                z[i],
                slopes[i],
                i,
                first,
                ids,
                shares,
                uniform,
                dense,
                weight,
                bias,
                numbers,
                largest,
                powers,
                totals,
                by,
                scratch,
            )


@kernel
def whole_rows(
    z: Any,
    slopes: Any,
    terms: Any,
    state: Any,
    scale: Any,
    result: Any,
    scratch: Any,
    kept: Any,
    begin: int,
    end: int,
) -> None:
    """All of it for rows that lie whole in `z`, each while it is in cache.

    `kept` has room for a row in whole vectors: its logits, then their exponentials, which are taken once.
    """
    ids, shares, uniform, dense, weight, bias, out, numbers = terms
    largest, powers, totals, against, at = state
    kind = kept.dtype.type
    width = z.shape[1]
    padded = kept[: whole_vectors(width)]
    bent = numbers[0] > 0.0 or numbers[1] != 1.0
    ids_alone = ids.shape[1] <= FEW_IDS and uniform.shape[0] == 0 and dense.shape[0] == 0 and not bent
    for i in range(begin, end):
        if out.shape[0] > 0 and out[i]:
            result[i] = 0.0
            slopes[i, :] = 0
            continue
        m, s = -np.inf, 0.0
        for start in range(0, padded.shape[0], BLOCK):
            stop = min(start + BLOCK, width)
            block = padded[start : start + BLOCK]
            fill(z[i, start:stop], bias[start:stop], numbers, block)
            m = max(m, np.float64(largest_of(block)))
        for start in range(0, padded.shape[0], BLOCK):
            stop = min(start + BLOCK, width)
            _row_sums(kept[start:stop], i, start, stop, uniform, dense, weight, totals, against)
            for j in range(ids.shape[1]):
                if start <= ids[i, j] < stop:
                    at[i, j] = np.float64(kept[ids[i, j]])
            s += np.float64(powers_in_place(padded[start : start + BLOCK], kind(m)))
        largest[i], powers[i] = m, s
        result[i] = _row_loss(i, ids, shares, numbers, largest, powers, totals, against, at)
        by = scale[0] if scale.shape[0] == 1 else scale[i]
        total = totals[i]
        if numbers[2] > 0.0:
            total += 2 * numbers[2] * (m + math.log(s))
        factor = kind(by * total / s)
        if ids_alone:
            put_scaled(kept[:width], factor, slopes[i])
            for j in range(ids.shape[1]):
                k = ids[i, j]
                if 0 <= k < width:
                    share = 0.0
                    for other in range(ids.shape[1]):
                        if ids[i, other] == k:  # a class may be named twice
                            share += shares[i, other] if shares.shape[0] > 0 else 1.0
                    slopes[i, k] = store(kept[k] * factor - kind(by * share), slopes[i, k])
            continue
        for start in range(0, width, BLOCK):
            stop = min(start + BLOCK, width)
            slope = kept[start:stop]
            scaled(slope, factor)
            _less_targets(slope, i, start, stop, ids, shares, uniform, dense, weight, by)
            if bent:
                block = scratch[0, : stop - start]
                fill(z[i, start:stop], bias[start:stop], numbers, block)
                bend(slope, block, numbers)
            put(slope, slopes[i, start:stop])
