"""What stands between a node and an adjoint that depends on it, taken out of the graph.

To know how an adjoint g leaves the kink of r (where r = |x| = 0, say), one looks at g as a function
of r. A `Dependence` is that function: the operations element by element between the two. Whatever
else g is made of enters as a value; if it may vary too, it is one of the `others`, whose influence
the caller must rule out. So a dependence may end anywhere without harm, and it ends early: at
operations that take elements together, at other kinks, and after some hundred operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.leaf import constant_node, is_constant, variable
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape, is_inexact

_LONGEST = 200
"""How many operations a dependence has at most."""
_LEVELS = 8
"""How many levels of nodes are compared to know one for the other."""
_MOVEMENTS = frozenset({"reshape", "broadcast_to", "permute_dims", "slice", "unslice", "concat"})
_NEAR = 64
"""How many units in the last place of its terms a sum may be away from 0 that ought to cancel."""
_GOLDEN = 0.6180339887498949
_ROOTS = frozenset({"sqrt", "maximum", "minimum"})
"""Operations of which the smooth form may be a kink known by another name, a norm or |x|."""

Array: TypeAlias = np.ndarray[Any, Any]
Entry: TypeAlias = tuple[Any, ...]
"""An operation, its parameters, shape, dtype, and the numbers of its inputs among the entries. Of
what is given: None, the role, shape and dtype."""
_IDENTITY = (variable, (None, False))
POINT, OTHER, FIXED = "point", "other", "fixed"


@dataclass(frozen=True)
class Dependence:
    """A function of what is given, as entries, inputs before users; the last is its result."""

    entries: tuple[Entry, ...]

    def __repr__(self) -> str:
        lines = [
            f"{e[0].name if e[0] is not None else e[1]}{e[1:2] if e[0] is not None else ''}{e[2:]}"
            for e in self.entries
        ]
        return f"Dependence({'; '.join(lines)})"

    @property
    def kind(self) -> tuple[Shape, DType]:
        """Shape and dtype of the result."""
        entry = self.entries[-1]
        return entry[2], entry[3]

    @property
    def point(self) -> Shape:
        """The shape of the point."""
        return next((e[2] for e in self.entries if e[0] is None and e[1] == POINT), ())

    @property
    def varies(self) -> bool:
        """Whether anything given may vary."""
        return any(e[0] is None and e[1] != FIXED for e in self.entries)

    def numbers(self, given: Sequence[Array]) -> list[Node]:
        """The entries as nodes, on the values of what is given."""
        values = iter(given)
        nodes: list[Node] = []
        for op, params, shape, dtype, *places in self.entries:
            if op is None:
                nodes.append(constant_node(np.asarray(next(values)), shape, dtype))
            else:
                nodes.append(Node(op, tuple([nodes[i] for i in places[0]]), params, shape, dtype))
        return nodes

    def tangent(self, nodes: Sequence[Node], seed: Callable[[str, Shape], Array | None]) -> Any:
        """The tangent of the result as a tensor, for the tangents of what is given; or None."""
        tangents: list[Tensor | None] = []
        for node, entry in zip(nodes, self.entries, strict=True):
            if entry[0] is None:
                value = seed(entry[1], node.shape)
                tangents.append(None if value is None else _constant(value, node.dtype))
                continue
            given = [tangents[i] for i in entry[4]]
            known = any(t is not None for t in given)
            tangents.append(node.op.push(node, given) if known else None)
        return tangents[-1]


def _constant(value: Array, dtype: DType) -> Tensor:
    return Tensor(constant_node(value.astype(dtype), value.shape, dtype))


def dependence_between(result: Node, point: Node) -> tuple[Dependence, list[Node]]:
    """`result` as a function of `point`, and the nodes that are given, in their order."""
    builder = _Builder(point)
    builder.add(result)
    return Dependence(tuple(builder.entries)), builder.given


class _Builder:
    def __init__(self, point: Node) -> None:
        self.point = point
        self.entries: list[Entry] = []
        self.given: list[Node] = []
        self.inputs: dict[Node, tuple[Node, ...] | None] = {}

    def add(self, result: Node) -> None:
        """Enter `result` and what it is made of."""
        numbers: dict[Node, int] = {}
        for node in topological_order((result,), self.follow):
            numbers[node] = len(self.entries)
            inputs = self.inputs[node]
            if inputs is None:
                self.entries.append((None, self.role(node), node.shape, node.dtype))
                self.given.append(node)
                continue
            op, params = (node.op, node.params) if inputs is node.inputs else _IDENTITY
            places = tuple([numbers[child] for child in inputs])
            if len(places) == 2 and inputs is not node.inputs:
                places = self.marked(node, *places)
                op, params = find("add"), ()
                numbers[node] = len(self.entries)
            self.entries.append((op, params, node.shape, node.dtype, places))

    def marked(self, node: Node, share: int, at_kink: int) -> tuple[int, int]:
        """What another kink sends: where that one is met too, it may change in any way."""
        kind = ((), node.dtype)
        change, zero = len(self.entries), len(self.entries) + 1
        for role in (OTHER, FIXED):
            self.entries.append((None, role, *kind))
            self.given.append(constant_node(np.zeros((), node.dtype), *kind))
        shape = self.inputs[node][1].shape  # type: ignore[index]
        self.entries.append((find("where"), (), shape, node.dtype, (at_kink, change, zero)))
        return share, len(self.entries) - 1

    def follow(self, node: Node) -> tuple[Node, ...]:
        """The inputs by which a dependence goes on; none where it ends."""
        found = self._inputs(node) if len(self.inputs) < _LONGEST else None
        self.inputs[node] = found
        return found or ()

    def _inputs(self, node: Node) -> tuple[Node, ...] | None:
        if self.is_point(node) or not any(map(is_differentiated, node.inputs)):
            return None
        if not is_differentiated(node):
            return None
        if node.op.name in _ROOTS:
            form = node.op.smooth_form(node, frozenset())
            if form is not None:
                return (form.node,)
        if node.op.name == "marked_adjoint":
            return node.inputs[0], node.inputs[3]
        if node.op.kinks or not (node.op.pointwise or node.op.name in _MOVEMENTS):
            return None
        return node.inputs

    def role(self, node: Node) -> str:
        if self.is_point(node):
            return POINT
        if not is_differentiated(node):
            return FIXED
        stepwise = node.op.family != "leaf" and node.inputs  # a choice between what is fixed
        return FIXED if stepwise and not any(map(is_differentiated, node.inputs)) else OTHER

    def is_point(self, node: Node) -> bool:
        return is_same(node, self.point)


def is_differentiated(node: Node) -> bool:
    """Whether an open transform may differentiate by something that the node depends on."""
    if not is_inexact(node.dtype) or not node.varies():
        return False
    assert node.scope is not None
    return any(member.open and not member.abstract for member in node.scope.members)


def is_same(a: Node, b: Node, levels: int = _LEVELS) -> bool:
    """Whether `a` and `b` are one node, or made in the same way of the same nodes."""
    if a is b:
        return True
    if a.op is not b.op or a.params != b.params or a.shape != b.shape or a.dtype is not b.dtype:
        return False
    if is_constant(a) and is_constant(b):
        return bool(np.array_equal(a.value, b.value))
    if not levels or not a.inputs or len(a.inputs) != len(b.inputs):
        return False
    return all(is_same(p, q, levels - 1) for p, q in zip(a.inputs, b.inputs, strict=True))


def values_of(outputs: Sequence[Node]) -> None:
    """Give the nodes below `outputs`, on known values, their values."""
    for node in topological_order(outputs, lambda n: () if n.value is not None else n.inputs):
        if node.value is None:
            node.value = node.op.evaluate(*[i.value for i in node.inputs], *node.params)


def magnitude(node: Node, levels: int = _LEVELS) -> Any:
    """How large the terms are of which the value of a node is the sum: what cancels is small
    beside it."""
    if levels and node.inputs and node.op.name in ("add", "subtract", "multiply", "divide"):
        a, b = node.inputs
        first = magnitude(a, levels - 1)
        if node.op.name == "divide":
            return first / np.abs(b.value)
        second = magnitude(b, levels - 1)
        return first * second if node.op.name == "multiply" else first + second
    if levels and node.inputs and node.op.name == "negative":
        return magnitude(node.inputs[0], levels - 1)
    return np.abs(node.value)


def whole_dependence_between(result: Node, point: Node) -> tuple[Dependence, list[Node]]:
    """As `dependence_between`, but through every operation, so that all of `result` that depends on
    `point` is known; what does not enters as a value."""

    def known(node: Node) -> tuple[Node, ...]:
        return node.inputs if node is not point and is_differentiated(node) else ()

    def inside(node: Node) -> tuple[Node, ...]:
        return node.inputs if node is not point and node in reached else ()

    order = topological_order((result,), known)
    reached: set[Node] = {point}
    for node in order:
        if known(node) and not reached.isdisjoint(node.inputs):
            reached.add(node)
    numbers: dict[Node, int] = {}
    entries: list[Entry] = []
    given: list[Node] = []
    for node in topological_order((result,), inside):
        numbers[node] = len(entries)
        if inside(node):
            places = tuple([numbers[child] for child in node.inputs])
            entries.append((node.op, node.params, node.shape, node.dtype, places))
        else:
            role = POINT if node is point else FIXED
            entries.append((None, role, node.shape, node.dtype))
            given.append(node)
    return Dependence(tuple(entries)), given


def vanishes(node: Node) -> Array:
    """Where the value of a node is 0, but for the rounding of terms that cancel."""
    value = np.asarray(node.value)
    bound = _NEAR * np.finfo(value.dtype).eps * magnitude(node)
    # A single term is its own magnitude: only 0 is below a part of itself.
    return np.asarray((value == 0) | (np.abs(value) <= bound))


def uneven_steps(shape: Shape, number: int) -> Array:
    """Steps between 1 and 2 of which no two stand in a simple ratio."""
    places = np.arange(1, int(np.prod(shape)) + 1).reshape(shape)
    steps: Array = 1 + np.modf(_GOLDEN * places + number * 0.7548776662466927)[0]
    return steps
