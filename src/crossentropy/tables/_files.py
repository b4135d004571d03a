"""From a path to a table: which files are meant, what they hold (by their first bytes, whatever they are called)."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from crossentropy.errors import DataError, did_you_mean
from crossentropy.tables._delimited import Text, read_text, settle_values
from crossentropy.tables._dialect import unmistakable
from crossentropy.tables._jsonlines import read_json_lines
from crossentropy.tables._limit import memory_limit
from crossentropy.tables._reading import Expected, Reading
from crossentropy.tables._table import Origin, Table, refuse_patterns

if TYPE_CHECKING:
    import polars as pl

__all__ = ["STDIN", "read_files"]

STDIN = "-"
Format = Literal["CSV", "JSON lines", "Parquet", "Arrow", "Arrow stream"]

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".data", ".jsonl", ".ndjson", ".json")
_BINARY = {".parquet": "Parquet", ".pq": "Parquet", ".feather": "Arrow", ".arrow": "Arrow", ".ipc": "Arrow"}
_SUFFIXES = (*_TEXT, *_BINARY)
_DAMAGED = "The file is damaged or cut: write or copy it again."
# The first bytes of what is often taken for a table, and what to do about it.
_OTHERS = {
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", "Save the sheet as CSV."),
    b"<!doctype": ("a page of HTML", "Expected a table: save it as CSV."),
    b"<html": ("a page of HTML", "Expected a table: save it as CSV."),
    b"<table": ("a page of HTML", "Expected a table: save it as CSV."),
    b"<?xml": ("XML", "Expected a table: save it as CSV."),
    b"%PDF": ("a PDF", "Expected a table."),
    b"SQLite format 3": ("a database", "Save one of its tables as CSV or Parquet."),
    b"\x89PNG": ("an image", "Expected a table."),
    b"\xff\xd8\xff": ("an image", "Expected a table."),
    b"\x89HDF": ("an HDF5 file", "Save its table as Parquet."),
    b"\x93NUMPY": ("a NumPy array", "Load it with numpy.load and pass the array."),
    **{
        bytes([0x80, protocol]): (
            "a pickle",
            "It is not opened here, for it could run code: save the table as Parquet.",
        )
        for protocol in (2, 3, 4, 5)
    },
    b"BZh91AY": ("compressed with bzip2", "Unpack it, or compress with gzip or zstd."),
    b"\xfd7zXZ": ("compressed with xz", "Unpack it, or compress with gzip or zstd."),
}


# A line of LIBSVM's format: the label, then INDEX:VALUE of what is not zero.
_INDEXED = re.compile(
    rb"[+-]?[\d.]+(e[+-]?\d+)?(,[\d.]+)*( +(qid|\d+):[+-]?[\d.]+(e[+-]?\d+)?)+ *(#.*)?\r?(\n|$)", re.I
)
_PIECE = 1 << 24


@dataclass(frozen=True)
class _Part:
    """One file: its name, its format, its content, and its SHA-256."""

    name: str
    format: Format
    content: bytes
    digest: str


def read_files(source: str | Path, given: Reading, expected: Expected) -> Table:
    """Read a file, all files that a pattern matches or a folder holds, or standard input ("-").

    Raises:
        DataError: there is none, it is no table, or the files do not have the same columns.
    """
    name = "standard input" if str(source) == STDIN else str(source)
    try:
        parts = [_open(path) for path in _paths(source)] if str(source) != STDIN else [_stdin()]
    except DataError:
        raise
    except (OSError, ValueError) as error:
        # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        # of a folder or a pattern, the file that it was
        where = getattr(error, "filename", None) or name
        raise DataError(f"{where}: cannot be read ({reason}).") from None
    formats = {part.format for part in parts}
    if len(formats) > 1:
        one = {part.format: part.name for part in parts}
        said = ", ".join(f"{n} is {f}" for f, n in one.items())
        raise DataError(f"{name}: the files are of different formats ({said}).", fix="Expected one.")
    table = _text(name, parts, given, expected) if formats == {"CSV"} else _typed(name, parts, given)
    digests = [part.digest for part in parts]
    digest = digests[0] if len(parts) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    said = parts[0].format if len(parts) == 1 else f"{len(parts)} files of {parts[0].format}"
    return replace(table, digest=digest, format=said)


def _paths(source: str | Path) -> list[Path]:
    if not str(source):
        raise DataError("The path is empty.", fix="Give a file, a folder, or - for standard input.")
    path = Path(source)
    if path.is_dir():
        # a link that leads nowhere is a part that is missing, and not to be passed over
        inside = [
            p
            for p in sorted(path.iterdir())
            if (p.is_file() or (p.is_symlink() and not p.exists())) and not p.name.startswith((".", "_"))
        ]
        found = [p for p in inside if any(s in _SUFFIXES for s in p.suffixes[-2:])]
        if not found:
            raise DataError(f"{path}: the folder holds no tables.", fix=f"Expected files named {_known()}.")
        return found
    if path.exists():
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise DataError(f"{path}: is neither a file nor a folder.")
        return [path]
    if any(c in str(path) for c in "*?["):
        anchor = Path(path.anchor)
        found = sorted(p for p in anchor.glob(str(path.relative_to(anchor))) if p.is_file())
        if not found:
            raise DataError(f"{path}: no file matches.")
        return found
    if path.is_symlink():
        raise DataError(f"{path}: is a link that leads nowhere.")
    near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
    tables = [n for n in sorted(near) if Path(n).suffix.lower() in (*_SUFFIXES, ".gz", ".zst")]
    raise DataError(f"{path}: no such file.", fix=did_you_mean(path.name, tables))


def _known() -> str:
    return f"{', '.join('*' + s for s in _SUFFIXES)}, these with .gz or .zst"


def _stdin() -> _Part:
    if sys.stdin is None:
        raise DataError("standard input: is closed.", fix="Give a file, or pass the data on to it.")
    return _part("standard input", _whole(sys.stdin.buffer, "standard input"))


def _open(path: Path) -> _Part:
    with path.open("rb") as stream:
        before = os.fstat(stream.fileno())
        content = _whole(stream, str(path))
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError(f"{path}: changed while it was read.", fix="Wait until it is written, and try again.")
    return _part(str(path), content)


def _whole(stream: IO[bytes] | gzip.GzipFile, name: str) -> bytes:
    """Return all that a stream holds, unless it is more than memory can take: an endless pipe, a bomb of zeros."""
    limit = memory_limit() // 3
    pieces, size = [], 0
    while piece := stream.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise DataError(
                f"{name}: holds more than {limit / 2**30:.1f} GiB, a third of the memory that there is.",
                fix="Give fewer rows or columns, or Parquet with the columns that are needed.",
            )
    return b"".join(pieces)


def _part(name: str, content: bytes) -> _Part:
    digest = hashlib.sha256(content).hexdigest()
    if not content:
        raise DataError(f"{name}: the file is empty.", fix="Expected a header and at least one row.")
    content = _unpacked(name, content)
    for start, (what, fix) in _OTHERS.items():
        begin = (
            content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
            if start.startswith(b"<")
            else content
        )
        if begin.startswith(start):
            raise DataError(f"{name}: is {what}, no table that is read here.", fix=fix)
    if _INDEXED.match(content, 0, 1 << 16):
        raise DataError(
            f"{name}: is in the format of LIBSVM, no table that is read here.",
            fix="Load it with sklearn.datasets.load_svmlight_file and pass the arrays.",
        )
    found, meant = _format(content), _BINARY.get(Path(name).suffix.lower())
    if meant is not None and not found.startswith(meant):
        raise DataError(f"{name}: cannot be read as {meant} (it does not begin as one).", fix=_DAMAGED)
    return _Part(name, found, content, digest)


def _unpacked(name: str, content: bytes) -> bytes:
    """Return the content of a file that is compressed with gzip or zstd."""
    import polars as pl

    try:
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as stream:
                content = _whole(stream, name)
        elif content.startswith(b"\x28\xb5\x2f\xfd"):
            # the lines of text are all that Polars unpacks for its callers
            content = "\n".join(pl.read_lines(content).to_series().to_list()).encode()
        else:
            return content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name}: cannot be unpacked ({error}).", fix=_DAMAGED) from None
    except pl.exceptions.PolarsError:
        raise DataError(
            f"{name}: is compressed with zstd and holds no text in UTF-8.", fix="Unpack it first."
        ) from None
    if not content:
        raise DataError(f"{name}: the file is empty.", fix="Expected a header and at least one row.")
    return content


def _format(content: bytes) -> Format:
    # PAR1 may be the name of a column, too
    if content.startswith((b"PAR1", b"PARE")) and (content[-4:] == content[:4] or b"\0" in content[:1024]):
        return "Parquet"
    if content.startswith(b"ARROW1\0"):
        return "Arrow"
    if content.startswith(b"\xff\xff\xff\xff"):
        return "Arrow stream"
    start = content[:4096].decode(unmistakable(content) or "utf-8", "ignore").removeprefix("\ufeff").lstrip()
    if start.startswith("{") or (start.startswith("[") and start[1:].lstrip().startswith(("{", "]"))):
        return "JSON lines"
    if start.startswith("["):
        try:
            json.loads(start.splitlines()[0])
        except ValueError:
            return "CSV"
        return "JSON lines"
    return "CSV"


def _text(name: str, parts: list[_Part], given: Reading, expected: Expected) -> Table:
    texts = {part.name: read_text(part.content, part.name, given, expected) for part in parts}
    first: Text = texts[parts[0].name]
    frame = _joined({n: text.frame for n, text in texts.items()})
    frame, dialect, notes = settle_values(frame, first.dialect, given, expected)
    origin = Origin.joined({n: text.origin for n, text in texts.items()}) if len(parts) > 1 else first.origin
    said = [note for text in texts.values() for note in text.notes]
    return Table(frame, name, "", origin, dialect=dialect, notes=(*said, *(f"{name}: {n}." for n in notes)))


def _typed(name: str, parts: list[_Part], given: Reading) -> Table:
    frames, origins = {}, {}
    for part in parts:
        if part.format == "JSON lines":
            frames[part.name], origins[part.name] = read_json_lines(part.content, part.name, given)
        else:
            frames[part.name] = _binary(part)
            origins[part.name] = Origin.rows(frames[part.name].height)
        refuse_patterns(frames[part.name].columns, part.name)
    origin = Origin.joined(origins) if len(parts) > 1 else origins[parts[0].name]
    return Table(_joined(frames), name, "", origin)


def _binary(part: _Part) -> pl.DataFrame:
    import polars as pl

    readers: dict[Format, Any] = {
        "Parquet": pl.read_parquet,
        "Arrow": pl.read_ipc,
        "Arrow stream": pl.read_ipc_stream,
    }
    try:
        frame: pl.DataFrame = readers[part.format](part.content)
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        said = str(error).strip().splitlines()
        raise DataError(
            f"{part.name}: cannot be read as {part.format} ({said[0] if said else 'no reason given'}).",
            fix=_DAMAGED,
        ) from None
    return frame


def _joined(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of all files, one after the other; their columns are the same, in any order."""
    import polars as pl

    first, *others = frames
    columns = frames[first].columns
    for other in others:
        odd = sorted(set(columns) ^ set(frames[other].columns))
        if odd:
            has, lacks = (first, other) if odd[0] in columns else (other, first)
            raise DataError(
                f"{other}: its columns are not those of {first}: {has} has {odd[0]!r}, {lacks} has not.",
                fix="Expected the same columns in every file.",
            )
    try:
        # not by select, which takes a column called "*" for a pattern
        alike = [frame[columns] for frame in frames.values()]
        return pl.concat(alike, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{first} and the files beside it hold columns of different types ({error})."
        ) from None
