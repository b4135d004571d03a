"""What is known of a value without running the program: the abstract values, and how two of them join.

A finding must hold on every path, so a join keeps only what both sides agree on, and whatever is not understood is
UNKNOWN, about which nothing is ever reported.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossentropy.check._project import Module


class Kind(Enum):
    """What the numbers of a tensor are."""

    OTHER = "values"
    LOGITS = "logits"
    PROBABILITIES = "probabilities (softmax)"
    SIGMOID = "probabilities (sigmoid)"
    LOG_PROBABILITIES = "log-probabilities"
    LOG_SIGMOID = "log-probabilities (sigmoid)"
    IDS = "class ids"
    HARD = "decisions"
    ONE_HOT = "one-hot rows"
    MULTI_HOT = "multi-hot rows"


@dataclass(frozen=True)
class Origin:
    """The place in the code where a value was made."""

    path: str
    line: int
    column: int
    text: str = ""


@dataclass(frozen=True, eq=False)
class Value:
    """Base of the abstract values. Those made with eq=False are things, each equal to itself alone."""


@dataclass(frozen=True)
class Unknown(Value):
    """Anything at all."""


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Const(Value):
    """A number, a string, a bool or None."""

    value: Any


NONE = Const(None)


@dataclass(frozen=True)
class External(Value):
    """A dotted name of a package outside the project, under its canonical name."""

    name: str


@dataclass(frozen=True)
class Tensor(Value):
    """A tensor. `base` names the values that a softmax, sigmoid or arg-max was taken of.

    Its `classes` lie along the last axis, as a linear layer leaves them, or along axis 1 if they are `channels`.
    """

    kind: Kind = Kind.OTHER
    origin: Origin | None = None
    base: Hashable = None
    axis: int | None = None
    rank: int | None = None
    rows: int | None = None
    classes: int | None = None
    channels: bool = False
    low: int | None = None
    high: int | None = None
    floating: bool | None = None
    batched: bool = False
    column: bool = False
    complement: bool = False
    inline: bool = False
    guarded: bool = False
    whole: bool = True
    cut: str = ""

    def classes_along(self, dim: int | None) -> int | None:
        """Return the number of classes if it is sure that `dim` is their axis."""
        if self.channels:
            return self.classes if dim == 1 or self.rank == 2 else None
        last = dim == -1 or (dim is not None and self.rank is not None and dim == self.rank - 1)
        return self.classes if last else None

    def reshaped(self, rank: int | None = None) -> Tensor:
        """Return the same numbers in another shape."""
        return replace(
            self, axis=None, rank=rank, rows=None, classes=None, column=False, batched=False, inline=False
        )


@dataclass(frozen=True)
class LossSpec:
    """One of the losses, with its options."""

    family: str
    reduction: str | None = "mean"
    weighted: bool | None = False
    smoothing: float | None = 0.0
    ignore_index: bool = False
    origin: Origin | None = None


@dataclass(frozen=True)
class Loss(Value):
    """The value of a loss, or a sum of such values over the batches of `loader`."""

    spec: LossSpec
    scaled: bool = False
    total: bool = False
    evaluating: bool = False
    loader: Value | None = None
    node: ast.AST | None = None


@dataclass(frozen=True)
class Count(Value):
    """`len()` of a loader."""

    of: Value


@dataclass(eq=False, frozen=True)
class Layer(Value):
    """An instance of a class of torch.nn (losses among them), with the arguments of its constructor."""

    name: str
    arguments: dict[str, Value]
    origin: Origin


@dataclass(eq=False, frozen=True)
class Loader(Value):
    """A DataLoader: what its batches hold, and whether the last may be smaller."""

    ragged: bool | None
    batch: Value
    batched: bool = True


@dataclass(eq=False, frozen=True)
class Dataset(Value):
    """A data set: one item, and how many there are."""

    item: Value
    size: int | None


@dataclass(eq=False, frozen=True)
class Sequence(Value):
    """A list, a tuple, an nn.Sequential or an nn.ModuleList; what precedes `items` may be unknown."""

    items: list[Value] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=lambda: {"prefix": False, "each": None})
    module: bool = False
    born: tuple[int, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every item is known."""
        return not self.state["prefix"]

    @property
    def each(self) -> Value | None:
        """What all items appended inside of loops have in common."""
        found: Value | None = self.state["each"]
        for item in self.items:
            found = item if found is None else join(found, item)
        return found

    def add(self, items: Iterable[Value], *, certain: bool) -> None:
        """Append the items; where it is not certain that this line runs, the end of the list becomes unknown."""
        items = list(items)
        if certain:
            self.items.extend(items)
            return
        for item in (*self.items, *items):
            self.state["each"] = item if self.state["each"] is None else join(self.state["each"], item)
        self.forget()

    def forget(self) -> None:
        """Know nothing any more about the items."""
        self.items.clear()
        self.state["prefix"] = True


