"""Gradients of outputs of one element, whatever axes of size 1 they have."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([1.0, 2.0, 3.0])
SHAPES = [(), (1,), (1, 1), (1, 1, 1)]
each_shape = pytest.mark.parametrize("shape", SHAPES)


def cubes(shape):
    return lambda x: np.reshape(np.sum(x**3), shape)


@each_shape
def test_the_gradient_is_that_of_the_element_and_the_value_keeps_its_shape(shape):
    f = cubes(shape)
    assert ad.grad(f)(X).tolist() == [3.0, 12.0, 27.0]
    value, gradient = ad.value_and_grad(f)(X)
    assert (value.shape, value.tolist()) == (shape, np.full(shape, 36.0).tolist())
    assert gradient.tolist() == [3.0, 12.0, 27.0]
    assert ad.hvp(f, X, np.ones(3)).tolist() == [6.0, 12.0, 18.0]
    assert ad.hessian(f)(X).tolist() == np.reshape(np.diag(6 * X), (*shape, 3, 3)).tolist()


@each_shape
@pytest.mark.native
def test_compiled_mapped_over_and_nested(shape):
    f = cubes(shape)
    compiled = ad.compile(ad.value_and_grad(f))
    for _ in range(2):
        value, gradient = compiled(X)
        assert (value.shape, gradient.tolist()) == (shape, [3.0, 12.0, 27.0])
    pairs = ad.vmap(ad.grad(f))(np.stack([X, 2 * X]))
    assert pairs.tolist() == [[3.0, 12.0, 27.0], [12.0, 48.0, 108.0]]
    x = np.full(shape, 2.0)
    assert ad.grad(ad.grad(lambda x: x**3))(x).tolist() == np.full(shape, 12.0).tolist()


@each_shape
def test_graph_first(shape):
    x = ad.variable(X, name="x")
    y = ad.reshape(ad.sum(x**3), shape)
    assert ad.gradient(y, x).tolist() == [3.0, 12.0, 27.0]
    assert ad.backprop(y, x).tolist() == [3.0, 12.0, 27.0]


def test_newtons_method_and_explain_take_it():
    def loss(w):
        return np.reshape((w - 3.0) @ (w - 3.0), (1,))

    optimizer = ad.optim.newton()
    updates, _ = optimizer.update(None, optimizer.init(X), X, loss=loss)
    np.testing.assert_allclose(ad.optim.apply_updates(X, updates), [3.0, 3.0, 3.0])
    assert "27" in str(ad.explain(cubes((1,)), X))


def test_more_elements_are_refused_and_so_are_none():
    for shape in ((2,), (0,), (1, 2)):
        with pytest.raises(ValueError, match=r"shape \(\), or one element; reduce it"):
            ad.grad(lambda x, shape=shape: x[0] * np.ones(shape))(X)
    with pytest.raises(TypeError, match="real floating number"):
        ad.grad(lambda x: np.reshape(1j * x[0], (1,)))(X)
