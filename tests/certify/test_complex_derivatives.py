"""Holomorphic derivatives, the Wirtinger pair and the complex step, against formulas."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, NotDifferentiableError, ShapeError

pytestmark = pytest.mark.unit

Z = 0.7 + 0.4j
HOLOMORPHIC = {
    "z³": (lambda z: z**3, lambda z: 3 * z**2),
    "exp(sin z)": (lambda z: ad.exp(ad.sin(z)), lambda z: np.cos(z) * np.exp(np.sin(z))),
    "1 / z": (lambda z: 1 / z, lambda z: -1 / z**2),
    "log z": (ad.log, lambda z: 1 / z),
    "through matrices": (
        lambda z: ad.linalg.det(ad.reshape(ad.stack([z, 1j, 2.0 + 0j, z * z]), (2, 2))),
        lambda z: 3 * z**2,
    ),
}


@pytest.mark.parametrize("name", HOLOMORPHIC)
@pytest.mark.parametrize("compiled", [False, True])
def test_holomorphic(name, compiled):
    f, slope = HOLOMORPHIC[name]
    g = ad.grad(f, holomorphic=True)
    found = (ad.compile(g) if compiled else g)(Z)
    np.testing.assert_allclose(found, slope(Z), rtol=1e-13)
    plain, conjugate = ad.wirtinger(f)(Z)
    np.testing.assert_allclose(plain, slope(Z), rtol=1e-13)
    np.testing.assert_allclose(conjugate, 0, atol=1e-13)


def test_twice():
    second = ad.grad(ad.grad(lambda z: z**4, holomorphic=True), holomorphic=True)
    np.testing.assert_allclose(second(Z), 12 * Z**2, rtol=1e-13)


@pytest.mark.parametrize("f", [ad.conj, lambda z: ad.abs(z) + 0j, lambda z: ad.real(z) * z])
def test_what_is_not_holomorphic_is_refused(f):
    with pytest.raises(NotDifferentiableError, match="is not holomorphic, as it goes through"):
        ad.grad(f, holomorphic=True)(Z)


def test_holomorphic_needs_complex_numbers():
    with pytest.raises(DTypeError, match="must be given complex numbers, got float64"):
        ad.grad(lambda x: x * 1j, holomorphic=True)(1.0)
    with pytest.raises(DTypeError, match="must return one complex number"):
        ad.grad(lambda z: ad.abs(z), holomorphic=True)(Z)


def test_wirtinger_pairs():
    plain, conjugate = ad.wirtinger(lambda z: z * ad.conj(z) ** 2)(Z)
    np.testing.assert_allclose(plain, np.conj(Z) ** 2, rtol=1e-14)
    np.testing.assert_allclose(conjugate, 2 * Z * np.conj(Z), rtol=1e-14)
    plain, conjugate = ad.wirtinger(lambda z: ad.abs(z) ** 2)(Z)
    np.testing.assert_allclose([plain, conjugate], [np.conj(Z), Z], rtol=1e-14)
    np.testing.assert_allclose(2 * conjugate, ad.grad(lambda z: ad.abs(z) ** 2)(Z), rtol=1e-14)


def test_wirtinger_of_trees_and_second_arguments():
    f = lambda x, p: ad.sum(p["a"] * ad.conj(p["b"])) * x
    p = {"a": np.array([Z, 1j]), "b": np.array([2.0 + 0j, Z])}
    plain, conjugate = ad.wirtinger(f, argnums=1)(2.0, p)
    np.testing.assert_allclose(plain["a"], 2 * np.conj(p["b"]), rtol=1e-14)
    np.testing.assert_allclose(plain["b"], 0, atol=1e-15)
    np.testing.assert_allclose(conjugate["b"], 2 * p["a"], rtol=1e-14)


def test_wirtinger_errors():
    with pytest.raises(DTypeError, match="must hold complex numbers, got float64"):
        ad.wirtinger(ad.exp)(1.0)
    with pytest.raises(ShapeError, match="must return one number"):
        ad.wirtinger(ad.exp)(np.array([Z, Z]))


def test_complex_step_of_code_that_cannot_be_traced():
    def f(x, p):
        y = np.zeros(2, complex)
        y[0] = np.exp(x) * p["a"]
        y[1] = x**3
        return y

    found = ad.complex_step(f, (0.5, {"a": 2.0}), (1.0, {"a": 0.5}))
    np.testing.assert_allclose(found, [np.exp(0.5) * 2.5, 0.75], rtol=1e-15)
    single = ad.complex_step(np.sin, (np.float32(0.5),), (np.float32(1.0),))
    np.testing.assert_allclose(single, np.cos(0.5), rtol=1e-6)
    with pytest.raises(ArgumentError, match=r"write complex_step\(f, \(x,\), \(v,\)\)"):
        ad.complex_step(np.sin, 0.5, (1.0,))


def _written(x):
    y = np.zeros(2)
    y[0] = x
    return y


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize(
    "f", [abs, np.real, lambda x: np.linalg.norm([x, 2.0]), lambda x: np.vdot(x, x), _written]
)
def test_a_complex_step_that_got_lost_is_an_error(f):
    with pytest.raises(NotDifferentiableError, match="loses the imaginary part"):
        ad.complex_step(f, (1.3,), (1.0,))


@pytest.mark.parametrize(
    "f", [lambda x: 5.0, np.cos, lambda x: x**2, lambda x: x**3, lambda x: x * np.array([0, 1])]
)
def test_slopes_that_are_zero_are_found(f):
    assert np.ravel(ad.complex_step(f, (0.0,), (1.0,)))[0] == pytest.approx(0.0)
