"""Two finished runs on the same test rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.errors import BundleError, DataError
from crossentropy.evaluation import ChangedRow, Comparison, compare_losses
from crossentropy.experiment._config import Config, read_config
from crossentropy.experiment._run import Run

if TYPE_CHECKING:
    import polars as pl

__all__ = ["compare"]

_CHANGED = 12
_SAME = "Train both with the same --seed and --test-size on one table, or with the same --test FILE."


def compare(first: Run | Path | str, second: Run | Path | str) -> Comparison:
    """Return the paired comparison of two runs on the test rows that they share.

    Differences are second minus first: a negative difference of losses speaks for the second. Rows are matched by the
    column of names (`id`) where both runs have one, else by their numbers in the table, which must then be the same
    file. Where the runs know groups, whole groups are drawn.

    Args:
        first: a run, or its folder.
        second: another.

    Raises:
        BundleError: a folder is no run folder.
        DataError: the two were not tested on the same rows with the same targets.
    """
    one, two = _side(first, "first"), _side(second, "second")
    _refuse_other_rows(one, two)
    left, right = one.predictions, _in_order(one, two)
    targets = left["target"].cast(str)
    wrong = np.flatnonzero((targets != right["target"].cast(str)).to_numpy())
    if len(wrong):
        i = int(wrong[0])
        raise DataError(
            f"Row {left['id'][i]} is {left['target'][i]!r} in {one.name} and {right['target'][i]!r} in {two.name}: "
            "the two have other targets.",
            fix="Compare runs that predict the same column.",
        )
    classes = sorted({*targets, *left["label"].cast(str), *right["label"].cast(str)})
    place = {name: i for i, name in enumerate(classes)}
    ids = [_ids(column, place) for column in (targets, left["label"].cast(str), right["label"].cast(str))]
    losses = left["loss_nats"].to_numpy(), right["loss_nats"].to_numpy()
    found = compare_losses(
        losses,
        (ids[1], ids[2]),
        ids[0],
        names=(one.name, two.name),
        classes=classes,
        sample_weight=left["weight"].to_numpy() if one.config.weight is not None else None,
        groups=left["group"].to_numpy() if "group" in left.columns else None,
    )
    if not (one.config.show_rows and two.config.show_rows):
        return found
    moved = np.abs(losses[1] - losses[0])
    order = [int(i) for i in np.argsort(-moved, kind="stable")[:_CHANGED] if moved[i] > 0]
    changed = tuple(
        ChangedRow(
            id=str(left["id"][i]),
            target=targets[i],
            labels=(str(left["label"][i]), str(right["label"][i])),
            losses=(float(losses[0][i]), float(losses[1][i])),
        )
        for i in order
    )
    return found.model_copy(update={"changed": changed})


@dataclass(frozen=True, eq=False)
class _Side:
    name: str
    config: Config
    predictions: pl.DataFrame
    environment: Mapping[str, Any]

    @property
    def digest(self) -> Any:
        """What the test rows were taken from."""
        return self.environment.get("test_sha256") or self.environment.get("data_sha256")


def _side(run: Run | Path | str, name: str) -> _Side:
    if isinstance(run, Run):
        return _Side(f"the {name} run", run.config, run.predictions, run.environment)
    import polars as pl

    folder = Path(run)
    try:
        environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        predictions = pl.read_parquet(folder / "predictions.parquet")
    except (OSError, ValueError, pl.exceptions.PolarsError):
        raise BundleError(
            f"{folder}: no run folder.", fix="Expected a folder that `crossentropy train` wrote."
        ) from None
    config = read_config(folder / "config.json")
    needed = {"id", "target", "label", "loss_nats", *(() if config.weight is None else ("weight",))}
    if not needed <= set(predictions.columns) or not isinstance(environment, Mapping):
        raise BundleError(f"{folder}: its predictions lack {', '.join(sorted(needed))}.")
    return _Side(str(folder), config, predictions, environment)


def _refuse_other_rows(one: _Side, two: _Side) -> None:
    if one.config.id != two.config.id:
        raise DataError(
            f"{one.name} names its rows by {one.config.id or 'number'}, {two.name} by {two.config.id or 'number'}.",
            fix="Give both the same --id.",
        )
    if one.config.weight != two.config.weight:
        raise DataError(
            f"{one.name} weighs its rows by {one.config.weight or 'nothing'}, {two.name} by "
            f"{two.config.weight or 'nothing'}: their losses are not of one kind.",
            fix="Give both the same --weight.",
        )
    if one.config.id is None and one.digest != two.digest:
        raise DataError(
            f"{one.name} and {two.name} were tested on different data, and their rows have numbers only.",
            fix=_SAME,
        )


def _in_order(one: _Side, two: _Side) -> pl.DataFrame:
    """Return the predictions of the second with their rows as in the first."""
    import polars as pl

    left, right = one.predictions["id"].cast(pl.String), two.predictions["id"].cast(pl.String)
    if left.equals(right):
        return two.predictions
    shared = len(set(left) & set(right))
    if len(left) != len(right) or shared < len(left):
        again = " Names repeat." if len(set(left)) < len(left) or len(set(right)) < len(right) else ""
        raise DataError(
            f"{one.name} and {two.name} were not tested on the same rows: {len(left):,} and {len(right):,}, of which "
            f"{shared:,} are shared.{again}",
            fix=_SAME,
        )
    place = {name: i for i, name in enumerate(right)}
    return two.predictions[[place[name] for name in left]]


def _ids(names: pl.Series, place: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([place[name] for name in names], np.int64)
