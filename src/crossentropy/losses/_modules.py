"""The losses as modules: torch's own classes, with the computation of this room inside.

Being subclasses they keep torch's attributes, buffers, state dict and `isinstance`. torch's deprecated `size_average`
and `reduce` are gone; after `weight` every argument is given by name.
"""

from __future__ import annotations

import torch
from torch import Tensor

from crossentropy.losses._binary import binary_cross_entropy, binary_cross_entropy_with_logits
from crossentropy.losses._multiclass import cross_entropy
from crossentropy.losses._options import NO_OPTIONS, LossOptions, SparseTarget


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    r"""`cross_entropy` as a module.

    .. math:: \ell_i = -\sum_k w_k\, q_{ik} \log \operatorname{softmax}(z_i)_k

    Args:
        weight: (C), a weight for each class, kept as a buffer.
        ignore_index: the class id of rows to leave out.
        reduction: "none", "sum" or "mean".
        label_smoothing: the share of the target that is spread over all classes.
        options: see `LossOptions`. Tensors among them are not buffers: they neither move with the module nor enter
            its state dict. `forward` takes others for one batch: `replace(module.options, sample_weight=s)`.

    Example:
        >>> import torch
        >>> from crossentropy.losses import CrossEntropyLoss
        >>> CrossEntropyLoss(label_smoothing=0.1)(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
        tensor(0.2269)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        options: LossOptions = NO_OPTIONS,
    ) -> None:
        super().__init__(
            weight=weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
        )
        self.options = options

    def forward(
        self, input: Tensor, target: Tensor | SparseTarget, options: LossOptions | None = None
    ) -> Tensor:
        """Return the loss in nats; shapes and errors as in `cross_entropy`."""
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
            options=self.options if options is None else options,
        )


class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    r"""`binary_cross_entropy_with_logits` as a module.

    .. math:: \ell_i = -w_i \bigl(c_i\, y_i \log \sigma(z_i) + (1 - y_i) \log \sigma(-z_i)\bigr)

    Args:
        weight: of a shape that broadcasts to that of the logits, kept as a buffer.
        reduction: "none", "sum" or "mean".
        pos_weight: the weight of the positive part, kept as a buffer.
        label_smoothing: the share of the target that is spread evenly over both classes.
        options: as in `CrossEntropyLoss`.

    Example:
        >>> import torch
        >>> from crossentropy.losses import BCEWithLogitsLoss
        >>> BCEWithLogitsLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        label_smoothing: float = 0.0,
        options: LossOptions = NO_OPTIONS,
    ) -> None:
        super().__init__(weight=weight, reduction=reduction, pos_weight=pos_weight)
        self.label_smoothing = label_smoothing
        self.options = options

    def forward(
        self, input: Tensor, target: Tensor | SparseTarget, options: LossOptions | None = None
    ) -> Tensor:
        """Return the loss in nats; shapes and errors as in `binary_cross_entropy_with_logits`."""
        return binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
            label_smoothing=self.label_smoothing,
            options=self.options if options is None else options,
        )


class BCELoss(torch.nn.BCELoss):
    r"""`binary_cross_entropy` as a module.

    .. math:: \ell_i = -w_i \bigl(y_i \log p_i + (1 - y_i) \log (1 - p_i)\bigr)

    Args:
        weight: of a shape that broadcasts to that of the probabilities, kept as a buffer.
        reduction: "none", "sum" or "mean".

    Example:
        >>> import torch
        >>> from crossentropy.losses import BCELoss
        >>> BCELoss()(torch.tensor([0.8]), torch.tensor([1.0]))
        tensor(0.2231)
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight=weight, reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss in nats; shapes and errors as in `binary_cross_entropy`."""
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)
