"""The run folder: all of it or nothing, and what it holds is what the run was."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import crossentropy
from crossentropy.errors import BundleError, ConfigError, OutputError
from crossentropy.experiment import (
    evaluate_run,
    load_classifier,
    predict_run,
    read_config,
    read_summary,
    write_report,
)
from crossentropy.report import to_markdown

FILES = {
    "config.json",
    "model",
    "metrics.json",
    "predictions.parquet",
    "out_of_fold.parquet",
    "log.jsonl",
    "report.html",
    "report.md",
    "environment.json",
}


@pytest.fixture
def folder(run, tmp_path):
    return run.save(tmp_path / "runs" / "one")


def test_the_folder_holds_the_run(run, frame, folder):
    assert {p.name for p in folder.iterdir()} == FILES
    assert read_summary(folder) == run.summary
    assert read_config(folder / "config.json") == run.config
    assert pl.read_parquet(folder / "predictions.parquet").equals(run.predictions)
    assert [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()] == [
        dict(r) for r in run.log
    ]
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["data_sha256"] == crossentropy.tables.read_table(frame).digest


def test_a_reloaded_classifier_predicts_the_same_bits(run, frame, folder):
    again = load_classifier(folder)
    assert again.predict_proba(frame).tobytes() == run.classifier.predict_proba(frame).tobytes()
    assert again.predict(frame).tolist() == run.classifier.predict(frame).tolist()
    assert again.decision_function(frame).tobytes() == run.classifier.decision_function(frame).tobytes()
    assert again.classes == run.classifier.classes


def test_the_metrics_file_holds_the_worst_rows_the_suspected_ones_and_no_others(run, frame, folder):
    text = (
        (folder / "metrics.json").read_text()
        + (folder / "report.html").read_text()
        + (folder / "report.md").read_text()
    )
    worst = {w.id for w in (*run.summary.worst_rows, *run.summary.labels.listed)}
    for name in frame["name"]:
        assert (f'"{name}"' in text or f">{name}<" in text) <= (name in worst), name


def test_config_json_repeats_the_run_to_the_same_digits(frame, tmp_path):
    frame.write_csv(tmp_path / "t.csv")
    first = crossentropy.train(tmp_path / "t.csv", target="kind", drop=["name"], weight="weight", seed=3)
    folder = first.save(tmp_path / "run")
    second = crossentropy.train(config=read_config(folder / "config.json"))
    assert second.save(tmp_path / "again").is_dir()
    for name in (
        "metrics.json",
        "predictions.parquet",
        "out_of_fold.parquet",
        "config.json",
        "report.html",
        "report.md",
        "log.jsonl",
    ):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name
    assert {p.name for p in (folder / "model").iterdir()} == {
        p.name for p in (tmp_path / "again" / "model").iterdir()
    }


def test_a_config_in_memory_needs_its_data_again(run, frame):
    with pytest.raises(ConfigError, match="the run was made in memory"):
        crossentropy.train(config=run.config)
    assert crossentropy.train(frame, config=run.config).summary == run.summary
    with pytest.raises(ConfigError, match="not both"):
        crossentropy.train(frame, config=run.config, seed=1)


def test_an_existing_run_is_kept_unless_forced(run, folder):
    before = (folder / "metrics.json").stat().st_mtime_ns
    with pytest.raises(OutputError, match=r"exists already\..*--force, in Python force=True"):
        run.save(folder)
    assert (folder / "metrics.json").stat().st_mtime_ns == before
    run.save(folder, force=True)
    assert {p.name for p in folder.iterdir()} == FILES
    assert [p.name for p in folder.parent.iterdir()] == ["one"]


def test_what_is_no_run_is_never_replaced(run, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("photos", "file"):
        with pytest.raises(OutputError, match="exists and is no"):
            run.save(tmp_path / name, force=True)
    assert (tmp_path / "photos" / "a.jpg").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert run.save(tmp_path / "empty") == tmp_path / "empty"


WRITER = """
import sys
import polars as pl
import crossentropy
frame = pl.read_parquet(sys.argv[1])
runs = [crossentropy.train(frame, target="kind", id="name", C=C) for C in (0.1, 1.0)]
print("ready", flush=True)
while True:
    for run in runs:
        run.save(sys.argv[2], force=True)
