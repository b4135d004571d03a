"""Following a program: modules, definitions and the bodies of functions, assignments and contexts.

A function is followed where it is called, with what it is given there, and once more with arguments of which nothing is
known.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager

from crossentropy.check._branches import Branches
from crossentropy.check._calls import decorators
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
    Mapping,
    Sequence,
    Value,
    join,
)

SHALLOW = 3
_LOSS = re.compile("loss|entropy|criterion|nll|bce|backward", re.IGNORECASE)
_QUIET = frozenset(("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad"))
_OPEN = Arguments((), {}, (), True)


class Interpreter(Branches):
    """Follows a program without running it."""

    returns: list[Value]

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
            "steps",
        )
        before = {name: getattr(self, name) for name in names if hasattr(self, name)}
        self.file, self.scope, self.loops, self.stack = module, module.scope, [], []
        self.branches, self.evaluating, self.returns, self.exits, self.muted = (), 0, [], [], 0
        self.depth, self.steps = DEPTH, 0
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
                self.steps = 0
                static = "staticmethod" in decorators(method.node)
                self.force(method, _OPEN, None if static else made)

    def force(self, function: Function, arguments: Arguments, owner: Value | None = None) -> None:
        """Follow a function whatever decorates it."""
        if self.spent() or function.node in self.stack:
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


def _yields(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node))
