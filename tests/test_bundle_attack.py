"""A saved classifier from a stranger: whatever its files hold, it loads as data or is refused in one line."""

import copy
import hashlib
import json
import os
import struct
import subprocess
import sys
import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import crossentropy
from crossentropy.bundle import read_bundle, write_bundle
from crossentropy.errors import BundleError

FUZZ = settings(deadline=None, derandomize=True, max_examples=300)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    frame = {"x": x, "c": np.where(rng.random(60) < 0.5, "u", "v"), "y": np.where(x > 0, "b", "a")}
    run = crossentropy.train(pl.DataFrame(frame), target="y")
    run.classifier.save(folder)
    return folder


def parts(folder):
    """Return the index, the schema and the raw arrays of a bundle."""
    bundle = read_bundle(folder)
    return dict(bundle.meta), copy.deepcopy(bundle.documents["schema"]), dict(bundle.arrays)


def forge(folder, meta, schema, model):
    """Write a consistent bundle, sizes and digests right, around arbitrary contents."""
    files = {}
    for name, suffix, content in (
        ("model", "safetensors", model),
        ("schema", "json", json.dumps(schema).encode()),
    ):
        digest = hashlib.sha256(content).hexdigest()
        file = f"{name}-{digest[:16]}.{suffix}"
        (folder / file).write_bytes(content)
        files[name] = {"file": file, "bytes": len(content), "sha256": digest}
    (folder / "model.json").write_text(json.dumps({"format": 1, **meta, "files": files}))


def load_or_refuse(folder):
    """The promise: a classifier whose probabilities are probabilities, or one line."""
    refused = ""
    try:
        classifier = crossentropy.Classifier.load(folder)
    except BundleError as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused
        assert str(folder) in refused
        return False
    data = pl.DataFrame({"x": [0.0, 1e9, None], "c": ["u", "w", None]})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", crossentropy.errors.DataWarning)
            p = classifier.predict_proba(data)
    except crossentropy.errors.DataError:
        return True
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    return True


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def put(value, path, new):
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@FUZZ
@given(st.data())
def test_any_change_to_the_json_loads_as_data_or_is_refused(good, tmp_path_factory, data):
    meta, schema, arrays = parts(good)
    which = data.draw(st.sampled_from(["meta", "schema"]))
    value = {"meta": meta, "schema": schema}[which]
    changed = put(value, data.draw(st.sampled_from(list(places(value)))), data.draw(JSON))
    folder = tmp_path_factory.mktemp("forged")
    if which == "meta":
        meta = changed if isinstance(changed, dict) else {}
    else:
        schema = changed
    forge(folder, meta, schema, save(arrays))
    load_or_refuse(folder)


@FUZZ
@given(
    st.sampled_from(["weight", "bias", "shift"]),
    st.sampled_from(["f8", "f4", "f2", "i8", "u1", "b1"]),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from([0.0, 1.0, np.nan, np.inf, 1e308]),
)
def test_arrays_of_another_shape_type_or_value_are_refused(good, tmp_path_factory, name, dtype, shape, value):
    meta, schema, arrays = parts(good)
    with np.errstate(all="ignore"):
        array = np.full(shape, value).astype(dtype)
    fits = array.shape == arrays[name].shape and array.dtype == np.float64 and np.isfinite(array).all()
    folder = tmp_path_factory.mktemp("forged")
    forge(folder, meta, schema, save({**arrays, name: array}))
    assert load_or_refuse(folder) == fits


@FUZZ
@given(st.data())
def test_any_bytes_in_place_of_the_arrays_are_refused(good, tmp_path_factory, data):
    meta, schema, arrays = parts(good)
    whole = bytearray(save(arrays))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    folder = tmp_path_factory.mktemp("forged")
    forge(folder, meta, schema, bytes(whole))
    load_or_refuse(folder)


