"""Where elements are, and in which order several keys put them; indices have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.values import known
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.indexing.indexing import take_along_axis
from adjoint.ops.reductions.sorting import argsort

__all__ = ["argwhere", "flatnonzero", "lexsort"]


def argwhere(a: Any, /) -> Tensor:
    """The indices of the elements that are not zero, one row for each of them.

    The value of `a` is needed at once, as it decides the shape.

    >>> import adjoint as ad
    >>> ad.argwhere(ad.asarray([[0.0, 1.0], [2.0, 0.0]]))
    Tensor([[0, 1],
            [1, 0]])
    """
    return from_array(np.ascontiguousarray(np.argwhere(known(a)), np.int64))


def flatnonzero(a: Any, /) -> Tensor:
    """The indices of the elements of the flattened tensor that are not zero.

    The value of `a` is needed at once, as it decides the shape.

    >>> import adjoint as ad
    >>> ad.flatnonzero(ad.asarray([[0.0, 1.0], [2.0, 0.0]]))
    Tensor([1, 2])
    """
    return from_array(np.asarray(np.flatnonzero(known(a)), np.int64))


@public
def lexsort(keys: Any, axis: int = -1) -> Tensor:
    """The indices that sort by the last of `keys`, where it ties by the one before, and so on.

    The keys, tensors of one shape, are sorted along `axis`. Raises `ArgumentError` if there is
    none, `ShapeError`, `AxisError`.

    >>> import adjoint as ad
    >>> ad.lexsort(([1, 0, 0], [2, 1, 2]))
    Tensor([1, 2, 0])
    """
    given = [as_tensor(key) for key in keys]
    if not given:
        raise ArgumentError("lexsort: give at least one key")
    shapes = {key.shape for key in given}
    if len(shapes) > 1:
        raise ShapeError(f"lexsort: keys must have the same shape, got {sorted(shapes)}")
    if not given[0].ndim:
        return from_array(np.zeros((), np.int64))
    order = argsort(given[0], axis=axis)
    for key in given[1:]:
        again = argsort(take_along_axis(key, order, axis=axis), axis=axis)
        order = take_along_axis(order, again, axis=axis)
    return order
