"""The one list of losses that the laws run over: how to make inputs, our function, its definition, torch's function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from torch import Tensor

from crossentropy import losses
from crossentropy.losses import _definition as definition

LAW = settings(deadline=None, derandomize=True, max_examples=30, suppress_health_check=list(HealthCheck))


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Shape:
    """N rows, K classes, further axes behind the classes, and the seed and the spread of the values."""

    rows: int = 5
    classes: int = 3
    extra: tuple[int, ...] = ()
    seed: int = 0
    spread: float = 2.0

    @property
    def full(self) -> tuple[int, ...]:
        return (self.rows, self.classes, *self.extra)

    @property
    def without_classes(self) -> tuple[int, ...]:
        return (self.rows, *self.extra)


def shapes(least_rows: int = 0) -> st.SearchStrategy[Shape]:
    return st.builds(
        Shape,
        rows=st.sampled_from([n for n in (0, 1, 2, 5, 8) if n >= least_rows]),
        classes=st.sampled_from([1, 2, 3, 17]),
        extra=st.sampled_from([(), (3,), (2, 3)]),
        seed=st.integers(0, 10_000),
        spread=st.sampled_from([0.1, 2.0, 30.0]),
    )


def logits(shape: Shape) -> Tensor:
    return torch.randn(shape.full, generator=random(shape.seed), dtype=torch.float64) * shape.spread


def probabilities(shape: Shape) -> Tensor:
    return (logits(shape) / shape.spread).sigmoid()


def ids(shape: Shape) -> Tensor:
    return torch.randint(shape.classes, shape.without_classes, generator=random(shape.seed + 1))


def distributions(shape: Shape) -> Tensor:
    return torch.randn(shape.full, generator=random(shape.seed + 1), dtype=torch.float64).softmax(1)


def binary_targets(shape: Shape) -> Tensor:
    values = torch.rand(shape.full, generator=random(shape.seed + 1), dtype=torch.float64)
    return torch.where(values < 0.7, (values < 0.35).double(), values)


def class_weight(shape: Shape, salt: int = 2) -> Tensor:
    return torch.rand(shape.classes, generator=random(shape.seed + salt), dtype=torch.float64) + 0.1


def element_weight(shape: Shape, salt: int = 2) -> Tensor:
    return torch.rand(shape.full, generator=random(shape.seed + salt), dtype=torch.float64) + 0.1


@dataclass(frozen=True)
class Loss:
    """One member of the list. `fixed` are options under which it is a member of its own."""

    name: str
    function: Callable[..., Tensor]
    definition: Callable[..., Tensor]
    torchs: Callable[..., Tensor]
    module: type[torch.nn.Module] | None
    torchs_module: type[torch.nn.Module]
    make_input: Callable[[Shape], Tensor]
    make_target: Callable[[Shape], Tensor]
    make_weight: Callable[..., Tensor]
    fixed: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def make(self, shape: Shape, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
        target = self.make_target(shape)
        return self.make_input(shape).to(dtype), target.to(dtype) if target.is_floating_point() else target

    def __call__(self, input: Tensor, target: Tensor, **options: Any) -> Tensor:
        return self.function(input, target, **self.fixed, **options)

    def defined(self, input: Tensor, target: Tensor, **options: Any) -> Tensor:
        return self.definition(input, target, **self.fixed, **options)

    def by_torch(self, input: Tensor, target: Tensor, **options: Any) -> Tensor:
        return self.torchs(input, target, **self.fixed, **options)


def _multiclass(name: str, make_target: Callable[[Shape], Tensor], **fixed: Any) -> Loss:
    return Loss(
        name=name,
        function=losses.cross_entropy,
        definition=definition.cross_entropy,
        torchs=F.cross_entropy,
        module=losses.CrossEntropyLoss,
        torchs_module=torch.nn.CrossEntropyLoss,
        make_input=logits,
        make_target=make_target,
        make_weight=class_weight,
        fixed=fixed,
    )


def _binary(name: str, **fixed: Any) -> Loss:
    return Loss(
        name=name,
        function=losses.binary_cross_entropy_with_logits,
        definition=definition.binary_cross_entropy_with_logits,
        torchs=F.binary_cross_entropy_with_logits,
        module=losses.BCEWithLogitsLoss,
        torchs_module=torch.nn.BCEWithLogitsLoss,
        make_input=logits,
        make_target=binary_targets,
        make_weight=element_weight,
        fixed=fixed,
    )


CROSS_ENTROPY = _multiclass("cross_entropy", ids)
SMOOTHED = _multiclass("cross_entropy-smoothed", ids, label_smoothing=0.1)
SOFT = _multiclass("cross_entropy-soft", distributions)
SOFT_SMOOTHED = _multiclass("cross_entropy-soft-smoothed", distributions, label_smoothing=0.3)
BINARY = _binary("binary_with_logits")
BINARY_POS_WEIGHT = _binary(
    "binary_with_logits-pos_weight", pos_weight=torch.tensor(2.5, dtype=torch.float64)
)
NLL = Loss(
    name="nll_loss",
    function=losses.nll_loss,
    definition=definition.nll_loss,
    torchs=F.nll_loss,
    module=None,
    torchs_module=torch.nn.NLLLoss,
    make_input=lambda shape: logits(shape).log_softmax(1),
    make_target=ids,
    make_weight=class_weight,
)
PROBABILITIES = Loss(
    name="binary",
    function=losses.binary_cross_entropy,
    definition=definition.binary_cross_entropy,
    torchs=F.binary_cross_entropy,
    module=losses.BCELoss,
    torchs_module=torch.nn.BCELoss,
    make_input=probabilities,
    make_target=binary_targets,
    make_weight=element_weight,
)

LOSSES = [
    CROSS_ENTROPY,
    SMOOTHED,
    SOFT,
    SOFT_SMOOTHED,
    NLL,
    BINARY,
    BINARY_POS_WEIGHT,
    PROBABILITIES,
]
SOFTMAX_LOSSES = [CROSS_ENTROPY, SMOOTHED, SOFT, SOFT_SMOOTHED]
LOGIT_LOSSES = [*SOFTMAX_LOSSES, BINARY, BINARY_POS_WEIGHT]
CLASS_LOSSES = [*SOFTMAX_LOSSES, NLL]
ID_LOSSES = [CROSS_ENTROPY, SMOOTHED, NLL]
REDUCTIONS = ["none", "mean", "sum"]


def weighted_rows(loss: Loss, target: Tensor, weight: Tensor | None) -> Tensor:
    """What the mean divides by, written down once more: weights of the targets for class ids, else a count."""
    if loss in ID_LOSSES:
        return (torch.ones(()) if weight is None else weight[target]).double().expand(target.shape).sum()
    if loss in SOFTMAX_LOSSES:
        return torch.tensor(target.numel() / max(target.shape[1], 1), dtype=torch.float64)
    return torch.tensor(target.numel(), dtype=torch.float64)


def gradient(output: Tensor, input: Tensor, seed: int = 3) -> Tensor:
    """The gradient for a random upstream gradient, different for every element."""
    upstream = torch.randn(output.shape, generator=random(seed), dtype=torch.float64).to(output.dtype)
    return torch.autograd.grad(output, input, upstream, retain_graph=True)[0]
