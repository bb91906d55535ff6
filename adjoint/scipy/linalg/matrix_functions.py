"""Functions of matrices: exponentials, logarithms, roots. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg import equations as core
from adjoint.array.linalg.contraction import matrix_power
from adjoint.graph import engine
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import to_complex, to_inexact
from adjoint.ops.elementwise.complex import real
from adjoint.ops.indexing.slicing import along, zeros_of
from adjoint.ops.linalg import matrix_functions
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import common_dtype, square
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype
from adjoint.scipy.common import no_counterpart, refuse
from adjoint.scipy.linalg.batching import over_batch

__all__ = [
    "coshm",
    "cosm",
    "expm",
    "expm_frechet",
    "fractional_matrix_power",
    "funm",
    "logm",
    "null_space",
    "orth",
    "rq",
    "signm",
    "sinhm",
    "sinm",
    "sqrtm",
    "tanhm",
    "tanm",
]

_NO_VALUE = object()


def _taken(name: str, A: Any) -> Tensor:
    return square(f"scipy.linalg.{name}", A)


def _perhaps_complex(a: Tensor) -> Tensor:
    """`a`, as complex numbers if it is real and the result is not, as SciPy has it.

    Where its values are not known, under `vmap` and in compiled functions, it stays as it is.
    """
    scope = a.node.scope
    if a.node.dtype.kind == "c" or (scope is not None and scope.abstract) or not a.size:
        return a
    values = np.asarray(engine.value_of(a.node), to_inexact(a.node.dtype))
    if not np.isfinite(values).all():
        return a
    spectrum = np.linalg.eigvals(values)
    least = np.finfo(values.dtype).eps * values.shape[-1] * np.abs(spectrum).max()
    on_the_cut = (spectrum.imag == 0) & (spectrum.real < -least)
    return astype(a, to_complex(a.node.dtype)) if on_the_cut.any() else a


def expm(A: Any) -> Tensor:
    """The exponentials of square matrices.

    >>> from adjoint.scipy.linalg import expm
    >>> expm([[0.0, 1.0], [0.0, 0.0]])
    Tensor([[1., 1.],
            [0., 1.]])
    """
    return matrix_functions.expm(_taken("expm", A))


def logm(A: Any, disp: Any = _NO_VALUE) -> Tensor:
    """The principal logarithms of square matrices, complex if one has negative eigenvalues.

    Of a real matrix whose values are not known, in compiled functions and under `vmap`, it is real,
    and a negative eigenvalue raises `LinAlgError`.

    >>> from adjoint.scipy.linalg import logm
    >>> logm([[1.0, 1.0], [0.0, 1.0]])
    Tensor([[0., 1.],
            [0., 0.]])
    """
    refuse("scipy.linalg.logm", disp=(disp, _NO_VALUE))
    return matrix_functions.logm(_perhaps_complex(_taken("logm", A)))


def sqrtm(A: Any, disp: Any = _NO_VALUE, blocksize: Any = _NO_VALUE) -> Tensor:
    """The principal roots of square matrices, complex if one has negative eigenvalues; as `logm`.

    >>> from adjoint.scipy.linalg import sqrtm
    >>> sqrtm([[4.0, 0.0], [0.0, 9.0]])
    Tensor([[2., 0.],
            [0., 3.]])
    """
    refuse("scipy.linalg.sqrtm", disp=(disp, _NO_VALUE), blocksize=(blocksize, _NO_VALUE))
    return matrix_functions.sqrtm(_perhaps_complex(_taken("sqrtm", A)))


@over_batch(A=2, E=2)
def expm_frechet(
    A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """exp(A), and its derivative in the direction E; only that if not `compute_expm`.

    >>> from adjoint.scipy.linalg import expm_frechet
    >>> expm_frechet([[0.0]], [[2.0]], compute_expm=False)
    Tensor([[2.]])
    """
    dtype = common_dtype(A, E)
    a, e = (square("scipy.linalg.expm_frechet", x, dtype) for x in (A, E))
    size = a.shape[-1]
    above = concat([a, e], axis=1)
    below = concat([zeros_of(a.node), a], axis=1)
    both = along(matrix_functions.expm(concat([above, below], axis=0)), 0, 0, 1, size)
    direction = along(both, 1, size, 1, size)
    return (along(both, 1, 0, 1, size), direction) if compute_expm else direction


def _turning(name: str, A: Any) -> tuple[Tensor, Tensor]:
    """exp(i A) and exp(-i A)."""
    a = _taken(name, A)
    turned = astype(a, to_complex(a.node.dtype)) * 1j
    return matrix_functions.expm(turned), matrix_functions.expm(-turned)


def cosm(A: Any) -> Tensor:
    """The cosines of square matrices.

    >>> from adjoint.scipy.linalg import cosm
    >>> cosm([[0.0]])
    Tensor([[1.]])
    """
    forth, back = _turning("cosm", A)
    mean: Tensor = (forth + back) * 0.5
    return mean if square("cosm", A).dtype.kind == "c" else real(mean)


def sinm(A: Any) -> Tensor:
    """The sines of square matrices.

    >>> from adjoint.scipy.linalg import sinm
    >>> sinm([[0.0]])
    Tensor([[0.]])
    """
    forth, back = _turning("sinm", A)
    mean: Tensor = (forth - back) * -0.5j
    return mean if square("sinm", A).dtype.kind == "c" else real(mean)


def tanm(A: Any) -> Tensor:
    """The tangents of square matrices, cosm(A)⁻¹ sinm(A).

    >>> from adjoint.scipy.linalg import tanm
    >>> tanm([[0.0]])
    Tensor([[0.]])
    """
    return core.solve(cosm(A), sinm(A))


def coshm(A: Any) -> Tensor:
    """The hyperbolic cosines of square matrices.

    >>> from adjoint.scipy.linalg import coshm
    >>> coshm([[0.0]])
    Tensor([[1.]])
    """
    a = _taken("coshm", A)
    result: Tensor = (matrix_functions.expm(a) + matrix_functions.expm(-a)) * 0.5
    return result


def sinhm(A: Any) -> Tensor:
    """The hyperbolic sines of square matrices.

    >>> from adjoint.scipy.linalg import sinhm
    >>> sinhm([[0.0]])
    Tensor([[0.]])
    """
    a = _taken("sinhm", A)
    result: Tensor = (matrix_functions.expm(a) - matrix_functions.expm(-a)) * 0.5
    return result


def tanhm(A: Any) -> Tensor:
    """The hyperbolic tangents of square matrices.

    >>> from adjoint.scipy.linalg import tanhm
    >>> tanhm([[0.0]])
    Tensor([[0.]])
    """
    return core.solve(coshm(A), sinhm(A))


def signm(A: Any, disp: Any = _NO_VALUE) -> Tensor:
    """The signs of square matrices, A (A²)^(-1/2); none of their eigenvalues is imaginary.

    >>> from adjoint.scipy.linalg import signm
    >>> signm([[3.0, 0.0], [0.0, -2.0]])
    Tensor([[ 1.,  0.],
            [ 0., -1.]])
    """
    refuse("scipy.linalg.signm", disp=(disp, _NO_VALUE))
    a = _taken("signm", A)
    return core.solve(matrix_functions.sqrtm(matmul(a, a)), a)


def fractional_matrix_power(A: Any, t: Any) -> Tensor:
    """Powers of square matrices: products for integers, else exp(t log A).

    >>> from adjoint.scipy.linalg import fractional_matrix_power
    >>> fractional_matrix_power([[4.0, 0.0], [0.0, 9.0]], 0.5)
    Tensor([[2., 0.],
            [0., 3.]])
    """
    a = _taken("fractional_matrix_power", A)
    if not isinstance(t, Tensor) and t == int(t):
        return matrix_power(a, int(t))
    return matrix_functions.expm(matrix_functions.logm(a) * t)


rq = no_counterpart("scipy.linalg.rq", "use scipy.linalg.qr")
_PROJECTOR = (
    "its basis is one of many; use what does not depend on it, as the projector {} with pinv"
)
null_space = no_counterpart("scipy.linalg.null_space", _PROJECTOR.format("I - pinv(A) A"))
orth = no_counterpart("scipy.linalg.orth", _PROJECTOR.format("A pinv(A)"))
funm = no_counterpart(
    "scipy.linalg.funm",
    "use scipy.linalg.expm, logm, sqrtm, signm or fractional_matrix_power, or V f(w) V⁻¹ with eig",
)
