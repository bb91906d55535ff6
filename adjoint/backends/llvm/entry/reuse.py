"""Results that nobody holds any more are handed out again, with new numbers in them.

Floor 6. A program whose results are all 0-d makes three objects for each of them (a tensor, its
node, a NumPy scalar), which take longer than its arithmetic. So it keeps what it returned last. At
the next call counts of references say whether anybody else can see any of it: the caller dropped
it, and nothing refers to a part. Then the body writes into the scalars that are there. Else a new
result is made, and kept in place of the old one. CPython's `zip` treats its tuples so.

A node that is used again also has its number as a Python float, which `float(t)` hands out as it
is. One that somebody still holds is left alone: the node then gets a new one.

What is kept lives until the next call that can do without it, or until the program is gone; it
stands in a cell, so that the garbage collector knows of it. Results with arrays are not kept, as
they would hold memory that nobody uses.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from adjoint.backends.llvm.entry.descriptor import PART, Column, Kind
from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    DOUBLE,
    FLOAT,
    LONG,
    NULL,
    ROW,
    ObjectBuilder,
)
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor


def write_take(b: ObjectBuilder) -> None:
    """`result = take(cell, parts*, count, table*, buffers*, floats*)`: what is kept, if it is free.

    NULL if there is none, or if somebody else can see a part of it. If not, the addresses of its
    numbers are in `buffers`, and in `floats` the Python floats beside them, or NULL. Until the
    result is kept again another call finds the cell empty.
    """
    cell, parts, count, table, buffers, floats = b.args
    seen, no_memory = (b.append_basic_block(name) for name in ("seen", "no_memory"))
    result = b.field(cell, b.layout.cell)
    b.demand(b.not_(b.is_null(result)), seen)
    found = b.stack(b.add(count, LONG(1)))
    # Seen as a tuple, what begins here has the content of the cell as its first item.
    b.store(b.address(cell, b.layout.cell - b.layout.items), found)
    with b.each(count) as index:
        row = b.element(parts, b.mul(index, LONG(PART)), LONG)
        parent, place, output = (b.item(row, LONG(i), LONG) for i in range(PART))
        part = b.item(b.address(b.item(found, parent), b.layout.items), place)
        b.store(part, b.element(found, b.add(index, LONG(1))))
        b.demand(b.has_refcount(part, 1), seen)
        with b.if_then(b.icmp_signed(">=", output, LONG(0))):
            leaf = b.element(table, output, ROW)
            node, number = _number_of(b, part, leaf, seen)
            b.store(number, b.element(buffers, output))
            b.store(NULL, b.element(floats, output))
            with b.if_then(is_real(b, leaf)):
                own = _own_float(b, node, real_number(b, leaf, number), seen, no_memory)
                b.store(own, b.element(floats, output))
    b.set_field(cell, b.layout.cell, NULL)
    b.ret(result)
    b.position_at_end(no_memory)
    b.call_named("PyErr_Clear")  # whoever makes a new result will notice, too
    b.branch(seen)
    b.position_at_end(seen)
    b.ret(NULL)


def _number_of(b: ObjectBuilder, tensor: Any, row: Any, seen: Any) -> tuple[Any, Any]:
    """The node of a tensor that is as entries make it, and which nobody else sees, and the address
    of its number.

    The user may have let it stand for another node, or asked for its views.
    """
    layout = b.layout
    node = _sole(b, b.field(tensor, layout.tensor_node), Node, seen)
    shape, dtype = (b.column(row, column, ANY) for column in (Column.SHAPE, Column.DTYPE))
    constant = b.symbol("constant")
    common = [offset for offset in layout.node_common if offset != layout.node_number]
    wanted = [
        (tensor, layout.kind, b.type_object(Tensor)),
        *((tensor, offset, NULL) for offset in layout.tensor_empty),
        *((node, offset, b.field(constant, offset)) for offset in common),
        *((node, offset, NULL) for offset in (*layout.node_empty, layout.node_weakrefs)),
        (node, layout.node_shape, shape),
        (node, layout.node_dtype, dtype),
    ]
    same = [b.same(b.field(obj, offset), value) for obj, offset, value in wanted]
    b.demand(reduce(b.and_, same), seen)
    value = b.field(node, layout.node_value)
    b.demand(b.not_(b.is_null(value)), seen)
    b.demand(b.has_type(value, b.column(row, Column.TYPE, ANY)), seen)
    b.demand(b.has_refcount(value, 1), seen)
    return node, b.address(value, layout.number)


def _own_float(b: ObjectBuilder, node: Any, number: Any, seen: Any, no_memory: Any) -> Any:
    """The Python float of a node, to which nobody else has a reference; a new one if need be.

    It has the number that the node had before, as the call may still fail.
    """
    before = b.field(node, b.layout.node_number)
    b.demand(b.not_(b.is_null(before)), seen)
    alone, shared, done = (b.append_basic_block(name) for name in ("alone", "shared", "done"))
    usable = b.and_(b.is_a(before, float), b.has_refcount(before, 1))
    b.cbranch(usable, alone, shared).set_weights([100, 1])
    b.position_at_end(alone)
    b.branch(done)
    b.position_at_end(shared)
    made = b.call_named("PyFloat_FromDouble", number)
    b.demand(b.not_(b.is_null(made)), no_memory)
    b.set_field(node, b.layout.node_number, made)
    b.call_named("Py_DecRef", before)
    end = b.block
    b.branch(done)
    b.position_at_end(done)
    own = b.phi(ANY)
    own.add_incoming(before, alone)
    own.add_incoming(made, end)
    return own


def is_real(b: ObjectBuilder, row: Any) -> Any:
    """Whether a result is a real number, of which there may be a Python float."""
    return b.icmp_unsigned("!=", b.column(row, Column.KIND), LONG(Kind.ARRAY))


def real_number(b: ObjectBuilder, row: Any, address: Any) -> Any:
    """The real number at an address, which has room for eight bytes, in double precision."""
    single = b.same(b.column(row, Column.KIND), LONG(Kind.FLOAT32))
    narrow = b.fpext(b.field(address, 0, FLOAT), DOUBLE)
    return b.select(single, narrow, b.field(address, 0, DOUBLE))


def write_floats(b: ObjectBuilder, table: Any, count: Any, buffers: Any, floats: Any) -> None:
    """Write the numbers of a result into the Python floats beside them."""
    with b.each(count) as index:
        own = b.item(floats, index)
        with b.if_then(b.not_(b.is_null(own))):
            row, address = b.element(table, index, ROW), b.item(buffers, index)
            b.set_field(own, b.layout.number, real_number(b, row, address))


def _sole(b: ObjectBuilder, obj: Any, kind: type, seen: Any) -> Any:
    """An object of this very type to which there is one reference."""
    b.demand(b.not_(b.is_null(obj)), seen)
    b.demand(b.and_(b.is_a(obj, kind), b.has_refcount(obj, 1)), seen)
    return obj


def keep(b: ObjectBuilder, cell: Any, result: Any) -> None:
    """Keep a result for the next call, in place of an older one."""
    before = b.field(cell, b.layout.cell)
    b.set_field(cell, b.layout.cell, b.incref(result))
    with b.if_then(b.not_(b.is_null(before)), likely=False):
        b.call_named("Py_DecRef", before)  # last, as this may run any code
