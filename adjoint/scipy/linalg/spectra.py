"""Eigenvalues of general and of banded matrices in ``scipy.linalg``. Composites."""

from __future__ import annotations

from typing import Any

from adjoint.array.linalg import equations, spectra
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.indexing.slicing import pick
from adjoint.ops.linalg.matrices import common_dtype, square
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.rearrange import diag
from adjoint.scipy.common import floating, refuse, unsupported
from adjoint.scipy.linalg.batching import over_batch
from adjoint.scipy.linalg.factorizations import eigh

__all__ = ["eig", "eig_banded", "eigvals", "eigvals_banded"]


def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """The eigenvalues and, in columns, the eigenvectors of A; with `b` the values of A v = w B v.

    Vectors have length 1 and a real largest element, and so have their derivatives; for values that
    coincide these are nan. A function whose result depends on the phase of a vector has no meaning.
    B is to be invertible.

    >>> from adjoint.scipy.linalg import eig
    >>> eig([[2.0, 1.0], [0.0, 3.0]])[0]
    Tensor([2.+0.j, 3.+0.j])
    """
    name = "scipy.linalg.eig"
    refuse(name, left=(bool(left), False), homogeneous_eigvals=(bool(homogeneous_eigvals), False))
    if not right:
        return eigvals(a, b)
    if b is not None:
        raise unsupported(name, "b", as_tensor(b), "give solve(b, a) as a, or take eigvals(a, b)")
    found = spectra.eig(square(name, a))
    return found.eigenvalues, spectra.real_eig(a).eigenvectors


def eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Tensor:
    """The eigenvalues of A, complex; with `b` those of A v = w B v for an invertible B.

    >>> from adjoint.scipy.linalg import eigvals
    >>> eigvals([[2.0, 1.0], [0.0, 3.0]])
    Tensor([2.+0.j, 3.+0.j])
    """
    name = "scipy.linalg.eigvals"
    refuse(name, homogeneous_eigvals=(bool(homogeneous_eigvals), False))
    if b is not None:
        dtype = common_dtype(a, b)
        a = equations.solve(square(name, b, dtype), square(name, a, dtype))
    return spectra.eigvals(a)


def _whole(a_band: Any, lower: bool) -> Tensor:
    """The matrix of which one triangle is given by its bands."""
    bands = floating(a_band)
    count, size = bands.shape[0] - 1, bands.shape[1]
    whole: Any = diag(pick(bands, 0, 0 if lower else count))
    for k in range(1, min(count + 1, size)):
        row = pick(bands, 0, k if lower else count - k)
        side = row[: size - k] if lower else conjugate(row[k:])
        whole = whole + diag(side, -k)
    return as_tensor(whole)


@over_batch(a_band=2)
def eig_banded(
    a_band: Any,
    lower: bool = False,
    eigvals_only: bool = False,
    overwrite_a_band: bool = False,
    select: str = "a",
    select_range: Any = None,
    max_ev: int = 0,
    check_finite: bool = True,
) -> Any:
    """`eigh` of a symmetric banded matrix of which one side is given. From the whole matrix.

    >>> from adjoint.scipy.linalg import eig_banded
    >>> eig_banded([[1.0, 3.0]], eigvals_only=True)
    Tensor([1., 3.])
    """
    name = "scipy.linalg.eig_banded"
    if select not in ("a", "i"):
        raise unsupported(name, "select", select, 'give "a" or "i"')
    subset = select_range if select == "i" else None
    whole = _whole(a_band, lower)
    return eigh(whole, eigvals_only=eigvals_only, subset_by_index=subset)


def eigvals_banded(
    a_band: Any,
    lower: bool = False,
    overwrite_a_band: bool = False,
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
) -> Tensor:
    """The eigenvalues of `eig_banded`.

    >>> from adjoint.scipy.linalg import eigvals_banded
    >>> eigvals_banded([[1.0, 3.0]])
    Tensor([1., 3.])
    """
    found: Tensor = eig_banded(
        a_band, lower, eigvals_only=True, select=select, select_range=select_range
    )
    return found
