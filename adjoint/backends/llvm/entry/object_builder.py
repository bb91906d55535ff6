"""The words in which an entry is written: fields of objects, symbols, calls, and its leaves.

Floor 6.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.system.cpython_layout import (
    LAYOUT,
    POINTER,
    Layout,
    dtype_symbol,
    type_symbol,
)
from adjoint.errors import ArgumentError

Tree: TypeAlias = "int | tuple[Tree, ...]"
"""The structure of the results: the index of a leaf, or a tuple of such structures."""

BIT, BYTE, INT, LONG = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
COUNT = INT if sys.version_info >= (3, 12) else LONG  # of references
DOUBLE, FLOAT = ir.DoubleType(), ir.FloatType()
ANY = ir.PointerType()
NULL = ir.Constant(ANY, None)
_ROW = ir.LiteralStructType([ANY, ANY, LONG, ANY, LONG])

_SIGNATURES = {
    "Py_IncRef": (ir.VoidType(), [ANY]),
    "Py_DecRef": (ir.VoidType(), [ANY]),
    "PyLong_AsLongLongAndOverflow": (LONG, [ANY, ANY]),
    "PyTuple_New": (ANY, [LONG]),
    "PyType_GenericAlloc": (ANY, [ANY, LONG]),
    "_PyObject_New": (ANY, [ANY]),
    "_PyObject_GC_New": (ANY, [ANY]),
    "PyObject_Vectorcall": (ANY, [ANY, ANY, LONG, ANY]),
    "PyObject_CallOneArg": (ANY, [ANY, ANY]),
    "PyErr_Clear": (ir.VoidType(), []),
    "PyErr_NoMemory": (ANY, []),
    "PyFloat_FromDouble": (ANY, [DOUBLE]),
    "PyMethod_New": (ANY, [ANY, ANY]),
    "PyErr_Occurred": (ANY, []),
    "PyEval_SaveThread": (ANY, []),
    "PyEval_RestoreThread": (ir.VoidType(), [ANY]),
    "PyArray_NewFromDescr": (ANY, [ANY, ANY, INT, ANY, ANY, ANY, INT, ANY]),
    "PyDataMem_SetHandler": (ANY, [ANY]),
    "adjoint.guards": (INT, [ANY, ANY, LONG, ANY, ANY]),
    "adjoint.guard": (ANY, [ANY, ANY, ANY, ANY, LONG, ANY]),
    "adjoint.keep": (ir.VoidType(), [ANY, LONG]),
    "adjoint.release": (ir.VoidType(), [ANY, LONG]),
    "adjoint.rooms": (INT, [ANY, LONG, ANY, ANY, ANY]),
    "adjoint.large_rooms": (INT, [ANY, LONG, ANY, ANY, ANY]),
    "adjoint.wrap": (INT, [ANY, LONG, ANY, ANY, ANY]),
    "adjoint.scalar": (ANY, [ANY, ANY, LONG]),
    "adjoint.tensor": (ANY, [ANY, ANY, ANY]),
    "adjoint.tuple": (ANY, [ANY, ANY, LONG]),
    "adjoint.view": (ANY, [ANY]),
    "adjoint.check_donations": (INT, [ANY, ANY]),
    "adjoint.donate": (ir.VoidType(), [ANY, ANY, ANY, ANY]),
}


@dataclass(frozen=True)
class Input:
    """A leaf of the arguments: an array (or a tensor that holds one), or a Python scalar."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    python_scalar: bool = False

    def __post_init__(self) -> None:
        if self.python_scalar and (self.shape or self.dtype.name == "float16"):
            raise ArgumentError(
                f"Input: a Python scalar has shape () and no dtype float16, "
                f"got {self.shape} and {self.dtype}"
            )


