"""Counterparts of scipy.linalg: values, derivatives of both modes and orders, compiled and not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

import adjoint as ad
from adjoint.errors import LinAlgError
from tests.scipy.checks import check_compiled, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(1)
A = rng.normal(size=(3, 3))
B = rng.normal(size=(3, 3)) * 0.3
S = A @ A.T + 2 * np.eye(3)
T = B @ B.T + 1.5 * np.eye(3)
W = np.array([[2.0, 0.3, 0.1], [0.2, 3.0, 0.4], [0.1, 0.5, 4.0]])  # dominant: no pivot changes
b = rng.normal(size=3)
M = rng.normal(size=(3, 2))
R = rng.normal(size=(4, 3))


def sym(x):
    return (x + x.T) / 2


BANDS = np.array([[0.0, 0.3, 0.2, 0.5, 0.1], [4.0, 5.0, 4.5, 4.2, 5.5], [0.4, 0.1, 0.3, 0.2, 0.0]])
UPPER = np.array([[0.0, 0.3, 0.2, 0.5, 0.1], [4.0, 5.0, 4.5, 4.2, 5.5]])
c5 = rng.normal(size=5)


STACK = np.stack([S, W])
TURNING = np.array([[1.0, 3.0, 0.1], [-1.0, 1.5, 0.3], [0.2, 0.1, 3.0]])


def parts(x):
    return x.real, x.imag


def in_order(values, *xs):
    """Real and imaginary parts of what belongs to eigenvalues, which LAPACK returns in any order.

    Vectors belong to them in their columns, each with a real largest element, of any sign.
    """
    order = np.argsort(values.real + values.imag)
    chosen = [x[..., order] for x in (values, *xs)]
    return [part for x in chosen for part in parts(x if x.ndim == 1 else x * x)]


CASES = [
    Case("cholesky", lambda s, a: s.linalg.cholesky(sym(a), lower=True), [S]),
    Case("cholesky upper", lambda s, a: s.linalg.cholesky(sym(a)), [S]),
    Case("cho_factor", lambda s, a: s.linalg.cho_factor(sym(a))[0], [S]),
    Case(
        "cho_solve",
        lambda s, a, b: s.linalg.cho_solve(s.linalg.cho_factor(sym(a)), b),
        [S, b],
    ),
    Case(
        "cho_solve lower",
        lambda s, a, b: s.linalg.cho_solve((s.linalg.cholesky(sym(a), lower=True), True), b),
        [S, M],
    ),
    Case("solve", lambda s, a, b: s.linalg.solve(a, b), [W, b]),
    Case("solve columns", lambda s, a, b: s.linalg.solve(a, b), [W, M]),
    Case("solve pos", lambda s, a, b: s.linalg.solve(a, b, assume_a="pos"), [S, M]),
    Case("solve sym", lambda s, a, b: s.linalg.solve(a, b, assume_a="sym", lower=True), [S, M]),
    Case("solve transposed", lambda s, a, b: s.linalg.solve(a, b, transposed=True), [W, M]),
    Case("solve_triangular", lambda s, a, b: s.linalg.solve_triangular(a, b), [W, b]),
    Case(
        "solve_triangular lower",
        lambda s, a, b: s.linalg.solve_triangular(a, b, trans="T", lower=True),
        [W, M],
    ),
    Case("inv", lambda s, a: s.linalg.inv(a), [W]),
    Case("det", lambda s, a: s.linalg.det(a), [A]),
    Case("norm", lambda s, a: s.linalg.norm(a), [A]),
    Case("norm 1", lambda s, a: s.linalg.norm(a, 1), [A]),
    Case("norm axis", lambda s, a: s.linalg.norm(a, 3, axis=1), [A + 5]),
    Case("pinv", lambda s, a: s.linalg.pinv(a), [R]),
    Case("pinvh", lambda s, a: s.linalg.pinvh(sym(a)), [S]),
    Case("lstsq", lambda s, a, b: s.linalg.lstsq(a, b)[:2], [R, np.arange(4.0)]),
    Case("lstsq columns", lambda s, a, b: s.linalg.lstsq(a, b)[:2], [R, rng.normal(size=(4, 2))]),
    Case("lstsq wide", lambda s, a, b: s.linalg.lstsq(a, b)[0], [R.T, b]),
    Case("eigh", lambda s, a: s.linalg.eigh(sym(a))[0], [S]),
    Case("eigh vectors", lambda s, a: np.abs(s.linalg.eigh(sym(a))[1]), [S]),
    Case(
        "eigh generalised",
        lambda s, a, b: (s.linalg.eigh(a, b)[0], s.linalg.eigh(a, b)[1] ** 2),
        [S, T],
        step=2.0**-10,
    ),
    Case("eigh type 2", lambda s, a, b: s.linalg.eigh(a, b, type=2)[1] ** 2, [S, T]),
    Case("eigh type 3", lambda s, a, b: s.linalg.eigh(a, b, type=3)[1] ** 2, [S, T]),
    Case("eigvalsh", lambda s, a: s.linalg.eigvalsh(a, subset_by_index=[1, 2]), [S]),
    Case("eigh_tridiagonal", lambda s, d, e: s.linalg.eigh_tridiagonal(d, e)[0], [c5, c5[1:]]),
    Case("eigvalsh_tridiagonal", lambda s, d: s.linalg.eigvalsh_tridiagonal(d, d[1:]), [c5]),
    Case("svd", lambda s, a: s.linalg.svd(a)[1], [R]),
    Case("svd vectors", lambda s, a: np.abs(s.linalg.svd(a, full_matrices=False)[2]), [R]),
    Case("svdvals", lambda s, a: s.linalg.svdvals(a), [R]),
    Case("qr", lambda s, a: s.linalg.qr(a, mode="economic"), [R]),
    Case("qr square", lambda s, a: s.linalg.qr(a), [W]),
    Case("qr r", lambda s, a: s.linalg.qr(a, mode="r"), [R]),
    Case("qr full", lambda s, a: s.linalg.qr(a)[1], [R]),
    Case("lu_factor", lambda s, a: s.linalg.lu_factor(a), [A]),
    Case("lu", lambda s, a: s.linalg.lu(a), [A]),
    Case("lu permuted", lambda s, a: s.linalg.lu(a, permute_l=True), [A]),
    Case("lu indices", lambda s, a: s.linalg.lu(a, p_indices=True), [A]),
    Case("lu_solve", lambda s, a, b: s.linalg.lu_solve(s.linalg.lu_factor(a), b), [A, b]),
    Case(
        "lu_solve transposed",
        lambda s, a, b: s.linalg.lu_solve(s.linalg.lu_factor(a), b, trans=1),
        [A, M],
    ),
    Case("expm", lambda s, a: s.linalg.expm(a), [A]),
    Case("expm_frechet", lambda s, a, e: s.linalg.expm_frechet(a, e), [A, B]),
    Case("logm", lambda s, a: s.linalg.logm(a), [S]),
    Case("sqrtm", lambda s, a: s.linalg.sqrtm(a), [S]),
    Case("cosm", lambda s, a: s.linalg.cosm(a), [A]),
    Case("sinm", lambda s, a: s.linalg.sinm(a), [A]),
    Case("tanm", lambda s, a: s.linalg.tanm(a), [B]),
    Case("coshm", lambda s, a: s.linalg.coshm(a), [A]),
    Case("sinhm", lambda s, a: s.linalg.sinhm(a), [A]),
    Case("tanhm", lambda s, a: s.linalg.tanhm(a), [B]),
    Case("signm", lambda s, a: s.linalg.signm(a), [S - 3 * np.eye(3)]),
    Case("fractional_matrix_power", lambda s, a: s.linalg.fractional_matrix_power(a, 0.3), [S]),
    Case("integer matrix power", lambda s, a: s.linalg.fractional_matrix_power(a, 3), [A]),
    Case("polar", lambda s, a: s.linalg.polar(a), [W]),
    Case("polar tall", lambda s, a: s.linalg.polar(a), [R]),
    Case("polar wide", lambda s, a: s.linalg.polar(a, side="left"), [R.T]),
    Case("polar of a multiple of 1", lambda s, a: s.linalg.polar(a)[0], [2 * np.eye(3)]),
    Case("orthogonal_procrustes", lambda s, a, b: s.linalg.orthogonal_procrustes(a, b), [R, R**2]),
    Case("eigvals", lambda s, a: in_order(s.linalg.eigvals(a)), [W]),
    Case("eigvals complex", lambda s, a: in_order(s.linalg.eigvals(a)), [TURNING]),
    Case("eigvals generalised", lambda s, a, b: in_order(s.linalg.eigvals(a, b)), [W, T]),
    Case("eig", lambda s, a: in_order(*s.linalg.eig(a)), [W]),
    Case("eig complex", lambda s, a: in_order(*s.linalg.eig(a)), [TURNING]),
    Case("eig_banded", lambda s, a: s.linalg.eig_banded(a)[1] ** 2, [UPPER]),
    Case(
        "eigvals_banded",
        lambda s, a: s.linalg.eigvals_banded(a, lower=True, select="i", select_range=(1, 2)),
        [BANDS[1:]],
    ),
    Case("block_diag", lambda s, a, b: s.linalg.block_diag(a, b) ** 2, [M, b]),
    Case("toeplitz", lambda s, c, r: s.linalg.toeplitz(c, r), [b, c5]),
    Case("toeplitz symmetric", lambda s, c: s.linalg.toeplitz(c), [c5]),
    Case("circulant", lambda s, c: s.linalg.circulant(c), [c5]),
    Case("hankel", lambda s, c: s.linalg.hankel(c), [c5]),
    Case("companion", lambda s, a: s.linalg.companion(a), [c5]),
    Case("convolution_matrix", lambda s, a: s.linalg.convolution_matrix(a, 4, "same"), [b]),
    Case("diagsvd", lambda s, a: s.linalg.diagsvd(a, 5, 3), [b]),
    Case("khatri_rao", lambda s, a, b: s.linalg.khatri_rao(a, b), [M, M + 1]),
    Case("solve_toeplitz", lambda s, c, b: s.linalg.solve_toeplitz(c, b), [[4.0, 1, 0.5], b]),
    Case("matmul_toeplitz", lambda s, c, b: s.linalg.matmul_toeplitz(c, b), [[4.0, 1, 0.5], b]),
    Case("solve_circulant", lambda s, c, b: s.linalg.solve_circulant(c, b), [[4.0, 1, 0.5], b]),
    Case("solve_sylvester", lambda s, a, b, q: s.linalg.solve_sylvester(a, b, q), [S, T, A]),
    Case(
        "solve_continuous_lyapunov",
        lambda s, a, q: s.linalg.solve_continuous_lyapunov(a, q),
        [S, A],
    ),
    Case(
        "solve_continuous_are",
        lambda s, a, b, q, r: s.linalg.solve_continuous_are(a, b, sym(q), sym(r)),
        [A, M, S, T[:2, :2]],
        rtol=1e-9,
    ),
    Case(
        "solve_discrete_are",
        lambda s, a, b, q, r: s.linalg.solve_discrete_are(a, b, sym(q), sym(r)),
        [A, M, S, T[:2, :2]],
        rtol=1e-9,
    ),
    Case(
        "solve_discrete_lyapunov bilinear",
        lambda s, a, q: s.linalg.solve_discrete_lyapunov(a, q, method="bilinear"),
        [B, A],
    ),
    Case("stack of toeplitz", lambda s, c, r: s.linalg.toeplitz(c, r), [R, R]),
    Case("stack of circulant", lambda s, c: s.linalg.circulant(c), [R]),
    Case("stack of khatri_rao", lambda s, a, b: s.linalg.khatri_rao(a, b), [STACK, STACK + 1]),
    Case("stack of sylvester", lambda s, a, b: s.linalg.solve_sylvester(a, b, a), [STACK, S]),
    Case("stack of expm_frechet", lambda s, a, e: s.linalg.expm_frechet(a, e)[1], [STACK, B]),
    Case("stack of polar", lambda s, a: s.linalg.polar(a)[0], [STACK]),
    Case(
        "solve_discrete_lyapunov",
        lambda s, a, q: s.linalg.solve_discrete_lyapunov(a, q),
        [B, A],
    ),
    Case("solve_banded", lambda s, a, b: s.linalg.solve_banded((1, 1), a, b), [BANDS, c5]),
    Case("solveh_banded", lambda s, a, b: s.linalg.solveh_banded(a, b), [UPPER, c5]),
    Case(
        "solveh_banded lower",
        lambda s, a, b: s.linalg.solveh_banded(a, b, lower=True),
        [BANDS[1:], c5],
    ),
    Case("cholesky_banded", lambda s, a: s.linalg.cholesky_banded(a)[1], [UPPER]),
    Case(
        "cho_solve_banded",
        lambda s, a, b: s.linalg.cho_solve_banded((s.linalg.cholesky_banded(a), False), b),
        [UPPER, c5],
    ),
    Case(
        "cho_solve_banded lower",
        lambda s, a, b: s.linalg.cho_solve_banded(
            (s.linalg.cholesky_banded(a, lower=True), True), b
        ),
        [BANDS[1:], c5],
    ),
]


@each(CASES)
def test_linalg(checks, case):
    for check in checks:
        check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)


EMPTY = np.zeros((0, 0))
OF_NOTHING = [
    lambda a: np.abs(np.linalg.eigvals(a)).sum(),
    lambda a: np.abs(np.linalg.eig(a)[1]).sum(),
    lambda a: np.abs(linalg.eig(a)[0]).sum(),
    lambda a: np.linalg.norm(a, 1) + np.linalg.norm(a, 2) + np.linalg.norm(a, np.inf),
    lambda a: np.linalg.matrix_rank(a) * 1.0,
    lambda a: linalg.khatri_rao(a, a).sum(),
    lambda a: linalg.solve_sylvester(a, a, a).sum() + linalg.polar(a)[1].sum(),
]


@pytest.mark.parametrize("f", OF_NOTHING)
def test_of_empty_matrices_there_is_a_value_and_an_empty_gradient(f):
    value, slope = ad.value_and_grad(f)(EMPTY)
    assert float(value) == f(EMPTY) == 0 and slope.shape == (0, 0)


def test_blocks_come_in_stacks():
    f = lambda a: linalg.block_diag(a, B, a[0])
    found = ad.vmap(f)(np.stack([STACK, STACK + 1]))
    np.testing.assert_allclose(found[1].numpy(), f(STACK + 1))
    np.testing.assert_allclose(ad.jacobian(f)(STACK).numpy().sum(), 2 * 9 + 2 * 9)


def test_of_a_hermitian_band_the_real_diagonal_is_read():
    bands = UPPER + 0.3j
    found = ad.compile(lambda x: linalg.solveh_banded(x, c5))(bands)
    np.testing.assert_allclose(found.numpy(), linalg.solveh_banded(bands, c5))


def test_matrix_equations_without_solution_say_so():
    with pytest.raises(LinAlgError, match="eigenvalue of A is minus one of B"):
        ad.grad(lambda a: linalg.solve_sylvester(a, -a, a).sum())(np.eye(2)).numpy()
    with pytest.raises(LinAlgError, match="no stabilising solution"):
        zero = np.zeros((2, 2))
        ad.grad(lambda a: linalg.solve_continuous_are(a, a, a, np.eye(2)).sum())(zero).numpy()
