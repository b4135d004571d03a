"""The truth: every loss of the room as a few lines of plain torch, in any dtype.

Nothing here is clever, checked or fast. The public functions run these lines, the tests hold them against
`torch.nn.functional`, and every faster form is held against them.

Conventions: the classes lie along axis 1, or axis 0 of a single row; class ids are int64; `0 * log 0 = 0`, for any
coefficient; an ignored row takes no part, whatever its logits hold.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from crossentropy.losses._options import NO_OPTIONS, LossOptions, SparseTarget
from crossentropy.losses._reduction import reduce

# Where p (1 - p) is smaller, the slopes of log p and log (1 - p) are capped: torch's EPSILON for this loss.
_EDGE = 1e-12


def class_axis(input: Tensor) -> int:
    """Return the axis of the classes: 1, or 0 for a single row."""
    return min(input.ndim - 1, 1)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-z)), exact in both tails."""
    return torch.sigmoid(input)


def softmax(input: Tensor, dim: int) -> Tensor:
    """exp(z_k) / sum_j exp(z_j)."""
    exponentials = torch.exp(_shifted(input, dim))
    return exponentials / exponentials.sum(dim, keepdim=True)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """z_k - log sum_j exp(z_j)."""
    shifted = _shifted(input, dim)
    return shifted - shifted.logsumexp(dim, keepdim=True)


