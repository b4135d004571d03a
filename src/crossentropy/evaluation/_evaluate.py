"""From logits and targets to figures. Everything is computed from logits in float64, so that no loss saturates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from crossentropy.errors import ShapeError, TargetError
from crossentropy.evaluation._bootstrap import bootstrap, draws_for
from crossentropy.evaluation._calibration import calibration
from crossentropy.evaluation._figures import ClassFigures, ConfusedPair, Estimate, Evaluation, LossParts
from crossentropy.evaluation._intervals import mean_interval, proportion_interval
from crossentropy.evaluation._rates import auc, balanced_accuracy, entropy_of, macro_f1, mean
from crossentropy.evaluation._recalibrate import recalibrated_losses

__all__ = ["evaluate", "losses_from_logits"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_CONFUSED = 10


def losses_from_logits(logits: Floats, targets: Ints) -> Floats:
    r"""Return the loss of each row in nats.

    .. math:: \ell_i = \log \sum_k e^{z_{ik}} - z_{i t_i}

    Args:
        logits: (N, K).
        targets: (N,) class ids in [0, K).
    """
    log_probabilities: Floats = log_softmax(np.asarray(logits, np.float64), axis=1)
    # a row of certainty can give -0.0, which prints badly
    return np.abs(log_probabilities[np.arange(len(targets)), targets])


def evaluate(
    logits: Floats,
    targets: Ints,
    *,
    classes: Sequence[object],
    sample_weight: Floats | None = None,
    groups: Ints | None = None,
) -> Evaluation:
    """Return how good the probabilities softmax(logits) are for these targets.

    Every mean is weighted by `sample_weight`; counts (`rows`, `confusion`) are rows.

    Args:
        logits: (N, K), calibrated if the classifier is.
        targets: (N,) class ids in [0, K).
        classes: the K class names, in the order of the columns.
        sample_weight: (N,), not negative, not all zero.
        groups: (N,) ids of groups of rows that are alike; intervals are then those of whole groups.

    Raises:
        ShapeError: the shapes do not fit, or there is no row.
        TargetError: a target outside [0, K), or weights that are negative or all zero.
    """
    logits, targets, weights = _checked(logits, targets, len(classes), sample_weight)
    n, k = logits.shape
    losses = losses_from_logits(logits, targets)
    probabilities = np.exp(log_softmax(logits, axis=1))
    labels = probabilities.argmax(axis=1)
    correct = labels == targets
    share = weights / weights.sum()
    frequency: Floats = np.bincount(targets, share, k).astype(np.float64)
    present = frequency[frequency > 0]
    entropy = float(-(present * np.log(present)).sum())
    loss = mean_interval(losses, weights, groups=groups)
    worst = max(1, round(n / 100))
    confusion = np.zeros((k, k), np.int64)
    np.add.at(confusion, (targets, labels), 1)
    more = _resampled(logits, probabilities, targets, labels, losses, weights, groups)
    return Evaluation(
        rows=n,
        weighted=sample_weight is not None,
        classes=tuple(str(c) for c in classes),
        loss=loss,
        loss_bits=loss.value / float(np.log(2)),
        # e^709 is the last that float64 holds: of a finite loss the perplexity is finite
        perplexity=Estimate(
            **{
                end: float(np.exp(b if np.isinf(b) else min(b, 709.0)))
                for end, b in loss.model_dump().items()
            }
        ),
        parts=_parts(more),
        uniform=float(np.log(k)),
        frequencies=entropy,
        skill=1 - loss.value / entropy if entropy > 0 else None,
        skill_interval=_skill_interval(losses, frequency[targets], weights, groups) if entropy > 0 else None,
        accuracy=proportion_interval(correct, weights, groups),
        majority=float(frequency.max()),
        majority_class=str(classes[int(frequency.argmax())]),
        brier=_known(more, "brier"),
        balanced_accuracy=_known(more, "balanced_accuracy"),
        macro_f1=_known(more, "macro_f1"),
        auc=more["auc"],
        calibration=calibration(probabilities.max(axis=1), correct, weights, groups),
        worst_share=_worst_share(losses * share, worst),
        worst_rows=worst,
        by_class=_by_class(losses, share, targets, labels, classes),
        confusion=tuple(tuple(int(c) for c in row) for row in confusion),
        confused=_confused(confusion, classes),
        groups=None if groups is None else len(np.unique(groups)),
    )


def _resampled(
    logits: Floats,
    probabilities: Floats,
    targets: Ints,
    labels: Ints,
    losses: Floats,
    weights: Floats,
    groups: Ints | None,
) -> dict[str, Estimate | None]:
    """Return the figures whose intervals have no formula, and the parts of the loss."""
    n, k = logits.shape
    squared = (probabilities**2).sum(axis=1) - 2 * probabilities[np.arange(n), targets] + 1
    figures = {
        "brier": mean(squared),
        "balanced_accuracy": balanced_accuracy(targets, labels, k),
        "macro_f1": macro_f1(targets, labels, k),
        "auc": auc(probabilities, targets, weights),
    }
    if np.isfinite(losses).all() and np.isfinite(logits).all():
        mended = recalibrated_losses(logits, targets, weights, groups)
        entropy, ideal = entropy_of(targets, k), mean(mended)
        figures |= {
            "uncertainty": entropy,
            "discrimination": lambda w: entropy(w) - ideal(w),
            "miscalibration": mean(losses - mended),
        }
    return bootstrap(figures, weights, draws_for(n, k), groups)


def _known(found: dict[str, Estimate | None], name: str) -> Estimate:
    estimate = found[name]
    assert estimate is not None, name
    return estimate


def _parts(found: dict[str, Estimate | None]) -> LossParts | None:
    """Return the parts of a loss that has any: finite, on rows of more than one class."""
    if found.get("uncertainty") is None or not _known(found, "uncertainty").value > 0:
        return None
    return LossParts(**{name: _known(found, name) for name in LossParts.model_fields})


def _checked(
    logits: Floats, targets: Ints, k: int, sample_weight: Floats | None
) -> tuple[Floats, Ints, Floats]:
    logits = np.asarray(logits, np.float64)
    targets = np.asarray(targets)
    if logits.ndim != 2 or logits.shape[1] != k or targets.shape != logits.shape[:1] or not len(targets):
        raise ShapeError(
            f"logits have shape {logits.shape} and targets {targets.shape}, for {k} classes.",
            fix="Expected (N, K) and (N,), with at least one row.",
        )
    weights = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if weights.shape != targets.shape:
        raise ShapeError(f"sample_weight has shape {weights.shape}.", fix=f"Expected {targets.shape}.")
    outside = np.flatnonzero((targets < 0) | (targets >= k))
    if len(outside):
        row = outside[0]
        raise TargetError(f"Row {row}: class id {targets[row]} lies outside [0, {k}).")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise TargetError("sample_weight must be finite and not negative, with a positive sum.")
    return logits, targets.astype(np.int64), weights


def _skill_interval(losses: Floats, frequency: Floats, weights: Floats, groups: Ints | None) -> Estimate:
    """Return 1 - L / H with its interval, by linearising the ratio of the two means over the same rows.

    A row moves the ratio by (l_i - (L / H) h_i) / H, with h_i = -ln of its class's frequency (Cochran, Sampling
    Techniques, 1977, section 6.4). At skill 0 this is the paired difference of the two losses; near skill 1 it is the
    loss alone, where the spread of h, which nothing explains, would carry the interval beyond 1.
    """
    alone = -np.log(np.maximum(frequency, np.finfo(float).tiny))
    share = weights / weights.sum()
    entropy = float(share @ alone)
    skill = 1 - float(share @ losses) / entropy
    if not np.isfinite(skill):
        return Estimate(value=skill, low=-np.inf, high=1.0)
    rest = mean_interval(losses - (1 - skill) * alone, weights, floor=-np.inf, groups=groups)
    half = (rest.high - rest.value) / entropy
    return Estimate(value=skill, low=skill - half, high=max(skill, min(1.0, skill + half)))


def _worst_share(contributions: Floats, worst: int) -> float:
    total = contributions.sum()
    if not np.isfinite(total):
        return 1.0
    return float(np.sort(contributions)[-worst:].sum() / total) if total > 0 else 0.0


def _by_class(
    losses: Floats, share: Floats, targets: Ints, labels: Ints, classes: Sequence[object]
) -> tuple[ClassFigures, ...]:
    k = len(classes)
    rows = np.bincount(targets, minlength=k)
    mass = np.bincount(targets, share, k)
    mean_loss = np.bincount(targets, share * losses, k)
    # beside an infinite loss a finite one is nothing
    carried = mean_loss if np.isfinite(mean_loss).all() else np.isinf(mean_loss).astype(np.float64)
    hit = np.bincount(targets, share * (labels == targets), k)
    said = np.bincount(labels, share, k)
    total = carried.sum()

    def ratio(a: float, b: float) -> float | None:
        return float(a / b) if b > 0 else None

    return tuple(
        ClassFigures(
            name=str(classes[c]),
            rows=int(rows[c]),
            row_share=float(mass[c]),
            loss=ratio(mean_loss[c], mass[c]),
            loss_share=float(carried[c] / total) if total > 0 else 0.0,
            recall=ratio(hit[c], mass[c]),
            precision=ratio(hit[c], said[c]),
        )
        for c in range(k)
    )


def _confused(confusion: Ints, classes: Sequence[object]) -> tuple[ConfusedPair, ...]:
    errors = confusion.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:_CONFUSED]
    pairs = [divmod(int(i), len(classes)) for i in order]
    return tuple(
        ConfusedPair(
            target=str(classes[i]),
            label=str(classes[j]),
            rows=int(errors[i, j]),
            share=float(errors[i, j] / confusion[i].sum()),
        )
        for i, j in pairs
        if errors[i, j] > 0
    )
