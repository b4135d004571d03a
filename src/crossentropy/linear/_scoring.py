"""How the fits of the folds are judged: log-loss from their logits, or any scorer of scikit-learn."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.metrics import get_scorer, make_scorer

from crossentropy.errors import ConfigError
from crossentropy.linear._folds import FoldPoint, Split
from crossentropy.linear._predictions import LinearClassifier
from crossentropy.linear._targets import Targets

__all__ = ["FoldScorer", "LogitsModel", "scorer_of"]

Floats = NDArray[np.float64]


class LogitsModel(LinearClassifier):
    """A fitted model that knows the logits of the rows that it will be asked about: what a scorer is given."""

    logits_: Floats

    @classmethod
    def of(cls, classes: NDArray[Any], logits: Floats) -> LogitsModel:
        """Return a model of logits (n,) or (n, K)."""
        model = cls()
        model.classes_ = classes
        model.logits_ = logits[:, 1] - logits[:, 0] if logits.ndim == 2 and logits.shape[1] == 2 else logits
        return model

    def decision_function(self, X: Any, *, offset: Any = None) -> Any:
        """Return the logits that are known, whatever is asked."""
        return self.logits_


def scorer_of(scoring: Any) -> Callable[..., float]:
    """Return scikit-learn's scorer of a name; None is accuracy, as there."""
    scorer: Callable[..., float] = get_scorer("accuracy" if scoring is None else scoring)
    return scorer


class FoldScorer:
    """Scores a fold's point on its held-out rows; greater is better."""

    def __init__(self, scoring: Any, features: Any, targets: Targets, params: dict[str, Any]) -> None:
        self.features = features
        self.targets = targets
        self.params = params
        self.by_loss = isinstance(scoring, str) and scoring == "neg_log_loss"
        if targets.soft and not self.by_loss:
            raise ConfigError(
                f"scoring={scoring!r} needs labels, and y holds probabilities.",
                fix="Use scoring='neg_log_loss'.",
            )
        self.scorer = scorer_of(scoring) if self.by_loss else _with_all_classes(scorer_of(scoring), targets)

    def __call__(self, split: Split, point: FoldPoint) -> float:
        params = {name: self._of_rows(value, split) for name, value in self.params.items()}
        if self.by_loss:
            return -self._log_loss(split, point.logits, params.get("sample_weight"))
        model = LogitsModel.of(self.targets.classes, point.logits)
        labels = self.targets.classes[self.targets.values[split.held]]
        return float(self.scorer(model, self.features[split.held], labels, **params))

    def _of_rows(self, value: Any, split: Split) -> Any:
        """Return what a value says of the held-out rows, where it has one entry a row."""
        whole = np.asarray(value)
        return whole[split.held] if whole.shape[:1] == self.targets.values.shape[:1] else value

    def _log_loss(self, split: Split, logits: Floats, weights: Any) -> float:
        if weights is not None and not np.sum(weights) > 0:
            raise ConfigError(
                f"All held-out rows of fold {split.name} have sample_weight 0: it cannot be scored."
            )
        logs = log_softmax(logits, axis=1)
        values = self.targets.values[split.held]
        chances = (
            np.einsum("ij,ij->i", values, logs) if self.targets.soft else logs[np.arange(len(values)), values]
        )
        return -float(np.average(chances, weights=weights))


def _with_all_classes(scorer: Any, targets: Targets) -> Callable[..., float]:
    """Return a scorer that knows of classes without a held-out row, where its metric wants to be told."""
    metric = getattr(scorer, "_score_func", None)
    known: Callable[..., float] = scorer
    if metric is None or "labels" not in inspect.signature(metric).parameters:
        return known
    extra = {"labels": targets.classes}
    if len(targets.classes) == 2 and "pos_label" in inspect.signature(metric).parameters:
        extra["pos_label"] = targets.classes[1]
    made: Callable[..., float] = make_scorer(
        metric,
        greater_is_better=scorer._sign == 1,
        response_method=scorer._response_method,
        **{**extra, **scorer._kwargs},
    )
    return made
