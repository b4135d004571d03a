r"""The network for tables: members that share all but a few numbers, over numbers that were made piecewise linear.

**Piecewise-linear embedding.** Number j with knots :math:`t_{j0} < \dots < t_{jB}` (quantiles of the training rows)
becomes :math:`u_{jb} = (x_j - t_{j,b-1}) / (t_{jb} - t_{j,b-1})`, held within [0, 1] except below the first and
above the last knot, and then d numbers :math:`x_j a_j + c_j + \sum_b u_{jb} w_{jb}`, with w = 0 to begin with: any
piecewise-linear function of the number, begun as a linear one. Thresholds, which trees find by splitting, are
within reach of a few gradient steps. (Gorishniy, Rubachev, Babenko, On embeddings for numerical features in tabular
deep learning, NeurIPS 2022, section 3.2; with the linear part added, as in TabM.)

**Members.** Member m multiplies the embedded input by its own :math:`r_m`, and has its own last layer; all else is
shared. M opinions at the parameters of one, and on one batch ("TabM-mini": Gorishniy, Kotelnikov, Babenko, TabM:
advancing tabular deep learning with parameter-efficient ensembling, ICLR 2025, section 3).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["TableNetwork", "TableShape"]


@dataclass(frozen=True)
class TableShape:
    """The sizes of a network for tables: together with its arrays they are all there is to know.

    Attributes:
        embedded: how many numbers are embedded; the first columns of the input.
        plain: how many further columns go in as they are.
        bins: most bins of an embedded number.
        embedding: d, the width of an embedding.
        members: M.
        width: of the hidden layers.
        blocks: how many hidden layers.
        classes: K.
        dropout: share of the hidden units that a step leaves out.
    """

    embedded: int
    plain: int
    bins: int
    embedding: int
    members: int
    width: int
    blocks: int
    classes: int
    dropout: float


class PiecewiseLinear(nn.Module):
    """(N, p) numbers to (N, p, d): the embedding above."""

    def __init__(self, features: int, bins: int, width: int) -> None:
        super().__init__()
        limit = width**-0.5
        self.linear = nn.Parameter(torch.empty(features, width).uniform_(-limit, limit))
        self.offset = nn.Parameter(torch.empty(features, width).uniform_(-limit, limit))
        self.pieces = nn.Parameter(torch.zeros(features, bins, width))
        for name in ("slope", "start", "low", "high"):
            self.register_buffer(name, torch.zeros(features, bins))

    slope: Tensor
    start: Tensor
    low: Tensor
    high: Tensor

    def set_knots(self, knots: list[Tensor]) -> None:
        """Take the knots of each number, rising; bins that a number does not have give 0."""
        self.slope.zero_()
        self.start.zero_()
        self.low.zero_()
        self.high.zero_()
        for j, t in enumerate(knots):
            b = len(t) - 1
            self.slope[j, :b] = 1.0 / (t[1:] - t[:-1])
            self.start[j, :b] = -t[:-1] * self.slope[j, :b]
            self.high[j, :b] = 1.0
            self.low[j, 0] = -torch.inf
            self.high[j, b - 1] = torch.inf

    def forward(self, x: Tensor) -> Tensor:
        """Embed numbers (N, p)."""
        pieces = torch.addcmul(self.start, x[:, :, None], self.slope)
        pieces = torch.minimum(torch.maximum(pieces, self.low), self.high)
        bent = torch.bmm(pieces.transpose(0, 1), self.pieces).transpose(0, 1)
        return torch.addcmul(self.offset, x[:, :, None], self.linear) + bent


class TableNetwork(nn.Module):
    """Prepared rows (N, p + q) to the logits (M, N, K) of the members."""

    def __init__(self, shape: TableShape, log_priors: Tensor | None = None) -> None:
        super().__init__()
        self.shape = shape
        m, wide = shape.members, shape.embedded * shape.embedding + shape.plain
        self.embed = PiecewiseLinear(shape.embedded, shape.bins, shape.embedding) if shape.embedded else None
        # one draw for all numbers that come from one feature, so that members differ in how they weigh features
        drawn = torch.randn(m, shape.embedded).repeat_interleave(shape.embedding, dim=1)
        self.scale = nn.Parameter(torch.cat([drawn, torch.randn(m, shape.plain)], dim=1))
        widths = [wide, *[shape.width] * shape.blocks]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        limit = widths[-1] ** -0.5
        self.head = nn.Parameter(torch.empty(m, widths[-1], shape.classes).uniform_(-limit, limit))
        bias = torch.zeros(shape.classes) if log_priors is None else log_priors
        self.bias = nn.Parameter(bias.to(self.head.dtype).repeat(m, 1)[:, None, :])

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (M, N, K)."""
        if self.embed is not None:
            p = self.shape.embedded
            x = torch.cat([self.embed(x[:, :p]).flatten(1), x[:, p:]], dim=1)
        hidden = x[None] * self.scale[:, None]
        for layer in self.hidden:
            hidden = functional.relu(layer(hidden))
            if self.training and self.shape.dropout:
                # drawn once for all members: drawing takes longer than the layer does
                hidden = hidden * functional.dropout(torch.ones_like(hidden[0]), self.shape.dropout)
        return torch.baddbmm(self.bias, hidden, self.head)
