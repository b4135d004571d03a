"""The wheel: built, installed with its declared dependencies into an empty environment, it runs the demo elsewhere."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_it_holds_the_package_its_types_and_its_templates_and_nothing_else(wheel):
    names = {n for n in zipfile.ZipFile(wheel).namelist() if not n.split("/")[0].endswith(".dist-info")}
    package = ROOT / "src" / "crossentropy"
    source = {
        str(p.relative_to(package.parent))
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert names == source
    assert "crossentropy/py.typed" in names


def test_it_runs_the_demo_from_another_folder(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-c",
            ROOT / "constraints.txt",
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    work = tmp_path / "work"
    work.mkdir()
    command = [tmp_path / "env" / "bin" / "crossentropy", "train", "sklearn:digits", "--out", "runs/digits"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Report: runs/digits/report.html" in done.stdout
    metrics = json.loads((work / "runs/digits/metrics.json").read_text())
    assert metrics["test"]["accuracy"]["value"] > 0.9
    where = [python, "-c", "import crossentropy; print(crossentropy.__file__)"]
    assert Path(subprocess.run(where, cwd=work, capture_output=True, text=True).stdout).is_relative_to(
        tmp_path / "env"
    )
