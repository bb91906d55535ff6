"""Helpers of entries for donated arguments, whose memory may be taken for results.

Floor 6. What is donated is listed in an array of integers, behind their number: for each the
argument, and the result that may take its memory, or -1. The memory is taken only if nobody but the
argument can see it, as the reference counts say. A program that may fail has no entry that donates:
its arguments are needed once more to explain the failure.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.backends.llvm.entry.guards import Guard
from adjoint.backends.llvm.entry.object_builder import INT, LONG, Words
from adjoint.backends.llvm.system.cpython_layout import type_symbol
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.schedule.donation import Donations

_OWN = 0x0004 | 0x0400
"""NumPy's flags of arrays that own their memory and may be written to."""


def listed(donations: Donations) -> tuple[np.ndarray[Any, Any], tuple[Node, ...]]:
    """The array of integers that the helpers read, and the nodes in the same order."""
    result_of = {argument: result for result, argument in donations.reused.items()}
    rows = [(i, result_of.get(i, -1)) for i in donations.nodes]
    numbers = [len(rows), *(number for row in rows for number in row)]
    return np.array(numbers, np.int64), tuple(donations.nodes.values())


def write_donation_helpers(words: Words) -> None:
    """Define the helpers for donated arguments."""
    _write_check_donations(words)
    _write_donate(words)


def _row(w: Words, donations: Any, index: Any) -> tuple[Any, Any]:
    """The argument and the result in a row of the list."""
    first = w.builder.add(w.builder.add(index, index), LONG(1))
    return w.item(donations, first, LONG), w.item(donations, w.builder.add(first, LONG(1)), LONG)


def _write_check_donations(words: Words) -> None:
    """`passed = check_donations(args*, donations*)`: whether all donated arguments are tensors."""
    w, (args, donations) = words.define("adjoint.check_donations")
    mismatch = w.builder.append_basic_block("mismatch")
    with w.each(w.field(donations, 0, LONG)) as index:
        kind = w.kind(w.item(args, _row(w, donations, index)[0]))
        Guard(w, mismatch).demand(w.same(kind, w.symbol(type_symbol(Tensor))))
    w.builder.ret(INT(1))
    w.builder.position_at_end(mismatch)
    w.builder.ret(INT(0))


def _write_donate(words: Words) -> None:
    """`donate(args*, donations*, nodes*, values*)`: donate tensors, the memory of some for results.

    The caller holds one reference to the value of each argument. A value that becomes a result goes
    into `values`, with a reference.
    """
    w, (args, donations, nodes, values) = words.define("adjoint.donate")
    with w.each(w.field(donations, 0, LONG)) as index:
        argument, result = _row(w, donations, index)
        tensor = w.item(args, argument)
        node = w.field(tensor, w.layout.tensor_node)
        with w.builder.if_then(w.builder.icmp_signed(">=", result, LONG(0))):
            value = w.field(node, w.layout.node_value)
            with w.builder.if_then(_is_sole(w, node, value)):
                w.builder.store(w.keep(value), w.place(values, result))
        w.set_field(tensor, w.layout.tensor_node, w.keep(w.item(nodes, index)))
        w.call("Py_DecRef", node)
    w.builder.ret_void()


def _is_sole(w: Words, node: Any, value: Any) -> Any:
    """Whether a node is held by one tensor, and its value is an array that only it can see."""
    builder = w.builder
    is_array = w.same(w.kind(value), w.symbol(type_symbol(np.ndarray)))
    here = builder.block
    look, done = (builder.append_basic_block(n) for n in ("look", "done"))
    builder.cbranch(is_array, look, done)
    builder.position_at_end(look)
    flags = builder.and_(w.field(value, w.layout.flags, INT), INT(_OWN))
    alone = builder.and_(w.is_held(node, 1), w.is_held(value, 2))
    alone = builder.and_(alone, w.same(flags, INT(_OWN)))
    alone = builder.and_(alone, w.null(w.field(value, w.layout.base)))
    builder.branch(done)
    builder.position_at_end(done)
    sole = builder.phi(alone.type)
    sole.add_incoming(alone.type(0), here)
    sole.add_incoming(alone, look)
    return sole
