"""`--model network` and `--model auto`: what predicts, what it is worth, and that the saved form predicts the same."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax

import crossentropy
from crossentropy.classifier import Classifier, Mixture
from crossentropy.errors import BundleError, ConfigError
from crossentropy.evaluation import losses_from_logits
from crossentropy.experiment import explain_row, read_summary
from crossentropy.report import to_html, to_markdown, to_text


def rings(n=100, seed=0):
    """Two classes that no linear model tells apart, and a category that says a little."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    inside = (x**2).sum(axis=1) + rng.normal(scale=0.1, size=n) < 1.3
    level = np.where(rng.random(n) < 0.2, "a", np.where(inside, "b", "c"))
    level = np.where(rng.random(n) < 0.6, rng.permutation(level), level)
    names = np.where(inside, "in", "out")
    return pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "level": level, "place": names})


@pytest.fixture(scope="module")
def run():
    return crossentropy.train(rings(), target="place", model="auto")


def test_the_network_has_the_larger_part_where_it_is_better(run):
    linear, network = run.summary.parts
    assert (linear.name, network.name) == ("linear", "network")
    assert network.loss < linear.loss - 0.1
    assert network.weight > 0.6
    assert linear.weight + network.weight == pytest.approx(1.0)
    assert run.summary.temperature.loss_before <= linear.loss
    assert run.summary.test.loss.value < linear.loss


def test_all_forms_of_the_report_say_which_models_predict(run):
    for told in (to_text(run.summary), to_markdown(run.summary), to_html(run.summary)):
        words = " ".join(told.replace("\N{NO-BREAK SPACE}", " ").split())
        assert "Mixed, by weights that minimise the loss on held-out rows" in words
        assert "5 networks of" in words
    plain = crossentropy.train(rings(), target="place")
    assert plain.summary.parts == ()
    assert "Mixed" not in to_text(plain.summary)


def test_a_saved_mixture_predicts_the_same_bits(run, tmp_path):
    folder = run.save(tmp_path / "run")
    again = Classifier.load(folder)
    assert isinstance(again.model, Mixture)
    new = rings(50, seed=1)
    np.testing.assert_array_equal(again.logits(new), run.classifier.logits(new))
    assert read_summary(folder).parts == run.summary.parts
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert {record["fold"] for record in log if record["step"] == "network"} == {0, 1, 2, 3, 4}


def test_the_mixture_is_the_weighted_mean_of_its_calibrated_parts(run):
    features = run.classifier.encoder.transform(crossentropy.tables.read_table(rings(50, seed=1)))
    model = run.classifier.model
    each = [softmax(p.calibration(p.model.logits(features)), axis=1) * p.weight for p in model.parts]
    np.testing.assert_allclose(softmax(model.logits(features), axis=1), sum(each), atol=1e-12)


def test_rows_out_of_fold_are_told_by_networks_that_did_not_see_them(run):
    table = run.out_of_fold
    assert len(table) == run.summary.rows_train
    known = table.select(pl.col("loss_nats").mean()).item()
    assert known == pytest.approx(run.summary.temperature.loss_after, abs=1e-9)


def test_a_network_alone_has_the_linear_model_for_a_yardstick():
    run = crossentropy.train(rings(), target="place", model="network", time_limit=1)
    linear, network = run.summary.parts
    assert (linear.weight, network.weight) == (0.0, 1.0)
    assert [part.name for part in run.classifier.model.parts] == ["network"]
    assert "As a yardstick: linear" in " ".join(to_text(run.summary).split())
    logits = run.classifier.logits(rings(40, seed=2))
    assert losses_from_logits(logits, np.zeros(40, np.int64)).shape == (40,)


def test_class_weights_are_undone(run):
    frame = rings(300).filter((pl.col("place") == "in") | (pl.int_range(pl.len()) % 4 == 0))
    weighted = crossentropy.train(frame, target="place", model="auto", time_limit=1, class_weight="balanced")
    share = (frame["place"] == "in").mean()
    said = weighted.classifier.predict_proba(frame)[:, 0].mean()
    assert said == pytest.approx(share, abs=0.07)


def test_a_mixture_is_not_taken_apart_by_column(run, tmp_path):
    folder = run.save(tmp_path / "run")
    assert run.summary.contributions == ()
    with pytest.raises(ConfigError, match="no sum over the columns"):
        explain_row(folder, 3, rings())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "netwrk"}, "model"),
        ({"model": "auto", "time_limit": 0}, "time_limit"),
        ({"time_limit": 3}, "time_limit limits networks"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        crossentropy.train(rings(), target="place", **settings)


def damaged(folder, change):
    path = folder / "model" / "model.json"
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))
    with pytest.raises(BundleError):
        Classifier.load(folder)


def network_of(meta):
    return next(part for part in meta["parts"] if part["name"] == "network")


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: network_of(meta).update(weight=2.0),
        lambda meta: network_of(meta).update(networks=[]),
        lambda meta: network_of(meta)["networks"][0].update(members=10**9),
        lambda meta: network_of(meta)["networks"][0].update(width=-1),
        lambda meta: network_of(meta)["networks"][0].update(embedded=0),
        lambda meta: network_of(meta)["networks"][0].pop("bins"),
        lambda meta: network_of(meta).update(temperature=0.0),
        lambda meta: meta.update(parts=[]),
        lambda meta: meta.update(parts=meta["parts"] * 2),
        lambda meta: meta.update(kind="forest"),
    ],
)
def test_a_damaged_mixture_is_refused(run, tmp_path, change):
    damaged(run.save(tmp_path / "run"), change)
