"""A derivative along all basis vectors at once, of which few reach any one element.

A Jacobian is one derivative graph for a symbolic direction, which becomes each basis vector in
turn. What every node becomes is kept as one-hot terms (see `adjoint.api.one_hot`) as long as the
operations have rules for these; what moves or scales them works as for a single direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.api.one_hot import OneHot, OneHots, dense, dense_operand, ones
from adjoint.api.one_hot_rules import RULES, only_basis_vector
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops.shape.movement import permute_dims
from adjoint.transforms.batch import batched_node
from adjoint.transforms.paths import within

_LARGE = 128
_MOST_TERMS, _MOST_TERMS_IF_SMALL = 16, 4
"""With more terms than this, of large tensors and of others, zeros cost less than the graph."""


class BasisTangents:
    """What the nodes below `outputs` become if `direction` is each basis vector in turn."""

    def __init__(self, outputs: Sequence[Node], direction: Node) -> None:
        self.size = size_of(direction.shape)
        basis = np.arange(self.size).reshape(direction.shape)
        self.found: dict[Node, OneHots | Tensor] = {direction: [OneHot(ones(direction), basis)]}
        for node in topological_order(outputs, within(direction.scope)):
            if node not in self.found and not self.found.keys().isdisjoint(node.inputs):
                self.found[node] = self._follow(node)

    def __contains__(self, node: Node) -> bool:
        return node in self.found

    def dense(self, node: Node, last: bool = False) -> Tensor:
        """What `node` becomes, the axis of basis vectors in front, or `last`."""
        found = self.found[node]
        if isinstance(found, list):
            return dense(found, self.size, last)
        return permute_dims(found, (*range(1, found.ndim), 0)) if last else found

    def _follow(self, node: Node) -> OneHots | Tensor:
        """A node whose inputs are known: by its rule for one-hot terms, else with all zeros."""
        given = [self.found.get(child) for child in node.inputs]
        terms = [g for g in given if not isinstance(g, Tensor)]
        if self.size == 1:
            return only_basis_vector(node, terms)  # never a tensor: there are no zeros
        rule = RULES.get(node.op)
        if rule is not None and len(terms) == len(given):
            result = rule(node, terms, self.size)
            if isinstance(result, Tensor):
                return result
            if result is not None and len(result) <= self._most_terms(node):
                return result
        inputs = [self._operand(child) for child in node.inputs]
        return batched_node(node, inputs, [g is not None for g in given])

    def _operand(self, node: Node) -> Tensor:
        """An input with the axis of basis vectors in front, or as it is if it is the same for
        all."""
        found = self.found.get(node)
        if found is None:
            return Tensor(node)
        return dense_operand(found, self.size) if isinstance(found, list) else found

    def _most_terms(self, node: Node) -> int:
        """How many terms of a node are still less to do than all its zeros."""
        most = _MOST_TERMS if size_of(node.shape) >= _LARGE else _MOST_TERMS_IF_SMALL
        return min(most, self.size - 1)
