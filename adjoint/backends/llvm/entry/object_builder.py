"""Builds native code that handles Python objects: their fields, references and types.

Floor 6. Emitted code holds no address of this process. It names symbols, so that it can be kept on
disk; `symbols` says where they are.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry.descriptor import Column
from adjoint.backends.llvm.system import caching_allocator
from adjoint.backends.llvm.system.cpython_layout import (
    CONSTANT,
    Layout,
    new_array_address,
    set_handler_address,
)
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

BIT, BYTE, INT, LONG = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
DOUBLE, FLOAT = ir.DoubleType(), ir.FloatType()
ANY = ir.PointerType()
NULL = ir.Constant(ANY, None)
ROW = ir.ArrayType(LONG, len(Column))
SLOT = ir.ArrayType(BYTE, 16)
"""Memory for one scalar of any dtype."""

_COUNT = INT if sys.version_info >= (3, 12) else LONG
"""A count of references. Since CPython 3.12 one with all bits set belongs to an immortal object and
stays."""

_TYPES = {"void": ir.VoidType(), "ptr": ANY, "i32": INT, "i64": LONG, "double": DOUBLE}
_C_API = {
    "Py_DecRef": "void(ptr)",
    "PyErr_Clear": "void()",
    "PyErr_NoMemory": "ptr()",
    "PyErr_Occurred": "ptr()",
    "PyEval_RestoreThread": "void(ptr)",
    "PyEval_SaveThread": "ptr()",
    "PyFloat_FromDouble": "ptr(double)",
    "PyLong_AsLongLongAndOverflow": "i64(ptr,ptr)",
    "PyObject_CallOneArg": "ptr(ptr,ptr)",
    "PyObject_Vectorcall": "ptr(ptr,ptr,i64,ptr)",
    "PyTuple_New": "ptr(i64)",
    "PyType_GenericAlloc": "ptr(ptr,i64)",
    "_PyObject_GC_New": "ptr(ptr)",  # what the macros PyObject_GC_New and
    "_PyObject_New": "ptr(ptr)",  # PyObject_New call: both in the stable ABI
}
_NUMPY_API = {
    "PyArray_NewFromDescr": "ptr(ptr,ptr,i32,ptr,ptr,ptr,i32,ptr)",
    "PyDataMem_SetHandler": "ptr(ptr)",
}
_HELPERS = {
    "adjoint.entry": "ptr(ptr,ptr,i64,ptr)",
    "adjoint.array_guard": "ptr(ptr,ptr,ptr)",
    "adjoint.clear": "void(ptr,i64)",
    "adjoint.allocate": "i32(ptr,i64,ptr,ptr,ptr)",
    "adjoint.allocate_large": "i32(ptr,i64,ptr,ptr,ptr)",
    "adjoint.scalar": "ptr(ptr,ptr)",
    "adjoint.take": "ptr(ptr,ptr,i64,ptr,ptr,ptr)",
    "adjoint.tensor": "ptr(ptr,ptr)",
}
_SIGNATURES = {**_C_API, **_NUMPY_API, **_HELPERS}

_CLASSES = (float, int, complex, np.ndarray, np.bool_, Tensor, Node, Scope)
_SINGLES: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "numpy.True": np.True_,
    "numpy.False": np.False_,
    "constant": CONSTANT,
    **{f"type.{kind.__module__}.{kind.__qualname__}": kind for kind in _CLASSES},
}
"""Objects of which there is one in a process, by symbol."""


def symbols() -> dict[str, int]:
    """The address, in this process, of all that the emitted code names."""
    found = {name: _address(getattr(ctypes.pythonapi, name)) for name in _C_API}
    found["PyArray_NewFromDescr"] = new_array_address()
    found["PyDataMem_SetHandler"] = set_handler_address()
    found["adjoint.handler"] = id(caching_allocator.allocator().handler)
    found |= {"adjoint." + name: id(single) for name, single in _SINGLES.items()}
    return found


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _declared(module: Any, name: str) -> Any:
    """The function of a name, declared now if it was not."""
    found = module.globals.get(name)
    if found is None:
        result, parameters = _SIGNATURES[name].rstrip(")").split("(")
        kinds = [_TYPES[kind] for kind in parameters.split(",") if kind]
        found = ir.Function(module, ir.FunctionType(_TYPES[result], kinds), name)
    return found


class ObjectBuilder(ir.IRBuilder):  # type: ignore[misc]  # llvmlite has no annotations
    """An IR builder inside a function, which knows where objects keep what."""

    def __init__(self, module: Any, layout: Layout, name: str) -> None:
        super().__init__(_declared(module, name).append_basic_block("start"))
        self.layout = layout

    @property
    def args(self) -> Sequence[Any]:
        """The parameters of the function."""
        return self.function.args  # type: ignore[no-any-return]

    def call_named(self, name: str, *args: Any) -> Any:
        """Call a function of CPython, of NumPy, or one of the helpers of entries."""
        return self.call(_declared(self.module, name), args)

    def symbol(self, name: str) -> Any:
        """The object in `_SINGLES` of that name."""
        name = "adjoint." + name
        found = self.module.globals.get(name)
        if found is None:
            found = ir.GlobalVariable(self.module, ANY, name)  # its fields are reached by offsets
        return found

    # memory

    def address(self, pointer: Any, offset: int) -> Any:
        """The address `offset` bytes behind another."""
        return self.gep(pointer, [LONG(offset)], inbounds=True, source_etype=BYTE)

    def field(self, pointer: Any, offset: int, kind: Any = ANY) -> Any:
        """What stands `offset` bytes into an object."""
        return self.load(self.address(pointer, offset), typ=kind)

    def set_field(self, pointer: Any, offset: int, value: Any) -> None:
        self.store(value, self.address(pointer, offset))

    def element(self, pointer: Any, index: Any, kind: Any = ANY) -> Any:
        """The address of an item of an array."""
        return self.gep(pointer, [index], source_etype=kind)

    def item(self, pointer: Any, index: Any, kind: Any = ANY) -> Any:
        """An item of an array."""
        return self.load(self.element(pointer, index, kind), typ=kind)

    def stack(self, count: Any) -> Any:
        """An array of pointers, or of other words of 8 bytes, on the stack."""
        made = self.alloca(ANY, size=count)
        made.align = 16
        return made

    # objects

    def is_null(self, pointer: Any) -> Any:
        """Whether a pointer is NULL."""
        return self.same(pointer, NULL)

    def same(self, a: Any, b: Any) -> Any:
        """Whether two pointers or integers are equal."""
        return self.icmp_unsigned("==", a, b)

    def is_a(self, pointer: Any, kind: type) -> Any:
        """Whether an object has this very type."""
        return self.has_type(pointer, self.type_object(kind))

    def has_type(self, pointer: Any, type_object: Any) -> Any:
        """Whether an object has a type that is known when the code runs."""
        return self.same(self.field(pointer, self.layout.kind), type_object)

    def type_object(self, kind: type) -> Any:
        """A type as an object."""
        return self.symbol(f"type.{kind.__module__}.{kind.__qualname__}")

    def incref(self, obj: Any) -> Any:
        """Take one more reference to an object, and return it.

        What CPython's macro Py_INCREF does. A result takes ten references, and Py_IncRef, the
        function, made it 11 of 90 ns slower.
        """
        address = self.address(obj, 0)
        more = self.add(self.load(address, typ=_COUNT), _COUNT(1))
        if _COUNT is LONG:
            self.store(more, address)
            return obj
        mortal = self.icmp_unsigned("!=", more, INT(0))
        with self.if_then(mortal, likely=True):
            self.store(more, address)
        return obj

    def has_refcount(self, obj: Any, count: int) -> Any:
        """Whether there are so many references to an object."""
        return self.same(self.field(obj, 0, _COUNT), _COUNT(count))

    def column(self, row: Any, column: int, kind: Any = LONG) -> Any:
        """What a row of a table of leaves says."""
        return self.item(row, LONG(column), kind)

    # control flow

    def demand(self, condition: Any, otherwise: Any) -> None:
        """Go on only if `condition` holds; if not, which is rare, go to a block."""
        passed = self.append_basic_block("passed")
        self.cbranch(condition, passed, otherwise).set_weights([1 << 20, 1])
        self.position_at_end(passed)

    @contextmanager
    def each(self, count: Any) -> Iterator[Any]:
        """A loop: the code within runs for every index below `count`, which may be zero."""
        before = self.block
        head, inside, after = (self.append_basic_block(n) for n in ("head", "inside", "after"))
        self.branch(head)
        self.position_at_end(head)
        index = self.phi(LONG)
        index.add_incoming(LONG(0), before)
        self.cbranch(self.icmp_unsigned("<", index, count), inside, after)
        self.position_at_end(inside)
        yield index
        index.add_incoming(self.add(index, LONG(1)), self.block)
        self.branch(head)
        self.position_at_end(after)
