"""A graph as text: one line per node, in topological order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order


def type_text(node: Node) -> str:
    """dtype and shape, as in ``float64[3,4]``."""
    return f"{node.dtype}[{','.join(map(str, node.shape))}]"


def node_names(order: Sequence[Node]) -> dict[Node, str]:
    """A name for each node: ``v1``, ``v2``, …; variables keep the name their user gave."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for number, node in enumerate(order, 1):
        given = node.params[0] if node.op.name == "variable" else None
        name = given if given and given not in taken else f"v{number}"
        taken.add(name)
        names[node] = name
    return names


def params_text(node: Node) -> str:
    """The static parameters, as in ``axes=(0,)``."""
    return "" if node.op.name == "variable" else node.op.params_text(node)


def constant_text(node: Node) -> str:
    """The value of a small constant; the type alone of a large one."""
    value = np.asarray(node.value)
    return np.array2string(value, separator=", ", precision=6) if value.size <= 6 else "…"


def graph_text(outputs: Sequence[Node], inputs: Sequence[Node] = ()) -> str:
    """The graph below `outputs` as text; equal graphs give equal text.

    Any `inputs` come first. Below a loop or a branch stand the graphs that it runs.

    >>> import adjoint as ad
    >>> x = ad.variable(2.0, name="x")
    >>> print(graph_text([(x * ad.sin(x)).node]))
    x : float64[] = variable
    v2 : float64[] = sin(x)
    v3 : float64[] = multiply(x, v2)
    return v3
    """
    order = topological_order([*inputs, *outputs])
    names = node_names(order)
    lines = []
    for node in order:
        inner = ", ".join(filter(None, [*(names[i] for i in node.inputs), params_text(node)]))
        body = node.op.name
        if node.op.name == "constant":
            body = f"constant {constant_text(node)}"
        elif inner:
            body = f"{node.op.name}({inner})"
        lines.append(f"{names[node]} : {type_text(node)} = {body}")
        for graph in node.op.graphs(node) if node.inputs else ():
            lines += ["  " + x for x in graph_text(graph.outputs, graph.inputs).splitlines()]
    lines.append("return " + ", ".join(names[node] for node in outputs))
    return "\n".join(lines)
