"""`linear_cross_entropy` as a module: torch's parameters, buffers and state dict."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from crossentropy.errors import ShapeError
from crossentropy.losses._linear import linear_cross_entropy
from crossentropy.losses._option_checks import check_label_smoothing
from crossentropy.losses._options import SparseTarget


class LinearCrossEntropyLoss(torch.nn.Module):
    r"""`linear_cross_entropy` as a module, with the layer as its parameter.

    .. math:: z = x W^\top + b, \qquad \ell_i = -\sum_k w_k\, q_{ik} \log \operatorname{softmax}(z_i)_k

    The state dict is that of `torch.nn.LinearCrossEntropyLoss`: `linear.weight` ((C d1 ..., D)), `linear.bias`, and
    `weight` if it was given.

    Args:
        in_features: D.
        num_classes: C.
        out_features: further axes (d1, ...) of the logits (N, C, d1, ...).
        bias: whether the layer has a bias.
        device: of the layer.
        dtype: of the layer.
        reduction: "none", "sum" or "mean".
        weight: (C), a weight for each class, kept as a buffer.
        ignore_index: the class id of rows to leave out; -100 if not given.
        label_smoothing: the share of the target that is spread over all classes.
        options: see `linear_cross_entropy`. Tensors among them are not buffers.
        memory_limit: bytes for the tiles; by default chosen for speed.

    Example:
        >>> import torch
        >>> from crossentropy.losses import LinearCrossEntropyLoss
        >>> loss = LinearCrossEntropyLoss(8, 50_000, bias=True)
        >>> loss(torch.randn(4, 8), torch.tensor([1, 2, 3, 49_999])).shape
        torch.Size([])
    """

    weight: Tensor | None

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
        memory_limit: int | None = None,
    ) -> None:
        super().__init__()
        if weight is not None and weight.shape != (num_classes,):
            raise ShapeError(
                f"weight has shape {tuple(weight.shape)}; expected ({num_classes},), one for each class."
            )
        check_label_smoothing(label_smoothing)
        self.num_classes = num_classes
        self.out_features = out_features
        self.reduction = reduction
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options
        self.memory_limit = memory_limit
        self.register_buffer("weight", weight)
        rows = math.prod(out_features, start=num_classes)
        self.linear = torch.nn.Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor | SparseTarget) -> Tensor:
        """Return the loss in nats; shapes and errors as in `linear_cross_entropy`."""
        bias: Tensor | None = self.linear.bias
        shape = (self.num_classes, *self.out_features)
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
            memory_limit=self.memory_limit,
        )

    def extra_repr(self) -> str:
        """The settings that are not those of the layer."""
        names = ("num_classes", "out_features", "reduction", "ignore_index", "label_smoothing")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
