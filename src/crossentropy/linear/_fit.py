"""One fit: a checked problem in, parameters of all classes and a certificate out. Shared by the estimators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from crossentropy.errors import ConfigError
from crossentropy.linear._choose import linear_objective, minimise
from crossentropy.linear._penalty import penalty_of
from crossentropy.linear._problem import restrict, with_absent
from crossentropy.linear._solver import SolverResult, Watch
from crossentropy.linear._targets import Targets
from crossentropy.linear._threads import one_blas_thread

__all__ = ["FitSettings", "attributes_of", "fit_problem", "seed_of"]

Floats = NDArray[np.float64]

WatchOf = Callable[[Callable[[Floats], dict[str, NDArray[Any]]]], Watch | None]


@dataclass(frozen=True)
class FitSettings:
    """What decides a fit beside its data."""

    C: float
    l1_ratio: float
    tol: float
    max_iter: int
    intercept: bool
    seed: int

    def __post_init__(self) -> None:
        for name in ("C", "tol"):
            value: object = getattr(self, name)
            if not (isinstance(value, Real) and float(value) > 0.0):
                other = " or 'auto'" if name == "C" else ""
                raise ConfigError(f"{name} is {value!r}, and must be a number above 0{other}.")
        ratio: object = self.l1_ratio
        if not (isinstance(ratio, Real) and 0.0 <= float(ratio) <= 1.0):
            raise ConfigError(f"l1_ratio is {ratio!r}, and must be a number from 0 to 1.")
        max_iter: object = self.max_iter
        if not (isinstance(max_iter, Integral) and int(max_iter) >= 0):
            raise ConfigError(f"max_iter is {max_iter!r}, and must be an integer of at least 0.")


def seed_of(random_state: Any) -> int:
    """Return one draw of scikit-learn's `random_state`."""
    return int(check_random_state(random_state).randint(2**31))


def fit_problem(
    features: Any,
    targets: Targets,
    margins: Floats | None,
    settings: FitSettings,
    *,
    start: Floats | None = None,
    watch_of: WatchOf | None = None,
) -> tuple[SolverResult, Floats]:
    """Fit, and return the result with the parameters of all classes, intercepts for features as they are.

    Args:
        features: (N, D), an array or CSR.
        targets: checked targets and weights.
        margins: (N, outputs) offsets.
        settings: see there.
        start: plain parameters to start from; dropped where classes have no weight.
        watch_of: returns a watch, given what makes attributes of the solver's parameters.
    """
    values, weights = targets.weighted()
    present = targets.present()
    if not settings.intercept:
        present = np.ones_like(present)
    few = not present.all()
    if few:
        values, margins = restrict(values, margins, present)
    penalty = penalty_of(
        settings.C, settings.l1_ratio, float(weights.sum()), of_two=few and present.sum() == 2
    )
    with one_blas_thread():
        objective = linear_objective(
            features,
            values,
            n_classes=int(present.sum()),
            row_weight=weights,
            penalty=penalty,
            intercept=settings.intercept,
            offset=margins[:, 0] if margins is not None and margins.shape[1] == 1 else margins,
        )

        def plain(parameters: Floats) -> Floats:
            shown = objective.rows.to_plain(parameters)
            return with_absent(shown, present, features) if few else shown

        def attributes(parameters: Floats) -> dict[str, NDArray[Any]]:
            return attributes_of(plain(parameters), targets, features.dtype, intercept=settings.intercept)

        result, _ = minimise(
            objective,
            objective.start() if start is None or few else objective.rows.to_centred(start),
            tol=settings.tol,
            max_iter=settings.max_iter,
            rng=np.random.default_rng(settings.seed),
            watch=watch_of(attributes) if watch_of else None,
        )
    if result.separation is not None:
        result = replace(result, separation=plain(result.separation))
    return result, plain(result.parameters)


def attributes_of(
    parameters: Floats, targets: Targets, dtype: Any, *, intercept: bool
) -> dict[str, NDArray[Any]]:
    """Return what scikit-learn calls the classes and the parameters (outputs, width)."""
    weight, bias = parameters, np.zeros(len(parameters))
    if intercept:
        weight, bias = parameters[:, :-1], parameters[:, -1]
    return {
        "classes_": targets.classes,
        "coef_": np.ascontiguousarray(weight, dtype=dtype),
        "intercept_": bias.astype(dtype),
    }
