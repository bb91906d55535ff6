"""The interpreter: evaluates node by node with NumPy. It is the meaning of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.backends.large_arrays import memory_for
from adjoint.errors import ConcretizationError
from adjoint.graph import nans
from adjoint.graph.caller import user_place
from adjoint.graph.node import Node
from adjoint.graph.options import current
from adjoint.graph.order import topological_order

_NOTHING: frozenset[Node] = frozenset()
_NO_FORMS: Mapping[Node, Node] = {}


def evaluate(nodes: Sequence[Node]) -> None:
    """Give each of `nodes` its value, computing what it depends on.

    A node from which no open variable can be reached then forgets its inputs, and what nobody
    else holds is freed while the evaluation goes on.
    """
    finish(pending_order(nodes), nodes)


def finish(order: list[Node], nodes: Sequence[Node]) -> None:
    """As `evaluate`, where the `pending_order` is known."""
    forms = stable_forms(order)
    follow(stable_order(nodes, forms) if forms else order, nodes, forms)


def stable_forms(order: Sequence[Node]) -> dict[Node, Node]:
    """The nodes of a pending graph that are computed in another form, and these forms."""
    forms = {}
    for node in order:
        if node.op.may_have_stable_form and node.value is None and node.inputs:
            form = node.op.stable_form(node, _NOTHING)
            if form is not None:
                forms[node] = form.node
    return forms


def stable_order(nodes: Sequence[Node], forms: Mapping[Node, Node]) -> list[Node]:
    """As `pending_order`, along the forms; without what they leave out, if nobody else reads it."""

    def inputs(node: Node) -> tuple[Node, ...]:
        if node.value is not None:
            return ()
        form = forms.get(node)
        return node.inputs if form is None else (form,)

    return topological_order(nodes, inputs)


def pending_order(nodes: Sequence[Node]) -> list[Node]:
    """The nodes without a value that `nodes` need, and the values they read, inputs first."""
    return topological_order(nodes, _pending_inputs)


def follow(
    order: list[Node], asked: Sequence[Node] = (), forms: Mapping[Node, Node] = _NO_FORMS
) -> None:
    """Give each node of a topological order its value, and empty the list on the way.

    `asked` are the nodes for which somebody looks: with `debug_nans` they must not become nan. A
    node with a form has the value of that.
    """
    order.reverse()
    checked = set(asked) if current().debug_nans else None
    with np.errstate(all="ignore"), memory_for(order):
        while order:
            node = order.pop()
            if node.value is None:
                if not node.inputs:
                    raise ConcretizationError(_no_value(node))
                if node in forms:
                    value = forms[node].value
                else:
                    value = node.op.evaluate(*[i.value for i in node.inputs], *node.params)
                if checked is not None:
                    nans.trace(node, value, node in checked)
                node.value = value
            node.forget()


def _pending_inputs(node: Node) -> tuple[Node, ...]:
    return node.inputs if node.value is None else ()


def _no_value(node: Node) -> str:
    name = node.params[0] if node.params else None
    subject = f"the variable {name!r}" if name else "a variable"
    place = user_place()
    return (
        f"{place + ': ' if place else ''}a value was asked for (by if, float(), print, "
        f"numpy.asarray, an index, …) that depends on {subject} of shape {node.shape} of which "
        f"only shape and dtype are known here; choose with adjoint.where instead of if, make the "
        f"argument static (adjoint.compile(f, static=...)), leave the function uncompiled, or "
        f"give the argument a value"
    )
