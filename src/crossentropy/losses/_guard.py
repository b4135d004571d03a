"""Misuse that no shape or dtype gives away: probabilities in the place of logits, targets that are no distributions.

Both are seen in the values, so both must cost next to nothing where nothing is wrong. Logits give themselves away in
the first element or the first row, and the search ends there; only a batch that looks like probabilities to its last
row is read whole. Of a linear layer, which has no logits yet, 64 are made, and where these lie in [0, 1] those of the
first 16 rows. Targets are looked at in the first 65,536 elements, and all of them under `strict`.

On other devices than the CPU, where reading a value waits for the device, only what was asked for is looked at: by
`probabilities="raise"` and by `strict`.

A warning names the line of the caller, so Python's own filters show it once for each place it is called from.
Log-probabilities as logits change nothing (their log-sum-exp is 0): they are let through in silence.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from crossentropy.errors import CrossEntropyWarning, InputError, MisuseWarning, TargetError
from crossentropy.losses._checks import _readable as readable
from crossentropy.losses._linear_pass import Layer
from crossentropy.losses._options import LossOptions, SparseTarget

_LOOKED_AT = 1 << 16
_UNNORMALISED = 1e-2
"""How far from 1 targets may sum: as far as they come when they have been in 16 bits on their way."""
_NARROW = (torch.float16, torch.bfloat16)
_FIRST_LOGITS, _FIRST_ROWS = 64, 16


def may_look(tensors: Iterable[Tensor | SparseTarget | None], *, asked: bool) -> bool:
    """Whether the values of tensors can be read, and without waiting for a device unless that was asked for."""
    flat = [part for t in tensors if t is not None for part in (t if isinstance(t, SparseTarget) else (t,))]
    return all(readable(t) and (asked or t.device.type == "cpu") for t in flat)


def check_probabilities_as_logits(input: Tensor, axis: int, options: LossOptions) -> None:
    """Warn about, or refuse, a batch of at least two rows that all lie in [0, 1] and sum to 1."""
    if options.probabilities == "allow" or input.ndim < 2 or input.shape[0] < 2 or input.numel() == 0:
        return
    values = input.detach()
    if not 0 <= float(values[(0,) * input.ndim]) <= 1:
        return
    if input.ndim > 2:
        first = values[0]
        while first.ndim > 1:
            first = first.select(-1, 0)
        if not are_probabilities(first, 0):
            return
    rows = input.shape[0]
    low, high = 0, 1
    while low < rows:
        if not are_probabilities(values[low:high], axis):
            return
        low, high = high, min(rows, 16 * high)
    classes = input.shape[axis]
    _tell_probabilities(f"all {input.numel() // classes} rows", classes, options)


def check_probabilities_of_layer(
    layer: Layer, classes: int, further: tuple[int, ...], options: LossOptions
) -> None:
    """The same for the logits of a layer, (N, K, d1, ...), judged by its first rows."""
    features, weight, bias = layer
    if options.probabilities == "allow" or len(features) < 2:
        return
    parts = (1, _FIRST_LOGITS), (1, len(weight)), (_FIRST_ROWS, len(weight))
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        for rows, columns in parts:
            z = functional.linear(features[:rows], weight[:columns], None if bias is None else bias[:columns])
            if columns == len(weight):
                if not are_probabilities(z.reshape(-1, classes, *further), 1):
                    return
            elif z.numel() == 0 or not (float(z.min()) >= 0 and float(z.max()) <= 1):
                return
    rows = min(len(features), _FIRST_ROWS) * math.prod(further)
    _tell_probabilities(f"the first {rows} rows", classes, options)


def _tell_probabilities(which: str, classes: int, options: LossOptions) -> None:
    least = math.log1p((classes - 1) / math.e)
    message = (
        f"The logits look like probabilities: {which} lie in [0, 1] and sum to 1. Softmax is inside the loss; after a "
        f"second one the loss of {classes} classes cannot fall below {least:.4f} nats."
    )
    fix = "Give the logits, or the logarithms of the probabilities; `crossentropy learn pytorch --open` shows why."
    if options.probabilities == "raise":
        raise InputError(message, fix=fix)
    _warn(f"{message} {fix} If they are logits: LossOptions(probabilities='allow').", MisuseWarning)


def look_at_distributions(
    target: Tensor | SparseTarget, axis: int, ignore_index: int, options: LossOptions
) -> None:
    """Look at targets that are distributions, where their values may be looked at."""
    soft = isinstance(target, SparseTarget) or target.is_floating_point()
    if soft and may_look((target, options.ignored), asked=options.strict):
        check_are_distributions(target, axis, ignore_index, options)


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
        if shares.ndim > 2 and shares.numel() > _LOOKED_AT:
            lines = max(1, _LOOKED_AT * shares.shape[2] // shares.numel())
            shares, out = shares[:, :, :lines], None if out is None else out[:, :lines]
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


def check_are_binary(target: Tensor | SparseTarget, options: LossOptions) -> None:
    """Warn about targets of binary decisions outside [0, 1]; refuse them under `strict`."""
    shares = (target.probabilities if isinstance(target, SparseTarget) else target).detach()
    out = None if isinstance(target, SparseTarget) else options.ignored
    if not options.strict and shares.ndim:
        rows = max(1, _LOOKED_AT * shares.shape[0] // max(1, shares.numel()))
        shares, out = shares[:rows], None if out is None else out[:rows]
    if shares.numel() == 0:
        return
    low, high = torch.aminmax(shares)
    if float(low) >= 0 and float(high) <= 1:
        return
    bad = ~((shares >= 0) & (shares <= 1))
    if isinstance(target, SparseTarget):
        bad &= target.ids[: len(shares)] != -100
    elif out is not None:
        bad &= ~out
    if not bad.any():
        return
    where = tuple(bad.nonzero()[0].tolist())
    place = f" at position {where}" if len(where) > 1 else f" in row {where[0]}" if where else ""
    message = f"The target{place} holds {float(shares[where]):g}; the target of a binary decision is between 0 and 1."
    fix = "Labels of -1 and 1 need (target + 1) / 2."
    if options.strict:
        raise TargetError(message, fix=fix)
    _warn(
        f"{message} {fix} It goes through the formula as it is. LossOptions(strict=True) refuses it.",
        MisuseWarning,
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
