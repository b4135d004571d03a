r"""Targets and weights as a fit needs them, from what a user gives.

Hard targets are labels (N,); soft ones are probabilities (N, K): floating-point numbers in two columns or more, each
row a distribution. The shape and the dtype decide, never the values: 2-d integers are what scikit-learn calls
multilabel and are refused as it refuses them, and a float one-hot matrix means the same as its labels.

Class weights c multiply what a row says about each class. For a soft row t that is

.. math:: s \sum_k c_k t_k (-\ln p_k) = \Big(s \sum_j c_j t_j\Big)\, \mathrm{CE}(p, t'), \qquad t'_k \propto c_k t_k,

a row of weight :math:`s \sum_j c_j t_j` and target t'. `"balanced"` is N / (K N_k), N_k the summed weight of class k,
over the K classes that have some.

A class may have no weight at all: bagging and bootstraps draw such samples. Its free intercept runs to minus infinity,
and the minimum of the others is what is approached; so the fit is of the others (`present`), and the class gets
probability 0 afterwards. Two classes that are left of more share one logit, w_1 - w_0, and the penalty of the pair,
(|w_0|^2 + |w_1|^2) / 2, is half of that of the logit: `penalty_factor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from crossentropy.errors import ConfigError, ShapeError, TargetError

__all__ = ["Targets", "are_soft", "read_targets"]

Floats = NDArray[np.float64]

UNIT_SUM = 1e-4
"""How far a row of soft targets may sum from 1: float32 that was printed and read again."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Checked targets and weights of N rows."""

    classes: NDArray[Any]
    """(K,) labels; 0..K-1 or column names for soft targets."""
    values: NDArray[Any]
    """(N,) ids into `classes`, or (N, K) distributions."""
    row_weight: Floats
    """(N,) s_i as given; ones by default."""
    class_weight: Floats
    """(K,) c_k; ones by default."""

    @property
    def soft(self) -> bool:
        """Whether the targets are distributions."""
        return self.values.ndim == 2

    @property
    def ids(self) -> NDArray[np.intp]:
        """(N,) class ids; of soft targets, the most probable class."""
        ids: NDArray[np.intp] = self.values.argmax(axis=1) if self.soft else self.values
        return ids

    def weighted(self) -> tuple[NDArray[Any], Floats]:
        """Return targets and row weights with the class weights multiplied in."""
        if not self.soft:
            return self.values, self.row_weight * self.class_weight[self.values]
        scaled = self.values * self.class_weight
        mass = scaled.sum(axis=1)
        return scaled / np.where(mass > 0, mass, 1.0)[:, None], self.row_weight * mass

    def present(self) -> NDArray[np.bool_]:
        """(K,) whether each class has weight; raises where fewer than two have."""
        mass = _mass(self.values, self.row_weight, len(self.classes)) * self.class_weight
        present: NDArray[np.bool_] = mass > 0
        if present.sum() < 2:
            only = f"only class {self.classes[present][0]} has" if present.any() else "no class has"
            raise TargetError(
                f"Of {len(self.classes)} classes {only} rows of sample_weight and class_weight above 0.",
                fix="A classifier needs at least 2 classes with weight.",
            )
        return present


def are_soft(y: Any) -> bool:
    """Whether `y` is (N, K >= 2) of floating-point numbers: probabilities."""
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) != 2 or shape[1] < 2:
        return False
    kinds = getattr(y, "dtypes", None)  # of a frame, pandas' or polars'
    if kinds is not None:
        return all("float" in str(kind).lower() for kind in kinds)
    dtype = getattr(y, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "f"


def read_targets(
    y: Any, n: int, sample_weight: Any, class_weight: dict[Any, float] | str | None, features: Any
) -> Targets:
    """Check targets and weights of `n` rows."""
    weights: Floats = _check_sample_weight(
        sample_weight, features, dtype=np.float64, ensure_non_negative=True
    )
    if are_soft(y):
        classes, values = _read_soft(y, n)
    else:
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        classes, ids = np.unique(labels, return_inverse=True)
        values = ids.astype(np.intp, copy=False)
        if len(classes) < 2:
            raise TargetError(
                f"The targets hold one class only, {classes[0]}: a classifier needs at least 2 classes.",
                fix="Check the column of targets, or the filter on the rows.",
            )
    mass = _mass(values, weights, len(classes))
    return Targets(classes, values, weights, _class_weights(class_weight, classes, mass))


def _read_soft(y: Any, n: int) -> tuple[NDArray[Any], Floats]:
    """Return class names and distributions (N, K), or say which row is none."""
    columns = getattr(y, "columns", None)
    values = check_array(y, dtype=np.float64, input_name="y")
    if len(values) != n:
        raise ShapeError(f"y has {len(values)} rows of probabilities, and X has {n} rows.")
    total = values.sum(axis=1)
    wrong = np.flatnonzero((np.abs(total - 1.0) > UNIT_SUM) | (values < 0).any(axis=1))
    if len(wrong):
        row = int(wrong[0])
        shown = ", ".join(f"{value:.6g}" for value in values[row, :6]) + (
            ", ..." if values.shape[1] > 6 else ""
        )
        raise TargetError(
            f"Row {row} of y, ({shown}), is no distribution: it sums to {total[row]:.6g}, and must hold "
            "probabilities of at least 0 that sum to 1.",
            fix="Give labels in one dimension for hard targets.",
        )
    names = np.arange(values.shape[1]) if columns is None else np.asarray(list(columns))
    return names, values / total[:, None]


def _class_weights(
    class_weight: dict[Any, float] | str | None, classes: NDArray[Any], mass: Floats
) -> Floats:
    """Return (K,) c_k, where `mass` (K,) is the summed weight of each class."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, dict):
        known = set(classes.tolist())
        unknown = [name for name in class_weight if name not in known]
        left_out = sorted(known - set(class_weight), key=str)
        if unknown and left_out:  # a fold may lack a class; a slip of the pen leaves another class unnamed
            raise ConfigError(
                f"class_weight names {unknown[0]!r}, which is no class of y, and leaves out {left_out[0]!r}."
            )
        factor = np.array([float(class_weight.get(name, 1.0)) for name in classes.tolist()])
    elif class_weight == "balanced":
        used = mass > 0
        factor = np.where(used, mass.sum() / (max(1, used.sum()) * np.where(used, mass, 1.0)), 0.0)
    else:
        raise ConfigError(f"class_weight is {class_weight!r}, and must be a dictionary, 'balanced', or None.")
    wrong = np.flatnonzero(~(np.isfinite(factor) & (factor >= 0)))
    if len(wrong):
        raise ConfigError(
            f"class_weight of class {classes[wrong[0]]} is {factor[wrong[0]]}, and must be finite and at least 0."
        )
    return factor


def _mass(values: NDArray[Any], weights: Floats, n_classes: int) -> Floats:
    """(K,) summed weight of each class."""
    if values.ndim == 2:
        return np.asarray(weights @ values)
    return np.bincount(values, weights, n_classes).astype(np.float64, copy=False)
