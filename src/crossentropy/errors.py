"""Every error and warning the package raises.

* CrossEntropyError
  + InputError (ValueError, RuntimeError)    what was given cannot be used; the command exits with 2
    - DataError                              a file or a table: names the file, the row, the column, the value
    - TargetError                            targets: of the wrong kind, of one class only, not a distribution
      . ClassIdError (IndexError)            a class id outside [0, K)
    - ShapeError                             shapes, dtypes or devices that do not fit together
      . AxisError (IndexError)               an axis that does not exist, or that holds no classes
    - TensorTypeError (TypeError, NotImplementedError)   no tensor, or of a dtype that has no logits
    - ConfigError                            a setting: unknown, out of range, in conflict with another
    - OutputError (OSError)                  a place that cannot be written, or that holds something already
  + BundleError                              a saved classifier that is damaged, or that this version cannot read
  + DivergenceError (FloatingPointError)     training met a loss or a gradient that is not finite
* CrossEntropyWarning (UserWarning)
  + DataWarning                              the data were used, but not all of them, or not as they stand
  + MisuseWarning                            a loss was computed as asked, of values that it is not meant for

The built-in classes in brackets are those that callers of torch and scikit-learn catch for the same mistake.

A message says what was wrong (where, which value), what was expected, and what to do. `fix` is the last of
the three; `str()` of an error is the whole message, on one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AxisError",
    "BundleError",
    "ClassIdError",
    "ConfigError",
    "CrossEntropyError",
    "CrossEntropyWarning",
    "DataError",
    "DataWarning",
    "DivergenceError",
    "InputError",
    "MisuseWarning",
    "OutputError",
    "ShapeError",
    "TargetError",
    "TensorTypeError",
    "did_you_mean",
]


class CrossEntropyError(Exception):
    """Base of every error raised on purpose by this package."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return " ".join(f"{self.message} {self.fix}".split())


class InputError(CrossEntropyError, ValueError, RuntimeError):
    """What was given cannot be used."""


class DataError(InputError):
    """A file or a table cannot be used as data."""


class TargetError(InputError):
    """Targets are of the wrong kind."""


class ClassIdError(TargetError, IndexError):
    """A class id lies outside [0, K)."""


class ShapeError(InputError):
    """Shapes, dtypes or devices do not fit together."""


class AxisError(ShapeError, IndexError):
    """An axis does not exist, or holds no classes."""


class TensorTypeError(InputError, TypeError, NotImplementedError):
    """An argument is no tensor, or of a dtype that the function does not take."""


class ConfigError(InputError):
    """A setting is unknown, out of range, or in conflict with another."""


class OutputError(InputError, OSError):
    """A place cannot be written, or holds something that would be lost."""


class BundleError(CrossEntropyError):
    """A saved classifier is damaged, or was written by a newer version."""


class DivergenceError(CrossEntropyError, FloatingPointError):
    """Training met a loss or a gradient that is not finite."""


class CrossEntropyWarning(UserWarning):
    """Base of every warning given by this package."""


class DataWarning(CrossEntropyWarning):
    """The data were used, but not all of them, or not as they stand."""


class MisuseWarning(CrossEntropyWarning):
    """A loss was computed as asked, of values that it is not meant for."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the known name nearest to `name`, or the first few known ones."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    folded = [k for k in known if k.casefold() == name.casefold()]
    if folded or near:
        return f"Did you mean {(folded or near)[0]!r}?"
    if not known:
        return ""
    return f"Known: {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}."
