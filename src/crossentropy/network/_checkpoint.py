"""Checkpoints: by time, and at the signals that end a process; written whole or not at all, as bundles are.

At SIGTERM or SIGINT the step in hand is finished and written, and the signal is then raised again for whoever handled
it before: a job that is moved to another machine loses nothing, and its exit code is the one expected. A second signal
does not wait. Killed without warning, a run goes on from what was written last, and ends in the same bits.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any, Self

from crossentropy.bundle import Bundle, read_bundle, write_bundle
from crossentropy.errors import BundleError, ConfigError
from crossentropy.network._state import Training

__all__ = ["Checkpoint", "Keeper"]

_ENDING = (signal.SIGINT, signal.SIGTERM)
_KIND = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of training is kept, and how often it is written.

    Attributes:
        folder: a folder of its own. If it holds the checkpoint of an earlier, interrupted training with the same
            settings and data, training goes on from there.
        every: seconds between two checkpoints.
    """

    folder: Path | str
    every: float = 60.0


class Keeper:
    """Resumes training, keeps its state while it goes on, and writes it when a signal comes."""

    def __init__(self, checkpoint: Checkpoint | None, training: Training, identity: dict[str, Any]) -> None:
        self.checkpoint = checkpoint
        self.training = training
        self.identity = identity
        self._received: int | None = None
        self._handlers = ExitStack()
        self._last = monotonic()

    def __enter__(self) -> Self:
        if self.checkpoint is None:
            return self
        self._resume(Path(self.checkpoint.folder))
        # signals reach the main thread only, and only there may they be handled
        if threading.current_thread() is threading.main_thread():
            for number in _ENDING:
                before = signal.getsignal(number)
                # what nohup ignores stays ignored; None is a handler that Python did not set
                if before not in (signal.SIG_IGN, None):
                    self._handlers.callback(signal.signal, number, before)
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._handlers.close()

    def after_step(self) -> None:
        """Write the state if it is time, or if a signal came; then let the signal take its course."""
        if self.checkpoint is None:
            return
        if self._received is not None:
            number = self._received
            self._handlers.close()
            self.write()
            signal.raise_signal(number)
        elif monotonic() - self._last >= self.checkpoint.every:
            self.write()

    def write(self) -> None:
        """Write the state.

        Raises:
            OutputError: the folder cannot be written; what it held is as it was.
        """
        if self.checkpoint is None:
            return
        from crossentropy import __version__

        state, arrays = self.training.to_parts()
        meta = {"kind": _KIND, "crossentropy": __version__, "of": self.identity}
        write_bundle(self.checkpoint.folder, Bundle(meta, arrays, {"state": state}))
        self._last = monotonic()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            self._handlers.close()
            signal.raise_signal(number)
        self._received = number

    def _resume(self, folder: Path) -> None:
        if not os.path.lexists(folder / "model.json"):
            return
        bundle = read_bundle(folder)
        if bundle.meta.get("kind") != _KIND or not isinstance(bundle.meta.get("of"), dict):
            raise BundleError(f"{folder}: holds no checkpoint.", fix="Give another folder.")
        known = bundle.meta["of"]
        for name, value in self.identity.items():
            if known.get(name) != value:
                raise ConfigError(
                    f"{folder}: holds the checkpoint of another training: "
                    f"its {name} are {_short(known.get(name), value)}.",
                    fix="Give another folder, or remove that one to begin anew.",
                )
        self.training.from_parts(bundle.documents.get("state"), bundle.arrays)


def _short(known: Any, asked: Any) -> str:
    if isinstance(known, dict) and isinstance(asked, dict):
        name = next(n for n in {**known, **asked} if known.get(n) != asked.get(n))
        return f"{name} = {known.get(name)!r}, and not {asked.get(name)!r}"
    return "others"
