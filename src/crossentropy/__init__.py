"""Train classifiers by cross-entropy: from raw logits to a trained, calibrated, explained classifier.

Names are imported when they are first used (PEP 562): `import crossentropy` loads neither torch nor polars.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossentropy import (
        bundle,
        check,
        classifier,
        errors,
        evaluation,
        experiment,
        export,
        linear,
        losses,
        network,
        report,
        tables,
    )
    from crossentropy.check import watch
    from crossentropy.classifier import Classifier
    from crossentropy.experiment import Run, compare, train
    from crossentropy.export import export_onnx
    from crossentropy.linear import LogisticRegression, LogisticRegressionCV
    from crossentropy.network import NetworkClassifier

__version__ = "0.1.0"

# public name -> the room that defines it
_HOME = {
    "Classifier": "classifier",
    "LogisticRegression": "linear",
    "LogisticRegressionCV": "linear",
    "NetworkClassifier": "network",
    "Run": "experiment",
    "compare": "experiment",
    "export_onnx": "export",
    "train": "experiment",
    "watch": "check",
}

__all__ = [
    "Classifier",
    "LogisticRegression",
    "LogisticRegressionCV",
    "NetworkClassifier",
    "Run",
    "bundle",
    "check",
    "classifier",
    "compare",
    "errors",
    "evaluation",
    "experiment",
    "export",
    "export_onnx",
    "linear",
    "losses",
    "network",
    "report",
    "tables",
    "train",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"crossentropy.{_HOME[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"crossentropy.{name}")
    raise AttributeError(f"module 'crossentropy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
