"""Sums of products that decide about a jump are rounded as NumPy rounds them.

Native code adds to a product without rounding it (fma): 3 x - 1 is then not 0 for the number next
to 1/3, as it is in NumPy. Elsewhere that is the last bit. Where `floor`, a comparison or a
conversion to integers follows, it would be another whole number or another branch, in compiled
code and not in the same code uncompiled. Operations that only move or choose elements, such as
slices, arrays that are filled, and `max`, stand between sum and jump as if they were not there.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.ops import records
from adjoint.passes.rewriting import is_known, with_inputs

_LOOK = 3
"""How many operations that compute may stand between the sum and the jump."""
_EXACT = {records.add: records.exact_add, records.subtract: records.exact_subtract}
_PRODUCTS = frozenset({records.multiply, records.square, records.power_const})


def exact_before_jumps(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of the graph in which such sums are exact ones."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    deciding = _deciding_sums(order, ends)
    found = deciding & _sums_of_products(order, ends) if deciding else deciding
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


def _deciding_sums(order: Sequence[Node], ends: set[Node]) -> set[Node]:
    """The sums from which a jump follows in a few steps."""
    left: dict[Node, int] = {}  # how many operations further may still be looked
    found: set[Node] = set()
    for node in reversed(order):  # what reads a node is there before the node
        if node in ends or is_known(node):
            continue
        look = left.get(node, -1)
        if node.op.jumps or _is_whole(node):
            below = _LOOK
        elif look < 0 or not (node.op.pointwise or _hands_on(node)):
            continue
        else:
            if node.op in _EXACT:
                found.add(node)
            below = look if _hands_on(node) else look - 1
        for x in node.inputs:
            if x.dtype.kind == "f" and below > left.get(x, -1):
                left[x] = below
    return found


def _sums_of_products(order: Sequence[Node], ends: set[Node]) -> set[Node]:
    """The sums of which a term is a product, elements of one, or the negative of either."""
    products: set[Node] = set()
    sums: set[Node] = set()
    for node in order:
        if node in ends or is_known(node):
            continue
        hands_on = node.op.moves or node.op is records.negative
        if node.op in _PRODUCTS or (hands_on and not products.isdisjoint(node.inputs)):
            products.add(node)
        elif node.op in _EXACT and not products.isdisjoint(node.inputs):
            sums.add(node)
    return sums


def _is_whole(node: Node) -> bool:
    """Whether it makes integers or truth values of floating numbers."""
    return node.dtype.kind in "iub" and any(x.dtype.kind == "f" for x in node.inputs)


def _hands_on(node: Node) -> bool:
    """Whether each element of the result is an element of an input, or zero."""
    return node.op.moves or node.op.combine in ("maximum", "minimum")
