"""`LogisticRegressionCV` against scikit-learn's, on the same folds, penalties and score.

Ten penalties from 1e-4 to 1e4, five stratified folds, refit; log-loss. scikit-learn runs each solver that applies, each
with enough iterations, at its default `tol` (a gradient of 1e-4). Reported are the seconds (median of `REPEATS` where a
run is short), the chosen C, the certified gap, the objective of the model that is kept (mean form, nats, evaluated in
float64), and the largest difference of the fold scores.

Tables: digits, and letter recognition where $CROSSENTROPY_DATA has it. Columns are standardised, which is to the
peers' advantage.
"""

import os
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
from scipy.special import log_softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegressionCV as Peer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from crossentropy import LogisticRegressionCV
from crossentropy.tables import class_ids, read_table

SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky")
REPEATS = 3
SHORT_S = 10.0
LIMIT_S = 200.0


def tables():
    X, y = load_digits(return_X_y=True)
    yield "digits", StandardScaler().fit_transform(X), y
    path = Path(os.environ.get("CROSSENTROPY_DATA", "")) / "letter_recognition.parquet"
    if path.is_file():
        table = read_table(str(path))
        columns = [name for name in table.frame.columns if name != "lettr"]
        X = table.frame.select(columns).to_numpy().astype(np.float64)
        labels = sorted(table.frame["lettr"].unique().to_list())
        yield "letter", StandardScaler().fit_transform(X), class_ids(table, "lettr", labels)


def timed(make, X, y):
    seconds = []
    while not seconds or (len(seconds) < REPEATS and seconds[0] < SHORT_S):
        start = time.perf_counter()
        model = make().fit(X, y)
        seconds.append(time.perf_counter() - start)
    return model, round(median(seconds), 3)


def objective(model, X, y):
    logits = X @ model.coef_.T + model.intercept_
    loss = -log_softmax(logits, axis=1)[np.arange(len(y)), y].mean()
    return loss + (model.coef_**2).sum() / (2 * model.C_ * len(y))


def row(name, X, y):
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    ours, our_s = timed(lambda: LogisticRegressionCV(cv=folds), X, y)
    found = {
        "data": name,
        "rows": len(y),
        "features": X.shape[1],
        "classes": len(ours.classes_),
        "ours": {
            "s": our_s,
            "C": ours.C_,
            "objective": objective(ours, X, y),
            "gap": ours.optimality_gap_,
            "worst_fold_gap": float(ours.relative_gaps_.max()),
        },
        "peers": {},
    }
    for solver in SOLVERS:
        if solver == "newton-cholesky" and (X.shape[1] + 1) * len(ours.classes_) > 1000:
            continue

        def peer(solver=solver):
            return Peer(
                cv=folds,
                solver=solver,
                max_iter=100_000,
                scoring="neg_log_loss",
                l1_ratios=(0,),
                use_legacy_attributes=False,
            )

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            theirs, seconds = timed(peer, X, y)
        found["peers"][solver] = {
            "s": seconds,
            "ratio": round(seconds / our_s, 1),
            "C": theirs.C_,
            "objective": objective(theirs, X, y),
            "largest_difference_of_scores": float(np.abs(theirs.scores_ - ours.scores_).max()),
            "warnings": sorted({warning.category.__name__ for warning in caught}),
        }
        print(name, "ours", our_s, solver, found["peers"][solver])
        if seconds > LIMIT_S:
            break
    return found


def measure():
    return [row(*table) for table in tables()]