@dataclass(frozen=True)
class Output:
    """A leaf of the results: a constant tensor of a fresh array, or of a NumPy scalar if 0-d."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Words:
    """Writes accesses to objects at the builder's position."""

    module: Any
    builder: Any
    layout: Layout

    def symbol(self, name: str) -> Any:
        """The object at an address that is known when the code is loaded."""
        found = self.module.globals.get(name)
        if found is None:
            found = ir.GlobalVariable(self.module, BYTE, name)
            found.type = ANY  # its fields are reached by offsets
        return found

    def call(self, name: str, *args: Any) -> Any:
        """A call of a function of the interpreter, of NumPy, or of `entry_helpers`."""
        return self.builder.call(self._function(name), args)

    def done(self, status: Any) -> Any:
        """Whether a helper succeeded."""
        return self.builder.icmp_unsigned("!=", status, INT(0))

    def at(self, pointer: Any, offset: int) -> Any:
        """The address `offset` bytes into an object."""
        return self.builder.gep(pointer, [LONG(offset)], inbounds=True, source_etype=BYTE)

    def field(self, pointer: Any, offset: int, kind: Any = ANY) -> Any:
        """What stands `offset` bytes into an object."""
        return self.builder.load(self.at(pointer, offset), typ=kind)

    def define(self, name: str) -> tuple[Words, Sequence[Any]]:
        """Start the definition of a function; yield words inside it, and its parameters."""
        function = self._function(name)
        builder = ir.IRBuilder(function.append_basic_block("start"))
        return Words(self.module, builder, self.layout), function.args

    def _function(self, name: str) -> Any:
        found = self.module.globals.get(name)
        if found is None:
            found = ir.Function(self.module, ir.FunctionType(*_SIGNATURES[name]), name)
        return found

    def keep(self, obj: Any) -> Any:
        """Take one more reference to an object."""
        if sys.version_info >= (3, 14):
            self.call("Py_IncRef", obj)
            return obj
        kind, place = COUNT, self.at(obj, 0)
        more = self.builder.add(self.builder.load(place, typ=kind), kind(1))
        if kind is LONG:
            self.builder.store(more, place)
            return obj
        mortal = self.builder.icmp_unsigned("!=", more, INT(0))  # since 3.12 some never die
        with self.builder.if_then(mortal, likely=True):
            self.builder.store(more, place)
        return obj

    def is_held(self, obj: Any, times: int) -> Any:
        """Whether there are so many references to an object."""
        return self.same(self.field(obj, 0, COUNT), COUNT(times))

    def set_field(self, pointer: Any, offset: int, value: Any) -> None:
        self.builder.store(value, self.at(pointer, offset))

    def kind(self, pointer: Any) -> Any:
        """The type of an object."""
        return self.field(pointer, self.layout.kind)

    def same(self, a: Any, b: Any) -> Any:
        return self.builder.icmp_unsigned("==", a, b)

    def item(self, pointer: Any, index: Any, kind: Any = ANY) -> Any:
        """Item `index` of an array."""
        return self.builder.load(self.place(pointer, index, kind), typ=kind)

    def place(self, pointer: Any, index: Any, kind: Any = ANY) -> Any:
        """The address of item `index` of an array."""
        return self.builder.gep(pointer, [index], source_etype=kind)

    @contextmanager
    def each(self, count: Any) -> Iterator[Any]:
        """A loop: the code within runs for every index below `count`, which may be zero."""
        builder = self.builder
        before = builder.block
        head, inside, after = (builder.append_basic_block(n) for n in ("head", "inside", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(LONG)
        index.add_incoming(LONG(0), before)
        builder.cbranch(builder.icmp_unsigned("<", index, count), inside, after)
        builder.position_at_end(inside)
        yield index
        index.add_incoming(builder.add(index, LONG(1)), builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    def null(self, pointer: Any) -> Any:
        return self.same(pointer, NULL)

    def extents(self, shape: Sequence[int]) -> Any:
        """A constant that lists `shape`; NULL for a scalar."""
        if not shape:
            return NULL
        return self.constant("adjoint.shape." + "x".join(map(str, shape)), shape)

    def constant(self, name: str, numbers: Sequence[int]) -> Any:
        """A constant list of integers."""
        found = self.module.globals.get(name)
        if found is None:
            kind = ir.ArrayType(LONG, len(numbers))
            found = ir.GlobalVariable(self.module, kind, name)
            found.initializer = ir.Constant(kind, list(numbers))
            found.global_constant, found.linkage = True, "internal"
            found.type = ANY
        return found

    def table(self, name: str, rows: Sequence[tuple[Input | Output, int]]) -> Any:
        """A constant table of leaves, each with an extra number; see `Row`."""
        kind = ir.ArrayType(_ROW, len(rows))
        made = ir.GlobalVariable(self.module, kind, name)
        made.initializer = ir.Constant(kind, [
            ir.Constant(_ROW, [
                self.symbol(dtype_symbol(spec.dtype)), self.symbol(type_symbol(spec.dtype.type)),
                LONG(len(spec.shape)), self.extents(spec.shape), LONG(extra),
            ])
            for spec, extra in rows
        ])  # fmt: skip
        made.global_constant, made.linkage = True, "internal"
        made.type = ANY
        return made

    def slots(self, count: int, name: str) -> Any:
        """Room for `count` pointers on the stack."""
        return self.room(ir.ArrayType(ANY, max(count, 1)), name)

    def room(self, kind: Any, name: str = "") -> Any:
        """Room for a value on the stack, the same in every iteration of a loop."""
        with self.builder.goto_entry_block():
            made = self.builder.alloca(kind, name=name)
        made.align = 16
        made.type = ANY
        return made

    def slot(self, slots: Any, index: int) -> Any:
        return self.at(slots, index * POINTER)


@dataclass(frozen=True)
class Row:
    """A row of a table of leaves."""

    words: Words
    table: Any
    index: Any

    def _column(self, number: int, kind: Any) -> Any:
        builder = self.words.builder
        at = builder.gep(self.table, [self.index, INT(number)], source_etype=_ROW)
        return builder.load(at, typ=kind)

    @property
    def dtype(self) -> Any:
        return self._column(0, ANY)

    @property
    def scalar(self) -> Any:
        """The type of NumPy's scalars of this dtype."""
        return self._column(1, ANY)

    @property
    def ndim(self) -> Any:
        return self._column(2, LONG)

    @property
    def sizes(self) -> Any:
        return self._column(3, ANY)

    @property
    def extra(self) -> Any:
        """Of an input, which argument it is; of an output, the size of an element in bytes."""
        return self._column(4, LONG)


def require_layout() -> Layout:
    """The layout of this interpreter; an error if native entries are unavailable."""
    if LAYOUT is None:
        raise ArgumentError("emit_entry: native entries are unavailable here; use python_entry")
    return LAYOUT


def tree_leaves(tree: Tree) -> list[int]:
    """The indices of leaves in `tree`, from left to right."""
    if isinstance(tree, int):
        return [tree]
    return [leaf for branch in tree for leaf in tree_leaves(branch)]


def check_tree(tree: Tree, count: int) -> None:
    """Refuse a tree that names leaves that do not exist."""
    wrong = [leaf for leaf in tree_leaves(tree) if not 0 <= leaf < count]
    if wrong:
        raise ArgumentError(f"tree: there are {count} results, but it names leaf {wrong[0]}")
