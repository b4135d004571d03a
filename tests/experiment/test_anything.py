"""Whatever table it is: it trains and predicts, or is refused in one line; never a crash, a NaN, or a hang."""

import json
import math
import warnings
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars import selectors

import crossentropy
from crossentropy.errors import CrossEntropyError, DataWarning

from .anything import as_file, frames

OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "C": st.sampled_from([0.01, 1.0, 1.0, 1.0, 100.0]),
        "class_weight": st.just("balanced"),
        "test_size": st.sampled_from([0.05, 0.5]),
        "seed": st.integers(0, 5),
    },
)
FORMS = st.sampled_from(["memory", "memory", "csv", "csv", "semicolon", "utf16", "jsonl", "parquet"])


def finite(value):
    """Whether no number anywhere in JSON data is NaN or infinite."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def check_line(error):
    said = str(error)
    assert said.endswith((".", "?", ")"))
    assert said.splitlines() == [said] or not said.isprintable()
    assert "\n" not in said
    return type(error).__name__


def check_run(run):
    p = run.predictions[[c for c in run.predictions.columns if c.startswith("p_")]].to_numpy()
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert run.predictions["loss_nats"].is_finite().all()
    # a missing figure is None, and so has a reason; NaN has none
    assert finite(run.summary.model_dump())
    json.dumps(run.config.model_dump(), allow_nan=False)
    assert str(run)


def check_predictions(run, source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        p = run.classifier.predict_proba(source)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


def try_table(folder, made, form, options, change, whole):
    frame, target = made
    source = frame
    content = as_file(frame, form)
    if content is not None:
        source = folder / f"table.{form if form in ('jsonl', 'parquet') else 'csv'}"
        source.write_bytes(content)
    try:
        run = crossentropy.train(source, target=target, **options)
    except CrossEntropyError as error:
        return f"refused: {check_line(error)}"
    check_run(run)
    # drawing a page takes as long as all the rest
    if whole:
        run.save(folder / "run", force=True)
        assert crossentropy.Classifier.load(folder / "run").classes == run.classifier.classes
    run.classifier.save(folder / "model")
    again = crossentropy.Classifier.load(folder / "model")
    assert again.classes == run.classifier.classes
    check_predictions(run, source)
    try:
        check_predictions(run, change(run, frame))
    except CrossEntropyError as error:
        return f"trained; the other table refused: {check_line(error)}"
    return "trained and predicted"


def shuffled(run, frame):
    return frame.sample(fraction=1.0, shuffle=True, seed=0)[frame.columns[::-1]]


def as_text(run, frame):
    return frame.with_columns(selectors.numeric().cast(pl.String))


def emptied(run, frame):
    return frame.with_columns(pl.lit(None).cast(frame.dtypes[0]).alias(frame.columns[0]))


def without_one(run, frame):
    return frame[frame.columns[1:]]


def strange(run, frame):
    return frame.with_columns(pl.lit("never seen").alias(name) for name in frame.columns)


CHANGES = st.sampled_from([shuffled, as_text, emptied, without_one, strange])
WHOLE = st.integers(0, 9).map(lambda i: i == 9)
# a failing table is small enough as it is, and shrinking it takes minutes
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
ANYTHING = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": PHASES}


@settings(max_examples=60, derandomize=True, **ANYTHING)
@given(frames(), FORMS, OPTIONS, CHANGES, WHOLE)
def test_any_table_trains_and_predicts_or_is_refused(tmp_path_factory, made, form, options, change, whole):
    try_table(tmp_path_factory.mktemp("any"), made, form, options, change, whole)


@pytest.mark.deep
def test_ten_thousand_tables(tmp_path):
    told = Counter()

    @settings(max_examples=10_000, **ANYTHING)
    @given(frames(), FORMS, OPTIONS, CHANGES, WHOLE)
    def try_one(made, form, options, change, whole):
        told[try_table(tmp_path, made, form, options, change, whole)] += 1

    try_one()
    print(json.dumps(told.most_common(), indent=1))
    # were nearly all refused, this would hold nothing
    assert told["trained and predicted"] > 0.2 * told.total()
