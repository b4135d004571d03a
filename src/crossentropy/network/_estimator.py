"""Networks for tables, or of one's own, behind scikit-learn's interface."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from torch import nn

from crossentropy.errors import ConfigError, ShapeError, TargetError
from crossentropy.evaluation import fit_temperature, stratified_folds
from crossentropy.network._bag import Make, Task, fit_bag
from crossentropy.network._merge import Merged, merge
from crossentropy.network._plan import SPLIT, Plan, plan_for
from crossentropy.network._prepare import Blocks
from crossentropy.network._settings import TrainSettings
from crossentropy.network._train import Writer
from crossentropy.tables import Features

__all__ = ["NetworkClassifier"]

_FOLDING = 7
Floats = NDArray[np.float64]


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no hints
    """A bag of networks for tables, each stopped on the log-loss of the fold that it did not see, and calibrated.

    .. math:: p(x) \\propto \\Bigl(\\tfrac{1}{F M} \\sum_{f, m} \\mathrm{softmax}(z_{fm}(x))\\Bigr)^{1/T}

    over F folds and M members of each network; the temperature T is fitted to what the networks say out of fold.
    Features are numbers of any scale; missing ones (NaN) are welcome. docs/networks.md says what is inside and why.

    Conventions:
        `sample_weight` and `class_weight` multiply; probabilities are not corrected for class weights. A row of weight
        2 is a row given twice, and the order of the rows has no say: the same bits either way.
        On a CPU the same data and `random_state` give the same bits, unless `time_limit` is set.

    Args:
        module: a `torch.nn.Module` from (N, D) float32 to logits (N, K), copied for each fold, or a function from
            (D, K) to a new one; it must not end in a softmax. None for the network for tables, which scales its input.
        folds: in how many parts the rows are held out in turn; 1 to hold an eighth out once; None to go by the rows.
        members, width, dropout: of the network for tables; None to go by the rows.
        optimizer, schedule: as in `TrainSettings`.
        lr, weight_decay, batch_size, epochs, patience: as in `TrainSettings`; None to go by the rows.
        time_limit: seconds for `fit`; members, folds and width are cut to keep it, in this order. The first fold is
            always finished, with what it could learn until then.
        class_weight: {label: weight}, "balanced" (N / (K N_k)), or None for 1.
        random_state: every random choice follows from it.

    Attributes:
        classes_: (K,) labels, sorted.
        n_features_in_: D.
        feature_names_in_: (D,) column names, where the features had names.
        network_: the `Bag` of networks, without the temperature.
        temperature_: T.
        out_of_fold_logits_: (N, K) log-probabilities of each row by the network that did not see it, before the
            temperature; NaN where none left it out.
        loss_: their mean log-loss, nats, weighted as in the fit.
        n_iter_: epochs of each network.
        history_: a record an epoch of each network.
        plan_: the sizes and settings that were used.

    Example:
        >>> import numpy as np
        >>> from crossentropy.network import NetworkClassifier
        >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
        >>> model = NetworkClassifier(folds=2, members=4, width=16, epochs=30).fit(X, np.abs(X[:, 0]) > 0.5)
        >>> model.predict(np.array([[-0.9], [0.0], [0.9]])).tolist()
        [True, False, True]
    """

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        folds: int | None = None,
        members: int | None = None,
        width: int | None = None,
        dropout: float | None = None,
        optimizer: Any = "adamw",
        schedule: Any = "plateau",
        lr: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        time_limit: float | None = None,
        class_weight: dict[Any, float] | str | None = None,
        random_state: Any = 0,
    ) -> None:
        self.module = module
        self.folds = folds
        self.members = members
        self.width = width
        self.dropout = dropout
        self.optimizer = optimizer
        self.schedule = schedule
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.time_limit = time_limit
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        folds: ArrayLike | None = None,
        write: Writer | None = None,
    ) -> Self:
        """Train the networks.

        Args:
            X: features (N, D): an array, a frame, a SciPy matrix, or the `Features` of a table.
            y: labels (N,).
            sample_weight: (N,) weights of the rows.
            folds: (N,) the fold, from 0, in which each row is held out, -1 for none; by default stratified ones. Where
                they are more than the parameter `folds`, or than the rows ask for, the first ones are held out.
            write: is called with a record a step and an epoch, as by `train`, with the number of the fold.

        Raises:
            ConfigError: a setting is out of range, or the module ends in a softmax.
            TargetError: fewer than two classes have weight.
            ShapeError: shapes do not fit together.
            DivergenceError: a loss is not finite.
        """
        blocks = self._read(X, reset=True)
        classes, ids, weights = self._targets(y, sample_weight, blocks)
        if self.time_limit is not None and not self.time_limit > 0:
            raise ConfigError(f"time_limit is {self.time_limit}, and must be above 0 seconds.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        apart = None if folds is None else _checked_folds(folds, len(ids))
        merged = merge(blocks, ids, weights, len(classes), apart)
        plan = self._planned(len(merged.first), self.n_features_in_)
        if apart is None:
            rng = np.random.default_rng([_FOLDING, seed])
            dealt = stratified_folds(merged.ids, plan.folds, rng)
        else:
            dealt = apart[merged.first]
            given = int(apart.max()) + 1
            plan = replace(plan, folds=given, runs=min(plan.runs, given))
        task = Task(blocks, merged, dealt, len(classes), seed, self._make())
        settings = TrainSettings(
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            optimizer=self.optimizer,
            schedule=self.schedule,
            lr=plan.lr,
            weight_decay=plan.weight_decay,
            patience=plan.patience,
        )
        self.network_, distinct, self.plan_ = fit_bag(task, plan, settings, self.time_limit, write)
        self.classes_ = classes
        self.n_iter_ = np.array([result.epochs for result in self.network_.results])
        self.history_ = tuple(result.history for result in self.network_.results)
        self.out_of_fold_logits_ = np.where((merged.place >= 0)[:, None], distinct[merged.place], np.nan)
        self._calibrate(distinct, merged)
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return calibrated logits: (N, K), or for two classes their difference (N,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the log probabilities (N, K), nats, in the order of `classes_`."""
        logs: Floats = log_softmax(self._logits(X), axis=1)
        return logs

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities (N, K), in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row (N,)."""
        logits = self._logits(X)
        labels: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return labels

    def _logits(self, X: Any) -> Floats:
        check_is_fitted(self)
        return self.network_.logits(self._read(X, reset=False)) / self.temperature_

    def _calibrate(self, distinct: Floats, merged: Merged) -> None:
        """Fit the temperature to the log-probabilities (n, K) of the distinct rows out of fold."""
        self.temperature_, self.loss_ = 1.0, math.nan
        known = np.isfinite(distinct[merged.pairs[:, 0], 0])
        if known.any():
            rows, classes = merged.pairs[known].T
            self.temperature_, self.loss_, _ = fit_temperature(
                distinct[rows], classes, merged.pair_weights[known]
            )

    def _read(self, X: Any, *, reset: bool) -> Blocks:
        if isinstance(X, Features):
            if reset:
                self.n_features_in_ = X.shape[1]
            elif X.shape[1] != self.n_features_in_:
                raise ShapeError(
                    f"X has {X.shape[1]} features, but {type(self).__name__} is expecting "
                    f"{self.n_features_in_} features as input."
                )
            return self._own(Blocks(X.dense, X.sparse))
        values: Any = validate_data(
            self,
            X,
            dtype=(np.float64, np.float32),
            accept_sparse="csr",
            ensure_all_finite=True if self.module is not None else "allow-nan",
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        return self._own(_blocks_of(values))

    def _own(self, blocks: Blocks) -> Blocks:
        """Return dense features for a module of one's own: it takes one tensor."""
        if self.module is None or blocks.sparse is None:
            return blocks
        return Blocks(np.hstack([blocks.dense, blocks.sparse.toarray()]))

    def _targets(
        self, y: Any, sample_weight: ArrayLike | None, blocks: Blocks
    ) -> tuple[NDArray[Any], NDArray[np.intp], Floats]:
        """Return the labels, the class ids (N,), and what each row weighs."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        labels = column_or_1d(y, warn=True)
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        if len(labels) != len(blocks):
            raise ShapeError(f"y has {len(labels)} labels, and X has {len(blocks)} rows.")
        weights: Floats = _check_sample_weight(
            sample_weight, blocks.dense, dtype=np.float64, ensure_non_negative=True
        )
        classes, ids = np.unique(labels, return_inverse=True)
        weights = weights * _class_weights(self.class_weight, classes, ids, weights)[ids]
        heavy = np.bincount(ids, weights, len(classes)) > 0
        if heavy.sum() < 2:
            which = f"only class {classes[heavy][0]}" if heavy.any() else "no class"
            raise TargetError(
                f"Of the {len(classes)} class(es) in y {which} has rows of weight above 0.",
                fix="A classifier needs at least 2 classes.",
            )
        return classes, ids, weights

    def _planned(self, n_rows: int, n_features: int) -> Plan:
        plan = plan_for(n_rows, n_features)
        if self.folds is not None:
            if self.folds < 1:
                raise ConfigError(f"folds is {self.folds}, and must be at least 1.")
            plan = replace(plan, folds=SPLIT if self.folds == 1 else self.folds, runs=self.folds)
        names = (
            "members",
            "width",
            "dropout",
            "lr",
            "weight_decay",
            "batch_size",
            "epochs",
            "patience",
        )
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        for name in ("members", "width"):
            if given.get(name, 1) < 1:
                raise ConfigError(f"{name} is {given[name]}, and must be at least 1.")
        if not 0 <= given.get("dropout", 0.0) < 1:
            raise ConfigError(f"dropout is {given['dropout']}, and must be in [0, 1).")
        return replace(plan, **given)

    def _make(self) -> Make | None:
        module = self.module
        if module is None:
            return None
        if isinstance(module, nn.Module):
            return lambda n_features, n_classes: copy.deepcopy(module)
        return module

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.module is None
        tags.input_tags.sparse = True
        return tags


def _blocks_of(values: Any) -> Blocks:
    if not sparse.issparse(values):
        return Blocks(values)
    compressed: Any = values
    return Blocks(np.zeros((compressed.shape[0], 0), np.float32), compressed)


def _class_weights(
    class_weight: dict[Any, float] | str | None,
    classes: NDArray[Any],
    ids: NDArray[np.intp],
    weights: Floats,
) -> Floats:
    """Return (K,) the weight of each class."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, dict):
        known = set(classes.tolist())
        unknown = [name for name in class_weight if name not in known]
        if unknown and known - set(class_weight):
            raise ConfigError(f"class_weight names {unknown[0]!r}, which is no class of y.")
        factor = np.array([float(class_weight.get(name, 1.0)) for name in classes.tolist()])
        if not (np.isfinite(factor) & (factor >= 0)).all():
            raise ConfigError("class_weight must hold finite numbers of at least 0.")
        return factor
    if class_weight != "balanced":
        raise ConfigError(f"class_weight is {class_weight!r}, and must be a dictionary, 'balanced', or None.")
    mass = np.bincount(ids, weights, len(classes))
    used = mass > 0
    return np.where(used, mass.sum() / (max(1, used.sum()) * np.where(used, mass, 1.0)), 0.0)


def _checked_folds(folds: Any, n: int) -> NDArray[np.int64]:
    found = np.asarray(folds)
    if found.shape != (n,) or found.dtype.kind not in "iu" or found.min(initial=0) < -1:
        raise ShapeError(
            f"folds is {found.dtype} of shape {found.shape}, and must hold a whole number of at least -1 for each of "
            f"{n} rows."
        )
    return found.astype(np.int64)
