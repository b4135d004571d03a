"""The modules of a project, and which file an import names. Files are read, never run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from crossentropy.check._sources import Source, read_source
from crossentropy.check._values import Value
from crossentropy.errors import DataError


@dataclass(eq=False)
class Module:
    """One file: its source, and what its names are once it was followed from top to bottom."""

    source: Source
    scope: dict[str, Value] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    followed: bool = False


@dataclass
class Project:
    """The modules met so far, by path."""

    modules: dict[Path, Module | None] = field(default_factory=dict)

    def module(self, path: Path) -> Module | None:
        """Return the module of a file, None if it cannot be parsed."""
        key = path.resolve()
        if key not in self.modules:
            try:
                self.modules[key] = Module(read_source(path))
            except DataError:
                self.modules[key] = None
        return self.modules[key]

    def module_or_error(self, path: Path) -> Module:
        """Return the module of a file, or raise the DataError that says why it cannot be parsed."""
        found = self.modules.get(path.resolve()) or Module(read_source(path))
        self.modules[path.resolve()] = found
        return found

    def find(self, dotted: str, level: int, importer: Path) -> Module | None:
        """Return the module that `importer` gets by a dotted name, None if it is not of this project."""
        folder = importer.parent
        if level:
            for _ in range(level - 1):
                folder = folder.parent
            return self._at(folder, dotted)
        child = ""
        while True:
            inside = (folder / "__init__.py").exists()
            # what is installed beside a package is not a part of it
            other = folder.name == "site-packages" and dotted.split(".")[0] != child
            if not inside and not other and (found := self._at(folder, dotted)):
                return found
            if folder.parent == folder or (not inside and not _goes_on(folder)):
                return None
            child, folder = folder.name, folder.parent

    def _at(self, folder: Path, dotted: str) -> Module | None:
        path = folder.joinpath(*dotted.split(".")) if dotted else folder
        for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py") if dotted else path):
            if candidate.is_file():
                return self.module(candidate)
        return None


def _goes_on(folder: Path) -> bool:
    """Whether the folder above may still be of the same project."""
    marks = (".git", "pyproject.toml", "setup.py", "setup.cfg")
    return folder.name != "site-packages" and not any((folder / mark).exists() for mark in marks)
