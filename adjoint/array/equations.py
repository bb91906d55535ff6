"""Systems of equations, inverses and determinants, as in ``numpy.linalg``. Composites."""

from __future__ import annotations

from typing import Any, NamedTuple

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops import determinant
from adjoint.ops.lu import lu_factor, lu_solve
from adjoint.ops.matrices import common_dtype, identity_like, square
from adjoint.ops.movement import reshape
from adjoint.ops.reduction import conjugate
from adjoint.ops.triangular import triangular_solve

__all__ = ["det", "inv", "slogdet", "solve", "solve_triangular"]


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


def _right_side(name: str, a: Tensor, b: Any) -> tuple[Tensor, bool]:
    """Right-hand sides as matrices, and whether one vector was given."""
    b = as_tensor(b, a.node.dtype)
    if not b.ndim:
        raise ShapeError(f"{name}: the right-hand side must be a vector or matrices, got a number")
    if b.ndim > 1:
        return b, False
    if b.shape[0] != a.shape[-1]:
        raise ShapeError(
            f"{name}: matrices of shape {a.shape} need right-hand sides with {a.shape[-1]} rows, "
            f"got shape {b.shape}"
        )
    return reshape(b, (b.shape[0], 1)), True


@public
def solve(x1: Any, x2: Any, /) -> Tensor:
    """The solution X of A X = B, for square matrices A in the last two axes of `x1`.

    x2: one vector, or matrices whose columns are right-hand sides; stacks broadcast. Raises
    `ShapeError`, and `LinAlgError` when the values show that A is singular. The one decomposition
    of A serves derivatives of every order.

    >>> import adjoint as ad
    >>> ad.linalg.solve(ad.asarray([[2.0, 0.0], [1.0, 4.0]]), ad.asarray([2.0, 9.0]))
    Tensor([1., 2.])
    """
    a = square("solve", x1, common_dtype(x1, x2))
    b, is_vector = _right_side("solve", a, x2)
    x = lu_solve(a, lu_factor(a), b)
    return reshape(x, x.shape[:-1]) if is_vector else x


@public
def inv(x: Any, /) -> Tensor:
    """The inverses of the square matrices in the last two axes.

    Where the inverse is only multiplied with something, `solve` is quicker and more accurate.
    Raises `ShapeError`, and `LinAlgError` when the values show that a matrix is singular.

    >>> import adjoint as ad
    >>> ad.linalg.inv(ad.asarray([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    a = square("inv", x)
    return lu_solve(a, lu_factor(a), identity_like(a))


@public
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Tensor:
    """The solution X of op(A) X = B for triangular A, as ``scipy.linalg.solve_triangular``.

    trans: 0 or "N" for A itself, 1 or "T" for its transpose, 2 or "C" for the conjugate one.
    lower: which triangle is read; the rest of A counts for nothing, in the derivative too.
    unit_diagonal: take the diagonal for 1 without reading it. Raises `ShapeError`, `RangeError`,
    and `LinAlgError` when the values show a zero on the diagonal.

    >>> import adjoint as ad
    >>> ad.linalg.solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True)
    Tensor([1., 2.])
    """
    name = "solve_triangular"
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise RangeError(f'{name}: trans must be 0, 1, 2, "N", "T" or "C", got {trans!r}')
    matrix = square(name, a, common_dtype(a, b))
    right, is_vector = _right_side(name, matrix, b)
    flags = (bool(lower), trans not in (0, "N"), bool(unit_diagonal))
    if trans in (2, "C"):
        x = conjugate(triangular_solve(matrix, conjugate(right), *flags))
    else:
        x = triangular_solve(matrix, right, *flags)
    return reshape(x, x.shape[:-1]) if is_vector else x


@public
def det(x: Any, /) -> Tensor:
    """The determinants of the square matrices in the last two axes.

    Its first and second derivatives are exact also where the matrix is singular. Raises
    `ShapeError`. For large matrices, whose determinants overflow, there is `slogdet`.

    >>> import adjoint as ad
    >>> ad.grad(ad.linalg.det)(ad.asarray([[1.0, 2.0], [2.0, 4.0]]))
    Tensor([[ 4., -2.],
            [-2.,  1.]])
    """
    return determinant.det(square("det", x))


@public
def slogdet(x: Any, /) -> SlogdetResult:
    """The signs of determinants, and the logarithms of their sizes: 0 and -inf where singular.

    The sign is complex, of size 1, for complex matrices. Raises `ShapeError`; and `LinAlgError`
    when the derivative is asked for where a matrix is singular.

    >>> import adjoint as ad
    >>> ad.linalg.slogdet(ad.asarray([[0.0, 1.0], [1.0, 0.0]]))
    SlogdetResult(sign=Tensor(-1.), logabsdet=Tensor(0.))
    """
    return SlogdetResult(*determinant.sign_and_log(square("slogdet", x)))
