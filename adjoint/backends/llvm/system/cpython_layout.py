"""Where CPython and NumPy keep things: offsets and addresses that a native entry relies on.

Floor 6. Nothing is taken on trust: every offset is probed on live objects when this module is
imported, and where anything looks unexpected (PyPy, free-threaded or debug builds, another array
struct) `LAYOUT` is None and programs are entered through Python instead.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from adjoint.graph.leaf import constant
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

POINTER = ctypes.sizeof(ctypes.c_void_p)

_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
DTYPES: tuple[np.dtype[Any], ...] = tuple(map(np.dtype, _NAMES))
"""The dtypes a leaf can have; an array counts only if its dtype is this very object."""

CALLS = (
    "Py_IncRef",
    "Py_DecRef",
    "PyLong_AsLongLongAndOverflow",
    "PyTuple_New",
    "PyType_GenericAlloc",
    "_PyObject_New",
    "_PyObject_GC_New",
    "PyObject_Vectorcall",
    "PyObject_CallOneArg",
    "PyErr_Clear",
    "PyErr_NoMemory",
    "PyFloat_FromDouble",
    "PyMethod_New",
    "PyErr_Occurred",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
)
_NEW_ARRAY = 94  # PyArray_NewFromDescr in NumPy's table of functions, the same since NumPy 1.0
_SET_HANDLER = 304  # PyDataMem_SetHandler, and after it PyDataMem_GetHandler, since NumPy 1.22
_ARRAY_TYPE = 2
_T_OBJECT_EX = 16


@dataclass(frozen=True)
class Layout:
    """Offsets in bytes from the start of an object."""

    kind: int  # of any object: its type
    number: int  # of float, complex and NumPy's scalars: the value
    items: int  # of a tuple: the first item
    data: int  # of an array, and so on down to flags
    ndim: int
    dimensions: int
    strides: int
    base: int
    descr: int
    flags: int
    tensor_node: int
    node_op: int
    node_inputs: int
    node_params: int
    node_shape: int
    node_dtype: int
    node_value: int
    node_scope: int
    node_depth: int
    node_sparse: int
    node_wild: int
    node_end: int  # where a node ends
    scope_open: int


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _MemberDescriptor(ctypes.Structure):
    _fields_ = (
        ("refcount", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("owner", ctypes.c_void_p),
        ("name", ctypes.c_void_p),
        ("qualname", ctypes.c_void_p),
        ("member", ctypes.POINTER(_Member)),
    )


class _Wrapper(ctypes.Structure):
    """CPython's descriptor of a slot of a type: which slot it is stands at `base`."""

    _fields_ = (
        ("refcount", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("owner", ctypes.c_void_p),
        ("name", ctypes.c_void_p),
        ("qualname", ctypes.c_void_p),
        ("base", ctypes.POINTER(ctypes.c_char_p)),
        ("wrapped", ctypes.c_void_p),
    )


class _Unexpected(Exception):
    """The interpreter does not look as native entries need it."""


def _expect(condition: bool, what: str) -> None:
    if not condition:
        raise _Unexpected(what)


def _pointer(obj: Any, offset: int) -> int:
    return ctypes.c_void_p.from_address(id(obj) + offset).value or 0


def _slot(owner: type, name: str) -> int:
    """The offset of a slot, read off its descriptor and tried on an instance."""
    descriptor = owner.__dict__[name]
    _expect(type(descriptor).__name__ == "member_descriptor", f"{name} is no slot")
    _expect(type(descriptor).__basicsize__ == ctypes.sizeof(_MemberDescriptor), "descriptor size")
    view = _MemberDescriptor.from_address(id(descriptor))
    _expect(view.owner == id(owner), "owner of a descriptor")
    member = view.member.contents
    _expect(member.name == name.encode() and member.type == _T_OBJECT_EX, "member of a slot")
    offset = int(member.offset)
    fits = 2 * POINTER <= offset <= owner.__basicsize__ - POINTER and offset % POINTER == 0
    _expect(fits, "offset of a slot")
    instance: Any = object.__new__(owner)
    marker = object()
    _expect(_pointer(instance, offset) == 0, "an empty slot")
    setattr(instance, name, marker)
    _expect(_pointer(instance, offset) == id(marker), "a filled slot")
    delattr(instance, name)
    return offset


def slot_definition(method: Any) -> int | None:
    """The address of what CPython knows of the slot behind a method of a built-in type."""
    if type(method).__name__ != "wrapper_descriptor":
        return None
    view = _Wrapper.from_address(id(method))
    right = type(method).__basicsize__ == ctypes.sizeof(_Wrapper)
    if not right or view.owner != id(method.__objclass__) or view.name != id(method.__name__):
        return None
    if view.base[0] != method.__name__.encode():
        return None
    return ctypes.cast(view.base, ctypes.c_void_p).value


def _check_interpreter() -> None:
    _expect(sys.implementation.name == "cpython" and sys.byteorder == "little", "CPython")
    _expect(POINTER == 8 and ctypes.sizeof(ctypes.c_ssize_t) == 8, "64 bits")
    _expect(not sysconfig.get_config_var("Py_GIL_DISABLED"), "a global interpreter lock")
    _expect(object.__basicsize__ == 2 * POINTER, "a plain object header")
    for obj in (1.0, (), Tensor, np.zeros(1)):
        _expect(_pointer(obj, POINTER) == id(type(obj)), "the type in the header")


def _made_scalar(dtype: np.dtype[Any]) -> Any:
    """The number 3 as a NumPy scalar, made as an entry makes it."""
    make = ctypes.pythonapi.PyType_GenericAlloc
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_ssize_t)
    made = kind(ctypes.cast(make, ctypes.c_void_p).value or 0)(dtype.type, 0)
    data = np.array(3, dtype).tobytes()
    ctypes.memmove(id(made) + 2 * POINTER, data, len(data))
    return made


