"""Functions that ask for shapes, make indices, find, and write: NumPy's results, under `ad` too."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([[0.0, 1.5, -2.0], [3.0, 0.0, 1.0]])
TIES = np.array([[2.0, 1.0, 2.0, np.nan, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]])

RETURNING = {
    "argwhere": lambda n, x: n.argwhere(x),
    "flatnonzero": lambda n, x: n.flatnonzero(x > 0),
    "lexsort": lambda n, x: n.lexsort((n.asarray([1, 2, 0]), n.asarray([1, 0, 1]))),
    "lexsort of rows": lambda n, x: n.lexsort(n.asarray(TIES)),
    "lexsort along an axis": lambda n, x: n.lexsort((n.asarray(TIES), n.asarray(TIES)[::-1]), 0),
    "lexsort of numbers": lambda n, x: n.asarray(n.lexsort((n.asarray(2), n.asarray(1)))),
    "identity": lambda n, x: n.identity(3, dtype="float32"),
    "indices": lambda n, x: n.indices((2, 3)),
    "indices, sparse": lambda n, x: n.indices((2, 3), dtype="float64", sparse=True),
    "indices of nothing": lambda n, x: n.indices((0, 2)),
    "diag_indices": lambda n, x: n.diag_indices(3, 3),
    "diag_indices_from": lambda n, x: n.diag_indices_from(x[:, :2]),
    "tril_indices": lambda n, x: n.tril_indices(3, -1, 4),
    "tril_indices_from": lambda n, x: n.tril_indices_from(x, k=1),
    "triu_indices": lambda n, x: n.triu_indices(3, 1),
    "triu_indices_from": lambda n, x: n.triu_indices_from(x),
    "fromfunction": lambda n, x: n.fromfunction(lambda i, j, k: i * k - j, (2, 3), k=2.0),
    "fromiter": lambda n, x: n.fromiter((i for i in range(5)), "float64", count=3),
    "fromiter of nothing": lambda n, x: n.fromiter([], "int64"),
    "bartlett": lambda n, x: n.bartlett(6),
    "blackman": lambda n, x: n.blackman(6),
    "hamming": lambda n, x: n.hamming(6),
    "hanning": lambda n, x: n.hanning(6),
    "hanning of one": lambda n, x: n.hanning(1),
    "ndim": lambda n, x: n.ndim(x),
    "shape": lambda n, x: n.shape(x),
    "size": lambda n, x: (n.size(x), n.size(x, 0), n.size(x, axis=-1)),
    "isscalar": lambda n, x: (n.isscalar(2.0), n.isscalar(x), n.isscalar("a")),
    "iscomplexobj": lambda n, x: (n.iscomplexobj(x), n.iscomplexobj(x + 0j)),
    "isrealobj": lambda n, x: (n.isrealobj(x), n.isrealobj(1j)),
    "iterable": lambda n, x: (n.iterable(x), n.iterable(3)),
    "copy": lambda n, x: n.copy(x),
    "asanyarray": lambda n, x: n.asanyarray(x, "float32"),
    "ascontiguousarray": lambda n, x: n.ascontiguousarray(x.T),
    "ascontiguousarray of a number": lambda n, x: n.ascontiguousarray(x[0, 1]),
    "asfortranarray of a number": lambda n, x: n.asfortranarray(x[0, 1], "float32"),
    "around": lambda n, x: n.around(x * 1.07, decimals=1),
    "fix": lambda n, x: n.fix(x * 1.07),
    "i0": lambda n, x: n.i0(x),
    "geomspace": lambda n, x: n.geomspace(n.asarray([-1.0, 2.0]), n.asarray([-8.0, 4.0]), 4),
    "geomspace across 0": lambda n, x: n.geomspace(-1.0, 1.0, 4),
}


def same(found, expected):
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            same(ours, theirs)
        return
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("name", RETURNING)
def test_results_are_numpys(name):
    call = RETURNING[name]
    with np.errstate(invalid="ignore"):
        same(call(ad, ad.asarray(X)), call(np, X))


@pytest.mark.parametrize("name", RETURNING)
def test_results_are_numpys_in_a_function_that_is_differentiated(name):
    call = RETURNING[name]
    seen = []

    def f(x):
        found = call(np, x)
        seen.append(ad.stop_gradient(found) if isinstance(found, ad.Tensor) else found)
        return x.sum()

    with np.errstate(invalid="ignore"):
        ad.grad(f)(X)
        same(seen[0], call(np, X))


WRITING = {
    "put": lambda n, x: n.put(x, [0, -1], [7.0, 8.0]),
    "put, wrapped": lambda n, x: n.put(x, [6, 8], 1.0, mode="wrap"),
    "place": lambda n, x: n.place(x, n.asarray(X > 0), [7.0, 8.0]),
    "putmask": lambda n, x: n.putmask(x, n.asarray(X > 0), [7.0, 8.0]),
    "copyto": lambda n, x: n.copyto(x, [1.0, 2.0, 3.0], where=n.asarray(X > 0)),
    "fill_diagonal": lambda n, x: n.fill_diagonal(x, [5.0, 6.0]),
}


@pytest.mark.parametrize("name", WRITING)
def test_writing_changes_the_tensor_and_its_views(name):
    call = WRITING[name]
    expected, found = X.copy(), ad.asarray(X)
    row, kept = found[1], ad.copy(found)
    assert call(np, expected) is call(ad, found) is None
    same(found, expected)
    same(row, expected[1])
    same(kept, X)


@pytest.mark.parametrize("name", WRITING)
def test_what_is_written_has_derivatives(name):
    call = WRITING[name]

    def f(x, n):
        y = n.asarray(x * x)
        call(n, y)
        return n.sum(n.sin(y))

    slope = np.zeros_like(X)
    for place in np.ndindex(X.shape):
        h = np.zeros_like(X)
        h[place] = 1e-6
        slope[place] = (f(X + h, np) - f(X - h, np)) / 2e-6
    np.testing.assert_allclose(ad.grad(lambda x: f(x, ad))(X), slope, rtol=1e-7, atol=1e-7)


def test_fromiter_of_what_is_differentiated():
    def f(x):
        return np.sum(np.fromiter((v**2 for v in x), float, count=2))

    assert ad.grad(f)(np.array([3.0, 4.0, 5.0])).tolist() == [6.0, 8.0, 0.0]
    with pytest.raises(ValueError, match="asked for 2 elements, got 1"):
        ad.grad(f)(np.array([3.0]))


def test_geomspace_compiles():
    def f(a, b):
        return ad.sum(ad.geomspace(a, b, 5))

    value, gradient = ad.compile(ad.value_and_grad(f))(2.0, 32.0)
    assert float(value) == pytest.approx(62.0)
    h = 1e-6
    slope = (np.geomspace(2 + h, 32, 5).sum() - np.geomspace(2 - h, 32, 5).sum()) / (2 * h)
    assert float(gradient) == pytest.approx(slope, rel=1e-8)
    assert np.isnan(float(ad.compile(f)(0.0, 32.0)))  # what cannot be known cannot raise


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: ad.put(X.copy(), [0], 1.0), TypeError, "got ndarray; make it a tensor first"),
        (lambda: ad.lexsort(()), TypeError, "give at least one key"),
        (lambda: ad.lexsort(([1, 2], [1])), ValueError, r"the same shape, got \[\(1,\), \(2,\)\]"),
        (lambda: ad.diag_indices_from(X), ValueError, "all of the same size"),
        (lambda: ad.triu_indices_from(X[0]), ValueError, r"expected a matrix, got shape \(3,\)"),
        (lambda: ad.fromiter([1.0], float, 2), ValueError, "asked for 2 elements"),
        (lambda: ad.fromiter([[1.0]], float), ValueError, "got elements of shape"),
        (lambda: ad.indices((-1,)), ValueError, "must not be negative"),
        (lambda: ad.geomspace(0.0, 1.0), ValueError, "neither start nor stop can be 0"),
        (lambda: ad.size(X, 2), IndexError, "axis 2 is out of bounds"),
    ],
)
def test_errors_say_what_was_expected(call, error, said):
    with pytest.raises(error, match=said):
        call()
