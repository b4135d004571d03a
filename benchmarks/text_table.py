"""A table with text, from file to report, against scikit-learn's pipeline of the same parts, on the same split.

`debian_packages.parquet` of the folder in $CROSSENTROPY_DATA, target `section`. Ours is the command, in a process of
its own, with its wall time, processor time and peak memory. The peers are `TfidfVectorizer`, `OneHotEncoder` and a
scaler before `LogisticRegression`: with their defaults, and with the settings that suit them best (words and pairs,
sublinear counts, terms and levels of two rows, numbers by their quantiles), at the C that was chosen here, so that they
are spared the search; their iterations are as many as end within minutes. Reported: test log-loss, and the paired
difference (ours minus theirs, negative is better) with its 95 % interval.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

TARGET = "section"
# name -> solver, iterations
PEERS = {"defaults": ("lbfgs", 100), "best settings": ("newton-cg", 15)}


def ours(path, folder, target=TARGET):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "crossentropy", "train", path, "--target", target, "--out", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": round(wall, 1),
        "processor_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_gib": round(after.ru_maxrss / 2**20, 2),
        "seconds": json.loads((Path(folder) / "environment.json").read_text())["seconds"],
    }


def pipeline(kinds, name, C):
    best = name == "best settings"
    of = {
        kind: [c for c, k in kinds.items() if k == kind] for kind in ("text", "category", "boolean", "number")
    }
    terms = {"sublinear_tf": True, "ngram_range": (1, 2), "min_df": 2} if best else {}
    levels = (
        {"handle_unknown": "infrequent_if_exist", "min_frequency": 2}
        if best
        else {"handle_unknown": "ignore"}
    )
    scaler = QuantileTransformer(output_distribution="normal") if best else StandardScaler()
    parts = [(TfidfVectorizer(**terms), column) for column in of["text"]]
    parts += [
        (OneHotEncoder(**levels), of["category"] + of["boolean"]),
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), scaler), of["number"]),
    ]
    solver, iterations = PEERS[name]
    model = LogisticRegression(C=C if best else 1.0, solver=solver, max_iter=iterations)
    return make_pipeline(make_column_transformer(*parts), model)


def measure() -> list[dict]:
    path = str(Path(os.environ["CROSSENTROPY_DATA"]) / "debian_packages.parquet")
    with tempfile.TemporaryDirectory() as parent:
        folder = str(Path(parent) / "run")
        rows = [{"name": "crossentropy train", **ours(path, folder)}]
        metrics = json.loads((Path(folder) / "metrics.json").read_text())
        predictions = pl.read_parquet(Path(folder) / "predictions.parquet")
    frame = pl.read_parquet(path)
    kinds = {c["name"]: c["kind"] for c in metrics["columns"] if c["used"]}
    text = [c for c, kind in kinds.items() if kind in ("text", "category", "boolean")]
    plain = frame.with_columns(pl.col(text).cast(pl.String).fill_null(""))
    cells = pd.DataFrame(plain.to_dict(as_series=False))
    tested = predictions["id"].cast(pl.Int64).to_numpy()
    trained = np.setdiff1d(np.arange(len(frame)), tested)
    trained = trained[frame[TARGET].is_not_null().to_numpy()[trained]]
    target = frame[TARGET].cast(pl.String).to_numpy()

    def test_losses(classes, probabilities):
        at = {c: k for k, c in enumerate(classes)}
        column = np.array([at[t] for t in target[tested]])
        return -np.log(np.maximum(probabilities[np.arange(len(tested)), column], 1e-300))

    names = [c for c in predictions.columns if c.startswith("p_")]
    mine = test_losses([c[2:] for c in names], predictions.select(names).to_numpy())
    rows[0] |= {"C": metrics["penalty"]["C"], "test_loss": float(mine.mean())}
    for name in PEERS:
        model = pipeline(kinds, name, metrics["penalty"]["C"])
        start, used = time.perf_counter(), time.process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(cells.iloc[trained], target[trained])
        theirs = test_losses(model.classes_, model.predict_proba(cells.iloc[tested]))
        difference = mine - theirs
        half = 1.96 * difference.std() / np.sqrt(len(difference))
        rows.append(
            {
                "name": f"scikit-learn, {name}",
                "wall_s": round(time.perf_counter() - start, 1),
                "processor_s": round(time.process_time() - used, 1),
                "C": float(model[-1].C),
                "iterations": int(model[-1].n_iter_.max()),
                "warnings": sorted({w.category.__name__ for w in caught}),
                "test_loss": float(theirs.mean()),
                "ours_minus_theirs": [difference.mean() - half, difference.mean(), difference.mean() + half],
            }
        )
    for row in rows:
        print(json.dumps(row), flush=True)
    return rows
