"""Cross-entropy by the CPU kernels, as a step that autograd can take.

The forward pass writes the gradient as well, since a mean or a sum knows it up to one factor; backward hands it out
once and keeps no reference, so that autograd takes it over without a copy. A second backward, and `reduction="none"`,
whose factors are not known in advance, make it from the logits and three numbers a row. A backward that is to be
differentiated itself goes by the definition.

Where the kernels do not apply (other devices and dtypes, `torch.func`, forward mode, `torch.compile`, gradients of
targets or weights, and work that torch finishes before the kernels are loaded), the definition runs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from crossentropy.losses import _definition as definition
from crossentropy.losses._checks import within
from crossentropy.losses._facts import FactPass
from crossentropy.losses._options import NO_OPTIONS, SparseTarget
from crossentropy.losses._passes import Batch, ColumnPass, PlainPass, RowPass, room_for
from crossentropy.losses._rows import Rows, as_columns, as_rows

WORTH_A_KERNEL = 1 << 16
"""Elements from which the kernels run, whose first call loads Numba. A bound set by judgement, not yet measured."""

LONG_ROW = 400
"""Classes from which each row is worked on alone; below, many go together, a row in each lane. Class ids without
options, whose kernel does less for each row, go alone from a quarter of that on.

Measured in float32, 4 million logits: 12.7 ms alone and 3.4 together at 128 classes, 7.1 and 4.7 at 300, 5.3 and 5.8
at 500; class ids 1.7 and 1.7 at 100, 1.0 and 1.7 at 256.
"""

_SIDE_BY_SIDE, _MOST_LINES = 24, 32768
"""Where classes are not the last axis: rows that lie side by side from which, and classes up to which, they are taken
as they lie. Beyond, a copy with the classes last is made first.

Measured in float32, 4 million logits: with 1000 classes 7.7 ms as they lie and 15.9 copied for 16 rows side by side,
15.1 and 13.7 for 8; with 21 classes 8.9 and 9.9 for 24, 10.8 and 10.3 for 16.
"""

_least = np.minimum.reduce  # a third of a microsecond less than `.min()`

DTYPES = (torch.float32, torch.float64, torch.bfloat16)


def takes(input: Tensor, target: Tensor | SparseTarget, weight: Tensor | None) -> bool:
    """Whether the kernels can take these logits, by their size, dtypes and place; nothing else decides."""
    if not (plain(input) and input.dtype in DTYPES and input.numel() >= WORTH_A_KERNEL):
        return False
    values = target.probabilities if isinstance(target, SparseTarget) else target
    wide = torch.promote_types(input.dtype, torch.float32)
    floating = [t for t in (values, weight) if t is not None and t.is_floating_point()]
    return all(torch.promote_types(t.dtype, wide) == wide and t.dtype != torch.float16 for t in floating)


def torch_takes(input: Tensor, rows: Rows) -> bool:
    """Whether torch's own function gives what is asked for, without the definition's many steps on small inputs."""
    target = rows.target
    if rows.weight is not None or rows.options is not NO_OPTIONS or isinstance(target, SparseTarget):
        return False
    classes = input.shape[definition.class_axis(input)]
    return (
        plain(input)
        and target.dtype == torch.int64
        and input.dtype in (torch.float32, torch.float64)
        and not 0 <= rows.ignore_index < classes
        and within(target, classes)
    )


def torch_takes_at_once(input: Tensor, target: object, ignore_index: int, smoothing: float) -> bool:
    """The same from the outset, for the plainest of small batches: there the checks would cost as much as the loss.

    What is asked here is what those checks would find; whatever else is wrong torch refuses, and they then say why.
    """
    if type(input) is not Tensor or type(target) is not Tensor or not (plain(input) and target.is_cpu):
        return False
    if input.dtype not in (torch.float32, torch.float64) or target.dtype != torch.int64:
        return False
    if type(ignore_index) is not int or type(smoothing) is not float or not 0 <= smoothing <= 1:
        return False
    try:
        z, t = input.detach().numpy(), target.numpy()
    except (RuntimeError, TypeError):  # memory of another layout, or a sign that is yet to be changed
        return False
    if z.ndim != 2 or t.ndim != 1 or not len(z) == len(t) > 0 or not 0 < z.size < WORTH_A_KERNEL:
        return False
    likely = 0 <= z[0, 0] <= 1 and z[0].min() >= 0 and abs(z[0].sum() - 1) < 0.1
    return not (likely or 0 <= ignore_index < z.shape[1]) and bool(_least(t) >= 0)


def by_torch(input: Tensor, rows: Rows, reduction: str) -> Tensor:
    """The loss of class ids by torch's own function."""
    assert isinstance(rows.target, Tensor)
    return functional.cross_entropy(
        input, rows.target, reduction=reduction, label_smoothing=rows.label_smoothing
    )


