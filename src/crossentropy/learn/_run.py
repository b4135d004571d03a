"""The last chapter's figures: one's own run, read from its folder, or the lesson's own model in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import BundleError
from crossentropy.evaluation import Evaluation, evaluate, losses_from_logits
from crossentropy.learn._models import Digits, image_text
from crossentropy.report import Summary, clean, figure, nats, percent

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_WORST = 12  # rows whose values metrics.json holds
_SHOWN = 60
_CLASSES = 7  # of a row: the likeliest ones and the true one
_POINTS = 200  # of the curve
_CELLS = 40
_SIDE = 64  # pixels of a picture
_NAME, _VALUE = 40, 120  # characters


@dataclass(frozen=True)
class Rows:
    """The test rows of a run: names, true classes, probabilities (N, K), losses in nats; values of the worst few."""

    ids: Sequence[str]
    targets: Ints
    probabilities: Floats
    losses: Floats
    cells: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    images: Mapping[int, Sequence[Sequence[float]]] = field(default_factory=dict)


def own_run(summary: Summary, folder: Path) -> dict[str, Any]:
    """Return the figures of the run in a folder.

    Raises:
        BundleError: the predictions are missing, damaged, or not those of the summary.
    """
    rows = _read_rows(summary, folder / "predictions.parquet")
    about = {"own": True, "target": summary.target, "data": summary.data}
    return about | _figures(summary.test, rows)


def lesson_run(digits: Digits, too_sure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same figures for the lesson's own ten-class model, at its best temperature."""
    logits = np.array(too_sure["logits"]) / too_sure["best"]
    targets = np.array(too_sure["targets"])
    test = evaluate(logits, targets, classes=range(10))
    losses = losses_from_logits(logits, targets)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    first = too_sure["seen"]
    rows = Rows(
        ids=[str(first + i) for i in range(len(targets))],
        targets=targets,
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        losses=losses,
        images={i: digits.pixels[first + i].reshape(8, 8).tolist() for i in range(len(targets))},
    )
    return {"own": False, "target": "digit", "data": "sklearn:digits"} | _figures(test, rows)


def _figures(test: Evaluation, rows: Rows) -> dict[str, Any]:
    order = np.argsort(-rows.losses, kind="stable")
    n, losses = len(order), rows.losses[order]
    finite = losses[np.isfinite(losses)]
    top = max(float(finite.max()) if len(finite) else 0.0, 1e-3)
    ranks = np.unique(np.r_[: min(_WORST, n), np.rint(np.geomspace(_WORST, max(n, _WORST), _SHOWN - _WORST))])
    places = np.unique(np.rint(np.linspace(0, n - 1, _POINTS)).astype(int))
    tenth = math.ceil(n / 10)
    names = [clean(name, _NAME) for name in test.classes]
    end = max(test.uniform, test.frequencies, test.loss.value if math.isfinite(test.loss.value) else 0.0)
    return {
        "rows": n,
        "weighted": test.weighted,
        "loss": finite_or_none(test.loss.value),
        "frequencies": test.frequencies,
        "uniform": test.uniform,
        "told": {
            "loss": figure(test.loss.value),
            "nats": nats(test.loss.value),
            "skill": "" if test.skill is None else percent(test.skill),
            "tenth": percent(float(losses[:tenth].sum() / losses.sum()))
            if 0 < losses.sum() < math.inf
            else "",
        },
        "top": top,
        "scale": _scale(test, end),
        "curve": [[i / max(1, n - 1), min(top, float(losses[i]))] for i in places.tolist()],
        "shown": [_row(rows, names, int(order[int(r)]), int(r)) for r in ranks.tolist() if r < n],
    }


def _scale(test: Evaluation, end: float) -> dict[str, Any]:
    share = min(1.0, test.loss.value / end) if math.isfinite(test.loss.value) and end else 1.0
    known = test.frequencies / end if end else 0.0
    side = f"left:{100 * share:.2f}%" if share < 0.5 else f"right:{100 * (1 - share):.2f}%"
    return {
        "loss": f"{100 * share:.2f}%",
        "known": f"{100 * known:.2f}%",
        "side": "start" if share < 0.5 else "end",
        "place": side,
        "apart": figure(test.uniform) != figure(test.frequencies),
    }


