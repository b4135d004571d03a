"""What the interpreter knows while it follows a program: the file, the variables, the loops and branches it is in."""

from __future__ import annotations

import ast

from crossentropy.check._findings import Event
from crossentropy.check._project import Module, Project
from crossentropy.check._torch import Arguments
from crossentropy.check._values import (
    Const,
    Function,
    Instance,
    Origin,
    Sequence,
    Tensor,
    Value,
)

DEPTH = 12


class State:
    """The part of the interpreter that the others share."""

    file: Module
    scope: dict[str, Value]

    def __init__(self, project: Project) -> None:
        self.project = project
        self.muted = 0
        self.evaluating = 0
        self.branches: tuple[int, ...] = ()
        self.called: set[ast.AST] = set()
        self.depth = DEPTH
        self.steps = 0
        self.cut_short = False
        self.stack: list[ast.AST] = []
        self.loops: list[tuple[ast.AST, Value]] = []
        self.losses: dict[tuple[str, int, int], bool] = {}

    def emit(self, event: Event) -> None:
        """Hand an event to the rules; `_run.py` has them."""
        raise NotImplementedError

    def quiet(self) -> bool:
        """Whether nothing is learnt here: no gradients, or the model was told to evaluate."""
        return self.evaluating > 0 or self.scope.get("__evaluating__") == Const(True)

    def certain(self, thing: Sequence | Instance) -> bool:
        """Whether the current line runs whenever the thing is made."""
        extends = self.branches[: len(thing.born)] == thing.born
        return not extends or len(self.branches) <= len(thing.born)

    def origin(self, node: ast.AST) -> Origin:
        """Return the place of a node."""
        return Origin(self.file.source.shown, getattr(node, "lineno", 0), getattr(node, "col_offset", 0))

    def body(self, function: Function, scope: dict[str, Value]) -> Value:
        """Run a function's body; `_statements.py` knows how."""
        raise NotImplementedError

    def default(self, node: ast.expr, module: Module) -> Value:
        """Evaluate a default of a parameter."""
        raise NotImplementedError

    def opaque(self, node: ast.AST) -> Value:
        """A value of which nothing is known but where it came from."""
        origin = self.origin(node)
        return Tensor(base=(origin.path, origin.line, origin.column))

    def switch_mode(self, evaluating: bool) -> None:
        """model.eval() and model.train()."""
        self.scope["__evaluating__"] = Const(evaluating)

    def accumulates(self) -> bool:
        """Whether the innermost loop steps its optimizer only every few batches; `_statements.py` knows."""
        raise NotImplementedError

    def call(self, function: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Call a value; `_calls.py` knows how."""
        raise NotImplementedError

    def make_layer(self, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """Construct a class of torch.nn; `_calls.py` knows how."""
        raise NotImplementedError
