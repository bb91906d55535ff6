"""Indexing for users: ``x[index]`` and its kin, by slices, `gather` and `scatter`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.errors import DTypeError, OutOfBoundsError, RangeError, ShapeError
from adjoint.graph import engine
from adjoint.graph.arrays import checked_range, plain_array
from adjoint.graph.node import Node
from adjoint.graph.op import OPS, public, public_storage
from adjoint.graph.storage import in_float32, is_stored, rounded, widened
from adjoint.graph.tensor import Tensor, as_stored, as_tensor, from_array
from adjoint.graph.types import (
    BOOL,
    INT64,
    DType,
    Shape,
    broadcast_shapes,
    normalize_axis,
)
from adjoint.ops.elementwise.arithmetic import remainder
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.indexing.bounds import bounded, integer_index
from adjoint.ops.indexing.gather import (
    gather,
    gathered_shape,
    scatter_add,
)
from adjoint.ops.indexing.index_parser import Selection, read_index
from adjoint.ops.indexing.scatter_set import scatter_set
from adjoint.ops.indexing.slicing import put_into_zeros, put_slice
from adjoint.ops.shape.movement import broadcast_to, reshape

__all__ = [
    "getitem",
    "index_add",
    "nonzero",
    "put_along_axis",
    "setitem",
    "take",
    "take_along_axis",
]

_SLICE = OPS["slice"]
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


@lru_cache(maxsize=4096)
def _at_integer(shape: Shape, index: int) -> tuple[Any, ...] | None:
    """The parameters of the slice that an integer means."""
    if not shape or not -shape[0] <= index < shape[0]:
        return None
    zeros, ones = (0,) * (len(shape) - 1), (1,) * len(shape)
    return (index % shape[0], *zeros), ones, (1, *shape[1:]), shape[1:]


def _written_out(index: Any) -> tuple[Any, ...] | None:
    """An index of integers, slices, None and Ellipsis as something hashable; None for others."""
    items: list[Any] = []
    for item in index if type(index) is tuple else (index,):
        if type(item) is slice:
            bounds = item.start, item.stop, item.step
            for bound in bounds:
                if bound is not None and type(bound) is not int:
                    return None
            items.append(bounds)
        elif type(item) is int or item is None or item is Ellipsis:
            items.append(item)
        else:
            return None
    return tuple(items)


@lru_cache(maxsize=4096)
def _at_slices(shape: Shape, written: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The parameters of the slice that an index means; None if it takes the whole."""
    index = tuple(slice(*item) if type(item) is tuple else item for item in written)
    chosen = read_index("getitem", shape, index)
    if tuple(chosen.sizes) == shape and set(chosen.steps) <= {1}:
        return None
    return (*chosen.params, tuple(chosen.shape))


@public_storage
def getitem(x: Any, index: Any, /) -> Tensor:
    """``x[index]``, for every index that NumPy takes.

    Integers, slices, None, Ellipsis, integer and boolean tensors, arrays and lists, mixed. The
    value of a boolean mask is needed at once, as it decides the shape. An element chosen twice
    receives the sum of two adjoints. Raises `OutOfBoundsError`, `DTypeError`, `ShapeError`.

    >>> import adjoint as ad
    >>> x = ad.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> x[1, ::-1], x[:, [0, 0]]
    (Tensor([4., 3.]), Tensor([[1., 1.], [3., 3.]]))
    """
    x = as_stored(x)
    node = x.node
    if type(index) is int:
        params = _at_integer(node.shape, index)
        if params is not None:
            return Tensor(Node(_SLICE, (node,), params, params[3], node.dtype))
    elif (written := _written_out(index)) is not None:
        params = _at_slices(node.shape, written)
        if params is not None:
            return Tensor(Node(_SLICE, (node,), params, params[3], node.dtype))
    if node.dtype.kind == "V":
        return in_float32(getitem, (x, index), {})
    chosen = read_index("getitem", node.shape, index)
    part = chosen.slice(x)
    if chosen.indices:
        return gather(part, chosen.indices, tuple(chosen.axes), chosen.position)
    return Tensor(part.node)


