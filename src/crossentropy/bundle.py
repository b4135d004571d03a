"""The saved form of a trained thing: arrays in safetensors, what they mean in JSON. Knows no class of ours.

    FOLDER/model.json                    what the arrays mean; names every other file with its size and SHA-256
    FOLDER/model-<digest>.safetensors    the arrays
    FOLDER/schema-<digest>.json          any further JSON document (here: `schema`)

Mechanism: the files that `model.json` names are written first, under names that carry their digest, and flushed
to the disk; `model.json` is then put in the place of the old one by a single rename, and files that no
`model.json` names any more are removed last. A reader therefore finds the old bundle or the new one, whole, at
whatever moment the writer is killed. Cost: the disk holds both for a moment. Overwriting the files in place would
save that and lose the old model to every crash.

Trust: nothing in a bundle is executed or imported. JSON holds data only, arrays are raw numbers, sizes and digests
are checked before anything is parsed, and file names are taken from `model.json` only if they are plain names of
the expected form.

Digest in the name is the first 16 hexadecimal digits of the SHA-256 that `model.json` holds in full.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import BundleError, OutputError

__all__ = [
    "FORMAT",
    "Bundle",
    "bundle_digests",
    "check_file",
    "read_bundle",
    "replace_folder",
    "write_bundle",
    "write_file",
]

FORMAT = 1
_NAME = re.compile(r"[a-z]+-[0-9a-f]{16}\.(safetensors|json)")
# Parsed and checked, JSON takes up to 60 times its size: bounds for what a stranger may make us hold, 1 GB in all.
_MAX_JSON = 16 << 20
_MAX_FILES = 16


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds: `meta` and `documents` are JSON data, `arrays` are NumPy arrays by name."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    documents: Mapping[str, Any] = field(default_factory=dict)


def write_bundle(folder: Path | str, bundle: Bundle) -> None:
    """Write a bundle into `folder`, whole or not at all; one that is there already is replaced.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    parts = _parts(bundle)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for name, (suffix, content) in parts.items():
            digest = hashlib.sha256(content).hexdigest()
            file = f"{name}-{digest[:16]}.{suffix}"
            files[name] = {"file": file, "bytes": len(content), "sha256": digest}
            write_file(folder / file, content)
        meta = {"format": FORMAT, **bundle.meta, "files": files}
        write_file(folder / "model.json", _json(meta))
        named = {f["file"] for f in files.values()}
        for old in folder.iterdir():
            if _NAME.fullmatch(old.name) and old.name not in named:
                old.unlink()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def bundle_digests(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each file that `write_bundle` would write beside `model.json`, by its name there."""
    return {name: hashlib.sha256(content).hexdigest() for name, (_, content) in _parts(bundle).items()}


def _parts(bundle: Bundle) -> dict[str, tuple[str, bytes]]:
    """Return the suffix and the content of each file but `model.json`."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(a, order="C") for name, a in bundle.arrays.items()}
    documents = {name: ("json", _json(document)) for name, document in bundle.documents.items()}
    return {"model": ("safetensors", save(arrays)), **documents}


def read_bundle(folder: Path | str) -> Bundle:
    """Read the bundle in `folder`, checking sizes and digests before parsing.

    Raises:
        BundleError: there is no bundle, it is damaged, or a newer version wrote it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    folder = Path(folder)
    path = folder / "model.json"
    meta = _parse(path, _content(path, None))
    if meta.get("format") != FORMAT:
        raise BundleError(
            f"{path}: written in format {meta.get('format')!r}; this version reads format {FORMAT}.",
            fix="Install a newer crossentropy, or train again.",
        )
    files = meta.get("files")
    if not isinstance(files, dict) or "model" not in files:
        raise BundleError(f"{path}: names no model file.", fix=_AGAIN)
    if len(files) > _MAX_FILES:
        raise BundleError(f"{path}: names {len(files)} files, expected at most {_MAX_FILES}.", fix=_AGAIN)
    documents = {}
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in files.items():
        file = entry.get("file") if isinstance(entry, dict) else None
        size = entry.get("bytes") if isinstance(entry, dict) else None
        if not isinstance(file, str) or not _NAME.fullmatch(file) or type(size) is not int or size < 0:
            raise BundleError(f"{path}: the entry of {name[:40]!r} is not of the expected form.", fix=_AGAIN)
        if name != "model" and size > _MAX_JSON:
            raise BundleError(f"{folder / file}: has {size} bytes, expected at most {_MAX_JSON}.", fix=_AGAIN)
        content = _content(folder / file, entry)
        if name == "model":
            try:
                arrays = load(content)
            except SafetensorError as error:
                raise BundleError(f"{folder / file}: not a safetensors file ({error}).", fix=_AGAIN) from None
        else:
            documents[name] = _parse(folder / file, content)
    return Bundle({k: v for k, v in meta.items() if k not in ("format", "files")}, arrays, documents)


def check_file(path: Path, suffixes: Collection[str], *, force: bool) -> None:
    """Refuse a place that cannot be written before the work is done for it.

    Args:
        path: of the file to come.
        suffixes: what its name may end in.
        force: whether a file that is there already may be replaced.

    Raises:
        OutputError: it has another suffix, exists, or cannot be written.
    """
    try:
        _check_file(path, suffixes, force)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror}).") from None


def _check_file(path: Path, suffixes: Collection[str], force: bool) -> None:
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"{path}: a file of kind {path.suffix!r} is not written here.", fix=f"Use {', '.join(suffixes)}."
        )
    if path.is_dir():
        raise OutputError(f"{path}: is a folder.", fix="Choose another with --out.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OutputError(f"{path}: exists and is no file.", fix="Choose another with --out.")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already.", fix="Choose another with --out, or add --force.")
    if not path.parent.is_dir():
        raise OutputError(
            f"{path}: there is no folder {path.parent}.", fix="Make it, or choose another with --out."
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"{path}: cannot be written (no permission in {path.parent}).", fix="Choose another with --out."
        )


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: into a temporary neighbour, flushed to the disk, renamed into place."""
    # the name itself may be as long as names can be
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}.part"
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # the rename itself lasts only once the folder is flushed
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def replace_folder(new: Path, folder: Path) -> None:
    """Put the folder `new` in the place of `folder`, which may exist; both lie on one file system.

    Linux exchanges two names in one step (renameat2, RENAME_EXCHANGE), so that a reader finds the old folder or
    the new one at every moment; where the file system cannot, the old one is moved aside first.
    """
    if not folder.exists():
        new.rename(folder)
        return
    old = new
    if not _exchange(new, folder):
        old = folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(8)}.old")
        try:
            folder.rename(old)
            new.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
    shutil.rmtree(old)


