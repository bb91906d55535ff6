"""Eigenvalues of general matrices, and equations between tensors of any rank. Composites."""

from __future__ import annotations

from typing import Any, NamedTuple

from adjoint.array.linalg.equations import inv, solve
from adjoint.array.values import known
from adjoint.errors import ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import size_of
from adjoint.ops.elementwise.complex import real
from adjoint.ops.linalg import eigen
from adjoint.ops.linalg.matrices import square
from adjoint.ops.linalg.spectral import eigen_parts
from adjoint.ops.shape.movement import permute_dims, reshape

__all__ = ["eig", "eigvals", "tensorinv", "tensorsolve"]


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _parts(name: str, x: Any) -> tuple[Tensor, Tensor]:
    """Values and vectors; real ones if a real matrix has them and their values can be known."""
    a = square(name, x)
    values, vectors = eigen_parts(eigen.eig(a))
    scope = values.node.scope
    if a.dtype.kind == "c" or (scope is not None and scope.abstract):
        return values, vectors
    if not known(values).imag.any():
        return real(values), real(vectors)
    return values, vectors


@public
def eigvals(x: Any, /) -> Tensor:
    """The eigenvalues of the square matrices in the last two axes, in no particular order.

    As in NumPy they are real if all that a real matrix has are, and that decides by the values;
    where these are not known, under `vmap` and in compiled functions, they are complex. A value
    that coincides with another has a derivative only if it has as many vectors. Raises
    `ShapeError`, `LinAlgError`.

    >>> import adjoint as ad
    >>> ad.linalg.eigvals(ad.asarray([[2.0, 1.0], [0.0, 3.0]]))
    Tensor([2., 3.])
    """
    return _parts("eigvals", x)[0]


@public
def eig(x: Any, /) -> EigResult:
    """The eigenvalues and, in columns, the eigenvectors of the square matrices in the last two
    axes.

    Vectors have length 1, complex ones a real largest element, and so have their derivatives; for
    values that coincide these are nan. Real or complex as `eigvals`. Raises `ShapeError`,
    `LinAlgError`.

    >>> import adjoint as ad
    >>> ad.linalg.eig(ad.asarray([[2.0, 0.0], [0.0, 3.0]])).eigenvectors
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return EigResult(*_parts("eig", x))


@public
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    """The tensor x with ``tensordot(a, x, x.ndim) == b``.

    axes: of `a`, to be moved to its end first. Raises `ShapeError`, `LinAlgError`.

    >>> import adjoint as ad
    >>> a = ad.reshape(ad.eye(6), (2, 3, 6))
    >>> ad.linalg.tensorsolve(a, ad.ones((2, 3)))
    Tensor([1., 1., 1., 1., 1., 1.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if axes is not None:
        moved = [int(k) % a.ndim for k in axes]
        a = permute_dims(a, [k for k in range(a.ndim) if k not in moved] + moved)
    shape = a.shape[b.ndim :]
    if size_of(shape) ** 2 != a.size or b.size != size_of(shape):
        raise ShapeError(
            f"tensorsolve: a has shape {a.shape} and b {b.shape}; the sizes of the first "
            f"{b.ndim} axes of a and of the others must have equal products"
        )
    found = solve(reshape(a, (b.size, size_of(shape))), reshape(b, (-1,)))
    return reshape(found, shape)


@public
def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse with respect to ``tensordot(·, ·, ind)``: axes after the first `ind` come first.

    Raises `ShapeError`, `LinAlgError`.

    >>> import adjoint as ad
    >>> ad.linalg.tensorinv(ad.reshape(ad.eye(6), (2, 3, 6))).shape
    (6, 2, 3)
    """
    a = as_tensor(a)
    first, rest = a.shape[:ind], a.shape[ind:]
    if ind < 1 or size_of(first) != size_of(rest):
        raise ShapeError(
            f"tensorinv: the sizes of the first ind={ind} axes of shape {a.shape} and of the "
            f"others must have equal products"
        )
    return reshape(inv(reshape(a, (size_of(first), size_of(rest)))), rest + first)
