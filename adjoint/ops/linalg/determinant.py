"""Determinants, their logarithms, and their derivatives of every order, also at singular matrices.

The slope of det A is its matrix of cofactors, C = det A · A⁻ᵀ. Written so it could not be had where
A is singular, though it is a polynomial in the elements of A. For matrices of up to three rows that
is written out (`minors`). Else the decomposition A = U S Vᴴ gives it without a division:
C(A) = det U det Vᴴ · Ū C(S) Vᵀ, and the cofactors of a diagonal matrix are the products of the
others. The slope of C along X is had likewise; with Y = Uᴴ X V, and pᵢⱼ the product of all sₖ but
sᵢ and sⱼ, it has Σⱼ pᵢⱼ yⱼⱼ on the diagonal and -pᵢⱼ yⱼᵢ beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, to_real
from adjoint.ops.elementwise.choice import abs, sign, where
from adjoint.ops.elementwise.comparison import isfinite, not_equal
from adjoint.ops.elementwise.complex import imag, real
from adjoint.ops.elementwise.exponential import log
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.indexing.slicing import along
from adjoint.ops.linalg.lu import lu_factor, lu_solve
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, for_each, identity, routine
from adjoint.ops.linalg.minors import (
    LARGEST,
    small_cofactors,
    small_cofactors_along,
    small_cofactors_by,
    small_det,
)
from adjoint.ops.linalg.spectral import svd, svd_parts
from adjoint.ops.reductions.product import prod, product_of_others
from adjoint.ops.reductions.reduction import all, conjugate, sum
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.ops.shape.rearrange import diagonal, trace


class FromFactors(Stacked):
    """A function of the determinant of A, given A and its factors."""

    def pivots(self, factors: Tensor) -> Tensor:
        """Numbers whose product is the determinant: an exchange of columns turns a sign."""
        size = factors.shape[-1]
        exchanged = reshape(
            along(factors, factors.ndim - 2, size, 1, 1), (*factors.shape[:-2], size)
        )
        found = diagonal(factors, 0, -2, -1)
        moved = not_equal(exchanged, from_array(np.arange(size).astype(factors.dtype)))
        return where(moved, -found, found)

    def values(self, factors: Any) -> Any:
        """The same numbers from an array."""
        found = np.diagonal(factors, 0, -2, -1)
        return np.where(factors[..., -1, :] != np.arange(factors.shape[-1]), -found, found)

    def relative(self, node: Node, tangent: Tensor) -> Tensor:
        """tr(A⁻¹ Ȧ), the tangent of the logarithm of the determinant (Giles, 2.2.4)."""
        a, factors = map(Tensor, node.inputs)
        return trace(lu_solve(a, factors, tangent), 0, -2, -1)

    def send(self, node: Node, adjoint: Tensor) -> Sequence[Tensor | None]:
        """The adjoint of A for the adjoint of the logarithm of its determinant."""
        a, factors = map(Tensor, node.inputs)
        inverse = conjugate(lu_solve(a, factors, identity(a), True))
        return each_matrix(adjoint) * inverse, None


class LogDeterminant(FromFactors):
    """log |det A|, given A and its factors."""

    name = "log_abs_det"

    def infer(self, a: Node, factors: Node) -> tuple[Shape, DType]:
        return a.shape[:-2], to_real(a.dtype)

    def evaluate(self, a: Any, factors: Any) -> Any:
        return np.sum(np.log(np.abs(self.values(factors))), -1)

    def decompose(self, node: Node) -> Tensor | None:
        return sum(log(abs(self.pivots(Tensor(node.inputs[1])))), -1)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        slope = make(_log_det_slope, tuple(map(Tensor, node.inputs)))
        found = sum(slope * tangents[0], (-2, -1))
        return real(found) if found.dtype.kind == "c" else found

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        slope = make(_log_det_slope, tuple(map(Tensor, node.inputs)))
        return each_matrix(adjoint) * conjugate(slope), None


class LogDeterminantSlope(FromFactors):
    """A⁻ᵀ, the slope of log det A, given A and its factors.

    Where A is singular the slope is infinite, of the sign of the cofactor, as det A may grow; and
    nan where the cofactor is 0.
    """

    name = "log_det_slope"
    lapack_inputs = slice(1, None)

    def infer(self, a: Node, factors: Node) -> tuple[Shape, DType]:
        return a.shape, a.dtype

    def evaluate(self, a: Any, factors: Any) -> Any:
        solve = routine("getrs", a.dtype)

        def each(place: tuple[int, ...], a: Any, factors: Any) -> Any:
            if self.values(factors).all():
                right = np.eye(len(a), dtype=a.dtype)
                return solve(factors[:-1].T, factors[-1].real.astype(np.int32), right)[0]
            u, s, v, turn = _frame(a)
            slope = turn * np.matmul(u * _others(s, 1), v)
            slope[np.abs(slope) <= 64 * len(a) * np.finfo(a.dtype).eps * np.prod(s[:-1])] = 0
            return slope * np.inf

        with np.errstate(all="ignore"):
            return for_each(each, a.shape, a.dtype, a, factors)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return None if tangents[0] is None else -self.around(node, tangents[0])

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return -conjugate(self.around(node, conjugate(adjoint))), None

    def around(self, node: Node, x: Tensor) -> Tensor:
        """A⁻ᵀ Xᵀ A⁻ᵀ, which is its own transpose."""
        return matmul(matmul(Tensor(node), matrix_transpose(x)), Tensor(node))


class DeterminantSign(FromFactors):
    """det A / |det A|, or 0, given A and its factors.

    It is 1 or -1 for real matrices; for complex ones s, with the tangent i s Im tr(A⁻¹ Ȧ).
    """

    name = "det_sign"
    holomorphic = False

    def infer(self, a: Node, factors: Node) -> tuple[Shape, DType]:
        return a.shape[:-2], a.dtype

    def evaluate(self, a: Any, factors: Any) -> Any:
        return np.prod(np.sign(self.values(factors)), -1)

    def decompose(self, node: Node) -> Tensor | None:
        return prod(sign(self.pivots(Tensor(node.inputs[1]))), -1)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if node.dtype.kind != "c" or tangents[0] is None:
            return None
        turned = imag(self.relative(node, tangents[0]))
        return Tensor(node) * turned * 1j

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        if node.dtype.kind != "c":
            return None, None
        turned = imag(conjugate(Tensor(node)) * adjoint)
        return self.send(node, turned * 1j)


class Determinant(FromFactors):
    """det A, given A and its factors."""

    name = "det"

    def infer(self, a: Node, factors: Node) -> tuple[Shape, DType]:
        return a.shape[:-2], a.dtype

    def evaluate(self, a: Any, factors: Any) -> Any:
        return np.prod(self.values(factors), -1)

    def decompose(self, node: Node) -> Tensor | None:
        a, factors = map(Tensor, node.inputs)
        return small_det(a) if is_small(a) else prod(self.pivots(factors), -1)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        return sum(make(_cofactors, tuple(map(Tensor, node.inputs))) * tangents[0], (-2, -1))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        slope = make(_cofactors, tuple(map(Tensor, node.inputs)))
        return each_matrix(adjoint) * conjugate(slope), None


class Cofactors(FromFactors):
    """The cofactors of A, given A and its factors: the slope of its determinant.

    From the factors they are det A · A⁻ᵀ, which is accurate however small the pivots are, as an
    error of those cancels; but none of them may be 0.
    """

    name = "cofactors"
    lapack_inputs = slice(1, None)

    def infer(self, a: Node, factors: Node) -> tuple[Shape, DType]:
        return a.shape, a.dtype

    def evaluate(self, a: Any, factors: Any) -> Any:
        solve = routine("getrs", a.dtype)

        def each(place: tuple[int, ...], a: Any, factors: Any) -> Any:
            pivots = self.values(factors)
            if not pivots.all():
                u, s, v, turn = _frame(a)
                return turn * np.matmul(u * _others(s, 1), v)
            right = np.prod(pivots) * np.eye(len(a), dtype=a.dtype)
            return solve(factors[:-1].T, factors[-1].real.astype(np.int32), right)[0]

        return for_each(each, a.shape, a.dtype, a, factors)

    def decompose(self, node: Node) -> Tensor | None:
        a = Tensor(node.inputs[0])
        return small_cofactors(a) if is_small(a) else None

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        return make(_cofactors_along, (Tensor(node.inputs[0]), tangents[0]))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        given = (Tensor(node.inputs[0]), conjugate(adjoint))
        return conjugate(make(_cofactors_along, given)), None


class CofactorsAlong(Stacked):
    """H(A, X), the slope of the cofactors of A along X.

    As ⟨W, H(A, X)⟩ is the third derivative's kin, a symmetric form of W and X, it is its own
    transpose. Its own slope by A along Y follows from H(A, X) = (⟨C, X⟩ C - C Xᵀ C) / det A, and
    so exists, for matrices of more than three rows, where A is not singular only.
    """

    name = "cofactors_along"

    def infer(self, a: Node, x: Node) -> tuple[Shape, DType]:
        if a.shape[-2:] != x.shape[-2:]:
            raise ShapeError(f"cofactors_along: shapes {a.shape} and {x.shape} must be equal")
        return np.broadcast_shapes(a.shape, x.shape), a.dtype

    def evaluate(self, a: Any, x: Any) -> Any:
        u, s, v, turn = _frame(a)
        inner = np.matmul(np.matmul(np.swapaxes(u, -2, -1), x), np.swapaxes(v, -2, -1))
        pairs = _others(s, 2)
        result = -pairs * np.swapaxes(inner, -2, -1)
        place = np.arange(s.shape[-1])
        own = np.diagonal(inner, 0, -2, -1)[..., None]
        result[..., place, place] = np.matmul(pairs, own)[..., 0]
        return turn * np.matmul(np.matmul(u, result), v)

    def decompose(self, node: Node) -> Tensor | None:
        a, x = map(Tensor, node.inputs)
        if is_small(a):
            return small_cofactors_along(a, x)
        if 0 in node.shape or node.dtype.kind == "c":
            return None
        u, s, v, turn = _traced_frame(a)
        inner = matmul(matmul(matrix_transpose(u), x), matrix_transpose(v))
        size = s.shape[-1]
        own = from_array(np.eye(size, dtype=bool))
        pairs = product_of_others(where(own, 1.0, each_row(s)), (s.ndim,))
        pairs = keep_where(~own, pairs)
        line = matmul(pairs, reshape(diagonal(inner, 0, -2, -1), (*inner.shape[:-1], 1)))
        result = where(own, line, -pairs * matrix_transpose(inner))
        return matmul(matmul(u, result), v) * turn

    def by_matrix(self, a: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The slope of H(A, X) by A along Y: symmetric in X, Y and what it is multiplied with."""
        if is_small(a):
            return small_cofactors_by(x, y)
        factors = lu_factor(a)
        slope, value = make(_cofactors, (a, factors)), each_matrix(make(_det, (a, factors)))
        along_x, along_y = (make(self, (a, z)) for z in (x, y))

        def inner(p: Tensor, q: Tensor) -> Tensor:
            return each_matrix(sum(p * q, (-2, -1)))

        def through(p: Tensor, q: Tensor) -> Tensor:
            return matmul(matmul(p, matrix_transpose(x)), q)

        total = inner(along_y, x) * slope + inner(slope, x) * along_y - inner(slope, y) * along_x
        return (total - through(along_y, slope) - through(slope, along_y)) / value

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        a, x = map(Tensor, node.inputs)
        by_a, by_x = tangents
        found = None if by_x is None else make(self, (a, by_x))
        if by_a is None:
            return found
        moved = self.by_matrix(a, x, by_a)
        return moved if found is None else found + moved

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, x = map(Tensor, node.inputs)
        sent = conjugate(adjoint)
        return (
            fit(conjugate(self.by_matrix(a, x, sent)), a.node) if wanted[0] else None,
            fit(conjugate(make(self, (a, sent))), x.node) if wanted[1] else None,
        )


