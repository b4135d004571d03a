"""Where somebody may see each call of a loss, without a name of this room being replaced.

Outside of a watch the list is empty, and a call costs a test of that (a tenth of a microsecond) and no more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

Function = TypeVar("Function", bound=Callable[..., Any])
# gets the loss and its arguments, computes it, and returns it
Observer = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]

observers: list[Observer] = []
"""Those who see each call of the losses, with or without the layer, under whichever name."""


def observed(function: Function) -> Function:
    """Let the observers see each call of a loss; not what is compiled."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not observers or torch.compiler.is_compiling():
            return function(*args, **kwargs)
        if len(observers) == 1:
            return observers[0](function, args, kwargs)
        made: Callable[..., Any] = function
        for observer in tuple(observers):
            made = _through(observer, made)
        return made(*args, **kwargs)

    return cast(Function, call)


def _through(observer: Observer, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)  # the next observer knows the loss by its name
    def seen(*args: Any, **kwargs: Any) -> Any:
        return observer(function, args, kwargs)

    return seen
