"""Tensors along an axis of basis vectors that are zero for all of them but one, at each element.

The derivative of an elementwise function is diagonal: of all basis vectors only one reaches an
element. A `OneHot` keeps the one value at each element, and the number of the basis vector that it
belongs to. The zeros are made in the end. They are zeros by construction, whatever stands beside
them: never 0·∞.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, size_of
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape

Array: TypeAlias = "np.ndarray[Any, Any]"

_MOST_COMPARED = 2
"""Terms that an operand has at most for comparisons at each element to cost less than a scatter."""
_SPARSE = 4
"""Zeros there must be for each value before scattering the values costs less than comparing."""

_broadcast, _constant = find("broadcast_to"), find("constant")
_gather, _scatter_add = find("gather"), find("scatter_add")


class OneHot(NamedTuple):
    """``values[i]`` for the basis vector ``basis[i]``, zero for all others; for none where < 0."""

    values: Tensor
    basis: Array


OneHots: TypeAlias = list[OneHot]
"""Terms of which the tensor is the sum."""


def dense(terms: OneHots, size: int, last: bool = False) -> Tensor:
    """The sum with all its zeros, as a result: the axis of basis vectors in front, or `last`."""
    count = sum(int(np.count_nonzero(t.basis >= 0)) for t in terms)
    is_sparse = 0 < count * _SPARSE <= size * size_of(terms[0].values.shape)
    return (_dense_by_scatter if is_sparse else dense_by_comparison)(terms, size, last)


def dense_operand(terms: OneHots, size: int) -> Tensor:
    """The sum with all its zeros, for other operations to work on, with which it may fuse."""
    if len(terms) <= _MOST_COMPARED:
        return dense_by_comparison(terms, size)
    return dense(terms, size)


def dense_by_comparison(terms: OneHots, size: int, last: bool = False) -> Tensor:
    """At each element the value where the basis vector is its own, else 0: this fuses."""
    shape = terms[0].values.shape
    if size == 1:
        return reshape(terms[0].values, (*shape, 1) if last else (1, *shape))
    kind = np.int32 if size <= np.iinfo(np.int32).max else np.int64
    numbers = np.arange(size, dtype=kind)
    if last:
        terms = [OneHot(reshape(t.values, (*shape, 1)), t.basis[..., None]) for t in terms]
    else:
        numbers = numbers.reshape(-1, *(1,) * len(shape))
    summands = []
    for values, basis in terms:
        is_own = equal(from_array(numbers), from_array(basis.astype(kind)))
        summands.append(where(is_own, values, zeros((), values.node.dtype)))
    return sum_of(summands)


def _dense_by_scatter(terms: OneHots, size: int, last: bool) -> Tensor:
    """Zeros to which the values are added one by one."""
    shape = terms[0].values.shape
    many = size_of(shape)
    values, places = [], []
    for term in terms:
        basis = term.basis.ravel()
        kept = np.flatnonzero(basis >= 0)
        if kept.size:
            values.append(take_rows(reshape(term.values, (many,)), kept))
            places.append(kept * size + basis[kept] if last else basis[kept] * many + kept)
    joined = values[0] if len(values) == 1 else concat(values)
    flat = scatter_rows(joined, np.concatenate(places), (size * many,))
    return reshape(flat, (*shape, size) if last else (size, *shape))


def sum_where_distinct(
    values: Tensor, basis: Array, axes: Sequence[int], size: int
) -> Tensor | None:
    """The dense sum over axes, if along them each element has a basis vector of its own."""
    rest = tuple(a for a in range(values.ndim) if a not in axes)
    shape = tuple(values.shape[a] for a in rest)
    count = size_of(values.shape) // max(1, size_of(shape))
    table = np.transpose(basis, (*axes, *rest)).reshape(count, -1)
    if not table.size or (table != table[:, :1]).any():
        return None
    own = table[:, 0]
    rows = permute_dims(values, (*axes, *rest))
    rows = take_rows(reshape(rows, (count, *shape)), np.flatnonzero(own >= 0))
    own = own[own >= 0]
    if np.array_equal(own, np.arange(size)):
        return rows
    return scatter_rows(rows, own, (size, *shape)) if own.size else None


def take_rows(x: Tensor, kept: Array) -> Tensor:
    """The rows of `x` with the numbers `kept`, which ascend."""
    count = x.shape[0]
    if kept.size == count:
        return x
    if kept[-1] - kept[0] == kept.size - 1:
        return x[int(kept[0]) : int(kept[-1]) + 1]
    return make(_gather, (x, from_array(kept)), ((0,), 0))


def scatter_rows(rows: Tensor, places: Array, shape: Shape) -> Tensor:
    """Zeros of `shape`, to whose rows with the numbers `places` the `rows` are added."""
    return make(_scatter_add, (rows, from_array(places)), ((0,), 0, shape))


def spread(term: OneHot, shape: Shape) -> OneHot:
    """The term repeated as broadcasting repeats it."""
    values = term.values
    if values.shape != shape:
        values = broadcast_to(values, shape)
    return OneHot(values, np.broadcast_to(term.basis, shape))


def agree(a: Array, b: Array) -> bool:
    """Whether no element belongs to different basis vectors in two terms."""
    return bool(((a == b) | (a < 0) | (b < 0)).all())


def ones(node: Node) -> Tensor:
    """Ones in the shape and dtype of a node."""
    return _filled(1, node.shape, node.dtype)


def zeros(shape: Shape, dtype: DType) -> Tensor:
    """Zeros that are known as such."""
    return _filled(0, shape, dtype)


def _filled(number: int, shape: Shape, dtype: DType) -> Tensor:
    x = Tensor(constant_node(np.full((), number, dtype), (), dtype))
    return broadcast_to(x, shape) if shape else x


def is_zero(node: Node) -> bool:
    """Whether the node is a constant 0, repeated perhaps."""
    while node.op is _broadcast and node.inputs:
        node = node.inputs[0]
    return node.op is _constant and not np.asarray(node.value).any()


def sum_of(terms: Iterable[Tensor]) -> Tensor:
    """The sum of one tensor or more."""
    first, *others = terms
    for other in others:
        first = first + other
    return first
