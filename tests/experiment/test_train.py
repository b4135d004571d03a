"""The main job: its promises."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import softmax

import crossentropy
from crossentropy.errors import ConfigError, DataError, TargetError
from crossentropy.evaluation import evaluate, losses_from_logits

from .conftest import mixed_frame


def test_the_figures_are_those_of_the_predictions(run, frame):
    predictions = run.predictions
    test = run.summary.test
    assert predictions.height == test.rows == run.summary.rows_test
    assert run.summary.rows_train + run.summary.rows_test == frame.height
    p = predictions.select("p_ash", "p_beech", "p_cedar").to_numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    position = {c: i for i, c in enumerate(run.classifier.classes)}
    targets = np.array([position[t] for t in predictions["target"]])
    np.testing.assert_allclose(predictions["loss_nats"], -np.log(p[np.arange(len(p)), targets]))
    assert predictions["loss_nats"].mean() == pytest.approx(test.loss.value)
    assert (predictions["label"] == predictions["target"]).mean() == pytest.approx(test.accuracy.value)
    assert [position[c] for c in predictions["label"]] == p.argmax(axis=1).tolist()


def test_ids_name_the_rows_that_were_tested(run, frame):
    tested = frame.filter(pl.col("name").is_in(run.predictions["id"].to_list()))
    joined = run.predictions.join(tested, left_on="id", right_on="name", validate="1:1")
    assert (joined["target"] == joined["kind"]).all()
    again = run.classifier.predict_proba(tested.sort("name"))
    assert np.array_equal(again, run.predictions.sort("id").select(r"^p_.*$").to_numpy())


def test_the_worst_rows_are_the_worst_of_the_predictions(run):
    worst = run.summary.worst_rows
    top = run.predictions.sort("loss_nats", descending=True).head(len(worst))
    assert [w.loss for w in worst] == top["loss_nats"].to_list()
    assert [w.id for w in worst] == top["id"].to_list()
    assert set(worst[0].cells) == {"number", "level", "flag", "remark"}


def test_it_learns_what_there_is_to_learn(run):
    assert run.summary.test.skill > 0.15
    assert run.summary.test.loss.value < run.summary.test.frequencies
    assert run.summary.optimality.gap <= 1e-6 * run.summary.optimality.objective * 1.001
    assert run.summary.test.calibration.error < 2 * run.summary.test.calibration.noise


def test_columns_that_are_not_read_are_named(run):
    notes = {c.name: c for c in run.summary.columns}
    assert set(notes) == {"number", "level", "flag", "remark", "weight"}
    assert (notes["remark"].kind, notes["remark"].used) == ("text", True)
    assert notes["remark"].note.startswith("7 words a value")
    assert notes["weight"].note == "dropped by --drop"
    assert notes["number"].missing > 0


def test_the_same_seed_gives_the_same_digits(run, frame):
    again = crossentropy.train(frame, target="kind", id="name", drop=["weight"])
    assert again.summary == run.summary
    assert again.predictions.equals(run.predictions)
    assert again.classifier.model.weight.tobytes() == run.classifier.model.weight.tobytes()
    other = crossentropy.train(frame, target="kind", id="name", drop=["weight"], seed=1)
    assert other.predictions["id"].to_list() != run.predictions["id"].to_list()


def test_nothing_fitted_depends_on_the_test_rows(run, frame):
    tested = pl.col("name").is_in(run.predictions["id"].to_list())
    # the targets stay, since the split is stratified by them; all else about the test rows is rubbish
    poisoned = frame.with_columns(
        pl.when(tested).then(1e6).otherwise(pl.col("number")).alias("number"),
        pl.when(tested).then(pl.lit("poison")).otherwise(pl.col("level")).alias("level"),
    )
    again = crossentropy.train(poisoned, target="kind", id="name", drop=["weight"])
    assert again.classifier.encoder == run.classifier.encoder
    assert again.classifier.model.weight.tobytes() == run.classifier.model.weight.tobytes()
    assert again.classifier.calibration.temperature == run.classifier.calibration.temperature
    assert again.summary.penalty == run.summary.penalty
    assert again.summary.test.loss.value > run.summary.test.loss.value


def test_the_targets_of_a_test_file_change_nothing_fitted(frame):
    train, test = frame[:300], frame[300:]
    wrong = test.with_columns(pl.col("kind").shuffle(seed=0))
    one, two = (crossentropy.train(train, target="kind", test=t, C=1.0) for t in (test, wrong))
    assert one.classifier.model.weight.tobytes() == two.classifier.model.weight.tobytes()
    assert one.summary.rows_train == 300
    assert two.summary.test.loss.value > one.summary.test.loss.value


def test_every_form_of_the_data_gives_the_same_digits(frame, tmp_path):
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    forms = [
        frame,
        tmp_path / "t.csv",
        str(tmp_path / "t.parquet"),
        frame.lazy(),
        pd.read_csv(tmp_path / "t.csv"),
    ]
    runs = [crossentropy.train(form, target="kind", C=1.0) for form in forms]
    for run in runs[1:]:
        assert run.summary.test == runs[0].summary.test
        assert run.classifier.model.weight.tobytes() == runs[0].classifier.model.weight.tobytes()


def test_arrays_and_images():
    rng = np.random.default_rng(0)
    images = rng.random((120, 4, 5))
    target = (images[:, 1, 2] > 0.5).astype(int)
    run = crossentropy.train(images, target=target)
    flat = crossentropy.train(images.reshape(120, -1), target=target)
    assert run.summary.test == flat.summary.test
    assert np.array(run.summary.worst_rows[0].image).shape == (4, 5)
    assert flat.summary.worst_rows[0].image is None
    assert (
        run.classifier.predict(images[:3]).tolist()
        == flat.classifier.predict(images[:3].reshape(3, -1)).tolist()
    )


def test_class_weights_are_undone():
    frame = mixed_frame(2000).filter(pl.col("kind").ne("cedar") | (pl.int_range(2000) % 8 == 0))
    plain = crossentropy.train(frame, target="kind", C=1.0)
    weighted = crossentropy.train(frame, target="kind", C=1.0, class_weight="balanced")
    frequency = (frame["kind"] == "cedar").mean()
    p = weighted.classifier.predict_proba(frame)[:, 2].mean()
    assert weighted.summary.temperature.corrected
    assert p == pytest.approx(frequency, rel=0.1)
    raw = weighted.classifier.model.logits(
        weighted.classifier.encoder.transform(crossentropy.tables.read_table(frame))
    )
    assert softmax(raw, axis=1)[:, 2].mean() > 2 * frequency
    assert weighted.summary.test.loss.value == pytest.approx(plain.summary.test.loss.value, rel=0.05)


def test_a_weight_of_two_is_two_rows(frame):
    train, test = frame[:300], frame[300:]
    weight = pl.Series("weight", np.arange(300) % 3)
    weighted = train.with_columns(weight)
    repeated = train[np.repeat(np.arange(300), weight.to_numpy())]
    # kinds and scales see rows, not weights: give both the same encoding
    plain = {"target": "kind", "C": 0.5, "test": test}
    one = crossentropy.train(
        weighted.select("flag", "kind", "weight"), weight="weight", **{**plain, "test": test}
    )
    two = crossentropy.train(repeated.select("flag", "kind"), **plain)
    x = pl.DataFrame({"flag": [False, True]})
    got, want = (
        (r.classifier.model.logits(r.classifier.encoder.transform(crossentropy.tables.read_table(x))))
        for r in (one, two)
    )
    # the encoder standardises by rows, so the penalty acts on slightly different units
    np.testing.assert_allclose(softmax(got, axis=1), softmax(want, axis=1), atol=2e-3)
    assert any("rows of weight 0 were left out" in note for note in one.summary.notes)


def test_rows_that_cannot_be_used_are_counted(frame):
    train = frame[:300].with_columns(
        pl.when(pl.int_range(300) < 7).then(None).otherwise(pl.col("kind")).alias("kind")
    )
    test = frame[300:].with_columns(
        pl.when(pl.int_range(100) < 3).then(pl.lit("yew")).otherwise(pl.col("kind")).alias("kind")
    )
    run = crossentropy.train(train, target="kind", test=test, C=1.0)
    assert (run.summary.rows_train, run.summary.rows_test) == (293, 97)
    said = " ".join(run.summary.notes)
    assert "7 rows without a target were left out" in said
    assert "3 rows of classes not seen in training (yew) were left out" in said


def test_rare_classes_are_always_in_training():
    frame = mixed_frame(200).with_columns(
        pl.when(pl.int_range(200) < 1)
        .then(pl.lit("once"))
        .when(pl.int_range(200) < 3)
        .then(pl.lit("twice"))
        .otherwise(pl.col("kind"))
        .alias("kind")
    )
    run = crossentropy.train(frame, target="kind")
    assert run.classifier.classes == ("ash", "beech", "cedar", "once", "twice")
    assert np.isfinite(run.classifier.predict_proba(frame)).all()
    assert "once" not in run.predictions["target"].to_list()


@pytest.mark.parametrize("n", [5, 6, 7, 10])
def test_a_handful_of_rows(n):
    frame = pl.DataFrame({"x": np.arange(n) / 7, "y": ["a", "b"] * (n // 2) + ["a"] * (n % 2)})
    run = crossentropy.train(frame, target="y", test_size=0.4)
    assert np.isfinite(run.summary.test.loss.value)
    assert str(run)


def test_rows_too_few_to_set_any_aside_are_refused():
    with pytest.raises(DataError, match=r"2 rows are too few to set any aside\. Give --test FILE\."):
        crossentropy.train(pl.DataFrame({"x": [0.0, 1.0], "y": ["a", "b"]}), target="y")


def test_one_row_a_class_trains_against_a_test_file():
    train = pl.DataFrame({"x": [0.0, 1.0], "y": ["a", "b"]})
    run = crossentropy.train(train, target="y", test=train.reverse())
    assert run.summary.penalty.C == 1.0
    assert run.classifier.predict(train).tolist() == ["a", "b"]
    assert "no row could be held out" in " ".join(str(run).split())


def test_a_given_C_is_used(frame):
    run = crossentropy.train(frame, target="kind", C=0.01)
    assert run.summary.penalty.C == 0.01
    assert run.summary.penalty.path == ()
    assert run.summary.temperature.loss_before is not None


def test_the_summary_evaluates_calibrated_logits(run, frame):
    tested = frame.filter(pl.col("name").is_in(run.predictions["id"].to_list()))
    logits = run.classifier.logits(tested)
    ids = np.array([run.classifier.classes.index(c) for c in tested["kind"]])
    assert evaluate(logits, ids, classes=run.classifier.classes) == run.summary.test
    raw = run.classifier.model.logits(
        run.classifier.encoder.transform(crossentropy.tables.read_table(tested))
    )
    np.testing.assert_allclose(logits, raw / run.summary.temperature.value)
    assert losses_from_logits(logits, ids).mean() == pytest.approx(run.summary.test.loss.value)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"target": "knd"}, DataError, "Did you mean 'kind'?"),
        ({"target": "kind", "drop": ["wieght"]}, DataError, "Did you mean 'weight'?"),
        ({"target": "kind", "weight": "nothing"}, DataError, "no column 'nothing' (the row weights)"),
        ({"target": "kind", "weight": "level"}, DataError, "is not a number"),
        ({"target": "kind", "weight": "number"}, DataError, "is no weight"),
        ({"target": "kind", "id": "nothing"}, DataError, "no column 'nothing' (the row names)"),
        ({"target": "number"}, TargetError, "looks continuous"),
        ({"target": "kind", "seeds": 1}, ConfigError, "Did you mean 'seed'?"),
        ({"target": "kind", "seed": -1}, ConfigError, "seed = -1 is not valid"),
        ({"target": "kind", "C": 0.0}, ConfigError, "C = 0.0 is not valid"),
        ({"target": "kind", "test_size": 1.5}, ConfigError, "test_size = 1.5 is not valid"),
        ({"target": "kind", "class_weight": "equal"}, ConfigError, "class_weight = 'equal' is not valid"),
        ({"target": "kind", "id": "kind"}, ConfigError, "'kind' is given both as target and as id"),
        ({"target": "kind", "drop": ["name"], "id": "name"}, ConfigError, "both as id and as drop"),
        ({"tarjet": "kind"}, ConfigError, "There is no setting 'tarjet'. Did you mean 'target'?"),
        (
            {"target": "kind", "weight": [1.0] * 400},
            ConfigError,
            "weight = a value of type list is not valid",
        ),
        ({"target": "kind", "test": mixed_frame(9, 1), "test_size": 0.5}, ConfigError, "both given"),
        ({"target": "kind", "test": mixed_frame()}, ConfigError, "is the training table itself"),
        ({"target": "kind", "weight": "remark"}, DataError, "is not a number"),
        ({}, ConfigError, "the target was not given. Name it: --target COLUMN, in Python target='COLUMN'"),
        ({"target": [1, 2]}, DataError, "has 400 rows, but 'target' has 2 values"),
    ],
)
def test_plain_mistakes_are_refused_in_one_line(frame, settings, error, said):
    with pytest.raises(error) as caught:
        crossentropy.train(frame, **settings)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_test_rows_that_equal_training_rows_are_counted(frame):
    train, test = frame[:300], pl.concat([frame[300:], frame[:20]])
    run = crossentropy.train(train, target="kind", test=test, drop=["name", "remark"], C=1.0)
    assert any("20 of 120 test rows (16.7 %) equal a training row" in note for note in run.summary.notes)
    apart = crossentropy.train(train, target="kind", test=frame[300:], drop=["name", "remark"], C=1.0)
    assert not any("equal a training row" in note for note in apart.summary.notes)


def test_that_rows_are_weighted_is_said(frame):
    run = crossentropy.train(frame, target="kind", weight="weight", drop=["name"], C=1.0)
    assert run.summary.test.weighted
    assert "of the weight of 80 test rows" in " ".join(str(run).split())


def test_values_of_another_kind_at_prediction_are_refused_by_name(run, frame):
    dates = frame.with_columns(number=pl.lit("2020-01-01").str.to_date())
    lists = frame.with_columns(number=pl.concat_list("number"))
    levels = frame.with_columns(level=pl.concat_list("level"))
    flags = frame.with_columns(flag=pl.lit("yes"))
    for wrong, said in [
        (dates, "column 'number' holds values of type Date; expected numbers"),
        (lists, r"column 'number' holds values of type List\(Float64\)"),
        (levels, r"column 'level' holds values of type List\(String\); expected categories"),
        (flags, "column 'flag', row 0: 'yes' is not a number. Expected numbers, or true and false"),
    ]:
        with pytest.raises(DataError, match=said):
            run.classifier.predict(wrong)


def test_images_of_another_size_are_refused():
    images = np.random.default_rng(0).random((60, 4, 5))
    run = crossentropy.train(images, target=np.arange(60) % 2)
    with pytest.raises(DataError, match="5x4 pixels; the classifier was trained on 4x5"):
        run.classifier.predict(images.transpose(0, 2, 1))


def test_a_column_that_gives_the_target_away_is_said_first(frame):
    run = crossentropy.train(
        frame.with_columns(code="k" + pl.col("kind")), target="kind", drop=["name"], C=1.0
    )
    assert "'code' alone gives the target away" in run.summary.notes[0]
    assert "--drop code" in run.summary.advice[0]
    assert len(run.summary.advice) <= 4


def test_dates_lists_and_text_are_learned_from():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 600)
    tags = [["x", "y"] if k == 0 else ["z"] for k in y]
    day = [datetime.date(2024, 2 if k == 1 else 1, 1 + i % 28) for i, k in enumerate(y)]
    words = [f"{'apple' if k == 2 else 'pear'} number {i}" for i, k in enumerate(y)]
    for column in ({"tags": tags, "n": rng.normal(size=600)}, {"day": day}, {"words": words}):
        run = crossentropy.train(pl.DataFrame({**column, "y": y}), target="y")
        assert run.summary.test.skill > 0.4
        assert all(c.used for c in run.summary.columns)
        cells = run.summary.worst_rows[0].cells
        assert all("shape" not in cell for cell in cells.values())
