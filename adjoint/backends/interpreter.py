"""The interpreter: evaluates node by node with NumPy. It is the meaning of the library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.errors import ConcretizationError
from adjoint.graph import nans
from adjoint.graph.node import Node
from adjoint.graph.options import current
from adjoint.graph.order import topological_order


def evaluate(nodes: Sequence[Node]) -> None:
    """Give each of `nodes` its value, computing what it depends on.

    A node from which no open variable can be reached then forgets its inputs, and what nobody
    else holds is freed while the evaluation goes on. With `debug_nans` on,
    none of `nodes` may become nan by an operation.
    """
    pending = topological_order(nodes, _pending_inputs)
    pending.reverse()
    checked = set(nodes) if current().debug_nans else None
    with np.errstate(all="ignore"):
        while pending:
            node = pending.pop()
            if node.value is None:
                if not node.inputs:
                    raise ConcretizationError(_no_value(node))
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
    return (
        f"a value was asked for (by if, float(), print, numpy.asarray, an index, …) that depends "
        f"on {subject} of shape {node.shape} of which only shape and dtype are known here; choose "
        f"with adjoint.where instead of if, or give the argument a value"
    )
