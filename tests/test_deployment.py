"""Other class frequencies than in training: correcting is training on them, and what cannot be corrected is refused."""

import json
import re

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from scipy.special import softmax

import crossentropy
from crossentropy.classifier import Classifier
from crossentropy.cli._verbs import crossentropy as verbs
from crossentropy.errors import BundleError, ConfigError
from crossentropy.evaluation import read_frequencies
from crossentropy.experiment import evaluate_run, load_classifier, predict_run
from tests.cli.command import call


def dealt(n, seed, frequencies):
    """Rows of three classes at given frequencies, whose features depend on the class alone."""
    rng = np.random.default_rng(seed)
    target = rng.choice(3, n, p=frequencies)
    level = np.array(["a", "b", "c", "d"])[
        (rng.random(n)[:, None] > np.cumsum(LEVELS, axis=1)[target]).sum(axis=1)
    ]
    return pl.DataFrame({"level": level, "kind": np.array(["ash", "beech", "cedar"])[target]})


LEVELS = np.array([[0.6, 0.2, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.1, 0.1, 0.2, 0.6]])
BEFORE, AFTER = np.array([0.4, 0.4, 0.2]), np.array([0.85, 0.05, 0.1])


@pytest.fixture(scope="module")
def levels():
    return pl.DataFrame({"level": list("abcd")})


