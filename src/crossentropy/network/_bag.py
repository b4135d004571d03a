"""Several networks, each trained without one fold and stopped on it; their mean probability predicts.

What a network says of the fold that it did not see is kept: calibration and mixing are decided on it. A table is
never too small to be split eight ways, and a large one loses little by being split once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crossentropy.network._data import Rows, seed_of
from crossentropy.network._members import log_probabilities
from crossentropy.network._merge import Merged
from crossentropy.network._module import check_module
from crossentropy.network._plan import Plan, within
from crossentropy.network._prepare import Blocks, Preparation
from crossentropy.network._settings import TrainSettings
from crossentropy.network._table_network import TableNetwork, TableShape
from crossentropy.network._train import TrainResult, Writer, train
from crossentropy.tables import Features

__all__ = ["Bag", "Part", "fit_bag"]

_PART, _PROBE = 5, 6
_TILE = 1024
# Of a time limit, what finding out how long an epoch takes may take.
_PROBING = 0.03
# Epochs where there is no row to stop on.
_BLIND = 20

Make = Callable[[int, int], nn.Module]


@dataclass(frozen=True, eq=False)
class Part:
    """One network, and what it takes."""

    network: nn.Module
    preparation: Preparation | None

    def log_probabilities(self, blocks: Blocks) -> NDArray[np.float64]:
        """Return (N, K): a row's do not depend on the others, to the last few bits of float64."""
        self.network.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(blocks), _TILE):
                x = self._inputs(blocks.take(slice(start, start + _TILE)))
                found.append(log_probabilities(self.network(x).double()).numpy())
        return np.concatenate(found)

    def _inputs(self, blocks: Blocks) -> Tensor:
        if self.preparation is not None:
            return self.preparation.transform(blocks).double()
        first = next(iter(self.network.parameters()))
        return torch.from_numpy(_plain(blocks)).to(first)


@dataclass(frozen=True, eq=False)
class Bag:
    """The networks of all folds.

    Attributes:
        parts: the networks.
        results: how the training of each went.
    """

    parts: tuple[Part, ...]
    results: tuple[TrainResult, ...] = ()

    def logits(self, features: Blocks | Features) -> NDArray[np.float64]:
        """Return the logarithm of the mean probability (N, K)."""
        blocks = Blocks(features.dense, features.sparse)
        logs = self.parts[0].log_probabilities(blocks)
        for part in self.parts[1:]:
            logs = np.logaddexp(logs, part.log_probabilities(blocks))
        return logs - math.log(len(self.parts))


@dataclass(frozen=True, eq=False)
class Task:
    """What there is to learn: the rows as they were given, those that stand for them, and the fold of each of these."""

    blocks: Blocks
    merged: Merged
    folds: NDArray[np.int64]
    """(n,) in which a row is held out; -1 for never."""
    n_classes: int
    seed: int
    make: Make | None = None
    """Returns a module of one's own, from the numbers of features and classes."""


def fit_bag(
    task: Task, plan: Plan, settings: TrainSettings, time_limit: float | None, write: Writer | None
) -> tuple[Bag, NDArray[np.float64], Plan]:
    """Train a network for each fold; return them, the log-probabilities of held-out rows (n, K), and the plan as cut.

    Rows that no network left out are NaN.

    With a time limit, an epoch is timed and the plan cut to fit, and each run has its share of the time that is left;
    a run that has not begun when the time is over is left out. The first one always comes to an end.
    """
    end = None if time_limit is None else monotonic() + time_limit
    if end is not None and time_limit is not None:
        plan = _cut(task, plan, settings, time_limit)
    runs = [fold for fold in range(plan.folds) if (task.folds == fold).any()][: plan.runs]
    out_of_fold = np.full((len(task.folds), task.n_classes), np.nan)
    parts: list[Part] = []
    results: list[TrainResult] = []
    for number, fold in enumerate(runs or [-2]):
        now = monotonic()
        if end is not None and parts and now >= end:
            break
        deadline = None if end is None else now + (end - now) / max(1, len(runs) - number)
        part, result = _run(task, plan, settings, fold, deadline, write)
        parts.append(part)
        results.append(result)
        held = np.flatnonzero(task.folds == fold)
        if len(held):
            out_of_fold[held] = part.log_probabilities(task.blocks.take(task.merged.first[held]))
    return Bag(tuple(parts), tuple(results)), out_of_fold, plan


