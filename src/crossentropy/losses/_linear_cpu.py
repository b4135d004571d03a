"""The tiles of `_linear_tiles.py` on the CPU, compiled: the softmax stands on the tile while that is in cache.

A block of rows goes through all classes twice. First the logits, a tile of classes at a time, and the sums of each
row; then, with the log-sum-exp known, the slopes of each tile and both products with them. Each thread has a range of
classes: its part of the weight's gradient is its own, and the rows' gradients are added up from one partial sum a
thread, in the order of the threads, so that the result does not depend on who is first.

The second pass needs the logits again. As many as the memory allows are kept from the first; the others are made anew.
That is 6 N D K operations where all are kept, 8 N D K where none is. Memory, with B rows in a block, T threads, tiles
of J classes: (1 + T) B D for the rows packed and the partial sums (the first thread's are the gradient itself, where
no row is left out), T J (D + 2 B) for the tiles, B K for logits that are kept, 4 bytes each. Without a limit that is
1 % of what all logits would take, or as little as goes.

More rows in a block read the weight and its gradient less often: from 128 rows on memory is no longer what one waits
for. The tile is as many classes as fill half of a 1 MB second-level cache with their features.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses._linear_pass import Gradients, Layer, Pass
from crossentropy.losses._linear_problem import Problem, Softmax
from crossentropy.losses._options import SparseTarget
from crossentropy.losses._precision import widen
from crossentropy.losses._threads import together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# Products of N D K from which the kernels are loaded (0.3 s; 4 s when they are compiled for the first time).
_WORTH = 1e9
_MOST_ENTRIES = 64
_CACHE = 400 << 10
_LEAST_STEP = 32

# Of what all logits would take; the sums and targets of the rows are another thousandth.
_SHARE = 0.009
_WITHOUT_PRODUCTS = frozenset({"losses", "logsumexp", "target_probability"})


def serves(layer: Layer, problem: Problem, by_products: tuple[str, ...]) -> bool:
    """Whether this is a loss for the compiled passes, and large enough for them."""
    features, weight, _ = layer
    return (
        features.device.type == "cpu"
        and features.dtype in (torch.float32, torch.bfloat16, torch.float16)
        and isinstance(problem, Softmax)
        and not problem.further
        and _few_classes_a_row(problem.target)
        and _WITHOUT_PRODUCTS.issuperset(by_products)
        and len(features) > 0
        and len(features) * len(weight) * weight.shape[1] >= _WORTH
    )


def _few_classes_a_row(target: Tensor | SparseTarget) -> bool:
    if isinstance(target, SparseTarget):
        return target.ids.shape[1] <= _MOST_ENTRIES
    return not target.is_floating_point()


@dataclass(frozen=True)
class Plan:
    """How much is held at once: panels of rows in a block, classes in a tile, the share of the classes kept."""

    panels: int
    step: int
    kept: float


def plan(n: int, columns: int, classes: int, threads: int, wanted: bool, memory_limit: int | None) -> Plan:
    """Fill the memory limit: four panels with all logits kept, or two with a share of them, or at least one."""
    from crossentropy.losses._microkernel import COLUMNS

    step = max(_LEAST_STEP, min(128, _CACHE // (4 * columns)))
    limit = memory_limit if memory_limit is not None else int(_SHARE * n * classes * 4)
    most = max(1, -(-n // COLUMNS))  # even where every row is left out

    def held(panels: int) -> int:
        rows = panels * COLUMNS
        return 4 * ((1 + threads) * rows * columns + threads * step * (columns + 2 * rows))

    if held(1) > limit:
        step = _LEAST_STEP

    if not wanted:
        return Plan(min(2, most), step, 0.0)
    for panels in (4, 3, 2):
        if panels <= most and held(panels) + 4 * panels * COLUMNS * classes <= limit:
            return Plan(panels, step, 1.0)
    panels = min(2 if held(2) <= limit else 1, most)
    kept = (limit - held(panels)) / (4 * panels * COLUMNS * classes)
    return Plan(panels, step, min(1.0, max(0.0, kept)))


@dataclass(frozen=True)
class Rows:
    """What the rows that take part are held against: the loss is `pull lse - shares z[ids] - spread z + zeta lse^2`."""

    index: Array
    ids: Array
    shares: Array
    best: Array
    pull: Array
    weight: Array
    spread: Array

    @staticmethod
    def of(problem: Problem) -> Rows:
        """Read them off the problem."""
        target, options, smoothing = problem.target, problem.options, problem.label_smoothing
        taking = problem.taking_part()
        index = torch.arange(0, device="cpu") if taking is None else taking.nonzero().squeeze(1)
        ids = target.ids[index] if isinstance(target, SparseTarget) else target[index].unsqueeze(1)
        shares = (1 - smoothing) * torch.ones_like(ids, dtype=torch.float32)
        if isinstance(target, SparseTarget):
            shares = shares * target.probabilities[index]
        nothing = ids == problem.ignore_index
        spread = shares[:0, 0]
        class_weight = None if problem.weight is None else widen(problem.weight).float()
        if class_weight is not None:
            shares = shares * class_weight[ids.masked_fill(nothing, 0)]
        shares = shares.masked_fill(nothing, 0)
        pull = shares.double().sum(1)
        if smoothing > 0:
            each = shares.new_ones(problem.classes) if class_weight is None else class_weight
            spread = smoothing / problem.classes * each
            pull = pull + spread.double().sum()
        s = options.sample_weight
        part = problem.at(index)
        return Rows(
            index=index.numpy(),
            ids=ids.masked_fill(nothing, -1).numpy(),
            shares=shares.float().numpy(),
            best=definition.likeliest(part.target, problem.ignore_index).numpy(),
            pull=pull.numpy(),
            weight=np.ones(len(index)) if s is None else s[index].double().numpy(),
            spread=spread.float().numpy(),
        )


class _Worker:
    """One thread's range of classes and its arrays."""

    def __init__(
        self, low: int, high: int, plan: Plan, columns: int, rows: int, wanted: list[bool], partial: bool
    ) -> None:
        from crossentropy.losses._microkernel import COLUMNS

        kept = int(plan.kept * (high - low))
        self.range = (low, high, kept)
        self.tiles = (_empty(kept, rows), _empty(plan.step, rows))
        self.slopes = _empty(plan.step if any(wanted) else 0, rows)
        self.packed = _empty(-(-columns // COLUMNS) if wanted[0] else 0, plan.step, COLUMNS)
        self.partial = _empty(rows if wanted[0] and partial else 0, columns)


def run(
    layer: Layer,
    problem: Problem,
    wanted: tuple[bool, bool, bool],
    upstream: Tensor | None,
    memory_limit: int | None,
    by_products: tuple[str, ...] = (),
) -> Pass:
    """As `_linear_tiles.run`."""
    with torch.no_grad():
        return _run(layer, problem, wanted, upstream, memory_limit, by_products)


def _run(
    layer: Layer,
    problem: Problem,
    wanted: tuple[bool, bool, bool],
    upstream: Tensor | None,
    memory_limit: int | None,
    by_products: tuple[str, ...],
) -> Pass:
    features, weight, bias = (None if t is None else widen(t.detach()).contiguous() for t in layer)
    assert features is not None
    assert weight is not None
    rows = Rows.of(problem)
    n, left = len(features), len(rows.index)
    gradients = Gradients(
        (torch.empty_like if left == n else torch.zeros_like)(features) if wanted[0] else None,
        (torch.empty_like if left else torch.zeros_like)(weight) if wanted[1] else None,
        torch.zeros_like(bias) if bias is not None and wanted[2] else None,
    )
    factor = np.broadcast_to(1.0 if upstream is None else upstream.detach().double().numpy(), n)[rows.index]
    passes = _Passes(Layer(features, weight, bias), problem, rows, gradients, memory_limit)
    for first in range(0, left, passes.wide):
        passes.block(slice(first, min(first + passes.wide, left)), factor)
    found = {name: features.new_zeros(n) for name in ("losses", *by_products)}
    for name, values in found.items():
        values[rows.index] = torch.from_numpy(passes.found[name]).float()
    return Pass(found["losses"], gradients, {name: found[name] for name in by_products})


class _Passes:
    """The two passes over all classes, for one block of rows after the other."""

    def __init__(
        self, layer: Layer, problem: Problem, rows: Rows, gradients: Gradients, memory_limit: int | None
    ) -> None:
        from crossentropy.losses._microkernel import COLUMNS

        (classes, columns), options = layer.weight.shape, problem.options
        self.wanted = any(g is not None for g in gradients)
        self.threads = max(1, min(torch.get_num_threads(), classes // 256))
        tile = plan(len(rows.index), columns, classes, self.threads, self.wanted, memory_limit)
        self.wide = tile.panels * COLUMNS
        edges = [classes * part // self.threads // 4 * 4 for part in range(self.threads)] + [classes]
        some = [g is not None for g in gradients]
        self.workers = [
            _Worker(low, high, tile, columns, self.wide, some, number > 0)
            for number, (low, high) in enumerate(pairwise(edges))
        ]
        self.turned = _empty(tile.panels, columns, COLUMNS)
        self.straight = _empty(-(-columns // COLUMNS) if self.wanted else 0, self.wide, COLUMNS)
        self.gradients = [
            np.zeros((0,) * dim, np.float32) if g is None else g.numpy()
            for g, dim in zip(gradients, (2, 2, 1), strict=True)
        ]
        offsets = [b.float().numpy() for b in (layer.bias, options.bias) if b is not None]
        self.features = layer.features.numpy()
        self.layer = (
            layer.weight.numpy(),
            np.sum(offsets, axis=0, dtype=np.float32) if offsets else np.zeros(0, np.float32),
            np.array([options.soft_cap or 0, 1 / options.temperature], np.float32),
        )
        self.rows, self.z_loss = rows, options.z_loss
        self.found = {name: np.zeros(len(rows.index)) for name in _WITHOUT_PRODUCTS}

    def block(self, part: slice, factor: Array) -> None:
        """Losses of the rows in `part`, and their part of the gradients."""
        from crossentropy.losses._linear_kernels import forward, pack

        rows, used = self.rows, part.stop - part.start
        against = (rows.ids[part], rows.shares[part], rows.spread)
        pack(self.features, rows.index[part], self.turned, self.straight)
        sums = [_Sums(self.wide) for _ in self.workers]
        given = [
            (*self.layer, *w.range, self.turned, *against, rows.best[part], *w.tiles, *s.arrays)
            for w, s in zip(self.workers, sums, strict=True)
        ]
        together(self.threads, forward, given)
        top, lse, line, hit = _together(sums, used)
        pull = rows.pull[part]
        losses = pull * lse - line + self.z_loss * np.square(lse)
        self.found["losses"][part] = rows.weight[part] * losses
        self.found["logsumexp"][part] = lse
        self.found["target_probability"][part] = np.exp(hit - lse)
        if self.wanted:
            # Rounded first: the two parts of a slope, p and the target, shall have the same factor.
            scale = (rows.weight[part] * factor[part]).astype(np.float32).astype(np.float64)
            push = scale * (pull + 2 * self.z_loss * lse) * np.exp(top - lse)
            self._gradients(part, against, top, push, scale)

    def _gradients(self, part: slice, against: Any, top: Array, push: Array, scale: Array) -> None:
        from crossentropy.losses._linear_kernels import backward

        to_features, to_weight, to_bias = self.gradients
        used = len(top)
        # Behind the last row there is nothing to take the exponential of: e^(z - inf) = 0.
        wide = (self._wide(top, np.inf), self._wide(push, 0), self._wide(scale, 0))
        packs = (self.turned, self.straight)
        outs = (to_weight, to_bias, part.start > 0)
        whole = len(to_features) == len(self.rows.index)
        partials = [
            to_features[part] if whole else _empty(used if len(to_features) else 0, to_features.shape[1])
        ]
        partials += [worker.partial[:used] for worker in self.workers[1:]]
        given = [
            (*self.layer, *w.range, *packs, *against, *w.tiles, w.slopes, w.packed, *wide, partial, *outs)
            for w, partial in zip(self.workers, partials, strict=True)
        ]
        together(self.threads, backward, given)
        if len(to_features):
            for partial in partials[1:]:
                partials[0] += partial
            if not whole:
                to_features[self.rows.index[part]] = partials[0]

    def _wide(self, values: Array, rest: float) -> Array:
        wide = np.full(self.wide, rest, np.float32)
        wide[: len(values)] = values
        return wide


class _Sums:
    """What `forward` sums up over one range of classes, for each row."""

    def __init__(self, rows: int) -> None:
        self.arrays = (
            np.full(rows, -np.inf, np.float32),
            np.zeros(rows),
            np.zeros(rows),
            np.full(rows, -np.inf, np.float32),
        )


def _together(sums: list[_Sums], rows: int) -> tuple[Array, Array, Array, Array]:
    most, total, line, hit = (np.stack([s.arrays[i][:rows] for s in sums]) for i in range(4))
    top = most.max(0).astype(np.float64)
    shift = np.where(top == -np.inf, 0, top)
    with np.errstate(divide="ignore", invalid="ignore"):
        lse = shift + np.log((total * np.exp(np.where(most == -np.inf, shift, most) - shift)).sum(0))
    return shift, lse, line.sum(0), hit.max(0)


def _empty(*shape: int) -> Array:
    return np.empty(shape, np.float32)
