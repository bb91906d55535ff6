"""What is zero by construction meets no infinite derivative, in a branch and beside it."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["traced", "compiled"])


def choose(f):
    """f as a branch, as one of two, and as one of those that each example chooses for itself."""
    return (
        ad.checkpoint(f),
        ad.checkpoint(f, policy="everything_saveable"),
        lambda x: ad.cond(x[1] > 0, f, lambda x: (ad.sqrt(x + 1), x), x),
        lambda x: ad.switch(2, [lambda x: (x, x), lambda x: (x, x), f], x),
    )


def pair(x):
    return ad.sqrt(x), x * x


X = np.array([0.0, 4.0])


@pytest.mark.parametrize("number", range(4))
def test_of_a_result_only_one_element_counts(wrap, number):
    f = choose(pair)[number]
    slope = wrap(ad.grad(lambda x: f(x)[0][1] + f(x)[1][0]))(X)
    np.testing.assert_array_equal(slope, [0.0, 0.25])


@pytest.mark.parametrize("number", range(4))
def test_a_tangent_that_is_zero_but_for_one_element(wrap, number):
    f = choose(pair)[number]
    jacobian = wrap(ad.jacfwd(lambda x: f(x)[0]))(np.array([1.0, 4.0]))
    np.testing.assert_array_equal(jacobian, [[0.5, 0.0], [0.0, 0.25]])
    way = wrap(lambda x: ad.jvp(lambda s: f(ad.stack([x[0], s]))[0], (x[1],), (1.0,))[1])(X)
    np.testing.assert_array_equal(way, [0.0, 0.25])


@pytest.mark.parametrize("number", range(4))
def test_what_comes_out_of_a_branch_is_still_zero_by_construction(wrap, number):
    f = choose(lambda x: (x, x))[number]
    slope = wrap(ad.grad(lambda x: f(ad.sqrt(x))[0][1]))(X)
    np.testing.assert_array_equal(slope, [0.0, 0.25])


def test_a_branch_that_ignores_its_argument(wrap):
    f = ad.grad(lambda x: ad.cond(x > 1, lambda s: s, lambda s: 3.0, ad.sqrt(x)))
    np.testing.assert_array_equal(wrap(f)(4.0), 0.25)
    np.testing.assert_array_equal(wrap(f)(0.0), 0.0)
    np.testing.assert_array_equal(wrap(ad.vmap(f))(X), [0.0, 0.25])
