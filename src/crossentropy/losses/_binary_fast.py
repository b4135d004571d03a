"""The binary loss by the CPU kernel, as a step that autograd can take; the same plan as in `_fast.py`.

It takes the plain loss: a tensor of targets, mean or sum, without weights, smoothing or options. All others run the
definition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses import _fast as fast
from crossentropy.losses._passes import array, room_for, scalar
from crossentropy.losses._threads import over_rows


def takes(input: Tensor, target: Tensor, reduction: str) -> bool:
    """Whether the kernel can take these logits; size, dtypes and place alone decide."""
    return (
        reduction != "none"
        and fast.plain(input)
        and type(target) is Tensor
        and target.is_cpu
        and input.dtype in fast.DTYPES
        and target.dtype == input.dtype
        and input.numel() >= fast.WORTH_A_KERNEL
        and not (torch.is_grad_enabled() and target.requires_grad)
    )


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """The mean or the sum, in float64."""
    logits, y = input.reshape(-1), target.reshape(-1)
    if torch.is_grad_enabled() and input.requires_grad:
        result: Tensor = _Binary.apply(logits, y, reduction)  # type: ignore[no-untyped-call]
        return result
    return _run(logits, y, reduction, None, 1.0)


def _run(logits: Tensor, target: Tensor, reduction: str, slopes: Tensor | None, factor: float) -> Tensor:
    # The loss, and `factor` times its gradient if there is room for one.
    from crossentropy.losses._binary_kernels import CHUNK, binary

    kind = np.float64 if logits.dtype == torch.float64 else np.float32
    z, y = array(logits.contiguous()), array(target.contiguous())
    share = 1 / z.size if reduction == "mean" else 1.0
    scale = np.array([share * factor], kind)
    out = np.empty(0, z.dtype) if slopes is None else array(slopes)
    sums = np.empty(-(-z.size // CHUNK))
    over_rows(sums.size, z.size, lambda begin, end: binary(z, y, scale, out, sums, begin, end))
    return scalar(share * sums.sum())


class _Binary(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, reduction: str) -> Tensor:
        slopes = room_for(logits)
        ctx.save_for_backward(logits, target)
        ctx.reduction, ctx.made = reduction, [slopes]
        return _run(logits.detach(), target.detach(), reduction, slopes, 1.0)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        logits, target = ctx.saved_tensors
        (g,) = upstream
        if torch.is_grad_enabled():
            z, y = (t if t.dtype == torch.float64 else t.float() for t in (logits, target))
            loss = definition.binary_cross_entropy_with_logits(z, y, reduction=ctx.reduction)
            (slopes,) = torch.autograd.grad(loss, logits, g.to(loss.dtype), create_graph=True)
            return slopes, None, None
        factor = float(g)
        if ctx.made:
            slopes = ctx.made.pop()
            return slopes if factor == 1 else slopes.mul_(factor), None, None
        slopes = room_for(logits)
        _run(logits, target, ctx.reduction, slopes, factor)
        return slopes, None, None
