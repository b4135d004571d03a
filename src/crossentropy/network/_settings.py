"""How a network is trained: the settings, the optimiser and the learning rate that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from crossentropy.errors import ConfigError, did_you_mean

__all__ = ["TrainSettings", "make_optimizer", "rate"]

_OPTIMIZERS = ("adamw", "sgd")
_SCHEDULES = ("constant", "cosine", "plateau")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    r"""How a network is trained.

    The learning rate of a step is `lr` times the schedule's factor:

    * "constant": 1;
    * "cosine": (1 + cos(pi t)) / 2, where t in [0, 1) is the share of `epochs` that is done;
    * "plateau": 2^-h, where h <= 3 counts how often `plateau` epochs in a row did not lower the validation loss.

    Attributes:
        epochs: most passes over the data.
        batch_size: rows of a batch of data in memory; a loader has its own.
        accumulate: how many batches make a step. Their gradients add up to that of the mean over all of their rows.
        optimizer: "adamw", "sgd" (Nesterov momentum 0.9), or a function from parameter groups to an optimiser.
        lr: the learning rate.
        betas: of AdamW.
        weight_decay: of AdamW (decoupled) and SGD, on parameters of two or more axes; biases and scales are spared.
        clip: the largest norm of the gradient, or None.
        schedule: a name above, or a function from t to the factor.
        plateau: see above.
        patience: end when so many epochs in a row did not lower the validation loss; None never to.
        seed: every random choice follows from it.
    """

    epochs: int = 100
    batch_size: int = 256
    accumulate: int = 1
    optimizer: str | Callable[[list[dict[str, Any]]], Optimizer] = "adamw"
    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 3e-4
    clip: float | None = 1.0
    schedule: str | Callable[[float], float] = "plateau"
    plateau: int = 6
    patience: int | None = 12
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "plateau"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, and must be at least 1.")
        if not 0 < self.lr < math.inf:
            raise ConfigError(f"lr is {self.lr}, and must be above 0.")
        if not 0 <= self.weight_decay < math.inf:
            raise ConfigError(f"weight_decay is {self.weight_decay}, and must be at least 0.")
        for name, known in (("optimizer", _OPTIMIZERS), ("schedule", _SCHEDULES)):
            value = getattr(self, name)
            if isinstance(value, str) and value not in known:
                raise ConfigError(f"There is no {name} {value!r}.", fix=did_you_mean(value, known))

    def told(self) -> dict[str, Any]:
        """Return the settings as JSON data; functions by their names."""
        return {
            name: getattr(value, "__qualname__", repr(value))
            if callable(value)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in asdict(self).items()
        }


def make_optimizer(module: nn.Module, settings: TrainSettings) -> Optimizer:
    """Return the optimiser of a module's parameters, in two groups: with weight decay and without."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise ConfigError("The module has no parameter that could be trained.")
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if callable(settings.optimizer):
        return settings.optimizer(groups)
    if settings.optimizer == "sgd":
        return SGD(groups, lr=settings.lr, momentum=0.9, nesterov=True)
    return AdamW(groups, lr=settings.lr, betas=settings.betas, fused=True)


def rate(settings: TrainSettings, done: float, halved: int) -> float:
    """Return the factor of the learning rate, where a share `done` of the epochs lies behind."""
    if callable(settings.schedule):
        return float(settings.schedule(done))
    if settings.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    return 0.5**halved if settings.schedule == "plateau" else 1.0
