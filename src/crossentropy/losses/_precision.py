"""The dtype the arithmetic runs in, and the dtype of the result.

16-bit floats are computed in float32 and rounded once, at the end. Under autocast the result stays float32, as torch
has it for losses.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import overload

import torch
from torch import Tensor

from crossentropy.losses._options import NO_OPTIONS, LossOptions, SparseTarget

_NARROW = (torch.float16, torch.bfloat16)


@overload
def widen(tensor: Tensor) -> Tensor: ...
@overload
def widen(tensor: None) -> None: ...
@overload
def widen(tensor: SparseTarget) -> SparseTarget: ...
def widen(tensor: Tensor | SparseTarget | None) -> Tensor | SparseTarget | None:
    """Return a 16-bit float as float32, and anything else as it is."""
    if isinstance(tensor, SparseTarget):
        return SparseTarget(tensor.ids, widen(tensor.probabilities))
    return tensor.float() if tensor is not None and tensor.dtype in _NARROW else tensor


def widen_options(options: LossOptions) -> LossOptions:
    """Return the options with their 16-bit floats as float32, and a divisor that is a tensor without axes."""
    if options is NO_OPTIONS:
        return options
    divisor = options.divisor.reshape(()) if isinstance(options.divisor, Tensor) else options.divisor
    return replace(
        options, bias=widen(options.bias), sample_weight=widen(options.sample_weight), divisor=divisor
    )


def autocasts(tensor: Tensor) -> bool:
    """Whether autocast is on for the device of the tensor."""
    kind = tensor.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def result_dtype(*tensors: Tensor | None) -> torch.dtype:
    """Return the dtype the given tensors promote to; at least float32 under autocast."""
    dtypes = [tensor.dtype for tensor in tensors if tensor is not None]
    if any(autocasts(tensor) for tensor in tensors if tensor is not None):
        dtypes.append(torch.float32)
    return reduce(torch.promote_types, dtypes)
