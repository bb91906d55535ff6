"""The decompositions of ``scipy.linalg``. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg import decompositions as core
from adjoint.errors import RangeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import broadcast_shapes
from adjoint.ops.elementwise.complex import conj
from adjoint.ops.indexing.indexing import take, take_along_axis
from adjoint.ops.linalg.lu_parts import lu_parts, pivot_order
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import common_dtype, conjugate_transpose, matrices, square
from adjoint.ops.linalg.triangular import triangular_solve
from adjoint.ops.reductions.sorting import argsort
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, broadcast_to, reshape
from adjoint.ops.shape.rearrange import diag, tril, triu
from adjoint.scipy.common import refuse, unsupported
from adjoint.scipy.linalg.equations import solve_triangular, symmetric_from

__all__ = [
    "cho_factor",
    "cho_solve",
    "cholesky",
    "eigh",
    "eigh_tridiagonal",
    "eigvalsh",
    "eigvalsh_tridiagonal",
    "lu",
    "lu_factor",
    "lu_solve",
    "qr",
    "svd",
    "svdvals",
]


def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Tensor:
    """The triangular U with A = Uᴴ U, or with `lower` L with A = L Lᴴ.

    The triangle of A that `lower` names is read and A taken for symmetric, so its gradient is.
    Raises `LinAlgError` when the values show that A is not positive definite.

    >>> from adjoint.scipy.linalg import cholesky
    >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
    Tensor([[2., 1.],
            [0., 2.]])
    """
    return core.cholesky(a, upper=not lower)


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Tensor, bool]:
    """`cholesky` for `cho_solve`: the other triangle is that of A, as in SciPy.

    >>> from adjoint.scipy.linalg import cho_factor
    >>> cho_factor([[4.0, 2.0], [2.0, 5.0]])[0]
    Tensor([[2., 1.],
            [2., 2.]])
    """
    a = square("scipy.linalg.cho_factor", a)
    factor = cholesky(a, lower)
    return factor + (triu(a, 1) if lower else tril(a, -1)), lower


def cho_solve(
    c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Tensor:
    """The solution X of A X = B, given what `cho_factor` returns for A.

    >>> from adjoint.scipy.linalg import cho_factor, cho_solve
    >>> cho_solve(cho_factor([[4.0, 2.0], [2.0, 5.0]]), [8.0, 8.0])
    Tensor([1.5, 1. ])
    """
    factor, lower = c_and_lower
    lower = bool(lower)
    half = solve_triangular(factor, b, trans=0 if lower else "C", lower=lower)
    return solve_triangular(factor, half, trans="C" if lower else 0, lower=lower)


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """L and U of P A = L U in one matrix, and the exchanges of rows that are P, held fixed.

    >>> from adjoint.scipy.linalg import lu_factor
    >>> lu_factor([[2.0, 4.0], [1.0, 5.0]])[0]
    Tensor([[2. , 4. ],
            [0.5, 3. ]])
    """
    both, exchanged, _ = lu_parts(_square_only("lu_factor", a))
    return both, exchanged


def _square_only(name: str, a: Any) -> Tensor:
    a = matrices(f"scipy.linalg.{name}", a)
    if a.shape[-1] != a.shape[-2]:
        raise unsupported(f"scipy.linalg.{name}", "a", a, "give a square matrix")
    result: Tensor = a
    return result


def lu_solve(
    lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Tensor:
    """The solution X of op(A) X = B, given what `lu_factor` returns for A.

    >>> from adjoint.scipy.linalg import lu_factor, lu_solve
    >>> lu_solve(lu_factor([[2.0, 4.0], [1.0, 5.0]]), [6.0, 6.0])
    Tensor([1., 1.])
    """
    if trans not in (0, 1, 2):
        raise RangeError(f"scipy.linalg.lu_solve: trans must be 0, 1 or 2, got {trans!r}")
    both, exchanged = as_tensor(lu_and_piv[0]), as_tensor(lu_and_piv[1])
    dtype = common_dtype(both, b)
    both, b = as_tensor(both, dtype), as_tensor(b, dtype)
    right = reshape(b, (-1, 1)) if b.ndim == 1 else b
    order = pivot_order(exchanged)
    if trans == 0:
        moved = _permuted(right, order)
        half = triangular_solve(both, moved, True, False, True)
        x = triangular_solve(both, half, False)
    else:
        if trans == 2:
            right = conj(right)
        half = triangular_solve(both, right, False, True)
        x = triangular_solve(both, half, True, True, True)
        x = _permuted(x, argsort(order))
        x = conj(x) if trans == 2 else x
    return reshape(x, x.shape[:-1]) if b.ndim == 1 else x


def _permuted(x: Tensor, order: Tensor) -> Tensor:
    """The rows of the matrices `x` in `order`."""
    lead = broadcast_shapes("lu_solve", order.shape[:-1], x.shape[:-2])
    rows = broadcast_to(order, (*lead, order.shape[-1]))
    x = broadcast_to(x, (*lead, *x.shape[-2:]))
    return take_along_axis(x, reshape(rows, (*rows.shape, 1)), axis=-2)


def lu(
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
) -> tuple[Any, ...]:
    """P, L and U of A = P L U; with `permute_l` P L and U; with `p_indices` P as indices.

    >>> from adjoint.scipy.linalg import lu
    >>> lu([[2.0, 4.0], [1.0, 5.0]])[2]
    Tensor([[2., 4.],
            [0., 3.]])
    """
    a = _square_only("lu", a)
    both, _, order = lu_parts(a)
    eye = np.eye(a.shape[-1], dtype=a.dtype)
    lower, upper = tril(both, -1) + from_array(eye), triu(both)
    back = argsort(order)
    if permute_l:
        rows = reshape(back, (*back.shape, 1))
        return take_along_axis(lower, rows, axis=-2), upper
    if p_indices:
        return astype(back, np.int32), lower, upper
    return take(from_array(eye), back, axis=0), lower, upper


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """U, the singular values and Vᴴ; only the values if not `compute_uv`.

    With `full_matrices` the square U and Vᴴ of a matrix that is not square have no derivative.

    >>> from adjoint.scipy.linalg import svd
    >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
    Tensor([4., 3.])
    """
    if not compute_uv:
        return core.svdvals(a)
    u, s, vh = core.svd(a, full_matrices)
    return u, core.svdvals(a) if full_matrices else s, vh  # which have derivatives at any rate


def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Tensor:
    """The singular values, falling.

    >>> from adjoint.scipy.linalg import svdvals
    >>> svdvals([[3.0, 0.0], [0.0, 4.0]])
    Tensor([4., 3.])
    """
    return core.svdvals(a)


def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """Q and R of A = Q R; mode "economic" for the columns that count, "r" for (R,) alone.

    With "full" the square Q of a matrix with more rows than columns has no derivative.

    >>> from adjoint.scipy.linalg import qr
    >>> qr([[3.0, 0.0], [4.0, 0.0]], mode="economic")[0].shape
    (2, 2)
    """
    name = "scipy.linalg.qr"
    refuse(name, pivoting=(bool(pivoting), False))
    if mode not in ("full", "economic", "r"):
        raise unsupported(name, "mode", mode, 'give "full", "economic" or "r"')
    a = matrices(name, a)
    rows, columns = a.shape[-2:]
    q, r = core.qr(a)
    if mode == "economic":
        return q, r
    if rows > columns:
        below = np.zeros((*a.shape[:-2], rows - columns, columns), a.dtype)
        r = concat([r, from_array(below)], axis=a.ndim - 2)
        q = core.qr(a, "complete")[0] if mode == "full" else q
    return (r,) if mode == "r" else (q, r)


def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """The eigenvalues, rising, and eigenvectors of symmetric A, or of A v = w B v with `b`.

    Eigenvectors of eigenvalues that coincide have no derivative. B is positive definite; `type` 2
    is A B v = w v, and 3 is B A v = w v.

    >>> from adjoint.scipy.linalg import eigh
    >>> eigh([[3.0, 0.0], [0.0, 1.0]], eigvals_only=True)
    Tensor([1., 3.])
    """
    name = "scipy.linalg.eigh"
    refuse(name, subset_by_value=(subset_by_value, None))
    dtype = common_dtype(a) if b is None else common_dtype(a, b)
    a = symmetric_from(square(name, a, dtype), lower)
    factor = None
    if b is not None:
        factor = core.cholesky(symmetric_from(square(name, b, dtype), lower))
        a = _reduced(a, factor, type)
    if eigvals_only:
        return _chosen(core.eigvalsh(a), subset_by_index)
    values, vectors = core.eigh(a)
    if factor is not None:
        if type == 3:
            vectors = matmul(factor, vectors)
        else:
            vectors = solve_triangular(factor, vectors, trans="C", lower=True)
    return _chosen(values, subset_by_index), _chosen(vectors, subset_by_index)


def _reduced(a: Tensor, factor: Tensor, type: int) -> Tensor:
    """The matrix of the ordinary problem with the same eigenvalues; `factor` is L of B = L Lᴴ."""
    if type not in (1, 2, 3):
        raise RangeError(f"scipy.linalg.eigh: type must be 1, 2 or 3, got {type!r}")
    if type == 1:
        half = solve_triangular(factor, a, lower=True)
        return solve_triangular(factor, conjugate_transpose(half), lower=True)
    return matmul(matmul(conjugate_transpose(factor), a), factor)


def _chosen(x: Tensor, subset: Any) -> Tensor:
    if subset is None:
        return x
    first, last = (int(i) for i in subset)
    return x[..., first : last + 1]


def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Tensor:
    """The eigenvalues of `eigh`.

    >>> from adjoint.scipy.linalg import eigvalsh
    >>> eigvalsh([[3.0, 0.0], [0.0, 1.0]])
    Tensor([1., 3.])
    """
    values: Tensor = eigh(
        a,
        b,
        lower=lower,
        eigvals_only=True,
        type=type,
        subset_by_index=subset_by_index,
        subset_by_value=subset_by_value,
    )
    return values


def eigh_tridiagonal(
    d: Any,
    e: Any,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    """`eigh` of the symmetric matrix with the diagonal `d` and `e` beside it.

    >>> from adjoint.scipy.linalg import eigh_tridiagonal
    >>> eigh_tridiagonal([3.0, 1.0], [0.0], eigvals_only=True)
    Tensor([1., 3.])
    """
    name = "scipy.linalg.eigh_tridiagonal"
    if select not in ("a", "i"):
        raise unsupported(name, "select", select, 'give "a" or "i"')
    dtype = common_dtype(d, e)
    whole = diag(as_tensor(d, dtype)) + diag(as_tensor(e, dtype), -1)
    subset = select_range if select == "i" else None
    return eigh(whole, eigvals_only=eigvals_only, subset_by_index=subset)


def eigvalsh_tridiagonal(
    d: Any,
    e: Any,
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Tensor:
    """The eigenvalues of `eigh_tridiagonal`.

    >>> from adjoint.scipy.linalg import eigvalsh_tridiagonal
    >>> eigvalsh_tridiagonal([3.0, 1.0], [0.0])
    Tensor([1., 3.])
    """
    values: Tensor = eigh_tridiagonal(d, e, True, select, select_range)
    return values
