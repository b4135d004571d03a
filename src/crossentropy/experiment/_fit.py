"""From training features to a calibrated linear model: C and temperature from out-of-fold logits, then one fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.classifier import LinearModel, LogitCalibration, Mixture
from crossentropy.evaluation import LogitMap, fit_calibration
from crossentropy.experiment._config import Config
from crossentropy.experiment._rows import Rows
from crossentropy.experiment._split import folds_of
from crossentropy.linear import LogisticRegression, PenaltyPath, cross_validate_penalty, side_by_side
from crossentropy.report import Optimality, PartFigures, Penalty, PenaltyPoint, Temperature
from crossentropy.tables import Features

__all__ = ["FOLDS", "Fitted", "calibration_told", "class_weights", "fit"]

FOLDS = 5
# Folds only choose C and T: a thousandth of the objective is far below the standard error of their loss.
_FOLD_TOL = 1e-3
# The fit that is kept: one Newton step past the estimator's default, so that no other solver finds a lower objective.
_FIT_TOL = 1e-9
# Of sparse features: what it costs to be exact is time that nothing is gained by, and the report tells the gap.
_SPARSE_FIT_TOL = 1e-4
# Rows from which on one fold of sparse features chooses C: it holds out 2,000 of them or more.
_MANY = 10_000
# The penalty when no row can be held out: that of scikit-learn.
_DEFAULT_C = 1.0


@dataclass(frozen=True)
class Fitted:
    """The model with its calibration, and how both came about."""

    model: LinearModel | Mixture
    calibration: LogitCalibration
    penalty: Penalty
    temperature: Temperature
    optimality: Optimality
    out_of_fold: NDArray[np.float64]
    """(N, K) calibrated logits of each training row by the fit that did not see it; NaN where no fit left it out."""
    folds: str
    """How the folds were made."""
    log: tuple[dict[str, Any], ...]
    parts: tuple[PartFigures, ...] = ()


def fit(config: Config, rows: Rows, encoded: Features, clock: Callable[[str, str], None]) -> Fitted:
    """Return the model fitted to all training rows, with C and the temperature from rows held out of each fold.

    Class weights enter the fits and leave again: ln of each is subtracted from its logit before the temperature
    is fitted, so that the probabilities are those of the true class frequencies.
    """
    features = _for_solver(encoded)
    class_weight = class_weights(config, rows)
    calibration = LogitCalibration(-np.log(class_weight), 1.0)
    folds, how = folds_of(config, rows, FOLDS)
    held_out = folds >= 0
    path: PenaltyPath | None = None
    if held_out.any():
        path = cross_validate_penalty(
            features,
            rows.ids,
            n_classes=len(rows.classes),
            folds=folds,
            Cs=None if config.C is None else [config.C],
            sample_weight=rows.weights,
            class_weight=class_weight,
            tol=_FOLD_TOL,
            scouts=1 if encoded.sparse is not None and len(rows.ids) >= _MANY else None,
        )
    C = path.C if path is not None else config.C or _DEFAULT_C
    clock("folds", f"Chose C = {C:g} in {how}" if config.C is None else "Predicted out of fold")
    mapped: LogitMap | None = None
    out_of_fold = np.full((len(rows.ids), len(rows.classes)), np.nan)
    if path is not None:
        mapped = fit_calibration(
            calibration(path.out_of_fold_logits[held_out]),
            rows.ids[held_out],
            folds[held_out],
            sample_weight=rows.weights[held_out],
            groups=None if rows.groups is None else rows.groups[held_out],
        )
        calibration = LogitCalibration(calibration.shift, mapped.temperature, mapped.scale, mapped.bias)
        out_of_fold[held_out] = mapped.held_out
    temperature = calibration_told(mapped, corrected=config.class_weight is not None)
    estimator = LogisticRegression(
        C=C,
        tol=_FIT_TOL if encoded.sparse is None else _SPARSE_FIT_TOL,
        class_weight=dict(enumerate(class_weight.tolist())),
    )
    if path is not None and encoded.sparse is not None:
        _start_from(estimator, path.parameters, len(rows.classes))
    with warnings.catch_warnings():
        # that classes are many has been said, of the table and in its own words
        warnings.filterwarnings("ignore", "The number of unique classes")
        estimator.fit(features, rows.ids, sample_weight=rows.weights)
    clock("fit", f"Fitted {len(rows.classes)} classes on {encoded.shape[1]:,} features")
    points = [] if path is None else _points(path)
    return Fitted(
        model=_linear_model(estimator),
        calibration=calibration,
        penalty=Penalty(C=C, folds=FOLDS, path=tuple(points) if config.C is None else ()),
        temperature=temperature,
        optimality=Optimality(
            objective=estimator.objective_,
            gap=estimator.optimality_gap_,
            n_iter=int(estimator.n_iter_.max()),
            message=estimator.result_.status.message,
        ),
        out_of_fold=out_of_fold,
        folds=how,
        log=(
            *({"step": "penalty", **point.model_dump()} for point in points),
            {"step": "temperature", **temperature.model_dump(mode="json")},
            {"step": "fit", "C": C, "objective": estimator.objective_, "gap": estimator.optimality_gap_},
        ),
    )


def calibration_told(mapped: LogitMap | None, *, corrected: bool) -> Temperature:
    """Return how calibration came about; None where no row could be held out."""
    if mapped is None:
        return Temperature(value=1.0, loss_before=None, loss_after=None, corrected=corrected)
    return Temperature(
        value=mapped.temperature,
        loss_before=mapped.before,
        loss_after=mapped.after,
        corrected=corrected,
        form=mapped.form,
        gains=mapped.gains,
    )


def _start_from(estimator: LogisticRegression, parameters: NDArray[np.float64], k: int) -> None:
    """Let the fit start where a fold ended, the many passes of a sparse fit from zero spared."""
    estimator.set_params(warm_start=True)
    estimator.classes_, estimator.coef_, estimator.intercept_ = (
        np.arange(k),
        parameters[:, :-1],
        parameters[:, -1],
    )


def _for_solver(features: Features) -> Any:
    if features.sparse is None:
        return features.dense
    return side_by_side(features.dense, features.sparse) if features.dense.shape[1] else features.sparse


def class_weights(config: Config, rows: Rows) -> NDArray[np.float64]:
    """Return (K,) the weight of each class: N / (K N_k) when balanced, in summed row weights."""
    k = len(rows.classes)
    if config.class_weight is None:
        return np.ones(k)
    mass = np.bincount(rows.ids, rows.weights, k)
    weight: NDArray[np.float64] = mass.sum() / (k * mass)
    return weight


def _points(path: PenaltyPath) -> list[PenaltyPoint]:
    return [
        PenaltyPoint(C=float(C), loss=float(loss), standard_error=float(error))
        for C, loss, error in zip(path.Cs, path.losses, path.standard_errors, strict=True)
    ]


def _linear_model(estimator: LogisticRegression) -> LinearModel:
    """Return the estimator as one row of weights a class; its single row for two classes is that of the second."""
    weight, bias = estimator.result_.parameters[:, :-1], estimator.result_.parameters[:, -1]
    if len(weight) == 1:
        weight, bias = np.vstack([np.zeros_like(weight), weight]), np.append(0.0, bias)
    return LinearModel(np.ascontiguousarray(weight), np.ascontiguousarray(bias))
