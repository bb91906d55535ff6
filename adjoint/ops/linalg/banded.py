"""Systems of equations with banded matrices, in LAPACK's form: each diagonal in a row.

A matrix with `lower` diagonals below the main one and `upper` above stands in lower + upper + 1
rows; its element (i, j) is at row upper + i - j, column j. What stands beyond the ends of the
diagonals is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import LinAlgError
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.indexing.slicing import along, pick
from adjoint.ops.reductions.reduction import conjugate, sum
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import reshape

__all__ = ["banded_matmul", "solve_banded", "transpose_banded"]


class SolveBanded(Op):
    """The solution X of A X = B for a banded A and the columns of B.

    From A X = B follows Ẋ = A⁻¹ (Ḃ - Ȧ X), so B̄ = A⁻ᴴ X̄, and Ā is what of -B̄ Xᴴ is in the bands.
    """

    name = "solve_banded"
    family = "linalg"
    param_names = ("lower", "upper")

    def infer(self, bands: Node, b: Node, lower: int, upper: int) -> tuple[Shape, DType]:
        return b.shape, b.dtype

    def evaluate(self, bands: Any, b: Any, lower: int, upper: int) -> Any:
        solve = import_module("scipy.linalg").solve_banded
        if not b.size:
            return np.zeros_like(b)
        try:
            result = solve((lower, upper), np.array(bands), np.array(b), check_finite=False)
        except np.linalg.LinAlgError:
            raise LinAlgError(
                "solve_banded: the matrix is singular: it has no inverse; check its diagonal"
            ) from None
        return result.astype(b.dtype, copy=False)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_bands, moved = tangents
        lower, upper = node.params
        if by_bands is not None:
            change = banded_matmul(by_bands, Tensor(node), lower, upper)
            moved = -change if moved is None else moved - change
        return None if moved is None else make(self, (Tensor(node.inputs[0]), moved), node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        bands = Tensor(node.inputs[0])
        lower, upper = node.params
        turned = conjugate(transpose_banded(bands, lower, upper))
        back = make(self, (turned, adjoint), (upper, lower))
        if not wanted[0]:
            return None, back
        x = conjugate(Tensor(node))
        rows = [
            -sum(shifted(back, upper_row - upper) * x, 1) for upper_row in range(lower + upper + 1)
        ]
        return stack(rows), back if wanted[1] else None


_solve_banded = register(SolveBanded())


def solve_banded(bands: Tensor, b: Tensor, lower: int, upper: int) -> Tensor:
    """The solution for the columns of `b`, as `SolveBanded` says."""
    return make(_solve_banded, (bands, b), (lower, upper))


def banded_matmul(bands: Tensor, x: Tensor, lower: int, upper: int) -> Tensor:
    """The product of a banded matrix with the columns of `x`."""
    total: Tensor | None = None
    for row in range(lower + upper + 1):
        diagonal = reshape(pick(bands, 0, row), (bands.shape[1], 1))
        part = shifted(diagonal * x, upper - row)
        total = part if total is None else total + part
    assert total is not None
    return total


def transpose_banded(bands: Tensor, lower: int, upper: int) -> Tensor:
    """The transpose, which has `upper` diagonals below the main one, and `lower` above."""
    rows = [shifted(pick(bands, 0, row), upper - row) for row in range(lower + upper + 1)]
    return stack(rows[::-1])


def shifted(x: Tensor, by: int) -> Tensor:
    """The rows (elements) of `x` moved up `by` places, or down where negative; zeros come in."""
    size = x.shape[0]
    if not by:
        return x
    count = min(abs(by), size)
    zeros = from_array(np.zeros((count, *x.shape[1:]), x.dtype))
    if by > 0:
        return concat([along(x, 0, count, 1, size - count), zeros])
    return concat([zeros, along(x, 0, 0, 1, size - count)])
