"""The graph that a transform has traced, as far as it decides what the derivative is.

Floor 6. One walk finds the structure, which two calls of the same function have in common, and the
leaves, in which they differ. What depends on the values of leaves is said by `is_constant` and
`is_sure` (in `adjoint.graph.leaf`), as a template of the graph is differentiated.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from adjoint.graph import lines
from adjoint.graph.leaf import constant, is_weak, stand_in, variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.op import OPS
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph

MOST_NODES = 2_000
"""The most operations of a graph that is walked. Longer ones hold loops that were not rolled up,
and would take seconds to compile."""


class TracedGraph(NamedTuple):
    """The graph between the variables of a transform (`ends`) and its `roots`.

    `order` holds the operations, inputs before users; `leaves` what was there before, all with
    values; `key` tells structures apart: operations, parameters, edges, and shapes and dtypes of
    ends and leaves.
    """

    key: Hashable
    roots: Sequence[Node]
    ends: Sequence[Node]
    leaves: list[Node]
    order: list[Node]


def traced_graph(roots: Sequence[Node], ends: Sequence[Node], scope: Scope) -> TracedGraph | None:
    """The graph between `ends`, variables of `scope`, and `roots`.

    None where the derivative may be part of another, as a leaf depends on a variable that is still
    open, and where the graph is too large.
    """
    number = {node: i for i, node in enumerate(ends)}
    key: list[Hashable] = [len(number)]
    for node in ends:
        key += (node.shape, id(node.dtype), node.params)
    leaves: list[Node] = []
    order: list[Node] = []
    stack = [*roots]
    while stack:
        node = stack[-1]
        if node in number:
            stack.pop()
            continue
        known = False
        if node.scope is not scope and not _is_within(node.scope, scope):
            if node.scope is not None and node.scope.is_open():
                return None
            known = node.value is not None
        if known:
            if not _is_free(node):
                return None
            leaves.append(node)
            key += (node.op is constant, node.shape, id(node.dtype), node.sparse)
        else:
            inputs = node.inputs
            numbers = [number.get(x) for x in inputs]
            if None in numbers:
                stack += [x for x, n in zip(inputs, numbers, strict=True) if n is None]
                if len(stack) > 4 * MOST_NODES:
                    return None  # also where a graph made by hand has a cycle
                continue
            if not inputs or len(order) == MOST_NODES:
                return None
            order.append(node)
            key += (node.op, node.params, id(node.dtype), *numbers)
        stack.pop()
        number[node] = len(number)
    key += [number[x] for x in roots]
    return TracedGraph(tuple(key), roots, ends, leaves, order)


def _is_within(scope: Scope | None, transform: Scope) -> bool:
    """Whether what has a scope depends on the variables of the transform."""
    return scope is not None and transform in scope.members


def _is_free(node: Node) -> bool:
    """Whether nothing is known of a leaf but its value."""
    if node.inputs:
        node.forget()
    return not node.inputs and (not node.sparse or node.shape == ())


@dataclass(frozen=True)
class Template:
    """A graph of the same structure without values, to be differentiated and compiled.

    `inputs` stand for the values of the ends and of the leaves at the places `given`, in this
    order; `ends` are variables of `scope`.
    """

    inputs: list[Node]
    ends: list[Node]
    roots: list[Node]
    given: list[int]
    scope: Scope


def template(graph: TracedGraph, known: Container[int], scope: Scope) -> Template:
    """The graph on variables, but for the `known` leaves (by number), which keep their values.

    `scope` is a new one, for the ends.
    """
    outer = Scope(abstract=True)
    twin: dict[Node, Node] = {}
    inputs: list[Node] = []
    for end in graph.ends:
        weak = is_weak(end)
        inputs.append(variable_node(None, end.shape, end.dtype, outer, weak=weak))
        twin[end] = stand_in(inputs[-1], scope, weak=weak)
    for i, leaf in enumerate(graph.leaves):
        if i in known:
            twin[leaf] = leaf
        else:
            twin[leaf] = variable_node(None, leaf.shape, leaf.dtype, outer)
            inputs.append(twin[leaf])
    for node in graph.order:
        children = tuple([twin[x] for x in node.inputs])
        twin[node] = Node(node.op, children, node.params, node.shape, node.dtype)
        lines.keep(node, twin[node])
    given = [i for i in range(len(graph.leaves)) if i not in known]
    return Template(
        inputs, [twin[x] for x in graph.ends], [twin[x] for x in graph.roots], given, scope
    )


def is_pure(order: Sequence[Node]) -> bool:
    """Whether the derivative follows from the structure: no code of the user's takes part in it,
    as in a rule of the user's, which may read what changes from call to call."""
    return all(node.op in OPS.values() and all(map(_is_plain, node.params)) for node in order)


_PLAIN = (type(None), bool, int, str, bytes, slice, type, np.dtype, np.integer, np.bool_)


def _is_plain(param: Any) -> bool:
    """Whether a parameter is data, and equal to another only if it is the same."""
    if isinstance(param, (tuple, frozenset)):
        return all(map(_is_plain, param))
    if isinstance(param, (float, complex)):
        return param != 0  # 0.0 and -0.0 are equal
    if isinstance(param, Subgraph):
        ends = set(param.inputs)
        held = topological_order(param.outputs, lambda n: () if n in ends else n.inputs)
        return is_pure([node for node in held if node not in ends and node.inputs])
    if is_dataclass(param) and type(param).__module__.startswith("adjoint."):
        return all(_is_plain(getattr(param, x.name)) for x in fields(param))
    return isinstance(param, _PLAIN)
