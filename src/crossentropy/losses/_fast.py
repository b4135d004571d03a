"""Cross-entropy by the CPU kernels, as a step that autograd can take.

The forward pass writes the gradient as well, since a mean or a sum knows it up to one factor; backward hands it out
once and keeps no reference, so that autograd takes it over without a copy. A second backward, and `reduction="none"`,
whose factors are not known in advance, make it from the logits and three numbers a row. A backward that is to be
differentiated itself goes by the definition.

Where the kernels do not apply (other devices and dtypes, `torch.func`, forward mode, `torch.compile`, gradients of
targets or weights, and work that torch finishes before the kernels are loaded), the definition runs.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from crossentropy.losses import _definition as definition
from crossentropy.losses._checks import within
from crossentropy.losses._options import NO_OPTIONS, LossOptions, SparseTarget
from crossentropy.losses._rows import Rows
from crossentropy.losses._threads import over_rows

WORTH_A_KERNEL = 1 << 16
"""Elements from which the kernels run, whose first call loads Numba. A bound set by judgement, not yet measured."""

LEAST_CLASSES = 128
"""Classes from which a row repays the 0.4 microseconds that it costs whatever its length: torch is faster at 10."""

DTYPES = (torch.float32, torch.float64, torch.bfloat16)
_HUGE_PAGE = 1 << 21


def takes(input: Tensor, target: Tensor | SparseTarget, weight: Tensor | None) -> bool:
    """Whether the kernels can take these logits, by their size, dtypes and place; nothing else decides."""
    if not (plain(input) and input.dtype in DTYPES and input.numel() >= WORTH_A_KERNEL):
        return False
    if input.shape[definition.class_axis(input)] < LEAST_CLASSES:
        return False
    values = target.probabilities if isinstance(target, SparseTarget) else target
    wide = torch.promote_types(input.dtype, torch.float32)
    floating = [t for t in (values, weight) if t is not None and t.is_floating_point()]
    return all(torch.promote_types(t.dtype, wide) == wide and t.dtype != torch.float16 for t in floating)


def torch_takes(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None,
    ignore_index: int,
    options: LossOptions,
) -> bool:
    """Whether torch's own function gives what is asked for, without the definition's many steps on small inputs."""
    if weight is not None or options is not NO_OPTIONS or isinstance(target, SparseTarget):
        return False
    classes = input.shape[definition.class_axis(input)]
    return (
        plain(input)
        and target.dtype == torch.int64
        and input.dtype in (torch.float32, torch.float64)
        and not 0 <= ignore_index < classes
        and within(target, classes)
    )


def torch_takes_at_once(input: Tensor, target: object, ignore_index: int) -> bool:
    """The same from the outset, for the plainest of small batches: there the checks would cost as much as the loss.

    What is asked here is what those checks would find; whatever else is wrong torch refuses, and they then say why.
    """
    if type(input) is not Tensor or type(target) is not Tensor or input.ndim != 2 or target.ndim != 1:
        return False
    rows, classes = input.shape
    return (
        target.dtype == torch.int64
        and target.shape[0] == rows > 0 < classes
        and input.dtype in (torch.float32, torch.float64)
        and rows * classes < WORTH_A_KERNEL
        and not 0 <= ignore_index < classes
        and plain(input)
        and target.is_cpu
        and target.numpy().min() >= 0
        and not 0 <= input.detach().numpy()[0, 0] <= 1
    )


def by_torch(input: Tensor, target: Tensor | SparseTarget, reduction: str, label_smoothing: float) -> Tensor:
    """The loss of class ids by torch's own function."""
    assert isinstance(target, Tensor)
    return functional.cross_entropy(input, target, reduction=reduction, label_smoothing=label_smoothing)


def plain(input: Tensor) -> bool:
    """Whether this is a tensor of numbers on the CPU, outside every transform that would have to see the steps."""
    return (
        not torch.compiler.is_compiling()
        and type(input) in (Tensor, torch.nn.Parameter)
        and input.is_cpu
        and not torch._C._are_functorch_transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0
        and forward_ad._current_level < 0
    )


