"""Evaluating expressions to abstract values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crossentropy.check import _operations, _torch
from crossentropy.check._arithmetic import NUMBERS, Arithmetic
from crossentropy.check._findings import LossComparison, Threshold
from crossentropy.check._project import Module
from crossentropy.check._torch import Arguments
from crossentropy.check._values import (
    UNKNOWN,
    Class,
    Const,
    Count,
    External,
    Function,
    Instance,
    Kind,
    Loader,
    Loss,
    Mapping,
    Method,
    ProjectModule,
    Sequence,
    Tensor,
    Value,
    join,
)


class Expressions(Arithmetic):
    """The part of the interpreter that evaluates expressions."""

    def value(self, node: ast.expr | None) -> Value:
        """Evaluate an expression."""
        self.steps += 1
        if node is None:
            return UNKNOWN
        handler: Callable[[Any], Value] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is not None:
            return handler(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return UNKNOWN

    def default(self, node: ast.expr, module: Module) -> Value:
        """Evaluate a default of a parameter, in the scope of its module."""
        if isinstance(node, ast.Constant):
            return Const(node.value)
        scope, self.scope = self.scope, module.scope
        try:
            return self.value(node)
        finally:
            self.scope = scope

    def _constant(self, node: ast.Constant) -> Value:
        return Const(node.value)

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.scope:
            return self.scope[node.id]
        if node.id in self.file.scope:
            return self.file.scope[node.id]
        for star in self.file.stars:
            if _torch.layer_class(f"{star}.{node.id}") or _torch.operation(f"{star}.{node.id}"):
                return External(f"{star}.{node.id}")
        return External(f"builtins.{node.id}") if hasattr(builtins, node.id) else UNKNOWN

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.value(node.value), node.attr, node)

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a value."""
        if isinstance(owner, External):
            return External(f"{owner.name}.{name}")
        if isinstance(owner, ProjectModule):
            return self.member(owner.module, name)
        if isinstance(owner, Method) and owner.name == "super" and isinstance(owner.owner, Instance):
            return self.super_attribute(owner.owner, name)
        if isinstance(owner, Instance):
            return self.instance_attribute(owner, name)
        if isinstance(owner, Class):
            method = owner.method(name)
            return method or self.class_value(owner, name)
        if isinstance(owner, Tensor) and name in ("data", "T", "mT"):
            if name == "data":
                return replace(owner, cut=".data", inline=False)
            return owner.reshaped(owner.rank)
        if isinstance(owner, Loss) and name == "data":
            return owner
        if isinstance(owner, Loader) and name == "dataset":
            return UNKNOWN
        if isinstance(owner, Const | Count):
            return UNKNOWN
        return Method(owner, name)

    def member(self, module: Module, name: str) -> Value:
        """Return a name of a module of the project."""
        self.follow(module)
        if name in module.scope:
            return module.scope[name]
        inner = (
            self.project.find(name, 1, module.source.path) if module.source.path.stem == "__init__" else None
        )
        return ProjectModule(inner) if inner else UNKNOWN

    def follow(self, module: Module) -> None:
        """Follow a module from top to bottom, once; `_statements.py` knows how."""
        raise NotImplementedError

    def instance_attribute(self, owner: Instance, name: str) -> Value:
        """Return an attribute of an object of a class of the project."""
        if name == "training":
            return UNKNOWN
        if any(isinstance(c, Class) and name in c.volatile for c in owner.cls.lineage()):
            return UNKNOWN
        if name in owner.attributes:
            return owner.attributes[name]
        method = owner.cls.method(name)
        if method is not None:
            from crossentropy.check._calls import decorators

            if {"property", "cached_property"} & decorators(method.node):
                return self.call_function(method, Arguments((), {}), owner)
            return Method(owner, name, method)
        found = self.class_value(owner.cls, name)
        return found if found is not UNKNOWN else Method(owner, name)

    @staticmethod
    def class_value(cls: Class, name: str) -> Value:
        """Return an attribute of a class."""
        for other in cls.lineage():
            if isinstance(other, Class) and name in other.values:
                return other.values[name]
        return UNKNOWN

    def _call(self, node: ast.Call) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and "super" not in self.scope:
            return self.parent(node)
        function = self.value(node.func)
        positional: list[Value] = []
        open_end = False
        for argument in node.args:
            value = self.value(argument.value if isinstance(argument, ast.Starred) else argument)
            if not isinstance(argument, ast.Starred):
                positional.append(value)
            elif isinstance(value, Sequence) and value.complete:
                positional += value.items
            elif isinstance(value, Sequence) and self.builds_layers(function):
                return self.from_list(value)
            else:
                open_end = True
                break
        keywords = {}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, Mapping):
                keywords.update({str(k): v for k, v in value.items.items()})
            else:
                open_end = True
        nodes: list[ast.AST] = list(node.args) or [k.value for k in node.keywords if k.arg == "input"]
        return self.call(function, Arguments(tuple(positional), keywords, tuple(nodes), open_end), node)

    @staticmethod
    def builds_layers(function: Value) -> bool:
        """Whether this is nn.Sequential."""
        return isinstance(function, External) and _torch.layer_class(function.name) == "Sequential"

    @staticmethod
    def from_list(layers: Sequence) -> Value:
        """nn.Sequential(*layers) where only the last layers are known."""
        made = Sequence(list(layers.items), module=True, born=layers.born)
        made.state.update(layers.state)
        return made

    def parent(self, node: ast.Call) -> Value:
        """super(): the methods of the classes after the one in which it stands."""
        owner = self.scope.get("self")
        return Method(owner, "super") if isinstance(owner, Instance) else UNKNOWN

    def super_attribute(self, owner: Instance, name: str) -> Value:
        """Return a method of a class that stands after the current one."""
        for cls in owner.cls.lineage():
            if isinstance(cls, Class) and any(f.node in self.stack[-1:] for f in cls.methods.values()):
                return Method(owner, name, owner.cls.method(name, after=cls))
        return UNKNOWN

    def _list(self, node: ast.List | ast.Tuple) -> Value:
        made = Sequence(born=self.branches)
        for item in node.elts:
            value = self.value(item.value if isinstance(item, ast.Starred) else item)
            if not isinstance(item, ast.Starred):
                made.items.append(value)
            elif isinstance(value, Sequence) and value.complete:
                made.items.extend(value.items)
            else:
                made.forget()
        return made

    _tuple = _list

    def _dict(self, node: ast.Dict) -> Value:
        made: dict[Any, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            name, value = self.value(key), self.value(item)
            if not isinstance(name, Const):
                return UNKNOWN
            made[name.value] = value
        return Mapping(made)

    def _lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.file, self.scope)

    def _namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.scope[node.target.id] = value
        return value

    def _ifexp(self, node: ast.IfExp) -> Value:
        test = self.value(node.test)
        if isinstance(test, Const):
            return self.value(node.body if test.value else node.orelse)
        return join(self.value(node.body), self.value(node.orelse))

    def _boolop(self, node: ast.BoolOp) -> Value:
        values = [self.value(v) for v in node.values]
        stops = isinstance(node.op, ast.Or)
        for value in values:
            if not isinstance(value, Const):
                return UNKNOWN
            if bool(value.value) is stops:
                return value
        return values[-1]

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        if isinstance(value, Const):
            if isinstance(node.op, ast.Not):
                return Const(not value.value)
            if isinstance(node.op, ast.USub) and isinstance(value.value, int | float):
                return Const(-value.value)
        if isinstance(value, Tensor) and value.kind is Kind.LOGITS:
            return value
        if not isinstance(value, Tensor):
            return UNKNOWN
        return Tensor(rank=value.rank, base=value.base, complement=value.complement)

    def _binop(self, node: ast.BinOp) -> Value:
        return self.arithmetic(node.op, self.value(node.left), self.value(node.right), node)

    def _compare(self, node: ast.Compare) -> Value:
        values = [self.value(node.left), *map(self.value, node.comparators)]
        if len(values) != 2:
            return UNKNOWN
        left, right = values
        op = type(node.ops[0])
        if isinstance(left, Const) and isinstance(right, Const):
            try:
                if op in (ast.In, ast.NotIn):
                    return Const((left.value in right.value) is (op is ast.In))
                return Const(NUMBERS[op](left.value, right.value))
            except (KeyError, TypeError):
                return UNKNOWN
        if (
            op in (ast.Is, ast.IsNot)
            and right == Const(None)
            and not isinstance(left, Tensor)
            and left != UNKNOWN
        ):
            return Const((left == right) is (op is ast.Is))
        if isinstance(left, Loss) and isinstance(right, Loss):
            self.emit(LossComparison(node, self.file, self.quiet(), left, right))
        if op in (ast.Gt, ast.GtE, ast.Lt, ast.LtE) and isinstance(left, Tensor) and isinstance(right, Const):
            self.emit(Threshold(node, self.file, self.quiet(), left))
            return Tensor(Kind.HARD, self.origin(node), left.base, rank=left.rank, cut="a comparison")
        return UNKNOWN

    def _subscript(self, node: ast.Subscript) -> Value:
        owner = self.value(node.value)
        index = self.value(node.slice) if not isinstance(node.slice, ast.Slice) else UNKNOWN
        if isinstance(owner, Sequence):
            return self.item(owner, index, node)
        if isinstance(owner, Mapping):
            return owner.items.get(index.value, UNKNOWN) if isinstance(index, Const) else UNKNOWN
        if not isinstance(owner, Tensor):
            return self.opaque(node)
        if isinstance(node.slice, ast.Slice):
            return replace(owner, rows=None, inline=False)
        if isinstance(node.slice, ast.Tuple):
            return _operations.picked(owner)
        if isinstance(index, Const) and index.value is not None:
            rank = owner.rank - 1 if owner.rank else None
            return replace(owner.reshaped(rank), whole=owner.whole and (owner.rank or 0) > 1)
        return replace(owner.reshaped(), classes=owner.classes)

    def item(self, owner: Sequence, index: Value, node: ast.Subscript) -> Value:
        """Return an item of a list."""
        if isinstance(node.slice, ast.Slice):
            bounds = [b if b is None else self.value(b) for b in (node.slice.lower, node.slice.upper)]
            plain = all(b is None or (isinstance(b, Const) and isinstance(b.value, int)) for b in bounds)
            if owner.complete and plain and node.slice.step is None:
                lower, upper = (b.value if isinstance(b, Const) else None for b in bounds)
                return Sequence(owner.items[lower:upper], module=owner.module)
            return UNKNOWN
        if not isinstance(index, Const) or not isinstance(index.value, int):
            return UNKNOWN
        number = index.value
        if number < 0 and -number <= len(owner.items):
            return owner.items[number]
        return owner.items[number] if owner.complete and 0 <= number < len(owner.items) else UNKNOWN

    def _listcomp(self, node: ast.ListComp) -> Value:
        kept = dict(self.scope)
        (generator, *more) = node.generators
        source = self.value(generator.iter)
        made = Sequence(born=self.branches)
        if not more and not generator.ifs and isinstance(source, Sequence) and source.complete:
            for item in source.items[:32]:
                self.assign(generator.target, item)
                made.items.append(self.value(node.elt))
        else:
            for part in node.generators:
                self.assign(part.target, self.element(self.value(part.iter)))
            loader = source if isinstance(source, Loader) else None
            each = self.value(node.elt)
            if isinstance(each, Loss) and loader is not None:
                each = replace(each, total=True, loader=loader)
            made.add([each], certain=False)
        self.scope.clear()
        self.scope.update(kept)
        return made

    _generatorexp = _listcomp

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind a target; `_statements.py` knows how."""
        raise NotImplementedError

    def element(self, iterable: Value) -> Value:
        """Return what a loop over a value gets; `_statements.py` knows."""
        raise NotImplementedError
