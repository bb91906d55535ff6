"""The series of ``numpy.polynomial``, whose coefficients may be differentiated as well."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.op import FUNCTIONS

pytestmark = pytest.mark.unit

NAMES = [n for n in FUNCTIONS if n.startswith("polynomial.") and n.count(".") == 2]
KINDS = ("Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE", "Laguerre")
X = np.array([[0.3, -0.8], [1.4, 0.0]])
C = np.array([[0.5, 1.0], [-1.5, 2.0], [0.25, -0.5], [0.75, 0.1]])


def theirs(name):
    found = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


def calls(name):
    own = name.rpartition(".")[2]
    if own.endswith(("2d", "3d")):
        count = int(own[-2])
        c = np.arange(0.1, 0.1 + 0.1 * 2**count - 0.05, 0.1).reshape((2,) * count)
        return [((*[X[0] + i for i in range(count)], c), {})]
    if own.endswith("vander"):
        return [((X, 4), {}), ((0.5, 0), {})]
    if own.endswith("val"):
        return [((X, C[:, 0]), {}), ((X, C), {}), ((0.7, C), {}), ((X, C), {"tensor": False}),
                ((X, 2.0), {}), ((X, C[:1, 0]), {})]  # fmt: skip
    if own.endswith("der"):
        return [((C[:, 0],), {}), ((C, 2), {}), ((C, 1, 0.5, 1), {}), ((C, 7), {})]
    if own.endswith("int"):
        constants = {"k": [0.5, 1.5], "lbnd": 0.3, "scl": 2.0}
        return [((C[:, 0],), {}), ((C[:, 0], 2), constants), ((C, 1, 0.5), {"axis": 1})]
    if own.endswith("pow"):
        return [((C[:, 0] / 8, 2), {}), ((C[:, 0], 0), {})]
    if own.endswith("line"):
        return [((0.3, 0.7), {})]
    if own.endswith("roots"):
        return [((C[:3, 1],), {}), ((X[0],), {})]
    if own.endswith("fit"):
        weights = np.array([1.0, 2.0, 0.5, 1.5])
        return [((C[:, 1], C[:, 0], 2), {"w": weights}), ((C[:, 1], C, [2, 0]), {})]
    return [((C[:, 0], C[:2, 1]), {})]


def first(result, n):
    """Of a quotient and remainder the quotient; of complex zeros their sizes."""
    found = result[0] if isinstance(result, tuple) else result
    return n.abs(found) if found.dtype.kind == "c" else found


@pytest.mark.parametrize("name", NAMES)
def test_value_and_derivatives(name):
    function = FUNCTIONS[name]
    for args, options in calls(name):
        expected = first(theirs(name)(*args, **options), np)
        found = first(function(*map(ad.asarray, args[:1]), *args[1:], **options), ad)
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        for by, x in enumerate(args):
            if isinstance(x, int) or (x is not args[0] and isinstance(x, list)):
                continue
            x = np.asarray(x, float)

            def f(y, n, call, by=by, args=args, options=options):
                result = call(*args[:by], y, *args[by + 1 :], **options)
                return n.sum(n.sin(first(result, n)))

            gradient = ad.grad(lambda y, f=f: f(y, ad, function))(x)
            slope = np.zeros_like(x)
            for i in np.ndindex(x.shape):
                h = np.zeros_like(x)
                h[i] = 1e-5
                slope[i] = (f(x + h, np, theirs(name)) - f(x - h, np, theirs(name))) / 2e-5
            np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_series_as_objects_take_what_is_differentiated(kind):
    def f(x):
        p = getattr(np.polynomial, kind)([1.0, -2.0, 0.5, 0.25], domain=[-2, 3])
        return np.sum(p(x) * p.deriv()(x)) + p(0.5)

    x = np.array([0.3, -0.8, 1.4])
    slope = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    value, gradient = ad.value_and_grad(f)(x)
    assert float(value) == pytest.approx(f(x))
    np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7)
