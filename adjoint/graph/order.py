"""Topological order by post-order depth-first search: inputs before users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from adjoint.errors import GraphError
from adjoint.graph.node import Node

FIRST_CHECK = 1000
"""From so many nodes on a path is looked through for a cycle, each time that it has doubled."""

all_inputs: Callable[[Node], tuple[Node, ...]] = attrgetter("inputs")


def topological_order(
    roots: Iterable[Node], inputs: Callable[[Node], Sequence[Node]] = all_inputs
) -> list[Node]:
    """Every node from which a root can be reached, each once, inputs before users.

    Iterative, so that a graph may be millions of nodes deep; linear in nodes and edges. `inputs`
    says which inputs of a node to follow. A cycle is a `GraphError`.
    """
    done: dict[Node, None] = {}  # in order
    path: list[tuple[Node, Iterator[Node]]] = []  # nodes, and what is left to follow above them
    checked = FIRST_CHECK
    rest = iter([*roots])
    while True:
        for node in rest:
            if node not in done:
                below = inputs(node)
                if below:
                    path.append((node, rest))
                    rest = iter(below)
                    if len(path) > checked:
                        _check_for_cycle(path)
                        checked = 2 * len(path)
                    break
                done[node] = None
        else:
            if not path:
                return list(done)
            node, rest = path.pop()
            done[node] = None


def _check_for_cycle(path: Sequence[tuple[Node, Any]]) -> None:
    """Raise `GraphError` if a node is met again on the way from it to its inputs, which without
    this check would go on for ever."""
    met: dict[Node, int] = {}
    for place, (node, _) in enumerate(path):
        if node in met:
            raise GraphError(_describe_cycle([n.op.name for n, _ in path[met[node] : place]]))
        met[node] = place


def _describe_cycle(names: Sequence[str]) -> str:
    shown = " → ".join([*names[:6], "…"] if len(names) > 6 else [*names, names[0]])
    return (
        f"the graph has a cycle of {len(names)} nodes ({shown}): a node must not be among its own "
        f"inputs; build nodes only from nodes that exist already"
    )
