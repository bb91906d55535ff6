"""Rows of the table: matrices, dense and sparse; see `tests/table/rows.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from adjoint.graph.tensor import Tensor
from adjoint.ops.linalg.sparse_pattern import pattern_of
from adjoint.ops.linalg.sparse_solve import ConstantFactor
from tests.table.row import REAL, Row, registered


def factored(a: Any) -> Any:
    """The inputs of `lu_parts`: a, its factors, and the order of its rows."""
    factors = registered("lu_factor")((a.mT,))
    return a, factors, registered("pivot_order")((factors[..., -1, :].real.astype(np.int32),))


def lu_in_one(a: Any) -> Any:
    return scipy.linalg.lu_factor(a)[0]


def dense(bands: Any, upper: int) -> Any:
    """The matrix with these bands, of which `upper` stand above the main diagonal."""
    return sum(
        np.diag(row[max(upper - i, 0) : len(row) + min(upper - i, 0)], upper - i)
        for i, row in enumerate(bands)
    )


def definite(n: Any, x: Any) -> Any:
    """A positive definite matrix."""
    return n.matmul(x, n.conj(n.matrix_transpose(x))) + np.eye(x.shape[-1])


def slope_of_det(n: Any, a: Any) -> Any:
    return registered("cofactors")((a, registered("lu_factor")((a,))))


def cofactors(a: Any) -> Any:
    """The determinants of what is left of a matrix without a row and a column, with their signs."""
    result = np.zeros_like(a)
    for i, j in np.ndindex(a.shape):
        result[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    return result


def cofactors_along(a: Any, x: Any) -> Any:
    """The slope of the cofactors, by differences exact for polynomials of degree 2."""
    return (cofactors(a + x) - cofactors(a - x)) / 2


def solve_triangular(**options: Any) -> Callable[..., Any]:
    """The solution of a triangular system with these options."""
    return lambda n, a, b: n.solve_triangular(a, b, **options)


def lower_solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(np.tril(a), b)


def symmetric(n: Any, x: Any) -> Any:
    """A Hermitian matrix made of any."""
    return x + n.conj(n.matrix_transpose(x))


def slope_of_values(n: Any, x: Any) -> Any:
    """The exponential of a symmetric matrix, as the adjoint of the sum of that of its values."""
    a = symmetric(n, x)
    if isinstance(x, Tensor):
        packed = registered("eigh")([a])
        d = n.exp(registered("spectral_values")([packed, a]))
        return registered("spectral_function")([d, packed, a])
    values, vectors = np.linalg.eigh(a)
    return (vectors * np.exp(values)[..., None, :]) @ np.conj(np.swapaxes(vectors, -2, -1))


def eigenvalues(x: Any) -> Any:
    return np.linalg.eigvalsh(symmetric(np, x))


def exponential(n: Any, x: Any) -> Any:
    """The exponential of a Hermitian matrix: the phase of its eigenvectors has no influence."""
    w, v = (np.linalg.eigh if n is np else n.eigh)(symmetric(n, x))
    return n.matmul(v * n.exp(0.5 * w), n.conj(n.matrix_transpose(v)))


def odd_power(n: Any, x: Any) -> Any:
    """U S³ Vᴴ, on which the phase of the singular vectors has no influence."""
    u, s, v = (np.linalg.svd if n is np else n.svd)(x, False)
    return n.matmul(u * s**3, v)


BANDS = np.array([[0, 0, 0.3, 0.2], [0, 0.5, 0.1, 0.4], [4, 5, 4.5, 6], [0.3, 0.2, 0.6, 0]])
MATRIX = np.array([[1.0, 0.4, -0.7], [2.0, -1.1, 0.3], [-0.5, 0.9, 1.3]])
DOMINANT = np.array([[4.0, 0.4, -0.7], [2.0, -5.0, 0.3], [-0.5, 0.9, 6.0]])
LARGE = np.array([[2.0, 1, 0, -1], [1, 3, 1, 0], [0, 1, -2, 1], [-1, 0.5, 1, 2]])
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, -1.0, 0.5]])

SHIFTED = np.diag([4.0, -2.0, 1.0]) + np.linspace(-0.6, 0.7, 9).reshape(3, 3)


def eigen_sum(n: Any, values: Any, vectors: Any) -> Any:
    """A number to which all eigenvalues and vectors contribute, without their order and signs."""
    sizes = np.arange(1.0, 4.0)[:, None] * n.abs(vectors) ** 2
    return n.sum(n.real(values**3 * n.sum(sizes, axis=0)))


def eigen_row(n: Any, a: Any) -> Any:
    parts = registered("eig")((a,))
    return eigen_sum(n, parts[0], parts[1:].mT)


PATTERN, _, _ = pattern_of(np.array([0, 0, 1, 2, 2]), np.array([0, 2, 1, 0, 2]), (3, 3))
WIDE, _, _ = pattern_of(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 2]), (2, 3))
FACTOR = ConstantFactor(scipy.sparse.linalg.splu(scipy.sparse.csc_array(SHIFTED)))
CLOSELY = (("rtol", 1e-14),)


def with_diagonal(values: Any) -> Any:
    return values + np.array([3, 0, 3, 0, 3], values.dtype)


def filled(pattern: Any, values: Any) -> Any:
    """The dense matrices with these values at the entries of a pattern."""
    whole = np.zeros((*values.shape[:-1], *pattern.shape), values.dtype)
    whole[..., pattern.rows, pattern.columns] = values
    return whole


def control(n: Any, a: Any, b: Any, q: Any, r: Any, call: Callable[..., Any]) -> Any:
    """The solution of a Riccati equation whose weights are definite."""
    return call(a, b, definite(n, q), definite(n, r))


MATRIX_ROWS: list[Row] = [
    Row("lu_factor", lambda n, a, b: n.solve(a, b), [MATRIX, (3,)], np.linalg.solve, digits=10.0),
    Row("lu_solve", lambda n, a, b: n.solve(a, b), [MATRIX, (2, 3, 2)], np.linalg.solve),
    Row(
        "lu_solve",
        lambda n, a, b: registered("lu_solve")((a, registered("lu_factor")((a,)), b), True),
        [MATRIX, (3, 2)],
        lambda a, b: np.linalg.solve(a.T, b),
        label="transposed",
    ),
    Row("lu_solve", lambda n, a: n.inv(a), [np.stack([MATRIX, -MATRIX.T])], np.linalg.inv, "inv"),
    Row("det", lambda n, a: n.det(a), [np.stack([MATRIX, -MATRIX.T])], np.linalg.det),
    Row("det", lambda n, a: n.det(a), [SINGULAR], np.linalg.det, "singular"),
    Row("det", lambda n, a: n.det(a), [np.zeros((2, 2))], np.linalg.det, "zero"),
    Row("det_sign", lambda n, a: n.slogdet(a)[0], [MATRIX], lambda a: np.linalg.slogdet(a)[0]),
    Row(
        "log_abs_det",
        lambda n, a: n.slogdet(a)[1],
        [np.stack([MATRIX, -MATRIX.T])],
        lambda a: np.linalg.slogdet(a)[1],
    ),
    Row(
        "log_det_slope",
        lambda n, a: registered("log_det_slope")([a, registered("lu_factor")([a])]),
        [np.stack([MATRIX, -MATRIX.T])],
        lambda a: np.swapaxes(np.linalg.inv(a), -2, -1),
    ),
    Row("cofactors", slope_of_det, [MATRIX], cofactors),
    Row("cofactors", slope_of_det, [SINGULAR], cofactors, "singular"),
    Row("cofactors", slope_of_det, [LARGE], cofactors, "large", digits=10.0),
    Row(
        "cofactors_along",
        lambda n, a, x: registered("cofactors_along")((a, x)),
        [MATRIX, (3, 3)],
        cofactors_along,
    ),
    Row("det", lambda n, a: n.det(a), [LARGE], np.linalg.det, "large"),
    Row("det", lambda n, a: n.det(a), [MATRIX[:2, :2]], np.linalg.det, "of 2 rows"),
    Row("triangular_solve", solve_triangular(lower=True), [MATRIX, (3,)], lower_solve),
    Row(
        "triangular_solve",
        solve_triangular(trans=1, unit_diagonal=True),
        [np.stack([MATRIX, MATRIX.T]), (3, 2)],
        lambda a, b: np.linalg.solve(np.swapaxes(np.triu(a, 1) + np.eye(3), -2, -1), b),
        label="transposed",
    ),
    Row(
        "triangular_solve",
        solve_triangular(trans="C", lower=True),
        [MATRIX, (3, 2)],
        lambda a, b: np.linalg.solve(np.tril(a).conj().T, b),
        label="conjugated",
    ),
    Row(
        "cholesky",
        lambda n, x: n.cholesky(n.matmul(x, n.conj(n.matrix_transpose(x))) + np.eye(3)),
        [(2, 3, 3)],
        lambda x: np.linalg.cholesky(x @ np.swapaxes(x.conj(), -2, -1) + np.eye(3)),
    ),
    Row(
        "spectral_values",
        lambda n, x: n.eigvalsh(symmetric(n, x)),
        [(2, 3, 3)],
        eigenvalues,
        digits=100.0,  # of the differences, where values are close
    ),
    Row("spectral_function", slope_of_values, [(3, 3)], lambda x: slope_of_values(np, x)),
    Row("eigh", exponential, [(3, 3)], lambda x: exponential(np, x), label="vectors", digits=10.0),
    Row("eig", eigen_row, [SHIFTED], lambda x: eigen_sum(np, *np.linalg.eig(x)), digits=10.0),
    Row("svd", lambda n, x: n.svdvals(x), [(2, 3, 2)], np.linalg.svdvals),
    Row("svd", odd_power, [(3, 2)], lambda x: odd_power(np, x), label="tall", digits=100.0),
    Row("svd", odd_power, [(2, 3)], lambda x: odd_power(np, x), label="wide", digits=100.0),
    Row(
        "svd",
        lambda n, x: n.svd(x, False)[0] * n.svd(x, False)[2],
        [(3, 3)],
        lambda x: np.linalg.svd(x)[0] * np.linalg.svd(x)[2],
        label="vectors",
        dtypes=REAL,
        digits=100.0,
    ),
    Row("qr", lambda n, x: n.qr(x)[0], [(2, 4, 3)], lambda x: np.linalg.qr(x)[0], digits=100.0),
    Row("qr", lambda n, x: n.qr(x, "r"), [(3, 3)], lambda x: np.linalg.qr(x, "r"), label="r"),
    Row("qr", lambda n, x: n.qr(x)[1], [(2, 4)], lambda x: np.linalg.qr(x)[1], label="wide"),
    Row("pinv", lambda n, x: n.pinv(x), [(3, 2)], np.linalg.pinv, label="tall"),
    Row("pinv", lambda n, x: n.pinv(x), [(2, 2, 3)], np.linalg.pinv, label="wide"),
    Row(
        "pinv",
        lambda n, a, b: n.pinv(n.matmul(a, b)),
        [(3, 1), (1, 2)],
        lambda a, b: np.linalg.pinv(a @ b),
        label="of rank 1",
    ),
    Row(
        "lu_parts",
        lambda n, a: registered("lu_parts")(factored(a)),
        [np.stack([DOMINANT, DOMINANT[::-1]])],
        lambda a: np.stack([lu_in_one(x) for x in a]),
    ),
    Row(
        "pivot_order",
        lambda n, x: registered("pivot_order")((x,)),
        [np.array([2, 2, 2])],
        lambda x: np.array([2, 0, 1]),
    ),
    Row(
        "solve_banded",
        lambda n, a, b: registered("solve_banded")((a, b), 1, 2),
        [BANDS, (4, 2)],
        lambda a, b: np.linalg.solve(dense(a, 2), b),
    ),
    Row(
        "sylvester",
        lambda n, a, b, q: registered("sylvester")((a + 4 * np.eye(3, dtype=a.dtype), b, q)),
        [(3, 3), (2, 2), (3, 2)],
        lambda a, b, q: scipy.linalg.solve_sylvester(a + 4 * np.eye(3, dtype=a.dtype), b, q),
        digits=10.0,
    ),
    *(
        Row(
            "riccati",
            lambda n, *x, which=which: control(
                n, *x, lambda *x: registered("riccati")(x, which == "discrete")
            ),
            [(2, 2), (2, 1), (2, 2), (1, 1)],
            lambda *x, which=which: control(np, *x, getattr(scipy.linalg, f"solve_{which}_are")),
            label=which,
            dtypes=("float64",),
            digits=100.0,
        )
        for which in ("continuous", "discrete")
    ),
    Row(
        "polar_unitary",
        lambda n, a: registered("polar_unitary")((a,)),
        [(4, 3)],
        lambda a: scipy.linalg.polar(a)[0],
        digits=10.0,
    ),
    Row(
        "sparse_matmul",
        lambda n, v, x: registered("sparse_matmul")((v, x), WIDE, False),
        [(4,), (3, 2)],
        lambda v, x: filled(WIDE, v) @ x,
    ),
    Row(
        "sparse_matmul",
        lambda n, v, x: registered("sparse_matmul")((v, x), WIDE, True),
        [(2, 4), (2, 2)],
        lambda v, x: filled(WIDE, v).mT @ x,
        label="transposed",
    ),
    *(
        Row(
            "sparse_solve",
            lambda n, v, b, turned=turned: registered("sparse_solve")(
                (with_diagonal(v), b), PATTERN, turned
            ),
            [(5,), (3, 2)],
            lambda v, b, turned=turned: np.linalg.solve(
                filled(PATTERN, with_diagonal(v)).T
                if turned
                else filled(PATTERN, with_diagonal(v)),
                b,
            ),
            label="transposed" if turned else "",
            digits=10.0,
        )
        for turned in (False, True)
    ),
    Row(
        "sparse_iteration",
        lambda n, v, b: registered("sparse_iteration")(
            (with_diagonal(v), b), PATTERN, False, "gmres", CLOSELY, None
        ),
        [(5,), (3, 2)],
        lambda v, b: np.linalg.solve(filled(PATTERN, with_diagonal(v)), b),
        dtypes=("float64", "complex128"),
        digits=1e4,
    ),
    Row(
        "sparse_factor_solve",
        lambda n, b: registered("sparse_factor_solve")((b,), FACTOR, True),
        [(3, 2)],
        lambda b: np.linalg.solve(SHIFTED.T, b),
        dtypes=("float64",),
    ),
    Row("expm", lambda n, a: registered("expm")((a,)), [(2, 3, 3)], scipy.linalg.expm),
    Row(
        "sqrtm",
        lambda n, x: registered("sqrtm")((definite(n, x),)),
        [(2, 2, 2)],
        lambda x: np.stack([scipy.linalg.sqrtm(a) for a in definite(np, x)]),
        digits=10.0,
    ),
    Row(
        "logm",
        lambda n, x: registered("logm")((definite(n, x),)),
        [(2, 2)],  # small, as SciPy takes milliseconds for each
        lambda x: scipy.linalg.logm(definite(np, x)),
        dtypes=REAL,
        digits=10.0,
    ),
]
