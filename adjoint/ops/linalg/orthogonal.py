"""The QR decomposition, and the pseudo-inverse.

Derivatives: S. F. Walter and L. Lehmann, *Algorithmic differentiation of linear algebra functions*
(2010), for QR; G. H. Golub and V. Pereyra, *The differentiation of pseudo-inverses and nonlinear
least squares problems whose variables separate* (1973).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import NotDifferentiableError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import greater
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, part
from adjoint.ops.linalg.spectral import real, svd, svd_parts
from adjoint.ops.linalg.triangular import triangular_solve
from adjoint.ops.reductions.extremum import max
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.ops.shape.rearrange import triu


class OrthogonalTriangular(Stacked):
    """Q and R of A = Q R in one row, for matrices with no more columns than rows.

    `complete` makes Q square. With C = Qᴴ Ȧ R⁻¹ and W the upper triangle of C plus the conjugate
    transpose of its strict lower one, of real diagonal: Ṙ = W R and Q̇ = Ȧ R⁻¹ - Q W. Hence
    Ā = (Q̄ + Q M) R⁻ᴴ, where M is the upper triangle of R̄ Rᴴ - Qᴴ Q̄, made Hermitian.
    """

    name = "qr"
    holomorphic = False
    lapack_inputs = slice(None)
    param_names = ("complete",)

    def infer(self, a: Node, complete: bool) -> tuple[Shape, DType]:
        rows, columns = a.shape[-2:]
        width = rows if complete else columns
        return (*a.shape[:-2], 1, rows * width + width * columns), a.dtype

    def evaluate(self, a: Any, complete: bool) -> Any:
        q, r = np.linalg.qr(a, "complete" if complete else "reduced")
        lead = a.shape[:-2]
        blocks = [x.reshape(*lead, 1, x.shape[-2] * x.shape[-1]) for x in (q, r)]
        return np.concatenate(blocks, -1)

    def parts(self, node: Node, x: Tensor) -> tuple[Tensor, Tensor]:
        """Q and R, or their adjoints, where there are derivatives."""
        rows, columns = shape = node.inputs[0].shape[-2:]
        if node.params[0] and rows != columns:
            raise NotDifferentiableError(
                f'qr: with mode="complete" the columns that complete Q of a matrix of {rows} rows '
                f'and {columns} columns have no derivative; use mode="reduced"'
            )
        return qr_parts(x, shape, False)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        moved = tangents[0]
        if moved is None:
            return None
        q, r = self.parts(node, Tensor(node))
        scaled = matrix_transpose(triangular_solve(r, matrix_transpose(moved), False, True))
        inner = matmul(conjugate_transpose(q), scaled)
        below = conjugate_transpose(inner - triu(inner))
        weight = triu(inner, 1) + below + _real_diagonal(inner)
        blocks = (scaled - matmul(q, weight), matmul(weight, r))
        lead = node.shape[:-1]
        return concat([reshape(x, (*lead, -1)) for x in blocks], axis=-1)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        q, r = self.parts(node, Tensor(node))
        by_q, by_r = self.parts(node, adjoint)
        inner = matmul(by_r, conjugate_transpose(r)) - matmul(conjugate_transpose(q), by_q)
        above = triu(inner, 1)
        weight = above + conjugate_transpose(above) + _real_diagonal(inner)
        sent = by_q + matmul(q, weight)
        return (conjugate_transpose(triangular_solve(r, conjugate_transpose(sent), False)),)


Tolerance: TypeAlias = "float | tuple[Any, ...]"
"""The part of the largest singular value from which on others count; nested for stacks."""


class PseudoInverse(Stacked):
    """A⁺, singular values of no more than `tolerance` times the largest counting as 0.

    While the rank stays the same, its tangent is
    -A⁺ Ȧ A⁺ + A⁺ A⁺ᴴ Ȧᴴ (1 - A A⁺) + (1 - A⁺ A) Ȧᴴ A⁺ᴴ A⁺ (Golub and Pereyra, 4.12).
    """

    name = "pinv"
    holomorphic = False
    param_names = ("tolerance",)

    def infer(self, a: Node, tolerance: Tolerance) -> tuple[Shape, DType]:
        return (*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype

    def evaluate(self, a: Any, tolerance: Tolerance) -> Any:
        return np.linalg.pinv(a, np.asarray(tolerance))

    def decompose(self, node: Node) -> Tensor | None:
        a = node.inputs[0]
        if 0 in a.shape:
            return None
        u, s, v = svd_parts(svd(Tensor(a)), a.shape, False)
        tolerance = np.asarray(node.params[0])[..., None]
        kept = greater(s, max(s, -1, keepdims=True) * from_array(tolerance.astype(s.dtype)))
        weights = where(kept, 1.0 / where(kept, s, 1.0), 0.0)
        return matmul(v * reshape(weights, (*s.shape[:-1], 1, s.shape[-1])), conjugate_transpose(u))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        moved = tangents[0]
        if moved is None:
            return None
        a, p = Tensor(node.inputs[0]), Tensor(node)
        back = conjugate_transpose(moved)
        left = matmul(p, matmul(conjugate_transpose(p), back))
        right = matmul(matmul(back, conjugate_transpose(p)), p)
        first = matmul(matmul(p, moved), p)
        return left - matmul(matmul(left, a), p) + right - matmul(p, matmul(a, right)) - first

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, p = Tensor(node.inputs[0]), Tensor(node)
        back, turned = conjugate_transpose(adjoint), conjugate_transpose(p)
        left = matmul(matmul(back, p), turned)
        right = matmul(turned, matmul(p, back))
        first = matmul(matmul(turned, adjoint), turned)
        return (left - matmul(a, matmul(p, left)) + right - matmul(matmul(right, p), a) - first,)


_qr, _pinv = map(register, (OrthogonalTriangular(), PseudoInverse()))


def qr(a: Tensor, complete: bool = False) -> tuple[Tensor, Tensor]:
    """Q and R of matrices with no more columns than rows."""
    q, r = qr_parts(make(_qr, (a,), (complete,)), a.shape[-2:], complete)
    return q, triu(r)  # what is below is 0 whatever A is, and so are all its derivatives


def pinv(a: Tensor, tolerance: Tolerance) -> Tensor:
    """The pseudo-inverses, as `PseudoInverse` says."""
    return make(_pinv, (a,), (tolerance,))


def qr_parts(x: Tensor, shape: Shape, complete: bool) -> tuple[Tensor, Tensor]:
    """Q and R of matrices of `shape`."""
    rows, columns = shape
    width = rows if complete else columns
    return part(x, 0, (rows, width)), part(x, rows * width, (width, columns))


def _real_diagonal(x: Tensor) -> Tensor:
    """The real part of the diagonal, in its place."""
    eye = from_array(np.eye(x.shape[-1], dtype=x.dtype))
    return real(x) * eye
