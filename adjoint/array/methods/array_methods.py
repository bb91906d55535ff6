"""Methods of NumPy's arrays that tensors have because the functions of the same names are here."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array import partitioning
from adjoint.array.manipulation import editing, joining
from adjoint.graph.tensor import Tensor
from adjoint.ops.reductions import sorting


def argpartition(self: Tensor, kth: Any, axis: Any = -1, kind: Any = None) -> Tensor:
    """The indices that put the elements along `axis` in the order of `partition`."""
    return partitioning.argpartition(self, kth, axis)


def choose(self: Tensor, choices: Any, mode: str = "raise") -> Tensor:
    """At each place the element of the tensor in `choices` that the integer there names."""
    return editing.choose(self, choices, mode)


def compress(self: Tensor, condition: Any, axis: int | None = None) -> Tensor:
    """The parts along `axis` at which the vector `condition` holds; None flattens first."""
    return joining.compress(condition, self, axis)


def partition(self: Tensor, kth: Any, axis: int = -1, kind: Any = None) -> None:
    """Sort in place, so that element `kth` along `axis` stands where it belongs."""
    self[...] = partitioning.partition(self, kth, axis)


def put(self: Tensor, indices: Any, values: Any, mode: str = "raise") -> None:
    """Write `values`, in turn, to the places `indices` of the flattened elements."""
    np.put(self, indices, values, mode)  # type: ignore[arg-type]


def searchsorted(self: Tensor, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
    """The indices at which the elements of `v` would keep this sorted tensor sorted."""
    return sorting.searchsorted(self, v, side, sorter)


def tobytes(self: Tensor, order: Any = "C") -> bytes:
    """The value as bytes."""
    return self.numpy().tobytes(order)


def attach() -> None:
    """Give the methods to tensors."""
    for method in (argpartition, choose, compress, partition, put, searchsorted, tobytes):
        setattr(Tensor, method.__name__, method)
