"""What torch's functions and the methods of tensors do to abstract values, as far as the rules need to know."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crossentropy.check._findings import Activation, ArgMax, Logarithm
from crossentropy.check._makers import filled, literal, one_hot, randint
from crossentropy.check._torch import Arguments, Follower, as_tensor, dim_of, number
from crossentropy.check._values import (
    NONE,
    UNKNOWN,
    Const,
    External,
    Kind,
    Sequence,
    Tensor,
    Value,
    join,
)


def activation(
    follower: Follower, name: str, arguments: Arguments, node: ast.AST, *, layer: bool = False
) -> Value:
    """softmax, log_softmax, sigmoid, logsigmoid, as a function, a method or a layer."""
    origin = follower.origin(node)
    given = arguments.get(0, "input") or UNKNOWN
    source = as_tensor(given, origin)
    kind = {
        "softmax": Kind.PROBABILITIES,
        "log_softmax": Kind.LOG_PROBABILITIES,
        "sigmoid": Kind.SIGMOID,
        "logsigmoid": Kind.LOG_SIGMOID,
    }[name]
    dimension = arguments.get(1, "dim", "axis") if "softmax" in name else None
    dim = dim_of(dimension)
    output = Tensor(
        kind,
        origin,
        source.base,
        axis=dim,
        rank=source.rank,
        rows=source.rows,
        classes=source.classes,
        channels=source.channels,
        batched=source.batched,
        floating=True,
        inline=True,
        whole=source.whole,
        cut=source.cut,
    )
    # of a layer without a dimension, the line that makes it was reported
    given_dim = (dimension is not None and dimension != NONE) or layer
    follower.emit(Activation(node, follower.file, follower.quiet(), name, given, output, dim, given_dim))
    return output


def logarithm(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    """Take the logarithm."""
    given = arguments.get(0, "input")
    if not isinstance(given, Tensor) or given.kind not in (Kind.PROBABILITIES, Kind.SIGMOID):
        return Tensor()
    inner = arguments.nodes[0] if arguments.nodes else node
    follower.emit(Logarithm(node, follower.file, follower.quiet(), given, not given.whole, inner))
    kind = Kind.LOG_PROBABILITIES if given.kind is Kind.PROBABILITIES else Kind.LOG_SIGMOID
    return replace(given, kind=kind, origin=follower.origin(node), inline=False)


def argmax(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    """Class ids of the largest entries."""
    origin = follower.origin(node)
    source = as_tensor(arguments.get(0, "input") or UNKNOWN, origin)
    dim = dim_of(arguments.get(1, "dim", "axis"))
    follower.emit(ArgMax(node, follower.file, follower.quiet(), source, dim))
    rank = source.rank - 1 if source.rank and dim is not None else None
    high = source.classes - 1 if source.classes and dim in (1, -1) else None
    return Tensor(Kind.IDS, origin, source.base, rank=rank, low=0, high=high, floating=False, cut="argmax")


def gathered(follower: Follower, name: str, arguments: Arguments, node: ast.AST) -> Value:
    """cat, stack: the parts together."""
    parts = arguments.get(0, "tensors")
    if not isinstance(parts, Sequence) or not parts.complete or not parts.items:
        return Tensor()
    found = parts.items[0]
    for part in parts.items[1:]:
        found = join(found, part)
    dim = arguments.get(1, "dim")
    if not isinstance(found, Tensor) or (dim is not None and number(dim) != 0):
        return Tensor()
    return found.reshaped(found.rank if name == "cat" else None)


def hard(follower: Follower, name: str, arguments: Arguments, node: ast.AST) -> Value:
    """round, sign, floor: no gradient comes through."""
    source = as_tensor(arguments.get(0, "input") or UNKNOWN, follower.origin(node))
    return Tensor(Kind.HARD, follower.origin(node), source.base, rank=source.rank, floating=True, cut=name)


def guards(least: Any) -> bool:
    """Whether a number keeps a probability from 0 before the logarithm, and is large enough to hide something."""
    return isinstance(least, int | float) and not isinstance(least, bool) and 1e-30 < least <= 1e-3


def picked(value: Tensor) -> Tensor:
    """Some entries of each row."""
    return replace(value.reshaped(), whole=False)


SAME = frozenset(
    [
        "contiguous",
        "clone",
        "cuda",
        "cpu",
        "requires_grad_",
        "retain_grad",
        "dropout",
    ]
)


SHAPE = frozenset(
    [
        "reshape",
        "squeeze",
        "permute",
        "transpose",
        "expand",
        "movedim",
        "t",
        "swapaxes",
        "view_as",
        "expand_as",
        "repeat",
        "tile",
    ]
)


ELEMENTWISE = frozenset(
    [
        "relu",
        "relu_",
        "gelu",
        "elu",
        "selu",
        "silu",
        "mish",
        "tanh",
        "leaky_relu",
        "softplus",
        "hardswish",
        "relu6",
        "exp",
        "normalize",
        "layer_norm",
    ]
)


FLOATS = ("float", "float32", "float16", "float64", "half", "double", "bfloat16")
INTEGERS = ("long", "int64", "int", "int32", "int16", "int8", "uint8", "bool", "short")
DTYPES = {f"torch.{name}": True for name in (*FLOATS, "FloatTensor", "DoubleTensor", "HalfTensor")} | {
    f"torch.{name}": False for name in (*INTEGERS, "LongTensor", "IntTensor", "BoolTensor")
}


Operation = Callable[[Follower, Arguments, ast.AST], Value]


def _named(function: Callable[..., Value], name: str) -> Operation:
    return lambda follower, arguments, node: function(follower, name, arguments, node)


def _first(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    return arguments.get(0, "input") or UNKNOWN


def _shape(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    return given.reshaped() if isinstance(given, Tensor) else Tensor()


def _elementwise(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    return (
        Tensor(rank=given.rank, rows=given.rows, batched=given.batched)
        if isinstance(given, Tensor)
        else Tensor()
    )


def _view(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    if not isinstance(given, Tensor):
        given = Tensor()
    sizes = list(arguments.positional[1:])
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        sizes = list(sizes[0].items) if sizes[0].complete else []
    elif len(sizes) == 1 and not isinstance(sizes[0], Const):
        sizes = []
    rank = len(sizes) or None
    classes = dim_of(sizes[-1]) if rank == 2 and dim_of(sizes[-1]) not in (-1, None) else None
    found = given.reshaped(None if arguments.open else rank)
    column = rank == 2 and dim_of(sizes[-1]) == 1 and given.kind is Kind.IDS and given.rank in (1, None)
    return replace(found, column=column, classes=classes)


def _flatten(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    tensor = given if isinstance(given, Tensor) else Tensor()
    start = dim_of(arguments.get(1, "start_dim"))
    two = start == 1 and arguments.get(2, "end_dim") in (None, Const(-1))
    return replace(tensor.reshaped(2 if two else None), batched=tensor.batched and two)


def _unsqueeze(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    if not isinstance(given, Tensor):
        return Tensor()
    column = given.kind is Kind.IDS and given.rank == 1 and dim_of(arguments.get(1, "dim")) in (1, -1)
    return replace(given.reshaped(given.rank + 1 if given.rank else None), column=column)


def _float(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    return replace(given, floating=True, inline=False) if isinstance(given, Tensor) else Tensor(floating=True)


def _long(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    return (
        replace(given, floating=False, inline=False) if isinstance(given, Tensor) else Tensor(floating=False)
    )


def _to(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    """to, type, type_as: another device, another dtype, or either as far as is known."""
    given = arguments.get(0, "input")
    if not isinstance(given, Tensor):
        return given or UNKNOWN
    floating = given.floating
    places = list(zip(arguments.positional, arguments.nodes, strict=False))[1:]
    for value, where in [*places, *((v, node) for k, v in arguments.keywords.items() if k == "dtype")]:
        if isinstance(value, External) and value.name in DTYPES:
            floating = DTYPES[value.name]
        elif not isinstance(value, Const) and not _is_device(value, where):
            floating = None
    return replace(given, floating=floating, inline=False)


def _is_device(value: Value, where: ast.AST) -> bool:
    """Whether an argument of to() is a device, going by its name where nothing else is known."""
    if isinstance(value, External):
        return value.name.startswith("torch.device")
    name = where.attr if isinstance(where, ast.Attribute) else getattr(where, "id", "")
    return any(word in name.lower() for word in ("device", "gpu", "cuda", "rank"))


def _detach(name: str) -> Operation:
    def detach(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
        given = arguments.get(0, "input")
        tensor = given if isinstance(given, Tensor) else Tensor()
        return replace(tensor, cut=f"{name}()", inline=False)

    return detach


def _clamp(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given, least = arguments.get(0, "input"), number(arguments.get(1, "min"))
    if not isinstance(given, Tensor) or given.kind not in (Kind.PROBABILITIES, Kind.SIGMOID):
        return Tensor()
    return replace(given, inline=False, guarded=True) if guards(least) else Tensor()


def _gather(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    given = arguments.get(0, "input")
    return picked(given) if isinstance(given, Tensor) else Tensor()


def _max(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    if len(arguments.positional) < 2 and not ({"dim", "axis"} & arguments.keywords.keys()):
        return Tensor()
    ids = argmax(follower, arguments, node)
    return Sequence([Tensor(), ids])


OPERATIONS: dict[str, Operation] = {
    **dict.fromkeys(SAME, _first),
    **dict.fromkeys(SHAPE, _shape),
    **{name: _named(activation, name) for name in ("softmax", "log_softmax", "sigmoid", "logsigmoid")},
    **{name: _named(filled, name) for name in ("rand", "randn", "zeros", "ones", "empty")},
    **{name: _named(gathered, name) for name in ("cat", "stack", "concat")},
    **{name: _named(hard, name) for name in ("round", "sign", "floor", "ceil", "heaviside")},
    **{name: _detach(name) for name in ("detach", "detach_")},
    "log": logarithm,
    "argmax": argmax,
    "max": _max,
    "one_hot": one_hot,
    "randint": randint,
    "tensor": literal,
    "LongTensor": lambda f, a, n: _long(f, Arguments((literal(f, a, n),), {}), n),
    "FloatTensor": lambda f, a, n: _float(f, Arguments((literal(f, a, n),), {}), n),
    "view": _view,
    "reshape": _view,
    "flatten": _flatten,
    "unsqueeze": _unsqueeze,
    **dict.fromkeys(("to", "type", "type_as"), _to),
    **dict.fromkeys(("float", "half", "double", "bfloat16"), _float),
    "long": _long,
    "int": _long,
    "clamp": _clamp,
    "clip": _clamp,
    "clamp_min": _clamp,
    "gather": _gather,
}
