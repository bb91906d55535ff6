"""Decompositions of matrices, as in ``numpy.linalg``. Composites."""

from __future__ import annotations

from typing import Any, NamedTuple

from adjoint.errors import RangeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor
from adjoint.ops.indexing.slicing import along
from adjoint.ops.linalg import orthogonal, spectral, triangular
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import conjugate_transpose, matrices, square
from adjoint.ops.linalg.spectral_values import eigenvalues
from adjoint.ops.shape.joining import concat

__all__ = ["cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


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


def _triangle(name: str, x: Any, UPLO: str) -> Tensor:
    """`x` with what is to be read of it in the lower triangle."""
    if UPLO not in ("L", "U"):
        raise RangeError(f'{name}: UPLO must be "L" or "U", got {UPLO!r}')
    a = square(name, x)
    return a if UPLO == "L" else conjugate_transpose(a)


@public
def eigh(x: Any, /, UPLO: str = "L") -> EighResult:
    """The eigenvalues, rising, and in columns the eigenvectors of symmetric or Hermitian matrices.

    UPLO: the triangle that is read, "L" or "U"; the matrix is taken for symmetric, so its gradient
    is. Eigenvectors of eigenvalues that coincide have the derivative nan. Raises `ShapeError`,
    `RangeError`.

    >>> import adjoint as ad
    >>> ad.linalg.eigh(ad.asarray([[3.0, 0.0], [0.0, 1.0]])).eigenvalues
    Tensor([1., 3.])
    """
    a = _triangle("eigh", x, UPLO)
    packed = spectral.eigh(a)
    return EighResult(eigenvalues(packed, a), spectral.eigen_parts(packed)[1])


@public
def eigvalsh(x: Any, /, UPLO: str = "L") -> Tensor:
    """The eigenvalues, rising, of the symmetric or Hermitian matrices in the last two axes.

    UPLO: the triangle that is read, "L" or "U". Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.grad(lambda a: ad.linalg.eigvalsh(a)[-1])(ad.asarray([[2.0, 1.0], [1.0, 2.0]]))
    Tensor([[0.5, 0.5],
            [0.5, 0.5]])
    """
    a = _triangle("eigvalsh", x, UPLO)
    return eigenvalues(spectral.eigh(a), a)


@public
def svd(
    x: Any,
    /,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
) -> Any:
    """The singular value decomposition A = U S Vᴴ of the matrices in the last two axes.

    Returns U, the singular values, falling, and Vh; only the values if not `compute_uv`.
    full_matrices: complete U and Vh to square matrices; unless A is square there is then no
    derivative. Vectors of values that coincide have the derivative nan. hermitian is of no effect:
    the whole of A is read. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.linalg.svd(ad.asarray([[3.0, 0.0], [0.0, 4.0]])).S
    Tensor([4., 3.])
    """
    a = matrices("svd", x)
    if not compute_uv:
        return svdvals(a)
    full = bool(full_matrices) and a.shape[-2] != a.shape[-1]
    packed = spectral.svd(a, full)
    u, s, v = spectral.svd_parts(packed, a.shape, full)
    return SVDResult(u, s if full else eigenvalues(packed, a), conjugate_transpose(v))


@public
def svdvals(x: Any, /) -> Tensor:
    """The singular values, falling, of the matrices in the last two axes. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.linalg.svdvals(ad.asarray([[0.0, 3.0], [4.0, 0.0]]))
    Tensor([4., 3.])
    """
    a = matrices("svdvals", x)
    return eigenvalues(spectral.svd(a), a)


@public
def qr(x: Any, /, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and the upper triangular R of A = Q R.

    mode: "reduced" for Q with as many columns as the smaller size of A; "complete" for a square Q,
    which has no derivative if A has more rows than columns; "r" for R alone. Raises `ShapeError`,
    `RangeError`, and `LinAlgError` when the derivative is asked for where R is singular.

    >>> import adjoint as ad
    >>> q, r = ad.linalg.qr(ad.asarray([[3.0, 1.0], [4.0, 2.0]]))
    >>> ad.allclose(q @ r, [[3.0, 1.0], [4.0, 2.0]])
    Tensor(True)
    """
    if mode not in ("reduced", "complete", "r"):
        raise RangeError(f'qr: mode must be "reduced", "complete" or "r", got {mode!r}')
    a = matrices("qr", x)
    rows, columns = a.shape[-2:]
    if rows < columns:
        first, rest = (
            along(a, a.ndim - 1, start, 1, count)
            for start, count in ((0, rows), (rows, columns - rows))
        )
        q, r = orthogonal.qr(first)
        r = concat([r, matmul(conjugate_transpose(q), rest)], axis=-1)
    else:
        q, r = orthogonal.qr(a, mode == "complete" and rows != columns)
    return r if mode == "r" else QRResult(q, r)
