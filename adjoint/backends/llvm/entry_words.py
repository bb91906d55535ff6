"""The words in which an entry is written: fields of objects, symbols, calls, and its leaves.

Floor 6.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry_layout import LAYOUT, POINTER, Layout
from adjoint.errors import ArgumentError

Tree: TypeAlias = "int | tuple[Tree, ...]"
"""The structure of the results: the index of a leaf, or a tuple of such structures."""

BIT, BYTE, INT, LONG = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
DOUBLE, FLOAT = ir.DoubleType(), ir.FloatType()
ANY = ir.PointerType()
NULL = ir.Constant(ANY, None)

_SIGNATURES = {
    "Py_IncRef": (ir.VoidType(), [ANY]),
    "Py_DecRef": (ir.VoidType(), [ANY]),
    "PyLong_AsLongLongAndOverflow": (LONG, [ANY, ANY]),
    "PyTuple_New": (ANY, [LONG]),
    "PyType_GenericAlloc": (ANY, [ANY, LONG]),
    "PyObject_Vectorcall": (ANY, [ANY, ANY, LONG, ANY]),
    "PyObject_CallOneArg": (ANY, [ANY, ANY]),
    "PyEval_SaveThread": (ANY, []),
    "PyEval_RestoreThread": (ir.VoidType(), [ANY]),
    "PyArray_NewFromDescr": (ANY, [ANY, ANY, INT, ANY, ANY, ANY, INT, ANY]),
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
        """A call of a function of the interpreter or of NumPy."""
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(*_SIGNATURES[name]), name)
        return self.builder.call(function, args)

    def at(self, pointer: Any, offset: int) -> Any:
        """The address `offset` bytes into an object."""
        return self.builder.gep(pointer, [LONG(offset)], inbounds=True, source_etype=BYTE)

    def field(self, pointer: Any, offset: int, kind: Any = ANY) -> Any:
        """What stands `offset` bytes into an object."""
        return self.builder.load(self.at(pointer, offset), typ=kind)

    def keep(self, obj: Any) -> Any:
        """Take one more reference to an object."""
        if sys.version_info >= (3, 14):
            self.call("Py_IncRef", obj)
            return obj
        kind = INT if sys.version_info >= (3, 12) else LONG
        place = self.at(obj, 0)
        more = self.builder.add(self.builder.load(place, typ=kind), kind(1))
        if kind is LONG:
            self.builder.store(more, place)
            return obj
        mortal = self.builder.icmp_unsigned("!=", more, INT(0))  # since 3.12 some never die
        with self.builder.if_then(mortal, likely=True):
            self.builder.store(more, place)
        return obj

    def set_field(self, pointer: Any, offset: int, value: Any) -> None:
        self.builder.store(value, self.at(pointer, offset))

    def kind(self, pointer: Any) -> Any:
        """The type of an object."""
        return self.field(pointer, self.layout.kind)

    def same(self, a: Any, b: Any) -> Any:
        return self.builder.icmp_unsigned("==", a, b)

    def null(self, pointer: Any) -> Any:
        return self.same(pointer, NULL)

    def extents(self, shape: Sequence[int]) -> Any:
        """A constant that lists `shape`; NULL for a scalar."""
        if not shape:
            return NULL
        name = "adjoint.shape." + "x".join(map(str, shape))
        found = self.module.globals.get(name)
        if found is None:
            kind = ir.ArrayType(LONG, len(shape))
            found = ir.GlobalVariable(self.module, kind, name)
            found.initializer = ir.Constant(kind, list(shape))
            found.global_constant, found.linkage = True, "internal"
        return found

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
