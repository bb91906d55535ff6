"""Newton's method and AdaHessian."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, LinAlgError, RangeError, ShapeError
from adjoint.optim.second_order import block_mean, rademacher

pytestmark = pytest.mark.unit

RANDOM = np.random.default_rng(11)
ROOT = RANDOM.normal(size=(5, 5))
CURVATURE = ROOT @ ROOT.T + np.eye(5)
GOAL = {"u": RANDOM.normal(size=(2, 2)), "v": RANDOM.normal(size=())}


def quadratic(p):
    """½ (p − goal)ᵀ A (p − goal), with a Hessian that mixes the leaves."""
    flat = ad.concat([ad.reshape(p["u"] - GOAL["u"], (-1,)), ad.reshape(p["v"] - GOAL["v"], (1,))])
    return 0.5 * flat @ CURVATURE @ flat


def lecture(p):
    return 10 * p["x"] ** 2 + p["y"] ** 2


def one_step(optimizer, f, start, gradients="exact"):
    g = ad.grad(f)(start) if gradients == "exact" else gradients
    updates, state = optimizer.update(g, optimizer.init(start), start, loss=f)
    return ad.optim.apply_updates(start, updates), state


@pytest.mark.parametrize("gradients", ["exact", None])
def test_newton_arrives_on_a_quadratic_in_one_step(gradients):
    start = {"u": np.zeros((2, 2)), "v": 5.0}
    arrived, _ = one_step(ad.optim.newton(), quadratic, start, gradients)
    np.testing.assert_allclose(arrived["u"], GOAL["u"], atol=1e-12)
    np.testing.assert_allclose(arrived["v"], GOAL["v"], atol=1e-12)


def test_damping_shortens_the_step_of_newton():
    start = {"u": np.zeros((2, 2)), "v": 5.0}
    g = ad.evaluate(ad.grad(quadratic)(start))
    slope = np.append(g["u"].numpy().ravel(), g["v"].numpy())
    expected = np.append(np.zeros(4), 5.0) - 0.5 * np.linalg.solve(CURVATURE + 3 * np.eye(5), slope)
    arrived, _ = one_step(ad.optim.newton(0.5, damping=3.0), quadratic, start)
    np.testing.assert_allclose(np.append(np.ravel(arrived["u"]), arrived["v"]), expected)


def test_newton_converges_quadratically():
    x, state, errors = 2.0, ad.optim.newton().init(2.0), []
    for _ in range(6):
        updates, state = ad.optim.newton().update(None, state, x, loss=lambda x: ad.exp(x) - 2 * x)
        x = ad.evaluate(ad.optim.apply_updates(x, updates))
        errors.append(abs(float(x) - np.log(2)))
    assert errors[-2] > 1e-12 > errors[-1]


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_newton_solves_with_the_whole_hessian(size):
    a, b = RANDOM.normal(size=(size, size)), RANDOM.normal(size=size)
    a = a + a.T  # where it is not definite the step leads to a saddle, all the same
    a[0, 0] = 0 if size > 1 else a[0, 0]
    found, _ = one_step(ad.optim.newton(), lambda w: 0.5 * w @ (a @ w) - b @ w, np.zeros(size))
    np.testing.assert_allclose(found, np.linalg.solve(a, b), rtol=1e-9)


def test_a_singular_hessian_is_an_error_that_damping_cures():
    def flat(w):
        return (w[0] + w[1]) ** 2

    with pytest.raises(LinAlgError, match="singular"):
        ad.evaluate(one_step(ad.optim.newton(), flat, np.ones(2)))
    found, _ = one_step(ad.optim.newton(damping=1.0), flat, np.ones(2))
    np.testing.assert_allclose(found, [0.2, 0.2], rtol=1e-12)


def test_a_loss_of_newton_that_is_no_number_is_named():
    def cubes(w):
        return w**3

    newton, w = ad.optim.newton(), np.ones(2)
    with pytest.raises(ShapeError, match=r"newton: cubes returned shape \(2,\)"):
        newton.update(w, newton.init(w), w, loss=cubes)


def test_slide_adahessian_arrives_in_one_step_where_gradient_descent_zigzags():
    start = {"x": 1.0, "y": 10.0}
    arrived, _ = one_step(ad.optim.adahessian(1.0, eps=0.0), lecture, start)
    assert [float(arrived["x"]), float(arrived["y"])] == pytest.approx([0, 0], abs=1e-12)
    w, xs = start, []
    for _ in range(10):
        w = ad.evaluate(one_step(ad.optim.sgd(0.095), lecture, w)[0])
        xs.append(float(w["x"]))
    assert all(a * b < 0 for a, b in pairwise(xs))
    assert float(lecture(w)) > 1


def test_hutchinson_is_exact_where_the_hessian_is_diagonal():
    at = {"a": RANDOM.normal(size=(3, 2)), "b": RANDOM.normal(size=4)}
    found = ad.optim.hutchinson_diagonal(
        lambda p: ad.sum(ad.sin(p["a"])) + ad.sum(p["b"] ** 3), at, seed=9
    )
    np.testing.assert_allclose(found["a"], -np.sin(at["a"]), atol=1e-15)
    np.testing.assert_allclose(found["b"], 6 * at["b"], rtol=1e-14)


def test_hutchinson_is_unbiased_where_it_is_not():
    start = {"u": np.zeros((2, 2)), "v": 0.0}
    found = ad.optim.hutchinson_diagonal(quadratic, start, samples=400)
    estimate = np.append(np.ravel(found["u"]), found["v"])
    off = CURVATURE - np.diag(np.diag(CURVATURE))
    deviation = np.sqrt((off**2).sum(1) / 400)
    assert (np.abs(estimate - np.diag(CURVATURE)) < 4 * deviation).all()


def test_signs_are_decided_by_seed_and_count_and_fair():
    like = {"a": np.zeros((50, 100)), "b": np.zeros(5000, "float32")}
    signs = rademacher(like, 1, 2)
    assert signs["b"].dtype == np.float32 and signs["a"].shape == (50, 100)
    for s in (signs["a"].numpy(), signs["b"].numpy()):
        assert set(np.unique(s)) == {-1, 1} and abs(s.mean()) < 0.06
    assert abs(np.mean(signs["a"].numpy().ravel() * signs["b"].numpy())) < 0.06
    np.testing.assert_array_equal(signs["a"], rademacher(like, 1, 2)["a"])
    for other in (rademacher(like, 1, 3), rademacher(like, 2, 2)):
        assert not np.array_equal(signs["a"], other["a"])


def test_spatial_averaging_takes_the_mean_of_each_block():
    x = ad.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    np.testing.assert_allclose(
        np.ravel(block_mean(x, 4)), [2.5, 2.5, 2.5, 2.5, 6.5, 6.5, 6.5, 6.5, 9]
    )
    np.testing.assert_allclose(block_mean(x, 100), np.full((3, 3), 5.0))
    assert block_mean(x, 1) is x


def test_adahessian_is_algorithm_1_of_its_paper():
    """Three steps against the paper's equations, written by hand with the exact Hessian."""
    b1, b2, eps, power, rate, block = 0.8, 0.95, 1e-6, 0.7, 0.3, 2
    optimizer = ad.optim.adahessian(
        rate, b1=b1, b2=b2, eps=eps, hessian_power=power, block=block, seed=4
    )

    def f(w):
        return 0.5 * w @ CURVATURE[:4, :4] @ w + ad.sum(ad.cos(w))

    w, state = RANDOM.normal(size=4), None
    theta, m, v = w.copy(), np.zeros(4), np.zeros(4)
    state = optimizer.init(w)
    for t in range(1, 4):
        updates, state = optimizer.update(ad.grad(f)(w), state, w, loss=f)
        w = ad.evaluate(ad.optim.apply_updates(w, updates))
        z = rademacher(theta, 4, t - 1).numpy()
        g = CURVATURE[:4, :4] @ theta - np.sin(theta)
        hessian = CURVATURE[:4, :4] - np.diag(np.cos(theta))
        d = (z * (hessian @ z)).reshape(2, block).mean(1).repeat(block)  # equations 5 and 10
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * d * d
        m_hat, d_bar = m / (1 - b1**t), np.sqrt(v / (1 - b2**t))
        theta = theta - rate * m_hat / (d_bar**power + eps)
        np.testing.assert_allclose(w, theta, rtol=1e-10)


