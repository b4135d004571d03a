"""scikit-learn's own tests of logistic regression, run against this package at 1e-6 (`scikit_learn_plugin.py`)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import sklearn

HERE = Path(__file__).parent


def test_scikit_learns_own_tests_pass(tmp_path):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "scikit_learn_plugin", "-p", "no:cacheprovider"),
            *(
                f"--rootdir={Path(sklearn.__file__).parent}",
                "--pyargs",
                "sklearn.linear_model.tests.test_logistic",
            ),
        ],
        env={**os.environ, "PYTHONPATH": str(HERE), "SCIPY_ARRAY_API": "1", "REPORT": str(report)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    counts = json.loads(report.read_text())
    print(f"{counts['passed']} of scikit-learn's tests passed; not run, and why:")
    for reason, number in sorted(counts["left_out"].items()):
        print(f"{number:5d}  {reason}")
    assert counts["stale"] == []
    assert counts["failed"] == counts["error"] == 0
    assert counts["passed"] > 100
