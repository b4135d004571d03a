"""Loops over a line: one class of many rows, a row in each lane. What the kernels for few classes put together.

A group of rows is taken from logits (N, K, L), whose classes are the axis in the middle, and L = 1 where they are the
last. Then rows go along the first axis and are turned on their way in and out; else a line lies in memory as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy.losses._turn import transpose
from crossentropy.losses._vector import exponential, kernel, load, logarithm, maximum, store, summing

FEWEST, MOST, ELEMENTS = 64, 512, 16384
"""Rows of a group: enough to repay the calls for each line, and so many that its blocks stay in the second-level cache.

Measured in float32 for 128 classes: 0.96 ns an element at 32 rows, 0.84 at 64, 0.71 at 128.
"""

FEW = 32
"""Classes whose exponentials are summed up in the dtype to compute in before the sum is carried."""


def rows_together(classes: int, length: int) -> int:
    """Return how many rows a group takes, a multiple of 16: one vector of float32 at its widest."""
    most = min(MOST, -(-length // 16) * 16)
    return min(most, max(FEWEST, ELEMENTS // classes // 16 * 16))


@kernel
def take(part: Any, b: int, start: int, count: int, lines: Any) -> None:
    """Logits (N, K, L) of rows start to start + count become lines; what is left of each line is 0."""
    if part.shape[2] == 1:
        transpose(part[start : start + count, :, 0], lines[:, :count])
        lines[:, count:] = 0
    else:
        for k in range(lines.shape[0]):
            read(part[b, k, start : start + count], lines[k])


@kernel
def give(lines: Any, b: int, start: int, count: int, part: Any) -> None:
    """The way back."""
    if part.shape[2] == 1:
        transpose(lines[:, :count], part[start : start + count, :, 0])
    else:
        for k in range(lines.shape[0]):
            _write(lines[k], part[b, k, start : start + count])


@kernel
def read(part: Any, line: Any) -> None:
    """The line, and 0 behind its end."""
    n = part.shape[0]
    for r in range(n):
        line[r] = load(part[r])
    for r in range(n, line.shape[0]):
        line[r] = 0


@kernel
def _write(line: Any, out: Any) -> None:
    for r in range(out.shape[0]):
        out[r] = store(line[r], out[r])


@kernel
def raise_top(line: Any, top: Any) -> None:
    """The larger of both; NaN is passed over."""
    for r in range(line.shape[0]):
        top[r] = maximum(top[r], line[r])


@kernel
def powers(line: Any, top: Any, power: Any, s: Any) -> None:
    """e^(z - top), added to s."""
    for r in range(line.shape[0]):
        e = exponential(line[r] - top[r])
        power[r] = e
        s[r] += e


@kernel
def powers_in_place(line: Any, top: Any, s: Any) -> None:
    """The same where z was: two arrays that are one would be taken for a conflict, and element by element."""
    for r in range(line.shape[0]):
        e = exponential(line[r] - top[r])
        line[r] = e
        s[r] += e


@kernel
def carry(part: Any, whole: Any, lost: Any) -> None:
    """Add parts to the whole with what was lost in rounding before, and begin other parts: Kahan, 1965.

    One sum after another over 32,000 classes would lose three digits; torch adds pairs, which lanes that hold rows
    cannot.
    """
    for r in range(whole.shape[0]):
        more = whole.dtype.type(part[r]) - lost[r]
        sum = whole[r] + more
        lost[r] = (sum - whole[r]) - more if sum - sum == 0 else 0
        whole[r] = sum
        part[r] = 0


@kernel
def logarithms(s: Any, log_s: Any) -> None:
    """ln s, in the dtype of the result."""
    for r in range(s.shape[0]):
        log_s[r] = logarithm(log_s.dtype.type(s[r]))


@summing
def weighted(loss: Any, by: Any) -> float:
    """sum_r by_r loss_r."""
    total = 0.0
    for r in range(loss.shape[0]):
        total += np.float64(loss[r]) * np.float64(by[r])
    return total


@kernel
def scales(scale: Any, first: int, count: int, by: Any) -> None:
    """What multiplies each row's loss, and 0 behind the last row."""
    by[count:] = 0
    if scale.shape[0] == 1:
        by[:count] = by.dtype.type(scale[0])
    else:
        for r in range(count):
            by[r] = scale[first + r]


@kernel
def clear(values: Any, out: Any) -> None:
    """0 where a row is left out."""
    for r in range(out.shape[0]):
        if out[r]:
            values[r] = 0
