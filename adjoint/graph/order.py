"""Topological order by post-order depth-first search: inputs before users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from adjoint.errors import GraphError
from adjoint.graph.node import Node

all_inputs: Callable[[Node], tuple[Node, ...]] = attrgetter("inputs")


def topological_order(
    roots: Iterable[Node], inputs: Callable[[Node], Sequence[Node]] = all_inputs
) -> list[Node]:
    """Every node from which a root can be reached, each once, inputs before users.

    Iterative, so that a graph may be millions of nodes deep; linear in nodes and edges. `inputs`
    says which inputs of a node to follow. A cycle is a `GraphError`.
    """
    order: list[Node] = []
    done: dict[Node, bool] = {}  # False: on the path from the root; True: in the order
    path: list[Node] = []
    stack: list[Node | None] = [*roots]
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:  # what is below the end of the path is in the order
            node = path.pop()
            done[node] = True
            order.append(node)
        elif node not in done:
            below = inputs(node)
            done[node] = not below
            if below:
                path.append(node)
                stack.append(None)
                stack += below[::-1]
            else:
                order.append(node)
        elif not done[node]:
            raise GraphError(_describe_cycle(path, node))
    return order


def _describe_cycle(path: list[Node], node: Node) -> str:
    names = [n.op.name for n in path[path.index(node) :]]
    shown = " → ".join([*names[:6], "…"] if len(names) > 6 else [*names, names[0]])
    return (
        f"the graph has a cycle of {len(names)} nodes ({shown}): a node must not be among its own "
        f"inputs; build nodes only from nodes that exist already"
    )
