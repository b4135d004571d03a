"""Class frequencies as a user says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import ConfigError
from crossentropy.evaluation._given import class_list, parsed, refuse_unknown

__all__ = ["read_frequencies"]

_FORM = (
    'Expected how frequent each class is, {"ill": 0.01, "well": 0.99}; counts will do too. A class that hardly ever '
    "occurs gets a small number: after 0 no row could be called it, whatever speaks for it."
)
_LEAST, _MOST = 1e-100, 1e100


def read_frequencies(given: Any, classes: Sequence[object]) -> NDArray[np.float64]:
    """Return the frequencies (K,), which sum to 1.

    Args:
        given: a mapping from class names to frequencies or counts; or JSON of it, or the path of a file of it.
        classes: the K class names.

    Raises:
        ConfigError: it is none, a class is missing or unknown, or a frequency is no number above 0.
    """
    given = parsed(given, "The class frequencies", _FORM)
    names = [str(name) for name in classes]
    if not isinstance(given, Mapping):
        raise ConfigError(f"The class frequencies are {_short(given)}, no object by class names.", fix=_FORM)
    refuse_unknown(given, names, "The class frequencies", _FORM)
    by_name = {str(name): value for name, value in given.items()}
    absent = [name for name in names if name not in by_name]
    if absent:
        raise ConfigError(f"The class frequencies lack that of {class_list(absent)}.", fix=_FORM)
    for name in names:
        if not _is_frequency(by_name[name]):
            raise ConfigError(
                f"The frequency of class {name!r} is {_short(by_name[name])}, no number above 0.", fix=_FORM
            )
    found = np.array([float(by_name[name]) for name in names])
    # first by the largest: a sum of large numbers is larger than any
    share: NDArray[np.float64] = found / found.max()
    share /= share.sum()
    return share


def _is_frequency(value: Any) -> bool:
    if isinstance(value, bool | str) or value is None:
        return False
    try:
        return bool(_LEAST <= float(value) <= _MOST)
    except (TypeError, ValueError, OverflowError):
        return False


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
