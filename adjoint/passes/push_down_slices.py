"""Slice pushdown: of a product of which only some rows are looked at, only these are computed.

A choice along an axis (a slice, or elements at an index tensor) of a product is the product of what
is chosen of one factor, and so it goes on through what lies between. Each element that is computed
is computed as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.ops.indexing.gather import gather
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.movement import reshape
from adjoint.passes.rewriting import with_inputs

FEWER = 2
"""How many times smaller the choice must be: choosing from the factors is a copy of its own."""

WORK = 1 << 12
"""Multiplications that a product must have for its factors to be worth choosing from: 4096 take a
microsecond or two, as long as the additional steps."""


@dataclass(frozen=True)
class Choice:
    """Some elements along an axis: those at an index tensor, or every `step`th from `start` on."""

    count: int
    axis: int
    index: Node | None = None
    start: int = 0
    step: int = 1

    def along(self, axis: int) -> Choice:
        """The same elements along another axis."""
        return Choice(self.count, axis, self.index, self.start, self.step)

    def of(self, x: Node) -> Node:
        """The elements of `x`."""
        if self.index is None:
            return along(Tensor(x), self.axis, self.start, self.step, self.count).node
        return gather(Tensor(x), [Tensor(flat(self.index))], (self.axis,), self.axis).node


def push_down_slices(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph without products of which most is never looked at."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends else n.inputs)
    if not any(choice_by(node) for node in order if node not in ends):
        return list(outputs)
    wanted = looked_at(order, outputs, ends)
    narrowed = around_products({node: c for node, c in wanted.items() if c and node not in ends})
    if not narrowed or chooses_by_itself(order, narrowed):
        return list(outputs)
    return rewritten(order, outputs, ends, narrowed)


def chooses_by_itself(order: Sequence[Node], narrowed: dict[Node, Choice]) -> bool:
    """Whether a choice depends on a node of which only a choice is made."""
    above: set[Node] = set()
    for node in order:
        if node in narrowed or not above.isdisjoint(node.inputs):
            above.add(node)
    return any(choice.index in above for choice in narrowed.values())


def around_products(chosen: dict[Node, Choice]) -> dict[Node, Choice]:
    """Of the nodes that only choices are made of, the products and what is connected with them."""
    # A choice through elementwise nodes alone saves nothing that fusion does not: it is worth
    # rewriting only where it reaches a product, and then everything on the way must follow.
    near: dict[Node, list[Node]] = {n: [] for n, choice in chosen.items() if passed_on(n, choice)}
    for node in near:
        for child in passed_on(node, chosen[node]) or ():
            if child in near:
                near[node].append(child)
                near[child].append(node)
    stack = [node for node in near if is_heavy(node)]
    found = set(stack)
    while stack:
        for other in near[stack.pop()]:
            if other not in found:
                found.add(other)
                stack.append(other)
    return {node: chosen[node] for node in found}


def looked_at(
    order: Sequence[Node], outputs: Sequence[Node], ends: set[Node]
) -> dict[Node, Choice | None]:
    """For each node the one choice of it that all its users make; None if there is none."""
    # Users before inputs, so that all wishes for a node are known when it is asked what it wishes.
    # The first wish stands until another one differs; then all of the node is needed, for good.
    wanted: dict[Node, Choice | None] = dict.fromkeys(outputs)
    for node in reversed(order):
        if node in ends:
            continue
        choice = choice_by(node)
        if choice is not None and node.inputs[0] is not choice.index:
            asked = {node.inputs[0]: choice}
        else:
            own = wanted[node]
            asked = (own and passed_on(node, own)) or {}
        for child in node.inputs:
            part = asked.get(child)
            if wanted.setdefault(child, part) != part:
                wanted[child] = None
    return wanted


def choice_by(node: Node) -> Choice | None:
    """What a node chooses of its input along one axis, if it keeps all of the others."""
    if not node.inputs:
        return None
    x = node.inputs[0].shape
    if node.op is records.gather:
        axes, position = node.params
        if len(axes) != 1 or position != axes[0]:
            return None
        index = node.inputs[1]
        found = Choice(size_of(index.shape), position, index)
    elif node.op is records.slice:
        starts, steps, sizes, _ = node.params
        cut = [a for a, size in enumerate(x) if size != sizes[a]]
        if len(cut) != 1 or any(steps[a] != 1 for a in range(len(x)) if a not in cut):
            return None
        axis = cut[0]
        found = Choice(sizes[axis], axis, None, starts[axis], steps[axis])
    else:
        return None
    return found if 0 < found.count * FEWER <= x[found.axis] else None


def passed_on(node: Node, choice: Choice) -> dict[Node, Choice] | None:
    """What a choice of `node` chooses of inputs, the others being needed whole; None if all are."""
    axis, rank = choice.axis, len(node.shape)
    if node.op.pointwise:
        axes = [axis - rank + len(x.shape) for x in node.inputs]
    elif node.op is records.matmul:
        axes = [axis - rank + len(x.shape) for x in node.inputs]
        if axis >= rank - 2:
            axes[rank - 1 - axis] = -1  # rows of the first factor, columns of the second
    elif node.op is records.permute_dims:
        axes = [node.params[0][axis]]
    elif node.op is records.reshape:
        axes = [unmoved(node, axis)]
    elif node.op.combine is not None:
        kept = [a for a in range(len(node.inputs[0].shape)) if a not in node.params[0]]
        axes = [kept[axis]]
    else:
        return None
    asked: dict[Node, Choice | None] = {}
    for x, own in zip(node.inputs, axes, strict=True):
        there = own >= 0 and x.shape[own] == node.shape[axis]  # else it is repeated along it
        part = choice.along(own) if there else None
        if asked.setdefault(x, part) != part:
            return None  # as in x x, both ways
    return {x: part for x, part in asked.items() if part} or None


def unmoved(node: Node, axis: int) -> int:
    """The axis of the input that a reshape leaves as its `axis`, or -1."""
    before, given = size_of(node.shape[:axis]), node.inputs[0].shape
    for own, size in enumerate(given):
        if size == node.shape[axis] and size_of(given[:own]) == before:
            return own
    return -1


def is_heavy(node: Node) -> bool:
    """Whether the node is a product with much to compute."""
    return node.op is records.matmul and size_of(node.shape) * node.inputs[0].shape[-1] >= WORK


def rewritten(
    order: Sequence[Node], outputs: Sequence[Node], ends: set[Node], narrowed: dict[Node, Choice]
) -> list[Node]:
    """The outputs of the graph in which only the choices of the nodes in `narrowed` are made."""
    done: dict[Node, Node] = {}
    parts: dict[tuple[Node, Choice], Node] = {}

    def part(x: Node, choice: Choice) -> Node:
        if x in narrowed:
            return done[x]
        if (x, choice) not in parts:
            parts[x, choice] = choice.of(done[x])
        return parts[x, choice]

    for node in order:
        if node in ends or not node.inputs:
            done[node] = node
        elif node in narrowed:
            choice = narrowed[node]
            below = passed_on(node, choice) or {}
            inputs = tuple([part(x, below[x]) if x in below else done[x] for x in node.inputs])
            done[node] = resized(node, inputs, choice)
        elif node.inputs[0] in narrowed:
            done[node] = reshape(Tensor(done[node.inputs[0]]), node.shape).node
        else:
            done[node] = with_inputs(node, tuple([done[x] for x in node.inputs]))
    return [done[node] for node in outputs]


def resized(node: Node, inputs: tuple[Node, ...], choice: Choice) -> Node:
    """`node` of inputs that are smaller along an axis."""
    shape = (*node.shape[: choice.axis], choice.count, *node.shape[choice.axis + 1 :])
    params = (shape,) if node.op.has_shape_params else node.params
    return Node(node.op, inputs, params, shape, node.dtype)


def flat(index: Node) -> Node:
    """An index tensor with one axis."""
    if is_constant(index):
        value = np.asarray(index.value).reshape(-1)
        return constant_node(value, value.shape, index.dtype)
    return reshape(Tensor(index), (size_of(index.shape),)).node
