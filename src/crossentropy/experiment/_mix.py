"""The network beside the linear model: on the same folds, calibrated, and mixed by weights fitted out of fold.

The linear model is always there: as the yardstick of a network alone, or as a part of the mixture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.classifier import LinearModel, LogitCalibration, Mixture, MixturePart
from crossentropy.evaluation import (
    LogitMap,
    fit_calibration,
    fit_mixture,
    fit_temperature,
    losses_from_logits,
    mix,
)
from crossentropy.experiment._config import Config
from crossentropy.experiment._fit import FOLDS, Fitted, calibration_told, class_weights
from crossentropy.experiment._rows import Rows
from crossentropy.experiment._split import folds_of
from crossentropy.network import NetworkClassifier
from crossentropy.report import PartFigures
from crossentropy.tables import Features

__all__ = ["with_network"]

Floats = NDArray[np.float64]


def with_network(
    config: Config,
    rows: Rows,
    features: Features,
    linear: Fitted,
    clock: Callable[[str, str], None],
    time_limit: float | None,
) -> Fitted:
    """Return the mixture of a fitted linear model and a network that is trained here.

    Args:
        config: says whether the linear model has a part in it.
        rows: the training rows.
        features: what they are encoded as.
        linear: with its calibration and its logits out of fold.
        clock: is told each step.
        time_limit: seconds for the network.
    """
    if not isinstance(linear.model, LinearModel):
        raise TypeError("the first part is the linear model")
    log: list[dict[str, Any]] = []
    folds, _ = folds_of(config, rows, FOLDS)
    network = _train(config, rows, features, folds, clock, time_limit, log)
    shift = LogitCalibration(-np.log(class_weights(config, rows)), 1.0)
    raw = shift(network.out_of_fold_logits_)
    known = np.isfinite(raw).all(axis=1) & np.isfinite(linear.out_of_fold).all(axis=1)
    ids, weights = rows.ids[known], rows.weights[known]
    temperature = fit_temperature(raw[known], ids, weights)[0] if known.any() else 1.0
    calibration = replace(shift, temperature=temperature)
    held_out = [linear.out_of_fold[known], raw[known] / temperature]
    share = np.array([0.0, 1.0])
    if config.model == "auto":
        share = fit_mixture(held_out, ids, weights) if known.any() else np.array([0.5, 0.5])
    corrected = config.class_weight is not None
    out_of_fold = linear.out_of_fold.copy()
    mapped: LogitMap | None = None
    if known.any():
        mapped = fit_calibration(
            mix(held_out, share),
            ids,
            folds[known],
            sample_weight=weights,
            groups=None if rows.groups is None else rows.groups[known],
        )
        out_of_fold[known] = mapped.held_out
    losses = [_mean_loss(z, ids, weights) for z in held_out]
    parts = (
        PartFigures(
            name="linear",
            weight=share[0],
            temperature=linear.calibration.temperature,
            loss=losses[0],
            note="",
        ),
        PartFigures(
            name="network", weight=share[1], temperature=temperature, loss=losses[1], note=_told(network)
        ),
    )
    clock("mix", f"Mixed {share[0]:.0%} linear model and {share[1]:.0%} network")
    models = (
        MixturePart("linear", linear.model, linear.calibration, float(share[0])),
        MixturePart("network", network.network_, calibration, float(share[1])),
    )
    return replace(
        linear,
        model=Mixture(tuple(part for part in models if part.weight > 0)),
        calibration=_calibration_of(mapped, len(rows.classes)),
        temperature=calibration_told(mapped, corrected=corrected),
        out_of_fold=out_of_fold,
        log=(*linear.log, *log, *({"step": "part", **part.model_dump()} for part in parts)),
        parts=parts,
    )


def _calibration_of(mapped: LogitMap | None, k: int) -> LogitCalibration:
    if mapped is None:
        return LogitCalibration(np.zeros(k), 1.0)
    return LogitCalibration(np.zeros(k), mapped.temperature, mapped.scale, mapped.bias)


def _mean_loss(logits: Floats, ids: NDArray[np.int64], weights: Floats) -> float | None:
    return float(np.average(losses_from_logits(logits, ids), weights=weights)) if len(ids) else None


def _train(
    config: Config,
    rows: Rows,
    features: Features,
    folds: NDArray[np.int64],
    clock: Callable[[str, str], None],
    time_limit: float | None,
    log: list[dict[str, Any]],
) -> NetworkClassifier:
    """Return the network, trained on the folds of the linear model; its epochs are added to `log`."""

    weights = rows.weights * class_weights(config, rows)[rows.ids]
    network = NetworkClassifier(random_state=config.seed, time_limit=time_limit)
    teller = _Teller(clock, log)
    network.fit(features, rows.ids, weights, folds=folds, write=teller)
    teller.trained()
    return network


class _Teller:
    """Keeps the epochs of each network, and says when one is trained."""

    def __init__(self, clock: Callable[[str, str], None], log: list[dict[str, Any]]) -> None:
        self.clock = clock
        self.log = log
        self.epochs: list[Mapping[str, Any]] = []
        self.networks = 0

    def __call__(self, record: Mapping[str, Any]) -> None:
        if "validation_loss" not in record:
            return
        if self.epochs and self.epochs[0]["fold"] != record["fold"]:
            self.trained()
        self.epochs.append(record)
        self.log.append({"step": "network", **record})

    def trained(self) -> None:
        """Say that a network is trained."""
        losses = [r["validation_loss"] for r in self.epochs if r["validation_loss"] is not None]
        reached = f", {min(losses):.3g} nats on the rows held out" if losses else ""
        self.networks += 1
        line = f"Trained network {self.networks}: {len(self.epochs)} epochs{reached}"
        self.clock(f"network {self.networks}", line)
        self.epochs = []


def _told(network: NetworkClassifier) -> str:
    """Return what was trained."""
    parts, epochs = len(network.n_iter_), int(network.n_iter_.sum())
    of = f"{'network' if parts == 1 else 'networks'} of {network.plan_.members} members"
    return f"{parts} {of}, {epochs:,} epochs in all"
