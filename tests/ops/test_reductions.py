"""Reductions, products, extrema, cumulative operations and softmax: values, derivatives, edges.

The oracles are NumPy and SciPy for values, and central differences for derivatives; the awkward
points follow the table of conventions, at both orders and in both modes.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import adjoint as ad
from adjoint.errors import DTypeError, RangeError, ShapeError
from adjoint.ops.reductions.norm import norm2

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 4, 2))
HOLES = np.where(RNG.random(X.shape) < 0.4, 0.0, X)
INF, NAN = np.inf, np.nan


def directional(f, x, v, h=1e-6):
    """The derivative of `f` in the direction `v` by a central difference."""
    return (np.asarray(f(x + h * v)) - np.asarray(f(x - h * v))) / (2 * h)


def check_derivatives(f, x, second=True):
    """Both modes against differences and each other, at order one and two."""
    rng = np.random.default_rng(1)
    v, u = rng.normal(size=x.shape), rng.normal(size=x.shape)
    y, tangent = ad.jvp(f, (x,), (v,))
    assert_allclose(tangent, directional(f, x, v), atol=1e-7)
    w = rng.normal(size=y.shape)
    _, pullback = ad.vjp(f, x)
    (share,) = pullback(w)
    assert_allclose(np.sum(w * tangent.numpy()), np.sum(share.numpy() * v))
    if second:
        g = ad.grad(lambda x: ad.sum(f(x) * w))
        _, forward_over_reverse = ad.jvp(g, (x,), (u,))
        assert_allclose(forward_over_reverse, directional(g, x, u), atol=1e-6)
        _, pullback = ad.vjp(g, x)
        assert_allclose(forward_over_reverse, pullback(u)[0], atol=1e-12)


def both_modes(f, x):
    """The Jacobian by forward and by reverse mode, found equal."""
    x = np.asarray(x, float)
    forward, backward = ad.jacfwd(f)(x).numpy(), ad.jacrev(f)(x).numpy()
    assert_array_equal(forward, backward)
    return backward


AXES = [None, 0, 1, -1, (0, 2), (0, 1, 2), (-1, 0), ()]
REDUCTIONS = ["sum", "prod", "max", "min", "any", "all", "count_nonzero"]


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float32", "float64"])
def test_a_reduction_is_numpys_in_value_shape_and_dtype(name, dtype):
    x = (3 * HOLES).astype(dtype)
    for axis, keepdims in itertools.product(AXES, [False, True]):
        ours = getattr(ad, name)(x, axis=axis, keepdims=keepdims).numpy()
        theirs = np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims))
        assert ours.shape == theirs.shape, (axis, keepdims)
        assert ours.dtype == theirs.dtype, (axis, keepdims)
        assert_allclose(ours, theirs, rtol=1e-6, err_msg=f"{axis} {keepdims}")


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_a_sum_or_product_can_be_asked_for_in_another_dtype(name):
    x = np.array([1, 2, 3], np.int32)
    assert getattr(ad, name)(x, dtype="float32").dtype == np.float32
    assert float(getattr(ad, name)(x, dtype=np.float64)) == getattr(np, name)(x)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_argmax_and_argmin_are_numpys(name, axis, keepdims):
    for x in (X, np.round(X), np.where(X > 1, NAN, X)):
        ours = getattr(ad, name)(x, axis=axis, keepdims=keepdims)
        assert ours.dtype == np.int64
        assert_array_equal(ours, getattr(np, name)(x, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("name", ["sum", "prod", "any", "all", "logsumexp"])
def test_the_reduction_over_an_empty_axis_is_its_neutral_element(name):
    neutral = {"sum": 0.0, "prod": 1.0, "any": False, "all": True, "logsumexp": -INF}[name]
    assert_array_equal(getattr(ad, name)(np.zeros((2, 0)), axis=1), [neutral] * 2)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_an_extremum_of_nothing_is_an_error_that_names_the_axis(name):
    with pytest.raises(ShapeError, match=f"^{name}: axis 1 of shape \\(2, 0\\) is empty"):
        getattr(ad, name)(np.zeros((2, 0)), axis=1)
    with pytest.raises(ShapeError, match=f"^{name}: axis 0"):
        getattr(ad, name)(np.zeros((0,)))
    assert getattr(ad, name)(np.zeros((0, 3)), axis=1).shape == (0,)


@pytest.mark.parametrize(
    "name", [*REDUCTIONS, "argmax", "argmin", "logsumexp", "cumsum", "cumprod", "softmax", "sort"]
)
def test_a_wrong_axis_is_an_error_that_names_the_function(name):
    with pytest.raises(ShapeError, match="axis 2 is out of bounds"):
        getattr(ad, name)(np.ones((2, 3)), axis=2)


@pytest.mark.parametrize("name", ["max", "argmin", "cummax", "logsumexp", "softmax"])
def test_complex_numbers_have_no_order(name):
    with pytest.raises(DTypeError, match=f"^{name}: complex numbers"):
        getattr(ad, name)(np.ones(3) + 1j)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_a_cumulative_operation_is_numpys(name, dtype, axis):
    x = (2 * X).astype(dtype)
    ours, theirs = getattr(ad, name)(x, axis).numpy(), getattr(np, name)(x, axis)
    assert ours.dtype == theirs.dtype
    assert_allclose(ours, theirs, rtol=1e-5)


def test_a_cumulative_operation_can_start_from_the_empty_one():
    x = np.arange(1.0, 7.0).reshape(2, 3)
    sums = ad.cumulative_sum(x, axis=1, include_initial=True)
    assert_array_equal(sums, [[0, 1, 3, 6], [0, 4, 9, 15]])
    products = ad.cumulative_prod(x, axis=0, include_initial=True)
    assert_array_equal(products, [[1, 1, 1], [1, 2, 3], [4, 10, 18]])


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_the_extremum_so_far_is_numpys(name):
    ufunc = {"cummax": np.maximum, "cummin": np.minimum}[name]
    for x, axis in itertools.product((X, np.round(X), np.where(X > 1, NAN, X)), (0, 1, 2)):
        assert_array_equal(getattr(ad, name)(x, axis), ufunc.accumulate(x, axis=axis))


def test_numpys_own_functions_find_these():
    x = ad.asarray(X)
    for name in ["sum", "prod", "max", "min", "amax", "any", "all", "cumsum", "cumprod", "sort"]:
        axis = 1
        result = getattr(np, name)(x, axis)
        assert isinstance(result, ad.Tensor)
        assert_allclose(result, getattr(np, name)(X, axis))


FUNCTIONS = [
    ("sum", X),
    ("prod", X),
    ("prod", HOLES),
    ("max", X),
    ("min", X),
    ("logsumexp", X),
    ("norm2", X),
]


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), (1, 2), (0, 1, 2), ()])
@pytest.mark.parametrize("name, x", FUNCTIONS)
def test_the_derivatives_of_a_reduction(name, x, axis):
    f = norm2 if name == "norm2" else getattr(ad, name)
    if name == "norm2" and axis == ():
        x = x + 3  # |x| has a kink at 0
    check_derivatives(lambda x: f(x, axis=axis), x)
    check_derivatives(lambda x: f(x, axis=axis, keepdims=True), x, second=False)


@pytest.mark.parametrize("axis", [0, 1, 2, None])
@pytest.mark.parametrize("x", [X, HOLES])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin", "sort"])
def test_the_derivatives_along_an_axis(name, axis, x):
    if name in ("cummax", "cummin", "sort"):
        x = X
    check_derivatives(lambda x: getattr(ad, name)(x, axis=axis), x)


@pytest.mark.parametrize("axis", [0, -1, (0, 1), None])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_the_derivatives_of_softmax(name, axis):
    check_derivatives(lambda x: getattr(ad, name)(x, axis), X)


LANED = ["prod", "max", "logsumexp", "cumsum", "cumprod", "cummax", "softmax", "sort"]


@pytest.mark.parametrize("name", LANED)
@pytest.mark.parametrize("axis", [0, 1])
def test_batching_is_the_loop_over_examples(name, axis):
    def f(x):
        return ad.grad(lambda x: ad.sum(ad.square(getattr(ad, name)(x, axis=axis))))(x)

    assert_allclose(ad.vmap(f)(X), np.stack([f(x) for x in X]), atol=1e-14)


def test_batching_an_order_statistic_and_a_search():
    q = np.array([0.25, 0.5])
    expected = np.stack([np.quantile(x, q, axis=0) for x in X])
    assert_allclose(ad.vmap(lambda x: ad.quantile(x, q, axis=0))(X), expected)
    by_place = ad.vmap(lambda q: ad.quantile(X, q, axis=0))(ad.asarray(q))
    assert_allclose(by_place, np.quantile(X, q, axis=0))
    edges = np.array([[0.0, 1.0, 2.0], [0.5, 0.6, 0.7]])
    found = ad.vmap(lambda e: ad.searchsorted(e, 0.8))(edges)
    assert_array_equal(found, [1, 3])


# Products: never a division, so zeros do no harm at any order.


@pytest.mark.parametrize(
    "x, gradient, hessian",
    [
        ([0, 2, 3], [6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
        ([0, 0, 3], [0, 0, 0], [[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
        ([0, 0, 0], [0, 0, 0], np.zeros((3, 3))),
    ],
)
def test_a_product_with_zeros(x, gradient, hessian):
    assert_array_equal(both_modes(ad.prod, x), gradient)
    assert_array_equal(ad.hessian(ad.prod)(np.array(x, float)), hessian)
    assert_array_equal(ad.jacfwd(ad.jacfwd(ad.prod))(np.array(x, float)), hessian)


def test_the_third_derivative_of_a_product_of_zeros():
    third = ad.jacfwd(ad.hessian(ad.prod))(np.zeros(3)).numpy()
    expected = np.zeros((3, 3, 3))
    for places in itertools.permutations(range(3)):
        expected[places] = 1
    assert_array_equal(third, expected)


@pytest.mark.parametrize("x, gradient", [([0, 2, 3], [9, 0, 0]), ([2, 0, 0], [1, 2, 0])])
def test_a_cumulative_product_with_zeros(x, gradient):
    x = np.array(x, float)
    assert_array_equal(ad.grad(lambda x: ad.sum(ad.cumprod(x)))(x), gradient)
    check_derivatives(ad.cumprod, x)


def test_products_of_complex_numbers():
    """In both modes the derivative of a holomorphic function, conjugated on the way back."""
    rng = np.random.default_rng(3)
    x, v, w = (rng.normal(size=4) + 1j * rng.normal(size=4) for _ in range(3))
    x[1] = 0
    for f, shape in ((ad.prod, ()), (ad.cumprod, (4,)), (ad.cumsum, (4,))):
        _, tangent = ad.jvp(f, (x,), (v,))
        assert_allclose(tangent, directional(f, x, v), atol=1e-7)
        _, pullback = ad.vjp(f, x)
        seed = np.resize(w, shape)
        (share,) = pullback(seed)
        assert_allclose(np.vdot(share.numpy(), v).real, np.vdot(seed, tangent.numpy()).real)


@pytest.mark.parametrize("lanes", [1, 40])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_a_recurrence_is_the_loop(lanes, reverse, dtype):
    from adjoint.ops.reductions.product import recurrence

    a, b = (RNG.normal(size=(lanes, 6)).astype(dtype) for _ in range(2))
    expected = np.zeros_like(b)
    steps = range(5, 0, -1) if reverse else range(5)
    for i in steps:
        expected[:, i - 1 if reverse else i + 1] = a[:, i] * expected[:, i] + b[:, i]
    ours = recurrence(ad.asarray(a), ad.asarray(b), 1, reverse)
    assert ours.dtype == dtype
    assert_allclose(ours, expected, rtol=1e-5)


# Extrema: ties split equally, nan propagates.


def test_ties_of_an_extremum_are_split():
    assert_array_equal(both_modes(ad.max, [1, 3, 3]), [0, 0.5, 0.5])
    assert_array_equal(both_modes(ad.min, [1, 3, 1]), [0.5, 0, 0.5])
    assert_array_equal(both_modes(ad.max, [INF, 3, INF]), [0.5, 0, 0.5])
    assert_array_equal(ad.hessian(ad.max)(np.array([1.0, 3.0, 3.0])), np.zeros((3, 3)))


def test_nan_propagates_through_an_extremum():
    assert np.isnan(float(ad.max([1.0, NAN, 2.0])))
    assert np.isnan(both_modes(ad.max, [1, NAN, 2])).all()
    rows = ad.grad(lambda x: ad.sum(ad.min(x, axis=1)))(np.array([[1.0, NAN], [1.0, 2.0]]))
    assert_array_equal(rows, [[NAN, NAN], [1, 0]])


def test_nan_in_a_lane_not_taken_does_not_matter():
    def f(x):
        return ad.sum(ad.where(np.array([False, True]), ad.max(x, axis=1), 0.0))

    assert_array_equal(ad.grad(f)(np.array([[1.0, NAN], [1.0, 2.0]])), [[0, 0], [0, 1]])


def test_ties_of_a_cumulative_extremum_are_split():
    """As those of the extremum: the second 1 has a half of the second and the third result."""
    total = ad.grad(lambda x: ad.sum(ad.cummax(x)))
    assert_array_equal(total(np.array([1.0, 1.0, 0.0])), [2, 1, 0])
    expected = [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0.5, 0.5, 0]]
    expected.append([0, 0, 0.5, 0.5, 0])
    assert_array_equal(both_modes(ad.cummax, [1, 0, 2, 2, 1]), expected)
    assert_array_equal(both_modes(ad.cummin, [-1, 0, -2, -2, -1]), expected)


def test_nan_does_not_affect_a_cumulative_extremum_before_it():
    x = np.array([1.0, NAN, 2.0])
    assert_array_equal(ad.jvp(ad.cummax, (x,), (np.ones(3),))[1], [1, NAN, NAN])
    assert_array_equal(ad.grad(lambda x: ad.cummax(x)[0])(x), [1, 0, 0])
    last = ad.grad(lambda x: ad.cummax(x)[2])(x)
    assert_array_equal(last, [0, NAN, 0])


# The norm.


def test_the_norm_at_zero():
    assert_array_equal(both_modes(norm2, [0, 0, 0]), [0, 0, 0])
    with pytest.warns(ad.errors.KinkWarning, match="norm2"):
        assert_array_equal(ad.hessian(norm2)(np.zeros(2)), np.full((2, 2), np.nan))
    assert_array_equal(both_modes(ad.linalg.norm, [0, 0]), [0, 0])
    rows = ad.grad(lambda x: ad.sum(norm2(x, 1)))(np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert_allclose(rows, [[0, 0], [0.6, 0.8]])


def test_the_square_of_the_norm_is_smooth_at_zero():
    assert_array_equal(ad.hessian(lambda x: ad.square(norm2(x)))(np.zeros(2)), 2 * np.eye(2))
    assert_array_equal(ad.hessian(lambda x: norm2(x) ** 2)(np.zeros(2)), 2 * np.eye(2))
    assert_array_equal(ad.grad(lambda x: ad.sqrt(ad.sum(ad.square(x))))(np.zeros(2)), [0, 0])


def test_the_norm_of_complex_numbers_is_steepest_along_them():
    z = np.array([3.0 + 4.0j, 0.0])
    assert_allclose(norm2(z), 5)
    assert norm2(z).dtype == np.float64
    assert_allclose(ad.grad(norm2)(z), z / 5)
    assert_allclose(ad.jvp(norm2, (z,), (np.array([1j, 1.0]),))[1], 0.8)


# logsumexp and softmax.


@pytest.mark.parametrize(
    "x, value, gradient",
    [
        ([-INF, 0], 0, [0, 1]),
        ([1e3, 1e3], 1e3 + np.log(2), [0.5, 0.5]),
        ([INF, 0], INF, [1, 0]),
        ([INF, INF], INF, [0.5, 0.5]),
        ([-INF, -INF], -INF, [0, 0]),
        ([-1e3, -1e3], np.log(2) - 1e3, [0.5, 0.5]),
    ],
)
def test_logsumexp_at_the_awkward_points(x, value, gradient):
    assert float(ad.logsumexp(x)) == pytest.approx(value)
    assert_array_equal(both_modes(ad.logsumexp, x), gradient)
    assert_array_equal(ad.softmax(x), gradient)
    hessian = np.diag(gradient) - np.outer(gradient, gradient)
    assert_array_equal(ad.hessian(ad.logsumexp)(np.array(x)), hessian)


def test_logsumexp_is_accurate_where_one_element_outweighs_all():
    assert float(ad.logsumexp([0.0, -50.0])) == pytest.approx(np.exp(-50), rel=1e-15)
    assert float(ad.log_softmax([0.0, -50.0])[0]) == pytest.approx(-np.exp(-50), rel=1e-15)


@pytest.mark.parametrize("axis", [0, -1, (0, 2), None])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_softmax_is_scipys(name, axis):
    for scale in (1, 30, 1e3):
        ours, theirs = getattr(ad, name)(scale * X, axis), getattr(scipy.special, name)
        assert_allclose(ours, theirs(scale * X, axis), rtol=1e-13, atol=1e-15)


def test_softmax_of_masked_and_large_numbers():
    x = np.array([[1e3, 1e3, -INF], [-INF, 0.0, -INF], [-INF, -INF, -INF], [NAN, 0.0, 0.0]])
    assert_array_equal(ad.softmax(x), [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 0], [NAN, NAN, NAN]])
    log2 = np.log(2)
    expected = [[-log2, -log2, -INF], [-INF, 0, -INF], [-INF] * 3, [NAN] * 3]
    assert_allclose(ad.log_softmax(x), expected)
    loss = ad.grad(lambda x: -ad.log_softmax(x)[0])
    assert_array_equal(loss(np.array([1e3, -INF, 1e3])), [-0.5, 0, 0.5])


def test_the_softmax_of_integers_is_floating():
    assert ad.softmax([1, 2]).dtype == np.float64
    assert ad.softmax(np.ones(2, np.float32)).dtype == np.float32
    assert ad.logsumexp(np.ones((2, 2), np.float16), 0).dtype == np.float16


# Sorting and searching.


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_sorting_is_numpys(axis):
    for x in (X, np.round(X), np.where(X > 1, NAN, X), np.round(X).astype(np.int8)):
        assert_array_equal(ad.sort(x, axis), np.sort(x, axis))
        assert_array_equal(ad.argsort(x, axis), np.argsort(x, axis, kind="stable"))
        down = ad.sort(x, axis, descending=True)
        assert_array_equal(down, np.flip(np.sort(x, axis), -1 if axis is None else axis))


def test_equal_elements_keep_their_order_in_both_directions():
    x = [2.0, 1.0, 2.0, 1.0]
    assert_array_equal(ad.argsort(x), [1, 3, 0, 2])
    assert_array_equal(ad.argsort(x, descending=True), [0, 2, 1, 3])
    w = np.array([1.0, 2.0, 3.0])
    gradient = ad.grad(lambda x: ad.sum(w * ad.sort(x)))
    assert_array_equal(gradient(np.array([2.0, 1.0, 1.0])), [3, 1, 2])


def test_the_largest_k():
    values, places = ad.top_k([1.0, 3.0, 3.0, 2.0], 2)
    assert_array_equal(values, [3, 3])
    assert_array_equal(places, [1, 2])
    gradient = ad.grad(lambda x: ad.sum(ad.top_k(x, 1)[0]))
    assert_array_equal(gradient(np.array([1.0, 3.0, 3.0])), [0, 1, 0])
    rows, _ = ad.top_k(X, 2, axis=1)
    assert_array_equal(rows, np.flip(np.sort(X, 1), 1)[:, :2])
    with pytest.raises(RangeError, match=r"^top_k: asked for 3 elements of axis 0"):
        ad.top_k([1.0, 2.0], 3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_searching_is_numpys(side):
    edges, x = np.array([0.0, 1.0, 1.0, 2.0]), np.array([[-1.0, 0.0, 1.0], [1.5, 2.0, 3.0]])
    assert_array_equal(ad.searchsorted(edges, x, side=side), np.searchsorted(edges, x, side=side))
    right = side == "left"
    assert_array_equal(ad.digitize(x, edges, right=right), np.digitize(x, edges, right=right))
    with pytest.raises(RangeError, match=r"^searchsorted: side"):
        ad.searchsorted(edges, x, side="middle")
    with pytest.raises(ShapeError, match=r"^searchsorted: the sorted numbers"):
        ad.searchsorted(x, x)
