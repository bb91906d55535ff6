"""Complex numbers at infinities, nan, zeros of both signs, huge and tiny parts: as in NumPy."""

import math

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

PARTS = [0.0, -0.0, 1.0, -2.5, 1e-310, 1e-200, 1e200, -1e300, math.inf, -math.inf, math.nan]
Z = np.array([complex(a, b) for a in PARTS for b in PARTS])
X = np.array(PARTS)
ENGINES = {"interpreter": "never", "native": "always"}


def with_part(name):
    def f(z, x):
        z = z.copy()
        setattr(z, name, x)
        return z

    return f


SAME = {
    "sign": np.sign,
    "nan_to_num": np.nan_to_num,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log": np.log,
    "reciprocal": np.reciprocal,
    "conj": np.conj,
    "times a number": lambda z: z * 2.0,
    "less": lambda z: 1 - z,
    "quotient": lambda z: 2j / z,
}
"""What agrees in each bit that says something: nan, infinities, and the signs of zeros."""
BESIDE_REAL = {
    "x.real = x": with_part("real"),
    "x.imag = x": with_part("imag"),
    "product": lambda z, x: z * x,
    "difference": lambda z, x: x - z,
}


def on(engine, f, *args):
    with ad.options(native=engine):
        if engine == "never":
            return np.asarray(f(*map(ad.asarray, args)))
        return np.asarray(ad.compile(f)(*args))


def assert_same(found, expected, message):
    assert found.dtype == expected.dtype, message
    for part, other in ((found.real, expected.real), (found.imag, expected.imag)):
        np.testing.assert_allclose(part, other, rtol=1e-13, atol=1e-322, err_msg=message)
        zeros = (other == 0) & (part == 0)
        same = np.signbit(part) == np.signbit(other)
        assert same[zeros].all(), (message, Z.ravel()[: same.size][~same.ravel()[: Z.size]])


@pytest.mark.parametrize("engine", ENGINES)
def test_special_values_are_those_of_numpy(engine):
    with np.errstate(all="ignore"):
        for name, f in SAME.items():
            assert_same(on(ENGINES[engine], f, Z), f(Z), name)
        z, x = (np.ascontiguousarray(a) for a in np.broadcast_arrays(Z[:, None], X))
        for name, f in BESIDE_REAL.items():
            assert_same(on(ENGINES[engine], f, z, x), f(z, x), name)


def test_a_negative_power_whose_square_overflows_is_zero_on_both_engines():
    z = np.array([-1 + 1e200j, 1e200 - 1j, 2.0 - 1j])
    for engine in ENGINES.values():
        found = on(engine, lambda z: z**-2, z)
        np.testing.assert_allclose(found, [0, 0, (2 - 1j) ** -2], rtol=1e-14)


def test_the_sign_of_a_complex_number_has_the_derivative_of_z_over_its_size():
    z = np.array([1 + 2j, -3 + 0.5j, 1e200 - 1e200j])
    weights = np.array([1 - 1j, 2, 3j])

    def f(z):
        return ad.sum(ad.real(weights * ad.sign(z)))

    unit = np.exp(1j * np.angle(z))
    size = np.hypot(z.real, z.imag)
    across = np.conj(weights) - unit * np.real(np.conj(unit) * np.conj(weights))
    expected = across / size
    for g in (ad.grad(f), ad.compile(ad.grad(f))):
        np.testing.assert_allclose(g(z), expected, rtol=1e-12)
    assert ad.sign(z[:2].astype(np.complex64)).dtype == np.complex64


def test_parts_that_are_written_have_derivatives_of_both_modes_and_orders():
    def f(x):
        z = x * (1 + 0.5j)
        z.imag = x**3
        z.real *= 2
        return ad.sum(ad.abs(z) ** 2)

    x = np.array([1.0, -2.0, 0.5])
    first, second = 8 * x + 6 * x**5, np.diag(8 + 30 * x**4)
    np.testing.assert_allclose(ad.grad(f)(x), first, rtol=1e-13)
    np.testing.assert_allclose(ad.jacfwd(f)(x), first, rtol=1e-13)
    np.testing.assert_allclose(ad.compile(ad.hessian(f))(x), second, rtol=1e-13)
    rows = ad.vmap(ad.grad(f))(np.stack([x, 2 * x]).astype(np.float32))
    np.testing.assert_allclose(rows[0], first, rtol=1e-5)
    assert rows.dtype == np.float32
