"""Where the calls are seen: what all of torch's losses end in, and the losses of this package.

`CrossEntropyLoss`, `F.cross_entropy` and every name that a program gave to them call `torch._C._nn.cross_entropy_loss`,
looked up anew each time; the other losses have a builtin each, and `linear_cross_entropy` by chunks two operators of a
module, imported anew each time (without chunks it makes the logits). Replacing these six attributes for as long as a
watch lasts sees every thread and every name imported before the watch began, costs nothing for any other operation, and
leaves the identity of the public functions alone, on which tables of tensor subclasses rely. The losses of this package
are seen through their list of observers, for large inputs end in kernels of their own. A torch function mode would see
its own thread only, and would put Python code around every operation of the program (`docs/check/watch.md` has the
figures). What nothing here sees: code that torch.compile or torch.jit has compiled, and other processes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.jit import _builtins as jit_builtins
from torch.nn.modules import linear_cross_entropy as torch_linear

from crossentropy.losses.observers import observers


@dataclass(frozen=True)
class Call:
    """One call of a loss; of a fused one `input` holds the features, and the layer is given too."""

    family: str
    input: Tensor
    target: Tensor
    weight: Tensor | None = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    reduction: int = 1
    linear_weight: Tensor | None = None
    linear_bias: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the logits, or probabilities."""
        if self.linear_weight is None:
            return tuple(self.input.shape)
        return *self.input.shape[:-1], *self.linear_weight.shape[:-1]


