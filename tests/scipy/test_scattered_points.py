"""Interpolation of values at scattered points has SciPy's values, and derivatives."""

import numpy as np
import pytest
from scipy import interpolate
from scipy.spatial import Delaunay

import adjoint as ad
from adjoint.errors import ConcretizationError, NotDifferentiableError, ShapeError
from adjoint.scipy import interpolate as ours

RNG = np.random.default_rng(0)
CORNERS = np.indices((2, 2, 2)).reshape(3, 8).T
POINTS = np.concatenate([CORNERS[::2, :2], RNG.random((8, 2))])
VALUES = RNG.normal(size=12)
AT = np.array([[0.41, 0.52], [0.63, 0.38], [0.3, 0.61]])
LINE = np.array([0.4, 0.0, 1.0, 0.7])
SPACE = np.concatenate([CORNERS, RNG.random((12, 3))])

# each a function of a module like scipy.interpolate, of values, and of places
CASES = {
    "linear": lambda s, v, x: s.LinearNDInterpolator(POINTS, v)(x),
    "linear by coordinates": lambda s, v, x: s.LinearNDInterpolator(tuple(POINTS.T), v)(
        x[:, 0], x[:, 1]
    ),
    "triangulated": lambda s, v, x: s.LinearNDInterpolator(Delaunay(POINTS), v)(x),
    "columns": lambda s, v, x: s.LinearNDInterpolator(
        POINTS * [1, 50], np.stack([v, v**2], 1), rescale=True
    )(x * np.array([1, 50])),
    "outside": lambda s, v, x: s.LinearNDInterpolator(POINTS, v, fill_value=7.0)(x + 0.45),
    "space": lambda s, v, x: s.LinearNDInterpolator(SPACE, np.append(v, v[:8] ** 2))(
        np.stack([x[:, 0], x[:, 1], 0 * x[:, 0] + 0.5], 1)
    ),
    "nearest": lambda s, v, x: s.NearestNDInterpolator(POINTS, v, rescale=True)(x),
    "griddata": lambda s, v, x: s.griddata(POINTS, v, (x[:, 0], x[:, 1])),
    "griddata nearest": lambda s, v, x: s.griddata(POINTS, v, x, method="nearest"),
    "griddata on a line": lambda s, v, x: s.griddata(LINE, v[:4], x[:, 0]),
}


def test_values_and_slopes():
    for name, f in CASES.items():
        expected = np.asarray(f(interpolate, VALUES, AT))
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(f(ours, VALUES, AT), expected, rtol=1e-12, err_msg=name)
        weights = RNG.normal(size=expected.shape)

        def total(v, x, f=f, weights=weights):
            return np.sum(weights * f(interpolate, v, x) ** 2)

        def slopes(v, x, total=total):
            return ad.grad(total, argnums=(0, 1))(v, x)

        by_value, by_place = slopes(VALUES, AT)
        for given, found in ((0, by_value), (1, by_place)):
            numerical = np.zeros(found.shape)
            for i in np.ndindex(found.shape):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [VALUES.copy(), AT.copy()]
                    moved[given][i] += step
                    ends.append(total(*moved))
                numerical[i] = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(found, numerical, rtol=1e-5, atol=1e-7, err_msg=name)
        compiled = ad.compile(ad.grad(lambda v, total=total: total(v, AT)))
        np.testing.assert_allclose(compiled(VALUES), by_value, rtol=1e-10, atol=1e-12)


def test_beyond_the_points_and_second_order():
    f = ours.LinearNDInterpolator(POINTS, VALUES)
    assert np.isnan(f(5.0, 5.0)) and f(0.4, 0.5).shape == ()
    assert f(np.zeros((0, 2))).shape == (0,)
    values = VALUES.astype("float32")
    assert ours.LinearNDInterpolator(POINTS, values)(AT.astype("float32")).dtype == "float32"
    hessian = ad.hessian(lambda v: np.sum(interpolate.griddata(POINTS, v, AT) ** 2))(VALUES)
    weights = ad.jacobian(lambda v: interpolate.griddata(POINTS, v, AT))(VALUES).numpy()
    np.testing.assert_allclose(hessian, 2 * weights.T @ weights, atol=1e-14)
    batched = ad.vmap(lambda v: ours.griddata(POINTS, v, AT))(np.stack([VALUES, 2 * VALUES]))
    np.testing.assert_allclose(batched[1], 2 * np.asarray(f(AT)), rtol=1e-14)


def test_places_of_single_precision_are_read_as_they_are():
    places = (AT + 1e4).astype(np.float32)
    for rescale in (False, True):

        def f(s, x, rescale=rescale):
            return s.LinearNDInterpolator(POINTS + 1e4, VALUES, rescale=rescale)(x)

        np.testing.assert_allclose(f(ours, places), f(interpolate, places), rtol=1e-9)
        slope = ad.grad(lambda x, f=f: np.sum(f(interpolate, x)))(places)
        assert slope.dtype == np.float32
        expected = ad.grad(lambda x, f=f: np.sum(f(interpolate, x)))(places.astype(float))
        np.testing.assert_allclose(slope, expected, rtol=1e-5)


def test_what_was_made_outside_is_called_inside():
    for rescale in (False, True):
        values = np.stack([VALUES, VALUES**2], 1)
        field = interpolate.LinearNDInterpolator(POINTS * [1, 50], values, rescale=rescale)
        scale = np.array([1, 50])
        found = ad.jacobian(lambda x, f=field: f(x * scale).sum(axis=0))(AT)
        own = ours.LinearNDInterpolator(POINTS * [1, 50], values, rescale=rescale)
        expected = ad.jacobian(lambda x, f=own: f(x * scale).sum(axis=0))(AT)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
        assert np.abs(found).min() > 0


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="no derivative by points"):
        ad.grad(lambda p: np.sum(interpolate.LinearNDInterpolator(p, VALUES)(AT)))(POINTS)
    with pytest.raises(ShapeError, match="places need 2 coordinates"):
        ours.LinearNDInterpolator(POINTS, VALUES)(np.zeros(3))
    with pytest.raises(ShapeError, match=r"points of shape \(12, 2\) need values"):
        ours.NearestNDInterpolator(POINTS, VALUES[:5])
    with pytest.raises(ConcretizationError):
        ad.compile(lambda x: ours.LinearNDInterpolator(POINTS, VALUES)(x))(AT)
