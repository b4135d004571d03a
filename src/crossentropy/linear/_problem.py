"""From what a user gives to what the solver takes, and back: shared by the estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from crossentropy.linear._blocks import is_table, products
from crossentropy.linear._inputs import NUMPY, Home, read
from crossentropy.linear._predictions import check_offset
from crossentropy.linear._targets import Targets, are_soft, read_targets

__all__ = ["read_problem", "restrict", "with_absent"]

Floats = NDArray[np.float64]

UNSEEN = 750.0
"""exp(-750) is 0 in float64."""


def read_problem(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    offset: ArrayLike | None,
    class_weight: dict[Any, float] | str | None,
) -> tuple[Any, Targets, Floats | None, Home]:
    """Check everything; return features (NumPy or CSR), targets, offsets (N, outputs), and where results belong.

    Sets `n_features_in_` and `feature_names_in_` of `estimator`.
    """
    if is_table(X):
        return (*_of_table(estimator, X, y, sample_weight, offset, class_weight), NUMPY)
    features, home = read(X)
    labels, weights = read(y)[0], read(sample_weight)[0]
    kinds = {"dtype": (np.float64, np.float32), "order": "C", "accept_sparse": "csr"}
    if are_soft(labels):
        features = validate_data(estimator, features, **kinds)
    else:
        features, labels = validate_data(estimator, features, labels, **kinds)
    targets = read_targets(labels, features.shape[0], weights, class_weight, features)
    margins = None if offset is None else check_offset(offset, features.shape[0], len(targets.classes))
    return features, targets, margins, home


def _of_table(
    estimator: BaseEstimator,
    table: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    offset: ArrayLike | None,
    class_weight: dict[Any, float] | str | None,
) -> tuple[Any, Targets, Floats | None]:
    """Check the targets of blocks of columns, which were checked when they were made."""
    estimator.n_features_in_ = table.shape[1]
    labels, weights = read(y)[0], read(sample_weight)[0]
    if not are_soft(labels):
        labels = column_or_1d(labels, warn=True)
        check_consistent_length(table, labels)
    targets = read_targets(labels, table.shape[0], weights, class_weight, table)
    margins = None if offset is None else check_offset(offset, table.shape[0], len(targets.classes))
    return table, targets, margins


def restrict(
    values: NDArray[Any], margins: Floats | None, present: NDArray[np.bool_]
) -> tuple[NDArray[Any], Floats | None]:
    """Return targets and offsets of the classes that are `present` alone; rows of the others weigh nothing."""
    if values.ndim == 2:
        values = values[:, present]
    else:
        place = np.maximum(np.cumsum(present) - 1, 0)
        values = place[values]
    if margins is not None and len(present) > 2:
        margins = margins[:, present]
        margins = margins[:, 1:] - margins[:, :1] if margins.shape[1] == 2 else margins
    return values, margins


def with_absent(parameters: Floats, present: NDArray[np.bool_], features: Any) -> Floats:
    """Return (K, D + 1) parameters of all classes, where those that are not `present` have probability 0.

    Their intercepts should be minus infinity. They are finite, for those who do arithmetic with logits, and so low that
    the probability is 0 in float64 for every row of the fit.
    """
    if len(parameters) == 1:
        parameters = np.concatenate([-0.5 * parameters, 0.5 * parameters])
    logits = products(features, slice(None), parameters[:, :-1]) + parameters[:, -1]
    full = np.zeros((len(present), parameters.shape[1]))
    full[present] = parameters
    full[~present, -1] = float(logits.min()) - UNSEEN
    return full
