"""Joining, splitting, padding and shaping, with NumPy's names: composites of few operations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from adjoint.array.values import known
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph import types
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import Shape, as_shape, normalize_axis
from adjoint.ops.indexing.indexing import getitem
from adjoint.ops.indexing.slicing import along, pick
from adjoint.ops.shape.joining import concat, joined
from adjoint.ops.shape.movement import broadcast_to, reshape

__all__ = [
    "append",
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "broadcast_arrays",
    "broadcast_shapes",
    "column_stack",
    "compress",
    "dsplit",
    "dstack",
    "extract",
    "hsplit",
    "hstack",
    "meshgrid",
    "split",
    "unstack",
    "vsplit",
    "vstack",
]


def _at_least(x: Any, rank: int) -> Tensor:
    x = as_tensor(x)
    shape = x.shape
    if len(shape) >= rank:
        return Tensor(x.node)
    if rank == 3 and shape:
        return reshape(x, (1, *shape, 1) if len(shape) == 1 else (*shape, 1))
    return reshape(x, (1,) * (rank - len(shape)) + shape)


def _each_at_least(xs: tuple[Any, ...], rank: int) -> Any:
    found = tuple(_at_least(x, rank) for x in xs)
    return found[0] if len(found) == 1 else found


@public
def atleast_1d(*xs: Any) -> Any:
    """The tensor with at least one axis; a tuple of them if several are given.

    >>> import adjoint as ad
    >>> ad.atleast_1d(1.0)
    Tensor([1.])
    """
    return _each_at_least(xs, 1)


@public
def atleast_2d(*xs: Any) -> Any:
    """The tensor with at least two axes, new ones in front; a tuple if several are given.

    >>> import adjoint as ad
    >>> ad.atleast_2d(ad.asarray([1.0, 2.0])).shape
    (1, 2)
    """
    return _each_at_least(xs, 2)


@public
def atleast_3d(*xs: Any) -> Any:
    """The tensor with at least three axes, as in NumPy; a tuple if several are given.

    >>> import adjoint as ad
    >>> ad.atleast_3d(ad.asarray([1.0, 2.0])).shape
    (1, 2, 1)
    """
    return _each_at_least(xs, 3)


@public
def hstack(tensors: Any, /, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """The tensors side by side: joined along axis 1, or axis 0 if they are vectors.

    >>> import adjoint as ad
    >>> ad.hstack([ad.ones((2, 1)), ad.zeros((2, 1))])
    Tensor([[1., 0.],
            [1., 0.]])
    """
    given = [_at_least(x, 1) for x in joined("hstack", tensors, dtype, casting)]
    return concat(given, 0 if given[0].ndim == 1 else 1)


@public
def vstack(tensors: Any, /, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """The tensors one above the other: joined along axis 0, vectors as rows.

    >>> import adjoint as ad
    >>> ad.vstack([ad.ones(2), ad.zeros(2)])
    Tensor([[1., 1.],
            [0., 0.]])
    """
    return concat([_at_least(x, 2) for x in joined("vstack", tensors, dtype, casting)], 0)


@public
def dstack(tensors: Any, /) -> Tensor:
    """The tensors one behind the other: joined along axis 2.

    >>> import adjoint as ad
    >>> ad.dstack([ad.ones(2), ad.zeros(2)]).shape
    (1, 2, 2)
    """
    return concat([_at_least(x, 3) for x in joined("dstack", tensors)], 2)


@public
def column_stack(tensors: Any, /) -> Tensor:
    """The tensors joined along axis 1, vectors as columns.

    >>> import adjoint as ad
    >>> ad.column_stack([ad.ones(2), ad.zeros(2)])
    Tensor([[1., 0.],
            [1., 0.]])
    """
    given = joined("column_stack", tensors)
    return concat([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in given], 1)


@public
def append(x: Any, /, values: Any, axis: int | None = None) -> Tensor:
    """`x` and `values` joined along `axis`; None flattens them first.

    >>> import adjoint as ad
    >>> ad.append(ad.asarray([1.0, 2.0]), 3.0)
    Tensor([1., 2., 3.])
    """
    return concat([x, values], axis)


@public
def block(blocks: Any, /) -> Tensor:
    """A tensor from nested lists of blocks: innermost lists are joined along the last axis.

    >>> import adjoint as ad
    >>> ad.block([[ad.eye(1), ad.zeros((1, 1))], [ad.ones((1, 2))]])
    Tensor([[1., 0.],
            [1., 1.]])
    """
    blocks = _tensors(blocks)
    depth = _depth(blocks)
    rank = max(depth, _rank(blocks))

    def build(item: Any, level: int) -> Tensor:
        if not isinstance(item, list):
            if level != depth:
                raise ShapeError("block: all lists must be nested to the same depth")
            return reshape(item, (1,) * (rank - item.ndim) + item.shape)
        if not item:
            raise ArgumentError("block: a block must not be an empty list")
        return concat([build(part, level + 1) for part in item], rank - depth + level)

    return build(blocks, 0)


def _tensors(item: Any) -> Any:
    """Nested lists with tensors in them."""
    return [_tensors(part) for part in item] if isinstance(item, list) else as_tensor(item)


def _depth(item: Any) -> int:
    return 1 + _depth(item[0]) if isinstance(item, list) and item else 0


def _rank(item: Any) -> int:
    return max(map(_rank, item), default=0) if isinstance(item, list) else item.ndim


@public
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The tensors that lie along `axis`, one for each index, without that axis.

    >>> import adjoint as ad
    >>> ad.unstack(ad.asarray([1.0, 2.0]))
    (Tensor(1.), Tensor(2.))
    """
    x = as_tensor(x)
    axis = normalize_axis("unstack", axis, x.ndim)
    return tuple(pick(x, axis, i) for i in range(x.shape[axis]))


