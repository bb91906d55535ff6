"""Splines that SciPy leaves to FITPACK: on grids, through points, made outside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import interpolate

import adjoint as ad
from adjoint.errors import AdjointError

pytestmark = pytest.mark.unit

rng = np.random.default_rng(3)
T, U = np.linspace(0, 3, 6), np.linspace(-1, 1, 5)
Z = rng.normal(size=(6, 5))
WEIGHTS, D = rng.normal(size=(3, 4)), rng.normal(size=(6, 5))
XS, YS = np.array([0.3, 1.7, 2.9]), np.array([-0.8, 0.1, 0.4, 0.9])
GRID = interpolate.RectBivariateSpline(T, U, Z)
SMOOTH = interpolate.UnivariateSpline(T, Z[:, 1], s=0.2)
CUBIC = interpolate.CubicSpline(T, Z[:, 0])
R = interpolate.RectBivariateSpline

BY_VALUES = [
    lambda z: (R(T, U, z)(XS, YS) * WEIGHTS).sum(),
    lambda z: R(T, U, z, kx=2, ky=1).ev(XS, YS[:3])[1],
    lambda z: R(T, U, z)(XS, YS[:3], dx=1, dy=2, grid=False)[2],
    lambda z: R(T, U, z)(5.0, -3.0)[0, 0],
    lambda z: interpolate.UnivariateSpline(T, z[:, 0], s=0)(1.3),
    lambda z: interpolate.UnivariateSpline(T, z[:, 0], s=0, ext=3)(7.0),
]
BY_PLACES = [
    lambda x: SMOOTH(x),
    lambda x: SMOOTH(x + 9),
    lambda x: SMOOTH.derivative()(x) * SMOOTH.antiderivative()(x),
    lambda x: SMOOTH.integral(0, 1) * x,
    lambda x: CUBIC.derivative()(x),
    lambda x: GRID(x, x)[0, 0],
    lambda x: GRID.ev(x, 0.3, dx=1),
]


@pytest.mark.parametrize("f", BY_VALUES)
def test_derivatives_by_values(f):
    value, found = ad.value_and_grad(f)(Z)
    assert float(value) == pytest.approx(float(f(Z)), rel=1e-12)
    slope = (f(Z + 1e-6 * D) - f(Z - 1e-6 * D)) / 2e-6
    assert np.sum(found.numpy() * D) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("f", BY_PLACES)
def test_derivatives_by_places(f):
    value, found = ad.value_and_grad(f)(1.3)
    assert float(value) == pytest.approx(float(f(1.3)), rel=1e-12)
    slope = (f(1.3 + 1e-6) - f(1.3 - 1e-6)) / 2e-6
    assert float(found) == pytest.approx(float(slope), rel=1e-5)
    assert float(ad.compile(ad.grad(f))(1.3)) == pytest.approx(float(found), rel=1e-10)
    second = float(ad.grad(ad.grad(f))(1.3))
    step = (float(ad.grad(f)(1.31)) - float(ad.grad(f)(1.29))) / 0.02
    assert second == pytest.approx(step, rel=1e-3)


@pytest.mark.parametrize(
    ("f", "match"),
    [
        (lambda z: interpolate.UnivariateSpline(T, z[:, 0])(1.0), "give s=0"),
        (lambda z: R(T, U, z, s=0.1)(1.0, 1.0), "give s=0"),
        (lambda z: R(T, U, z.T)(1.0, 1.0), r"shape \(6, 5\) of the grid"),
        (lambda z: R(z[:, 0], U, z)(1.0, 1.0), "no derivative by x"),
    ],
)
def test_what_is_wrong_is_said(f, match):
    with pytest.raises(AdjointError, match=match):
        ad.grad(lambda z: ad.sum(f(z)))(Z)