@dataclass(eq=False, frozen=True)
class Mapping(Value):
    """A dict with constant keys, or an nn.ModuleDict."""

    items: dict[Any, Value] = field(default_factory=dict)


@dataclass(eq=False, frozen=True)
class Function(Value):
    """A function or lambda of the project, and the variables that it sees."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    closure: dict[str, Value] | None = None
    owner: Class | None = None


@dataclass(eq=False, frozen=True)
class Class(Value):
    """A class of the project."""

    node: ast.ClassDef
    module: Module
    bases: tuple[Value, ...]
    methods: dict[str, Function] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()

    def lineage(self) -> list[Value]:
        """Return this class and its bases, nearest first; classes outside the project stand as External."""
        found: list[Value] = [self]
        for base in self.bases:
            found += base.lineage() if isinstance(base, Class) else [base]
        return found

    def method(self, name: str, after: Class | None = None) -> Function | None:
        """Return the method of that name, of the classes after `after` if it is given."""
        line = self.lineage()
        start = line.index(after) + 1 if after in line else 0
        for cls in line[start:]:
            if isinstance(cls, Class) and name in cls.methods:
                return cls.methods[name]
        return None


@dataclass(eq=False, frozen=True)
class Instance(Value):
    """An object of a class of the project."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict)
    born: tuple[int, ...] = ()


@dataclass(eq=False, frozen=True)
class Method(Value):
    """Something bound: a function of the project, or a named method of an abstract value."""

    owner: Value
    name: str
    function: Function | None = None


@dataclass(eq=False, frozen=True)
class Partial(Value):
    """functools.partial."""

    function: Value
    arguments: tuple[Value, ...]
    keywords: dict[str, Value]


@dataclass(eq=False, frozen=True)
class ProjectModule(Value):
    """A module of the project."""

    module: Module


_THINGS = (
    External,
    Layer,
    Instance,
    Function,
    Class,
    Sequence,
    Mapping,
    ProjectModule,
    Method,
    Partial,
    Loader,
)


def join(a: Value, b: Value) -> Value:
    """Return what is known if either may be the case."""
    if a is b or a == b:
        return a
    # None can be neither called nor given to a loss: where the other is used, it was the other
    for one, other in ((a, b), (b, a)):
        if one == NONE and isinstance(other, _THINGS):
            return other
        if isinstance(one, Const) and one.value == 0 and isinstance(other, Loss) and other.total:
            return other
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _join_tensors(a, b)
    if isinstance(a, Sequence) and isinstance(b, Sequence) and a.complete and b.complete:
        if len(a.items) == len(b.items) and a.module == b.module:
            return Sequence([join(x, y) for x, y in zip(a.items, b.items, strict=True)], module=a.module)
    elif isinstance(a, Mapping) and isinstance(b, Mapping) and a.items.keys() == b.items.keys():
        return Mapping({key: join(value, b.items[key]) for key, value in a.items.items()})
    return UNKNOWN


def _join_tensors(a: Tensor, b: Tensor) -> Tensor:
    if a.kind is not b.kind:
        return Tensor()
    same = {
        name: getattr(a, name)
        for name in ("base", "axis", "rank", "rows", "classes", "channels", "floating", "low", "high")
        if getattr(a, name) == getattr(b, name)
    }
    both = {name: getattr(a, name) and getattr(b, name) for name in ("batched", "column", "whole", "guarded")}
    cut = a.cut if a.cut and b.cut else ""
    return Tensor(a.kind, a.origin, complement=a.complement and b.complement, cut=cut, **same, **both)


def join_scopes(scopes: list[dict[str, Value]]) -> dict[str, Value]:
    """Join variables; one that a path leaves unbound was bound wherever it is used."""
    if len(scopes) == 1:
        return scopes[0]
    names = {name for scope in scopes for name in scope}
    found = {}
    for name in names:
        values = [scope[name] for scope in scopes if name in scope]
        value = values[0]
        for other in values[1:]:
            value = join(value, other)
        found[name] = value
    return found