def _pieces(x: Tensor, cuts: Iterable[int], axis: int) -> list[Tensor]:
    """The parts of `x` between `cuts` along `axis`, which may be as in a Python slice."""
    size = x.shape[axis]
    bounds = [0, *cuts, size]
    pieces = []
    for low, high in pairwise(bounds):
        start, stop, _ = slice(low, high).indices(size)
        pieces.append(along(x, axis, start if start < stop else 0, 1, max(0, stop - start)))
    return pieces


@public
def split(x: Any, /, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """`x` cut along `axis` into that many equal sections, or before each of the given indices.

    Raises `ShapeError` if equal sections are impossible; see `array_split`.

    >>> import adjoint as ad
    >>> ad.split(ad.asarray([1.0, 2.0, 3.0]), [1])
    [Tensor([1.]), Tensor([2., 3.])]
    """
    x = as_tensor(x)
    axis = normalize_axis("split", axis, x.ndim)
    if hasattr(indices_or_sections, "__index__") and x.shape[axis] % int(indices_or_sections):
        raise ShapeError(
            f"split: axis {axis} of size {x.shape[axis]} cannot be split into "
            f"{indices_or_sections} equal sections; use array_split, or give indices"
        )
    return array_split(x, indices_or_sections, axis)


@public
def array_split(x: Any, /, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """As `split`, but the first sections are longer by one where equal ones are impossible.

    >>> import adjoint as ad
    >>> ad.array_split(ad.asarray([1.0, 2.0, 3.0]), 2)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    x = as_tensor(x)
    axis = normalize_axis("array_split", axis, x.ndim)
    if not hasattr(indices_or_sections, "__index__"):
        return _pieces(x, [int(i) for i in indices_or_sections], axis)
    count = indices_or_sections.__index__()
    if count < 1:
        raise RangeError(f"array_split: the number of sections must be positive, got {count}")
    each, longer = divmod(x.shape[axis], count)
    return _pieces(x, [i * each + min(i, longer) for i in range(1, count)], axis)


@public
def hsplit(x: Any, /, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 1, or axis 0 of a vector.

    >>> import adjoint as ad
    >>> ad.hsplit(ad.asarray([1.0, 2.0]), 2)
    [Tensor([1.]), Tensor([2.])]
    """
    x = as_tensor(x)
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


@public
def vsplit(x: Any, /, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 0 of a tensor with at least two axes.

    >>> import adjoint as ad
    >>> ad.vsplit(ad.eye(2), 2)
    [Tensor([[1., 0.]]), Tensor([[0., 1.]])]
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"vsplit: needs at least 2 axes, got shape {x.shape}")
    return split(x, indices_or_sections, 0)


@public
def dsplit(x: Any, /, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 2.

    >>> import adjoint as ad
    >>> [piece.shape for piece in ad.dsplit(ad.zeros((2, 2, 4)), 2)]
    [(2, 2, 2), (2, 2, 2)]
    """
    return split(x, indices_or_sections, 2)


@public
def compress(condition: Any, x: Any, /, axis: int | None = None) -> Tensor:
    """The parts of `x` along `axis` at which the vector `condition` holds; None flattens `x`.

    >>> import adjoint as ad
    >>> ad.compress([True, False, True], ad.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 3.])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalize_axis("compress", axis, x.ndim)
    chosen = np.flatnonzero(known(condition))
    return getitem(x, (slice(None),) * axis + (chosen,))


@public
def extract(condition: Any, x: Any, /) -> Tensor:
    """The elements of `x` at which `condition`, of the same size, holds, as a vector.

    >>> import adjoint as ad
    >>> x = ad.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.extract(x > 1, x)
    Tensor([2., 3., 4.])
    """
    return compress(known(condition).ravel(), x)


@public
def shape(x: Any, /) -> Shape:
    """The sizes of the axes, for ``numpy.shape(t)``."""
    return as_tensor(x).shape


@public
def ndim(x: Any, /) -> int:
    """The number of axes, for ``numpy.ndim(t)``."""
    return as_tensor(x).ndim


@public
def size(x: Any, /, axis: Any = None) -> int:
    """The number of elements, or of those along one axis or several, for ``numpy.size(t)``."""
    sizes: Shape = as_tensor(x).shape
    return math.prod([sizes[a] for a in types.normalize_axes("size", axis, len(sizes))])


@public
def broadcast_arrays(*xs: Any) -> tuple[Tensor, ...]:
    """The tensors broadcast to their common shape.

    >>> import adjoint as ad
    >>> ad.broadcast_arrays(ad.asarray([1.0, 2.0]), 0.0)
    (Tensor([1., 2.]), Tensor([0., 0.]))
    """
    given = [as_tensor(x) for x in xs]
    shape = types.broadcast_shapes("broadcast_arrays", *(x.shape for x in given))
    return tuple(broadcast_to(x, shape) for x in given)


def broadcast_shapes(*shapes: Any) -> Shape:
    """The shape to which tensors of these shapes broadcast.

    >>> import adjoint as ad
    >>> ad.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    given = (as_shape("broadcast_shapes", shape) for shape in shapes)
    return types.broadcast_shapes("broadcast_shapes", *given)


@public
def meshgrid(
    *xs: Any, copy: bool = True, indexing: str = "xy", sparse: bool = False
) -> tuple[Tensor, ...]:
    """Coordinates of a grid: a tensor for each vector, which it repeats along the others' axes.

    indexing: "xy" exchanges the first two axes, "ij" does not. sparse: leave axes of size one.
    copy is of no effect, as tensors share no memory.

    >>> import adjoint as ad
    >>> ad.meshgrid(ad.asarray([1.0, 2.0]), ad.asarray([3.0, 4.0]), indexing="ij")
    (Tensor([[1., 1.], [2., 2.]]), Tensor([[3., 4.], [3., 4.]]))
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f'meshgrid: indexing must be "xy" or "ij", got {indexing!r}')
    given = [reshape(x, (-1,)) for x in map(as_tensor, xs)]
    order = list(range(len(given)))
    if indexing == "xy" and len(given) > 1:
        order[:2] = 1, 0
    rank = len(given)
    grids = tuple(
        reshape(x, (1,) * a + (x.shape[0],) + (1,) * (rank - a - 1))
        for x, a in zip(given, order, strict=True)
    )
    return grids if sparse else broadcast_arrays(*grids)
