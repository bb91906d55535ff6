"""Permutations and choices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats as st

import adjoint as ad
from adjoint.errors import ArgumentError, NotDifferentiableError, RangeError, ShapeError

pytestmark = pytest.mark.unit

KEY = ad.random.key(3)


def test_all_orders_are_equally_likely():
    keys = ad.random.split(KEY, 3000)
    found = np.asarray(ad.vmap(lambda key: ad.random.permutation(key, 4))(keys))
    orders = list(itertools.permutations(range(4)))
    counts = [np.count_nonzero((found == np.array(o)).all(1)) for o in orders]
    assert sum(counts) == 3000
    assert st.chisquare(counts).pvalue > 1e-3


def test_parts_move_together_or_each_on_its_own():
    x = np.arange(12.0).reshape(3, 4)
    rows = np.asarray(ad.random.permutation(KEY, x))
    assert sorted(map(tuple, rows)) == sorted(map(tuple, x))
    columns = np.asarray(ad.random.permutation(KEY, x, axis=1))
    np.testing.assert_array_equal(np.sort(columns[0]), x[0])
    np.testing.assert_array_equal(columns - columns[0], x - x[0])
    own = np.asarray(
        ad.random.permutation(ad.random.key(1), np.tile(np.arange(40), (6, 1)), 1, independent=True)
    )
    np.testing.assert_array_equal(np.sort(own, 1), np.tile(np.arange(40), (6, 1)))
    assert len({tuple(row) for row in own}) == 6


@pytest.mark.native
def test_derivatives_and_compilation_of_permutations():
    x, w = np.arange(5.0), np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    order = np.asarray(ad.random.permutation(KEY, 5))
    loss = lambda x: ad.sum(w * ad.random.permutation(KEY, x) ** 2)
    expected = np.zeros(5)
    expected[order] = w * 2 * x[order]
    for slope in (ad.grad(loss), ad.compile(ad.grad(loss))):
        np.testing.assert_allclose(slope(x), expected)


@pytest.mark.native
def test_choices_have_their_probabilities():
    p = np.array([0.1, 0.0, 0.6, 0.3])
    draw = lambda key: ad.random.choice(key, 4, shape=20_000, p=p)
    x = np.asarray(draw(KEY))
    counts = np.bincount(x, minlength=4)
    assert counts[1] == 0
    assert st.chisquare(counts[[0, 2, 3]], p[[0, 2, 3]] * 20_000).pvalue > 1e-3
    np.testing.assert_array_equal(ad.compile(draw)(KEY), x)
    plain = np.asarray(ad.random.choice(KEY, 4, shape=20_000))
    assert st.chisquare(np.bincount(plain)).pvalue > 1e-3


def test_choices_without_replacement_are_distinct_and_weighted():
    keys = ad.random.split(KEY, 4000)
    p = np.array([0.2, 0.5, 0.3])
    pairs = np.asarray(
        ad.vmap(lambda key: ad.random.choice(key, 3, shape=2, replace=False, p=p))(keys)
    )
    assert np.all(pairs[:, 0] != pairs[:, 1])
    likely = {(i, j): p[i] * p[j] / (1 - p[i]) for i in range(3) for j in range(3) if i != j}
    counts = [np.count_nonzero((pairs == pair).all(1)) for pair in likely]
    assert st.chisquare(counts, np.array(list(likely.values())) * 4000).pvalue > 1e-3
    whole = np.asarray(ad.random.choice(KEY, 6, shape=(2, 3), replace=False))
    assert sorted(whole.ravel()) == list(range(6))


def test_choices_along_an_axis():
    x = np.arange(12.0).reshape(3, 4)
    assert ad.random.choice(KEY, x, shape=(5, 2)).shape == (5, 2, 4)
    assert ad.random.choice(KEY, x, shape=5, axis=1).shape == (3, 5)
    assert ad.random.choice(KEY, x).shape == (4,)
    assert ad.random.choice(KEY, 3, shape=(0, 2)).shape == (0, 2)
    assert ad.random.permutation(KEY, 0).shape == (0,)
    slope = ad.grad(lambda x: ad.sum(ad.random.choice(KEY, x, shape=7)))(x)
    assert float(ad.sum(slope)) == 28.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.random.permutation(KEY, -1), RangeError, "must not be negative"),
        (lambda: ad.random.permutation(KEY, 2.5), ShapeError, "expected an integer or an array"),
        (lambda: ad.random.choice(KEY, 3, shape=4, replace=False), RangeError, "4 parts of 3"),
        (lambda: ad.random.choice(KEY, 0, shape=1), ArgumentError, "nothing to choose from"),
        (lambda: ad.random.choice(KEY, 2.5), ShapeError, "a plain integer or an array"),
        (lambda: ad.random.choice(KEY, 3, p=[0.5, 0.5]), ShapeError, r"p must have shape \(3,\)"),
        (
            lambda: ad.random.choice(KEY, 2, p=[0.5, 0.4]),
            RangeError,
            "p must be probabilities of sum 1",
        ),
        (lambda: ad.random.choice(KEY, 2, p=[1.5, -0.5]), RangeError, "p must be 0 or positive"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_probabilities_have_no_derivative():
    x = np.arange(3.0)
    with pytest.raises(NotDifferentiableError, match=r"random\.choice.*'p'"):
        ad.grad(lambda p: ad.sum(ad.random.choice(KEY, x, shape=2, p=p)))(np.ones(3) / 3)
    with pytest.raises(NotDifferentiableError, match=r"random\.choice.*'p'"):
        ad.grad(lambda p: ad.sum(ad.random.choice(KEY, x, shape=2, p=p, replace=False)))(
            np.ones(3) / 3
        )
