r"""The penalty by cross-validation: the C with the lowest out-of-fold log-loss.

The folds' fits are `_folds`. The path ends where a weaker penalty is worse on the very same rows than the best one by
more than chance, or where a decade and a half of them was no better: the weakest penalties, which take the longest and
are chosen the least, are never fitted.

Where fits are dear and rows many, one fold can look for C alone (`scouts`): the losses of two penalties are compared on
the same rows, and their difference is known far better than they are. It begins at C = 1, where rows of length 1 (text)
begin to matter, and turns to stronger penalties only if weaker ones are worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_softmax

from crossentropy.errors import ClassIdError, ConfigError, ShapeError
from crossentropy.linear._folds import FoldFit, FoldTask, Split, walk
from crossentropy.linear._threads import one_blas_thread, whole_fits

__all__ = ["Judge", "PenaltyPath", "cross_validate_penalty", "follow"]

Floats = NDArray[np.float64]

DEFAULT_CS = tuple(float(f"{10.0 ** (k / 2):.3g}") for k in range(-12, 9))
"""Half-decades from 1e-6 to 1e4; those too strong to differ from no features at all are left out."""

USELESS = 1e-2
"""A penalty is useless when the features cannot lower the loss of the best constant by more than this share."""

PATIENCE = 3
"""The path ends after so many penalties in a row that did not lower the loss,"""

CLEARLY = 3.0
"""or at one whose rows lose more than under the best one by so many standard errors of that difference."""

CLOSER = 0.1
"""A fold that starts from the scout's solution is fitted to this part of the tolerance.

The scout was trained on rows that this fold holds out, and as much as is left of its start is left of them too. Debian
descriptions, K = 58, tolerance 1e-3: the out-of-fold loss differs from that of folds fitted from zero to 1e-4 by -6e-5
nats (standard error 3e-5), as it does where each fold walks the path by itself, -6e-5 (2e-5); in half of the time (54 s
of processors for 100).
"""


@dataclass(frozen=True)
class Judge:
    """What a fold's logits are worth."""

    losses: Callable[[Floats], Floats]
    """From logits (N, K) to the loss (n,) of each row that counts, nats."""
    weights: Floats
    """(n,) what each counts."""

    def mean(self, values: Floats) -> tuple[float, float]:
        """Return the weighted mean of values (n,) and its standard error, sqrt(sum s^2 (v - m)^2) / sum s."""
        s = self.weights
        mean = float(s @ values / s.sum())
        return mean, float(np.sqrt((s**2) @ (values - mean) ** 2) / s.sum())


@dataclass(frozen=True, eq=False)
class PenaltyPath:
    """What cross-validation found; F penalties were fitted, in rising order of C."""

    Cs: Floats
    """(F,) inverse penalties, scikit-learn's C."""
    losses: Floats
    """(F,) out-of-fold log-loss, nats, weighted mean over the held-out rows, corrected for class weights."""
    standard_errors: Floats
    """(F,) standard error of each loss, the rows taken as independent."""
    chosen: int
    """Position of the lowest loss."""
    out_of_fold_logits: Floats
    """(N, K) of the chosen C, not corrected for class weights; NaN in rows that were never held out."""
    relative_gaps: Floats
    """(F, folds) certified relative gap of each fit; NaN where a fold was not fitted."""
    parameters: Floats
    """(outputs, width) of the first fold at the chosen C: where a fit to all rows may start."""

    @property
    def C(self) -> float:
        """The chosen C."""
        return float(self.Cs[self.chosen])

    @property
    def loss(self) -> float:
        """The out-of-fold log-loss of the chosen C, nats."""
        return float(self.losses[self.chosen])


