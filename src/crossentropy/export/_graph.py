r"""From a classifier to the nodes of a graph: features (N, D) in float32 to calibrated probabilities (N, K) in float64.

A dozen kinds of operators do it, written down here one by one: linear models are one product, their calibration
a sum, a quotient and where there is one a second product (`classifier.LogitCalibration`), and softmax comes last.
"""

from __future__ import annotations

import math

import numpy as np

from crossentropy.classifier import Classifier, LinearModel, LogitCalibration
from crossentropy.export._nodes import Nodes

__all__ = ["FEATURES", "PROBABILITIES", "graph_nodes"]

FEATURES, PROBABILITIES = "features", "probabilities"


def graph_nodes(classifier: Classifier) -> Nodes:
    """Return the nodes of a classifier; the last one makes `PROBABILITIES` of `FEATURES`."""
    nodes = Nodes()
    if isinstance(classifier.model, LinearModel):
        logits = _linear(nodes, classifier.model)
    else:
        parts = []
        for part in classifier.model.parts:
            if isinstance(part.model, LinearModel):
                own = _linear(nodes, part.model)
            else:
                # torch takes a second to import, which linear models do without
                from crossentropy.export._network import bag_logits

                own = bag_logits(nodes, part.model, FEATURES, classifier.encoder.widths[0])
            logs = nodes.add("LogSoftmax", _calibrated(nodes, part.calibration, own), axis=-1)
            weighted = nodes.add("Add", logs, np.array(math.log(part.weight)))
            parts.append(nodes.axes("Unsqueeze", weighted, 0))
        several = nodes.add("Concat", *parts, axis=0)
        logits = nodes.axes("ReduceLogSumExp", several, 0, keepdims=0)
    nodes.add("Softmax", _calibrated(nodes, classifier.calibration, logits), axis=-1)
    nodes.nodes[-1].output[0] = PROBABILITIES
    return nodes


def _linear(nodes: Nodes, model: LinearModel) -> str:
    return nodes.add("Gemm", nodes.cast(FEATURES, np.float64), model.weight, model.bias, transB=1)


def _calibrated(nodes: Nodes, calibration: LogitCalibration, logits: str) -> str:
    """Add the calibration; what is neutral in it is left out."""
    if calibration.shift.any():
        logits = nodes.add("Add", logits, calibration.shift)
    if calibration.temperature != 1.0:
        logits = nodes.add("Div", logits, np.array(calibration.temperature))
    scale = calibration.scale
    if scale is not None:
        logits = nodes.add("Mul", logits, scale) if scale.ndim == 1 else nodes.add("MatMul", logits, scale.T)
    return logits if calibration.bias is None else nodes.add("Add", logits, calibration.bias)
