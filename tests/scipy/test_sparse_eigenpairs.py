"""Eigenvalues and singular values of sparse matrices have the derivatives of the dense ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import adjoint as ad
from adjoint.errors import ArgumentError, NotDifferentiableError

pytestmark = pytest.mark.unit
N = 8
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(N, 2))
BANDS = np.concatenate([np.arange(1.0, N + 1), 0.4 * RNG.normal(size=N - 1)])
PATTERN = scipy.sparse.random_array((6, N), density=0.6, rng=1).nonzero()
ENTRIES = RNG.normal(size=len(PATTERN[0]))


def symmetric(x):
    upper = ad.sparse.diags_array([x[:N], x[N:]], offsets=[0, 1]).tocsc()
    return upper + upper.T


def of_pairs(w, v):
    """Whatever the signs of the vectors."""
    return 2 * w[0] + w[1] ** 2 + ad.sum(WEIGHTS * v**2)


def eigsh(x):
    return of_pairs(*ad.sparse.linalg.eigsh(symmetric(x), 2, which="LA"))


def eigh(x):
    w, v = ad.linalg.eigh(symmetric(x).toarray())
    return of_pairs(w[-2:], v[:, -2:])


def of_triplets(u, s, vt):
    return 2 * s[0] + s[1] ** 2 + ad.sum(WEIGHTS[:6] * u**2) + ad.sum(WEIGHTS.T * vt**2)


def svds(x):
    return of_triplets(*ad.sparse.linalg.svds(ad.sparse.coo_array((x, PATTERN), shape=(6, N)), k=2))


def svd(x):
    matrix = ad.sparse.coo_array((x, PATTERN), shape=(6, N)).toarray()
    u, s, vt = ad.linalg.svd(matrix, full_matrices=False)
    return of_triplets(u[:, [1, 0]], s[[1, 0]], vt[[1, 0]])


PAIRS = {"eigsh": (eigsh, eigh, BANDS), "svds": (svds, svd, ENTRIES)}
ORDERS = {"grad": ad.grad, "jacfwd": ad.jacfwd, "hessian": ad.hessian}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", PAIRS)
def test_derivatives_are_those_of_the_dense_decomposition(name, order):
    sparse, dense, x = PAIRS[name]
    found, expected = (np.asarray(ORDERS[order](f)(x)) for f in (sparse, dense))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_values_alone_between_others_and_in_single_precision():
    inner = lambda x: ad.sparse.linalg.eigsh(symmetric(x), 1, sigma=7.0, return_eigenvectors=False)[
        0
    ]
    value, slope = ad.value_and_grad(inner)(BANDS)
    every, vectors = np.linalg.eigh(np.asarray(symmetric(ad.array(BANDS)).toarray()))
    own = int(np.argmin(np.abs(every - 7.0)))
    assert float(value) == pytest.approx(every[own])
    np.testing.assert_allclose(np.asarray(slope)[:N], 2 * vectors[:, own] ** 2, rtol=1e-9)
    single = ad.grad(inner)(BANDS.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(np.asarray(single), np.asarray(slope), rtol=2e-5, atol=1e-6)


def test_a_large_matrix_is_never_made_dense():
    size = 3000

    def lowest(x):
        bands = [2 + x, -np.ones(size - 1), -np.ones(size - 1)]
        A = ad.sparse.diags_array(bands, offsets=[0, 1, -1]).tocsc()
        return ad.sparse.linalg.eigsh(A, 1, sigma=0.0)[0][0]

    slope = np.asarray(ad.grad(lowest)(np.zeros(size)))
    places = np.arange(1, size + 1) * np.pi / (size + 1)
    np.testing.assert_allclose(slope, 2 / (size + 1) * np.sin(places) ** 2, atol=1e-9)


def diagonal(x):
    return ad.sparse.diags_array([x], offsets=[0]).tocsc()


def test_equal_values_and_what_is_not_known_are_refused():
    double = np.array([1.0, 2.0, 2.0, 0.5])
    for f in (
        lambda x: ad.sum(ad.sparse.linalg.eigsh(diagonal(x), 1)[0]),
        lambda x: ad.sum(ad.sparse.linalg.svds(diagonal(x), 1)[1]),
    ):
        with pytest.raises(NotDifferentiableError, match="coincides with another"):
            ad.grad(f)(double)
    one = lambda x: ad.sparse.linalg.eigsh(diagonal(x), 1)[0][0]
    with pytest.raises(ArgumentError, match="not known within compile, vmap"):
        ad.vmap(ad.grad(one))(np.arange(1.0, 9.0).reshape(2, 4))
    complex_one = lambda x: ad.real(one(x * (1 + 0j)))
    with pytest.raises(NotDifferentiableError, match="of a complex matrix"):
        ad.grad(complex_one)(np.arange(1.0, 5.0))


def test_without_derivatives_the_results_are_scipys():
    A = scipy.sparse.diags_array([BANDS[:N]], offsets=[0]).tocsc()
    np.testing.assert_allclose(
        ad.sparse.linalg.eigsh(A, 2)[0], scipy.sparse.linalg.eigsh(A, 2)[0], rtol=1e-12
    )
    values = ad.sparse.linalg.svds(A, 2, return_singular_vectors=False)
    np.testing.assert_allclose(np.sort(values), [N - 1, N], rtol=1e-12)


def test_an_eigenvalue_of_a_matrix_that_is_not_symmetric_by_its_two_vectors():
    """What the refusal of eigs says to do instead."""
    rng = np.random.default_rng(0)
    size = 20
    pattern = scipy.sparse.random_array((size, size), density=0.2, rng=rng)
    pattern = (pattern + scipy.sparse.diags_array(np.arange(1.0, size + 1))).tocoo()
    places, values = (pattern.row, pattern.col), pattern.data

    def largest(values, transposed=False):
        A = scipy.sparse.coo_array((values, places), shape=pattern.shape).tocsc()
        A = A.T if transposed else A
        w, v = scipy.sparse.linalg.eigs(A, 1, which="LR", v0=np.ones(size))
        return w[0].real, v[:, 0].real

    def by_vectors(values):
        A = ad.sparse.coo_array((values, places), shape=pattern.shape).tocsr()
        return (y @ (A @ x)) / (y @ x)

    (w, x), (_, y) = largest(values), largest(values, transposed=True)
    assert float(by_vectors(values)) == pytest.approx(w, rel=1e-12)
    along, h = rng.normal(size=values.size), 1e-6
    expected = (largest(values + h * along)[0] - largest(values - h * along)[0]) / (2 * h)
    found = ad.grad(by_vectors)(ad.array(values))
    assert float(ad.sum(found * along)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(NotDifferentiableError, match="has its first derivatives"):
        ad.grad(
            lambda v: ad.sparse.linalg.eigs(
                ad.sparse.coo_array((v, places), shape=pattern.shape).tocsr(), 1
            )[0][0]
        )(ad.array(values))
