"""The plugin for pytest: `pytest --watch-losses` watches the tests, and fails the run where it finds something."""

from __future__ import annotations

from typing import Any

_OPTION = "--watch-losses"


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    parser.getgroup("crossentropy").addoption(
        _OPTION,
        action="store_true",
        help="Watch the values that reach torch's losses; findings fail the run.",
    )


def pytest_configure(config: Any) -> None:
    """Begin to watch."""
    if config.getoption(_OPTION):
        from crossentropy.check.watching._watch import Watch

        config.crossentropy_watch = Watch()
        config.crossentropy_watch.begin()


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    """Stop watching, and fail a run that would pass."""
    watch = getattr(session.config, "crossentropy_watch", None)
    if watch is not None:
        watch.end()
        if watch.findings and exitstatus == 0:
            session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """Tell what was found, and what was looked at."""
    watch = getattr(config, "crossentropy_watch", None)
    if watch is not None:
        terminalreporter.section("crossentropy")
        terminalreporter.write_line(str(watch))
