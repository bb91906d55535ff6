"""What is zero by construction meets no infinite derivative, through loops, packs and rules."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

CHOSEN = np.array([True, False])
X = np.array([2.0, 0.0])


def repeated(body):
    """A body applied three times to a state, beside which the rounds are counted."""

    def f(x):
        return ad.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, body(s[1], x)), (0, x))[1]

    return f


def by_rule(x):
    """A sine whose adjoint rule is stated."""
    f = ad.custom_vjp(lambda x: ad.sin(x))
    f.defvjp(lambda x: (ad.sin(x), x), lambda x, g: (g * ad.cos(x),))
    return f(x)


def solved(x):
    """Each example solves sinh(y) = x."""
    return ad.vmap(lambda x: ad.root(lambda y: ad.sinh(y) - x, np.zeros(())))(x)


CASES = {
    "doubled": (repeated(lambda s, x: 2 * s), lambda x: 8 * x),
    "of a constant": (repeated(lambda s, x: s + x), lambda x: 4 * x),
    "infinite slopes": (repeated(lambda s, x: ad.exp(s) * x), None),
    "no rounds": (lambda x: ad.while_loop(lambda s: s[0] < 0, lambda s: s, (0.0, x))[1], None),
    "a rule": (by_rule, ad.sin),
    "a root": (solved, ad.arcsinh),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["traced", "compiled"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::adjoint.errors.ConvergenceWarning")
def test_what_was_not_chosen_has_no_influence(wrap, name):
    f, plain = CASES[name]

    def g(x):
        return ad.sum(ad.where(CHOSEN, f(ad.log(x)), 0.0))

    first = ad.grad(g)
    second = ad.grad(lambda x: ad.sum(first(x)))
    along = lambda x: ad.jvp(first, (x,), (np.ones(2),))[1]
    for derivative in (first, second, along):
        found = np.asarray(wrap(derivative)(X))
        good = np.asarray(wrap(derivative)(np.array([2.0, 1.5])))
        assert np.isfinite(good).all()
        np.testing.assert_allclose(found, [good[0], 0.0], rtol=1e-12)
    if plain is not None:
        slope = ad.grad(lambda x: plain(ad.log(x)))(2.0)
        np.testing.assert_allclose(np.asarray(wrap(first)(X))[0], slope, rtol=1e-9)


def test_a_rule_of_which_one_result_counts():
    f = ad.custom_vjp(lambda x: (x * x, ad.sqrt(x)))
    f.defvjp(
        lambda x: ((x * x, ad.sqrt(x)), x),
        lambda x, g: (2 * x * g[0] + g[1] / (2 * ad.sqrt(x)),),
    )
    np.testing.assert_array_equal(ad.grad(lambda x: f(x)[0])(0.0), 0.0)


def test_an_adjoint_that_only_an_empty_tensor_sends_is_none():
    f = ad.grad(lambda x: ad.sum(ad.sqrt(x)[:0]))
    np.testing.assert_array_equal(f(np.zeros(2)), [0.0, 0.0])
