"""Products of small matrices at the speed of the processor: one micro-kernel, written in vectors.

C (m, n) += A (m, k) B (k, n), where n is a few vectors: the accumulators of 4 rows of C stay in registers over all of
k, each step loads one row of B and multiplies it by 4 numbers of A. Written as LLVM vectors because no compiler finds
this from loops. A is read in place with any strides, so that the same kernel serves A and its transpose; only B is
packed, n numbers a step.

Why not BLAS: the three products of a linear loss are (rows, D) x (D, K), (rows, K) x (K, D) and (K, rows) x (rows, D)
with few rows, and between them stands a softmax over tiles that are in cache. A call of BLAS packs both operands anew
each time, wakes all threads and waits for all; and MKL, which torch brings along, uses only half of the vector width
of an AMD processor. Measured on two cores of an AMD EPYC (Zen 5, AVX-512): 255 GFLOP/s a core here, 105 in MKL.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_WIDE = bool(binding.get_host_cpu_features().get("avx512f", False))
LANES = 16 if _WIDE else 8
"""float32 in a vector register."""

VECTORS = 4 if _WIDE else 3
"""Vectors in a row of C: with 4 rows, 16 accumulators of 32 registers, or 12 of 16."""

ROWS = 4
COLUMNS = LANES * VECTORS
"""The width of a panel."""

_f32, _i32, _i64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_vector = ir.VectorType(_f32, LANES)
_SIGNATURE = types.void(
    types.int64, types.uintp, types.int64, types.int64, types.uintp, types.uintp, types.int64, types.boolean
)


def _kernel(rows: int) -> Any:
    @intrinsic
    def kernel(
        typing: Any, k: Any, a: Any, row: Any, step: Any, b: Any, c: Any, ldc: Any, add: Any
    ) -> tuple[Any, Any]:
        return _SIGNATURE, lambda context, builder, signature, args: _emit(context, builder, args, rows)

    return kernel


def _emit(context: Any, builder: Any, args: Any, rows: int) -> Any:
    # Addresses are numbers, strides count floats.
    count, a, row, step, b, c, ldc, add = args
    float_p, vector_p = _f32.as_pointer(), _vector.as_pointer()

    def at(base: Any, offset: Any, pointer: Any = float_p) -> Any:
        return builder.bitcast(builder.gep(base, [offset]), pointer)

    def times(x: Any, n: int) -> Any:
        return builder.mul(x, ir.Constant(_i64, n))

    A, B, C = (builder.inttoptr(address, float_p) for address in (a, b, c))
    a_rows = [at(A, times(row, i)) for i in range(rows)]
    c_places = [
        at(at(C, times(ldc, i)), ir.Constant(_i64, v * LANES), vector_p)
        for i in range(rows)
        for v in range(VECTORS)
    ]
    _prefetch(builder, c_places)
    before = builder.block
    loop, done = builder.append_basic_block("step"), builder.append_basic_block("stepped")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_i64)
    k.add_incoming(ir.Constant(_i64, 0), before)
    sums = [builder.phi(_vector) for _ in c_places]
    b_row = at(B, times(k, COLUMNS))
    b_vectors = [_load(builder, at(b_row, ir.Constant(_i64, v * LANES), vector_p)) for v in range(VECTORS)]
    a_step = builder.mul(k, step)
    fma = _function(builder, ir.FunctionType(_vector, (_vector,) * 3), f"llvm.fma.v{LANES}f32")
    products = []
    for i in range(rows):
        number = _spread(builder, _load(builder, at(a_rows[i], a_step)))
        for v in range(VECTORS):
            products.append(builder.call(fma, (number, b_vectors[v], sums[i * VECTORS + v])))
    for total, product in zip(sums, products, strict=True):
        total.add_incoming(ir.Constant(_vector, [0.0] * LANES), before)
        total.add_incoming(product, loop)
    following = builder.add(k, ir.Constant(_i64, 1))
    k.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
    builder.position_at_end(done)
    with builder.if_else(add) as (onto, over):
        with onto:
            for place, product in zip(c_places, products, strict=True):
                _store(builder, builder.fadd(_load(builder, place), product), place)
        with over:
            for place, product in zip(c_places, products, strict=True):
                _store(builder, product, place)
    return context.get_dummy_value()


def _prefetch(builder: Any, places: list[Any]) -> None:
    # C comes from memory and is needed at the end only: asked for now, it is there by then.
    byte_p = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), (byte_p, _i32, _i32, _i32))
    function = _function(builder, kind, "llvm.prefetch.p0")
    one, three = ir.Constant(_i32, 1), ir.Constant(_i32, 3)
    for place in places:
        builder.call(function, (builder.bitcast(place, byte_p), one, three, one))


def _function(builder: Any, kind: Any, name: str) -> Any:
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]


def _load(builder: Any, place: Any) -> Any:
    loaded = builder.load(place)
    loaded.align = 4
    return loaded


def _store(builder: Any, value: Any, place: Any) -> None:
    builder.store(value, place).align = 4


def _spread(builder: Any, number: Any) -> Any:
    nothing = ir.Constant(_vector, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_i32, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_i32, LANES), [0] * LANES))


# Without nnan and ninf: gradient scaling relies on NaN and infinity passing through.
_LOOSE = {"contract", "nsz", "reassoc"}


def inlined(function: Any) -> Any:
    """Compile as part of whoever calls it."""
    return njit(inline="always", fastmath=_LOOSE)(function)


def compiled(function: Any) -> Any:
    """Compile on first use, release the interpreter, keep on disk wherever a folder can be written."""
    try:
        return njit(nogil=True, cache=True, fastmath=_LOOSE)(function)
    except RuntimeError:  # no folder
        return njit(nogil=True, fastmath=_LOOSE)(function)


_four, _one = _kernel(ROWS), _kernel(1)


@inlined
def multiply(m: int, k: int, a: int, row: int, step: int, b: int, c: int, ldc: int, add: bool) -> None:
    """C (m, COLUMNS) = or += A (m, k) B (k, COLUMNS); a[i, j] is at a + 4 (i row + j step), B is packed."""
    i = 0
    while i + ROWS <= m:
        _four(k, a + 4 * i * row, row, step, b, c + 4 * i * ldc, ldc, add)
        i += ROWS
    while i < m:
        _one(k, a + 4 * i * row, row, step, b, c + 4 * i * ldc, ldc, add)
        i += 1