def _row(rows: Rows, names: Sequence[str], i: int, rank: int) -> dict[str, Any]:
    p, target = rows.probabilities[i], int(rows.targets[i])
    with np.errstate(divide="ignore"):
        logits = np.log(p)
    logits -= logits[np.isfinite(logits)].mean() if np.isfinite(logits).any() else 0.0
    first = np.argsort(-p, kind="stable")[: _CLASSES - 1].tolist()
    chosen = sorted({*first, target}, key=lambda k: (-p[k], k))
    image = rows.images.get(i)
    return {
        "id": clean(rows.ids[i], _NAME),
        "rank": rank,
        "target": names[target],
        "label": names[int(p.argmax())],
        "p": float(p[target]),
        "loss": finite_or_none(float(rows.losses[i])),
        "classes": [
            {
                "name": names[k],
                "p": float(p[k]),
                "logit": finite_or_none(float(logits[k])),
                "true": k == target,
            }
            for k in chosen
        ],
        "cells": {
            clean(name, _NAME): clean(value, _VALUE)
            for name, value in list(rows.cells.get(i, {}).items())[:_CELLS]
        },
        "image": None if image is None else _picture(image),
    }


def _picture(image: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    width = max((len(line) for line in image), default=0)
    if not width:
        return None
    levels = np.zeros((len(image), width))
    for row, line in enumerate(image):
        levels[row, : len(line)] = line
    levels = np.clip(np.nan_to_num(levels, nan=0.0), 0, 1)
    step = math.ceil(max(levels.shape) / _SIDE)
    levels = levels[::step, ::step]
    return {"levels": image_text(levels), "wide": levels.shape[1]}


def finite_or_none(value: float | None) -> float | None:
    """Return a number that JSON can hold, or None."""
    return value if value is not None and math.isfinite(value) else None


def _read_rows(summary: Summary, path: Path) -> Rows:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise BundleError(
            f"{path}: cannot be read ({reason}).", fix="Expected the folder of a run."
        ) from None
    classes = summary.test.classes
    columns = [f"p_{name}" for name in classes]
    missing = [name for name in ("id", "target", "loss_nats", *columns) if name not in frame.columns]
    if missing:
        raise BundleError(f"{path}: has no column {missing[0]!r}.", fix="Expected the predictions of a run.")
    if frame.height != summary.test.rows:
        raise BundleError(
            f"{path}: holds {frame.height} rows; metrics.json tells of {summary.test.rows}.",
            fix="Expected both files of one run.",
        )
    place = {name: k for k, name in enumerate(classes)}
    targets = [place.get(str(name), -1) for name in frame["target"].to_list()]
    probabilities, losses = _numbers(frame, columns, path), _numbers(frame, ["loss_nats"], path)[:, 0]
    unknown = [i for i, k in enumerate(targets) if k < 0]
    if unknown:
        name = str(frame["target"][unknown[0]])
        raise BundleError(f"{path}: row {unknown[0]} is of class {name!r}, which metrics.json does not name.")
    if not ((probabilities >= 0) & (probabilities <= 1)).all() or not (losses >= 0).all():
        raise BundleError(f"{path}: holds numbers that are no probabilities, or no losses.")
    ids = [str(name) for name in frame["id"].to_list()]
    order = np.argsort(-losses, kind="stable").tolist()
    worst = [
        (i, row) for i, row in zip(order, summary.worst_rows, strict=False) if ids[i] == row.id
    ]  # both by loss, the highest first
    return Rows(
        ids=ids,
        targets=np.array(targets, np.int64),
        probabilities=probabilities,
        losses=losses,
        cells={i: row.cells for i, row in worst},
        images={i: row.image for i, row in worst if row.image is not None},
    )


def _numbers(frame: pl.DataFrame, columns: list[str], path: Path) -> Floats:
    for name in columns:
        if not frame[name].dtype.is_numeric() or frame[name].null_count():
            raise BundleError(f"{path}: column {name!r} does not hold a number in every row.")
    return np.asarray(frame[columns].to_numpy(), np.float64)
