"""Where an adjoint can be other than zero: the mask that `where` and its kin put on it.

``where(c, f(x), 0)`` sends ``where(c, adjoint, 0)`` to f(x). If f'(x) is infinite where c is false,
the product with it would be nan, 0 times inf. The elementwise family therefore asks for the mask
of an adjoint and applies it again after the product, at every order, as masks are ordinary nodes.
"""

from __future__ import annotations

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import FUNCTIONS, public
from adjoint.graph.tensor import Tensor

_MASKED = frozenset(
    ("where", "add", "subtract", "negative", "astype", "variable", "reshape", "sum", "broadcast_to")
)
"""The operations whose results may show it."""
_LOOK = 64
"""How many nodes of an adjoint are looked at; sums with more terms count as unmasked."""


@public
def support(adjoint: Tensor) -> Tensor | None:
    """A boolean tensor outside which `adjoint` is zero by construction; None if there is none."""
    return _Search().mask(adjoint.node, 0) if adjoint.node.op.name in _MASKED else None


class _Search:
    def __init__(self) -> None:
        self.looked = 0

    def mask(self, node: Node, depth: int) -> Tensor | None:
        self.looked += 1
        if not node.inputs or self.looked > _LOOK or depth > _LOOK:
            return None
        match node.op.name:
            case "where":
                return self._of_where(node, depth)
            case "add" | "subtract":
                return self._of_sum(node, depth)
            case "negative" | "astype" | "variable":
                return self.mask(node.inputs[0], depth + 1)
            case "reshape":
                inner = self._aligned(node.inputs[0], depth)
                return None if inner is None else FUNCTIONS["reshape"](inner, node.shape)
            case "sum":
                inner = self._aligned(node.inputs[0], depth)
                return None if inner is None else FUNCTIONS["any"](inner, node.params[0])
            case "broadcast_to":
                return self.mask(node.inputs[0], depth + 1)
        return None

    def _aligned(self, node: Node, depth: int) -> Tensor | None:
        inner = self.mask(node, depth + 1)
        if inner is None or inner.shape == node.shape:
            return inner
        result: Tensor = FUNCTIONS["broadcast_to"](inner, node.shape)
        return result

    def _of_where(self, node: Node, depth: int) -> Tensor | None:
        condition, yes, no = node.inputs
        chosen = Tensor(condition)
        if is_zero(no):
            inner = self.mask(yes, depth + 1)
        elif is_zero(yes):
            chosen = FUNCTIONS["logical_not"](chosen)
            inner = self.mask(no, depth + 1)
        else:
            return None
        return chosen if inner is None else FUNCTIONS["logical_and"](chosen, inner)

    def _of_sum(self, node: Node, depth: int) -> Tensor | None:
        first = self.mask(node.inputs[0], depth + 1)
        if first is None:
            return None
        second = self.mask(node.inputs[1], depth + 1)
        return None if second is None else FUNCTIONS["logical_or"](first, second)


def is_zero(node: Node) -> bool:
    """Whether `node` is the constant 0."""
    return node.op.name == "constant" and node.shape == () and not np.asarray(node.value).any()
