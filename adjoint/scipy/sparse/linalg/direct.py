"""Systems of equations with sparse matrices of tensors by decomposition, and norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.linalg import norms
from adjoint.errors import ArgumentError, DTypeError, LinAlgError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import promote, to_inexact
from adjoint.ops.elementwise.choice import abs
from adjoint.ops.linalg.matrices import common_dtype
from adjoint.ops.linalg.sparse_pattern import Pattern
from adjoint.ops.linalg.sparse_solve import ConstantFactor, factor_solve, sparse_solve
from adjoint.ops.reductions.extremum import max as largest
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import refuse, unsupported
from adjoint.scipy.sparse.arrays import SparseArray, as_sparse
from adjoint.scipy.sparse.entries import is_sparse
from adjoint.scipy.sparse.formats import csc_array

__all__ = [
    "Decomposition",
    "factorized",
    "inv",
    "matrix_power",
    "norm",
    "solved",
    "solved_by",
    "splu",
    "spsolve",
    "spsolve_triangular",
    "square_matrix",
]


def square_matrix(name: str, A: Any) -> SparseArray:
    """`A` as a sparse square matrix of tensors."""
    known = isinstance(A, SparseArray) or is_sparse(A)
    found: SparseArray = as_sparse(A) if known else csc_array(as_tensor(A))
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ShapeError(
            f"scipy.sparse.linalg.{name}: needs a square matrix, got shape {found.shape}"
        )
    return found


def solved(
    name: str, A: SparseArray, b: Any, solve: Callable[[Tensor, Tensor, Pattern], Tensor]
) -> Tensor:
    """The solution for a vector, or for the columns of a matrix, by `solve`."""
    pattern, values = A.entries
    right = as_tensor(b)
    if right.ndim not in (1, 2) or right.shape[0] != A.shape[0]:
        raise ShapeError(
            f"scipy.sparse.linalg.{name}: a matrix of shape {A.shape} needs right-hand sides with "
            f"{A.shape[0]} rows, got shape {right.shape}"
        )
    dtype = common_dtype(values, right)
    values, columns = as_tensor(values, dtype), as_tensor(right, dtype)
    if right.ndim == 1:
        columns = reshape(columns, (-1, 1))
    return reshape(solve(values, columns, pattern), right.shape)


def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Tensor:
    """The solution x of A x = b for a sparse A, by SuperLU.

    b: a vector or a matrix, dense. The gradient by the values of A is -b̄ᵢ xⱼ at its entries, where
    b̄ solves the transposed system, by the same decomposition. Raises `LinAlgError` when the values
    show that A is singular.

    >>> import adjoint as ad
    >>> A = ad.sparse.csc_array([[2.0, 0.0], [1.0, 4.0]])
    >>> ad.sparse.linalg.spsolve(A, ad.asarray([2.0, 9.0]))
    Tensor([1., 2.])
    """
    matrix = square_matrix("spsolve", A)
    if isinstance(b, SparseArray) or is_sparse(b):
        raise unsupported(
            "scipy.sparse.linalg.spsolve", "b", b, "give it dense, by toarray(), as the result is"
        )
    found = solved("spsolve", matrix, b, sparse_solve)
    shape = found.shape
    return reshape(found, (-1,)) if len(shape) == 2 and shape[1] == 1 else found


class Decomposition:
    """What `splu` returns: the decomposition of a sparse matrix, which is kept by its values."""

    def __init__(self, matrix: SparseArray) -> None:
        self.matrix = matrix
        self.shape = matrix.shape

    @property
    def nnz(self) -> int:
        """The number of entries of the matrix; how many its factors have depends on the values."""
        return self.matrix.nnz

    def solve(self, rhs: Any, trans: str = "N") -> Tensor:
        """The solution of A x = b, with "T" or "H" of the (conjugate) transposed system."""
        if trans not in ("N", "T", "H"):
            raise RangeError(f"splu: trans must be 'N', 'T' or 'H', got {trans!r}")
        if trans == "H":
            return conjugate(self.solve(conjugate(as_tensor(rhs)), "T"))

        def solve(values: Tensor, b: Tensor, pattern: Pattern) -> Tensor:
            return sparse_solve(values, b, pattern, trans == "T")

        return solved("splu", self.matrix, rhs, solve)

    def __getattr__(self, name: str) -> Any:
        if name in ("L", "U", "perm_c", "perm_r"):
            raise _no_factor(name)
        raise AttributeError(f"a decomposition by splu has no attribute {name!r}")


def _no_factor(name: str) -> ArgumentError:
    return ArgumentError(
        f"scipy.sparse.linalg.splu: {name} of a matrix that is differentiated has no counterpart; "
        f"use solve, or scipy.linalg.lu of toarray() for a small matrix"
    )


def splu(
    A: Any,
    permc_spec: Any = None,
    diag_pivot_thresh: Any = None,
    relax: Any = None,
    panel_size: Any = None,
    options: Any = None,
) -> Decomposition:
    """The decomposition of a sparse matrix, whose `solve` is differentiable.

    How SuperLU is to choose its pivots is left to it.

    >>> import adjoint as ad
    >>> A = ad.sparse.csc_array([[2.0, 0.0], [1.0, 4.0]])
    >>> ad.sparse.linalg.splu(A).solve(ad.asarray([2.0, 9.0]))
    Tensor([1., 2.])
    """
    return Decomposition(square_matrix("splu", A))


def solved_by(factor: Any, rhs: Any, trans: str = "N") -> Tensor:
    """The solution for a tensor by what SciPy's own ``splu`` returned, a constant."""
    if trans not in ("N", "T", "H"):
        raise RangeError(f"splu: trans must be 'N', 'T' or 'H', got {trans!r}")
    if trans == "H":
        return conjugate(solved_by(factor, conjugate(as_tensor(rhs)), "T"))
    constant, right = ConstantFactor(factor), as_tensor(rhs)
    dtype = common_dtype(right)
    if dtype is not constant.dtype:  # SuperLU knows one dtype, that of the matrix
        if promote(dtype, constant.dtype) is not constant.dtype:
            raise DTypeError(
                f"splu: a decomposition of {constant.dtype} takes no right-hand side of {dtype}; "
                f"decompose the matrix as {promote(dtype, constant.dtype)}"
            )
        dtype = constant.dtype
    columns = as_tensor(right, dtype)
    if right.ndim not in (1, 2):
        raise ShapeError(f"splu: solve takes a vector or a matrix, got shape {right.shape}")
    columns = columns if right.ndim == 2 else reshape(columns, (-1, 1))
    return reshape(factor_solve(constant, columns, trans == "T"), right.shape)


