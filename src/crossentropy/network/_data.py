"""Rows to learn from: arrays in memory, or a loader; both give batches in an order that seed and epoch decide.

In memory a batch is an index into whole tensors: one gather. A `DataLoader` over the same rows collates them one by one
in Python, which takes longer than the network does.

No order is stored, and no generator outlives a step: the order of an epoch follows from (seed, epoch), and whatever is
drawn while a batch is fetched and learned from follows from (seed, step). Where training stopped is therefore two
numbers, and going on from there draws what an uninterrupted run would have drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossentropy.errors import DataError, ShapeError

__all__ = ["Batch", "Loader", "Rows", "Source", "as_source", "seed_of", "seed_torch"]

_ORDER, _EPOCH = 1, 2


def seed_of(*numbers: int) -> int:
    """Return a seed that depends on all of the numbers, and differs for neighbouring ones in every bit."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint32)[0])


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed torch's generators of the CPU and of a device.

    `torch.manual_seed` does so for all kinds of device, and notes the stack of the call for those that are not there:
    half a millisecond, as long as a small step takes.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows: what the module takes, class ids (n,) or distributions (n, K), and their weights (n,) or None."""

    inputs: tuple[Tensor, ...]
    targets: Tensor
    weights: Tensor | None = None
    rows: Tensor | None = None
    """(n,) the rows' positions in the data, where they are known."""

    @property
    def total(self) -> float:
        """The summed weight of the rows."""
        return float(len(self.targets)) if self.weights is None else float(self.weights.double().sum())

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return Batch(
            tuple(part.to(device) for part in self.inputs), self.targets.to(device), weights, self.rows
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows in memory.

    Attributes:
        inputs: what the module takes, one tensor or several, (N, ...) each.
        targets: (N,) class ids, or (N, K) distributions.
        weights: (N,), or None where all rows weigh the same.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        n = len(self.targets)
        parts = [*self.inputs, *(() if self.weights is None else (self.weights,))]
        if any(len(part) != n for part in parts):
            raise ShapeError(
                f"Inputs, targets and weights have {', '.join(str(len(part)) for part in parts)} rows, "
                f"and the targets {n}: expected the same number."
            )
        if self.weights is not None:
            wrong = ~(torch.isfinite(self.weights) & (self.weights >= 0))
            if bool(wrong.any()):
                row = int(wrong.nonzero()[0])
                raise DataError(
                    f"Row {row} has the weight {float(self.weights[row])}.",
                    fix="Expected finite numbers of at least 0.",
                )

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: Tensor) -> Batch:
        """Return the rows at some positions (n,)."""
        weights = None if self.weights is None else self.weights[rows]
        return Batch(tuple(part[rows] for part in self.inputs), self.targets[rows], weights, rows)

    def n_batches(self, size: int) -> int:
        """Return how many batches an epoch has; the last may be smaller."""
        return -(-len(self) // size)

    def epoch(self, number: int, seed: int, size: int, skip: int = 0) -> Iterator[Batch]:
        """Give the batches of an epoch in their random order, from batch `skip` on."""
        order = torch.from_numpy(np.random.default_rng([_ORDER, seed, number]).permutation(len(self)))
        for start in range(skip * size, len(self), size):
            yield self.take(order[start : start + size])

    def in_order(self, size: int) -> Iterator[Batch]:
        """Give all rows as they stand."""
        for start in range(0, len(self), size):
            yield self.take(torch.arange(start, min(start + size, len(self))))

    def digest(self) -> str:
        """Return a digest of all values: what a checkpoint is compared with."""
        found = hashlib.sha256()
        for part in (*self.inputs, self.targets, *(() if self.weights is None else (self.weights,))):
            values = part.detach().cpu().contiguous()
            found.update(f"{values.dtype}{tuple(values.shape)}".encode())
            found.update(values.reshape(-1).view(torch.uint8).numpy().data)
        return found.hexdigest()


@dataclass(frozen=True, eq=False)
class Loader:
    """Batches from an iterable of (inputs, targets) or (inputs, targets, weights), such as a `DataLoader`.

    Resumption is exact where its random choices come from torch's global generator, as those of `DataLoader` do unless
    it was given one of its own.
    """

    batches: Iterable[Any]

    def n_batches(self, size: int) -> int | None:
        """Return how many batches an epoch has, where the iterable says so."""
        return len(self.batches) if isinstance(self.batches, Sized) else None

    def epoch(self, number: int, seed: int, size: int, skip: int = 0) -> Iterator[Batch]:
        """Give the batches of an epoch, from batch `skip` on; their size is the loader's."""
        torch.manual_seed(seed_of(_EPOCH, seed, number))
        sampler: Any = getattr(self.batches, "sampler", None)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(number)
        batches = iter(self.batches)
        # a sampler draws its order when the first batch is asked for, and must draw the same one after a resumption
        first = list(islice(batches, 1))
        for _ in islice(batches, max(0, skip - 1)):
            pass
        return map(_batch_of, chain(first if skip == 0 else [], batches))

    def in_order(self, size: int) -> Iterator[Batch]:
        """Give all batches."""
        return map(_batch_of, self.batches)

    def digest(self) -> str:
        """Return what is known of the data without reading them: how many batches there are."""
        return f"a loader of {self.n_batches(1)} batches"


Source = Rows | Loader


def as_source(data: Any) -> Source:
    """Return rows in memory as they are, and anything else as a loader."""
    if isinstance(data, Rows | Loader):
        return data
    if not isinstance(data, Iterable):
        raise DataError(f"{type(data).__name__} is neither Rows nor an iterable of batches.")
    return Loader(data)


def _batch_of(given: Any) -> Batch:
    if isinstance(given, Batch):
        return given
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise DataError(
            f"The loader gave a {type(given).__name__}.",
            fix="Expected batches (inputs, targets) or (inputs, targets, weights).",
        )
    inputs = given[0] if isinstance(given[0], tuple | list) else (given[0],)
    return Batch(tuple(inputs), given[1], given[2] if len(given) == 3 else None)
