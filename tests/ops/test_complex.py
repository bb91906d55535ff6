"""Complex numbers: the gradient of a real function is the direction of steepest ascent."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

Z = np.array([1.0 + 2.0j, -0.5 + 0.25j, 0.3 - 0.7j])
DIRECTION = np.array([0.3 - 0.2j, 1.0 + 0.5j, -0.4 + 0.9j])
STEP = 1e-6

REAL_FUNCTIONS = {
    "abs": lambda z: ad.abs(z),
    "abs squared": lambda z: ad.abs(z) ** 2,
    "real": lambda z: ad.real(z) ** 2,
    "imag": lambda z: ad.imag(z) ** 3,
    "angle": lambda z: ad.angle(z),
    "conj": lambda z: ad.real(ad.conj(z) * z * (2 + 1j)),
    "sign": lambda z: ad.real(ad.sign(z) * (1 - 2j)),
    "exp": lambda z: ad.abs(ad.exp(z)),
    "sin": lambda z: ad.real(ad.sin(z)) * ad.imag(z),
    "log": lambda z: ad.imag(ad.log(z)),
    "sqrt": lambda z: ad.real(ad.sqrt(z)),
    "power": lambda z: ad.imag(z**2.5),
    "power of two": lambda z: ad.real(z ** (z + 1j)),
    "divide": lambda z: ad.real(1 / (z + 1j)),
    "arctan": lambda z: ad.imag(ad.arctan(z)),
    "arcsin": lambda z: ad.real(ad.arcsin(z)),
    "tanh": lambda z: ad.imag(ad.tanh(z)),
    "sinc": lambda z: ad.real(ad.sinc(z)),
    "where": lambda z: ad.real(ad.where(ad.real(z) > 0, z * z, ad.conj(z))),
    "mixed": lambda z: ad.real(z) * ad.abs(z * (1 + 1j)),
}


@pytest.mark.parametrize("name", REAL_FUNCTIONS)
def test_gradient_tangent_and_second_order(name):
    f = REAL_FUNCTIONS[name]

    def total(z):
        return ad.sum(f(z))

    def value(z):
        return float(total(z))

    gradient = ad.grad(total)(Z).numpy()
    slopes = [
        (value(Z + STEP * e) - value(Z - STEP * e)) / (2 * STEP)
        + 1j * (value(Z + STEP * 1j * e) - value(Z - STEP * 1j * e)) / (2 * STEP)
        for e in np.eye(len(Z))
    ]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-8)

    _, tangent = ad.jvp(total, (Z,), (DIRECTION,))
    along = np.sum(np.real(np.conj(gradient) * DIRECTION))
    np.testing.assert_allclose(float(tangent), along, rtol=1e-12, atol=1e-14)

    def forward(z):
        return ad.jvp(ad.grad(total), (z,), (DIRECTION,))[1]

    def reverse(z):
        return ad.grad(lambda z: ad.sum(ad.real(ad.grad(total)(z) * np.conj(DIRECTION))))(z)

    change = (
        ad.grad(total)(Z + STEP * DIRECTION).numpy() - ad.grad(total)(Z - STEP * DIRECTION).numpy()
    ) / (2 * STEP)
    np.testing.assert_allclose(forward(Z).numpy(), change, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(reverse(Z).numpy(), change, rtol=1e-6, atol=1e-8)


def test_the_gradient_of_the_squared_size_points_away_from_zero():
    assert complex(ad.grad(lambda z: ad.abs(z) ** 2)(1 + 2j)) == 2 + 4j


def test_at_zero():
    assert complex(ad.grad(ad.abs)(0j)) == 0
    assert complex(ad.grad(ad.angle)(0j)) == 0
    hessian = ad.jvp(ad.grad(lambda z: ad.abs(z) ** 2), (0j,), (1 + 1j,))[1]
    assert complex(hessian) == 2 + 2j


def test_real_numbers_pass_through_the_parts():
    x = ad.asarray([1.0, -2.0])
    assert ad.real(x).node is x.node
    assert ad.conj(x).node is x.node
    assert ad.imag(x).tolist() == [0.0, 0.0]
    assert ad.angle(x).tolist() == np.angle([1.0, -2.0]).tolist()
    assert float(ad.grad(lambda x: ad.real(x * (1 + 1j)))(3.0)) == 1.0


TURN = np.exp(2j * np.pi * np.outer(np.arange(3), np.arange(3)) / 3)
JACOBIANS = {
    "holomorphic": (lambda z: ad.exp(z) * z, Z),
    "holomorphic product": (lambda z: TURN @ z, Z),
    "holomorphic sum": (lambda z: ad.sum(z * z), Z),
    "real of complex": (lambda z: ad.abs(z) ** 2 + ad.real(z * z[::-1]), Z),
    "a norm": (lambda z: ad.linalg.norm(z), Z),
    "complex of real": (lambda x: ad.exp(1j * x) * x, Z.real),
    "a transform of real numbers": (lambda x: TURN @ x, Z.real),
    "of real parts": (lambda x: ad.abs(TURN @ x), Z.real),
    "both at once": (lambda z: (z * z, ad.imag(z), ad.stack([z, z])), Z),
}


@pytest.mark.parametrize("transform", [ad.jacfwd, ad.jacrev, ad.jacobian])
@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians_in_both_modes_are_those_of_differences(name, transform):
    f, z = JACOBIANS[name]
    found, expected = transform(f)(z), ad.finite_differences(f, z)
    pairs = zip(*(x if isinstance(x, tuple) else (x,) for x in (found, expected)), strict=True)
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("transform", [ad.jacfwd, ad.jacrev])
def test_a_jacobian_by_real_and_complex_arguments_at_once(transform):
    z, x = transform(lambda z, x: z * z * x, (0, 1))(Z, Z.real)
    np.testing.assert_allclose(z, np.diag(2 * Z * Z.real), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(x, np.diag(Z * Z), rtol=1e-12, atol=1e-14)
    still = transform(lambda z: 3.0)(Z)
    assert (still.shape, still.dtype) == ((3,), np.complex128)
