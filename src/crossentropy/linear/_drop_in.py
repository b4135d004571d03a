"""scikit-learn's parameters that choose how to solve: accepted as they stand by default, refused otherwise.

There is one solver here, for every penalty, shape and number of classes, so these have nothing to choose. Ignoring
them in silence would let a reader believe that they did something; refusing the default would break working code.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from crossentropy.errors import ConfigError

__all__ = ["check_settings"]

_DEFAULTS: dict[str, tuple[Any, str, str]] = {
    "solver": (
        "lbfgs",
        "there is one solver, for every penalty and any number of classes.",
        "Leave it out.",
    ),
    "dual": (
        False,
        "the primal problem is solved whatever the shape; the dual one gives the certificate.",
        "Leave it out.",
    ),
    "intercept_scaling": (
        1,
        "intercepts are not penalised, so there is nothing to scale.",
        "Leave it out.",
    ),
    "n_jobs": (
        None,
        "all folds share each read of the data, on as many threads as torch.get_num_threads() says.",
        "Leave it out; torch.set_num_threads() sets the number.",
    ),
    "use_legacy_attributes": (
        False,
        "the attributes have the form that scikit-learn 1.10 changes to: floats and arrays, not dictionaries.",
        "Leave it out.",
    ),
}

_PENALTY = {
    "l2": "l1_ratio=0 says the same.",
    "l1": "Use l1_ratio=1.",
    "elasticnet": "Use l1_ratio between 0 and 1.",
    None: "Use C=float('inf').",
}


def check_settings(settings: dict[str, Any]) -> None:
    """Raise a `ConfigError` for a switch that is none, and for a setting without meaning that is not at its default."""
    for name in ("fit_intercept", "warm_start", "refit"):
        if not isinstance(settings.get(name, False), (bool, np.bool_)):
            raise ConfigError(f"{name} is {settings[name]!r}, and must be True or False.")
    if not isinstance(settings["verbose"], (bool, Integral)) or settings["verbose"] < 0:
        raise ConfigError(f"verbose is {settings['verbose']!r}, and must be an integer of at least 0.")
    for name, (default, why, fix) in _DEFAULTS.items():
        if name in settings and not _is(settings[name], default):
            raise ConfigError(f"{name}={settings[name]!r} has no meaning here: {why}", fix=fix)
    penalty = settings.get("penalty", "deprecated")
    if isinstance(penalty, str) and penalty == "deprecated":
        return
    fix = _PENALTY.get(penalty if isinstance(penalty, str) else None, "Use l1_ratio and C.")
    if not (isinstance(penalty, str) or penalty is None):
        fix = "C is given by keyword."
    raise ConfigError(f"penalty={penalty!r} is not taken: scikit-learn 1.10 removes the parameter.", fix=fix)


def _is(value: Any, default: Any) -> bool:
    return value is default or (
        isinstance(value, (str, int, float, np.bool_, np.number)) and bool(value == default)
    )
