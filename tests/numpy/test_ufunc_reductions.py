"""Reductions by NumPy's ufuncs with `where`, `initial` and several axes, beside NumPy."""

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = [pytest.mark.unit, pytest.mark.native]

rng = np.random.default_rng(1)
X, MASK = rng.random((2, 3, 4)) + 0.3, rng.random((2, 3, 4)) > 0.5
MASK[0, 0] = False
MASKS = (MASK, MASK[:1], MASK[0, 0], MASK[:, :, :1], True, False)
ORDERED = ("subtract", "divide")
ANY_ORDER = ("hypot", "fmax", "fmin", "logaddexp2", "add", "multiply", "maximum")


def reduction(name, **given):
    """A function of an array: its reduction by a ufunc."""
    return lambda x: getattr(np, name).reduce(x, **given)


def cases():
    for name in (*ORDERED, *ANY_ORDER):
        for axis in (0, -1, *(((0, 2), None) if name in ANY_ORDER else ())):
            for keepdims in (False, True):
                for mask in MASKS:
                    given = {"axis": axis, "keepdims": keepdims, "where": mask, "initial": 0.7}
                    yield name, given


def test_elements_that_do_not_count_are_left_out_and_the_first_value_counts_once():
    for name, given in cases():
        f = reduction(name, **given)
        found = np.asarray(ad.vjp(f, X)[0])
        expected = f(X)
        assert found.shape == np.shape(expected), (name, given)
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=f"{name} {given}")


def test_nothing_is_the_first_value():
    nothing, mask = np.zeros((0, 3)), np.zeros((0, 3), bool)
    for name in (*ORDERED, *ANY_ORDER):
        f = reduction(name, axis=0, where=mask, initial=0.3)
        np.testing.assert_allclose(ad.vjp(f, nothing)[0], f(nothing))


def test_one_number_is_reduced_beside_zero():
    x, n = np.array([[-3.0], [2.0]]), np.array([[-4], [3]])
    for axis in (1, ()):
        found = ad.compile(lambda x, a=axis: np.hypot.reduce(x, axis=a))(x)
        np.testing.assert_array_equal(found, np.hypot.reduce(x, axis=axis))
        found = np.gcd.reduce(ad.asarray(n), axis=axis)
        np.testing.assert_array_equal(found, np.gcd.reduce(n, axis=axis))
    np.testing.assert_array_equal(ad.grad(lambda x: np.hypot.reduce(x))(np.array([-3.0])), [-1.0])


def test_their_derivatives():
    def f(x):
        differences = np.subtract.reduce(x, axis=1, where=MASK, initial=x[0, 0, 0])
        return np.sum(differences**2) + np.hypot.reduce(x, axis=None, where=MASK[:1], initial=0.7)

    expected = np.zeros_like(X)
    for place in np.ndindex(X.shape):
        e = np.zeros_like(X)
        e[place] = 1e-6
        expected[place] = (f(X + e) - f(X - e)) / 2e-6
    for gradient in (ad.grad(f), ad.compile(ad.grad(f)), ad.jacfwd(f)):
        np.testing.assert_allclose(gradient(X), expected, atol=1e-8)


def test_a_mask_needs_a_first_value_where_there_is_no_neutral_one():
    with pytest.raises(ArgumentError, match=r"subtract\.reduce: with where, initial is needed"):
        ad.grad(lambda x: np.sum(np.subtract.reduce(x, where=MASK)))(X)


def test_compiled_quantiles_are_those_of_numpy_where_n_times_q_is_whole():
    """As an fma, n q - 1 is not 0 for 10 elements and 0.1."""
    x, parts = np.arange(10.0) * 1.1, np.arange(0, 101) / 100
    for method in ("inverted_cdf", "averaged_inverted_cdf", "closest_observation"):
        expected = np.quantile(x, parts, method=method)
        of_parts = ad.compile(lambda q, m=method: np.quantile(x, q, method=m))
        of_both = ad.compile(lambda x, q, m=method: np.nanquantile(x, q, method=m))
        np.testing.assert_array_equal(of_parts(parts), expected)
        np.testing.assert_array_equal(of_both(x, parts), expected)
