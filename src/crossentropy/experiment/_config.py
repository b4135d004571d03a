"""The settings of a run: checked when made, written to `config.json`, and read back to repeat it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from crossentropy.errors import ConfigError, did_you_mean
from crossentropy.evaluation import costs_data
from crossentropy.tables import Reading

__all__ = ["Config", "make_config", "make_reading", "read_config"]


class Config(Reading):
    """The settings of a run: beside these, those of `tables.Reading` (separator, encoding, kinds, ...).

    Attributes:
        data: where the training table comes from; None for data given in memory.
        target: the column to predict.
        test: where the test table comes from; None to set test rows aside from `data`.
        test_size: the fraction of rows set aside when `test` is None: stratified by class, or by `group` or `time`.
        group: a column that says which rows belong together (a patient, a document): all on one side, in one fold.
        time: a column that says when a row was: the latest rows test, and folds are blocks of time.
        group_duplicates: keep rows that are equal in every feature on one side, and in one fold.
        model: "linear" for the exact linear model; "network" for the network, with the linear model as its yardstick;
            "auto" for a mixture of both, by weights that minimise the loss out of fold.
        time_limit: seconds for all fits together; the network is cut to keep it.
        C: the inverse strength of the penalty, as in scikit-learn; None to choose it by cross-validated log-loss.
        weight: a column of row weights.
        class_weight: "balanced" weighs each class by N / (K N_k) in the fit; the probabilities are corrected back.
        costs: what mistakes cost, in any form of `evaluation.read_costs`; then decisions by costs are judged too.
        positive: of two classes the one to find, for precision, recall and thresholds.
        drop: columns to leave out.
        id: a column that names the rows; it is no feature, and is repeated in `predictions.parquet`.
        show_rows: whether the report and the figures may show single rows; `predictions.parquet` holds them anyway.
        repeats: how many further times to split, train and test, by the next seeds: the luck of the split.
        seed: every random choice of the run follows from it.
    """

    data: str | None = None
    target: str
    test: str | None = None
    test_size: float = Field(default=0.2, gt=0, lt=1)
    group: str | None = None
    time: str | None = None
    group_duplicates: bool = False
    model: Literal["linear", "network", "auto"] = "linear"
    time_limit: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    C: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    weight: str | None = None
    class_weight: Literal["balanced"] | None = None
    costs: Any = None
    positive: str | None = None
    drop: tuple[str, ...] = ()
    id: str | None = None
    show_rows: bool = True
    repeats: int = Field(default=0, ge=0, le=1000)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @field_validator("drop", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("costs", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        # the costs themselves, so that `config.json` needs no other file
        return None if value is None else costs_data(value)

    @field_validator("positive", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return str(value) if isinstance(value, bool | int) else value

    @model_validator(mode="after")
    def _one_part_a_column(self) -> Config:
        parts = [
            ("target", self.target),
            ("weight", self.weight),
            ("id", self.id),
            ("group", self.group),
            ("time", self.time),
            *(("drop", d) for d in self.drop),
            *(("a feature with a kind", name) for name in self.kinds),
        ]
        seen: dict[str, str] = {}
        for part, name in parts:
            if name is not None and seen.setdefault(name, part) != part:
                raise ValueError(f"column {name!r} is given both as {seen[name]} and as {part}")
        if self.time is not None and (self.group is not None or self.group_duplicates):
            raise ValueError(
                "time splits the rows by time, group and group_duplicates by groups: give one of them"
            )
        if self.repeats and (self.time is not None or self.test is not None):
            given = "time" if self.time is not None else "test"
            raise ValueError(
                f"repeats splits anew at random, and {given} says which rows test: give one of them"
            )
        if self.time_limit is not None and self.model == "linear":
            raise ValueError(
                "time_limit limits networks, and model is 'linear': give 'network' or 'auto', or leave it out"
            )
        return self


Settings = TypeVar("Settings", bound=Reading)


def make_config(**settings: Any) -> Config:
    """Return the settings, checked.

    Raises:
        ConfigError: a setting is unknown, missing, of the wrong kind, or out of range.
    """
    return _checked(Config, settings)


def make_reading(**settings: Any) -> Reading:
    """Return what the user says about the form of the data, checked.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    return _checked(Reading, settings)


def _checked(kind: type[Settings], settings: Mapping[str, Any]) -> Settings:
    try:
        return kind(**settings)
    except ValidationError as error:
        # an unknown name explains a missing one, so it is told first
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        name = ".".join(str(part) for part in first["loc"][:1])
        if first["type"] == "extra_forbidden":
            fix = did_you_mean(name, kind.model_fields)
            raise ConfigError(f"There is no setting {name!r}.", fix=fix) from None
        if first["type"] == "missing":
            raise ConfigError(f"The setting {name!r} is missing.") from None
        given = repr(first["input"])
        given = given if len(given) <= 60 else f"a value of type {type(first['input']).__name__}"
        where = "".join(f"[{part!r}]" for part in first["loc"][1:])
        what = f"The setting {name}{where} = {given} is not valid" if name else "The settings do not fit"
        raise ConfigError(f"{what}: {first['msg'].removeprefix('Value error, ')}.") from None


def read_config(path: Path | str) -> Config:
    """Return the settings in a `config.json`.

    Raises:
        ConfigError: the file cannot be read, is no JSON object, or holds a setting that is not valid.
    """
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON ({error}).") from None
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{path}: a JSON object was expected.")
    try:
        return make_config(**settings)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", fix=error.fix) from None
