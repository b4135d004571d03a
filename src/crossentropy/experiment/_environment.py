"""What may differ between two equal runs: versions, machine, times; and digests that say whether the data did."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from crossentropy.tables import Table

__all__ = ["environment"]

_PACKAGES = ("numpy", "scipy", "scikit-learn", "polars", "torch", "safetensors")


def environment(table: Table, test: Table | None, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return the record that `environment.json` holds."""
    from crossentropy import __version__

    return {
        "crossentropy": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": dict(seconds),
        "data_sha256": table.digest,
        "test_sha256": None if test is None else test.digest,
        "read_as": _read_as(table),
        "test_read_as": None if test is None else _read_as(test),
    }


def _read_as(table: Table) -> dict[str, Any]:
    dialect = {} if table.dialect is None else table.dialect.model_dump()
    return {"format": table.format or "memory", **dialect}
