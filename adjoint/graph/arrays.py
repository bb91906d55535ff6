"""What users give in place of a tensor, as an array of NumPy's; or why there is none."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np

from adjoint.errors import AdjointError, DTypeError, ShapeError, TooLargeError
from adjoint.graph.caller import is_operator_of_tensor
from adjoint.graph.labels import meet
from adjoint.graph.types import FLOAT32, DType, is_bfloat16


def number_array(x: Any) -> np.ndarray[Any, Any]:
    """`x` as an array of numbers, which may be `x` itself."""
    try:
        array = plain_array(x)
    except (ValueError, TypeError) as error:
        if isinstance(error, AdjointError):
            raise
        if not isinstance(x, (list, tuple)):
            raise DTypeError(
                f"asarray: {type(x).__name__} gave no array: {error}; convert it yourself"
            ) from error
        if isinstance(error, TypeError):
            raise
        raise ShapeError(
            f"asarray: the nested lists {_shortened(x)} have unequal lengths; a tensor needs equal "
            f"ones (pad the short ones, or keep a list of tensors)"
        ) from error
    if array.dtype.kind not in "OUSVmM":
        return array
    if is_bfloat16(array.dtype):
        return array.astype(np.float32)
    if array.dtype.kind == "O" and any(map(_is_too_large, array.flat)):
        raise TooLargeError(
            f"asarray: {_described(x, array)} holds integers that do not fit into 64 bits; make "
            f"them floats: numpy.asarray(x, float)"
        )
    raise DTypeError(
        f"asarray: cannot make a tensor of {_described(x, array)}; expected numbers, nested lists "
        f"of numbers, or a NumPy array of numbers{_cure(array)}"
    )


def plain_array(x: Any) -> np.ndarray[Any, Any]:
    """`x` as NumPy has it; `DTypeError` if it hides elements or has a unit, as tensors do not."""
    if type(x) is not np.ndarray:
        _check_unit(x)
        _check_mask(x)
        if isinstance(x, np.matrix) and is_operator_of_tensor(sys._getframe(1)):
            raise matrix_error()
        if type(x) is not list and type(x) is not tuple:
            meet(x)
    return np.asarray(x)


def matrix_error() -> DTypeError:
    """For a matrix of NumPy's beside a tensor, where ``*`` would be a matrix product in NumPy."""
    return DTypeError(
        "numpy.matrix: the operators of a matrix, and of what is computed from it, mean other "
        "things than those of a tensor; give numpy.asarray(M), and write @ for the matrix product"
    )


def _check_unit(x: Any) -> None:
    """Raise for the quantities of pint and astropy, and for others that look like them."""
    kind = type(x)
    if kind is list or kind is tuple:
        for item in x:
            if type(item) is not float:
                _check_unit(item)
        return
    if kind.__module__.startswith("xarray."):  # it hands out numbers without the unit
        x = getattr(x, "data", x)
        kind = type(x)
    for unit, number in ("units", "magnitude"), ("unit", "value"):
        if hasattr(kind, unit) and hasattr(kind, number):
            raise DTypeError(
                f"asarray: a {kind.__name__} has a unit, which tensors do not, so that its "
                f"derivative would be off by a factor; give the number in the unit that you mean, "
                f"x.to(unit).{number}"
            )


def _check_mask(x: Any) -> None:
    if isinstance(x, (list, tuple)):
        for item in x:
            if type(item) is not float:
                _check_mask(item)
    elif isinstance(x, np.ndarray) and np.any(getattr(x, "mask", False)):
        count = np.count_nonzero(np.ma.getmaskarray(x))
        raise DTypeError(
            f"asarray: {count} of the {x.size} elements of a masked array are masked, and tensors "
            f"have no masks; give x.filled(number), or choose with adjoint.where"
        )


