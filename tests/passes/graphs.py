"""What tests of passes share: graphs of functions without values, and their values at a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.text import graph_text
from adjoint.graph.verify import verify

Pass = Callable[[Sequence[Node], Sequence[Node]], list[Node]]


def graph_of(f: Callable[..., Any], *kinds: Any) -> tuple[list[Node], list[Node]]:
    """Inputs named x, y, z … of the given kinds (a shape, or a shape and a dtype); outputs of f."""
    scope = Scope(abstract=True)
    inputs = []
    for name, kind in zip("xyzuvw", kinds, strict=False):
        shape, dtype = kind if len(kind) == 2 and isinstance(kind[1], str) else (kind, "float64")
        inputs.append(variable_node(name, shape, np.dtype(dtype), scope))
    result = f(*map(Tensor, inputs))
    outputs = result if isinstance(result, (tuple, list)) else [result]
    return inputs, [ad.asarray(y).node for y in outputs]


def text_after(run: Pass, f: Callable[..., Any], *kinds: Any) -> str:
    """The text of the graph of `f` after a pass, which must keep it well-formed."""
    inputs, outputs = graph_of(f, *kinds)
    verify(outputs)
    found = run(outputs, inputs)
    verify(found)
    assert [(n.shape, n.dtype) for n in found] == [(n.shape, n.dtype) for n in outputs]
    return graph_text(found)


def values_of(outputs: Sequence[Node], given: dict[Node, Any]) -> list[Any]:
    """The values of nodes, each operation by its own rule."""
    values = dict(given)
    with np.errstate(all="ignore"):
        for node in topological_order(outputs, lambda n: () if n in given else n.inputs):
            if node not in values:
                known = node.value if node.value is not None else None
                if known is None:
                    known = node.op.evaluate(*[values[c] for c in node.inputs], *node.params)
                values[node] = np.asarray(known)
    return [values[node] for node in outputs]


def assert_identical(found: Any, expected: Any, what: str = "") -> None:
    """Equal to the last bit but for what nan carries."""
    np.testing.assert_array_equal(found, expected, what, strict=True)
    if expected.dtype.kind == "c":
        assert_identical(found.real, expected.real, what)
        assert_identical(found.imag, expected.imag, what)
    if expected.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(expected)[known], what)
