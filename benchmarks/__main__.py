"""`python -m benchmarks [NAME ...]`: run the named benchmarks, or all, and write a JSON file for each."""

import importlib
import json
import os
import platform
import sys
from pathlib import Path

NAMES = (
    "main_job",
    "text_table",
    "large_table",
    "label_errors",
    "start_up",
    "linear_dense",
    "linear_cv",
    "linear_sparse",
    "losses",
    "linear_losses",
    "guard",
    "check",
    "tables",
)


def main() -> None:
    folder = Path("benchmarks/results")
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or NAMES:
        rows = importlib.import_module(f"benchmarks.{name}").measure()
        machine = {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
        (folder / f"{name}.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


main()
