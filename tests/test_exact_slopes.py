"""The oracle of derivatives knows them to more digits than float64 has."""

from __future__ import annotations

import mpmath
import pytest

from tests.exact_slopes import slope

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("orders", "exact"),
    [
        ((0, 0), lambda x, y: mpmath.sin(x) / y),
        ((1, 0), lambda x, y: mpmath.cos(x) / y),
        ((2, 0), lambda x, y: -mpmath.sin(x) / y),
        ((1, 1), lambda x, y: -mpmath.cos(x) / y**2),
        ((0, 2), lambda x, y: 2 * mpmath.sin(x) / y**3),
    ],
)
@pytest.mark.parametrize("at", [(0.7, 3.0), (-2.0, 1e-6), (1e4 + 1j, 0.1)])
def test_slopes_of_known_functions(orders, exact, at):
    found = slope(lambda x, y: mpmath.sin(x) / y, at, orders)
    with mpmath.workdps(60):
        expected = exact(*map(mpmath.mpmathify, at))
        assert abs(found - expected) <= mpmath.mpf(10) ** -21 * abs(expected)
