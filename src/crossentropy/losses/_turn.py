"""Rows into columns: a matrix transposed eight by eight, in vector registers.

Element by element a transposition costs a load and a store each, more than the exponential between the two of them.
Eight vectors of eight are turned by 24 exchanges between pairs of registers, three for each element's bit of address:
halves of four, then of two, then single elements. Written as LLVM shuffles, since no compiler finds them from loops.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

from crossentropy.losses._vector import load, store

_SIDE = 8
_OPTIONS: Any = {"_nrt": False, "error_model": "numpy"}


def _eight_by_eight(typing: Any, source: Any, row: Any, column: Any, target: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [
            _make(kind)(context, builder, value)
            for kind, value in ((signature.args[0], args[0]), (signature.args[3], args[3]))
        ]
        rows = _places(builder, arrays[0], args[1], args[2])
        lines = _places(builder, arrays[1], args[2], args[1])
        vectors = []
        for place in rows:
            vector = builder.load(place)
            vector.align = 4
            vectors.append(vector)
        for half in (4, 2, 1):
            vectors = _exchange(builder, vectors, half)
        for vector, place in zip(vectors, lines, strict=True):
            builder.store(vector, place).align = 4
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target), generate


_make: Any = make_array
_block: Any = intrinsic(_eight_by_eight)


def _places(builder: Any, array: Any, row: Any, column: Any) -> list[Any]:
    # Of the eight vectors that begin at (row, column), (row + 1, column), ...
    element = array.data.type.pointee
    vector_p = ir.VectorType(element, _SIDE).as_pointer()
    bytes_p, i64 = ir.IntType(8).as_pointer(), ir.IntType(64)
    strides = [builder.extract_value(array.strides, axis) for axis in range(2)]
    start = builder.add(builder.mul(row, strides[0]), builder.mul(column, strides[1]))
    base = builder.gep(builder.bitcast(array.data, bytes_p), [start])
    return [
        builder.bitcast(builder.gep(base, [builder.mul(strides[0], ir.Constant(i64, i))]), vector_p)
        for i in range(_SIDE)
    ]


def _exchange(builder: Any, vectors: list[Any], half: int) -> list[Any]:
    # Element j of vector i and element j - half of vector i + half change places, where bit `half` of j is set.
    result = list(vectors)
    for i in range(_SIDE):
        if i & half:
            continue
        first, second = vectors[i], vectors[i + half]
        low = [j if not j & half else _SIDE + j - half for j in range(_SIDE)]
        high = [j + half if not j & half else _SIDE + j for j in range(_SIDE)]
        for place, pattern in ((i, low), (i + half, high)):
            mask = ir.Constant(ir.VectorType(ir.IntType(32), _SIDE), pattern)
            result[place] = builder.shuffle_vector(first, second, mask)
    return result


def transpose(source: Any, target: Any) -> None:
    """Write source (R, C) to target (C, R). Elements of one dtype that lie side by side in both go in blocks."""
    raise NotImplementedError


@overload(transpose, jit_options=_OPTIONS)
def _transpose(source: Any, target: Any) -> Any:
    def one_by_one(source: Any, target: Any) -> None:
        for i in range(source.shape[0]):
            for j in range(source.shape[1]):
                target[j, i] = store(load(source[i, j]), target[j, i])

    def in_blocks(source: Any, target: Any) -> None:
        rows, columns = source.shape
        adjacent = source.strides[1] == source.itemsize and target.strides[1] == target.itemsize
        if rows < _SIDE or columns < _SIDE or not adjacent:
            for j in range(columns):
                for i in range(rows):
                    target[j, i] = source[i, j]
            return
        # What is left over at an edge is turned with some of what was turned before: the same numbers once more.
        last_row, last_column = rows - _SIDE, columns - _SIDE
        for j in range(0, columns, _SIDE):
            for i in range(0, rows, _SIDE):
                _block(source, min(i, last_row), min(j, last_column), target)

    return in_blocks if source.dtype == target.dtype else one_by_one
