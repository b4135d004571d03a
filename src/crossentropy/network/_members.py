r"""Logits of one network (N, K), or of M members that share a batch (M, N, K): their loss, and what they say together.

Members are trained each on its own loss and predict by the mean of their probabilities. Training on the loss of that
mean would let them rely on each other, and they would stop being several opinions (Gorishniy, Kotelnikov, Babenko,
TabM, ICLR 2025, section 3).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from crossentropy.losses import LossOptions, cross_entropy

__all__ = ["log_probabilities", "losses_of", "member_loss"]


def member_loss(logits: Tensor, targets: Tensor, weights: Tensor | None, divisor: float) -> Tensor:
    r"""Return :math:`\frac{1}{M D} \sum_m \sum_i s_i\,\mathrm{CE}(z_{mi}, t_i)`, nats.

    Args:
        logits: (N, K) or (M, N, K).
        targets: (N,) class ids, or (N, K) distributions.
        weights: (N,) s, or None for ones.
        divisor: D, the summed weight of all rows of the step, whichever batches they come in.
    """
    if logits.ndim == 3:
        members = len(logits)
        logits = logits.flatten(0, 1)
        targets = targets.repeat(members, *(1,) * (targets.ndim - 1))
        weights = None if weights is None else weights.repeat(members)
        divisor *= members
    weights = None if weights is None else weights.to(logits.dtype)
    options = LossOptions(sample_weight=weights, divisor=divisor, probabilities="allow")
    return cross_entropy(logits, targets, reduction="mean", options=options)


def log_probabilities(logits: Tensor) -> Tensor:
    """Return the logarithm (N, K) of the mean probability over the members."""
    logs = torch.log_softmax(logits, dim=-1)
    return torch.logsumexp(logs, dim=0) - math.log(len(logs)) if logs.ndim == 3 else logs


def losses_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the loss (N,) in nats of what the members say together."""
    logs = log_probabilities(logits).double()
    return cross_entropy(
        logs,
        targets.double() if targets.is_floating_point() else targets,
        reduction="none",
        options=LossOptions(probabilities="allow"),
    )
