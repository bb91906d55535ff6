"""Sums of products that decide about a jump are rounded as NumPy rounds them.

Native code adds to a product without rounding it (fma): 3 x - 1 is then not 0 for the number next
to 1/3, as it is in NumPy. Elsewhere that is the last bit. Where `floor`, a comparison or a
conversion to integers follows, it would be another whole number or another branch, in compiled
code and not in the same code uncompiled.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.ops import records
from adjoint.passes.rewriting import is_known, with_inputs

_LOOK = 3
"""How many operations may stand between the sum and the jump."""
_EXACT = {records.add: records.exact_add, records.subtract: records.exact_subtract}
_PRODUCTS = frozenset({records.multiply, records.square, records.power_const})
_MOVING = frozenset({records.reshape, records.permute_dims, records.broadcast_to})


def exact_before_jumps(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of the graph in which such sums are exact ones."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    found: set[Node] = set()
    for node in order:
        if node.op.jumps or _is_whole(node):
            for x in node.inputs:
                _mark(x, ends, found, _LOOK)
    if not found:
        return list(outputs)
    done: dict[Node, Node] = {}
    for node in order:
        if node in ends or is_known(node):
            done[node] = node
            continue
        new = with_inputs(node, tuple([done[x] for x in node.inputs]))
        if node in found:
            new = Node(_EXACT[node.op], new.inputs, (), node.shape, node.dtype)
        done[node] = new
    return [done[node] for node in outputs]


def _is_whole(node: Node) -> bool:
    """Whether it makes integers or truth values of floating numbers."""
    return node.dtype.kind in "iub" and any(x.dtype.kind == "f" for x in node.inputs)


def _mark(x: Node, ends: set[Node], found: set[Node], look: int) -> None:
    """Note the sums of products from which `x` follows in a few steps, element by element."""
    if x in ends or is_known(x) or x.dtype.kind != "f":
        return
    if not x.op.pointwise and x.op not in _MOVING:
        return
    if x.op in _EXACT and any(y.op in _PRODUCTS for y in x.inputs):
        found.add(x)
    if look:
        for y in x.inputs:
            _mark(y, ends, found, look - 1)