def _cross_entropy(
    input: Tensor, target: Tensor, weight: Any = None, reduction: int = 1, ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Call:  # fmt: skip
    return Call("cross_entropy", input, target, weight, ignore_index, label_smoothing, reduction)


def _nll(
    input: Tensor, target: Tensor, weight: Any = None, reduction: int = 1, ignore_index: int = -100
) -> Call:
    return Call("nll_loss", input, target, weight, ignore_index, 0.0, reduction)


def _bce(input: Tensor, target: Tensor, weight: Any = None, reduction: int = 1) -> Call:
    return Call("binary_cross_entropy", input, target, weight, reduction=reduction)


def _bce_logits(
    input: Tensor, target: Tensor, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> Call:
    return Call("binary_cross_entropy_with_logits", input, target, weight, reduction=reduction)


def _linear(
    input: Tensor, linear_weight: Tensor, target: Tensor, linear_bias: Any, weight: Any, reduction: str,
    ignore_index: int, *_: Any,
) -> Call:  # fmt: skip
    number = _REDUCTIONS[reduction]
    return Call(
        "linear_cross_entropy", input, target, weight, ignore_index, 0.0, number, linear_weight, linear_bias
    )


def _linear_none(
    input: Tensor, linear_weight: Tensor, target: Tensor, linear_bias: Any, weight: Any, ignore_index: int,
    *_: Any,
) -> Call:  # fmt: skip
    return _linear(input, linear_weight, target, linear_bias, weight, "none", ignore_index)


def _ours(family: str) -> Callable[..., Call]:
    """Return what reads the arguments of the loss of that name in `crossentropy.losses`."""

    def read(
        input: Tensor, target: Any, weight: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
        label_smoothing: float = 0.0, **_: Any,
    ) -> Call:  # fmt: skip
        return Call(family, input, target, weight, ignore_index, label_smoothing, _REDUCTIONS[reduction])

    return read


def _ours_linear(family: str) -> Callable[..., Call]:
    """Return what reads the arguments of a fused loss of that name in `crossentropy.losses`."""

    def read(
        input: Tensor, linear_weight: Tensor, target: Any, *, linear_bias: Any = None, weight: Any = None,
        reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0, **_: Any,
    ) -> Call:  # fmt: skip
        left_out = -100 if ignore_index is None else ignore_index
        number = _REDUCTIONS[reduction]
        return Call(
            family, input, target, weight, left_out, label_smoothing, number, linear_weight, linear_bias
        )

    return read


_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
Reader = Callable[..., Call]
_POINTS: tuple[tuple[Any, str, str, Reader], ...] = (
    (torch._C._nn, "cross_entropy_loss", "aten::cross_entropy_loss", _cross_entropy),
    (torch._C._nn, "nll_loss_nd", "aten::nll_loss_nd", _nll),
    (torch._C._nn, "binary_cross_entropy", "aten::binary_cross_entropy", _bce),
    (torch, "binary_cross_entropy_with_logits", "aten::binary_cross_entropy_with_logits", _bce_logits),
    (torch_linear, "_linear_cross_entropy_batch_chunked", "", _linear),
    (torch_linear, "_linear_cross_entropy_batch_chunked_no_reduction", "", _linear_none),
)

FAMILIES = {
    "cross_entropy_loss": "cross_entropy",
    "nll_loss_nd": "nll_loss",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "_linear_cross_entropy_batch_chunked": "linear_cross_entropy",
    "_linear_cross_entropy_batch_chunked_no_reduction": "linear_cross_entropy",
}

_OURS = {family: _ours(family) for family in FAMILIES.values()} | {
    family: _ours_linear(family) for family in ("linear_cross_entropy", "linear_binary_cross_entropy")
}

# gets the family, what reads the arguments, and the function with its arguments; makes the call
Observer = Callable[[str, Reader, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
_observers: list[Observer] = []
_lock = threading.Lock()
_originals: list[Any] = []
_at_fork: list[bool] = []


class _Inside(threading.local):
    """Whether this thread is inside of a loss of this package."""

    ours = False


_inside = _Inside()


def begin(observer: Observer) -> None:
    """Let an observer see each call."""
    with _lock:
        if not _originals:
            for owner, name, builtin, reader in _POINTS:
                original = getattr(owner, name)
                _originals.append(original)
                wrapper = _wrapper(original, FAMILIES[name], reader)
                if builtin:  # torch.jit knows its builtins by identity
                    jit_builtins._register_builtin(wrapper, builtin)
                setattr(owner, name, wrapper)
            observers.append(_observe_ours)
        if not _at_fork:
            os.register_at_fork(after_in_child=_in_a_child)
            _at_fork.append(True)
        _observers.append(observer)


def end(observer: Observer) -> None:
    """Stop; after the last observer torch is as it was."""
    with _lock:
        if observer in _observers:
            _observers.remove(observer)
        if not _observers and _originals:
            _undo()


def _undo() -> None:
    for (owner, name, _, _), original in zip(_POINTS, _originals, strict=True):
        (jit_builtins._builtin_table or {}).pop(id(getattr(owner, name)), None)
        setattr(owner, name, original)
    observers.remove(_observe_ours)
    _originals.clear()


def _in_a_child() -> None:
    """A forked worker has nobody to tell what it sees; another thread may have held the lock when it was forked."""
    global _lock
    _lock = threading.Lock()
    _observers.clear()
    if _originals:
        _undo()


def _wrapper(original: Callable[..., Any], family: str, reader: Reader) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        # Dynamo traces through here, and keeps the plain operation
        if not _observers or is_compiling() or _inside.ours:
            return original(*args, **kwargs)
        return _through(family, reader, original, args, kwargs)

    watched.__name__ = getattr(original, "__name__", "watched")
    return watched


def _observe_ours(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """See a call of `crossentropy.losses`, and not once more where it ends in one of torch's builtins."""

    def made(*args: Any, **kwargs: Any) -> Any:
        before, _inside.ours = _inside.ours, True
        try:
            return function(*args, **kwargs)
        finally:
            _inside.ours = before

    if not _observers or _inside.ours:
        return function(*args, **kwargs)
    return _through(function.__name__, _OURS[function.__name__], made, args, kwargs)


def _through(
    family: str, reader: Reader, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if len(_observers) == 1:
        return _observers[0](family, reader, original, args, kwargs)
    first, *others = tuple(_observers)
    made = original
    for observer in others:
        made = _around(observer, family, reader, made)
    return first(family, reader, made, args, kwargs)


def _around(observer: Observer, family: str, reader: Reader, made: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: observer(family, reader, made, args, kwargs)
