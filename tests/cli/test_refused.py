"""What cannot be used is refused: exit 2, one message, nothing written. Every case through the real command."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import polars as pl
import pytest

import crossentropy
from crossentropy.cli._tell import tell_error
from crossentropy.errors import CrossEntropyError
from tests.experiment.conftest import mixed_frame

from .command import COMMAND, bound_by_permissions, call, contents, on_small_disk

TRAIN = ["train", "--target", "kind", "--out", "run", "--json"]
PREDICT = ["predict", "trees", "--json"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run and with data of all kinds that cannot be used."""
    folder = tmp_path_factory.mktemp("place")
    frame = mixed_frame()[:300]
    frame.write_csv(folder / "trees.csv")
    crossentropy.train(folder / "trees.csv", target="kind", drop=["weight"], id="name", C=1.0).save(
        folder / "trees"
    )
    text = (folder / "trees.csv").read_text()
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text(text.partition("\n")[0] + "\n")
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "long.csv").write_text(text.replace("row-7,", "row-7,8,", 1))
    (folder / "twice.csv").write_text(text.replace("flag", "level", 1))
    (folder / "config.json").write_text('{"data": "trees.csv", "target": "kind", "sed": 1}')
    frame.with_columns(kind=pl.lit("ash")).write_csv(folder / "one.csv")
    frame.with_columns(kind=pl.lit(None)).write_csv(folder / "none.csv")
    frame.with_columns(kind=pl.col("weight") + 0.5).write_csv(folder / "continuous.csv")
    frame.drop("level").write_csv(folder / "lacks.csv")
    frame.with_columns(kind=pl.lit("palm")).write_csv(folder / "other.csv")
    for name, weight in {"heavy": 1e300, "weightless": 0.0}.items():
        frame.with_columns(weight=pl.lit(weight)).write_csv(folder / f"{name}.csv")
    words = frame.with_columns(pl.col("number").cast(pl.String))
    pl.concat([words[:12], words[12:13].with_columns(number=pl.lit("tall")), words[13:]]).write_csv(
        folder / "words.csv"
    )
    return folder


