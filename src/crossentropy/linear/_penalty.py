r"""What is added to the mean loss: :math:`\tfrac{l_2}{2}\lVert W\rVert^2`, the intercepts left out.

The penalty is an object of its own so that an objective's loss, its data and its penalty vary independently. What is
here is smooth, and part of an objective's value, gradient and curvature. A penalty with a corner (an L1 norm) is a
further object with a proximal step, for a solver that knows such steps; its smooth part is a `Penalty`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Penalty", "penalty_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Penalty:
    """A smooth penalty of parameters (outputs, width) whose last column is the intercept, where there is one."""

    l2: float = 0.0
    """Strength in mean form, 1 / (C sum_i s_i); 0 for none."""
    l1: float = 0.0
    """Strength of the L1 norm of W beside it, which is not smooth: `_proximal` adds it."""

    def gradient(self, parameters: Floats, *, intercept: bool) -> Floats:
        """Return the gradient, l2 W, as a new array; it is linear, so it is also the curvature product."""
        pulled = self.l2 * parameters
        if intercept:
            pulled[:, -1] = 0.0
        return pulled

    def value(self, parameters: Floats, *, intercept: bool) -> float:
        """Return l2 / 2 |W|^2."""
        weights = parameters[:, :-1] if intercept else parameters
        return 0.5 * self.l2 * float(np.einsum("ij,ij->", weights, weights)) if self.l2 > 0.0 else 0.0


def penalty_of(C: float, l1_ratio: float, weight: float, *, of_two: bool = False) -> Penalty:
    """Return scikit-learn's penalty in mean form.

    Args:
        C: inverse strength; infinity for none.
        l1_ratio: 0 for L2, 1 for L1, between for both (the elastic net).
        weight: sum_i s_i, class weights multiplied in.
        of_two: for the one row w = b - a that two softmax rows a, b become. Of all pairs with that difference
            -w / 2 and w / 2 have the least penalty: |a|^2 + |b|^2 is half of |w|^2, and |a|_1 + |b|_1 is |w|_1.
    """
    strength = 1.0 / (C * weight)
    return Penalty((1.0 - l1_ratio) * strength * (0.5 if of_two else 1.0), l1_ratio * strength)
