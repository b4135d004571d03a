r"""The fits of cross-validation, side by side along a path of penalties.

Each fold is fitted from strong to weak penalty, from its own last solution and in the metric of its own last blocks, so
that a point of the path costs two or three Newton steps instead of ten. Rows of a fold are left out by an index, not by
a copy. Folds may overlap, repeat rows, or leave rows out for good: a fold is any pair of training and held-out rows.

A class may have no row among the training rows of a fold. Its unpenalised intercept would run to minus infinity. It is
left out of that fit, and given the probability that half a row of it would have on top of the n training rows,
0.5 / (n + 0.5), for every row: the smoothing of Krichevsky and Trofimov ("The performance of universal encoding", IEEE
Transactions on Information Theory 27 (1981)). A held-out row of that class then costs ln(2 n + 1) nats, not infinity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from crossentropy.errors import TargetError
from crossentropy.linear._blocks import products
from crossentropy.linear._choose import LinearProblem, linear_objective, minimise, prepared
from crossentropy.linear._metric import Metric
from crossentropy.linear._penalty import Penalty, penalty_of
from crossentropy.linear._problem import restrict

__all__ = ["FoldFit", "FoldPoint", "FoldTask", "Split", "walk"]

Floats = NDArray[np.float64]

PACE = 0.5
"""How far along the path the next fit starts, relative to the last step."""


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the rows that a fold is trained on, and of those that it is scored on."""

    train: NDArray[np.intp]
    held: NDArray[np.intp]
    name: str = ""


@dataclass(frozen=True, eq=False)
class FoldTask:
    """What all folds share."""

    features: Any
    """(N, D), an array, CSR, or a table of `_tables`."""
    targets: NDArray[Any]
    """(N,) class ids, or (N, K) distributions."""
    n_classes: int
    trained: Floats
    """(N,) what a training row weighs, class weights multiplied in."""
    intercept: bool = True
    offset: Floats | None = None
    """(N, outputs)"""

    @cached_property
    def shared(self) -> Any:
        """The features in the form that fits take; of sparse rows all folds share one copy by columns."""
        return prepared(self.features)


@dataclass(frozen=True, eq=False)
class FoldPoint:
    """A fold at one penalty."""

    parameters: Floats
    """(outputs, width) of all classes, for features as they are. An absent class is constant, at the odds of half a row
    where the features are at their mean."""
    logits: Floats
    """(n, K) of the held-out rows, an absent class at the odds of half a row in each."""
    relative_gap: float
    n_iter: int


