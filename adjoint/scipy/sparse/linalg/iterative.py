"""Systems of equations with sparse matrices of tensors by SciPy's iterations."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.linalg.matrices import common_dtype
from adjoint.ops.linalg.sparse_pattern import Pattern
from adjoint.ops.linalg.sparse_solve import Preconditioner, sparse_iteration
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import refuse, unsupported
from adjoint.scipy.sparse.arrays import SparseArray
from adjoint.scipy.sparse.entries import is_sparse
from adjoint.scipy.sparse.linalg.direct import solved, square_matrix
from adjoint.scipy.sparse.linalg.matrix_free import by_products

__all__ = ["bicg", "bicgstab", "cg", "cgs", "gmres", "minres"]


def _iterated(method: str, A: Any, b: Any, x0: Any, M: Any, callback: Any, **options: Any) -> Any:
    """The solution, and 0 for success: it raises `LinAlgError` where there is none."""
    name = f"scipy.sparse.linalg.{method}"
    if callback is not None:
        raise unsupported(name, "callback", callback, "leave it out")
    if not isinstance(A, (SparseArray, Tensor, np.ndarray)) and not is_sparse(A):
        if method in ("cg", "bicgstab", "gmres") and callable(A) and not hasattr(A, "matvec"):
            return by_products(method, A, b, x0, M, **options)
        raise unsupported(
            name,
            "A",
            A,
            "give a sparse matrix, or to cg, bicgstab or gmres a function v ↦ A v",
        )
    matrix = square_matrix(method, A)
    right = as_tensor(b)
    if right.ndim == 2 and right.shape[1] != 1:
        raise unsupported(name, "b", right, "give one vector")
    near, others = _preconditioner(M, common_dtype(matrix.entries[1], right))
    given = tuple((k, v) for k, v in options.items() if v is not None)
    start = None
    if x0 is not None:  # the iteration then finds what is missing
        start = reshape(stop_gradient(as_tensor(x0)), right.shape)
        right = right - matrix @ start

    def solve(values: Tensor, columns: Tensor, pattern: Pattern) -> Tensor:
        return sparse_iteration((values, columns, *others), pattern, method, given, near)

    found = reshape(solved(method, matrix, right, solve), (-1,))
    return (found if start is None else found + reshape(start, (-1,))), 0


def _preconditioner(M: Any, dtype: DType) -> tuple[Any, list[Tensor]]:
    """How `sparse_iteration` takes it, and its values, by which no derivative is."""
    if M is None:
        return None, []
    if not isinstance(M, (SparseArray, Tensor)) and not is_sparse(M):
        return Preconditioner(M), []
    pattern, values = square_matrix("M", M).entries
    return pattern, [stop_gradient(as_tensor(values, dtype))]


def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
) -> Any:
    """The solution of A x = b for a symmetric positive definite A by conjugate gradients, and 0.

    A may also be a function v ↦ A v, as may be M; then b is a vector or any tree, the solution is
    like it, and the second result is 0, or the number of steps without success.

    The derivatives are those of the exact solution; they solve systems with the same matrix in the
    same way, so `rtol` bounds their errors too. Where the iteration fails `LinAlgError` is raised,
    so what SciPy calls info is always 0. A preconditioner, M, and x0 have no derivative.

    >>> import adjoint as ad
    >>> A = ad.sparse.csr_array([[4.0, 1.0], [1.0, 3.0]])
    >>> ad.sparse.linalg.cg(A, ad.asarray([5.0, 4.0]), rtol=1e-12)
    (Tensor([1., 1.]), 0)
    >>> ad.grad(lambda a: ad.sparse.linalg.cg(lambda v: a * v, 6.0)[0])(2.0)  # -6 / a²
    Tensor(-1.5)
    """
    return _iterated("cg", A, b, x0, M, callback, rtol=rtol, atol=atol, maxiter=maxiter)


def bicg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
) -> Any:
    """The solution of A x = b by biconjugate gradients, and 0; as `cg`.

    >>> import adjoint as ad
    >>> A = ad.sparse.csr_array([[4.0, 1.0], [1.0, 3.0]])
    >>> ad.sparse.linalg.bicg(A, ad.asarray([5.0, 4.0]), rtol=1e-12)
    (Tensor([1., 1.]), 0)
    """
    return _iterated("bicg", A, b, x0, M, callback, rtol=rtol, atol=atol, maxiter=maxiter)


def bicgstab(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
) -> Any:
    """The solution of A x = b by stabilised biconjugate gradients, and 0; as `cg`.

    >>> import adjoint as ad
    >>> A = ad.sparse.csr_array([[4.0, 1.0], [1.0, 3.0]])
    >>> ad.sparse.linalg.bicgstab(A, ad.asarray([5.0, 4.0]), rtol=1e-12)
    (Tensor([1., 1.]), 0)
    """
    return _iterated("bicgstab", A, b, x0, M, callback, rtol=rtol, atol=atol, maxiter=maxiter)


def cgs(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
) -> Any:
    """The solution of A x = b by squared conjugate gradients, and 0; as `cg`.

    >>> import adjoint as ad
    >>> A = ad.sparse.csr_array([[4.0, 1.0], [1.0, 3.0]])
    >>> ad.sparse.linalg.cgs(A, ad.asarray([5.0, 4.0]), rtol=1e-12)
    (Tensor([1., 1.]), 0)
    """
    return _iterated("cgs", A, b, x0, M, callback, rtol=rtol, atol=atol, maxiter=maxiter)


def gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    atol: Any = 0.0,
    restart: Any = None,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
    callback_type: Any = None,
) -> Any:
    """The solution of A x = b by generalised minimal residuals, and 0; as `cg`.

    >>> import adjoint as ad
    >>> A = ad.sparse.csr_array([[4.0, 1.0], [1.0, 3.0]])
    >>> ad.sparse.linalg.gmres(A, ad.asarray([5.0, 4.0]), rtol=1e-12)
    (Tensor([1., 1.]), 0)
    """
    kept = {"rtol": rtol, "atol": atol, "restart": restart, "maxiter": maxiter}
    return _iterated("gmres", A, b, x0, M, callback, **kept)


def minres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    shift: Any = 0.0,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
    show: bool = False,
    check: bool = False,
) -> Any:
    """The solution of A x = b for a symmetric A by minimal residuals, and 0; as `cg`.

    >>> import adjoint as ad
    >>> A = ad.sparse.csr_array([[4.0, 1.0], [1.0, 3.0]])
    >>> ad.sparse.linalg.minres(A, ad.asarray([5.0, 4.0]), rtol=1e-12)
    (Tensor([1., 1.]), 0)
    """
    refuse("scipy.sparse.linalg.minres", shift=(shift, 0.0), show=(show, False))
    kept = {"rtol": rtol, "maxiter": maxiter, "check": check or None}
    return _iterated("minres", A, b, x0, M, callback, **kept)
