"""Log-loss on test rows: the network and the linear model against boosted trees at their defaults.

`python -m benchmarks tables` runs what has not been run yet: a JSON file for each table, split and model stands in
`benchmarks/results/tables/`, and what stands there is not run again. $CROSSENTROPY_TABLES names some tables, separated
by commas, $CROSSENTROPY_SPLITS says how many splits (3), and $CROSSENTROPY_THREADS how many threads all have (2). The
peers and the tables come with `pip install -r benchmarks/tables/requirements.txt`.

Protocol: a quarter of the rows, stratified, tests; probabilities are clipped at 1e-7, for all models alike; the time is
that of fit and prediction together, encoding included.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.tables.models import MODELS, Model
from benchmarks.tables.sets import TABLES
from crossentropy.evaluation import stratified_test

FOLDER = Path("benchmarks/results/tables")
SHARE = 0.25
CLIP = 1e-7


def one(name: str, split: int, model: Model, threads: int) -> dict:
    """Fit one model on one split of one table."""
    table = TABLES[name]
    frame = table.read()
    frame = frame[frame[table.target].notna()].reset_index(drop=True)
    classes, ids = np.unique(frame.pop(table.target).to_numpy(), return_inverse=True)
    test = stratified_test(ids.astype(np.int64), SHARE, np.random.default_rng([split, 77]))
    start, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        probabilities = model(frame[~test], ids[~test], frame[test], split, threads)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    p = np.clip(probabilities, CLIP, 1.0)
    p /= p.sum(axis=1, keepdims=True)
    truth = ids[test]
    return {
        "table": name,
        "half": table.half,
        "split": split,
        "rows": len(frame),
        "columns": frame.shape[1],
        "classes": len(classes),
        "loss": float(-np.log(p[np.arange(len(truth)), truth]).mean()),
        "error": float((p.argmax(axis=1) != truth).mean()),
        "brier": float(((p - np.eye(len(classes))[truth]) ** 2).sum(axis=1).mean()),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
    }


def kept(name: str, split: int, label: str, model: Model, threads: int) -> dict | None:
    """Return what was measured before, or measure it; None where the table or the peer is not there."""
    path = FOLDER / f"{name}-{split}-{label}.json"
    if path.exists():
        return json.loads(path.read_text())
    try:
        row = {"model": label, **one(name, split, model, threads)}
    except (FileNotFoundError, ImportError) as error:
        print(f"{name}, {label}: left out ({error})", flush=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row, indent=1) + "\n")
    return row


def summary(rows: list[dict], against: str = "catboost") -> list[str]:
    """Return a line for each table, losses included, and the geometric means of the ratios to a peer."""
    labels = list(dict.fromkeys(row["model"] for row in rows))
    names = list(dict.fromkeys(row["table"] for row in rows))
    loss = {(n, m): _mean(rows, n, m, "loss") for n in names for m in labels}
    seconds = {(n, m): _mean(rows, n, m, "cpu_seconds") for n in names for m in labels}
    lines = [f"{'':20} " + " ".join(f"{m:>22}" for m in labels)]
    for n in names:
        cells = [f"{loss[n, m]:.4f} ({seconds[n, m]:.1f} s)" for m in labels]
        lines.append(f"{n:20} " + " ".join(f"{cell:>22}" for cell in cells))
    for half in ("choose", "confirm"):
        inside = [n for n in names if TABLES[n].half == half]
        for m in labels:
            ratios = [
                loss[n, m] / loss[n, against] for n in inside if np.isfinite(loss[n, m] / loss[n, against])
            ]
            times = [seconds[n, m] / seconds[n, against] for n in inside if np.isfinite(seconds[n, m])]
            if ratios:
                lines.append(
                    f"{half}: {m} / {against}: loss {np.exp(np.mean(np.log(ratios))):.3f} "
                    f"(lower on {sum(r < 1 for r in ratios)} of {len(ratios)}), median CPU time {np.median(times):.2f}"
                )
    return lines


def _mean(rows: list[dict], name: str, model: str, what: str) -> float:
    found = [row[what] for row in rows if row["table"] == name and row["model"] == model]
    return float(np.mean(found)) if found else float("nan")


def measure() -> list[dict]:
    names = os.environ.get("CROSSENTROPY_TABLES", ",".join(TABLES)).split(",")
    splits = int(os.environ.get("CROSSENTROPY_SPLITS", "3"))
    threads = int(os.environ.get("CROSSENTROPY_THREADS", "2"))
    rows = []
    for split in range(splits):
        for name in names:
            for label, model in MODELS.items():
                row = kept(name, split, label, model, threads)
                if row is not None:
                    rows.append(row)
                    print(
                        f"{name:20} {split} {label:12} {row['loss']:.4f} {row['seconds']:.1f} s", flush=True
                    )
    print("\n".join(summary(rows)))
    return rows
