"""What NumPy's classes of polynomials do in differentiated functions, by every method."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import Chebyshev, Hermite, HermiteE, Laguerre, Legendre, Polynomial

import adjoint as ad
from adjoint.errors import AdjointError, NotDifferentiableError

pytestmark = pytest.mark.unit

X = np.array([0.3, -0.8, 1.7])
T = np.linspace(-1, 2, 7)
Y = np.sin(T)
KINDS = [Polynomial, Chebyshev, Legendre, Hermite, HermiteE, Laguerre]


def products(k, x):
    p = k(x)
    mixed = (p * k([1.0, 2, 3]) * p + p**3 + x[0] * k([1.0, 1]) - x[1] * p)(0.3)
    return mixed + (2 - p)(0.4) + (p / x[0] / 2 - k([0.5]))(0.1) + (-p).coef[1]


def quotients(k, x):
    whole, rest = divmod(k(x) ** 2, k([1.0, 0.5]))
    return whole(0.3) + rest(0.7) + (k([1.0, 2, 3, 4]) // k(x))(0.3) + (k(T[:5]) % k(x))(0.3)


def integrals(k, x):
    inner = k(x, domain=[0, 2.0]).integ(2, k=[x[0], 1.0], lbnd=x[1])
    return inner(x[2]) * k(x).deriv()(2.0) * k(T[:4], domain=[-2, 3.0]).deriv(2)(x[0])


def fits(k, x):
    return (
        k.fit(T, Y * x[0] + x[1] ** 2 * T, 3)(x[2])
        + k.fit(x, x**2 * np.arange(3), 1)(0.4)
        + k.fit(T, Y, 2, w=np.exp(x[0] * T), domain=[])(x[1])
        + k.fit(T, Y * x[0], [0, 2])(x[1])
        + k.fit(T, Y * x[0], 2, full=True)[1][0].sum()
    )


def conversions(k, x):
    moved = k(x, domain=[0, 3.0]).convert(kind=Chebyshev).coef.sum()
    same = k(T[:4], domain=[-2, 3.0]).convert()(x[0]) + k(x).convert(domain=[-2.0, 4])(x[0])
    return moved * same + k([1.0, 2, 3])(k(x))(0.7) + k.cast(Polynomial(x))(0.4)


def zeros(k, x):
    found = np.abs(k(x).roots()) ** 2
    return np.sum(found) + np.sum(np.abs(k([x[0], 1, 0.2, 0.4], domain=[0, 3]).roots()) ** 2)


def of_zeros(k, x):
    return k.fromroots(x)(0.3) + k.fromroots(x, domain=[0, 3.0])(0.3) + k.fromroots(x, None)(0.3)


def parts(k, x):
    p = k(x)
    pieces = p.truncate(2)(0.2) + p.cutdeg(1)(0.2) + p.linspace(5)[1].sum() + sum(p)
    return pieces * p.degree() + p.copy()(x).sum()


def domains(k, x):
    p = k([1.0, 2, 3], domain=[x[0], 2.0])
    return p(0.3) + p.deriv()(0.3) + p.integ()(0.3) + (p + p)(0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "f",
    [products, quotients, integrals, fits, conversions, zeros, of_zeros, parts, domains],
)
def test_the_gradient_is_that_of_differences(kind, f):
    value, found = ad.value_and_grad(lambda x: f(kind, x))(X)
    assert np.asarray(value) == pytest.approx(f(kind, X), rel=1e-10)
    steps = np.eye(3) * 1e-6
    slopes = [(f(kind, X + d) - f(kind, X - d)) / 2e-6 for d in steps]
    np.testing.assert_allclose(found.numpy(), slopes, rtol=2e-6, atol=2e-5)


@pytest.mark.parametrize("f", [products, integrals, fits, conversions])
def test_compiled_it_is_the_same(f):
    gradient = ad.grad(lambda x: f(Legendre, x))
    np.testing.assert_allclose(ad.compile(gradient)(X).numpy(), gradient(X).numpy(), rtol=1e-9)


def test_second_derivatives_and_vmap():
    f = lambda x: fits(Chebyshev, x)
    hessian = ad.hessian(f)(X).numpy()
    steps = np.eye(3) * 1e-5
    slopes = [(ad.grad(f)(X + d).numpy() - ad.grad(f)(X - d).numpy()) / 2e-5 for d in steps]
    np.testing.assert_allclose(hessian, slopes, rtol=1e-4, atol=1e-4)
    many = np.stack([X, X + 0.1])
    found = ad.vmap(lambda x: integrals(Legendre, x))(many).numpy()
    np.testing.assert_allclose(found, [integrals(Legendre, x) for x in many], rtol=1e-10)


def test_zeros_of_the_highest_coefficient_and_wrong_shapes_are_errors():
    with pytest.raises(NotDifferentiableError, match="highest coefficient is 0"):
        ad.grad(lambda x: Polynomial(x).roots()[0])(np.array([1.0, 2.0, 0.0]))
    with pytest.raises(ZeroDivisionError, match="divisor is 0"):
        ad.grad(lambda x: (Polynomial([1.0, 2.0]) // Polynomial(x))(1.0))(np.array([1.0, 0.0]))
    for f in (
        lambda x: Polynomial(np.outer(x, x))(1.0),
        lambda x: Polynomial([1.0], domain=x)(1.0),
        lambda x: Polynomial.fit(T, x, 2)(1.0),
        lambda x: Polynomial.fit(T, T * x[0], -1)(1.0),
        lambda x: (Polynomial(x) ** -1)(1.0),
    ):
        with pytest.raises(AdjointError):
            ad.grad(f)(X)
