"""What a function of the user reads from outside its arguments, where it is traced again later."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

from adjoint.errors import GraphError
from adjoint.graph.leaf import is_constant, variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph
from adjoint.ops.control.closing import captured, closed


def read_before(
    outputs: Sequence[Node], variables: Sequence[Node], again: Callable[[], Sequence[Node]]
) -> list[Node]:
    """The nodes that were there before a function was traced, which the result reads.

    What the function makes of those it makes anew when it is traced `again`; so what two traces
    have in common was there before.
    """
    if not captured(outputs, variables):
        return []
    common = set(topological_order(again(), _inputs))
    order = topological_order(outputs, lambda n: () if n in common else _inputs(n))
    return [x for x in order if x in common and not is_constant(x)]


def _inputs(node: Node) -> tuple[Node, ...]:
    return () if node.value is not None else node.inputs


class Outside:
    """Such nodes, held weakly: a rule is kept in caches, and reaches them while they matter.

    Two are equal if there are none in either, and the fingerprints are equal.
    """

    def __init__(self, nodes: Sequence[Node], fingerprint: str = "") -> None:
        """`fingerprint`: what else tells rules apart that are of the same functions."""
        self.fingerprint = fingerprint
        self.nodes = [(weakref.ref(x), x.shape, x.dtype) for x in nodes]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        same = isinstance(other, Outside) and self.fingerprint == other.fingerprint
        return same and not self.nodes  # a node may have the address of one that is gone

    def __hash__(self) -> int:
        return id(self) if self.nodes else hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<{self.count} nodes from outside {hash(self):#x}>"

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.nodes)

    def graph(self, outputs: Sequence[Node], variables: Sequence[Node], name: str) -> Subgraph:
        """The graph with inputs for these nodes, and after them for the `variables`.

        Raises `GraphError` if the function `name` read anything else from outside.
        """
        # What is gone, the function cannot read either.
        given = [
            node() or variable_node(None, shape, dtype, Scope(abstract=True))
            for node, shape, dtype in self.nodes
        ]
        graph = closed(outputs, variables, given)
        ends = set(graph.inputs)
        if any(not x.inputs and x.value is None for x in graph.order() if x not in ends):
            raise GraphError(
                f"the rule of {name} reads a tensor which it did not read when {name} was called; "
                f"pass it as an argument"
            )
        return graph
