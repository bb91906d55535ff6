"""Movement: reshape, permute, broadcast, convert. Linear, and no arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.arrays import converted
from adjoint.graph.device import check_device
from adjoint.graph.loop_form import ZERO, Index, Loops, broadcast_index
from adjoint.graph.node import Node
from adjoint.graph.op import public_storage, register
from adjoint.graph.tensor import Tensor, as_stored, as_tensor, make
from adjoint.graph.types import (
    DType,
    Shape,
    as_shape,
    broadcast_shapes,
    derivative_dtype,
    is_inexact,
    normalize_axes,
    normalize_axis,
    size_of,
    storage_dtype,
)
from adjoint.graph.views import reshaped
from adjoint.ops.family.broadcasting import align, fit, sum_to
from adjoint.ops.family.linear import Linear

__all__ = [
    "astype",
    "broadcast_to",
    "expand_dims",
    "matrix_transpose",
    "permute_dims",
    "reshape",
    "squeeze",
]


@lru_cache(maxsize=4096)
def split_axes(given: Shape, shape: Shape) -> tuple[tuple[int, ...], ...] | None:
    """For each axis of a tensor the axes into which a reshape splits it; None if some are joined.

    Axes of size one belong to none.
    """
    rest = [axis for axis, size in enumerate(shape) if size != 1]
    found = []
    for size in given:
        own = []
        part = 1
        while part < size and rest:
            own.append(rest.pop(0))
            part *= shape[own[-1]]
        if part != size:
            return None
        found.append(tuple(own))
    return None if rest else tuple(found)


class Reshape(Linear):
    name = "reshape"
    moves = keeps_order = has_shape_params = True
    param_names = ("shape",)

    def infer(self, x: Node, shape: Shape) -> tuple[Shape, DType]:
        return shape, x.dtype

    def evaluate(self, x: Any, shape: Shape) -> Any:
        return np.reshape(x, shape)

    native = True

    def lowers(self, node: Node) -> bool:
        """Where axes are split, and such of size one come or go; else it is a view of memory."""
        return split_axes(node.inputs[0].shape, node.shape) is not None

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x = node.inputs[0]
        where = []
        for axes in split_axes(x.shape, node.shape) or ():
            place = ZERO
            for axis in axes:
                place = place * node.shape[axis] + index[axis]
            where.append(place)
        return loops.read(x, tuple(where))

    def is_row_generic(self, node: Node) -> bool:
        return True

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return reshape(adjoint, node.inputs[0].shape)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return reshape(inputs[0], (inputs[0].shape[0], *node.shape))


class PermuteDims(Linear):
    name = "permute_dims"
    moves = True
    param_names = ("axes",)

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        return tuple([x.shape[a] for a in axes]), x.dtype

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.transpose(x, axes)

    native = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        where = dict(zip(node.params[0], index, strict=True))
        return loops.read(node.inputs[0], tuple([where[a] for a in range(len(index))]))

    def is_row_generic(self, node: Node) -> bool:
        return True

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return permute_dims(adjoint, tuple(int(a) for a in np.argsort(node.params[0])))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return permute_dims(inputs[0], (0, *(a + 1 for a in node.params[0])))


class BroadcastTo(Linear):
    name = "broadcast_to"
    moves = has_shape_params = True
    param_names = ("shape",)

    def infer(self, x: Node, shape: Shape) -> tuple[Shape, DType]:
        return shape, x.dtype

    def evaluate(self, x: Any, shape: Shape) -> Any:
        return np.broadcast_to(x, shape)

    native = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x = node.inputs[0]
        return loops.read(x, broadcast_index(index, x.shape))

    def is_row_generic(self, node: Node) -> bool:
        return True

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return sum_to(adjoint, node.inputs[0].shape)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        return masks[0]

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        x = align(inputs[0], len(node.shape))
        return broadcast_to(x, (x.shape[0], *node.shape))


class AsType(Linear):
    name = "astype"
    param_names = ("dtype",)

    def infer(self, x: Node, dtype: DType) -> tuple[Shape, DType]:
        return x.shape, dtype

    def evaluate(self, x: Any, dtype: DType) -> Any:
        return converted(x, dtype)

    native = pointwise = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        return loops.e.convert(loops.read(node.inputs[0], index), node.dtype)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        (tangent,) = tangents
        if tangent is None or tangent.node.dtype is (dtype := derivative_dtype(node.dtype)):
            return tangent
        return make(self, (tangent,), (dtype,))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return fit(adjoint, node.inputs[0])

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        return masks[0]

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)


_reshape, _permute, _broadcast, _astype = map(
    register, (Reshape(), PermuteDims(), BroadcastTo(), AsType())
)


_converted: WeakValueDictionary[tuple[int, DType], Node] = WeakValueDictionary()
"""The conversions of what is differentiated, of which each is made once. So what several users of
a float32 variable send back in float64 is added up before it is rounded: it may nearly cancel."""


@public_storage
def reshape(x: Any, /, shape: Any, *, order: str = "C", copy: Any = None) -> Tensor:
    """`x` in another `shape` with as many elements, in row-major order; one size may be -1.

    order: "F" takes and lays out the elements in column-major order. With copy=False the result is
    a view: what is written into it is written into `x`.

    >>> import adjoint as ad
    >>> ad.reshape(ad.arange(6), (2, -1))
    Tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    if copy is False:
        return _view(as_stored(x), shape, order)
    x = as_stored(x)
    node = x.node
    if type(shape) is tuple and shape == node.shape:
        return Tensor(node)
    new = _new_shape(node.shape, _as_sizes(shape))
    if order != "C":
        if order not in ("F", "A", "K"):
            raise RangeError(f'reshape: order must be "C" or "F", got {order!r}')
        if order == "F":
            return permute_dims(reshape(permute_dims(x), new[::-1]))
    return Tensor(node if new == node.shape else Node(_reshape, (node,), (new,), new, node.dtype))


