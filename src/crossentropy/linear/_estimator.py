"""Logistic and softmax regression behind scikit-learn's interface."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from crossentropy.errors import ConfigError, TargetError
from crossentropy.linear._dense import dense_objective
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._solver import SolverResult, solve
from crossentropy.linear._threads import one_blas_thread

__all__ = ["LogisticRegression"]

Floats = NDArray[np.float64]


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no hints
    r"""Logistic (two classes) and softmax (more) regression with an L2 penalty, to a certified gap.

    .. math:: \min_{W, b}\; C \sum_i s_i\,\mathrm{CE}(W x_i + b, y_i) + \tfrac12 \lVert W \rVert^2

    as in scikit-learn; inside, and in `objective_` and `optimality_gap_`, divided by C sum_i s_i, which makes it a
    mean in nats. The solver needs no scaling of the columns, and there is one (docs/decisions/0002-one-solver.md).

    Conventions:
        Two classes have one weight vector and one logit, that of `classes_[1]`; three and more have a row each, and
        the rows sum to zero. Intercepts are not penalised. `sample_weight` and `class_weight` multiply into s_i; C
        multiplies their sum, so doubling all weights is doubling C. Probabilities are not corrected for class weights.

    Args:
        C: inverse strength of the penalty, above 0; `float("inf")` for none.
        tol: the fit ends when the certified gap is at most tol times the objective (or, once the objective is below a
            thousandth of the loss of the best constant prediction, tol times that thousandth).
        fit_intercept: whether to fit intercepts.
        class_weight: {label: weight}, "balanced" (N / (K count)), or None for 1.
        max_iter: most Newton steps.
        warm_start: begin from the parameters of the last fit, if the shapes agree.
        random_state: draws the rows of the preconditioner; changes the path to the minimum, not the minimum. None for
            another draw each time.

    Attributes:
        classes_: (K,) labels, sorted.
        coef_: (1, D), or (K, D) from three classes on.
        intercept_: (1,) or (K,), zeros without intercepts.
        objective_: the minimised value in mean form, nats.
        optimality_gap_: upper bound on objective_ - minimum, nats; holds whatever the fit ended on.
        n_iter_: (1,) Newton steps.
        result_: `SolverResult`: also the reason of the end (`result_.status.message`) and the passes over the data.
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
        C: float = 1.0,
        *,
        tol: float = 1e-6,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        max_iter: int = 500,
        warm_start: bool = False,
        random_state: Any = 0,
    ) -> None:
        self.C = C
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to features (N, D) and labels (N,), with row weights (N,) of one unit each by default.

        Raises:
            ConfigError: a setting out of range.
            TargetError: labels of one class only, or a class whose rows all weigh nothing.
            ValueError: features that are not finite numbers, or shapes that do not agree (scikit-learn's own messages).
        """
        self._check_settings()
        features, labels = validate_data(self, X, y, dtype=(np.float64, np.float32), order="C")
        check_classification_targets(labels)
        classes, targets = np.unique(labels, return_inverse=True)
        weights = self._row_weights(features, labels, classes, targets, sample_weight)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        start = self._previous(classes, features.shape[1])
        with one_blas_thread():
            objective = dense_objective(
                features,
                targets.astype(np.intp, copy=False),
                n_classes=len(classes),
                row_weight=weights,
                penalty=Penalty(1.0 / (self.C * weights.sum())),
                intercept=self.fit_intercept,
            )
            result, _ = solve(
                objective,
                objective.start() if start is None else objective.rows.to_centred(start),
                tol=self.tol,
                max_iter=self.max_iter,
                rng=rng,
            )
        self.classes_ = classes
        self._keep(result, objective.rows.to_plain(result.parameters))
        return self

    def _check_settings(self) -> None:
        for name in ("C", "tol"):
            value = getattr(self, name)
            if not (isinstance(value, Real) and float(value) > 0.0):
                raise ConfigError(f"{name} is {value!r}, and must be a number above 0.")
        max_iter: object = self.max_iter
        if not (isinstance(max_iter, Integral) and int(max_iter) >= 0):
            raise ConfigError(f"max_iter is {max_iter!r}, and must be an integer of at least 0.")

    def _row_weights(
        self,
        X: Any,
        y: Any,
        classes: NDArray[Any],
        targets: NDArray[np.intp],
        sample_weight: ArrayLike | None,
    ) -> Floats:
        """Return s_i with the class weights multiplied in; refuse what leaves fewer than two classes."""
        weights: Floats = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if len(classes) < 2:
            raise TargetError(
                f"The targets hold one class only, {classes[0]}: a classifier needs at least 2 classes.",
                fix="Check the column of targets, or the filter on the rows.",
            )
        _refuse_weightless(classes, targets, weights)
        if self.class_weight is not None:
            factor = compute_class_weight(
                self.class_weight, classes=classes, y=y, sample_weight=sample_weight
            )
            weights = weights * factor[targets]
            _refuse_weightless(classes, targets, weights)
        return weights

    def _previous(self, classes: NDArray[Any], n_features: int) -> Floats | None:
        """Return the parameters of the last fit for a warm start, where they fit this problem."""
        if not self.warm_start or not hasattr(self, "coef_") or not np.array_equal(self.classes_, classes):
            return None
        if self.coef_.shape[1] != n_features:
            return None
        return np.column_stack([self.coef_, self.intercept_]) if self.fit_intercept else self.coef_

    def _keep(self, result: SolverResult, parameters: Floats) -> None:
        d = self.n_features_in_
        self.coef_ = np.ascontiguousarray(parameters[:, :d])
        self.intercept_ = parameters[:, d].copy() if self.fit_intercept else np.zeros(len(parameters))
        self.result_ = replace(result, parameters=parameters)
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.objective_ = result.objective
        self.optimality_gap_ = result.gap

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the logits: (N,) of `classes_[1]` for two classes, else (N, K)."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        logits: Floats = features @ self.coef_.T + self.intercept_
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each row (N,)."""
        logits = self.decision_function(X)
        chosen = (logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)
        labels: NDArray[Any] = self.classes_[chosen]
        return labels

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the log probabilities (N, K), nats, in the order of `classes_`."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return -np.logaddexp(0.0, np.column_stack([logits, -logits]))
        return log_softmax(logits, axis=1)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probabilities (N, K), in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))


def _refuse_weightless(classes: NDArray[Any], targets: NDArray[np.intp], weights: Floats) -> None:
    """Raise unless every class has some weight: the free intercept of a class without runs to minus infinity."""
    mass = np.bincount(targets, weights, len(classes))
    if not (mass > 0).all():
        raise TargetError(
            f"All rows of class {classes[int(np.argmin(mass))]} have sample_weight or class_weight 0; each of the "
            f"{len(classes)} classes needs some weight.",
            fix="Leave the rows of that class out, or give them weight.",
        )
