"""The classifier in other forms: ONNX, checked against our own probabilities before a file is there.

_onnx.py      the model with its metadata, the check, the file
_graph.py     from a classifier to the nodes of a graph
_network.py   the same of a bag of networks
_nodes.py     nodes and arrays of a graph, as they are added
_rows.py      rows to check on, from what the encoder knows
"""

from crossentropy.export._onnx import Exported, export_onnx, onnx_model, save_onnx

__all__ = ["Exported", "export_onnx", "onnx_model", "save_onnx"]
