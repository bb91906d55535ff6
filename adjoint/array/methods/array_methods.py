"""Methods of NumPy's arrays that tensors have because the functions of the same names are here."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor


def argpartition(self: Tensor, kth: Any, axis: Any = -1, kind: Any = None) -> Tensor:
    """The indices that put the elements along `axis` in the order of `partition`."""
    found: Tensor = FUNCTIONS["argpartition"](self, kth, axis)
    return found


def choose(self: Tensor, choices: Any, mode: str = "raise") -> Tensor:
    """At each place the element of the tensor in `choices` that the integer there names."""
    found: Tensor = FUNCTIONS["choose"](self, choices, mode)
    return found


def compress(self: Tensor, condition: Any, axis: int | None = None) -> Tensor:
    """The parts along `axis` at which the vector `condition` holds; None flattens first."""
    found: Tensor = FUNCTIONS["compress"](condition, self, axis)
    return found


def partition(self: Tensor, kth: Any, axis: int = -1, kind: Any = None) -> None:
    """Sort in place, so that element `kth` along `axis` stands where it belongs."""
    self[...] = FUNCTIONS["partition"](self, kth, axis)


def put(self: Tensor, indices: Any, values: Any, mode: str = "raise") -> None:
    """Write `values`, in turn, to the places `indices` of the flattened elements."""
    np.put(self, indices, values, mode)  # type: ignore[arg-type]


def searchsorted(self: Tensor, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
    """The indices at which the elements of `v` would keep this sorted tensor sorted."""
    found: Tensor = FUNCTIONS["searchsorted"](self, v, side, sorter)
    return found


def tobytes(self: Tensor, order: Any = "C") -> bytes:
    """The value as bytes."""
    return self.numpy().tobytes(order)


def attach() -> None:
    """Give the methods to tensors."""
    for method in (argpartition, choose, compress, partition, put, searchsorted, tobytes):
        setattr(Tensor, method.__name__, method)
