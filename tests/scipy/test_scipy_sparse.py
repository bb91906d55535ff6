"""Sparse matrices of tensors: SciPy's values, derivatives by differences, compiled and not."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import adjoint as ad
from tests.scipy.checks import check_compiled, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(3)
ROWS = np.array([0, 0, 1, 2, 2, 3, 3, 0, 1])
COLUMNS = np.array([0, 1, 1, 2, 3, 3, 0, 0, 3])  # (0, 0) twice
V = rng.uniform(1, 2, 9)
b = rng.normal(size=4)
M = rng.normal(size=(4, 3))
DENSE = rng.normal(size=(4, 4)) * (rng.uniform(size=(4, 4)) < 0.6) + 3 * np.eye(4)
INDPTR, INDICES = np.array([0, 2, 4, 6, 9]), np.array([1, 0, 1, 3, 0, 2, 3, 1, 0])


def coo(s, v, kind="matrix"):
    return getattr(s, f"coo_{kind}")((v, (ROWS, COLUMNS)), shape=(4, 4))


def csr(s, v):
    return s.csr_array((v, (ROWS, COLUMNS)), shape=(4, 4))


def unsorted(s, v):
    return s.csr_array((v, INDICES, INDPTR), shape=(4, 4))


def spd(s, v):
    A = csr(s, v)
    return (A @ A.T + 3 * s.eye_array(4)).tocsc()


def filled(s, v, form):
    K = getattr(s, form)((4, 4))
    for i in range(3):
        at = np.ix_([i, i + 1], [i, i + 1])
        K[at] = K[at].toarray() + v[i] * np.array([[2.0, -1.0], [-1.0, 2.0]])
    K[0, 0] += v[3]
    K[3, 0] = v[4] * v[5]
    return K.tocsr()


def tight(solver):
    return lambda s, v, b: getattr(s.linalg, solver)(spd(s, v), b, rtol=1e-13)[0]


def entry(name, call, *at, **options):
    return Case(name, lambda scipy, *xs: call(scipy.sparse, *xs), list(at), **options)


CASES = [
    # what makes them
    entry("coo toarray", lambda s, v: coo(s, v).toarray() ** 2, V),
    entry("csr of coordinates", lambda s, v: csr(s, v).toarray() ** 2, V),
    entry("csr of indices", lambda s, v: unsorted(s, v).toarray() ** 2, V),
    entry(
        "csc of indices",
        lambda s, v: s.csc_matrix((v, INDICES, INDPTR), shape=(4, 4)).toarray() ** 2,
        V,
    ),
    entry("of a dense one", lambda s, a: (s.csr_array(a) @ b) ** 2, DENSE, single=False),
    entry(
        "dia",
        lambda s, a: s.dia_array((a, [-1, 0, 2]), shape=(3, 3)).toarray() ** 2,
        M.T[:, :3],
    ),
    entry("lil, filled", lambda s, v: filled(s, v, "lil_matrix").toarray() ** 2, V, single=False),
    entry("dok, filled", lambda s, v: filled(s, v, "dok_array").toarray() ** 2, V, single=False),
    entry(
        "diags",
        lambda s, d, e: s.diags([d, e[1:], 2.0], [0, 1, -2], (4, 4)).toarray() ** 2,
        b,
        V[:4],
        single=False,
    ),
    entry(
        "diags of numbers",
        lambda s, d: s.diags([d[0], d[1]], [0, 1], (4, 4)).toarray() ** 2,
        b,
    ),
    entry("diags_array", lambda s, d: s.diags_array(d, offsets=1).toarray() ** 2, b),
    entry("spdiags", lambda s, a: s.spdiags(a, [0, -1, 1], 4, 4).toarray() ** 2, M.T),
    entry("kron", lambda s, v, a: s.kron(coo(s, v), s.csr_array(a)).toarray(), V, M),
    entry("kronsum", lambda s, v: s.kronsum(csr(s, v), csr(s, v**2)).toarray(), V),
    entry(
        "bmat",
        lambda s, v: s.bmat([[coo(s, v), None], [coo(s, v).T, s.eye(4)]]).toarray() ** 2,
        V,
        single=False,
    ),
    entry(
        "block_array",
        lambda s, v, a: s.block_array([[csr(s, v), s.csr_array(a)]]).toarray() ** 2,
        V,
        M,
    ),
    entry(
        "stacks",
        lambda s, v: s.hstack([s.vstack([csr(s, v)] * 2)] * 2).toarray() ** 2,
        V,
    ),
    entry("block_diag", lambda s, v: s.block_diag([csr(s, v), csr(s, 2 * v)]).toarray() ** 2, V),
    entry(
        "triangles",
        lambda s, v: (s.tril(csr(s, v)) + 2 * s.triu(csr(s, v), 1)).toarray() ** 2,
        V,
    ),
    # reading
    entry(
        "data", lambda s, v: (coo(s, v).data ** 2, unsorted(s, v).data ** 2, csr(s, v).data ** 2), V
    ),
    entry("element", lambda s, v: (csr(s, v)[0, 0] ** 2, csr(s, v)[1, 1] ** 3), V),
    entry("rows", lambda s, v: csr(s, v)[1:3].toarray() ** 2, V),
    entry("columns", lambda s, v: csr(s, v)[:, [3, 0, 0]].toarray() ** 2, V),
    entry("submatrix", lambda s, v: csr(s, v)[[0, 2]][:, [2, 3]].toarray() ** 2, V),
    entry(
        "row of an array",
        lambda s, v: (csr(s, v)[2] @ b, csr(s, v)[0].toarray() ** 2),
        V,
        single=False,
    ),
    entry("diagonal", lambda s, v: (csr(s, v).diagonal() ** 2, csr(s, v).diagonal(1)), V),
    entry(
        "transposes", lambda s, v: (csr(s, v).T.tocsr().toarray() ** 2, coo(s, v).T.toarray()), V
    ),
    entry(
        "sums", lambda s, v: (csr(s, v).sum() ** 2, csr(s, v).sum(axis=0) ** 2, csr(s, v).sum(1)), V
    ),
    entry("mean and trace", lambda s, v: (csr(s, v).mean() ** 2, csr(s, v).trace() ** 2), V),
    entry("setdiag", lambda s, v: with_diagonal(s, v).toarray() ** 2, V),
    entry(
        "functions of entries",
        lambda s, v: (csr(s, v).sqrt() + abs(-csr(s, v)).power(3)).toarray(),
        V,
    ),
    # arithmetic
    entry(
        "sum",
        lambda s, v, a: (csr(s, v) + s.csr_array(a) - csr(s, v).T).toarray() ** 2,
        V,
        DENSE,
    ),
    entry("scaled", lambda s, v, c: (csr(s, v) * c[0] / c[1]).toarray() ** 2, V, b),
    entry("sum with a dense one", lambda s, v, a: (csr(s, v) + a) ** 2, V, DENSE),
    entry("by rows", lambda s, v, x: csr(s, v).multiply(x).toarray() ** 2, V, b),
    entry("by columns", lambda s, v, x: (csr(s, v) * x[:, None]).toarray() ** 2, V, b),
    entry("by a dense one", lambda s, v, a: csr(s, v).multiply(a).toarray(), V, DENSE),
    entry("by a sparse one", lambda s, v: csr(s, v).multiply(csr(s, v).T).toarray(), V),
    entry("divided", lambda s, v, x: (csr(s, v) / (x**2 + 1)).toarray(), V, b),
    entry("matvec", lambda s, v, x: csr(s, v) @ x, V, b),
    entry("matvec of a matrix", lambda s, v, x: (coo(s, v) * x, coo(s, v).dot(x)), V, b),
    entry("matmul", lambda s, v, x: unsorted(s, v) @ x, V, M),
    entry("from the left", lambda s, v, x: (x @ csr(s, v), x @ csr(s, v).T), V, b),
    entry("matrix from the left", lambda s, v, x: x.T @ csr(s, v), V, M),
    entry("sparse by sparse", lambda s, v, a: (csr(s, v) @ s.csr_array(a)).toarray(), V, DENSE),
    entry("powers", lambda s, v: (coo(s, v) ** 3).toarray() + (csr(s, v) ** 2).toarray(), V),
    # systems of equations
    entry("spsolve", lambda s, v, b: s.linalg.spsolve(csr(s, v).tocsc(), b), V, b),
    entry("spsolve, columns", lambda s, v, b: s.linalg.spsolve(csr(s, v).tocsc(), b), V, M),
    entry("splu", lambda s, v, b: s.linalg.splu(csr(s, v).tocsc()).solve(b), V, b),
    entry(
        "splu transposed",
        lambda s, v, b: s.linalg.splu(csr(s, v).tocsc()).solve(b, "T"),
        V,
        M,
    ),
    entry("factorized", lambda s, v, b: s.linalg.factorized(csr(s, v).tocsc())(b), V, b),
    entry(
        "spsolve_triangular",
        lambda s, v, b: s.linalg.spsolve_triangular(
            s.triu(csr(s, v)).tocsr() + 2 * s.eye_array(4, format="csr"),
            b,
            lower=False,
        ),
        V,
        b,
        single=False,
    ),
    entry("inv", lambda s, v: s.linalg.inv(csr(s, v).tocsc()).toarray(), V),
    entry("matrix_power", lambda s, v: s.linalg.matrix_power(csr(s, v), 3).toarray(), V),
    entry(
        "norms",
        lambda s, v: tuple(s.linalg.norm(csr(s, v), o) for o in ("fro", 1, np.inf)),
        V,
    ),
    *(
        entry(name, tight(name), V, b, rtol=1e-9, single=False)
        for name in ("cg", "bicg", "bicgstab", "cgs", "gmres", "minres")
    ),
]


def with_diagonal(s, v):
    A = csr(s, v).tolil()
    A.setdiag(v[:4] ** 2)
    A.setdiag(7.0, k=1)
    return A.tocsr()


@each(CASES)
def test_sparse(checks, case):
    for check in checks:
        check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)


def test_sparse_derivatives_of_sparse_products_have_the_pattern_of_the_matrix():
    n, x = 30, np.linspace(0.1, 1, 30)
    K = scipy.sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], (n, n), format="csr")
    at, data = K.tocoo().coords, K.data
    cases = [
        (lambda u: np.tanh(K @ u), x, 88),
        (lambda u: u @ K, x, 88),
        (lambda u: ad.ravel(K @ ad.stack([u, u**2], axis=1)), x, 2 * 88),
        (lambda v: ad.sparse.coo_array((v, at), shape=(n, n)) @ x, data, 88),
    ]
    for f, point, size in cases:
        found = ad.jacobian(f, sparse=True)(point)
        assert found.nnz == size
        np.testing.assert_allclose(found.toarray(), ad.jacobian(f)(point).numpy(), atol=1e-14)
