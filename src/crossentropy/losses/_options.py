"""What the losses take beyond torch's arguments, and what they give beyond the loss.

The options travel as one frozen object through every form of a loss: dense or fused with the linear layer, softmax
or binary. Each meaning is one line of `_definition.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from torch import Tensor


class SparseTarget(NamedTuple):
    r"""Distributions that are zero outside a few classes: soft targets without the (N, K) tensor.

    .. math:: y_{ik} = \sum_j \text{probabilities}_{ij} [\text{ids}_{ij} = k]

    Args:
        ids: class ids, (N, m) or (N, m, d1, ...); an entry `ignore_index` stands for nothing, and a row of them alone
            is left out.
        probabilities: of the same shape, any floating dtype.

    Example:
        >>> import torch
        >>> from crossentropy.losses import SparseTarget, cross_entropy
        >>> target = SparseTarget(torch.tensor([[0, 2]]), torch.tensor([[0.75, 0.25]]))
        >>> cross_entropy(torch.tensor([[2.0, 0.0, 1.0]]), target)
        tensor(0.6576)

    References:
        Hinton, Vinyals, Dean, Distilling the knowledge in a neural network, 2015: the k likeliest classes of a teacher.
    """

    ids: Tensor
    probabilities: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class LossOptions:
    r"""What a loss does beyond torch's arguments. The defaults do nothing.

    The logits are first transformed, then the loss of a row gets a term, and the rows are summed up:

    .. math::
        z' = \frac{c \tanh\bigl((z + b) / c\bigr)}{T}, \qquad
        \ell'_i = \ell_i(z') + \zeta \Bigl(\log \sum_k e^{z'_{ik}}\Bigr)^2, \qquad
        L = \frac{\sum_i s_i \ell'_i}{\sum_i s_i c_i}

    where c_i is the weight of the target class for class ids, 1 for distributions, and 0 for a row that is left out.

    Args:
        bias: b, (K), added to the logits; for logit adjustment, the log-frequencies of the classes.
        soft_cap: c > 0; the logits are bent smoothly into (-c, c).
        temperature: T > 0.
        z_loss: zeta >= 0, keeps the log-sum-exp near 0. The binary loss takes log(1 + exp(z')) for it.
        sample_weight: s, a weight for each row, of the shape of the losses that are not reduced.
        ignored: boolean, of the same shape: rows to leave out, for class ids and distributions alike.
        divisor: divides the sum of the losses in place of the sum of the weights; for gradient accumulation and many
            workers. A number, or a tensor of one.
        all_ignored: the mean over a total weight of zero: "nan", as in torch, or "zero" with a live graph.
        top_k: how many classes the by-product "top_k" names.
        strict: refuse targets that are no distributions, and binary ones outside [0, 1], rather than warn.
        probabilities: what to do when the logits look like probabilities: "warn", "raise" or "allow".

    Example:
        >>> import torch
        >>> from crossentropy.losses import LossOptions, cross_entropy
        >>> capped = LossOptions(soft_cap=5.0, z_loss=1e-3)
        >>> cross_entropy(torch.tensor([[20.0, 0.0]]), torch.tensor([1]), options=capped)
        tensor(5.0284)

    References:
        Menon et al., Long-tail learning via logit adjustment, 2021 (bias). Gemma Team, Gemma 2, 2024, section 2 (soft
        cap). Chowdhery et al., PaLM, 2022, section 5 (z-loss). Guo et al., On calibration of modern neural networks,
        2017, section 4.2 (temperature).
    """

    bias: Tensor | None = None
    soft_cap: float | None = None
    temperature: float = 1.0
    z_loss: float = 0.0
    sample_weight: Tensor | None = None
    ignored: Tensor | None = None
    divisor: float | Tensor | None = None
    all_ignored: Literal["nan", "zero"] = "nan"
    top_k: int = 5
    strict: bool = False
    probabilities: Literal["warn", "raise", "allow"] = "warn"


NO_OPTIONS = LossOptions()


@dataclass(frozen=True, kw_only=True, eq=False)
class LossResult:
    r"""A loss with the by-products that were asked for; the others are None.

    .. math:: p_{ik} = e^{z'_{ik} - \text{lse}_i}, \qquad \text{lse}_i = \log \sum_k e^{z'_{ik}}

    All but `loss` are of the shape of the losses that are not reduced (`top_k` with one axis more, in the place of the
    classes), taken from the transformed logits, and carry no gradient. In a row that is left out they are 0, and class
    ids and ranks -1. The target class of a distribution is its likeliest one, the first among equals.

    Args:
        loss: what the function returns without by-products.
        losses: what `reduction="none"` returns.
        logsumexp: lse, in nats.
        entropy: that of p, in nats.
        argmax: the likeliest class, the first among equals.
        target_rank: how many classes come before the target class, by logit and then by id; 0 is a hit.
        target_probability: p at the target class.
        top_k: the `LossOptions.top_k` likeliest classes, likeliest first.

    Example:
        >>> import torch
        >>> from crossentropy.losses import cross_entropy
        >>> logits = torch.tensor([[2.0, 0.0, 1.0]])
        >>> result = cross_entropy(logits, torch.tensor([2]), by_products=("argmax", "target_rank"))
        >>> result.loss, result.argmax, result.target_rank
        (tensor(1.4076), tensor([0]), tensor([1]))
    """

    loss: Tensor
    losses: Tensor | None = None
    logsumexp: Tensor | None = None
    entropy: Tensor | None = None
    argmax: Tensor | None = None
    target_rank: Tensor | None = None
    target_probability: Tensor | None = None
    top_k: Tensor | None = None


BY_PRODUCTS = tuple(field.name for field in fields(LossResult) if field.name != "loss")