@public_storage
def setitem(x: Any, index: Any, value: Any, /) -> Tensor:
    """`x` with `value`, which broadcasts, in place of ``x[index]``: what ``x[index] = value`` does.

    The value is converted to the dtype of `x`; `DTypeError` if that would cut something off. If
    an element is written twice, the last value stays and alone receives an adjoint. A mask
    with a value that need not be dealt out in turn is a `where`, and its value is not needed.

    >>> import adjoint as ad
    >>> ad.setitem(ad.zeros(4), slice(1, 3), 7.0)
    Tensor([0., 7., 7., 0.])
    """
    if is_stored(x):
        return rounded(setitem(widened(x), index, value))
    x = as_tensor(x)
    value = _converted("setitem", value, x.node.dtype)
    masked = _where_mask(x, index, value)
    if masked is not None:
        return masked
    chosen = read_index("setitem", x.shape, index)
    if not chosen.indices:
        value = _fitted("setitem", value, tuple(chosen.shape))
        return put_slice(x, value, *chosen.params)
    part = chosen.slice(x)
    axes = tuple(chosen.axes)
    value = _fitted("setitem", value, _shape_at(chosen))
    part = scatter_set(part, value, chosen.indices, axes, chosen.position, chosen.unique)
    return put_slice(x, part, *chosen.params)


def _shape_at(chosen: Selection) -> Shape:
    """The shape of what an index with index tensors chooses."""
    nodes = [index.node for index in chosen.indices]
    return gathered_shape(tuple(chosen.shape), nodes, tuple(chosen.axes), chosen.position)


def _converted(name: str, value: Any, dtype: DType) -> Tensor:
    """`value` as a tensor of `dtype`, if nothing is cut off; Python's integers must fit."""
    if type(value) is int and dtype.kind in "iu":
        return as_tensor(value, dtype)
    v = as_tensor(value)
    if isinstance(value, (list, tuple)) and v.node.op.name == "constant":
        checked_range(np.asarray(v.node.value), dtype)
    if _RANK[v.node.dtype.kind] > _RANK[dtype.kind]:
        raise DTypeError(
            f"{name}: a value of dtype {v.dtype} does not fit into a tensor of dtype {dtype} "
            f"without loss; convert one of them first (astype)"
        )
    return as_tensor(v, dtype)


def _fitted(name: str, value: Tensor, shape: Shape) -> Tensor:
    """`value` broadcast to `shape`; superfluous axes of size one in front are dropped."""
    given = value.node.shape
    extra = len(given) - len(shape)
    if extra > 0 and given[:extra] == (1,) * extra:
        value = reshape(value, given[extra:])
    try:
        if broadcast_shapes(name, value.shape, shape) == shape:
            return broadcast_to(value, shape)
    except ShapeError:
        pass
    raise ShapeError(
        f"{name}: a value of shape {given} does not broadcast to {shape}, the shape of what the "
        f"index chooses"
    )


def _where_mask(x: Tensor, index: Any, value: Tensor) -> Tensor | None:
    """Setting by one boolean mask a value that is the same at each of its places."""
    if isinstance(index, (np.ndarray, list)):
        index = plain_array(index) if not _has_tensor(index) else None
        if index is None or index.dtype != np.bool_:
            return None
    elif type(index) is not Tensor or index.node.dtype is not BOOL:
        return None
    rank = index.ndim
    if not rank or index.shape != x.shape[:rank] or value.ndim > x.ndim - rank:
        return None
    value = _fitted("setitem", value, x.shape[rank:])
    mask = reshape(as_tensor(index), index.shape + (1,) * (x.ndim - rank))
    return where(mask, value, x)


def _has_tensor(index: Any) -> bool:
    return isinstance(index, list) and any(type(i) is Tensor or _has_tensor(i) for i in index)


@public_storage
def index_add(x: Any, index: Any, value: Any, /) -> Tensor:
    """`x` with `value`, which broadcasts, added to ``x[index]``; places named twice get both.

    As ``numpy.add.at``, but the result is a new tensor. Raises as `setitem`.

    >>> import adjoint as ad
    >>> ad.index_add(ad.zeros(3), [0, 0, 2], ad.asarray([1.0, 2.0, 4.0]))
    Tensor([3., 0., 4.])
    """
    if is_stored(x):
        return rounded(index_add(widened(x), index, value))
    x = as_tensor(x)
    value = _converted("index_add", value, x.node.dtype)
    chosen = read_index("index_add", x.shape, index)
    if chosen.indices:
        value = _fitted("index_add", value, _shape_at(chosen))
        axes, shape = tuple(chosen.axes), tuple(chosen.shape)
        value = scatter_add(value, chosen.indices, axes, chosen.position, shape)
    else:
        value = _fitted("index_add", value, tuple(chosen.shape))
    result: Tensor = x + put_into_zeros(value, *chosen.params, x.shape)
    return result


