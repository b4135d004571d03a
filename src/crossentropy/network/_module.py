"""What a module returns, looked at before it is trained: logits of the right shape, and no softmax behind them.

Probabilities are told from logits by value. What lies in [0, 1] may still be logits by chance, so the layer that has
the last parameters is negated for a moment: logits then change their sign, and what a softmax or a sigmoid has squashed
stays in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from crossentropy.errors import ConfigError, ShapeError

__all__ = ["check_module"]

_ROWS = 64
_UNIT = 1e-4


def check_module(module: nn.Module, inputs: tuple[Tensor, ...], n_classes: int) -> None:
    """Run a module on a few rows, and refuse it if it does not return logits.

    Args:
        module: to be trained.
        inputs: (N, ...) each.
        n_classes: K.

    Raises:
        ShapeError: it does not return a tensor (N, K) or (M, N, K).
        ConfigError: it ends in a softmax, a sigmoid or a log-softmax; names the layer.
    """
    inputs = tuple(part[:_ROWS] for part in inputs)
    was_training = module.training
    module.eval()
    ran: list[tuple[str, nn.Module, Any]] = []
    with torch.no_grad(), torch.random.fork_rng(devices=[]), _recorded(module, ran):
        output = module(*inputs)
        _check_shape(module, output, len(inputs[0]), n_classes)
        learned = [layer for _, layer, _ in ran if any(True for _ in layer.parameters(recurse=False))]
        with _negated(learned[-1] if learned else None):
            other = module(*inputs)
    module.train(was_training)
    ran = ran[: len(ran) // 2]
    for name, squashed in _SQUASHED.items():
        if squashed(output) and squashed(other):
            raise ConfigError(
                f"The module ends in a {name}: {_where(ran, output)}. Softmax is inside of the loss, and a "
                f"second one bounds it: {_bound(n_classes)}.",
                fix="Take it out, and return the logits.",
            )


def _check_shape(module: nn.Module, output: Any, n: int, n_classes: int) -> None:
    if not isinstance(output, Tensor) or not output.is_floating_point():
        kind = f"{output.dtype}" if isinstance(output, Tensor) else type(output).__name__
        raise ShapeError(f"{type(module).__name__} returns {kind}, and must return a tensor of logits.")
    if output.ndim not in (2, 3) or output.shape[-2:] != (n, n_classes):
        raise ShapeError(
            f"{type(module).__name__} returns {tuple(output.shape)} for {n} rows and {n_classes} classes.",
            fix=f"Expected logits ({n}, {n_classes}), or ({'M'}, {n}, {n_classes}) of M members.",
        )


def _within(values: Tensor) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def _sums_to_one(values: Tensor) -> bool:
    return bool(((values.sum(dim=-1) - 1).abs() <= _UNIT).all())


_SQUASHED: dict[str, Callable[[Tensor], bool]] = {
    "softmax": lambda values: _within(values) and _sums_to_one(values),
    "sigmoid": _within,
    "log-softmax": lambda values: bool((values <= 0).all()) and _sums_to_one(values.exp()),
}


def _bound(n_classes: int) -> str:
    least = math.log1p((n_classes - 1) / math.e)
    return f"the loss of {n_classes} classes cannot fall below {least:.4f} nats"


def _where(ran: list[tuple[str, nn.Module, Any]], output: Tensor) -> str:
    if not ran:
        return "its forward applies it"
    name, layer, own = ran[-1]
    told = f"{name!r} ({type(layer).__name__})"
    if isinstance(own, Tensor) and own.shape == output.shape and torch.equal(own, output):
        return f"its layer {told}"
    return f"its forward applies it behind the layer {told}"


@contextmanager
def _recorded(module: nn.Module, ran: list[tuple[str, nn.Module, Any]]) -> Iterator[None]:
    def recorder(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda layer, _, output: ran.append((name, layer, output))

    leaves = [(name, layer) for name, layer in module.named_modules() if not any(layer.children())]
    hooks = [layer.register_forward_hook(recorder(name)) for name, layer in leaves if layer is not module]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _negated(layer: nn.Module | None) -> Iterator[None]:
    parameters = [] if layer is None else list(layer.parameters(recurse=False))
    for parameter in parameters:
        parameter.neg_()
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.neg_()
