"""NumPy's functions that write into their first argument change a tensor, or raise."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError, ArgumentError, LostDerivativeWarning, ShapeError

pytestmark = pytest.mark.unit

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
SQUARE = np.arange(9.0).reshape(3, 3)
V = np.array([0.5, -1.5, 2.5, 7.0])

CALLS = {
    "put_along_axis": (X, lambda y, v: np.put_along_axis(y, np.array([[2], [0]]), v[:2, None], 1)),
    "put_along_axis, negative": (
        X,
        lambda y, v: np.put_along_axis(y, np.array([[-1, 0, 1]]), v[:3][None], 0),
    ),
    "put_along_axis, flat": (
        X,
        lambda y, v: np.put_along_axis(y, np.array([5, 0, 5]), v[:3], None),
    ),
    "put_along_axis, by keyword": (
        X,
        lambda y, v: np.put_along_axis(arr=y, indices=np.array([[1], [1]]), values=v[1], axis=1),
    ),
    "put": (X, lambda y, v: np.put(y, [0, -1, 2], v[:2])),
    "put, wrapped": (X, lambda y, v: np.put(y, [7, 1], v, mode="wrap")),
    "put, clipped": (X, lambda y, v: np.put(y, [70, -3], v, mode="clip")),
    "place": (X, lambda y, v: np.place(y, X > 2, v[:3])),
    "putmask": (X, lambda y, v: np.putmask(y, X > 2, v)),
    "putmask, one for each": (X, lambda y, v: np.putmask(y, X > 2, y * v[0])),
    "copyto": (X, lambda y, v: np.copyto(y, v[:3])),
    "copyto, where": (X, lambda y, v: np.copyto(y, v[0], where=X > 3)),
    "fill_diagonal": (SQUARE, lambda y, v: np.fill_diagonal(y, v[:3])),
    "fill_diagonal, a number": (X, lambda y, v: np.fill_diagonal(y, v[1])),
    "fill_diagonal, tall": (X.T.copy(), lambda y, v: np.fill_diagonal(y, v[:2])),
    "fill_diagonal, wrapped": (
        np.arange(12.0).reshape(6, 2),
        lambda y, v: np.fill_diagonal(y, v, wrap=True),
    ),
    "fill_diagonal, three axes": (
        np.arange(8.0).reshape(2, 2, 2),
        lambda y, v: np.fill_diagonal(y, v[:2]),
    ),
    "add.at": (X, lambda y, v: np.add.at(y, ([0, 0, 1], [1, 1, 2]), v[:3])),
    "subtract.at": (X, lambda y, v: np.subtract.at(y, [1, 1], v[0])),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_tensor_has_changed(name):
    start, write = CALLS[name]
    expected = start.copy()
    write(expected, V)
    t = ad.asarray(start)
    alias = t.copy()
    assert write(t, ad.asarray(V)) is None
    np.testing.assert_array_equal(t.numpy(), expected)
    np.testing.assert_array_equal(alias.numpy(), start)


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_are_right(name):
    start, write = CALLS[name]
    weights = np.linspace(-1, 2, start.size).reshape(start.shape)

    def f(x, v):
        y = x * 1.0
        write(y, v)
        return np.sum(weights * y * y)

    found = ad.grad(f, (0, 1))(start, V)
    for i, given in enumerate((start, V)):
        for j in range(given.size):
            step = np.zeros(given.size)
            step[j] = 1e-6
            step = step.reshape(given.shape)
            ends = [
                f(*(g + s * step if k == i else g for k, g in enumerate((start, V))))
                for s in (1, -1)
            ]
            slope = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(found[i].numpy().flat[j], slope, atol=1e-6)


@pytest.mark.parametrize("name", CALLS)
def test_writing_a_traced_value_into_an_array_is_right_or_an_error(name):
    start, write = CALLS[name]
    if name == "putmask, one for each":
        return

    def f(v):
        y = start.copy()
        write(y, v)
        return np.sum(y)

    try:
        found = ad.grad(f)(V).numpy()
    except (AdjointError, LostDerivativeWarning):
        return
    slopes = [(f(V + e) - f(V - e)) / 2e-6 for e in np.eye(4) * 1e-6]
    np.testing.assert_allclose(found, slopes, atol=1e-6)


def test_untraced_values_go_into_arrays():
    y = X.copy()
    np.put_along_axis(y, np.array([[2], [0]]), ad.asarray([[9.0], [8.0]]), 1)
    np.copyto(y[0, :2], ad.asarray([7.0, 6.0]))
    assert y.tolist() == [[7, 6, 9], [8, 5, 6]]


def test_what_cannot_be_written_is_an_error():
    t = ad.asarray(X)
    with pytest.raises(ShapeError, match="no values to put"):
        np.put(t, [0], ad.asarray(np.zeros(0)))
    with pytest.raises(ShapeError, match="has no diagonal"):
        np.fill_diagonal(ad.asarray(V), 1.0)
    with pytest.raises(ArgumentError, match="cannot cast"):
        np.copyto(ad.asarray([1, 2]), ad.asarray([0.5, 0.5]))
    with pytest.raises(AdjointError):
        np.spacing.at(t, [0])


POLYNOMIAL = [2.0, -1.0, 0.5, 3.0]


def test_polynomials_are_numpys():
    x = np.array([[0.5, -2.0], [1.5, 0.0]])
    p = np.array(POLYNOMIAL)
    for f in (
        lambda n, p, x: n.polyval(p, x),
        lambda n, p, x: n.polyval(n.polyder(p), x),
        lambda n, p, x: n.polyval(n.polyder(p, 3), x),
        lambda n, p, x: n.polyder(p, 5),
    ):
        np.testing.assert_allclose(f(ad, p, x).numpy(), f(np, p, x), rtol=1e-15)
        np.testing.assert_allclose(f(np, ad.asarray(p), ad.asarray(x)).numpy(), f(np, p, x))
    assert ad.polyval([], x).tolist() == np.polyval([], x).tolist()
    assert ad.polyval([1, 2], 3).dtype == np.int64


def test_polynomials_have_derivatives_by_place_and_by_coefficients():
    p = np.array(POLYNOMIAL)
    by_x = ad.grad(lambda x: np.polyval(p, x))(1.5)
    assert float(by_x) == np.polyval(np.polyder(p), 1.5)
    by_p = ad.grad(lambda p: np.polyval(p, 1.5))(p)
    np.testing.assert_allclose(by_p.numpy(), 1.5 ** np.arange(3, -1, -1))
    poly = np.poly1d(p)
    assert float(ad.grad(lambda x: poly(x))(1.5)) == poly.deriv()(1.5)
    twice = ad.grad(ad.grad(lambda x: np.polynomial.polynomial.polyval(x, p)))(1.5)
    assert float(twice) == pytest.approx(np.polynomial.Polynomial(p).deriv(2)(1.5))


def test_the_coefficients_of_a_polynomial_have_one_axis():
    with pytest.raises(ShapeError, match="vector of coefficients"):
        ad.polyder(X)
    with pytest.raises(ad.errors.RangeError, match="must not be negative"):
        ad.polyder(POLYNOMIAL, -1)
