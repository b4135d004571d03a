"""Labels flipped on purpose: how many are estimated, how many of those named are flipped, how many flipped are named.

In each table a share of the training labels is replaced by another class: any other with equal chance, or the next
class. The run's own out-of-fold probabilities are then handed, the same to both, to `find_label_errors` and to
cleanlab, whose interpreter is named by $CLEANLAB_PYTHON (an environment of its own); without it ours stands alone.

`precision` and `recall` are of the rows named; `precision_top` is that of as many rows as were flipped, in each one's
order (cleanlab's by normalized_margin and by self_confidence, its best is told); real errors of the data count against
both.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

import crossentropy
from crossentropy.evaluation import find_label_errors

SHARES = (0.0, 0.02, 0.1)
FILES = {"letter_recognition": "lettr", "spam": "type", "soybean": "Class", "pima_diabetes": "diabetes"}

PEER = """
import sys, json, numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.count import num_label_issues
held = np.load(sys.argv[1])
labels, p = held["labels"], held["p"]
out = {"estimate": int(num_label_issues(labels, p, estimation_method="off_diagonal_calibrated")),
       "estimate_default": int(num_label_issues(labels, p))}
for by in ("normalized_margin", "self_confidence"):
    found = find_label_issues(labels, p, return_indices_ranked_by=by, n_jobs=1)
    out[by] = [int(i) for i in found]
print(json.dumps(out))
"""


def tables():
    for name, load in (("digits", load_digits), ("breast_cancer", load_breast_cancer), ("wine", load_wine)):
        data = load()
        yield name, pl.DataFrame(np.asarray(data.data)), np.asarray(data.target)
    folder = os.environ.get("CROSSENTROPY_DATA")
    for name, target in FILES.items() if folder else ():
        frame = pl.read_parquet(Path(folder) / f"{name}.parquet").drop_nulls(target)
        yield (
            name,
            frame.drop(target),
            frame[target].cast(pl.String).to_physical().rank("dense").to_numpy() - 1,
        )


def flipped(targets, share, kind, rng):
    k = targets.max() + 1
    chosen = rng.random(len(targets)) < share
    step = rng.integers(1, k, len(targets)) if kind == "any" else 1
    return np.where(chosen, (targets + step) % k, targets), chosen


def peer(p, labels):
    if not os.environ.get("CLEANLAB_PYTHON"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "held.npz"
        np.savez(path, p=p, labels=labels)
        done = subprocess.run(
            [os.environ["CLEANLAB_PYTHON"], "-W", "ignore", "-c", PEER, str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(done.stdout)


def rates(found, wrong):
    hits = int(wrong[found].sum())
    top = found[: int(wrong.sum())]
    return {
        "named": len(found),
        "precision": round(hits / max(1, len(found)), 3),
        "recall": round(hits / max(1, int(wrong.sum())), 3),
        "precision_top": round(float(wrong[top].mean()), 3) if len(top) else None,
    }


def one(name, frame, targets, share, kind):
    labels, chosen = flipped(targets, share, kind, np.random.default_rng(0))
    frame = frame.with_columns(
        pl.Series("given", [f"c{i}" for i in labels]), pl.Series("row", np.arange(len(labels)))
    )
    run = crossentropy.train(frame, target="given", id="row")
    table = run.out_of_fold
    p = table.select(pl.col("^p_.*$")).to_numpy()
    places = {str(c): i for i, c in enumerate(run.classifier.classes)}
    ids = np.array([places[str(t)] for t in table["target"]])
    wrong = chosen[table["id"].to_numpy()]
    ours = find_label_errors(p, ids, run.classifier.classes)
    row = {
        "table": name,
        "flips": kind,
        "rows": len(ids),
        "flipped": int(wrong.sum()),
        "ours": {
            "estimate": round(ours.wrong.value),
            "joint": round(ours.contradicted.value),
            **rates(ours.found, wrong),
        },
        "interval": [round(ours.wrong.low, 1), round(ours.wrong.high, 1)],
    }
    theirs = peer(p, ids)
    if theirs:
        by = {b: np.array(theirs[b], int) for b in ("normalized_margin", "self_confidence")}
        best = max(by, key=lambda b: rates(by[b], wrong)["precision_top"] or 0)
        row["cleanlab"] = {"estimate": theirs["estimate"], "order": best, **rates(by[best], wrong)}
        row["cleanlab"]["estimate_default"] = theirs["estimate_default"]
        both = len(set(by[best].tolist()) & set(ours.found.tolist()))
        row["named_by_both"] = both
    return row


def measure():
    rows = []
    for name, frame, targets in tables():
        for share in SHARES:
            for kind in ("any", "next") if share and targets.max() > 1 else ("any",):
                rows.append(one(name, frame, targets, share, kind))
                print(json.dumps(rows[-1]))
    return rows
