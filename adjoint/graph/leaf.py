"""The leaves of a graph: constants, and the variables with respect to which one differentiates.

A variable made by a transform has one input, the tensor it stands for: it is the identity, and
being a node of its own it keeps nested transforms apart. A variable made by hand has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adjoint.graph.node import Node, Scope
from adjoint.graph.op import Op, register
from adjoint.graph.types import DType, Shape

if TYPE_CHECKING:
    from adjoint.graph.loop_form import Index, Loops
    from adjoint.graph.tensor import Tensor


class Constant(Op):
    """A value given from outside; it has no derivative."""

    name = "constant"
    family = "leaf"
    keeps_finite = True


class Variable(Op):
    """A leaf with respect to which somebody differentiates; the identity if it has an input.

    A `weak` one stands for a Python number, which takes the dtype of what it meets.
    """

    name = "variable"
    family = "leaf"
    param_names = ("name", "weak")
    native = pointwise = keeps_finite = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        return loops.read(node.inputs[0], index)

    def infer(self, x: Node, name: str | None, weak: bool) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, name: str | None, weak: bool) -> Any:
        return x

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return tangents[0]

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (adjoint,) * len(node.inputs)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return inputs[0]


constant = register(Constant())
variable = register(Variable())


def constant_node(value: Any, shape: Shape, dtype: DType) -> Node:
    """A node that holds `value`."""
    node = Node(constant, (), (), shape, dtype)
    node.value = value
    return node


def variable_node(
    name: str | None,
    shape: Shape,
    dtype: DType,
    scope: Scope,
    value: Any = None,
    weak: bool = False,
) -> Node:
    """A leaf variable of `scope`; without a `value` only its shape and dtype are known."""
    node = Node(variable, (), (name, weak), shape, dtype)
    node.scope = scope
    node.value = value
    return node


class Unknown:
    """Leaves that stand for constants of which the values are not known, while a graph is prepared
    for any values: what was asked about them."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.asked: set[Node] = set()
        """Those whose values a rule would have gone by."""
        self.is_assumed = False
        """Whether a rule took values for numbers of which it would have made sure."""

    def __enter__(self) -> Unknown:
        _unknown.update(dict.fromkeys(self.nodes, self))
        return self

    def __exit__(self, *error: object) -> None:
        for node in self.nodes:
            _unknown.pop(node, None)


_unknown: dict[Node, Unknown] = {}


def is_constant(node: Node) -> bool:
    """Whether the node is a value given from outside, by which a rule may go."""
    if _unknown and node in _unknown:
        _unknown[node].asked.add(node)
    return node.op is constant


def is_sure(node: Node) -> bool:
    """Whether the node is a constant, of which the caller will make sure that it is a number.

    If it is not one, or not known, at worst nan comes of a zero by construction, and not 0.
    """
    if _unknown and node in _unknown:
        _unknown[node].is_assumed = True
    return node.op is constant


def is_weak(node: Node) -> bool:
    """Whether the node stands for a Python number, which takes the dtype of what it meets."""
    return node.op is variable and bool(node.params[1])


def has_escaped(node: Node) -> bool:
    """Whether the node is a variable without a value of a function that was traced and is done."""
    if node.op is not variable or node.inputs or node.value is not None or node.scope is None:
        return False
    return any(member.abstract and not member.open for member in node.scope.members)


def identity_node(x: Node) -> Node:
    """A node whose one input is `x` and whose value and derivative are those of `x`."""
    return Node(variable, (x,), (None, False), x.shape, x.dtype)


def stand_in(x: Node, scope: Scope, name: str | None = None, weak: bool = False) -> Node:
    """A variable of `scope` that stands for `x`."""
    node = Node(variable, (x,), (name, weak or is_weak(x)), x.shape, x.dtype)
    node.scope = (
        scope
        if x.scope is None
        else Scope(
            abstract=x.scope.abstract or scope.abstract, members=(*x.scope.members, *scope.members)
        )
    )
    return node
