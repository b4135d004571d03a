"""The trained thing a user holds: encoder, model, calibration and class names; it predicts, is saved, and loaded."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from crossentropy.bundle import Bundle, read_bundle, write_bundle
from crossentropy.errors import BundleError, ConfigError, DataWarning
from crossentropy.evaluation import mix, read_frequencies
from crossentropy.tables import Encoder, Features, notices, read_table

if TYPE_CHECKING:
    from crossentropy.network import Bag

__all__ = ["Classifier", "LinearModel", "LogitCalibration", "Mixture", "MixturePart"]

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
class MixturePart:
    """A model of a mixture: its own calibration, and the weight of its probabilities."""

    name: str
    model: LinearModel | Bag
    calibration: LogitCalibration
    weight: float


@dataclass(frozen=True)
class Mixture:
    r"""Models whose calibrated probabilities are averaged: :math:`\ln \sum_m w_m\,\mathrm{softmax}(z_m)`."""

    parts: tuple[MixturePart, ...]

    def logits(self, features: Features) -> NDArray[np.float64]:
        """Return the logarithms of the mean probabilities (N, K)."""
        logits = [part.calibration(part.model.logits(features)) for part in self.parts]
        return mix(logits, np.array([part.weight for part in self.parts]))


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
    model: LinearModel | Mixture
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

    @property
    def linear(self) -> LinearModel:
        """The model, whose logits are sums over the columns.

        Raises:
            ConfigError: it is a mixture, whose are not.
        """
        if isinstance(self.model, LinearModel):
            return self.model
        raise ConfigError(
            "The logits of this classifier are no sum over the columns: a network has a part in them.",
            fix="Train with --model linear, in Python model='linear', to take rows apart.",
        )

    def column_weights(self, column: str) -> NDArray[np.float64]:
        """Return the weights (d, K) of a column's features in the centred logits: those whose sum over classes is 0.

        Softmax does not see a number that is added to all logits; centred, each logit says how far its class stands
        above the mean of all.
        """
        weight = self.calibration.scaled(self.linear.weight[:, self.encoder.places[column]].T)
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
        bias = self.calibration(self.linear.bias)
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
        write_bundle(folder, self.to_bundle())

    def to_bundle(self) -> Bundle:
        """Return all of it as JSON data and arrays."""
        from crossentropy import __version__

        told, arrays = _model_parts(self.model)
        meta = {
            **told,
            "target": self.target,
            "classes": list(self.classes),
            "temperature": self.calibration.temperature,
            "crossentropy": __version__,
        }
        arrays |= _calibration_arrays(self.calibration) | self.encoder.to_arrays()
        if self.frequencies is not None:
            arrays["frequencies"] = self.frequencies
        return Bundle(meta, arrays, {"schema": self.encoder.to_json()})

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


def _model_parts(model: LinearModel | Mixture) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a model as JSON data and arrays."""
    if isinstance(model, LinearModel):
        return {"kind": "linear"}, {"weight": model.weight, "bias": model.bias}
    parts: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for part in model.parts:
        told = {"name": part.name, "weight": part.weight, "temperature": part.calibration.temperature}
        own = _calibration_arrays(part.calibration)
        if isinstance(part.model, LinearModel):
            own |= {"weight": part.model.weight, "bias": part.model.bias}
        else:
            from crossentropy.network import bag_to_parts

            told["networks"], networks = bag_to_parts(part.model)
            own |= networks
        parts.append(told)
        arrays |= {f"{part.name}.{name}": array for name, array in own.items()}
    return {"kind": "mixture", "parts": parts}, arrays


def _calibration_arrays(calibration: LogitCalibration) -> dict[str, NDArray[Any]]:
    found = {
        "shift": calibration.shift,
        "calibration.scale": calibration.scale,
        "calibration.bias": calibration.bias,
    }
    return {name: array for name, array in found.items() if array is not None}


def _classifier(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], schema: Any) -> Classifier:
    classes = tuple(meta["classes"])
    kinds = {type(c) for c in classes}
    if len(set(classes)) != len(classes) or len(kinds) > 1 or kinds - {bool, int, str}:
        raise ValueError("classes must be distinct names of one type")
    if not isinstance(meta["target"], str):
        raise ValueError(f"target is {meta['target']!r}")
    encoder = Encoder.from_json(schema, arrays)
    k = len(classes)
    frequencies = _optional("frequencies", arrays, [(k,)])
    if frequencies is not None and not ((frequencies > 0).all() and abs(frequencies.sum() - 1) < 1e-6):
        raise ValueError("frequencies must be above 0 and sum to 1")
    return Classifier(
        encoder=encoder,
        model=_model(meta, arrays, encoder, k),
        calibration=_calibration(meta, arrays, k),
        classes=classes,
        target=meta["target"],
        frequencies=frequencies,
    )


def _model(
    meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], encoder: Encoder, k: int
) -> LinearModel | Mixture:
    if meta["kind"] == "linear":
        return _linear(arrays, len(encoder.feature_names), k)
    if meta["kind"] != "mixture":
        raise ValueError(f"kind {meta['kind']!r} is not known here")
    parts = []
    for told in meta["parts"]:
        prefix = f"{told['name']}."
        own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        model: LinearModel | Bag
        if "networks" in told:
            from crossentropy.network import bag_from_parts

            model = bag_from_parts(told["networks"], own, *encoder.widths, k)
        else:
            model = _linear(own, len(encoder.feature_names), k)
        weight = told["weight"]
        if not isinstance(weight, float) or not 0 < weight <= 1:
            raise ValueError(f"the weight of a part is {weight!r}")
        parts.append(MixturePart(told["name"], model, _calibration(told, own, k), weight))
    if not parts or len({part.name for part in parts}) < len(parts):
        raise ValueError("a mixture has parts of different names")
    return Mixture(tuple(parts))


def _linear(arrays: Mapping[str, NDArray[Any]], d: int, k: int) -> LinearModel:
    _check("weight", arrays["weight"], [(k, d)])
    _check("bias", arrays["bias"], [(k,)])
    return LinearModel(arrays["weight"], arrays["bias"])


def _calibration(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], k: int) -> LogitCalibration:
    _check("shift", arrays["shift"], [(k,)])
    temperature = meta["temperature"]
    if not isinstance(temperature, float) or not 1 / _LARGEST < temperature < _LARGEST:
        raise ValueError(f"temperature is {temperature!r}")
    scale = _optional("calibration.scale", arrays, [(k,), (k, k)])
    return LogitCalibration(
        arrays["shift"], temperature, scale, _optional("calibration.bias", arrays, [(k,)])
    )


def _optional(
    name: str, arrays: Mapping[str, NDArray[Any]], shapes: list[tuple[int, ...]]
) -> NDArray[Any] | None:
    """Return an array that stands only in bundles of classifiers that have it."""
    if name not in arrays:
        return None
    _check(name, arrays[name], shapes)
    return arrays[name]


def _check(name: str, array: NDArray[Any], shapes: list[tuple[int, ...]]) -> None:
    # NaN compares as false
    if array.shape not in shapes or array.dtype != np.float64 or not (np.abs(array) < _LARGEST).all():
        expected = " or ".join(map(str, shapes))
        raise ValueError(
            f"{name} is {array.dtype} of shape {array.shape}, expected float64 of {expected}, below {_LARGEST:g}"
        )
