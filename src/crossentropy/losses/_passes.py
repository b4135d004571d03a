"""A batch on its way through the CPU kernels: arrays over the caller's memory, and the order to take them in.

`RowPass` goes along the rows: long ones, with the classes side by side; `PlainPass` does so for class ids without
options. `ColumnPass` takes many rows together, one in each lane: few classes, or classes that do not lie side by side.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses._options import SparseTarget
from crossentropy.losses._rows import Rows
from crossentropy.losses._threads import over_rows

_HUGE_PAGE = 1 << 21


class _Pass:
    """What both have: the terms of each row, and what multiplies its loss in the result."""

    def __init__(self, logits: Tensor, rows: Rows, reduction: str) -> None:
        self.rows, self.reduction = rows, reduction
        self.kind = np.float64 if logits.dtype == torch.float64 else np.float32
        self.n = logits.numel() // logits.shape[1]
        self.terms, self.totals, self.counts = _terms(rows, self.n, logits.shape[1], self.kind)
        self.scale = self._scale()

    def _scale(self) -> Any:
        # s_i / divisor
        options, out, n = self.rows.options, self.terms.out, self.n
        s = options.sample_weight
        scale = np.ones(1) if s is None else np.where(out, 0, flat(s)) if out.size else flat(s)
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

    def found(self) -> dict[str, Tensor]:
        """The by-products of a forward pass, by name."""
        return {}

    def upstream(self, g: Tensor) -> Any:
        """What multiplies the loss of each row when g multiplies the result."""
        return self.scale * (flat(g) if self.reduction == "none" else float(g))

    def _result(self, losses: Any) -> Tensor:
        with np.errstate(
            all="ignore"
        ):  # a divisor of 0 and losses that are not finite go their way, as in torch
            weighted = self.scale * losses
            if self.reduction != "none":
                return scalar(weighted.sum())
        return torch.from_numpy(weighted.astype(self.kind, copy=False))


class RowPass(_Pass):
    """Logits (N, K), row by row."""

    def __init__(self, logits: Tensor, rows: Rows, reduction: str) -> None:
        from crossentropy.losses import _kernels

        super().__init__(logits, rows, reduction)
        self.kernels, self.z = _kernels, array(logits)
        n = self.n
        self.state = _kernels.State(
            np.full(n, -np.inf),
            np.zeros(n),
            np.full(n, self.totals),
            np.zeros(n),
            np.zeros(self.terms.ids.shape),
        )

    def _scratch(self) -> Any:
        return np.empty((2, self.kernels.STRIDE), self.kind)

    def _kept(self) -> Any:
        from crossentropy.losses._row_loops import whole_vectors

        return np.empty(whole_vectors(self.z.shape[1]), self.kind)

    def forward(self, slopes: Tensor | None) -> Tensor:
        """Return the result, and fill its gradient if there is one to fill."""
        out = None if slopes is None else array(slopes)
        self.losses = np.empty(self.n)
        over_rows(self.n, self.z.size, lambda begin, end: self._rows(out, begin, end))
        return self._result(self.losses)

    def _rows(self, out: Any, begin: int, end: int) -> None:
        scratch = self._scratch()
        if out is None:
            self.kernels.statistics(self.z, 0, self.terms, self.state, scratch, begin, end)
            self.kernels.losses(self.terms, self.state, self.losses, begin, end)
        else:
            self.kernels.whole_rows(
                self.z,
                out,
                self.terms,
                self.state,
                self.scale,
                self.losses,
                scratch,
                self._kept(),
                begin,
                end,
            )

    def gradient(self, slopes: Tensor, scale: Any) -> None:
        """Fill the gradient of sum_i scale_i loss_i, after a forward pass."""
        out = array(slopes)

        def task(begin: int, end: int) -> None:
            self.kernels.gradient(self.z, out, 0, self.terms, self.state, scale, self._scratch(), begin, end)

        over_rows(self.n, self.z.size, task)


class PlainPass(_Pass):
    """Logits (N, K) against class ids, with weights or smoothing, row by row."""

    def __init__(self, logits: Tensor, rows: Rows, reduction: str) -> None:
        super().__init__(logits, rows, reduction)
        self.z = array(logits)

    @staticmethod
    def takes(logits: Tensor, rows: Rows) -> bool:
        """Whether these are ids, without an option that changes logits or loss."""
        options, target = rows.options, rows.target
        return (
            not (isinstance(target, SparseTarget) or target.is_floating_point())
            and (rows.weight is None or rows.label_smoothing == 0)
            and options.bias is None
            and options.soft_cap is None
            and options.temperature == 1
            and options.z_loss == 0
        )

    def forward(self, slopes: Tensor | None) -> Tensor:
        """Return the result, and fill its gradient if there is one to fill."""
        return self._result(self._run(slopes, self.scale))

    def gradient(self, slopes: Tensor, scale: Any) -> None:
        """Fill the gradient of sum_i scale_i loss_i."""
        self._run(slopes, scale)

    def _run(self, slopes: Tensor | None, scale: Any) -> Any:
        from crossentropy.losses._plain_kernels import WIDE, plain_rows

        losses = np.empty(self.n)
        out = self.z[:0] if slopes is None else array(slopes)
        terms, uniform = self.terms, self.rows.label_smoothing / self.z.shape[1]

        def task(begin: int, end: int) -> None:
            kept = np.empty(self.z.shape[1] + 2 * WIDE, self.kind)
            plain_rows(
                self.z, out, terms.ids, terms.shares, uniform, terms.out, scale, losses, begin, end, kept
            )

        over_rows(self.n, self.z.size, task)
        return losses


class ColumnPass(_Pass):
    """Logits (N, K) or (N, K, L), many rows together."""

    def __init__(self, logits: Tensor, rows: Rows, reduction: str) -> None:
        super().__init__(logits, rows, reduction)
        self.z = _three_axes(array(logits))
        self.plain = PlainPass.takes(logits, rows)
        dense = self.terms.dense
        self.terms = self.terms._replace(
            dense=_three_axes(dense) if dense.size else np.empty((0, 0, 0), dense.dtype)
        )

    def forward(self, slopes: Tensor | None) -> Tensor:
        """Return the result, and fill its gradient if there is one to fill."""
        losses = np.empty(self.n if self.reduction == "none" else 0)
        sums = self._run(slopes, self.scale, losses)
        return self._result(losses) if self.reduction == "none" else scalar(sums.sum())

    def gradient(self, slopes: Tensor, scale: Any) -> None:
        """Fill the gradient of sum_i scale_i loss_i."""
        self._run(slopes, scale, np.empty(0))

    def _run(self, slopes: Tensor | None, scale: Any, losses: Any) -> Any:
        from crossentropy.losses._column_kernels import columns
        from crossentropy.losses._lines import rows_together
        from crossentropy.losses._plain_columns import SPARE, plain_columns

        batch, classes, length = self.z.shape
        if length == 1:
            batch, length = 1, batch
        together = rows_together(classes, length)
        groups = batch * -(-length // together)
        sums = np.empty(groups)
        out = self.z[:0] if slopes is None else _three_axes(array(slopes))

        terms, uniform = self.terms, self.rows.label_smoothing / classes

        def plain(begin: int, end: int) -> None:
            scratch = np.empty((classes + SPARE, together), self.kind)
            plain_columns(
                self.z,
                out,
                terms.ids,
                terms.shares,
                uniform,
                terms.out,
                scale,
                losses,
                sums,
                scratch,
                begin,
                end,
            )

        def general(begin: int, end: int) -> None:
            scratch = np.empty((3 * classes + 2, together), self.kind)
            columns(self.z, out, terms, scale, losses, sums, scratch, np.empty((8, together)), begin, end)

        over_rows(groups, self.z.size, plain if self.plain else general)
        return sums


Batch = RowPass | PlainPass | ColumnPass


def _three_axes(values: Any) -> Any:
    return values.reshape(*values.shape, 1) if values.ndim == 2 else values


def _terms(rows: Rows, n: int, classes: int, kind: Any) -> tuple[Any, Any, Any]:
    # The terms of the kernels, the sum of the a_ik known in advance, and what each row counts in the mean.
    from crossentropy.losses._kernels import Terms

    options, keep = rows.options, 1 - rows.label_smoothing
    w = None if rows.weight is None else flat(rows.weight)
    spread = np.empty(0) if keep == 1 else rows.label_smoothing / classes * (np.ones(1) if w is None else w)
    totals: Any = spread.sum() if w is not None else rows.label_smoothing
    out = definition.left_out(rows.target, rows.ignore_index, options).numpy().reshape(-1)
    ids, shares = np.empty((n, 0), np.int64), np.empty((0, 0))
    dense, weight, counts = np.empty((0, 0), kind), np.ones(1, kind), None
    if isinstance(rows.target, SparseTarget):
        classes_of, probabilities = (t.detach().movedim(1, -1).flatten(0, -2) for t in rows.target)
        nothing = (classes_of == rows.ignore_index).numpy()
        ids = np.where(nothing, -1, classes_of.numpy())
        shares = np.where(nothing, 0, keep * probabilities.double().resolve_neg().numpy())
        shares = shares if w is None else shares * w[ids]
        totals = totals + shares.sum(1)
    elif rows.target.is_floating_point():
        dense = array(rows.target.detach().contiguous())
        weight = (keep * (np.ones(1) if w is None else w)).astype(kind)
    else:
        ids = rows.target.numpy().reshape(-1, 1)
        if w is not None:
            counts = w[np.where(out, 0, ids[:, 0])]
        if w is not None or keep != 1:
            shares = keep * (np.ones((n, 1)) if counts is None else counts[:, None])
            totals = totals + shares[:, 0]
        else:
            totals = 1.0
    numbers = np.array([options.soft_cap or 0.0, 1 / options.temperature, options.z_loss])
    bias = np.empty(0, kind) if options.bias is None else flat(options.bias).astype(kind)
    out = out if out.any() else np.empty(0, bool)
    return Terms(ids, shares, spread.astype(kind), dense, weight, bias, out, numbers), totals, counts


def scalar(number: float) -> Tensor:
    """Return a number as a tensor where the kernels run, whatever the default device."""
    return torch.tensor(number, dtype=torch.float64, device="cpu")


def flat(tensor: Tensor) -> Any:
    """Return the numbers of a tensor of any shape, in float64."""
    return tensor.detach().double().reshape(-1).resolve_neg().numpy()


def array(tensor: Tensor) -> Any:
    """Return the numbers of a contiguous tensor without a copy; bfloat16 as its bits, which NumPy has no dtype for."""
    tensor = tensor.detach().resolve_neg()
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
