"""Donated arguments: tensors of no more use, whose memory results may take.

Floor 6. Memory is taken only if nobody but the argument can see it, as the counts of references
say. Where a step may fail, the arguments may be needed once more, so such programs do not donate
here but in Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.backends.llvm.entry.object_builder import INT, LONG, ObjectBuilder
from adjoint.graph.tensor import Tensor

_OWN = 0x0004 | 0x0400
"""NumPy's flags of arrays that own their memory and may be written to."""


def _row(b: ObjectBuilder, table: Any, index: Any) -> tuple[Any, Any]:
    """The argument and the result in a row of the table of donations."""
    first = b.add(b.add(index, index), LONG(1))
    return b.item(table, first, LONG), b.item(table, b.add(first, LONG(1)), LONG)


def check_donated(b: ObjectBuilder, args: Any, table: Any, mismatch: Any) -> None:
    """Go on only if all donated arguments are tensors."""
    with b.each(b.field(table, 0, LONG)) as index:
        argument, _ = _row(b, table, index)
        b.demand(b.is_a(b.item(args, argument), Tensor), mismatch)


def donate(b: ObjectBuilder, args: Any, table: Any, nodes: Any, values: Any) -> None:
    """Give tensors away, the memory of some for results.

    The call holds one reference to the value of each argument. A value that becomes a result goes
    into `values`, with a reference of its own.
    """
    with b.each(b.field(table, 0, LONG)) as index:
        argument, result = _row(b, table, index)
        tensor = b.item(args, argument)
        node = b.field(tensor, b.layout.tensor_node)
        with b.if_then(b.icmp_signed(">=", result, LONG(0))):
            value = b.field(node, b.layout.node_value)
            with b.if_then(_is_unshared(b, node, value)):
                b.store(b.incref(value), b.element(values, result))
        b.set_field(tensor, b.layout.tensor_node, b.incref(b.item(nodes, index)))
        b.call_named("Py_DecRef", node)


def _is_unshared(b: ObjectBuilder, node: Any, value: Any) -> Any:
    """Whether a node is held by one tensor, and its value is an array that only it can see.

    Two references to the value are its node's and the caller's. A view would hold a third.
    """
    here = b.block
    look, done = (b.append_basic_block(n) for n in ("look", "done"))
    b.cbranch(b.is_a(value, np.ndarray), look, done)
    b.position_at_end(look)
    flags = b.and_(b.field(value, b.layout.flags, INT), INT(_OWN))
    alone = b.and_(b.has_refcount(node, 1), b.has_refcount(value, 2))
    alone = b.and_(alone, b.same(flags, INT(_OWN)))
    alone = b.and_(alone, b.is_null(b.field(value, b.layout.base)))
    b.branch(done)
    b.position_at_end(done)
    sole = b.phi(alone.type)
    sole.add_incoming(alone.type(0), here)
    sole.add_incoming(alone, look)
    return sole
