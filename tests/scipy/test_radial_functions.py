"""RBFInterpolator: every kernel, by values, points, places, smoothing and epsilon."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from adjoint.scipy import interpolate
from tests.scipy.checks import (
    check_compiled,
    check_forward,
    check_reverse,
    check_second,
    check_value,
)
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(4)
POINTS = np.array(
    [[0.0, 0.1], [1.0, 0.0], [0.1, 1.1], [1.2, 0.9], [0.5, 0.3], [0.7, 0.6], [0.2, 0.5]]
)
VALUES = rng.normal(size=(7, 2))
PLACES = np.array([[0.3, 0.4], [0.8, 0.7]])
FREE = ("linear", "thin_plate_spline", "cubic", "quintic")
OTHERS = ("multiquadric", "inverse_multiquadric", "inverse_quadratic", "gaussian")


def interpolated(kernel, **options):
    def call(s, y, d, x, *given):
        names = ("smoothing", "epsilon")[: len(given)]
        plain = [float(v) if isinstance(v, np.ndarray) else v for v in given]
        numbers = dict(zip(names, plain, strict=True))
        return s.interpolate.RBFInterpolator(y, d, kernel=kernel, **options, **numbers)(x)

    return call


CASES = [
    *(Case(k, interpolated(k), [POINTS, VALUES, PLACES, 0.1], rtol=1e-9) for k in FREE),
    *(Case(k, interpolated(k), [POINTS, VALUES, PLACES, 0.1, 1.3], rtol=1e-9) for k in OTHERS),
    Case(
        "no polynomial",
        interpolated("gaussian", degree=-1, epsilon=2.0),
        [POINTS, VALUES[:, 0], PLACES],
        rtol=1e-9,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernels(case):
    check_value(case)
    check_forward(case)
    if case.name in ("thin_plate_spline", "gaussian"):
        check_reverse(case)
        check_second(case)
        check_compiled(case)


def test_far_from_the_origin_it_is_the_same():
    near = interpolate.RBFInterpolator(POINTS, VALUES)(PLACES)
    far = interpolate.RBFInterpolator(POINTS + 1e4, VALUES)(PLACES + 1e4)
    np.testing.assert_allclose(far, near, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda r: r(POINTS, VALUES[:3]), "as many values"),
        (lambda r: r(POINTS, VALUES, kernel="round"), "kernel must be one of"),
        (lambda r: r(POINTS, VALUES, kernel="gaussian"), "needs epsilon"),
        (lambda r: r(POINTS, VALUES, neighbors=3), "neighbors=3"),
        (lambda r: r(POINTS[:2], VALUES[:2]), "needs 3 points, got 2"),
        (lambda r: r(POINTS, VALUES)(PLACES[:, :1]), r"\(places, 2\)"),
    ],
)
def test_errors(call, match):
    with pytest.raises(AdjointError, match=match):
        call(interpolate.RBFInterpolator)


def test_in_traced_code():
    import scipy.interpolate

    def f(d):
        return scipy.interpolate.RBFInterpolator(POINTS, d)(PLACES)[0]

    h = 1e-6
    slope = (f(VALUES[:, 0] + h) - f(VALUES[:, 0] - h)) / (2 * h)
    assert float(ad.sum(ad.grad(f)(VALUES[:, 0]))) == pytest.approx(slope)
