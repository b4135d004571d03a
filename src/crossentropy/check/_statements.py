"""Following statements: assignments, branches, loops, definitions and imports.

Both sides of a branch are followed and joined, unless its test is a known constant; a loop is walked twice, the first
time in silence, so that what one turn leaves for the next is known. A function is followed where it is called, with
what it is given there, and once more with arguments of which nothing is known.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager

from crossentropy.check._calls import STEPS, decorators
from crossentropy.check._definitions import Definitions
from crossentropy.check._project import Module
from crossentropy.check._state import DEPTH
from crossentropy.check._torch import Arguments
from crossentropy.check._values import (
    NONE,
    UNKNOWN,
    Class,
    Const,
    External,
    Function,
    Instance,
    Loader,
    Mapping,
    Sequence,
    Value,
    join,
    join_scopes,
)

UNROLLED = 32
SHALLOW = 3
_LOSS = re.compile("loss|entropy|criterion|nll|bce|backward", re.IGNORECASE)
_QUIET = frozenset(("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad"))
_OPEN = Arguments((), {}, (), True)


class Interpreter(Definitions):
    """Follows a program without running it."""

    returns: list[Value]
    exits: list[dict[str, Value]]

    def follow(self, module: Module) -> None:
        """Follow a module from top to bottom, once."""
        if module.followed:
            return
        module.followed = True
        with self.entered(module):
            self.block(module.source.tree.body)

    @contextmanager
    def entered(self, module: Module) -> Iterator[None]:
        """Stand at the top of a module."""
        names = (
            "depth",
            "file",
            "scope",
            "loops",
            "stack",
            "branches",
            "evaluating",
            "returns",
            "exits",
            "muted",
        )
        before = {name: getattr(self, name) for name in names if hasattr(self, name)}
        self.file, self.scope, self.loops, self.stack = module, module.scope, [], []
        self.branches, self.evaluating, self.returns, self.exits, self.muted = (), 0, [], [], 0
        self.depth = DEPTH
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def follow_definitions(self, module: Module) -> None:
        """Follow each function and class of a module with arguments of which nothing is known."""
        for value in list(module.scope.values()):
            if isinstance(value, Function | Class) and value.module is module:
                with self.entered(module):
                    self.scope = {}
                    self.alone(value)

    def alone(self, value: Function | Class) -> None:
        """Follow a definition by itself; without a loss in it, not far into what it calls."""
        lines = value.module.source.text.splitlines()[value.node.lineno - 1 : value.node.end_lineno]
        self.depth = DEPTH if _LOSS.search("\n".join(lines)) else SHALLOW
        if isinstance(value, Function):
            self.force(value, _OPEN)
            return
        made = self.construct(value, _OPEN, value.node)
        for name, method in value.methods.items():
            if name != "__init__":
                static = "staticmethod" in decorators(method.node)
                self.force(method, _OPEN, None if static else made)

    def force(self, function: Function, arguments: Arguments, owner: Value | None = None) -> None:
        """Follow a function whatever decorates it."""
        if self.steps > STEPS or function.node in self.stack:
            return
        if owner is not None:
            arguments = Arguments((owner,), {}, (), True)
        with self.inside(function):
            self.evaluating += (quiet := bool(decorators(function.node) & {"no_grad", "inference_mode"}))
            self.body(function, self.bind(function, arguments))
            self.evaluating -= quiet

    def body(self, function: Function, scope: dict[str, Value]) -> Value:
        """Run a function's body and return what it returns."""
        node = function.node
        before = (self.scope, getattr(self, "returns", []), getattr(self, "exits", []))
        self.scope = {**(function.closure or {}), "__evaluating__": Const(False), **scope}
        self.returns, self.exits = [], []
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body)
            falls = self.block(node.body)
            self.follow_inner()
            found = self.returns + ([NONE] if falls else [])
            if not found or (falls and _yields(node)):
                return UNKNOWN
            value = found[0]
            for other in found[1:]:
                value = join(value, other)
            return value
        finally:
            self.scope, self.returns, self.exits = before

    def follow_inner(self) -> None:
        """Follow the functions and classes defined here that nothing has called."""
        for value in list(self.scope.values()):
            if isinstance(value, Function) and not isinstance(value.node, ast.Lambda):
                if value.closure is self.scope and value.node not in self.called:
                    self.called.add(value.node)
                    self.force(value, _OPEN)
            elif isinstance(value, Class) and value.node not in self.called and value.module is self.file:
                self.called.add(value.node)
                if value.node not in self.file.source.tree.body:
                    self.alone(value)

    def block(self, statements: list[ast.stmt]) -> bool:
        """Follow statements; return whether the end is reached."""
        for statement in statements:
            self.steps += 1
            handler = getattr(self, f"do_{type(statement).__name__.lower()}", None)
            if handler is not None and handler(statement) is False:
                return False
        return True

    def do_expr(self, node: ast.Expr) -> None:
        """An expression on its own."""
        self.value(node.value)

    def do_assign(self, node: ast.Assign) -> None:
        """Bind one or several targets."""
        value = self.value(node.value)
        for target in node.targets:
            self.assign(target, value)

    def do_annassign(self, node: ast.AnnAssign) -> None:
        """Bind a target with an annotation."""
        if node.value is not None:
            self.assign(node.target, self.value(node.value))

    def do_augassign(self, node: ast.AugAssign) -> None:
        """x += y."""
        current, value = self.value(node.target), self.value(node.value)
        if isinstance(current, Sequence) and isinstance(node.op, ast.Add):
            items = value.items if isinstance(value, Sequence) else []
            current.add(items, certain=self.certain(current))
            if not isinstance(value, Sequence) or not value.complete:
                current.forget()
            return
        self.assign(node.target, self.arithmetic(node.op, current, value, node))

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind a target."""
        if isinstance(target, ast.Name):
            self.scope[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, UNKNOWN)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value)
            if isinstance(owner, Instance):
                before = owner.attributes.get(target.attr)
                sure = before is None or self.certain(owner)
                owner.attributes[target.attr] = value if sure or before is None else join(before, value)
        elif isinstance(target, ast.Subscript):
            self.assign_item(self.value(target.value), self.value(target.slice), value)

    def assign_item(self, owner: Value, index: Value, value: Value) -> None:
        """Set an item of a list or a dict."""
        if isinstance(owner, Mapping):
            if isinstance(index, Const):
                before = owner.items.get(index.value)
                owner.items[index.value] = value if before is None else join(before, value)
            else:
                owner.items.clear()
        elif isinstance(owner, Sequence):
            number = index.value if isinstance(index, Const) else None
            known = isinstance(number, int) and -len(owner.items) <= number < len(owner.items)
            if known and owner.complete and self.certain(owner) and isinstance(number, int):
                owner.items[number] = value
            else:
                owner.forget()

    def unpack(self, targets: list[ast.expr], value: Value) -> None:
        """Bind several names to the items of a value."""
        known = isinstance(value, Sequence) and value.complete and len(value.items) == len(targets)
        plain = not any(isinstance(t, ast.Starred) for t in targets)
        for number, target in enumerate(targets):
            item = value.items[number] if known and plain and isinstance(value, Sequence) else UNKNOWN
            self.assign(target, item)

    def do_return(self, node: ast.Return) -> bool:
        """Leave the function."""
        self.returns.append(self.value(node.value) if node.value else NONE)
        return False

    def do_raise(self, node: ast.Raise) -> bool:
        """Leave by an exception."""
        return False

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

    def do_with(self, node: ast.With | ast.AsyncWith) -> bool:
        """Enter contexts; those of torch that switch gradients off count."""
        quiet = 0
        for item in node.items:
            manager = item.context_expr
            call = self.value(manager.func) if isinstance(manager, ast.Call) else None
            quiet += isinstance(call, External) and call.name in _QUIET
            value = self.value(manager)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value if isinstance(value, Instance) else UNKNOWN)
        self.evaluating += quiet
        falls = self.block(node.body)
        self.evaluating -= quiet
        return falls

    do_asyncwith = do_with

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


def _yields(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node))


def _every_few(node: ast.If) -> bool:
    """Whether this is `if step % k == 0: optimizer.step(); optimizer.zero_grad()`."""
    if not any(isinstance(n, ast.Mod) for n in ast.walk(node.test)):
        return False
    calls = {
        n.func.attr for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    }
    return {"step", "zero_grad"} <= calls and "backward" not in calls
