"""`numpy.poly1d` of traced coefficients, and NumPy's functions of polynomials on it.

Its leading zeros are trimmed, for which values are asked, so it cannot be compiled.
"""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.numpy.differences import near, slopes

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.9, 0.4, 1.3])
P = np.poly1d([1.0, 2.0, 3.0])

PROGRAMS = {
    "called": lambda x: np.poly1d(x)(2.0) + P(x).sum(),
    "polyder": lambda x: np.polyder(np.poly1d(x), 2)(1.5),
    "polyint": lambda x: np.polyint(np.poly1d(x), k=x[1])(1.0),
    "polymul": lambda x: np.polymul(np.poly1d(x), P)(1.5) + (P * np.poly1d(x))(1.0),
    "polyadd": lambda x: np.polyadd(P, np.poly1d(x))(1.5) - np.polysub(P, x)[0],
    "polydiv": lambda x: np.polydiv(np.poly1d(x), P)[0](1.5) * np.polydiv(x, P)[1][0],
    "polyval": lambda x: np.polyval(np.poly1d(x), x).sum(),
    "composed": lambda x: np.poly1d(x)(P)(0.5) + np.polyval(np.poly1d(x), P)(0.3),
    "composed with it": lambda x: P(np.poly1d(x))(0.2),
    "methods": lambda x: np.poly1d(x).deriv()(1.0) + (np.poly1d(x) ** 2).integ()(1.1),
    "coefficients": lambda x: np.poly1d(x)[2] * np.poly1d(x).c[0] + np.poly1d(x).order,
    "roots": lambda x: np.abs(np.roots(np.poly1d(x))).sum() + np.abs(np.poly1d(x).r[0]),
    "of roots": lambda x: np.poly1d(x, True)(0.2),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name):
    f = PROGRAMS[name]
    value, gradient = ad.value_and_grad(f)(X)
    assert float(value) == pytest.approx(float(f(X)), rel=1e-12)
    near(gradient.numpy(), slopes(f, X), 1e-8)
