"""Where CPython and NumPy keep things: offsets that native entries rely on, checked on import.

Checked were CPython 3.11 and NumPy 2.4 by the whole test suite, CPython 3.12 and 3.13 by their
headers and by objects made as entries make them. Another CPython is refused unseen, as it may count
references in another way. NumPy raises a number when its C structs change, and is known by that.

Nothing else is taken on trust: every offset is read off live objects, and where one looks
unexpected `LAYOUT` is None, `REASON` says why, and programs are entered through Python instead. So
they are on PyPy, in free-threaded and in debug builds.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import astuple, dataclass
from types import CellType
from typing import Any
from weakref import ref

import numpy as np

from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

FIRST_CHECKED, LAST_CHECKED = (3, 11), (3, 13)
"""The versions of CPython on which entries are known to work."""
_NUMPY_ABI = 0x02000000
"""What `PyArray_GetNDArrayCVersion` answers in every NumPy 2."""

POINTER = ctypes.sizeof(ctypes.c_void_p)
_HEADER = 2 * POINTER  # of an object: its count of references and its type

_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
DTYPES: tuple[np.dtype[Any], ...] = tuple(map(np.dtype, _NAMES))
"""The dtypes a leaf can have; an array counts only if its dtype is this very object."""

# Positions in NumPy's table of C functions and types, which its ABI number vouches for.
_ABI_VERSION = 0
_ARRAY_TYPE = 2
_NEW_ARRAY = 94
_SET_HANDLER = 304  # PyDataMem_SetHandler, and after it PyDataMem_GetHandler


@dataclass(frozen=True)
class Layout:
    """Offsets in bytes from the start of an object."""

    kind: int  # of any object: its type
    number: int  # of float, complex and NumPy's scalars: the value
    items: int  # of a tuple: the first item
    data: int  # of an array, and so on down to flags
    ndim: int
    dimensions: int
    base: int
    descr: int
    flags: int
    tensor_node: int
    tensor_empty: tuple[int, ...]  # slots that hold nothing in a new tensor
    node_shape: int
    node_dtype: int
    node_value: int
    node_number: int
    node_scope: int
    node_common: tuple[int, ...]  # slots that hold the same object in every constant
    node_empty: tuple[int, ...]  # slots that hold nothing
    node_weakrefs: int
    scope_open: int
    cell: int  # of a cell: what it holds


class _Unexpected(Exception):
    """The interpreter does not look as native entries need it."""


def _expect(condition: bool, what: str) -> None:
    if not condition:
        raise _Unexpected(what)


def _pointer(obj: Any, offset: int) -> int:
    return ctypes.c_void_p.from_address(id(obj) + offset).value or 0


def _check_interpreter() -> None:
    name, version = sys.implementation.name, sys.version_info[:2]
    _expect(name == "cpython" and sys.byteorder == "little", f"{name}, {sys.byteorder}-endian")
    known = FIRST_CHECKED <= version <= LAST_CHECKED
    first, last = (".".join(map(str, v)) for v in (FIRST_CHECKED, LAST_CHECKED))
    _expect(known, f"CPython {version[0]}.{version[1]}, checked were {first} to {last}")
    flags = getattr(sys, "abiflags", "")
    _expect("t" not in flags, "a free-threaded build, which counts references in another way")
    _expect("d" not in flags and not hasattr(sys, "gettotalrefcount"), "a debug build")
    _expect(POINTER == 8 and ctypes.sizeof(ctypes.c_ssize_t) == 8, "not 64 bits")
    _expect(object.__basicsize__ == _HEADER, "the size of a plain object")


def _check_header() -> None:
    """An object begins with its count of references, as wide as entries take it, and its type."""
    for obj in (1.0, (), Tensor, np.zeros(1)):
        _expect(_pointer(obj, POINTER) == id(type(obj)), "the type in the header of an object")
    counted = object()
    for more in range(3):
        held = [counted] * more
        count = ctypes.c_uint32.from_address(id(counted)).value
        _expect(count == sys.getrefcount(counted) - 1, "the count of references of an object")
        del held


def _slots(kind: type, instance: Any) -> dict[str, int]:
    """The offsets of the slots of a class, found by what an instance holds in them."""
    _expect(kind.__dictoffset__ == 0, f"{kind.__name__}: instances with a dictionary")
    # Until CPython 3.12 the list of weak references stands there too, since then before the object.
    offsets = {*range(_HEADER, kind.__basicsize__, POINTER)} - {kind.__weakrefoffset__}
    found = {}
    for name in (name for base in kind.__mro__ for name in base.__dict__.get("__slots__", ())):
        if name != "__weakref__":
            marker = object()
            setattr(instance, name, marker)
            places = [offset for offset in offsets if _pointer(instance, offset) == id(marker)]
            _expect(len(places) == 1, f"{kind.__name__}.{name}: not a slot")
            found[name] = places[0]
    known = {*found.values()} == offsets
    _expect(known, f"{kind.__name__}: has fields beside {', '.join(found)}")
    return found


def _words(instance: Any) -> dict[int, int]:
    """What the slots of an instance hold, as addresses, by offset."""
    offsets = range(_HEADER, type(instance).__basicsize__, POINTER)
    return {offset: _pointer(instance, offset) for offset in offsets}


def _constants() -> tuple[dict[str, int], tuple[int, ...], tuple[int, ...]]:
    """The slots of nodes; which of them hold the same in every constant, and which hold nothing.

    An entry copies the former from `CONSTANT`. It knows shape, dtype and value itself, so no other
    slot may depend on the constant.
    """
    slots = _slots(Node, constant_node(None, (), DTYPES[0]))
    values = np.float64(2.5), np.ones((2, 3), np.int32), np.zeros(0, np.complex64)
    nodes = [constant_node(value, value.shape, value.dtype) for value in values]
    common = _words(CONSTANT)
    own = {slots[name] for name in ("shape", "dtype", "value")}
    names = {offset: name for name, offset in slots.items()}
    for words in map(_words, nodes):
        for offset in words.keys() - own:
            name = names.get(offset, "__weakref__")
            _expect(words[offset] == common[offset], f"Node.{name} depends on the constant")
    empty = tuple(offset for offset, word in common.items() if not word)
    return slots, tuple(sorted(common.keys() - own - {*empty})), tuple({*empty} - own)


def _weakrefs(instance: Any) -> int:
    """The offset of the list of weak references, which may stand before the object."""
    offset: int = type(instance).__weakrefoffset__
    _expect(_pointer(instance, offset) == 0, "weak references of an object without")
    watching = ref(instance)
    _expect(_pointer(instance, offset) == id(watching), "the weak reference to an object")
    return offset


def _tensor() -> tuple[int, tuple[int, ...]]:
    """The offset of the one slot that a new tensor fills, and those of the others."""
    node = constant_node(None, (), DTYPES[0])
    slots = _slots(Tensor, Tensor(node))
    for offset, word in _words(Tensor(node)).items():
        right = word == (id(node) if offset == slots["node"] else 0)
        _expect(right, f"Tensor: a new one fills other slots than node of {', '.join(slots)}")
    others = {*_words(Tensor(node)), _weakrefs(Tensor(node))} - {slots["node"]}
    return slots["node"], tuple(sorted(others))


def _cell() -> int:
    """The offset of what a cell holds, which is nothing in an empty one."""
    content = object()
    _expect(_pointer(CellType(content), _HEADER) == id(content), "what a cell holds")
    _expect(_pointer(CellType(), _HEADER) == 0, "an empty cell")
    return _HEADER


def _made_scalar(dtype: np.dtype[Any]) -> Any:
    """The number 3 as a NumPy scalar, made as an entry makes it."""
    make = ctypes.pythonapi.PyType_GenericAlloc
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_ssize_t)
    made = kind(ctypes.cast(make, ctypes.c_void_p).value or 0)(dtype.type, 0)
    data = np.array(3, dtype).tobytes()
    ctypes.memmove(id(made) + _HEADER, data, len(data))
    return made


def _check_numbers() -> int:
    """NumPy's scalars hold their value where a Python float does."""
    for dtype in DTYPES:
        scalar = np.array(3, dtype)[()]
        found = ctypes.string_at(id(scalar) + _HEADER, dtype.itemsize)
        _expect(found == scalar.tobytes(), f"scalars of {dtype}")
        _expect(dtype.type.__basicsize__ >= _HEADER + max(dtype.itemsize, 8), "size of scalars")
        _expect(dtype.kind == "b" or _made_scalar(dtype) == scalar, f"new scalars of {dtype}")
    for number in (3.25, -1.5e300):
        _expect(ctypes.c_double.from_address(id(number) + _HEADER).value == number, "float")
    parts = (ctypes.c_double * 2).from_address(id(2.5 - 3j) + _HEADER)
    _expect(tuple(parts) == (2.5, -3.0), "complex")
    return _HEADER


