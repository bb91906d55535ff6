"""Solving a small dense linear system in operations on tensors, so that it is part of the graph."""

from __future__ import annotations

from adjoint.array.creation import arange, full
from adjoint.graph.tensor import Tensor
from adjoint.ops.choice import abs, where
from adjoint.ops.comparison import equal, logical_and, logical_not
from adjoint.ops.extremum import argmax
from adjoint.ops.movement import reshape
from adjoint.ops.reduction import sum


def solve(a: Tensor, b: Tensor) -> Tensor:
    """The vector x with a x = b, by elimination with the largest pivot of each column.

    Rows stay where they are: after column k the system says x[k] = b[the row that was its pivot].
    inf or nan come back if `a` is singular.
    """
    size = b.shape[0]
    numbers = arange(size)
    unused = full(size, True)
    placed = full((size, size), 0.0, dtype=b.dtype)
    for k in range(size):
        unit = equal(numbers, k).astype(b.dtype)
        column = a @ unit
        pivot = equal(numbers, argmax(where(unused, abs(column), -1.0)))
        weights = pivot.astype(b.dtype)
        head = sum(weights * column)
        row, value = (weights @ a) / head, sum(weights * b) / head
        factors = where(pivot, head - 1.0, column)
        a = a - reshape(factors, (size, 1)) * row
        b = b - factors * value
        placed = placed + reshape(unit, (size, 1)) * weights
        unused = logical_and(unused, logical_not(pivot))
    return placed @ b
