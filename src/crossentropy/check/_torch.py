"""torch's names, its losses and their options, and the arguments of a call."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any, Protocol

from crossentropy.check._findings import Event
from crossentropy.check._values import (
    NONE,
    UNKNOWN,
    Const,
    LossSpec,
    Origin,
    Tensor,
    Value,
)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call; `open` where some came by * or ** and are not known."""

    positional: tuple[Value, ...]
    keywords: dict[str, Value]
    nodes: tuple[ast.AST, ...] = ()
    open: bool = False

    def get(self, index: int, *names: str) -> Value | None:
        """Return the argument at that position or under one of these names."""
        if index < len(self.positional):
            return self.positional[index]
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return UNKNOWN if self.open else None


class Follower(Protocol):
    """What an operation needs of the interpreter."""

    file: Any

    def quiet(self) -> bool:
        """Whether nothing is learnt here: no gradients, or the model was told to evaluate."""

    def emit(self, event: Event) -> None:
        """Hand an event to the rules."""

    def origin(self, node: ast.AST) -> Origin:
        """Return the place of a node."""


LOSS_FUNCTIONS = {
    "cross_entropy": "cross_entropy",
    "nll_loss": "nll",
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_logits",
    "kl_div": "kl",
}
LOSS_LAYERS = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll",
    "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce_logits",
    "KLDivLoss": "kl",
}
_FUNCTION_PLACES = {
    "cross_entropy": {"weight": 2, "reduction": 6, "label_smoothing": 7, "ignore_index": 4},
    "nll": {"weight": 2, "reduction": 6, "ignore_index": 4},
    "bce": {"weight": 2, "reduction": 5},
    "bce_logits": {"weight": 2, "reduction": 5, "pos_weight": 6},
    "kl": {"reduction": 4, "log_target": 5},
}
_LAYER_PLACES = {
    "cross_entropy": {"weight": 0, "reduction": 4, "label_smoothing": 5, "ignore_index": 2},
    "nll": {"weight": 0, "reduction": 4, "ignore_index": 2},
    "bce": {"weight": 0, "reduction": 3},
    "bce_logits": {"weight": 0, "reduction": 3, "pos_weight": 4},
    "kl": {"reduction": 2, "log_target": 3},
}
_ROOTS = ("torch.nn.functional.", "torch.special.", "torch.", "crossentropy.losses.", "torch.nn.init.")


def operation(name: str) -> str | None:
    """Return the bare name of a function of torch, None for anything else."""
    for root in _ROOTS:
        rest = name.removeprefix(root)
        if rest != name and "." not in rest:
            return "sigmoid" if rest == "expit" else rest
    return None


def layer_class(name: str) -> str | None:
    """Return the bare name of a class of torch.nn (or of a loss of this package), None for anything else."""
    last = name.rpartition(".")[2]
    known = name.startswith(("torch.nn.", "crossentropy.losses.")) and not name.startswith(
        "torch.nn.functional"
    )
    return last if known and last[:1].isupper() else None


def loss_spec(family: str, arguments: Arguments, origin: Origin, *, layer: bool) -> LossSpec:
    """Read the options of a loss from the call that names it."""
    places = (_LAYER_PLACES if layer else _FUNCTION_PLACES)[family]

    def option(name: str) -> Value | None:
        return arguments.get(places[name], name) if name in places else None

    def constant(name: str, default: Any) -> Any:
        value = option(name)
        if value is None:
            return default
        return value.value if isinstance(value, Const) else None

    weights = [option("weight"), option("pos_weight")]
    weighted: bool | None = any(isinstance(w, Tensor) for w in weights)
    if not weighted and any(w not in (None, NONE) for w in weights):
        weighted = None
    old = [arguments.keywords.get(name) for name in ("size_average", "reduce")]
    reduction = constant("reduction", "mean") if old == [None, None] else None
    return LossSpec(
        family,
        reduction,
        weighted,
        constant("label_smoothing", 0.0),
        option("ignore_index") is not None,
        origin,
    )


def dim_of(value: Value | None) -> int | None:
    """Return a constant dimension."""
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else None


def as_tensor(value: Value, origin: Origin) -> Tensor:
    """Take whatever is given for a tensor."""
    if isinstance(value, Tensor):
        return (
            value
            if value.base is not None
            else replace(value, base=(origin.path, origin.line, origin.column))
        )
    return Tensor(base=(origin.path, origin.line, origin.column))


def number(value: Value | None) -> Any:
    """Return the constant, None if it is none."""
    return value.value if isinstance(value, Const) else None
