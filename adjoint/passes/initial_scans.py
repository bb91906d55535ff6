"""A cumulative product behind ones is one that begins with them.

``concat([ones, cumprod(x)])`` are the powers 1, x, x², … of a Vandermonde matrix, and what
``cumulative_prod(include_initial=True)`` makes. As ``cumprod(concat([ones, x]))`` they are a scan
whose elements are read where they are computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.ops import records
from adjoint.ops.reductions.product import cumprod
from adjoint.ops.shape.joining import concat
from adjoint.passes.constant_folding import number_in
from adjoint.passes.rewriting import is_known, with_inputs


def scans_from_ones(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which such products begin with the ones."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    inner = [node for node in order if node not in ends and not is_known(node)]
    if not any(node.op is records.cumprod for node in inner):
        return list(outputs)
    read_once = set(outputs)
    often: set[Node] = set(outputs)
    for x in [x for node in inner for x in node.inputs]:
        (often if x in read_once else read_once).add(x)
    done = {node: node for node in order}
    for node in inner:
        made = with_inputs(node, tuple([done[x] for x in node.inputs]))
        fits = node.op is records.concat and node.inputs[-1] not in often
        done[node] = (begun_with_ones(made) or made) if fits else made
    return [done[node] for node in outputs]


def begun_with_ones(node: Node) -> Node | None:
    """The cumulative product that a join of ones and one is; None if it is none."""
    if len(node.inputs) != 2 or node.inputs[1].op is not records.cumprod:
        return None
    (first, scan), (axis,) = node.inputs, node.params
    if scan.params != (axis, False, False) or not is_one(first):
        return None
    whole = concat([Tensor(first), Tensor(scan.inputs[0])], axis=axis)
    return cumprod(whole, axis).node


def is_one(node: Node) -> bool:
    """Whether all elements of a constant are 1."""
    found = node if is_constant(node) else number_in(node)
    return found is not None and bool(np.all(np.asarray(found.value) == 1))
