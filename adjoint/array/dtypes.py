"""Dtypes by name, what they hold and how they combine, and the constants; array-API names."""

from __future__ import annotations

import builtins
import sys
from typing import Any, NamedTuple

import numpy as np

from adjoint.array.values import known
from adjoint.errors import ArgumentError, DTypeError
from adjoint.graph import types
from adjoint.graph.leaf import is_weak
from adjoint.graph.op import public, public_as, public_storage
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import (
    BOOL,
    FLOAT32,
    FLOAT64,
    DType,
    as_dtype,
    default_dtype,
    promote,
    storage_dtype,
    weak_dtype,
)

__all__ = [
    "bool",
    "bool_",
    "can_cast",
    "common_type",
    "complex128",
    "complex64",
    "e",
    "finfo",
    "float16",
    "float32",
    "float64",
    "iinfo",
    "inf",
    "int16",
    "int32",
    "int64",
    "int8",
    "isdtype",
    "nan",
    "newaxis",
    "pi",
    "result_type",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
]

bool = bool_ = as_dtype("bool")
int8, int16, int32, int64 = map(as_dtype, ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = map(as_dtype, ("uint8", "uint16", "uint32", "uint64"))
float16, float32, float64 = map(as_dtype, ("float16", "float32", "float64"))
complex64, complex128 = map(as_dtype, ("complex64", "complex128"))

e = np.e
inf = np.inf
nan = np.nan
pi = np.pi
newaxis = None

_SCALARS = (float, int, builtins.bool, complex)


@public_storage
def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that an operation on these tensors, arrays, numbers and dtypes has.

    Python numbers take the dtype of what they meet, as in NumPy 2. Raises `DTypeError`, and
    `ArgumentError` without arguments.

    >>> import adjoint as ad
    >>> ad.result_type(ad.float32, ad.int64, 2.0)
    dtype('float64')
    >>> ad.result_type(ad.float32, 2.0)
    dtype('float32')
    """
    weak: list[type] = []
    strong: list[DType] = []
    for x in arrays_and_dtypes:
        kind = _weak_kind(x)
        if kind is None:
            strong.append(_dtype_of(x))
        else:
            weak.append(kind)
    if strong:
        dtype = promote(*strong)
        for kind in weak:
            dtype = weak_dtype(kind, dtype)
        return dtype
    if not weak:
        raise ArgumentError("result_type: give at least one tensor, array, number or dtype")
    return promote(*map(default_dtype, weak))


def _weak_kind(x: Any) -> type | None:
    """The kind of Python number that `x` is or stands for, if any."""
    if isinstance(x, Tensor):
        kinds = {"b": builtins.bool, "i": int, "f": float, "c": complex}
        return kinds[x.dtype.kind] if is_weak(x.node) else None
    return type(x) if type(x) in _SCALARS else None


def _dtype_of(x: Any) -> DType:
    if isinstance(x, type):  # a class of NumPy's numbers has an attribute dtype, too
        return storage_dtype(x)
    return x.dtype if isinstance(x, Tensor) else storage_dtype(getattr(x, "dtype", x))


@public_storage
def can_cast(from_: Any, /, to: Any, casting: Any = "safe") -> builtins.bool:
    """Whether every number of the dtype `from_` (or of a tensor's) is one of the dtype `to`.

    casting: another rule of NumPy's, such as "same_kind".

    >>> import adjoint as ad
    >>> ad.can_cast(ad.int32, ad.float64), ad.can_cast(ad.float64, ad.float32)
    (True, False)
    """
    return types.can_cast(_dtype_of(from_), storage_dtype(to), casting)


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether `dtype` is of `kind`: a dtype, a name such as "real floating", or a tuple of these.

    The names: "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating", "numeric".

    >>> import adjoint as ad
    >>> ad.isdtype(ad.float32, ("integral", "real floating"))
    True
    """
    try:
        return _isdtype(storage_dtype(dtype), kind)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"isdtype: kind={kind!r} is neither a dtype nor a kind of dtypes: {error}"
        ) from error


def _isdtype(dtype: DType, kind: Any) -> builtins.bool:
    """As `numpy.isdtype`, which does not know bfloat16: it is as float32 is."""
    if dtype.kind != "V":
        return np.isdtype(dtype, kind)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    named = tuple(k for k in kinds if isinstance(k, str))
    given = builtins.any(storage_dtype(k) is dtype for k in kinds if not isinstance(k, str))
    return given or np.isdtype(FLOAT32, named)


class FloatLimits(NamedTuple):
    """What `finfo` returns: Python numbers, of complex dtypes those of a part."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    smallest_subnormal: float
    resolution: float
    precision: int
    dtype: DType

    @property
    def tiny(self) -> float:
        """NumPy's older name for `smallest_normal`."""
        return self.smallest_normal


def finfo(dtype: Any, /) -> FloatLimits:
    """The limits of a floating dtype, or of a tensor's: `eps`, `max`, `min`, `smallest_normal` …

    >>> import adjoint as ad
    >>> ad.finfo(ad.float32).eps == 2**-23
    True
    """
    given = _dtype_of(dtype)
    try:  # who has the dtype has the module as well, which knows its limits
        found = (sys.modules["ml_dtypes"] if given.kind == "V" else np).finfo(given)
    except ValueError as error:
        raise DTypeError(f"finfo: {error}; integers have iinfo") from error
    numbers = ("eps", "max", "min", "smallest_normal", "smallest_subnormal", "resolution")
    limits = {name: float(getattr(found, name)) for name in numbers}
    dtype = storage_dtype(found.dtype)
    return FloatLimits(bits=found.bits, precision=found.precision, dtype=dtype, **limits)


def iinfo(dtype: Any, /) -> np.iinfo[Any]:
    """The limits of an integer dtype, or of a tensor's: `max`, `min`, `bits`.

    >>> import adjoint as ad
    >>> ad.iinfo(ad.int8).max
    127
    """
    try:
        return np.iinfo(_dtype_of(dtype))
    except ValueError as error:
        raise DTypeError(f"iinfo: {error}; floating and complex numbers have finfo") from error


@public
def common_type(*arrays: Any) -> type:
    """The inexact type that the elements of all arrays fit into. Raises `DTypeError`.

    >>> import adjoint as ad
    >>> ad.common_type(ad.ones(2, dtype="float32"), 1)
    <class 'numpy.float64'>
    """
    dtypes = [as_tensor(x).dtype for x in arrays]
    if BOOL in dtypes:
        raise DTypeError("common_type: booleans have no common inexact type")
    found = promote(*(d if d.kind in "fc" else FLOAT64 for d in dtypes))
    kind: type = found.type
    return kind


@public_as("min_scalar_type")
def _min_scalar_type(x: Any, /) -> Any:
    """The least dtype for the value of a number; of more, their dtype."""
    x = as_tensor(x)
    return x.dtype if x.ndim else np.min_scalar_type(known(x)[()])
