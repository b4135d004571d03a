r"""A bag of networks as nodes: what `Preparation.transform`, `TableNetwork.forward` and `Bag.logits` do, in that order.

The order and the widths of the numbers are theirs too (float64, float32 where they are rounded to it), so that the
probabilities agree to the last bits. With directions the sums over sparse features are in float32 on both sides, each
in its own order, and agree to its last bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.export._nodes import Nodes
from crossentropy.network import Bag, TableNetwork

__all__ = ["bag_logits"]


def bag_logits(nodes: Nodes, bag: Bag, features: str, dense: int) -> str:
    """Add a bag, and return the name of the logarithms of its mean probabilities (N, K).

    Args:
        nodes: of the graph.
        bag: whose networks are all for tables.
        features: the name of the features (N, D) in float32.
        dense: how many of them are dense.
    """
    logs = []
    for part in bag.parts:
        assert isinstance(part.network, TableNetwork)
        assert part.preparation is not None
        x = _prepared(nodes, part.preparation, features, dense)
        members = nodes.add("LogSoftmax", _members(nodes, part.network, x), axis=-1)
        logs.append(_log_mean(nodes, members, part.network.shape.members))
    if len(logs) == 1:
        return logs[0]
    several = nodes.add("Concat", *(nodes.axes("Unsqueeze", name, 0) for name in logs), axis=0)
    return _log_mean(nodes, several, len(logs))


def _log_mean(nodes: Nodes, logs: str, count: int) -> str:
    """Add the logarithm of the mean over the first axis."""
    total = nodes.axes("ReduceLogSumExp", logs, 0, keepdims=0)
    return nodes.add("Sub", total, np.array(math.log(count)))


def _prepared(nodes: Nodes, preparation: Any, features: str, dense: int) -> str:
    """Add the preparation of the features: (N, D) in float32 to (N, width) in float64."""
    if preparation.directions is None:
        x = nodes.cast(features, np.float64)
    else:
        start, end = np.array([0, dense]), np.array([dense, np.iinfo(np.int64).max])
        first, rest = (
            nodes.add("Slice", features, start[[i]], end[[i]], np.array([1], np.int64)) for i in (0, 1)
        )
        found = nodes.add("MatMul", rest, preparation.directions)
        both = (nodes.cast(name, np.float64) for name in (first, found))
        x = nodes.add("Concat", *both, axis=1)
    z = nodes.add("Sub", nodes.add("Gather", x, preparation.kept, axis=1), preparation.centre)
    z = nodes.add("Clip", nodes.add("Mul", z, preparation.scale), np.array(-1e6), np.array(1e6))
    third = nodes.add("Div", z, np.array(3.0))
    length = nodes.add("Sqrt", nodes.add("Add", nodes.add("Mul", third, third), np.array(1.0)))
    bent = nodes.add("Div", z, length)
    return nodes.cast(nodes.cast(bent, np.float32), np.float64)


def _members(nodes: Nodes, network: TableNetwork, x: str) -> str:
    """Add the network: prepared rows (N, p + q) to the logits (M, N, K)."""
    shape = network.shape
    state = {name: value.double().numpy() for name, value in network.state_dict().items()}
    if network.embed is not None:
        inner = {name.removeprefix("embed."): a for name, a in state.items() if name.startswith("embed.")}
        p, end = np.array([shape.embedded]), np.array([np.iinfo(np.int64).max])
        axis, zero = np.array([1]), np.array([0])
        embedded = _embedded(nodes, inner, nodes.add("Slice", x, zero, p, axis))
        x = (
            nodes.add("Concat", embedded, nodes.add("Slice", x, p, end, axis), axis=1)
            if shape.plain
            else embedded
        )
    hidden = nodes.add("Mul", nodes.axes("Unsqueeze", x, 0), state["scale"][:, None])
    for layer in range(shape.blocks):
        hidden = nodes.add("MatMul", hidden, state[f"hidden.{layer}.weight"].T)
        hidden = nodes.add("Relu", nodes.add("Add", hidden, state[f"hidden.{layer}.bias"]))
    return nodes.add("Add", nodes.add("MatMul", hidden, state["head"]), state["bias"])


def _embedded(nodes: Nodes, arrays: dict[str, NDArray[np.float64]], x: str) -> str:
    """Add the piecewise-linear embedding: (N, p) numbers to (N, p d)."""
    number = nodes.axes("Unsqueeze", x, 2)
    pieces = nodes.add("Add", nodes.add("Mul", number, arrays["slope"]), arrays["start"])
    pieces = nodes.add("Min", nodes.add("Max", pieces, arrays["low"]), arrays["high"])
    by_number = nodes.add("MatMul", nodes.add("Transpose", pieces, perm=[1, 0, 2]), arrays["pieces"])
    bent = nodes.add("Transpose", by_number, perm=[1, 0, 2])
    straight = nodes.add("Add", nodes.add("Mul", number, arrays["linear"]), arrays["offset"])
    return nodes.add("Flatten", nodes.add("Add", straight, bent), axis=1)
