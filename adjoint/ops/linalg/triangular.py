"""Triangular systems, and the Cholesky decomposition.

Derivatives follow M. B. Giles, *Collected matrix derivative results for forward and reverse mode
algorithmic differentiation* (2008), and for Cholesky I. Murray, *Differentiation of the Cholesky
decomposition* (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import LinAlgError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import (
    Stacked,
    System,
    conjugate_transpose,
    for_each,
    routine,
    singular,
    system,
)
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import matrix_transpose
from adjoint.ops.shape.rearrange import tril, triu


class TriangularSolve(System):
    """The solution of op(A) X = B, where op transposes if `transposed`.

    Of A the triangle that `lower` names is read, without its diagonal, which is 1, if `unit`.
    From A X = B follows Ẋ = A⁻¹ (Ḃ - Ȧ X), so B̄ = A⁻ᴴ X̄ and Ā = -B̄ Xᴴ (Giles, 2.3.1).
    """

    name = "triangular_solve"
    lapack_inputs = slice(None)
    param_names = ("lower", "transposed", "unit")

    def infer(self, a: Node, b: Node, *params: bool) -> tuple[Shape, DType]:
        return system("solve_triangular", a, b)

    def evaluate(self, a: Any, b: Any, lower: bool, transposed: bool, unit: bool) -> Any:
        solve = routine("trtrs", a.dtype)

        def each(place: tuple[int, ...], a: Any, b: Any) -> Any:
            x, info = solve(a.T, b, lower=not lower, trans=not transposed, unitdiag=unit)
            if info:
                raise singular("solve_triangular", place, f"number {info - 1} of the diagonal")
            return x

        shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + b.shape[-2:]
        return for_each(each, shape, b.dtype, a, b)

    def solve(self, a: Tensor, b: Tensor, params: Sequence[bool], other: bool = False) -> Tensor:
        """The solution with the same triangle, of the `other` system, the transposed one."""
        lower, transposed, unit = params
        return make(self, (a, b), (lower, transposed is not other, unit))

    def triangle(self, x: Tensor, lower: bool, unit: bool) -> Tensor:
        """What of `x` stands where the operation reads its matrix."""
        return tril(x, -1 if unit else 0) if lower else triu(x, 1 if unit else 0)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_a, moved = tangents
        lower, transposed, unit = node.params
        if by_a is not None:
            by_a = self.triangle(by_a, lower, unit)
            change = matmul(matrix_transpose(by_a) if transposed else by_a, Tensor(node))
            moved = -change if moved is None else moved - change
        return None if moved is None else self.solve(Tensor(node.inputs[0]), moved, node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, b = node.inputs
        lower, transposed, unit = node.params
        back = conjugate(self.solve(Tensor(a), conjugate(adjoint), node.params, other=True))
        by_a = None
        if wanted[0]:
            x = self.solution(node, adjoint)
            by_a = self.triangle(outer_product(back, x, transposed), lower, unit)
            by_a = fit(-by_a, a)
        return by_a, fit(back, b) if wanted[1] else None


def outer_product(back: Tensor, x: Tensor, transposed: bool) -> Tensor:
    """What is sent, but for the sign, to the matrix of op(A) X = B that sends `back` to B."""
    if transposed:
        return matmul(conjugate(x), matrix_transpose(back))
    return matmul(back, conjugate_transpose(x))


class Cholesky(Stacked):
    """The lower triangular L with L Lᴴ = A and a positive diagonal.

    The lower triangle of A is read, and A taken for Hermitian: the derivative is by its Hermitian
    part. With Φ that halves the diagonal of a lower triangle, L̇ = L Φ(L⁻¹ Ȧ L⁻ᴴ), and
    Ā = L⁻ᴴ Φ(Lᴴ L̄) L⁻¹, made Hermitian (Murray, 3).
    """

    name = "cholesky"
    lapack_inputs = slice(None)

    def infer(self, a: Node) -> tuple[Shape, DType]:
        return a.shape, a.dtype

    def evaluate(self, a: Any) -> Any:
        factor = routine("potrf", a.dtype)

        def each(place: tuple[int, ...], a: Any) -> Any:
            result, info = factor(a, lower=1, clean=1)
            if info:
                where = f" at {list(place)} of the stack" if place else ""
                raise LinAlgError(
                    f"cholesky: the matrix{where} is not positive definite: its leading part of "
                    f"size {info} is not; add a multiple of the identity?"
                )
            return result

        return for_each(each, a.shape, a.dtype, a)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        factor = Tensor(node)
        inner = _divide(factor, _divide(factor, hermitian(tangents[0]), False), False)
        return matmul(factor, _half(inner))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        factor = Tensor(node)
        inner = _half(matmul(conjugate_transpose(factor), adjoint))
        return (_divide(factor, _divide(factor, hermitian(inner), True), True),)


_triangular_solve, _cholesky = map(register, (TriangularSolve(), Cholesky()))


def triangular_solve(
    a: Tensor, b: Tensor, lower: bool, transposed: bool = False, unit: bool = False
) -> Tensor:
    """The solution of a triangular system, all arguments as in `TriangularSolve`."""
    return make(_triangular_solve, (a, b), (lower, transposed, unit))


def cholesky(a: Tensor) -> Tensor:
    """The lower Cholesky factors of positive definite matrices."""
    return make(_cholesky, (a,))


def hermitian(x: Tensor) -> Tensor:
    """The Hermitian part of matrices."""
    return (x + conjugate_transpose(x)) * 0.5


def _half(x: Tensor) -> Tensor:
    """The lower triangle with its diagonal halved."""
    weights = np.tril(np.ones(x.shape[-2:])) - 0.5 * np.eye(x.shape[-1])
    return tril(x) * from_array(weights.astype(x.dtype))


def _divide(factor: Tensor, x: Tensor, transposed: bool) -> Tensor:
    """(L⁻¹ X)ᴴ, or with `transposed` (L⁻ᴴ X)ᴴ. Twice it makes of a Hermitian X another."""
    if transposed:
        return conjugate_transpose(conjugate(triangular_solve(factor, conjugate(x), True, True)))
    return conjugate_transpose(triangular_solve(factor, x, True))
