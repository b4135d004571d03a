"""What is refused of a linear layer and its input; what is refused of the loss is in `_checks.py`."""

from __future__ import annotations

import torch
from torch import Tensor

from crossentropy.errors import AxisError, ConfigError, ShapeError
from crossentropy.losses._checks import _shape as shape_of
from crossentropy.losses._checks import check_floating, check_same_dtype, check_tensors
from crossentropy.losses._option_checks import check_number
from crossentropy.losses._options import SparseTarget
from crossentropy.losses._precision import autocasts


def check_layer(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> None:
    """Refuse features and a layer that do not fit together."""
    check_tensors(input=input, linear_weight=linear_weight, linear_bias=linear_bias)
    check_floating("input", input)
    check_same_dtype("linear_weight", linear_weight, input)
    check_same_dtype("linear_bias", linear_bias, input)
    if input.ndim not in (1, 2):
        raise ShapeError(
            f"input has shape {shape_of(input)}; expected dimensionality 1 or 2, (D) or (N, D).",
            fix="Use input.flatten(0, -2) and target.flatten() for sequences." if input.ndim > 2 else "",
        )
    if linear_weight.ndim < 2:
        raise ShapeError(
            f"linear_weight has shape {shape_of(linear_weight)}; expected (C, D) or (C, d1, ..., D)."
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        hint = "Use linear_weight.T." if input.shape[-1] == linear_weight.shape[0] else ""
        raise ShapeError(
            f"input has {input.shape[-1]} features, linear_weight {linear_weight.shape[-1]} on its last axis; "
            "expected the same.",
            fix=hint if linear_weight.ndim == 2 else "",
        )
    if linear_weight.shape[0] == 0:
        raise AxisError(f"linear_weight {shape_of(linear_weight)} has no classes; expected at least one.")
    if linear_bias is not None and linear_bias.shape != linear_weight.shape[:-1]:
        raise ShapeError(
            f"linear_bias has shape {shape_of(linear_bias)}; expected {tuple(linear_weight.shape[:-1])}, that of "
            "linear_weight without its last axis."
        )
    if input.ndim == 1 and linear_weight.ndim > 2:
        raise ShapeError(
            f"input {shape_of(input)} is a single row; a layer with further axes, {shape_of(linear_weight)}, takes "
            "(N, D).",
            fix="Use input.unsqueeze(0).",
        )


def check_distributions_have_no_ignored_id(
    logits_like: Tensor, target: object, ignore_index: int | None
) -> None:
    """Refuse a class id to leave out where the target holds distributions, as torch does."""
    dense = isinstance(target, Tensor) and target.shape == logits_like.shape
    if dense and not isinstance(target, SparseTarget) and ignore_index is not None:
        raise ConfigError(
            f"ignore_index={ignore_index} is for class ids; target holds distributions over classes.",
            fix="Use LossOptions(ignored=...) to leave out rows.",
        )


def check_memory_limit(memory_limit: int | None) -> None:
    """Refuse a budget that is no positive number of bytes."""
    if memory_limit is not None:
        check_number("memory_limit", memory_limit)
    if memory_limit is not None and memory_limit <= 0:
        raise ConfigError(f"memory_limit={memory_limit} is not a positive number of bytes.")


def autocast(tensor: Tensor) -> Tensor:
    """Return a tensor in the dtype that autocast gives the products of a linear layer."""
    if not autocasts(tensor) or tensor.dtype == torch.float64:
        return tensor
    return tensor.to(torch.get_autocast_dtype(tensor.device.type))