def plain(input: Tensor) -> bool:
    """Whether this is a tensor of numbers on the CPU, outside every transform that would have to see the steps."""
    return (
        not torch.compiler.is_compiling()
        and type(input) in (Tensor, torch.nn.Parameter)
        and input.is_cpu
        and not torch._C._are_functorch_transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and forward_ad._current_level < 0
    )


def cross_entropy(
    input: Tensor, rows: Rows, reduction: str, by_products: Collection[str] = ()
) -> tuple[Tensor, dict[str, Tensor]] | None:
    """The loss of what the kernels take, and by-products by name, all in the shape of the rows where there are rows.

    In the dtype to compute in or float64; None where more than the logits is to be differentiated.
    """
    axis = definition.class_axis(input)
    side_by_side = input.ndim > 2 and input.shape[2:].numel() >= _SIDE_BY_SIDE
    across = side_by_side and input.shape[axis] <= _MOST_LINES and not by_products
    logits, rows = (as_columns if across else as_rows)(input, rows)
    differentiate = torch.is_grad_enabled()
    if differentiate and rows.requires_grad():
        return None
    plain = PlainPass.takes(logits, rows)
    batch: Batch
    if by_products:
        batch = FactPass(logits.detach(), rows, reduction, by_products)
    elif across or logits.shape[1] * (4 if plain else 1) < LONG_ROW:
        batch = ColumnPass(logits.detach(), rows, reduction)
    else:
        batch = (PlainPass if plain else RowPass)(logits.detach(), rows, reduction)
    if differentiate and logits.requires_grad:
        loss: Tensor = _CrossEntropy.apply(logits, batch)  # type: ignore[no-untyped-call]
    else:
        loss = batch.forward(None)
    shape = input.shape[:axis] + input.shape[axis + 1 :]
    found = {name: _shaped(name, value, shape, axis) for name, value in batch.found().items()}
    return (loss.reshape(shape) if reduction == "none" else loss), found


def _shaped(name: str, value: Tensor, shape: torch.Size, axis: int) -> Tensor:
    if name == "top_k":
        return value.reshape(*shape, value.shape[1]).movedim(-1, axis)
    return value.reshape(shape)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, batch: Batch) -> Tensor:
        ctx.batch, ctx.made = batch, []
        ctx.save_for_backward(logits)
        single = batch.reduction != "none"
        slopes = room_for(logits) if single and ctx.needs_input_grad[0] else None
        result = batch.forward(slopes)
        if slopes is not None:
            ctx.made.append(slopes)
        return result

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        batch, (g,) = ctx.batch, upstream
        if ctx.made and not torch.is_grad_enabled():
            # without a look at the logits: they may have been changed in place since, as with torch's loss
            slopes, factor = ctx.made.pop(), float(g)
            return slopes if factor == 1 else slopes.mul_(factor), None
        (logits,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable_gradient(logits, batch, g), None
        slopes = room_for(logits)
        batch.gradient(slopes, batch.upstream(g))
        return slopes, None


def _differentiable_gradient(logits: Tensor, batch: Batch, g: Tensor) -> Tensor:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    loss = batch.rows.loss(wide, batch.reduction)
    (slopes,) = torch.autograd.grad(loss, logits, g.to(loss.dtype).reshape(loss.shape), create_graph=True)
    return slopes
