"""A batch as rows: logits (N, K), targets and options flattened alike, so that one form serves every shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses._options import LossOptions, SparseTarget
from crossentropy.losses._precision import widen


@dataclass(frozen=True, eq=False)
class Rows:
    """What N rows of logits are held against. Class ids are (N,), distributions (N, K), sparse ones (N, m)."""

    target: Tensor | SparseTarget
    weight: Tensor | None
    ignore_index: int
    label_smoothing: float
    options: LossOptions

    def loss(self, logits: Tensor, reduction: str) -> Tensor:
        """The loss by its definition."""
        return definition.cross_entropy(
            logits, self.target, self.weight, self.ignore_index, reduction, self.label_smoothing, self.options
        )

    def widened(self) -> Rows:
        """The same with a target of 16 bits as float32."""
        return replace(self, target=widen(self.target))

    def requires_grad(self) -> bool:
        """Whether anything beside the logits wants a gradient."""
        target = self.target.probabilities if isinstance(self.target, SparseTarget) else self.target
        options = self.options
        tensors = (target, self.weight, options.bias, options.sample_weight, options.divisor)
        return any(isinstance(t, Tensor) and t.requires_grad for t in tensors)


def as_rows(input: Tensor, rows: Rows) -> tuple[Tensor, Rows]:
    """Return the logits as (N, K), classes adjacent in memory, and the rest as rows."""
    return _arranged(input, rows, _last)


def as_columns(input: Tensor, rows: Rows) -> tuple[Tensor, Rows]:
    """Return logits (N, K, d1, ...) as (N, K, L), and the rest with its rows as (N, L)."""
    return _arranged(input, rows, lambda tensor: tensor.flatten(2))


def _arranged(input: Tensor, rows: Rows, turn: Callable[[Tensor], Tensor]) -> tuple[Tensor, Rows]:
    if input.ndim != 2:
        target, options, logits = rows.target, rows.options, turn(input)
        shape = logits.shape[:1] + logits.shape[2:]
        if isinstance(target, SparseTarget):
            target = SparseTarget(turn(target.ids), turn(target.probabilities))
        else:
            target = turn(target) if target.is_floating_point() else target.reshape(shape)
        values = {name: getattr(options, name) for name in ("sample_weight", "ignored")}
        changed = {name: value.reshape(shape) for name, value in values.items() if value is not None}
        options = replace(options, **changed) if changed else options
        input, rows = logits, replace(rows, target=target, options=options)
    return input.contiguous(), rows


def _last(tensor: Tensor) -> Tensor:
    axis = definition.class_axis(tensor)
    moved = tensor if axis == tensor.ndim - 1 else tensor.movedim(axis, -1)
    return moved.reshape(-1, moved.shape[-1])
