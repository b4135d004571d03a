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
    ignored = target == ignore_index
    ids = target.masked_fill(ignored, 0)
    row_weight = _row_weight(_class_weight(input, weight), ids, ignored)
    log_p = input.gather(axis, ids.unsqueeze(axis)).squeeze(axis).masked_fill(ignored, 0)
    return reduce(_cost(row_weight, log_p), reduction, row_weight)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-sum_k w_k q_k log softmax(z)_k, where q = (1 - smoothing) * target + smoothing / K.

    The mean is over rows for distributions, and over the weights w_t of the target classes for class ids.
    """
    axis = class_axis(input)
    classes = input.shape[axis]
    weight = _class_weight(input, weight)
    along_axis = weight.view(-1, *[1] * (input.ndim - axis - 1))
    if target.shape == input.shape:
        smoothed = (1 - label_smoothing) * target + label_smoothing / classes
        return reduce(_cost(along_axis * smoothed, log_softmax(input, axis)).sum(axis), reduction)

    ignored = target == ignore_index
    log_p = log_softmax(input.masked_fill(ignored.unsqueeze(axis), 0), axis)
    if label_smoothing == 0:
        return nll_loss(log_p, target, weight, ignore_index, reduction)
    at_target = nll_loss(log_p, target, weight, ignore_index, "none")
    at_uniform = _cost(along_axis / classes, log_p).sum(axis).masked_fill(ignored, 0)
    losses = (1 - label_smoothing) * at_target + label_smoothing * at_uniform
    return reduce(losses, reduction, _row_weight(weight, target.masked_fill(ignored, 0), ignored))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-w (c y log s + (1 - y) log (1 - s)), where s = sigmoid(z); log (1 - s) = log sigmoid(-z)."""
    positive = target if pos_weight is None else pos_weight * target
    return _bernoulli(positive, 1 - target, logsigmoid(input), logsigmoid(-input), weight, reduction)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-w (y log p + (1 - y) log (1 - p)), with logarithms of at least -100."""
    return _bernoulli(target, 1 - target, *_bounded_logs(input), weight, reduction)


def _bernoulli(
    positive: Tensor, negative: Tensor, log_p: Tensor, log_q: Tensor, weight: Tensor | None, reduction: str
) -> Tensor:
    if weight is not None:
        positive, negative = weight * positive, weight * negative
    return reduce(_cost(positive, log_p) + _cost(negative, log_q), reduction)


def _cost(coefficient: Tensor, log_p: Tensor) -> Tensor:
    # 0 - x where -x would do, so that a loss of nothing is 0 and not -0.
    return coefficient * (0 - log_p.masked_fill((coefficient == 0) & (log_p == -math.inf), 0))


def _shifted(input: Tensor, dim: int) -> Tensor:
    # Softmax does not change under a shift, so the shift needs no derivative; without it exp overflows.
    return input - input.amax(dim, keepdim=True).detach()


def _class_weight(input: Tensor, weight: Tensor | None) -> Tensor:
    return input.new_ones(input.shape[class_axis(input)]) if weight is None else weight


def _row_weight(weight: Tensor, ids: Tensor, ignored: Tensor) -> Tensor:
    # Not weight[ids]: an index without axes is read as a number, which vmap refuses.
    return weight.gather(0, ids.reshape(-1)).reshape(ids.shape).masked_fill(ignored, 0)


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
