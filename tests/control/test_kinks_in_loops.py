"""A slope that was chosen at a kink inside a loop or a branch never enters a finite result unsaid.

What stands outside of a step is not known inside it. So where the loop written out has a finite
second derivative the loop has the same, or nan and a `KinkWarning`; where the one has nan, so has
the other.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import KinkWarning

WAYS = {
    "checkpoint": ad.checkpoint,
    "cond": lambda f: lambda x: ad.cond(ad.asarray(True), f, lambda x: x, x),
    "scan": lambda f: lambda x: ad.scan(lambda c, _: (f(c), None), x, length=1)[0],
    "xs": lambda f: lambda x: ad.map(f, ad.stack([x, x + 1]))[0],
    "captured": lambda f: lambda x: ad.scan(lambda c, _: (c, f(x)), 0.0, length=1)[1][0],
    "while_loop": lambda f: (
        lambda x: ad.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, f(s[1])), (0, x))[1]
    ),
}
FUNCTIONS = {
    "square outside": (ad.abs, lambda r, x: r * r),
    "product outside": (ad.abs, lambda r, x: r * x),
    "exponential outside": (ad.abs, ad.exp),
    "relu": (ad.nn.relu, lambda r, x: r * r),
    "leaky relu": (ad.nn.leaky_relu, lambda r, x: r * r),
    "maximum": (lambda x: ad.maximum(x, 0.0), lambda r, x: r * ad.exp(r)),
    "norm": (lambda x: ad.linalg.vector_norm(ad.stack([x, 2 * x])), lambda r, x: r * r),
    "inside": (lambda x: ad.exp(ad.abs(x)), lambda r, x: r),
}
NESTINGS = {
    "reverse-reverse": lambda f: ad.grad(ad.grad(f)),
    "forward-reverse": lambda f: ad.jacfwd(ad.grad(f)),
    "reverse-forward": lambda f: ad.grad(ad.jacfwd(f)),
    "forward-forward": lambda f: ad.jacfwd(ad.jacfwd(f)),
}


def found(f, x):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = float(f(x))
    return value, any(w.category is KinkWarning for w in caught)


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_second_derivatives_at_kinks(function, way, nesting):
    inner, outer = FUNCTIONS[function]
    outer = outer if outer is not ad.exp else lambda r, x: ad.exp(r)
    looped = WAYS[way](inner)
    derive = NESTINGS[nesting]
    for point in (0.0, 0.7):
        want, _ = found(derive(lambda x: outer(inner(x), x)), point)
        got, warned = found(derive(lambda x: outer(looped(x), x)), point)
        if point or not np.isnan(got):
            np.testing.assert_allclose(got, want, rtol=1e-9)
        else:
            assert warned


@pytest.mark.parametrize("nesting", NESTINGS)
def test_sums_of_sizes_are_straight(nesting):
    """What adds |x| up is known not to depend on where it arrives."""

    def f(a):
        xs = a * np.array([0.0, 1.0, -2.0])
        total, ys = ad.scan(lambda s, x: (s + ad.abs(x), ad.abs(x)), 0.0, xs)
        return total + ad.sum(ys) + ad.sum(ad.map(ad.abs, xs)) + a * a

    derive = NESTINGS[nesting]
    assert found(derive(f), 1.5) == (2.0, False)
    assert found(ad.compile(derive(f)), 1.5) == (2.0, False)


def test_compiled_second_derivatives_at_kinks():
    f = ad.compile(ad.grad(ad.grad(lambda x: WAYS["scan"](ad.abs)(x) ** 2)))
    assert found(f, 0.5) == (2.0, False)
    value, warned = found(f, 0.0)
    assert np.isnan(value) and warned
