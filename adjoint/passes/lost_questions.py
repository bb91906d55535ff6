"""Whether a rule of `simplify` would leave out a question at a kink (see `ops.kinks`).

An answer in a branch that is never taken counts for nothing. But it may come with a `KinkWarning`,
and a function warns alike on the interpreter, where nothing is simplified, and in native code.
"""

from __future__ import annotations

from collections.abc import Iterable

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.passes.rewriting import is_known


class Questions:
    """Which nodes of a graph depend on a question; `inputs` are those of the program."""

    def __init__(self, inputs: Iterable[Node]) -> None:
        self.found = dict.fromkeys(inputs, False)
        """Whether a node does; so each is looked at once, however often one asks."""

    def are_lost(self, node: Node, other: Node) -> bool:
        """Whether `node` has an input that depends on a question, and `other`, which is to take its
        place, does not have that input."""
        kept = (other, *other.inputs)
        return any([x not in kept and self.is_asked_by(x) for x in node.inputs])

    def is_asked_by(self, node: Node) -> bool:
        """Whether a question is asked by the node, or by what it is computed from."""
        found = self.found
        for x in topological_order([node], lambda n: () if n in found or is_known(n) else n.inputs):
            if x not in found:
                found[x] = not is_known(x) and (_asks(x) or any([found[y] for y in x.inputs]))
        return found[node]


def _asks(node: Node) -> bool:
    """Whether a question is asked by the node itself, or within the loop or branch that it is."""
    if node.op.family == "kinks":
        return True
    return any([_asks(x) for graph in node.op.graphs(node) for x in graph.order()])
