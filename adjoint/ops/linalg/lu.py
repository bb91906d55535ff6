"""Systems of equations, by one LU decomposition that value and derivatives share.

`lu_factor` is kept beside the matrix: what is computed from both is differentiated by the matrix,
the factors standing for it. Derivatives follow M. B. Giles, *Collected matrix derivative results
for forward and reverse mode algorithmic differentiation* (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import (
    Stacked,
    System,
    for_each,
    routine,
    singular,
    system,
)
from adjoint.ops.linalg.triangular import outer_product
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import matrix_transpose


class LUFactor(Stacked):
    """The factors of A = L U P with 1 on the diagonal of U, in n + 1 rows of n.

    The last row holds the numbers of the columns that P exchanges, one exchange after the other.
    LAPACK computes just this of row-major memory. It is a form of A, not differentiated itself.
    """

    name = "lu_factor"
    lapack_inputs = slice(None)

    def infer(self, a: Node) -> tuple[Shape, DType]:
        return (*a.shape[:-2], a.shape[-1] + 1, a.shape[-1]), a.dtype

    def evaluate(self, a: Any) -> Any:
        factor = routine("getrf", a.dtype)

        def each(place: tuple[int, ...], a: Any) -> Any:
            factors, exchanged, _ = factor(a.T)
            return np.vstack((factors.T, exchanged))

        return for_each(each, self.infer(a)[0], a.dtype, a)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return None

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (None,)


class LUSolve(System):
    """The solution of op(A) X = B, given A, its factors and B; op transposes if `transposed`.

    From A X = B follows Ẋ = A⁻¹ (Ḃ - Ȧ X), so B̄ = A⁻ᴴ X̄ and Ā = -B̄ Xᴴ (Giles, 2.3.1).
    """

    name = "lu_solve"
    lapack_inputs = slice(1, None)
    param_names = ("transposed",)

    def infer(self, a: Node, factors: Node, b: Node, transposed: bool) -> tuple[Shape, DType]:
        return system("solve", a, b)

    def evaluate(self, a: Any, factors: Any, b: Any, transposed: bool) -> Any:
        solve = routine("getrs", a.dtype)

        def each(place: tuple[int, ...], factors: Any, b: Any) -> Any:
            zeros = np.flatnonzero(np.diagonal(factors) == 0)
            if zeros.size:
                raise singular("solve", place, f"pivot {zeros[0]}")
            exchanged = factors[-1].real.astype(np.int32)
            return solve(factors[:-1].T, exchanged, b, trans=not transposed)[0]

        shape = np.broadcast_shapes(factors.shape[:-2], b.shape[:-2]) + b.shape[-2:]
        return for_each(each, shape, b.dtype, factors, b)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_a, _, moved = tangents
        a, factors, _ = map(Tensor, node.inputs)
        (transposed,) = node.params
        if by_a is not None:
            change = matmul(matrix_transpose(by_a) if transposed else by_a, Tensor(node))
            moved = -change if moved is None else moved - change
        return None if moved is None else make(self, (a, factors, moved), node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, factors, b = node.inputs
        (transposed,) = node.params
        given = (Tensor(a), Tensor(factors), conjugate(adjoint))
        back = conjugate(make(self, given, (not transposed,)))
        x = self.solution(node, adjoint)
        by_a = fit(-outer_product(back, x, transposed), a) if wanted[0] else None
        return by_a, None, fit(back, b) if wanted[2] else None


_lu_factor, _lu_solve = map(register, (LUFactor(), LUSolve()))


def lu_factor(a: Tensor) -> Tensor:
    """The factors of square matrices, as `LUFactor` says."""
    return make(_lu_factor, (a,))


def lu_solve(a: Tensor, factors: Tensor, b: Tensor, transposed: bool = False) -> Tensor:
    """The solution of the systems with the matrices `a`, of which `factors` are known."""
    return make(_lu_solve, (a, factors, b), (transposed,))
