"""All that changes while a network is trained, as one object: it can be taken down and set up again, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from crossentropy.errors import BundleError

__all__ = ["Progress", "Training"]


@dataclass
class Progress:
    """Where training stands. Together with the seed it decides all that is drawn from here on."""

    epoch: int = 0
    """Whole epochs that lie behind."""
    batch: int = 0
    """Batches of the present epoch that lie behind."""
    step: int = 0
    loss_sum: float = 0.0
    """Of the present epoch: the summed loss of its rows, and their summed weight."""
    weight_sum: float = 0.0
    best_loss: float | None = None
    best_epoch: int | None = None
    stale: int = 0
    """Epochs in a row that did not lower the validation loss."""
    halved: int = 0
    """How often the learning rate was halved."""
    ended: str | None = None
    """Why training ended: "epochs", "patience" or "time"."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One record an epoch."""


class Training:
    """A module in training: its weights, the best of them so far, the optimiser's state, and the progress."""

    def __init__(self, module: nn.Module, optimizer: Optimizer) -> None:
        self.module = module
        self.optimizer = optimizer
        self.progress = Progress()
        self.best: dict[str, Tensor] | None = None

    @property
    def done(self) -> bool:
        """Whether training has ended."""
        return self.progress.ended is not None

    def keep_if_best(self, loss: float) -> None:
        """Keep a copy of the weights if the validation loss is the lowest so far."""
        progress = self.progress
        if math.isfinite(loss) and (progress.best_loss is None or loss < progress.best_loss):
            progress.best_loss, progress.best_epoch, progress.stale = loss, progress.epoch, 0
            self.best = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        else:
            progress.stale += 1

    def restore_best(self) -> None:
        """Put the best weights back."""
        if self.best is not None:
            self.module.load_state_dict(self.best)

    def state_dict(self) -> dict[str, Any]:
        """Return everything, as torch's own objects do: tensors, numbers and texts in dictionaries and lists."""
        return {
            "progress": asdict(self.progress),
            "module": self.module.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state_dict` returned."""
        self.progress = Progress(**state["progress"])
        self.module.load_state_dict(state["module"])
        best = state["best"]
        self.best = None if best is None else {name: value.clone() for name, value in best.items()}
        self.optimizer.load_state_dict(state["optimizer"])

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state as JSON data and arrays."""
        arrays: dict[str, NDArray[Any]] = {}
        return _taken_apart(self.state_dict(), "", arrays), arrays

    def from_parts(self, data: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `to_parts` returned.

        Raises:
            BundleError: it is of another module or optimiser.
        """
        try:
            self.load_state_dict(_put_together(data, arrays))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(
                f"The checkpoint does not fit the module and the optimiser ({' '.join(str(error).split())}).",
                fix="Give the folder of the run that this module was trained in, or an empty one.",
            ) from None


_ARRAY, _KEYS = "array", "keys"


def _taken_apart(value: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return `value` with a name in the place of each tensor, and the tensors in `arrays` under those names.

    Keys that are numbers, as the optimiser's are, become pairs: JSON knows no other keys than text.
    """
    if isinstance(value, Tensor):
        arrays[name] = np.array(value.detach().cpu().numpy())
        return {_ARRAY: name}
    if isinstance(value, Mapping):
        pairs = [[key, _taken_apart(inner, f"{name}.{key}", arrays)] for key, inner in value.items()]
        return {_KEYS: pairs}
    if isinstance(value, list | tuple):
        return [_taken_apart(inner, f"{name}.{i}", arrays) for i, inner in enumerate(value)]
    return value


def _put_together(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if _ARRAY in value:
            # a copy in torch's own memory: aligned as that of a fresh tensor, so that kernels take the same path
            return torch.from_numpy(np.array(arrays[value[_ARRAY]])).clone()
        return {key: _put_together(inner, arrays) for key, inner in value[_KEYS]}
    if isinstance(value, list):
        return [_put_together(inner, arrays) for inner in value]
    return value
