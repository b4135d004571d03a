"""Every setting reaches every step that it is about: the weights, the seed, C, the columns, the test file."""

import errno
import json
import os

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

import crossentropy
from crossentropy.errors import ConfigError, DataError, OutputError
from crossentropy.evaluation import evaluate
from crossentropy.experiment import evaluate_run, make_config, predict_run, read_config
from crossentropy.report import advise
from crossentropy.tables import read_table

from .conftest import mixed_frame


def ids_of(run, column):
    return np.array([run.classifier.classes.index(c) for c in column])


def raw_logits(run, frame):
    return run.classifier.model.logits(run.classifier.encoder.transform(read_table(frame)))


def muddied(frame):
    """The rows, and each of them twice more under another class, with next to no weight."""
    classes = ["ash", "beech", "cedar"]
    wrong = [
        frame.with_columns(
            pl.col("kind").replace_strict(classes, classes[k:] + classes[:k]), weight=pl.lit(1e-9)
        )
        for k in (1, 2)
    ]
    return pl.concat([frame.with_columns(weight=pl.lit(1.0)), *wrong])


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_rows_of_next_to_no_weight_change_next_to_nothing(class_weight):
    frame = mixed_frame(1200).filter(pl.col("kind").ne("cedar") | (pl.int_range(1200) % 4 == 0))
    frame = frame.drop("name", "remark")
    n = frame.height * 3 // 4
    settings = {"target": "kind", "weight": "weight", "class_weight": class_weight, "C": 1.0}
    clean = crossentropy.train(
        frame[:n].with_columns(weight=pl.lit(1.0)),
        test=frame[n:].with_columns(weight=pl.lit(1.0)),
        **settings,
    )
    run = crossentropy.train(muddied(frame[:n]), test=muddied(frame[n:]), **settings)
    assert run.summary.rows_train == 3 * n
    np.testing.assert_allclose(
        raw_logits(run, frame) + run.classifier.calibration.shift,
        raw_logits(clean, frame) + clean.classifier.calibration.shift,
        atol=0.01,
    )
    np.testing.assert_allclose(
        run.classifier.calibration.shift, clean.classifier.calibration.shift, atol=1e-6
    )
    assert run.summary.temperature.loss_before == pytest.approx(
        clean.summary.temperature.loss_before, rel=0.05
    )
    assert run.summary.temperature.loss_after == pytest.approx(clean.summary.temperature.loss_after, rel=0.05)
    assert run.summary.test.loss.value == pytest.approx(clean.summary.test.loss.value, rel=0.05)
    assert run.summary.test.accuracy.value == pytest.approx(clean.summary.test.accuracy.value, rel=0.05)


def test_the_figures_are_weighted_in_the_run_and_in_a_later_evaluation(frame, tmp_path):
    run = crossentropy.train(frame[:300], target="kind", weight="weight", test=frame[300:], C=1.0)
    want = evaluate(
        run.classifier.logits(frame[300:]),
        ids_of(run, frame["kind"][300:]),
        classes=run.classifier.classes,
        sample_weight=frame["weight"][300:].to_numpy(),
    )
    assert run.summary.test == want
    assert evaluate_run(run.save(tmp_path / "run"), frame[300:])[0] == want


def test_class_weights_leave_the_held_out_loss_as_it_was():
    frame = mixed_frame(1500).filter(pl.col("kind").ne("cedar") | (pl.int_range(1500) % 8 == 0))
    plain, weighted = (
        crossentropy.train(frame, target="kind", C=1.0, class_weight=w) for w in (None, "balanced")
    )
    # were the weights missing in the folds, or not undone there, this loss would be that of another prior
    assert weighted.summary.temperature.loss_before == pytest.approx(
        plain.summary.temperature.loss_before, rel=0.03
    )
    counts = np.bincount(ids_of(plain, frame["kind"]))
    # the rows at hand are the training rows and a fifth more, in equal parts
    np.testing.assert_allclose(
        weighted.classifier.calibration.shift, np.log(3 * counts / counts.sum()), atol=0.05
    )


def overfitted(n=150, d=30):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    y = np.where(x[:, 0] + rng.normal(size=n) > 0, "yes", "no")
    return pl.DataFrame({**{f"x{j}": x[:, j] for j in range(d)}, "y": y})


