"""The two passes of `_linear_cpu.py` over a range of classes, compiled: nogil functions on float32 arrays.

A block of rows comes packed twice: `turned` (panels, D, COLUMNS), each panel the transpose of a few rows, and
`straight` (chunks, B, COLUMNS), a few features of all rows. A tile of logits is (classes, B): the rows of the batch lie
along the vectors. The weight is then read in place, a class a row, and neither the softmax nor its sums go across a
vector.

`forward` makes the logits tile by tile and the sums of each row: the largest logit m, s = sum exp(z - m), and what is
linear in the logits (the targets' and the smoothing's part of the loss). It keeps the tiles of the first `kept` classes
of its range. `backward` takes each tile from there, or makes it again, turns it into slopes, and multiplies them with
the weight (into the rows' gradients, a partial sum of this range) and with the rows (into this range of the weight's).

Exponentials are those of `_vector.py`, of numbers up to 0: logits less the largest of their row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy.losses._microkernel import COLUMNS, ROWS, compiled, inlined, multiply
from crossentropy.losses._vector import exponential, hyperbolic

_f32 = np.float32
_ZERO, _ONE = _f32(0), _f32(1)


@compiled
def pack(features: Any, rows: Any, turned: Any, straight: Any) -> None:
    """Pack `rows` of the features both ways, with zeros behind them."""
    columns = features.shape[1]
    for i in range(turned.shape[0] * COLUMNS):
        panel, lane = i // COLUMNS, i % COLUMNS
        if i >= len(rows):
            turned[panel, :, lane] = _ZERO
            straight[:, i] = _ZERO
            continue
        x = features[rows[i]]
        for k in range(columns):
            turned[panel, k, lane] = x[k]
        for chunk in range(straight.shape[0]):
            _copy_chunk(x, chunk, straight[chunk, i])


@inlined
def _copy_chunk(x: Any, chunk: int, out: Any) -> None:
    low = chunk * COLUMNS
    if low + COLUMNS <= len(x):
        for k in range(COLUMNS):
            out[k] = x[low + k]
    else:
        for k in range(COLUMNS):
            out[k] = x[low + k] if low + k < len(x) else _ZERO


@inlined
def _logits(weight: Any, low: int, turned: Any, panel: int, bend: Any, bias: Any, z: Any) -> None:
    # The panel's columns of z (classes, B), transformed: cap tanh((z + b) / cap) / T.
    n, columns = z.shape[0], weight.shape[1]
    at = panel * COLUMNS
    multiply(
        n,
        columns,
        weight.ctypes.data + 4 * low * columns,
        columns,
        1,
        turned.ctypes.data + 4 * panel * columns * COLUMNS,
        z.ctypes.data + 4 * at,
        z.shape[1],
        False,
    )
    cap, cool = bend[0], bend[1]
    if len(bias) > 0:
        for j in range(n):
            b = bias[low + j]
            for i in range(at, at + COLUMNS):
                z[j, i] += b
    if cap > _ZERO:
        for j in range(n):
            for i in range(at, at + COLUMNS):
                z[j, i] = cap * hyperbolic(z[j, i] / cap)
    if cool != _ONE:
        for j in range(n):
            for i in range(at, at + COLUMNS):
                z[j, i] *= cool


@inlined
def _add_up(z: Any, at: int, most: Any, total: Any, before: Any, part: Any) -> None:
    # Sums of a tile in float32, sums of tiles in float64.
    for i in range(COLUMNS):
        before[i] = most[at + i]
        part[i] = _ZERO
    for j in range(z.shape[0]):
        for i in range(COLUMNS):
            most[at + i] = z[j, at + i] if z[j, at + i] > most[at + i] else most[at + i]
    for i in range(COLUMNS):
        # Where all logits so far are -inf (or NaN) any finite shift will do.
        shift = most[at + i] if most[at + i] > -np.inf else _ZERO
        total[at + i] *= exponential(before[i] - shift)
        before[i] = shift
    for j in range(z.shape[0]):
        for i in range(COLUMNS):
            part[i] += exponential(z[j, at + i] - before[i])
    for i in range(COLUMNS):
        total[at + i] += part[i]


@inlined
def _add_linear(z: Any, low: int, ids: Any, shares: Any, spread: Any, best: Any, line: Any, hit: Any) -> None:
    n = z.shape[0]
    for i in range(ids.shape[0]):
        for entry in range(ids.shape[1]):
            j = ids[i, entry] - low
            if j >= 0 and j < n and shares[i, entry] != _ZERO:
                line[i] += shares[i, entry] * z[j, i]
        j = best[i] - low
        if j >= 0 and j < n:
            hit[i] = z[j, i]
    if len(spread) > 0:
        for j in range(n):
            u = spread[low + j]
            if u != _ZERO:
                for i in range(ids.shape[0]):
                    line[i] += u * z[j, i]


@compiled
def forward(
    weight: Any,
    bias: Any,
    bend: Any,
    low: int,
    high: int,
    kept: int,
    turned: Any,
    ids: Any,
    shares: Any,
    spread: Any,
    best: Any,
    store: Any,
    scratch: Any,
    most: Any,
    total: Any,
    line: Any,
    hit: Any,
) -> None:
    """Sums over the classes low to high; `most`, `total`, `line`, `hit` are those of this range, one for each row."""
    before, part = np.empty(COLUMNS, np.float32), np.empty(COLUMNS, np.float32)
    at = low
    while at < high:
        inside = at < low + kept
        n = min(scratch.shape[0], (low + kept if inside else high) - at)
        z = store[at - low : at - low + n] if inside else scratch[:n]
        for panel in range(turned.shape[0]):
            _logits(weight, at, turned, panel, bend, bias, z)
            _add_up(z, panel * COLUMNS, most, total, before, part)
        _add_linear(z, at, ids, shares, spread, best, line, hit)
        at += n


@inlined
def _slopes(
    z: Any, low: int, bend: Any, top: Any, pull: Any, scale: Any, ids: Any, shares: Any, spread: Any, out: Any
) -> None:
    # With pull for what p = exp(z - lse) is multiplied by, times exp(top - lse): d loss / d z =
    # (pull exp(z - top) - scale (spread + shares at ids)) (1 - (T z / cap)^2) / T
    n, rows = z.shape[0], len(top)
    for j in range(n):
        for i in range(rows):
            out[j, i] = pull[i] * exponential(z[j, i] - top[i])
    if len(spread) > 0:
        for j in range(n):
            u = spread[low + j]
            for i in range(rows):
                out[j, i] -= scale[i] * u
    for i in range(ids.shape[0]):
        for entry in range(ids.shape[1]):
            j = ids[i, entry] - low
            if j >= 0 and j < n:
                out[j, i] -= scale[i] * shares[i, entry]
    cap, cool = bend[0], bend[1]
    if cap > _ZERO:
        for j in range(n):
            for i in range(rows):
                x = z[j, i] / (cool * cap)
                out[j, i] *= (_ONE - x * x) * cool
    elif cool != _ONE:
        for j in range(n):
            for i in range(rows):
                out[j, i] *= cool


@inlined
def _product(
    m: int, k: int, a: int, row: int, step: int, b: int, out: Any, at: int, chunk: int, add: bool, spare: Any
) -> None:
    # Into rows at.. of `out`, the columns of one chunk; the last chunk may be narrower than a panel.
    low, ldc = chunk * COLUMNS, out.shape[1]
    width = min(COLUMNS, ldc - low)
    if width == COLUMNS:
        multiply(m, k, a, row, step, b, out.ctypes.data + 4 * (at * ldc + low), ldc, add)
        return
    i = 0
    while i < m:
        n = min(ROWS, m - i)
        multiply(n, k, a + 4 * i * row, row, step, b, spare.ctypes.data, COLUMNS, False)
        for r in range(n):
            for j in range(width):
                out[at + i + r, low + j] = spare[r, j] + (out[at + i + r, low + j] if add else _ZERO)
        i += n


@compiled
def backward(
    weight: Any,
    bias: Any,
    bend: Any,
    low: int,
    high: int,
    kept: int,
    turned: Any,
    straight: Any,
    ids: Any,
    shares: Any,
    spread: Any,
    store: Any,
    scratch: Any,
    slopes: Any,
    packed: Any,
    top: Any,
    pull: Any,
    scale: Any,
    to_features: Any,
    to_weight: Any,
    to_bias: Any,
    add: bool,
) -> None:
    """Gradients from the classes low to high; what is not wanted has no rows."""
    rows, chunks = ids.shape[0], straight.shape[0]
    wide = slopes.shape[1]
    spare = np.empty((ROWS, COLUMNS), np.float32)
    at = low
    while at < high:
        inside = at < low + kept
        n = min(scratch.shape[0], (low + kept if inside else high) - at)
        z = store[at - low : at - low + n] if inside else scratch[:n]
        if not inside:
            for panel in range(turned.shape[0]):
                _logits(weight, at, turned, panel, bend, bias, z)
        _slopes(z, at, bend, top, pull, scale, ids, shares, spread, slopes)
        if len(to_bias) > 0:
            for j in range(n):
                to_bias[at + j] += np.sum(slopes[j])
        if len(to_features) > 0:
            for j in range(n):
                for chunk in range(chunks):
                    _copy_chunk(weight[at + j], chunk, packed[chunk, j])
            for chunk in range(chunks):
                b = packed.ctypes.data + 4 * chunk * packed.shape[1] * COLUMNS
                _product(rows, n, slopes.ctypes.data, 1, wide, b, to_features, 0, chunk, at > low, spare)
        if len(to_weight) > 0:
            for chunk in range(chunks):
                b = straight.ctypes.data + 4 * chunk * wide * COLUMNS
                _product(n, wide, slopes.ctypes.data, wide, 1, b, to_weight, at, chunk, add, spare)
        at += n
