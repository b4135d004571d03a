"""Why a run says what it says: lines that add up to the logits, of the row that was asked for, and clear refusals."""

import json

import numpy as np
import polars as pl
import pytest

import crossentropy
from crossentropy.errors import ConfigError, DataError
from crossentropy.experiment import explain_columns, explain_row
from tests.cli.command import call


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return run.save(tmp_path_factory.mktemp("runs") / "trees")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A run over a file, with a column of text and no names."""
    place = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(0)
    kind = rng.choice(["ash", "beech"], 200)
    words = [" ".join(rng.choice(["leaf", "bark", "tall", k], 5)) for k in kind]
    pl.DataFrame({"words": words, "height": rng.normal(size=200), "kind": kind}).write_csv(place / "t.csv")
    crossentropy.train(place / "t.csv", target="kind", C=1.0, kinds={"words": "text"}).save(place / "run")
    return place


def test_lines_add_up_to_the_logits_and_the_loss_is_that_of_the_predictions(folder, frame, run):
    said = run.predictions.row(3, named=True)
    row = explain_row(folder, said["id"], frame)
    total = np.array(row.bias) + sum(np.array(part.logits) for part in row.parts)
    assert np.abs(total - row.logits).max() < 1e-12
    assert abs(sum(row.logits)) < 1e-12
    assert row.probabilities == pytest.approx([said[f"p_{name}"] for name in row.classes])
    assert row.classes[row.label] == said["label"]
    assert row.classes[row.target] == said["target"]
    assert row.loss == pytest.approx(said["loss_nats"])
    assert [part.name for part in row.parts] == [code.name for code in run.classifier.encoder.codes]


def test_terms_are_those_of_the_row_and_part_of_their_column(texts):
    row = explain_row(texts / "run", 7)
    words = pl.read_csv(texts / "t.csv")["words"][7].split()
    part = next(part for part in row.parts if part.name == "words")
    assert part.value == " ".join(words)
    strongest = part.terms[0]
    assert set(strongest.term.split()) <= set(words)
    assert {"ash", "beech"} & set(strongest.term.split())
    assert abs(strongest.logits[0]) >= abs(part.terms[-1].logits[0])


def test_a_row_without_a_target_has_no_loss(folder, frame):
    row = explain_row(folder, "row-5", frame.drop("kind"))
    assert row.target is None
    assert row.loss is None
    assert row.logits == explain_row(folder, "row-5", frame).logits


def test_columns_are_worth_what_the_report_says_and_the_same_on_the_same_rows(folder, frame, run):
    told = explain_columns(folder)
    assert told == run.summary.contributions
    names = run.predictions["id"].to_list()
    place = {name: i for i, name in enumerate(frame["name"])}
    again = explain_columns(folder, frame[[place[name] for name in names]])
    assert [column.worth.value for column in again] == pytest.approx([column.worth.value for column in told])
    assert told[0].name == "number"
    assert told[0].worth.low > 0


def test_the_command_shows_a_table_that_adds_up(texts, folder, frame, tmp_path):
    code, out, err = call("explain", "run", "--row", "7", cwd=texts)
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 80
    lines = [line for line in out.splitlines() if line.startswith("  ") and not line.startswith("    ")][1:]
    shown = np.array([[float(number) for number in line.split()[-3:]] for line in lines])
    assert np.abs(shown[:-1].sum(axis=0) - shown[-1]).max() < 0.003
    assert shown[:, 0] - shown[:, 1] == pytest.approx(shown[:, 2], abs=0.002)
    code, out, _ = call("explain", "run", "--row", "7", "--json", cwd=texts)
    assert json.loads(out) == json.loads(explain_row(texts / "run", 7).model_dump_json())
    code, out, _ = call("explain", folder, cwd=tmp_path)
    assert code == 0
    assert "The model would miss “number”" in " ".join(out.split())


def test_what_is_not_there_is_refused(folder, frame, texts):
    with pytest.raises(ConfigError, match="in memory"):
        explain_row(folder, "row-5")
    with pytest.raises(DataError, match="no such row"):
        explain_row(folder, "row-5000", frame)
    with pytest.raises(DataError, match="2 rows of that name"):
        explain_row(folder, "row-5", pl.concat([frame, frame]))
    for wrong in ("200", "-1", "x", "1.5"):
        with pytest.raises(DataError, match="Expected a number from 0 to 199"):
            explain_row(texts / "run", wrong)
    with pytest.raises(DataError, match="no column 'kind'"):
        explain_columns(folder, frame.drop("kind"))
