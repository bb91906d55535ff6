"""The verifier: checks that a graph keeps the invariants every transform and pass relies on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.errors import GraphError
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import OPS
from adjoint.graph.order import topological_order


def verify(outputs: Sequence[Node]) -> None:
    """Raise `GraphError` naming the first node below `outputs` that breaks an invariant.

    Checked: no cycle; every operation is registered; parameters are hashable; shape and dtype are
    what the operation infers; a value that is known has that shape and dtype.
    """
    for node in topological_order(outputs):
        if OPS.get(node.op.name) is not node.op:
            raise GraphError(f"{node!r}: its operation is not the registered {node.op.name!r}")
        try:
            hash(node.params)
        except TypeError as error:
            raise GraphError(f"{node!r}: its parameters are not hashable: {error}") from error
        if node.inputs:
            inferred = node.op.infer(*node.inputs, *node.params)
            if inferred != (node.shape, node.dtype):
                raise GraphError(
                    f"{node!r}: has {node.dtype}{node.shape}, but its operation infers "
                    f"{inferred[1]}{inferred[0]}"
                )
        elif is_constant(node) and node.value is None:
            raise GraphError(f"{node!r}: a constant must have a value")
        if node.value is not None:
            value = np.asarray(node.value)
            if value.shape != node.shape or value.dtype != node.dtype:
                raise GraphError(
                    f"{node!r}: its value is {value.dtype}{value.shape}, but the node says "
                    f"{node.dtype}{node.shape}"
                )
