r"""Calibration richer than a temperature, where rows that no fit saw say that it pays.

.. math:: \text{temperature}\; z / T, \qquad \text{vector}\; v \odot z / T + b, \qquad
          \text{matrix}\; (I + W)\, z / T + b

Each is fitted to out-of-fold logits of all folds but one and judged on that one: what it gains is out of sample.
A form of K or K^2 numbers more is taken only where its mean loss is lower than the temperature's by more than the
standard error of that difference; otherwise what it has learned may be chance, and there is more of it to be wrong.

Vector scaling is held to v = 1, b = 0 by a normal prior of unit width; matrix scaling is softmax regression on the
logits, which stand beside it as offsets, with an L2 penalty on W: what is fitted is the departure from the temperature.
Its strength is that with the lowest held-out loss of three, tried from the stiffest on while they gain.

References:
    Guo, Pleiss, Sun, Weinberger, On calibration of modern neural networks, ICML 2017, section 4.2 (vector and matrix
    scaling); Kull, Perello-Nieto, Kängsepp, Silva Filho, Song, Flach, Beyond temperature scaling, NeurIPS 2019, section
    3 (why the matrix needs a penalty).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from crossentropy.evaluation._calibration import fit_temperature
from crossentropy.evaluation._figures import FormGain
from crossentropy.evaluation._intervals import error_of_sum

__all__ = ["LogitMap", "fit_calibration"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# The widths squared of the prior of an entry of W, in logits per logit.
_STRENGTHS = (1e-4, 1e-3, 1e-2)
# Rows that a class needs for a line of the matrix to be known of it.
_FEWEST = 10
# Of the objective: a tenth of the least gain that anyone would care for.
_TOL = 1e-4
_STEPS = 50
# Products of logits and parameters in one pass over the rows: a few seconds for all fits together.
_MOST_VECTOR, _MOST_MATRIX = 2e8, 1.5e7


@dataclass(frozen=True, eq=False)
class LogitMap:
    """Calibrated logits = A z / temperature + bias, and how that came about.

    Attributes:
        form: which of the three.
        temperature: T; 1 where no other lowers the loss by more than chance.
        scale: A, (K,) its diagonal, or (K, K); None for the identity.
        bias: (K,), None for zeros.
        before, after: mean loss of the rows at T = 1, and at T, nats.
        gains: what each richer form that was tried gains over the temperature, out of sample.
        held_out: (N, K) the calibrated logits of each row, of a richer form by a fit to the other folds.
    """

    form: Literal["temperature", "vector", "matrix"]
    temperature: float
    scale: Floats | None
    bias: Floats | None
    before: float
    after: float
    gains: tuple[FormGain, ...]
    held_out: Floats


Map = tuple[Floats, Floats]
"""Scale and bias."""
Fit = Callable[[Floats, Ints, Floats, Map | None], Map]
"""From tempered logits, targets, weights, and what was found for most of these rows, to scale and bias."""


def fit_calibration(
    logits: Floats,
    targets: Ints,
    folds: Ints,
    *,
    sample_weight: Floats | None = None,
    groups: Ints | None = None,
) -> LogitMap:
    """Return the calibration of logits, the simplest that the rows do not speak against.

    Args:
        logits: (N, K) out of fold.
        targets: (N,) class ids.
        folds: (N,) in which each row was held out; calibration is cross-fitted along the same folds.
        sample_weight: (N,).
        groups: (N,) ids of groups of rows that are alike.
    """
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    temperature, before, after = fit_temperature(logits, targets, weights, groups)
    plain = LogitMap("temperature", temperature, None, None, before, after, (), logits / temperature)
    forms = _forms(logits, targets, folds)
    if not forms:
        return plain
    tempered = _tempered(logits, targets, folds, weights, groups)
    share, losses = weights / weights.sum(), _losses(tempered, targets)
    found: list[tuple[FormGain, Fit, Floats]] = []
    for form, fits in forms.items():
        best: tuple[FormGain, Fit, Floats] | None = None
        for fit in fits:
            crossed = _crossed(fit, tempered, targets, folds, weights)
            gained = losses - _losses(crossed, targets)
            gain = float(share @ gained)
            if best is not None and gain <= best[0].gain:
                break
            error = error_of_sum(share * (gained - gain), groups)
            best = FormGain(form=form, gain=gain, standard_error=error), fit, crossed
            # looser fits learn more by heart than this one
            if gain <= 0:
                break
        assert best is not None
        found.append(best)
    gains = tuple(told for told, _, _ in found)
    paying = [item for item in found if item[0].gain > item[0].standard_error]
    if not paying:
        return replace(plain, gains=gains)
    told, chosen, held_out = max(paying, key=lambda item: item[0].gain)
    scale, bias = chosen(logits / temperature, targets, weights, None)
    return LogitMap(told.form, temperature, scale, bias, before, after, gains, held_out)


def _forms(logits: Floats, targets: Ints, folds: Ints) -> dict[Literal["vector", "matrix"], list[Fit]]:
    """Return the richer forms that are worth trying on so many rows and classes, each by its strengths."""
    n, k = logits.shape
    found: dict[Literal["vector", "matrix"], list[Fit]] = {}
    which = np.unique(folds)
    if len(which) < 2 or n < _FEWEST * k:
        return found
    if n * k * k <= _MOST_VECTOR:
        found["vector"] = [_fit_vector]
    # of two classes a matrix says no more than a vector: their logits differ by one number
    if k > 2 and n * k * k <= _MOST_MATRIX:
        rows = np.bincount(targets, minlength=k)
        left = min((rows - np.bincount(targets[folds == f], minlength=k)).min() for f in which)
        if left >= _FEWEST:
            found["matrix"] = [_matrix_of(strength) for strength in _STRENGTHS]
    return found


def _tempered(logits: Floats, targets: Ints, folds: Ints, weights: Floats, groups: Ints | None) -> Floats:
    """Return the logits of each row over the temperature of the other folds."""
    tempered = logits.copy()
    for fold in np.unique(folds):
        held = folds == fold
        if weights[~held].sum() > 0:
            rest = None if groups is None else groups[~held]
            tempered[held] /= fit_temperature(logits[~held], targets[~held], weights[~held], rest)[0]
    return tempered


def _crossed(fit: Fit, logits: Floats, targets: Ints, folds: Ints, weights: Floats) -> Floats:
    """Return the logits of each row under a fit to the other folds."""
    moved, found = logits.copy(), None
    for fold in np.unique(folds):
        held = folds == fold
        if weights[~held].sum() > 0:
            found = fit(logits[~held], targets[~held], weights[~held], found)
            scale, bias = found
            moved[held] = (logits[held] * scale if scale.ndim == 1 else logits[held] @ scale.T) + bias
    return moved


def _losses(logits: Floats, targets: Ints) -> Floats:
    losses: Floats = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    return losses


def _matrix_of(strength: float) -> Fit:
    from crossentropy.linear import LogisticRegression

    def fit(logits: Floats, targets: Ints, weights: Floats, near: Map | None) -> Map:
        k = logits.shape[1]
        model = LogisticRegression(C=strength, tol=_TOL)
        model.fit(logits, targets, sample_weight=weights, offset=logits)
        return np.eye(k) + model.coef_, model.intercept_ - model.intercept_.mean()

    return fit


def _fit_vector(logits: Floats, targets: Ints, weights: Floats, near: Map | None = None) -> Map:
    """Return (v, b) by Newton steps; targets are those of the rows, and of one more drawn from the forecast itself."""
    n, k = logits.shape
    share, pull = weights / weights.sum(), 1.0 / n
    wanted = _chances(logits)[0] / (n + 1)
    wanted[np.arange(n), targets] += n / (n + 1)
    still = np.concatenate([np.ones(k), np.zeros(k)])
    # of the part of the loss that is linear in the parameters
    reached = np.concatenate([np.einsum("i,ij,ij->j", share, wanted, logits), share @ wanted])

    def loss(x: Floats) -> tuple[float, Floats]:
        chance, log_sum = _chances(logits * x[:k] + x[k:])
        return float(share @ log_sum - reached @ x + 0.5 * pull * (x - still) @ (x - still)), chance

    x = still if near is None else np.concatenate(near)
    value, chance = loss(x)
    for _ in range(_STEPS):
        gradient, curvature = _derivatives(logits, chance, share)
        gradient += pull * (x - still) - reached
        curvature.flat[:: 2 * k + 1] += pull
        step = -np.linalg.solve(curvature, gradient)
        slope, length = float(gradient @ step), 1.0
        # what a step of full length may still gain
        if -slope <= _TOL**3:
            break
        following, chances = loss(x + step)
        while following > value + 1e-4 * length * slope and length > 1e-6:
            length /= 2
            following, chances = loss(x + length * step)
        x, value, chance = x + length * step, following, chances
    return x[:k], x[k:]


def _chances(logits: Floats) -> Map:
    """Return softmax (N, K) and log-sum-exp (N,)."""
    most = logits.max(axis=1, keepdims=True)
    chance = np.exp(logits - most)
    total = chance.sum(axis=1, keepdims=True)
    chance /= total
    return chance, (np.log(total) + most)[:, 0]


def _derivatives(logits: Floats, chance: Floats, share: Floats) -> Map:
    """Return gradient (2K,) and curvature (2K, 2K) of the weighted mean of the log-sum-exp of v z + b in (v, b)."""
    k = logits.shape[1]
    moved = np.hstack([chance * logits, chance])
    each = moved * share[:, None]
    curvature: Floats = -each.T @ moved
    ends = np.arange(k)
    slopes = each[:, :k].sum(axis=0)
    curvature[ends, ends] += np.einsum("ij,ij->j", each[:, :k], logits)
    curvature[ends, k + ends] += slopes
    curvature[k + ends, ends] += slopes
    curvature[k + ends, k + ends] += each[:, k:].sum(axis=0)
    return each.sum(axis=0), curvature
