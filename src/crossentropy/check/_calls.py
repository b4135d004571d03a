"""Following calls: torch's own, layers, containers, losses, and the project's functions and classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from crossentropy.check import _layers, _operations, _torch
from crossentropy.check._findings import Activation, Backward, LossCall
from crossentropy.check._methods import DATASETS, Methods
from crossentropy.check._torch import Arguments
from crossentropy.check._values import (
    UNKNOWN,
    Class,
    Dataset,
    External,
    Function,
    Instance,
    Kind,
    Layer,
    Loss,
    LossSpec,
    Mapping,
    Method,
    Partial,
    Sequence,
    Tensor,
    Value,
)

STEPS = 20_000  # expressions followed for one definition; beyond that, calls are not followed
_THEMSELVES = frozenset(
    [
        "to",
        "cuda",
        "cpu",
        "train",
        "eval",
        "float",
        "half",
        "double",
        "bfloat16",
        "requires_grad_",
        "apply",
        "share_memory",
    ]
)
_TRANSPARENT = frozenset(
    [
        "no_grad",
        "inference_mode",
        "enable_grad",
        "compile",
        "script",
        "staticmethod",
        "classmethod",
        "property",
        "override",
        "wraps",
        "autocast",
        "jit_unused",
        "torch_no_grad",
        "typechecked",
        "cached_property",
        "lru_cache",
        "cache",
        "abstractmethod",
        "set_grad_enabled",
    ]
)


class Calls(Methods):
    """The part of the interpreter that follows calls; `_expressions.py` and `_statements.py` build on it."""

    def call(self, function: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Call a value."""
        if isinstance(function, External):
            return self.call_external(function.name, arguments, node)
        if isinstance(function, Layer):
            return self.call_layer(function, arguments, node)
        if isinstance(function, Sequence) and function.module:
            return self.call_sequential(function, arguments, node)
        if isinstance(function, Function):
            return self.call_function(function, arguments)
        if isinstance(function, Class):
            return self.construct(function, arguments, node)
        if isinstance(function, Instance):
            return self.call_instance(function, arguments, node)
        if isinstance(function, Method):
            return self.call_method(function, arguments, node)
        if isinstance(function, Partial):
            together = Arguments(
                (*function.arguments, *arguments.positional),
                {**function.keywords, **arguments.keywords},
                arguments.nodes if not function.arguments else (),
                arguments.open,
            )
            return self.call(function.function, together, node)
        return self.opaque(node)

    def call_external(self, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """Call a function or class of another package."""
        layer, operation = _torch.layer_class(name), _torch.operation(name)
        if layer:
            return self.make_layer(layer, arguments, node)
        if operation in _torch.LOSS_FUNCTIONS:
            family = _torch.LOSS_FUNCTIONS[operation]
            spec = _torch.loss_spec(family, arguments, self.origin(node), layer=False)
            return self.call_loss(spec, arguments, node)
        if operation in _operations.OPERATIONS:
            return _operations.OPERATIONS[operation](self, arguments, node)
        if name in _layers.WRAPPERS:
            return arguments.get(0, "module", "model") or UNKNOWN
        last = name.rpartition(".")[2]
        if name.startswith("torch.utils.data."):
            return self.make_data(last, arguments)
        if name.startswith("torchvision.datasets.") and last in DATASETS:
            classes, train_rows, test_rows = DATASETS[last]
            train = arguments.get(1, "train")
            known = {True: train_rows, False: test_rows}
            rows = train_rows if train is None else known.get(_torch.number(train))
            return Dataset(
                Sequence([Tensor(), Tensor(Kind.IDS, low=0, high=classes - 1, floating=False)]), rows
            )
        return self.builtin(name, arguments, node)

    def make_layer(self, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """Construct a class of torch.nn."""
        if name in ("Sequential", "ModuleList"):
            first = arguments.get(0)
            items = list(arguments.positional)
            if isinstance(first, Sequence) and not first.module:
                items = [self.named_layer(item) for item in first.items]
                made = Sequence(items, module=True, born=self.branches)
                made.state.update(first.state)
                return made
            if isinstance(first, Mapping):
                items = list(first.items.values())
            elif name == "ModuleList":
                return UNKNOWN if items else Sequence(module=True, born=self.branches)
            made = Sequence(items, module=True, born=self.branches)
            if arguments.open:
                made.forget()
            return made
        if name == "ModuleDict":
            return arguments.get(0) or Mapping()
        if name in _layers.WRAPPING:
            return arguments.get(0) or UNKNOWN
        named = {str(i): value for i, value in enumerate(arguments.positional)}
        if arguments.open and name not in _torch.LOSS_LAYERS:
            named["*"] = UNKNOWN
        layer = Layer(name, {**named, **arguments.keywords}, self.origin(node))
        if name in ("Softmax", "LogSoftmax") and not layer.arguments:
            self.emit_no_dim(name, node)
        return layer

    def emit_no_dim(self, name: str, node: ast.AST) -> None:
        """A softmax layer without a dimension."""
        output = Tensor(Kind.PROBABILITIES, self.origin(node))
        event = Activation(node, self.file, self.quiet(), name, UNKNOWN, output, None, False)
        self.emit(event)

    @staticmethod
    def named_layer(item: Value) -> Value:
        """Return the layer of a (name, layer) pair."""
        pair = isinstance(item, Sequence) and not item.module and len(item.items) == 2
        return item.items[1] if pair and isinstance(item, Sequence) else item

    def call_layer(self, layer: Layer, arguments: Arguments, node: ast.AST) -> Value:
        """Call an instance of a class of torch.nn."""
        if layer.name in _torch.LOSS_LAYERS:
            places = {k: v for k, v in layer.arguments.items() if not k.isdigit()}
            ordered = sorted((int(k), v) for k, v in layer.arguments.items() if k.isdigit())
            options = Arguments(tuple(v for _, v in ordered), places)
            spec = _torch.loss_spec(_torch.LOSS_LAYERS[layer.name], options, layer.origin, layer=True)
            return self.call_loss(spec, arguments, node)
        return _layers.apply_layer(self, layer, arguments, node)

    def call_sequential(self, layers: Sequence, arguments: Arguments, node: ast.AST) -> Value:
        """Call the layers one after the other."""
        value = arguments.get(0, "input") or UNKNOWN
        if not layers.complete:
            value = self.opaque(node)
        for layer in list(layers.items):
            value = self.call(layer, Arguments((value,), {}), node)
        return value

    def call_loss(self, spec: LossSpec, arguments: Arguments, node: ast.AST) -> Value:
        """Compute a loss."""
        given = arguments.get(0, "input") or UNKNOWN
        target = arguments.get(1, "target") or UNKNOWN
        input_node = arguments.nodes[0] if arguments.nodes else node
        where = self.origin(node)
        known = isinstance(given, Tensor) and given.kind is not Kind.OTHER
        key = (where.path, where.line, where.column)
        self.losses[key] = self.losses.get(key, False) or known
        self.emit(LossCall(node, self.file, self.quiet(), spec, given, target, input_node))
        if spec.reduction in ("none", None):
            return UNKNOWN
        return Loss(spec, evaluating=self.quiet(), node=node)

    def call_instance(self, instance: Instance, arguments: Arguments, node: ast.AST) -> Value:
        """Call a module: its forward."""
        method = instance.cls.method("__call__") or instance.cls.method("forward")
        if method is not None:
            return self.call_function(method, arguments, instance)
        layers = instance.attributes.get("__layers__")
        return self.call(layers, arguments, node) if layers is not None else self.opaque(node)

    def construct(self, cls: Class, arguments: Arguments, node: ast.AST) -> Value:
        """Make an object of a class of the project."""
        made = Instance(cls, born=self.branches)
        start = cls.method("__init__")
        if start is not None:
            self.call_function(start, arguments, made)
        elif any(base == External("torch.nn.Sequential") for base in cls.lineage()):
            made.attributes["__layers__"] = self.make_layer("Sequential", arguments, node)
        elif cls.values.get("__fields__") is not None:
            names = cls.values["__fields__"]
            assert isinstance(names, Sequence)
            fields = [str(_torch.number(n)) for n in names.items]
            made.attributes.update(dict(zip(fields, arguments.positional, strict=False)))
            made.attributes.update(arguments.keywords)
        return made

    def call_method(self, method: Method, arguments: Arguments, node: ast.AST) -> Value:
        """Call something bound."""
        owner, name = method.owner, method.name
        if method.function is not None:
            return self.call_function(method.function, arguments, owner)
        if isinstance(owner, Layer | Instance) or (isinstance(owner, Sequence) and owner.module):
            if name in ("eval", "train") and not arguments.positional:
                self.switch_mode(name == "eval")
            if name in _THEMSELVES:
                return owner
        if isinstance(owner, Sequence):
            return self.list_method(owner, name, arguments)
        if isinstance(owner, Instance):
            return self.module_method(owner, name, arguments, node)
        if isinstance(owner, Mapping):
            return self.dict_method(owner, name, arguments)
        if isinstance(owner, Loss):
            return self.loss_method(owner, name, node)
        inner = getattr(getattr(node, "func", None), "value", node)
        together = Arguments(
            (owner, *arguments.positional), arguments.keywords, (inner, *arguments.nodes), arguments.open
        )
        first = arguments.get(0)
        if name == "scale" and isinstance(first, Loss):
            return first  # GradScaler divides the gradients by the same number again
        if name == "backward":
            self.emit(Backward(node, self.file, self.quiet(), owner, self.accumulates()))
            return UNKNOWN
        if name == "random_" and isinstance(owner, Tensor):
            top = _torch.number(arguments.get(0))
            high = top - 1 if isinstance(top, int) else None
            return replace(owner, kind=Kind.IDS, origin=self.origin(node), low=0, high=high)
        if name in ("eval", "train") and not arguments.positional:
            self.switch_mode(name == "eval")
            return owner
        if name in _operations.OPERATIONS and name not in (
            "tensor",
            "rand",
            "randn",
            "zeros",
            "ones",
            "empty",
        ):
            return _operations.OPERATIONS[name](self, together, node)
        return self.opaque(node)

    def spent(self) -> bool:
        """Whether what is being followed leads too far."""
        self.cut_short |= self.steps > STEPS
        return self.steps > STEPS

    @contextmanager
    def inside(self, function: Function) -> Iterator[None]:
        """Enter a function: its file, and no loops around it."""
        before = (self.file, self.loops)
        self.stack.append(function.node)
        self.file, self.loops = function.module, []
        try:
            yield
        finally:
            self.stack.pop()
            self.file, self.loops = before

    def call_function(self, function: Function, arguments: Arguments, owner: Value | None = None) -> Value:
        """Follow a call into a function of the project."""
        node = function.node
        self.called.add(node)
        if (
            node in self.stack
            or len(self.stack) >= self.depth
            or self.spent()
            or isinstance(node, ast.AsyncFunctionDef)
        ):
            return UNKNOWN
        names = decorators(node)
        if names - _TRANSPARENT:
            return UNKNOWN
        if owner is not None and "staticmethod" not in names:
            arguments = replace(arguments, positional=(owner, *arguments.positional))
        with self.inside(function):
            scope = self.bind(function, arguments)
            quiet = bool(names & {"no_grad", "inference_mode"})
            self.evaluating += quiet
            result = self.body(function, scope)
            self.evaluating -= quiet
        return result

    def bind(self, function: Function, arguments: Arguments) -> dict[str, Value]:
        """Return the variables that a function starts with."""
        given = function.node.args
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        scope = dict(zip(names, arguments.positional, strict=False))
        if given.vararg:
            rest = Sequence(list(arguments.positional[len(names) :]))
            if arguments.open:
                rest.forget()
            scope[given.vararg.arg] = rest
        every = [*names, *(a.arg for a in given.kwonlyargs)]
        scope.update({k: v for k, v in arguments.keywords.items() if k in every})
        if given.kwarg:
            extra = {k: v for k, v in arguments.keywords.items() if k not in every}
            scope[given.kwarg.arg] = UNKNOWN if arguments.open else Mapping(extra)
        defaults = dict(zip(reversed(names), reversed(given.defaults), strict=False))
        defaults |= {
            a.arg: d for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None
        }
        for name in every:
            if name not in scope:
                known = name in defaults and not arguments.open
                scope[name] = self.default(defaults[name], function.module) if known else UNKNOWN
        return scope


def decorators(node: ast.AST) -> set[str]:
    """Return the last names of a function's decorators."""
    found = set()
    for decorator in getattr(node, "decorator_list", []):
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        found.add(inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "?"))
    return found
