"""A loss or a gradient that is not finite: at which step, for which rows, and in which layer it began."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from crossentropy.errors import DivergenceError
from crossentropy.network._data import Batch
from crossentropy.network._members import losses_of

__all__ = ["divergence"]

_SHOWN = 5
_FIX = "Lower the learning rate, clip the gradient (clip=1.0), or look for extreme values in the inputs."


def divergence(
    module: nn.Module, batches: list[Batch], what: str, step: int, epoch: int, seed: int
) -> DivergenceError:
    """Return the error that says where it began: in the inputs, the weights, a layer's output, or a gradient.

    Args:
        module: as it was when the step began.
        batches: those of the step.
        what: "loss" or "gradient".
        step: its number, from 0.
        epoch: its number, from 0.
        seed: of torch's generator at the step, so that dropout is as it was.
    """
    where = _weights(module)
    torch.manual_seed(seed)
    for number, batch in enumerate(batches):
        rows, layer = _look(module, batch)
        if rows or layer:
            where = where or layer
            return _error(what, step, epoch, rows, number if batch.rows is None else None, where)
    gradients = [n for n, p in module.named_parameters() if p.grad is not None and not _finite(p.grad)]
    where = where or (f"the gradient of {gradients[0]!r} is not finite" if gradients else "")
    return _error(what, step, epoch, "", None, where)


def _error(what: str, step: int, epoch: int, rows: str, batch: int | None, where: str) -> DivergenceError:
    of_rows = f", {rows}" if rows else ""
    of_batch = f" of batch {batch} of the step" if rows and batch is not None else ""
    said = f"; {where}" if where else ""
    return DivergenceError(
        f"The {what} of step {step} (epoch {epoch}) is not finite{of_rows}{of_batch}{said}.", fix=_FIX
    )


def _look(module: nn.Module, batch: Batch) -> tuple[str, str]:
    """Return which rows of the batch have no finite loss, and the layer where that began; both may be empty."""
    wrong_inputs = [~torch.isfinite(x).flatten(1).all(1) for x in batch.inputs if x.is_floating_point()]
    for wrong in wrong_inputs:
        if bool(wrong.any()):
            return _named(batch, wrong), "their inputs are not finite"
    found: list[str] = []
    hooks = [
        layer.register_forward_hook(_recorder(found, name, layer))
        for name, layer in module.named_modules()
        if not any(layer.children())
    ]
    try:
        with torch.no_grad():
            logits = module(*batch.inputs)
    finally:
        for hook in hooks:
            hook.remove()
    wrong = ~torch.isfinite(losses_of(logits, batch.targets))
    if not bool(wrong.any()):
        return "", ""
    return _named(batch, wrong), found[0] if found else "it began outside of the layers"


def _recorder(found: list[str], name: str, layer: nn.Module) -> Any:
    def record(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        fine = all(_finite(x) for x in inputs if isinstance(x, Tensor))
        if isinstance(output, Tensor) and fine and not _finite(output) and not found:
            found.append(f"it began in the layer {name!r} ({type(layer).__name__})")

    return record


def _weights(module: nn.Module) -> str:
    for name, parameter in module.named_parameters():
        if not _finite(parameter):
            return f"the parameter {name!r} is not finite"
    return ""


def _named(batch: Batch, wrong: Tensor) -> str:
    places = wrong.nonzero()[:, 0]
    rows = places if batch.rows is None else batch.rows[places.to(batch.rows.device)]
    shown = ", ".join(str(int(r)) for r in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"


def _finite(values: Tensor) -> bool:
    return not values.is_floating_point() or bool(torch.isfinite(values).all())