def cross_validate_penalty(
    features: Any,
    targets: NDArray[np.integer],
    *,
    n_classes: int,
    folds: NDArray[np.integer],
    Cs: Sequence[float] | NDArray[np.floating] | None = None,
    sample_weight: NDArray[np.floating] | None = None,
    class_weight: NDArray[np.floating] | None = None,
    tol: float = 1e-4,
    max_iter: int = 1000,
    random_state: int = 0,
    scouts: int | None = None,
) -> PenaltyPath:
    r"""Choose C by the log-loss of rows that the fit did not see.

    .. math:: \mathrm{loss}(C) = \sum_i s_i\,\mathrm{CE}(z_i(C) - \ln c,\; y_i) \big/ \sum_i s_i

    over held-out rows i, with z_i the logits of the fit without fold(i), and c the class weights: training with class
    weights multiplies the odds of class k by c_k, so its logarithm is taken off again before the loss is read.

    Args:
        features: (N, D) float32 or float64, finite: an array, SciPy sparse, or blocks of columns (`side_by_side`).
        targets: (N,) class ids in [0, K).
        n_classes: K >= 2.
        folds: (N,) fold id of each row; -1 for rows that are always trained on and never scored.
        Cs: penalties to try, in any order; None for half-decades from 1e-6 to 1e4, without those that are too strong
            for the features to matter.
        sample_weight: (N,) s_i >= 0.
        class_weight: (K,) c_k > 0.
        tol: relative gap of each fit.
        max_iter: most steps of each fit; of wide sparse problems, which take one pass a step, some hundreds are usual.
        random_state: draws the rows of the preconditioners.
        scouts: how many folds choose C; the others are fitted at this C only, from the first scout's solution, and to a
            tenth of the tolerance (`CLOSER`). None for all. The losses are those of the scouts' held-out rows, the
            logits those of all folds.

    Raises:
        ShapeError, ClassIdError, TargetError, ConfigError: see the messages.

    References:
        Hastie, Tibshirani & Friedman, "The Elements of Statistical Learning" (2009), 7.10; Friedman, Hastie &
        Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal of Statistical
        Software 33 (2010), 2.5 (warm starts along the path).
    """
    task = _Task.of(features, targets, n_classes, folds, sample_weight, class_weight)
    shared = FoldTask(task.features, task.targets, task.n_classes, task.trained)
    with one_blas_thread():
        fits = [
            FoldFit(shared, task.split(fold), (random_state, fold))
            for fold in np.unique(task.folds[task.folds >= 0])
        ]
        shape = (features.shape[0], n_classes)
        ahead = fits[:scouts]
        scouted = np.isin(np.arange(shape[0]), np.concatenate([fit.held for fit in ahead]))
        judge = Judge(lambda logits: task.losses(logits, scouted), task.scored[scouted])
        path = follow(ahead, _weak(Cs) if scouts else Cs, shape, judge, tol, max_iter)
        if scouts and Cs is None and path.chosen == 0:
            path = _after(follow(ahead, _strong(), shape, judge, tol, max_iter), path)
        return path if len(ahead) == len(fits) else _joined(path, fits[len(ahead) :], tol, max_iter)


def _weak(Cs: Sequence[float] | NDArray[np.floating] | None) -> Sequence[float] | NDArray[np.floating]:
    return [C for C in DEFAULT_CS if C >= 1.0] if Cs is None else Cs


def _strong() -> Sequence[float]:
    return [C for C in DEFAULT_CS if C < 1.0]


def _after(first: PenaltyPath, second: PenaltyPath) -> PenaltyPath:
    """Return two paths as one, the stronger penalties first."""
    better = first if first.loss < second.loss else second
    return replace(
        better,
        Cs=np.append(first.Cs, second.Cs),
        losses=np.append(first.losses, second.losses),
        standard_errors=np.append(first.standard_errors, second.standard_errors),
        relative_gaps=np.vstack([first.relative_gaps, second.relative_gaps]),
        chosen=better.chosen + (0 if better is first else len(first.Cs)),
    )


def _joined(path: PenaltyPath, others: list[FoldFit], tol: float, max_iter: int) -> PenaltyPath:
    """Return the path with the logits of the other folds at the C that was chosen without them."""
    Cs = path.Cs[: path.chosen + 1]

    def walked(fit: FoldFit) -> tuple[list[float], Floats]:
        near = fit.begin(path.parameters)
        points = walk([fit], Cs[-1:], CLOSER * tol, max_iter) if near else walk([fit], Cs, tol, max_iter)
        gaps, logits = [], np.empty(0)
        for (point,) in points:
            gaps.append(point.relative_gap)
            logits = point.logits
        return gaps, logits

    logits, gaps = path.out_of_fold_logits, np.full((len(path.Cs), len(others)), np.nan)
    for j, (fit, (of_fit, last)) in enumerate(zip(others, whole_fits(walked, others), strict=True)):
        gaps[len(Cs) - len(of_fit) : len(Cs), j] = of_fit
        logits[fit.held] = last
    return replace(path, out_of_fold_logits=logits, relative_gaps=np.hstack([path.relative_gaps, gaps]))


