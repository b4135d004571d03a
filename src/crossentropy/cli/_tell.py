"""What is said on standard error: progress, notes, errors; in words, or with --json one JSON object a line."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from typing import Any

import click

from crossentropy.errors import CrossEntropyError

__all__ = ["tell", "tell_error"]


_LONGEST = 2000


def tell(what: str, text: str, *, as_json: bool) -> None:
    """Say one line on standard error.

    Args:
        what: "progress", "note" or "done": the key of the JSON object, and how the words begin.
        text: one line.
        as_json: whether a machine reads.
    """
    if as_json:
        _write(json.dumps({what: text}))
    else:
        _write(f"Note: {text}" if what == "note" else text)


def tell_error(error: BaseException, *, debug: bool, as_json: bool) -> int:
    """Say what went wrong, and return the exit code for it."""
    code, record = _told(error)
    if debug:
        trace = "".join(traceback.format_exception(error))
        if as_json:
            record["traceback"] = trace
        else:
            _write(trace.rstrip())
    if as_json:
        _write(json.dumps({"error": {**record, "exit_code": code}}))
    elif isinstance(error, click.UsageError) and error.ctx is not None:
        _write(f"{error.ctx.get_usage()}\nError: {record['message']}")
    elif code > 128:
        _write(record["message"])
    else:
        _write(f"Error: {' '.join([record['message'], record['fix']]).strip()}")
    if isinstance(error, OSError):
        # what could not be written must not be tried again at the end
        sys.stdout = None
    return code


def _told(error: BaseException) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and the error as data: its type, its message on one line, what to do."""
    name, message, fix, code = type(error).__name__, str(error), "", 1
    if isinstance(error, CrossEntropyError):
        message, fix, code = error.message, error.fix, 2
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        number = error.args[0] if error.args else 2
        name, code = "Interrupted", 128 + number
        message = "Interrupted." if number == 2 else "Terminated."
    elif isinstance(error, click.ClickException):
        message, code = error.format_message(), error.exit_code
    elif isinstance(error, MemoryError):
        message, fix, code = "There is not enough memory.", "Use fewer rows or columns.", 2
    elif isinstance(error, OSError):
        lost = "the working folder" if error.errno == errno.ENOENT else "standard output"
        message, code = f"{error.filename or lost}: {error.strerror or error}.", 2
    else:
        message = f"a mistake in crossentropy itself: {name}: {message}"
        fix = "(--debug shows where)"
    # a name from a file may be as long as the file
    message, fix = (
        text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
        for text in (" ".join(str(text).split()) for text in (message, fix))
    )
    return code, {"type": name, "message": message, "fix": fix}


def _write(text: str) -> None:
    # a path that is no UTF-8 has surrogates in Python, which no stream takes
    try:
        click.echo(text.encode(errors="backslashreplace").decode(), err=True)
    except (OSError, ValueError):
        # nobody can be told, which is no reason to lose the work; nor must it be tried again at the end
        sys.stderr = None
