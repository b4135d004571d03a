"""A small table with a bit of everything, and one run over it."""

import numpy as np
import polars as pl
import pytest

import crossentropy


def mixed_frame(n=400, seed=0):
    """Three classes that depend on a number, a category and a flag; with missing values, a text and a name a row."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=n)
    level = rng.choice(["red", "green", "blue"], n)
    flag = rng.random(n) < 0.4
    logits = 2 * np.column_stack([number, 1.5 * (level == "red") - number, 1.0 * flag])
    target = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return pl.DataFrame(
        {
            "name": [f"row-{i}" for i in range(n)],
            "number": [None if u < 0.1 else x for u, x in zip(rng.random(n), number.tolist(), strict=True)],
            "level": [None if u < 0.05 else x for u, x in zip(rng.random(n), level.tolist(), strict=True)],
            "flag": flag,
            "remark": [f"a remark of {i} words or so" for i in range(n)],
            "weight": rng.exponential(size=n).round(3) + 0.1,
            "kind": np.array(["ash", "beech", "cedar"])[target],
        }
    )


@pytest.fixture(scope="session")
def frame():
    return mixed_frame()


@pytest.fixture(scope="session")
def run(frame):
    return crossentropy.train(frame, target="kind", id="name", drop=["weight"])