def follow(
    fits: list[FoldFit],
    Cs: Sequence[float] | NDArray[np.floating] | None,
    shape: tuple[int, int],
    judge: Judge,
    tol: float,
    max_iter: int,
) -> PenaltyPath:
    """Fit all folds at each penalty in turn, until weaker ones no longer help.

    Args:
        fits: the folds.
        Cs: penalties; None for the default ones.
        shape: (N, K).
        judge: the loss of logits (N, K).
        tol: relative gap of each fit.
        max_iter: most Newton steps of each fit.
    """
    grid = _grid(Cs, fits)
    losses: list[float] = []
    errors: list[float] = []
    gaps: list[list[float]] = []
    best_logits, best, best_rows = np.empty((0, shape[1])), 0, np.zeros(0)
    parameters = np.zeros((0, 0))
    for points in walk(fits, grid, tol, max_iter):
        logits = np.full(shape, np.nan)
        for fit, point in zip(fits, points, strict=True):
            logits[fit.held] = point.logits
        gaps.append([point.relative_gap for point in points])
        rows = judge.losses(logits)
        loss, error = judge.mean(rows)
        losses.append(loss)
        errors.append(error)
        if len(losses) == 1 or loss < losses[best]:
            best_logits, best, best_rows = logits, len(losses) - 1, rows
            parameters = points[0].parameters
            continue
        worse, chance = judge.mean(rows - best_rows)
        if worse > CLEARLY * chance or len(losses) - 1 - best >= PATIENCE:
            break
    return PenaltyPath(
        grid[: len(losses)],
        np.array(losses),
        np.array(errors),
        best,
        best_logits,
        np.array(gaps, dtype=np.float64),
        parameters,
    )


def _grid(Cs: Sequence[float] | NDArray[np.floating] | None, fits: list[FoldFit]) -> Floats:
    """Return the penalties in rising order of C; the default grid without its useless strong end."""
    if Cs is not None:
        grid = np.unique(np.asarray(Cs, dtype=np.float64))
        if grid.ndim != 1 or len(grid) == 0 or not (grid > 0).all():
            raise ConfigError(f"Cs is {Cs!r}, and must hold at least one number above 0.")
        return grid
    useful = [k for k, C in enumerate(DEFAULT_CS) if any(fit.useful(C, USELESS) for fit in fits)]
    # one stronger, so that where little can be learned the path shows that it was not cut short
    first = max(0, useful[0] - 1) if useful else len(DEFAULT_CS) - 1
    return np.array(DEFAULT_CS[first:])


@dataclass(frozen=True, eq=False)
class _Task:
    """The checked arguments."""

    features: Any
    targets: NDArray[np.intp]
    n_classes: int
    folds: NDArray[np.integer]
    scored: Floats
    """(N,) s_i: what a held-out row weighs."""
    trained: Floats
    """(N,) s_i c_{y_i}: what a training row weighs."""
    log_class_weight: Floats

    @classmethod
    def of(
        cls,
        features: Any,
        targets: NDArray[np.integer],
        n_classes: int,
        folds: NDArray[np.integer],
        sample_weight: NDArray[np.floating] | None,
        class_weight: NDArray[np.floating] | None,
    ) -> _Task:
        n = features.shape[0]
        scored = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        factor = np.ones(n_classes) if class_weight is None else np.asarray(class_weight, dtype=np.float64)
        for name, array, shape in (
            ("targets", targets, (n,)),
            ("folds", folds, (n,)),
            ("sample_weight", scored, (n,)),
            ("class_weight", factor, (n_classes,)),
        ):
            if array.shape != shape:
                raise ShapeError(f"{name} has shape {array.shape}, and must have {shape}.")
        outside = np.flatnonzero((targets < 0) | (targets >= n_classes))
        if len(outside):
            row = int(outside[0])
            raise ClassIdError(f"Class id {int(targets[row])} in row {row} lies outside [0, {n_classes}).")
        if not (np.isfinite(factor) & (factor > 0)).all():
            raise ConfigError(f"class_weight is {factor.tolist()}; each must be finite and above 0.")
        if not (np.isfinite(scored) & (scored >= 0)).all() or not scored[folds >= 0].sum() > 0:
            raise ConfigError("sample_weight must be finite, at least 0, and above 0 for some row of a fold.")
        ids = targets.astype(np.intp, copy=False)
        data: Any = features
        if sparse.issparse(data):
            data = cast(Any, data).tocsr()
        elif not hasattr(features, "pull_squares"):
            kind = features.dtype if features.dtype in (np.float32, np.float64) else np.dtype(np.float64)
            data = np.ascontiguousarray(features, dtype=kind)
        return cls(data, ids, n_classes, folds, scored, scored * factor[ids], np.log(factor))

    def split(self, fold: int) -> Split:
        """Return the rows of a fold, and all others."""
        return Split(np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold), str(fold))

    def losses(self, logits: Floats, held: NDArray[np.bool_]) -> Floats:
        """Return the log-loss (n,) of each of the rows that are `held` out."""
        log_probabilities = log_softmax(logits[held] - self.log_class_weight, axis=1)
        losses: Floats = -log_probabilities[np.arange(len(log_probabilities)), self.targets[held]]
        return losses
