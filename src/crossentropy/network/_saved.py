"""A bag of networks for tables as JSON data and arrays, and back: it predicts the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crossentropy.errors import ConfigError
from crossentropy.network._bag import Bag, Part
from crossentropy.network._prepare import Preparation
from crossentropy.network._table_network import TableNetwork, TableShape

__all__ = ["bag_from_parts", "bag_to_parts"]

# Of a parameter that a file may hold: products through all layers stay far from the end of float64.
_LARGEST = 1e30
_UNBOUNDED = {"embed.low", "embed.high"}


def bag_to_parts(bag: Bag) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """Return the sizes of each network, and the arrays of all of them.

    Raises:
        ConfigError: a network is a module of one's own, of which only its owner knows what it is.
    """
    shapes: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, part in enumerate(bag.parts):
        if not isinstance(part.network, TableNetwork) or part.preparation is None:
            raise ConfigError(
                f"{type(part.network).__name__} is a module of your own, and is not saved.",
                fix="Save its state_dict() yourself.",
            )
        shapes.append(asdict(part.network.shape))
        # trained in float32 and widened since, so that nothing is lost
        for name, value in part.network.state_dict().items():
            arrays[f"{number}.network.{name}"] = value.float().numpy()
        for name, array in part.preparation.to_arrays().items():
            arrays[f"{number}.preparation.{name}"] = array
    return shapes, arrays


def bag_from_parts(
    shapes: Any, arrays: Mapping[str, NDArray[Any]], dense: int, sparse: int, n_classes: int
) -> Bag:
    """Return the bag that `bag_to_parts` told.

    Args:
        shapes, arrays: what it returned.
        dense, sparse: how many features of each sort go in.
        n_classes: K.

    Raises:
        KeyError, TypeError, ValueError: it is not of that form, or does not fit those numbers.
    """
    if not isinstance(shapes, list) or not shapes:
        raise ValueError("the networks are no list")
    parts = []
    for number, given in enumerate(shapes):
        own = _within(arrays, f"{number}.network.")
        preparation = _preparation(_within(arrays, f"{number}.preparation."), dense, sparse)
        shape = _shape(given)
        if shape.classes != n_classes or (shape.embedded, shape.embedded + shape.plain) != (
            preparation.embedded,
            preparation.width,
        ):
            raise ValueError(f"network {number} does not fit its features and classes")
        parts.append(Part(_network(shape, own, number), preparation))
    return Bag(tuple(parts))


def _within(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _shape(given: Any) -> TableShape:
    known = {field.name for field in fields(TableShape)}
    if not isinstance(given, dict) or set(given) != known:
        raise ValueError(f"a network has the sizes {', '.join(sorted(known))}")
    wrong = [n for n in known - {"dropout"} if type(given[n]) is not int or not 0 <= given[n] < 1 << 20]
    if wrong or not isinstance(given["dropout"], float) or given["members"] < 1 or given["blocks"] > 64:
        raise ValueError("a size of a network is out of range")
    return TableShape(**given)


def _network(shape: TableShape, arrays: Mapping[str, NDArray[Any]], number: int) -> TableNetwork:
    # without memory of its own, so that sizes which no array bears out cost nothing
    with torch.device("meta"):
        network = TableNetwork(shape)
    for name, expected in network.state_dict().items():
        array = arrays[name]
        if array.dtype != np.float32 or array.shape != tuple(expected.shape):
            raise ValueError(f"{name} of network {number} is {array.dtype} of shape {array.shape}")
        # NaN compares as false
        if name not in _UNBOUNDED and not (np.abs(array) < _LARGEST).all():
            raise ValueError(f"{name} of network {number} is not below {_LARGEST:g}")
        if np.isnan(array).any():
            raise ValueError(f"{name} of network {number} holds NaN")
    state = {name: torch.from_numpy(np.array(arrays[name])) for name in network.state_dict()}
    network.load_state_dict(state, assign=True)
    return network.double().eval().requires_grad_(False)


def _preparation(arrays: Mapping[str, NDArray[Any]], dense: int, sparse: int) -> Preparation:
    found = Preparation.from_arrays(arrays)
    width = dense + sparse
    if found.directions is not None:
        d = found.directions
        if d.ndim != 2 or len(d) != sparse or d.dtype != np.float32 or not (np.abs(d) < _LARGEST).all():
            raise ValueError("directions do not fit the sparse features")
        width = dense + d.shape[1]
    for name, places in (("kept", found.kept), ("gaps", found.gaps)):
        if places.ndim != 1 or places.dtype != np.int64 or not ((places >= 0) & (places < width)).all():
            raise ValueError(f"{name} names no columns")
    for name, values in (("centre", found.centre), ("scale", found.scale)):
        if values.shape != found.kept.shape or values.dtype != np.float64 or not np.isfinite(values).all():
            raise ValueError(f"{name} is not a number a column")
    if not 0 <= found.embedded <= len(found.kept):
        raise ValueError("embedded is out of range")
    return found
