"""A vertical tangent is ±∞ at every order, with the sign of the limit, in every mode; never nan."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

INF = np.inf
SECOND = {
    "forward over reverse": lambda f: ad.jacfwd(ad.grad(f)),
    "reverse over reverse": lambda f: ad.grad(ad.grad(f)),
    "forward over forward": lambda f: ad.jacfwd(ad.jacfwd(f)),
    "reverse over forward": lambda f: ad.grad(ad.jacfwd(f)),
}
COMPILED = {f"{name}, compiled": lambda f, t=t: ad.compile(t(f)) for name, t in SECOND.items()}
MODES = SECOND | COMPILED
ENDS = {
    "arcsin at 1": (ad.arcsin, 1.0, INF, INF, INF),
    "arcsin at -1": (ad.arcsin, -1.0, INF, -INF, INF),
    "arccos at 1": (ad.arccos, 1.0, -INF, -INF, -INF),
    "arccos at -1": (ad.arccos, -1.0, -INF, INF, -INF),
    "arctanh at 1": (ad.arctanh, 1.0, INF, INF, INF),
    "arctanh at -1": (ad.arctanh, -1.0, INF, -INF, INF),
    "arccosh at 1": (ad.arccosh, 1.0, INF, -INF, INF),
    "sqrt at 0": (ad.sqrt, 0.0, INF, -INF, INF),
    "cbrt at 0": (ad.cbrt, 0.0, INF, -INF, INF),
    "log at 0": (ad.log, 0.0, INF, -INF, INF),
    "log2 at 0": (ad.log2, 0.0, INF, -INF, INF),
    "log1p at -1": (ad.log1p, -1.0, INF, -INF, INF),
    "x**0.3 at 0": (lambda x: x**0.3, 0.0, INF, -INF, INF),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("end", ENDS)
def test_the_second_derivative_is_infinite_with_the_sign_of_its_limit(end, mode):
    f, x, first, second, _ = ENDS[end]
    assert float(ad.grad(f)(x)) == float(ad.jacfwd(f)(x)) == first
    for _ in range(2):
        assert float(MODES[mode](f)(x)) == second


@pytest.mark.parametrize("end", ENDS)
def test_the_third_derivative_is_infinite_in_every_mode(end):
    f, x, *_, third = ENDS[end]
    for mode in SECOND.values():
        assert float(ad.grad(mode(f))(x)) == third
        assert float(ad.jacfwd(mode(f))(x)) == third


@pytest.mark.parametrize("name", ["asin", "acos", "atanh", "acosh", "cbrt"])
def test_near_the_end_the_derivatives_have_all_their_digits(name):
    near = 1 + 2.0**-30 if name == "acosh" else 1e-9 if name == "cbrt" else 1 - 2.0**-30
    f = {"asin": ad.arcsin, "acos": ad.arccos, "atanh": ad.arctanh, "acosh": ad.arccosh}.get(
        name, ad.cbrt
    )
    with mpmath.workdps(60):
        exact = [float(mpmath.diff(getattr(mpmath, name), near, n)) for n in (1, 2, 3)]
    found, g = [], f
    for _ in range(3):
        g = ad.grad(g)
        found.append(float(g(near)))
    np.testing.assert_allclose(found, exact, rtol=1e-12)


POWERS = {
    0.0: ([0, 0], [[0, 0], [0, 0]]),  # 0**0 is 1, as every x**0
    0.5: ([INF, 0], [[-INF, -INF], [-INF, 0]]),  # xᵃ⁻¹ (1 + a log x) goes to -∞
    1.0: ([1, 0], [[0, -INF], [-INF, 0]]),  # 1 + log x
    1.5: ([0, 0], [[INF, 0], [0, 0]]),
    2.0: ([0, 0], [[2, 0], [0, 0]]),
    3.0: ([0, 0], [[0, 0], [0, 0]]),
}
HESSIANS = {
    "forward over reverse": ad.hessian,
    "reverse over reverse": lambda f: ad.jacrev(ad.jacrev(f)),
    "forward over forward": lambda f: ad.jacfwd(ad.jacfwd(f)),
    "compiled": lambda f: ad.compile(ad.hessian(f)),
}


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("exponent", POWERS)
def test_powers_of_zero_have_their_limits_by_base_and_exponent(exponent, mode):
    first, second = POWERS[exponent]
    f = lambda x: x[0] ** x[1]
    point = np.array([0.0, exponent])
    np.testing.assert_array_equal(ad.grad(f)(point).numpy(), first)
    np.testing.assert_array_equal(ad.jacfwd(f)(point).numpy(), first)
    np.testing.assert_array_equal(HESSIANS[mode](f)(point).numpy(), second)


@pytest.mark.parametrize("mode", HESSIANS)
def test_the_exponent_zero_in_an_array_makes_a_constant(mode):
    f = lambda x: ad.sum(x ** np.array([0.0, 0.0, 2.0]))
    x = np.array([0.0, 1.0, 0.0])
    np.testing.assert_array_equal(ad.grad(f)(x).numpy(), 0)
    np.testing.assert_array_equal(HESSIANS[mode](f)(x).numpy(), np.diag([0.0, 0.0, 2.0]))


@pytest.mark.parametrize(("x", "y"), [(0.7, 1.3), (2.5, -0.8), (1.2, 0.0), (0.3, 2.0)])
def test_derivatives_of_powers_by_both_are_those_of_mathematics(x, y):
    f = lambda z: z[0] ** z[1]
    with mpmath.workdps(50):
        exact = [
            [float(mpmath.diff(lambda a, b: a**b, (x, y), orders)) for orders in row]
            for row in (((2, 0), (1, 1)), ((1, 1), (0, 2)))
        ]
        third = float(mpmath.diff(lambda a, b: a**b, (x, y), (2, 1)))
    point = np.array([x, y])
    np.testing.assert_allclose(ad.hessian(f)(point).numpy(), exact, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        ad.jacfwd(ad.hessian(f))(point).numpy()[0, 0, 1], third, rtol=1e-12, atol=1e-14
    )


def test_slogdet_at_a_singular_matrix_is_infinite_by_the_cofactors():
    f = lambda a: ad.linalg.slogdet(a)[1]
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    expected = [[INF, -INF], [-INF, INF]]
    for first in (ad.grad(f), ad.jacfwd(f), ad.compile(ad.grad(f))):
        np.testing.assert_array_equal(first(a).numpy(), expected)
    both = ad.grad(lambda a: ad.sum(f(a)))(np.stack([a, np.diag([2.0, 4.0])])).numpy()
    np.testing.assert_array_equal(both, [expected, np.diag([0.5, 0.25])])
    assert not np.isfinite(ad.grad(f)(np.zeros((2, 2))).numpy()).any()
