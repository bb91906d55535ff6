"""The namespace ``adjoint.linalg``, under the names of the array API, NumPy and SciPy."""

from __future__ import annotations

from typing import Any

from adjoint.array.linalg.contraction import (
    cross,
    matrix_power,
    multi_dot,
    outer,
    tensordot,
    vecdot,
)
from adjoint.array.linalg.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from adjoint.array.linalg.equations import (
    cond,
    det,
    inv,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)
from adjoint.array.linalg.norms import matrix_norm, norm, vector_norm
from adjoint.array.linalg.spectra import eig, eigvals, tensorinv, tensorsolve
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.shape import rearrange
from adjoint.ops.shape.movement import matrix_transpose

# fmt: off
__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv",
    "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose",
    "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]
# fmt: on


@public_as("linalg.diagonal")
def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of the matrices in the last two axes.

    offset: how far right of the main diagonal; negative is below it.

    >>> import adjoint as ad
    >>> ad.linalg.diagonal(ad.ones((5, 2, 3))).shape
    (5, 2)
    """
    return rearrange.diagonal(x, offset, -2, -1)


@public_as("linalg.trace")
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sums along the diagonals of the matrices in the last two axes.

    >>> import adjoint as ad
    >>> ad.linalg.trace(ad.ones((5, 2, 3))).shape
    (5,)
    """
    return rearrange.trace(x, offset, -2, -1, dtype)
