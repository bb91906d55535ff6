"""Numbers in dicts and sets: known by their values, as NumPy's, or an error."""

import functools

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ConcretizationError, LostDerivativeError

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.2, 2.3])

BY_VALUE = {
    "an index in a set": lambda x: np.sum(x**2) if np.argmax(x) in {2, 5} else np.sum(x**3),
    "an index as a key": lambda x: np.sum(x**2) * {0: 3.0, 2: 1.0}[np.argmax(x)],
    "get": lambda x: np.sum(x**2) * {2: 1.0}.get(np.argmax(x), 7.0),
    "a truth value": lambda x: np.sum(x**2) * {True: 1.0, False: 3.0}[np.all(x > 0)],
    "constants": lambda x: np.sum(x**2) * (len(set(np.array([1.0, 1.0, 2.0]))) - 1),
}
DIFFERENTIATED = {
    "in a set": lambda x: np.sum(x**2) if x[0] in {0.7} else np.sum(x**3),
    "a key": lambda x: np.sum(x) * {0.7: 2.0}.get(x[0], 1.0),
    "how many": lambda x: np.sum(x) * len(set(x)),
    "added": lambda x: sum({v * 1 for v in x}),
}


@functools.cache
def product(pair):
    return pair[0] * pair[1]


def test_whole_numbers_truth_values_and_constants_are_known_by_their_values():
    for name, f in BY_VALUE.items():
        np.testing.assert_allclose(ad.grad(f)(X), 2 * X, err_msg=name)
    with pytest.raises(ConcretizationError):
        ad.compile(BY_VALUE["an index in a set"])(X)


def test_what_is_differentiated_is_not_looked_up():
    for name, f in DIFFERENTIATED.items():
        for g in (ad.grad(f), ad.jacfwd(f), ad.compile(ad.grad(f))):
            with pytest.raises(LostDerivativeError, match="a dict or a set, which finds numbers"):
                g(X)
                pytest.fail(name)


def test_functions_that_remember_and_variables_know_objects():
    f = lambda x: product((x[0], x[1])) * product((x[2], 2))
    expected = 2 * np.array([X[1] * X[2], X[0] * X[2], X[0] * X[1]])
    np.testing.assert_allclose(ad.grad(f)(X), expected)
    np.testing.assert_allclose(ad.grad(f)(np.ones(3)), np.full(3, 2.0))
    x, y = ad.variable(1.0), ad.variable(1.0)
    assert len({x, y}) == 2
