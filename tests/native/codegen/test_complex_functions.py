"""Elementary functions of complex numbers in native code: their digits, and odd points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "log2": lambda z: mpmath.log(z) / mpmath.log(2),
    "log10": lambda z: mpmath.log(z) / mpmath.log(10),
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
}
"""Those of which each part has its own digits."""

UNITS = 3.0
"""Units in the last place of a part; the worst of 10,000 points was 2.1, of tanh."""


def points(dtype: str) -> Any:
    """Of all sizes; near the unit circle, where logarithms cancel; far out, where exp overflows."""
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-6, 2, (2, 40)) * rng.choice([-1, 1], (2, 40))
    circle = np.exp(1j * rng.uniform(-3.1, 3.1, 20)) * (1 + 10.0 ** rng.uniform(-16, -1, 20))
    most = 709.9 if dtype == "complex128" else 88.9
    far = rng.uniform(-0.5, 0.5, 20) + 1j * rng.choice([-1, 1], 20) * rng.uniform(0.9, 1, 20) * most
    return np.concatenate([sizes[0] + 1j * sizes[1], circle, far, far * 1j]).astype(dtype)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_digits(name: str, dtype: str) -> None:
    z, limits = points(dtype), np.finfo(dtype)
    found = np.asarray(ad.compile(getattr(ad, name))(z))
    assert found.dtype == dtype
    with mpmath.workprec(300):
        for x, y in zip(z, found, strict=True):
            exact = FUNCTIONS[name](mpmath.mpc(complex(x)))
            for part, wanted in ((y.real, exact.real), (y.imag, exact.imag)):
                if abs(wanted) < limits.max:
                    unit = limits.eps * max(abs(wanted), mpmath.mpf(float(limits.tiny)))
                    assert abs(mpmath.mpf(float(part)) - wanted) <= UNITS * unit, (x, y, exact)


ODD = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-300, 710.0, -710.0]
SPECIAL = np.array([complex(a, b) for a in ODD for b in ODD])
NAMES = (*FUNCTIONS, "exp2", "expm1", "reciprocal", "angle", "abs")


@pytest.mark.parametrize("name", NAMES)
def test_special_values_are_those_of_numpy(name: str) -> None:
    """Signs beside a nan, and of the 0 at -∞ - i∞, C99 leaves open."""
    with np.errstate(all="ignore"):
        wanted = np.asarray(getattr(ad, name)(ad.asarray(SPECIAL)))
        found = np.asarray(ad.compile(getattr(ad, name))(SPECIAL))
    for of in (np.real, np.imag):
        a, b = of(found), of(wanted)
        open_sign = np.isnan(found) | (np.isinf(SPECIAL.real) & np.isinf(SPECIAL.imag))
        a, b = np.where(open_sign, np.abs(a), a), np.where(open_sign, np.abs(b), b)
        np.testing.assert_allclose(a, b, 1e-14, 0)
        zeros = (a == 0) & ~open_sign
        np.testing.assert_array_equal(np.signbit(a)[zeros], np.signbit(b)[zeros])


@pytest.mark.parametrize("exponent", [0.5, -1.5, 2.5, 3, -2, 7, 65])
def test_powers(exponent: float) -> None:
    z = np.array([1 + 2j, -0.5 + 0.1j, -2.0, 1j, 0.3 - 4j, 0.0])
    with np.errstate(all="ignore"):
        found = np.asarray(ad.compile(lambda z: z**exponent)(z))
        np.testing.assert_allclose(found, np.power(z, exponent), 1e-13)


def test_derivatives_of_chains() -> None:
    """Against the complex step's relative, a central difference along both axes."""

    def f(z: Any) -> Any:
        w = ad.exp(1j * z) + ad.sqrt(z) * ad.log(z + 2)
        return ad.sum(ad.real(ad.tanh(w) * ad.conj(ad.sin(z))))

    z, h = np.array([0.3 + 0.4j, 1.2 - 0.7j, -0.5 + 0.2j]), 1e-6
    gradient = np.asarray(ad.compile(ad.grad(f))(z))
    for i in range(3):
        for direction in (1, 1j):
            step = np.zeros(3, complex)
            step[i] = h * direction
            slope = (float(f(z + step)) - float(f(z - step))) / (2 * h)
            np.testing.assert_allclose(np.real(gradient[i] * np.conj(direction)), slope, 1e-7)