def test_the_temperature_of_the_summary_is_the_one_that_predicts(tmp_path):
    frame = overfitted()
    run = crossentropy.train(frame, target="y", C=1e4)
    temperature = run.summary.temperature
    assert temperature.value > 1.5
    assert temperature.loss_after < temperature.loss_before
    p = softmax(raw_logits(run, frame) / temperature.value, axis=1)
    np.testing.assert_allclose(run.classifier.predict_proba(frame), p)
    again = crossentropy.Classifier.load(run.save(tmp_path / "run") / "model")
    np.testing.assert_array_equal(again.predict_proba(frame), run.classifier.predict_proba(frame))


@pytest.mark.parametrize("C", [None, 0.02])
@pytest.mark.parametrize("target", ["kind", "flag"])
def test_the_model_is_the_minimum_at_the_C_that_the_summary_names(frame, C, target):
    run = crossentropy.train(frame[:300], target=target, test=frame[300:], C=C, drop=["weight"])
    theirs = LogisticRegression(C=run.summary.penalty.C, tol=1e-10, max_iter=10_000)
    features = run.classifier.encoder.transform(read_table(frame[:300])).toarray().astype(np.float64)
    theirs.fit(features, ids_of(run, frame[target][:300]))
    np.testing.assert_allclose(
        softmax(raw_logits(run, frame), axis=1),
        theirs.predict_proba(
            run.classifier.encoder.transform(read_table(frame)).toarray().astype(np.float64)
        ),
        atol=2e-3,
    )


def test_a_given_C_is_used_where_no_row_can_be_held_out():
    train = pl.DataFrame({"x": [0.0, 1.0], "y": ["a", "b"]})
    run = crossentropy.train(train, target="y", test=train.reverse(), C=0.25)
    assert run.summary.penalty.C == 0.25


def test_the_seed_deals_the_folds(frame):
    def losses(seed):
        run = crossentropy.train(frame[:300], target="kind", test=frame[300:], seed=seed)
        assert run.summary.seed == seed
        return [p.loss for p in run.summary.penalty.path], run.summary.temperature.loss_before

    first = losses(0)
    assert losses(0) == first
    assert losses(1) != first


def test_the_test_size_is_the_fraction_of_rows_and_the_report_says_so(frame):
    run = crossentropy.train(frame, target="kind", test_size=0.4, seed=5, C=1.0)
    assert run.summary.rows_test == pytest.approx(160, abs=3)
    assert run.summary.split == "40 % of the rows, stratified by class"


@pytest.mark.parametrize("part", [{"weight": "number"}, {"id": "number"}, {"drop": ["number"]}])
def test_a_column_with_another_part_is_no_feature(part):
    frame = mixed_frame().with_columns(pl.col("number").fill_null(0).abs() + 0.1)
    run = crossentropy.train(frame, target="kind", C=1.0, **part)
    assert [c.name for c in run.classifier.encoder.codes] == ["level", "flag", "remark", "weight"]
    run.classifier.predict(frame.drop("number"))


def test_kinds_of_columns_are_those_of_the_training_rows(run, frame):
    tested = pl.col("name").is_in(run.predictions["id"].to_list())
    constant = frame.with_columns(flag=pl.col("flag") & tested)
    again = crossentropy.train(constant, target="kind", id="name", drop=["weight"])
    notes = {c.name: c for c in again.summary.columns}
    assert (notes["flag"].kind, notes["flag"].used) == ("constant", False)
    assert notes["number"].missing == frame.filter(~tested)["number"].null_count()


def test_rows_without_an_id_are_named_by_their_place_in_the_table(frame, tmp_path):
    # every third row has no target, so that place in the table and place among the rows used differ
    gaps = frame.with_columns(
        pl.when(pl.int_range(400) % 3 == 0).then(None).otherwise("kind").alias("kind"),
        pl.when(pl.int_range(400) % 7 == 0).then(0.0).otherwise("weight").alias("weight"),
    )
    run = crossentropy.train(gaps, target="kind", weight="weight", C=1.0)
    at = run.predictions["id"].to_list()
    assert gaps[at]["kind"].to_list() == run.predictions["target"].to_list()
    p = run.predictions.select(r"^p_.*$").to_numpy()
    assert np.array_equal(run.classifier.predict_proba(gaps[at]), p)
    for worst in run.summary.worst_rows:
        assert gaps["kind"][int(worst.id)] == worst.target
    got, _ = predict_run(run.save(tmp_path / "run"), frame)
    assert got["id"].to_list() == list(range(400))