def cross_entropy(logits: Tensor, rows: Rows, reduction: str) -> Tensor:
    """The loss of logits (N, K); float64 where a single number is made, else in the dtype to compute in."""
    batch = _Pass(logits.detach(), rows, reduction)
    if torch.is_grad_enabled() and logits.requires_grad:
        result: Tensor = _CrossEntropy.apply(logits, batch)  # type: ignore[no-untyped-call]
        return result
    return batch.result(batch.forward(None))


class _Pass:
    """One batch on its way through the kernels: arrays over the caller's memory, and what is known of each row."""

    def __init__(self, logits: Tensor, rows: Rows, reduction: str) -> None:
        from crossentropy.losses import _kernels

        self.kernels = _kernels
        self.rows, self.reduction = rows, reduction
        self.z = array(logits)
        self.kind = np.float64 if logits.dtype == torch.float64 else np.float32
        n, classes = logits.shape
        self.terms, totals, self.counts = _terms(rows, n, classes, self.kind)
        self.state = _kernels.State(
            np.full(n, -np.inf), np.zeros(n), totals, np.zeros(n), np.zeros(self.terms.ids.shape)
        )
        self.scale = self._scale(n)

    def _scale(self, n: int) -> Any:
        # What multiplies the loss of each row in the result: s_i / divisor.
        options, out = self.rows.options, self.terms.out
        s = options.sample_weight
        scale = np.ones(1) if s is None else np.where(out, 0, _float64(s)) if out.size else _float64(s)
        if self.reduction != "mean":
            return scale
        if options.divisor is not None:
            divisor = float(options.divisor)
        elif s is None and self.counts is None:
            divisor = float(n - np.count_nonzero(out))
        else:
            counts = np.ones(n) if self.counts is None else self.counts
            counts = np.where(out, 0, counts) if out.size else counts
            divisor = float((scale * counts).sum())
        if divisor == 0 and options.divisor is None and options.all_ignored == "zero":
            return np.zeros(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return scale / np.float64(divisor)

    def _scratch(self) -> Any:
        return np.empty((2, self.kernels.STRIDE), self.kind)

    def forward(self, slopes: Tensor | None) -> Any:
        """Return the loss of each row, and fill the gradient if there is one to fill."""
        n, elements = self.z.shape[0], self.z.size
        losses = np.empty(n)
        out = None if slopes is None else array(slopes)

        def task(begin: int, end: int) -> None:
            scratch = self._scratch()
            if out is None:
                self.kernels.statistics(self.z, 0, self.terms, self.state, scratch, begin, end)
                self.kernels.losses(self.terms, self.state, losses, begin, end)
            else:
                self.kernels.whole_rows(
                    self.z, out, self.terms, self.state, self.scale, losses, scratch, begin, end
                )

        over_rows(n, elements, task)
        return losses

    def result(self, losses: Any) -> Tensor:
        """Return the single number, or a tensor of one for each row."""
        weighted = self.scale * losses
        if self.reduction != "none":
            return torch.tensor(weighted.sum(), dtype=torch.float64)
        return torch.from_numpy(weighted.astype(self.kind, copy=False))

    def gradient(self, slopes: Tensor, scale: Any) -> None:
        """Fill the gradient of sum_i scale_i loss_i."""
        out = array(slopes)

        def task(begin: int, end: int) -> None:
            self.kernels.gradient(self.z, out, 0, self.terms, self.state, scale, self._scratch(), begin, end)

        over_rows(self.z.shape[0], self.z.size, task)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, batch: _Pass) -> Tensor:
        ctx.batch, ctx.made = batch, []
        ctx.save_for_backward(logits)
        single = batch.reduction != "none"
        slopes = room_for(logits) if single and ctx.needs_input_grad[0] else None
        losses = batch.forward(slopes)
        if slopes is not None:
            ctx.made.append(slopes)
        return batch.result(losses)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        (logits,) = ctx.saved_tensors
        batch, (g,) = ctx.batch, upstream
        if torch.is_grad_enabled():
            return _differentiable_gradient(logits, batch, g), None
        if batch.reduction != "none":
            slopes = ctx.made.pop() if ctx.made else None
            factor = float(g)
            if slopes is not None:
                return slopes if factor == 1 else slopes.mul_(factor), None
            scale = batch.scale * factor
        else:
            scale = batch.scale * _float64(g)
        slopes = room_for(logits)
        batch.gradient(slopes, scale)
        return slopes, None