@FUZZ
@given(st.data())
def test_any_bytes_in_place_of_any_file_load_as_data_or_are_refused(good, tmp_path_factory, data):
    """Damage without its digests mended: what a bad disk, a bad copy or a clumsy hand leaves."""
    folder = copy_of(good, tmp_path_factory.mktemp("damaged"))
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    whole = bytearray(path.read_bytes())
    before = bytes(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.sampled_from([0, 1, 4, len(whole)]))] = data.draw(st.binary(max_size=8))
    path.write_bytes(bytes(whole))
    loaded = load_or_refuse(folder)
    # arrays and schema are sealed by their digests; the index is not, and holds names of no consequence
    assert path.name == "model.json" or loaded == (bytes(whole) == before)


@FUZZ
@given(st.data())
def test_any_change_to_the_index_of_files_is_refused_or_harmless(good, tmp_path_factory, data):
    folder = copy_of(good, tmp_path_factory.mktemp("damaged"))
    index = json.loads((folder / "model.json").read_text())
    path = data.draw(st.sampled_from(list(places(index["files"]))))
    names = st.sampled_from(
        [*[p.name for p in folder.iterdir()], "../x", "/etc/passwd", "", ".", "a\0b", 10**30]
    )
    changed = put(index["files"], path, data.draw(JSON | names))
    (folder / "model.json").write_text(json.dumps({**index, "files": changed}))
    assert load_or_refuse(folder) == (changed == index["files"])


def header(text):
    raw = json.dumps(text).encode()
    return struct.pack("<Q", len(raw)) + raw


@pytest.mark.parametrize(
    "model",
    [
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2**64 - 1),
        header({"weight": {"dtype": "F64", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}) + bytes(8),
        header({"weight": {"dtype": "F64", "shape": [2**63], "data_offsets": [0, 2**63]}}),
        header({"weight": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}) + bytes(8),
        header({"weight": {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 8]}}) + bytes(8),
        header({"weight": {"dtype": "F64", "shape": [1], "data_offsets": [8, 0]}}) + bytes(8),
        b"",
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    ],
    ids=[
        "huge header",
        "huge length",
        "absurd shape",
        "absurd size",
        "negative",
        "object",
        "backwards",
        "empty",
        "pickle",
    ],
)
def test_absurd_arrays_are_refused_at_once(good, tmp_path, model):
    meta, schema, _ = parts(good)
    forge(tmp_path, meta, schema, model)
    assert not load_or_refuse(tmp_path)


@pytest.mark.parametrize(
    "index",
    [
        '{"format": 1, "format": 1}',
        '{"format": NaN}',
        '{"a": ' * 100_000,
        '{"format": 99}',
        '{"format": 1, "files": {"model": {"file": "model-0123456789abcdef.json", "bytes": -1, "sha256": ""}}}',
        '{"format": 1, "files": {"model": {"file": "model-0123456789abcdef.json", "bytes": true, "sha256": ""}}}',
        '{"format": 1, "files": {"model": {"file": "..\\/x-0123456789abcdef.json", "bytes": 1, "sha256": ""}}}',
    ],
    ids=["repeated key", "nan", "deep", "newer", "negative size", "boolean size", "path"],
)
def test_absurd_indexes_are_refused(good, tmp_path, index):
    (tmp_path / "model.json").write_text(index)
    assert not load_or_refuse(tmp_path)


def test_an_index_too_large_to_be_one_is_not_read(tmp_path):
    with (tmp_path / "model.json").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(BundleError, match="has 1099511627776 bytes"):
        read_bundle(tmp_path)


def claimed(folder, name, content_or_size):
    """A bundle whose index claims a file of that name, size and digest; a size makes a file with a hole."""
    path = folder / f"{name}-0123456789abcdef.json"
    if isinstance(content_or_size, int):
        with path.open("wb") as stream:
            stream.truncate(content_or_size)
        entry = {"bytes": content_or_size, "sha256": "0" * 64}
    else:
        path.write_bytes(content_or_size)
        entry = {"bytes": len(content_or_size), "sha256": hashlib.sha256(content_or_size).hexdigest()}
    return {**entry, "file": path.name}


