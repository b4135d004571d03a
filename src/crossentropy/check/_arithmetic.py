"""Computing with abstract values: what arithmetic leaves of logits, probabilities, class ids and losses."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crossentropy.check import _operations
from crossentropy.check._calls import Calls
from crossentropy.check._findings import Entropy, LossComparison, LossMean
from crossentropy.check._values import (
    UNKNOWN,
    Const,
    Count,
    Kind,
    Loss,
    Sequence,
    Tensor,
    Value,
)

NUMBERS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class Arithmetic(Calls):
    """The part of the interpreter that computes with values."""

    def arithmetic(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """Compute with two values."""
        if isinstance(left, Const) and isinstance(right, Const):
            try:
                return Const(NUMBERS[type(op)](left.value, right.value))
            except (KeyError, TypeError, ValueError, ArithmeticError):
                return UNKNOWN
        if isinstance(left, Sequence) and isinstance(right, Sequence) and isinstance(op, ast.Add):
            made = Sequence([*left.items, *right.items], born=self.branches)
            made.state.update(left.state)
            if not right.complete:
                made.forget()
                made.items.extend(right.items)
            return made
        if isinstance(left, Loss) or isinstance(right, Loss):
            return self.loss_arithmetic(op, left, right, node)
        if isinstance(op, ast.Mult):
            self.notice_entropy(left, right, node)
        if isinstance(left, Tensor) and left.kind is not Kind.OTHER:
            return self.tensor_arithmetic(op, left, right)
        if isinstance(right, Tensor) and right.kind is not Kind.OTHER:
            if right.kind is Kind.SIGMOID and isinstance(op, ast.Sub) and left in (Const(1), Const(1.0)):
                return replace(right, complement=not right.complement, inline=False)
            if isinstance(op, ast.Add | ast.Mult):
                return self.tensor_arithmetic(op, right, left)
        shapes = [v for v in (left, right) if isinstance(v, Tensor)]
        return Tensor(batched=any(t.batched for t in shapes)) if shapes else UNKNOWN

    def notice_entropy(self, left: Value, right: Value, node: ast.AST) -> None:
        """p log p, in either order, of the probabilities or of what they leave of 1."""
        if not (isinstance(left, Tensor) and isinstance(right, Tensor)):
            return
        for p, log in ((left, right), (right, left)):
            same = p.base is not None and (p.base, p.complement) == (log.base, log.complement)
            if same and log.kind in (Kind.LOG_PROBABILITIES, Kind.LOG_SIGMOID) and p.kind is not log.kind:
                self.emit(Entropy(node, self.file, self.quiet(), log))

    def tensor_arithmetic(self, op: ast.operator, tensor: Tensor, other: Value) -> Value:
        """Arithmetic that leaves a tensor what it was."""
        constant = other.value if isinstance(other, Const) else None
        number = isinstance(constant, int | float) and not isinstance(constant, bool)
        tensor = replace(tensor, inline=False)
        if tensor.kind is Kind.LOGITS:
            both = (
                isinstance(other, Tensor) and other.kind is Kind.LOGITS and isinstance(op, ast.Add | ast.Sub)
            )
            return tensor if number or both else Tensor(rank=tensor.rank)
        if tensor.kind in (Kind.PROBABILITIES, Kind.SIGMOID) and isinstance(op, ast.Add) and number:
            return replace(tensor, guarded=True) if _operations.guards(constant) else Tensor()
        if tensor.kind is Kind.IDS and isinstance(constant, int) and isinstance(op, ast.Add | ast.Sub):
            shift = constant if isinstance(op, ast.Add) else -constant
            low = None if tensor.low is None else tensor.low + shift
            high = None if tensor.high is None else tensor.high + shift
            return replace(tensor, low=low, high=high)
        return Tensor(rank=tensor.rank, batched=tensor.batched)

    def loss_arithmetic(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """Sums, means and differences of losses."""
        if isinstance(op, ast.Sub) and isinstance(left, Loss) and isinstance(right, Loss):
            self.emit(LossComparison(node, self.file, self.quiet(), left, right))
            return UNKNOWN
        if isinstance(op, ast.Add):
            loss, other = (left, right) if isinstance(left, Loss) else (right, left)
            assert isinstance(loss, Loss)
            if isinstance(other, Loss):
                if other.spec != loss.spec:
                    return UNKNOWN
                loss = other if other.total else loss
                loader = self.loops[-1][1] if self.loops else None
                return loss if loss.total or loader is None else replace(loss, total=True, loader=loader)
            if isinstance(other, Const) and other.value == 0:
                return replace(loss, total=True, loader=self.loops[-1][1] if self.loops else None)
            return UNKNOWN
        if isinstance(op, ast.Div) and isinstance(left, Loss):
            mean_of = left.loader if left.total else None
            if isinstance(right, Count) and mean_of is not None and right.of is mean_of:
                self.emit(LossMean(node, self.file, self.quiet(), left))
                return left
            if isinstance(right, Count) and isinstance(right.of, Sequence) and left.total:
                self.emit(LossMean(node, self.file, self.quiet(), left))
                return left
            return left if left.total else replace(left, scaled=True)
        if isinstance(op, ast.Mult) and isinstance(left, Loss):
            return replace(left, scaled=True) if isinstance(right, Const) else UNKNOWN
        return UNKNOWN
