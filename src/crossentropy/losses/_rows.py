"""A batch as rows: logits (N, K), targets and options flattened alike, so that one form serves every shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses._options import LossOptions, SparseTarget


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

    def requires_grad(self) -> bool:
        """Whether anything beside the logits wants a gradient."""
        target = self.target.probabilities if isinstance(self.target, SparseTarget) else self.target
        options = self.options
        tensors = (target, self.weight, options.bias, options.sample_weight, options.divisor)
        return any(isinstance(t, Tensor) and t.requires_grad for t in tensors)


def flatten(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float,
    options: LossOptions,
) -> tuple[Tensor, Rows]:
    """Return the logits as (N, K), classes adjacent in memory, and the rest as rows."""
    if input.ndim != 2:
        if isinstance(target, SparseTarget):
            target = SparseTarget(_as_rows(target.ids), _as_rows(target.probabilities))
        else:
            target = _as_rows(target) if target.is_floating_point() else target.reshape(-1)
        flat = {
            name: values.reshape(-1)
            for name in ("sample_weight", "ignored")
            if (values := getattr(options, name)) is not None
        }
        options = replace(options, **flat) if flat else options
        input = _as_rows(input)
    return input.contiguous(), Rows(target, weight, ignore_index, label_smoothing, options)


def _as_rows(tensor: Tensor) -> Tensor:
    axis = definition.class_axis(tensor)
    moved = tensor if axis == tensor.ndim - 1 else tensor.movedim(axis, -1)
    return moved.reshape(-1, moved.shape[-1])
