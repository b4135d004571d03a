"""A million rows of 30 mixed columns, from file to report: times, memory, and how near the loss comes to the truth.

The table is made here: ten numbers (some with heavy tails, some with holes), eight categories of 3 to 50,000 levels
with Zipf's frequencies, three booleans, two dates, a short text, and six columns that mean nothing. The classes are
drawn from probabilities that are known, so that the least loss that any model can have on the test rows, their
entropy, stands beside the loss that was reached.
"""

import datetime
import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.text_table import ours

ROWS, CLASSES = 1_000_000, 5
WORDS = (
    "red",
    "green",
    "blue",
    "old",
    "new",
    "fast",
    "slow",
    "large",
    "small",
    "round",
    "flat",
    "warm",
    "cold",
)


def zipf(generator, levels, rows):
    share = 1 / np.arange(1, levels + 1)
    return generator.choice(levels, rows, p=share / share.sum())


def table(rows, seed=0):
    """The frame, and the probabilities its target was drawn from."""
    generator = np.random.default_rng(seed)
    columns, logits = {}, np.zeros((rows, CLASSES))

    def add(values, strength=0.5):
        nonlocal logits
        logits += strength * values[:, None] * generator.normal(size=CLASSES)

    for i in range(10):
        x = generator.normal(size=rows)
        add(x)
        known = np.exp(2 * x) if i % 3 == 0 else 1000 * x if i % 3 == 1 else x
        columns[f"number_{i}"] = np.where(generator.random(rows) < 0.02 * i, np.nan, known)
    for i, levels in enumerate((3, 7, 20, 40, 300, 2_000, 10_000, 50_000)):
        code = zipf(generator, levels, rows)
        effect = generator.normal(size=(levels, CLASSES))
        logits += 0.4 * effect[code]
        columns[f"category_{i}"] = np.char.add(f"level {i} ", code.astype(str))
    for i in range(3):
        b = generator.random(rows) < 0.3
        add(b.astype(float))
        columns[f"boolean_{i}"] = b
    for i in range(2):
        day = generator.integers(0, 3650, rows)
        add(np.sin(2 * np.pi * day / 365.25))
        columns[f"date_{i}"] = np.datetime64(datetime.date(2015, 1, 1)) + day.astype("timedelta64[D]")
    chosen = generator.integers(0, len(WORDS), (rows, 6))
    meaning = generator.normal(size=(len(WORDS), CLASSES))
    logits += 0.2 * meaning[chosen].sum(1)
    columns["text"] = [" ".join(WORDS[j] for j in row) for row in chosen.tolist()]
    for i in range(6):
        columns[f"nothing_{i}"] = (
            generator.normal(size=rows) if i % 2 else np.char.add("n", zipf(generator, 30, rows).astype(str))
        )
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    drawn = (p.cumsum(1) < generator.random(rows)[:, None]).sum(1)
    columns["target"] = np.char.add("class ", drawn.astype(str))
    return pl.DataFrame(columns), p


def measure(rows=ROWS) -> list[dict]:
    with tempfile.TemporaryDirectory() as parent:
        path, folder = str(Path(parent) / "table.parquet"), str(Path(parent) / "run")
        frame, p = table(rows)
        frame.write_parquet(path)
        shape = list(frame.shape)
        del frame
        row = {"rows": rows, "columns": shape[1] - 1, **ours(path, folder, "target")}
        metrics = json.loads((Path(folder) / "metrics.json").read_text())
        tested = pl.read_parquet(Path(folder) / "predictions.parquet")["id"].cast(pl.Int64).to_numpy()
    entropy = -(p[tested] * np.log(p[tested])).sum(1).mean()
    row |= {
        "C": metrics["penalty"]["C"],
        "test_loss": metrics["test"]["loss"]["value"],
        "least_loss": float(entropy),
    }
    print(json.dumps(row), flush=True)
    return [row]
