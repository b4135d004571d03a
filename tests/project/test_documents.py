"""The documents say what is: code runs, the transcript is real, the tree is the tree, links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(language):
    for document in DOCUMENTS:
        for number, found in enumerate(BLOCK.finditer(document.read_text())):
            if found[1] == language:
                yield pytest.param(found[2], id=f"{document.relative_to(ROOT)}:{number}")


def run(command, cwd):
    """Run one line of a console block; `crossentropy` is this environment's."""
    command = re.sub(r"^crossentropy\b", f"{sys.executable} -m crossentropy", command)
    return subprocess.run(command, shell=True, cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("code", list(blocks("python")))
def test_python_blocks_run(code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", list(blocks("console")))
def test_console_blocks_run_and_print_what_they_show(block, tmp_path):
    commands = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    assert commands
    for command in commands:
        line, _, shown = command.partition("\n")
        line = line.partition("  #")[0].strip()
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
            continue
        done = run(line, tmp_path)
        assert done.returncode == 0, done.stderr
        if shown.strip():
            assert timeless(done.stderr + done.stdout) == timeless(shown)


def timeless(text):
    return re.sub(r"\(\d+\.\d s\)", "(a moment)", text.strip())


def test_the_tree_in_the_readme_is_the_tree():
    shown = re.findall(r"^  (\w+(?:\.py|/))  +\S", README.read_text(), flags=re.MULTILINE)
    package = ROOT / "src" / "crossentropy"
    real = {p.name + "/" for p in package.iterdir() if (p / "__init__.py").is_file()}
    real |= {p.name for p in package.glob("[a-z]*.py")}
    assert set(shown) == real


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_named_files_exist(document):
    text = document.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target
    for name in re.findall(r"`((?:docs|src|tests|losses|tables)/[\w./*-]+)`", text):
        assert any(list(base.glob(name)) for base in (ROOT, ROOT / "src" / "crossentropy")), name


def test_every_decision_is_listed():
    listed = (ROOT / "docs/decisions/README.md").read_text()
    for page in (ROOT / "docs/decisions").glob("0*.md"):
        assert f"({page.name})" in listed, page.name


def test_every_dependency_is_pinned_and_argued():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["onnx"], *extras["dev"]]
    names = {re.split(r"[<>=\[]", d)[0].lower() for d in declared} - {project["name"]}
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert names == pinned
    argued = (ROOT / "docs/decisions/0005-dependencies.md").read_text().lower()
    for name in names - {"pandas-stubs", "scipy-stubs"}:
        assert name in argued, name
