"""The command: text, JSON, SARIF, exit codes, and what it says about what it did not look at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BAD = """\
import torch.nn.functional as F

def f(z, y):
    return F.cross_entropy(F.log_softmax(z, dim=1), y), F.cross_entropy(z.softmax(1), y)
"""


def run(*arguments, cwd):
    command = [sys.executable, "-m", "crossentropy", "check", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "bad one.py").write_text(BAD)
    (tmp_path / "good.py").write_text("import torch\n")
    return tmp_path


def test_text_and_exit_codes(folder):
    done = run("bad one.py", cwd=folder)
    first, second, _, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert first.startswith("bad one.py:4:28: note CE002 log-softmax-before-cross-entropy: ")
    assert second.startswith("bad one.py:4:73: error CE001 softmax-before-cross-entropy: ")
    assert last.startswith("2 findings in 1 file. Of 2 places where a loss is computed")
    quiet = run("good.py", cwd=folder)
    assert quiet.returncode == 0
    assert quiet.stdout == "0 findings in 1 file. No place was seen where a loss is computed.\n"
    assert run("bad one.py", "--ignore", "CE001,CE002", cwd=folder).returncode == 0
    assert run("bad one.py", "--select", "CE002", cwd=folder).returncode == 1  # a note is a finding


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument"),
        (["none.py"], "no such file"),
        (["good.py", "--select", "CE1"], "Did you mean"),
        (["broken.py"], "broken.py: line 1"),
    ],
)
def test_wrong_use_ends_with_2(folder, arguments, said):
    (folder / "broken.py").write_text("def\n")
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_json(folder):
    done = run(".", "--json", cwd=folder)
    told = json.loads(done.stdout)
    assert (told["files"], told["losses"], told["followed"], len(told["findings"])) == (2, 2, 2, 2)
    assert told["findings"][0]["rule"] == "CE002"


def test_fix_mends_what_is_safe_and_leaves_the_rest(folder):
    done = run(".", "--fix", cwd=folder)
    assert done.returncode == 1
    assert "Mended 1" in done.stderr
    assert "CE001" in done.stdout
    assert "CE002" not in done.stdout
    assert "F.cross_entropy(z, y), F.cross_entropy(z.softmax(1), y)" in (folder / "bad one.py").read_text()


def test_sarif_has_what_the_standard_requires(folder):
    log = json.loads(run(".", "--format", "sarif", cwd=folder).stdout)
    assert log["version"] == "2.1.0"
    (one,) = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "bad%20one.py"
        region = place["region"]
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    fixes = [f for r in one["results"] for f in r.get("fixes", [])]
    (replacement,) = fixes[0]["artifactChanges"][0]["replacements"]
    assert replacement["insertedContent"]["text"] == "z"
    region = replacement["deletedRegion"]
    assert region["startLine"] == region["endLine"] == 4
    line = BAD.splitlines()[3]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "F.log_softmax(z, dim=1)"


def test_a_notebook_is_told_by_cells_and_never_mended(folder):
    cells = [{"cell_type": "code", "source": text} for text in ("import math", BAD)]
    path = folder / "book.ipynb"
    path.write_text(json.dumps({"cells": cells}, indent=1))
    before = path.read_bytes()
    done = run("book.ipynb", "--fix", "--format", "sarif", cwd=folder)
    assert path.read_bytes() == before
    for result in json.loads(done.stdout)["runs"][0]["results"]:
        assert result["message"]["text"].startswith("In code cell 2: ")
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4
        assert "fixes" not in result
    assert all(not f["edits"] for f in json.loads(run("book.ipynb", "--json", cwd=folder).stdout)["findings"])


def test_one_mend_within_another_is_left_for_the_next_time(folder):
    path = folder / "nested.py"
    path.write_text(
        "import torch\nimport torch.nn.functional as F\n\n\ndef f(z, y):\n"
        "    return F.cross_entropy(F.log_softmax(torch.log(F.softmax(z, dim=1)), dim=1), y)\n"
    )
    assert "Mended 1" in run("nested.py", "--fix", cwd=folder).stderr
    run("nested.py", "--fix", cwd=folder)
    run("nested.py", "--fix", cwd=folder)
    assert path.read_text().endswith("    return F.cross_entropy(z, y)\n")


def test_what_is_not_known_of_an_input_is_said(folder):
    (folder / "unknown.py").write_text("import torch.nn.functional as F\n\nx = F.cross_entropy(make(), 1)\n")
    assert (
        "traced to what made it in 0; in the other 1 nothing is known" in run("unknown.py", cwd=folder).stdout
    )


def test_a_page_is_printed(folder):
    done = run("--explain", "ce001", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.startswith("# CE001 softmax-before-cross-entropy")
    assert done.stdout.strip() == (ROOT / "docs/check/CE001.md").read_text().strip()


def test_checking_loads_no_torch():
    code = "import crossentropy.check, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_the_hook_names_the_command():
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "entry: crossentropy check\n" in hook
