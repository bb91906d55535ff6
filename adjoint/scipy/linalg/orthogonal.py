"""Polar decompositions, and what is made of them, in ``scipy.linalg``. Composites."""

from __future__ import annotations

from typing import Any

from adjoint.array.linalg.decompositions import svdvals
from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import common_dtype, conjugate_transpose, matrices
from adjoint.ops.linalg.polar import polar_unitary
from adjoint.ops.linalg.triangular import hermitian
from adjoint.ops.reductions.reduction import sum
from adjoint.scipy.common import unsupported

__all__ = ["orthogonal_procrustes", "polar"]


def _unitary(a: Tensor) -> Tensor:
    """The factor with orthonormal columns, or rows."""
    if a.shape[-2] >= a.shape[-1]:
        return polar_unitary(a)
    return conjugate_transpose(polar_unitary(conjugate_transpose(a)))


def polar(a: Any, side: str = "right") -> tuple[Tensor, Tensor]:
    """U and P of A = U P, or with side "left" of A = P U, where P is positive semidefinite.

    The derivative is for matrices of full rank, of which U is determined.

    >>> from adjoint.scipy.linalg import polar
    >>> polar([[0.0, -2.0], [3.0, 0.0]])[1]
    Tensor([[3., 0.],
            [0., 2.]])
    """
    if side not in ("left", "right"):
        raise unsupported("scipy.linalg.polar", "side", side, 'give "left" or "right"')
    a = matrices("scipy.linalg.polar", a)
    u = _unitary(a)
    turned = conjugate_transpose(u)
    return u, hermitian(matmul(turned, a) if side == "right" else matmul(a, turned))


def orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> tuple[Tensor, Tensor]:
    """The unitary R for which A R is nearest to B, and the sum of the singular values of Aᴴ B.

    >>> from adjoint.scipy.linalg import orthogonal_procrustes
    >>> orthogonal_procrustes([[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [2.0, 0.0]])[0]
    Tensor([[0., 1.],
            [1., 0.]])
    """
    name, dtype = "scipy.linalg.orthogonal_procrustes", common_dtype(A, B)
    a, b = matrices(name, A, dtype), matrices(name, B, dtype)
    if a.shape != b.shape:
        raise ShapeError(f"{name}: needs matrices of one shape, got {a.shape} and {b.shape}")
    product = matmul(conjugate_transpose(a), b)
    return _unitary(product), sum(svdvals(product), -1)
