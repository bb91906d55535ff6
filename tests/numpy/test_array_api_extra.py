"""The functions of `array_api_extra`, written for any library of the standard, on tensors.

What only makes indices or names dtypes is called by the others.
"""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ConcretizationError
from tests.numpy.differences import near, slopes

pytestmark = [
    pytest.mark.unit,
    pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning"),  # of the package
]

xpx = pytest.importorskip("array_api_extra")

X = np.array([[1.1, 2.3, 4.2], [0.5, 3.1, -1.4]])
BY_VALUE = {"apply_where", "isclose", "nunique", "setdiff1d", "union1d"}
"""What looks at values to decide what to compute or how much there is."""

CALLS = {
    "angle": lambda n, x: xpx.angle(x + 1j * x**2),
    "apply_where": lambda n, x: xpx.apply_where(x > 0, x, lambda t: t**2, lambda t: -t),
    "argpartition": lambda n, x: n.take_along_axis(x, xpx.argpartition(x, 1)[:, 1:2], axis=1),
    "at.set": lambda n, x: xpx.at(x, (0, 1)).set(x[1, 1] * 2, copy=True),
    "at.add": lambda n, x: xpx.at(x)[0].add(x[1, :], copy=True) ** 2,
    "at.multiply": lambda n, x: xpx.at(x)[:, 1].multiply(3.0, copy=True) ** 2,
    "at.power": lambda n, x: xpx.at(x)[0].power(2, copy=True),
    "at.min": lambda n, x: xpx.at(x)[0].min(2.5, copy=True) ** 2,
    "atleast_nd": lambda n, x: xpx.atleast_nd(x, ndim=4) ** 2,
    "broadcast_shapes": lambda n, x: x * n.ones(xpx.broadcast_shapes((2, 1), (1, 3))),
    "cov": lambda n, x: xpx.cov(x),
    "create_diagonal": lambda n, x: xpx.create_diagonal(x[0, :], offset=1) ** 2,
    "default_dtype": lambda n, x: x**2 * n.ones(3, dtype=xpx.default_dtype(n)),
    "expand_dims": lambda n, x: xpx.expand_dims(x, axis=(0, 3)) ** 2,
    "isclose": lambda n, x: n.astype(xpx.isclose(x, 2.31, atol=0.1), n.float64) * x,
    "isin": lambda n, x: n.astype(xpx.isin(n.asarray([1, 2, 3]), n.asarray([2])), n.float64) * x,
    "kron": lambda n, x: xpx.kron(x, x),
    "nan_to_num": lambda n, x: xpx.nan_to_num(x) ** 2,
    "nunique": lambda n, x: x * n.astype(xpx.nunique(x), n.float64),
    "one_hot": lambda n, x: xpx.one_hot(n.asarray([0, 2]), 3) * x,
    "pad": lambda n, x: xpx.pad(x, 1, constant_values=2.0) ** 2,
    "partition": lambda n, x: xpx.partition(x, 1)[:, 1:2] ** 2,
    "searchsorted": lambda n, x: (
        n.astype(xpx.searchsorted(n.asarray([0.0, 2.0]), x), n.float64) * x
    ),
    "setdiff1d": lambda n, x: xpx.setdiff1d(n.reshape(x, (-1,)), n.asarray([2.0])) ** 2,
    "sinc": lambda n, x: xpx.sinc(x),
    "union1d": lambda n, x: xpx.union1d(n.reshape(x, (-1,)), n.asarray([9.0])) ** 2,
}


@pytest.mark.parametrize("name", CALLS)
def test_value_and_derivatives(name):
    call = CALLS[name]
    expected = np.asarray(call(np, X.copy()))
    found = call(ad, ad.asarray(X))
    assert isinstance(found, ad.Tensor)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    near(found.numpy(), expected, 1e-12)
    weights = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    slope = slopes(lambda x: np.sum(call(np, x.copy()) * weights), X)
    gradient = ad.grad(lambda x: ad.sum(call(ad, x) * weights))
    near(gradient(X).numpy(), slope, 2e-7)
    along = ad.jvp(lambda x: ad.sum(call(ad, x) * weights), (X,), (X,))[1]
    near(along.numpy(), np.sum(slope * X), 2e-6)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.native
def test_compiled(name):
    call = CALLS[name]
    compiled = ad.compile(lambda x: call(ad, x))
    if name in BY_VALUE:
        with pytest.raises(ConcretizationError):
            compiled(X)
        return
    near(compiled(X).numpy(), call(np, X.copy()), 1e-12)


def test_lazy_apply_takes_constants():
    def f(x):
        twice = xpx.lazy_apply(
            lambda t: 2 * t, ad.arange(3.0), shape=(3,), dtype=ad.float64, as_numpy=True
        )
        return ad.sum(x * twice)

    assert ad.grad(f)(X).tolist() == [[0.0, 2.0, 4.0]] * 2
