"""Eigenvalues of general matrices, and equations between tensors of any rank. Composites."""

from __future__ import annotations

from typing import Any, NamedTuple

from adjoint.array.linalg.equations import inv, solve
from adjoint.array.values import known
from adjoint.errors import ShapeError
from adjoint.graph.op import public, public_as
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


def _parts(name: str, x: Any) -> EigResult:
    return EigResult(*eigen_parts(eigen.eig(square(name, x))))


def eigvals(x: Any, /) -> Tensor:
    """The eigenvalues of the square matrices in the last two axes, in no particular order.

    They are complex, as in the array API; `numpy.linalg.eigvals` of a tensor is real where it is in
    NumPy. A value that coincides with another has a derivative only if it has as many vectors.
    Raises `ShapeError`, `LinAlgError`.

    >>> import adjoint as ad
    >>> ad.linalg.eigvals(ad.asarray([[2.0, 1.0], [0.0, 3.0]]))
    Tensor([2.+0.j, 3.+0.j])
    """
    return _parts("eigvals", x).eigenvalues


def eig(x: Any, /) -> EigResult:
    """The eigenvalues and, in columns, the eigenvectors of the square matrices in the last two
    axes.

    Vectors have length 1 and a real largest element, and so have their derivatives; for values that
    coincide these are nan. Complex, as those of `eigvals`. Raises `ShapeError`, `LinAlgError`.

    >>> import adjoint as ad
    >>> ad.linalg.eig(ad.asarray([[2.0, 0.0], [0.0, 3.0]])).eigenvectors
    Tensor([[1.+0.j, 0.+0.j],
            [0.+0.j, 1.+0.j]])
    """
    return _parts("eig", x)


@public_as("linalg.eigvals")
def real_eigvals(x: Any, /) -> Tensor:
    """As NumPy has it: real if all that a real matrix has are, and that decides by the values.

    Where these are not known, under `vmap` and in compiled functions, they are complex.
    """
    return _made_real(x, _parts("eigvals", x)).eigenvalues


@public_as("linalg.eig")
def real_eig(x: Any, /) -> EigResult:
    """As NumPy has it: real or complex as `real_eigvals`."""
    return _made_real(x, _parts("eig", x))


def _made_real(x: Any, found: EigResult) -> EigResult:
    """Real values and vectors, if a real matrix has them and their values can be known."""
    scope = found.eigenvalues.node.scope
    if as_tensor(x).dtype.kind == "c" or (scope is not None and scope.abstract):
        return found
    if known(found.eigenvalues).imag.any():
        return found
    return EigResult(*map(real, found))


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
