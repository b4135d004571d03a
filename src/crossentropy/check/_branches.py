"""Following branches and loops.

Both sides of a branch are followed and joined, unless its test is a known constant; a loop is walked twice, the first
time in silence, so that what one turn leaves for the next is known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from crossentropy.check._definitions import Definitions
from crossentropy.check._values import UNKNOWN, Const, Loader, Mapping, Sequence, Value, join_scopes

UNROLLED = 32


class Branches(Definitions):
    """The part of the interpreter that follows what may run, may not, or may run again."""

    exits: list[dict[str, Value]]

    def block(self, statements: list[ast.stmt]) -> bool:
        """Follow statements; `_statements.py` knows how."""
        raise NotImplementedError

    def do_break(self, node: ast.Break | ast.Continue) -> bool:
        """Leave the loop, or this turn of it."""
        self.exits.append(dict(self.scope))
        return False

    do_continue = do_break

    def do_if(self, node: ast.If) -> bool:
        """Follow the branches that may be taken."""
        test = self.value(node.test)
        if isinstance(test, Const):
            return self.block(node.body if test.value else node.orelse)
        ends = []
        before = dict(self.scope)
        for body in (node.body, node.orelse):
            with self.branch(body or [node]):
                self.replace_scope(before)
                if self.block(body):
                    ends.append(dict(self.scope))
        self.replace_scope(join_scopes(ends) if ends else before)
        return bool(ends)

    @contextmanager
    def branch(self, body: list[ast.stmt]) -> Iterator[None]:
        """Follow lines that may not run."""
        before = self.branches
        self.branches = (*before, id(body[0]))
        try:
            yield
        finally:
            self.branches = before

    def replace_scope(self, scope: dict[str, Value]) -> None:
        """Put other values in the current scope, which closures share."""
        if scope is not self.scope:
            copy = dict(scope)
            self.scope.clear()
            self.scope.update(copy)

    def do_for(self, node: ast.For) -> None:
        """Unroll a loop over a short list that is known; walk twice through any other."""
        iterable = self.value(node.iter)
        items = self.unrolled(node, iterable)
        if items is not None:
            for item in items:
                self.assign(node.target, item)
                if not self.block(node.body):
                    break
            return
        inner = _enumerated(iterable)
        loader = iterable if inner is None else inner
        self.loop(node, loader, lambda: self.assign(node.target, self.element(iterable)))
        if isinstance(iterable, Sequence) and iterable.module:
            for item in iterable.items:
                self.assign(node.target, item)
                self.block(node.body)

    do_asyncfor = do_for

    def do_while(self, node: ast.While) -> None:
        """Walk twice through the loop."""
        self.loop(node, UNKNOWN, lambda: self.value(node.test))

    def unrolled(self, node: ast.For, iterable: Value) -> list[Value] | None:
        """Return the items of a loop that is to be unrolled."""
        if any(isinstance(n, ast.Break | ast.Continue | ast.Return) for n in ast.walk(node)):
            return None
        if isinstance(iterable, Sequence) and iterable.complete and 0 < len(iterable.items) <= UNROLLED:
            return list(iterable.items)
        call = node.iter
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range":
            bounds = [self.value(a) for a in call.args]
            builds = any(
                isinstance(n, ast.Attribute) and n.attr in ("append", "extend", "add_module")
                for n in ast.walk(node)
            )
            if builds and all(isinstance(b, Const) and isinstance(b.value, int) for b in bounds):
                numbers = range(*(b.value for b in bounds if isinstance(b, Const)))
                return [Const(n) for n in numbers] if len(numbers) <= 8 else None
        return None

    def loop(self, node: ast.For | ast.AsyncFor | ast.While, loader: Value, start: object) -> None:
        """Follow a loop: once in silence, then with what a turn may leave for the next."""
        before = dict(self.scope)
        outer, self.exits = self.exits, []
        self.loops.append((node, loader))
        with self.branch(node.body):
            for last in (False, True):
                self.muted += not last
                start()  # type: ignore[operator]
                if self.block(node.body):
                    self.exits.append(dict(self.scope))
                self.replace_scope(join_scopes([before, *self.exits]))
                self.muted -= not last
        self.loops.pop()
        self.exits = outer
        self.block(node.orelse)

    def element(self, iterable: Value) -> Value:
        """Return what a loop over a value gets."""
        if isinstance(iterable, Loader):
            return iterable.batch
        inner = _enumerated(iterable)
        if inner is not None:
            return Sequence([UNKNOWN, self.element(inner)])
        if isinstance(iterable, Sequence) and iterable.complete:
            return iterable.each or UNKNOWN
        return UNKNOWN

    def accumulates(self) -> bool:
        """Whether the innermost loop steps its optimizer only every few batches."""
        return bool(self.loops) and any(
            isinstance(part, ast.If) and _every_few(part)
            for part in self.loops[-1][0].body  # type: ignore[attr-defined]
        )

    def do_try(self, node: ast.Try) -> bool:
        """Follow the body, then each handler as if any part of the body had run."""
        before = dict(self.scope)
        falls = self.block(node.body) and self.block(node.orelse)
        after = dict(self.scope)
        ends = [after] if falls else []
        for handler in node.handlers:
            with self.branch([*handler.body]):
                self.replace_scope(join_scopes([before, after]))
                if self.block(handler.body):
                    ends.append(dict(self.scope))
        self.replace_scope(join_scopes(ends) if ends else after)
        return self.block(node.finalbody) and bool(ends)

    do_trystar = do_try

    def do_match(self, node: ast.Match) -> bool:
        """Follow every case, and none."""
        before = dict(self.scope)
        ends = [before]
        self.value(node.subject)
        for case in node.cases:
            with self.branch(case.body):
                self.replace_scope(before)
                for name in (n.name for n in ast.walk(case.pattern) if isinstance(n, ast.MatchAs) and n.name):
                    self.scope[name] = UNKNOWN
                if self.block(case.body):
                    ends.append(dict(self.scope))
        self.replace_scope(join_scopes(ends))
        return True


def _enumerated(value: Value) -> Value | None:
    """Return the loader of `enumerate(loader)`."""
    return (
        value.items["enumerate"]
        if isinstance(value, Mapping) and list(value.items) == ["enumerate"]
        else None
    )


def _every_few(node: ast.If) -> bool:
    """Whether this is `if step % k == 0: optimizer.step(); optimizer.zero_grad()`."""
    if not any(isinstance(n, ast.Mod) for n in ast.walk(node.test)):
        return False
    calls = {
        n.func.attr for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    }
    return {"step", "zero_grad"} <= calls and "backward" not in calls
