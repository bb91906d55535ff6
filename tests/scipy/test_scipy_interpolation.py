"""Values of images between their elements, and what follows from them, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import adjoint as ad
import adjoint.scipy.ndimage as ours
from adjoint.errors import AdjointError, ArgumentError, DTypeError, NotDifferentiableError
from tests.sampling import in_turn

pytestmark = pytest.mark.unit
RNG = np.random.default_rng(8)
IMAGE = RNG.normal(size=(6, 7))
PLACES = np.concatenate([RNG.uniform(0.1, 4.9, (2, 8)), RNG.uniform(-9.0, 16.0, (2, 12))], axis=1)
MODES = [
    "constant",
    "grid-constant",
    "nearest",
    "mirror",
    "reflect",
    "grid-mirror",
    "wrap",
    "grid-wrap",
]


def check(call, *xs, rtol=1e-6, step=1e-6):
    """Value, gradient by each argument along a direction, second order, compiled and batched."""
    expected = call(ndimage, *xs)
    np.testing.assert_allclose(call(ours, *xs), expected, rtol=1e-9, atol=1e-9)
    w = RNG.normal(size=expected.shape)

    def f(*xs):
        return ad.sum(w * call(ours, *xs))

    for i, x in enumerate(xs):
        direction = RNG.normal(size=np.shape(x))
        ahead, behind = (
            np.sum(w * call(ndimage, *xs[:i], x + s * direction, *xs[i + 1 :]))
            for s in (step, -step)
        )
        found = float(np.sum(np.asarray(ad.grad(f, argnums=i)(*xs)) * direction))
        assert found == pytest.approx((ahead - behind) / (2 * step), rel=rtol, abs=1e-6)
    every = ad.value_and_grad(f, argnums=tuple(range(len(xs))))
    value, slopes = every(*xs)
    native, of_native = ad.compile(every)(*xs)
    np.testing.assert_allclose(native, value, rtol=1e-10)
    for one, other in zip(of_native, slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("mode", "order"), in_turn(MODES, [0, 1, 2, 3], times=2))
def test_map_coordinates(order, mode):
    check(lambda s, x, p: s.map_coordinates(x, p, order=order, mode=mode, cval=0.3), IMAGE, PLACES)


def test_coefficients_may_be_given():
    check(lambda s, x, p: s.map_coordinates(x, p, prefilter=False), IMAGE, PLACES)


def test_one_and_three_axes():
    check(lambda s, x, p: s.map_coordinates(x, p, mode="mirror"), IMAGE[0], PLACES[:1])
    x, p = RNG.normal(size=(3, 4, 5)), RNG.uniform(0.1, 1.9, (3, 2, 4))
    check(lambda s, x, p: s.map_coordinates(x, p, order=1), x, p)


def test_second_order_and_batches():
    def slope(p):
        return ad.grad(lambda p: ad.sum(ours.map_coordinates(IMAGE, p) ** 2))(p)

    p, t = PLACES[:, :8], RNG.normal(size=(2, 8))
    found = ad.jvp(slope, (p,), (t,))[1]
    expected = (np.asarray(slope(p + 1e-6 * t)) - np.asarray(slope(p - 1e-6 * t))) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ad.vmap(slope)(np.stack([p, p + 0.01]))[1], slope(p + 0.01))


@pytest.mark.parametrize(("mode", "order"), in_turn(["constant", "nearest", "reflect"], [1, 3]))
def test_what_follows_from_it(order, mode):
    matrix = np.array([[0.9, 0.2], [-0.1, 1.1]])
    options = dict(order=order, mode=mode)
    check(
        lambda s, x, m, o: s.affine_transform(x, m, o, **options),
        IMAGE,
        matrix,
        np.array([0.31, -0.42]),
    )
    check(lambda s, x: s.affine_transform(x, np.array([0.5, 0.7]), 0.1, (4, 9), **options), IMAGE)
    homogeneous = np.array([[0.9, 0.2, 0.31], [-0.1, 1.1, -0.42], [0, 0, 1]])
    check(lambda s, x: s.affine_transform(x, homogeneous, **options), IMAGE)
    check(lambda s, x, m: s.shift(x, m, **options), IMAGE, np.array([0.6, -1.3]))
    check(lambda s, x: s.zoom(x, (1.7, 0.6), **options), IMAGE)
    check(lambda s, x: s.zoom(x, 1.5, grid_mode=True, **{**options, "mode": "reflect"}), IMAGE)
    check(lambda s, x: s.rotate(x, 25.0, **options), IMAGE)
    check(lambda s, x: s.rotate(x, 90.0, **options), IMAGE)
    cube = RNG.normal(size=(4, 2, 5))
    check(lambda s, x: s.rotate(x, 33.0, axes=(0, 2), reshape=False, **options), cube)


def test_the_angle_has_a_derivative_where_the_size_stays():
    def f(angle):
        return ad.sum(ours.rotate(IMAGE, angle, reshape=False, mode="mirror") * IMAGE)

    def plain(angle):
        return np.sum(ndimage.rotate(IMAGE, angle, reshape=False, mode="mirror") * IMAGE)

    expected = (plain(20 + 1e-5) - plain(20 - 1e-5)) / 2e-5
    assert float(ad.grad(f)(20.0)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(NotDifferentiableError, match="angle"):
        ad.grad(lambda a: ad.sum(ours.rotate(IMAGE, a)))(20.0)


@pytest.mark.parametrize("mode", ["mirror", "reflect", "grid-wrap"])
def test_coefficients_of_splines(mode):
    check(lambda s, x: s.spline_filter(x, mode=mode), IMAGE)
    check(lambda s, x: s.spline_filter1d(x, 2, 0, mode=mode), IMAGE)


def test_dtypes():
    single = ours.map_coordinates(IMAGE.astype(np.float32), PLACES)
    assert single.dtype == np.float32
    expected = ndimage.map_coordinates(IMAGE.astype(np.float32), PLACES)
    np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-5)
    wave = IMAGE + 1j * IMAGE[::-1]
    np.testing.assert_allclose(
        ours.map_coordinates(wave, PLACES), ndimage.map_coordinates(wave, PLACES), rtol=1e-9
    )
    assert ours.map_coordinates(IMAGE, np.zeros((2, 0))).shape == (0,)


def test_as_users_write_it():
    def moved(x):
        return np.sum(ndimage.shift(x, 0.3, order=1) ** 2)

    slopes = np.asarray(ad.grad(moved)(IMAGE))
    t = RNG.normal(size=IMAGE.shape)
    expected = (moved(IMAGE + 1e-6 * t) - moved(IMAGE - 1e-6 * t)) / 2e-6
    assert np.sum(slopes * t) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: ours.map_coordinates(IMAGE, PLACES, order=4), ArgumentError, "order"),
        (lambda: ours.map_coordinates(IMAGE, PLACES, mode="odd"), ArgumentError, "mode"),
        (lambda: ours.map_coordinates(IMAGE, PLACES[:1]), AdjointError, "a row for each of 2"),
        (lambda: ours.map_coordinates(np.arange(5), [[1.5]]), DTypeError, "rounds the result"),
        (lambda: ours.affine_transform(IMAGE, np.eye(4)), AdjointError, "matrix must be"),
    ],
)
def test_a_mistake_is_named(work, error, message):
    with pytest.raises(error, match=message):
        work()
