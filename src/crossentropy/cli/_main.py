"""The one place where an error becomes a message and an exit code, and a signal the end of the run.

A signal may come at any moment, so its handlers stand before anything else is imported. The first one is raised as an
exception, which removes half-written files on its way out; further ones are ignored, lest they interrupt the cleaning
up. Python swallows what is raised inside of a destructor or a callback from C; it is raised again a moment later.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

__all__ = ["main"]


class Interrupted(KeyboardInterrupt):
    """SIGINT, SIGTERM or SIGHUP; `args[0]` is the number."""


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received: list[int] = []


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit."""
    for number in _ENDING:
        # what nohup and background jobs of a shell ignore stays ignored
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    signal.signal(signal.SIGALRM, _again)
    sys.unraisablehook = _swallowed
    code = 1
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        code = _run(given)
    except BaseException as error:
        # in the handling of an error, or between two lines of this function
        code = 128 + _received[0] if _received else _last_words(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
    if _received and (sys.argv[1:] if arguments is None else list(arguments))[:1] != ["watch"]:
        # a library that was interrupted in the middle of its work may abort while the interpreter takes itself down
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _silence_libraries() -> None:
    """Keep standard error for ourselves: what libraries in C and Rust write to it goes nowhere.

    A damaged Parquet file makes the reader panic, which becomes an exception here, but not before it has printed
    where in its own code that was.
    """
    if sys.stderr is None or sys.stderr.fileno() != 2:
        return
    ours = os.dup(2)
    sys.stderr = open(ours, "w", 1, sys.stderr.encoding, sys.stderr.errors)  # noqa: SIM115, PTH123
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _run(given: list[str]) -> int:
    # the arguments of a watched script are the script's, and so is standard error
    watches = given[:1] == ["watch"]
    debug, as_json = "--debug" in given and not watches, "--json" in given and not watches
    if not debug and not watches:
        with contextlib.suppress(OSError, ValueError):
            _silence_libraries()
    given = given if watches else [a for a in given if a != "--debug"]
    try:
        from crossentropy.cli._verbs import crossentropy

        code = crossentropy.main(given, prog_name="crossentropy", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        # the reader of our output has gone: nothing to say, and nobody to say it to
        sys.stdout = None
        return 0
    except BaseException as error:
        from crossentropy.cli._tell import tell_error

        # a signal that struck inside of an import comes out as an ImportError
        told = Interrupted(_received[0]) if _received else error
        return tell_error(told, debug=debug, as_json=as_json)


def _last_words(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    print(f"Error: a mistake in crossentropy itself: {type(error).__name__}: {error}", file=sys.stderr)
    return 1


def _end(number: int, frame: FrameType | None) -> NoReturn:
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    _received.append(number)
    raise Interrupted(number)


def _again(number: int, frame: FrameType | None) -> None:
    if _received:
        raise Interrupted(_received[0])


def _swallowed(unraisable: sys.UnraisableHookArgs) -> None:
    if isinstance(unraisable.exc_value, Interrupted):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(unraisable)
