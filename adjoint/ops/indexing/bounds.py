"""Index tensors: whether they stay within bounds, and those that only count.

Where one element is added in each row, as the gradient of a cross-entropy does, the row is that
element at one place and zero elsewhere: an elementwise choice, which fuses with what is around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import DTypeError, OutOfBoundsError
from adjoint.graph.loop_form import Index, Loops
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import INT64, DType, Shape, size_of
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.family.elementwise import zero
from adjoint.ops.shape.movement import astype, broadcast_to, permute_dims, reshape

Array: TypeAlias = "np.ndarray[Any, Any]"


def check_bounds(name: str, index: Array, axis: int, size: int) -> None:
    """Raise `OutOfBoundsError` if an element of `index` points outside an axis of `size`."""
    if index.size == 0:
        return
    low, high = index.min(), index.max()
    if low < -size or high >= size:
        allowed = f"allowed: {-size} to {size - 1}" if size else "the axis is empty"
        raise OutOfBoundsError(
            f"{name}: index {low if low < -size else high} is out of bounds for axis {axis} with "
            f"size {size} ({allowed})"
        )


def has_elements(indexed: Sequence[tuple[Node, int, int]]) -> bool:
    """Whether indices point into axes that have elements: of one that has none, none can be read,
    not even in the place of one that does not exist."""
    return all(size > 0 for _, _, size in indexed)


def check_known(nodes: Iterable[Node]) -> None:
    """Raise `OutOfBoundsError` if a constant points outside: code does not ask where these do.

    They are looked at when they are written down, but some are computed from others only later.
    """
    for node in nodes:
        for index, axis, size in node.op.indexed(node):
            if index.op.name == "constant":
                check_bounds("indexing", np.asarray(index.value), axis, size)


def bounded(name: str, index: Tensor, axis: int, size: int) -> None:
    """Check the bounds of an index tensor now if its value is known."""
    value = index.node.value
    if value is not None:
        check_bounds(name, np.asarray(value), axis, size)


def integer_index(name: str, index: Tensor, what: str = "an index") -> Tensor:
    """`index` as int64; raises `DTypeError` unless it holds integers."""
    if index.node.dtype.kind not in "iu":
        raise DTypeError(
            f"{name}: {what} must hold integers, got dtype {index.dtype}; convert it with "
            f".astype('int64')"
        )
    return astype(index, np.int64)


class Bounded(Op):
    """An index into an axis, counted from the front and found to be within bounds."""

    name = "bounded_index"
    param_names = ("axis", "size")
    native = pointwise = True

    def infer(self, index: Node, axis: int, size: int) -> tuple[Shape, DType]:
        return index.shape, INT64

    def evaluate(self, index: Any, axis: int, size: int) -> Any:
        index = np.asarray(index, np.int64)
        check_bounds("indexing", index, axis, size)
        return np.where(index < 0, index + size, index)

    def indexed(self, node: Node) -> Sequence[tuple[Node, int, int]]:
        return [(node.inputs[0], *node.params)]

    def lowers(self, node: Node) -> bool:
        return has_elements(self.indexed(node))

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        return in_bounds(loops, loops.read(node.inputs[0], index), node.params[1])

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)


_bounded = register(Bounded())


def bounded_index(index: Tensor, axis: int, size: int) -> Tensor:
    """`index` counted from the front; outside the axis it is an error, raised with the value."""
    return make(_bounded, (index,), (axis, size))


def in_bounds(loops: Loops, number: Any, size: int, known: bool = False) -> Any:
    """An index as a scalar counted from the front; unless `known` to be, checked and clamped."""
    e = loops.e
    number = e.convert(number, "int64")
    number = e.select(e.less(number, 0), e.add(number, size), number)
    if not known:
        loops.check(e.bitwise_and(e.greater_equal(number, 0), e.less(number, size)))
        number = e.minimum(e.maximum(number, 0), size - 1)
    return number


def counted_axis(node: Node, rank: int) -> int | None:
    """The axis, of `rank`, along which a constant index tensor counts 0, 1, 2 …; else None."""
    long = [a for a, size in enumerate(node.shape) if size != 1]
    if node.op.name != "constant" or len(long) != 1:
        return None
    if not np.array_equal(np.ravel(node.value), np.arange(node.shape[long[0]])):
        return None
    return rank - len(node.shape) + long[0]


def one_in_each_row(
    values: Tensor, indices: Sequence[Node], axes: Sequence[int], position: int, shape: Shape
) -> Tensor | None:
    """The sum of `values` scattered into `shape`, if each row of it gets but one; else None.

    All index tensors but one then count along the axes of the index, one each.
    """
    rank = max(len(node.shape) for node in indices)
    counted = [counted_axis(node, rank) for node in indices]
    if counted.count(None) != 1 or not size_of(shape):
        return None
    number = counted.index(None)
    scattered = axes[number]
    block = values.shape[position : position + rank]
    along = {a: c for a, c in zip(axes, counted, strict=True) if c is not None}
    rows = {c: shape[a] for a, c in along.items()}
    if len(rows) < len(along) or block != tuple(rows.get(c, 1) for c in range(rank)):
        return None
    # where the axes of the result but the scattered one stand among those of the values
    rest = iter([a for a in range(values.ndim) if not position <= a < position + rank])
    kept = [a for a in range(len(shape)) if a != scattered]
    order = [position + along[a] if a in along else next(rest) for a in kept]
    row = tuple(1 if a == scattered else n for a, n in enumerate(shape))
    values = arranged(values, order, row)
    index: Tensor = broadcast_to(Tensor(indices[number]), block)
    index = bounded_index(index, scattered, shape[scattered])
    flat = tuple(n if a in along else 1 for a, n in enumerate(shape))
    index = arranged(index, [along[a] for a in sorted(along)], flat)
    return put_at(index, values, scattered, shape)


def arranged(x: Tensor, order: Sequence[int], shape: Shape) -> Tensor:
    """`x` with its axes in an order, those of size one left out or put in."""
    left = [a for a in range(x.ndim) if a not in order]
    return reshape(permute_dims(x, (*order, *left)), shape)


def put_at(index: Tensor, values: Tensor, axis: int, shape: Shape) -> Tensor:
    """`values`, of size one along `axis`, at the place `index` along it, in zeros of `shape`."""
    short = np.dtype(np.int32) if shape[axis] <= np.iinfo(np.int32).max else INT64
    numbers = np.arange(shape[axis], dtype=short).reshape(-1, *(1,) * (len(shape) - axis - 1))
    mask = equal(from_array(numbers), astype(index, short))
    nothing = zero(values.node.dtype)
    result: Tensor = where(mask, values + nothing, nothing)  # 0 + -0 = 0
    return result
