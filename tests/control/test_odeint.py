"""Ordinary differential equations of which the steps are chosen when the program runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError

pytestmark = pytest.mark.unit

TIMES = np.array([0.0, 0.5, 1.0])
TIGHT = {"rtol": 1e-10, "atol": 1e-12}


def decay(k):
    """k exp(-k ∫ t), to the time k."""
    return ad.odeint(lambda y, t: -k * y * t, k, ad.stack([0.0, 0.5, k]), **TIGHT)[-1]


def exact(k):
    return k * math.exp(-(k**3) / 2)


def slope(k):
    return (1 - 1.5 * k**3) * math.exp(-(k**3) / 2)


def curvature(k):
    return (-6 * k**2 + 2.25 * k**5) * math.exp(-(k**3) / 2)


@pytest.mark.parametrize("prepared", [lambda f: f, ad.compile], ids=["as it is", "compiled"])
def test_derivatives_are_those_of_the_closed_form(prepared):
    value, first, second = (
        prepared(decay),
        prepared(ad.grad(decay)),
        prepared(ad.grad(ad.grad(decay))),
    )
    forward = prepared(lambda k: ad.jvp(decay, (k,), (1.0,))[1])
    for k in (1.2, 0.7):
        assert float(value(k)) == pytest.approx(exact(k), rel=1e-8)
        assert float(first(k)) == pytest.approx(slope(k), rel=1e-8)
        assert float(forward(k)) == pytest.approx(slope(k), rel=1e-8)
        assert float(second(k)) == pytest.approx(curvature(k), rel=1e-7)


def test_examples_of_vmap_choose_their_own_steps():
    k = np.array([1.0, 1.2, 0.1])
    np.testing.assert_allclose(ad.vmap(decay)(k), [exact(x) for x in k], rtol=1e-8)
    np.testing.assert_allclose(ad.vmap(ad.grad(decay))(k), [slope(x) for x in k], rtol=1e-8)


def test_states_are_trees_and_time_may_go_back():
    def flow(y, t, k):
        return {"a": y["b"], "b": -k * y["a"]}

    y0 = {"a": np.ones(2), "b": np.zeros((2,))}
    found = ad.odeint(flow, y0, -TIMES, 2.0, **TIGHT)
    root = math.sqrt(2)
    np.testing.assert_allclose(found["a"][:, 1], np.cos(root * TIMES), rtol=1e-8)
    np.testing.assert_allclose(found["b"][:, 0], root * np.sin(root * TIMES), atol=1e-8)
    by = ad.grad(lambda k: ad.odeint(flow, y0, -TIMES, k, **TIGHT)["a"][-1, 0])(2.0)
    assert float(by) == pytest.approx(-math.sin(root) / (2 * root), rel=1e-8)


def test_it_runs_within_scan_with_little_memory():
    def f(a):
        def step(y, _):
            flow = lambda y, t: ad.tanh(a @ y)
            return ad.odeint(flow, y, TIMES[:2], memory=1 << 10, **TIGHT)[-1], None

        return ad.sum(ad.scan(step, np.ones(3), length=3)[0])

    a = np.array([[0.1, -0.4, 0.3], [0.5, 0.2, -0.1], [-0.3, 0.8, 0.4]])
    found = ad.compile(ad.grad(f))(a).numpy()
    for i, j in ((0, 1), (2, 2)):
        h = np.zeros((3, 3))
        h[i, j] = 1e-5
        assert found[i, j] == pytest.approx(float(f(a + h) - f(a - h)) / 2e-5, rel=1e-7)


def test_the_dtype_is_that_of_the_state():
    found = ad.odeint(lambda y, t: y, np.float32(1.0), TIMES, rtol=1e-5, atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.exp(TIMES), rtol=1e-4)
    assert ad.odeint(lambda y, t: 0.5 * y, 1, TIMES).dtype == np.float64


def test_edges():
    assert ad.odeint(lambda y, t: y, np.zeros(0), TIMES).shape == (3, 0)
    assert ad.odeint(lambda y, t: y, np.ones(2), [1.0]).shape == (1, 2)
    np.testing.assert_allclose(ad.odeint(lambda y, t: y, 2.0, [1.0, 1.0]), [2.0, 2.0])
    flat = ad.odeint(lambda y, t: 0 * y, 0.0, TIMES)
    np.testing.assert_array_equal(flat, np.zeros(3))
    beyond = ad.odeint(lambda y, t: y * y, 1.0, [0.0, 0.5, 2.0, 3.0]).numpy()
    np.testing.assert_allclose(beyond, [1.0, 2.0, math.nan, math.nan], rtol=1e-6)
    few = ad.odeint(lambda y, t: np.cos(20 * t) * y, 1.0, TIMES, mxstep=3).numpy()
    assert np.isnan(few[1:]).all()


def test_errors_say_what_is_wrong():
    with pytest.raises(ShapeError, match=r"returned shape \(2,\) where y0 has shape \(\)"):
        ad.odeint(lambda y, t: ad.stack([y, y]), 1.0, TIMES)
    with pytest.raises(ArgumentError, match=r"tree of structure .*adjoint\.stack"):
        ad.odeint(lambda y, t: [y[0], y[1]], np.ones(2), TIMES)
    with pytest.raises(ShapeError, match="t needs one axis"):
        ad.odeint(lambda y, t: y, 1.0, 3.0)
    with pytest.raises(DTypeError, match="must be real"):
        ad.odeint(lambda y, t: y, 1j, TIMES)
    with pytest.raises(RangeError, match="mxstep must be positive"):
        ad.odeint(lambda y, t: y, 1.0, TIMES, mxstep=0)
