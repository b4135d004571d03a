"""Runs side by side: on the same rows only, from folders as from memory."""

import json
from dataclasses import replace

import numpy as np
import pytest

import crossentropy
from crossentropy.errors import BundleError, DataError
from tests.cli.command import call


@pytest.fixture(scope="module")
def other(frame):
    return crossentropy.train(frame, target="kind", id="name", drop=["weight", "level"])


def test_losses_are_those_of_the_predictions(run, other):
    found = crossentropy.compare(run, other)
    change = other.predictions["loss_nats"] - run.predictions["loss_nats"]
    assert found.difference.value == pytest.approx(change.mean())
    assert found.difference.low > 0
    assert found.rows == len(change)
    right = [(r.predictions["label"] == r.predictions["target"]).mean() for r in (run, other)]
    assert [a.value for a in found.accuracies] == pytest.approx(right)
    worst = int(np.argmax(np.abs(change.to_numpy())))
    assert found.changed[0].id == run.predictions["id"][worst]
    same = crossentropy.compare(run, run)
    assert same.difference.value == same.difference.low == same.difference.high == 0
    assert same.relabelled == 0


def test_the_command_tells_it_in_a_sentence_and_as_data(run, other, tmp_path):
    run.save(tmp_path / "one")
    other.save(tmp_path / "two")
    code, out, err = call("compare", "one", "two", cwd=tmp_path)
    assert code == 0, err
    assert "“one” is better than “two”: its loss is lower by" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = call("compare", "one", "two", "--json", cwd=tmp_path)
    assert code == 0
    assert json.loads(out)["difference"]["value"] == crossentropy.compare(run, other).difference.value
    code, out, _ = call("compare", "one", "one", cwd=tmp_path)
    assert "“one” and “one” lose the same on every row." in out
    assert "Rows that differ most" not in out


def test_rows_are_matched_by_name_whatever_their_order(run, other):
    shuffled = other.predictions.sample(fraction=1.0, shuffle=True, seed=1)
    assert crossentropy.compare(run, replace(other, predictions=shuffled)) == crossentropy.compare(run, other)


def test_other_rows_are_refused(run, frame, tmp_path):
    elsewhere = crossentropy.train(frame, target="kind", id="name", seed=5)
    with pytest.raises(DataError, match=r"not tested on the same rows: 80 and 79, of which \d+ are shared"):
        crossentropy.compare(run, elsewhere)
    numbered = crossentropy.train(frame, target="kind")
    with pytest.raises(DataError, match="names its rows by name"):
        crossentropy.compare(run, numbered)
    changed = crossentropy.train(frame.with_columns(number=1.0), target="kind")
    with pytest.raises(DataError, match="tested on different data"):
        crossentropy.compare(numbered, changed)
    weighted = crossentropy.train(frame, target="kind", id="name", weight="weight")
    with pytest.raises(DataError, match="weighs its rows"):
        crossentropy.compare(run, weighted)
    relabelled = crossentropy.train(
        frame.with_columns(kind=frame["kind"].str.to_uppercase()), target="kind", id="name"
    )
    with pytest.raises(DataError, match="other targets"):
        crossentropy.compare(run, relabelled)
    with pytest.raises(BundleError, match="no run folder"):
        crossentropy.compare(run, tmp_path)
