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
    stack = list(roots)
    stack.reverse()
    while stack:
        node = stack[-1]
        state = done.get(node)
        if state is None:
            done[node] = False
            for child in reversed(inputs(node)):
                state = done.get(child)
                if state is None:
                    stack.append(child)
                elif not state:
                    path = [n for n, finished in done.items() if not finished]
                    raise GraphError(_describe_cycle(path, child))
        else:
            stack.pop()
            if not state:
                done[node] = True
                order.append(node)
    return order


def _describe_cycle(path: list[Node], node: Node) -> str:
    names = [n.op.name for n in path[path.index(node) :]]
    shown = " → ".join([*names[:6], "…"] if len(names) > 6 else [*names, names[0]])
    return (
        f"the graph has a cycle of {len(names)} nodes ({shown}): a node must not be among its own "
        f"inputs; build nodes only from nodes that exist already"
    )
