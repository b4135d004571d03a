"""Logistic and softmax regression that reach the minimum, and say how near they are.

* `LogisticRegression`, `LogisticRegressionCV`: scikit-learn's interface (`_estimator.py`, `_estimator_cv.py`);
* `cross_validate_penalty` -> `PenaltyPath`: the penalty by out-of-fold log-loss (`_path.py`);
* `side_by_side`: dense and sparse columns as one set of features (`_blocks.py`);
* `SolverResult`, `Status`: where a fit stopped, and why (`_solver.py`).

What a user gives is read by `_inputs.py` (arrays from anywhere), `_targets.py` (labels, distributions, weights),
`_problem.py` and `_drop_in.py` (settings of scikit-learn without meaning here); `_predictions.py` answers, and
`_progress.py` tells callbacks where a fit stands.

Below them: `_folds.py` (the fits of cross-validation), `_choose.py` (which objective and which method suit the
features), `_solver.py` (the ways down: `_lbfgs.py`, `_newton.py`; what a run has spent: `_run.py`), which knows only
the protocol in `_objective.py`; `_descent.py` (conjugate directions, where columns are many; `_dense_blocks.py`: of
those that are dense), `_proximal.py` (L1); `_loss.py` (cross-entropy of rows given their logits: targets, weights,
offsets), `_penalty.py`, `_dense.py` (value, gradient and curvature of dense rows), `_table_objective.py` over
`_tables.py` (the same of sparse rows and of blocks of columns), `_certificate.py` and `_l1_certificate.py` (the bounds
on the gap), `_metric.py` (the preconditioner), `_rows.py` (rows as tiles) and `_threads.py` (ranges of rows in
parallel).
"""

from crossentropy.linear._blocks import side_by_side
from crossentropy.linear._estimator import LogisticRegression
from crossentropy.linear._estimator_cv import LogisticRegressionCV
from crossentropy.linear._path import PenaltyPath, cross_validate_penalty
from crossentropy.linear._solver import SolverResult, Status

__all__ = [
    "LogisticRegression",
    "LogisticRegressionCV",
    "PenaltyPath",
    "SolverResult",
    "Status",
    "cross_validate_penalty",
    "side_by_side",
]
