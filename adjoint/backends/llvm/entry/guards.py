"""The guards of an entry: does an argument look as when the program was traced?

Floor 6. A guard runs no Python code and takes no reference. It yields the address of the data, or
fails, and then the call goes the slow way, whatever the argument was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    NULL,
    Input,
    Row,
    Words,
)
from adjoint.backends.llvm.system.cpython_layout import type_symbol
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

_ORDERLY = 0x0001 | 0x0100
"""NumPy's flags of arrays that are C-contiguous and aligned."""


@dataclass(frozen=True)
class Guard:
    """Writes checks; each failed check jumps to `mismatch`."""

    words: Words
    mismatch: Any

    def demand(self, condition: Any) -> None:
        """Go on only if `condition` holds."""
        builder = self.words.builder
        passed = builder.append_basic_block("passed")
        branch = builder.cbranch(condition, passed, self.mismatch)
        branch.set_weights([1 << 20, 1])
        builder.position_at_end(passed)

    def scalar(self, spec: Input, arg: Any) -> Any:
        """The stack slot that holds the value of a Python scalar of exactly the expected type."""
        w, builder = self.words, self.words.builder
        if spec.dtype.kind == "b":
            true = w.same(arg, w.symbol("adjoint.True"))
            self.demand(builder.or_(true, w.same(arg, w.symbol("adjoint.False"))))
            return self._stored([builder.zext(true, ir.IntType(8))], 1)
        if spec.dtype.kind in "iu":
            return self._stored([self._integer(spec.dtype, arg)], spec.dtype.itemsize)
        kind = float if spec.dtype.kind == "f" else complex
        self.demand(w.same(w.kind(arg), w.symbol(type_symbol(kind))))
        parts = 2 if kind is complex else 1
        values = [w.field(arg, w.layout.number + 8 * i, DOUBLE) for i in range(parts)]
        size = spec.dtype.itemsize // parts
        if size == 4:
            values = [builder.fptrunc(value, FLOAT) for value in values]
        return self._stored(values, size)

    def _integer(self, dtype: np.dtype[Any], arg: Any) -> Any:
        """The value of a Python integer that fits."""
        w, builder = self.words, self.words.builder
        self.demand(w.same(w.kind(arg), w.symbol(type_symbol(int))))
        overflow = self.words.room(INT)
        value = w.call("PyLong_AsLongLongAndOverflow", arg, overflow)
        self.demand(w.same(builder.load(overflow, typ=INT), INT(0)))
        if dtype.itemsize < 8:
            narrow = builder.trunc(value, ir.IntType(8 * dtype.itemsize))
            widen = builder.sext if dtype.kind == "i" else builder.zext
            self.demand(w.same(widen(narrow, LONG), value))
            return narrow
        if dtype.kind == "u":
            self.demand(builder.icmp_signed(">=", value, LONG(0)))
        return value

    def _stored(self, values: list[Any], size: int) -> Any:
        room = self.words.room(ir.ArrayType(values[0].type, len(values)))
        for i, value in enumerate(values):
            self.words.set_field(room, i * size, value)
        return room


def write_guards(words: Words) -> None:
    """`passed = guards(args*, table*, count, owners*, buffers*)`.

    The table says which of the arguments are arrays and what they have to be; the addresses of
    their data go into `buffers`, at the place of the argument. Where an argument is a tensor, its
    owner is the object in it that holds the data, which has to be kept alive; otherwise NULL.
    """
    w, (args, table, count, owners, buffers) = words.define("adjoint.guards")
    mismatch = w.builder.append_basic_block("mismatch")
    with w.each(count) as index:
        row = Row(w, table, index)
        argument = row.extra
        arg, owner = w.item(args, argument), w.place(owners, index)
        data = w.call("adjoint.guard", arg, owner, row.dtype, row.scalar, row.ndim, row.sizes)
        Guard(w, mismatch).demand(w.builder.not_(w.null(data)))
        w.builder.store(data, w.place(buffers, argument))
    w.builder.ret(INT(1))
    w.builder.position_at_end(mismatch)
    w.builder.ret(INT(0))


