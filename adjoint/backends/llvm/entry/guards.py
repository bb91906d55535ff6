"""The guards of an entry: does an argument look as when the program was traced?

Floor 6. A guard runs no Python code and takes no reference. It yields the address of the data, or
NULL, and then the call goes the slow way, whatever the argument was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.backends.llvm.entry.descriptor import Column, Kind
from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    NULL,
    ROW,
    SLOT,
    ObjectBuilder,
)
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

_ORDERLY = 0x0001 | 0x0100
"""NumPy's flags of arrays that are C-contiguous and aligned."""


@dataclass(frozen=True)
class Arguments:
    """Where the arguments of a call stand, and where what is read of them goes."""

    args: Any
    table: Any
    count: Any
    owners: Any  # of the data that an argument refers to: to be kept alive, or NULL
    buffers: Any  # addresses of the data
    slots: Any  # copies of scalars


def check_arguments(b: ObjectBuilder, given: Arguments, mismatch: Any) -> None:
    """Fill the owners and buffers of all arguments, or go to `mismatch`.

    Where an argument is a tensor, its owner is the object in it that holds the data. An array needs
    none: whoever calls holds it until the call is over.
    """
    with b.each(given.count) as index:
        arg, row = b.item(given.args, index), b.element(given.table, index, ROW)
        owner, buffer = b.element(given.owners, index), b.element(given.buffers, index)
        is_array = b.same(b.column(row, Column.KIND), LONG(Kind.ARRAY))
        with b.if_else(is_array) as (array, scalar):
            with array:
                data = b.call_named("adjoint.array_guard", arg, row, owner)
                b.demand(b.not_(b.is_null(data)), mismatch)
                b.store(data, buffer)
            with scalar:
                b.store(NULL, owner)
                b.demand(b.has_type(arg, b.column(row, Column.TYPE, ANY)), mismatch)
                slot = b.element(given.slots, index, SLOT)
                _copy_scalar(b, arg, row, slot, mismatch)
                b.store(slot, buffer)


def _copy_scalar(b: ObjectBuilder, arg: Any, row: Any, slot: Any, mismatch: Any) -> None:
    """Copy the value of a Python scalar, whose type is the right one already.

    Numbers are little-endian, so a narrow integer stands at the start of the wide one.
    """
    copied = b.append_basic_block("copied")
    scalars = [kind for kind in Kind if kind != Kind.ARRAY]
    choice = b.switch(b.column(row, Column.KIND), mismatch)
    for kind in scalars:
        block = b.append_basic_block(kind.name.lower())
        choice.add_case(LONG(kind), block)
        b.position_at_end(block)
        if kind == Kind.BOOL:
            b.store(b.zext(b.same(arg, b.symbol("True")), LONG), slot)
        elif kind == Kind.INTEGER:
            b.store(_integer(b, arg, row, mismatch), slot)
        else:
            _copy_float(b, arg, slot, kind)
        b.branch(copied)
    b.position_at_end(copied)


def _copy_float(b: ObjectBuilder, arg: Any, slot: Any, kind: Kind) -> None:
    parts = 2 if kind in (Kind.COMPLEX64, Kind.COMPLEX128) else 1
    single = kind in (Kind.FLOAT32, Kind.COMPLEX64)
    for part in range(parts):
        value = b.field(arg, b.layout.number + 8 * part, DOUBLE)
        b.set_field(slot, part * (4 if single else 8), b.fptrunc(value, FLOAT) if single else value)


def _integer(b: ObjectBuilder, arg: Any, row: Any, failed: Any) -> Any:
    """The value of a Python integer within its bounds."""
    with b.goto_entry_block():
        overflow = b.stack(1)
    value = b.call_named("PyLong_AsLongLongAndOverflow", arg, overflow)
    b.demand(b.same(b.load(overflow, typ=INT), INT(0)), failed)
    b.demand(b.icmp_signed(">=", value, b.column(row, Column.LOW)), failed)
    b.demand(b.icmp_signed("<=", value, b.column(row, Column.HIGH)), failed)
    return value


def write_array_guard(b: ObjectBuilder) -> None:
    """`data = array_guard(arg, row*, owner*)`, NULL on a mismatch."""
    arg, row, owner = b.args
    mismatch = b.append_basic_block("mismatch")
    value, holder = _value_and_owner(b, arg, mismatch)
    b.store(holder, owner)
    array, scalar = (b.append_basic_block(n) for n in ("array", "scalar"))
    b.cbranch(b.is_a(value, np.ndarray), array, scalar).set_weights([100, 1])

    b.position_at_end(scalar)  # of NumPy
    ndim = b.column(row, Column.NDIM)
    b.demand(b.has_type(value, b.column(row, Column.TYPE, ANY)), mismatch)
    b.demand(b.same(ndim, LONG(0)), mismatch)
    b.ret(b.address(value, b.layout.number))

    b.position_at_end(array)
    layout = b.layout
    flags = b.and_(b.field(value, layout.flags, INT), INT(_ORDERLY))
    b.demand(b.same(flags, INT(_ORDERLY)), mismatch)
    b.demand(b.same(b.field(value, layout.descr), b.column(row, Column.DTYPE, ANY)), mismatch)
    ndim = b.column(row, Column.NDIM)
    b.demand(b.same(b.zext(b.field(value, layout.ndim, INT), LONG), ndim), mismatch)
    given, wanted = b.field(value, layout.dimensions), b.column(row, Column.SIZES, ANY)
    with b.each(ndim) as axis:
        b.demand(b.same(b.item(given, axis, LONG), b.item(wanted, axis, LONG)), mismatch)
    b.ret(b.field(value, layout.data))
    b.position_at_end(mismatch)
    b.ret(NULL)


def _value_and_owner(b: ObjectBuilder, arg: Any, mismatch: Any) -> tuple[Any, Any]:
    """The argument itself and NULL; or, of a tensor, the value of its node, twice."""
    here = b.block
    tensor, done = (b.append_basic_block(n) for n in ("tensor", "done"))
    b.cbranch(b.is_a(arg, Tensor), tensor, done)

    b.position_at_end(tensor)
    node = b.field(arg, b.layout.tensor_node)
    b.demand(b.not_(b.is_null(node)), mismatch)
    b.demand(b.is_a(node, Node), mismatch)
    known = b.field(node, b.layout.node_value)
    b.demand(b.not_(b.is_null(known)), mismatch)
    _demand_closed(b, b.field(node, b.layout.node_scope), mismatch)
    end = b.block
    b.branch(done)

    b.position_at_end(done)
    value, owner = b.phi(ANY), b.phi(ANY)
    for block, found, held in ((here, arg, NULL), (end, known, known)):
        value.add_incoming(found, block)
        owner.add_incoming(held, block)
    return value, owner


def _demand_closed(b: ObjectBuilder, scope: Any, mismatch: Any) -> None:
    """Nobody differentiates with respect to what the value depends on."""
    with b.if_then(b.not_(b.same(scope, b.symbol("None"))), likely=False):
        b.demand(b.not_(b.is_null(scope)), mismatch)
        b.demand(b.is_a(scope, Scope), mismatch)
        is_open = b.field(scope, b.layout.scope_open)
        b.demand(b.same(is_open, b.symbol("False")), mismatch)
