"""Decompositions of matrices, as in ``numpy.linalg``. Composites."""

from __future__ import annotations

from typing import Any

from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor
from adjoint.ops import triangular
from adjoint.ops.matrices import conjugate_transpose, square

__all__ = ["cholesky"]


@public
def cholesky(x: Any, /, *, upper: bool = False) -> Tensor:
    """The triangular L with A = L Lᴴ of the positive definite matrices in the last two axes.

    upper: return U = Lᴴ with A = Uᴴ U. Of A the lower triangle is read (with `upper` the other),
    and A taken for symmetric: its gradient is symmetric. Raises `ShapeError`, and `LinAlgError`
    when the values show that a matrix is not positive definite.

    >>> import adjoint as ad
    >>> ad.linalg.cholesky(ad.asarray([[4.0, 2.0], [2.0, 5.0]]))
    Tensor([[2., 0.],
            [1., 2.]])
    """
    a = square("cholesky", x)
    if upper:
        return conjugate_transpose(triangular.cholesky(conjugate_transpose(a)))
    return triangular.cholesky(a)
