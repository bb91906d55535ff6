"""The results of an entry: memory to write them to, tensors around them, tuples around these.

Floor 6. Where a function returns NULL or zero an exception is set, and what stands in its arrays by
then is for the caller to release.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.backends.llvm.entry.descriptor import Column
from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    BIT,
    BYTE,
    INT,
    LONG,
    NULL,
    ROW,
    SLOT,
    ObjectBuilder,
)
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor


def incref_all(b: ObjectBuilder, objects: Any, count: Any) -> None:
    """Take one more reference to each object; NULL is skipped."""
    with b.each(count) as index:
        obj = b.item(objects, index)
        with b.if_then(b.not_(b.is_null(obj))):
            b.incref(obj)


def clear_all(b: ObjectBuilder, objects: Any, count: Any) -> None:
    """Let go of each object, and leave NULL; NULL is skipped."""
    with b.each(count) as index:
        obj = b.item(objects, index)
        with b.if_then(b.not_(b.is_null(obj))):
            b.store(NULL, b.element(objects, index))  # first, as Py_DecRef may run any code
            b.call_named("Py_DecRef", obj)


def write_clear(b: ObjectBuilder) -> None:
    """`clear(objects*, count)`: `clear_all` as a function, for the ways that are rare."""
    clear_all(b, *b.args)
    b.ret_void()


def write_allocate(b: ObjectBuilder) -> None:
    """`done = allocate(table*, count, values*, slots*, buffers*)`.

    Results that are arrays are made, if they are not there, and left in `values`; 0-d ones get a
    slot, and NULL in `values`. The addresses to write to go into `buffers`.
    """
    table, count, values, slots, buffers = b.args
    failed = b.append_basic_block("failed")
    with b.each(count) as index:
        row, buffer = b.element(table, index, ROW), b.element(buffers, index)
        with b.if_else(b.same(b.column(row, Column.NDIM), LONG(0))) as (scalar, array):
            with scalar:
                b.store(b.element(slots, index, SLOT), buffer)
            with array:
                value = b.element(values, index)
                with b.if_then(b.is_null(b.load(value, typ=ANY)), likely=True):
                    made = _new_array(b, row)
                    b.demand(b.not_(b.is_null(made)), failed)
                    b.store(made, value)
                b.store(b.field(b.load(value, typ=ANY), b.layout.data), buffer)
    b.ret(INT(1))
    b.position_at_end(failed)
    b.ret(INT(0))


def _new_array(b: ObjectBuilder, row: Any) -> Any:
    kind = b.type_object(np.ndarray)
    dtype = b.incref(b.column(row, Column.DTYPE, ANY))  # the call takes over a reference
    ndim, sizes = b.trunc(b.column(row, Column.NDIM), INT), b.column(row, Column.SIZES, ANY)
    return b.call_named("PyArray_NewFromDescr", kind, dtype, ndim, sizes, NULL, NULL, INT(0), NULL)


def write_allocate_large(b: ObjectBuilder) -> None:
    """`allocate` with memory from the caching allocator."""
    failed = b.append_basic_block("failed")
    before = b.call_named("PyDataMem_SetHandler", b.symbol("handler"))
    b.demand(b.not_(b.is_null(before)), failed)
    done = b.call_named("adjoint.allocate", *b.args)
    ours = b.call_named("PyDataMem_SetHandler", before)
    b.call_named("Py_DecRef", before)
    b.demand(b.not_(b.is_null(ours)), failed)
    b.call_named("Py_DecRef", ours)
    b.ret(done)
    b.position_at_end(failed)
    b.ret(INT(0))


def wrap_all(
    b: ObjectBuilder, table: Any, count: Any, values: Any, slots: Any, failure: Any
) -> None:
    """Turn all values into tensors; the values of 0-d ones are in `slots`."""
    with b.each(count) as index:
        row, address = b.element(table, index, ROW), b.element(values, index)
        with b.if_then(b.same(b.column(row, Column.NDIM), LONG(0))):
            scalar = b.call_named("adjoint.scalar", row, b.element(slots, index, SLOT))
            b.demand(b.not_(b.is_null(scalar)), failure)
            b.store(scalar, address)
        tensor = b.call_named("adjoint.tensor", row, b.load(address, typ=ANY))
        b.demand(b.not_(b.is_null(tensor)), failure)
        b.store(tensor, address)


def write_scalar(b: ObjectBuilder) -> None:
    """`value = scalar(row*, slot*)`: the NumPy scalar with the value in `slot`."""
    row, slot = b.args
    kind, number = b.column(row, Column.TYPE, ANY), b.layout.number
    with b.if_then(b.same(kind, b.type_object(np.bool_)), likely=False):
        true = b.icmp_unsigned("!=", b.load(slot, typ=BYTE), BYTE(0))
        b.ret(b.incref(b.select(true, b.symbol("numpy.True"), b.symbol("numpy.False"))))
    made = b.call_named("_PyObject_New", kind)
    with b.if_then(b.is_null(made), likely=False):
        b.ret(NULL)
    b.set_field(made, number, b.field(slot, 0, LONG))  # each scalar has room for 8 bytes
    with b.if_then(b.same(b.column(row, Column.ITEMSIZE), LONG(16)), likely=False):
        b.set_field(made, number + 8, b.field(slot, 8, LONG))
    b.ret(made)


def write_tensor(b: ObjectBuilder) -> None:
    """`tensor = tensor(row*, value)`: on a constant node; takes over the value.

    What all constants have in common is copied from one. A constant is part of no cycle, so the
    garbage collector need not know it.
    """
    row, value = b.args
    layout = b.layout
    node = b.call_named("_PyObject_GC_New", b.type_object(Node))
    with b.if_then(b.is_null(node), likely=False):
        b.ret(NULL)
    constant = b.symbol("constant")
    for offset in layout.node_common:
        b.set_field(node, offset, b.incref(b.field(constant, offset)))
    for offset in (*layout.node_empty, layout.node_value):
        b.set_field(node, offset, NULL)
    b.set_field(node, layout.node_shape, b.incref(b.column(row, Column.SHAPE, ANY)))
    b.set_field(node, layout.node_dtype, b.incref(b.column(row, Column.DTYPE, ANY)))
    tensor = b.call_named("PyType_GenericAlloc", b.type_object(Tensor), LONG(0))
    with b.if_then(b.is_null(tensor), likely=False):
        b.call_named("Py_DecRef", node)
        b.ret(NULL)
    b.set_field(node, layout.node_value, value)
    b.set_field(tensor, layout.tensor_node, node)
    b.ret(tensor)


def build_tuples(
    b: ObjectBuilder, listed: Any, count: Any, owned: Any, tuples: Any, failure: Any
) -> None:
    """Build all tuples of a `TuplePlan` from what the call owns; they go into `tuples`."""
    with b.goto_entry_block():
        next_tuple = b.stack(1)
    b.store(listed, next_tuple)
    with b.each(count) as index:
        here = b.load(next_tuple, typ=ANY)
        length, branches = b.field(here, 0, LONG), b.address(here, 8)
        made = b.call_named("PyTuple_New", length)
        b.demand(b.not_(b.is_null(made)), failure)
        _fill_tuple(b, made, branches, length, owned)
        b.store(made, b.element(tuples, index))
        b.store(b.element(branches, length, LONG), next_tuple)


def _fill_tuple(b: ObjectBuilder, made: Any, branches: Any, length: Any, owned: Any) -> None:
    """Put objects into a new tuple; those whose reference it takes over leave NULL behind."""
    items = b.address(made, b.layout.items)
    with b.each(length) as index:
        branch = b.item(branches, index, LONG)
        address = b.element(owned, b.lshr(branch, LONG(1)))
        obj = b.load(address, typ=ANY)
        b.store(obj, b.element(items, index))
        with b.if_else(b.trunc(branch, BIT)) as (moves, stays):
            with moves:
                b.store(NULL, address)
            with stays:
                b.incref(obj)