def _check_tuple() -> int:
    items = ("a", 2.0, None)
    offset = int(tuple.__basicsize__)
    found = [_pointer(items, offset + i * POINTER) for i in range(3)]
    _expect(found == list(map(id, items)), "the items of a tuple")
    return offset


class _Array(ctypes.Structure):
    """NumPy's PyArrayObject_fields."""

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
    _expect(np.ndarray.__basicsize__ >= ctypes.sizeof(_Array), "the size of an array's struct")
    for array in (whole, whole[:, 1:], whole.T, np.array(1, np.int32), whole.astype(">f8")[1:]):
        view = _Array.from_address(id(array))
        _expect(view.data == array.ctypes.data and view.ndim == array.ndim, "data of an array")
        _expect(view.descr == id(array.dtype), "dtype of an array")
        _expect(view.flags == array.flags.num, "flags of an array")
        _expect((view.base or id(None)) == id(array.base), "base of an array")
        shape = tuple(view.dimensions[i] for i in range(array.ndim))
        _expect(shape == array.shape, "shape of an array")
    for dtype in DTYPES:
        _expect(np.zeros(1, dtype).dtype is dtype, f"more than one dtype {dtype}")


def _numpy_table() -> Any:
    """NumPy's table of C functions and types, as its header files give it to extensions."""
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = (ctypes.c_void_p * (_SET_HANDLER + 2)).from_address(get(capsule, None))
    abi = ctypes.PYFUNCTYPE(ctypes.c_uint)(table[_ABI_VERSION] or 0)()
    _expect(abi == _NUMPY_ABI, f"NumPy {np.__version__} with ABI {abi:#x}, not {_NUMPY_ABI:#x}")
    return table


