"""float16: computed and promoted as NumPy does, with derivatives in float16, on every engine."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([0.5, 1.25, -2.0, 3.0], np.float16)
Y = np.array([1.5, 0.75, 2.0, -1.0], np.float16)

CALLS = {
    "add": lambda n, x, y: x + y,
    "multiply": lambda n, x, y: x * y,
    "divide": lambda n, x, y: x / y,
    "a Python number": lambda n, x, y: x * 2.0 + 1,
    "a number of NumPy's": lambda n, x, y: x * np.float64(2),
    "float32": lambda n, x, y: x * np.ones(4, np.float32),
    "int8": lambda n, x, y: x * np.ones(4, np.int8),
    "int16": lambda n, x, y: x * np.ones(4, np.int16),
    "int64": lambda n, x, y: x * np.ones(4, np.int64),
    "a complex number": lambda n, x, y: x * 1j,
    "sin": lambda n, x, y: n.sin(x),
    "exp": lambda n, x, y: n.exp(x),
    "tanh": lambda n, x, y: n.tanh(x),
    "sqrt": lambda n, x, y: n.sqrt(n.abs(x)),
    "square": lambda n, x, y: x**2,
    "power": lambda n, x, y: n.abs(x) ** y,
    "sum": lambda n, x, y: n.sum(x),
    "sum that overflows": lambda n, x, y: n.sum(x * 3e4),
    "mean": lambda n, x, y: n.mean(x),
    "var": lambda n, x, y: n.var(x),
    "std": lambda n, x, y: n.std(x),
    "prod": lambda n, x, y: n.prod(x),
    "max": lambda n, x, y: n.max(x),
    "cumsum": lambda n, x, y: n.cumsum(x),
    "dot": lambda n, x, y: n.dot(x, y),
    "matmul": lambda n, x, y: n.matmul(x.reshape(2, 2), y.reshape(2, 2)),
    "where": lambda n, x, y: n.where(x > 0, x, y),
    "sort": lambda n, x, y: n.sort(x),
    "median": lambda n, x, y: n.median(x),
    "norm": lambda n, x, y: n.linalg.norm(x),
    "concatenate": lambda n, x, y: n.concatenate([x, y]),
    "logaddexp": lambda n, x, y: n.logaddexp(x, y),
    "clip": lambda n, x, y: n.clip(x, -1, 1),
    "hypot": lambda n, x, y: n.hypot(x, y),
    "outer": lambda n, x, y: n.outer(x, y),
    "einsum": lambda n, x, y: n.einsum("i,i->", x, y),
    "fft": lambda n, x, y: n.fft.fft(x),
    "interp": lambda n, x, y: n.interp(x, [0.0, 1.0], [2.0, 3.0]),
}
each_call = pytest.mark.parametrize("name", CALLS)


@each_call
@pytest.mark.native
def test_dtype_and_value_are_numpys_on_every_engine(name):
    call = CALLS[name]
    with np.errstate(over="ignore"):
        expected = np.asarray(call(np, X, Y))
        found = [
            call(ad, ad.asarray(X), ad.asarray(Y)),
            ad.compile(lambda x, y: call(ad, x, y))(X, Y),
        ]
        for ours in map(np.asarray, found):
            assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
            rtol = 2e-3 if expected.dtype == np.float16 else 1e-6
            np.testing.assert_allclose(ours, expected, rtol=rtol, atol=rtol)


@each_call
@pytest.mark.native
def test_the_gradient_is_of_float16_and_near_that_of_float64(name):
    call = CALLS[name]

    def f(x):
        return ad.sum(ad.real(call(ad, x, ad.asarray(Y, x.dtype))))

    with np.errstate(all="ignore"):
        wide = ad.grad(f)(X.astype(np.float64)).numpy()
        for gradient in (ad.grad(f)(X), ad.compile(ad.grad(f))(X)):
            assert gradient.dtype == np.float16
            np.testing.assert_allclose(gradient.numpy().astype(float), wide, rtol=2e-2, atol=2e-2)


def test_tangents_and_batches_are_of_float16():
    tangent = ad.jvp(lambda x: ad.sin(x) * x, (X,), (np.ones_like(X),))[1]
    assert tangent.dtype == np.float16
    wide = X.astype(float)
    np.testing.assert_allclose(tangent, np.cos(wide) * wide + np.sin(wide), rtol=5e-3, atol=5e-3)
    assert ad.vmap(ad.grad(lambda x: x * x))(X).tolist() == (2 * X).tolist()
    assert ad.hessian(lambda x: ad.sum(x**3))(X).dtype == np.float16
