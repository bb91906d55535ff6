"""The unitary factor of the polar decomposition A = U P, for matrices of full rank.

With M = Uᴴ Ȧ and the skew X that solves P X + X P = M - Mᴴ, U̇ = U X + (Ȧ - U M) P⁻¹. Singular
values meet in sums, never in differences, so those that coincide are as good as any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.linalg.lu import lu_factor, lu_solve
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, for_each
from adjoint.ops.linalg.sylvester import sylvester
from adjoint.ops.linalg.triangular import hermitian

__all__ = ["polar_unitary"]


class PolarUnitary(Stacked):
    """The U of A = U P with orthonormal columns and a positive definite P, for tall matrices."""

    name = "polar_unitary"
    holomorphic = False

    def infer(self, a: Node) -> tuple[Shape, DType]:
        return a.shape, a.dtype

    def evaluate(self, a: Any) -> Any:
        def each(place: tuple[int, ...], a: Any) -> Any:
            left, _, right = np.linalg.svd(a, full_matrices=False)
            return left @ right

        return for_each(each, a.shape, a.dtype, a)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        moved = tangents[0]
        if moved is None:
            return None
        u, p = self.factors(node)
        inner = matmul(conjugate_transpose(u), moved)
        result = matmul(u, sylvester(p, p, inner - conjugate_transpose(inner)))
        if node.shape[-2] == node.shape[-1]:
            return result
        return result + over(moved - matmul(u, inner), p)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        u, p = self.factors(node)
        z = sylvester(p, p, matmul(conjugate_transpose(u), adjoint))
        share = matmul(u, z - conjugate_transpose(z))
        if node.shape[-2] != node.shape[-1]:
            outside = over(adjoint, p)
            share = share + outside - matmul(u, matmul(conjugate_transpose(u), outside))
        return (share,)

    def factors(self, node: Node) -> tuple[Tensor, Tensor]:
        """U and P."""
        u = Tensor(node)
        return u, hermitian(matmul(conjugate_transpose(u), Tensor(node.inputs[0])))


def over(x: Tensor, p: Tensor) -> Tensor:
    """X P⁻¹ for a Hermitian P."""
    return conjugate_transpose(lu_solve(p, lu_factor(p), conjugate_transpose(x)))


_polar_unitary = register(PolarUnitary())


def polar_unitary(a: Tensor) -> Tensor:
    """The unitary factors of tall matrices, as `PolarUnitary` says."""
    return make(_polar_unitary, (a,))