def _check_classes() -> None:
    """An entry fills every slot of what it makes, so it must know all of them."""
    known = {"op", "inputs", "params", "shape", "dtype", "value", "scope", "depth", "__weakref__"}
    known |= {"sparse", "may_be_infinite"}
    _expect(set(Node.__slots__) == known, "other slots in nodes than entries fill")
    known = {"node", "links", "__weakref__"}  # `links` stays empty
    _expect(set(Tensor.__slots__) == known, "other slots in tensors")
    for kind in (Node, Tensor):
        _expect(kind.__dictoffset__ == 0, "instances with a dictionary")


def _check_numbers() -> int:
    """NumPy's scalars hold their value where a Python float does."""
    offset = 2 * POINTER
    for dtype in DTYPES:
        scalar = np.array(3, dtype)[()]
        found = ctypes.string_at(id(scalar) + offset, dtype.itemsize)
        _expect(found == scalar.tobytes(), f"scalars of {dtype}")
        _expect(dtype.type.__basicsize__ >= offset + max(dtype.itemsize, 8), "size of scalars")
        _expect(dtype.kind == "b" or _made_scalar(dtype) == scalar, f"new scalars of {dtype}")
    for number in (3.25, -1.5e300):
        _expect(ctypes.c_double.from_address(id(number) + offset).value == number, "float")
    parts = (ctypes.c_double * 2).from_address(id(2.5 - 3j) + offset)
    _expect(tuple(parts) == (2.5, -3.0), "complex")
    return offset


def _check_tuple() -> int:
    items = ("a", 2.0, None)
    offset = int(tuple.__basicsize__)
    _expect([_pointer(items, offset + i * POINTER) for i in range(3)] == list(map(id, items)), "()")
    return offset


class _Array(ctypes.Structure):
    _fields_ = (
        ("refcount", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("ndim", ctypes.c_int),
        ("dimensions", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("base", ctypes.c_void_p),
        ("descr", ctypes.c_void_p),
        ("flags", ctypes.c_int),
    )


def _check_array() -> None:
    whole = np.arange(24.0).reshape(2, 3, 4)
    for array in (whole, whole[:, 1:], whole.T, np.array(1, np.int32), whole.astype(">f8")[1:]):
        view = _Array.from_address(id(array))
        _expect(view.data == array.ctypes.data and view.ndim == array.ndim, "array")
        shape = tuple(view.dimensions[i] for i in range(array.ndim))
        strides = tuple(view.strides[i] for i in range(array.ndim))
        _expect(shape == array.shape and strides == array.strides, "shape of an array")
        _expect(view.descr == id(array.dtype) and view.flags == array.flags.num, "flags")
        _expect((view.base or id(None)) == id(array.base), "base of an array")


def _numpy_table() -> Any:
    """NumPy's table of C functions and types."""
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = (ctypes.c_void_p * (_SET_HANDLER + 2)).from_address(get(capsule, None))
    _expect(table[_ARRAY_TYPE] == id(np.ndarray), "NumPy's table")
    handler = ctypes.PYFUNCTYPE(ctypes.py_object)(table[_SET_HANDLER + 1] or 0)()
    _expect(type(handler).__name__ == "PyCapsule", "NumPy's handler of memory")
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_int, ctypes.c_void_p,
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
    )  # fmt: skip
    dtype, shape = np.dtype("float32"), (ctypes.c_ssize_t * 2)(2, 5)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(dtype))  # the call takes over a reference
    made = kind(table[_NEW_ARRAY] or 0)(id(np.ndarray), dtype, 2, shape, None, None, 0, None)
    _expect(made.shape == (2, 5) and made.dtype is dtype and made.flags.c_contiguous, "new array")
    return table


