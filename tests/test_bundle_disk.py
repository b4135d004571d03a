"""What a crash, a full disk or a reader at the wrong moment would find of a saved bundle."""

import ctypes
import errno
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from crossentropy.bundle import Bundle, read_bundle, replace_folder, write_bundle
from crossentropy.errors import BundleError, OutputError


@pytest.fixture
def saved(tmp_path):
    write_bundle(tmp_path, Bundle({"kind": "x"}, {"a": np.arange(6.0)}, {"schema": {"columns": []}}))
    return tmp_path


def test_at_every_flush_a_reader_finds_the_old_or_the_new_bundle_whole(saved, monkeypatch):
    """A crash leaves what was flushed: each file is flushed in full before it has its name, the folder last."""
    real, flushed, found = os.fsync, [], []

    def watched(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append((path.name, os.fstat(descriptor).st_size))
        found.append(read_bundle(saved).meta["kind"])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_bundle(saved, Bundle({"kind": "y"}, {"a": np.arange(7.0)}, {"schema": {"columns": [1]}}))
    for path in saved.iterdir():
        (size,) = [s for name, s in flushed if name.startswith(f".{path.name}.")]
        assert size == path.stat().st_size
    assert flushed[-1][0] == saved.name
    assert found == sorted(found)
    assert (found[0], found[-1]) == ("x", "y")


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "Free some space"), (errno.EIO, "Choose another")]
)
def test_a_disk_that_fails_loses_nothing_and_leaves_no_scraps(saved, monkeypatch, number, said):
    def full(descriptor):
        raise OSError(number, os.strerror(number))

    before = sorted(saved.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=rf"cannot be written \({os.strerror(number)}\)\. {said}"):
        write_bundle(saved, Bundle({"kind": "y"}, {"a": np.arange(7.0)}))
    assert sorted(saved.iterdir()) == before
    assert read_bundle(saved).meta == {"kind": "x"}


def no_library(*arguments, **options):
    raise OSError("no C library")


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_is_removed_only_when_the_new_one_stands_in_its_place(tmp_path, monkeypatch, exchange):
    new, folder = tmp_path / "new", tmp_path / "folder"
    for path in (new, folder):
        path.mkdir()
        (path / "which").write_text(path.name)
    if not exchange:
        monkeypatch.setattr(ctypes, "CDLL", no_library)
    real = shutil.rmtree

    def watched(path, *arguments, **options):
        assert (folder / "which").read_text() == "new"
        real(path, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", watched)
    replace_folder(new, folder)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (folder / "which").read_text() == "new"


def test_a_reader_finds_a_replaced_folder_at_every_moment(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("0")
    stop = threading.Event()

    def write():
        try:
            for n in range(1, 500):
                new = tmp_path / f"new{n}"
                new.mkdir()
                (new / "file").write_text(str(n))
                replace_folder(new, folder)
        finally:
            stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    missed = 0
    while not stop.is_set():
        missed += not folder.is_dir()
    writer.join()
    assert missed == 0
    assert (folder / "file").read_text() == "499"


@pytest.mark.parametrize("file", ["../model-0123456789abcdef.safetensors", "model-0123456789abcdef.json.bak"])
def test_an_index_names_files_of_its_own_folder_only(saved, file):
    path = saved / "model.json"
    entry = {"file": file, "bytes": 1, "sha256": ""}
    path.write_text(json.dumps({**json.loads(path.read_text()), "files": {"model": entry}}))
    with pytest.raises(BundleError, match="not of the expected form"):
        read_bundle(saved)


def test_tens_of_thousands_of_names_fit_in_the_index(tmp_path):
    meta = {"classes": [f"a class of some length, number {i}" for i in range(20_000)]}
    write_bundle(tmp_path, Bundle(meta, {}))
    assert read_bundle(tmp_path).meta == meta
