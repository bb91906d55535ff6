"""scipy.sparse in a differentiated function, as users write it: nothing of adjoint's is named."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.sparse import csr_matrix, issparse
from scipy.sparse.linalg import factorized, splu, spsolve

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    DTypeError,
    LinAlgError,
    LostDerivativeError,
    NotDifferentiableError,
    ShapeError,
)
from adjoint.ops.linalg.sparse_solve import factors_of
from tests.scipy.scipy_cases import slope

pytestmark = pytest.mark.unit

rng = np.random.default_rng(5)
X = rng.normal(size=6)
S = (sp.random(6, 6, 0.4, format="csr", rng=rng) + 2 * sp.eye(6)).tocsr()
ARRAY, COO = sp.csr_array(S), S.tocoo()
FACTOR, SOLVE = splu(S.tocsc()), factorized(S.tocsc())


class Problem:
    """Matrices in attributes, and in a dictionary."""

    def __init__(self):
        self.stiffness = S.tocoo()
        self.factor = splu(S.tocsc())
        self.parts = {"mass": ARRAY}

    def energy(self, u):
        v = self.factor.solve(self.stiffness.dot(u) + self.parts["mass"] @ u)
        return v @ v


PROBLEM = Problem()


def products(x):
    parts = [
        *(S @ x, S * x, S.dot(x), S.T @ x, x @ S, x * S.tocsr(), COO.dot(x)),
        *(ARRAY @ x, (ARRAY * x) @ X, (x * ARRAY).sum(axis=0), (ARRAY / (2 + x * x)) @ X),
        *(S.multiply(x).tocsr() @ X, S.T.multiply(x[:, None]) @ X, COO.multiply(x) @ X),
        *((S * x[0]) @ X, (x[1] * ARRAY) @ X, (S / x[2]) @ X, S.power(2) @ x),
    ]
    return sum((p**2).sum() for p in parts) + ((S @ np.outer(x, x)) ** 2).sum()


def constants(x):
    n = len(x)
    laplace = sp.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n), format="csr")
    whole = sp.kronsum(laplace, sp.eye(2)).tocsr()
    y = (laplace - 3 * sp.identity(n)) @ x
    return (y * splu(laplace.tocsc()).solve(y)).sum() + (whole @ np.concatenate([x, y])).sum()


def decompositions(x):
    return (
        FACTOR.solve(x) @ SOLVE(x**2) + PROBLEM.energy(x) + FACTOR.solve(np.outer(x, x), "T").sum()
    )


def traced_values(x):
    n = len(x)
    A = csr_matrix((np.abs(x) + 1, (np.arange(n), np.arange(n)[::-1])), shape=(n, n))
    assert issparse(A) and sp.issparse(S) and not issparse(x)
    assert isinstance(A, sp.csr_matrix) and isinstance(A, sp.spmatrix)
    assert not isinstance(A, (sp.csc_matrix, sp.sparray))
    K = S + A.T @ A
    degrees = np.asarray(K.sum(axis=1)).ravel()
    walk = sp.diags(1 / degrees) @ K
    big = sp.bmat([[K, None], [S, sp.eye(n) * x[0]]], format="csr")
    u = spsolve(K.tocsc(), x)
    w, info = spl.gmres(K, u, rtol=1e-13, M=sp.diags(1 / K.diagonal()))
    if info != 0:
        raise RuntimeError
    return (walk @ u).sum() + ((big @ np.concatenate([u, w])) ** 2).sum() + K[:3, 1:].sum()


def assembled(x):
    """A matrix that is filled one block after the other."""
    K = sp.lil_matrix((7, 7))
    f = np.zeros(7)
    for e in range(6):
        at = [e, e + 1]
        K[np.ix_(at, at)] += (1 + x[e] ** 2) * np.array([[1.0, -1.0], [-1.0, 1.0]])
        f[at] += 0.5 * x[e]
    K[0, :] = 0.0
    K[0, 0] = 1.0
    f[0] = 0.0
    return (spsolve(K.tocsr(), f) ** 2).sum()


def data_of_a_copy(x):
    """One structure, filled with other values."""
    K = ARRAY.copy()
    K.data = K.data * (1 + x[0] ** 2) + np.resize(x, K.nnz)
    other = sp.csr_matrix(S)
    other.data = np.exp(np.resize(x, other.nnz))
    u = spsolve(K.tocsc() + 5 * sp.eye_array(6, format="csc"), x)
    return u @ (ARRAY @ K @ u) + K[0, 0] ** 2 + (other * u).sum() + (u @ K).sum() + K.diagonal() @ u


PROGRAMS = [products, constants, decompositions, traced_values, assembled, data_of_a_copy]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_programs_are_differentiated_as_they_stand(f):
    value, found = ad.value_and_grad(f)(X)
    np.testing.assert_allclose(float(value), f(X), rtol=1e-9)
    direction = rng.normal(size=6)
    expected = slope(lambda t: f(X + t * direction), 2.0**-8)
    np.testing.assert_allclose(found.numpy() @ direction, expected, rtol=1e-7)
    _, forward = ad.jvp(f, (X,), (direction,))
    np.testing.assert_allclose(float(forward), expected, rtol=1e-7)
    second = slope(lambda t: ad.grad(f)(X + t * direction).numpy() @ direction, 2.0**-8)
    _, product = ad.jvp(ad.grad(f), (X,), (direction,))
    np.testing.assert_allclose(product.numpy() @ direction, second, rtol=1e-6)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_compiled_programs_and_batches_agree(f):
    compiled = ad.compile(ad.value_and_grad(f))
    for x in (X, X[::-1].copy()):
        expected = ad.value_and_grad(f)(x)
        for a, b in zip(compiled(x), expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-9)
    rows = np.stack([X, X + 0.3, -X])
    np.testing.assert_allclose(ad.vmap(f)(rows).numpy(), [f(x) for x in rows], rtol=1e-8)


def test_nothing_of_the_users_is_changed():
    ad.grad(products)(X)
    assert type(S) is sp.csr_matrix and type(PROBLEM.stiffness) is sp.coo_matrix
    assert type(PROBLEM.factor) is type(FACTOR)

    def copies(x):
        kept.append(pickle.loads(pickle.dumps(S)))
        return (S @ x).sum()

    kept = []
    ad.grad(copies)(X)
    assert type(kept[0]) is sp.csr_matrix and (kept[0] != S).nnz == 0


def test_outside_of_transforms_scipy_returns_what_it_did():
    assert type(S @ X) is np.ndarray and type(S * 2.0) is sp.csr_matrix
    assert isinstance(S @ ad.asarray(X), ad.Tensor)
    np.testing.assert_allclose((S @ ad.asarray(X)).numpy(), S @ X)
    assert type(S * ad.asarray(2.0)) is sp.csr_matrix


def test_products_are_native_and_nothing_is_dense():
    n = 3000
    big = sp.random_array((n, n), density=1e-3, format="csr", rng=rng)
    program = ad.compile(ad.value_and_grad(lambda x: ((big @ x) ** 2).sum()))
    x = rng.normal(size=n)
    value, found = program(x)
    np.testing.assert_allclose(float(value), ((big @ x) ** 2).sum())
    np.testing.assert_allclose(found.numpy(), 2 * big.T @ (big @ x), atol=1e-12)
    report = str(program.report())
    assert "numpy" not in report and str(n * n) not in report


def test_one_decomposition_serves_value_gradient_and_second_derivative():
    values = rng.uniform(1, 2, 6)

    def f(v):
        A = sp.csc_array((v, (range(6), range(6))), shape=(6, 6)) + ARRAY
        return (spsolve(A.tocsc(), X) ** 2).sum()

    before = factors_of.made
    ad.jvp(ad.grad(f), (values,), (values,))[1].numpy()
    assert factors_of.made == before + 1


def test_single_precision_and_complex_numbers():
    single = lambda v: spsolve(sp.diags(v).tocsc() + S.astype(np.float32), np.float32(X)).sum()
    v = np.arange(1, 7, dtype=np.float32)
    assert ad.grad(single)(v).dtype == np.float32

    def f(v):
        u = spsolve((sp.diags(v) + S).tocsc(), X)
        return (np.abs(u) ** 2).sum()

    v = rng.normal(size=6) + 1j * rng.normal(size=6) + 4
    direction = rng.normal(size=6) + 1j * rng.normal(size=6)
    expected = slope(lambda t: f(v + t * direction), 2.0**-8)
    found = ad.grad(f)(v).numpy()
    np.testing.assert_allclose(np.sum(np.conj(found) * direction).real, expected, rtol=1e-8)


def test_empty_matrices_and_rows():
    def f(v):
        A = sp.coo_array((v, (np.zeros(0, int), np.zeros(0, int))), shape=(2, 3))
        return (A @ np.ones(3)).sum() + A.sum()

    assert float(ad.value_and_grad(f)(np.zeros(0))[0]) == 0
    nothing = sp.csr_array((0, 3))
    assert ad.jacobian(lambda x: nothing @ x)(np.ones(3)).shape == (0, 3)


def test_errors_say_what_to_do():
    n = len(X)
    diagonal = lambda x: sp.diags(x).tocsc()
    cases = [
        (lambda x: spsolve(diagonal(x * [0, 1, 1, 1, 1, 1]), x).sum(), LinAlgError, "singular"),
        (lambda x: spl.cg(diagonal(x), x, maxiter=1)[0].sum(), LinAlgError, "maxiter"),
        (lambda x: (diagonal(x) @ np.ones(4)).sum(), ShapeError, "do not fit|needs 6"),
        (lambda x: (diagonal(x) + 1.0).sum(), NotDifferentiableError, "toarray"),
        (lambda x: (diagonal(x) > 0).sum(), NotDifferentiableError, "toarray"),
        (lambda x: (diagonal(x) / diagonal(x)).sum(), NotDifferentiableError, "toarray"),
        (lambda x: diagonal(x).max(), NotDifferentiableError, "toarray"),
        (lambda x: diagonal(x).todense() * x, NotDifferentiableError, "asarray"),
        (lambda x: spl.eigs(diagonal(x), 2)[0].sum(), NotDifferentiableError, "eig"),
        (lambda x: spsolve(diagonal(x), diagonal(x)).sum(), ArgumentError, "toarray"),
        (lambda x: splu(diagonal(x)).L.sum(), ArgumentError, "solve"),
        (lambda x: sp.coo_array((x, (x, x))).sum(), NotDifferentiableError, "place of an entry"),
        (lambda x: np.asarray(sp.csr_array(diagonal(x))).sum(), ArgumentError, "toarray"),
        (lambda x: {"S": S}["S"].multiply(x).sum(), None, ""),
        (lambda x: [sp.csr_array(S)][0].multiply(x).sum(), None, ""),
    ]
    for f, error, text in cases:
        if error is None:
            np.testing.assert_allclose(ad.grad(f)(X).numpy(), S.toarray().sum(0))
            continue
        with pytest.raises(error, match=text):
            float(ad.grad(f)(X).sum())
    held = {"S": S}
    with pytest.raises(LostDerivativeError, match="multiply"):
        ad.grad(lambda x: held["S"].multiply(x).sum())(X)
    with pytest.raises(LostDerivativeError, match="copy"):
        ad.grad(filled)(ARRAY.data)
    assert type(ARRAY.data) is np.ndarray
    with pytest.raises(DTypeError, match="dtype="):
        ad.grad(lambda x: put(x, n))(X)
    with pytest.raises(ArgumentError, match="close over"):
        ad.compile(lambda rows: sp.coo_array((X, (rows, rows))).sum())(np.arange(6))


def test_errors_can_be_caught():
    def f(x):
        try:
            u = spsolve(sp.diags(x * [0, 1, 1, 1, 1, 1]).tocsc(), x)
        except np.linalg.LinAlgError:
            u = 3 * x
        return u.sum()

    np.testing.assert_allclose(ad.grad(f)(X).numpy(), 3)


def filled(v):
    ARRAY.data = v
    return ARRAY.sum()


def put(x, n):
    K = sp.lil_matrix((n, n), dtype=int)
    K[0, 0] = x[0]
    return K.tocsr().sum()
