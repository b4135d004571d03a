"""The programs that the page shows: files of their own, run when the page is built, their output shown below them."""

from __future__ import annotations

import contextlib
import importlib.resources
import io
import warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program and what it printed, warnings included."""

    source: str
    printed: str


def run_program(name: str) -> Program:
    """Run one of the package's own programs and return it with its output."""
    source = importlib.resources.files("crossentropy.learn").joinpath("code", f"{name}.py").read_text("utf-8")
    _, _, shown = source.partition('"""\n\n')
    return Program(source=shown.rstrip(), printed=run_source(shown))


def run_source(source: str) -> str:
    """Run a program of this package and return what it printed, its warnings first."""
    out = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        exec(source, {"__name__": "__main__"})
    said = "".join(f"{type(w.message).__name__}: {w.message}\n" for w in caught)
    return (said + out.getvalue()).rstrip()
