"""Misuse that no shape or dtype gives away: probabilities in the place of logits, targets that are no distributions.

Both are seen in the values, so both must cost next to nothing where nothing is wrong. Logits give themselves away in
the first element or the first row, and the search ends there; only a batch that looks like probabilities to its last
row is read whole. Targets are looked at in the first 65,536 elements, and all of them under `strict`.

A warning names the line of the caller, so Python's own filters show it once for each place it is called from.
Log-probabilities as logits change nothing (their log-sum-exp is 0): they are let through in silence.
"""

from __future__ import annotations

import math
import sys
import warnings

import torch
from torch import Tensor

from crossentropy.errors import CrossEntropyWarning, InputError, MisuseWarning, TargetError
from crossentropy.losses._options import LossOptions, SparseTarget

_LOOKED_AT = 1 << 16
_UNNORMALISED = 1e-2
"""How far from 1 targets may sum: as far as they come when they have been in 16 bits on their way."""
_NARROW = (torch.float16, torch.bfloat16)


def check_probabilities_as_logits(input: Tensor, axis: int, options: LossOptions) -> None:
    """Warn about, or refuse, a batch of at least two rows that all lie in [0, 1] and sum to 1."""
    if options.probabilities == "allow" or input.ndim < 2 or input.shape[0] < 2:
        return
    values = input.detach()
    if not 0 <= float(values[(0,) * input.ndim]) <= 1:
        return
    classes, rows = input.shape[axis], input.shape[0]
    low, high = 0, 1
    while low < rows:
        if not are_probabilities(values[low:high], axis):
            return
        low, high = high, min(rows, 16 * high)
    least = math.log1p((classes - 1) / math.e)
    message = (
        f"The logits look like probabilities: all {input.numel() // classes} rows lie in [0, 1] and sum to 1. Softmax "
        f"is inside the loss; after a second one the loss of {classes} classes cannot fall below {least:.4f} nats."
    )
    fix = "Give the logits, or the logarithms of the probabilities; `crossentropy learn pytorch --open` shows why."
    if options.probabilities == "raise":
        raise InputError(message, fix=fix)
    _warn(f"{message} {fix} If they are logits: LossOptions(probabilities='allow').", MisuseWarning)


def check_are_distributions(
    target: Tensor | SparseTarget, axis: int, ignore_index: int, options: LossOptions
) -> None:
    """Warn about targets with negative entries or another sum than 1; refuse them under `strict`."""
    if isinstance(target, SparseTarget):
        shares = target.probabilities.detach().masked_fill(target.ids == ignore_index, 0)
        out = (target.ids == ignore_index).all(axis)
    else:
        shares, out = target.detach(), None
    if options.ignored is not None:
        out = options.ignored if out is None else out | options.ignored
    if shares.ndim == 1:
        shares, out, axis = shares.unsqueeze(0), None if out is None else out.unsqueeze(0), 1
    if not options.strict:
        rows = max(1, _LOOKED_AT * shares.shape[0] // max(1, shares.numel()))
        shares, out = shares[:rows], None if out is None else out[:rows]
    if shares.numel() == 0:
        return
    sums = shares.sum(axis, dtype=None if shares.dtype == torch.float64 else torch.float32)
    bad = ~((sums - 1).abs() <= _UNNORMALISED) | (shares.amin(axis) < 0)
    if out is not None:
        bad &= ~out
    if not bad.any():
        return
    where = tuple(bad.nonzero()[0].tolist())
    place = f"row {where[0]}" if len(where) == 1 else f"position {where}"
    row = shares.movedim(axis, -1)[where]
    what = f"sums to {float(sums[where]):g}" if float(row.min()) >= 0 else f"holds {float(row.min()):g}"
    message = f"The target at {place} {what}; a distribution over classes is at least 0 and sums to 1."
    if options.strict:
        raise TargetError(message, fix="Use softmax or target / target.sum(1, keepdim=True).")
    _warn(
        f"{message} It goes through the formula as it is. LossOptions(strict=True) refuses it.", MisuseWarning
    )


def are_probabilities(values: Tensor, axis: int) -> bool:
    r"""Whether all values lie in [0, 1] and sum to 1 along an axis.

    .. math:: 0 \le p_{ik} \le 1, \qquad \Bigl|\sum_k p_{ik} - 1\Bigr| \le 10^{-4}

    In 16 bits the sum may be off by 1e-2.

    Args:
        values: floating, of any shape, and at least one.
        axis: that of the classes.

    Example:
        >>> import torch
        >>> from crossentropy.losses import are_probabilities
        >>> logits = torch.tensor([[2.0, 0.0, -1.0]])
        >>> are_probabilities(logits, 1), are_probabilities(logits.softmax(1), 1)
        (False, True)
    """
    least, most = torch.aminmax(values)
    if not (least >= 0 and most <= 1):
        return False
    sums = values.sum(axis, dtype=None if values.dtype == torch.float64 else torch.float32)
    return bool(((sums - 1).abs() <= _tolerance(values)).all())


def _tolerance(values: Tensor) -> float:
    return 1e-2 if values.dtype in _NARROW else 1e-4


def _warn(message: str, category: type[CrossEntropyWarning]) -> None:
    frame, level = sys._getframe(), 1
    inside = (__name__.rpartition(".")[0], "torch.nn.modules")
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(inside):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
