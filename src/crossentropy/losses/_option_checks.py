"""What is refused of the options: numbers out of range, tensors that do not fit, names that do not exist."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from crossentropy.errors import ConfigError, ShapeError, TensorTypeError, did_you_mean
from crossentropy.losses._checks import _dtype as dtype_of
from crossentropy.losses._checks import _shape as shape_of
from crossentropy.losses._checks import check_tensors
from crossentropy.losses._options import BY_PRODUCTS, NO_OPTIONS, LossOptions


def check_label_smoothing(label_smoothing: Any) -> None:
    """Refuse a smoothing outside [0, 1], NaN among them."""
    if not isinstance(label_smoothing, Tensor):  # which torch takes for its number
        check_number("label_smoothing", label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ConfigError(f"label_smoothing={label_smoothing} is outside [0, 1].")


def check_options(
    options: LossOptions, reduction: str, input: Tensor, rows: torch.Size, classes: int | None
) -> None:
    """Refuse options out of range, in conflict with the reduction, or of the wrong shape or device.

    `rows` is the shape of the losses before they are reduced; `classes` is None where each logit is a decision.
    """
    if not isinstance(options, LossOptions):
        raise TensorTypeError(f"options is a {type(options).__name__}; LossOptions was expected.")
    if options is NO_OPTIONS:
        return
    _check_numbers(options)
    for name, allowed in (("all_ignored", ("nan", "zero")), ("probabilities", ("warn", "raise", "allow"))):
        value = getattr(options, name)
        if value not in allowed:
            raise ConfigError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}.")
    if options.divisor is not None and reduction != "mean":
        raise ConfigError(
            f"divisor goes with reduction='mean', whose divisor it replaces; reduction is {reduction!r}."
        )
    check_tensors(
        input=input, bias=options.bias, sample_weight=options.sample_weight, ignored=options.ignored
    )
    bias = options.bias
    if bias is not None and classes is not None and bias.shape != (classes,):
        raise ShapeError(f"bias has shape {shape_of(bias)}; expected ({classes},), one for each class.")
    if options.ignored is not None and options.ignored.dtype != torch.bool:
        raise TensorTypeError(
            f"ignored has dtype {dtype_of(options.ignored)}; a boolean tensor was expected, True for rows to leave out."
        )
    for name in ("sample_weight", "ignored"):
        tensor = getattr(options, name)
        if tensor is not None and tensor.shape != rows:
            raise ShapeError(
                f"{name} has shape {shape_of(tensor)}; expected {tuple(rows)}, the shape of the losses before they are "
                "reduced."
            )


def check_by_products(names: object) -> None:
    """Refuse names of by-products that do not exist."""
    if isinstance(names, str):
        raise ConfigError(f"by_products={names!r} is a single string.", fix=f"Use by_products=({names!r},).")
    for name in names:  # type: ignore[attr-defined]
        if name not in BY_PRODUCTS:
            raise ConfigError(f"{name!r} is no by-product.", fix=did_you_mean(str(name), BY_PRODUCTS))


def check_number(name: str, value: object) -> None:
    """Refuse what is no number, tensors among them: their gradient would be lost without a word."""
    if isinstance(value, Tensor):
        raise TensorTypeError(
            f"{name} is a {type(value).__name__}; a number was expected.",
            fix=f"Use float({name}), or change the logits before the loss where it is to be learned.",
        )
    if not (isinstance(value, (int, float)) or hasattr(value, "__float__")):
        raise TensorTypeError(f"{name}={value!r} is a {type(value).__name__}; a number was expected.")


def _check_numbers(options: LossOptions) -> None:
    for name in ("soft_cap", "temperature", "z_loss", "top_k", "divisor"):
        value = getattr(options, name)
        absent = value is None and name in ("soft_cap", "divisor")
        if not absent and not (name == "divisor" and isinstance(value, Tensor)):
            check_number(name, value)
    numbers = {
        "soft_cap": (options.soft_cap is None or 0 < options.soft_cap < math.inf, "positive and finite"),
        "temperature": (0 < options.temperature < math.inf, "positive and finite"),
        "z_loss": (0 <= options.z_loss < math.inf, "at least 0 and finite"),
        "top_k": (options.top_k >= 1, "at least 1"),
        "divisor": (
            isinstance(options.divisor, Tensor) or options.divisor is None or options.divisor > 0,
            "positive",
        ),
    }
    for name, (good, expected) in numbers.items():
        if not good:
            raise ConfigError(f"{name}={getattr(options, name)} is not {expected}.")
    if isinstance(options.divisor, Tensor) and options.divisor.numel() != 1:
        raise ShapeError(f"divisor has shape {shape_of(options.divisor)}; expected a tensor of one number.")
