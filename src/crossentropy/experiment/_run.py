"""A finished run: the trained classifier, what is known of it, and the folder that keeps both."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from crossentropy.bundle import replace_folder
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
        log: one record a step of the work.
        environment: versions, machine, times, data digests: what may differ between two equal runs.
    """

    config: Config
    classifier: Classifier
    summary: Summary
    predictions: pl.DataFrame
    log: tuple[Mapping[str, Any], ...]
    environment: Mapping[str, Any]

    def __str__(self) -> str:
        return to_text(self.summary)

    def save(self, folder: Path | str, *, force: bool = False) -> Path:
        """Write the run folder, whole or not at all, and return its path.

        Args:
            folder: a folder that does not exist yet, or is empty.
            force: replace a run that is there already; anything else that is there is never removed.

        Raises:
            OutputError: the folder exists, or cannot be written.
        """
        folder = check_output(folder, force=force)
        part = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
        try:
            part.mkdir(parents=True)
            self._write(part)
            replace_folder(part, folder)
        except OSError as error:
            fix = "Free some space." if error.errno == errno.ENOSPC else _ELSEWHERE
            raise OutputError(f"{folder}: cannot be written ({error.strerror}).", fix=fix) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return folder

    def _write(self, folder: Path) -> None:
        (folder / "config.json").write_text(_json(self.config.model_dump(mode="json")))
        self.classifier.save(folder / "model")
        (folder / "metrics.json").write_text(self.summary.model_dump_json(indent=1) + "\n")
        self.predictions.write_parquet(folder / "predictions.parquet")
        (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in self.log))
        (folder / "environment.json").write_text(_json(self.environment))
        write_report(self.summary, folder)


def write_report(summary: Summary, folder: Path) -> None:
    """Write `report.html` and `report.md` into the folder."""
    (folder / "report.html").write_text(to_html(summary), encoding="utf-8")
    (folder / "report.md").write_text(to_markdown(summary), encoding="utf-8")


def check_output(folder: Path | str, *, force: bool) -> Path:
    """Return the folder as a path if a run may be written there.

    Raises:
        OutputError: something is there already that would be lost.
    """
    folder = Path(folder)
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
    return folder


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
