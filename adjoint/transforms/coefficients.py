"""How coefficients of power series are multiplied: along one direction, or collapsed along many.

What counts is the order in t of a whole term, its *weight*. Collapsed, coefficients of order one
have an axis for the directions in front, those of order two are summed over them, which is enough
as they enter linearly. (Dangel, Siebert, Zeinhofer and Walther, Collapsing Taylor Mode Automatic
Differentiation, 2025.)
"""

from __future__ import annotations

from collections.abc import Mapping

from adjoint.graph import calls
from adjoint.graph.leaf import constant_node, variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, make
from adjoint.transforms.batch import batch


class Rules:
    """How coefficients are multiplied: along a direction, or collapsed along many `directions`."""

    def __init__(self, directions: int | None = None) -> None:
        self.directions = directions

    def is_batched(self, weight: int) -> bool:
        """Whether coefficients of that order have an axis of directions."""
        return self.directions is not None and weight == 1

    def shape(self, node: Node, weight: int) -> tuple[int, ...]:
        """The shape of a coefficient of a node."""
        if self.directions is None or weight != 1:
            return node.shape
        return self.directions, *node.shape

    def batched(self, result: Tensor, examples: Mapping[Node, Tensor]) -> Tensor:
        """A tensor made of variables, for many examples of these."""
        return batch([result.node], examples)[result.node]

    def product(self, node: Node, x: Tensor, y: Tensor, p: int, q: int) -> Tensor:
        """The product that `node` is, of coefficients of orders `p` and `q`."""
        many = self.is_batched(p), self.is_batched(q)
        if not any(many):
            return multiplied(node, x, y)
        scope = Scope(abstract=True)
        variables = [
            Tensor(variable_node(None, a.shape, a.dtype, scope)) if m else z
            for a, m, z in zip(node.inputs, many, (x, y), strict=True)
        ]
        examples = {v.node: z for v, z, m in zip(variables, (x, y), many, strict=True) if m}
        found = self.batched(multiplied(node, *variables), examples)
        return calls.sum(found, 0) if all(many) else found


def multiplied(node: Node, x: Tensor, y: Tensor) -> Tensor:
    """The product that `node` is; where a factor is zero by construction, so is it."""
    found = make(node.op, (x, y), node.params)
    if found.node.shape != node.shape and found.node.op.pointwise:
        found = calls.broadcast_to(found, node.shape)
    if node.op.pointwise and (x.node.sparse or y.node.sparse):
        for mask in map(calls.nonzero_mask, (x, y)):
            if mask is not None:
                found = calls.where(mask, found, zeros(found.node))
    return found


def zeros(node: Node) -> Tensor:
    """Zeros in the shape and dtype of `node`."""
    zero = constant_node(node.dtype.type(0), (), node.dtype)
    return calls.broadcast_to(Tensor(zero), node.shape)
