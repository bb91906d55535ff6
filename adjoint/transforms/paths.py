"""The paths a derivative takes: along the inputs of a node, or along its smooth form.

|x|² is smooth at 0, |x| is not. What `Op.smooth_form` knows of such a node is differentiated in its
place: every sweep takes the node for the identity of its form. The graph itself stays as it was
written, and a node whose derivative somebody asks for is never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from adjoint.graph.leaf import identity_node, is_constant
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import all_inputs, topological_order
from adjoint.graph.types import is_inexact

Follow: TypeAlias = Callable[[Node], tuple[Node, ...]]


def between(
    outputs: Sequence[Node], inputs: Iterable[Node] | None = None, scope: Scope | None = None
) -> dict[Node, Node]:
    """The nodes between `inputs` and `outputs` that have derivatives, inputs before users.

    Each comes with the node to differentiate in its place: itself, or the identity of its smooth
    form. `inputs` defaults to every node; then no form leaves out any, so there is none. With a
    `scope` the walk stays within its nodes: a transform need not look at what was there before.
    Raises `NotDifferentiableError` where a derivative would be lost silently (`Op.refuse`).
    """
    if inputs is None:
        everything = topological_order(outputs, within(scope))
        return {n: n for n in everything if is_inexact(n.dtype) and not is_constant(n)}
    kept = set(inputs)
    forms: dict[Node, Node] = {}
    found: dict[Node, Node] = {}
    reached = found.keys()
    for node in topological_order(outputs, smoothly(scope, kept, forms)):
        taken = forms.get(node, node)
        depends = not reached.isdisjoint(taken.inputs) and not taken.op.stops_derivatives
        if depends and taken.op.refuses_derivatives:
            taken.op.refuse(taken)
        if (node in kept or depends) and is_inexact(node.dtype):
            found[node] = taken
    return found


def within(scope: Scope | None) -> Follow:
    """Which inputs to follow in order to stay among the nodes of `scope`."""
    if scope is None:
        return all_inputs

    def inputs(node: Node) -> tuple[Node, ...]:
        reached = node.scope is not None and scope in node.scope.members
        return node.inputs if reached else ()

    return inputs


def smoothly(scope: Scope | None, kept: AbstractSet[Node], forms: dict[Node, Node]) -> Follow:
    """As `within`, but along smooth forms, the identities of which are entered into `forms`.

    To be asked once for each node. No form leaves out a node in `kept`.
    """

    def inputs(node: Node) -> tuple[Node, ...]:
        if scope is not None and (node.scope is None or scope not in node.scope.members):
            return ()
        if node.op.may_have_smooth_form and node.inputs:
            form = node.op.smooth_form(node, kept)
            if form is not None:
                forms[node] = identity_node(form.node)
                return forms[node].inputs
        return node.inputs

    return inputs


def reached_from(order: Sequence[Node], inputs: Iterable[Node]) -> set[Node]:
    """The nodes of `order` that depend on `inputs` and have derivatives at all."""
    needed = {node for node in inputs if is_inexact(node.dtype)}
    for node in order:
        if is_inexact(node.dtype) and not needed.isdisjoint(node.inputs):
            needed.add(node)
    return needed