_det = register(Determinant())
_log_abs_det = register(LogDeterminant())
_log_det_slope = register(LogDeterminantSlope())
_det_sign = register(DeterminantSign())
_cofactors = register(Cofactors())
_cofactors_along = register(CofactorsAlong())


def det(a: Tensor) -> Tensor:
    """The determinants of square matrices."""
    return make(_det, (a, lu_factor(a)))


def sign_and_log(a: Tensor) -> tuple[Tensor, Tensor]:
    """The signs of determinants, and the logarithms of their sizes."""
    factors = lu_factor(a)
    return make(_det_sign, (a, factors)), make(_log_abs_det, (a, factors))


def is_small(a: Tensor) -> bool:
    """Whether the determinant is best written out."""
    return 0 < a.shape[-1] <= LARGEST


def each_matrix(x: Tensor) -> Tensor:
    """One number for each matrix, with axes to multiply the matrices."""
    return reshape(x, (*x.shape, 1, 1))


def each_row(x: Tensor) -> Tensor:
    """Vectors as rows of one matrix each."""
    return reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def _traced_frame(a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `_frame` gives, as tensors, of real matrices."""
    known = all(isfinite(a), (-2, -1), keepdims=True)
    u, s, v = svd_parts(svd(keep_where(known, a)), a.shape, False)
    s = where(reshape(known, (*a.shape[:-2], 1)), s, np.nan)
    turned = matrix_transpose(v)
    turn = prod(_det.pivots(lu_factor(matmul(u, turned))), -1)
    return u, s, turned, each_matrix(turn)


def _frame(a: Any) -> tuple[Any, Any, Any, Any]:
    """Ū, S and V̄ᴴ of A = U S Vᴴ, and the determinant of U Vᴴ; S is nan where A is not finite."""
    known = np.isfinite(a).all((-2, -1), keepdims=True)
    u, s, v = np.linalg.svd(np.where(known, a, 0))
    s = np.where(known[..., 0], s, np.nan).astype(s.dtype)
    turn = np.linalg.det(np.matmul(u, v))
    return np.conj(u), s, np.conj(v), turn[..., None, None]


def _others(s: Any, missing: int) -> Any:
    """The products of all elements but one, along the last axis; of all but two, as a matrix."""
    size = s.shape[-1]
    if missing == 2:
        ones = np.eye(size, dtype=s.dtype)
        return _others(np.where(ones, ones, s[..., None, :]), 1) * (1 - ones)
    result = np.ones_like(s)
    result[..., 1:] = np.cumprod(s[..., :-1], -1)
    result[..., :-1] *= np.cumprod(s[..., :0:-1], -1)[..., ::-1]
    return result
