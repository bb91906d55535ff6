"""What users give in place of a tensor, as an array of NumPy's; or why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import DTypeError, ShapeError, TooLargeError
from adjoint.graph.types import DType


def number_array(x: Any) -> np.ndarray[Any, Any]:
    """`x` as an array of numbers, which may be `x` itself."""
    try:
        array = plain_array(x)
    except ValueError as error:
        raise ShapeError(
            f"asarray: the nested lists {_shortened(x)} have unequal lengths; a tensor needs equal "
            f"ones (pad the short ones, or keep a list of tensors)"
        ) from error
    if array.dtype.kind not in "OUSVmM":
        return array
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
    """`x` as NumPy has it; `DTypeError` if it hides elements, as tensors have no masks."""
    if type(x) is not np.ndarray:
        _check_mask(x)
    return np.asarray(x)


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


def scalar_value(x: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """A Python scalar as a 0-d array of `dtype`; `TooLargeError` if it does not fit."""
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
    """What to do about objects that are numbers, such as fractions."""
    if array.dtype.kind != "O" or not array.size:
        return ""
    if not all(hasattr(item, "__float__") for item in array.flat):
        return ""
    return "; make them floats: numpy.asarray(x, float)"


def _shortened(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."
