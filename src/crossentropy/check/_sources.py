"""The files to check: found, read (notebooks too), and the comments that silence a rule."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crossentropy.errors import DataError

SUFFIXES = (".py", ".ipynb")
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv", "env", "build", "dist"}
_SILENCE = re.compile(r"#\s*crossentropy:\s*ignore(-file)?\b(?:\s*\[([^\]]*)\])?")
_MAGIC = re.compile(r"^\s*(?:[%!?]|\w+\s*=\s*[%!])|\?\s*$")
_PYTHON_CELL = re.compile(r"%%(?:capture|prun|time|timeit)\b")


@dataclass(frozen=True)
class Source:
    """The text of a file, parsed.

    For a notebook `cells` holds the first line of each code cell, and `unread` says which cells are no Python: they
    stand as empty.
    """

    path: Path
    shown: str
    text: str
    tree: ast.Module
    cells: tuple[int, ...] = ()
    silenced: dict[int, frozenset[str]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def silences(self, rule: str, first: int, last: int) -> bool:
        """Whether a comment on the lines first..last, or one for the whole file, silences the rule."""
        for line in (0, *range(first, last + 1)):
            rules = self.silenced.get(line)
            if rules is not None and (not rules or rule in rules):
                return True
        return False

    def cell(self, line: int) -> tuple[int | None, int]:
        """Return the code cell, counted from 1, and the line within it."""
        if not self.cells:
            return None, line
        number = sum(first <= line for first in self.cells)
        return number, line - self.cells[number - 1] + 1


def find_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """Yield each file once: those named, and those of the folders named, hidden and installed ones left out."""
    seen = set()
    for given in map(Path, paths):
        if not given.exists():
            raise DataError(f"{given}: there is no such file or folder.")
        for path in sorted(_walk(given)) if given.is_dir() else [given]:
            if (key := path.resolve()) not in seen:
                seen.add(key)
                yield path


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _SKIPPED:
            continue
        if path.is_dir() and not path.is_symlink():
            if not (path / "pyvenv.cfg").exists():
                yield from _walk(path)
        elif path.suffix in SUFFIXES and path.is_file():
            yield path


def read_source(path: Path) -> Source:
    """Read and parse a file.

    Raises:
        DataError: it cannot be read, or is no Python or no notebook; names the line.
    """
    try:
        raw = path.read_bytes()
        text, cells, unread = _notebook(raw, path) if path.suffix == ".ipynb" else (_decoded(raw), (), ())
        tree = ast.parse(text)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}.") from error
    except (SyntaxError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        line = f" line {error.lineno}:" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        raise DataError(f"{path}:{line} {what}.", fix="It was not checked.") from error
    return Source(path, str(path), text, tree, cells, _silenced(text), unread)


def _decoded(raw: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return io.TextIOWrapper(io.BytesIO(raw), encoding, newline=None).read()


def _notebook(raw: bytes, path: Path) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    lines: list[str] = []
    cells, unread = [], []
    try:
        given = [(c["cell_type"], c["source"]) for c in json.loads(raw.decode("utf-8-sig"))["cells"]]
        texts = ["".join(source) for kind, source in given if kind == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "this is no notebook: expected JSON with cells, each with its cell_type and source"
        ) from error
    for text in texts:
        cells.append(len(lines) + 1)
        python = _plain(text)
        try:
            ast.parse("\n".join(python))
        except SyntaxError as error:
            unread.append(f"{path}: code cell {len(cells)}, line {error.lineno}: {error.msg}.")
            python = ["" for _ in python]
        lines += python
    return "\n".join(lines) + "\n", tuple(cells), tuple(unread)


def _plain(text: str) -> list[str]:
    """Return the lines of a cell with what only IPython understands blanked out."""
    lines = text.split("\n")
    if text.lstrip().startswith("%%") and not _PYTHON_CELL.match(text.lstrip()):
        return ["" for _ in lines]
    for number, line in enumerate(lines):
        # a line that goes on from the one before may begin with the % of an old format string
        if _MAGIC.search(line) and not _goes_on(lines[:number]):
            lines[number] = f"{line[: len(line) - len(line.lstrip())]}pass"
    return lines


def _goes_on(lines: list[str]) -> bool:
    """Whether the statement that these lines end with is not complete."""
    if lines and lines[-1].endswith("\\"):
        return True
    try:
        list(tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline))
    except tokenize.TokenError:
        return True
    except SyntaxError:
        return False
    return False


def _silenced(text: str) -> dict[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = {}
    if "crossentropy:" not in text:
        return found
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (match := _SILENCE.search(token.string)):
            rules = frozenset(r.strip().upper() for r in (match[2] or "").split(",") if r.strip())
            found[0 if match[1] else token.start[0]] = rules
    return found
