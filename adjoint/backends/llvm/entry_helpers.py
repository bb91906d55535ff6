"""Functions that an entry calls for each leaf: references, new arrays, tensors around results.

Floor 6. They are written once in a module, and never inlined, so that a program with hundreds of
leaves compiles as fast as one with two. Where one returns NULL or a zero bit, an exception is set,
and the objects listed in its arrays are those that its caller has to release.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry_layout import type_symbol
from adjoint.backends.llvm.entry_words import ANY, BIT, BYTE, INT, LONG, NULL, Row, Words
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor

_VOID = ir.VoidType()


def keeper(words: Words) -> Any:
    """`keep(objects*, count)`: one more reference to each; NULL is skipped."""
    function, new = words.function("adjoint.keep", _VOID, [ANY, LONG])
    if new:
        w = words.inside(function)
        objects, count = function.args
        with w.each(count) as index:
            obj = w.item(objects, index)
            with w.builder.if_then(w.builder.not_(w.null(obj))):
                w.keep(obj)
        w.builder.ret_void()
    return function


def releaser(words: Words) -> Any:
    """`release(objects*, count)`: lets go of each, and leaves NULL; NULL is skipped."""
    function, new = words.function("adjoint.release", _VOID, [ANY, LONG])
    if new:
        w = words.inside(function)
        objects, count = function.args
        with w.each(count) as index:
            obj = w.item(objects, index)
            with w.builder.if_then(w.builder.not_(w.null(obj))):
                w.builder.store(NULL, w.place(objects, index))
                w.call("Py_DecRef", obj)
        w.builder.ret_void()
    return function


def room_maker(words: Words) -> Any:
    """`done = rooms(table*, count, values*, scalars*, buffers*)`, a bit.

    Results that are arrays are made, and left in `values`; 0-d ones get 16 bytes of `scalars`, and
    NULL in `values`. The addresses to write to go into `buffers`.
    """
    function, new = words.function("adjoint.rooms", BIT, [ANY, LONG, ANY, ANY, ANY])
    if new:
        w = words.inside(function)
        builder = w.builder
        table, count, values, scalars, buffers = function.args
        with w.each(count) as index:
            builder.store(NULL, w.place(values, index))
        with w.each(count) as index:
            row = Row(w, table, index)
            place = w.place(buffers, index)
            with builder.if_else(w.same(row.ndim, LONG(0))) as (scalar, array):
                with scalar:
                    builder.store(w.place(scalars, index, ir.ArrayType(BYTE, 16)), place)
                with array:
                    made = _new_array(w, row)
                    _fail_if_null(w, made)
                    builder.store(made, w.place(values, index))
                    builder.store(w.field(made, w.layout.data), place)
        builder.ret(BIT(1))
    return function


def _new_array(words: Words, row: Row) -> Any:
    kind = words.symbol(type_symbol(np.ndarray))
    dtype = words.keep(row.dtype)  # the call takes over a reference
    ndim = words.builder.trunc(row.ndim, INT)
    return words.call(
        "PyArray_NewFromDescr", kind, dtype, ndim, row.sizes, NULL, NULL, INT(0), NULL
    )


def wrapper(words: Words) -> Any:
    """`done = wrap(table*, count, values*, scalars*, shapes*)`, a bit: values become tensors."""
    function, new = words.function("adjoint.wrap", BIT, [ANY, LONG, ANY, ANY, ANY])
    if new:
        w = words.inside(function)
        builder = w.builder
        table, count, values, scalars, shapes = function.args
        with w.each(count) as index:
            row = Row(w, table, index)
            place = w.place(values, index)
            with builder.if_then(w.same(row.ndim, LONG(0))):
                room = w.place(scalars, index, ir.ArrayType(BYTE, 16))
                scalar = builder.call(_scalar_maker(words), [room, row.scalar, row.extra])
                _fail_if_null(w, scalar)
                builder.store(scalar, place)
            wanted = (builder.load(place, typ=ANY), w.item(shapes, index), row.dtype)
            tensor = builder.call(_tensor_maker(words), wanted)
            _fail_if_null(w, tensor)
            builder.store(tensor, place)
        builder.ret(BIT(1))
    return function


def _scalar_maker(words: Words) -> Any:
    """`value = scalar(room*, type, size)`: the NumPy scalar with the value in `room`."""
    function, new = words.function("adjoint.scalar", ANY, [ANY, ANY, LONG])
    if new:
        w = words.inside(function)
        builder = w.builder
        room, kind, size = function.args
        with builder.if_then(w.same(kind, w.symbol(type_symbol(np.bool_))), likely=False):
            true = builder.icmp_unsigned("!=", builder.load(room, typ=BYTE), BYTE(0))
            ways = (w.symbol(f"adjoint.numpy.{value}") for value in (True, False))
            builder.ret(w.keep(builder.select(true, *ways)))
        made = w.call("PyType_GenericAlloc", kind, LONG(0))
        _return_if_null(w, made)
        w.set_field(made, w.layout.number, w.field(room, 0, LONG))  # it has room for 8 bytes
        with builder.if_then(w.same(size, LONG(16)), likely=False):
            w.set_field(made, w.layout.number + 8, w.field(room, 8, LONG))
        builder.ret(made)
    return function


def _tensor_maker(words: Words) -> Any:
    """`tensor = tensor(value, shape, dtype)`: on a constant node; takes over the value."""
    function, new = words.function("adjoint.tensor", ANY, [ANY, ANY, ANY])
    if new:
        w = words.inside(function)
        value, shape, dtype = function.args
        node = _new(w, Node)
        _return_if_null(w, node)
        tensor = _new(w, Tensor)
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
        )
        for offset, obj in fields:
            w.set_field(node, offset, w.keep(obj))
        w.set_field(node, layout.node_value, value)
        w.set_field(tensor, layout.tensor_node, node)
        w.builder.ret(tensor)
    return function


def _new(words: Words, kind: type) -> Any:
    """An instance whose slots are empty."""
    return words.call("PyType_GenericAlloc", words.symbol(type_symbol(kind)), LONG(0))


def tuple_maker(words: Words) -> Any:
    """`made = tuple(objects*, branches*, count)`: a tuple of some of the objects.

    A branch is twice the index of an object, plus one if the tuple takes over the reference that
    the list of objects has, and leaves NULL there.
    """
    function, new = words.function("adjoint.tuple", ANY, [ANY, ANY, LONG])
    if new:
        w = words.inside(function)
        builder = w.builder
        objects, branches, count = function.args
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
    return function


def _return_if_null(words: Words, made: Any) -> None:
    with words.builder.if_then(words.null(made), likely=False):
        words.builder.ret(NULL)


def _fail_if_null(words: Words, made: Any) -> None:
    with words.builder.if_then(words.null(made), likely=False):
        words.builder.ret(BIT(0))
