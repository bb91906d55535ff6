"""Epilogues of products: a factor and an addend that BLAS takes along, as its alpha and beta."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import array_of
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.schedule.plan import Gemm, Step


@dataclass(frozen=True)
class GemmEpilogues:
    """Finds results that are ± scale · product + addend, where nobody else needs the product.

    Only what is stored anyway is made so, of what is stored anyway: other sums are better computed
    inside the loops that use them.
    """

    calls: dict[Node, Step]
    users: dict[Node, list[Node]]
    outputs: set[Node]
    is_leaf: Callable[[Node], bool]
    must_store: Callable[[Node], bool]

    def find(self, order: Sequence[Node]) -> set[Node]:
        """Make them calls; the nodes that are computed no more. `order`: inputs before users."""
        gone: set[Node] = set()
        for node in reversed(order):  # what a call adds to is stored, so users come first
            if node in self.calls or self.is_leaf(node) or not self.must_store(node):
                continue
            for inside, step in self.ways(node):
                for old in inside:
                    self.calls.pop(old, None)
                gone.update(inside)
                self.calls[node] = step
                break
        return gone

    def ways(self, root: Node) -> Iterator[tuple[list[Node], Gemm]]:
        """The calls that compute `root`, each with the nodes that it makes superfluous."""
        for term, addend in terms_of(root):
            if addend is None or self.can_add(addend, root):
                found = self.scaled(root, term)
                if found is not None:
                    inside, step = found
                    negative = step.negative != (root.op is records.subtract)
                    yield inside, replace(step, negative=negative, addend=addend)

    def can_add(self, addend: Node, root: Node) -> bool:
        """Whether memory with `addend` is there to be copied, or added to."""
        if (addend.shape, addend.dtype) != (root.shape, root.dtype):
            return False
        return self.is_leaf(addend) or self.must_store(addend) or self.is_sum(addend)

    def is_sum(self, node: Node) -> bool:
        """Whether the node is needed for a sum only, and is one with a product itself."""
        alone = len(self.users[node]) == 1
        return alone and any(self.scaled(node, term) for term, _ in terms_of(node))

    def scaled(self, root: Node, term: Node) -> tuple[list[Node], Gemm] | None:
        """`term`, a part of `root` or itself, as ± scale · product; and the nodes in between."""
        inside: list[Node] = []
        negative, scale, node = False, None, term
        while node not in self.calls:
            match node.op, node.inputs:
                case records.negative, (x,):
                    negative, below = not negative, x
                case records.multiply, (factor, x) if scale is None and is_factor(factor, root):
                    scale, below = factor, x
                case records.multiply, (x, factor) if scale is None and is_factor(factor, root):
                    scale, below = factor, x
                case _:
                    return None
            inside.append(node)
            node = below
        step = self.calls[node]
        inside = [n for n in (*inside, node) if n is not root]
        if not isinstance(step, Gemm) or step.addend is not None or node.shape != root.shape:
            return None
        if not all(len(self.users[n]) == 1 and n not in self.outputs for n in inside):
            return None
        if scale is not None and 1 in root.shape[-2:]:
            return None  # gemv multiplies the vector first, which may overflow
        return inside, replace(step, root=root, negative=negative, scale=scale)


def terms_of(root: Node) -> list[tuple[Node, Node | None]]:
    """The parts of a node that may be a product, each with what it is added to."""
    match root.op, root.inputs:
        case ((records.multiply | records.negative), _):
            return [(root, None)]
        case records.add, (x, y):
            return [(y, x), (x, y)]
        case records.subtract, (x, y):
            return [(y, x)]
    return []


def is_factor(node: Node, root: Node) -> bool:
    """Whether BLAS may multiply by a number: by zero it would not, whatever the product is."""
    if not is_constant(node) or size_of(node.shape) != 1 or node.dtype is not root.dtype:
        return False
    value = array_of(node.value).item()
    return bool(value) and bool(np.isfinite(value))
