"""What NumPy writes into an array that is given is written into a tensor, derivatives included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.array.manipulation import writing
from adjoint.array.methods.ufunc_methods import applied_at
from adjoint.errors import ArgumentError, LostDerivativeError, OutOfBoundsError, ShapeError

pytestmark = pytest.mark.unit

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
V = np.array([0.5, -1.5])
MASK = np.array([[True, False, True], [False, True, True]])

WRITTEN: dict[str, Callable[[Any, Any], None]] = {
    "put": lambda x, v: np.put(x, [1, -1], v),
    "put, in turn": lambda x, v: np.put(x, [[0, 2], [4, 5]], v),
    "put, twice at a place": lambda x, v: np.put(x, [1, 1], v),
    "put, wrapped": lambda x, v: np.put(x, [7, -9], v, mode="wrap"),
    "put, clipped": lambda x, v: np.put(x, [70, -90], v, mode="clip"),
    "put, by name": lambda x, v: np.put(a=x, ind=[0], v=v),
    "putmask": lambda x, v: np.putmask(x, MASK, v[0]),
    "putmask, whole": lambda x, v: np.putmask(x, x > 2.5, x * v[0]),
    "putmask, repeated": lambda x, v: np.putmask(x, MASK, v),
    "place": lambda x, v: np.place(x, MASK, v),
    "copyto": lambda x, v: np.copyto(x, v[:, None]),
    "copyto, where": lambda x, v: np.copyto(x, v[0], where=MASK),
    "fill_diagonal": lambda x, v: np.fill_diagonal(x, v[1]),
    "fill_diagonal, values": lambda x, v: np.fill_diagonal(x, v),
    "put_along_axis": lambda x, v: np.put_along_axis(x, np.array([[0], [2]]), v[:, None], axis=1),
    "put_along_axis, flat": lambda x, v: np.put_along_axis(x, np.array([0, 5]), v, None),
    "put, into a row": lambda x, v: np.put(x[1], [0, 2], v),
    "fill_diagonal, tall": lambda x, v: np.fill_diagonal(x.T, v[0]),
    "add.at": lambda x, v: np.add.at(x, ([0, 0, 1], [1, 1, 2]), v[0]),
    "add.at, rows": lambda x, v: np.add.at(x, [1, 1], v[:, None]),
    "subtract.at": lambda x, v: np.subtract.at(x, (0, [0, 0]), v),
    "multiply.at": lambda x, v: np.multiply.at(x, ([0, 0], [1, 1]), v),
    "divide.at": lambda x, v: np.divide.at(x, (slice(None), 1), v),
    "maximum.at": lambda x, v: np.maximum.at(x, ([0, 0], [0, 0]), v + 1),
    "power.at": lambda x, v: np.power.at(x, (np.array([0, 1]), np.array([1, 1])), v),
    "negative.at": lambda x, v: np.negative.at(x, ([0, 0, 1], [0, 0, 0])),
    "exp.at": lambda x, v: np.exp.at(x, (0, MASK[0])),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_tensor_holds_what_numpy_writes(name):
    write = WRITTEN[name]
    expected = X.copy()
    write(expected, V)
    x = ad.asarray(X)
    before = x * 1
    assert write(x, ad.asarray(V)) is None
    np.testing.assert_allclose(x, expected, rtol=1e-14)
    assert before.tolist() == X.tolist()


@pytest.mark.parametrize("name", WRITTEN)
def test_derivatives_with_respect_to_written_and_kept_elements(name):
    write = WRITTEN[name]
    w = np.array([[0.3, -1.2, 0.7], [2.0, 0.4, -0.9]])

    def ours(x, v):
        y = x * 1.0
        write(y, v)
        return ad.sum(y * w)

    def theirs(x, v):
        y = x * 1.0
        write(y, v)
        return np.sum(y * w)

    for by, found in enumerate(ad.grad(ours, (0, 1))(X, V)):
        expected = np.zeros_like((X, V)[by])
        for i in np.ndindex(expected.shape):
            h = np.zeros_like(expected)
            h[i] = 1e-6
            after, before = ([X, V], [X, V])
            after[by], before[by] = after[by] + h, before[by] - h
            expected[i] = (theirs(*after) - theirs(*before)) / 2e-6
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    tangent = ad.jvp(ours, (X, V), (np.ones_like(X), np.ones_like(V)))[1]
    gradients = ad.grad(ours, (0, 1))(X, V)
    assert float(tangent) == pytest.approx(sum(float(ad.sum(g)) for g in gradients))


@pytest.mark.native
def test_compiled_functions_write_as_well():
    def f(x, v):
        y = x * 1.0
        np.put(y, [0, 5], v)
        np.add.at(y, [0, 0], v[0])
        np.fill_diagonal(y, v[1])
        return ad.sum(y**2)

    compiled = ad.compile(ad.grad(f, (0, 1)))
    for _ in range(2):
        for a, b in zip(compiled(X, V), ad.grad(f, (0, 1))(X, V), strict=True):
            np.testing.assert_allclose(a, b)


def test_arrays_take_values_but_nothing_that_is_differentiated():
    a = np.zeros(3)
    np.put(a, [1], ad.asarray(2.0))
    np.add.at(a, [0], ad.asarray([1.0]))
    assert a.tolist() == [1, 2, 0]

    def f(x):
        np.put(a, [1], x)
        return a.sum()

    with pytest.raises(LostDerivativeError, match=r"numpy\.put"):
        ad.grad(f)(1.0)


def test_pure_functions_do_not_modify_their_argument():
    x = ad.asarray([1.0, 2.0])
    assert writing.put(x, 0, 5.0).tolist() == [5, 2]
    assert writing.fill(x, 3).tolist() == [3, 3]
    assert applied_at("multiply", x, [0, 0], 3.0).tolist() == [9, 2]
    assert x.tolist() == [1, 2]


def test_errors_say_what_to_do():
    x = ad.asarray(X)
    for call, error, said in (
        (lambda: np.put(x, [6], 1.0), OutOfBoundsError, "index 6 is out of bounds"),
        (lambda: np.put(x, [0], 1.0, mode="no"), ValueError, "mode must be"),
        (lambda: np.place(x, MASK[0], 1.0), ShapeError, "mask has shape"),
        (lambda: np.fill_diagonal(x[0], 1.0), ShapeError, "has no diagonal"),
        (lambda: np.copyto(x, 1j), ArgumentError, "cannot cast"),
        (lambda: np.add.reduceat(x, [3], axis=0), OutOfBoundsError, "from 0 to 1"),
    ):
        with pytest.raises(error, match=said):
            call()


def test_writing_where_numpy_may_share_memory_is_refused():
    """In NumPy it depends on the layout whether these are views."""
    for make in (
        lambda x: np.reshape(x, (3, 2), order="F"),
        lambda x: np.reshape(x, (3, 2), "F"),
        lambda x: np.ravel(x, "F"),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1),
        lambda x: np.linalg.diagonal(x),
    ):
        x = ad.asarray(X)
        made = make(x)
        with pytest.raises(ArgumentError, match=r"share memory|shares memory"):
            x[0, 0] = 7.0
        del made
        x[0, 0] = 7.0
        assert x.tolist()[0][0] == 7
