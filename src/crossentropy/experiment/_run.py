"""A finished run: the trained classifier, what is known of it, and the folder that keeps both."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from crossentropy.bundle import replace_folder, write_file
from crossentropy.classifier import Classifier
from crossentropy.errors import BundleError, OutputError
from crossentropy.experiment._config import Config
from crossentropy.report import Summary, to_html, to_markdown, to_text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Run", "check_output", "read_summary", "write_report"]


@dataclass(frozen=True)
class Run:
    """What `crossentropy.train` returns.

    Attributes:
        config: the settings, resolved.
        classifier: the trained classifier.
        summary: every figure of the report.
        predictions: the test rows: id, target, label, one probability a class, loss in nats.
        out_of_fold: the same of the training rows, each by a fit that did not see it; `suggested` is the class that a
            row whose label is probably wrong seems to be.
        log: one record a step of the work.
        environment: versions, machine, times, data digests: what may differ between two equal runs.
    """

    config: Config
    classifier: Classifier
    summary: Summary
    predictions: pl.DataFrame
    out_of_fold: pl.DataFrame
    log: tuple[Mapping[str, Any], ...]
    environment: Mapping[str, Any]

    def __str__(self) -> str:
        return to_text(self.summary)

    def __repr__(self) -> str:
        test = self.summary.test
        return (
            f"<Run on {self.summary.target!r} in {self.summary.data}: loss {test.loss.value:.3g} nats on "
            f"{test.rows:,} test rows; print(run) tells more>"
        )

    def _repr_markdown_(self) -> str:
        """Return what a notebook shows."""
        return to_markdown(self.summary)

    def save(self, folder: Path | str, *, force: bool = False) -> Path:
        """Write the run folder, whole or not at all, and return its path.

        Args:
            folder: a folder that does not exist yet, or is empty.
            force: replace a run that is there already; anything else that is there is never removed.

        Raises:
            OutputError: the folder exists, or cannot be written.
        """
        folder = check_output(folder, force=force)
        part = folder.parent / f".{folder.name[:40]}.{secrets.token_hex(4)}.part"
        made = [p for p in folder.absolute().parents if not p.exists()]
        try:
            part.mkdir(parents=True)
            self._write(part)
            replace_folder(part, folder)
        except OSError as error:
            raise _cannot_write(folder, error) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
            # folders made on the way, when nothing came to stand in them
            with contextlib.suppress(OSError):
                for empty in made:
                    empty.rmdir()
        return folder

    def _write(self, folder: Path) -> None:
        # the report first: it is what can fail for other reasons than the disk
        write_report(self.summary, folder)
        _write_text(folder / "config.json", _json(self.config.model_dump(mode="json")))
        self.classifier.save(folder / "model")
        _write_text(folder / "metrics.json", self.summary.model_dump_json(indent=1) + "\n")
        for name, table in {"predictions": self.predictions, "out_of_fold": self.out_of_fold}.items():
            content = io.BytesIO()
            table.write_parquet(content)
            (folder / f"{name}.parquet").write_bytes(content.getvalue())
        _write_text(folder / "log.jsonl", "".join(json.dumps(record) + "\n" for record in self.log))
        _write_text(folder / "environment.json", _json(self.environment))


def write_report(summary: Summary, folder: Path) -> None:
    """Write `report.html` and `report.md` into the folder, each whole or not at all.

    Raises:
        OutputError: they cannot be written.
    """
    pages = {"report.html": to_html(summary), "report.md": to_markdown(summary)}
    for name, page in pages.items():
        try:
            write_file(folder / name, page.encode())
        except OSError as error:
            raise _cannot_write(folder / name, error) from None


def _write_text(path: Path, text: str) -> None:
    # a path that is no UTF-8 has surrogates in Python, and JSON escapes for them
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _cannot_write(path: Path, error: OSError) -> OutputError:
    # a part that failed has named itself; the whole is what the user asked for
    while isinstance(error, OutputError) and isinstance(error.__context__, OSError):
        error = error.__context__
    fix = "Free some space." if error.errno in (errno.ENOSPC, errno.EDQUOT) else _ELSEWHERE
    return OutputError(f"{path}: cannot be written ({error.strerror or error}).", fix=fix)


def check_output(folder: Path | str, *, force: bool) -> Path:
    """Return the folder as a path if a run may be written there.

    Raises:
        OutputError: something is there already that would be lost.
    """
    folder = Path(folder)
    try:
        _refuse_taken(folder, force=force)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _cannot_write(folder, error) from None
    return folder


def _refuse_taken(folder: Path, *, force: bool) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder}: exists and is no folder.", fix="Choose another with --out.")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / "metrics.json").is_file() or not (folder / "config.json").is_file():
            raise OutputError(f"{folder}: exists and is no run folder.", fix="Choose another with --out.")
        if not force:
            raise OutputError(
                f"{folder}: exists already.",
                fix="Choose another folder, or replace it: --force, in Python force=True.",
            )
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be written (no permission in {nearest}).", fix=_ELSEWHERE)


_ELSEWHERE = "Choose another folder with --out."


def read_summary(folder: Path | str) -> Summary:
    """Return the summary that a run folder holds.

    Raises:
        BundleError: it holds none, or one of another version.
    """
    path = Path(folder) / "metrics.json"
    try:
        return Summary.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}).", fix="Expected the folder of a run."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: not the figures of a run ({where}: {first['msg']}).") from None


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
