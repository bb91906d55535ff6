"""Functions that entries call: the guards of arrays, references, tensors around results, tuples.

Floor 6. They make a module of their own, which is compiled once and kept on disk, so that a
program has little to compile of its entry, and as little for hundreds of leaves as for two. Where
one returns NULL or zero, an exception is set (but by a guard), and the objects listed in its arrays
are those that its caller has to release.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry.donation import write_donation_helpers
from adjoint.backends.llvm.entry.guards import write_guard, write_guards
from adjoint.backends.llvm.entry.object_builder import ANY, BIT, BYTE, INT, LONG, NULL, Row, Words
from adjoint.backends.llvm.entry.tensor_methods import write_methods
from adjoint.backends.llvm.system.cpython_layout import POINTER, type_symbol
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor

HELPERS = (
    "guards",
    "keep",
    "release",
    "rooms",
    "large_rooms",
    "wrap",
    "tuple",
    "check_donations",
    "donate",
)
"""What entries call; in the code each has the prefix ``adjoint.``."""


def write_helpers(words: Words) -> None:
    """Define all helpers in a module."""
    writers = (
        *(write_guard, write_guards, _write_keep, _write_release, _write_scalar, _write_tensor),
        *(
            _write_rooms,
            _write_large_rooms,
            _write_wrap,
            _write_tuple,
            write_donation_helpers,
            write_methods,
        ),
    )
    for writer in writers:
        writer(words)
    for name in ("guard", "scalar", "tensor", "view"):
        words.module.globals["adjoint." + name].linkage = "internal"


def _write_keep(words: Words) -> None:
    """`keep(objects*, count)`: one more reference to each; NULL is skipped."""
    w, (objects, count) = words.define("adjoint.keep")
    with w.each(count) as index:
        obj = w.item(objects, index)
        with w.builder.if_then(w.builder.not_(w.null(obj))):
            w.keep(obj)
    w.builder.ret_void()


def _write_release(words: Words) -> None:
    """`release(objects*, count)`: lets go of each, and leaves NULL; NULL is skipped."""
    w, (objects, count) = words.define("adjoint.release")
    with w.each(count) as index:
        obj = w.item(objects, index)
        with w.builder.if_then(w.builder.not_(w.null(obj))):
            w.builder.store(NULL, w.place(objects, index))
            w.call("Py_DecRef", obj)
    w.builder.ret_void()


def _write_rooms(words: Words) -> None:
    """`done = rooms(table*, count, values*, scalars*, buffers*)`.

    Results that are arrays are made, if they are not there, and left in `values`; 0-d ones get 16
    bytes of `scalars`, and NULL in `values`. The addresses to write to go into `buffers`.
    """
    w, (table, count, values, scalars, buffers) = words.define("adjoint.rooms")
    builder = w.builder
    with w.each(count) as index:
        row = Row(w, table, index)
        place = w.place(buffers, index)
        with builder.if_else(w.same(row.ndim, LONG(0))) as (scalar, array):
            with scalar:
                builder.store(w.place(scalars, index, ir.ArrayType(BYTE, 16)), place)
            with array:
                lies = w.place(values, index)
                with builder.if_then(w.null(builder.load(lies, typ=ANY)), likely=True):
                    made = _new_array(w, row)
                    _fail_if_null(w, made)
                    builder.store(made, lies)
                array = builder.load(lies, typ=ANY)
                builder.store(w.field(array, w.layout.data), place)
    builder.ret(INT(1))


def _write_large_rooms(words: Words) -> None:
    """`rooms` with memory from the caching allocator."""
    w, arguments = words.define("adjoint.large_rooms")
    before = w.call("PyDataMem_SetHandler", w.symbol("adjoint.handler"))
    _fail_if_null(w, before)
    done = w.call("adjoint.rooms", *arguments)
    reserve = w.call("PyDataMem_SetHandler", before)
    w.call("Py_DecRef", before)
    _fail_if_null(w, reserve)
    w.call("Py_DecRef", reserve)
    w.builder.ret(done)


def _new_array(words: Words, row: Row) -> Any:
    kind = words.symbol(type_symbol(np.ndarray))
    dtype = words.keep(row.dtype)  # the call takes over a reference
    ndim = words.builder.trunc(row.ndim, INT)
    return words.call(
        "PyArray_NewFromDescr", kind, dtype, ndim, row.sizes, NULL, NULL, INT(0), NULL
    )


def _write_wrap(words: Words) -> None:
    """`done = wrap(table*, count, values*, scalars*, shapes*)`: values become tensors."""
    w, (table, count, values, scalars, shapes) = words.define("adjoint.wrap")
    builder = w.builder
    with w.each(count) as index:
        row = Row(w, table, index)
        place = w.place(values, index)
        with builder.if_then(w.same(row.ndim, LONG(0))):
            room = w.place(scalars, index, ir.ArrayType(BYTE, 16))
            scalar = w.call("adjoint.scalar", room, row.scalar, row.extra)
            _fail_if_null(w, scalar)
            builder.store(scalar, place)
        wanted = (builder.load(place, typ=ANY), w.item(shapes, index), row.dtype)
        tensor = w.call("adjoint.tensor", *wanted)
        _fail_if_null(w, tensor)
        builder.store(tensor, place)
    builder.ret(INT(1))


def _write_scalar(words: Words) -> None:
    """`value = scalar(room*, type, size)`: the NumPy scalar with the value in `room`."""
    w, (room, kind, size) = words.define("adjoint.scalar")
    builder = w.builder
    with builder.if_then(w.same(kind, w.symbol(type_symbol(np.bool_))), likely=False):
        true = builder.icmp_unsigned("!=", builder.load(room, typ=BYTE), BYTE(0))
        ways = (w.symbol(f"adjoint.numpy.{value}") for value in (True, False))
        builder.ret(w.keep(builder.select(true, *ways)))
    made = w.call("_PyObject_New", kind)
    _return_if_null(w, made)
    w.set_field(made, w.layout.number, w.field(room, 0, LONG))  # it has room for 8 bytes
    with builder.if_then(w.same(size, LONG(16)), likely=False):
        w.set_field(made, w.layout.number + 8, w.field(room, 8, LONG))
    builder.ret(made)


def _write_tensor(words: Words) -> None:
    """`tensor = tensor(value, shape, dtype)`: on a constant node; takes over the value."""
    w, (value, shape, dtype) = words.define("adjoint.tensor")
    # A constant is part of no cycle: the garbage collector need not know it.
    node = w.call("_PyObject_GC_New", w.symbol(type_symbol(Node)))
    _return_if_null(w, node)
    for offset in range(2 * POINTER, w.layout.node_end, POINTER):
        w.set_field(node, offset, NULL)
    tensor = w.call("PyType_GenericAlloc", w.symbol(type_symbol(Tensor)), LONG(0))
    with w.builder.if_then(w.null(tensor), likely=False):
        w.call("Py_DecRef", node)
        w.builder.ret(NULL)
    layout, empty = w.layout, w.symbol("adjoint.empty")
    fields = (
        (layout.node_op, w.symbol("adjoint.constant")),
        (layout.node_inputs, empty),
        (layout.node_params, empty),
        (layout.node_shape, shape),
        (layout.node_dtype, dtype),
        (layout.node_scope, w.symbol("adjoint.None")),
        (layout.node_depth, w.symbol("adjoint.zero")),
        (layout.node_sparse, w.symbol("adjoint.False")),
        (layout.node_wild, w.symbol("adjoint.False")),
    )
    for offset, obj in fields:
        w.set_field(node, offset, w.keep(obj))
    w.set_field(node, layout.node_value, value)
    w.set_field(tensor, layout.tensor_node, node)
    w.builder.ret(tensor)


def _write_tuple(words: Words) -> None:
    """`made = tuple(objects*, branches*, count)`: a tuple of some of the objects.

    A branch is twice the index of an object, plus one if the tuple takes over the reference that
    the list of objects has, and leaves NULL there.
    """
    w, (objects, branches, count) = words.define("adjoint.tuple")
    builder = w.builder
    made = w.call("PyTuple_New", count)
    _return_if_null(w, made)
    items = w.at(made, w.layout.items)
    with w.each(count) as index:
        branch = w.item(branches, index, LONG)
        place = w.place(objects, builder.lshr(branch, LONG(1)))
        obj = builder.load(place, typ=ANY)
        builder.store(obj, w.place(items, index))
        with builder.if_else(builder.trunc(branch, BIT)) as (moves, stays):
            with moves:
                builder.store(NULL, place)
            with stays:
                w.keep(obj)
    builder.ret(made)


def _return_if_null(words: Words, made: Any) -> None:
    with words.builder.if_then(words.null(made), likely=False):
        words.builder.ret(NULL)


def _fail_if_null(words: Words, made: Any) -> None:
    with words.builder.if_then(words.null(made), likely=False):
        words.builder.ret(INT(0))
