"""Costs put to use by a run: labels and figures of evaluate and predict, in Python as by the command."""

import json

import numpy as np
import pytest

from crossentropy.errors import ConfigError
from crossentropy.experiment import evaluate_run, predict_run
from tests.cli.command import call

COSTS = {
    "ash": {"beech": 1, "cedar": 5},
    "beech": {"ash": 20, "cedar": 1},
    "cedar": {"ash": 1, "beech": 1},
}


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return run.save(tmp_path_factory.mktemp("costly") / "trees")


def test_predictions_carry_the_cheapest_label_and_its_cost(folder, frame):
    plain, costly = predict_run(folder, frame)[0], predict_run(folder, frame, costs=COSTS)[0]
    assert costly.columns == [*plain.columns, "expected_cost"]
    assert costly.drop("label", "expected_cost").equals(plain.drop("label"))
    names = ["ash", "beech", "cedar"]
    costs = np.array([[COSTS[i].get(j, 0) for j in names] for i in names])
    expected = plain.select(f"p_{name}" for name in names).to_numpy() @ costs
    assert costly["expected_cost"].to_numpy() == pytest.approx(expected.min(axis=1))
    assert costly["label"].to_list() == [names[j] for j in expected.argmin(axis=1)]
    assert (plain["label"] != costly["label"]).any()


def test_evaluation_tells_what_they_come_to(folder, frame, tmp_path):
    plain, found = evaluate_run(folder, frame)[0], evaluate_run(folder, frame, costs=COSTS)[0]
    assert plain.costs is None
    assert found.model_copy(update={"costs": None}) == plain
    labels = predict_run(folder, frame, costs=COSTS)[0]["label"]
    paid = [COSTS[true].get(said, 0) for true, said in zip(frame["kind"], labels, strict=True)]
    assert found.costs.cost.value == pytest.approx(np.mean(paid))
    assert found.costs.saved.value > 0
    frame.write_csv(tmp_path / "trees.csv")
    (tmp_path / "costs.json").write_text(json.dumps(COSTS))
    code, out, err = call("evaluate", folder, "trees.csv", "--costs", "costs.json", cwd=tmp_path)
    assert code == 0, err
    assert f"comes to {found.costs.cost.value:.3f} a row" in " ".join(out.split())
    code, out, _ = call("predict", folder, "trees.csv", "--costs", json.dumps(COSTS), cwd=tmp_path)
    assert code == 0
    assert out.splitlines()[0].endswith(",expected_cost")
    code, out, err = call("predict", folder, "trees.csv", "--costs", "[[0, 1], [1, 0]]", cwd=tmp_path)
    assert code != 0
    assert out == ""
    assert "The costs have 2 rows; there are 3 classes: ash, beech, cedar." in " ".join(err.split())


def test_costs_of_other_classes_are_refused_before_anything_is_read(folder, tmp_path):
    with pytest.raises(ConfigError, match="name a class 'oak'"):
        evaluate_run(folder, tmp_path / "missing.csv", costs={"oak": {"ash": 1}})
