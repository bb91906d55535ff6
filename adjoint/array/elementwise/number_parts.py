"""The parts that floating and complex numbers are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.values import known
from adjoint.errors import DTypeError
from adjoint.graph.op import public, public_storage
from adjoint.graph.storage import is_stored
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import copysign, stop_gradient, where
from adjoint.ops.elementwise.comparison import isfinite
from adjoint.ops.elementwise.complex import real
from adjoint.ops.elementwise.rounding import nextafter

__all__ = ["frexp", "real_if_close", "spacing"]


@public
def frexp(x: Any, /) -> tuple[Tensor, Tensor]:
    """The mantissa m, ½ ≤ |m| < 1, and the exponent e (int32) of x = m 2ᵉ.

    The derivative of the mantissa is 2⁻ᵉ. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.frexp(6.0)
    (Tensor(0.75), Tensor(3, dtype=int32))
    """
    x = as_tensor(x)
    x = x if x.dtype.kind == "f" else as_tensor(x, FLOAT64)
    exponents = np.asarray(np.frexp(known(x))[1], np.int32)
    half = exponents // 2
    scaled = x
    for part in (half, exponents - half):  # one factor would overflow for the least numbers
        scaled = scaled * from_array(np.ldexp(np.ones_like(x, dtype=x.dtype), -part))
    return where(isfinite(x), scaled, x), from_array(exponents)


@public_storage
def spacing(x: Any, /) -> Tensor:
    """The distance from x to the next number of its dtype away from 0; its derivative is 0.

    >>> import adjoint as ad
    >>> float(ad.spacing(1.0)) == 2**-52
    True
    """
    if is_stored(x):
        raise DTypeError(
            "spacing: bfloat16 is computed in float32, whose numbers are closer; take it from "
            "NumPy (numpy.spacing of x.numpy()), or convert with .astype('float32')"
        )
    x = as_tensor(x)
    x = stop_gradient(x if x.dtype.kind == "f" else as_tensor(x, FLOAT64))
    gap: Tensor = nextafter(x, copysign(as_tensor(np.inf, x.dtype), x)) - x
    return gap


@public
def real_if_close(x: Any, tol: float = 100) -> Tensor:
    """The real part of `x` if all imaginary parts are below `tol` epsilons (1 and more) or `tol`,
    else `x`. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.real_if_close(ad.asarray([1 + 0j, 2 + 1e-15j]))
    Tensor([1., 2.])
    """
    x = as_tensor(x)
    if x.dtype.kind != "c":
        return Tensor(x.node)
    bound = tol * float(np.finfo(x.dtype).eps) if tol > 1 else tol
    return real(x) if bool(np.all(np.abs(known(x).imag) < bound)) else Tensor(x.node)
