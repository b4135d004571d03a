"""How long the command takes to answer `--help`, and the package to import, in processes of their own."""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "import crossentropy": [sys.executable, "-c", "import crossentropy"],
    "crossentropy --help": [sys.executable, "-m", "crossentropy", "--help"],
    "import sklearn.linear_model": [sys.executable, "-c", "import sklearn.linear_model"],
    "import torch": [sys.executable, "-c", "import torch"],
}


def measure() -> list[dict]:
    rows = []
    for name, command in COMMANDS.items():
        seconds = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
        rows.append({"what": name, "median_s": round(statistics.median(seconds), 3)})
        print(f"{name:30} {rows[-1]['median_s']:.3f} s")
    return rows
