"""Who imports whom, and what an import may load."""

import ast
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "crossentropy"

# The order of the README's tree: a room imports only rooms above it.
ORDER = re.findall(r"^  (\w+)(?:\.py|/) ", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> list[str]:
    """Every dotted name of this package that a file imports, relative imports and type-only ones included."""
    package = ["crossentropy", *path.relative_to(PACKAGE).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{module}.{alias.name}" for alias in node.names]
    return [name for name in found if name.split(".")[0] == "crossentropy"]


def test_every_form_of_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    source = """
        import numpy, crossentropy.cli
        from crossentropy.report import advise
        from crossentropy import learn
        from ..errors import DataError
        from . import _kinds
        if TYPE_CHECKING:
            from crossentropy.report._text import to_text
        def later():
            import crossentropy.check as known
    """
    file = tmp_path / "tables" / "_some.py"
    file.parent.mkdir()
    file.write_text(textwrap.dedent(source))
    assert sorted(imported_modules(file)) == [
        "crossentropy.check",
        "crossentropy.cli",
        "crossentropy.errors.DataError",
        "crossentropy.learn",
        "crossentropy.report._text.to_text",
        "crossentropy.report.advise",
        "crossentropy.tables._kinds",
    ]


def test_the_order_covers_every_room():
    rooms = {room_of(path) for path in FILES} - {"__init__", "__main__"}
    assert set(ORDER) == rooms
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_above_it_and_only_their_public_names(path: Path):
    room = room_of(path)
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[1:2] == ["__version__"] or room in ("__init__", "__main__"):
            continue
        other = parts[1]
        if other == room:
            continue
        assert other in ORDER, f"{path.name} imports {name}, which is no room"
        assert ORDER.index(other) < ORDER.index(room), f"{room} imports {other}, which stands below it"
        assert not any(part.startswith("_") for part in parts[2:]), f"{path.name} reaches into {name}"


def test_every_package_that_is_imported_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    dependencies = [*project["dependencies"], *project["optional-dependencies"]["onnx"]]
    declared = {re.split(r"[<>=]", d)[0].lower() for d in dependencies}
    imported = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    other = imported - set(sys.stdlib_module_names) - {"crossentropy"}
    assert {{"sklearn": "scikit-learn"}.get(name, name) for name in other} == declared


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


HEAVY = {
    "torch",
    "numba",
    "polars",
    "pandas",
    "matplotlib",
    "sklearn",
    "scipy",
    "numpy",
    "pydantic",
    "jinja2",
    "rich",
    "onnx",
    "onnxruntime",
}


@pytest.mark.parametrize(
    "code",
    [
        "import crossentropy",
        "import crossentropy.errors",
        "import crossentropy, sys; dir(crossentropy)",
        "import sys\nsys.argv = ['crossentropy', '--help']\nfrom crossentropy.cli import main\n"
        "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()):\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert end.code == 0",
    ],
    ids=["package", "errors", "dir", "help"],
)
def test_nothing_heavy_is_loaded(code: str):
    loaded = loaded_by(code)
    assert "crossentropy" in loaded
    assert not loaded & HEAVY


def test_a_report_room_loads_no_drawing_until_it_draws():
    assert not loaded_by("import crossentropy.report") & {"matplotlib", "jinja2", "torch"}


def test_the_linear_room_loads_no_torch():
    assert "torch" not in loaded_by("import crossentropy; crossentropy.LogisticRegression")