def test_a_worst_row_says_what_the_table_and_the_predictions_say(run, frame):
    rows = {r["id"]: r for r in run.predictions.to_dicts()}
    cells = {r["name"]: r for r in frame.to_dicts()}
    assert len(run.summary.worst_rows) == 12
    assert any(w.label != w.target for w in run.summary.worst_rows)
    for worst in run.summary.worst_rows:
        row = rows[worst.id]
        assert (worst.target, worst.label) == (row["target"], row["label"])
        assert worst.p_target == row[f"p_{worst.target}"]
        assert worst.p_label == row[f"p_{worst.label}"] >= worst.p_target
        cell = cells[worst.id]
        assert worst.cells["level"] == (cell["level"] or "")
        assert worst.cells["flag"] == str(cell["flag"])
        number = cell["number"]
        assert (
            worst.cells["number"] == ""
            if number is None
            else float(worst.cells["number"]) == pytest.approx(number, rel=1e-5)
        )


def test_a_long_cell_is_cut(frame):
    long = frame.with_columns(level=pl.concat_str(pl.col("level").fill_null("none"), pl.lit("-" * 1000)))
    run = crossentropy.train(long, target="kind", C=1.0)
    assert all(
        len(w.cells["level"]) <= 200 and w.cells["level"].endswith("…") for w in run.summary.worst_rows
    )


def test_a_worst_image_is_that_row_in_grey():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(80, 3, 5)).astype(float)
    images[::4, 0, 0] = np.nan
    run = crossentropy.train(images, target=np.arange(80) % 2, C=1.0)
    for worst in run.summary.worst_rows:
        want = np.nan_to_num(images[int(worst.id)] / 255)
        np.testing.assert_allclose(worst.image, want, atol=1e-2)
        assert worst.cells == {}


@pytest.mark.parametrize("names", [(0, 3), (False, True), ("no", "yes")])
def test_labels_keep_the_type_of_the_target_in_every_table(frame, tmp_path, names):
    named = frame.with_columns(pl.Series("flag", [names[v] for v in frame["flag"]]))
    run = crossentropy.train(named, target="flag", C=1.0, drop=["name"])
    dtype = named["flag"].dtype
    assert run.predictions.schema["target"] == run.predictions.schema["label"] == dtype
    assert run.predictions.columns[3:5] == [f"p_{n}" for n in names]
    got, _ = predict_run(run.save(tmp_path / "run"), named)
    assert got.schema["label"] == dtype
    assert got["label"].to_list() == run.classifier.predict(named).tolist()


EVERY = {
    "data": "trees.csv",
    "target": "kind",
    "test": "later.csv",
    "test_size": 0.2,
    "C": 0.1 + 0.2,
    "weight": "weight",
    "class_weight": "balanced",
    "drop": ["remark", "number"],
    "id": "name",
    "show_rows": False,
    "group": "flag",
    "time": None,
    "group_duplicates": True,
    "costs": [[0, 1, 5], [2, 0, 1.5], [3, 1, 0]],
    "positive": None,
    "repeats": 0,
    "model": "linear",
    "time_limit": None,
    "seed": 2**32 - 1,
    "separator": ",",
    "decimal": ".",
    "quote": '"',
    "encoding": "utf-8",
    "header": True,
    "kinds": {"level": "category"},
}


