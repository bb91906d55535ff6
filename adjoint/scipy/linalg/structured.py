"""Matrices of a structure in ``scipy.linalg``, and systems of equations with them. Composites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.array.dtypes import result_type
from adjoint.array.linalg import contraction, equations
from adjoint.array.manipulation.joining import atleast_2d
from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import broadcast_shapes
from adjoint.ops.elementwise.complex import real
from adjoint.ops.indexing.indexing import take
from adjoint.ops.indexing.slicing import pick
from adjoint.ops.linalg import banded
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import common_dtype
from adjoint.ops.linalg.triangular import cholesky as lower_cholesky
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import astype, broadcast_to, reshape
from adjoint.ops.shape.rearrange import diag, diagonal, flip
from adjoint.scipy.common import floating, integer, refuse, unsupported
from adjoint.scipy.linalg.batching import over_batch
from adjoint.scipy.linalg.equations import symmetric_from

__all__ = [
    "block_diag",
    "cho_solve_banded",
    "cholesky_banded",
    "circulant",
    "companion",
    "convolution_matrix",
    "diagsvd",
    "hankel",
    "khatri_rao",
    "kron",
    "matmul_toeplitz",
    "solve_banded",
    "solve_circulant",
    "solve_toeplitz",
    "solveh_banded",
    "toeplitz",
]


def block_diag(*arrs: Any) -> Tensor:
    """The matrix with the given ones along its diagonal, and zeros elsewhere.

    >>> from adjoint.scipy.linalg import block_diag
    >>> block_diag([[1.0]], [[2.0, 3.0]])
    Tensor([[1., 0., 0.],
            [0., 2., 3.]])
    """
    blocks = [atleast_2d(as_tensor(a)) for a in arrs or ([[]],)]
    lead = broadcast_shapes("scipy.linalg.block_diag", *(block.shape[:-2] for block in blocks))
    dtype = result_type(*(block.dtype for block in blocks))
    width = sum(block.shape[-1] for block in blocks)
    rows, before = [], 0
    for block in blocks:
        count, size = block.shape[-2:]
        sides = [np.zeros((*lead, count, n), dtype) for n in (before, width - before - size)]
        middle = broadcast_to(as_tensor(block, dtype), (*lead, count, size))
        rows.append(concat([sides[0], middle, sides[1]], axis=len(lead) + 1))
        before += size
    return concat(rows, axis=len(lead))


def _vector(name: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim != 1:
        raise unsupported(f"scipy.linalg.{name}", "c", x, "give one axis")
    result: Tensor = x
    return result


@over_batch(c=1, r=1)
def toeplitz(c: Any, r: Any = None) -> Tensor:
    """The matrix with the first column `c` and first row `r`, constant along its diagonals.

    >>> from adjoint.scipy.linalg import toeplitz
    >>> toeplitz([1.0, 2.0], [1.0, 4.0, 5.0])
    Tensor([[1., 4., 5.],
            [2., 1., 4.]])
    """
    c = _vector("toeplitz", c)
    r = conjugate(c) if r is None else _vector("toeplitz", r)
    values = concat([flip(r[1:]), c])
    rows, columns = np.ogrid[: c.size, : r.size]
    return take(values, r.size - 1 + rows - columns, axis=0)


@over_batch(c=1)
def circulant(c: Any) -> Tensor:
    """The square matrix whose first column is `c` and whose columns turn it round.

    >>> from adjoint.scipy.linalg import circulant
    >>> circulant([1.0, 2.0])
    Tensor([[1., 2.],
            [2., 1.]])
    """
    c = _vector("circulant", c)
    rows, columns = np.ogrid[: c.size, : c.size]
    return take(c, (rows - columns) % max(c.size, 1), axis=0)


@over_batch(c=1, r=1)
def hankel(c: Any, r: Any = None) -> Tensor:
    """The matrix with the first column `c` and last row `r`, constant along its anti-diagonals.

    >>> from adjoint.scipy.linalg import hankel
    >>> hankel([1.0, 2.0])
    Tensor([[1., 2.],
            [2., 0.]])
    """
    c = _vector("hankel", c)
    r = np.zeros(c.size, c.dtype) if r is None else r
    r = _vector("hankel", r)
    rows, columns = np.ogrid[: c.size, : r.size]
    return take(concat([c, r[1:]]), rows + columns, axis=0)


@over_batch(a=1)
def companion(a: Any) -> Tensor:
    """The companion matrix of the polynomial with coefficients `a`, the leading one first.

    >>> from adjoint.scipy.linalg import companion
    >>> companion([1.0, -3.0, 2.0])
    Tensor([[ 3., -2.],
            [ 1.,  0.]])
    """
    a = floating(_vector("companion", a))
    first = reshape(-a[1:] / a[0], (1, -1))
    return concat([first, np.eye(a.size - 2, a.size - 1, dtype=a.dtype)], axis=0)


@over_batch(a=1)
def convolution_matrix(a: Any, n: int, mode: str = "full") -> Tensor:
    """The matrix that convolves a vector of `n` elements with `a`.

    >>> from adjoint.scipy.linalg import convolution_matrix
    >>> convolution_matrix([1.0, 2.0], 2)
    Tensor([[1., 0.],
            [2., 1.],
            [0., 2.]])
    """
    a = _vector("convolution_matrix", a)
    n = integer("scipy.linalg.convolution_matrix", "n", n)
    zeros = np.zeros(n - 1, a.dtype)
    whole = toeplitz(concat([a, zeros]), concat([a[:1], zeros]))
    if mode == "full":
        return whole
    shorter, longer = sorted((a.size, n))
    if mode == "same":
        start = (shorter - 1) // 2
        return whole[start : start + longer]
    if mode == "valid":
        return whole[shorter - 1 : longer]
    raise unsupported("scipy.linalg.convolution_matrix", "mode", mode, 'give "full" or "same"')


@over_batch(s=1)
def diagsvd(s: Any, M: int, N: int) -> Tensor:
    """The M by N matrix with the singular values `s` on its diagonal.

    >>> from adjoint.scipy.linalg import diagsvd
    >>> diagsvd([3.0], 1, 2)
    Tensor([[3., 0.]])
    """
    s = as_tensor(s)
    square_part = diag(s)
    if s.size == M:
        return concat([square_part, np.zeros((M, N - M), s.dtype)], axis=1)
    return concat([square_part, np.zeros((M - N, N), s.dtype)], axis=0)


def kron(a: Any, b: Any) -> Tensor:
    """The Kronecker product of two matrices.

    >>> from adjoint.scipy.linalg import kron
    >>> kron([[1.0, 2.0]], [[1.0], [3.0]])
    Tensor([[1., 2.],
            [3., 6.]])
    """
    return contraction.kron(a, b)


@over_batch(a=2, b=2)
def khatri_rao(a: Any, b: Any) -> Tensor:
    """The Kronecker product of corresponding columns.

    >>> from adjoint.scipy.linalg import khatri_rao
    >>> khatri_rao([[1.0, 2.0]], [[1.0, 3.0], [2.0, 4.0]])
    Tensor([[1., 6.],
            [2., 8.]])
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ShapeError(
            f"scipy.linalg.khatri_rao: needs matrices with equally many columns, got shapes "
            f"{a.shape} and {b.shape}"
        )
    product = reshape(a, (a.shape[0], 1, a.shape[1])) * b
    return reshape(product, (a.shape[0] * b.shape[0], a.shape[1]))


