"""Values whose content is known from the call that makes them: random class ids, literals, one-hot rows."""

from __future__ import annotations

import ast
from dataclasses import replace

from crossentropy.check._torch import Arguments, Follower, dim_of, number
from crossentropy.check._values import (
    Const,
    Kind,
    Origin,
    Sequence,
    Tensor,
    Value,
)


def one_hot(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    """One-hot rows of class ids."""
    classes = dim_of(arguments.get(1, "num_classes"))
    ids = arguments.get(0, "input")
    cut = ids.cut if isinstance(ids, Tensor) else ""
    rank = ids.rank + 1 if isinstance(ids, Tensor) and ids.rank else None
    return Tensor(Kind.ONE_HOT, follower.origin(node), classes=classes, rank=rank, floating=False, cut=cut)


def _sizes(arguments: Arguments, start: int) -> list[int | None] | None:
    given = list(arguments.positional[start:])
    if not given and "size" in arguments.keywords:
        given = [arguments.keywords["size"]]
    if len(given) == 1 and isinstance(given[0], Sequence):
        if not given[0].complete:
            return None
        given = given[0].items
    elif any(not isinstance(v, Const) for v in given) and len(given) == 1:
        return None
    return [dim_of(v) for v in given] if given and not arguments.open else None


def filled(follower: Follower, name: str, arguments: Arguments, node: ast.AST) -> Value:
    """rand, randn, zeros, ones, empty: values of a known shape."""
    sizes = _sizes(arguments, 0)
    if sizes is None:
        return Tensor()
    integer = "dtype" in arguments.keywords
    rank, classes = len(sizes), sizes[-1] if len(sizes) == 2 else None
    if name == "zeros" and integer and rank == 1:
        return Tensor(rank=1, rows=sizes[0], floating=None)
    return Tensor(rank=rank, rows=sizes[0], classes=classes, floating=None if integer else True)


def randint(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    """Random class ids."""
    given = list(arguments.positional)
    two = len(given) >= 2 and not isinstance(given[1], Sequence)
    low = number(given[0]) if two else 0
    high = number(given[1] if two else given[0]) if given else number(arguments.keywords.get("high"))
    rest = Arguments(tuple(given[2:] if two else given[1:]), arguments.keywords)
    sizes = _sizes(rest, 0)
    top = high - 1 if isinstance(high, int) else None
    bottom = low if isinstance(low, int) else None
    floating = None if "dtype" in arguments.keywords else False
    if sizes is None:
        return Tensor(floating=floating)
    origin = follower.origin(node)
    if len(sizes) == 2 and (bottom, top) == (0, 1) and (sizes[1] or 0) > 2:
        return Tensor(Kind.MULTI_HOT, origin, rank=2, rows=sizes[0], classes=sizes[1], floating=floating)
    column = len(sizes) == 2 and sizes[1] == 1
    kind = Kind.IDS if len(sizes) == 1 or column else Kind.OTHER
    return Tensor(
        kind, origin, rank=len(sizes), rows=sizes[0], low=bottom, high=top, floating=floating, column=column
    )


def literal(follower: Follower, arguments: Arguments, node: ast.AST) -> Value:
    """torch.tensor([...])."""
    given = arguments.get(0, "data")
    if isinstance(given, Tensor):
        return replace(given, cut="torch.tensor()", inline=False)
    if not isinstance(given, Sequence) or not given.complete or not given.items:
        return Tensor()
    typed = "dtype" in arguments.keywords
    origin = follower.origin(node)
    values = [number(item) for item in given.items]
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        floating = None if typed else False
        return Tensor(
            Kind.IDS, origin, rank=1, rows=len(values), low=min(values), high=max(values), floating=floating
        )
    if all(isinstance(v, int | float) for v in values):
        whole = all(float(v).is_integer() for v in values)
        if whole and not typed and max(values) > 1:
            return Tensor(
                Kind.IDS,
                origin,
                rank=1,
                low=int(min(values)),
                high=int(max(values)),
                floating=True,
                cut="literal",
            )
        return Tensor(origin=origin, rank=1, floating=True if not typed else None)
    return _rows(given, typed, origin)


def _rows(given: Sequence, typed: bool, origin: Origin) -> Value:
    rows = []
    for item in given.items:
        if not isinstance(item, Sequence) or not item.complete:
            return Tensor()
        rows.append([number(v) for v in item.items])
    if not all(isinstance(v, int | float) for row in rows for v in row):
        return Tensor(rank=None)
    floating = True if any(isinstance(v, float) for row in rows for v in row) else (None if typed else False)
    if all(len(row) == 1 for row in rows) and floating is not True:
        ids = [row[0] for row in rows]
        return Tensor(
            Kind.IDS,
            origin,
            rank=2,
            rows=len(rows),
            low=min(ids),
            high=max(ids),
            floating=floating,
            column=True,
        )
    kind = Kind.OTHER
    if all(v in (0, 1) for row in rows for v in row) and len(rows[0]) > 1:
        sums = [sum(row) for row in rows]
        kind = Kind.ONE_HOT if all(s == 1 for s in sums) else Kind.MULTI_HOT
    return Tensor(kind, origin, rank=2, rows=len(rows), classes=len(rows[0]), floating=floating)
