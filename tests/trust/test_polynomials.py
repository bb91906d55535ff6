"""Polynomials written with NumPy are differentiated by place and by coefficients, or raise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import Chebyshev, Hermite, HermiteE, Laguerre, Legendre, Polynomial
from numpy.polynomial import chebyshev as C
from numpy.polynomial import hermite as H
from numpy.polynomial import hermite_e as E
from numpy.polynomial import laguerre as G
from numpy.polynomial import legendre as L
from numpy.polynomial import polynomial as P

import adjoint as ad
from adjoint.errors import AdjointError
from tests.numpy.differences import slopes

pytestmark = pytest.mark.unit

X = np.array([0.3, -0.8, 1.7])
COEF = [1.0, -2.0, 0.5, 3.0]
CLASSES = [Polynomial, Chebyshev, Legendre, Hermite, HermiteE, Laguerre]
EVALUATE = [P.polyval, C.chebval, L.legval, H.hermval, E.hermeval, G.lagval]
MOVED = Chebyshev(COEF, domain=[-2.0, 3.0])
POWER = np.poly1d(COEF)


def right(f, x):
    np.testing.assert_allclose(ad.grad(f)(x).numpy(), slopes(f, x), rtol=1e-6, atol=1e-7)
    value = np.asarray(ad.value_and_grad(f)(x)[0])
    np.testing.assert_allclose(value, f(x), rtol=1e-14)


@pytest.mark.parametrize("i", range(6), ids=[k.__name__ for k in CLASSES])
def test_series_by_place_and_by_coefficients(i):
    kind, evaluate = CLASSES[i], EVALUATE[i]
    series = kind(COEF)
    right(lambda x: np.sum(evaluate(x, COEF)), X)
    right(lambda c: np.sum(evaluate(X, c)), np.array(COEF))
    right(lambda c: evaluate(0.7, c), np.array([2.0]))
    right(lambda x: np.sum(series(x) * series.deriv()(x)), X)
    right(lambda x: np.sum((series * series + 2 * series)(x)), X)
    right(lambda x: np.sum(kind([1.0, x[0], x[1]])(0.4)), X)
    twice = ad.grad(ad.grad(lambda x: series(x)))(0.3)
    np.testing.assert_allclose(float(twice), series.deriv(2)(0.3), rtol=1e-13)


def test_several_series_at_once():
    many = np.arange(6.0).reshape(3, 2)
    right(lambda x: np.sum(P.polyval(x, many) * np.arange(6.0).reshape(2, 3)), X)
    right(lambda x: np.sum(P.polyval(x[:2], many, tensor=False)), X)


def test_a_domain_is_mapped():
    right(lambda x: np.sum(MOVED(x)), X)


def test_functions_of_plain_arrays_are_numpys():
    def f(x):
        roots = Polynomial([-2.0, 0.0, 1.0]).roots()
        assert isinstance(MOVED, Chebyshev)
        return x * roots[1] * MOVED(0.5) * (MOVED + Chebyshev([1.0], domain=[-2.0, 3.0]))(0.5)

    y = np.sqrt(2) * MOVED(0.5) * (MOVED(0.5) + 1)
    np.testing.assert_allclose(float(ad.grad(f)(1.0)), y, rtol=1e-14)


def test_coefficients_that_change_are_seen():
    series = Polynomial([0.0, 1.0])
    f = ad.grad(lambda x: series(x))
    assert float(f(2.0)) == 1.0
    series.coef = np.array([0.0, 5.0])
    assert float(f(2.0)) == 5.0


def test_others_are_right_or_raise():
    for f in (
        lambda x: np.sum(POWER(x)),
        lambda x: np.polyval(x, 2.0),
        lambda x: np.sum(np.polymul(x, x)),
        lambda x: np.sum(np.polyadd(x, [1.0])),
        lambda x: np.sum(P.polymul(x, x)),
        lambda x: Polynomial(x).deriv()(2.0),
        lambda x: np.poly1d(x)(2.0),
    ):
        try:
            found = ad.grad(f)(X).numpy()
        except AdjointError:
            continue
        np.testing.assert_allclose(found, slopes(f, X), rtol=1e-6)
