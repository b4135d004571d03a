"""Linear layer and loss, a tile of rows at a time: the (N, K) logits never exist whole.

For a tile X of rows: Z = X W^T + b; the costs of its rows and their slopes G = d loss / d Z, by `_definition.py` and
autograd within the tile; then dX = G W, dW += G^T X, db += sum of the rows of G. That is 6 N D K operations in all,
as many as without tiles, if the slopes are known in the forward pass. They are known up to one factor when the loss is
a scalar, so the gradients are made there and kept; what would be kept otherwise is the logits. The first backward
pass hands them over (scaled in place where the factor is not 1) and lets go of them: autograd then takes them as they
are, without a copy. A second backward pass makes them anew. Losses that are not reduced get their factors in the
backward pass only, so the tiles are made a second time there: 8 N D K operations.

A backward pass that is itself to be differentiated takes the formula as a whole, with all logits.

Rows that are left out are dropped before the products; not on a GPU, where counting them would make the host wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossentropy.losses import _linear_cpu as cpu
from crossentropy.losses._linear_pass import Gradients, Layer, Pass
from crossentropy.losses._linear_problem import Problem
from crossentropy.losses._precision import autocasts, widen

_BUDGET = 64 << 20
_LEAST_ROWS = 16


def tile_rows(columns: int, itemsize: int, copies: int, memory_limit: int | None) -> int:
    """Return how many rows of logits to hold at once, where the formula holds so many tensors of their size."""
    row = columns * max(itemsize, 4) * copies
    return max(_LEAST_ROWS if memory_limit is None else 1, (memory_limit or _BUDGET) // max(row, 1))


def tiles(problem: Problem, n: int, step: int, device: torch.device) -> Iterator[Tensor | slice]:
    """The rows that take part, a few at a time."""
    taking = None if device.type == "cuda" else problem.taking_part()
    if taking is None or bool(taking.all()):
        yield from (slice(low, min(low + step, n)) for low in range(0, n, step))
    else:
        kept = taking.nonzero().squeeze(1)
        yield from (kept[low : low + step] for low in range(0, len(kept), step))


def run(
    layer: Layer,
    problem: Problem,
    wanted: tuple[bool, bool, bool],
    upstream: Tensor | None,
    memory_limit: int | None,
    by_products: tuple[str, ...] = (),
) -> Pass:
    """Go over the tiles once. `upstream` multiplies the costs: a scalar, or one for each of them."""
    if cpu.serves(layer, problem, by_products):
        return cpu.run(layer, problem, wanted, upstream, memory_limit, by_products)
    with _as_given(layer.features):
        return _run(layer, problem, wanted, upstream, memory_limit, by_products)


def _run(
    layer: Layer,
    problem: Problem,
    wanted: tuple[bool, bool, bool],
    upstream: Tensor | None,
    memory_limit: int | None,
    by_products: tuple[str, ...],
) -> Pass:
    features, weight, bias = layer
    wide = widen(weight[:0]).dtype
    n = len(features)
    gradients = Gradients(
        torch.zeros_like(features, dtype=wide) if wanted[0] else None,
        torch.zeros_like(weight, dtype=wide) if wanted[1] else None,
        torch.zeros_like(bias, dtype=wide) if bias is not None and wanted[2] else None,
    )
    step = tile_rows(len(weight), weight.element_size(), problem.copies, memory_limit)
    costs: Tensor | None = None
    found: dict[str, Tensor] = {}
    for rows in tiles(problem, n, step, features.device):
        part = problem.at(rows)
        x = features[rows]
        z = widen(part.logits(x, weight, bias)).detach().requires_grad_(any(wanted))
        with torch.set_grad_enabled(any(wanted)):
            cost = part.costs(z)
        if costs is None:
            costs = cost.new_zeros((n, *cost.shape[1:]))
        costs[rows] = cost.detach()
        if any(wanted):
            factor = upstream if upstream is None or upstream.ndim == 0 else upstream[rows]
            _add(gradients, rows, x, weight, _slopes(cost, z, factor))
        if by_products:
            _collect(found, part.by_products(z.detach()), by_products, rows, n)
    if costs is None:
        costs = problem.at(slice(0, 0)).costs(widen(problem.logits(features[:0], weight, bias)))
        costs = costs.new_zeros((n, *costs.shape[1:]))
    if by_products and not found:
        nothing = problem.at(slice(0, n))
        found = nothing.by_products(costs.new_zeros((n, problem.classes, *problem.further)))
    return Pass(costs, gradients, {name: found[name] for name in by_products})


def _slopes(cost: Tensor, z: Tensor, factor: Tensor | None) -> Tensor:
    ones = torch.ones_like(cost)
    return torch.autograd.grad(cost, z, ones if factor is None else ones * factor)[0].flatten(1)


def _add(gradients: Gradients, rows: Tensor | slice, x: Tensor, weight: Tensor, slopes: Tensor) -> None:
    # On a GPU, 16-bit features keep their fast products, summed in float32; elsewhere all is float32.
    narrow = x.dtype if x.device.type == "cuda" else slopes.dtype
    g, x = slopes.to(narrow), x.to(narrow)
    if gradients.features is not None:
        gradients.features[rows] = (g @ weight.to(narrow)).to(slopes.dtype)
    if gradients.weight is not None:
        if narrow == slopes.dtype:
            gradients.weight.addmm_(g.T, x)
        else:
            gradients.weight.add_(g.T @ x)
    if gradients.bias is not None:
        gradients.bias.add_(slopes.sum(0))


def _collect(
    found: dict[str, Tensor], part: dict[str, Tensor], names: tuple[str, ...], rows: Tensor | slice, n: int
) -> None:
    # Rows that are left out keep what `LossResult` promises for them: 0, and -1 for class ids and ranks.
    for name in names:
        value = part[name].detach()
        if name not in found:
            found[name] = value.new_full((n, *value.shape[1:]), 0 if value.is_floating_point() else -1)
        found[name][rows] = value


class Tiled(torch.autograd.Function):
    """The loss by tiles, with gradients made in the forward pass when it is a scalar."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, call: Call) -> Tensor:
        ctx.call = call
        ctx.save_for_backward(features, weight, bias)
        ctx.stash = None
        layer = Layer(features, weight, bias)
        if call.problem.reduction == "none":
            done = run(layer, call.problem, (False,) * 3, None, call.memory_limit, call.by_products)
            call.found = done.by_products
            return done.costs
        wanted = tuple(ctx.needs_input_grad[:3]) if call.differentiate else (False,) * 3
        scale = call.problem.scale(widen(features[:0]))
        done = run(layer, call.problem, wanted, scale, call.memory_limit, call.by_products)
        call.found = done.by_products
        ctx.stash = done.gradients if any(wanted) else None
        return done.costs.sum() * scale

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        layer = Layer(*ctx.saved_tensors)
        wanted = tuple(ctx.needs_input_grad[:3])
        if torch.is_grad_enabled():
            return *_differentiable(layer, ctx.call.problem, wanted, upstream), None
        stash, ctx.stash = ctx.stash, None
        if stash is None:
            scalar = ctx.call.problem.reduction != "none"
            factor = upstream * ctx.call.problem.scale(upstream) if scalar else upstream
            stash = run(layer, ctx.call.problem, wanted, factor, ctx.call.memory_limit).gradients
        elif upstream.device.type != "cpu" or upstream.item() != 1:
            for gradient in stash:
                if gradient is not None:
                    gradient.mul_(upstream)
        dtype = layer.weight.dtype
        features, weight, bias = (None if g is None else g.to(dtype) for g in stash)
        return features, weight, bias, None


@dataclass
class Call:
    """One call of a loss: what `Tiled` needs beside the layer, and where it leaves the by-products."""

    problem: Problem
    memory_limit: int | None
    by_products: tuple[str, ...]
    differentiate: bool
    found: dict[str, Tensor]


def _differentiable(
    layer: Layer, problem: Problem, wanted: tuple[bool, ...], upstream: Tensor
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    loss = whole(layer, problem)
    sources = [t for t, want in zip(layer, wanted, strict=True) if want and t is not None]
    found = iter(torch.autograd.grad(loss, sources, upstream, create_graph=True))
    features, weight, bias = (next(found) if want else None for want in wanted)
    return features, weight, bias


def whole(layer: Layer, problem: Problem) -> Tensor:
    """The loss by its definition, with all logits at once."""
    with _as_given(layer.features):
        return problem.loss(widen(problem.logits(*layer)))


def _as_given(tensor: Tensor) -> AbstractContextManager[object]:
    # Whether to narrow the layer was decided when it came in.
    return torch.autocast(tensor.device.type, enabled=False) if autocasts(tensor) else nullcontext()
