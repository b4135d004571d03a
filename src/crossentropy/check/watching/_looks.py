"""What is read in the values of one call, and what of it is a mistake.

At most a million logits of a call are read (its first rows); of a fused loss, which has none, those of eight rows are
made: a fiftieth of the products that the loss itself makes for 128 rows. Nothing of the user's is changed: everything
happens on detached tensors, outside of autograd.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossentropy.check.watching._patches import Call
from crossentropy.losses import SparseTarget, are_probabilities

_READ = 2**20
SAMPLED = 8  # rows of a fused loss whose logits are made
_ONLY_SHAPES = (
    "View",
    "Squeeze",
    "Unsqueeze",
    "Reshape",
    "UnsafeView",
    "Select",
    "Slice",
    "ToCopy",
    "Transpose",
)
CLASSES = ("cross_entropy", "nll_loss", "linear_cross_entropy")


@dataclass(frozen=True)
class Sight:
    """One thing seen in one call: which kind of mistake, and the particulars."""

    kind: str
    message: str


@dataclass(frozen=True)
class Range:
    """The least and the greatest of the logits of a call, and how many there are."""

    low: float
    high: float
    number: int


def why_not(call: Call) -> str:
    """Return why the values of a call cannot be read, or an empty string."""
    given: Any = call.input, call.target, call.linear_weight, call.linear_bias
    if isinstance(given[1], SparseTarget):
        return "the target is sparse"
    for tensor in given[: 2 if call.linear_weight is None else 3 if call.linear_bias is None else 4]:
        if not isinstance(tensor, Tensor) or type(tensor) not in (Tensor, torch.nn.Parameter):
            return "the values are of a subclass of Tensor"
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            return "inside of torch.func"
        if tensor.device.type == "meta":
            return "meta tensors have no values"
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace was recording"
    if torch._C._len_torch_dispatch_stack():
        return "under a torch dispatch mode"
    if call.input.is_cuda and torch.cuda.is_current_stream_capturing():
        return "while a CUDA graph was captured"
    return ""


def classes_of(call: Call) -> tuple[int, int]:
    """Return the axis of the classes, and their number."""
    shape = call.shape
    axis = 1 if len(shape) > 1 else 0
    return axis, shape[axis] if shape else 1


def look_before(call: Call) -> Iterator[Sight]:
    """Look at the input and the target."""
    given, target = _logits(call), _rows(call.target)
    if given.numel() == 0:
        return
    if call.linear_weight is not None:
        yield from _dead_features(call)
    if call.family in CLASSES:
        axis, classes = classes_of(call)
        if classes > 1 and given.is_floating_point() and given.ndim > 1:
            yield from (_log_probabilities if call.family == "nll_loss" else _no_softmax)(given, axis)
        yield from _class_targets(call, target, classes, axis)
    else:
        yield from _binary_targets(target)
        if call.family == "binary_cross_entropy" and _comes_of_rounding(call.input):
            yield from _saturated(given, target)


def _no_softmax(given: Tensor, axis: int) -> Iterator[Sight]:
    """Look for probabilities in the place of logits."""
    classes = given.shape[axis]
    if are_probabilities(given, axis):
        yield Sight(
            "probabilities-as-logits",
            f"all {given.numel() // classes} rows read lie in [0, 1] and sum to 1 over the {classes} classes: a "
            "softmax stands before a loss that takes logits",
        )
    elif given.shape[0] > 1 and are_probabilities(given, 0):
        yield Sight(
            "softmax-over-batch",
            f"each class sums to 1 over the {given.shape[0]} rows of the batch: a softmax over dim=0 stands before a "
            "loss that takes logits",
        )


def _log_probabilities(given: Tensor, axis: int) -> Iterator[Sight]:
    """Look for anything but log-probabilities in front of a loss that takes them."""
    if are_probabilities(given, axis):
        told = f"all {given.numel() // given.shape[axis]} rows read lie in [0, 1] and sum to 1: a softmax without its"
        yield Sight(
            "no-log-probabilities",
            f"{told} logarithm stands before the loss; use cross_entropy on the logits",
        )
    elif (most := float(given.max())) > 1e-2:
        yield Sight(
            "no-log-probabilities",
            f"the input goes up to {most:.4g}, and a log-probability is at most 0: use cross_entropy, if these are "
            "logits",
        )
    elif (
        given.shape[0] > 1 and are_probabilities(given.exp(), 0) and not are_probabilities(given.exp(), axis)
    ):
        yield Sight(
            "softmax-over-batch",
            f"the probabilities of each class sum to 1 over the {given.shape[0]} rows of the batch, not over the "
            "classes of a row: the log-softmax is over dim=0",
        )


def logit_range(call: Call) -> Range | None:
    """Return the range of the logits of a binary loss."""
    if call.family not in ("binary_cross_entropy_with_logits", "linear_binary_cross_entropy"):
        return None
    given = _logits(call)
    if not given.numel():
        return None
    low, high = torch.aminmax(given)
    return Range(float(low), float(high), given.numel())


def look_after(call: Call, loss: Tensor) -> Iterator[Sight]:
    """Look at the loss; where it is NaN, look for the reason."""
    if not isinstance(loss, Tensor) or not loss.numel() or not bool(torch.isnan(loss.detach()).any()):
        return
    target = call.target.detach()
    wrong = _not_finite(call)
    if wrong:
        yield Sight("nan", wrong)
    elif call.family in CLASSES and bool(torch.eq(target, call.ignore_index or 0).all()):
        yield Sight(
            "all-ignored",
            f"all {target.numel()} targets are ignore_index={call.ignore_index}: the mean over no rows is NaN",
        )
    elif bool(torch.isnan(target.float()).any()):
        yield Sight("nan", "the target holds NaN")
    elif call.linear_weight is not None:
        yield Sight(
            "nan",
            "the loss is NaN, though the features, the layer and the target are finite: the logits overflow "
            f"{call.input.dtype}",
        )
    else:
        yield Sight("nan", "the loss is NaN, though neither the input nor the target holds NaN")


def _not_finite(call: Call) -> str:
    """Say where what goes into a loss is NaN, or in front of a layer infinite: there the logits become NaN."""
    if call.linear_weight is None:
        places = [("the input holds NaN", torch.isnan(call.input.detach()))]
    else:
        parts = [
            ("the features hold", call.input),
            ("the layer's weight holds", call.linear_weight),
            ("the layer's bias holds", call.linear_bias),
        ]
        given = [(name, part.detach()) for name, part in parts if part is not None]
        places = [(f"{name} NaN", torch.isnan(part)) for name, part in given]
        places += [(f"{name} infinity", torch.isinf(part)) for name, part in given]
    for told, where in places:
        if bool(where.any()):
            return f"{told}, first at {tuple(where.nonzero()[0].tolist())}"
    return ""


def look_at_failure(call: Call) -> Iterator[Sight]:
    """Look for what made a call raise an error."""
    axis, classes = classes_of(call)
    target: object = call.target
    if isinstance(target, SparseTarget):
        yield from _outside(target.ids.detach(), classes, call.ignore_index)
    elif call.family in CLASSES:
        yield from _class_targets(call, call.target.detach(), classes, axis)
    else:
        yield from _binary_targets(call.target.detach())
        if call.family == "binary_cross_entropy" and call.input.is_floating_point():
            low, high = torch.aminmax(call.input.detach())
            if not (low >= 0 and high <= 1):
                yield Sight(
                    "logits-as-probabilities",
                    f"the input runs from {float(low):.4g} to {float(high):.4g}, but the loss takes probabilities: use "
                    "binary_cross_entropy_with_logits",
                )


def floor(classes: int, smoothing: float = 0.0) -> float:
    """Return the least that a cross-entropy of probabilities, or with label smoothing of logits, can be, in nats."""
    if not smoothing:
        return math.log(1 + (classes - 1) / math.e)
    most, least = 1 - smoothing + smoothing / classes, smoothing / classes
    return -most * math.log(most) - (classes - 1) * least * math.log(least)


def _rows(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    if tensor.numel() <= _READ or tensor.ndim == 0:
        return tensor
    return tensor[: max(1, _READ * tensor.shape[0] // tensor.numel())]


def _logits(call: Call) -> Tensor:
    """Return the logits, or probabilities, that are read: of a fused loss those of a few rows of all the batch."""
    if call.linear_weight is None:
        return _rows(call.input)
    weight, bias = call.linear_weight.detach(), call.linear_bias
    features = call.input.detach().to(weight.dtype)
    if features.ndim > 1:
        features = features[:: max(1, len(features) // SAMPLED)][:SAMPLED]
    flat = weight.reshape(-1, weight.shape[-1])
    own = None if bias is None else bias.detach().to(weight.dtype).reshape(-1)
    # autocast would keep a copy of the weight
    with torch.autocast(weight.device.type, enabled=False):
        made = torch.nn.functional.linear(features, flat, own)
    return made.reshape(*features.shape[:-1], *weight.shape[:-1])


def _dead_features(call: Call) -> Iterator[Sight]:
    read = _rows(call.input)
    if not bool(read.any()):
        yield Sight(
            "dead-gradient",
            f"all {read.numel()} features read are exactly 0: the layer's weight gets no gradient (what is before the "
            "layer has died, such as a ReLU whose inputs are all negative)",
        )


def _class_targets(call: Call, target: Tensor, classes: int, axis: int) -> Iterator[Sight]:
    shape = call.shape
    if len(shape) == target.ndim == 1 and not target.is_floating_point():
        if target.numel() == 1 < classes:  # torch takes it for one row's id
            yield from _outside(target, classes, call.ignore_index)
            return
        yield Sight(
            "wrong-target",
            f"an input of shape {shape} is one row of {classes} classes, but the target has shape "
            f"{tuple(target.shape)}: class ids or decisions may stand where logits of shape (rows, classes) belong",
        )
        return
    if target.ndim == len(shape) > 0 and tuple(target.shape[1:]) == shape[1:]:
        yield from _distributions(target, axis)
        return
    if target.is_floating_point():
        yield Sight(
            "wrong-target", f"class ids of dtype {target.dtype}; integers were expected: use target.long()"
        )
        return
    if target.ndim == len(shape) > 1 and target.shape[1] == 1:
        yield Sight("wrong-target", f"targets of shape {tuple(target.shape)}: use target.squeeze(1)")
        return
    yield from _outside(target, classes, call.ignore_index)


def _outside(target: Tensor, classes: int, ignore_index: int | None) -> Iterator[Sight]:
    outside = ((target < 0) | (target >= classes)) & (target != ignore_index)
    if bool(outside.any()):
        index = tuple(outside.nonzero()[0].tolist())
        value = int(target[index])
        counted = " Labels counted from 1 need target - 1." if value == classes else ""
        at = f" in row {index[0]}" if index else ""
        yield Sight("class-id-out-of-range", f"class id {value}{at} is outside [0, {classes}).{counted}")


def _distributions(target: Tensor, axis: int) -> Iterator[Sight]:
    if not target.is_floating_point():
        yield Sight("wrong-target", f"one-hot rows of dtype {target.dtype}; give class ids, or floats")
        return
    sums = target.float().sum(dim=axis)
    wrong = (sums - 1).abs() > 1e-2
    if bool(wrong.any()):
        index = tuple(wrong.nonzero()[0].tolist())
        value = float(sums[index])
        yield Sight(
            "wrong-target",
            f"the target is no distribution over classes: {f'row {index[0]}' if index else 'it'} sums to {value:.4g}, "
            "not 1 (several labels a row need binary_cross_entropy_with_logits, class ids are integers)",
        )


def _binary_targets(target: Tensor) -> Iterator[Sight]:
    if not target.is_floating_point():
        yield Sight("wrong-target", f"a binary target of dtype {target.dtype}; floats were expected")
        return
    if not target.numel():
        return
    low, high = torch.aminmax(target)
    if not (low >= 0 and high <= 1) and not bool(torch.isnan(low)):
        yield Sight(
            "wrong-target",
            f"a binary target runs from {float(low):.4g} to {float(high):.4g}; expected values between 0 and 1",
        )


def _comes_of_rounding(probabilities: Tensor) -> bool:
    """Whether a sigmoid, softmax or clamp made them, whose gradient at exactly 0 and 1 is 0; others' need not be."""
    node = probabilities.grad_fn
    while node is not None and node.name().startswith(_ONLY_SHAPES):
        node = node.next_functions[0][0]
    return node is not None and any(word in node.name() for word in ("igmoid", "oftmax", "Clamp"))


def _saturated(given: Tensor, target: Tensor) -> Iterator[Sight]:
    if given.shape != target.shape:
        return
    dead = ((given == 0) & (target > 0.5)) | ((given == 1) & (target < 0.5))
    if bool(dead.any()):
        yield Sight(
            "dead-gradient",
            f"{int(dead.sum())} of {given.numel()} probabilities are exactly 0 or 1, and wrong: a sigmoid rounded, or "
            "a clamp cut, and passes no gradient; use binary_cross_entropy_with_logits on the logits",
        )
