"""Orders beside the sorted one, with NumPy's names. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.values import known_integers
from adjoint.errors import RangeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import COMPLEX64, COMPLEX128
from adjoint.ops.reductions.reduction import line
from adjoint.ops.reductions.sorting import argsort, sort
from adjoint.ops.shape.movement import astype

__all__ = ["argpartition", "partition", "sort_complex"]


def _kth(name: str, kth: Any, size: int) -> None:
    for k in np.ravel(known_integers(name, kth)).tolist():
        if not -size <= k < size:
            raise RangeError(f"{name}: kth is {k}, but there are {size} elements along the axis")


@public
def partition(x: Any, /, kth: Any, axis: Any = -1, kind: Any = None) -> Tensor:
    """`x` in an order in which element `kth` along `axis` stands as if sorted, those before are
    not larger and those behind not smaller: it is sorted, whatever `kind`. Raises `RangeError`.

    >>> import adjoint as ad
    >>> ad.partition(ad.asarray([3.0, 1.0, 2.0]), 1)
    Tensor([1., 2., 3.])
    """
    x, place = line("partition", as_tensor(x), axis)
    _kth("partition", kth, x.shape[place])
    return sort(x, place)


@public
def argpartition(x: Any, /, kth: Any, axis: Any = -1, kind: Any = None) -> Tensor:
    """The indices (int64) that put `x` in the order of `partition`. Raises `RangeError`.

    >>> import adjoint as ad
    >>> ad.argpartition(ad.asarray([3.0, 1.0, 2.0]), 1)
    Tensor([1, 2, 0])
    """
    x, place = line("argpartition", as_tensor(x), axis)
    _kth("argpartition", kth, x.shape[place])
    return argsort(x, place)


@public
def sort_complex(x: Any, /) -> Tensor:
    """`x` sorted along its last axis, by real parts first, as complex numbers.

    >>> import adjoint as ad
    >>> ad.sort_complex(ad.asarray([2.0, 1.0]))
    Tensor([1.+0.j, 2.+0.j])
    """
    x = sort(x)
    single = x.dtype.kind in "iu" and x.dtype.itemsize <= 2  # as NumPy has it
    wanted = x.dtype if x.dtype.kind == "c" else COMPLEX64 if single else COMPLEX128
    return astype(x, wanted)
