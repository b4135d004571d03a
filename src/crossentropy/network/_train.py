r"""The training loop.

A step takes `accumulate` batches, ragged or not, and goes down the gradient of the mean over all of their rows,

.. math:: \frac{\sum_b \sum_{i \in b} s_i\,\mathrm{CE}_i}{\sum_b \sum_{i \in b} s_i},

because each batch is divided by the weight of the whole step and not by its own: a mean of the batches' means would
count the rows of a small batch more than those of a large one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from crossentropy.network._checkpoint import Checkpoint, Keeper
from crossentropy.network._data import Batch, Source, as_source, seed_of, seed_torch
from crossentropy.network._divergence import divergence
from crossentropy.network._members import losses_of, member_loss
from crossentropy.network._settings import TrainSettings, make_optimizer, rate
from crossentropy.network._state import Training

__all__ = ["TrainResult", "log_loss", "train"]

Writer = Callable[[Mapping[str, Any]], None]
_STEP = 3
# Rows of a batch that is only predicted: what lies between two layers stays within the cache.
_PREDICTED = 2048
_MOST_HALVINGS = 3


@dataclass(frozen=True)
class TrainResult:
    """How training went.

    Attributes:
        best_loss: the lowest validation log-loss, nats; None without validation rows.
        best_epoch: the epoch, from 0, whose weights the module has; None without validation rows.
        epochs: how many were begun.
        steps: how many were made.
        ended: "patience", "epochs" or "time".
        history: one record an epoch: epoch, loss (mean over the steps of the epoch, nats), validation_loss, lr.
    """

    best_loss: float | None
    best_epoch: int | None
    epochs: int
    steps: int
    ended: str
    history: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, eq=False)
class _Job:
    training: Training
    source: Source
    validation: Source | None
    settings: TrainSettings
    keeper: Keeper
    write: Writer
    deadline: float | None

    @property
    def late(self) -> bool:
        return self.deadline is not None and monotonic() >= self.deadline


def train(
    module: nn.Module,
    data: Any,
    *,
    validation: Any = None,
    settings: TrainSettings | None = None,
    write: Writer | None = None,
    checkpoint: Checkpoint | None = None,
    deadline: float | None = None,
) -> TrainResult:
    """Train a module that returns logits, by cross-entropy, and leave the best weights in it.

    On a CPU the same module, data and settings give the same bits, with the same number of threads, and so does a
    training that was interrupted and resumed. torch's global generator is left as it was found.

    Args:
        module: from the inputs to logits (N, K), or (M, N, K) of M members that share a batch: then the loss is the
            mean of the members', and what is validated is the mean of their probabilities.
        data: `Rows` in memory, or an iterable of batches (inputs, targets) or (inputs, targets, weights); targets are
            class ids (N,) or distributions (N, K).
        validation: rows to stop on, like `data`; None to go on for all epochs and keep the last weights.
        settings: see `TrainSettings`.
        write: is called with a record for each step (step, epoch, rows, loss in nats, lr, gradient_norm) and each epoch
            (epoch, loss, validation_loss, lr). After a resumption those since the checkpoint come again.
        checkpoint: where to keep the state, and to resume from. Training ends with a checkpoint too.
        deadline: moment (`time.monotonic()`) to end at; at least one step is made.

    Raises:
        DivergenceError: a loss or a gradient is not finite; names the step, the rows, the layer.
        ConfigError: a setting is out of range, or the checkpoint is of another training.
        BundleError: the checkpoint is damaged.
        OutputError: a checkpoint cannot be written.
    """
    settings = settings or TrainSettings()
    source = as_source(data)
    held_out = None if validation is None else as_source(validation)
    training = Training(module, make_optimizer(module, settings))
    identity = {} if checkpoint is None else _identity(settings, source, held_out)
    was_training = module.training
    with torch.random.fork_rng(), Keeper(checkpoint, training, identity) as keeper:
        _run(_Job(training, source, held_out, settings, keeper, write or _nowhere, deadline))
    training.restore_best()
    module.train(was_training)
    progress = training.progress
    return TrainResult(
        best_loss=progress.best_loss,
        best_epoch=progress.best_epoch,
        epochs=len(progress.history),
        steps=progress.step,
        ended=progress.ended or "",
        history=tuple(progress.history),
    )


def log_loss(module: nn.Module, data: Any) -> float:
    """Return the weighted mean log-loss in nats of what the module says; of members, of their mean probability."""
    was_training = module.training
    module.eval()
    loss = weight = 0.0
    with torch.inference_mode():
        for batch in as_source(data).in_order(_PREDICTED):
            placed = batch.to(_device(module))
            losses = losses_of(module(*placed.inputs), placed.targets)
            loss += float(losses.sum() if placed.weights is None else losses @ placed.weights.double())
            weight += batch.total
    module.train(was_training)
    return loss / weight if weight else math.nan


def _run(job: _Job) -> None:
    while not job.training.done:
        _epoch(job)
        progress = job.training.progress
        progress.ended = _end_of_epoch(job)
        if progress.ended is not None:
            job.keeper.write()
        job.keeper.after_step()


def _epoch(job: _Job) -> None:
    """Make the steps of an epoch that are left."""
    training, settings, progress = job.training, job.settings, job.training.progress
    training.module.train()
    n = job.source.n_batches(settings.batch_size)
    batches = job.source.epoch(progress.epoch, settings.seed, settings.batch_size, skip=progress.batch)
    device = _device(training.module)
    while True:
        seed = seed_of(_STEP, settings.seed, progress.step)
        seed_torch(seed, device)
        taken = [batch.to(device) for batch in islice(batches, settings.accumulate)]
        if not taken:
            return
        done = (progress.epoch + (progress.batch / n if n else 0.0)) / settings.epochs
        lr = settings.lr * rate(settings, done, progress.halved)
        for group in training.optimizer.param_groups:
            group["lr"] = lr
        loss, norm, weight = _step(training, taken, settings, seed)
        job.write(
            {
                "step": progress.step,
                "epoch": progress.epoch,
                "rows": sum(len(batch.targets) for batch in taken),
                "loss": loss,
                "lr": lr,
                "gradient_norm": norm,
            }
        )
        progress.step += 1
        progress.batch += len(taken)
        progress.loss_sum += loss * weight
        progress.weight_sum += weight
        job.keeper.after_step()
        if job.late:
            return


def _step(
    training: Training, batches: list[Batch], settings: TrainSettings, seed: int
) -> tuple[float, float, float]:
    """Go down the gradient of the batches' common mean; return that mean, the gradient's norm, and the weight."""
    module, progress = training.module, training.progress
    divisor = sum(batch.total for batch in batches)
    training.optimizer.zero_grad(set_to_none=True)
    if divisor == 0.0:
        return 0.0, 0.0, 0.0
    value = 0.0
    for batch in batches:
        loss = member_loss(module(*batch.inputs), batch.targets, batch.weights, divisor)
        loss.backward()  # type: ignore[no-untyped-call]
        value += float(loss.detach())
    if not math.isfinite(value):
        raise divergence(module, batches, "loss", progress.step, progress.epoch, seed)
    limit = math.inf if settings.clip is None else settings.clip
    norm = float(clip_grad_norm_(module.parameters(), limit))
    if not math.isfinite(norm):
        raise divergence(module, batches, "gradient", progress.step, progress.epoch, seed)
    training.optimizer.step()
    return value, norm, divisor


def _end_of_epoch(job: _Job) -> str | None:
    """Validate, keep the best weights, decide how training goes on; return why it ends, if it does."""
    training, settings, progress = job.training, job.settings, job.training.progress
    loss = None if job.validation is None else log_loss(training.module, job.validation)
    record = {
        "epoch": progress.epoch,
        "loss": progress.loss_sum / progress.weight_sum if progress.weight_sum else None,
        "validation_loss": loss if loss is None or math.isfinite(loss) else None,
        "lr": training.optimizer.param_groups[0]["lr"],
    }
    progress.history.append(record)
    job.write(record)
    if loss is not None:
        training.keep_if_best(loss)
        if progress.stale and progress.stale % settings.plateau == 0:
            progress.halved = min(_MOST_HALVINGS, progress.halved + 1)
    progress.epoch += 1
    progress.batch, progress.loss_sum, progress.weight_sum = 0, 0.0, 0.0
    if settings.patience is not None and progress.stale >= settings.patience:
        return "patience"
    if progress.epoch >= settings.epochs:
        return "epochs"
    return "time" if job.late else None


def _identity(settings: TrainSettings, source: Source, validation: Source | None) -> dict[str, Any]:
    return {
        "settings": settings.told(),
        "data": source.digest(),
        "validation rows": None if validation is None else validation.digest(),
    }


def _device(module: nn.Module) -> torch.device:
    return next(iter(module.parameters())).device


def _nowhere(record: Mapping[str, Any]) -> None:
    return None
