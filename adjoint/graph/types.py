"""Dtypes and shapes: which are allowed, how they promote, how they broadcast (NumPy 2 rules)."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import AxisError, DTypeError, ShapeError
from adjoint.graph.open_numbers import OpenNumber

Shape: TypeAlias = tuple[int, ...]
DType: TypeAlias = "np.dtype[Any]"

BOOL: DType = np.dtype(np.bool_)
INT64: DType = np.dtype(np.int64)
FLOAT32: DType = np.dtype(np.float32)
FLOAT64: DType = np.dtype(np.float64)
COMPLEX64: DType = np.dtype(np.complex64)
COMPLEX128: DType = np.dtype(np.complex128)

NATIVE_DTYPES: set[DType] = set(map(np.dtype, "?bhilBHILfdFD"))
"""Bools, integers, float32, float64 and the complex numbers of these: what loops compute with; and
bfloat16, once it is there, which they read and write."""

BFLOAT16: DType | None = None
"""The bfloat16 of ml_dtypes, once somebody asked for it; read it as an attribute of this module."""

_SUPPORTED: dict[DType, DType] = {
    np.dtype(name): np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
_RANK = {"b": 0, "u": 1, "i": 1, "V": 2, "f": 2, "c": 3}
_WEAK_DEFAULT: dict[type, DType] = {bool: BOOL, int: INT64, float: FLOAT64, complex: COMPLEX128}


def as_dtype(dtype: Any) -> DType:
    """The native NumPy dtype meant by `dtype`, in which tensors can be computed with; `DTypeError`
    if there is none.

    Always the same object for equal dtypes, so that dtypes can be compared by identity.
    """
    found = storage_dtype(dtype)
    if found is BFLOAT16:
        raise DTypeError(
            "dtype bfloat16 is for storing, and nothing is computed in it here; give 'float32' and "
            "round the result: x.astype(ml_dtypes.bfloat16)"
        )
    return found


def plain_dtype(dtype: DType) -> DType | None:
    """The one object that stands for a dtype that tensors hold in native byte order; else None."""
    return _SUPPORTED.get(dtype)


def storage_dtype(dtype: Any) -> DType:
    """As `as_dtype`, or the bfloat16 of ml_dtypes, which only stores (see `storage`)."""
    if isinstance(dtype, np.dtype) and (known := plain_dtype(dtype)) is not None:
        return known
    try:
        found = np.dtype(dtype).newbyteorder("=")
    except TypeError as error:
        cure = "give one such as 'float64'"
        if isinstance(dtype, str) and dtype == "bfloat16":
            module = sys.modules.get("ml_dtypes")
            if module is not None:  # an older one, which does not give NumPy the name
                return storage_dtype(module.bfloat16)
            cure = "import ml_dtypes, which makes it known to NumPy"
        raise DTypeError(f"{dtype!r} is not a dtype; {cure}") from error
    if found not in _SUPPORTED:
        if is_bfloat16(found):
            return _know_bfloat16(found)
        raise DTypeError(
            f"dtype {found} is not supported; tensors hold bool, integer, float16/32/64, "
            f"complex64/128 and bfloat16 (convert with numpy's astype first)"
        )
    return _SUPPORTED[found]


def _know_bfloat16(dtype: DType) -> DType:
    """bfloat16, from now on one of the dtypes that tensors hold."""
    global BFLOAT16
    BFLOAT16 = np.dtype(dtype.type)
    _SUPPORTED[BFLOAT16] = BFLOAT16
    NATIVE_DTYPES.add(BFLOAT16)
    return BFLOAT16


@cache
def promote(*dtypes: DType) -> DType:
    """The common dtype of strongly typed operands, as NumPy's `result_type` has it.

    bfloat16 stays itself beside bool and integers of 8 bits, whose numbers it holds; beside any
    other dtype it counts as float32, as in the arithmetic of ml_dtypes.
    """
    others = [dtype for dtype in dtypes if dtype.kind != "V"]
    if len(others) == len(dtypes):
        return as_dtype(np.result_type(*dtypes))
    if all(dtype.itemsize == 1 for dtype in others):
        return next(dtype for dtype in dtypes if dtype.kind == "V")
    return as_dtype(np.result_type(FLOAT32, *others))


def can_cast(given: DType, wanted: DType, casting: Any) -> bool:
    """Whether one dtype may be converted to another by a rule of NumPy's, to which ml_dtypes tells
    that complex numbers in bfloat16 were of the same kind: it is as a float beside float16."""
    if given is wanted or "V" not in (given.kind, wanted.kind):
        return np.can_cast(given, wanted, casting)
    if given.kind == "V":
        return np.can_cast(FLOAT32, wanted, casting)
    return np.can_cast(FLOAT32 if given == np.float16 else given, np.float16, casting)


def weak_dtype(scalar: type, other: DType) -> DType:
    """The dtype of an operation between a tensor of dtype `other` and a Python scalar."""
    default = _WEAK_DEFAULT[scalar]
    if _RANK[default.kind] <= _RANK[other.kind]:
        return other
    if scalar is complex and other.kind in "fV":
        return COMPLEX64 if other.itemsize <= 4 else COMPLEX128
    return default


def default_dtype(scalar: type) -> DType:
    """The dtype a Python scalar has on its own."""
    return _WEAK_DEFAULT[scalar]


def to_inexact(dtype: DType) -> DType:
    """`dtype` itself if floating or complex, else float64 (the default of the library)."""
    return dtype if dtype.kind in "fc" else FLOAT64


def to_real(dtype: DType) -> DType:
    """The dtype of the real part."""
    if dtype.kind != "c":
        return dtype
    return FLOAT32 if dtype is COMPLEX64 else FLOAT64


def to_complex(dtype: DType) -> DType:
    """The complex dtype whose parts hold `dtype`."""
    if dtype.kind == "c":
        return dtype
    return COMPLEX64 if dtype in (FLOAT32, np.dtype(np.float16)) else COMPLEX128


def is_bfloat16(dtype: Any) -> bool:
    """Whether a dtype is the bfloat16 of ml_dtypes."""
    if dtype.kind != "V":
        return False
    return (dtype.type.__module__, dtype.type.__name__) == ("ml_dtypes", "bfloat16")


def is_inexact(dtype: DType) -> bool:
    """Whether derivatives with respect to values of this dtype exist."""
    return dtype.kind in "fcV"


def epsilon(dtype: DType) -> float:
    """The distance from 1 to the next number of a floating or complex dtype."""
    return 2.0**-7 if is_bfloat16(dtype) else float(np.finfo(dtype).eps)


def derivative_dtype(dtype: DType) -> DType:
    """The dtype of tangents and adjoints of values of `dtype`."""
    return FLOAT32 if dtype.kind == "V" else dtype


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """The shape to which `shapes` broadcast; `ShapeError` names the operation `name`."""
    result: Shape = ()
    for shape in shapes:
        if shape and shape != result:
            if result:
                return _broadcast(name, shapes)
            result = shape
    return result


@lru_cache(maxsize=4096)
def _broadcast(name: str, shapes: tuple[Shape, ...]) -> Shape:
    """`broadcast_shapes` where some shapes differ: what each axis says."""
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, rank - len(shape)):
            if size == 1 or size == result[axis]:
                continue
            if result[axis] != 1:
                raise _unequal(name, shapes)
            result[axis] = size
    return tuple(result)


def _unequal(name: str, shapes: tuple[Shape, ...]) -> ShapeError:
    """What says which is the first axis on which shapes do not fit together."""
    for axis in range(-max(map(len, shapes)), 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            break
    given = " and ".join(str(shape) for shape in shapes)
    return ShapeError(
        f"{name}: shapes {given} do not broadcast: axis {axis} has sizes {sorted(sizes)}; they "
        f"must be equal or 1 (reshape or index with None to align)"
    )


def normalize_axis(name: str, axis: int, ndim: int) -> int:
    """`axis` counted from the front; `AxisError` if there is no such axis."""
    try:
        index = axis.__index__()
    except AttributeError:
        raise DTypeError(
            f"{name}: axis must be an integer, got {type(axis).__name__} {axis!r}"
        ) from None
    if not -ndim <= index < ndim:
        allowed = f"from {-ndim} to {ndim - 1}" if ndim else "none, as the tensor is 0-d"
        raise AxisError(
            f"{name}: axis {axis} is out of bounds for {ndim} dimensions (allowed: {allowed})"
        )
    return index % ndim


def normalize_axes(name: str, axis: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """`axis` as a sorted tuple of axes counted from the front; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    several = isinstance(axis, Iterable) and not isinstance(axis, str)
    given: tuple[Any, ...] = tuple(axis) if several else (axis,)  # type: ignore[arg-type]
    axes = tuple(sorted(normalize_axis(name, a, ndim) for a in given))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{name}: axis {axis} names the same axis twice")
    return axes


def as_shape(name: str, shape: Any) -> Shape:
    """`shape` as a tuple of non-negative integers."""
    if type(shape) is tuple:
        for size in shape:
            if type(size) is not int or size < 0:
                break
        else:
            return shape
    one = hasattr(shape, "__index__") and not getattr(shape, "shape", ())  # an array has it too
    entries = (shape,) if one else shape
    result: tuple[Any, ...]
    try:
        result = tuple(
            size if type(size) is OpenNumber else int(size.__index__()) for size in entries
        )
    except (AttributeError, TypeError):
        raise DTypeError(
            f"{name}: a shape is an integer or a tuple of integers, got {shape!r}"
        ) from None
    if any(size < 0 for size in result):
        raise ShapeError(f"{name}: sizes must not be negative, got {result}")
    return result


def size_of(shape: Shape) -> int:
    """The number of elements."""
    return math.prod(shape)
