"""What NumPy leaves to the machine, decided, so that every engine computes the same numbers.

Which of two zeros is the larger depends in NumPy on the processor, and on where in the array they
stand. Here -0 < +0, as native code has it. (What becomes of a float that does not fit into an
integer is decided in `adjoint.graph.arrays.converted`.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _zeros(x1: Any, x2: Any) -> Any:
    """Where both are a zero of either sign; None if there is no such place."""
    if np.result_type(x1, x2).kind != "f":
        return None
    for x in (x1, x2) if np.ndim(x1) < np.ndim(x2) else (x2, x1):  # a number first
        if not np.any(np.equal(x, 0)):
            return None
    both = np.equal(x1, 0) & np.equal(x2, 0)
    return both if np.any(both) else None


def _larger_zero(x1: Any, x2: Any) -> Any:
    return np.add(x1, x2)


def _smaller_zero(x1: Any, x2: Any) -> Any:
    return np.negative(np.subtract(np.negative(x1), x2))


def _of_two(ufunc: np.ufunc, zero: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def extremum(x1: Any, x2: Any) -> Any:
        result, both = ufunc(x1, x2), _zeros(x1, x2)
        return result if both is None else np.where(both, zero(x1, x2), result)

    return extremum


maximum = _of_two(np.maximum, _larger_zero)
minimum = _of_two(np.minimum, _smaller_zero)


def fmax(x1: Any, x2: Any) -> Any:
    """The larger; the other one if one is nan."""
    return _of_two(np.fmax, _larger_zero)(_quiet(x1), _quiet(x2))


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller; the other one if one is nan."""
    return _of_two(np.fmin, _smaller_zero)(_quiet(x1), _quiet(x2))


def _quiet(x: Any) -> Any:
    """`x`, a signalling nan as any other: some of NumPy's loops do not pass it by."""
    x = np.asarray(x)
    return x * x.dtype.type(1) if x.dtype.kind == "f" else x


def hypot(x1: Any, x2: Any) -> Any:
    """The square root of the sum of the squares; infinite if one is, even beside any nan."""
    return np.hypot(_quiet(x1), _quiet(x2))


def clip(x: Any, low: Any, high: Any) -> Any:
    """The smaller of `high` and the larger of `x` and `low`."""
    if all(_zeros(*pair) is None for pair in ((low, x), (high, x), (low, high))):
        return np.clip(x, low, high)
    return minimum(maximum(x, low), high)


def largest(x: Any, axis: Any) -> Any:
    """The largest element along axes."""
    return _of_many(np.max(x, axis=axis), x, axis, 1.0)


def smallest(x: Any, axis: Any) -> Any:
    """The smallest element along axes."""
    return _of_many(np.min(x, axis=axis), x, axis, -1.0)


def _of_many(result: Any, x: Any, axis: Any, sign: float) -> Any:
    """`result`, a zero of this sign wherever there is one among several."""
    x = np.asarray(x)
    if x.dtype.kind != "f" or not np.any(zero := np.equal(result, 0)):
        return result
    found = np.any((x == 0) & (np.signbit(x) == (sign < 0)), axis=axis)
    wanted = np.copysign(x.dtype.type(0), np.where(found, sign, -sign)).astype(x.dtype)
    return np.where(zero, wanted, result)