def test_config_json_holds_every_setting(frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame[:300].write_csv("trees.csv")
    frame[300:].write_csv("later.csv")
    settings = {k: v for k, v in EVERY.items() if k not in ("data", "test", "test_size")}
    run = crossentropy.train("trees.csv", test="later.csv", **settings)
    assert run.config == make_config(**EVERY)
    folder = run.save("run")
    assert json.loads((folder / "config.json").read_text()) == EVERY
    assert read_config(folder / "config.json") == run.config
    again = crossentropy.train(config=read_config(folder / "config.json"))
    assert again.summary == run.summary
    assert again.summary.rows_test == 100
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["data_sha256"] == read_table("trees.csv").digest
    assert environment["test_sha256"] == read_table("later.csv").digest
    assert environment["packages"].keys() >= {"numpy", "polars", "scikit-learn"}


def test_the_advice_is_that_of_the_figures(run):
    assert run.summary.advice == advise(run.summary.model_copy(update={"advice": ()}))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"seed": 2**32}, "seed = 4294967296 is not valid"),
        ({"seed": 1.0}, "seed = 1.0 is not valid"),
        ({"seed": "1"}, "seed = '1' is not valid"),
        ({"C": float("inf")}, "C = inf is not valid"),
        ({"C": float("nan")}, "C = nan is not valid"),
        ({"test_size": 0.0}, "test_size = 0.0 is not valid"),
        ({"test_size": 1.0}, "test_size = 1.0 is not valid"),
        ({"weight": "kind"}, "'kind' is given both as target and as weight"),
        ({"weight": "a", "id": "a"}, "'a' is given both as weight and as id"),
        ({"drop": ["kind"]}, "'kind' is given both as target and as drop"),
    ],
)
def test_settings_out_of_range_or_in_conflict_are_refused(tmp_path, settings, said):
    with pytest.raises(ConfigError) as caught:
        make_config(target="kind", **settings)
    assert said in str(caught.value)
    (tmp_path / "c.json").write_text(json.dumps({"target": "kind", **settings}))
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "c.json")
    assert said in str(caught.value)
    assert str(tmp_path / "c.json") in str(caught.value)


@pytest.mark.parametrize("bad", [-0.5, float("inf"), float("nan"), None])
def test_a_weight_that_is_none_is_refused_by_row_and_value(frame, bad):
    weights = [1.0] * 7 + [bad] + [1.0] * 391 + [-2.0]
    with pytest.raises(DataError) as caught:
        crossentropy.train(frame.with_columns(weight=pl.Series(weights)), target="kind", weight="weight")
    assert f"column 'weight', row 7: {bad!r} is no weight" in str(caught.value)


def test_a_class_of_weight_zero_is_no_class(frame):
    weightless = frame.with_columns(weight=pl.when(pl.col("kind") == "cedar").then(0.0).otherwise("weight"))
    run = crossentropy.train(weightless, target="kind", weight="weight", C=1.0)
    assert run.classifier.classes == ("ash", "beech")
    assert run.summary.rows_train + run.summary.rows_test == (frame["kind"] != "cedar").sum()


def test_a_test_table_is_read_with_the_classes_of_the_training_rows(frame, tmp_path):
    two = frame[300:].filter(pl.col("kind") != "ash")
    run = crossentropy.train(frame[:300], target="kind", test=two, C=1.0)
    assert run.summary.test.by_class[0].rows == 0
    assert run.summary.test.by_class[2].rows == (two["kind"] == "cedar").sum()
    evaluation, _ = evaluate_run(run.save(tmp_path / "run"), two)
    assert evaluation == run.summary.test
    unknown = two.with_columns(kind=pl.when(pl.int_range(pl.len()) < 4).then(None).otherwise(pl.lit("yew")))
    with pytest.raises(DataError, match="no row has a target among the classes"):
        evaluate_run(tmp_path / "run", unknown)
    some = pl.concat([unknown, two])
    _, notes = evaluate_run(tmp_path / "run", some)
    assert "4 rows without a target" in notes[0]
    assert f"{unknown.height - 4} rows of classes not seen in training (yew)" in notes[1]
    _, notes = evaluate_run(tmp_path / "run", pl.concat([unknown[3:5], two]))
    assert [note.partition(": ")[2] for note in notes] == [
        "1 row without a target was left out.",
        "1 row of classes not seen in training (yew) was left out.",
    ]


def test_a_disk_that_fails_keeps_the_old_run_and_leaves_no_scraps(run, frame, tmp_path, monkeypatch):
    folder = run.save(tmp_path / "runs" / "one")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    other = crossentropy.train(frame, target="kind", id="name", C=0.1)

    def full(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="cannot be written"):
        other.save(folder, force=True)
    assert [p.name for p in folder.parent.iterdir()] == ["one"]
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_link_and_half_a_run_are_no_run(run, tmp_path):
    folder = run.save(tmp_path / "run")
    (tmp_path / "link").symlink_to(folder)
    for missing in ("metrics.json", "config.json"):
        half = run.save(tmp_path / f"without {missing}")
        (half / missing).unlink()
    for name in ("link", "without metrics.json", "without config.json"):
        before = sorted((tmp_path / name).iterdir())
        with pytest.raises(OutputError, match="exists and is no"):
            run.save(tmp_path / name, force=True)
        assert sorted((tmp_path / name).iterdir()) == before
    assert (tmp_path / "link").is_symlink()
