"""Which objective suits the features, and which method suits the objective: the one place that asks for their kind.

| features | objective | method |
|---|---|---|
| NumPy array, L2 | `_dense` | Newton steps (`_solver`) |
| SciPy sparse, `SideBySide` blocks | `_table_objective` | Newton steps; `_descent` where blocks would be too large |
| any, L1 or elastic net | `_table_objective` | proximal Newton steps (`_proximal`) |
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crossentropy.linear._blocks import is_table
from crossentropy.linear._dense import LinearObjective, dense_objective
from crossentropy.linear._metric import Metric
from crossentropy.linear._penalty import Penalty
from crossentropy.linear._run import Watch
from crossentropy.linear._solver import SolverResult, Status, solve

if TYPE_CHECKING:
    from crossentropy.linear._table_objective import TableObjective

__all__ = ["LinearProblem", "linear_objective", "minimise", "prepared"]

Floats = NDArray[np.float64]


FURTHER = 1e-2
"""Newton steps in blocks go on to this share of tol: the end is quadratic, so a step buys it, and equal problems that
are written differently (weights for repeated rows) then agree to more digits than anyone compares."""

COPIED = 1 << 23
"""Entries of a table whose rows a fold copies, 200 MiB at most: it is spared the products with those it leaves out."""

LinearProblem: TypeAlias = "LinearObjective | TableObjective"


def linear_objective(
    features: Any,
    targets: NDArray[Any],
    *,
    n_classes: int,
    row_weight: Floats,
    penalty: Penalty,
    intercept: bool,
    offset: NDArray[np.floating] | None = None,
    index: NDArray[np.intp] | None = None,
) -> LinearProblem:
    """Build the objective of dense or sparse rows, or of blocks of columns; for the arguments see `dense_objective`.

    Of a table of up to `COPIED` entries the rows of `index` are copied; beyond, those that it leaves out weigh nothing,
    and those that it repeats weigh as often.
    """
    if isinstance(features, np.ndarray) and penalty.l1 == 0.0:
        return dense_objective(
            features,
            targets,
            n_classes=n_classes,
            row_weight=row_weight,
            penalty=penalty,
            intercept=intercept,
            offset=offset,
            index=index,
        )
    from crossentropy.linear._table_objective import table_objective  # numba, for those who need it
    from crossentropy.linear._tables import DenseTable

    if isinstance(features, np.ndarray):
        features = DenseTable.of(features) if intercept else DenseTable(features, np.zeros(features.shape[1]))

    features = _table(features)
    if index is not None and features.entries <= COPIED:
        features, targets, row_weight = features.take(index), targets[index], row_weight[index]
        offset = None if offset is None else offset[index]
    elif index is not None:
        row_weight = row_weight * np.bincount(index, minlength=len(row_weight))
    return table_objective(
        features,
        targets,
        n_classes=n_classes,
        row_weight=row_weight,
        penalty=penalty,
        intercept=intercept,
        offset=offset,
        centred=penalty.l1 == 0.0,
    )


def _table(features: Any) -> Any:
    from crossentropy.linear._tables import SparseTable

    return features if is_table(features) else SparseTable.of(features)


def prepared(features: Any) -> Any:
    """Return what `linear_objective` takes of features that several problems share: sparse rows with their columns."""
    return _table(features) if sparse.issparse(features) else features


def minimise(
    objective: LinearProblem,
    start: Floats,
    *,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    metric: Metric | None = None,
    near: bool = False,
    watch: Watch | None = None,
) -> tuple[SolverResult, Metric | None]:
    """Minimise by the method that suits; arguments and result are those of `_solver.solve`."""
    if not isinstance(objective, LinearObjective) and objective.penalty.l1 > 0.0:
        from crossentropy.linear._proximal import solve_l1

        return solve_l1(objective, start, tol=tol, max_iter=max_iter, watch=watch), metric
    if not isinstance(objective, LinearObjective) and objective.wide and objective.penalty.l2 > 0.0:
        from crossentropy.linear._descent import descend

        found = descend(objective, start, tol=tol, max_iter=max_iter, rng=rng, watch=watch)
        return found, metric
    if isinstance(objective, LinearObjective):
        return solve(
            objective, start, tol=tol, max_iter=max_iter, rng=rng, metric=metric, near=near, watch=watch
        )
    result, metric = solve(
        objective, start, tol=FURTHER * tol, max_iter=max_iter, rng=rng, metric=metric, near=near, watch=watch
    )
    if result.relative_gap <= tol and result.status in (Status.ARITHMETIC, Status.MAX_ITER):
        result = replace(result, status=Status.REACHED)
    return result, metric
