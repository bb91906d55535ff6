"""Indices for each axis, and numbers of elements in the flattened tensor, of which neither has a
derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.values import known_integers
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, from_array

__all__ = ["ravel_multi_index", "unravel_index"]


@public
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Tensor, ...]:
    """For each axis of `shape` the indices of the elements that `indices` count when flattened.

    >>> import adjoint as ad
    >>> ad.unravel_index(ad.asarray([3, 4]), (2, 3))
    (Tensor([1, 1]), Tensor([0, 1]))
    """
    places = known_integers("unravel_index", indices)
    found = np.unravel_index(places, shape, order=order)  # type: ignore[call-overload]
    return tuple(from_array(np.asarray(part, np.int64)) for part in found)


@public
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Tensor:
    """The numbers in the flattened tensor of shape `dims` of the elements at an index per axis.

    >>> import adjoint as ad
    >>> ad.ravel_multi_index(([1, 1], ad.asarray([0, 1])), (2, 3))
    Tensor([3, 4])
    """
    given = tuple(known_integers("ravel_multi_index", i) for i in multi_index)
    found = np.ravel_multi_index(given, dims, mode=mode, order=order)  # type: ignore[call-overload]
    return from_array(np.asarray(found, np.int64))
