"""Layers as pairs of functions, and where training starts."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError, ShapeError

pytestmark = pytest.mark.unit


def test_slide_hypothesis_class_two_layers_with_a_relu_between():
    net = ad.nn.two_layer(5, 7, 3)
    params = net.init(4)
    w1, b1, w2, b2 = (params[name].numpy() for name in ("W1", "b1", "W2", "b2"))
    x = np.random.default_rng(0).normal(size=5).astype(np.float32)
    expected = w2.T @ np.maximum(w1.T @ x + b1, 0) + b2
    np.testing.assert_allclose(net.apply(params, x), expected, rtol=1e-5)
    np.testing.assert_allclose(net.apply(params, np.stack([x, x]))[1], expected, rtol=1e-5)


def test_parameters_are_float32_and_decided_by_the_key():
    net = ad.nn.two_layer(5, 7, 3)
    first, again, other = net.init(4), net.init((4, 0)), net.init(5)
    assert {p.dtype.name for p in first.values()} == {"float32"}
    for name in ("W1", "W2"):
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_layers_of_the_same_size_do_not_start_alike():
    params = ad.nn.sequential(ad.nn.linear(4, 4), ad.nn.relu, ad.nn.linear(4, 4)).init(0)
    assert params[1] == ()
    assert not np.array_equal(params[0]["W"], params[2]["W"])


def test_a_sequence_does_what_its_layers_do():
    first, second = ad.nn.linear(3, 4), ad.nn.linear(4, 2, bias=False)
    net = ad.nn.sequential(first, ad.nn.relu, second)
    params = net.init(1)
    x = ad.asarray([[1.0, -2.0, 0.5]])
    expected = second.apply(params[2], ad.nn.relu(first.apply(params[0], x)))
    np.testing.assert_array_equal(net.apply(params, x), expected)
    assert set(params[2]) == {"W"}


def test_initial_weights_have_the_variance_of_their_papers():
    assert np.var(ad.nn.he(1, (400, 300)).numpy()) == pytest.approx(2 / 400, rel=0.02)
    assert np.var(ad.nn.glorot(1, (400, 300)).numpy()) == pytest.approx(2 / 700, rel=0.02)
    assert abs(np.mean(ad.nn.he(1, (400, 300)).numpy())) < 1e-3


def test_gradients_have_the_shapes_and_dtypes_of_the_parameters():
    net = ad.nn.two_layer(5, 7, 3)
    params = net.init(4)
    x = np.ones((2, 5), np.float32)
    slopes = ad.grad(lambda p: ad.sum(ad.nn.softmax_cross_entropy(net.apply(p, x), [0, 1])))(params)
    assert {n: (p.shape, p.dtype) for n, p in params.items()} == {
        n: (g.shape, g.dtype) for n, g in slopes.items()
    }


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: ad.nn.linear(0, 3), RangeError, "linear: inputs must be at least 1, got 0"),
        (lambda: ad.nn.two_layer(2, 2.5, 3), ArgumentError, "two_layer: hidden must be an integer"),
        (lambda: ad.nn.sequential(3), ArgumentError, "sequential: argument 0 is int"),
        (lambda: ad.nn.linear(2, 2).init("a"), ArgumentError, "key: expected an integer or a pair"),
        (lambda: ad.nn.linear(2, 2).init(-1), RangeError, "key: the integers must be from 0"),
        (
            lambda: ad.nn.two_layer(4, 2, 3).apply({}, np.zeros((2, 5))),
            ShapeError,
            r"two_layer: x has shape \(2, 5\), but the layer takes 4 numbers",
        ),
    ],
)
def test_a_mistake_is_named(work, error, message):
    with pytest.raises(error, match=message):
        work()
