"""Distances of `scipy.spatial.distance` that count, and Minkowski's by its order, beside SciPy."""

import numpy as np
import pytest
import scipy.spatial.distance as sd

import adjoint as ad
from adjoint.errors import ShapeError

pytestmark = pytest.mark.unit

rng = np.random.default_rng(5)
A, B, W = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), np.array([0.5, 2.0, 1.3])
COUNTING = ("hamming", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule")


def differences(f, x, step=1e-5):
    """The gradient of f by central differences."""
    found = np.zeros(np.shape(x))
    for place in np.ndindex(found.shape):
        e = np.zeros(found.shape)
        e[place] = step
        found[place] = (f(x + e) - f(x - e)) / (2 * step)
    return found


def counted(a, b, pairs=False, **options):
    """The distances of all metrics that count."""
    if pairs:
        return [sd.pdist(a, metric, **options) for metric in COUNTING]
    return [sd.cdist(a, b, metric, **options) for metric in COUNTING]


def test_distances_that_count_are_those_of_scipy():
    for a, b in ((A > 0, B > 0), (A, B), (np.zeros((2, 3)), B > 0)):
        a, b = a * 1.0, b * 1.0
        for options in ({}, {"w": W}):
            for pairs in (False, True):
                f = lambda a, b=b, p=pairs, o=options: counted(a, b, p, **o)
                for x, y in zip(ad.vjp(f, a)[0], f(a), strict=True):
                    np.testing.assert_allclose(x, y, rtol=1e-12)
    for x, y in zip(ad.compile(counted)(A, B, w=W), counted(A, B, w=W), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12)


def test_they_have_derivatives_by_weights_and_none_by_points():
    a, b = (A > 0) * 1.0, (B > 0) * 1.0
    weights = np.arange(120.0).reshape(6, 4, 5)

    def f(w):
        return np.sum(weights * np.stack(counted(a, b, w=w)))

    for gradient in (ad.grad(f), ad.compile(ad.grad(f)), ad.jacfwd(f)):
        np.testing.assert_allclose(gradient(W), differences(f, W), rtol=1e-7, atol=1e-6)
    by_points = ad.grad(lambda a: np.sum(np.stack(counted(a, b, w=W))))(a)
    np.testing.assert_array_equal(by_points, np.zeros_like(a))
    for own in (sd.hamming, sd.jaccard):
        w = np.asarray(ad.grad(lambda w, f=own: f(a[0], b[0], w))(W))
        np.testing.assert_allclose(w, differences(lambda w, f=own: f(a[0], b[0], w), W), atol=1e-8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_minkowski_has_derivatives_by_its_order():
    def f(p, u=A[0], v=B[0], w=W):
        return sd.minkowski(u, v, p, w)

    for p in (1.0, 1.5, 2.0, 4.0):
        for gradient in (ad.grad(f), ad.compile(ad.grad(f)), ad.jacfwd(f)):
            np.testing.assert_allclose(gradient(p), differences(f, p), rtol=1e-7)
        second = differences(lambda q: float(ad.grad(f)(q)), p)
        np.testing.assert_allclose(ad.hessian(f)(p), second, rtol=1e-7)
        np.testing.assert_allclose(ad.compile(f)(p), f(p), rtol=1e-14)
        both = ad.grad(lambda u, w, p: f(p, u, w=w), (0, 1, 2))(A[0], W, p)
        np.testing.assert_allclose(both[0], differences(lambda u, p=p: f(p, u), A[0]), 1e-7, 1e-9)
        np.testing.assert_allclose(both[1], differences(lambda w, p=p: f(p, w=w), W), 1e-7, 1e-9)
    matrix = lambda p: np.sum(sd.cdist(A, B, "minkowski", p=p) ** 2)
    np.testing.assert_allclose(ad.grad(matrix)(2.5), differences(matrix, 2.5), rtol=1e-7)
    orders = np.array([1.0, 2.0, 3.5])
    np.testing.assert_allclose(ad.vmap(f)(orders), [f(p) for p in orders], rtol=1e-14)


def test_minkowski_of_an_order_that_is_an_argument_at_its_edges():
    of_order = ad.compile(lambda p, u: sd.minkowski(u, B[0], p))
    assert np.isnan(float(of_order(-1.0, A[0]))) and np.isnan(float(of_order(2.0, A[0] * np.nan)))
    assert float(of_order(2.0, B[0])) == 0
    for p in (np.inf, 300.0, 0.5):
        np.testing.assert_allclose(of_order(p, A[0]), sd.minkowski(A[0], B[0], p), rtol=1e-14)
    np.testing.assert_allclose(of_order(2.0, A[0] * 1e200), sd.euclidean(A[0] * 1e200, B[0]))
    same = ad.grad(lambda p, u: sd.minkowski(u, B[0], p), (0, 1))(1.5, B[0])
    assert float(same[0]) == 0 and np.all(np.asarray(same[1]) == 0)


def test_wrong_weights_and_too_few_points_are_errors():
    for w in (np.ones(1), np.ones((3, 3))):
        with pytest.raises(ShapeError, match=r"cdist: w must have one weight for each of the 3"):
            ad.grad(lambda x, w=w: np.sum(sd.cdist(x, B, "euclidean", w=w)))(A)
    with pytest.raises(ShapeError, match="covariance of 3 points of 3 coordinates is singular"):
        ad.grad(lambda x: np.sum(sd.pdist(x, "mahalanobis")))(A[:3])
