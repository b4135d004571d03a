"""The bundle: what is written comes back, bit for bit; what is damaged is refused; a crash loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crossentropy.bundle import Bundle, read_bundle, write_bundle
from crossentropy.errors import BundleError, OutputError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ARRAYS = st.dictionaries(
    st.text("abcdef_", min_size=1, max_size=6),
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8]),
        hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
    ),
    max_size=3,
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(meta=st.dictionaries(st.sampled_from(["kind", "classes", "note"]), JSON), arrays=ARRAYS, document=JSON)
def test_what_is_written_comes_back(tmp_path_factory, meta, arrays, document):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, Bundle(meta, arrays, {"schema": {"of": document}}))
    again = read_bundle(folder)
    assert again.meta == meta
    assert again.documents == {"schema": {"of": document}}
    assert set(again.arrays) == set(arrays)
    for name, array in arrays.items():
        assert again.arrays[name].dtype == array.dtype
        assert again.arrays[name].shape == array.shape
        assert again.arrays[name].tobytes() == array.tobytes()


@pytest.fixture
def saved(tmp_path):
    write_bundle(tmp_path, Bundle({"kind": "x"}, {"a": np.arange(6.0)}, {"schema": {"columns": []}}))
    return tmp_path


def test_saving_over_an_older_bundle_leaves_one(saved):
    write_bundle(saved, Bundle({"kind": "y"}, {"a": np.arange(7.0)}, {"schema": {"columns": [1]}}))
    assert read_bundle(saved).arrays["a"].shape == (7,)
    assert len(list(saved.iterdir())) == 3


def test_saving_leaves_other_files_alone(saved):
    (saved / "notes.txt").write_text("mine")
    write_bundle(saved, Bundle({}, {"a": np.zeros(1)}))
    assert (saved / "notes.txt").read_text() == "mine"
    assert len(list(saved.iterdir())) == 3


def test_every_flipped_byte_and_every_truncation_is_refused(saved):
    for path in saved.iterdir():
        whole = path.read_bytes()
        if path.name == "model.json":
            continue
        for at in range(0, len(whole), 7):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(BundleError, match="SHA-256"):
                read_bundle(saved)
            path.write_bytes(whole[:at])
            with pytest.raises(BundleError, match=f"has {at} bytes"):
                read_bundle(saved)
        path.write_bytes(whole)
    read_bundle(saved)


def change(folder, **entries):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"format": 2}, "reads format 1"),
        ({"format": None}, "reads format 1"),
        ({"files": []}, "names no model file"),
        ({"files": {}}, "names no model file"),
        ({"files": {"model": "model.safetensors"}}, "not of the expected form"),
        (
            {"files": {"model": {"file": "../../etc/passwd", "bytes": 1, "sha256": ""}}},
            "not of the expected form",
        ),
        ({"files": {"model": {"file": "/etc/passwd", "bytes": 1, "sha256": ""}}}, "not of the expected form"),
        (
            {"files": {"model": {"file": "model-0123456789abcdef.safetensors", "bytes": 1, "sha256": ""}}},
            "cannot be read",
        ),
    ],
)
def test_a_changed_index_is_refused(saved, entries, said):
    change(saved, **entries)
    with pytest.raises(BundleError, match=said):
        read_bundle(saved)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"nan"])
def test_an_index_that_is_no_json_object_is_refused(saved, content):
    (saved / "model.json").write_bytes(content)
    with pytest.raises(BundleError):
        read_bundle(saved)


def test_no_bundle_is_refused_by_name(tmp_path):
    with pytest.raises(BundleError, match=r"model\.json: cannot be read"):
        read_bundle(tmp_path / "nothing")


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_bundle(tmp_path / "file" / "inside", Bundle({}, {}))


WRITER = """
import sys, numpy as np
from crossentropy.bundle import Bundle, write_bundle
print("ready", flush=True)
n = 0
while True:
    n += 1
    write_bundle(sys.argv[1], Bundle({"n": n}, {"a": np.full(200_000, n, float)}, {"schema": {"n": n}}))
"""


def kill_while_saving(folder, times, rng):
    for _ in range(times):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        bundle = read_bundle(folder)
        n = bundle.meta["n"]
        assert bundle.documents["schema"] == {"n": n}
        assert (bundle.arrays["a"] == n).all()


def test_killed_while_saving_the_old_or_the_new_is_whole(saved):
    write_bundle(saved, Bundle({"n": 0}, {"a": np.zeros(200_000)}, {"schema": {"n": 0}}))
    kill_while_saving(saved, 8, np.random.default_rng(0))


@pytest.mark.deep
def test_killed_while_saving_hundreds_of_times(saved):
    write_bundle(saved, Bundle({"n": 0}, {"a": np.zeros(200_000)}, {"schema": {"n": 0}}))
    kill_while_saving(saved, 300, np.random.default_rng(1))


def test_files_get_the_users_own_permissions(saved):
    mask = os.umask(0o027)
    try:
        write_bundle(saved, Bundle({}, {"a": np.zeros(3)}))
    finally:
        os.umask(mask)
    assert (saved / "model.json").stat().st_mode & 0o777 == 0o640
