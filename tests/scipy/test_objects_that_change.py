"""Objects of SciPy's that are written into between calls mean what they hold then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import interpolate, stats

import adjoint as ad

X = np.array([0.6, 1.1, 2.2])
PLACES = np.linspace(0.0, 4.0, 9)
VALUES = np.sin(PLACES)


def changes() -> Iterator[tuple[Callable[[Any], Any], Callable[[], object]]]:
    """Functions that call an object, and what changes that."""
    curve = interpolate.CubicSpline(PLACES, VALUES)
    yield lambda x: curve(x), lambda: curve.c.__setitem__(-1, 5.0)
    yield lambda x: curve(x), lambda: setattr(curve, "c", 2 * curve.c)
    spline = interpolate.make_interp_spline(PLACES, VALUES)
    yield lambda x: spline(x), lambda: spline.c.__imul__(2)
    grid = interpolate.RegularGridInterpolator((PLACES, PLACES), np.outer(VALUES, VALUES))
    yield lambda x: grid(np.stack([x, x], -1)), lambda: grid.values.__imul__(3)
    smooth = interpolate.UnivariateSpline(PLACES, VALUES + 0.1 * PLACES**3, s=1.0)
    yield lambda x: smooth(x), lambda: smooth.set_smoothing_factor(0.01)
    normal = stats.norm(loc=1.0)
    yield lambda x: normal.logpdf(x), lambda: normal.kwds.update(loc=3.0)
    yield lambda x: normal.logpdf(x), lambda: setattr(normal, "kwds", {"scale": 2.0})
    joint = stats.multivariate_normal(np.zeros(3), np.eye(3))
    yield lambda x: joint.logpdf(x), lambda: joint.mean.__setitem__(0, 2.0)


@pytest.mark.unit
def test_what_they_hold_is_read_at_each_call() -> None:
    ahead = 1e-6 * np.ones(3)
    for f, change in changes():
        before = f(X)
        for changed in (False, True):
            if changed:
                change()
            np.testing.assert_allclose(ad.vjp(f, X)[0], f(X), rtol=1e-9)
            slope = (f(X + ahead) - f(X - ahead)) / 2
            np.testing.assert_allclose(ad.jacobian(f)(X).numpy() @ ahead, slope, 1e-5, 1e-13)
        assert not np.allclose(before, f(X))
