"""The fast Hankel transform on logarithmic points, for ``scipy.fft``. A composite, linear.

Source: Hamilton, "Uncorrelated modes of the non-linear power spectrum", Monthly Notices of the
Royal Astronomical Society 312 (2000), appendix B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.fft import irfft, rfft
from adjoint.errors import RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, from_array
from adjoint.ops.shape.rearrange import flip
from adjoint.scipy.common import constant, floating

__all__ = ["fht", "fhtoffset", "ifht"]


def _factors(name: str, count: int, dln: Any, mu: Any, offset: Any, bias: Any) -> Any:
    """By what each term of the transform is multiplied."""
    special = import_module("scipy.special")
    above, below = (mu + 1 + bias) / 2, (mu + 1 - bias) / 2
    y = np.linspace(0, np.pi * (count // 2) / (count * dln), count // 2 + 1)
    u, v = special.loggamma(above + 1j * y), special.loggamma(below + 1j * y)
    real = u.real - v.real + np.log(2) * bias
    imaginary = u.imag + v.imag + 2 * (np.log(2) - offset) * y
    factors = np.exp(real) * np.exp(1j * imaginary)
    if count % 2 == 0:
        factors[-1] = factors[-1].real
    if not np.isfinite(factors[0]):  # loggamma has poles of which the quotient has none
        factors[0] = 2**bias * special.poch(below, above - below)
    if np.isinf(factors[0]) or factors[0] == 0:
        raise RangeError(
            f"scipy.fft.{name}: the transform is singular for mu={mu} and bias={bias}; choose "
            f"another bias"
        )
    return factors


def _transformed(
    name: str, x: Any, dln: Any, mu: Any, offset: Any, bias: Any, inverse: bool
) -> Tensor:
    dln, mu, offset, bias = (
        float(constant(f"scipy.fft.{name}", argument, value))
        for argument, value in (("dln", dln), ("mu", mu), ("offset", offset), ("bias", bias))
    )
    t = floating(x)
    count = t.shape[-1]
    factors = _factors(name, count, dln, mu, offset, bias)
    steps = (np.arange(count) - (count - 1) / 2) * dln
    near, far = from_array(np.exp(-bias * steps)), from_array(np.exp(-bias * (steps + offset)))
    before, after = (1 / far, 1 / near) if inverse else (near, far)
    terms = rfft(t * before)
    terms = terms / from_array(np.conj(factors)) if inverse else terms * from_array(factors)
    result: Tensor = flip(irfft(terms, count), -1) * after
    return result


def fht(a: Any, dln: Any, mu: Any, offset: Any = 0.0, bias: Any = 0.0) -> Tensor:
    """The Hankel transform of order `mu` along the last axis, on points `dln` apart in logarithm.

    There is a derivative by `a`; the others are held fixed.

    >>> from adjoint.scipy.fft import fht
    >>> fht([1.0, 2.0, 1.0], 0.1, 0.5).shape
    (3,)
    """
    return _transformed("fht", a, dln, mu, offset, bias, False)


def ifht(A: Any, dln: Any, mu: Any, offset: Any = 0.0, bias: Any = 0.0) -> Tensor:
    """The inverse of `fht`.

    >>> from adjoint.scipy.fft import fht, ifht
    >>> ifht(fht([1.0, 2.0, 1.0], 0.1, 0.5), 0.1, 0.5)
    Tensor([1., 2., 1.])
    """
    return _transformed("ifht", A, dln, mu, offset, bias, True)


def fhtoffset(dln: float, mu: float, initial: float = 0.0, bias: float = 0.0) -> float:
    """SciPy's own: the offset near `initial` with which the transform does not ring.

    >>> from adjoint.scipy.fft import fhtoffset
    >>> round(float(fhtoffset(0.1, 0.5)), 6)
    -0.027643
    """
    found: float = import_module("scipy.fft").fhtoffset(dln, mu, initial, bias)
    return found
