"""Systems of equations, inverses and determinants, as in ``numpy.linalg``. Composites."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adjoint.array.linalg.decompositions import svdvals
from adjoint.array.linalg.norms import matrix_norm
from adjoint.array.values import known
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import INT64, broadcast_shapes
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, greater, logical_and
from adjoint.ops.elementwise.complex import real
from adjoint.ops.elementwise.power import square as squared
from adjoint.ops.linalg import determinant, orthogonal
from adjoint.ops.linalg.lu import lu_factor, lu_solve
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import (
    common_dtype,
    conjugate_transpose,
    identity,
    matrices,
    square,
)
from adjoint.ops.linalg.triangular import triangular_solve
from adjoint.ops.reductions import reduction
from adjoint.ops.reductions.extremum import max
from adjoint.ops.reductions.reduction import conjugate, count_nonzero, sum
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.ops.shape.rearrange import tril, triu

__all__ = [
    "cond",
    "det",
    "inv",
    "lstsq",
    "matrix_rank",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
]


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


class LstsqResult(NamedTuple):
    """What `lstsq` returns."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def _right_side(name: str, a: Tensor, b: Any) -> tuple[Tensor, bool]:
    """Right-hand sides as matrices, and whether one vector was given."""
    b = as_tensor(b, a.node.dtype)
    if not b.ndim:
        raise ShapeError(f"{name}: the right-hand side must be a vector or matrices, got a number")
    is_vector = b.ndim == 1
    if b.shape[0 if is_vector else -2] != a.shape[-2]:
        raise ShapeError(
            f"{name}: matrices of shape {a.shape} need right-hand sides with {a.shape[-2]} rows, "
            f"got shape {b.shape}"
        )
    return (reshape(b, (b.shape[0], 1)), True) if is_vector else (b, False)


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
    x1, x2 = as_tensor(x1), as_tensor(x2)
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
    return lu_solve(a, lu_factor(a), identity(a))


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
    a, b = as_tensor(a), as_tensor(b)
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


def _tolerance(name: str, a: Tensor, rtol: Any) -> float | np.ndarray[Any, Any]:
    """The part of the largest singular value from which on others count; may differ by matrix."""
    if rtol is None:
        return float(np.finfo(a.dtype).eps * np.max(a.shape[-2:]))
    try:
        numbers = np.asarray(known(rtol), np.float64)
    except (TypeError, ValueError):
        raise RangeError(f"{name}: the relative tolerance must be a number, got {rtol!r}") from None
    if not numbers.ndim:
        return float(numbers)
    broadcast_shapes(name, numbers.shape, a.shape[:-2])
    return numbers


