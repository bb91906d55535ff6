"""What operations make of one-hot inputs: one-hot terms again, which spares the zeros.

A rule receives the node, for each input its terms (None for an input that is the same for all
basis vectors), and the number of basis vectors. It answers None if it needs the zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from adjoint.api.one_hot import (
    Array,
    OneHot,
    OneHots,
    agree,
    dense_by_comparison,
    is_zero,
    spread,
    sum_of,
    sum_where_distinct,
    zeros,
)
from adjoint.graph.node import Node
from adjoint.graph.op import Op, find
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.elementwise.choice import where
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.movement import reshape

Given: TypeAlias = list[OneHots | None]
Rule: TypeAlias = "Callable[[Node, Given, int], OneHots | Tensor | None]"


def only_basis_vector(node: Node, given: Given) -> OneHots:
    """Any operation where there is one basis vector only, and so there are no zeros."""
    values = [t[0].values if t else Tensor(c) for c, t in zip(node.inputs, given, strict=True)]
    return [OneHot(make(node.op, values, node.params), np.broadcast_to(np.int64(0), node.shape))]


def _movement(node: Node, given: Given, size: int) -> OneHots | None:
    """An operation that moves elements: it moves the numbers of the basis vectors alike."""
    count = _count_of_moved(node)
    moved = [n for n, terms in enumerate(given) if terms is not None]
    fixed = [n for n in range(count) if n not in moved]
    indices = node.inputs[count:]
    if not all(is_zero(node.inputs[n]) for n in fixed) or any(i.value is None for i in indices):
        return None
    if node.op.scatters and not _is_injective(node):
        return None
    if all(terms is None or len(terms) == 1 for terms in given):
        return [_move(node, [None if terms is None else terms[0] for terms in given])]
    result: OneHots = []
    for n in moved:
        for term in given[n] or ():
            result.append(_move(node, [term if m == n else None for m in range(len(given))]))
    return result


def _count_of_moved(node: Node) -> int:
    """How many of the inputs hold what is moved; the others say where to."""
    return len(node.inputs) - len(node.op.indexed(node))


def _move(node: Node, given: Sequence[OneHot | None]) -> OneHot:
    count = _count_of_moved(node)
    values: list[Tensor] = []
    basis: list[Array] = []  # one more than the numbers: what `evaluate` fills in is 0, for none
    for number, (child, term) in enumerate(zip(node.inputs, given, strict=True)):
        if number >= count:
            values.append(Tensor(child))
            basis.append(np.asarray(child.value))
        elif term is None:
            values.append(zeros(child.shape, child.dtype))
            basis.append(np.zeros(child.shape, np.int64))
        else:
            values.append(term.values)
            basis.append(term.basis + 1)
    moved = np.asarray(node.op.evaluate(*basis, *node.params))
    return OneHot(make(node.op, values, node.params), moved.astype(np.int64) - 1)


def _is_injective(node: Node) -> bool:
    """Whether no two elements are added to the same place."""
    ones = np.ones(node.inputs[0].shape)
    counts = node.op.evaluate(ones, *(np.asarray(i.value) for i in node.inputs[1:]), *node.params)
    return bool(np.max(counts, initial=0) <= 1)


def _keeps_zeros(node: Node, given: Given, size: int) -> OneHots | None:
    """An operation of one input that makes zeros of zeros."""
    (terms,) = given
    assert terms is not None
    return [OneHot(make(node.op, (t.values,), node.params), t.basis) for t in terms]


def _multiply(node: Node, given: Given, size: int) -> OneHots | None:
    """A product with what is the same for all basis vectors."""
    left, right = given
    if left and right:
        return None
    a, b = map(Tensor, node.inputs)
    pairs = [(t.values, b) for t in left] if left else [(a, t.values) for t in right or ()]
    return [
        OneHot(make(node.op, pair), np.broadcast_to(t.basis, node.shape))
        for pair, t in zip(pairs, left or right or (), strict=True)
    ]


def _divide(node: Node, given: Given, size: int) -> OneHots | None:
    """A quotient by what is the same for all basis vectors."""
    return None if given[0] is None else _multiply(node, given, size)


def _add(negate: bool, node: Node, given: Given, size: int) -> OneHots | None:
    """A sum, or with `negate` a difference: terms that agree on the basis vectors become one."""
    left, right = given
    if left is None or right is None:
        return None
    result = [spread(t, node.shape) for t in left]
    for term in right:
        term = spread(term, node.shape)
        for number, other in enumerate(result[: len(left)]):
            if agree(other.basis, term.basis):
                basis = np.maximum(other.basis, term.basis)
                result[number] = OneHot(make(node.op, (other.values, term.values)), basis)
                break
        else:
            result.append(term._replace(values=-term.values) if negate else term)
    return result


def _where(node: Node, given: Given, size: int) -> OneHots | None:
    """A choice by a condition that is the same for all basis vectors."""
    if given[0] is not None:
        return None
    condition = Tensor(node.inputs[0])
    result: OneHots = []
    for number in (1, 2):
        terms = given[number]
        if terms is None and not is_zero(node.inputs[number]):
            return None
        for term in terms or ():
            zero = zeros((), node.dtype)
            pair = (term.values, zero) if number == 1 else (zero, term.values)
            result.append(spread(OneHot(where(condition, *pair), term.basis), node.shape))
    if len(result) == 2 and given[1] and given[2] and agree(result[0].basis, result[1].basis):
        pair = (given[1][0].values, given[2][0].values)
        return [OneHot(where(condition, *pair), np.maximum(result[0].basis, result[1].basis))]
    return result


def _sum(node: Node, given: Given, size: int) -> OneHots | Tensor | None:
    """A sum over axes."""
    (terms,) = given
    assert terms is not None
    return _sum_over(terms, node.params[0], size)


def _sum_over(terms: OneHots, axes: Sequence[int], size: int) -> OneHots | Tensor | None:
    """The sum over axes that belong to one basis vector, or to one each."""
    one_hot: OneHots = []
    full: list[Tensor] = []
    for values, basis in terms:
        own = np.max(basis, axis=tuple(axes), keepdims=True, initial=-1)
        if agree(basis, own):
            total = reduction.sum(values, tuple(axes))
            one_hot.append(OneHot(total, own.reshape(total.shape)))
            continue
        summed = sum_where_distinct(values, basis, axes, size)
        if summed is None:
            return None
        full.append(summed)
    if full and one_hot:
        full.append(dense_by_comparison(one_hot, size))
    return sum_of(full) if full else one_hot


def _matmul(node: Node, given: Given, size: int) -> OneHots | Tensor | None:
    """A matrix product: with a diagonal matrix it scales rows or columns."""
    left, right = given
    if left and right:
        return None
    a, b = (x.shape for x in node.inputs)
    if a[-1] > size:
        return None
    rank = len(node.shape)
    result: OneHots = []
    for term in left or right or ():
        basis = term.basis[..., None] if left else term.basis[..., None, :, :]
        x = term.values if left else Tensor(node.inputs[0])
        y = term.values if right else Tensor(node.inputs[1])
        values = reshape(x, (*a, 1)) * reshape(y, (*b[:-2], 1, *b[-2:]))
        result.append(OneHot(values, np.broadcast_to(basis, values.shape)))
    return _sum_over(result, (rank - 1,), size)


def _records(*names: str) -> map[Op]:
    return map(find, names)


RULES: dict[Op, Rule] = {
    **dict.fromkeys(
        _records("reshape", "permute_dims", "broadcast_to", "slice", "unslice", "set_slice"),
        _movement,
    ),
    **dict.fromkeys(_records("concat", "stack", "gather", "scatter_add"), _movement),
    **dict.fromkeys(
        _records("variable", "negative", "positive", "astype", "conj", "real", "imag"),
        _keeps_zeros,
    ),
    find("multiply"): _multiply,
    find("divide"): _divide,
    find("add"): partial(_add, False),
    find("subtract"): partial(_add, True),
    find("where"): _where,
    find("sum"): _sum,
    find("matmul"): _matmul,
}
"""Of all other operations the result is made with all zeros in place."""
