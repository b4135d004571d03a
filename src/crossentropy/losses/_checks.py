"""Every check of the room: what was wrong and where, what was expected, what to do.

Shapes and dtypes are always checked. Values are checked wherever they can be read, on every device: not under
`torch.compile`, `torch.func`, CUDA graph capture, or for meta and fake tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from crossentropy.errors import (
    AxisError,
    ClassIdError,
    ConfigError,
    InputError,
    ShapeError,
    TargetError,
    TensorTypeError,
)
from crossentropy.losses._definition import class_axis
from crossentropy.losses._options import SparseTarget
from crossentropy.losses._precision import autocasts

_OPTIONAL = ("weight", "pos_weight", "linear_bias", "bias", "sample_weight", "ignored")


def check_tensors(**arguments: object) -> None:
    """Refuse whatever is not a dense tensor, or lies elsewhere than the first; the weights may be None."""
    first: Tensor | None = None
    for name, value in arguments.items():
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, Tensor):
            raise TensorTypeError(
                f"{name} is a {type(value).__name__}; a torch tensor was expected.",
                fix=_fix_no_tensor(name, value),
            )
        if value.layout is not torch.strided:
            raise TensorTypeError(
                f"{name} has layout {str(value.layout).removeprefix('torch.')}; a dense tensor was expected.",
                fix=f"Use {name}.to_dense()" + (", or a SparseTarget." if name == "target" else "."),
            )
        first = value if first is None else first
        check_same_device(name, value, first)


def check_same_device(name: str, tensor: Tensor, input: Tensor) -> None:
    """Refuse a tensor on another device than the input, unless it is a single number."""
    if tensor.device != input.device and tensor.ndim > 0:
        raise ShapeError(
            f"{name} is on device {tensor.device}, input on {input.device}; expected the same.",
            fix=f"Use {name}.to(input.device).",
        )


def check_ignore_index(ignore_index: object) -> None:
    """Refuse what is no class id."""
    if isinstance(ignore_index, bool) or not (
        isinstance(ignore_index, int) or hasattr(ignore_index, "__index__")
    ):
        raise TensorTypeError(
            f"ignore_index={ignore_index!r} is a {type(ignore_index).__name__}; an integer was expected."
        )


def _fix_no_tensor(name: str, value: object) -> str:
    if isinstance(value, torch.nn.Module):
        return f"Use {name}.weight."
    if name == "target" and isinstance(value, tuple):
        return "Use SparseTarget(ids, probabilities) for distributions over a few classes."
    return f"Use torch.as_tensor({name})."


def check_floating(name: str, tensor: Tensor) -> None:
    """Refuse logits or probabilities in an integer, boolean or complex dtype."""
    if not tensor.is_floating_point():
        raise TensorTypeError(
            f"{name} has dtype {_dtype(tensor)}; a floating dtype was expected.", fix=f"Use {name}.float()."
        )


def check_dim(input: Tensor, dim: int) -> None:
    """Refuse an axis that the input does not have."""
    rank = max(input.ndim, 1)
    if not -rank <= dim < rank:
        raise AxisError(f"dim={dim} is not an axis of input {_shape(input)}; expected {-rank} to {rank - 1}.")


def check_logits(input: Tensor) -> int:
    """Return the number of classes."""
    check_floating("input", input)
    if input.ndim == 0:
        raise ShapeError("input has no axes; expected (C), (N, C) or (N, C, d1, ...).")
    classes = input.shape[class_axis(input)]
    if classes == 0:
        raise AxisError(
            f"input {_shape(input)} has no classes along axis {class_axis(input)}; expected at least one."
        )
    return classes


def class_ids(input: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """Return the class ids as int64, one for each row of logits, all of them in [0, C) or `ignore_index`."""
    _check_integer(target)
    axis = class_axis(input)
    if input.ndim == 1 and target.shape == (1,):
        target = target.squeeze(0)
    rows = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != rows:
        raise ShapeError(
            f"target has shape {_shape(target)}; class ids for input {_shape(input)} have shape {tuple(rows)}.",
            fix=_fix_target_shape(input, target),
        )
    ids = target.long()
    check_range(ids, input.shape[axis], ignore_index)
    return ids


def sparse_target(input: Tensor, target: SparseTarget, ignore_index: int) -> SparseTarget:
    """Return the sparse target with int64 ids, all of them in [0, C) or `ignore_index`."""
    ids, probabilities = target
    check_tensors(**{"input": input, "target.ids": ids, "target.probabilities": probabilities})
    _check_integer(ids, "target.ids")
    check_floating_target(probabilities)
    axis = class_axis(input)
    without = input.shape[:axis] + input.shape[axis + 1 :]
    if ids.ndim != input.ndim or ids.shape[:axis] + ids.shape[axis + 1 :] != without:
        want = (*input.shape[:axis], "m", *input.shape[axis + 1 :])
        raise ShapeError(
            f"target.ids has shape {_shape(ids)}; sparse targets for input {_shape(input)} have shape "
            f"({', '.join(map(str, want))}{',' if len(want) == 1 else ''}).",
            fix="Put the m class ids of a row along the axis of the classes.",
        )
    if probabilities.shape != ids.shape:
        raise ShapeError(
            f"target.probabilities has shape {_shape(probabilities)}, target.ids {_shape(ids)}; expected the same."
        )
    if ids.shape[axis] == 0:
        raise ShapeError(f"target.ids {_shape(ids)} holds no class ids; expected at least one a row.")
    check_range(ids.long(), input.shape[axis], ignore_index)
    return SparseTarget(ids.long(), probabilities)


def check_range(ids: Tensor, classes: int, ignore_index: int | None = None) -> None:
    """Refuse class ids outside [0, classes), other than the ignored one."""
    if within(ids, classes):
        return
    outside = (ids < 0) | (ids >= classes)
    if ignore_index is not None:
        outside = outside & (ids != ignore_index)
    if not (_readable(ids) and outside.any()):
        return
    value, where = _first(ids, outside)
    leave_out = "" if ignore_index is None else f"; rows to leave out need ignore_index={value}"
    raise ClassIdError(
        f"Class id {value}{where} is outside [0, {classes}) ({int(outside.sum())} such of {ids.numel()}).",
        fix=f"Labels counted from 1 need target - 1{leave_out}.",
    )


def within(ids: Tensor, classes: int) -> bool:
    """Whether all class ids can be read and lie in [0, classes): one pass over them."""
    if ids.device.type != "cpu" or not _readable(ids) or ids.numel() == 0:
        return False
    low, high = torch.aminmax(ids)
    return int(low) >= 0 and int(high) < classes


def integer_ids(target: Tensor) -> Tensor:
    """Return class ids of any shape as int64."""
    _check_integer(target)
    return target.long()


def check_distributions(target: Tensor, ignore_index: int) -> None:
    """Refuse what has the shape of the logits and yet is no distribution over classes."""
    if not target.is_floating_point():
        raise TargetError(
            f"target {_shape(target)} has the shape of input and is read as a distribution over classes, but its "
            f"dtype is {_dtype(target)}; a floating dtype was expected.",
            fix="Use target.to(input.dtype) for one-hot rows; class ids have no class axis.",
        )
    if ignore_index >= 0:
        raise ConfigError(
            f"ignore_index={ignore_index} is for class ids; target holds distributions over classes.",
            fix="Drop the rows to leave out, or give class ids.",
        )


def check_class_weight(weight: Tensor | None, classes: int) -> None:
    """Refuse weights that are not one for each class."""
    if weight is not None and weight.shape != (classes,):
        raise ShapeError(
            f"weight has shape {_shape(weight)}; expected ({classes},), one weight for each class."
        )


def check_same_dtype(name: str, tensor: Tensor | None, input: Tensor) -> None:
    """Refuse another dtype than that of the input, unless autocast brings both to float32."""
    if tensor is not None and tensor.dtype != input.dtype and not autocasts(input):
        raise ShapeError(
            f"{name} has dtype {_dtype(tensor)}, input {_dtype(input)}; expected the same.",
            fix=f"Use {name}.to(input.dtype).",
        )


def check_same_shape(input: Tensor, target: Tensor) -> None:
    """Refuse a target that has another shape than the input: broadcasting would hide a mistake."""
    if target.shape != input.shape:
        raise ShapeError(
            f"target has shape {_shape(target)}, input {_shape(input)}; expected the same.",
            fix="Use input.squeeze(-1) for logits of one output, or target.expand_as(input) if each row shares it.",
        )


def check_floating_target(target: Tensor) -> None:
    """Refuse integer and boolean binary targets, as torch does."""
    if not target.is_floating_point():
        raise TargetError(
            f"target has dtype {_dtype(target)}; binary targets are probabilities of a floating dtype.",
            fix="Use target.to(input.dtype).",
        )


def check_broadcast(name: str, weight: Tensor | None, input: Tensor) -> None:
    """Refuse a weight that does not broadcast to the shape of the input."""
    if weight is None:
        return
    extra = weight.ndim > input.ndim
    pairs = zip(reversed(weight.shape), reversed(input.shape), strict=False)
    if extra or any(have not in (1, want) for have, want in pairs):
        raise ShapeError(
            f"{name} has shape {_shape(weight)}, which does not broadcast to input {_shape(input)}."
        )


def check_probabilities(input: Tensor, target: Tensor) -> None:
    """Refuse values outside [0, 1], NaN among them."""
    for name, tensor, error, fix in (
        ("input", input, InputError, "For raw scores use binary_cross_entropy_with_logits."),
        ("target", target, TargetError, "Labels -1 and 1 need (target + 1) / 2."),
    ):
        outside = ~((tensor >= 0) & (tensor <= 1))
        if _readable(tensor) and outside.any():
            value, where = _first(tensor, outside)
            raise error(f"{name} holds {value:g}{where}; expected values in [0, 1].", fix=fix)


def _check_integer(target: Tensor, name: str = "target") -> None:
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TargetError(
            f"{name} {_shape(target)} has dtype {_dtype(target)}; class ids are integers.",
            fix=f"Use {name}.long() for class ids; a distribution over classes has the shape of input.",
        )


def _fix_target_shape(input: Tensor, target: Tensor) -> str:
    if target.ndim == input.ndim >= 2 and target.shape[1] == 1:
        return "Use target.squeeze(1)."
    if input.ndim >= 3 and target.shape == input.shape[:-1]:
        return "The classes belong on axis 1: use input.movedim(-1, 1)."
    return "A distribution over classes has the shape of input, and a floating dtype."


def _readable(tensor: Tensor) -> bool:
    """Whether the values of the tensor can be looked at here and now."""
    if torch.compiler.is_compiling():
        return False
    try:
        place = tensor.untyped_storage().device.type
    except NotImplementedError:  # a wrapper of torch.func, which has no storage
        return False
    return place != "meta" and not (place == "cuda" and torch.cuda.is_current_stream_capturing())


def _first(values: Tensor, bad: Tensor) -> tuple[float, str]:
    index = tuple(bad.nonzero()[0].tolist())
    places = ("", f" at row {index[0]}" if index else "", f" at position {index}")
    return values[index].item(), places[min(len(index), 2)]


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
