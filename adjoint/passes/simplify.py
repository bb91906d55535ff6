"""Simplification: rules of algebra that hold for every IEEE number, nan, ∞ and -0 included.

A rule is a function from a node to an equal one, or None if it does not apply. So x + 0 stays (it
turns -0 into 0), and so does 0 x (it is nan for ∞); x - 0, 1 x and x / 1 go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.open_numbers import OpenArray, array_of
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.ops.elementwise.arithmetic import add, multiply, negative, subtract
from adjoint.ops.elementwise.choice import where
from adjoint.ops.family.elementwise import Binary
from adjoint.ops.indexing.bounds import counted_axis
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape, split_axes
from adjoint.passes.constant_folding import number_in
from adjoint.passes.logic import (
    any_of_conjunction,
    any_of_nothing,
    conjunction,
    disjunction,
    known_choice,
    sum_of_zeros,
)
from adjoint.passes.lost_questions import Questions
from adjoint.passes.rewriting import rebuild

Rule = Callable[[Node], Node | None]


def simplify(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph with fewer operations."""
    questions = Questions(inputs)

    def rule(node: Node) -> Node:
        for _ in range(8):
            found = next(filter(None, (apply(node) for apply in RULES.get(node.op, ()))), None)
            if found is None or not node.inputs:
                break
            if node.op in CHOICES and questions.are_lost(node, found):
                break
            node = found
        return node

    return rebuild(outputs, inputs, rule)


def is_number(node: Node, number: float) -> bool:
    """Whether the node is the constant `number` everywhere."""
    found = number_in(node)
    if found is None or found.dtype.kind == "c":
        return False  # (1 + 0i) (∞ + i) is not ∞ + i in floating point
    value = array_of(found.value).item()
    return bool(value == number) and not (number == 0 and np.signbit(value))


def broadcast(x: Node, node: Node) -> Node | None:
    """`x` in the shape of `node`; None if their dtypes differ."""
    if x.dtype is not node.dtype:
        return None
    if x.shape == node.shape:
        return x
    return broadcast_to(Tensor(x), node.shape).node


def identity(node: Node) -> Node | None:
    """variable(x), +x and stop_gradient(x) are x once nobody differentiates any more."""
    return node.inputs[0] if node.inputs else None


def sum_of_negative(node: Node) -> Node | None:
    """a + (-b) = a - b and (-a) + b = b - a."""
    a, b = node.inputs
    if b.op is records.negative and b.inputs:
        return _binary(subtract, a, b.inputs[0])
    if a.op is records.negative and a.inputs:
        return _binary(subtract, b, a.inputs[0])
    return None


def difference(node: Node) -> Node | None:
    """a - (-b) = a + b and a - 0 = a."""
    a, b = node.inputs
    if b.op is records.negative and b.inputs:
        return _binary(add, a, b.inputs[0])
    return broadcast(a, node) if is_number(b, 0) else None


def product(node: Node) -> Node | None:
    """1 a = a 1 = a, (-1) a = -a, and (-a) (-b) = a b."""
    a, b = node.inputs
    for x, factor in ((a, b), (b, a)):
        if is_number(factor, 1):
            return broadcast(x, node)
        if is_number(factor, -1) and (same := broadcast(x, node)) is not None:
            return negative(Tensor(same)).node
    if a.op is b.op is records.negative and a.inputs and b.inputs:
        return _binary(multiply, a.inputs[0], b.inputs[0])
    return None


def product_of_vectors(node: Node) -> Node | None:
    """x yᵀ, a product of matrices of depth one, is the product of each pair, and + 0: 0 + -0 = 0.

    So it can be fused with what follows, and need not be stored.
    """
    x, y = node.inputs
    if x.shape[-1] != 1 or node.dtype.kind != "f":
        return None
    pairs = _binary(multiply, x, y)
    nothing = constant_node(np.zeros((), node.dtype), (), node.dtype)
    added = _binary(add, product(pairs) or pairs, nothing)
    return sum_of_negative(added) or added


def quotient(node: Node) -> Node | None:
    """a / 1 = a, and a / 2ⁿ = a 2⁻ⁿ."""
    a, b = node.inputs
    if is_number(b, 1):
        return broadcast(a, node)
    if is_constant(b) and size_of(b.shape) == 1 and b.dtype.kind == "f":
        value = array_of(b.value)
        if is_power_of_two(value):
            inverse = np.divide(1, value, dtype=b.dtype)
            return _binary(multiply, a, constant_node(inverse, b.shape, b.dtype))
    return None


def is_power_of_two(value: Any) -> bool:
    """Whether a floating-point number is ± 2ⁿ, and so is its inverse."""
    if type(value) is OpenArray:
        return value.ask(is_power_of_two)
    mantissa, exponent = np.frexp(value)
    return bool(abs(mantissa.item()) == 0.5 and abs(exponent.item()) < 100)


