"""The command as a person runs it: in a process of its own, with real files."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.experiment.conftest import mixed_frame


def crossentropy(*arguments, cwd, **options):
    return subprocess.run(
        [sys.executable, "-m", "crossentropy", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table and a run over it."""
    folder = tmp_path_factory.mktemp("place")
    frame = mixed_frame()
    frame[:300].write_csv(folder / "trees.csv")
    frame[300:].write_csv(folder / "later.csv")
    frame[300:].drop("kind").write_parquet(folder / "new.parquet")
    done = crossentropy(
        "train", "trees.csv", "--target", "kind", "--drop", "weight", "--id", "name", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    (folder / "progress.txt").write_text(done.stderr)
    return folder


def test_train_prints_the_summary_and_says_where_the_page_is(place):
    said = (place / "said.txt").read_text()
    assert said.rstrip().endswith("Report: runs/trees/report.html")
    assert (place / "runs/trees/report.html").is_file()
    metrics = json.loads((place / "runs/trees/metrics.json").read_text())
    assert f"{metrics['test']['loss']['value']:.3g}" in said
    assert max(map(len, said.splitlines())) <= 80
    progress = (place / "progress.txt").read_text().splitlines()
    assert progress[0].startswith("Read 300 rows of 7 columns from trees.csv")
    assert len(progress) == 6


def test_json_goes_to_standard_output_alone(place):
    done = crossentropy(
        "train", "trees.csv", "--target", "kind", "--out", "runs/j", "--C", "1", "--json", cwd=place
    )
    assert json.loads(done.stdout) == json.loads((place / "runs/j/metrics.json").read_text())
    assert [*map(json.loads, done.stderr.splitlines())][-1] == {"done": "Report: runs/j/report.html"}


def test_config_repeats_a_run(place):
    done = crossentropy("train", "--config", "runs/trees/config.json", "--out", "runs/again", cwd=place)
    assert done.returncode == 0, done.stderr
    assert (place / "runs/again/metrics.json").read_bytes() == (
        place / "runs/trees/metrics.json"
    ).read_bytes()


def test_evaluate(place):
    done = crossentropy("evaluate", "runs/trees", "later.csv", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "about “kind”" in " ".join(done.stdout.split())
    figures = json.loads(crossentropy("evaluate", "runs/trees", "later.csv", "--json", cwd=place).stdout)
    assert figures["rows"] == 100
    assert f"{figures['loss']['value']:.3g}" in done.stdout


def test_predict_writes_csv_and_parquet_and_standard_output(place):
    for name in ("p.csv", "p.parquet"):
        done = crossentropy("predict", "runs/trees", "new.parquet", "--out", name, cwd=place)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
    printed = crossentropy("predict", "runs/trees", "new.parquet", cwd=place).stdout
    assert printed == (place / "p.csv").read_text()
    frame = pl.read_parquet(place / "p.parquet")
    assert frame.columns == ["id", "label", "p_ash", "p_beech", "p_cedar"]
    assert frame.equals(pl.read_csv(place / "p.csv"))


def test_report_is_written_anew(place):
    page = place / "runs/trees/report.html"
    before = page.read_bytes()
    page.unlink()
    done = crossentropy("report", "runs/trees", cwd=place)
    assert done.returncode == 0, done.stderr
    assert page.read_bytes() == before
    assert done.stdout.startswith((place / "said.txt").read_text().splitlines()[0])


MISTAKES = {
    "no target": (["train", "trees.csv", "--out", "o"], "the target was not given"),
    "unreadable": (["train", "bad.parquet", "--target", "kind"], "cannot be read as Parquet"),
    "a folder": (["train", "runs", "--target", "kind"], "the folder holds no tables"),
    "no data": (["train"], "Missing argument 'DATA'"),
    "no command": (["trian"], "Did you mean 'train'?"),
    "no option": (["train", "trees.csv", "--targt", "kind"], "--target"),
    "config and option": (
        ["train", "--config", "runs/trees/config.json", "--seed", "1"],
        "--config and --seed",
    ),
    "no config": (["train", "--config", "nowhere.json"], "nowhere.json: cannot be read"),
    "no run": (["evaluate", "runs/nothing", "later.csv"], "no run folder"),
    "no column at evaluation": (
        ["evaluate", "runs/trees", "new.parquet"],
        "can be predicted: `crossentropy predict`",
    ),
    "predictions exist": (
        ["predict", "runs/trees", "new.parquet", "--out", "one.csv"],
        "one.csv: exists already",
    ),
    "predictions as": (
        ["predict", "runs/trees", "new.parquet", "--out", "p.xlsx"],
        "'.xlsx' is not written here",
    ),
    "no report": (["report", "runs"], "Expected the folder of a run"),
    "not a number": (["train", "trees.csv", "--target", "kind", "--C", "much"], "'much'"),
    "out of range": (
        ["train", "trees.csv", "--target", "kind", "--test-size", "2", "--out", "o"],
        "test_size = 2.0",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_plain_mistake_is_one_line_and_exit_2(place, name):
    arguments, said = MISTAKES[name]
    (place / "one.csv").write_text("name,kind\na,ash\nb,ash\n")
    (place / "bad.parquet").write_bytes(b"nothing")
    before = {p: p.stat().st_mtime_ns for p in place.rglob("*")}
    done = crossentropy(*arguments, cwd=place)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert {p: p.stat().st_mtime_ns for p in place.rglob("*")} == before


def test_debug_shows_where_an_error_came_from(place):
    done = crossentropy("train", "tres.csv", "--target", "kind", "--debug", cwd=place)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_force_replaces_a_run_and_only_a_run(place):
    arguments = ["train", "trees.csv", "--target", "kind", "--C", "1", "--out", "runs/forced", "--force"]
    for _ in range(2):
        assert crossentropy(*arguments, cwd=place).returncode == 0
    (place / "kept").mkdir(exist_ok=True)
    (place / "kept" / "mine.txt").write_text("mine")
    done = crossentropy("train", "trees.csv", "--target", "kind", "--out", "kept", "--force", cwd=place)
    assert done.returncode == 2
    assert (place / "kept" / "mine.txt").read_text() == "mine"
    assert not list((place / "runs").glob(".*"))


def test_a_closed_pipe_is_no_error(place):
    done = subprocess.run(
        f"{sys.executable} -m crossentropy predict runs/trees new.parquet | head -1",
        shell=True,
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("id,label")
    assert done.stderr == ""


def test_help_of_every_command_answers(tmp_path):
    for verb in ("train", "evaluate", "predict", "report"):
        done = crossentropy(verb, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith(f"Usage: crossentropy {verb}")
    assert crossentropy("--version", cwd=tmp_path).stdout.startswith("crossentropy, version ")
    assert not list(Path(tmp_path).iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, number, code):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(60_000, 30))).with_columns(
        target=pl.Series(rng.integers(0, 30, 60_000))
    )
    frame.write_parquet(tmp_path / "t.parquet")
    arguments = [sys.executable, "-m", "crossentropy", "train", "t.parquet", "--target", "target"]
    training = subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not training.stderr.readline().startswith("Encoded"):
        pass
    time.sleep(0.3)
    training.send_signal(number)
    said, progress = training.communicate()
    assert training.returncode == code
    assert said == ""
    assert "Traceback" not in progress
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]