LIMITED = """
import resource, sys
from crossentropy import Classifier
from crossentropy.errors import BundleError
import safetensors.numpy, polars, pydantic
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))
try:
    Classifier.load(sys.argv[1])
except BundleError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["document", "arrays", "many", "nested", "wide"])
def test_what_a_bundle_makes_us_hold_is_bounded(good, tmp_path, what):
    """In a process that may take one gigabyte more than it has."""
    folder = copy_of(good, tmp_path)
    index = json.loads((folder / "model.json").read_text())
    files = index["files"]
    if what == "document":
        files["schema"] = claimed(folder, "schema", 1 << 36)
    elif what == "arrays":
        files["model"] = claimed(folder, "model", 1 << 30)
    elif what == "many":
        files.update(
            {f"x{i}": claimed(folder, "x", b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}") for i in range(100)}
        )
    elif what == "nested":
        files["schema"] = claimed(folder, "schema", b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    else:
        files["schema"] = claimed(folder, "schema", b'{"columns": [' + b"[]," * (5 << 20) + b"[]]}")
    (folder / "model.json").write_text(json.dumps(index))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(str(folder))
    assert len(done.stdout.splitlines()) == 1


def copy_of(good, tmp_path):
    for path in good.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_links_and_pipes_are_refused(good, tmp_path):
    for name in [p.name for p in good.iterdir()]:
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        path = copy_of(good, folder) / name
        path.unlink()
        path.symlink_to(good / name)
        assert not load_or_refuse(folder)
        path.unlink()
        os.mkfifo(path)
        assert not load_or_refuse(folder)


def test_swapped_files_are_refused(good, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        copy_of(good, folder)
    bundle = read_bundle(second)
    write_bundle(
        second,
        type(bundle)(bundle.meta, {**bundle.arrays, "bias": bundle.arrays["bias"] + 1}, bundle.documents),
    )
    (theirs,) = second.glob("*.safetensors")
    (ours,) = first.glob("*.safetensors")
    ours.write_bytes(theirs.read_bytes())
    assert not load_or_refuse(first)
    assert load_or_refuse(second)


CHANGED = {
    "a temperature that overflows": lambda meta, schema: meta.update(temperature=1e-320),
    "classes of two types": lambda meta, schema: meta.update(classes=["a", 1]),
    "a separator of two characters": lambda meta, schema: schema["dialect"].update(separator="ab"),
    "no separator": lambda meta, schema: schema["dialect"].update(separator=""),
    "a quote beyond ASCII": lambda meta, schema: schema["dialect"].update(quote="é"),
    "a quote that separates": lambda meta, schema: schema["dialect"].update(quote=","),
    "an encoding that is none": lambda meta, schema: schema["dialect"].update(encoding="base64"),
    "an encoding nobody knows": lambda meta, schema: schema["dialect"].update(encoding="nope"),
    "a column twice": lambda meta, schema: schema["columns"][1].update(name="x"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_would_break_a_prediction_later_is_refused_when_it_is_loaded(good, tmp_path, name):
    meta, schema, arrays = parts(good)
    schema["dialect"] = {"separator": ","}
    forge(tmp_path, meta, schema, save(arrays))
    crossentropy.Classifier.load(tmp_path)
    CHANGED[name](meta, schema)
    forge(tmp_path, meta, schema, save(arrays))
    with pytest.raises(BundleError):
        crossentropy.Classifier.load(tmp_path)


@pytest.mark.parametrize("name", ["weight", "bias", "shift"])
def test_weights_whose_logits_would_overflow_are_refused(good, tmp_path, name):
    meta, schema, arrays = parts(good)
    forge(tmp_path, meta, schema, save({**arrays, name: np.full_like(arrays[name], 1e300)}))
    with pytest.raises(BundleError, match=f"{name} is float64"):
        crossentropy.Classifier.load(tmp_path)
