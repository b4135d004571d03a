"""What the kernels compute for each element: written so that the compiler makes whole vectors of it.

Numba has no vectorised exponential of its own, and its maximum stays scalar because NaN must pass; at 65,000 elements
a row these two are the whole cost. Here are

exponential   e^x for x <= 0: round x / ln 2 to n, a polynomial on the rest, n put into the exponent by integer
              arithmetic. Relative error at most 1.2e-7 (float32) and 3e-16 (float64); exactly 0 below -87.7 and -708
              (so also at -inf); NaN stays NaN. The rounding adds and takes away 1.5 * 2^23 (2^52), which no permission
              to reassociate may simplify: each function carries its own permissions.
maximum       one instruction; a NaN among the elements is skipped, and shows in the sum of exponentials.
logarithm     ln x for x >= 1: the power of two apart, then 2 artanh ((m - 1) / (m + 1)) of the rest, a series.
              Relative error at most 2e-7 (float32) and 4e-16.
hyperbolic    tanh, from a polynomial near 0 and the exponential elsewhere; relative error at most 2e-7.
load, store   bfloat16 travels as its bits in uint16: 16 bits shifted up are a float32; rounding is to nearest, even.

Measured on one AVX-512 core in float32: 0.10 ns an exponential in a sum; 0.015 ns a maximum, 0.46 ns a scalar one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

_F, _I = np.float32, np.int32

_LOG2E = _F(1.4426950408889634)
_ROUND = _F(12582912.0)  # 1.5 * 2**23: the sum has its integer part in the lowest bits
_ROUND_BITS = _I(0x4B400000 - 127)
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)
_LOWEST = _F(-88.0)  # rounds to the power -127, whose exponent field is that of 0
# Minimax on [-ln 2 / 2, ln 2 / 2], for (e^r - 1 - r) / r^2: Moshier, Cephes, expf.
_P = tuple(
    map(_F, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))
)
_P0, _P1, _P2, _P3, _P4, _P5 = _P
_ONE = _F(1)
_MANTISSA = _I(23)

_LOG2E_64 = 1.4426950408889634
_ROUND_64 = 6755399441055744.0  # 1.5 * 2**52
_ROUND_BITS_64 = np.int64(0x4338000000000000 - 1023)
_LN2_HIGH_64, _LN2_LOW_64 = 6.93145751953125e-1, 1.42860682030941723212e-6
_LOWEST_64 = -709.0
# Taylor: the rest after r^13 is below 4e-18 for |r| <= ln 2 / 2.
_T2, _T3, _T4, _T5, _T6, _T7 = (1 / math.factorial(k) for k in range(2, 8))
_T8, _T9, _T10, _T11, _T12, _T13 = (1 / math.factorial(k) for k in range(8, 14))
_MANTISSA_64 = np.int64(52)

# tanh x = x + x^3 P(x^2) for |x| < 0.625: Moshier, Cephes, tanhf.
_H0, _H1, _H2 = _F(-5.70498872745e-3), _F(2.06390887954e-2), _F(-5.37397155531e-2)
_H3, _H4 = _F(1.33314422036e-1), _F(-3.33332819422e-1)
_NEAR, _TWO = _F(0.625), _F(2)

# log m = 2 artanh f with f = (m - 1) / (m + 1), for m in [1 / sqrt 2, sqrt 2]: f^2 < 0.0295, whose powers to come are
# below 1e-9 (float32) and 1e-16 of the first.
_L3, _L5, _L7, _L9, _L11 = (_F(1 / k) for k in range(3, 12, 2))
_M3, _M5, _M7, _M9, _M11, _M13, _M15, _M17, _M19, _M21 = (1 / k for k in range(3, 22, 2))
_HALF_ROOT, _HALF_ROOT_64 = _I(0x3F3504F3), np.int64(0x3FE6A09E667F3BCD)  # the bits of 1 / sqrt 2
_LN2, _LN2_64 = _F(math.log(2)), math.log(2)

_U16, _U32 = np.uint16, np.uint32


def _bitcast(to: Any, source: Any, llvm: ir.Type) -> Any:
    @intrinsic
    def cast(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], llvm)

        return to(source), generate

    return cast


bits = _bitcast(types.int32, types.float32, ir.IntType(32))
bits_64 = _bitcast(types.int64, types.float64, ir.IntType(64))
float_of = _bitcast(types.float32, types.int32, ir.FloatType())
float_of_64 = _bitcast(types.float64, types.int64, ir.DoubleType())


def _maximum(typing_context: Any, first: Any, second: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        function = builder.module.declare_intrinsic(
            "llvm.maxnum", [kind], ir.FunctionType(kind, [kind, kind])
        )
        return builder.call(function, arguments, fastmath=("nnan", "nsz"))

    return first(first, first), generate


maximum: Any = intrinsic(_maximum)
"""The larger of two floats of one dtype; of a NaN and a number, either."""


def exponential(x: Any) -> Any:
    """e^x for x <= 0, in the dtype of x."""
    raise NotImplementedError


@overload(exponential, jit_options={"fastmath": {"contract"}})
def _exponential(x: Any) -> Any:
    def in_float32(x: Any) -> Any:
        x = _LOWEST if x < _LOWEST else x
        shifted = x * _LOG2E + _ROUND
        n = shifted - _ROUND
        r = (x - n * _LN2_HIGH) - n * _LN2_LOW
        p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
        p = p * (r * r) + (r + _ONE)
        return p * float_of((bits(shifted) - _ROUND_BITS) << _MANTISSA)

    def in_float64(x: Any) -> Any:
        x = _LOWEST_64 if x < _LOWEST_64 else x
        shifted = x * _LOG2E_64 + _ROUND_64
        n = shifted - _ROUND_64
        r = (x - n * _LN2_HIGH_64) - n * _LN2_LOW_64
        high = ((((_T13 * r + _T12) * r + _T11) * r + _T10) * r + _T9) * r + _T8
        low = ((((_T7 * r + _T6) * r + _T5) * r + _T4) * r + _T3) * r + _T2
        s = r * r
        p = (high * (s * s * s) + low) * s + (r + 1.0)
        return p * float_of_64((bits_64(shifted) - _ROUND_BITS_64) << _MANTISSA_64)

    return in_float32 if x == types.float32 else in_float64


def hyperbolic(x: Any) -> Any:
    """tanh x, in the dtype of x."""
    raise NotImplementedError


@overload(hyperbolic, jit_options={"fastmath": {"contract"}})
def _hyperbolic(x: Any) -> Any:
    def in_float32(x: Any) -> Any:
        size = abs(x)
        z = x * x
        near = ((((_H0 * z + _H1) * z + _H2) * z + _H3) * z + _H4) * z * size + size
        e = exponential(-_TWO * size)
        far = (_ONE - e) / (_ONE + e)
        t = near if size < _NEAR else far
        return -t if x < 0 else t

    def in_float64(x: Any) -> Any:
        return math.tanh(x)

    return in_float32 if x == types.float32 else in_float64


def logarithm(x: Any) -> Any:
    """ln x for finite x >= 1, in the dtype of x; NaN stays NaN."""
    raise NotImplementedError


@overload(logarithm, jit_options={"fastmath": {"contract"}})
def _logarithm(x: Any) -> Any:
    def in_float32(x: Any) -> Any:
        power = (bits(x) - _HALF_ROOT) >> _MANTISSA
        m = float_of(bits(x) - (power << _MANTISSA))
        f = (m - _ONE) / (m + _ONE)
        q = f * f
        p = ((((_L11 * q + _L9) * q + _L7) * q + _L5) * q + _L3) * q
        log = _TWO * (f + f * p) + _F(power) * _LN2
        return log if x == x else x

    def in_float64(x: Any) -> Any:
        power = (bits_64(x) - _HALF_ROOT_64) >> _MANTISSA_64
        m = float_of_64(bits_64(x) - (power << _MANTISSA_64))
        f = (m - 1.0) / (m + 1.0)
        q = f * f
        low = ((((_M11 * q + _M9) * q + _M7) * q + _M5) * q + _M3) * q
        high = ((((_M21 * q + _M19) * q + _M17) * q + _M15) * q + _M13) * (q * q * q * q * q * q)
        log = 2.0 * (f + f * (low + high)) + float(power) * _LN2_64
        return log if x == x else x

    return in_float32 if x == types.float32 else in_float64


def load(x: Any) -> Any:
    """An element of a tensor as the float to compute with."""
    raise NotImplementedError


@overload(load, strict=False)
def _load(x: Any) -> Any:
    if x == types.uint16:
        return lambda x: float_of(_I(_U32(x) << _U32(16)))
    return lambda x: x


def store(x: Any, like: Any) -> Any:
    """A computed float as an element of a tensor whose elements are like `like`."""
    raise NotImplementedError


@overload(store, strict=False)
def _store(x: Any, like: Any) -> Any:
    def rounded(x: Any, like: Any) -> Any:
        b = _U32(bits(x))
        even = b + _U32(0x7FFF) + ((b >> _U32(16)) & _U32(1))
        return _U16((b | _U32(0x400000) if x != x else even) >> _U32(16))

    if like == types.uint16:
        return rounded
    return lambda x, like: x


def kernel(function: Any) -> Any:
    """Compile on first use, keep on disk, release the interpreter; no permissions but to fuse a * b + c."""
    return _compile(function, {"contract"})


def summing(function: Any) -> Any:
    """The same, and sums may be taken in any order, which is what makes vectors of them."""
    return _compile(function, {"contract", "reassoc", "nsz"})


def _compile(function: Any, permissions: set[str]) -> Any:
    # Without Numba's reference counts: they are atomic, and two threads that count the same arrays wait for each
    # other at every slice. The callers hold the arrays.
    options: dict[str, Any] = {"nogil": True, "_nrt": False, "fastmath": permissions, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in that can be written to
        return njit(**options)(function)
