"""A finding, a rule, and the events of a program that rules look at."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from crossentropy.check._values import Loss, LossSpec, Origin, Tensor, Value

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Edit:
    """Replace the text from (line, column) to (end_line, end_column), columns in characters from 0."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, order=True)
class Finding:
    """A mistake: where, which rule, and what to do. Lines and columns count from 1.

    In a notebook `cell` counts its code cells from 1, and lines count within the cell.
    """

    path: str
    cell: int | None
    line: int
    column: int
    rule: str
    message: str
    end_line: int
    end_column: int
    severity: Severity = field(compare=False)
    name: str = field(compare=False)
    edits: tuple[Edit, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Found:
    """What a rule returns: the node to point at, and the message."""

    node: ast.AST
    message: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something that the program does."""

    node: ast.AST
    file: Any
    evaluating: bool


@dataclass(frozen=True)
class LossCall(Event):
    """A loss is computed."""

    spec: LossSpec
    input: Value
    target: Value
    input_node: ast.AST


@dataclass(frozen=True)
class Activation(Event):
    """A softmax, log-softmax or sigmoid is taken; `dim` is None where none was given."""

    name: str
    input: Value
    output: Tensor
    dim: int | None
    given: bool


@dataclass(frozen=True)
class Logarithm(Event):
    """A logarithm is taken of probabilities."""

    input: Tensor
    picked: bool
    input_node: ast.AST


@dataclass(frozen=True)
class Entropy(Event):
    """Probabilities are multiplied by their own logarithm."""

    logarithm: Tensor


@dataclass(frozen=True)
class ArgMax(Event):
    """The largest entry is looked for along `dim`."""

    input: Tensor
    dim: int | None


@dataclass(frozen=True)
class Threshold(Event):
    """Values are compared with a constant."""

    input: Tensor


@dataclass(frozen=True)
class LossComparison(Event):
    """Two losses are compared, or one is taken from the other."""

    left: Loss
    right: Loss


@dataclass(frozen=True)
class LossMean(Event):
    """The losses of batches are averaged over the batches."""

    total: Loss


@dataclass(frozen=True)
class Backward(Event):
    """Gradients are taken of a loss; `accumulates` where an optimizer steps only every few batches."""

    loss: Value
    accumulates: bool


Look = Callable[[Any, dict[Hashable, Any]], Iterator[Found]]


@dataclass(frozen=True)
class Rule:
    """A rule. `look` gets an event of `events` and the memory of the run, and yields what it found."""

    id: str
    name: str
    severity: Severity
    summary: str
    why: str
    bad: str
    good: str
    events: tuple[type[Event], ...]
    look: Look
    fixable: bool = False


def place(origin: Origin | None, file: Any) -> str:
    """Say where a value was made, seen from a file; in a notebook the lines of each cell count from 1."""
    if origin is None:
        return ""
    if origin.path != file.source.shown:
        return f"{origin.path}:{origin.line}"
    cell, line = file.source.cell(origin.line)
    return f"line {line}" if cell is None else f"cell {cell}, line {line}"
