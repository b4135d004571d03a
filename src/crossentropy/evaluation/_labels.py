r"""Labels that are probably wrong, by confident learning on probabilities of rows that the fit did not see.

A class is claimed with confidence by a row whose probability of it reaches the mean of that class's own rows,

.. math:: t_k = \frac{1}{|\{i : y_i = k\}|} \sum_{i : y_i = k} p_{ik}

(so that a class of which the model is never sure is not held to the standard of another). Each row is counted under its
given label and the likeliest class that it claims, which is the confident joint. Scaled so that each given class has
its number of rows, its mass off the diagonal estimates how many labels are wrong.

That number is an upper one: a right label on a row that is unlike its class contradicts the model just as much, and
where classes overlap most of the joint's mass is of that kind. So a second estimate is made where classes hardly do,
among the fifth of the rows that the forecast is surest of, where little but a wrong label contradicts it: their share
of contradicted labels is that of all rows if wrong labels strike rows alike.

The rows come in order of p_{i y_i}, the least first. Under labels that are replaced with probability e by any other
class, the chance that a label is wrong falls with p_{i y_i} and depends on nothing else of the forecast.

References:
    Northcutt, Jiang, Chuang, Confident learning: estimating uncertainty in dataset labels, Journal of Artificial
    Intelligence Research 70, 2021, sections 3.1 (equations 1 to 3) and 3.2; Patrini, Rozza, Menon, Nock, Qu, Making
    deep neural networks robust to label noise, CVPR 2017, section 4.2 (noise rates from the surest rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossentropy.evaluation._bootstrap import bootstrap
from crossentropy.evaluation._figures import Estimate, SuspectPair
from crossentropy.evaluation._intervals import proportion_interval

__all__ = ["LabelErrors", "find_label_errors"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DRAWS = 200
# The surest rows: a fifth, and not fewer than tell a rate.
_SURE, _SURE_ROWS = 0.2, 100
_PAIRS = 10


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Which labels are probably wrong.

    Attributes:
        rows: how many rows were judged.
        wrong: how many of their labels are wrong if wrong labels strike rows alike, from the rows the forecast is
            surest of, with Wilson's interval.
        contradicted: how many are by the confident joint, where every confident contradiction counts, with a bootstrap
            interval.
        found: positions of the rows that are contradicted, the one most probably wrong first.
        suggested: (N,) the class id that each of those rows claims; of every other row its own label.
        pairs: given and suggested class with the number of rows found, the most frequent first.
    """

    rows: int
    wrong: Estimate
    contradicted: Estimate
    found: Ints
    suggested: Ints
    pairs: tuple[SuspectPair, ...]


def find_label_errors(probabilities: Floats, targets: Ints, classes: Sequence[object]) -> LabelErrors:
    """Return the labels that are probably wrong.

    As many rows are found as the joint counts, those with the lowest p_given whose likeliest class is another.

    Args:
        probabilities: (N, K) of rows that took no part in the fit behind them, calibrated.
        targets: (N,) class ids as given.
        classes: the K names.
    """
    n, k = probabilities.shape
    rows = np.arange(n)
    given = probabilities[rows, targets]
    counts = np.bincount(targets, minlength=k)
    means = np.bincount(targets, given, k) / np.maximum(counts, 1)
    # a class that no row has cannot be told from one that is never claimed
    threshold = np.where(counts > 0, means, np.inf)
    claims = np.where(probabilities >= threshold - 1e-12, probabilities, -1.0)
    claimed: Ints = claims.argmax(axis=1)
    confident = claims[rows, claimed] >= 0
    off = confident & (claimed != targets)
    likeliest = probabilities.argmax(axis=1)
    joint = _Joint.of(targets, confident, off, k)
    contradicted = joint.estimate()
    order: Ints = np.argsort(given, kind="stable")
    found = order[likeliest[order] != targets[order]][: round(contradicted.value)]
    suggested = targets.copy()
    suggested[found] = likeliest[found]
    return LabelErrors(
        rows=n,
        wrong=_among_surest(probabilities.max(axis=1), likeliest != targets),
        contradicted=contradicted,
        found=found,
        suggested=suggested,
        pairs=_pairs(targets[found], suggested[found], classes),
    )


@dataclass(frozen=True, eq=False)
class _Joint:
    """The confident joint, on and off the diagonal, by given class, as a function of row weights."""

    each: Floats
    """(N, K) whose rows are whose."""
    confident: Floats
    """(N,) 1 for rows that claim some class."""
    off: Floats
    """(N,) 1 for rows that claim another than their own."""

    @classmethod
    def of(cls, targets: Ints, confident: NDArray[np.bool_], off: NDArray[np.bool_], k: int) -> _Joint:
        return cls(np.eye(k)[targets], confident.astype(np.float64), off.astype(np.float64))

    def wrong(self, weights: Floats) -> Floats:
        """Return n_k off_k / confident_k (B, K): wrong labels of each class, by weight."""
        sure, off = (weights * self.confident) @ self.each, (weights * self.off) @ self.each
        share = np.divide(off, sure, out=np.zeros_like(off), where=sure > 0)
        return np.asarray((weights @ self.each) * share)

    def estimate(self) -> Estimate:
        n = len(self.off)

        def figure(weights: Floats) -> Floats:
            total: Floats = self.wrong(weights).sum(axis=1) * (n / np.maximum(weights.sum(axis=1), 1e-300))
            return total

        found = bootstrap({"wrong": figure}, np.ones(n), _DRAWS)["wrong"]
        assert found is not None
        return found


def _among_surest(confidence: Floats, contradicted: NDArray[np.bool_]) -> Estimate:
    """Return the share of contradicted labels among the surest rows, times N."""
    n = len(confidence)
    sure = min(n, max(_SURE_ROWS, round(_SURE * n)))
    surest = np.argsort(-confidence, kind="stable")[:sure]
    share = proportion_interval(contradicted[surest], np.ones(sure))
    return Estimate(value=n * share.value, low=n * share.low, high=n * share.high)


def _pairs(given: Ints, suggested: Ints, classes: Sequence[object]) -> tuple[SuspectPair, ...]:
    both, rows = np.unique(np.stack([given, suggested]), axis=1, return_counts=True)
    order = np.argsort(-rows, kind="stable")[:_PAIRS]
    return tuple(
        SuspectPair(target=str(classes[both[0, i]]), suggested=str(classes[both[1, i]]), rows=int(rows[i]))
        for i in order
    )