def _check_numpy_table() -> None:
    table = _numpy_table()
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


def new_array_address() -> int:
    """Where PyArray_NewFromDescr is."""
    return int(_numpy_table()[_NEW_ARRAY] or 0)


def set_handler_address() -> int:
    """Where PyDataMem_SetHandler is, which changes who gives memory to new arrays."""
    return int(_numpy_table()[_SET_HANDLER] or 0)


def _probe() -> Layout:
    _check_interpreter()
    _check_header()
    _check_numpy_table()  # before arrays, as its ABI number says that their struct can be read
    _check_array()
    node, common, empty = _constants()
    tensor_node, tensor_empty = _tensor()
    return Layout(
        kind=POINTER,
        number=_check_numbers(),
        items=_check_tuple(),
        data=_Array.data.offset,
        ndim=_Array.ndim.offset,
        dimensions=_Array.dimensions.offset,
        base=_Array.base.offset,
        descr=_Array.descr.offset,
        flags=_Array.flags.offset,
        tensor_node=tensor_node,
        tensor_empty=tensor_empty,
        node_shape=node["shape"],
        node_dtype=node["dtype"],
        node_value=node["value"],
        node_number=node["number"],
        node_scope=node["scope"],
        node_common=common,
        node_empty=empty,
        node_weakrefs=_weakrefs(CONSTANT),
        scope_open=_slots(Scope, Scope())["open"],
        cell=_cell(),
    )


def _layout() -> tuple[Layout | None, str]:
    """The layout, or None and what is unexpected."""
    try:
        return _probe(), ""
    except Exception as error:  # whatever goes wrong, the answer is the same: no native entries
        what = str(error) if type(error) is _Unexpected else f"{type(error).__name__}: {error}"
        return None, f"unexpected layout: {what}"


CONSTANT = constant_node(None, (), DTYPES[0])
"""The node from which entries copy what all constants have in common."""

LAYOUT, REASON = _layout()
"""The offsets, or None and why programs cannot be entered natively here."""


def fingerprint() -> str:
    """What the code of entries depends on: a part of its cache key."""
    offsets = ",".join(map(str, astuple(LAYOUT))) if LAYOUT is not None else "none"
    version = ".".join(map(str, sys.version_info[:2]))
    return f"{sys.implementation.name}-{version} {sys.platform} {offsets}"
