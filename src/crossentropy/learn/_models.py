"""The models that the page shows, fitted or trained by this library when the page is built, on real data.

What the page computes again it computes from the rounded numbers it is given, and so does this file: weights,
logits and features are rounded first, and every figure is taken from the rounded ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = 16  # the grey levels of a pixel above 0, as in the data
EIGHT = 8
_IMAGES = 61
_MOST = 7.0  # logits of the images shown reach from -7 to 7


@dataclass(frozen=True)
class Digits:
    """The 1,797 images of handwritten digits (8 x 8 pixels) that come with scikit-learn, in a fixed random order."""

    pixels: Floats  # (N, 64), in [0, 1]
    targets: Ints  # (N,)


def load_digits() -> Digits:
    """Return the digits in an order that does not depend on the writer."""
    from sklearn import datasets

    pixels, targets = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(targets))
    return Digits(pixels=pixels[order] / LEVELS, targets=targets[order].astype(np.int64))


def image_text(pixels: Floats) -> str:
    """Return images as text: a character a pixel, 0 to 9 and a to g for the 17 levels."""
    alphabet = "0123456789abcdefg"
    return "".join(alphabet[round(level * LEVELS)] for level in pixels.ravel())


def is_it_an_eight(digits: Digits) -> dict[str, Any]:
    """Return a binary classifier ("is this an 8?") and images it never saw, from surely not to surely."""
    from crossentropy.linear import LogisticRegression
    from crossentropy.losses import sigmoid

    seen = 1000
    model = LogisticRegression(C=3.0).fit(digits.pixels[:seen], digits.targets[:seen] == EIGHT)
    weight = np.round(model.coef_[0], 3)
    bias = round(float(model.intercept_[0]), 3)
    pixels, targets = digits.pixels[seen:], digits.targets[seen:]
    logits = pixels @ weight + bias
    chosen: list[int] = []
    for wanted in np.linspace(-_MOST, _MOST, _IMAGES):
        near = np.abs(logits - wanted)
        near[chosen] = np.inf
        chosen.append(int(near.argmin()))
    chosen.sort(key=lambda i: float(logits[i]))
    probability = sigmoid(_tensor(logits[chosen])).numpy()
    return {
        "weight": weight.tolist(),
        "bias": bias,
        "images": [image_text(pixels[i]) for i in chosen],
        "digits": targets[chosen].tolist(),
        "stops": {str(p): int(np.abs(probability - p / 100).argmin()) for p in (5, 60, 99)},
        "seen": seen,
        "accuracy": float(((logits > 0) == (targets == EIGHT)).mean()),
        "others": len(targets),
    }


def too_sure(digits: Digits) -> dict[str, Any]:
    """Return the logits of a ten-class model fitted closely to too few rows, on rows it never saw."""
    from crossentropy.evaluation import evaluate, fit_temperature
    from crossentropy.linear import LogisticRegression

    seen, shown = 120, 500
    model = LogisticRegression(C=1e5).fit(digits.pixels[:seen], digits.targets[:seen])
    rows = slice(seen, seen + shown)
    logits = np.round(model.decision_function(digits.pixels[rows]), 3)
    targets = digits.targets[rows]
    test = evaluate(logits, targets, classes=[str(k) for k in range(10)])
    best, before, _ = fit_temperature(logits, targets)
    return {
        "logits": logits.tolist(),
        "targets": targets.tolist(),
        "seen": seen,
        "frequencies": test.frequencies,
        "loss": before,
        "accuracy": test.accuracy.value,
        "best": best,
    }


def wines() -> dict[str, Any]:
    """Return 178 wines of three growers by two measurements, and the least loss that straight borders can reach."""
    from sklearn import datasets

    from crossentropy.linear import LogisticRegression

    data = datasets.load_wine()
    names = ("alcohol", "color_intensity")
    features = data.data[:, [data.feature_names.index(name) for name in names]]
    middle, spread = features.mean(axis=0), features.std(axis=0)
    features = np.round((features - middle) / spread, 3)
    targets = data.target.astype(np.int64)
    # without a penalty there is no bound on the gap, but the classes overlap, so the minimum exists
    model = LogisticRegression(C=math.inf).fit(features, targets)
    return {
        "features": features.tolist(),
        "targets": targets.tolist(),
        "middle": middle.tolist(),
        "spread": spread.tolist(),
        "minimum": float(model.objective_),
    }


def descend(features: Floats, targets: Ints, classes: int, rate: float, steps: int) -> tuple[Floats, float]:
    """Return weight and bias (K, D + 1) after some steps of gradient descent from zero, and their mean loss."""
    import torch

    from crossentropy.losses import cross_entropy

    inputs = _tensor(np.column_stack([features, np.ones(len(features))]))
    ids = torch.from_numpy(targets)
    weight = torch.zeros(classes, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        (slope,) = torch.autograd.grad(cross_entropy(inputs @ weight.T, ids), weight)
        weight = (weight - rate * slope).detach().requires_grad_()
    weight = weight.detach()
    return weight.numpy(), float(cross_entropy(inputs @ weight.T, ids))


def with_and_without_softmax(digits: Digits) -> dict[str, Any]:
    """Return loss, accuracy and gradient along two trainings that differ in one softmax before the loss.

    The same weights to begin with (zero), the same full batches, the same optimiser (Adam, rate 0.02).
    """
    import torch

    from crossentropy.losses import LossOptions, cross_entropy

    steps, seen = 150, 1000
    inputs = _tensor(np.column_stack([digits.pixels, np.ones(len(digits.pixels))]))
    ids = torch.from_numpy(digits.targets)
    told: dict[str, Any] = {"steps": steps, "seen": seen, "tested": len(ids) - seen}
    for name, before in (("logits", False), ("softmax", True)):
        weight = torch.zeros(10, inputs.shape[1], dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.Adam([weight], lr=0.02)
        losses, accuracies, slopes = [], [], []
        for _ in range(steps + 1):
            logits = inputs @ weight.T
            scores = logits[:seen]
            scores.retain_grad()
            given = scores.softmax(dim=1) if before else scores
            loss = cross_entropy(given, ids[:seen], options=LossOptions(probabilities="allow"))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            assert scores.grad is not None
            losses.append(round(loss.item(), 4))
            accuracies.append(round((logits[seen:].argmax(dim=1) == ids[seen:]).double().mean().item(), 4))
            slopes.append(round(seen * scores.grad.norm(dim=1).mean().item(), 5))
            optimiser.step()
        told[name] = {"loss": losses, "accuracy": accuracies, "gradient": slopes}
    return told


def _tensor(values: Floats) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, np.float64))