# name -> arguments, the type of the error, what its message says
CASES = {
    "missing": ([*TRAIN, "tres.csv"], "DataError", "tres.csv: no such file. Did you mean 'trees.csv'?"),
    "empty": ([*TRAIN, "empty.csv"], "DataError", "empty.csv: the file is empty."),
    "binary": (
        [*TRAIN, "binary.csv"],
        "DataError",
        "binary.csv: no table in text: it holds a zero byte in line 1.",
    ),
    "a field too many": (
        [*TRAIN, "long.csv"],
        "DataError",
        "long.csv: line 9 has 8 fields, the first line 7.",
    ),
    "no column": (
        [*TRAIN[:2], "kinds", *TRAIN[3:], "trees.csv"],
        "DataError",
        "no column 'kinds' (the target). Did you mean 'kind'?",
    ),
    "no such kind": (
        [*TRAIN, "trees.csv", "--kind", "level=txt"],
        "ConfigError",
        "no kind 'txt'. Did you mean 'text'?",
    ),
    "not of that kind": (
        [*TRAIN, "trees.csv", "--kind", "level=number"],
        "DataError",
        "column 'level', line ",
    ),
    "one class": ([*TRAIN, "one.csv"], "TargetError", "one class only ('ash')"),
    "continuous": ([*TRAIN, "continuous.csv"], "TargetError", "looks continuous (line 2: "),
    "no target": ([*TRAIN, "none.csv"], "TargetError", "the target 'kind' is missing in every row"),
    "name twice": ([*TRAIN, "twice.csv"], "DataError", "twice.csv: the column name 'level' occurs twice."),
    "no rows": ([*TRAIN, "header.csv"], "DataError", "header.csv: the table has 0 rows and 7 columns."),
    "exists": (
        ["train", "trees.csv", "--target", "kind", "--out", "trees", "--json"],
        "OutputError",
        "trees: exists already.",
    ),
    "unknown setting": (
        ["train", "--config", "config.json", "--out", "run", "--json"],
        "ConfigError",
        "config.json: There is no setting 'sed'. Did you mean 'seed'?",
    ),
    "lacks a column": (
        [*PREDICT, "lacks.csv"],
        "DataError",
        "lacks.csv has no column 'level', which the classifier was trained on.",
    ),
    "no path": ([*TRAIN, ""], "DataError", "The path is empty."),
    "two kinds": (
        [*TRAIN, "trees.csv", "--kind", "level=number", "--kind", "level=text"],
        "ConfigError",
        "--kind was given twice for one column.",
    ),
    "no weight": (
        [*TRAIN, "heavy.csv", "--weight", "weight"],
        "DataError",
        "column 'weight', line 2: 1e+300 is no weight. Expected 0, or numbers from 1e-100 to 1e+100",
    ),
    "weightless": (
        [*TRAIN, "weightless.csv", "--weight", "weight"],
        "DataError",
        "column 'weight': every weight is 0.",
    ),
    "other classes": (
        ["evaluate", "trees", "other.csv", "--json"],
        "DataError",
        "no row has a target among the classes of the training rows: 'palm' and not 'ash', ",
    ),
    "no number": (
        [*PREDICT, "words.csv"],
        "DataError",
        "words.csv: column 'number', line 14: 'tall' is not a number.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_in_one_message_and_nothing_is_written(place, name):
    arguments, kind, said = CASES[name]
    before = contents(place)
    code, out, err = call(*arguments, cwd=place)
    *progress, last = map(json.loads, err.splitlines())
    assert (code, out) == (2, "")
    assert all(record.keys() == {"progress"} for record in progress)
    error = last["error"]
    assert (error["type"], error["exit_code"]) == (kind, 2)
    assert said in f"{error['message']} {error['fix']}"
    assert contents(place) == before


IN_PYTHON = {
    "continuous": lambda: crossentropy.train("continuous.csv", target="kind"),
    "no number": lambda: crossentropy.Classifier.load("trees").predict("words.csv"),
    "unknown setting": lambda: crossentropy.experiment.read_config("config.json"),
}


@pytest.mark.parametrize("name", IN_PYTHON)
def test_the_command_says_what_python_says(place, name, monkeypatch):
    arguments, kind, _ = CASES[name]
    _, _, err = call(*[a for a in arguments if a != "--json"], cwd=place)
    monkeypatch.chdir(place)
    with pytest.raises(CrossEntropyError) as caught:
        IN_PYTHON[name]()
    assert type(caught.value).__name__ == kind
    assert err.splitlines()[-1] == f"Error: {caught.value}"


def test_debug_adds_the_traceback_to_the_json(place):
    code, _, err = call("train", "tres.csv", "--json", "--debug", cwd=place)
    error = json.loads(err)["error"]
    assert (code, error["type"]) == (2, "DataError")
    assert "Traceback" in error["traceback"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "trees.csv", "--target", "kind", "--out", "closed/run"],
        ["predict", "trees", "trees.csv", "--out", "closed/p.csv"],
        ["train", "secret.csv", "--target", "kind", "--out", "run"],
        ["train", "trees.csv", "--target", "kind", "--out", "hidden/run"],
        ["predict", "trees", "trees.csv", "--out", "hidden/p.csv"],
        ["predict", "hidden", "trees.csv"],
    ],
    ids=["run", "predictions", "data", "a hidden run", "hidden predictions", "a hidden classifier"],
)
def test_without_permission_nothing_is_written(place, arguments):
    (place / "closed").mkdir(mode=0o555, exist_ok=True)
    (place / "hidden").mkdir(exist_ok=True)
    (place / "secret.csv").touch()
    before = contents(place)
    for name in ("secret.csv", "hidden"):
        (place / name).chmod(0)
    code, out, err = call(*arguments, cwd=place, preexec_fn=bound_by_permissions)
    for name in ("secret.csv", "hidden"):
        (place / name).chmod(before[name][0] & 0o777)
    assert (code, out) == (2, "")
    assert re.search(r": cannot be (read|written) \(.*ermission", err.splitlines()[-1])
    assert "Traceback" not in err
    assert contents(place) == before


