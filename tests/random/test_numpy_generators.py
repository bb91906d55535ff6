"""NumPy's own random numbers in traced code: refused where a derivative is lost, warned of where
they become constants, and otherwise as ever."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import numpy.random as npr
import pytest
from numpy.random import normal as legacy_normal

import adjoint as ad
from adjoint.errors import ConcretizationError, ConstantDrawWarning, LostDerivativeError

pytestmark = pytest.mark.unit

rng = np.random.default_rng(0)


class Model:
    """An object that holds a generator, as simulations do."""

    def __init__(self):
        self.rng = np.random.default_rng(1)

    def noisy(self, x):
        return x + self.rng.normal()

    def parameter(self, x):
        return self.rng.gamma(x)


def parameter_of_generator(x):
    return rng.normal(x, 1.0)


def parameter_of_module(x):
    return np.random.normal(x, 1.0)


def parameter_of_other_name(x):
    return rng.standard_gamma(x)


def parameter_of_unknown(x):
    return rng.zipf(x)


@pytest.mark.parametrize(
    ("f", "remedy"),
    [
        (parameter_of_generator, "Use adjoint.random.normal, whose first argument is a key"),
        (parameter_of_module, "Use adjoint.random.normal, whose first argument is a key"),
        (parameter_of_other_name, "Use adjoint.random.gamma, whose first argument"),
        (Model().parameter, "Use adjoint.random.gamma, whose first argument"),
        (parameter_of_unknown, "Use a distribution of adjoint.random"),
    ],
)
def test_traced_parameters_raise_with_the_remedy(f, remedy):
    with pytest.raises(LostDerivativeError, match=remedy):
        ad.grad(f)(2.0)
    with pytest.raises(LostDerivativeError, match=remedy):
        ad.jvp(f, (2.0,), (1.0,))
    with pytest.raises(ConcretizationError, match=remedy):
        ad.compile(f)(2.0)
    with pytest.raises(LostDerivativeError, match=remedy):
        ad.vmap(f)(np.array([2.0, 3.0]))


def test_noise_beside_what_is_differentiated_stays_as_it_was():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generator = np.random.default_rng(3)
        expected = np.random.default_rng(3).normal(size=3).sum()
        slope = ad.grad(lambda m: ad.sum(m * generator.normal(size=3)))(2.0)
        np.testing.assert_allclose(slope, expected)


def by_name(x):
    return x + rng.normal()


def by_module(x):
    return x + np.random.normal()


drawn_by_name = rng.normal


def by_method(x):
    return x + drawn_by_name()


def by_imported_module(x):
    return x + npr.normal()


def by_imported_function(x):
    return x + legacy_normal()


def by_helper(x):
    return by_name(x) * 2.0


def by_argument(x, generator):
    return x + generator.normal()


def by_closure():
    generator = np.random.default_rng(2)
    return lambda x: x + generator.normal()


DRAWING = [
    by_name,
    by_module,
    by_helper,
    by_method,
    by_imported_module,
    by_imported_function,
    by_closure(),
    Model().noisy,
    functools.partial(by_argument, generator=rng),
]


@pytest.mark.parametrize("f", DRAWING)
def test_draws_that_become_constants_are_warned_of(f):
    with pytest.warns(ConstantDrawWarning, match=r"compile: .* the same in every call.*key"):
        compiled = ad.compile(f)
        first = compiled(1.0)
    assert float(compiled(1.0)) == float(first)
    with pytest.warns(ConstantDrawWarning, match="compile"):
        ad.compile(ad.grad(f))(1.0)
    with pytest.warns(ConstantDrawWarning, match="the same in every row"):
        ad.vmap(f)(np.arange(3.0))
    with pytest.warns(ConstantDrawWarning, match="scan: .* the same in every step"):
        ad.scan(lambda c, _: (f(c), None), 0.0, None, length=3)
    with pytest.warns(ConstantDrawWarning, match="the same in every step"):
        ad.fori_loop(0, 3, lambda i, c: f(c), 0.0)


def test_the_warning_names_the_line_of_the_user():
    with pytest.warns(ConstantDrawWarning) as caught:
        ad.compile(by_name)(1.0)
    assert caught[0].filename == __file__


def test_what_is_meant_to_be_constant_is_not_warned_of():
    def with_own_seed(x):
        return x + np.random.default_rng(0).normal()

    noise = rng.normal()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ad.compile(with_own_seed)(1.0)
        ad.compile(lambda x: x + noise)(1.0)
        ad.compile(lambda key: ad.random.normal(key))(ad.random.key(0))
        ad.compile(lambda x: x + 0.0 * len(str(rng)))(1.0)
