"""What the command promises beyond its figures: options arrive, signals end it cleanly, files stay whole."""

import json
import os
import signal
import subprocess
import sys

import polars as pl
import pytest

import crossentropy
from tests.experiment.conftest import mixed_frame


def start(*arguments, cwd, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "crossentropy", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def call(*arguments, cwd, **options):
    process = start(*arguments, cwd=cwd, **options)
    out, err = process.communicate()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with tables and a run over one of them."""
    folder = tmp_path_factory.mktemp("place")
    frame = mixed_frame()
    frame[:300].write_csv(folder / "trees.csv")
    frame[300:].write_csv(folder / "later.csv")
    crossentropy.train(folder / "trees.csv", target="kind", drop=["weight"], id="name", C=1.0).save(
        folder / "runs" / "trees"
    )
    return folder


def test_every_option_arrives_in_the_settings(place):
    # what is given is taken, and what is not is recognised: this file could be told from its first lines too
    frame = pl.read_csv(place / "trees.csv", infer_schema=False)
    frame = frame.with_columns(pl.col("number", "weight").str.replace(".", ",", literal=True))
    frame = frame.with_columns(site=pl.Series([f"s{i // 3}" for i in range(len(frame))]))
    text = "\n".join(";".join(v or "" for v in row) for row in [frame.columns, *frame.rows()])
    (place / "bäume.csv").write_text(text, encoding="cp1252")
    code, _, err = call(
        *("train", "bäume.csv", "--target", "kind", "--out", "runs/all", "--test-size", "0.3", "--C", "0.5"),
        *("--separator", ";", "--decimal", ",", "--quote", "'", "--encoding", "cp1252", "--header"),
        *("--kind", "level=category", "--kind", "number=number"),
        *("--weight", "weight", "--class-weight", "balanced", "--drop", "remark", "--drop", "flag"),
        *("--id", "name", "--seed", "7", "--no-rows", "--group", "site", "--group-duplicates"),
        *("--repeats", "1", "--costs", "[[0, 1, 5], [2, 0, 1.5], [3, 1, 0]]"),
        cwd=place,
    )
    assert code == 0, err
    assert json.loads((place / "runs/all/config.json").read_text()) == {
        "data": "bäume.csv",
        "target": "kind",
        "test": None,
        "test_size": 0.3,
        "C": 0.5,
        "weight": "weight",
        "class_weight": "balanced",
        "drop": ["remark", "flag"],
        "id": "name",
        "show_rows": False,
        "group": "site",
        "time": None,
        "group_duplicates": True,
        "costs": [[0, 1, 5], [2, 0, 1.5], [3, 1, 0]],
        "positive": None,
        "repeats": 1,
        "model": "linear",
        "time_limit": None,
        "seed": 7,
        "separator": ";",
        "decimal": ",",
        "quote": "'",
        "encoding": "cp1252",
        "header": True,
        "kinds": {"level": "category", "number": "number"},
    }
    sited = pl.read_csv(place / "trees.csv").with_columns(site=pl.Series([f"s{i // 3}" for i in range(300)]))
    again = crossentropy.train(
        sited,
        target="kind",
        test_size=0.3,
        C=0.5,
        weight="weight",
        class_weight="balanced",
        drop=["remark", "flag"],
        id="name",
        group="site",
        group_duplicates=True,
        seed=7,
    )
    assert pl.read_parquet(place / "runs/all/predictions.parquet").equals(again.predictions)


def test_the_model_and_its_time_arrive_in_the_settings(place):
    given = ("sklearn:iris", "--model", "network", "--time-limit", "1", "--out", "runs/network")
    code, out, err = call("train", *given, cwd=place)
    assert code == 0, err
    settings = json.loads((place / "runs/network/config.json").read_text())
    assert (settings["model"], settings["time_limit"]) == ("network", 1.0)
    assert "network" in out


def test_a_test_file_is_tested_on_and_the_settings_are_repeated_on_other_data(place):
    code, _, err = call(
        *(
            "train",
            "trees.csv",
            "--target",
            "kind",
            "--test",
            "later.csv",
            "--C",
            "1",
            "--out",
            "runs/tested",
        ),
        cwd=place,
    )
    assert code == 0, err
    metrics = json.loads((place / "runs/tested/metrics.json").read_text())
    assert (metrics["rows_train"], metrics["rows_test"]) == (300, 100)
    config = "runs/tested/config.json"
    (place / "half.csv").write_text(
        "".join((place / "trees.csv").read_text().splitlines(keepends=True)[:151])
    )
    code, _, err = call("train", "half.csv", "--config", config, "--out", "runs/other", cwd=place)
    assert code == 0, err
    assert err.splitlines()[0].startswith("Read 150 rows of 7 columns from half.csv")
    assert json.loads((place / "runs/other/config.json").read_text())["data"] == "half.csv"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trees.csv", "--target", "kind", "--out", "o", "--C", "0"], "C = 0.0 is not valid"),
        (["trees.csv", "--target", "kind", "--out", "o", "--test-size", "0"], "test_size = 0.0 is not valid"),
        (["--config", "runs/trees/config.json", "--out", "o", "--seed", "0"], "--config and --seed"),
        (["--config", "runs/trees/config.json", "--out", "o", "--drop", "flag"], "--config and --drop"),
        (["--config", "runs/trees/config.json", "--out", "o", "--test", "later.csv"], "--config and --test"),
        # before any work is done, and under the name of the data
        (["trees.csv", "--target", "kind"], "runs/trees: exists already"),
        (["--config", "runs/trees/config.json"], "runs/trees: exists already"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(place, arguments, said):
    code, out, err = call("train", *arguments, cwd=place)
    assert (code, out) == (2, "")
    assert said in err
    # reading is no work yet; nothing was split
    assert "Set " not in err
    assert "exists" not in said or len(err.splitlines()) == 1
    assert not (place / "o").exists()


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_it_with_its_own_code_and_nothing_behind(tmp_path, number, code, said):
    process = start("train", "sklearn:digits", cwd=tmp_path)
    assert process.stderr.readline().startswith("Read 1,797 rows")
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert err.rstrip().endswith(said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("debug", [False, True])
def test_a_mistake_that_is_not_the_users_says_so_with_code_1(place, tmp_path, debug):
    # a broken installation: polars is there, and fails
    (tmp_path / "polars.py").write_text("raise RuntimeError('broken')\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    code, out, err = call(
        *["evaluate", "runs/trees", "later.csv", *["--debug"] * debug],
        cwd=place,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("Error: a mistake in crossentropy itself: RuntimeError: broken")
    assert ("Traceback" in err) == debug


def test_predictions_replace_a_file_only_when_forced(place):
    path = place / "mine.csv"
    path.write_text("mine")
    code, _, err = call("predict", "runs/trees", "later.csv", "--out", "mine.csv", cwd=place)
    assert (code, path.read_text()) == (2, "mine")
    assert "--force" in err
    code, out, err = call("predict", "runs/trees", "later.csv", "--out", "mine.csv", "--force", cwd=place)
    assert (code, out) == (0, "")
    assert err == "100 predictions: mine.csv\n"
    assert pl.read_csv(path).height == 100


def test_predictions_never_replace_the_data_a_link_or_a_pipe(place):
    data = (place / "later.csv").read_bytes()
    (place / "link.csv").symlink_to("later.csv")
    os.mkfifo(place / "pipe.csv")
    for out, said in {
        "later.csv": "holds the data themselves",
        "link.csv": "exists and is no file",
        "pipe.csv": "exists and is no file",
    }.items():
        code, _, err = call("predict", "runs/trees", "later.csv", "--out", out, "--force", cwd=place)
        assert (code, err) == (2, f"Error: {out}: {said}. Choose another with --out.\n")
    assert (place / "later.csv").read_bytes() == data
    assert (place / "link.csv").is_symlink()
    assert (place / "pipe.csv").is_fifo()


def test_a_settings_file_nested_without_end_and_a_name_without_end_are_told_in_short(place):
    (place / "deep.json").write_text("[" * 200_000)
    code, _, err = call("train", "--config", "deep.json", cwd=place)
    assert (code, err.count("\n")) == (2, 1)
    assert "deep.json: not JSON" in err
    (place / "long.csv").write_text("x" * 100_000 + ",y\n1,2\n")
    code, _, err = call("train", "long.csv", "--target", "z", cwd=place)
    assert code == 2
    assert len(err) < 5000


def test_predictions_that_do_not_fit_on_the_disk_leave_the_old_file_whole(place):
    path = place / "old.csv"
    path.write_text("mine")
    before = sorted(place.iterdir())
    # no file may grow beyond one block
    command = f'ulimit -f 1; exec "{sys.executable}" -m crossentropy predict runs/trees later.csv --out old.csv --force'
    done = subprocess.run(["bash", "-c", command], cwd=place, capture_output=True, text=True)
    assert done.returncode == 2
    assert "old.csv: cannot be written" in done.stderr.splitlines()[-1]
    assert path.read_text() == "mine"
    assert sorted(place.iterdir()) == before


def test_notes_go_to_standard_error_and_figures_to_standard_output(place):
    frame = pl.read_csv(place / "later.csv")
    frame.with_columns(kind=pl.when(pl.int_range(100) < 5).then(pl.lit("yew")).otherwise("kind")).write_csv(
        place / "yew.csv"
    )
    code, out, err = call("evaluate", "runs/trees", "yew.csv", "--json", cwd=place)
    assert code == 0
    assert json.loads(out)["rows"] == 95
    note = "yew.csv: 5 rows of classes not seen in training (yew) were left out."
    assert [json.loads(line) for line in err.splitlines()] == [{"note": note}]
    assert call("evaluate", "runs/trees", "yew.csv", cwd=place)[2].startswith(f"Note: {note}")


def test_a_report_is_written_over_an_old_one(place):
    folder = place / "runs/trees"
    pages = {name: (folder / name).read_bytes() for name in ("report.html", "report.md")}
    for name in pages:
        (folder / name).write_text("old")
    code, _, err = call("report", "runs/trees", cwd=place)
    assert (code, err) == (0, "")
    assert {name: (folder / name).read_bytes() for name in pages} == pages
