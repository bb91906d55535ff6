"""The factors L and U of P A = L U, differentiable, P being held fixed.

With D = P Ȧ and C = L⁻¹ D U⁻¹ the factors change by L̇ = L tril(C, -1) and U̇ = triu(C) U. Hence
P Ā = L⁻ᴴ (tril(Lᴴ L̄, -1) + triu(Ū Uᴴ)) U⁻ᴴ (S. F. Walter and L. Lehmann, *Algorithmic
differentiation of linear algebra functions*, 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import INT64, DType, Shape
from adjoint.ops.elementwise.complex import conj, real
from adjoint.ops.indexing.indexing import take_along_axis
from adjoint.ops.indexing.slicing import pick
from adjoint.ops.linalg.lu import lu_factor
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose
from adjoint.ops.linalg.triangular import triangular_solve
from adjoint.ops.reductions.sorting import argsort
from adjoint.ops.shape.movement import astype, matrix_transpose, reshape
from adjoint.ops.shape.rearrange import tril, triu

__all__ = ["lu_parts", "pivot_order"]


class PivotOrder(Op):
    """For each row of P A the number of the row of A, from the exchanges of rows that are P."""

    name = "pivot_order"
    family = "linalg"

    def infer(self, exchanged: Node) -> tuple[Shape, DType]:
        return exchanged.shape, INT64

    def evaluate(self, exchanged: Any) -> Any:
        exchanged = exchanged.astype(np.int64)
        order = np.broadcast_to(np.arange(exchanged.shape[-1]), exchanged.shape).copy()
        for place in np.ndindex(exchanged.shape[:-1]):
            row = order[place]
            for i, j in enumerate(exchanged[place]):
                row[[i, j]] = row[[j, i]]
        return order

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs)


class LUParts(Stacked):
    """U, and below its diagonal L, whose diagonal is 1; inputs are A, its factors, the order."""

    name = "lu_parts"

    def infer(self, a: Node, factors: Node, order: Node) -> tuple[Shape, DType]:
        return a.shape, a.dtype

    def evaluate(self, a: Any, factors: Any, order: Any) -> Any:
        return np.ascontiguousarray(np.swapaxes(factors[..., :-1, :], -1, -2))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        both, order = Tensor(node), Tensor(node.inputs[2])
        moved = _rows(tangents[0], order)
        left = triangular_solve(both, moved, True, False, True)
        inner = _over_upper(left, both)
        return matmul(_lower(both), tril(inner, -1)) + matmul(triu(inner), triu(both))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        both, order = Tensor(node), Tensor(node.inputs[2])
        below = matmul(conjugate_transpose(_lower(both)), tril(adjoint, -1))
        above = matmul(triu(adjoint), conjugate_transpose(triu(both)))
        inner = tril(below, -1) + triu(above)
        right = triangular_solve(both, conjugate_transpose(inner), False)  # U⁻¹ innerᴴ
        sent = _conjugated_left(both, conjugate_transpose(right))
        return _rows(sent, argsort(order)), None, None


def _rows(x: Tensor, order: Tensor) -> Tensor:
    """The rows of `x` in `order`."""
    return take_along_axis(x, reshape(order, (*order.shape, 1)), axis=-2)


def _lower(both: Tensor) -> Tensor:
    return tril(both, -1) + from_array(np.eye(both.shape[-1], dtype=both.dtype))


def _over_upper(x: Tensor, both: Tensor) -> Tensor:
    """X U⁻¹"""
    return matrix_transpose(triangular_solve(both, matrix_transpose(x), False, True))


def _conjugated_left(both: Tensor, x: Tensor) -> Tensor:
    """L⁻ᴴ X"""
    return conj(triangular_solve(both, conj(x), True, True, True))


_pivot_order, _lu_parts = map(register, (PivotOrder(), LUParts()))


def lu_parts(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """L and U in one matrix, the exchanges of rows, and the order of the rows of A."""
    factors = lu_factor(matrix_transpose(a))
    exchanged = pick(factors, a.ndim - 2, a.shape[-1])
    if exchanged.dtype.kind == "c":
        exchanged = real(exchanged)
    exchanged = astype(exchanged, np.int32)
    order = pivot_order(exchanged)
    return make(_lu_parts, (a, factors, order)), exchanged, order


def pivot_order(exchanged: Tensor) -> Tensor:
    """The order of rows after the exchanges, one after the other."""
    return make(_pivot_order, (exchanged,))
