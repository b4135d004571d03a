"""Logistic and softmax regression behind scikit-learn's interface."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics import accuracy_score

from crossentropy.linear._auto import auto_path
from crossentropy.linear._drop_in import check_settings
from crossentropy.linear._fit import FitSettings, attributes_of, fit_problem, seed_of
from crossentropy.linear._inputs import NUMPY, read
from crossentropy.linear._predictions import LinearClassifier
from crossentropy.linear._problem import read_problem
from crossentropy.linear._progress import watching

__all__ = ["LogisticRegression"]

Floats = NDArray[np.float64]


class LogisticRegression(CallbackSupportMixin, LinearClassifier):  # type: ignore[misc]
    r"""Logistic (two classes) and softmax (more) regression with an L2, L1 or mixed penalty, to a certified gap.

    .. math:: \min_{W, b}\; C \sum_i s_i\,\mathrm{CE}(W x_i + b + o_i, y_i)
              + \tfrac{1 - r}{2} \lVert W \rVert^2 + r \lVert W \rVert_1, \qquad r = \mathtt{l1\_ratio}

    as in scikit-learn; inside, and in `objective_` and `optimality_gap_`, divided by C sum_i s_i, which makes it a
    mean in nats. The solver needs no scaling of the columns, and there is one (docs/decisions/0002-one-solver.md).
    It never warns that it did not converge: `optimality_gap_` holds whatever it ended on, and `result_.status.message`
    says why.

    Conventions:
        Two classes have one weight vector and one logit, that of `classes_[1]`; three and more have a row each,
        and the rows sum to zero (with an L1 part: the intercepts). Intercepts are not penalised.
        `sample_weight` and `class_weight` multiply into s_i; C multiplies their sum, so doubling all weights is
        doubling C. Probabilities are not corrected for class weights.
        A class whose rows all weigh nothing gets probability 0.

    Args:
        C: inverse strength of the penalty, above 0; `float("inf")` for none; "auto" for the one with the lowest
            log-loss on rows held out of five folds, as `cross_validate_penalty` chooses it.
        l1_ratio: mixture of L1 (1) and L2 (0), as in scikit-learn.
        tol: the fit ends when the certified gap is at most tol times the objective.
        fit_intercept: whether to fit intercepts.
        class_weight: {label: weight}, "balanced" (N / (K count)), or None for 1.
        random_state: draws the rows of the preconditioner; changes the path to the minimum, not the minimum. None for
            another draw each time.
        max_iter: most steps.
        verbose: 1 prints each step to standard error, with the objective and the certified gap, and why the fit ended.
        warm_start: begin from the parameters of the last fit, if the shapes agree.
        penalty, dual, intercept_scaling, solver, n_jobs: without meaning here. scikit-learn's defaults are accepted,
            anything else is refused with the reason.

    Attributes:
        classes_: (K,) labels, sorted.
        coef_: (1, D), or (K, D) from three classes on, of the dtype of the features (float32 or float64).
        intercept_: (1,) or (K,), zeros without intercepts.
        objective_: the minimised value in mean form, nats.
        C_: the C of the fit.
        optimality_gap_: upper bound on objective_ - minimum, nats; holds whatever the fit ended on.
        n_iter_: (1,) steps.
        n_passes_: passes over the data: evaluations, curvature products, and what else is done at its cost in them.
        result_: `SolverResult`: also the reason of the end (`result_.status.message`), the parameters in float64,
            which are what `objective_` and `optimality_gap_` speak of, and, where one was seen, weights that separate
            the rows without error (`result_.separation`, last column the intercepts).
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
        C: float | str = 1.0,
        l1_ratio: float = 0.0,
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
        self.l1_ratio = l1_ratio
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
            X: features (N, D): NumPy, SciPy sparse, pandas, polars, Arrow, torch, or another array library's; or
                blocks of columns (`side_by_side`).
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
        check_settings(self.get_params(deep=False))
        auto = isinstance(self.C, str) and self.C == "auto"
        settings = self._settings(1.0 if auto else self.C)
        features, targets, margins, home = read_problem(self, X, y, sample_weight, offset, self.class_weight)
        if auto:
            settings = replace(settings, C=auto_path(features, targets, margins, settings).C)
        with watching(self, X, y, sample_weight) as watch:
            result, parameters = fit_problem(
                features,
                targets,
                margins,
                settings,
                start=self._previous(targets.classes, features.shape[1]),
                watch_of=watch.of,
            )
            watch.ended(result)
        at_home = home if sklearn.get_config()["array_api_dispatch"] else NUMPY
        kept = attributes_of(parameters, targets, features.dtype, intercept=settings.intercept)
        for name, value in kept.items():
            setattr(self, name, at_home.bring(value))
        self.result_ = replace(result, parameters=parameters)
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.n_passes_ = result.n_passes
        self.objective_ = result.objective
        self.optimality_gap_ = result.gap
        self.C_ = float(settings.C)
        return self

    def _settings(self, C: Any) -> FitSettings:
        seed = seed_of(self.random_state)
        return FitSettings(C, self.l1_ratio, self.tol, self.max_iter, bool(self.fit_intercept), seed)

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
    ) -> float:
        """Return the accuracy: the weighted share of rows with the right label."""
        labels = read(self.predict(X, offset=offset))[0]
        return float(accuracy_score(read(y)[0], labels, sample_weight=read(sample_weight)[0]))

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
