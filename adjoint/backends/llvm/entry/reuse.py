"""Results that nobody holds any more are handed out again, with new numbers in them.

Floor 6. A program whose results are all 0-d makes three objects for each of them (a tensor, its
node, a NumPy scalar), which take longer than its arithmetic. So it keeps what it returned last. At
the next call counts of references say whether anybody else can see any of it: the caller dropped
it, and nothing refers to a part. Then the body writes into the scalars that are there. Else a new
result is made, and kept in place of the old one. CPython's `zip` treats its tuples so.

What is kept lives until the next call that can do without it, or until the program is gone; it
stands in a cell, so that the garbage collector knows of it. Results with arrays are not kept, as
they would hold memory that nobody uses.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from adjoint.backends.llvm.entry.descriptor import PART, Column
from adjoint.backends.llvm.entry.object_builder import ANY, LONG, NULL, ROW, ObjectBuilder
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor


def write_take(b: ObjectBuilder) -> None:
    """`result = take(cell, parts*, count, table*, buffers*)`: what is kept, out of its cell.

    NULL if there is none, or if somebody else can see a part of it. If not, the addresses of its
    numbers are in `buffers`. Until the result is kept again another call finds the cell empty.
    """
    cell, parts, count, table, buffers = b.args
    seen = b.append_basic_block("seen")
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
            number = _number_of(b, part, b.element(table, output, ROW), seen)
            b.store(number, b.element(buffers, output))
    b.set_field(cell, b.layout.cell, NULL)
    b.ret(result)
    b.position_at_end(seen)
    b.ret(NULL)


def _number_of(b: ObjectBuilder, tensor: Any, row: Any, seen: Any) -> Any:
    """The address of the number of a tensor that is as entries make it, and which nobody else sees.

    The user may have let it stand for another node, or asked for its views.
    """
    layout = b.layout
    node = _sole(b, b.field(tensor, layout.tensor_node), Node, seen)
    shape, dtype = (b.column(row, column, ANY) for column in (Column.SHAPE, Column.DTYPE))
    constant = b.symbol("constant")
    wanted = [
        (tensor, layout.kind, b.type_object(Tensor)),
        *((tensor, offset, NULL) for offset in layout.tensor_empty),
        *((node, offset, b.field(constant, offset)) for offset in layout.node_common),
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
    return b.address(value, layout.number)


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
