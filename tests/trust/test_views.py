"""What shares memory in NumPy is written together; where its order decides, writing is an error."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError

pytestmark = pytest.mark.unit

X = np.linspace(0.3, 1.8, 16).reshape(4, 4)
WEIGHTS = np.arange(16.0).reshape(4, 4)
DIRECTION = np.sin(WEIGHTS)

VIEWS = {
    "einsum, a diagonal": lambda a: np.einsum("ii->i", a),
    "einsum, transposed": lambda a: np.einsum("ij->ji", a),
    "einsum, by lists": lambda a: np.einsum(a, [0, 0], [0]),
    "einsum, written elsewhere": lambda a: np.einsum("ij->ji", a, out=np.zeros((4, 4))),
    "einsum, of an array": lambda a: np.einsum("ij->ij", WEIGHTS, out=a),
    "einsum, a sum": lambda a: np.einsum("ij->i", a),
    "einsum, a product": lambda a: np.einsum("ij,jk->ik", a, np.eye(4)),
    "split": lambda a: np.split(a, 2)[1],
    "split, by keyword": lambda a: np.split(ary=a, indices_or_sections=2, axis=1)[0],
    "hsplit": lambda a: np.hsplit(a, 2)[1],
    "array_split": lambda a: np.array_split(a, 3, axis=1)[0],
    "moveaxis": lambda a: np.moveaxis(a, 0, 1)[0],
    "rollaxis": lambda a: np.rollaxis(a, 1)[0],
    "swapaxes": lambda a: np.swapaxes(a, 0, 1)[0],
    "the method swapaxes": lambda a: a.swapaxes(0, 1)[1],
    "matrix_transpose": lambda a: np.matrix_transpose(a)[0],
    "flip": lambda a: np.flip(a)[0],
    "fliplr": lambda a: np.fliplr(a)[0],
    "rot90": lambda a: np.rot90(a)[0],
    "squeeze": lambda a: np.squeeze(a[None]),
    "the method squeeze": lambda a: a[:, None].squeeze(1),
    "expand_dims": lambda a: np.expand_dims(a, 0),
    "atleast_1d": lambda a: np.atleast_1d(a),
    "atleast_3d": lambda a: np.atleast_3d(a),
    "a view of a view": lambda a: np.flip(np.split(a, 2)[0].T, 1)[1:3],
    "array, with axes": lambda a: np.array(a, copy=False, ndmin=3),
    "array": lambda a: np.array(a),
    "the method conj": lambda a: a.conj(),
    "conj": lambda a: np.conj(a),
    "real": lambda a: a.real,
    "nan_to_num": lambda a: np.nan_to_num(a),
    "nan_to_num, in place": lambda a: np.nan_to_num(a, copy=False),
    "unstack": lambda a: np.unstack(a)[1],
    "a sum over no axis": lambda a: np.sum(a, axis=()),
    "concatenate": lambda a: np.concatenate([a]),
    "rows": lambda a: list(a)[1],
}
"""A view, or a copy, whatever the order in memory is."""
BY_LAYOUT = {
    "ravel, as it lies": lambda a: a.T.ravel(),
    "ravel, by columns": lambda a: a.ravel(order="F"),
    "reshape of a transpose": lambda a: a.T.reshape(-1),
    "ascontiguousarray": lambda a: np.ascontiguousarray(a.T),
    "asfortranarray": lambda a: np.asfortranarray(a),
    "meshgrid": lambda a: np.meshgrid(a[0], a[1], copy=False)[0],
    "diff of no order": lambda a: np.diff(a, n=0),
    "the first power": lambda a: np.linalg.matrix_power(a, 1),
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, a)[0],
}


def written(view):
    """A program that writes into a view, then into the array."""

    def f(x):
        a = x * x
        v = view(a)
        v[...] = v * 2 + 1
        total = np.sum(a * WEIGHTS)
        a[0, 1] = 3.0
        a *= 2
        return total + np.sum(a**2) + np.sum(v * 1.0)

    return f


@pytest.mark.parametrize("name", VIEWS)
def test_writing_into_a_view_and_its_array_is_numpys(name):
    f = written(VIEWS[name])
    value, gradient = ad.value_and_grad(f)(X)
    assert float(value) == pytest.approx(f(X.copy()), rel=1e-12)
    slope = (f(X + 1e-6 * DIRECTION) - f(X - 1e-6 * DIRECTION)) / 2e-6
    assert np.sum(gradient.numpy() * DIRECTION) == pytest.approx(slope, rel=1e-6)
    assert float(ad.compile(f)(X)) == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("name", BY_LAYOUT)
def test_writing_is_an_error_where_the_layout_decides(name):
    with pytest.raises(ArgumentError, match="share memory"):
        ad.grad(written(BY_LAYOUT[name]))(X)


def test_writing_is_free_where_nobody_has_the_other():
    def f(x):
        a = np.ascontiguousarray((x * x).T)
        a = a.T.ravel()
        a[0] = 5.0
        return np.sum(a * a)

    value, gradient = ad.value_and_grad(f)(X)
    assert float(value) == pytest.approx(f(X))
    assert gradient[0, 0] == 0.0 and gradient[0, 1] == pytest.approx(4 * X[0, 1] ** 3)


def test_two_that_may_share_memory_with_one_that_is_gone_are_not_written():
    def f(x):
        a = x * x
        one, other = a.ravel(order="F"), np.asfortranarray(a)
        del a
        one[0] = 5.0
        return np.sum(one) + np.sum(other)

    with pytest.raises(ArgumentError, match="share memory"):
        ad.grad(f)(X)


def parts(x):
    z = np.zeros(4, complex)
    z.real = x[0]
    z.imag = x[1]
    z.imag[2:] = 0.5
    z.real += x[2]
    z[1] *= 1j
    kept = z.imag
    z *= x[3, 0]
    return np.sum(np.abs(z) ** 2 * np.arange(4)) + np.sum(kept**3)


def test_parts_of_complex_arrays_are_written():
    value, gradient = ad.value_and_grad(parts)(X)
    assert float(value) == pytest.approx(parts(X), rel=1e-12)
    slope = (parts(X + 1e-6 * DIRECTION) - parts(X - 1e-6 * DIRECTION)) / 2e-6
    assert np.sum(gradient.numpy() * DIRECTION) == pytest.approx(slope, rel=1e-6)
    x = ad.asarray(X)
    x.real = 2.0
    assert (x.numpy() == 2.0).all()
    with pytest.raises(DTypeError, match="imaginary part"):
        x.imag = 1.0
    x.flat = np.arange(16.0)
    np.testing.assert_array_equal(x, WEIGHTS)
