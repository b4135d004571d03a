"""A graph in the making: nodes are added one by one, arrays as they are met."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Nodes"]


class Nodes:
    """The nodes of a graph in the order of their work, and the arrays that they take.

    A value of the graph is known by its name, a text.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.arrays: dict[str, NDArray[Any]] = {}

    def add(self, operator: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
        """Add a node, and return the name of what it makes; arrays among its inputs become arrays of the graph."""
        from onnx import helper

        name = f"{operator.lower()}_{len(self.nodes)}"
        given = [self._named(value) for value in inputs]
        self.nodes.append(helper.make_node(operator, given, [name], **attributes))
        return name

    def cast(self, value: str, dtype: type[np.generic]) -> str:
        """Add a node that changes the type of numbers."""
        from onnx import helper

        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def axes(self, operator: str, value: str, *axes: int, **attributes: Any) -> str:
        """Add a node that works along axes."""
        return self.add(operator, value, np.array(axes, np.int64), **attributes)

    def _named(self, value: str | NDArray[Any]) -> str:
        if isinstance(value, str):
            return value
        name = f"array_{len(self.arrays)}"
        self.arrays[name] = value
        return name
