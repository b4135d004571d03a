"""Dense linear classifiers against the solvers people use, to the same relative gap of 1e-6.

For each problem every peer is run at falling tolerances until its objective, evaluated in float64, is within 1e-6 of
the minimum; the time reported is that of the first run which is. A peer that does not get there within `LIMIT_S` is
reported with the gap it reached. The minimum is what our own certificate proves it to be (a fit to 1e-10, minus its
gap). Ours is timed at its default tolerance, three times, the median; its gap is proved, and also measured.

Peers: scikit-learn's lbfgs, newton-cg and newton-cholesky, and those of `benchmarks/requirements.txt` that are
installed: scikit-learn-intelex, cyanure, snapml (two classes), liblinear (through scikit-learn, two classes).
$BENCH_ONLY and $BENCH_PEERS choose problems and peers by a part of their name; $BENCH_LIMIT_S and $BENCH_ITERATIONS
bound what a peer may take.
Problems: Fashion-MNIST (the idx files of the folder in $FASHION_MNIST), letter and spam from $CROSSENTROPY_DATA where
set, digits, and random features.
"""

import gzip
import importlib.util
import os
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import polars
from scipy.special import log_softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.preprocessing import StandardScaler

from crossentropy.linear import LogisticRegression

GAP = 1e-6
LIMIT_S = float(os.environ.get("BENCH_LIMIT_S", "60"))
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
ITERATIONS = int(os.environ.get("BENCH_ITERATIONS", "2000"))


def objective(X, y, W, b, C):
    """Mean cross-entropy plus penalty, in float64; one row of weights is that of the second class."""
    total = 0.0
    for start in range(0, len(X), 4096):
        z = X[start : start + 4096].astype(np.float64) @ np.asarray(W, np.float64).T + b
        if len(W) == 1:
            z = np.column_stack([np.zeros(len(z)), z])
        total -= log_softmax(z, axis=1)[np.arange(len(z)), y[start : start + 4096]].sum()
    return total / len(X) + (np.asarray(W, np.float64) ** 2).sum() / (2 * C * len(X))


def random_problem(n, d, k, scale=None, correlation=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d), dtype=np.float32)
    if correlation:
        X = np.float32(np.sqrt(1 - correlation**2)) * X + np.float32(correlation) * X[:, :1]
    z = 2.0 * X @ rng.standard_normal((d, k)).astype(np.float32) / np.float32(np.sqrt(d))
    y = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    y[:k] = np.arange(k)
    if scale:
        X = (X * 10.0 ** np.linspace(-scale, scale, d)).astype(np.float64)
    return X, y


def fashion():
    folder = Path(os.environ["FASHION_MNIST"])
    images = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())
    X = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)
    return (X / 255).astype(np.float32), np.frombuffer(labels, np.uint8, offset=8).astype(np.intp)


def table(name, target):
    frame = polars.read_parquet(Path(os.environ["CROSSENTROPY_DATA"]) / f"{name}.parquet")
    y = np.unique(frame[target].to_numpy(), return_inverse=True)[1]
    return np.ascontiguousarray(frame.drop(target).to_numpy().astype(np.float64)), y


def digits(scaled=False):
    X, y = load_digits(return_X_y=True)
    return (StandardScaler().fit_transform(X) if scaled else X), y


PROBLEMS = (
    ("digits 1,797 x 64, K 10", digits, 1.0),
    ("digits, standardised", lambda: digits(True), 1.0),
    ("spam 4,601 x 57, K 2", lambda: table("spam", "type"), 1.0),
    ("letter 20,000 x 16, K 26", lambda: table("letter_recognition", "lettr"), 1.0),
    ("1,000,000 x 20, K 2", lambda: random_problem(1_000_000, 20, 2), 1.0),
    ("5,000 x 5,000, K 2", lambda: random_problem(5_000, 5_000, 2), 1.0),
    ("columns 1e-4 to 1e4, 5,000 x 30, K 5", lambda: random_problem(5_000, 30, 5, scale=4), 1.0),
    ("correlation 0.999, 20,000 x 50, K 5", lambda: random_problem(20_000, 50, 5, correlation=0.999), 100.0),
    ("separable digits, C 1e4", digits, 1e4),
    ("Fashion-MNIST 60,000 x 784, K 10", fashion, 1.0),
    ("20,000 x 256, K 1,000", lambda: random_problem(20_000, 256, 1_000), 1.0),
)