def _view(x: Tensor, shape: Any, order: str) -> Tensor:
    """`x` in another shape, sharing its memory."""
    if order != "C":
        raise RangeError(
            f"reshape: copy=False, but order={order!r} makes a copy; leave one of them out"
        )
    return reshaped(reshape(x, shape), x, "reshape")


def _as_sizes(shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple of integers, of which one may be -1."""
    if type(shape) is tuple:
        for size in shape:
            if type(size) is not int:
                break
        else:
            return shape
    if isinstance(shape, (np.ndarray, Tensor)):
        shape = np.ravel(np.asarray(shape)).tolist()
    single = not isinstance(shape, Iterable)
    wanted = (shape,) if single else tuple(shape)
    known = as_shape("reshape", tuple(0 if size == -1 else size for size in wanted))
    return tuple(-1 if w == -1 else size for w, size in zip(wanted, known, strict=True))


@lru_cache(maxsize=4096)
def _new_shape(given: Shape, wanted: Shape) -> Shape:
    """The shape to which a tensor of shape `given` is brought, with -1 filled in."""
    size = size_of(given)
    new = wanted
    if -1 in wanted:
        known = size_of(tuple(s for s in wanted if s != -1))
        if wanted.count(-1) > 1 or known <= 0 or size % known:
            raise ShapeError(
                f"reshape: {wanted} cannot be completed for a tensor of shape {given} with {size} "
                f"elements; at most one size may be -1, and the others must divide the number"
            )
        new = tuple(size // known if s == -1 else s for s in wanted)
    if min(new, default=0) < 0:
        raise ShapeError(f"reshape: sizes must not be negative, got {wanted}")
    if size_of(new) != size:
        raise ShapeError(
            f"reshape: a tensor of shape {given} has {size} elements, shape {new} has "
            f"{size_of(new)}; the numbers must be equal (one size may be -1)"
        )
    return new


@public_storage
def permute_dims(x: Any, /, axes: Iterable[int] | None = None) -> Tensor:
    """`x` with its axes in the order `axes`; None reverses them (`numpy.transpose`).

    >>> import adjoint as ad
    >>> ad.permute_dims(ad.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = as_stored(x)
    rank = x.ndim
    usual = tuple(range(rank))
    if axes is None:
        order = usual[::-1]
    else:
        order = tuple([normalize_axis("permute_dims", a, rank) for a in axes])
        if tuple(sorted(order)) != usual:
            raise ShapeError(
                f"permute_dims: axes {tuple(axes)} do not name each of the {rank} axes of a "
                f"tensor of shape {x.shape} once"
            )
    return Tensor(x.node) if order == usual else make(_permute, (x,), (order,))


@public_storage
def matrix_transpose(x: Any, /) -> Tensor:
    """`x` with its last two axes exchanged.

    >>> import adjoint as ad
    >>> ad.matrix_transpose(ad.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    node = as_stored(x).node
    shape = node.shape
    if len(shape) < 2:
        raise ShapeError(f"matrix_transpose: needs at least 2 axes, got shape {shape}")
    *lead, rows, columns = range(len(shape))
    turned = *shape[:-2], shape[-1], shape[-2]
    return Tensor(Node(_permute, (node,), ((*lead, columns, rows),), turned, node.dtype))


@public_storage
def broadcast_to(x: Any, /, shape: Any) -> Tensor:
    """`x` repeated along new axes and axes of size one, up to `shape`.

    >>> import adjoint as ad
    >>> ad.broadcast_to(ad.asarray([1.0, 2.0]), (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    x = as_stored(x)
    new = as_shape("broadcast_to", shape)
    if new == x.node.shape:
        return Tensor(x.node)
    node = x.node
    if broadcast_shapes("broadcast_to", node.shape, new) != new:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not broadcast to {new}")
    return Tensor(Node(_broadcast, (node,), (new,), new, node.dtype))


@public_storage
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """`x` converted to `dtype`; from floating to integer numbers the fraction is cut off.

    With copy=False a tensor that has `dtype` already is returned as it is.

    >>> import adjoint as ad
    >>> ad.astype(ad.asarray([1.7, -1.7]), "int64")
    Tensor([ 1, -1])
    """
    if device is not None:
        check_device("astype", device)
    x = as_stored(x)
    wanted = storage_dtype(dtype)
    node = x.node
    if node.dtype is wanted:
        return Tensor(node) if copy else x
    if node.scope is None or not is_inexact(node.dtype):
        return make(_astype, (x,), (wanted,))
    found = _converted.get((id(node), wanted))
    if found is None or not found.inputs or found.inputs[0] is not node:
        found = _converted[id(node), wanted] = make(_astype, (x,), (wanted,)).node
    return Tensor(found)


def fitting(x: Any, dtype: DType) -> Tensor:
    """`x` converted to `dtype`; `TooLargeError` at a Python integer that does not fit."""
    exact = isinstance(x, (int, list, tuple)) and dtype.kind in "iu"
    return as_tensor(x, dtype) if exact else astype(x, dtype)


@public_storage
def expand_dims(x: Any, /, axis: Any = 0) -> Tensor:
    """`x` with a new axis of size one at each position in `axis`, counted in the result.

    >>> import adjoint as ad
    >>> ad.expand_dims(ad.zeros(3), 1).shape
    (3, 1)
    """
    x = as_stored(x)
    count = len(tuple(axis)) if isinstance(axis, Iterable) else 1
    axes = normalize_axes("expand_dims", axis, x.ndim + count)
    old = iter(x.shape)
    return reshape(x, tuple(1 if i in axes else next(old) for i in range(x.ndim + count)))


@public_storage
def squeeze(x: Any, /, axis: Any = None) -> Tensor:
    """`x` without its axes of size one, or without those named by `axis`.

    >>> import adjoint as ad
    >>> ad.squeeze(ad.zeros((1, 3, 1))).shape
    (3,)
    """
    x = as_stored(x)
    if axis is None:
        axes = tuple(i for i, size in enumerate(x.shape) if size == 1)
    else:
        axes = normalize_axes("squeeze", axis, x.ndim)
    for a in axes:
        if x.shape[a] != 1:
            raise ShapeError(f"squeeze: axis {a} of shape {x.shape} has size {x.shape[a]}, not 1")
    return reshape(x, tuple(size for i, size in enumerate(x.shape) if i not in axes))
