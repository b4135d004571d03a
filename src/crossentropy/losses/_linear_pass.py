"""What goes through the linear layer, and what one pass over its tiles gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class Layer(NamedTuple):
    """The linear layer and what goes through it: (N, D), (K, D), (K)."""

    features: Tensor
    weight: Tensor
    bias: Tensor | None


class Gradients(NamedTuple):
    """Of the same shapes; None for what needs none."""

    features: Tensor | None
    weight: Tensor | None
    bias: Tensor | None


@dataclass
class Pass:
    """What one pass over the tiles gives."""

    costs: Tensor
    gradients: Gradients
    by_products: dict[str, Tensor]