def _run(
    task: Task, plan: Plan, settings: TrainSettings, fold: int, deadline: float | None, write: Writer | None
) -> tuple[Part, TrainResult]:
    held = np.flatnonzero(task.folds == fold)
    trained = np.flatnonzero(task.folds != fold)
    seed = seed_of(_PART, task.seed, fold + 2)
    part = _begin(task, plan, trained, seed)
    settings = replace(settings, seed=seed)
    if not len(held):
        settings = replace(settings, epochs=min(settings.epochs, _BLIND))
    result = train(
        part.network,
        _rows(task, part, trained),
        validation=_rows(task, part, held) if len(held) else None,
        settings=settings,
        write=None if write is None else lambda record: write({"fold": fold, **record}),
        deadline=deadline,
    )
    if part.preparation is not None:
        # what a row is told does not depend on the rows beside it, as it would in the last bits of float32
        part.network.double()
    return part, result


def _begin(task: Task, plan: Plan, trained: NDArray[np.intp], seed: int) -> Part:
    """Return a new network, as it is before training."""
    rows = task.blocks.take(task.merged.first[trained])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if task.make is not None:
            network = task.make(_width(task.blocks), task.n_classes)
            part = Part(network, None)
            check_module(network, (_tensor(part, rows.take(slice(0, 64))),), task.n_classes)
            return part
        preparation = Preparation.fit(rows, plan.bins, seed)
        shape = TableShape(
            embedded=preparation.embedded,
            plain=preparation.width - preparation.embedded,
            bins=plan.bins,
            embedding=plan.embedding,
            members=plan.members,
            width=plan.width,
            blocks=plan.blocks,
            classes=task.n_classes,
            dropout=plan.dropout,
        )
        network = TableNetwork(shape, _log_priors(task, trained))
        if network.embed is not None:
            network.embed.set_knots(preparation.knots_of())
        return Part(network, preparation)


def _rows(task: Task, part: Part, which: NDArray[np.intp]) -> Rows:
    merged = task.merged
    targets = torch.from_numpy(merged.targets[which])
    weights = merged.weights[which]
    return Rows(
        (_tensor(part, task.blocks.take(merged.first[which])),),
        targets.float() if targets.is_floating_point() else targets,
        None if (weights == 1.0).all() else torch.from_numpy(weights),
    )


def _tensor(part: Part, blocks: Blocks) -> Tensor:
    return (
        torch.from_numpy(_plain(blocks)) if part.preparation is None else part.preparation.transform(blocks)
    )


def _plain(blocks: Blocks) -> NDArray[np.float32]:
    return np.array(blocks.dense, dtype=np.float32)


def _width(blocks: Blocks) -> int:
    return int(blocks.dense.shape[1])


def _log_priors(task: Task, trained: NDArray[np.intp]) -> Tensor:
    """Return the logarithms of the class frequencies, each with half a row more: none is 0."""
    merged = task.merged
    targets, weights = merged.targets[trained], merged.weights[trained]
    mass = weights @ targets if targets.ndim == 2 else np.bincount(targets, weights, task.n_classes)
    share = mass / weights.sum() * len(trained) + 0.5
    return torch.from_numpy(np.log(share / share.sum())).float()


def _cut(task: Task, plan: Plan, settings: TrainSettings, limit: float) -> Plan:
    """Return the plan, cut to what a time limit allows by the pace of a few steps of a network that is thrown away."""
    trained = np.flatnonzero(task.folds != 0)
    start = monotonic()
    part = _begin(task, plan, trained, seed_of(_PROBE, task.seed))
    rows = _rows(task, part, trained)
    preparing = monotonic() - start
    probe = replace(settings, epochs=1)
    # the very first step of a process imports and plans what later ones find ready
    train(part.network, rows, settings=probe, deadline=start)
    warm = monotonic()
    steps = train(part.network, rows, settings=probe, deadline=warm + _PROBING * limit).steps
    pace = (monotonic() - warm) / max(1, steps)
    steps_an_epoch = rows.n_batches(settings.batch_size) / settings.accumulate
    left = limit - (monotonic() - start) - plan.runs * preparing
    return within(plan, pace * steps_an_epoch, left)
