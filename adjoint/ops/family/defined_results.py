"""What NumPy leaves to the machine, decided, so that every engine computes the same numbers.

Which of two zeros is the larger depends in NumPy on the processor, and on where in the array they
stand. Here -0 < +0, as native code has it. (What becomes of a float that does not fit into an
integer is decided in `adjoint.graph.arrays.converted`.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_NEGATIVE_ZERO = {2: np.int16(-(2**15)), 4: np.int32(-(2**31)), 8: np.int64(-(2**63))}
"""The bits of -0 as an integer, by the bytes it has."""


def _is_settled(result: Any, *given: Any) -> bool:
    """Whether no zero of `result` hangs on the sign of a zero in what was given; asked quickly, as
    it nearly always is so."""
    if result.dtype.kind != "f" or np.count_nonzero(result) == result.size:
        return True
    return not any(map(_has_negative_zero, given))


def _has_negative_zero(x: Any) -> bool:
    x = np.asarray(x)
    if not x.ndim:
        return not x and bool(np.signbit(x))
    bits = x.view(f"i{x.dtype.itemsize}")
    return bool(np.count_nonzero(bits == _NEGATIVE_ZERO[x.dtype.itemsize]))


def _of_two(ufunc: np.ufunc, zero: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An extremum of two numbers which is `zero` of them where both are zeros."""

    def extremum(x1: Any, x2: Any) -> Any:
        result = ufunc(x1, x2)
        if _is_settled(result, x1, x2):
            return result
        return np.where(np.equal(x1, 0) & np.equal(x2, 0), zero(x1, x2), result)

    return extremum


def _smaller_zero(x1: Any, x2: Any) -> Any:
    return np.negative(np.subtract(np.negative(x1), x2))


maximum = _of_two(np.maximum, np.add)
minimum = _of_two(np.minimum, _smaller_zero)
_fmax, _fmin = _of_two(np.fmax, np.add), _of_two(np.fmin, _smaller_zero)


def fmax(x1: Any, x2: Any) -> Any:
    """The larger; the other one if one is nan."""
    return _fmax(_quiet(x1), _quiet(x2))


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller; the other one if one is nan."""
    return _fmin(_quiet(x1), _quiet(x2))


def hypot(x1: Any, x2: Any) -> Any:
    """The square root of the sum of the squares; infinite if one is, even beside any nan."""
    return np.hypot(_quiet(x1), _quiet(x2))


def _quiet(x: Any) -> Any:
    """`x`, a signalling nan as any other: some of NumPy's loops do not pass it by."""
    x = np.asarray(x)
    return x * x.dtype.type(1) if x.dtype.kind == "f" else x


def clip(x: Any, low: Any, high: Any) -> Any:
    """The smaller of `high` and the larger of `x` and `low`."""
    result = np.clip(x, low, high)
    return result if _is_settled(result, x, low, high) else minimum(maximum(x, low), high)


def largest(x: Any, axis: Any) -> Any:
    """The largest element along axes."""
    return _of_many(np.max(x, axis=axis), x, axis, 1.0)


def smallest(x: Any, axis: Any) -> Any:
    """The smallest element along axes."""
    return _of_many(np.min(x, axis=axis), x, axis, -1.0)


def _of_many(result: Any, x: Any, axis: Any, sign: float) -> Any:
    """`result`, a zero of this sign wherever there is one among several."""
    if _is_settled(result, x):
        return result
    found = np.any((x == 0) & (np.signbit(x) == (sign < 0)), axis=axis)
    wanted = np.copysign(x.dtype.type(0), np.where(found, sign, -sign)).astype(x.dtype)
    return np.where(result == 0, wanted, result)
