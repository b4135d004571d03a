"""The trained thing a user holds: encoder, model, calibration and class names; it predicts, is saved, and loaded."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from crossentropy.bundle import Bundle, read_bundle, write_bundle
from crossentropy.errors import BundleError, DataWarning
from crossentropy.evaluation import read_frequencies
from crossentropy.tables import Encoder, Features, notices, read_table

__all__ = ["Classifier", "LinearModel", "LogitCalibration"]

# Rows of features in float64 at a time: 4096 x 1000 x 8 bytes = 32 MB at most for the usual widths.
_TILE = 4096
# Of weights and temperatures that a file may hold: products with features stay far from the end of float64.
_LARGEST = 1e90


@dataclass(frozen=True)
class LinearModel:
    """logits = features @ weight.T + bias, in float64; weight (K, D), bias (K,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    @cached_property
    def _by_feature(self) -> NDArray[np.float64]:
        """(D, K), the weights of a feature side by side: sparse rows read them one feature after the other."""
        return np.ascontiguousarray(self.weight.T)

    def logits(self, features: Features) -> NDArray[np.float64]:
        """Return (N, K) for features (N, D)."""
        out = np.empty((len(features), len(self.bias)))
        width = features.dense.shape[1]
        for start in range(0, len(features), _TILE):
            tile = features.dense[start : start + _TILE].astype(np.float64)
            out[start : start + _TILE] = tile @ self.weight[:, :width].T + self.bias
        if features.sparse is not None:
            out += features.sparse @ self._by_feature[width:]
        return out


@dataclass(frozen=True)
class LogitCalibration:
    r"""From logits z to honest ones.

    .. math:: A\, \frac{z + \text{shift}}{\text{temperature}} + \text{bias}

    `shift` (K,) undoes class weights: a fit with weight w_k on class k is a fit to frequencies that are w_k times
    too high, so ln w_k is subtracted from its logit (Elkan, IJCAI 2001, theorem 2, in logits). `scale` is A: None for
    the identity, (K,) for its diagonal, or (K, K). `bias` (K,), or None for zeros, moves class frequencies.
    """

    shift: NDArray[np.float64]
    temperature: float
    scale: NDArray[np.float64] | None = None
    bias: NDArray[np.float64] | None = None

    def __call__(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated logits (N, K)."""
        scaled = self.scaled(logits + self.shift)
        return scaled if self.bias is None else scaled + self.bias

    def scaled(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return A logits / temperature (N, K): what becomes of a difference of logits."""
        tempered = logits / self.temperature
        if self.scale is None:
            return tempered
        return tempered * self.scale if self.scale.ndim == 1 else tempered @ self.scale.T

    def moved(self, by: NDArray[np.float64]) -> LogitCalibration:
        """Return the calibration to logits that are higher by (K,)."""
        return replace(self, bias=by if self.bias is None else self.bias + by)


@dataclass(frozen=True)
class Classifier:
    """From a table to class names and probabilities.

    Attributes:
        encoder: the map from columns to features.
        model: the map from features to logits.
        calibration: the map from logits to logits whose softmax can be acted on.
        classes: the K class names, sorted, as they stood in the target column.
        target: the name of the target column.
        frequencies: (K,) of the classes that the probabilities are meant for: those of the training rows, by weight.
            None where a bundle does not hold them.

    Data are whatever `crossentropy.train` takes: a path, a pandas or polars frame, an array. Columns may come in
    any order; further columns are ignored.
    """

    encoder: Encoder
    model: LinearModel
    calibration: LogitCalibration
    classes: tuple[bool | int | str, ...]
    target: str
    frequencies: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        """Return what it is in a line; the parts of it are a page."""
        columns, features = len(self.encoder.codes), len(self.encoder.feature_names)
        return f"<Classifier of {self.target!r}: {len(self.classes)} classes, {columns} columns, {features} features>"

    def logits(self, data: Any) -> NDArray[np.float64]:
        """Return the calibrated logits (N, K).

        Gives a DataWarning where the data are used other than they stand: unseen categories, further columns, ...
        (not for a `Table`, whose reader asks `tables.notices`).

        Raises:
            DataError: the data cannot be read, or lack a column that the classifier was trained on.
        """
        table = read_table(data, expected=self.encoder.expected)
        features = self.encoder.transform(table)
        if table is not data:
            for notice in notices(self.encoder, table, known=(self.target,)):
                warnings.warn(notice, DataWarning, stacklevel=3)
        return self.calibration(self.model.logits(features))

    def column_weights(self, column: str) -> NDArray[np.float64]:
        """Return the weights (d, K) of a column's features in the centred logits: those whose sum over classes is 0.

        Softmax does not see a number that is added to all logits; centred, each logit says how far its class stands
        above the mean of all.
        """
        weight = self.calibration.scaled(self.model.weight[:, self.encoder.places[column]].T)
        centred: NDArray[np.float64] = weight - weight.mean(axis=1, keepdims=True)
        return centred

    def contributions(self, features: Features) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Give each column with what it adds to the centred logits (N, K), a column at a time.

        The sum over the columns and `centred_bias` is the calibrated logits, less their mean over the classes.
        """
        for column, place in self.encoder.places.items():
            yield column, features.times(place, self.column_weights(column))

    @property
    def centred_bias(self) -> NDArray[np.float64]:
        """The centred logits (K,) before any column speaks."""
        bias = self.calibration(self.model.bias)
        centred: NDArray[np.float64] = bias - bias.mean()
        return centred

    def decision_function(self, data: Any) -> NDArray[np.float64]:
        """Return the calibrated logits (N, K), or for two classes their difference (N,), as scikit-learn does."""
        logits = self.logits(data)
        return logits[:, 1] - logits[:, 0] if len(self.classes) == 2 else logits

    def predict_proba(self, data: Any) -> NDArray[np.float64]:
        """Return the probabilities (N, K), columns in the order of `classes`."""
        probabilities: NDArray[np.float64] = softmax(self.logits(data), axis=1)
        return probabilities

    def predict(self, data: Any) -> NDArray[Any]:
        """Return the most probable class name of each row (N,)."""
        names: NDArray[Any] = np.asarray(self.classes)
        labels: NDArray[Any] = names[self.logits(data).argmax(axis=1)]
        return labels

    def at_frequencies(self, frequencies: Any) -> Classifier:
        r"""Return the classifier for rows among which the classes have other frequencies than in training.

        .. math:: z'_k = z_k + \ln \frac{\pi'_k}{\pi_k}, \qquad
                  p'_k = \frac{p_k\, \pi'_k / \pi_k}{\sum_j p_j\, \pi'_j / \pi_j}

        for frequencies pi in training and pi' from now on, if the rows of a class are what they were.

        Args:
            frequencies: what `evaluation.read_frequencies` reads: {class: frequency or count}, JSON or a file of it.

        Raises:
            BundleError: the frequencies in training are not known.
            ConfigError: a class is missing or unknown, or a frequency is no number above 0.

        References:
            Saerens, Latinne, Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, Neural
            Computation 14, 2002, equation 2.4; Elkan, IJCAI 2001, theorem 2.
        """
        wanted = read_frequencies(frequencies, self.classes)
        if self.frequencies is None:
            raise BundleError(
                "This classifier was saved without the class frequencies of its training rows, so that it cannot be "
                "moved to others.",
                fix="Train it again: runs hold them now.",
            )
        calibration = self.calibration.moved(np.log(wanted) - np.log(self.frequencies))
        return replace(self, calibration=calibration, frequencies=wanted)

    def save(self, folder: Path | str) -> None:
        """Write the classifier into `folder`, whole or not at all; one that is there already is replaced.

        Raises:
            OutputError: the folder cannot be written.
        """
        from crossentropy import __version__

        meta = {
            "kind": "linear",
            "target": self.target,
            "classes": list(self.classes),
            "temperature": self.calibration.temperature,
            "crossentropy": __version__,
        }
        arrays = {"weight": self.model.weight, "bias": self.model.bias, "shift": self.calibration.shift}
        further = {
            "calibration.scale": self.calibration.scale,
            "calibration.bias": self.calibration.bias,
            "frequencies": self.frequencies,
        }
        arrays |= {name: array for name, array in further.items() if array is not None}
        arrays |= self.encoder.to_arrays()
        write_bundle(folder, Bundle(meta, arrays, {"schema": self.encoder.to_json()}))

    @classmethod
    def load(cls, folder: Path | str) -> Classifier:
        """Read the classifier that `save` wrote into a folder, or that of a run folder; it predicts the same bits.

        Raises:
            BundleError: there is none, it is damaged, or a newer version wrote it.
        """
        inside = Path(folder) / "model"
        # not Path.exists, which fails where it may not look
        bundle = read_bundle(inside if os.path.exists(inside / "model.json") else folder)  # noqa: PTH110
        try:
            return _classifier(bundle.meta, bundle.arrays, bundle.documents["schema"])
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{folder}: not a saved classifier ({error}).") from None
        except BundleError as error:
            raise BundleError(f"{folder}: {error.message}") from None


def _classifier(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], schema: Any) -> Classifier:
    if meta["kind"] != "linear":
        raise ValueError(f"kind {meta['kind']!r} is not known here")
    classes = tuple(meta["classes"])
    kinds = {type(c) for c in classes}
    if len(set(classes)) != len(classes) or len(kinds) > 1 or kinds - {bool, int, str}:
        raise ValueError("classes must be distinct names of one type")
    if not isinstance(meta["target"], str):
        raise ValueError(f"target is {meta['target']!r}")
    encoder = Encoder.from_json(schema, arrays)
    k, d = len(classes), len(encoder.feature_names)
    shapes_of: dict[str, list[tuple[int, ...]]] = {
        "weight": [(k, d)],
        "bias": [(k,)],
        "shift": [(k,)],
        "calibration.scale": [(k,), (k, k)],
        "calibration.bias": [(k,)],
        "frequencies": [(k,)],
    }
    for name, shapes in shapes_of.items():
        # the last three stand only in bundles of classifiers that have them
        if name in arrays or name in ("weight", "bias", "shift"):
            _check(name, arrays[name], shapes)
    frequencies = arrays.get("frequencies")
    if frequencies is not None and not ((frequencies > 0).all() and abs(frequencies.sum() - 1) < 1e-6):
        raise ValueError("frequencies must be above 0 and sum to 1")
    temperature = meta["temperature"]
    if not isinstance(temperature, float) or not 1 / _LARGEST < temperature < _LARGEST:
        raise ValueError(f"temperature is {temperature!r}")
    return Classifier(
        encoder=encoder,
        model=LinearModel(arrays["weight"], arrays["bias"]),
        calibration=LogitCalibration(
            arrays["shift"], temperature, arrays.get("calibration.scale"), arrays.get("calibration.bias")
        ),
        classes=classes,
        target=meta["target"],
        frequencies=frequencies,
    )


def _check(name: str, array: NDArray[Any], shapes: list[tuple[int, ...]]) -> None:
    # NaN compares as false
    if array.shape not in shapes or array.dtype != np.float64 or not (np.abs(array) < _LARGEST).all():
        expected = " or ".join(map(str, shapes))
        raise ValueError(
            f"{name} is {array.dtype} of shape {array.shape}, expected float64 of {expected}, below {_LARGEST:g}"
        )