def one_hot(target: Tensor, num_classes: int) -> Tensor:
    """1 at the class id, 0 elsewhere, along a new last axis."""
    return (target.unsqueeze(-1) == torch.arange(num_classes, device=target.device)).long()


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-w_t log p_t, from log-probabilities; the mean is over the weights w_t."""
    axis = class_axis(input)
    out = target == ignore_index
    ids = target.masked_fill(out, 0)
    counts = _at(_class_weight(input, weight), ids).masked_fill(out, 0)
    log_p = input.gather(axis, ids.unsqueeze(axis)).squeeze(axis).masked_fill(out, 0)
    return reduce(_cost(counts, log_p), counts, out, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
) -> Tensor:
    """-sum_k w_k q_k log p_k + z_loss lse^2, where q = (1 - smoothing) * target + smoothing / K, p = softmax(z').

    The mean is over rows for distributions, and over the weights w_t of the target classes for class ids.
    """
    axis = class_axis(input)
    out = left_out(target, ignore_index, options)
    z = transformed(input.masked_fill(out.unsqueeze(axis), 0), options)
    log_p = log_softmax(z, axis)
    weight = _class_weight(input, weight)
    losses, counts = _against_target(log_p, target, weight, out, axis, ignore_index, label_smoothing)
    if options.z_loss > 0:
        losses = losses + options.z_loss * z.logsumexp(axis).square()
    return reduce(losses, counts, out, reduction, options)


def transformed(input: Tensor, options: LossOptions) -> Tensor:
    """z' = c tanh((z + b) / c) / T."""
    z = input if options.bias is None else input + _along_classes(options.bias, input)
    if options.soft_cap is not None:
        z = options.soft_cap * torch.tanh(z / options.soft_cap)
    return z if options.temperature == 1 else z / options.temperature


def left_out(target: Tensor | SparseTarget, ignore_index: int, options: LossOptions) -> Tensor:
    """Which rows take no part: class id `ignore_index` (if sparse, nothing else in the row), or marked `ignored`."""
    if isinstance(target, SparseTarget):
        out = (target.ids == ignore_index).all(class_axis(target.ids))
    elif target.is_floating_point():
        out = torch.zeros_like(target.select(class_axis(target), 0), dtype=torch.bool)
    else:
        out = target == ignore_index
    return out if options.ignored is None else out | options.ignored


def by_products(
    input: Tensor, target: Tensor | SparseTarget, ignore_index: int = -100, options: LossOptions = NO_OPTIONS
) -> dict[str, Tensor]:
    """All of them by name, from the transformed logits; 0 in rows that are left out, -1 for class ids and ranks."""
    axis = class_axis(input)
    out = left_out(target, ignore_index, options)
    z = transformed(input.masked_fill(out.unsqueeze(axis), 0), options)
    log_p = log_softmax(z, axis)
    order = z.argsort(dim=axis, descending=True, stable=True)
    best = likeliest(target, ignore_index).masked_fill(out, 0).unsqueeze(axis)
    return {
        "logsumexp": z.logsumexp(axis).masked_fill(out, 0),
        "entropy": _cost(log_p.exp(), log_p).sum(axis).masked_fill(out, 0),
        "argmax": order.select(axis, 0).masked_fill(out, -1),
        "target_rank": (order == best).int().argmax(axis).masked_fill(out, -1),
        "target_probability": log_p.gather(axis, best).squeeze(axis).exp().masked_fill(out, 0),
        "top_k": order.narrow(axis, 0, min(options.top_k, z.shape[axis])).masked_fill(
            out.unsqueeze(axis), -1
        ),
    }


def likeliest(target: Tensor | SparseTarget, ignore_index: int) -> Tensor:
    """The target class: the class id, or the likeliest class of a distribution, the first among equals."""
    if not isinstance(target, SparseTarget):
        return target.argmax(class_axis(target)) if target.is_floating_point() else target
    axis = class_axis(target.ids)
    shares = target.probabilities.masked_fill(target.ids == ignore_index, -math.inf)
    behind = shares < shares.amax(axis, keepdim=True)
    return target.ids.masked_fill(behind, torch.iinfo(torch.int64).max).amin(axis)


def dense(target: Tensor | SparseTarget, input: Tensor, ignore_index: int) -> Tensor:
    """A sparse target as a tensor of the shape of the logits, or a target that is one already."""
    if not isinstance(target, SparseTarget):
        return target
    nothing = target.ids == ignore_index
    shares = target.probabilities.to(input.dtype).masked_fill(nothing, 0)
    return torch.zeros_like(input).scatter_add(class_axis(input), target.ids.masked_fill(nothing, 0), shares)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
) -> Tensor:
    """-w (c q log s + (1 - q) log (1 - s)) + z_loss softplus(z')^2, where q = (1 - smoothing) y + smoothing / 2.

    s = sigmoid(z'), log (1 - s) = log sigmoid(-z'), softplus(z) = log (1 + e^z).
    """
    y = dense(target, input, ignore_index=-100)
    q = (1 - label_smoothing) * y + label_smoothing / 2 if label_smoothing > 0 else y
    if options.ignored is not None:
        input, q = input.masked_fill(options.ignored, 0), q.masked_fill(options.ignored, 0)
    z = transformed(input, options)
    positive = q if pos_weight is None else pos_weight * q
    losses = _bernoulli(positive, 1 - q, logsigmoid(z), logsigmoid(-z), weight)
    if options.z_loss > 0:
        losses = losses + options.z_loss * logsigmoid(-z).square()
    return reduce(losses, torch.ones_like(losses), options.ignored, reduction, options)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-w (y log p + (1 - y) log (1 - p)), with logarithms of at least -100."""
    losses = _bernoulli(target, 1 - target, *_bounded_logs(input), weight)
    return reduce(losses, torch.ones_like(losses), None, reduction)


def _against_target(
    log_p: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor,
    out: Tensor,
    axis: int,
    ignore_index: int,
    smoothing: float,
) -> tuple[Tensor, Tensor]:
    # The loss of each row, and what the row counts in the mean. Class ids are a sparse target of one entry.
    along = _along_classes(weight, log_p)
    if isinstance(target, Tensor) and target.is_floating_point():
        q = (1 - smoothing) * target.masked_fill(out.unsqueeze(axis), 0) + smoothing / log_p.shape[axis]
        return _cost(along * q, log_p).sum(axis), torch.ones_like(log_p.select(axis, 0))
    if isinstance(target, SparseTarget):
        nothing = (target.ids == ignore_index) | out.unsqueeze(axis)
        ids, shares = target.ids.masked_fill(nothing, 0), target.probabilities.masked_fill(nothing, 0)
        counts = torch.ones_like(log_p.select(axis, 0))
        at_ids = shares * _at(weight, ids)
    else:
        ids = target.masked_fill(out, 0).unsqueeze(axis)
        at_ids = _at(weight, ids)
        counts = at_ids.squeeze(axis)
    losses = _cost((1 - smoothing) * at_ids, log_p.gather(axis, ids)).sum(axis)
    if smoothing > 0:
        losses = losses + _cost(smoothing / log_p.shape[axis] * along, log_p).sum(axis)
    return losses, counts


def _bernoulli(
    positive: Tensor, negative: Tensor, log_p: Tensor, log_q: Tensor, weight: Tensor | None
) -> Tensor:
    if weight is not None:
        positive, negative = weight * positive, weight * negative
    return _cost(positive, log_p) + _cost(negative, log_q)


def _cost(coefficient: Tensor, log_p: Tensor) -> Tensor:
    # 0 - x where -x would do, so that a loss of nothing is 0 and not -0.
    return coefficient * (0 - log_p.masked_fill((coefficient == 0) & (log_p == -math.inf), 0))


def _shifted(input: Tensor, dim: int) -> Tensor:
    # Softmax does not change under a shift, so the shift needs no derivative; without it exp overflows.
    return input - input.amax(dim, keepdim=True).detach()


def _class_weight(input: Tensor, weight: Tensor | None) -> Tensor:
    return input.new_ones(input.shape[class_axis(input)]) if weight is None else weight


def _along_classes(values: Tensor, input: Tensor) -> Tensor:
    return values.view(-1, *[1] * (input.ndim - class_axis(input) - 1)) if values.ndim == 1 else values


def _at(weight: Tensor, ids: Tensor) -> Tensor:
    # Not weight[ids]: an index without axes is read as a number, which vmap refuses.
    return weight.gather(0, ids.reshape(-1)).reshape(ids.shape)


def _bounded_logs(p: Tensor) -> tuple[Tensor, Tensor]:
    # Inside, log p and log (1 - p). At the edges autograd would give 0 * inf = NaN or huge slopes, so there the value
    # (at least -100) is a constant, and the slopes (1 - p) / EDGE and -p / EDGE are those of torch, whose gradient is
    # (p - y) / max(p (1 - p), EDGE). `step` is zero and carries the slope.
    edge = p * (1 - p) < _EDGE
    inside = p.masked_fill(edge, 0.5)
    step = (p - p.detach()) / _EDGE
    log_p = p.log().clamp(min=-100).detach() + (1 - p).detach() * step
    log_q = (-p).log1p().clamp(min=-100).detach() - p.detach() * step
    return torch.where(edge, log_p, inside.log()), torch.where(edge, log_q, (-inside).log1p())