def factorized(A: Any) -> Callable[[Any], Tensor]:
    """The function that solves A x = b for each b it is given.

    >>> import adjoint as ad
    >>> solve = ad.sparse.linalg.factorized(ad.sparse.csc_array([[2.0, 0.0], [1.0, 4.0]]))
    >>> solve(ad.asarray([2.0, 9.0]))
    Tensor([1., 2.])
    """
    return splu(A).solve


def spsolve_triangular(
    A: Any,
    b: Any,
    lower: bool = True,
    overwrite_A: bool = False,
    overwrite_b: bool = False,
    unit_diagonal: bool = False,
) -> Tensor:
    """The solution x of A x = b for a sparse triangular A.

    >>> import adjoint as ad
    >>> A = ad.sparse.csc_array([[2.0, 0.0], [1.0, 4.0]])
    >>> ad.sparse.linalg.spsolve_triangular(A, ad.asarray([2.0, 9.0]))
    Tensor([1., 2.])
    """
    matrix = square_matrix("spsolve_triangular", A)
    pattern, _ = matrix.entries
    wrong = pattern.columns > pattern.rows if lower else pattern.columns < pattern.rows
    if wrong.any():
        side = "lower" if lower else "upper"
        raise LinAlgError(f"scipy.sparse.linalg.spsolve_triangular: A is not {side} triangular")
    if unit_diagonal:
        matrix = matrix.copy()
        matrix.setdiag(1.0)
    return solved("spsolve_triangular", matrix, b, sparse_solve)


def inv(A: Any) -> SparseArray:
    """The inverse, as a sparse matrix of which every element is an entry: for small matrices.

    >>> import adjoint as ad
    >>> ad.sparse.linalg.inv(ad.sparse.csc_array([[2.0]])).toarray()
    Tensor([[0.5]])
    """
    matrix = square_matrix("inv", A)
    whole = from_array(np.eye(matrix.shape[0], dtype=to_inexact(matrix.dtype)))
    found: SparseArray = csc_array(solved("inv", matrix, whole, sparse_solve))
    return found


def matrix_power(A: Any, power: int) -> SparseArray:
    """A square matrix multiplied by itself, `power` factors.

    >>> import adjoint as ad
    >>> ad.sparse.linalg.matrix_power(ad.sparse.csc_array([[2.0]]), 3).toarray()
    Tensor([[8.]])
    """
    result = matrix = square_matrix("matrix_power", A)
    if power < 1:
        raise unsupported("scipy.sparse.linalg.matrix_power", "power", power, "give 1 or more")
    for _ in range(power - 1):
        result = result @ matrix
    return result


def norm(x: Any, ord: Any = None, axis: Any = None) -> Tensor:
    """The norm of a sparse matrix: Frobenius by default, or 1 or inf.

    >>> import adjoint as ad
    >>> ad.sparse.linalg.norm(ad.sparse.csr_array([[3.0, 0.0], [0.0, 4.0]]))
    Tensor(5.)
    """
    name = "scipy.sparse.linalg.norm"
    refuse(name, axis=(axis, None))
    _, values = as_sparse(x).entries
    if ord in (None, "fro", "f"):
        return norms.norm(values)
    if ord not in (1, np.inf):
        raise unsupported(name, "ord", ord, "give None, 'fro', 1 or inf, or use toarray()")
    along = as_sparse(x)._mapped(abs).sum(axis=0 if ord == 1 else 1)
    return largest(Tensor(along.node))
