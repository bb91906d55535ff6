"""What careful users write against overflow is smooth where its kinks cancel."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.counting import calls

pytestmark = pytest.mark.unit

L = lambda n, u: n.log1p(n.exp(-n.abs(u)))


CAREFUL = {
    "softplus": (lambda z: ad.maximum(z, 0.0) + L(ad, z), ad.nn.softplus),
    "softplus, the other way": (lambda z: L(ad, -z) + ad.maximum(0.0, z), ad.nn.softplus),
    "softplus, by log": (
        lambda z: ad.maximum(z, 0.0) + ad.log(1 + ad.exp(-ad.abs(z))),
        ad.nn.softplus,
    ),
    "softplus, by softplus": (
        lambda z: ad.where(z > 0, z, 0.0) + ad.special.softplus(-ad.abs(z)),
        ad.nn.softplus,
    ),
    "log sigmoid": (lambda z: ad.minimum(z, 0.0) - L(ad, z), ad.nn.log_sigmoid),
    "minus log sigmoid": (lambda z: L(ad, z) - ad.minimum(z, 0.0), lambda z: -ad.nn.log_sigmoid(z)),
    "cross entropy": (
        lambda z: ad.maximum(z, 0.0) - z * 0.25 + L(ad, z),
        lambda z: ad.nn.softplus(z) - 0.25 * z,
    ),
    "logaddexp": (
        lambda z: ad.maximum(2 * z, z + 1.0) + L(ad, 2 * z - (z + 1.0)),
        lambda z: ad.logaddexp(2 * z, z + 1.0),
    ),
    "log(exp(-a) + exp(-b))": (
        lambda z: L(ad, z - z * z) - ad.minimum(z * z, z),
        lambda z: ad.logaddexp(-z, -z * z),
    ),
}


@pytest.mark.parametrize("name", CAREFUL)
@pytest.mark.parametrize("x", [0.0, 1.0, -3.0, 1000.0])
def test_what_does_not_overflow_is_smooth_where_its_kinks_cancel(name, x):
    f, whole = CAREFUL[name]
    for modes in ((ad.grad,), (ad.jacfwd,), (ad.grad, ad.grad), (ad.jacfwd, ad.grad)):
        g, true = f, whole
        for mode in modes:
            g, true = mode(g), mode(true)
        np.testing.assert_allclose(float(g(x)), float(true(x)), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(float(ad.compile(g)(x)), float(true(x)), rtol=1e-13, atol=1e-15)


def test_weights_of_zero_have_a_gradient():
    """Where training begins: all logits are 0."""
    x, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.0, 0.0])

    def loss(w):
        z = x @ w
        return ad.mean(ad.maximum(z, 0.0) - z * y + ad.log1p(ad.exp(-ad.abs(z))))

    np.testing.assert_allclose(ad.grad(loss)(np.zeros(2)).numpy(), x.T @ (0.5 - y) / 2)


def test_a_kink_that_is_not_cancelled_stays():
    for f in (
        lambda z: ad.maximum(z, 0.0) - L(ad, z),
        lambda z: ad.maximum(z, 0.0) + L(ad, 2 * z),
        lambda z: ad.maximum(z, 1.0) + L(ad, z),
    ):
        z = ad.variable(0.0)
        y = f(z)
        assert y.node.op.smooth_form(y.node, frozenset()) is None


@pytest.mark.parametrize("count", [10, 60])
def test_softmax_of_a_list_of_numbers(count):
    def f(x):
        powers = [ad.exp(v) for v in x]
        total = sum(powers)
        return powers[0] / total + 2 * (powers[3] / total)

    x = np.linspace(-1000, 1000, count)
    x[3] = 1001.0
    near = ad.jvp(ad.grad(f), (x,), (np.ones(count),))[1]
    assert float(f([ad.asarray(v) for v in x])) == pytest.approx(2 / (1 + np.exp(-1.0)), rel=1e-15)
    np.testing.assert_allclose(near.numpy(), 0, atol=1e-13)
    s = 1 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(ad.grad(f)(x).numpy()[[3, -1]], [2 * s * (1 - s), -2 * s * (1 - s)])


@pytest.mark.parametrize("first", [ad.grad, ad.jacfwd, lambda f: ad.compile(ad.grad(f))])
@pytest.mark.parametrize(("dtype", "large"), [("float64", 1e200), ("float32", 1e30)])
def test_the_slope_of_arcsinh_needs_no_square(dtype, large, first):
    x = np.array([large, -large, 0.0], dtype)
    found = np.asarray(first(lambda x: ad.sum(ad.arcsinh(x)))(x))
    np.testing.assert_allclose(found, [1 / large, 1 / large, 1.0], rtol=1e-6)


@pytest.mark.parametrize("step", [
    lambda x, a: x / (1.0 + ad.exp(-x)) + a,
    lambda x, a: (ad.exp(a) * x + 0.1) / (1.0 + ad.exp(a) * x),
])  # fmt: skip
def test_recurrences_of_fractions_cost_little_more_than_others(step):
    """Their steps are looked through one by one, and not each together with those before it."""

    def gradient(step):
        def f(a):
            x = a
            for _ in range(40):
                x = step(x, a)
            return x

        with ad.options(native="never", roll_loops=False):
            return float(ad.grad(f)(0.2))

    def plain(x, a):
        return (ad.sin(a) * x + 0.1) / (1.0 + ad.sin(a) * x)

    assert calls(lambda: gradient(step)) < 4 * calls(lambda: gradient(plain))
