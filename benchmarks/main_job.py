"""The main job against scikit-learn's LogisticRegression, on the same split and the same encoding.

For each table: train with this library; then fit scikit-learn's estimator with every solver that applies, at the C
that was chosen here, and at its default C. Reported are the objectives in float64 (mean form, nats; ours is that of
the model which the run keeps), the times of the fit at that C (ours at the estimator's default tolerance), and the
paired difference of the test log-losses (ours minus scikit-learn's, negative is better) with its 95 % interval.

Tables: those that come with scikit-learn, and `NAME.parquet` of the folder in $CROSSENTROPY_DATA if it is set.
"""

import os
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression as Peer

import crossentropy
from crossentropy.evaluation import losses_from_logits
from crossentropy.tables import class_ids, read_table

FILES = {
    "letter_recognition": "lettr",
    "spam": "type",
    "soybean": "Class",
    "pima_diabetes": "diabetes",
    "debian_packages": "section",
}
SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky")
LIMIT_S = 120.0


def objective(X, y, W, b, C, k):
    """Mean cross-entropy plus penalty, as both minimise it; a single row of weights is that of the second class."""
    logits = X @ W.T + b
    if len(W) == 1:
        logits = np.column_stack([np.zeros(len(X)), logits])
    return -log_softmax(logits, axis=1)[np.arange(len(y)), y].mean() + (W**2).sum() / (2 * C * len(y))


def peers(X, y, C, k):
    for solver in SOLVERS:
        if solver == "newton-cholesky" and X.shape[1] * k > 5000:
            continue
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            iterations = 100_000 if X.size * k < 5e7 else 2000
            model = Peer(C=C, solver=solver, tol=1e-6, max_iter=iterations).fit(X, y)
        seconds = time.perf_counter() - start
        yield solver, model, seconds, sorted({w.category.__name__ for w in caught})
        if seconds > LIMIT_S:
            return


def compare(source, target):
    table = read_table(source)
    target = target or table.target
    run = crossentropy.train(source, target=target)
    ids = class_ids(table, target, run.classifier.classes)
    tested = np.zeros(table.frame.height, bool)
    tested[run.predictions["id"].to_numpy()] = True
    X = run.classifier.encoder.transform(table).toarray().astype(np.float64)
    k = len(run.classifier.classes)
    C = run.summary.penalty.C
    X_train, y_train, X_test, y_test = X[~tested], ids[~tested], X[tested], ids[tested]
    start = time.perf_counter()
    ours = crossentropy.LogisticRegression(C=C).fit(X_train, y_train)
    our_seconds = time.perf_counter() - start
    kept = run.classifier.model
    our_objective = objective(X_train, y_train, kept.weight, kept.bias, C, k)
    row = {
        "data": table.name.rpartition("/")[2],
        "train_rows": len(y_train),
        "features": X.shape[1],
        "classes": k,
        "C": C,
        "seconds": run.environment["seconds"],
        "ours": {
            "objective": our_objective,
            "objective_at_default_tol": objective(X_train, y_train, ours.coef_, ours.intercept_, C, k),
            "fit_s": round(our_seconds, 3),
        },
        "peers": [],
    }
    best = None
    for solver, model, seconds, warned in peers(X_train, y_train, C, k):
        value = objective(X_train, y_train, model.coef_, model.intercept_, C, k)
        row["peers"].append(
            {"solver": solver, "objective": value, "fit_s": round(seconds, 3), "warnings": warned}
        )
        if best is None or value < best[0]:
            best = (value, model)
    row["objective_minus_best_peer"] = our_objective - best[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        default = Peer(max_iter=2000).fit(X_train, y_train)
    our_losses = losses_from_logits(np.log(run.predictions.select(r"^p_.*$").to_numpy()), y_test)
    for name, model in (("peer_at_our_C", best[1]), ("peer_at_C_1", default)):
        difference = our_losses + model.predict_log_proba(X_test)[np.arange(len(y_test)), y_test]
        half = 1.96 * difference.std() / np.sqrt(len(difference))
        row[f"test_loss_minus_{name}"] = [
            difference.mean() - half,
            difference.mean(),
            difference.mean() + half,
        ]
    row["test_loss"] = run.summary.test.loss.value
    return row


def measure() -> list[dict]:
    sources = [(f"sklearn:{name}", None) for name in ("digits", "breast_cancer", "wine", "iris")]
    folder = os.environ.get("CROSSENTROPY_DATA")
    if folder:
        sources += [(str(Path(folder) / f"{name}.parquet"), target) for name, target in FILES.items()]
    rows = []
    for source, target in sources:
        row = compare(source, target)
        rows.append(row)
        fits = ", ".join(f"{p['solver']} {p['fit_s']:.2f} s" for p in row["peers"])
        low, middle, high = row["test_loss_minus_peer_at_our_C"]
        print(
            f"{row['data']:28} C {row['C']:<8g} ours {row['ours']['fit_s']:.2f} s, {fits}; "
            f"objective - best {row['objective_minus_best_peer']:+.1e}; "
            f"test loss {row['test_loss']:.4f}, minus peer's {middle:+.4f} [{low:+.4f}, {high:+.4f}]",
            flush=True,
        )
    return rows