def twice(node: Node) -> Node | None:
    """-(-x) = x."""
    x = node.inputs[0]
    return x.inputs[0] if x.op is records.negative and x.inputs else None


def same_movement(node: Node) -> Node | None:
    """A movement of a movement of the same kind is one; one that changes nothing is none."""
    x = node.inputs[0]
    if x.op is node.op and x.inputs:
        return Node(node.op, x.inputs, node.params, node.shape, node.dtype)
    return x if x.shape == node.shape else None


def slice_of_slices(node: Node) -> Node | None:
    """What was put into zeros and is taken out of them again is itself."""
    x = node.inputs[0]
    if x.op is records.unslice and x.inputs and x.params[:3] == node.params[:3]:
        return reshape(Tensor(x.inputs[0]), node.shape).node
    return None


def permutation(node: Node) -> Node | None:
    """A permutation of a permutation is one, or none."""
    x = node.inputs[0]
    if x.op is node.op and x.inputs:
        order = tuple(x.params[0][a] for a in node.params[0])
        return permute_dims(Tensor(x.inputs[0]), order).node
    return None


def choice(node: Node) -> Node | None:
    """where(c, x, x) = x; where(not c, x, y) = where(c, y, x)."""
    condition, a, b = node.inputs
    if a is b:
        return broadcast(a, node)
    if condition.op is records.logical_not and condition.inputs:
        inner = condition.inputs[0]
        if inner.dtype == np.bool_:
            return where(*map(Tensor, (inner, b, a))).node
    return None


def sum_of_one(node: Node) -> Node | None:
    """The sum over axes of size one."""
    x = node.inputs[0]
    left = tuple(a for a in node.params[0] if x.shape[a] != 1)
    if len(left) == len(node.params[0]):
        return None
    nothing = Tensor(constant_node(np.zeros((), x.dtype), (), x.dtype))
    if left:
        total = reduction.sum(Tensor(x), left)
    else:
        added = (Tensor(x) + nothing).node  # 0 + -0 = 0
        total = Tensor(sum_of_negative(added) or added)
    return reshape(total, node.shape).node


def sum_of_rows(node: Node) -> Node | None:
    """The sum along a row of which one element is not zero is this one (see `bounds`)."""
    (x,) = node.inputs
    axes = node.params[0]
    if (
        x.op is not records.where
        or x.inputs[0].op is not records.equal
        or not is_number(x.inputs[2], 0)
    ):
        return None
    (numbers, index), value = x.inputs[0].inputs, x.inputs[1]
    axis = counted_axis(numbers, len(x.shape))
    if axis is None or axis not in axes or not index.inputs or len(index.shape) != len(x.shape):
        return None
    while index.op in (records.astype, records.reshape, records.permute_dims) and index.inputs:
        index = index.inputs[0]
    row = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    if index.op is not records.bounded_index or index.params[1] != x.shape[axis]:
        return None
    if len(value.shape) != len(x.shape) or value.shape[axis] != 1:
        return None
    spread = broadcast_to(Tensor(value), row)
    return reshape(reduction.sum(spread, axes), node.shape).node


def sum_of_joined(node: Node) -> Node | None:
    """A sum of joined axes is one of the axes, and can be taken where they are computed."""
    (x,) = node.inputs
    negated = x.op is records.negative and bool(x.inputs)
    joined = x.inputs[0] if negated else x
    if joined.op is not records.reshape or not joined.inputs:
        return None
    (inner,) = joined.inputs
    parts = split_axes(joined.shape, inner.shape)
    if parts is None or len(inner.shape) <= len(joined.shape):
        return None
    axes = tuple(sorted(a for axis in node.params[0] for a in parts[axis]))
    if not axes or not inner.op.pointwise or not inner.inputs:
        return None  # what is there, or made by a call, can have any shape
    y = negative(Tensor(inner)) if negated else Tensor(inner)
    return reshape(reduction.sum(y, axes), node.shape).node


def _binary(function: Binary, a: Node, b: Node) -> Node:
    return function(Tensor(a), Tensor(b)).node


CHOICES = (records.where, records.logical_and, records.logical_or)
"""Operations whose rules may leave out an input that is computed."""

RULES: dict[Op, tuple[Rule, ...]] = {
    records.variable: (identity,),
    records.positive: (identity,),
    records.stop_gradient: (identity,),
    records.add: (sum_of_negative,),
    records.subtract: (difference,),
    records.multiply: (product,),
    records.divide: (quotient,),
    records.matmul: (product_of_vectors,),
    records.negative: (twice,),
    records.reshape: (same_movement,),
    records.broadcast_to: (same_movement,),
    records.permute_dims: (permutation,),
    records.slice: (slice_of_slices,),
    records.where: (choice, known_choice),
    records.logical_and: (conjunction,),
    records.logical_or: (disjunction,),
    records.any: (any_of_nothing, any_of_conjunction),
    records.sum: (sum_of_zeros, sum_of_one, sum_of_rows, sum_of_joined),
}
