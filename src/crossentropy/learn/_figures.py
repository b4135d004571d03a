"""The numbers that stand in the text, the curves, and the values that the page computes again when it is opened."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossentropy.losses import (
    LossOptions,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    one_hot,
    sigmoid,
    softmax,
)

EXAMPLE = (0.1, 0.2, 0.2, 0.5)
_ALLOWED = LossOptions(probabilities="allow")  # the lesson makes the mistake on purpose
_LARGEST_HALF = 65504.0


def _t(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def cost(p: float, t: float) -> float:
    """Return the logistic loss of probability p for truth t, in nats."""
    return float(
        binary_cross_entropy(torch.tensor(p, dtype=torch.float64), torch.tensor(t, dtype=torch.float64))
    )


def twice(logits: Tensor, target: int) -> Tensor:
    """Return the cross-entropy of logits that went through a softmax first."""
    return cross_entropy(softmax(logits, dim=-1), torch.tensor(target), options=_ALLOWED)


def slope(loss: Any, *logits: float) -> list[float]:
    """Return the gradient of a loss in its logits."""
    z = _t(*logits).requires_grad_()
    (found,) = torch.autograd.grad(loss(z), z)
    return [float(value) for value in found]


def floor(classes: int) -> float:
    """Return the least loss that a softmax before the loss leaves possible: of the row [1, 0, ..., 0]."""
    return float(cross_entropy(one_hot(torch.tensor(0), classes).double(), torch.tensor(0), options=_ALLOWED))


def text_numbers() -> dict[str, Any]:
    """Return what the sentences and worked examples of the templates name `n`."""
    target = torch.tensor(1)
    parts = (0.8, 0.9, 0.7)
    ln2, ln10 = cost(0.5, 1), cost(0.1, 1)
    return {
        "ln2": ln2,
        "ln3": cost(1 / 3, 1),
        "ln10": ln10,
        "s4": float(sigmoid(_t(4.0))),
        "s6": float(sigmoid(_t(6.0))),
        "cases": [
            {
                "t": t,
                "p": p,
                "o": round(math.log(p / (1 - p)), 4),
                "given": p if t else round(1 - p, 1),
                "loss": cost(p, t),
            }
            for t, p in ((0, 0.2), (1, 0.8), (0, 0.8), (1, 0.2))
        ],
        "product": round(math.prod(parts), 3),
        "parts": " + ".join(f"{cost(p, 1):.4f}" for p in parts),
        "total": sum(cost(p, 1) for p in parts),
        "squared8": slope(lambda z: (1 - sigmoid(z[0])) ** 2, -8.0)[0],
        "logistic8": slope(lambda z: binary_cross_entropy_with_logits(z[0], _t(1.0)[0]), -8.0)[0],
        "lie": 21 / 26,  # where the derivative of 0.5 (1 - q)^2 + 0.5 (1 - (1 - q) / 5)^2 vanishes
        "weather": [
            {"name": name, "weight": weight}
            for name, weight in (("sunny", 4), ("cloudy", 3), ("rainy", 2), ("snowy", 1))
        ],
        "logits": (2, 1, 0, -1),
        "overflow": math.log(_LARGEST_HALF),
        "example": EXAMPLE,
        "example_loss": float(cross_entropy(_t(*EXAMPLE).log(), target)),
        "soft_entropy": float(cross_entropy(_t(0.25, 0.75).log(), _t(0.25, 0.75))),
        "floor10": floor(10),
        "floors": [(k, floor(k)) for k in (2, 3, 5, 10, 100, 1000)],
        "binary": [cost(float(sigmoid(_t(1.0))), 1), ln2, cost(float(sigmoid(_t(1.0))), 0)],
        "starved": slope(lambda z: twice(z, 0), 0.0, 8.0, 0.0)[0],
        "fed": slope(lambda z: cross_entropy(z, torch.tensor(0)), 0.0, 8.0, 0.0)[0],
        "rare": cost(0.99, 0.99),
    }


def curves() -> dict[str, Any]:
    """Return the curves of the second and third chapter, by the library's functions, as points [x, y]."""
    o = torch.linspace(-8, 8, 129, dtype=torch.float64)
    p = torch.cat([torch.logspace(-4, -1, 31, dtype=torch.float64), torch.linspace(0.12, 0.88, 39).double()])
    p = torch.cat([p, 1 - p[:31].flip(0)])

    def points(x: Tensor, y: Tensor) -> list[list[float]]:
        return np.round(torch.stack([x, y], dim=1).numpy(), 5).tolist()  # type: ignore[no-any-return]

    def losses(t: float) -> dict[str, Any]:
        by_logit = binary_cross_entropy_with_logits(o, torch.full_like(o, t), reduction="none")
        by_chance = binary_cross_entropy(p, torch.full_like(p, t), reduction="none")
        return {"over_o": points(o, by_logit), "over_p": points(p, by_chance)}

    both = {"0": losses(0.0), "1": losses(1.0)}
    return {
        "sigmoid": {"curve": points(o, sigmoid(o))},
        "loss": {kind: {t: both[t][kind] for t in both} for kind in ("over_o", "over_p")},
    }


def checks() -> list[dict[str, Any]]:
    """Return calls of the page's functions (name, arguments) with the values that the library gives for them."""
    rng = np.random.default_rng(0)
    found: list[dict[str, Any]] = []

    def check(name: str, given: list[Any], value: Any) -> None:
        values = value.tolist() if isinstance(value, Tensor) else value
        found.append({"name": name, "given": given, "value": values})

    for _ in range(8):
        o, t = round(float(rng.normal(scale=4)), 3), int(rng.integers(2))
        z, k = np.round(rng.normal(scale=3, size=4), 3).tolist(), int(rng.integers(4))
        q = np.round(rng.dirichlet(np.ones(4)), 3)
        y = np.r_[q[:3], 1 - q[:3].sum()].round(3).tolist()
        logits, ids = _t(*z), torch.tensor(k)
        check("sigmoid", [o], float(sigmoid(_t(o))))
        check("binaryCrossEntropyWithLogits", [o, t], float(binary_cross_entropy_with_logits(_t(o), _t(t))))
        check("softmax", [z], softmax(logits, dim=0))
        check("crossEntropy", [z, k], float(cross_entropy(logits, ids)))
        check("crossEntropyTwice", [z, k], float(twice(logits, k)))
        check("gradient", [z, y], slope(lambda v, y=y: cross_entropy(v, _t(*y)), *z))
        check("gradientTwice", [z, k], slope(lambda v, k=k: twice(v, k), *z))
        check("entropy", [y], float(cross_entropy(_t(*y).log(), _t(*y))))
    return found