def peers(k):
    names = ["lbfgs", "newton-cg", "newton-cholesky"] + (["liblinear"] if k == 2 else [])
    for solver in names:
        if solver == "newton-cholesky" and k > 30:
            continue
        yield (
            f"scikit-learn {solver}",
            lambda C, tol, n, s=solver: Peer(C=C, tol=tol, solver=s, max_iter=ITERATIONS),
        )
    if importlib.util.find_spec("sklearnex"):
        from sklearnex.linear_model import LogisticRegression as Intel

        yield "sklearnex lbfgs", lambda C, tol, n: Intel(C=C, tol=tol, solver="lbfgs", max_iter=ITERATIONS)
    if importlib.util.find_spec("cyanure"):
        from cyanure.estimators import Classifier

        loss = "logistic" if k == 2 else "multiclass-logistic"
        fixed = {
            "loss": loss,
            "penalty": "l2",
            "fit_intercept": True,
            "max_iter": ITERATIONS,
            "verbose": False,
        }
        yield "cyanure", lambda C, tol, n: Classifier(lambda_1=1.0 / (C * n), tol=tol, **fixed)
    if k == 2 and importlib.util.find_spec("snapml"):
        from snapml import LogisticRegression as Snap

        yield (
            "snapml",
            lambda C, tol, n: Snap(
                regularizer=1.0 / C, tol=tol, max_iter=ITERATIONS, n_jobs=2, fit_intercept=True
            ),
        )


def timed(make, X, y):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().fit(X, y)
    return model, time.perf_counter() - start


def measure_peer(make, X, y, C, least):
    """Return the time of the first tolerance that reaches the gap, or of the last within the limit; and the gap."""
    spent, found = 0.0, {"seconds": None, "gap": None}
    for tol in TOLERANCES:
        try:
            model, seconds = timed(lambda t=tol: make(C, t, len(X)), X, y)
        except Exception as error:
            return {"seconds": None, "gap": None, "failed": str(error)[:80]}
        W = model.coef_ if model.coef_.ndim == 2 else model.coef_[None]
        gap = (objective(X, y, W, np.asarray(model.intercept_).ravel(), C) - least) / least
        found = {"seconds": seconds, "gap": float(gap), "tol": tol}
        spent += seconds
        if gap <= GAP or spent + 2 * seconds > LIMIT_S:
            break
    return found


def measure():
    """Return one row a problem."""
    rows = []
    chosen = os.environ.get("BENCH_ONLY", "")
    for name, data, C in PROBLEMS:
        if chosen not in name:
            continue
        try:
            X, y = data()
        except KeyError as missing:
            print(name, f"needs ${missing.args[0]}")
            continue
        sharp = LogisticRegression(C=C, tol=1e-9).fit(X, y)
        least = sharp.objective_ - sharp.optimality_gap_
        runs = [timed(lambda c=C: LogisticRegression(C=c), X, y) for _ in range(3)]
        model, seconds = runs[0][0], statistics.median(run[1] for run in runs)
        W, b = model.result_.parameters[:, :-1], model.result_.parameters[:, -1]
        row = {
            "problem": name,
            "C": C,
            "seconds": seconds,
            "certified": model.result_.relative_gap,
            "gap": float((objective(X, y, W, b, C) - least) / least),
            "passes": model.result_.n_passes,
            "status": model.result_.status.name,
            "reference_gap": sharp.result_.relative_gap,
            "peers": {},
        }
        for peer, make in peers(int(y.max()) + 1):
            if not any(part in peer for part in os.environ.get("BENCH_PEERS", "").split(",")):
                continue
            row["peers"][peer] = measure_peer(make, X, y, C, least)
            print(name, f"ours {seconds:.3f} s", peer, row["peers"][peer], flush=True)
        rows.append(row)
    return rows