def write_guard(words: Words) -> None:
    """`data = guard(argument, owner*, dtype, scalar type, ndim, sizes*)`, NULL on a mismatch."""
    w, (arg, owner, *expected) = words.define("adjoint.guard")
    mismatch = w.builder.append_basic_block("mismatch")
    guard = Guard(w, mismatch)
    value, holder = _held(guard, arg)
    w.builder.store(holder, owner)
    _check_value(guard, value, *expected)
    w.builder.position_at_end(mismatch)
    w.builder.ret(NULL)


def _held(guard: Guard, arg: Any) -> tuple[Any, Any]:
    """The argument itself and NULL; or, of a tensor, the value of its node, twice."""
    w, builder = guard.words, guard.words.builder
    here = builder.block
    tensor, done = (builder.append_basic_block(n) for n in ("tensor", "held"))
    builder.cbranch(w.same(w.kind(arg), w.symbol(type_symbol(Tensor))), tensor, done)

    builder.position_at_end(tensor)
    node = w.field(arg, w.layout.tensor_node)
    guard.demand(builder.not_(w.null(node)))
    guard.demand(w.same(w.kind(node), w.symbol(type_symbol(Node))))
    of_node = w.field(node, w.layout.node_value)
    guard.demand(builder.not_(w.null(of_node)))
    _demand_closed(guard, w.field(node, w.layout.node_scope))
    node_end = builder.block
    builder.branch(done)

    builder.position_at_end(done)
    value, owner = builder.phi(ANY), builder.phi(ANY)
    for block, found, kept in ((here, arg, NULL), (node_end, of_node, of_node)):
        value.add_incoming(found, block)
        owner.add_incoming(kept, block)
    return value, owner


def _demand_closed(guard: Guard, scope: Any) -> None:
    """Nobody differentiates with respect to what the value depends on."""
    w, builder = guard.words, guard.words.builder
    some, closed = (builder.append_basic_block(n) for n in ("some", "closed"))
    free = w.same(scope, w.symbol("adjoint.None"))
    builder.cbranch(free, closed, some)
    builder.position_at_end(some)
    guard.demand(builder.not_(w.null(scope)))
    guard.demand(w.same(w.kind(scope), w.symbol(type_symbol(Scope))))
    is_open = w.field(scope, w.layout.scope_open)
    guard.demand(w.same(is_open, w.symbol("adjoint.False")))
    builder.branch(closed)
    builder.position_at_end(closed)


def _check_value(guard: Guard, value: Any, dtype: Any, scalar: Any, ndim: Any, sizes: Any) -> None:
    w, builder = guard.words, guard.words.builder
    kind = w.kind(value)
    array, other = (builder.append_basic_block(n) for n in ("array", "other"))
    is_array = w.same(kind, w.symbol(type_symbol(np.ndarray)))
    builder.cbranch(is_array, array, other).set_weights([100, 1])

    builder.position_at_end(other)
    guard.demand(builder.and_(w.same(kind, scalar), w.same(ndim, LONG(0))))
    builder.ret(w.at(value, w.layout.number))

    builder.position_at_end(array)
    flags = builder.and_(w.field(value, w.layout.flags, INT), INT(_ORDERLY))
    right = w.same(flags, INT(_ORDERLY))
    right = builder.and_(right, w.same(w.field(value, w.layout.descr), dtype))
    given = builder.zext(w.field(value, w.layout.ndim, INT), LONG)
    guard.demand(builder.and_(right, w.same(given, ndim)))
    dimensions = w.field(value, w.layout.dimensions)
    with w.each(ndim) as axis:
        given, wanted = (w.item(p, axis, LONG) for p in (dimensions, sizes))
        guard.demand(w.same(given, wanted))
    builder.ret(w.field(value, w.layout.data))
