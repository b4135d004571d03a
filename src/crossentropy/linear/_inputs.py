"""Arrays from anywhere, read as NumPy, and results taken back to where the data are.

What scikit-learn reads (NumPy, SciPy sparse, pandas, polars, lists) is left to scikit-learn. Here are the others:

* torch tensors, on any device, whatever scikit-learn's setting of the array API says;
* arrays with `__array_namespace__` (CuPy, JAX, array-api-strict, ...), by DLPack;
* tables with Arrow's C stream interface (PyArrow, DuckDB, nanoarrow, ...), by way of polars.

The first two have a `Home`: results computed from them are arrays of the same library on the same device. Fitted
attributes are NumPy arrays all the same, so that a model fitted on a GPU predicts from a data frame; with
scikit-learn's `array_api_dispatch` they are at home as well, since that is what it promises.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crossentropy.errors import ShapeError

__all__ = ["NUMPY", "Home", "is_tensor", "read"]


@dataclass(frozen=True)
class Home:
    """A library and a device; `namespace` is None for NumPy."""

    namespace: Any = None
    device: Any = None

    def bring(self, array: NDArray[Any]) -> Any:
        """Return `array` as an array of this library, on this device; strings stay NumPy's."""
        if self.namespace is None or array.dtype.kind not in "biufc":
            return array
        return self.namespace.asarray(array, device=self.device)


NUMPY = Home()


def is_tensor(data: Any) -> bool:
    """Whether `data` is a torch tensor; torch is not imported for the question."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(data, torch.Tensor)


def read(data: Any) -> tuple[Any, Home]:
    """Return `data` as NumPy, or as it is where scikit-learn can read it; and where results from it belong."""
    if data is None or isinstance(data, (np.ndarray, list, tuple)) or sparse.issparse(data):
        return data, NUMPY
    if is_tensor(data):
        return _from_torch(data), Home(sys.modules["torch"], data.device)
    if hasattr(data, "__array_namespace__"):
        home = Home(data.__array_namespace__(), data.device)
        return np.from_dlpack(data, device="cpu"), home
    if type(data).__module__.partition(".")[0] in ("pandas", "polars"):
        return data, NUMPY
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _from_arrow(data), NUMPY
    return data, NUMPY


def _from_torch(tensor: Any) -> NDArray[Any]:
    """Return a tensor's values; those of a dense one on the CPU are shared. Half precision becomes float32."""
    import torch

    if tensor.layout is not torch.strided:
        raise ShapeError(
            f"The tensor has the layout {tensor.layout}, which is not read.",
            fix="Give a dense tensor, or a scipy.sparse matrix.",
        )
    tensor = tensor.detach()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.to(torch.float32)
    values: NDArray[Any] = tensor.cpu().numpy()
    return values


def _from_arrow(data: Any) -> Any:
    """Return an Arrow table as a polars frame, an Arrow array as NumPy."""
    import polars

    if hasattr(data, "schema") or hasattr(data, "columns"):
        return polars.DataFrame(data)
    return polars.Series(data).to_numpy()