def _pair(c_or_cr: Any) -> tuple[Any, Any]:
    return c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)


def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Tensor:
    """The solution of a system with the matrix `toeplitz` of a column, or a column and a row.

    >>> from adjoint.scipy.linalg import solve_toeplitz
    >>> solve_toeplitz([2.0, 0.0], [2.0, 4.0])
    Tensor([1., 2.])
    """
    return equations.solve(toeplitz(*_pair(c_or_cr)), b)


def matmul_toeplitz(
    c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None
) -> Tensor:
    """The product of the matrix `toeplitz` with `x`.

    >>> from adjoint.scipy.linalg import matmul_toeplitz
    >>> matmul_toeplitz([2.0, 0.0], [2.0, 4.0])
    Tensor([4., 8.])
    """
    return matmul(toeplitz(*_pair(c_or_cr)), as_tensor(x))


def solve_circulant(
    c: Any,
    b: Any,
    singular: str = "raise",
    tol: Any = None,
    caxis: int = -1,
    baxis: int = 0,
    outaxis: int = 0,
) -> Tensor:
    """The solution of a system with the matrix `circulant`.

    >>> from adjoint.scipy.linalg import solve_circulant
    >>> solve_circulant([2.0, 0.0], [2.0, 4.0])
    Tensor([1., 2.])
    """
    name = "scipy.linalg.solve_circulant"
    refuse(name, singular=(singular, "raise"), tol=(tol, None), baxis=(baxis, 0))
    refuse(name, outaxis=(outaxis, 0), caxis=(caxis, -1))
    return equations.solve(circulant(c), b)


# Bands, in LAPACK's form.


