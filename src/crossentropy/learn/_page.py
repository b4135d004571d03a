"""One file from templates, style, script and figures: no network, nothing that data could make into markup or code."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.resources
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossentropy import __version__
from crossentropy.errors import OutputError
from crossentropy.learn._chapters import CHAPTERS

if TYPE_CHECKING:
    from jinja2 import Environment

GENERATOR = "crossentropy learn"

_SCRIPTS = ("maths.js", "draw.js", "core.js", *(f"chapters/{chapter.name}.js" for chapter in CHAPTERS))
_PROGRAMS = ("logits", "softmax_before")


def lesson_page(run: Path | str | None = None) -> str:
    """Return the lesson as one HTML page; with the folder of a run, its last chapter is about that run.

    Every number is computed by this library on the way: a few models are fitted, which takes about two seconds.
    The same run gives the same bytes.

    Raises:
        BundleError: the folder holds no run, or a damaged one.
    """
    from markupsafe import Markup

    data, numbers = _figures(None if run is None else Path(run))
    script = _script()
    return (
        _environment()
        .get_template("lesson.html")
        .render(
            chapters=CHAPTERS,
            d=data,
            n=numbers,
            programs=_programs(),
            version=__version__,
            generator=GENERATOR,
            style=Markup(_style()),
            script=Markup(script),
            script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
            figures=Markup(_json(data)),
        )
    )


def write_lesson(path: Path | str, run: Path | str | None = None) -> Path:
    """Write the lesson to a file, whole or not at all, and return its path.

    A lesson that is there already is replaced; anything else is not.

    Raises:
        OutputError: the file is no lesson, or cannot be written.
        BundleError: `run` holds no run, or a damaged one.
    """
    from crossentropy.bundle import write_file

    path = Path(path)
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder.", fix=f"Name a file: --out {path / 'lesson.html'}.")
        if path.exists() and GENERATOR not in path.read_bytes()[:2000].decode("utf-8", "replace"):
            raise OutputError(f"{path}: exists already and is no lesson.", fix="Choose another with --out.")
        page = lesson_page(run)
        write_file(path, page.encode())
    except OutputError:
        raise
    except OSError as error:
        fix = "Choose another place with --out."
        raise OutputError(f"{path}: cannot be written ({error.strerror}).", fix=fix) from None
    return path


def _figures(run: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    own = {}
    if run is not None:  # first, so that a wrong folder is said at once
        from crossentropy.experiment import read_summary
        from crossentropy.learn._run import own_run

        own = {"run": own_run(read_summary(run), run)}
    data, numbers = _lesson_figures()
    return data | own, numbers


@cache
def _lesson_figures() -> tuple[dict[str, Any], dict[str, Any]]:
    from crossentropy.learn import _figures, _models, _run

    with _one_thread():
        digits = _models.load_digits()
        reading = _models.too_sure(digits)
        return {
            "classifier": _models.is_it_an_eight(digits),
            **_figures.curves(),
            "gradient": _models.wines(),
            "pytorch": _models.with_and_without_softmax(digits),
            "reading": reading,
            "run": _run.lesson_run(digits, reading),
            "checks": _figures.checks(),
        }, _figures.text_numbers()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: on tensors this small, waking the others costs more than they compute."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def _programs() -> dict[str, Any]:
    from crossentropy.learn._code import run_program

    return {name: run_program(name) for name in _PROGRAMS}


def _script() -> str:
    parts = "\n".join(_text(name) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\nbegin();\nwindow.lesson = {{maths, chapters}};\n}})();\n'


def _style() -> str:
    from crossentropy.report import house_style

    return house_style() + _text("lesson.css")


def _text(name: str) -> str:
    return importlib.resources.files("crossentropy.learn").joinpath("templates", name).read_text("utf-8")


def _json(data: Any) -> str:
    """Return JSON that cannot end the element it stands in: every < is written as an escape of JSON."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from crossentropy.report import clean, figure, percent, quoted

    environment = Environment(
        loader=PackageLoader("crossentropy.learn"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        clean=clean,
        count=lambda value: f"{value:,}",
        figure=lambda value: figure(value).replace("-", "\u2212"),
        four=lambda value: f"{value:.4f}".replace("-", "\u2212"),
        percent=percent,
        quoted=quoted,
        two=lambda value: f"{value:.2f}",
    )
    return environment
