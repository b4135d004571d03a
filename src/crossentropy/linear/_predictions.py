"""What a fitted linear classifier answers: logits, probabilities, labels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from crossentropy.errors import InputError, ShapeError
from crossentropy.linear._blocks import is_table, products
from crossentropy.linear._inputs import is_tensor, read

__all__ = ["LinearClassifier", "check_offset"]


class LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no hints
    """Logits that are linear in the features, and what follows from them.

    `classes_`, `coef_`, `intercept_` and `n_features_in_` come from a fit; a subclass has that.

    Results are where the features are: a tensor for a tensor, on its device; NumPy for everything that scikit-learn
    reads. Labels are too, unless they are strings.
    """

    classes_: Any
    coef_: Any
    intercept_: Any
    n_features_in_: int

    def decision_function(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Return the logits: (N,) of `classes_[1]` for two classes, else (N, K).

        Args:
            X: features (N, D).
            offset: margins to be added, as in `fit`; None adds nothing, whatever `fit` was given.
        """
        check_is_fitted(self)
        if is_tensor(X):
            return self._tensor_logits(X, offset)
        features, home = read(X)
        if not is_table(features):
            features = validate_data(
                self, features, dtype=(np.float64, np.float32), accept_sparse="csr", reset=False
            )
        elif features.shape[1] != self.n_features_in_:
            raise self._other_width(features.shape[1])
        coef, intercept = read(self.coef_)[0], read(self.intercept_)[0]
        if is_table(features):
            coef = _dense(coef).astype(np.float64)
        logits: NDArray[Any] = products(features, slice(None), coef) + intercept
        if offset is not None:
            logits = logits + check_offset(offset, len(logits), len(self.classes_))
        return home.bring(logits[:, 0] if logits.shape[1] == 1 else logits)

    def predict(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Return the most probable label of each row (N,)."""
        logits = self.decision_function(X, offset=offset)
        values, home = read(logits)
        chosen = (values > 0).astype(np.intp) if values.ndim == 1 else values.argmax(axis=1)
        return home.bring(read(self.classes_)[0][chosen])

    def predict_log_proba(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Return the log probabilities (N, K), nats, in the order of `classes_`."""
        logits = self.decision_function(X, offset=offset)
        if is_tensor(logits):
            import torch

            if logits.ndim == 1:
                return torch.nn.functional.logsigmoid(torch.stack([-logits, logits], dim=1))
            return torch.log_softmax(logits, dim=1)
        values, home = read(logits)
        if values.ndim == 1:
            return home.bring(-np.logaddexp(0.0, np.column_stack([values, -values])))
        values = values - values.max(axis=1, keepdims=True)
        return home.bring(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))

    def predict_proba(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Return the probabilities (N, K), in the order of `classes_`."""
        logs = self.predict_log_proba(X, offset=offset)
        if is_tensor(logs):
            return logs.exp()
        values, home = read(logs)
        return home.bring(np.exp(values))

    def sparsify(self) -> Self:
        """Store `coef_` as a sparse matrix: smaller where an L1 penalty made most of it zero."""
        check_is_fitted(self)
        self.coef_ = sparse.csr_array(read(self.coef_)[0])
        return self

    def densify(self) -> Self:
        """Store `coef_` as an array again: what `fit` and `result_` give."""
        check_is_fitted(self)
        self.coef_ = _dense(self.coef_)
        return self

    def _tensor_logits(self, X: Any, offset: ArrayLike | None) -> Any:
        """Return the logits of a tensor, computed where it is."""
        import torch

        if X.ndim != 2:
            raise ShapeError(
                f"X has {X.ndim} dimension(s). Expected a 2D tensor of features (N, D).",
                fix="Reshape your data: X[None] for one row.",
            )
        if X.shape[1] != self.n_features_in_:
            raise self._other_width(X.shape[1])
        rows = X.detach()
        if rows.dtype not in (torch.float32, torch.float64):
            rows = rows.to(torch.float32 if rows.dtype.is_floating_point else torch.float64)
        if not bool(torch.isfinite(rows).all()):
            raise InputError("Input X contains NaN or infinity.")
        weight = torch.as_tensor(_dense(read(self.coef_)[0]), dtype=rows.dtype, device=rows.device)
        bias = torch.as_tensor(read(self.intercept_)[0], dtype=rows.dtype, device=rows.device)
        logits = rows @ weight.T + bias
        if offset is not None:
            logits = logits + torch.as_tensor(
                check_offset(offset, len(rows), len(self.classes_)), dtype=rows.dtype, device=rows.device
            )
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def _other_width(self, width: int) -> ShapeError:
        return ShapeError(
            f"X has {width} features, but {type(self).__name__} is expecting {self.n_features_in_} features as input."
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        tags.input_tags.sparse = True
        return tags


def _dense(array: Any) -> Any:
    sparsified: Any = array if sparse.issparse(array) else None
    return array if sparsified is None else sparsified.toarray()


def check_offset(offset: Any, n: int, n_classes: int) -> NDArray[np.float64]:
    """Return offsets as (n, outputs): one column for two classes, K for more."""
    try:
        values = np.asarray(read(offset)[0], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("offset must hold numbers.", fix="It is added to the logits.") from error
    allowed = [(n,), (n, 1), (n, 2)] if n_classes == 2 else [(n, n_classes)]
    if values.shape not in allowed:
        raise ShapeError(
            f"offset has shape {values.shape}, and must have {' or '.join(map(str, allowed[:1]))}: "
            "margins that are added to the logits" + (" of the second class." if n_classes == 2 else ".")
        )
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values.reshape(n, -1)).all(axis=1))[0])
        raise InputError(f"offset contains NaN or infinity, first in row {row}.")
    if n_classes > 2:
        return values
    if values.ndim == 2 and values.shape[1] == 2:
        return values[:, 1:] - values[:, :1]
    return values.reshape(n, 1)