class FoldFit:
    """One fold on its way along the path: its problem, its last solution, and its blocks."""

    def __init__(self, task: FoldTask, split: Split, seed: Sequence[int], l1_ratio: float = 0.0) -> None:
        self.task = task
        self.l1_ratio = l1_ratio
        self.held = split.held
        train = split.train[task.trained[split.train] > 0]
        if len(train) == 0:
            raise TargetError(f"Fold {split.name} leaves no row to train on.", fix="Use at least two folds.")
        self.n_train = len(train)
        self.present = _present(task, train)
        self.rng = np.random.default_rng(seed)
        self.metric: Metric | None = None
        self.objective: LinearProblem | None = None
        self.parameters = np.zeros((1, 0))
        self.path: list[tuple[float, Floats]] = []
        few = int(self.present.sum())
        if few > 1:
            values, offset = task.targets, task.offset
            if few < task.n_classes:
                values, offset = restrict(values, offset, self.present)
            self.total, self.of_two = float(task.trained[train].sum()), few == 2 < task.n_classes
            self.objective = linear_objective(
                task.shared,
                values,
                n_classes=few,
                row_weight=task.trained,
                penalty=self._penalty(1.0),
                intercept=task.intercept,
                offset=offset[:, 0] if offset is not None and offset.shape[1] == 1 else offset,
                index=train,
            )
            self.parameters = self.objective.start()

    def _penalty(self, C: float) -> Penalty:
        return penalty_of(C, self.l1_ratio, self.total, of_two=self.of_two)

    def useful(self, C: float, share: float) -> bool:
        """Whether the features can lower the loss of the best constant by more than a `share` of it."""
        if self.objective is None:
            return False
        problem = self.objective.with_penalty(self._penalty(C))
        point = problem.evaluate(problem.start())
        if problem.penalty.l1 > 0.0:  # from where on a coefficient is not 0
            slopes = point.gradient[:, :-1] if self.task.intercept else point.gradient
            return bool(np.abs(slopes).max(initial=0.0) > problem.penalty.l1)
        return problem.gap_estimate(point) > share * problem.reference

    def advance(self, C: float, tol: float, max_iter: int) -> FoldPoint:
        """Fit at C, from where the fold is."""
        gap, n_iter = 0.0, 0
        if self.objective is not None:
            problem = self.objective.with_penalty(self._penalty(C))
            result, self.metric = minimise(
                problem,
                self._ahead(problem, C),
                tol=tol,
                max_iter=max_iter,
                rng=self.rng,
                metric=self.metric,
                near=self.metric is not None,
            )
            self.parameters, gap, n_iter = result.parameters, result.relative_gap, result.n_iter
            self.path = [*self.path[-1:], (float(np.log(C)), self.parameters)]
        known = self._known()
        return FoldPoint(self._all_classes(known), self._predict(known), gap, n_iter)

    def begin(self, parameters: Floats) -> bool:
        """Start from another fold's parameters of all classes; False where this fold lacks some of them."""
        if self.objective is None or not self.present.all():
            return False
        self.parameters = self.objective.rows.to_centred(parameters)
        return True

    def _ahead(self, problem: LinearProblem, C: float) -> Floats:
        """Return where to start at C: the last solution, moved on along the path where that lowers the objective.

        Solutions move at a steady pace in ln C, and half of that pace seldom overshoots: it saves a third of the passes
        over 50,948 x 144 with 58 classes, and costs two where there is nothing to save.
        """
        if len(self.path) < 2 or problem.penalty.l1 > 0.0:
            return self.parameters
        (first, before), (second, last) = self.path
        if second == first:
            return last
        ahead: Floats = last + PACE * (np.log(C) - second) / (second - first) * (last - before)
        return min((ahead, last), key=lambda start: problem.evaluate(start).value)

    def _known(self) -> Floats:
        """Return plain parameters (1 or n present, width) of the classes that are present."""
        width = self.task.features.shape[1] + int(self.task.intercept)
        if self.objective is None:
            return np.zeros((1, width))
        return self.objective.rows.to_plain(self.parameters)

    def _all_classes(self, known: Floats) -> Floats:
        if self.present.all():
            return known
        rows = _rows_of_a_class(known, int(self.present.sum()))
        centre = np.zeros(rows.shape[1] - 1) if self.objective is None else self.objective.rows.centre
        at_centre = rows[:, :-1] @ centre + rows[:, -1]
        full = np.zeros((len(self.present), rows.shape[1]))
        full[self.present] = rows
        full[~self.present, -1] = logsumexp(at_centre) - np.log(2.0 * self.n_train)
        return full[1:] - full[:1] if len(full) == 2 else full

    def _predict(self, known: Floats) -> Floats:
        """Return logits (n, K) of the held-out rows."""
        task = self.task
        weight, bias = (known[:, :-1], known[:, -1]) if task.intercept else (known, 0.0)
        logits = np.asarray(products(task.features, self.held, weight) + bias, dtype=np.float64)
        if task.offset is not None:
            logits = self._with_offset(logits, task.offset[self.held])
        if logits.shape[1] == 1 and self.present.sum() == 2:
            logits = np.concatenate([-0.5 * logits, 0.5 * logits], axis=1)
        if self.present.all():
            return logits
        full: Floats = np.repeat(logsumexp(logits, axis=1)[:, None], task.n_classes, axis=1) - np.log(
            2.0 * self.n_train
        )
        full[:, self.present] = logits
        return full

    def _with_offset(self, logits: Floats, offset: Floats) -> Floats:
        if self.present.sum() < 2:
            return logits
        if not self.present.all():
            offset = offset[:, self.present]
            offset = offset[:, 1:] - offset[:, :1] if offset.shape[1] == 2 else offset
        moved: Floats = logits + offset
        return moved


def _present(task: FoldTask, train: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(K,) whether a class has weight among the training rows; without intercept none has to."""
    if not task.intercept:
        return np.ones(task.n_classes, dtype=bool)
    targets, weights = task.targets[train], task.trained[train]
    if targets.ndim == 2:
        return np.asarray(weights @ targets > 0)
    return np.bincount(targets, weights, task.n_classes) > 0


def _rows_of_a_class(known: Floats, n: int) -> Floats:
    """Return a row of parameters a class, where two share one."""
    return np.concatenate([-0.5 * known, 0.5 * known]) if n == 2 and len(known) == 1 else known


def walk(fits: list[FoldFit], grid: Floats, tol: float, max_iter: int) -> Iterator[list[FoldPoint]]:
    """Fit all folds at each penalty of `grid` in turn, in rising order of C, and give their points."""
    for C in grid:
        yield [fit.advance(float(C), tol, max_iter) for fit in fits]
