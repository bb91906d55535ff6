"""Forms of a matrix by orthogonal similarity: Schur's and Hessenberg's.

A = Z T Zᴴ. With dZ = Z X, where X is antihermitian as Z stays unitary, Zᴴ dA Z = dT - T X + X T. As
many elements of dT are zero as X has free ones, and these equations say what X is. They are stated
in Z and T, so every order follows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.own_operations import OwnOperation, op
from adjoint.array.linalg.equations import solve
from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient, where
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.elementwise.complex import imag, real
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import conjugate_transpose, square
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, matrix_transpose, reshape
from adjoint.scipy.linalg.batching import over_batch

__all__ = ["hessenberg", "schur"]

Pair = tuple[Tensor, Tensor]
Constraint = Callable[[Tensor], Tensor]


@functools.cache
def _basis(n: int, first: int, is_complex: bool) -> Any:
    """Antihermitian matrices, one for each free element below the diagonal from column `first`."""
    rows, columns = _below(n, first)
    found = np.zeros((rows.size, n, n), np.complex128 if is_complex else np.float64)
    count = np.arange(rows.size)
    found[count, rows, columns], found[count, columns, rows] = 1, -1
    if is_complex:
        turned = np.abs(found) * 1j
        found = np.concatenate([found, turned])
    return found


def _below(n: int, first: int) -> Any:
    """Rows and columns of what stands below the diagonal, from column `first`."""
    rows, columns = np.tril_indices(n, -1)
    kept = columns >= first
    return rows[kept], columns[kept]


def _elements(x: Tensor, rows: Any, columns: Any) -> Tensor:
    """These elements of matrices, complex ones as two real numbers."""
    found = x[..., rows, columns]
    return concat([real(found), imag(found)], -1) if found.dtype.kind == "c" else found


def _moved(da: Tensor, t: Tensor, z: Tensor, first: int, zeros: Constraint) -> Pair:
    """The tangents of T, with rounding errors where it is zero, and of Z."""
    turned = matmul(conjugate_transpose(z), matmul(da, z))
    basis = as_tensor(_basis(t.shape[-1], first, t.dtype.kind == "c"), t.dtype)
    if basis.shape[0] == 0:
        return turned, matmul(z, 0 * turned)
    moves = zeros(matmul(t, basis) - matmul(basis, t))
    amounts = solve(matrix_transpose(moves), -zeros(turned))
    x = reshape(matmul(amounts, reshape(basis, (basis.shape[0], -1))), t.shape)
    return turned + matmul(t, x) - matmul(x, t), matmul(z, x)


def _like_twice(a: Any) -> Any:
    return [(a.shape, a.dtype), (a.shape, a.dtype)]


def _schur_tangents(arguments: Any, value: Pair, tangents: Any) -> Pair:
    t, z = value
    n = t.shape[-1]
    rows, columns = _below(n, 0)
    near = as_tensor(rows == columns + 1)
    in_block = near & not_equal(_real_elements(t, rows, columns), 0)

    def zeros(x: Tensor) -> Tensor:
        """Zero where T is, and within a 2×2 block on the diagonal, whose diagonal is constant."""
        if x.dtype.kind == "c":
            return _elements(x, rows, columns)
        across = x[..., rows, rows] - x[..., columns, columns]
        return where(in_block, across, x[..., rows, columns])

    dt, dz = _moved(tangents[0], t, z, 0, zeros)
    kept = as_tensor(np.triu(np.ones((n, n), bool)))
    return where(kept | not_equal(stop_gradient(abs(t)), 0), dt, 0), dz


def _real_elements(x: Tensor, rows: Any, columns: Any) -> Tensor:
    return stop_gradient(real(x)[..., rows, columns])


@functools.cache
def _schur(sort: Any) -> OwnOperation:
    def value(a: Any) -> Any:
        return import_module("scipy.linalg").schur(a, _kind(a), sort=sort)[:2]

    made: OwnOperation = op(
        value, jvp=_schur_tangents, result=_like_twice, vectorized=_STACKS, name="schur"
    )
    return made


def _kind(a: Any) -> str:
    return "complex" if a.dtype.kind == "c" else "real"


_STACKS = "(n,n)->(n,n),(n,n)"


@over_batch(a=2)
def schur(
    a: Any,
    output: str = "real",
    lwork: Any = None,
    overwrite_a: bool = False,
    sort: Any = None,
    check_finite: bool = True,
) -> Any:
    """T and Z with A = Z T Zᴴ, where Z is unitary and T triangular.

    For a real A with `output` "real" T has blocks of two rows for pairs of complex eigenvalues.
    Eigenvalues must differ for derivatives, or they raise `LinAlgError`. With complex results each
    column of Z may be turned; derivatives are those for which it is not, and have a meaning
    for what does not depend on that.

    >>> from adjoint.scipy.linalg import schur
    >>> schur([[2.0, 1.0], [0.0, 3.0]])[0]
    Tensor([[2., 1.],
            [0., 3.]])
    """
    x = square("scipy.linalg.schur", a)
    if output not in ("real", "complex", "r", "c"):
        raise ArgumentError(
            f'scipy.linalg.schur: output must be "real" or "complex", got {output!r}'
        )
    if output[0] == "c" and x.dtype.kind != "c":
        x = astype(x, np.result_type(x.dtype, np.complex64))
    t, z = _schur(sort)(x)
    if sort is None:
        return t, z
    return t, z, _sorted_count(sort)(stop_gradient(x))


@functools.cache
def _sorted_count(sort: Any) -> OwnOperation:
    def value(a: Any) -> Any:
        return np.asarray(import_module("scipy.linalg").schur(a, _kind(a), sort=sort)[2])

    made: OwnOperation = op(value, result=((), np.dtype(np.int64)), name="schur")
    return made


def _hessenberg_tangents(arguments: Any, value: Pair, tangents: Any) -> Pair:
    h, q = value
    rows, columns = _below(h.shape[-1], 0)
    rows, columns = rows[rows > columns + 1], columns[rows > columns + 1]
    dh, dq = _moved(tangents[0], h, q, 1, lambda x: _elements(x, rows, columns))
    kept = as_tensor(np.triu(np.ones(h.shape[-2:], bool), -1))
    return where(kept, dh, 0), dq


_hessenberg: OwnOperation = op(
    lambda a: import_module("scipy.linalg").hessenberg(a, calc_q=True),
    jvp=_hessenberg_tangents,
    result=_like_twice,
    vectorized=_STACKS,
    name="hessenberg",
)


@over_batch(a=2)
def hessenberg(
    a: Any, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """H, zero below the first diagonal under the main one; with `calc_q` also Q with A = Q H Qᴴ.

    Derivatives need elements other than 0 on that diagonal, or raise `LinAlgError`. Of a complex
    matrix each column of Q but the first may be turned; derivatives are those for which it is not.

    >>> from adjoint.scipy.linalg import hessenberg
    >>> hessenberg([[2.0, 1.0], [4.0, 3.0]])
    Tensor([[2., 1.],
            [4., 3.]])
    """
    h, q = _hessenberg(square("scipy.linalg.hessenberg", a))
    return (h, q) if calc_q else h
