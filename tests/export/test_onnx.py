"""The exported file says what the classifier says, tells what it is, and is not there where it would say otherwise."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch

import crossentropy
from crossentropy.bundle import read_bundle
from crossentropy.classifier import Classifier, LinearModel, LogitCalibration, Mixture, MixturePart
from crossentropy.errors import BundleError, ConfigError, OutputError
from crossentropy.export import export_onnx, onnx_model, save_onnx
from crossentropy.network import NetworkClassifier
from crossentropy.tables import Encoder, infer_columns, read_table
from tests.cli.command import call

CLASSES = ("ash", "beech", "cedar")


def table(n=300, words=40):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2))
    missing = rng.random(n) < 0.1
    terms = [f"w{i}" for i in range(words)]
    return pl.DataFrame(
        {
            "x": x[:, 0],
            "gap": [None if m else v for m, v in zip(missing, x[:, 1].tolist(), strict=True)],
            "level": rng.choice(["a", "b", "c"], n),
            "day": pl.date_range(
                pl.date(2024, 1, 1), pl.date(2024, 1, 1) + pl.duration(days=n - 1), eager=True
            ),
            "text": [" ".join(row) for row in rng.choice(terms, (n, 12))],
        }
    )


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def linear(frame, calibration=None):
    """A classifier of which no weight is 0."""
    source = read_table(frame)
    encoder = Encoder.fit(source, infer_columns(source, leave_out={}), n_classes=3)
    rng = np.random.default_rng(1)
    model = LinearModel(rng.normal(size=(3, len(encoder.feature_names))), rng.normal(size=3))
    calibration = calibration or LogitCalibration(rng.normal(size=3), 1.7)
    return Classifier(encoder, model, calibration, CLASSES, "tree", np.array([0.2, 0.3, 0.5]))


def mixed(frame, **settings):
    """A linear model and a bag of small networks, each calibrated in its own way."""
    classifier = linear(frame)
    features = classifier.encoder.transform(read_table(frame))
    targets = (np.nan_to_num(features.dense[:, 0]) > 0) + np.arange(len(frame)) % 2
    settings = {"members": 3, "width": 12, "epochs": 1, "folds": 2, **settings}
    bag = NetworkClassifier(**settings).fit(features, targets).network_
    torch.manual_seed(0)
    for part in bag.parts:
        for parameter in part.network.requires_grad_(False).parameters():
            # no parameter stays where it was begun
            parameter += 0.1 * torch.randn_like(parameter)
    rng = np.random.default_rng(2)
    own = LogitCalibration(np.zeros(3), 1.3, rng.normal(size=3), rng.normal(size=3))
    parts = (
        MixturePart("linear", classifier.model, classifier.calibration, 0.1),
        MixturePart("network", bag, own, 0.9),
    )
    return replace(classifier, model=Mixture(parts), calibration=LogitCalibration(np.zeros(3), 1.0))


def digits():
    return crossentropy.train("sklearn:digits", C=1.0).classifier, "sklearn:digits"


def weighted():
    settings = {"class_weight": "balanced", "C": 100.0}
    run = crossentropy.train("sklearn:breast_cancer", **settings)
    assert run.classifier.calibration.shift.any()
    return run.classifier, "sklearn:breast_cancer"


def with_calibration(form):
    rng = np.random.default_rng(3)
    scale = {"vector": rng.normal(size=3), "matrix": rng.normal(size=(3, 3))}[form]
    frame = table()
    return linear(frame, LogitCalibration(rng.normal(size=3), 0.6, scale, rng.normal(size=3))), frame


def moved():
    frame = table()
    return linear(frame).at_frequencies({"ash": 0.1, "beech": 0.1, "cedar": 0.8}), frame


def many_words():
    """More sparse features than a network takes as they are: it has directions."""
    frame = table(200, words=400)
    classifier = mixed(frame, folds=1)
    assert classifier.model.parts[1].model.parts[0].preparation.directions is not None
    return classifier, frame


CASES = {
    "ten classes": (digits, 1e-12),
    "two classes, weighted": (weighted, 1e-12),
    "numbers, levels, dates and words": (lambda: (linear(table()), table()), 1e-12),
    "vector scaling": (lambda: with_calibration("vector"), 1e-12),
    "matrix scaling": (lambda: with_calibration("matrix"), 1e-12),
    "other frequencies": (moved, 1e-12),
    "a mixture": (lambda: (mixed(table().drop("text")), table().drop("text")), 1e-9),
    "one network of no number": (lambda: (mixed(table()[["level"]], folds=1), table()[["level"]]), 1e-9),
    "a network over many words": (many_words, 1e-5),
}


def computed(path, classifier, data):
    """What a program without us makes of the features."""
    session = onnxruntime.InferenceSession(path)
    features = classifier.encoder.transform(read_table(data, expected=classifier.encoder.expected))
    return session.run(["probabilities"], {"features": features.toarray()})[0]


@pytest.mark.parametrize("name", CASES)
def test_the_file_says_what_the_classifier_says(name, tmp_path):
    make, within = CASES[name]
    classifier, data = make()
    told = export_onnx(classifier, tmp_path / "a.onnx")
    assert told.rows == 1000
    assert told.largest_difference <= within <= 1e4 * told.tolerance
    found = computed(told.path, classifier, data)
    np.testing.assert_allclose(found, classifier.predict_proba(data), rtol=0, atol=within)
    # the check has seen unsure rows: a file that is right only about sure ones would not pass
    assert found.max(axis=1).min() < 0.9
    on_rows = export_onnx(classifier, tmp_path / "b.onnx", data)
    assert on_rows.rows == len(found)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    onnx.checker.check_model(told.path, full_check=True)


def test_the_file_tells_what_it_is(tmp_path):
    classifier = linear(table())
    classifier.save(tmp_path / "saved")
    told = export_onnx(tmp_path / "saved", tmp_path / "a.onnx")
    content = told.path.read_bytes()
    assert (told.size, told.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    model = onnx.load(told.path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    files = json.loads((tmp_path / "saved" / "model.json").read_text())["files"]
    assert metadata["target"] == "tree"
    assert json.loads(metadata["classes"]) == list(CLASSES)
    assert json.loads(metadata["feature_names"]) == list(classifier.encoder.feature_names)
    assert json.loads(metadata["columns"]) == table().columns
    assert json.loads(metadata["class_frequencies"]) == [0.2, 0.3, 0.5]
    assert metadata["crossentropy"] == model.producer_version == crossentropy.__version__
    assert metadata["model_sha256"] == files["model"]["sha256"]
    assert metadata["schema_sha256"] == files["schema"]["sha256"]
    session = onnxruntime.InferenceSession(content)
    d = len(classifier.encoder.feature_names)
    assert [(v.name, v.type, v.shape) for v in session.get_inputs()] == [
        ("features", "tensor(float)", ["rows", d])
    ]
    assert [(v.name, v.type, v.shape) for v in session.get_outputs()] == [
        ("probabilities", "tensor(double)", ["rows", 3])
    ]


def altered(model, change):
    array = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    change(array)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(array, model.graph.initializer[0].name))


DAMAGE = {
    "a weight off by 1e-7": lambda model: altered(model, lambda a: a.__setitem__((1, 0), a[1, 0] + 1e-7)),
    "a weight that is no number": lambda model: altered(model, lambda a: a.__setitem__((0, 0), np.nan)),
    "softmax over the rows": lambda model: model.graph.node[-1].attribute[0].__setattr__("i", 0),
    "no temperature": lambda model: next(n for n in model.graph.node if n.op_type == "Div").__setattr__(
        "op_type", "Mul"
    ),
    "another name": lambda model: model.graph.output[0].__setattr__("name", model.graph.node[0].output[0]),
    "an unknown operator": lambda model: model.graph.node[0].__setattr__("op_type", "Guess"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_model_that_says_something_else_is_not_written(name, tmp_path):
    classifier = linear(table())
    old = export_onnx(classifier, tmp_path / "old.onnx").path.read_bytes()
    model = onnx_model(classifier)
    DAMAGE[name](model)
    with pytest.raises(BundleError):
        save_onnx(model, classifier, tmp_path / "new.onnx")
    with pytest.raises(BundleError):
        save_onnx(model, classifier, tmp_path / "old.onnx", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["old.onnx"]
    assert (tmp_path / "old.onnx").read_bytes() == old


def test_a_file_is_replaced_only_by_force(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        export_onnx(linear(table()), path)
    assert path.read_text() == "mine"
    export_onnx(linear(table()), path, force=True)
    onnx.load(path)
    with pytest.raises(OutputError, match=r"'.txt' is not written here. Use .onnx"):
        export_onnx(linear(table()), tmp_path / "a.txt")


def test_weights_beyond_what_a_file_holds_are_refused_before_they_are_copied(tmp_path):
    classifier = linear(table())
    d = len(classifier.encoder.feature_names)
    # one number that stands for all, so that they take no memory here
    weight = np.broadcast_to(0.5, ((1 << 30) // 8 // d + 1, d))
    large = replace(classifier, model=LinearModel(weight, np.zeros(3)))
    tracemalloc.start()
    with pytest.raises(ConfigError, match=r"take 1\.0 GiB"):
        export_onnx(large, tmp_path / "a.onnx")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_way_to_get_it(package, tmp_path):
    linear(table()).save(tmp_path / "run" / "model")
    # how Python itself marks what cannot be imported
    code = f"import sys; sys.modules[{package!r}] = None; from crossentropy.cli import main; main()"
    command = [sys.executable, "-c", code, "export", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert package in done.stderr
    assert "pip install 'crossentropy[onnx]'" in done.stderr
    assert not (tmp_path / "run" / "model.onnx").exists()


def test_the_command_writes_and_tells_the_parity(tmp_path):
    linear(table()).save(tmp_path / "run" / "model")
    code, out, err = call("export", "run", "--format", "onnx", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("ONNX: run/model.onnx (")
    assert "Parity: on 1,000 rows probabilities differ by at most " in out
    table().write_parquet(tmp_path / "rows.parquet")
    code, out, err = call("export", "run", "rows.parquet", "--out", "b.onnx", "--json", cwd=tmp_path)
    assert code == 0, err
    told = json.loads(out)
    assert (told["path"], told["rows"]) == ("b.onnx", 300)
    assert told["sha256"] == hashlib.sha256((tmp_path / "run" / "model.onnx").read_bytes()).hexdigest()


def test_a_damaged_run_is_refused_and_nothing_written(tmp_path):
    folder = tmp_path / "run" / "model"
    linear(table()).save(folder)
    (arrays,) = folder.glob("model-*.safetensors")
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"\0")
    code, out, err = call("export", "run", "--out", "a.onnx", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "SHA-256" in err
    assert not (tmp_path / "a.onnx").exists()
    with pytest.raises(BundleError):
        read_bundle(folder)
