"""Following definitions and imports."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from crossentropy.check._calls import decorators
from crossentropy.check._expressions import Expressions
from crossentropy.check._project import Module
from crossentropy.check._values import (
    UNKNOWN,
    Class,
    Const,
    External,
    Function,
    ProjectModule,
    Sequence,
)

_OUTSIDE = frozenset(
    [
        "torch",
        "torchvision",
        "numpy",
        "sklearn",
        "functools",
        "collections",
        "math",
        "typing",
        "os",
        "sys",
        "dataclasses",
    ]
)


class Definitions(Expressions):
    """The part of the interpreter that follows definitions and imports."""

    def do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Define a function."""
        inner = self.scope if self.stack else None
        self.scope[node.name] = Function(node, self.file, inner)

    do_asyncfunctiondef = do_functiondef

    def do_classdef(self, node: ast.ClassDef) -> None:
        """Define a class: its methods, its values, and the attributes that several methods set."""
        bases = tuple(self.value(base) for base in node.bases)
        made = Class(node, self.file, bases, volatile=frozenset(_volatile(node)))
        closure = self.scope if self.stack else None
        record = "dataclass" in decorators(node) or any(
            isinstance(b, External) and b.name.endswith("NamedTuple") for b in bases
        )
        fields = []
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                made.methods[part.name] = Function(part, self.file, closure)
            elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                made.values[part.targets[0].id] = self.value(part.value)
            elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                fields.append(Const(part.target.id))
                if part.value is not None:
                    made.values[part.target.id] = UNKNOWN if record else self.value(part.value)
        if record:
            made.values["__fields__"] = Sequence(list(fields))
        self.scope[node.name] = made

    def do_import(self, node: ast.Import) -> None:
        """import a.b [as c]."""
        for alias in node.names:
            top = alias.name.split(".")[0]
            shown = alias.name if alias.asname else top
            module = None if top in _OUTSIDE else self.project.find(shown, 0, self.file.source.path)
            found = ProjectModule(module) if module else External(shown)
            self.scope[alias.asname or top] = found

    def do_importfrom(self, node: ast.ImportFrom) -> None:
        """from a import b."""
        base = node.module or ""
        path = self.file.source.path
        outside = not node.level and base.split(".")[0] in _OUTSIDE
        module = None if outside else self.project.find(base, node.level, path)
        for alias in node.names:
            name = alias.asname or alias.name
            if alias.name == "*":
                self.star(module, base)
            elif module is not None:
                self.scope[name] = self.member(module, alias.name)
            elif node.level or outside or not (inner := self.project.find(f"{base}.{alias.name}", 0, path)):
                self.scope[name] = External(f"{base}.{alias.name}") if not node.level else UNKNOWN
            else:
                self.scope[name] = ProjectModule(inner)

    def star(self, module: Module | None, base: str) -> None:
        """from a import *."""
        if module is None:
            self.file.stars.append(base)
            return
        self.follow(module)
        self.scope.update({k: v for k, v in module.scope.items() if not k.startswith("_")})


def _volatile(node: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes that two methods set, or one method and the world outside may."""
    setters: Counter[str] = Counter()
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            found = set()
            for part in ast.walk(method):
                stored = isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
                if stored and isinstance(part.value, ast.Name) and part.value.id == "self":  # type: ignore[attr-defined]
                    found.add(part.attr)  # type: ignore[attr-defined]
            setters.update(found)
    yield from (name for name, count in setters.items() if count > 1)
