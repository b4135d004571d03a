"""From logits to probabilities, and from class ids to distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from crossentropy.errors import ConfigError, TargetError
from crossentropy.losses import _definition as definition
from crossentropy.losses._checks import check_dim, check_floating, check_range, check_tensors, integer_ids


def sigmoid(input: Tensor) -> Tensor:
    r"""The probability of class 1, from the logit of class 1 against class 0.

    .. math:: \sigma(z) = \frac{1}{1 + e^{-z}}

    Args:
        input: logits of any shape.

    Returns:
        Probabilities in [0, 1], of the same shape.

    Raises:
        InputError: `input` is not a tensor.

    Example:
        >>> import torch
        >>> from crossentropy.losses import sigmoid
        >>> sigmoid(torch.tensor([0.0, 2.0]))
        tensor([0.5000, 0.8808])

    References:
        Cox, The regression analysis of binary sequences, 1958.
    """
    check_tensors(input=input)
    return torch.sigmoid(input)


def softmax(input: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    r"""Probabilities of the classes, from their logits.

    .. math:: p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}

    The losses of this room take logits: put none of this before `cross_entropy`.

    Args:
        input: logits of any shape.
        dim: the axis of the classes. It has no default: torch's old one depends on the number of axes.
        dtype: the dtype to compute and return in; that of `input` by default.

    Returns:
        Probabilities of the same shape, with sum 1 along `dim`; NaN where all logits are -inf.

    Raises:
        ShapeError: `input` has no such axis, or no floating dtype.

    Example:
        >>> import torch
        >>> from crossentropy.losses import softmax
        >>> softmax(torch.tensor([[0.0, 1.0, 2.0]]), dim=1)
        tensor([[0.0900, 0.2447, 0.6652]])

    References:
        Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.
    """
    _check_softmax(input, dim, dtype)
    return torch.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    r"""Logarithms of the probabilities of the classes, from their logits.

    .. math:: \log p_k = z_k - \log \sum_j e^{z_j}

    Exact where `log(softmax(z))` underflows to -inf.

    Args:
        input: logits of any shape.
        dim: the axis of the classes; no default, as in `softmax`.
        dtype: the dtype to compute and return in; that of `input` by default.

    Returns:
        Log-probabilities in nats, of the same shape; NaN where all logits are -inf.

    Raises:
        ShapeError: `input` has no such axis, or no floating dtype.

    Example:
        >>> import torch
        >>> from crossentropy.losses import log_softmax
        >>> log_softmax(torch.tensor([[0.0, 1.0, 200.0]]), dim=1)
        tensor([[-200., -199.,    0.]])

    References:
        Blanchard, Higham, Higham, Accurately computing the log-sum-exp and softmax functions, 2021, section 3.
    """
    _check_softmax(input, dim, dtype)
    return torch.log_softmax(input, dim, dtype=dtype)


def one_hot(target: Tensor, num_classes: int = -1) -> Tensor:
    r"""The distribution that puts everything on one class.

    .. math:: q_k = [k = t]

    Args:
        target: class ids, integers of any shape.
        num_classes: K; -1 takes the largest class id plus one, which differs between batches.

    Returns:
        int64 zeros and ones of shape `target.shape + (K,)`.

    Raises:
        ClassIdError: a class id outside [0, K); names the row and the value.
        TargetError: `target` is not of an integer dtype, or is empty and K is not given.
        ConfigError: K is neither positive nor -1.

    Example:
        >>> import torch
        >>> from crossentropy.losses import one_hot
        >>> one_hot(torch.tensor([2, 0]), num_classes=4)
        tensor([[0, 0, 1, 0],
                [1, 0, 0, 0]])

    References:
        `torch.nn.functional.one_hot`.
    """
    check_tensors(target=target)
    ids = integer_ids(target)
    if num_classes == -1:
        if ids.numel() == 0:
            raise TargetError(
                "target is empty: it does not tell the number of classes.", fix="Pass num_classes."
            )
        num_classes = int(ids.max()) + 1
    elif num_classes < 1:
        raise ConfigError(f"num_classes={num_classes} is neither positive nor -1.")
    check_range(ids, num_classes)
    return definition.one_hot(ids, num_classes)


def _check_softmax(input: Tensor, dim: int, dtype: torch.dtype | None) -> None:
    check_tensors(input=input)
    if dtype is None:
        check_floating("input", input)
    check_dim(input, dim)
