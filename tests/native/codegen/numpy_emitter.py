"""An emitter that computes arrays: the meaning of each word, to hold LLVM's against."""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LIBRARY = ctypes.CDLL(ctypes.util.find_library("m"))


def c_function(name: str, arguments: int, kind: Any = ctypes.c_double) -> Callable[..., Any]:
    function = getattr(LIBRARY, name)
    function.restype, function.argtypes = kind, [kind] * arguments
    return function


FMA = {
    "float64": getattr(math, "fma", None) or c_function("fma", 3),
    "float32": c_function("fmaf", 3, ctypes.c_float),
}


class NumPyEmitter:
    """Each word on arrays, element by element."""

    @property
    def exact(self) -> NumPyEmitter:
        return self

    def constant(self, value: float, dtype: Any) -> Array:
        dtype = np.dtype(dtype)
        if dtype.kind in "iu":
            return np.asarray(value & ((1 << 8 * dtype.itemsize) - 1), f"u{dtype.itemsize}").view(
                dtype
            )
        return np.asarray(value, dtype)

    def dtype(self, x: Array) -> np.dtype[Any]:
        return x.dtype

    def complex(self, real: Array, imag: Array) -> Array:
        return np.asarray(real + imag * np.ones((), real.dtype) * 1j)

    def real(self, x: Array) -> Array:
        return np.real(x)

    def imag(self, x: Array) -> Array:
        return np.imag(x)

    def _match(self, *operands: Any) -> list[Array]:
        (dtype,) = {x.dtype for x in operands if isinstance(x, np.ndarray | np.generic)}
        return [
            np.asarray(x) if isinstance(x, np.ndarray | np.generic) else self.constant(x, dtype)
            for x in operands
        ]

    def _apply(self, function: Callable[..., Any], *operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*self._match(*operands))

    def divide(self, a: Any, b: Any) -> Array:
        a, b = self._match(a, b)
        if a.dtype.kind == "f":
            return self._apply(np.divide, a, b)
        rest = self._apply(np.fmod, a, b)
        return self._apply(np.floor_divide, self._apply(np.subtract, a, rest), b)

    def fma(self, a: Any, b: Any, c: Any) -> Array:
        a, b, c = self._match(a, b, c)
        with np.errstate(all="ignore"):
            return np.asarray(np.frompyfunc(FMA[a.dtype.name], 3, 1)(a, b, c)).astype(a.dtype)

    def _extremum(self, function: Any, a: Any, b: Any) -> Any:
        a, b = self._match(a, b)
        result = self._apply(function, a, b)
        if a.dtype.kind != "f":
            return result
        zeros = (a == 0) & (b == 0)
        signs = np.signbit(a) | np.signbit(b)
        if function is np.maximum:
            signs = np.signbit(a) & np.signbit(b)
        return np.where(zeros, np.where(signs, -np.zeros_like(result), 0), result)

    def minimum(self, a: Any, b: Any) -> Any:
        return self._extremum(np.minimum, a, b)

    def maximum(self, a: Any, b: Any) -> Any:
        return self._extremum(np.maximum, a, b)

    def round(self, x: Any) -> Any:
        return np.rint(x)

    def select(self, condition: Any, a: Any, b: Any) -> Array:
        a, b = self._match(a, b)
        return np.where(condition, a, b)

    def slow_path(self, condition: Any, fast: Any, slow: Callable[[], Any]) -> Array:
        return np.where(condition, slow(), fast)

    def convert(self, x: Any, dtype: Any) -> Array:
        x, dtype = np.asarray(x), np.dtype(dtype)
        with np.errstate(all="ignore"):
            if x.dtype.kind == "f" and dtype.kind in "iu":
                info = np.iinfo(dtype)
                fits = (x >= float(info.min)) & (x < float(info.max) + 1.0)
                ends = np.where(x > 0, info.max, info.min).astype(dtype)
                inside = np.where(fits, x, 0).astype(dtype)
                return np.where(fits, inside, np.where(np.isnan(x), dtype.type(0), ends))
            return x.astype(dtype)

    def bitcast(self, x: Any, dtype: Any) -> Array:
        return np.asarray(x).view(dtype)

    def call(self, name: str, *arguments: Any, dtype: Any) -> Array:
        assert np.dtype(dtype) == np.float64
        function = c_function(name, len(arguments))
        with np.errstate(all="ignore"):
            return np.asarray(np.frompyfunc(function, len(arguments), 1)(*arguments)).astype(dtype)


def _word(function: Any) -> Any:
    def word(self: NumPyEmitter, *operands: Any) -> Any:
        return self._apply(function, *operands)

    return word


ARITHMETIC = ("add", "subtract", "multiply", "fmod", "negative", "abs")
FLOATING = ("sqrt", "floor", "ceil", "trunc", "copysign")
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
BITS = tuple(f"bitwise_{w}" for w in ("and", "or", "xor", "invert", "left_shift", "right_shift"))
for name in (*ARITHMETIC, *FLOATING, *COMPARISONS, *BITS):
    setattr(NumPyEmitter, name, _word(getattr(np, name)))