def test_correcting_is_training_on_the_other_frequencies(levels):
    """Weights of rows resample the classes; with a feature for each level the optimum is the table of counts itself.

    What is left is the penalty, at C = 1e5 a pull of 1e-5 of a row.
    """
    frame = dealt(4000, 0, BEFORE)
    counts = frame["kind"].value_counts()
    counts = dict(zip(counts["kind"], counts["count"] / len(frame), strict=True))
    wanted = dict(zip(["ash", "beech", "cedar"], AFTER.tolist(), strict=True))
    weight = [wanted[kind] / counts[kind] for kind in frame["kind"]]
    resampled = frame.with_columns(pl.Series("w", weight))
    settings = {"target": "kind", "C": 1e5, "test_size": 0.01}
    plain = crossentropy.train(frame, **settings).classifier
    other = crossentropy.train(resampled, weight="w", **settings).classifier
    assert plain.calibration.temperature == other.calibration.temperature == 1.0
    moved = plain.at_frequencies(dict(zip(plain.classes, other.frequencies.tolist(), strict=True)))
    assert np.abs(plain.predict_proba(levels) - other.predict_proba(levels)).max() > 0.2
    np.testing.assert_allclose(moved.predict_proba(levels), other.predict_proba(levels), atol=2e-4)
    back = other.at_frequencies(dict(zip(plain.classes, plain.frequencies.tolist(), strict=True)))
    np.testing.assert_allclose(back.predict_proba(levels), plain.predict_proba(levels), atol=2e-4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = crossentropy.train(dealt(1500, 1, BEFORE), target="kind", C=1.0)
    return run.save(tmp_path_factory.mktemp("moved") / "run")


PRIOR = {"ash": 85, "beech": 5, "cedar": 10}


def test_the_probabilities_are_multiplied_by_the_ratio_of_frequencies_and_renormalised(folder, levels):
    plain = load_classifier(folder)
    moved = plain.at_frequencies(PRIOR)
    p = plain.predict_proba(levels) * AFTER / plain.frequencies
    np.testing.assert_allclose(moved.predict_proba(levels), p / p.sum(axis=1, keepdims=True), rtol=1e-12)
    again = moved.at_frequencies(dict(zip(plain.classes, plain.frequencies, strict=True)))
    np.testing.assert_allclose(again.predict_proba(levels), plain.predict_proba(levels), rtol=1e-12)
    parts = dict(moved.contributions(moved.encoder.transform(crossentropy.tables.read_table(levels))))
    np.testing.assert_allclose(
        softmax(parts["level"] + moved.centred_bias, axis=1), moved.predict_proba(levels), rtol=1e-6
    )


def test_a_moved_classifier_is_the_same_after_it_was_saved(folder, levels, tmp_path):
    moved = load_classifier(folder).at_frequencies(PRIOR)
    moved.save(tmp_path / "moved")
    again = Classifier.load(tmp_path / "moved")
    assert again.predict_proba(levels).tobytes() == moved.predict_proba(levels).tobytes()
    assert again.frequencies.tobytes() == moved.frequencies.tobytes()


def test_on_rows_of_those_frequencies_the_loss_falls(folder, tmp_path):
    later = dealt(3000, 2, AFTER)
    plain, moved = evaluate_run(folder, later)[0], evaluate_run(folder, later, deployment_prior=PRIOR)[0]
    assert moved.loss.high < plain.loss.low
    assert moved.calibration.error < moved.calibration.noise < plain.calibration.error
    later.write_csv(tmp_path / "later.csv")
    (tmp_path / "prior.json").write_text(json.dumps(PRIOR))
    code, out, err = call(
        "evaluate", folder, "later.csv", "--deployment-prior", "prior.json", "--json", cwd=tmp_path
    )
    assert code == 0, err
    assert json.loads(out)["loss"] == moved.loss.model_dump()
    assert re.search(
        r"'beech' was 3\d\.\d % of the training rows and is taken for 5 %; of these rows it is 5\.\d+ %", err
    )
    arguments = ["predict", str(folder), str(tmp_path / "later.csv"), "--deployment-prior", json.dumps(PRIOR)]
    done = CliRunner().invoke(verbs, [*arguments, "--out", str(tmp_path / "out.csv")])
    assert done.exit_code == 0
    frame, _ = predict_run(folder, later, deployment_prior=PRIOR)
    got = pl.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(got["p_ash"].to_numpy(), frame["p_ash"].to_numpy(), rtol=1e-12)
    assert got["label"].to_list() == frame["label"].to_list()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ash": 0.9, "beech": 0.1}, "lack that of cedar"),
        (
            {"ash": 0.8, "beech": 0.1, "cedar": 0.05, "oak": 0.05},
            "name a class 'oak'; there are ash, beech, cedar",
        ),
        ({"ash": 0.9, "beech": 0.1, "cedar": 0}, "frequency of class 'cedar' is 0, no number above 0"),
        ({"ash": 0.9, "beech": 0.1, "cedar": "1 %"}, "is '1 %', no number above 0"),
        ({"ash": 0.9, "beech": 0.1, "cedar": True}, "is True, no number above 0"),
        ({"ash": 0.9, "beech": 0.1, "cedar": float("nan")}, "is nan, no number above 0"),
        ("[0.9, 0.05, 0.05]", "are [0.9, 0.05, 0.05], no object by class names"),
        ("{", "no JSON"),
        ("nowhere.json", "nowhere.json: cannot be read"),
    ],
)
def test_what_are_no_frequencies_of_the_classes_is_refused(wrong, said):
    with pytest.raises(ConfigError) as caught:
        read_frequencies(wrong, ("ash", "beech", "cedar"))
    assert said in str(caught.value)
    assert 'Expected how frequent each class is, {"ill": 0.01' in str(caught.value)


def test_counts_and_classes_that_are_numbers_will_do():
    np.testing.assert_allclose(read_frequencies({"0": 30, 1: 10}, (0, 1)), [0.75, 0.25])
    np.testing.assert_allclose(read_frequencies('{"no": 1e99, "yes": 1e99}', ("no", "yes")), [0.5, 0.5])


def test_a_bundle_without_frequencies_says_so(folder, tmp_path, levels):
    old = load_classifier(folder)
    Classifier(old.encoder, old.model, old.calibration, old.classes, old.target).save(tmp_path)
    again = Classifier.load(tmp_path)
    assert again.predict_proba(levels).tobytes() == old.predict_proba(levels).tobytes()
    with pytest.raises(BundleError, match=r"saved without the class frequencies.*Train it again"):
        again.at_frequencies(PRIOR)
