"""Eigenvalues of Hermitian matrices, and singular values, with their vectors.

Each decomposition is one tensor, of which the functions below take the parts. Derivatives follow
M. B. Giles, *Collected matrix derivative results for forward and reverse mode algorithmic
differentiation* (2008); complex vectors, which a factor of size 1 may turn, keep their phase as far
as that can be. Vectors of values that coincide have no derivative: it is nan, unless what they are
used for does not depend on their choice, which reverse mode sees (`spectral_quotient`). Derivatives
of the values do not pass through the vectors (`spectral_values`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import LinAlgError, NotDifferentiableError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, size_of
from adjoint.ops.elementwise import choice
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.elementwise.complex import imag
from adjoint.ops.elementwise.complex import real as real_part
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, for_each, part, routine
from adjoint.ops.linalg.spectral_quotient import is_traced, quotient
from adjoint.ops.linalg.triangular import hermitian
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, matrix_transpose, reshape
from adjoint.ops.shape.rearrange import diagonal

BLOCK = 64
"""How many columns LAPACK may treat together."""


class HermitianEigen(Stacked):
    """The eigenvalues of A in rising order, a row, and below them the eigenvectors, in rows.

    Of A the lower triangle is read, and A taken for Hermitian. With P = Vᴴ Ȧ V the tangents are
    diag P of the values, and V (F ∘ P) of the vectors, fᵢⱼ = 1 / (wⱼ - wᵢ); so
    Ā = V (diag w̄ + F ∘ Vᴴ V̄) Vᴴ, made Hermitian (Giles, 3.1).
    """

    name = "eigh"
    holomorphic = False
    lapack_inputs = slice(None)
    kinks = True

    def infer(self, a: Node) -> tuple[Shape, DType]:
        return (*a.shape[:-2], a.shape[-1] + 1, a.shape[-1]), a.dtype

    def evaluate(self, a: Any) -> Any:
        decompose = routine("heevd" if a.dtype.kind == "c" else "syevd", a.dtype)

        def each(place: tuple[int, ...], a: Any) -> Any:
            values, vectors, info = decompose(a, lower=1)
            if info:
                raise not_converged("eigh", place)
            return np.vstack((values, vectors.T))

        return for_each(each, self.infer(a)[0], a.dtype, a)

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any]:
        """Neighbouring eigenvalues."""
        return neighbours(result[..., 0, :].real)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        w, v = eigen_parts(Tensor(node))
        inner = matmul(matmul(conjugate_transpose(v), hermitian(tangents[0])), v)
        moved = matmul(v, bare_quotient(inner, real(w), node, 0))
        values = as_row(diagonal(inner, 0, -2, -1))
        return concat([values, matrix_transpose(moved)], axis=-2)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        w, v = eigen_parts(Tensor(node))
        by_w, by_v = eigen_parts(adjoint)
        turn, bulk = skew(matmul(conjugate_transpose(v), by_v))
        found = quotient("gaps", turn, real(w), bulk, node, 0, is_traced(adjoint))
        inner = 0.5 * found + on_diagonal(real(by_w), v)
        return (hermitian(matmul(matmul(v, inner), conjugate_transpose(v))),)


class SingularValues(Stacked):
    """U, S and V of A = U S Vᴴ, one after the other in one row: Uᵀ, S, then the transpose of Vᴴ.

    `full` makes U and V square. With P = Uᴴ Ȧ V and fᵢⱼ = 1 / (sⱼ² - sᵢ²) the tangents are
    Re diag P, U F∘(P S + S Pᴴ) + (1 - U Uᴴ) Ȧ V S⁻¹ and V F∘(S P + Pᴴ S) + (1 - V Vᴴ) Ȧᴴ U S⁻¹
    (Giles, 3.2); for complex A that of U gets U diag(i Im P) S⁻¹.
    """

    name = "svd"
    holomorphic = False
    lapack_inputs = slice(None)
    param_names = ("full",)
    kinks = True

    def infer(self, a: Node, full: bool) -> tuple[Shape, DType]:
        return (*a.shape[:-2], 1, sum(map(size_of, svd_shapes(a.shape, full)))), a.dtype

    def evaluate(self, a: Any, full: bool) -> Any:
        decompose = routine("gesdd", a.dtype)

        def each(place: tuple[int, ...], a: Any) -> Any:
            if not a.size:
                return np.concatenate([np.eye(size).ravel() for size in a.shape])
            u, s, v, info = decompose(a, full_matrices=full, lwork=svd_workspace(*sorted(a.shape)))
            if info:
                raise not_converged("svd", place)
            return np.concatenate((u.T.ravel(), s, v.T.ravel()))

        return for_each(each, self.infer(a, full)[0], a.dtype, a)

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any]:
        """Neighbouring singular values."""
        start = svd_start(node)
        return neighbours(result[..., 0, start : start + min(given[0].shape[-2:])].real)

    def check(self, node: Node) -> None:
        rows, columns = node.inputs[0].shape[-2:]
        if node.params[0] and rows != columns:
            raise NotDifferentiableError(
                f"svd: with full_matrices=True the vectors that complete U or V of a matrix of "
                f"{rows} rows and {columns} columns have no derivative; use full_matrices=False"
            )

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        moved = tangents[0]
        if moved is None:
            return None
        self.check(node)
        a = node.inputs[0]
        u, s, v = svd_parts(Tensor(node), a.shape, False)
        inner = matmul(matmul(conjugate_transpose(u), moved), v)
        scaled, squares = inner * as_row(s), s * s
        turned = inner * as_column(s)
        start = svd_start(node)
        pairs = (scaled + conjugate_transpose(scaled), turned + conjugate_transpose(turned))
        by_u, by_v = (
            matmul(x, bare_quotient(y, squares, node, start))
            for x, y in zip((u, v), pairs, strict=True)
        )
        own = diagonal(inner, 0, -2, -1)
        if a.dtype.kind == "c":
            by_u = by_u + u * as_row(over(imag(own), s) * 1j)
        if a.shape[-2] > a.shape[-1]:
            by_u = by_u + over(outside(u, matmul(moved, v)), as_row(s))
        if a.shape[-2] < a.shape[-1]:
            side = matmul(conjugate_transpose(moved), u)
            by_v = by_v + over(outside(v, side), as_row(s))
        return _joined(by_u, astype(real(own), a.dtype), conjugate(by_v), node.shape)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        self.check(node)
        a = node.inputs[0]
        u, s, v = svd_parts(Tensor(node), a.shape, False)
        by_u, by_s, by_v = svd_parts(adjoint, a.shape, False)
        inner_u, inner_v = (matmul(conjugate_transpose(x), y) for x, y in ((u, by_u), (v, by_v)))
        (turn_u, bulk_u), (turn_v, bulk_v) = skew(inner_u), skew(inner_v)
        given = (s, bulk_u + bulk_v, node, svd_start(node), is_traced(adjoint))
        off = from_array(~np.eye(s.shape[-1], dtype=bool))
        inner = quotient("gaps", turn_u + turn_v, *given)
        inner = inner + quotient("sums", keep_where(off, turn_u - turn_v), *given)
        inner = 0.5 * inner + on_diagonal(by_s, inner)
        if a.dtype.kind == "c":
            turns = over(imag(diagonal(inner_u, 0, -2, -1)), s) * 1j
            inner = inner + on_diagonal(turns, inner)
        left = matmul(u, inner)
        if a.shape[-2] > a.shape[-1]:
            left = left + over(outside(u, by_u), as_row(s))
        share = matmul(left, conjugate_transpose(v))
        if a.shape[-2] < a.shape[-1]:
            side = over(outside(v, by_v), as_row(s))
            share = share + matmul(u, conjugate_transpose(side))
        return (share,)


_eigh, _svd = map(register, (HermitianEigen(), SingularValues()))


def eigh(a: Tensor) -> Tensor:
    """Eigenvalues and eigenvectors, as `HermitianEigen` says."""
    return make(_eigh, (a,))


def svd(a: Tensor, full: bool = False) -> Tensor:
    """Singular values and vectors, as `SingularValues` says."""
    return make(_svd, (a,), (full,))


def eigen_parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """The values, as a row without its axis, and the vectors in columns."""
    size = x.shape[-1]
    values = reshape(part(x, 0, (1, size)), (*x.shape[:-2], size))
    return values, matrix_transpose(part(x, size, (size, size)))


def neighbours(values: Any) -> tuple[Any, Any]:
    """Values in their order and those that follow, equal where rounding alone sets them apart."""
    first, second = values[..., :-1], values[..., 1:]
    rounding = values.shape[-1] * np.finfo(values.dtype).eps
    size = np.max(np.abs(values), axis=-1, keepdims=True, initial=0.0)
    return first, np.where(np.abs(second - first) <= rounding * size, first, second)


def svd_shapes(shape: Shape, full: bool) -> tuple[Shape, Shape, Shape]:
    """The shapes of Uᵀ, S and the transpose of Vᴴ, for a matrix."""
    rows, columns = shape[-2:]
    count = min(rows, columns)
    return (
        (rows if full else count, rows),
        (1, count),
        (columns, columns if full else count),
    )


def svd_start(node: Node) -> int:
    """Where S begins in the row that the node `svd` holds."""
    return size_of(svd_shapes(node.inputs[0].shape, node.params[0])[0])


def svd_workspace(few: Any, many: Any) -> Any:
    """How many elements of workspace LAPACK is given for a matrix with `few` rows or columns and
    `many` of the other: enough to treat columns in blocks.

    As the signs of vectors hang on the last digits, native code must give it as much.
    """
    return 4 * few * few + 7 * few + many + BLOCK * (few + many)


def svd_parts(x: Tensor, shape: Shape, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    """U, the real S and V of matrices of `shape`. Of an adjoint: the adjoints of these."""
    start, found = 0, []
    for wanted in svd_shapes(shape, full):
        found.append(part(x, start, wanted))
        start += size_of(wanted)
    u, s, v = found
    return matrix_transpose(u), real(reshape(s, (*s.shape[:-2], s.shape[-1]))), conjugate(v)


def _joined(u: Tensor, s: Tensor, v: Tensor, shape: Shape) -> Tensor:
    """The row that holds U, S and the transpose of Vᴴ."""
    lead = shape[:-1]
    blocks = (matrix_transpose(u), s, v)
    return concat([reshape(x, (*lead, -1)) for x in blocks], axis=-1)


def outside(u: Tensor, x: Tensor) -> Tensor:
    """(1 - U Uᴴ) X."""
    return x - matmul(u, matmul(conjugate_transpose(u), x))


def over(x: Tensor, by: Tensor) -> Tensor:
    """x / by; where `by` is 0 it is 0 if x is, and else nan."""
    is_zero = equal(by, 0)
    spoilt = where(equal(x, 0), 0.0, np.nan)
    return where(is_zero, astype(spoilt, x.dtype), x / where(is_zero, 1.0, by))


def skew(x: Tensor) -> tuple[Tensor, Tensor]:
    """X - Xᴴ, which turns vectors into each other, and how large its terms are."""
    turned = conjugate_transpose(x)
    size = choice.abs
    return x - turned, size(x) + size(turned)


def bare_quotient(x: Tensor, values: Tensor, packed: Node, start: int) -> Tensor:
    """The matrix of the xᵢⱼ over the gaps of the values, nan where they coincide unless xᵢⱼ = 0."""
    return quotient("gaps", x, values, choice.abs(x), packed, start, False)


def real(x: Tensor) -> Tensor:
    """The real part, without a node where `x` is real."""
    return real_part(x) if x.dtype.kind == "c" else x


def as_row(x: Tensor) -> Tensor:
    return reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def as_column(x: Tensor) -> Tensor:
    return reshape(x, (*x.shape, 1))


def on_diagonal(x: Tensor, like: Tensor) -> Tensor:
    """Matrices in the shape of `like` with the elements of `x` on their diagonals."""
    apart = from_array(np.eye(like.shape[-1], dtype=bool))
    return keep_where(apart, astype(as_row(x), like.dtype))


def not_converged(name: str, place: tuple[int, ...]) -> LinAlgError:
    """The error for a search that came to no end."""
    where = f" at {list(place)} of the stack" if place else ""
    return LinAlgError(
        f"{name}: the decomposition of the matrix{where} did not converge; does it hold nan or inf?"
    )
