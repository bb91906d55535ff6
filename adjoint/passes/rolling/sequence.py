"""The operations of a graph as a sequence, and what makes two of them alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import find

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


MANY = 8
"""So many slices of one node, one after the other, are moved to where they are used."""


def is_number(node: Node) -> bool:
    """Whether the node is known and nobody differentiates by it."""
    return is_constant(node) or (node.value is not None and node.scope is None)


def sequence_of(outputs: Sequence[Node], made: Sequence[Node]) -> list[Node]:
    """The operations among the nodes `made` that the outputs need, inputs before users.

    In the order of their making; but rows of a matrix that are taken all at once, as before a loop,
    each stand before their first user.
    """
    needed = set(outputs)
    nodes: list[Node] = []
    for node in reversed(made):
        if node in needed and node.value is None and node.inputs:
            nodes.append(node)
            needed.update(node.inputs)
    nodes.reverse()
    waiting = _listed(nodes)
    if not waiting:
        return nodes
    order: list[Node] = []
    for node in nodes:
        if node in waiting:
            continue
        for x in node.inputs:
            if x in waiting:
                waiting.discard(x)
                order.append(x)
        order.append(node)
    return order + [node for node in nodes if node in waiting]


def _listed(nodes: Sequence[Node]) -> set[Node]:
    """The slices that many others of the same node stand beside: its rows, taken one by one."""
    take = find("slice")
    found: set[Node] = set()
    if len([node for node in nodes if node.op is take]) < MANY:
        return found
    start = 0
    while start < len(nodes):
        stop = start + 1
        node = nodes[start]
        if node.op is take:
            while (
                stop < len(nodes) and nodes[stop].op is take and nodes[stop].inputs == node.inputs
            ):
                stop += 1
            if stop - start >= MANY:
                found.update(nodes[start:stop])
        start = stop
    return found


def signatures(sequence: Sequence[Node]) -> Numbers:
    """Equal numbers for nodes of the same operation, parameters, shape and dtype.

    The parameters of slices count without the places where they start.
    """
    take = find("slice")
    known: dict[Hashable, int] = {}
    found = np.empty(len(sequence), np.int64)
    for place, node in enumerate(sequence):
        params = node.params[1:] if node.op is take else node.params
        key = (node.op, params, node.shape, node.dtype, len(node.inputs))
        found[place] = known.setdefault(key, len(known))
    return found
