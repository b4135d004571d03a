"""What is said of training rows is out of sample, and no row is shown where none may be."""

import json
import re

import numpy as np
import polars as pl
import pytest

import crossentropy
from crossentropy.evaluation import losses_from_logits
from tests.cli.command import call


def test_out_of_fold_predictions_are_those_of_the_training_rows(run, frame):
    table = run.out_of_fold
    assert set(table["id"]) | set(run.predictions["id"]) == set(frame["name"])
    assert not set(table["id"]) & set(run.predictions["id"])
    assert table.columns == [*run.predictions.columns, "suggested"]
    known = dict(zip(frame["name"], frame["kind"], strict=True))
    assert table["target"].to_list() == [known[name] for name in table["id"]]
    p = table.select(pl.col("^p_.*$")).to_numpy()
    assert p.sum(axis=1) == pytest.approx(1)
    ids = np.searchsorted(run.classifier.classes, table["target"])
    assert table["loss_nats"].to_numpy() == pytest.approx(losses_from_logits(np.log(p), ids))
    # the path was chosen by these very losses; the temperature is said beside them
    assert table["loss_nats"].mean() == pytest.approx(run.summary.temperature.loss_after, rel=1e-6)


def test_they_do_not_know_their_own_rows():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{j}": rng.normal(size=200) for j in range(80)})
    frame = frame.with_columns(y=pl.Series(rng.integers(0, 2, 200).astype(str)))
    run = crossentropy.train(frame, target="y", C=100.0)
    known = run.classifier.predict(frame[run.out_of_fold["id"].to_list()])
    inside = (known == run.out_of_fold["target"].to_numpy()).mean()
    outside = (run.out_of_fold["label"] == run.out_of_fold["target"]).mean()
    assert outside < 0.62 < 0.85 < inside


def test_flipped_labels_of_a_table_are_named():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    target = np.array(["far", "near"])[(np.hypot(*x.T) < 0.2).astype(int)]
    clear = np.where(x[:, 0] > 0, "east", "west")
    wrong = rng.random(600) < 0.05
    given = np.where(wrong, np.where(clear == "east", "west", "east"), clear)
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": target, "side": given})
    run = crossentropy.train(table, target="side")
    found = run.out_of_fold.filter(pl.col("suggested").is_not_null())
    labels = run.summary.labels
    assert labels.found == len(found)
    assert wrong[found["id"].to_numpy()].mean() > 0.8
    assert found.filter(pl.col("suggested") == pl.col("target")).is_empty()
    assert [row.id for row in labels.listed] == [
        str(i) for i in found.sort(by="loss_nats", descending=True)["id"]
    ][: len(labels.listed)]


def test_without_rows_no_row_is_shown(tmp_path, frame):
    frame.with_columns(secret=pl.Series(range(len(frame))) + 90_000.5).write_parquet(tmp_path / "t.parquet")
    code, out, _ = call("train", "t.parquet", "--target", "kind", "--id", "name", "--no-rows", cwd=tmp_path)
    assert code == 0
    folder = tmp_path / "runs" / "t"
    told = [out, *((folder / f).read_text() for f in ("report.html", "report.md", "metrics.json"))]
    for text in told:
        assert "row-" not in text
        assert not re.search(r"90[,]?\d\d\d\.5", text)
    assert json.loads((folder / "config.json").read_text())["show_rows"] is False
    metrics = json.loads(told[-1])
    assert metrics["worst_rows"] == []
    assert metrics["labels"]["listed"] == []


def test_a_report_can_be_written_again_without_rows(tmp_path, run):
    run.save(tmp_path / "run")
    assert "row-" in (tmp_path / "run" / "report.html").read_text()
    before = (tmp_path / "run" / "metrics.json").read_bytes()
    code, out, _ = call("report", "run", "--no-rows", cwd=tmp_path)
    assert code == 0
    for text in (out, *((tmp_path / "run" / f).read_text() for f in ("report.html", "report.md"))):
        assert "row-" not in text
    assert (tmp_path / "run" / "metrics.json").read_bytes() == before
