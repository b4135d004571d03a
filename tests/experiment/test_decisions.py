"""What decisions go by belongs to the run: judged in its report, kept with it, and used by it later."""

import json

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import crossentropy
from crossentropy.cli._verbs import crossentropy as verbs
from crossentropy.errors import ConfigError
from crossentropy.experiment import evaluate_run, predict_run, read_config, read_summary
from crossentropy.report import to_html, to_markdown, to_text
from tests.cli.command import call
from tests.report.pages import parse

COSTS = {"ill": {"well": 9}, "well": {"ill": 1}}


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1500)
    ill = rng.random(1500) < 1 / (1 + np.exp(2 - 1.5 * x))
    return pl.DataFrame({"x": x, "state": np.where(ill, "ill", "well")})


@pytest.fixture(scope="module")
def run(people):
    return crossentropy.train(people, target="state", costs=COSTS, positive="ill", C=1.0)


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return run.save(tmp_path_factory.mktemp("people") / "run")


def words(text):
    return " ".join(text.replace("\u00a0", " ").replace("\\", "").split())


def test_the_report_tells_what_decisions_cost_and_find(run):
    test = run.summary.test
    at = test.positive.decided
    assert (test.positive.name, test.positive.by_costs) == ("ill", True)
    assert at.threshold == pytest.approx(0.1)
    p, target = run.predictions["p_ill"].to_numpy(), run.predictions["target"].to_numpy()
    said = p > 0.1
    assert at.said == said.sum()
    assert at.recall.value == pytest.approx(said[target == "ill"].mean())
    paid = np.where(target == "ill", 9.0 * ~said, 1.0 * said)
    assert test.costs.cost.value == pytest.approx(paid.mean())
    plain = np.where(target == "ill", 9.0 * (p < 0.5), 1.0 * (p > 0.5))
    assert test.costs.saved.value == pytest.approx(plain.mean() - paid.mean())
    section = parse(to_html(run.summary)).find(id="decisions")[0]
    for text in (section.text, to_markdown(run.summary), to_text(run.summary)):
        told = words(text)
        assert "It is said of those with a probability above 10.0 %, as the costs ask" in told
        assert f"comes to {test.costs.cost.value:.3f} a row" in told
        assert f"{100 * at.recall.value:.1f} % of all “ill” (recall" in told
    rows = [[words(cell.text) for cell in row.find("td")] for row in section.find("tbody")[0].find("tr")]
    assert [row[0] for row in rows][:4] == ["above 1.0 %", "above 2.0 %", "above 5.0 %", "above 10.0 %"]
    assert rows[3][1] == f"{at.said:,}"
    assert rows[3][2:] == [f"{100 * v:.1f} %" for v in (at.precision.value, at.recall.value, at.f1)]


def test_the_run_keeps_them_and_goes_by_them_until_others_are_given(run, people, folder):
    assert read_config(folder / "config.json") == run.config
    assert evaluate_run(folder, people)[0].costs is not None
    found, notes = predict_run(folder, people)
    assert notes == ("Labels are those that cost least by the costs that the run was trained with.",)
    assert (found["label"] == "ill").to_list() == (found["p_ill"] > 0.1).to_list()
    equal = {"ill": {"well": 1}, "well": {"ill": 1}}
    even, notes = predict_run(folder, people, costs=equal)
    assert notes == ()
    assert (even["label"] == "ill").to_list() == (even["p_ill"] > 0.5).to_list()
    assert evaluate_run(folder, people, costs=equal)[0].positive.decided.threshold == 0.5


@pytest.mark.parametrize(
    "costs",
    [np.array([[0, 1], [9, 0]]), {0: {1: 1}, np.int64(1): {"0": np.float32(9)}}, ((0, 1), (np.int8(9), 0))],
    ids=["array", "names", "tuples"],
)
def test_costs_in_memory_are_kept_as_json_has_them(people, costs, tmp_path):
    numbered = people.with_columns(state=(pl.col("state") == "ill").cast(pl.Int64))
    run = crossentropy.train(numbered, target="state", costs=costs, positive=1, C=1.0)
    folder = run.save(tmp_path / "run")
    assert read_config(folder / "config.json") == run.config
    assert run.summary.test.positive.decided.threshold == pytest.approx(0.1)


def test_the_command_takes_them_and_config_json_needs_no_other_file(people, tmp_path):
    people.write_csv(tmp_path / "people.csv")
    (tmp_path / "costs.json").write_text(json.dumps(COSTS))
    code, out, err = call(
        "train", "people.csv", "--target", "state", "--C", "1", "--costs", "costs.json", "--positive", "ill",
        "--out", "one", cwd=tmp_path,
    )  # fmt: skip
    assert code == 0, err
    assert "What to decide" in out
    (tmp_path / "costs.json").unlink()
    config = read_config(tmp_path / "one/config.json")
    assert (config.costs, config.positive) == (COSTS, "ill")
    again = crossentropy.train(tmp_path / "people.csv", config=config)
    assert again.summary.test == read_summary(tmp_path / "one").test
    arguments = [
        "evaluate",
        str(tmp_path / "one"),
        str(tmp_path / "people.csv"),
        "--positive",
        "well",
        "--json",
    ]
    assert json.loads(CliRunner().invoke(verbs, arguments).stdout)["positive"]["name"] == "well"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"positive": "sick"}, "no class 'sick' to find"),
        ({"costs": [[0, 1, 2]] * 3}, "have 3 rows; there are 2 classes"),
        ({"costs": "{"}, "no JSON"),
        ({"costs": "nowhere.json"}, "nowhere.json: cannot be read"),
    ],
)
def test_what_does_not_fit_the_classes_is_refused_before_anything_is_fitted(people, wrong, said):
    steps = []
    with pytest.raises(ConfigError, match=said):
        crossentropy.train(people, target="state", say=steps.append, **wrong)
    assert not [step for step in steps if "Chose" in step or "Encoded" in step]