def truths(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array of bools whose bytes are 0 and 1: `array`, if its are. Memory seen as bools may hold
    other bytes, which are true, too, but not to everything that NumPy does with them."""
    bytes_ = array.view(np.uint8)
    return np.asarray(bytes_ != 0) if (bytes_ > 1).any() else array


def owned(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """A copy of an array as another dtype."""
    if array.dtype.kind == "b" and dtype.kind == "b":
        return np.asarray(array.view(np.uint8) != 0)  # any other byte is true, too: make it a 1
    if array.dtype.kind == "f" and dtype.kind in "iu":
        return converted(array, dtype)
    return np.array(array, dtype=dtype, copy=True)


@cache
def _ends(given: DType, wanted: DType) -> Any:
    """The least integer of a dtype as a float of another, and the least float that is too large, or
    the integer before."""
    limits = np.iinfo(wanted)
    with np.errstate(over="ignore"):  # half precision ends before
        return np.asarray((float(limits.min), float(limits.max)), given)


def converted(x: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """`x` as another dtype; of complex numbers the real part where that is not complex.

    A float that does not fit into an integer becomes the nearest integer there is, nan 0: NumPy
    leaves that to the processor, and native code has it so.
    """
    array = np.asarray(x)
    if array.dtype.kind == "c" and dtype.kind in "fiu":
        array = array.real
    if array.dtype.kind != "f" or dtype.kind not in "iu":
        return array.astype(dtype)
    limits = np.iinfo(dtype)
    low, high = _ends(array.dtype, dtype)
    if not array.size or (array.min() >= low and array.max() < high):  # neither is so beside a nan
        return array.astype(dtype)
    below, above = array < low, array >= high
    inside = ~(below | above | np.isnan(array))
    result = np.where(inside, array, 0).astype(dtype)
    result = np.where(above, dtype.type(limits.max), result)
    return np.where(below, dtype.type(limits.min), result)


def scalar_value(x: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """A Python scalar as a 0-d array of `dtype`; `TooLargeError` if it does not fit."""
    if dtype.kind == "V":  # ml_dtypes takes no integers that are large
        return scalar_value(x, FLOAT32).astype(dtype)
    try:
        return np.array(x, dtype)
    except OverflowError as error:
        raise too_large(x, dtype) from error


def checked_range(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """`array`, if its integers fit into the integer `dtype`; `TooLargeError` names one if not."""
    if array.dtype.kind in "iu" and dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        for number in int(array.min()), int(array.max()):
            if not limits.min <= number <= limits.max:
                raise too_large(number, dtype)
    return array


def too_large(x: Any, dtype: DType) -> TooLargeError:
    """The error that says that a number does not fit."""
    limits = np.finfo(dtype) if dtype.kind in "fc" else np.iinfo(dtype)
    cure = "" if dtype.kind in "fc" else ", or make it a float"
    return TooLargeError(
        f"the number {_shortened(x)} does not fit into {dtype}, which goes from {limits.min} to "
        f"{limits.max}; choose a dtype that holds it{cure}"
    )


def _is_too_large(x: Any) -> bool:
    return isinstance(x, int) and not -(2**63) <= x < 2**64


def _described(x: Any, array: np.ndarray[Any, Any]) -> str:
    """What `x` is, of which NumPy made an `array` without numbers."""
    kind = type(x).__name__
    if isinstance(x, (str, list, tuple)):
        return f"{kind} {_shortened(x)}"
    return f"{kind} of dtype {array.dtype}" if array.ndim else kind


def _cure(array: np.ndarray[Any, Any]) -> str:
    """What to do about objects that are numbers or hold them, as fractions, and about float8."""
    if array.dtype.type.__module__.partition(".")[0] == "ml_dtypes":
        return "; NumPy has no rules for this dtype: convert it, x.astype('float32')"
    if array.dtype.kind == "O" and str(type(array[()]).__module__).startswith("scipy.sparse"):
        return "; close over a sparse matrix, which is constant, or give its data as an argument"
    if array.dtype.kind != "O" or not array.size:
        return ""
    kind = type(array[()])
    if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__attrs_attrs__"):
        return f"; register {kind.__qualname__} to have its fields: adjoint.register_dataclass"
    if not all(hasattr(item, "__float__") for item in array.flat):
        return ""
    return "; make them floats: numpy.asarray(x, float)"


def _shortened(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."
