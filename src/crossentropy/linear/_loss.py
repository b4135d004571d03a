r"""Cross-entropy of rows, given their logits: value, residual and curvature, row by row.

An objective is a table of features, a loss of its rows, and a penalty. The loss knows targets, row weights and offsets
and no feature; so dense, sparse and mixed tables share it. With weights :math:`\omega_i`, which sum to one, and margins
:math:`o_i` that are added to the logits,

.. math:: \sum_i \omega_i\,\mathrm{CE}(z_i + o_i, t_i), \qquad
          \mathrm{CE}(z, t) = \ln \textstyle\sum_c e^{z_c} - \langle t, z\rangle.

Digits that cancel
------------------
Near the end on separable data every row has p_y = 1 - 1e-9, and everything of interest lives in the 1e-9. So nothing
here is computed as 1 - p or log(p):

* CE is log1p(sum of the other exponentials) where the target leads;
* the residual p - e_y of the target is minus the sum of the other probabilities; the residual of the single logit is
  t_0 p_1 - t_1 p_0;
* a curvature product subtracts the target's entry of `V x` from the row first (softmax does not see the shift), so that
  the large entry p_y multiplies a zero.

Loss, gradient and curvature keep a *relative* accuracy of about 1e-15 N^(1/2); without this the certificate would
stop at 1e-16 absolute, which is no help when the minimum itself is 1e-6. Targets that are distributions over several
classes have a loss of at least their entropy, and nothing cancels that matters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

__all__ = ["LogisticLoss", "RowLoss", "SoftTargetLoss", "SoftmaxLoss", "row_loss"]

Floats = NDArray[np.float64]
Logits = NDArray[np.floating]
"""Float64, or float32 where the passes only have to find the way."""


@dataclass(frozen=True, eq=False)
class RowLoss(ABC):
    """The weighted loss of N rows with K classes. `outputs` logits a row: K, or one for two classes.

    Arrays of a tile of rows come with `span`, their positions; they may be used up.
    """

    targets: NDArray[Any]
    """(N,) class ids, or (N, K) distributions."""
    weights: Floats
    """(N,) omega, which sums to 1."""
    offset: Floats | None
    """(N, outputs), added to the logits; None for zero."""
    frequencies: Floats
    """(K,): sum of omega t, the share of each class."""
    floor: float
    """What no logits can go below: the mean entropy of the targets; 0 for class ids."""

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.frequencies)

    @property
    def outputs(self) -> int:
        """Logits, and rows of parameters: K, or 1 for two classes."""
        return self.n_classes

    def residual(self, z: Logits, span: slice, probabilities: Logits) -> tuple[float, Logits]:
        """Return sum omega CE and its derivative in the logits (n, outputs); write p (n, K) to `probabilities`."""
        if self.offset is not None:
            z += self.offset[span]
        loss, residual = self._residual(z, span, probabilities)
        weights = self.weights[span]
        residual *= weights[:, None]
        return float(weights @ loss), residual

    def bend(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        """Return omega (d^2 CE / d z^2) u, row by row, for a change u (n, outputs) of the logits."""
        bent = self._bend(u, span, probabilities)
        bent *= self.weights[span][:, None]
        return bent

    def best_constant(self, *, intercept: bool) -> Floats:
        """Return the logits (outputs,) of the best constant prediction; zeros with offsets or without intercept."""
        if not intercept or self.offset is not None:
            return np.zeros(self.outputs)
        return self._logits_of(self.frequencies)

    def project(self, parameters: Floats) -> Floats:
        """Remove the direction that the loss does not see: softmax is the same when all logits rise alike.

        F does not change when one vector is added to all rows of (W, b) but for the penalty, which is least at sum
        zero: the minimiser has it, every gradient there has it. Left alone, the null direction makes the curvature
        singular and preconditioned steps drift along it.
        """
        projected: Floats = parameters - parameters.mean(axis=0)
        return projected

    def take(self, index: NDArray[np.intp]) -> Self:
        """Return the loss of the rows at `index`, their weights brought to sum 1."""
        targets, weights = self.targets[index], self.weights[index]
        weights = weights / weights.sum()
        frequencies, floor = _summary(targets, weights, self.n_classes)
        offset = None if self.offset is None else self.offset[index]
        return replace(
            self, targets=targets, weights=weights, offset=offset, frequencies=frequencies, floor=floor
        )

    def reference(self, *, intercept: bool) -> float:
        """Return the loss of the best constant prediction, in nats (with offsets: of the offsets alone)."""
        if self.offset is None:
            return float(
                -xlogy(self.frequencies, self.frequencies).sum() if intercept else np.log(self.n_classes)
            )
        total = 0.0
        for start in range(0, len(self), 4096):
            span = slice(start, min(start + 4096, len(self)))
            z = np.zeros((span.stop - start, self.outputs))
            total += self.residual(z, span, np.empty((len(z), self.n_classes)))[0]
        return total

    @abstractmethod
    def tilt(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        """Return u - <p, u> (n, K) for a change u (n, outputs) of the logits: to first order, d ln p."""

    @abstractmethod
    def margins(self, span: slice, probabilities: Logits) -> Logits:
        """Return ln p of each row's own class less that of the next, (n,); 0 where a row is of several classes."""

    @abstractmethod
    def _residual(self, z: Logits, span: slice, probabilities: Logits) -> tuple[Logits, Logits]:
        """Return CE (n,) and d CE / dz, unweighted."""

    @abstractmethod
    def _bend(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        """Return (d^2 CE / dz^2) u, unweighted."""

    def _logits_of(self, frequencies: Floats) -> Floats:
        logits = np.log(frequencies)
        centred: Floats = logits - logits.mean()
        return centred


class SoftmaxLoss(RowLoss):
    """Three classes or more, each row of one class."""

    def _residual(self, z: Logits, span: slice, probabilities: Logits) -> tuple[Logits, Logits]:
        each, targets = np.arange(len(z)), self.targets[span]
        z -= z.max(axis=1, keepdims=True)
        lead = z[each, targets]
        np.exp(z, out=z)
        z[each, targets] = 0.0
        others = z.sum(axis=1)
        own = np.exp(lead)
        total = others + own
        loss = np.where(lead == 0.0, np.log1p(others), np.log(total) - lead)
        z /= total[:, None]
        probabilities[:] = z
        probabilities[each, targets] = own / total
        z[each, targets] = -others / total
        return loss, z

    def _bend(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        u = self.tilt(u, span, probabilities)
        u *= probabilities
        return u

    def tilt(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        """Return u - <p, u>; the target's entry is taken off first, so that the large p multiplies a zero."""
        u -= u[np.arange(len(u)), self.targets[span]][:, None]
        u -= np.einsum("ij,ij->i", probabilities, u)[:, None]
        return u

    def margins(self, span: slice, probabilities: Logits) -> Logits:
        """Return ln p_y - ln max of the others."""
        each, targets = np.arange(len(probabilities)), self.targets[span]
        others = probabilities.copy()
        own = others[each, targets]
        others[each, targets] = 0.0
        return _log_ratio(own, others.max(axis=1))


class SoftTargetLoss(RowLoss):
    """Three classes or more, each row with a distribution over them."""

    def _residual(self, z: Logits, span: slice, probabilities: Logits) -> tuple[Logits, Logits]:
        targets = self.targets[span]
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=probabilities)
        total = probabilities.sum(axis=1)
        loss = np.log(total) - np.einsum("ij,ij->i", targets, z)
        probabilities /= total[:, None]
        return loss, np.subtract(probabilities, targets, out=z)

    def _bend(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        u = self.tilt(u, span, probabilities)
        u *= probabilities
        return u

    def tilt(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        """Return u - <p, u>."""
        u -= np.einsum("ij,ij->i", probabilities, u)[:, None]
        return u

    def margins(self, span: slice, probabilities: Logits) -> Logits:
        """Return zeros: distributions have no side to be on."""
        return np.zeros(len(probabilities))


class LogisticLoss(RowLoss):
    """Two classes, of ids or distributions: one logit, of class 1 against class 0."""

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    def project(self, parameters: Floats) -> Floats:
        """Return the parameters: a single logit has no direction that the loss does not see."""
        return parameters

    def _residual(self, z: Logits, span: slice, probabilities: Logits) -> tuple[Logits, Logits]:
        z, targets = z[:, 0], self.targets[span].astype(z.dtype)
        first, second = (1.0 - targets, targets) if targets.ndim == 1 else (targets[:, 0], targets[:, 1])
        tail = np.exp(-np.abs(z))
        large, small = 1.0 / (1.0 + tail), tail / (1.0 + tail)
        probabilities[:, 1] = np.where(z >= 0, large, small)
        probabilities[:, 0] = np.where(z >= 0, small, large)
        loss = np.log1p(tail) + second * np.maximum(-z, 0.0) + first * np.maximum(z, 0.0)
        residual = first * probabilities[:, 1] - second * probabilities[:, 0]
        return loss, residual[:, None]

    def _bend(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        u *= (probabilities[:, 0] * probabilities[:, 1])[:, None]
        return u

    def tilt(self, u: Logits, span: slice, probabilities: Logits) -> Logits:
        """Return u - <p, u> of the two logits (0, u)."""
        return np.column_stack([-probabilities[:, 1] * u[:, 0], probabilities[:, 0] * u[:, 0]])

    def margins(self, span: slice, probabilities: Logits) -> Logits:
        """Return ln p_y - ln of the other."""
        targets = self.targets[span]
        if targets.ndim == 2:
            return np.zeros(len(probabilities))
        signs = 2.0 * targets - 1.0
        margins: Logits = signs * _log_ratio(probabilities[:, 1], probabilities[:, 0])
        return margins

    def _logits_of(self, frequencies: Floats) -> Floats:
        return np.log(frequencies[1:] / frequencies[:1])


def _log_ratio(p: Logits, q: Logits) -> Logits:
    least = np.finfo(p.dtype).tiny
    ratio: Logits = np.log(np.maximum(p, least)) - np.log(np.maximum(q, least))
    return ratio


def _summary(targets: NDArray[Any], weights: Floats, n_classes: int) -> tuple[Floats, float]:
    """Return the share of each class, and the mean entropy of the targets."""
    if targets.ndim == 1:
        shares = np.bincount(targets.astype(np.intp, copy=False), weights, n_classes)
        return shares.astype(np.float64, copy=False), 0.0
    entropies = -xlogy(targets, targets).sum(axis=1)
    return weights @ targets.astype(np.float64, copy=False), max(0.0, float(weights @ entropies))


def row_loss(
    targets: NDArray[Any],
    *,
    n_classes: int,
    row_weight: Floats,
    offset: NDArray[np.floating] | None = None,
) -> RowLoss:
    """Build the loss of rows.

    Args:
        targets: (N,) class ids in [0, K), or (N, K) distributions: at least 0, each row of sum 1. Every class has some
            weight.
        n_classes: K >= 2.
        row_weight: (N,) s_i >= 0, class weights already multiplied in.
        offset: margins to be added to the logits: (N, K), or (N,) to the single logit of two classes.
    """
    weights = row_weight / row_weight.sum()
    frequencies, floor = _summary(targets, weights, n_classes)
    margins = None if offset is None else np.asarray(offset, dtype=np.float64)
    if margins is not None:
        if margins.ndim == 1:
            margins = margins[:, None]
        elif n_classes == 2:
            margins = margins[:, 1:] - margins[:, :1]
    kind: type[RowLoss] = SoftmaxLoss if targets.ndim == 1 else SoftTargetLoss
    if n_classes == 2:
        kind = LogisticLoss
    return kind(targets, weights, margins, frequencies, floor)