def _differentiable_gradient(logits: Tensor, batch: _Pass, g: Tensor) -> Tensor:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    loss = batch.rows.loss(wide, batch.reduction)
    (slopes,) = torch.autograd.grad(loss, logits, g.to(loss.dtype), create_graph=True)
    return slopes


def _terms(rows: Rows, n: int, classes: int, kind: Any) -> tuple[Any, Any, Any]:
    # The terms of the kernels, the sum of the a_ik known in advance, and what each row counts in the mean.
    from crossentropy.losses._kernels import Terms

    options, keep = rows.options, 1 - rows.label_smoothing
    w = None if rows.weight is None else _float64(rows.weight)
    spread = np.empty(0) if keep == 1 else rows.label_smoothing / classes * (np.ones(1) if w is None else w)
    totals = np.full(n, spread.sum() if w is not None else rows.label_smoothing)
    out = definition.left_out(rows.target, rows.ignore_index, options).numpy()
    ids, shares = np.empty((n, 0), np.int64), np.empty((0, 0))
    dense, weight, counts = np.empty((0, 0), kind), np.ones(1, kind), None
    if isinstance(rows.target, SparseTarget):
        nothing = (rows.target.ids == rows.ignore_index).numpy()
        ids = np.where(nothing, -1, rows.target.ids.numpy())
        shares = np.where(nothing, 0, keep * _float64(rows.target.probabilities))
        shares = shares if w is None else shares * w[ids]
        totals += shares.sum(1)
    elif rows.target.is_floating_point():
        dense = array(rows.target.detach().contiguous())
        weight = (keep * (np.ones(1) if w is None else w)).astype(kind)
    else:
        ids = rows.target.numpy()[:, None]
        if w is not None:
            counts = w[np.where(out, 0, ids[:, 0])]
        if w is not None or keep != 1:
            shares = keep * (np.ones((n, 1)) if counts is None else counts[:, None])
            totals += shares[:, 0]
        else:
            totals += 1
    numbers = np.array([options.soft_cap or 0.0, 1 / options.temperature, options.z_loss])
    bias = np.empty(0, kind) if options.bias is None else _float64(options.bias).astype(kind)
    out = out if out.any() else np.empty(0, bool)
    return Terms(ids, shares, spread.astype(kind), dense, weight, bias, out, numbers), totals, counts


def _float64(tensor: Tensor) -> Any:
    return tensor.detach().double().contiguous().numpy()


def array(tensor: Tensor) -> Any:
    """Return the numbers of a contiguous tensor without a copy; bfloat16 as its bits, which NumPy has no dtype for."""
    tensor = tensor.detach()
    return tensor.view(torch.uint16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def room_for(logits: Tensor) -> Tensor:
    """Return an uninitialised tensor like the logits.

    New memory comes from the kernel page by page, and at 4 KiB a page that takes longer than the whole computation;
    where the system offers pages of 2 MiB to those who ask, this asks.
    """
    room = torch.empty_like(logits, requires_grad=False)
    size = room.numel() * room.element_size()
    if size >= 2 * _HUGE_PAGE:
        advise = _madvise()
        if advise is not None:
            page = mmap.PAGESIZE
            begin = -(-room.data_ptr() // page) * page
            advise(begin, (room.data_ptr() + size - begin) // page * page, mmap.MADV_HUGEPAGE)
    return room


@cache
def _madvise() -> Any:
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