def set_handler_address() -> int:
    """Where NumPy's function is that changes who gives memory to new arrays."""
    return int(_numpy_table()[_SET_HANDLER] or 0)


def _probe() -> Layout:
    _check_interpreter()
    _check_classes()
    _check_array()
    for dtype in DTYPES:
        _expect(np.zeros(1, dtype).dtype is dtype, f"the one dtype {dtype}")
    _numpy_table()
    return Layout(
        kind=POINTER,
        number=_check_numbers(),
        items=_check_tuple(),
        data=_Array.data.offset,
        ndim=_Array.ndim.offset,
        dimensions=_Array.dimensions.offset,
        strides=_Array.strides.offset,
        base=_Array.base.offset,
        descr=_Array.descr.offset,
        flags=_Array.flags.offset,
        tensor_node=_slot(Tensor, "node"),
        node_op=_slot(Node, "op"),
        node_inputs=_slot(Node, "inputs"),
        node_params=_slot(Node, "params"),
        node_shape=_slot(Node, "shape"),
        node_dtype=_slot(Node, "dtype"),
        node_value=_slot(Node, "value"),
        node_scope=_slot(Node, "scope"),
        node_depth=_slot(Node, "depth"),
        node_sparse=_slot(Node, "sparse"),
        node_wild=_slot(Node, "may_be_infinite"),
        node_end=Node.__basicsize__,
        scope_open=_slot(Scope, "open"),
    )


def _layout() -> tuple[Layout | None, str]:
    try:
        layout = _probe()
        _addresses()
        return layout, ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def type_symbol(kind: type) -> str:
    """The symbol of a type object."""
    return f"adjoint.type.{kind.__module__}.{kind.__qualname__}"


def dtype_symbol(dtype: np.dtype[Any]) -> str:
    """The symbol of a dtype object."""
    return f"adjoint.dtype.{dtype.name}"


_SINGLES = {
    "adjoint.None": None,
    "adjoint.True": True,
    "adjoint.False": False,
    "adjoint.numpy.True": np.True_,
    "adjoint.numpy.False": np.False_,
    "adjoint.empty": (),
    "adjoint.zero": 0,
    "adjoint.constant": constant,
}
"""Objects of which there is one in a process, by symbol; held here, so that they stay."""


def _addresses() -> dict[str, int]:
    found: dict[str, int] = {}
    for name in CALLS:
        found[name] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    found["PyArray_NewFromDescr"] = _numpy_table()[_NEW_ARRAY] or 0
    found["PyDataMem_SetHandler"] = set_handler_address()
    kinds = (float, int, complex, np.ndarray, Tensor, Node, Scope, *(d.type for d in DTYPES))
    for kind in kinds:
        found[type_symbol(kind)] = id(kind)
    for dtype in DTYPES:
        found[dtype_symbol(dtype)] = id(dtype)
    for name, single in _SINGLES.items():
        found[name] = id(single)
    _expect(all(found.values()), "a missing function")
    return found


LAYOUT, REASON = _layout()
"""The offsets, or None and why programs cannot be entered natively here."""


def symbols() -> dict[str, int]:
    """The addresses, in this process, of all that emitted entries name; empty if unavailable."""
    return _addresses() if LAYOUT is not None else {}


def fingerprint() -> str:
    """What else than its arguments the code of an entry depends on: a part of any cache key."""
    offsets = ",".join(map(str, astuple(LAYOUT))) if LAYOUT is not None else "none"
    version = ".".join(map(str, sys.version_info[:2]))
    return f"entry-6 {sys.implementation.name}-{version} {sys.platform} {offsets}"