@public
def take(x: Any, /, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
    """The elements of `x` at the integers `indices` along `axis`; None means of flattened `x`.

    The axes of `indices` stand in place of `axis`. mode: what to do with an index out of bounds,
    "raise", "wrap" or "clip". Raises `OutOfBoundsError`, `DTypeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.take(ad.asarray([10.0, 20.0, 30.0]), ad.asarray([2, 0, 2]))
    Tensor([30., 10., 30.])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalize_axis("take", axis, x.ndim)
    index = integer_index("take", _index_tensor(indices), "indices")
    if mode == "wrap":
        index = remainder(index, x.shape[axis])
    elif mode == "clip":
        index = clip(index, 0, x.shape[axis] - 1)
    elif mode != "raise":
        raise RangeError(f'take: mode must be "raise", "wrap" or "clip", got {mode!r}')
    bounded("take", index, axis, x.shape[axis])
    return gather(x, (index,), (axis,), axis)


def _index_tensor(indices: Any) -> Tensor:
    if isinstance(indices, (list, tuple)) and not indices:
        return from_array(np.zeros(0, np.int64))
    return as_tensor(indices)


def _along(name: str, x: Tensor, indices: Any, axis: int) -> list[Tensor]:
    """An index tensor for each axis of `x`: `indices` for `axis`, each its own number elsewhere."""
    index = integer_index(name, _index_tensor(indices), "indices")
    if index.ndim != x.ndim:
        raise ShapeError(
            f"{name}: indices of shape {index.shape} need as many axes as the tensor, which has "
            f"shape {x.shape}"
        )
    for a, (size, given) in enumerate(zip(x.shape, index.shape, strict=True)):
        if a != axis and size != given and 1 not in (size, given):
            raise ShapeError(
                f"{name}: indices of shape {index.shape} and a tensor of shape {x.shape} must "
                f"have equal sizes (or 1) except along axis {axis}; axis {a} differs"
            )
    bounded(name, index, axis, x.shape[axis])
    own = [np.arange(size).reshape(-1, *(1,) * (x.ndim - a - 1)) for a, size in enumerate(x.shape)]
    return [index if a == axis else from_array(number) for a, number in enumerate(own)]


@public
def take_along_axis(x: Any, /, indices: Any, axis: int | None = -1) -> Tensor:
    """``result[..., i, ...] = x[..., indices[..., i, ...], ...]`` along `axis`.

    `indices` holds integers and has as many axes as `x`; the other axes broadcast. With axis None
    both are about flattened `x`. Raises `ShapeError`, `OutOfBoundsError`, `DTypeError`.

    >>> import adjoint as ad
    >>> x = ad.asarray([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])
    >>> ad.take_along_axis(x, ad.asarray([[1, 2, 0], [2, 1, 0]]), axis=1)
    Tensor([[1., 2., 3.],
            [4., 5., 6.]])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalize_axis("take_along_axis", axis, x.ndim)
    return gather(x, _along("take_along_axis", x, indices, axis), tuple(range(x.ndim)), 0)


@public_storage
def put_along_axis(x: Any, /, indices: Any, values: Any, axis: int | None = -1) -> Tensor:
    """`x` with `values` written to the places that `take_along_axis` would take from.

    A tensor is written to, as NumPy's function does, for whose sake nothing need be returned; of an
    array the result is a new tensor. If a place is named twice, the last value stays. Raises as
    `take_along_axis`.

    >>> import adjoint as ad
    >>> ad.put_along_axis(ad.zeros((2, 2)), ad.asarray([[0], [1]]), 5.0, axis=1)
    Tensor([[5., 0.],
            [0., 5.]])
    """
    if is_stored(x):
        result = rounded(put_along_axis(widened(x), indices, values, axis))
        if isinstance(x, Tensor):
            x[...] = result
        return result
    given, x = x, as_tensor(x)
    flat = reshape(x, (-1,)) if axis is None else x
    axis = 0 if axis is None else normalize_axis("put_along_axis", axis, x.ndim)
    places = _along("put_along_axis", flat, indices, axis)
    shape = broadcast_shapes("put_along_axis", *(place.shape for place in places))
    v = _fitted("put_along_axis", _converted("put_along_axis", values, x.node.dtype), shape)
    result = reshape(scatter_set(flat, v, places, tuple(range(flat.ndim)), 0, False), x.shape)
    if given is x:
        x[...] = result
    return result


@public
def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, one integer tensor for each axis.

    The value of `x` is needed at once, as it decides the shape. Raises `OutOfBoundsError` for a
    0-d tensor.

    >>> import adjoint as ad
    >>> ad.nonzero(ad.asarray([3.0, 0.0, 5.0]))
    (Tensor([0, 2]),)
    """
    x = as_tensor(x)
    if not x.ndim:
        raise OutOfBoundsError("nonzero: a 0-d tensor has no axis; give it one with expand_dims")
    value = np.asarray(engine.value_of(x.node))
    return tuple(from_array(index.astype(INT64)) for index in np.nonzero(value))
