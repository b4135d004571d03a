"""Sparse rows, and L1 penalties, against peers: same data in memory, one run, time to a relative gap.

* text, L2: TF-IDF of 1 to 3-grams of package descriptions, K = 58, C = 10, to a certified 1e-6, against scikit-learn's
  lbfgs (its other solvers need minutes more, or a K D x K D Hessian);
* L1, dense, two classes: 20,000 x 2,000, to 1e-4, against saga, liblinear and, where they are installed, skglm, celer;
* L1, text, K = 58, C = 1, to 1e-4, against saga, which alone has softmax with L1. It is stopped at a number of epochs.

A peer's gap is its float64 objective minus our certified lower bound (objective - gap), over our objective; where a
peer has a parameter for accuracy, it is tightened until the gap is below the goal, and the last time counts. The first
fit, which loads and compiles, is shown apart.

The descriptions are read from `debian_packages.parquet` of the folder in $CROSSENTROPY_DATA; rows with the frequencies
of Zipf's law stand in where it is not set.
"""

import importlib
import os
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression as Peer

from crossentropy.linear import LogisticRegression

N = 50_000


def text():
    """Return CSR float32 rows and class ids."""
    folder = os.environ.get("CROSSENTROPY_DATA")
    if folder:
        import polars as pl

        table = pl.read_parquet(Path(folder) / "debian_packages.parquet").sample(N, seed=0, shuffle=True)
        words = TfidfVectorizer(dtype=np.float32, ngram_range=(1, 3), min_df=2, token_pattern=r"(?u)\b\w+\b")
        ids = np.unique(table["section"].to_numpy(), return_inverse=True)[1]
        return words.fit_transform(table["description"].fill_null("").to_list()).tocsr(), ids
    rng = np.random.default_rng(0)
    d, k, per_row = 77_000, 58, 13
    frequency = 1 / np.arange(1, d + 1)
    columns = rng.choice(d, N * per_row, p=frequency / frequency.sum())
    rows = np.repeat(np.arange(N), per_row)
    X = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(N, d))
    X = sparse.csr_array(X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1))[:, None]))
    y = (X @ (3 * rng.standard_normal((d, k))) + rng.gumbel(size=(N, k))).argmax(axis=1)
    return X.astype(np.float32), y


def dense():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 2_000))
    weight = np.zeros(2_000)
    weight[:100] = 0.5 * rng.standard_normal(100)
    return X, (X @ weight + rng.logistic(size=len(X)) > 0).astype(int)


def objective(X, y, weight, bias, C, l1_ratio):
    """Return scikit-learn's objective in mean form, in float64."""
    logits = X.astype(np.float64) @ np.asarray(weight, np.float64).T + bias
    if logits.shape[1] == 1:
        logits = np.column_stack([np.zeros(len(y)), logits])
    penalty = l1_ratio * np.abs(weight).sum() + (1 - l1_ratio) / 2 * (weight**2).sum()
    return -log_softmax(logits, axis=1)[np.arange(len(y)), y].mean() + penalty / (C * len(y))


def timed(fit):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit()
    return time.perf_counter() - start, model


def ours(X, y, C, l1_ratio, tol, repeats=3):
    make = {"C": C, "l1_ratio": l1_ratio, "tol": tol}
    first, model = timed(lambda: LogisticRegression(**make).fit(X, y))
    times = [timed(lambda: LogisticRegression(**make).fit(X, y))[0] for _ in range(repeats)]
    value = objective(X, y, model.coef_, model.intercept_, C, l1_ratio)
    return {
        "s": float(np.median(times)),
        "first_s": first,
        "objective": value,
        "certified_relative_gap": model.result_.relative_gap,
        "status": model.result_.status.name,
        "passes": model.result_.n_passes,
        "nonzeros": int((model.coef_ != 0).sum()),
    }, value - model.optimality_gap_


def compare(name, X, y, C, l1_ratio, tol, peers, budget_s):
    mine, bound = ours(X, y, C, l1_ratio, tol)
    row = {
        "work": name,
        "rows": X.shape[0],
        "columns": X.shape[1],
        "C": C,
        "goal": tol,
        "ours": mine,
        "peers": [],
    }
    print(f"{name}: ours {mine['s']:.2f} s (first {mine['first_s']:.1f} s), {mine['status']}", flush=True)
    for label, settings in peers:
        spent = 0.0
        for setting in settings:
            seconds, fitted = timed(lambda make=setting: make(X, y))
            spent += seconds
            weight, bias = fitted
            gap = (objective(X, y, weight, bias, C, l1_ratio) - bound) / mine["objective"]
            if gap <= tol or spent > budget_s:
                break
        row["peers"].append({"peer": label, "s": seconds, "relative_gap": gap, "ratio": seconds / mine["s"]})
        print(f"    {label}: {seconds:.2f} s, gap {gap:.1e}, {seconds / mine['s']:.1f}x", flush=True)
    return row


def scikit_learn(C, l1_ratio, solver, key, values):
    """Return fits of scikit-learn's estimator at several settings of `key`, loosest first."""

    def fitter(value):
        settings = {"C": C, "l1_ratio": l1_ratio, "solver": solver, "max_iter": 100_000, "tol": 1e-12} | {
            key: value
        }

        def fit(X, y):
            model = Peer(**settings).fit(X, y)
            return model.coef_, model.intercept_

        return fit

    return [fitter(value) for value in values]


def installed_l1_peers(C, n):
    """Return the L1 estimators that are there: two classes, penalty 1 / (C n)."""
    found = []
    for package, options in (("skglm", {"fit_intercept": True}), ("celer", {})):
        try:
            module = importlib.import_module(package)
        except ImportError:
            continue

        def fitter(tol, module=module, package=package, options=options):
            def fit(X, y):
                if package == "skglm":
                    model = module.SparseLogisticRegression(alpha=1 / (C * n), tol=tol, **options)
                else:
                    model = module.LogisticRegression(C=C, tol=tol, **options)
                model.fit(np.asfortranarray(X), y)
                return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)

            return fit

        found.append((package, [fitter(tol) for tol in (1e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)]))
    return found


def measure():
    X, y = text()
    rows = [
        compare(
            "text, L2, 58 classes",
            X,
            y,
            10.0,
            0.0,
            1e-6,
            [("scikit-learn lbfgs", scikit_learn(10.0, 0.0, "lbfgs", "max_iter", (400,)))],
            1.0,
        )
    ]
    if os.environ.get("ONLY") == "text-l2":
        return rows
    dense_X, dense_y = dense()
    tols = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    peers = [
        ("scikit-learn liblinear", scikit_learn(0.01, 1.0, "liblinear", "tol", tols)),
        ("scikit-learn saga", scikit_learn(0.01, 1.0, "saga", "max_iter", (10, 30, 100, 300))),
        *installed_l1_peers(0.01, len(dense_y)),
    ]
    rows.append(compare("L1, dense, 2 classes", dense_X, dense_y, 0.01, 1.0, 1e-4, peers, 60.0))
    peers = [("scikit-learn saga, 30 epochs", scikit_learn(1.0, 1.0, "saga", "max_iter", (30,)))]
    rows.append(compare("text, L1, 58 classes", X, y, 1.0, 1.0, 1e-4, peers, 1.0))
    return rows
