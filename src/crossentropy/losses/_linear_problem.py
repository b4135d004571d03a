"""A loss of a linear layer, as the tiles see it: which rows there are, what each costs, what the sum is divided by.

Two kinds share everything that follows: one class out of K (`Softmax`), and K decisions of two classes (`Binary`).
Both are read a few rows at a time, so that the logits never exist whole; what a row costs is `_definition.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses._options import NO_OPTIONS, LossOptions, SparseTarget
from crossentropy.losses._precision import widen

_FAR = -100


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Everything but the linear layer. Rows are those of `input`; `further` axes of the logits follow the classes."""

    target: Tensor | SparseTarget
    classes: int
    further: tuple[int, ...] = ()
    weight: Tensor | None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0
    options: LossOptions = NO_OPTIONS
    ignore_index: int = _FAR

    copies: ClassVar[int]
    """How many tensors of the size of a tile of logits the formula and its gradient hold at their worst, measured."""

    def logits(self, features: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> Tensor:
        """(n, K, d1, ...), from the features of n rows and a layer of K d1 ... rows."""
        flat = torch.nn.functional.linear(features, linear_weight, linear_bias)
        return flat.reshape(*features.shape[:-1], self.classes, *self.further)

    def tensors(self) -> list[Tensor]:
        """What may carry a gradient beside the layer and its input."""
        o, t = self.options, self.target
        targets = [t.probabilities] if isinstance(t, SparseTarget) else [t]
        divisor = o.divisor if isinstance(o.divisor, Tensor) else None
        found = [*targets, self.weight, o.bias, o.sample_weight, divisor, *self.extras()]
        return [tensor for tensor in found if tensor is not None]

    def extras(self) -> list[Tensor | None]:
        return []

    def at(self, rows: Tensor | slice) -> Problem:
        """The same for some rows, not reduced."""
        o = self.options
        options = replace(
            o, sample_weight=_at(o.sample_weight, rows), ignored=_at(o.ignored, rows), divisor=None
        )
        target = (
            SparseTarget(*(t[rows] for t in self.target))
            if isinstance(self.target, tuple)
            else self.target[rows]
        )
        return replace(self, target=target, options=options, reduction="none")

    def loss(self, logits: Tensor) -> Tensor:
        """The loss of all rows at once, by definition."""
        raise NotImplementedError

    def costs(self, logits: Tensor) -> Tensor:
        """What the rows add to the sum, of shape (n) or that of the losses."""
        raise NotImplementedError

    def counts(self, like: Tensor) -> Tensor:
        """The sum of s_i c_i, a scalar: what the mean divides by."""
        raise NotImplementedError

    def taking_part(self) -> Tensor | None:
        """Which rows of the features take part at all, (N); None for all."""
        raise NotImplementedError

    def by_products(self, logits: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def scale(self, like: Tensor) -> Tensor:
        """What the sum of the costs is multiplied by: one over the divisor, with the choice for nothing at all."""
        if self.reduction != "mean":
            return like.new_ones(())
        if self.options.divisor is not None:
            return like.new_ones(()) / self.options.divisor
        counts = self.counts(like)
        nothing = counts == 0
        if self.options.all_ignored == "zero":
            return counts.masked_fill(nothing, 1).reciprocal()
        return counts.reciprocal().masked_fill(nothing, torch.nan)


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(Problem):
    """One class out of K."""

    copies = 12

    def loss(self, logits: Tensor) -> Tensor:
        return definition.cross_entropy(
            logits,
            widen(self.target),
            self.weight,
            self.ignore_index,
            self.reduction,
            self.label_smoothing,
            self.options,
        )

    def costs(self, logits: Tensor) -> Tensor:
        return replace(self, reduction="none").loss(logits)

    def counts(self, like: Tensor) -> Tensor:
        out = definition.left_out(self.target, self.ignore_index, self.options)
        counts = like.new_ones(()).expand(out.shape)
        if (
            self.weight is not None
            and isinstance(self.target, Tensor)
            and not self.target.is_floating_point()
        ):
            counts = self.weight[self.target.masked_fill(out, 0)]
        s = self.options.sample_weight
        return (counts if s is None else counts * s).masked_fill(out, 0).sum()

    def taking_part(self) -> Tensor | None:
        out = definition.left_out(self.target, self.ignore_index, self.options)
        return ~out.flatten(1).all(1) if out.ndim > 1 else ~out

    def by_products(self, logits: Tensor) -> dict[str, Tensor]:
        unweighted = replace(self.options, divisor=None)
        return definition.by_products(logits, widen(self.target), self.ignore_index, unweighted) | {
            "losses": self.costs(logits)
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Binary(Problem):
    """K decisions of two classes."""

    copies = 19

    pos_weight: Tensor | None = None

    def extras(self) -> list[Tensor | None]:
        return [self.pos_weight]

    def at(self, rows: Tensor | slice) -> Problem:
        part = super().at(rows)
        assert isinstance(part, Binary)
        full = 2 + len(self.further)
        return replace(
            part, weight=_along(self.weight, full, rows), pos_weight=_along(self.pos_weight, full, rows)
        )

    def loss(self, logits: Tensor) -> Tensor:
        return definition.binary_cross_entropy_with_logits(
            logits,
            widen(self.target),
            self.weight,
            self.reduction,
            self.pos_weight,
            self.label_smoothing,
            self.options,
        )

    def costs(self, logits: Tensor) -> Tensor:
        return replace(self, reduction="none").loss(logits).flatten(1).sum(1)

    def counts(self, like: Tensor) -> Tensor:
        s, out = self.options.sample_weight, self.options.ignored
        rows = len(self.target.ids if isinstance(self.target, SparseTarget) else self.target)
        if s is not None:
            return (s if out is None else s.masked_fill(out, 0)).sum()
        if out is not None:
            return (~out).sum().to(like.dtype)
        return like.new_tensor(float(rows * self.classes * torch.Size(self.further).numel()))

    def taking_part(self) -> Tensor | None:
        out = self.options.ignored
        return None if out is None else ~out.flatten(1).all(1)


def _at(tensor: Tensor | None, rows: Tensor | slice) -> Tensor | None:
    return None if tensor is None else tensor[rows]


def _along(weight: Tensor | None, ndim: int, rows: Tensor | slice) -> Tensor | None:
    # A weight that broadcasts over the rows belongs to each of them.
    return weight if weight is None or weight.ndim < ndim or len(weight) == 1 else weight[rows]
