r"""A classifier as an ONNX file: features in, calibrated probabilities out.

What the file says is compared with what the classifier says before there is a file: ONNX Runtime and we get the same
rows, and the largest difference of two probabilities is held to a tolerance. All numbers of the graph are float64, as
they are here; so the two agree to the order of their sums, about 1e-15, unless something is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from crossentropy.bundle import bundle_digests, check_file, write_file
from crossentropy.classifier import Classifier, Mixture
from crossentropy.errors import BundleError, ConfigError, OutputError
from crossentropy.export._graph import FEATURES, PROBABILITIES, graph_nodes
from crossentropy.export._nodes import Nodes
from crossentropy.export._rows import made_rows
from crossentropy.tables import Features, read_table

__all__ = ["Exported", "export_onnx", "onnx_model", "save_onnx"]

# Of December 2022 both: ONNX Runtime 1.14 and later read them.
_OPSET, _IR = 18, 8
_EXACT, _ROUNDED = 1e-9, 1e-5
_ROWS = 1000
# Bytes of the arrays of a graph. A file holds at most 2 GiB, and while it is checked there are four copies of it.
_LARGEST = 1 << 30
# Features in float32 at a time, made dense for the check: 64 MiB; ONNX Runtime holds twice that in float64.
_TILE = 1 << 24


@dataclass(frozen=True)
class Exported:
    """A file that was written, and how it was checked.

    Attributes:
        path: of the file.
        size: bytes.
        sha256: of them.
        rows: how many rows were compared.
        largest_difference: of two probabilities, the file's and ours.
        tolerance: the largest that is accepted.
    """

    path: Path
    size: int
    sha256: str
    rows: int
    largest_difference: float
    tolerance: float


def export_onnx(
    classifier: Classifier | Path | str, path: Path | str, data: Any = None, *, force: bool = False
) -> Exported:
    """Write a classifier as an ONNX file, whole or not at all, once its probabilities are found to be ours.

    Input `features` is float32 (N, D), what `classifier.encoder` makes of a table; output `probabilities` is float64
    (N, K), calibrated, in the order of `classifier.classes`.

    Args:
        classifier: a classifier, or the folder of one or of a run.
        path: of the file to write; its name ends in .onnx.
        data: rows to compare on, whatever `Classifier.predict_proba` takes; by default 1,000 that are drawn from what
            the encoder knows of the columns.
        force: replace a file that is there already.

    Raises:
        BundleError: the folder holds no classifier, or a damaged one; or the probabilities differ by more than 1e-9
            (1e-5 where a network sums sparse features in float32).
        ConfigError: onnx or onnxruntime is not installed; or the file would be larger than 1 GiB.
        DataError: `data` cannot be read, or lack a column.
        OutputError: the place cannot be written, or holds a file.
    """
    check_file(Path(path), (".onnx",), force=force)
    with _extra():
        import onnxruntime  # noqa: F401
    found = classifier if isinstance(classifier, Classifier) else Classifier.load(classifier)
    return save_onnx(onnx_model(found), found, path, data, force=force)


def onnx_model(classifier: Classifier) -> Any:
    """Return the `onnx.ModelProto` of a classifier, with its names, versions and digests as metadata.

    Raises:
        ConfigError: onnx is not installed; or the arrays take more than 1 GiB.
    """
    with _extra():
        from onnx import helper
    nodes = graph_nodes(classifier)
    size = sum(array.nbytes for array in nodes.arrays.values())
    features, k = len(classifier.encoder.feature_names), len(classifier.classes)
    if size > _LARGEST:
        raise ConfigError(
            f"The weights of {features:,} features and {k:,} classes take {size / 2**30:.1f} GiB, and an ONNX file of "
            f"ours holds at most {_LARGEST / 2**30:.0f} GiB.",
            fix="Leave out a column of text or of many levels, and train again.",
        )
    graph = _graph(nodes, features, k)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    metadata = _metadata(classifier)
    model.producer_name, model.producer_version = "crossentropy", metadata["crossentropy"]
    model.doc_string = "Features as the encoder makes them to calibrated probabilities."
    helper.set_model_props(model, metadata)
    return model


def save_onnx(
    model: Any, classifier: Classifier, path: Path | str, data: Any = None, *, force: bool = False
) -> Exported:
    """Write an ONNX model, whole or not at all, once its probabilities are found to be those of the classifier.

    Args:
        model: an `onnx.ModelProto`, as `onnx_model` returns it; what else was made of it is checked like it.
        classifier: what it is to agree with.
        path, data, force: as for `export_onnx`.

    Raises:
        BundleError, ConfigError, DataError, OutputError: as `export_onnx` does.
    """
    path = Path(path)
    check_file(path, (".onnx",), force=force)
    content = model.SerializeToString(deterministic=True)
    features = _rows(classifier, data)
    difference = _largest_difference(_session(content), classifier, features)
    tolerance = _tolerance(classifier)
    # NaN compares as false
    if not difference <= tolerance:
        raise BundleError(
            f"{path}: not written: on {len(features):,} rows its probabilities differ from those of the classifier by "
            f"up to {difference:.3g}; at most {tolerance:g} is accepted.",
            fix="Another version of onnxruntime may compute what this one does not.",
        )
    try:
        write_file(path, content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}).") from None
    digest = hashlib.sha256(content).hexdigest()
    return Exported(path, len(content), digest, len(features), difference, tolerance)


@contextmanager
def _extra() -> Iterator[None]:
    """Import packages within that only this room needs."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"ONNX files need the packages onnx and onnxruntime ({error}).",
            fix="pip install 'crossentropy[onnx]'",
        ) from None


