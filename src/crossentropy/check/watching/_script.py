"""Running a script under a watch, as `python SCRIPT ARGS` would run it."""

from __future__ import annotations

import runpy
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from crossentropy.check.watching._watch import Watch
from crossentropy.errors import DataError

_NOT_SHOWN = (str(Path(__file__).parent), "<frozen runpy>")


def run_script(script: str, arguments: Sequence[str], *, module: bool = False) -> tuple[Watch, int]:
    """Run a script, or a module by its name, and return the watch and the script's exit code.

    Raises:
        DataError: there is no such script.
    """
    if not module and not Path(script).is_file():
        raise DataError(
            f"{script}: there is no such file.", fix="Expected a Python script; a module needs -m NAME."
        )
    watch = Watch()
    with _as_main(script, arguments, module=module):
        watch.begin()
        try:
            if module:
                runpy.run_module(script, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(script, run_name="__main__")
            code = 0
        except SystemExit as end:
            code = _exit_code(end)
        except BaseException as error:
            _print_traceback(error)
            code = 130 if isinstance(error, KeyboardInterrupt) else 1
        finally:
            watch.end()
    return watch, code


@contextmanager
def _as_main(script: str, arguments: Sequence[str], *, module: bool) -> Iterator[None]:
    """Give the script the arguments, the path and the signals that it would have by itself."""
    before = sys.argv, list(sys.path), sys.unraisablehook
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path.cwd()) if module else str(Path(script).resolve().parent))
    sys.unraisablehook = sys.__unraisablehook__
    own: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    # what nohup and background jobs of a shell ignore stays ignored
    handlers = {
        number: signal.signal(number, handler)
        for number, handler in own.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.argv, sys.path[:], sys.unraisablehook = before


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _print_traceback(error: BaseException) -> None:
    """Print what Python would print, without the frames that run the script and watch it."""
    part: BaseException | None = error
    done: set[int] = set()
    while part is not None and id(part) not in done:
        done.add(id(part))
        part.__traceback__ = _users_own(part.__traceback__)
        part = part.__cause__ or part.__context__
    traceback.print_exception(error)


def _users_own(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_NOT_SHOWN):
            kept.append(trace)
        trace = trace.tb_next
    found = None
    for one in reversed(kept):
        found = TracebackType(found, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return found
