"""Progress of a fit, told to a person (`verbose`) and to scikit-learn's callbacks (`set_callbacks`).

A callback sees one task a Newton step. Its `fitted_estimator` predicts as if the fit had ended there, and has
`objective_` and `optimality_gap_`: a bound on what is left, at every step. `True` from `on_fit_task_end` ends the fit,
which is a budget of time, or of anything else, with a certified answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._solver import Progress, SolverResult, Status, Watch

__all__ = ["FitWatch", "watching"]

Attributes = Callable[[NDArray[np.float64]], dict[str, Any]]


class FitWatch:
    """Passes what the solver tells to whoever listens."""

    def __init__(self, estimator: Any, context: Any, data: dict[str, Any]) -> None:
        self._estimator = estimator
        self._context = context
        self._data = data
        self._step: Any = None
        self._speaks = int(estimator.verbose) > 0
        self._listened = bool(getattr(estimator, "_skl_callbacks", [])) or hasattr(
            estimator, "_parent_callback_ctx"
        )

    def of(self, attributes: Attributes) -> Watch | None:
        """Return what the solver calls; None where nobody listens. `attributes` names its parameters."""
        if not (self._speaks or self._listened):
            return None

        def watch(progress: Progress) -> bool:
            if self._speaks:
                _say(
                    f"step {progress.n_iter}: objective {progress.objective:.6g} nats, "
                    f"at most {progress.gap:.2g} above the minimum"
                )
            return self._listened and self._tell(progress, attributes)

        return watch

    def _tell(self, progress: Progress, attributes: Attributes) -> bool:
        state = attributes(progress.parameters) | {
            "objective_": progress.objective,
            "optimality_gap_": progress.gap,
            "n_iter_": np.array([progress.n_iter], dtype=np.int32),
        }
        told = {"estimator": self._estimator, **self._data, "reconstruction_attributes": state}
        stop = self._step is not None and bool(self._step.call_on_fit_task_end(**told))
        self._step = self._context.subcontext(task_name="newton-iter")
        self._step.call_on_fit_task_begin(**told)
        return stop

    def ended(self, result: SolverResult) -> None:
        """Say why the fit ended."""
        if self._step is not None:
            self._step.call_on_fit_task_end(estimator=self._estimator)
        if self._speaks and result.separation is not None:
            _say(
                "The rows can be separated without error (result_.separation): only a penalty bounds the weights."
            )
        if self._speaks and result.status is not Status.REACHED:
            _say(f"{result.status.message} Relative gap: {result.relative_gap:.2g}.")


@contextmanager
def watching(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Iterator[FitWatch]:
    """Open the task of a fit for the callbacks of `estimator`, and close it when all went well."""
    context = estimator._init_callback_context(max_subtasks=int(estimator.max_iter) + 1)
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    data = {"X": X, "y": y, "metadata": metadata}
    context.call_on_fit_task_begin(estimator=estimator, **data)
    yield FitWatch(estimator, context, data)
    context.call_on_fit_task_end(estimator=estimator, **data, reconstruction_attributes={})


def _say(line: str) -> None:
    print(f"[LogisticRegression] {line}", file=sys.stderr)