def _graph(nodes: Nodes, features: int, classes: int) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    return helper.make_graph(
        nodes.nodes,
        "classifier",
        [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["rows", features])],
        [helper.make_tensor_value_info(PROBABILITIES, TensorProto.DOUBLE, ["rows", classes])],
        [numpy_helper.from_array(array, name) for name, array in nodes.arrays.items()],
    )


def _metadata(classifier: Classifier) -> dict[str, str]:
    bundle = classifier.to_bundle()
    encoder = classifier.encoder
    told = {
        "target": classifier.target,
        "classes": json.dumps(list(classifier.classes), ensure_ascii=False),
        "feature_names": json.dumps(encoder.feature_names, ensure_ascii=False),
        "columns": json.dumps([code.name for code in encoder.codes], ensure_ascii=False),
        "crossentropy": str(bundle.meta["crossentropy"]),
        **{f"{name}_sha256": digest for name, digest in bundle_digests(bundle).items()},
    }
    if classifier.frequencies is not None:
        told["class_frequencies"] = json.dumps(classifier.frequencies.tolist())
    return told


def _rows(classifier: Classifier, data: Any) -> Features:
    encoder = classifier.encoder
    if data is None:
        return made_rows(encoder, _ROWS)
    return encoder.transform(read_table(data, expected=encoder.expected))


def _tolerance(classifier: Classifier) -> float:
    """Return what rounding may make of sums in float64, or in float32 where a network has directions."""
    if isinstance(classifier.model, Mixture):
        for part in classifier.model.parts:
            for network in getattr(part.model, "parts", ()):
                if network.preparation.directions is not None:
                    return _ROUNDED
    return _EXACT


def _session(content: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Return what the model makes of features.

    Raises:
        BundleError: ONNX Runtime does not take it.
    """
    with _extra():
        import onnxruntime as runtime
    options = runtime.SessionOptions()
    # errors come as exceptions; nothing else is said
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        inputs, outputs = ([v.name for v in found] for found in (session.get_inputs(), session.get_outputs()))
    except Exception as error:
        # its errors have no base of their own
        raise BundleError(f"onnxruntime {runtime.__version__} does not take the model ({error}).") from None
    if (inputs, outputs) != ([FEATURES], [PROBABILITIES]):
        raise BundleError(f"The model makes {outputs} of {inputs}, not {PROBABILITIES} of {FEATURES}.")

    def run(features: NDArray[np.float32]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = session.run([PROBABILITIES], {FEATURES: features})[0]
        return found

    return run


def _largest_difference(
    run: Callable[[NDArray[np.float32]], NDArray[np.float64]], classifier: Classifier, features: Features
) -> float:
    """Return the largest difference of two probabilities, NaN where one is not a number."""
    tile = max(1, min(len(features), _TILE // max(1, features.shape[1])))
    largest = 0.0
    for start in range(0, len(features), tile):
        rows = features.take(slice(start, start + tile))
        ours = softmax(classifier.calibration(classifier.model.logits(rows)), axis=1)
        theirs = run(rows.toarray())
        if theirs.shape != ours.shape:
            raise BundleError(f"The model returns {theirs.shape}, expected {ours.shape}.")
        # NaN stays in the sum of both
        largest = float(np.maximum(largest, np.abs(theirs - ours).max()))
    return largest
