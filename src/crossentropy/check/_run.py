"""Checking files: follow each, let the rules look, and say what was found and what was not looked at."""

from __future__ import annotations

import ast
import sys
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossentropy.check._findings import Entropy, Event, Finding, Found, Logarithm, Rule
from crossentropy.check._project import Module, Project
from crossentropy.check._sources import find_files
from crossentropy.check._statements import Interpreter
from crossentropy.check._values import Origin
from crossentropy.check.rules import RULES
from crossentropy.errors import ConfigError, DataError, did_you_mean


@dataclass
class CheckResult:
    """What a check found, and how far it looked.

    `losses` counts the places where a loss is computed, `followed` those among them whose input was understood;
    `unread` names the files and cells that could not be parsed, `cut_short` the files in which calls lead so far that
    they were not followed to their end.
    """

    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    losses: int = 0
    followed: int = 0
    silenced: int = 0
    unread: list[str] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)


class _Checker(Interpreter):
    def __init__(self, project: Project, rules: Iterable[Rule]) -> None:
        super().__init__(project)
        self.found: list[tuple[Module, Rule, Found]] = []
        self.memory: dict[str, dict[Hashable, Any]] = {}
        self.rules: dict[type[Event], list[Rule]] = {}
        self.guarded: list[Logarithm] = []
        self.entropies: set[Origin | None] = set()
        for rule in rules:
            self.memory[rule.id] = {}
            for event in rule.events:
                self.rules.setdefault(event, []).append(rule)

    def emit(self, event: Event) -> None:
        """Hand an event to the rules, unless this is a first walk through a loop."""
        if self.muted:
            return
        if isinstance(event, Entropy):
            self.entropies.add(event.logarithm.origin)
        elif isinstance(event, Logarithm) and event.input.guarded:
            self.guarded.append(event)
        else:
            self.look(event)

    def look(self, event: Event) -> None:
        """Let the rules look at an event."""
        for rule in self.rules.get(type(event), ()):
            self.found += [(event.file, rule, f) for f in rule.look(event, self.memory[rule.id])]

    def finish(self) -> None:
        """Hand over the logarithms that a guard keeps finite, but those of p log p: it vanishes where p does."""
        for event in self.guarded:
            if self.origin_in(event) not in self.entropies:
                self.look(event)

    @staticmethod
    def origin_in(event: Event) -> Origin:
        """Return the place of an event."""
        return Origin(event.file.source.shown, event.node.lineno, event.node.col_offset)  # type: ignore[attr-defined]


def select_rules(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> list[Rule]:
    """Return the rules chosen, by id or name.

    Raises:
        ConfigError: there is no such rule.
    """
    names = {rule.name: rule.id for rule in RULES.values()}
    chosen, left_out = (
        [names.get(n.strip(), n.strip().upper()) for n in given] for given in (select, ignore)
    )
    for name in (*chosen, *left_out):
        if name not in RULES:
            raise ConfigError(f"There is no rule {name!r}.", fix=did_you_mean(name, RULES))
    return [RULES[i] for i in RULES if (not chosen or i in chosen) and i not in left_out]


def check_paths(
    paths: Iterable[str | Path], *, select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> CheckResult:
    """Check Python files and notebooks; nothing is run.

    Args:
        paths: files, and folders whose files are looked for.
        select: ids or names of the rules to use; all of them if empty.
        ignore: ids or names of rules to leave out.

    Raises:
        DataError: a path that does not exist.
        ConfigError: a rule that does not exist.
    """
    project, result = Project(), CheckResult()
    rules = select_rules(select, ignore)
    checker = _Checker(project, rules)
    modules = []
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 10_000))
    try:
        for path in find_files(paths):
            result.files += 1
            try:
                modules.append(project.module_or_error(path))
            except DataError as error:
                result.unread.append(str(error))
        for module in modules:
            result.unread += module.source.unread
            checker.cut_short = False
            checker.called = set()
            checker.follow(module)
            checker.follow_definitions(module)
            if checker.cut_short:
                result.cut_short.append(module.source.shown)
        checker.finish()
    finally:
        sys.setrecursionlimit(limit)
    _collect(checker, set(modules), result)
    return result


def _collect(checker: _Checker, asked: set[Module], result: CheckResult) -> None:
    shown = {module.source.shown for module in asked}
    counted = [known for (path, _, _), known in checker.losses.items() if path in shown]
    result.losses, result.followed = len(counted), sum(counted)
    found: set[Finding] = set()
    silenced: set[Finding] = set()
    for module, rule, seen in checker.found:
        if module in asked:
            finding = _finding(module, rule, seen)
            last = max(seen.node.lineno, _end(module, seen.node))  # type: ignore[attr-defined]
            silent = module.source.silences(rule.id, _start(module, seen.node), last)
            (silenced if silent else found).add(finding)
    result.findings = sorted(found)
    result.silenced = len(silenced)


def _statement(module: Module, node: ast.AST) -> ast.stmt | None:
    """Return the innermost simple statement around a node, on any line of which a comment may silence it."""
    line = getattr(node, "lineno", 0)
    best = None
    for part in ast.walk(module.source.tree):
        simple = isinstance(part, ast.stmt) and not hasattr(part, "body")
        if simple and part.lineno <= line <= (part.end_lineno or part.lineno):  # type: ignore[attr-defined]
            best = part
    return best  # type: ignore[return-value]


def _start(module: Module, node: ast.AST) -> int:
    statement = _statement(module, node)
    return statement.lineno if statement else getattr(node, "lineno", 0)


def _end(module: Module, node: ast.AST) -> int:
    statement = _statement(module, node)
    return (statement.end_lineno if statement else None) or getattr(node, "end_lineno", 0) or 0


def _finding(module: Module, rule: Rule, seen: Found) -> Finding:
    node: Any = seen.node
    cell, line = module.source.cell(node.lineno)
    _, end = module.source.cell(node.end_lineno)
    return Finding(
        path=module.source.shown,
        cell=cell,
        line=line,
        column=node.col_offset + 1,
        rule=rule.id,
        message=seen.message,
        end_line=end,
        end_column=node.end_col_offset + 1,
        severity=rule.severity,
        name=rule.name,
        edits=seen.edits if cell is None else (),  # what is mended is a file's text
    )
