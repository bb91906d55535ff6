"""Functions in C, by address: those of ctypes, cffi and Numba's ``cfunc``, as functions of arrays.

Two forms are known: ``T f(T x, …)`` of numbers, which is called for each element; and
``void f(const T *x, …, T *result, integer n)`` of arrays of n elements.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.graph.types import DType
from adjoint.ops.control.external_call import CFunction

_FORMS = (
    "double f(double x, ...) of numbers, or void f(const double *x, ..., double *result, size_t n) "
    "of arrays, of double, float, int or long"
)
_NUMBERS = ["float64", "float32", "int64", "int32"]
_NEEDS_LOCK = 4
"""The flag of functions that ctypes calls with the interpreter's lock, those of `ctypes.PyDLL`."""
_Function: Any = ctypes.CFUNCTYPE(None).__base__
_Pointer: Any = ctypes.POINTER(ctypes.c_int).__base__


def c_function(name: str, f: Any) -> tuple[CFunction, Callable[..., Any]] | None:
    """A function in C as native code calls it, and as a function of arrays that Python can call.

    None for any other function. Raises `ArgumentError` if it is of no form that is known.
    """
    pointer = _by_ctypes(name, f)
    if pointer is None or pointer._flags_ & _NEEDS_LOCK:
        return None
    if pointer.argtypes is None:
        raise ArgumentError(
            f"{name}: a function of ctypes needs argtypes and restype, as without them its result "
            f"is taken for an int; set {name}.argtypes = [...] and {name}.restype = ... first"
        )
    address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
    arguments, result = list(pointer.argtypes), pointer.restype
    # By identity: NumPy takes None for a dtype, so that it equals float64.
    numbers = [x for t in arguments if (x := _number(t)) is not None]
    returned = _number(result)
    if numbers and len(numbers) == len(arguments) and returned is not None:
        c = CFunction(address, tuple(numbers), returned)
        return c, _each_element(pointer, c)
    targets = [x for t in arguments if (x := _target(t)) is not None]
    if result is None and len(targets) == len(arguments) - 1 > 1:
        count = _length(arguments[-1])
        if count is not None:
            *inputs, last = targets
            c = CFunction(address, tuple(inputs), last, count)
            return c, _all_elements(pointer, c)
    raise ArgumentError(f"{name}: a function in C must be {_FORMS}; wrap others in Python")


def _by_ctypes(name: str, f: Any) -> Any:
    """The function as one of ctypes, if it is one in C."""
    if isinstance(f, _Function):
        return f
    if hasattr(f, "native_name") and isinstance(getattr(f, "ctypes", None), _Function):
        return f.ctypes  # of numba.cfunc
    cffi: Any = sys.modules.get("_cffi_backend")
    if cffi is None or not isinstance(f, cffi._CDataBase):
        return None
    kind = cffi.typeof(f)
    if kind.kind != "function":
        return None
    types = [_ctype(t) for t in (kind.result, *kind.args)]
    if "unknown" in types:
        raise ArgumentError(f"{name}: a function in C must be {_FORMS}, got {kind.cname}")
    address = int(cffi.cast(cffi.new_primitive_type("uintptr_t"), f))
    return ctypes.CFUNCTYPE(*types)(address)


_CTYPES: dict[str, Any] = {
    "double": ctypes.c_double,
    "float": ctypes.c_float,
    "int": ctypes.c_int,
    "long": ctypes.c_long,
    "size_t": ctypes.c_size_t,
    "unsigned long": ctypes.c_ulong,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
}


def _ctype(kind: Any) -> Any:
    """The type of ctypes for one of cffi; "unknown" if there is none."""
    if kind.kind == "void":
        return None
    if kind.kind == "pointer" and kind.item.cname in _CTYPES:
        return ctypes.POINTER(_CTYPES[kind.item.cname])
    return _CTYPES.get(kind.cname, "unknown")


def _number(kind: Any) -> DType | None:
    """The dtype of a number that is passed as it is."""
    if not (isinstance(kind, type) and issubclass(kind, ctypes._SimpleCData)):
        return None
    try:
        dtype = np.dtype(kind)
    except TypeError:
        return None
    return dtype if dtype.name in _NUMBERS else None


_LENGTHS = (ctypes.c_int, ctypes.c_long, ctypes.c_longlong, ctypes.c_uint, ctypes.c_size_t)


def _length(kind: Any) -> DType | None:
    """The dtype of an integer that may say how many elements there are."""
    return np.dtype(kind) if kind in _LENGTHS else None


def _target(kind: Any) -> DType | None:
    """The dtype to which a pointer points."""
    if isinstance(kind, type) and issubclass(kind, _Pointer):
        return _number(getattr(kind, "_type_", None))
    dtype = getattr(kind, "_dtype_", None)  # of numpy.ctypeslib.ndpointer
    return dtype if dtype is not None and dtype.name in _NUMBERS else None


def _each_element(pointer: Any, c: CFunction) -> Callable[..., Any]:
    """A function of arrays that calls one of numbers for each element."""

    def function(*values: Any) -> Any:
        arrays = np.broadcast_arrays(*values)
        found = np.empty(arrays[0].shape, c.result)
        rows = zip(*(x.ravel().tolist() for x in arrays), strict=True)
        found.reshape(-1)[:] = [pointer(*row) for row in rows]
        return found

    return function


def _all_elements(pointer: Any, c: CFunction) -> Callable[..., Any]:
    """A function of arrays that calls one of arrays."""

    def function(*values: Any) -> Any:
        arrays = np.broadcast_arrays(*values)
        found = np.empty(arrays[0].shape, c.result)
        given = [*map(np.array, arrays), found]
        kinds = pointer.argtypes[:-1]
        passed = [
            x.ctypes.data_as(kind) if issubclass(kind, _Pointer) else x
            for x, kind in zip(given, kinds, strict=True)
        ]
        pointer(*passed, found.size)
        return found

    return function
