"""Complex numbers to fixed powers, against mpmath, also where the product on the way overflows."""

import functools

import mpmath
import numpy as np
import pytest

import adjoint as ad

pytestmark = [pytest.mark.unit, pytest.mark.native]

PARTS = (0.5, 2.0, 1e4, 1e80, 1e-4, 1e-80, -3.0, 0.0), (1.0, 0.0, 1e4, 1e-80, -1e100)
Z = np.array([complex(x, y) for x in PARTS[0] for y in PARTS[1]])
POWERS = (-2, -3, -5.0, -50, -64, -65, -99, -100, -745.0, -1e5, 3, 4, 50, 101, -2.5, 1000.5)


@functools.cache
def expected(z, n):
    """zⁿ; infinite if it is too large or z is 0."""
    with mpmath.workdps(30):
        try:
            return complex(mpmath.mpc(z) ** mpmath.mpf(n))
        except (OverflowError, ZeroDivisionError):
            return complex("inf")


def check(found, powers):
    for value, power in zip(found, powers, strict=True):
        if np.isfinite(power):
            assert abs(value - power) <= 1e-10 * abs(power) + 1e-300
        else:
            assert not np.isfinite(value)


def test_powers_are_those_of_mpmath_or_not_finite():
    all_powers = lambda z: [ad.power(z, n) for n in POWERS]
    for found in (all_powers(ad.asarray(Z)), ad.compile(all_powers)(Z)):
        for n, values in zip(POWERS, found, strict=True):
            check(np.asarray(values), [expected(z, n) for z in Z])


def test_what_becomes_zero_is_zero_and_has_derivative_zero():
    for n in (-3, -70, -745.0, -1e5, -1e300):
        power = lambda z, n=n: ad.power(z, n)
        z = 2e150 + 1e150j
        for f in (power, ad.compile(power), ad.grad(power, holomorphic=True)):
            assert np.asarray(f(z)) == 0, n
    assert np.asarray(ad.power(ad.asarray(0.5 + 1j), -1e300)) == 0
    assert np.asarray(ad.power(ad.asarray(np.complex64(3e20 + 1j)), -3)) == 0
    assert ad.power(ad.asarray(np.zeros(0, complex)), -3).shape == (0,)


def test_ordinary_powers_have_ordinary_derivatives():
    z, v = np.array([0.5 + 1j, -2 + 0.1j, 1e3 - 1e3j]), 0.3 - 0.4j
    for n in (-2, -7, -64, -70.0):
        for f in (lambda z, n=n: ad.power(z, n), ad.compile(lambda z, n=n: ad.power(z, n))):
            tangent = ad.jvp(f, (z,), (np.full(3, v),))[1]
            np.testing.assert_allclose(tangent, [n * expected(x, n - 1) * v for x in z], 1e-11)