def _exchange(a: Path, b: Path) -> bool:
    at_cwd, exchange = -100, 2
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(renameat2(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), exchange) == 0)


_AGAIN = "The file is damaged: copy it again from where it came, or train again."


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _content(path: Path, entry: Mapping[str, Any] | None) -> bytes:
    """Return a file's bytes: a regular file, no link, of the size and digest that `entry` says."""
    limit = _MAX_JSON if entry is None else entry["bytes"]
    try:
        # a link could lead anywhere, and opening a pipe for reading would wait for ever
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise BundleError(f"{path}: is no regular file.", fix=_AGAIN)
            if found.st_size > limit or (entry is not None and found.st_size != limit):
                raise BundleError(f"{path}: has {found.st_size} bytes, expected {limit}.", fix=_AGAIN)
            if entry is not None and hashlib.file_digest(stream, "sha256").hexdigest() != entry.get("sha256"):
                raise BundleError(f"{path}: its SHA-256 is not the one in model.json.", fix=_AGAIN)
            stream.seek(0)
            content = stream.read(limit + 1)
    except MemoryError:
        raise BundleError(f"{path}: has {limit} bytes, more than there is memory for.", fix=_AGAIN) from None
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise BundleError(
            f"{path}: cannot be read ({reason}).", fix="Expected the folder of a saved classifier."
        ) from None
    return content


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    """Return a JSON object without repeated keys and without NaN or infinite numbers."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            raise ValueError("a key occurs twice")
        return value

    def constant(name: str) -> None:
        raise ValueError(f"{name} is no number here")

    try:
        value = json.loads(content, object_pairs_hook=once, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not JSON ({error}).", fix=_AGAIN) from None
    if not isinstance(value, dict):
        raise BundleError(f"{path}: a JSON object was expected.", fix=_AGAIN)
    return value


def _cannot_write(path: Path, error: OSError) -> OutputError:
    fix = "Free some space." if error.errno == errno.ENOSPC else "Choose another folder."
    return OutputError(f"{path}: cannot be written ({error.strerror}).", fix=fix)
