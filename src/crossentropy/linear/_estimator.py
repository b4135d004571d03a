"""Logistic and softmax regression behind scikit-learn's interface."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state

from crossentropy.errors import ConfigError
from crossentropy.linear._dense import dense_objective
from crossentropy.linear._drop_in import check_settings_without_meaning
from crossentropy.linear._inputs import Home, read
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._predictions import LinearClassifier
from crossentropy.linear._problem import read_problem, restrict, with_absent
from crossentropy.linear._progress import FitWatch, watching
from crossentropy.linear._solver import SolverResult, solve
from crossentropy.linear._targets import Targets
from crossentropy.linear._threads import one_blas_thread

__all__ = ["LogisticRegression"]

Floats = NDArray[np.float64]


class LogisticRegression(CallbackSupportMixin, LinearClassifier):  # type: ignore[misc]
    r"""Logistic (two classes) and softmax (more) regression with an L2 penalty, to a certified gap.

    .. math:: \min_{W, b}\; C \sum_i s_i\,\mathrm{CE}(W x_i + b + o_i, y_i) + \tfrac12 \lVert W \rVert^2

    as in scikit-learn; inside, and in `objective_` and `optimality_gap_`, divided by C sum_i s_i, which makes it a
    mean in nats. The solver needs no scaling of the columns, and there is one (docs/decisions/0002-one-solver.md).
    It never warns that it did not converge: `optimality_gap_` holds whatever it ended on, and `result_.status.message`
    says why.

    Conventions:
        Two classes have one weight vector and one logit, that of `classes_[1]`; three and more have a row each, and
        the rows sum to zero. Intercepts are not penalised. `sample_weight` and `class_weight` multiply into s_i; C
        multiplies their sum, so doubling all weights is doubling C. Probabilities are not corrected for class weights.
        A class whose rows all weigh nothing gets probability 0.

    Args:
        C: inverse strength of the penalty, above 0; `float("inf")` for none.
        tol: the fit ends when the certified gap is at most tol times the objective (or, once the objective is below a
            thousandth of the loss of the best constant prediction, tol times that thousandth).
        fit_intercept: whether to fit intercepts.
        class_weight: {label: weight}, "balanced" (N / (K count)), or None for 1.
        random_state: draws the rows of the preconditioner; changes the path to the minimum, not the minimum. None for
            another draw each time.
        max_iter: most Newton steps.
        verbose: 1 prints each step to standard error, with the objective and the certified gap, and why the fit ended.
        warm_start: begin from the parameters of the last fit, if the shapes agree.
        penalty, dual, intercept_scaling, solver, n_jobs: without meaning here. scikit-learn's defaults are accepted,
            anything else is refused with the reason.

    Attributes:
        classes_: (K,) labels, sorted.
        coef_: (1, D), or (K, D) from three classes on, of the dtype of the features (float32 or float64).
        intercept_: (1,) or (K,), zeros without intercepts.
        objective_: the minimised value in mean form, nats.
        optimality_gap_: upper bound on objective_ - minimum, nats; holds whatever the fit ended on.
        n_iter_: (1,) Newton steps.
        result_: `SolverResult`: also the reason of the end (`result_.status.message`), the passes over the data, and
            the parameters in float64, which are what `objective_` and `optimality_gap_` speak of.
        n_features_in_: D.
        feature_names_in_: (D,) column names, where the features had names.

    Example:
        >>> import numpy as np
        >>> from crossentropy.linear import LogisticRegression
        >>> model = LogisticRegression(C=1.0).fit(np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1])
        >>> model.predict(np.array([[0.5], [2.5]])).tolist()
        [0, 1]
        >>> bool(model.optimality_gap_ < 1e-6)
        True
    """

    def __init__(
        self,
        penalty: str | None = "deprecated",
        *,
        C: float = 1.0,
        dual: bool = False,
        tol: float = 1e-6,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: dict[Any, float] | str | None = None,
        random_state: Any = 0,
        solver: str = "lbfgs",
        max_iter: int = 500,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Fit to features and targets.

        Args:
            X: features (N, D): NumPy, SciPy sparse, pandas, polars, Arrow, torch, or another array library's.
            y: labels (N,), or soft targets (N, K) in floating point: each row the probabilities of the classes, named
                0..K-1 or by the columns of a frame.
            sample_weight: (N,) s_i >= 0; None for ones.
            offset: (N,) for two classes, (N, K) for more: margins o_i that are known beforehand, added to the logits
                as they are (`decision_function`, `predict`, ... take those of their rows).

        Raises:
            ConfigError: a setting out of range, or one without meaning here.
            TargetError: fewer than two classes with weight, or a row of y that is no distribution.
            ShapeError: an offset of another shape.
            ValueError: features that are not finite numbers, or shapes that do not agree (scikit-learn's own messages).
        """
        check_settings_without_meaning(self.get_params(deep=False))
        self._check_settings()
        features, targets, margins, home = read_problem(self, X, y, sample_weight, offset, self.class_weight)
        at_home = home if sklearn.get_config()["array_api_dispatch"] else Home()
        with watching(self, X, y, sample_weight) as watch:
            result, parameters = self._solve(features, targets, margins, watch)
        for name, value in self._attributes(parameters, targets, features.dtype).items():
            setattr(self, name, at_home.bring(value))
        self.result_ = replace(result, parameters=parameters)
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.objective_ = result.objective
        self.optimality_gap_ = result.gap
        return self

    def _solve(
        self, features: Any, targets: Targets, margins: Floats | None, watch: FitWatch
    ) -> tuple[SolverResult, Floats]:
        """Return the result, and its parameters for all classes, intercepts of uncentred features."""
        values, weights = targets.weighted()
        present = targets.present()
        if not self.fit_intercept:
            present = np.ones_like(present)
        few = not present.all()
        l2 = 1.0 / (self.C * weights.sum())
        if few:
            values, margins = restrict(values, margins, present)
            l2 *= 0.5 if present.sum() == 2 else 1.0
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        start = None if few else self._previous(targets.classes, features.shape[1])

        with one_blas_thread():
            objective = dense_objective(
                features,
                values,
                n_classes=int(present.sum()),
                row_weight=weights,
                penalty=Penalty(l2),
                intercept=self.fit_intercept,
                offset=margins[:, 0] if margins is not None and margins.shape[1] == 1 else margins,
            )

            def plain(parameters: Floats) -> Floats:
                shown = objective.rows.to_plain(parameters)
                return with_absent(shown, present, features) if few else shown

            result, _ = solve(
                objective,
                objective.start() if start is None else objective.rows.to_centred(start),
                tol=self.tol,
                max_iter=self.max_iter,
                rng=rng,
                watch=watch.of(lambda p: self._attributes(plain(p), targets, features.dtype)),
            )
        watch.ended(result)
        return result, plain(result.parameters)

    def _check_settings(self) -> None:
        for name in ("C", "tol"):
            value = getattr(self, name)
            if not (isinstance(value, Real) and float(value) > 0.0):
                raise ConfigError(f"{name} is {value!r}, and must be a number above 0.")
        max_iter: object = self.max_iter
        if not (isinstance(max_iter, Integral) and int(max_iter) >= 0):
            raise ConfigError(f"max_iter is {max_iter!r}, and must be an integer of at least 0.")

    def _previous(self, classes: NDArray[Any], n_features: int) -> Floats | None:
        """Return the parameters of the last fit for a warm start, where they fit this problem.

        `coef_` and `intercept_` may have been written to; while they are what the fit left, the float64 parameters
        behind them are used.
        """
        if not self.warm_start or not hasattr(self, "coef_"):
            return None
        coef, intercept = read(self.coef_)[0], read(self.intercept_)[0]
        if not np.array_equal(read(self.classes_)[0], classes) or coef.shape[1] != n_features:
            return None
        shown = np.column_stack([coef, intercept]) if self.fit_intercept else coef
        kept: Floats = self.result_.parameters if hasattr(self, "result_") else shown
        same = kept.shape == shown.shape and np.array_equal(kept.astype(coef.dtype), shown)
        return kept if same else np.asarray(shown, dtype=np.float64)

    def _attributes(self, parameters: Floats, targets: Targets, dtype: Any) -> dict[str, NDArray[Any]]:
        """Return what scikit-learn calls the classes and the parameters (outputs, width)."""
        d = self.n_features_in_
        intercept = parameters[:, d] if self.fit_intercept else np.zeros(len(parameters))
        return {
            "classes_": targets.classes,
            "coef_": np.ascontiguousarray(parameters[:, :d], dtype=dtype),
            "intercept_": intercept.astype(dtype),
        }
