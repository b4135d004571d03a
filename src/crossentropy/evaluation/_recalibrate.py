r"""What the loss would be if the confidence were mended: a map of the logits with few parameters, fitted out of sample.

.. math:: q_i = \mathrm{softmax}\bigl(a + \beta z_i + \gamma\, s(z_i)\bigr), \qquad
          s(z) = \operatorname{sign}(z) \ln(1 + |z|)

of logits z centred over the classes: a slope for all, a second one that acts in the middle and leaves the far ends
(heavy tails make a model too sure there and not sure enough in between), and an offset for the frequency of each class.
With gamma = 0 and two classes this is Platt's scaling. It is convex, identity is among its members, and K + 2 numbers
are known from few rows (a normal prior about the identity holds them where there are fewer), where bins or isotonic
steps need many rows for each class. What it gains is confidence and not
knowledge; other bends of the curve stay in what is called open, so the gain is a lower bound.

References:
    Alexandari, Kundaje, Shrikumar, Maximum likelihood with bias-corrected calibration is hard-to-beat at label shift
    adaptation, ICML 2020, section 3 (slope and offsets); Platt, Probabilistic outputs for support vector machines,
    1999; Kull, Silva Filho, Flach, Beta calibration, AISTATS 2017 (that one slope is not enough).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from crossentropy.evaluation._splits import group_folds, stratified_folds

__all__ = ["fit_confidence", "mended", "recalibrated_losses"]

Floats = NDArray[np.float64]

_FOLDS = 5
_SLOPES = 2
# A normal prior of unit width about the identity, on each number: a few hundred rows outweigh it.
_PULL = 1.0


def fit_confidence(
    logits: Floats, targets: NDArray[np.int64], weights: Floats, near: Floats | None = None
) -> Floats:
    """Return (beta, gamma, a_1, ..., a_K), which minimise the weighted mean loss.

    The targets are those of n rows, and of one more drawn from the forecast itself: where the rows cannot tell (all of
    them right, or none of a class), the forecast stays as it is, and nothing runs to infinity.

    Args:
        logits: (N, K), N >= 1.
        targets: (N,) class ids.
        weights: (N,), not all zero.
        near: what was found for most of these rows; the search starts there.
    """
    n, k = logits.shape
    slopes = _bends(logits)
    share = weights / weights.sum()
    pull, identity = _PULL / n, np.zeros(_SLOPES + k)
    identity[0] = 1.0
    wanted = np.exp(log_softmax(logits, axis=1)) / (n + 1)
    wanted[np.arange(n), targets] += n / (n + 1)

    def log_q(x: Floats) -> Floats:
        log_probabilities: Floats = log_softmax(np.tensordot(x[:_SLOPES], slopes, 1) + x[_SLOPES:], axis=1)
        return log_probabilities

    def loss(x: Floats) -> tuple[float, Floats]:
        known = log_q(x)
        residual = share[:, None] * (np.exp(known) - wanted)
        value = -float(share @ np.einsum("ij,ij->i", wanted, known)) + 0.5 * pull * float(
            (x - identity) @ (x - identity)
        )
        gradient = np.concatenate([np.tensordot(slopes, residual, 2), residual.sum(axis=0)])
        return value, gradient + pull * (x - identity)

    def curvature(x: Floats) -> Floats:
        q = np.exp(log_q(x))
        weighed = q * share[:, None]
        centred = weighed * (slopes - np.einsum("ij,sij->si", q, slopes)[..., None])
        matrix = np.empty((_SLOPES + k, _SLOPES + k))
        matrix[:_SLOPES, :_SLOPES] = np.tensordot(centred, slopes, ([1, 2], [1, 2]))
        matrix[:_SLOPES, _SLOPES:] = centred.sum(axis=1)
        matrix[_SLOPES:, :_SLOPES] = matrix[:_SLOPES, _SLOPES:].T
        matrix[_SLOPES:, _SLOPES:] = np.diag(weighed.sum(axis=0)) - weighed.T @ q
        matrix.flat[:: _SLOPES + k + 1] += pull
        return matrix

    start = identity if near is None else near
    found = minimize(loss, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-8})
    fitted: Floats = found.x
    return fitted


def mended(logits: Floats, fitted: Floats) -> Floats:
    """Return the logits (N, K) under the map of `fit_confidence`."""
    moved: Floats = np.tensordot(fitted[:_SLOPES], _bends(logits), 1) + fitted[_SLOPES:]
    return moved


def _bends(logits: Floats) -> Floats:
    """Return (2, N, K): the centred logits, and the logits with their tails drawn in."""
    z = logits - logits.mean(axis=1, keepdims=True)
    return np.stack([z, np.sign(z) * np.log1p(np.abs(z))])


def recalibrated_losses(
    logits: Floats, targets: NDArray[np.int64], weights: Floats, groups: NDArray[np.int64] | None = None
) -> Floats:
    """Return the loss (N,) of each row, in nats, under the map fitted to the rows of the other folds.

    The only row of a class (or its only group) is left as it is: no other row tells of that class.
    """
    rng = np.random.default_rng(0)
    folds = (
        stratified_folds(targets, _FOLDS, rng)
        if groups is None
        else group_folds(groups, targets, _FOLDS, rng)
    )
    losses: Floats = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    fitted: Floats | None = None
    for fold in range(_FOLDS):
        held = folds == fold
        if not held.any() or not weights[~held].sum() > 0:
            continue
        fitted = fit_confidence(logits[~held], targets[~held], weights[~held], fitted)
        moved = log_softmax(mended(logits[held], fitted), axis=1)
        losses[held] = -moved[np.arange(int(held.sum())), targets[held]]
    return losses