def solve_banded(
    l_and_u: Sequence[int],
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Tensor:
    """The solution X of A X = B for a banded A in diagonal ordered form.

    >>> from adjoint.scipy.linalg import solve_banded
    >>> solve_banded((0, 0), [[2.0, 4.0]], [2.0, 8.0])
    Tensor([1., 2.])
    """
    lower, upper = (integer("scipy.linalg.solve_banded", "l_and_u", x) for x in l_and_u)
    dtype = common_dtype(ab, b)
    bands = as_tensor(ab, dtype)
    if bands.ndim != 2 or bands.shape[0] != lower + upper + 1:
        raise ShapeError(
            f"scipy.linalg.solve_banded: ab of shape {bands.shape} needs two axes, the first of "
            f"{lower + upper + 1} for (l, u) = {(lower, upper)}"
        )
    return _solved(bands, as_tensor(b, dtype), lower, upper)


def _solved(bands: Tensor, b: Tensor, lower: int, upper: int) -> Tensor:
    if b.ndim not in (1, 2) or b.shape[0] != bands.shape[1]:
        raise ShapeError(
            f"scipy.linalg: a banded matrix of size {bands.shape[1]} needs right-hand sides with "
            f"as many rows, got shape {b.shape}"
        )
    if b.ndim == 2:
        return banded.solve_banded(bands, b, lower, upper)
    return reshape(banded.solve_banded(bands, reshape(b, (-1, 1)), lower, upper), b.shape)


def _general(ab: Tensor, lower: bool) -> Tensor:
    """All bands of the Hermitian matrix of which those on one side are given."""
    count = ab.shape[0] - 1
    below, above = [], []
    for k in range(1, count + 1):
        if lower:
            given = pick(ab, 0, k)
            below.append(given)
            above.append(banded.shifted(conjugate(given), -k))
        else:
            given = pick(ab, 0, count - k)
            above.append(given)
            below.append(banded.shifted(conjugate(given), k))
    main = astype(real(pick(ab, 0, 0 if lower else count)), ab.dtype)
    return stack([*above[::-1], main, *below])


def solveh_banded(
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Tensor:
    """The solution X of A X = B for a positive definite banded A, of which one side is given.

    >>> from adjoint.scipy.linalg import solveh_banded
    >>> solveh_banded([[2.0, 4.0]], [2.0, 8.0])
    Tensor([1., 2.])
    """
    dtype = common_dtype(ab, b)
    bands = as_tensor(ab, dtype)
    count = bands.shape[0] - 1
    return _solved(_general(bands, lower), as_tensor(b, dtype), count, count)


@over_batch(ab=2)
def cholesky_banded(
    ab: Any, overwrite_ab: bool = False, lower: bool = False, check_finite: bool = True
) -> Tensor:
    """The bands of the Cholesky factor of a positive definite banded matrix.

    Beyond the ends of the diagonals stands 0. Computed from the whole matrix.

    >>> from adjoint.scipy.linalg import cholesky_banded
    >>> cholesky_banded([[4.0, 9.0]])
    Tensor([[2., 3.]])
    """
    bands = floating(ab)
    count, size = bands.shape[0] - 1, bands.shape[1]
    whole: Any = 0
    for k in range(count + 1):  # the lower triangle
        row = pick(bands, 0, k if lower else count - k)
        side = row[: size - k] if lower else conjugate(row[k:])
        whole = whole + diag(side, -k)
    factor = lower_cholesky(symmetric_from(as_tensor(whole), True))
    rows = []
    for k in range(count + 1):
        zeros = np.zeros(k, bands.dtype)
        side = diagonal(factor, -k)
        rows.append(concat([side, zeros] if lower else [zeros, conjugate(side)]))
    return stack(rows if lower else rows[::-1])


def cho_solve_banded(
    cb_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Tensor:
    """The solution X of A X = B, given what `cholesky_banded` returns for A, and its `lower`.

    >>> from adjoint.scipy.linalg import cho_solve_banded
    >>> cho_solve_banded(([[2.0, 3.0]], False), [4.0, 9.0])
    Tensor([1., 1.])
    """
    factor, lower = cb_and_lower
    dtype = common_dtype(factor, b)
    factor, b = as_tensor(factor, dtype), as_tensor(b, dtype)
    count = factor.shape[0] - 1
    sides = (count, 0) if lower else (0, count)
    turned = conjugate(banded.transpose_banded(factor, *sides))
    if lower:
        return _solved(turned, _solved(factor, b, count, 0), 0, count)
    return _solved(factor, _solved(turned, b, count, 0), 0, count)