def test_a_full_disk_leaves_nothing_of_a_new_run(place, tmp_path):
    arguments = ["train", str(place / "trees.csv"), "--target", "kind", "--C", "1", "--out", "disk/deep/run"]
    code, err, before, after = on_small_disk(tmp_path, 64, arguments)
    assert code == 2, err
    assert err.splitlines()[-1].startswith("Error: disk/deep/run: cannot be written (")
    assert (before, after) == ("", "")


@pytest.mark.parametrize("what", ["run", "predictions"])
def test_a_full_disk_keeps_what_was_there(place, tmp_path, what):
    data = str(place / "trees.csv")
    arguments = {
        "run": ["train", data, "--target", "kind", "--C", "1", "--out", "disk/trees", "--force"],
        "predictions": ["predict", str(place / "trees"), data, "--out", "disk/p.csv", "--force"],
    }[what]
    prepare = {"run": f"cp -r {place / 'trees'} disk", "predictions": "echo mine > disk/p.csv"}[what]
    code, err, before, after = on_small_disk(
        tmp_path, {"run": 160, "predictions": 8}[what], arguments, prepare
    )
    assert code == 2, err
    assert "cannot be written (" in err.splitlines()[-1]
    assert before == after != ""


def test_a_part_of_a_run_that_does_not_fit_names_the_run_once(place, tmp_path):
    arguments = shlex.join(
        [*COMMAND, "train", str(place / "trees.csv"), "--target", "kind", "--C", "1", "--out", "r"]
    )
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 8; {arguments}"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last == "Error: r: cannot be written (File too large). Choose another folder with --out."
    assert contents(tmp_path) == {}


def test_a_full_standard_output_loses_no_run(place, tmp_path):
    arguments = [*COMMAND, "train", str(place / "trees.csv"), "--target", "kind", "--C", "1", "--out", "r"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(arguments, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: standard output: No space left on device; the run itself is whole, in r. "
        "`crossentropy report r` prints its summary."
    )
    assert call("report", "r", cwd=tmp_path)[0] == 0


def test_a_standard_error_that_takes_nothing_loses_no_run(place, tmp_path):
    arguments = [*COMMAND, "train", str(place / "trees.csv"), "--target", "kind", "--C", "1", "--out", "r"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(arguments, cwd=tmp_path, stderr=full, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert done.stdout.endswith("Report: r/report.html\n")


def test_too_little_memory_is_the_tables_fault_and_not_ours(capsys):
    assert tell_error(MemoryError(), debug=False, as_json=False) == 2
    assert capsys.readouterr().err == "Error: There is not enough memory. Use fewer rows or columns.\n"


def test_a_standard_input_that_is_closed_is_said(place):
    line = f"{shlex.join([*COMMAND, 'inspect', '-'])} <&-"
    done = subprocess.run(["bash", "-c", line], cwd=place, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: standard input: is closed. Give a file, or pass the data on to it.\n",
    )


def test_a_reader_that_goes_away_is_no_mistake(place):
    frame = pl.read_csv(place / "trees.csv")
    pl.concat([frame] * 20).write_csv(place / "many.csv")
    line = f"{shlex.join([*COMMAND, 'predict', 'trees', 'many.csv'])} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=place, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("id,label,")


def test_a_full_standard_output_is_said(place):
    with Path("/dev/full").open("w") as full:
        arguments = [*COMMAND, "predict", "trees", "trees.csv"]
        done = subprocess.run(arguments, cwd=place, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "Error: standard output: No space left on device.\n"