@public
def pinv(x: Any, /, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """The Moore-Penrose pseudo-inverses of the matrices in the last two axes.

    rtol: singular values of no more than so many times the largest count as 0; by default the
    precision of the dtype times the larger size; it may differ by matrix; `rcond` is its older
    name. hermitian: take A for
    Hermitian and read its lower triangle. The derivative is for a rank that stays the same. Raises
    `ShapeError`, `ArgumentError`.

    >>> import adjoint as ad
    >>> ad.linalg.pinv(ad.asarray([[2.0, 0.0], [0.0, 0.0]]))
    Tensor([[0.5, 0. ],
            [0. , 0. ]])
    """
    if rcond is not None and rtol is not None:
        raise ArgumentError("pinv: rcond and rtol are the same; give one of them")
    a = _whole("pinv", x) if hermitian else matrices("pinv", x)
    return _pinv(a, _tolerance("pinv", a, rtol if rcond is None else rcond))


def _pinv(a: Tensor, tolerance: float | np.ndarray[Any, Any]) -> Tensor:
    """The pseudo-inverses, each with its own tolerance if there are several."""
    if isinstance(tolerance, float):
        return orthogonal.pinv(a, tolerance)
    stack = broadcast_shapes("pinv", tolerance.shape, a.shape[:-2])
    a = broadcast_to(a, (*stack, *a.shape[-2:]))
    each = np.broadcast_to(tolerance, stack)
    return orthogonal.pinv(a, _nested(each) if each.size else 0.0)


def _nested(numbers: Any) -> Any:
    """An array as nested tuples, which can be static parameters."""
    return tuple(map(_nested, numbers)) if numbers.ndim else float(numbers)


def _whole(name: str, x: Any) -> Tensor:
    """The Hermitian matrices of which `x` holds the lower triangles."""
    a = square(name, x)
    below: Tensor = tril(a, -1)
    diagonal = tril(triu(a))
    diagonal = real(diagonal) if a.dtype.kind == "c" else diagonal
    whole: Tensor = below + as_tensor(diagonal, a.dtype) + conjugate_transpose(below)
    return whole


@public
def lstsq(a: Any, b: Any, rcond: Any = None) -> LstsqResult:
    """The X of least norm among those for which the norm of A X - B is least.

    b: a vector, or a matrix whose columns are right-hand sides. rcond: as `rtol` of `pinv`, of
    which it shares the derivative. Returns X, the sums of the squared residuals (always, other
    than NumPy), the rank, and the singular values. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.linalg.lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).x
    Tensor([1., 2.])
    """
    a, b = as_tensor(a), as_tensor(b)
    matrix = matrices("lstsq", a, common_dtype(a, b))
    right, is_vector = _right_side("lstsq", matrix, b)
    tolerance = _tolerance("lstsq", matrix, rcond)
    x = matmul(_pinv(matrix, tolerance), right)
    residuals = sum(squared(abs(matmul(matrix, x) - right)), -2)
    if is_vector:
        x = reshape(x, x.shape[:-1])
    values = svdvals(matrix)
    return LstsqResult(x, residuals, _rank(values, tolerance), values)


def _rank(values: Tensor, tolerance: float | np.ndarray[Any, Any]) -> Tensor:
    """How many singular values count."""
    part = tolerance if isinstance(tolerance, float) else tolerance[..., None]
    return count_nonzero(greater(values, max(values, -1, keepdims=True, initial=0) * part), -1)


@public
def matrix_rank(x: Any, /, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """The ranks of the matrices in the last two axes: how many singular values are not 0.

    rtol: as of `pinv`. tol: what counts as 0 in place of it. hermitian: read the lower triangle. Of
    less than two axes, whether any element is not 0. Raises `ShapeError`, `ArgumentError`.

    >>> import adjoint as ad
    >>> ad.linalg.matrix_rank(ad.ones((3, 3)))
    Tensor(1)
    """
    if tol is not None and rtol is not None:
        raise ArgumentError("matrix_rank: give tol or rtol, not both")
    if as_tensor(x).ndim < 2:
        return as_tensor(reduction.any(x), INT64)
    a = _whole("matrix_rank", x) if hermitian else matrices("matrix_rank", x)
    if tol is not None:
        least = as_tensor(tol)
        least = reshape(least, (*least.shape, 1)) if least.ndim else least
        return count_nonzero(greater(svdvals(a), least), -1)
    return _rank(svdvals(a), _tolerance("matrix_rank", a, rtol))


@public
def cond(x: Any, /, p: Any = None) -> Tensor:
    """The condition numbers of the matrices in the last two axes.

    p: None for the largest singular value by the smallest; else the norm of A times that of its
    inverse, p as `ord` of `matrix_norm`. Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.linalg.cond(ad.asarray([[3.0, 0.0], [0.0, 4.0]]), 1)
    Tensor(1.33333333)
    """
    if p in (None, 2, -2):
        values = svdvals(matrices("cond", x))
        first, last = (values[..., i] for i in ((0, -1) if p != -2 else (-1, 0)))
        nothing = logical_and(equal(first, 0), equal(last, 0))  # as in NumPy, 0 / 0 is infinite
        return where(nothing, np.inf, first / last)
    a = square("cond", x)
    product: Tensor = matrix_norm(a, ord=p) * matrix_norm(inv(a), ord=p)
    return product
