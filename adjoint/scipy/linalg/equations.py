"""Systems of equations, inverses and determinants of ``scipy.linalg``. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg import equations as core
from adjoint.array.linalg import norms
from adjoint.errors import RangeError
from adjoint.graph.tensor import Tensor, from_array
from adjoint.ops.linalg.matrices import common_dtype, conjugate_transpose, square
from adjoint.ops.linalg.triangular import cholesky as lower_cholesky
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.ops.shape.rearrange import tril, triu
from adjoint.scipy.common import floating, unsupported

__all__ = [
    "det",
    "inv",
    "lstsq",
    "norm",
    "pinv",
    "pinvh",
    "solve",
    "solve_triangular",
    "symmetric_from",
]

_GENERAL = (None, "gen", "general")
_SYMMETRIC = ("sym", "symmetric", "her", "hermitian", "pos", "positive definite")
_MASKS = {
    "diagonal": (0, 0),
    "tridiagonal": (1, 1),
    "lower triangular": (None, 0),
    "upper triangular": (0, None),
}
"""For each structure how many diagonals are read below and above; None for all."""


def symmetric_from(a: Tensor, lower: bool, hermitian: bool = True) -> Tensor:
    """The symmetric (Hermitian) matrices of which one triangle of `a` is read."""
    strict = tril(a, -1) if lower else triu(a, 1)
    other = conjugate_transpose(strict) if hermitian else matrix_transpose(strict)
    on = from_array(np.eye(a.shape[-1], dtype=a.dtype))
    result: Tensor = strict + other + a * on
    return result


def _structured(name: str, a: Tensor, assume_a: Any, lower: bool) -> Tensor:
    """What of `a` is read under an assumption."""
    if assume_a in _GENERAL or assume_a == "banded":
        return a
    if assume_a in _SYMMETRIC:
        return symmetric_from(a, lower, assume_a not in ("sym", "symmetric"))
    if assume_a in _MASKS:
        below, above = _MASKS[assume_a]
        a = a if below is None else triu(a, -below)
        return a if above is None else tril(a, above)
    known = ", ".join(
        map(repr, ("general", "symmetric", "hermitian", "positive definite", *_MASKS))
    )
    raise RangeError(f"scipy.linalg.{name}: assume_a must be one of {known}, got {assume_a!r}")


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: Any = None,
    transposed: bool = False,
) -> Tensor:
    """The solution X of A X = B for square A.

    assume_a: of a symmetric or Hermitian matrix the triangle that `lower` names is read, so its
    gradient lies there; of a diagonal, tridiagonal or triangular one what its name says.

    >>> from adjoint.scipy.linalg import solve
    >>> solve([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0])
    Tensor([1., 2.])
    """
    matrix = _structured(
        "solve", square("scipy.linalg.solve", a, common_dtype(a, b)), assume_a, lower
    )
    if transposed:
        matrix = matrix_transpose(matrix)
    if assume_a in ("pos", "positive definite"):
        factor = lower_cholesky(matrix)
        half = core.solve_triangular(factor, b, lower=True)
        return core.solve_triangular(factor, half, trans="C", lower=True)
    return core.solve(matrix, b)


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Tensor:
    """The solution X of op(A) X = B for triangular A, of which one triangle is read.

    >>> from adjoint.scipy.linalg import solve_triangular
    >>> solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True)
    Tensor([1., 2.])
    """
    return core.solve_triangular(a, b, trans, lower, unit_diagonal)


def inv(
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: Any = None,
    lower: bool = False,
) -> Tensor:
    """The inverses of square matrices; `assume_a` as in `solve`.

    >>> from adjoint.scipy.linalg import inv
    >>> inv([[2.0, 0.0], [0.0, 4.0]])
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return core.inv(_structured("inv", square("scipy.linalg.inv", a), assume_a, lower))


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Tensor:
    """The determinants of square matrices.

    >>> from adjoint.scipy.linalg import det
    >>> det([[2.0, 0.0], [1.0, 4.0]])
    Tensor(8.)
    """
    return core.det(a)


def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Tensor:
    """The norm of a vector or a matrix.

    >>> from adjoint.scipy.linalg import norm
    >>> norm([3.0, 4.0])
    Tensor(5.)
    """
    return norms.norm(floating(a), ord, axis, keepdims)


def pinv(
    a: Any,
    *,
    atol: Any = None,
    rtol: Any = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """The Moore-Penrose pseudo-inverses; singular values up to `rtol` times the largest are 0.

    Of `atol` only 0 is known. With `return_rank` the rank comes too.

    >>> from adjoint.scipy.linalg import pinv
    >>> pinv([[2.0, 0.0], [0.0, 0.0]])
    Tensor([[0.5, 0. ],
            [0. , 0. ]])
    """
    _no_atol("pinv", atol)
    inverse = core.pinv(a, rtol=rtol)
    return (inverse, core.matrix_rank(a, rtol=rtol)) if return_rank else inverse


def pinvh(
    a: Any,
    atol: Any = None,
    rtol: Any = None,
    lower: bool = True,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """`pinv` of the symmetric (Hermitian) matrix of which one triangle of `a` is read.

    >>> from adjoint.scipy.linalg import pinvh
    >>> pinvh([[2.0, 0.0], [0.0, 0.0]])
    Tensor([[0.5, 0. ],
            [0. , 0. ]])
    """
    _no_atol("pinvh", atol)
    whole = symmetric_from(square("scipy.linalg.pinvh", a), lower)
    return pinv(whole, rtol=rtol, return_rank=return_rank)


def _no_atol(name: str, atol: Any) -> None:
    if atol is not None and (isinstance(atol, Tensor) or atol != 0):
        raise unsupported(f"scipy.linalg.{name}", "atol", atol, "give rtol")


def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: Any = None,
) -> tuple[Any, Any, Any, Any]:
    """The X of least norm among those for which the norm of A X - B is least.

    Returns X, the sums of squared residuals (empty unless A has more rows than columns and full
    rank), the rank and the singular values (None with the driver "gelsy").

    >>> from adjoint.scipy.linalg import lstsq
    >>> lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0])[0]
    Tensor([1., 2.])
    """
    dtype = common_dtype(a, b)
    cond = float(np.finfo(dtype).eps) if cond is None else cond
    found = core.lstsq(a, b, cond)
    rows, columns = floating(a).shape[-2:]
    residuals = found.residuals
    scope = found.rank.node.scope
    known = scope is None or not scope.abstract
    if rows <= columns or (known and int(found.rank) < columns):
        residuals = from_array(np.zeros(0, dtype))
    elif floating(b).ndim == 1:
        residuals = reshape(residuals, ())
    values = None if lapack_driver == "gelsy" else found.singular_values
    return found.x, residuals, found.rank, values