"""


def kill_while_saving(frame, folder, times, number):
    """Kill a process that saves one run over another; either is whole, and only SIGKILL leaves its scraps behind."""
    frame.write_parquet(folder.parent / "t.parquet")
    rng = np.random.default_rng(0)
    for _ in range(times):
        arguments = [sys.executable, "-c", WRITER, str(folder.parent / "t.parquet"), str(folder)]
        writer = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(5):
            time.sleep(rng.uniform(0, 0.3))
            summary = read_summary(folder)
        while writer.poll() is None:
            # Python swallows what is raised inside of a destructor; whoever sees it go on sends another
            writer.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                writer.wait(20)
        writer.stdout.close()
        summary = read_summary(folder)
        assert {p.name for p in folder.iterdir()} == FILES
        assert load_classifier(folder).predict_proba(frame).shape == (400, 3)
        assert read_config(folder / "config.json").C in (None, summary.penalty.C)
        if number != signal.SIGKILL:
            assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_while_saving_the_old_or_the_new_run_is_whole(frame, folder, number):
    kill_while_saving(frame, folder, 2, number)


@pytest.mark.deep
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_while_saving_many_times(frame, folder, number):
    kill_while_saving(frame, folder, 50, number)


def test_evaluate_gives_the_figures_of_the_test_rows(run, frame, folder):
    tested = frame.filter(pl.col("name").is_in(run.predictions["id"].to_list()))
    evaluation, notes = evaluate_run(folder, tested)
    assert evaluation == run.summary.test
    assert notes == ()
    _, notes = evaluate_run(folder, tested.with_columns(pl.lit("yew").alias("kind")).vstack(tested))
    assert "classes not seen in training (yew)" in notes[0]


def test_predict_needs_no_target(run, frame, folder):
    got, notes = predict_run(folder, frame.drop("kind", "weight"))
    assert notes == ()
    assert got.columns == ["id", "label", "p_ash", "p_beech", "p_cedar"]
    assert got["id"].to_list() == frame["name"].to_list()
    assert (
        got.drop("id", "label").to_numpy().tobytes(order="C") == run.classifier.predict_proba(frame).tobytes()
    )


def test_the_report_is_written_anew_from_the_figures_alone(run, folder):
    before = (folder / "report.html").read_bytes(), (folder / "report.md").read_bytes()
    shutil.rmtree(folder / "model")
    for name in ("report.html", "report.md", "predictions.parquet"):
        (folder / name).unlink()
    write_report(read_summary(folder), folder)
    assert ((folder / "report.html").read_bytes(), (folder / "report.md").read_bytes()) == before


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["ash", "beech"]},
        {"classes": ["ash", "beech", "beech"]},
        {"classes": ["ash", "beech", 1.5]},
        {"temperature": 0.0},
        {"temperature": "1"},
        {"kind": "magic"},
        {"target": None, "classes": None},
    ],
)
def test_a_changed_model_file_is_refused(folder, change):
    path = folder / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BundleError):
        load_classifier(folder)


def test_what_is_no_run_folder_is_refused(tmp_path, folder):
    with pytest.raises(BundleError, match="no run folder"):
        load_classifier(tmp_path)
    with pytest.raises(BundleError, match="Expected the folder of a run"):
        read_summary(tmp_path)
    (folder / "metrics.json").write_text('{"format": 2}')
    with pytest.raises(BundleError, match="not the figures of a run"):
        read_summary(folder)
    for content, said in [
        ("[]", "object"),
        ("{", "not JSON"),
        ('{"target": "a", "sed": 1}', "Did you mean 'seed'"),
    ]:
        (folder / "config.json").write_text(content)
        with pytest.raises(ConfigError, match=said):
            read_config(folder / "config.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(Path("nowhere.json"))


def test_a_run_folder_is_loaded_in_python_too(run, frame, folder):
    again = crossentropy.Classifier.load(folder)
    assert again.predict_proba(frame).tobytes() == run.classifier.predict_proba(frame).tobytes()


def test_a_place_without_permission_is_refused_before_the_work(tmp_path):
    """As a user whom permissions bind: root is not."""
    (tmp_path / "closed").mkdir(mode=0o555)
    code = (
        "import os, sys\n"
        "from crossentropy.errors import OutputError\n"
        "from crossentropy.experiment import check_output\n"
        "os.setuid(65534)\n"
        "try:\n    check_output(sys.argv[1], force=True)\nexcept OutputError as error:\n    print(error)\n"
    )
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(0o755)
    for name in ("closed", "closed/deep/run"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True
        )
        assert "cannot be written (no permission in" in done.stdout, done.stderr


def test_a_classifier_and_a_run_are_shown_in_a_line(run):
    assert repr(run.classifier).startswith("<Classifier of 'kind': 3 classes, ")
    assert len(repr(run.classifier)) < 100
    assert repr(run).startswith("<Run on 'kind' in ")
    assert f"loss {run.summary.test.loss.value:.3g} nats" in repr(run)
    assert len(repr(run)) < 200


def test_a_run_and_its_summary_show_themselves_in_a_notebook(run):
    assert run._repr_markdown_() == run.summary._repr_markdown_() == to_markdown(run.summary)