def test_the_power_zero_is_gradient_descent():
    start = {"u": np.ones((2, 2)), "v": 5.0}
    flat, _ = one_step(ad.optim.adahessian(0.1, hessian_power=0.0, eps=0.0), quadratic, start)
    plain, _ = one_step(ad.optim.sgd(0.1), quadratic, start)
    np.testing.assert_allclose(flat["u"], plain["u"])


def test_gradients_that_are_not_given_are_computed():
    start = {"u": np.ones((2, 2)), "v": 5.0}
    given, _ = one_step(ad.optim.adahessian(), quadratic, start)
    computed, _ = one_step(ad.optim.adahessian(), quadratic, start, gradients=None)
    np.testing.assert_allclose(given["u"], computed["u"], rtol=1e-12)


@pytest.mark.parametrize("name", ["newton", "adahessian"])
def test_second_order_optimisers_without_the_loss_say_what_they_need(name):
    optimizer = getattr(ad.optim, name)()
    w = np.ones(2)
    with pytest.raises(ArgumentError, match=rf"{name}: update needs the loss.*none was .*loss=f\)"):
        optimizer.update(w, optimizer.init(w), w)
    with pytest.raises(ArgumentError, match=rf"{name}: update needs the loss.*got float"):
        optimizer.update(w, optimizer.init(w), w, loss=3.0)


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: ad.optim.newton(damping=-1), RangeError, "newton: damping must be at least 0"),
        (lambda: ad.optim.newton(-1.0), RangeError, "newton: learning_rate must be at least 0"),
        (lambda: ad.optim.adahessian(b2=1.0), RangeError, "adahessian: b2 .* below 1, got 1"),
        (lambda: ad.optim.adahessian(hessian_power=2), RangeError, "hessian_power .* at most 1"),
        (lambda: ad.optim.adahessian(block=0), RangeError, "adahessian: block must be at least 1"),
        (lambda: ad.optim.adahessian(block=1.5), ArgumentError, "block must be an integer"),
        (lambda: ad.optim.adahessian(seed=-1), RangeError, "adahessian: seed must be at least 0"),
    ],
)
def test_a_mistake_is_named(work, error, message):
    with pytest.raises(error, match=message):
        work()
