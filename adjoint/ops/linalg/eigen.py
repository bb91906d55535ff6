"""Eigenvalues and eigenvectors of general square matrices.

The decomposition A V = V diag(w) is one tensor, of which `eigen_parts` of `spectral` takes the
parts. With P = V⁻¹ Ȧ V and fᵢⱼ = 1 / (wⱼ - wᵢ) the tangents are diag P of the values and
U = V (F ∘ P) of the vectors, up to a multiple of each vector itself (Giles 2008, 3.1). LAPACK fixes
that: vectors have length 1 and their largest element is real, so from column j goes cⱼ vⱼ with
cⱼ = Re(vⱼᴴ uⱼ) + i Im(uₖⱼ / vₖⱼ), where k is the place of the largest element. So the derivative is
that of what is returned, also of functions that depend on the phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.lines import line_of
from adjoint.graph.node import Node, noted
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, to_complex
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, less_equal, logical_and
from adjoint.ops.elementwise.complex import imag, real
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.structural_zeros import both, nonzero_mask, over, whole
from adjoint.ops.linalg.lu import lu_factor, lu_solve
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, for_each
from adjoint.ops.linalg.spectral import eigen_parts, not_converged
from adjoint.ops.linalg.spectral_quotient import UNITS, Spectrum, unknown_at
from adjoint.ops.reductions.extremum import argmax
from adjoint.ops.reductions.extremum import max as extremum
from adjoint.ops.reductions.reduction import conjugate, sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, matrix_transpose, reshape
from adjoint.ops.shape.rearrange import diagonal


class GeneralEigen(Stacked):
    """The eigenvalues of A, a row, and below them the eigenvectors, in rows; all complex."""

    name = "eig"

    def infer(self, a: Node) -> tuple[Shape, DType]:
        return (*a.shape[:-2], a.shape[-1] + 1, a.shape[-1]), to_complex(a.dtype)

    def evaluate(self, a: Any) -> Any:
        dtype = to_complex(a.dtype)

        def each(place: tuple[int, ...], a: Any) -> Any:
            try:
                values, vectors = np.linalg.eig(a)
            except np.linalg.LinAlgError as error:
                raise not_converged("eig", place) from error
            return np.vstack((values, vectors.T)).astype(dtype)

        return for_each(each, (*a.shape[:-2], a.shape[-1] + 1, a.shape[-1]), dtype, a)

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any]:
        """Each eigenvalue and the nearest of those after it."""
        values = result[..., 0, :]
        first = values[..., :-1]
        if not first.size:
            return first, first
        apart = np.abs(values[..., :, None] - values[..., None, :])
        later = np.triu(np.ones(apart.shape[-2:], bool), 1)
        nearest = np.argmin(np.where(later, apart, np.inf), -1)[..., :-1]
        second = np.take_along_axis(values, nearest, -1)
        rounding = values.shape[-1] * np.finfo(apart.dtype).eps * np.abs(values).max()
        return first, np.where(np.abs(second - first) <= rounding, first, second)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None or not node.shape[-1]:
            return None
        w, v = eigen_parts(Tensor(node))
        moved = matmul(astype(tangents[0], node.dtype), v)
        inner = lu_solve(v, lu_factor(v), moved)
        turned = matmul(v, ratio(inner, w))
        largest, place = _largest(v)
        length = real(sum(conjugate(v) * turned, -2, keepdims=True))
        phase = imag(sum(keep_where(place, turned), -2, keepdims=True) / largest)
        vectors = turned - v * (length + phase * 1j)
        return concat([_row(diagonal(inner, 0, -2, -1)), matrix_transpose(vectors)], axis=-2)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        if not node.shape[-1]:
            return (None,)
        w, v = eigen_parts(Tensor(node))
        by_w, by_v = eigen_parts(adjoint)
        largest, place = _largest(v)
        along = sum(conjugate(v) * by_v, -2, keepdims=True)
        turn = imag(along) * 1j / conjugate(largest)
        by_u = by_v - v * astype(real(along), v.dtype) - keep_where(place, turn)
        mask, spectrum = nonzero_mask(by_v), Spectrum(self.name, line_of(node), 0)
        if mask is not None:
            mask = over(whole(mask, v.shape), v.shape, (v.ndim - 2,))
        inner = ratio(matmul(conjugate_transpose(v), by_u), conjugate(w), mask, spectrum)
        inner = inner + _on_diagonal(by_w, v)
        left = conjugate_transpose(v)
        share = matmul(lu_solve(left, lu_factor(left), inner), left)
        a = node.inputs[0]
        return (share if a.dtype.kind == "c" else real(share),)


_eig = register(GeneralEigen())


def eig(a: Tensor) -> Tensor:
    """Eigenvalues and eigenvectors, as `GeneralEigen` says."""
    return Tensor(noted(make(_eig, (a,)).node))


def _largest(v: Tensor) -> tuple[Tensor, Tensor]:
    """The largest element of each vector, and where it stands."""
    rows = from_array(np.arange(v.shape[-2]).reshape(-1, 1))
    place = equal(argmax(abs(v), -2, keepdims=True), rows)
    return sum(keep_where(place, v), -2, keepdims=True), place


def ratio(
    x: Tensor, w: Tensor, mask: Tensor | None = None, spectrum: Spectrum | None = None
) -> Tensor:
    """The matrix of the xᵢⱼ / (wⱼ - wᵢ), with zeros on its diagonal.

    Where two values coincide it is 0 outside `mask`, where nothing arrives, as when only the values
    are used, and else nan, with a warning if `spectrum` says of which decomposition: also an x that
    happens to be 0 has a limit there, which is not known.
    """
    gaps = _gaps(w)
    largest = reshape(extremum(abs(w), -1), (*w.shape[:-1], 1, 1))
    near = less_equal(abs(gaps), UNITS * w.shape[-1] * np.finfo(largest.dtype).eps * largest)
    apart = from_array(~np.eye(w.shape[-1], dtype=bool))
    reached = apart if mask is None else both(apart, mask)
    spoilt = astype(from_array(np.asarray(np.nan)), x.dtype)
    if spectrum is not None:
        spoilt = unknown_at(logical_and(near, reached), spectrum, x.dtype)
    return keep_where(reached, where(near, spoilt, x / where(near, 1.0, gaps)))


def _gaps(w: Tensor) -> Tensor:
    """The matrix of the wⱼ - wᵢ."""
    return _row(w) - reshape(w, (*w.shape, 1))


def _row(x: Tensor) -> Tensor:
    return reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def _on_diagonal(x: Tensor, like: Tensor) -> Tensor:
    """Matrices in the shape of `like` with the elements of `x` on their diagonals."""
    return keep_where(from_array(np.eye(like.shape[-1], dtype=bool)), _row(x))
