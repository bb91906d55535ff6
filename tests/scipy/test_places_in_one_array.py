"""Places of interpolants in one array without rows: SciPy takes rows of it, and so does adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import interpolate

import adjoint as ad
from adjoint.errors import ShapeError

rng = np.random.default_rng(0)
XS = np.linspace(-3.0, 3.0, 12)
POINTS = 3 * rng.normal(size=(60, 2))
VALUES = rng.normal(size=60)
PAIRS = rng.normal(size=(60, 2))
PLACES = np.array([0.3, 0.4, -0.2, 0.7])
line = interpolate.RegularGridInterpolator((XS,), XS**2)
plane = interpolate.RegularGridInterpolator((XS, XS), np.outer(XS, XS))
scattered = interpolate.LinearNDInterpolator(POINTS, VALUES)
pairs = interpolate.LinearNDInterpolator(POINTS, PAIRS)


def of_values(x: Any) -> Any:
    return interpolate.griddata(POINTS, x[0] * VALUES, PLACES[:2], "nearest")


CALLS = {
    "line": lambda x: line(x),
    "plane, one": lambda x: plane(x[:2]),
    "plane, several": lambda x: plane(x),
    "plane, coordinates": lambda x: plane((x[0], x[1])),
    "interpn": lambda x: interpolate.interpn((XS,), XS**2, x),
    "scattered, one": lambda x: scattered(x[:2]),
    "scattered, several": lambda x: scattered(x),
    "scattered, coordinates": lambda x: scattered(x[0], x[1]),
    "pairs": lambda x: pairs(x[:2]),
    "griddata": of_values,
}


def test_places_and_the_shapes_of_results_are_those_of_scipy() -> None:
    for name, f in CALLS.items():
        expected = np.asarray(f(PLACES))
        found, pull = ad.vjp(f, PLACES)
        assert found.shape == expected.shape, name
        assert_allclose(found, expected, rtol=1e-12, err_msg=name)
        h = 1e-6 * rng.normal(size=4)
        slope = np.sum(f(PLACES + h) - f(PLACES - h)) / 2
        assert_allclose(np.dot(pull(np.ones(expected.shape))[0], h), slope, rtol=1e-5, err_msg=name)


def test_what_makes_no_rows_is_refused() -> None:
    for f in (plane, scattered):
        with pytest.raises(ShapeError, match="last axis"):
            ad.grad(lambda x, f=f: np.sum(f(x)))(PLACES[:3])
