"""The trained thing: its probabilities are those of its equation, and it is the same after it was saved."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax

import crossentropy
from crossentropy.bundle import Bundle, read_bundle, write_bundle
from crossentropy.classifier import Classifier, LinearModel, LogitCalibration
from crossentropy.errors import BundleError
from crossentropy.tables import Encoder, infer_columns, read_table

CLASSES = {
    "words": ("ash", "beech", "cedar"),
    "two words": ("no", "yes"),
    "numbers": (-1, 0, 7, 12),
    "two numbers": (0, 1),
    "booleans": (False, True),
}
# more than one tile of rows, and a last one that is not full
ROWS = 2 * 4096 + 17


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "a": rng.normal(size=ROWS),
            "b": [None if u < 0.1 else u for u in rng.random(ROWS).tolist()],
            "c": rng.choice(["x", "y", "z"], ROWS),
        }
    )


def make(frame, classes):
    """A classifier of which no part is neutral: neither shift nor temperature, nor a missing value."""
    table = read_table(frame)
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}))
    rng = np.random.default_rng(len(classes))
    k = len(classes)
    model = LinearModel(rng.normal(size=(k, len(encoder.feature_names))), rng.normal(size=k))
    return Classifier(encoder, model, LogitCalibration(rng.normal(size=k), 2.5), classes, "target")


@pytest.mark.parametrize("name", CLASSES)
def test_the_probabilities_are_those_of_the_equation(frame, name):
    classifier = make(frame, CLASSES[name])
    features = classifier.encoder.transform(read_table(frame)).toarray().astype(np.float64)
    raw = features @ classifier.model.weight.T + classifier.model.bias
    # divided out by hand: shift first, then temperature
    want = raw / 2.5 + classifier.calibration.shift / 2.5
    np.testing.assert_allclose(classifier.logits(frame), want, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(classifier.predict_proba(frame), softmax(want, axis=1), rtol=1e-9)


@pytest.mark.parametrize("name", CLASSES)
def test_label_decision_and_probability_agree(frame, name):
    classes = CLASSES[name]
    classifier = make(frame, classes)
    p = classifier.predict_proba(frame)
    labels = classifier.predict(frame).tolist()
    assert labels == [classes[j] for j in p.argmax(axis=1)]
    assert {type(label) for label in labels} == {type(classes[0])}
    decision = classifier.decision_function(frame)
    if len(classes) == 2:
        # as in scikit-learn: positive for the second class, and its log-odds
        np.testing.assert_allclose(decision, np.log(p[:, 1] / p[:, 0]))
    else:
        np.testing.assert_allclose(softmax(decision, axis=1), p)


@pytest.mark.parametrize("name", CLASSES)
def test_a_saved_classifier_is_the_same_in_every_part(frame, tmp_path, name):
    classifier = make(frame, CLASSES[name])
    classifier.save(tmp_path)
    again = Classifier.load(tmp_path)
    assert again.logits(frame).tobytes() == classifier.logits(frame).tobytes()
    assert again.encoder == classifier.encoder
    assert again.target == classifier.target
    assert again.classes == classifier.classes
    assert [type(c) for c in again.classes] == [type(c) for c in classifier.classes]
    assert again.calibration.temperature == 2.5
    assert again.calibration.shift.tobytes() == classifier.calibration.shift.tobytes()


@pytest.mark.parametrize("shape", [(3,), (3, 3)])
def test_richer_calibration_is_its_equation_adds_up_and_is_the_same_after_it_was_saved(
    frame, tmp_path, shape
):
    rng = np.random.default_rng(4)
    scale, bias = rng.normal(size=shape), rng.normal(size=3)
    plain = make(frame, CLASSES["words"])
    classifier = replace(plain, calibration=replace(plain.calibration, scale=scale, bias=bias))
    tempered = plain.logits(frame)
    matrix = np.diag(scale) if len(shape) == 1 else scale
    want = np.array(
        [[sum(matrix[k, j] * z[j] for j in range(3)) + bias[k] for k in range(3)] for z in tempered[:50]]
    )
    np.testing.assert_allclose(classifier.logits(frame)[:50], want, rtol=1e-9, atol=1e-9)
    parts = sum(part for _, part in classifier.contributions(classifier.encoder.transform(read_table(frame))))
    centred = classifier.logits(frame)
    centred -= centred.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(parts + classifier.centred_bias, centred, rtol=1e-5, atol=1e-4)
    classifier.save(tmp_path)
    again = Classifier.load(tmp_path)
    assert again.logits(frame).tobytes() == classifier.logits(frame).tobytes()


ARRAYS = {
    "a scale of another shape": lambda a: {**a, "calibration.scale": np.ones((2, 2))},
    "a bias of another shape": lambda a: {**a, "calibration.bias": np.ones((3, 1))},
    "an infinite scale": lambda a: {**a, "calibration.scale": np.full(3, np.inf)},
    "frequencies that do not sum to 1": lambda a: {**a, "frequencies": np.full(3, 0.3)},
    "a frequency of 0": lambda a: {**a, "frequencies": np.array([0.5, 0.5, 0.0])},
    "one class less": lambda a: {**a, "weight": a["weight"][:-1]},
    "one feature more": lambda a: {**a, "weight": np.pad(a["weight"], ((0, 0), (0, 1)))},
    "a row of biases": lambda a: {**a, "bias": a["bias"][None]},
    "one shift for all": lambda a: {**a, "shift": a["shift"][:1]},
    "no shift": lambda a: {name: a[name] for name in ("weight", "bias")},
    "not a number": lambda a: {**a, "bias": a["bias"] * np.nan},
    "infinite": lambda a: {**a, "shift": a["shift"] + np.inf},
    "single precision": lambda a: {**a, "weight": a["weight"].astype(np.float32)},
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_do_not_fit_are_refused(frame, tmp_path, name):
    make(frame, CLASSES["words"]).save(tmp_path)
    bundle = read_bundle(tmp_path)
    write_bundle(tmp_path, Bundle(bundle.meta, ARRAYS[name](bundle.arrays), bundle.documents))
    with pytest.raises(BundleError, match="not a saved classifier"):
        Classifier.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "forest"},
        {"classes": ["ash", "beech", None]},
        {"classes": ["ash", "beech", "beech"]},
        {"temperature": float("1e999")},
        {"temperature": -1.0},
        {"temperature": True},
    ],
)
def test_a_changed_meaning_is_refused(frame, tmp_path, change):
    make(frame, CLASSES["words"]).save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BundleError, match=r"not a saved classifier|not JSON"):
        Classifier.load(tmp_path)


def test_logits_are_the_sum_of_what_the_columns_add():
    rng = np.random.default_rng(0)
    words = ["red", "green", "blue", "old", "new"]
    frame = pl.DataFrame(
        {
            "number": rng.normal(size=300),
            "level": rng.choice(words, 300),
            "text": [" ".join(rng.choice(words, 4)) + f" {i % 7}" for i in range(300)],
            "kind": rng.choice(["ash", "beech", "cedar"], 300),
        }
    )
    found = crossentropy.train(
        frame, target="kind", class_weight="balanced", kinds={"text": "text"}
    ).classifier
    rows = found.encoder.transform(read_table(frame))
    parts = dict(found.contributions(rows))
    assert list(parts) == ["number", "level", "text"]
    logits = found.logits(frame)
    centred = logits - logits.mean(axis=1, keepdims=True)
    assert np.abs(sum(parts.values()) + found.centred_bias - centred).max() < 1e-12
    for part in parts.values():
        assert np.abs(part.sum(axis=1)).max() < 1e-12
        assert np.abs(part).max() > 1e-3
