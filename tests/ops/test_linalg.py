"""Systems of equations, inverses, determinants and decompositions beside NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import adjoint as ad
from adjoint.errors import DTypeError, LinAlgError, NotDifferentiableError, RangeError, ShapeError
from adjoint.graph.order import topological_order

pytestmark = pytest.mark.unit

rng = np.random.default_rng(3)


def normal(*shape):
    return rng.normal(size=shape)


def positive(*shape):
    x = normal(*shape)
    return x @ np.swapaxes(x, -2, -1) + np.eye(shape[-1])


A, S = normal(4, 4), positive(4, 4)


# values, for all ranks


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((4, 4), (4,)),
        ((4, 4), (4, 2)),
        ((3, 4, 4), (4,)),
        ((3, 4, 4), (4, 2)),
        ((4, 4), (3, 4, 2)),
        ((2, 1, 4, 4), (3, 4, 2)),
        ((0, 4, 4), (4, 2)),
        ((0, 0), (0,)),
    ],
)
def test_solve_takes_the_shapes_of_numpy(a, b):
    a, b = normal(*a), normal(*b)
    assert_allclose(ad.linalg.solve(a, b), np.linalg.solve(a, b), rtol=1e-9)


def test_numpy_functions_called_with_tensors_are_ours():
    t = ad.asarray(S)
    assert_allclose(np.linalg.solve(t, np.ones(4)), np.linalg.solve(S, np.ones(4)))
    assert_allclose(np.linalg.inv(t), np.linalg.inv(S))
    assert_allclose(np.linalg.det(t), np.linalg.det(S))
    assert_allclose(np.linalg.slogdet(t).logabsdet, np.linalg.slogdet(S).logabsdet)
    assert_allclose(np.linalg.cholesky(t, upper=True), np.linalg.cholesky(S, upper=True))
    assert isinstance(np.linalg.inv(t), ad.Tensor)


@pytest.mark.parametrize("trans", [0, 1, "T", "C"])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit_diagonal", [False, True])
def test_triangular_systems_are_those_of_scipy(trans, lower, unit_diagonal):
    options = {"trans": trans, "lower": lower, "unit_diagonal": unit_diagonal}
    for b in (normal(4), normal(4, 3)):
        theirs = scipy.linalg.solve_triangular(A, b, **options)
        assert_allclose(ad.linalg.solve_triangular(A, b, **options), theirs, rtol=1e-10)


def test_only_the_triangle_that_is_named_is_read():
    spoilt = np.tril(S) + np.triu(np.full((4, 4), np.nan), 1)
    assert_allclose(ad.linalg.cholesky(spoilt), np.linalg.cholesky(S))
    assert_allclose(ad.linalg.cholesky(spoilt.T, upper=True), np.linalg.cholesky(S).T)
    b = normal(4)
    theirs = scipy.linalg.solve_triangular(S, b, lower=True)
    assert_allclose(ad.linalg.solve_triangular(spoilt, b, lower=True), theirs)


def test_integers_become_float64_and_single_precision_stays():
    assert ad.linalg.inv([[2, 1], [1, 1]]).dtype == np.float64
    assert ad.linalg.solve(A.astype("float32"), np.ones(4, "float32")).dtype == np.float32
    assert ad.linalg.solve(A.astype("float32"), np.ones(4)).dtype == np.float64
    assert ad.linalg.slogdet((A + 1j * S).astype("complex64")).logabsdet.dtype == np.float32


def test_determinants_of_empty_and_of_singular_matrices():
    assert float(ad.linalg.det(np.zeros((0, 0)))) == 1
    singular = np.ones((2, 2))
    assert float(ad.linalg.det(singular)) == 0
    assert [float(x) for x in ad.linalg.slogdet(singular)] == [0, -np.inf]


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 4, 3), (2, 0, 3)])
@pytest.mark.parametrize("full", [False, True])
def test_svd_and_qr_put_together_give_the_matrix(shape, full):
    x = normal(*shape)
    u, s, vh = ad.linalg.svd(x, full)
    theirs = np.linalg.svd(x, full)
    assert [p.shape for p in (u, s, vh)] == [p.shape for p in theirs]
    assert_allclose(s, theirs[1])
    count = s.shape[-1]
    assert_allclose((u[..., :count] * s[..., None, :]) @ vh[..., :count, :], x, atol=1e-12)
    assert_allclose(u.mT @ u, np.broadcast_to(np.eye(u.shape[-1]), (u.mT @ u).shape), atol=1e-12)
    mode = "complete" if full else "reduced"
    theirs = np.linalg.qr(x, mode)
    for ours, part in zip(ad.linalg.qr(x, mode), theirs, strict=True):
        assert_allclose(ours, part, atol=1e-12)
    assert_allclose(ad.linalg.qr(x, "r"), np.linalg.qr(x, "r"), atol=1e-12)


@pytest.mark.parametrize("UPLO", ["L", "U"])
def test_eigenvalues_and_vectors_are_those_of_numpy(UPLO):
    """Of the matrix one triangle is read, so any will do."""
    for x in (A, A + 1j * S, np.stack([A, S])):
        values, vectors = ad.linalg.eigh(x, UPLO)
        theirs = np.linalg.eigh(x, UPLO)
        assert_allclose(values, theirs.eigenvalues)
        assert_allclose(ad.linalg.eigvalsh(x, UPLO), theirs.eigenvalues)
        assert_allclose(np.abs(vectors), np.abs(theirs.eigenvectors), atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 5, 3)])
def test_least_squares(shape):
    a, b = normal(*shape), normal(shape[-2], 2)
    assert_allclose(ad.linalg.pinv(a), np.linalg.pinv(a), atol=1e-12)
    if len(shape) == 2:
        x, residuals, rank, values = ad.linalg.lstsq(a, b)
        theirs = np.linalg.lstsq(a, b)
        assert_allclose(x, theirs[0], atol=1e-12)
        assert int(rank) == theirs[2]
        assert_allclose(values, theirs[3])
        assert_allclose(residuals, np.sum((a @ theirs[0] - b) ** 2, 0), atol=1e-12)
        assert_allclose(ad.linalg.lstsq(a, b[:, 0]).x, theirs[0][:, 0], atol=1e-12)


def test_least_squares_where_the_rank_is_too_small():
    a = normal(5, 2) @ normal(2, 4)
    b = normal(5)
    x, _, rank, _ = ad.linalg.lstsq(a, b)
    assert int(rank) == int(ad.linalg.matrix_rank(a)) == 2
    assert_allclose(x, np.linalg.lstsq(a, b)[0], atol=1e-10)
    assert int(ad.linalg.matrix_rank(A, rtol=1e9)) == 0


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"])
def test_condition_numbers(p):
    assert_allclose(ad.linalg.cond(A, p), np.linalg.cond(A, p), rtol=1e-9)


@pytest.mark.parametrize("ord", [2, -2, "nuc"])
def test_norms_of_singular_values(ord):
    assert_allclose(ad.linalg.matrix_norm(A, ord=ord), np.linalg.norm(A, ord))
    ad.check_gradients(lambda a: ad.linalg.matrix_norm(a, ord=ord), (A,))


# derivatives


def test_coinciding_values_have_derivatives_where_their_vectors_do_not_count():
    sums = (ad.linalg.eigvalsh, ad.linalg.svdvals)
    for values in sums:
        assert_allclose(ad.grad(lambda a, f=values: ad.sum(f(a)))(np.eye(3)), np.eye(3))
    assert_allclose(ad.grad(lambda a: ad.sum(ad.linalg.svdvals(a)))(np.zeros((2, 2))), np.eye(2))


def test_vectors_of_coinciding_values_have_the_derivative_nan():
    with pytest.warns(ad.errors.KinkWarning, match="eigh: values coincide"):
        gradient = ad.grad(lambda a: ad.linalg.eigh(a).eigenvectors[0, 1])(np.eye(2))
        assert np.isnan(gradient).any()


def test_a_matrix_that_is_diagonal_already():
    """The adjoints of its vectors have zeros, which must not hide what they do when they move."""
    a = np.diag([1.0, 2.0, 4.0])
    weights = normal(3, 3)

    def f(a):
        w, v = ad.linalg.eigh((a + a.mT) / 2)
        return ad.sum(weights * ((v * w**3) @ v.mT))

    ad.check_gradients(f, (a,), order=2)
    ad.check_gradients(lambda a: ad.linalg.eigvalsh((a + a.mT) / 2)[1], (a,), order=2)


def test_completed_vectors_have_no_derivative():
    x = normal(4, 2)
    with pytest.raises(NotDifferentiableError, match="full_matrices=False"):
        ad.grad(lambda x: ad.sum(ad.linalg.svd(x).S))(x)
    with pytest.raises(NotDifferentiableError, match=r'mode="reduced"'):
        ad.grad(lambda x: ad.sum(ad.linalg.qr(x, "complete").Q))(x)


def test_gradients_of_all_orders_share_one_decomposition():
    a, b = ad.variable(A), ad.variable(normal(4))
    y = ad.sum(ad.linalg.solve(a, b) ** 2)
    first = ad.gradient(y, a)
    second = ad.gradient(ad.sum(first * S), a)
    names = [n.op.name for n in topological_order([second.node])]
    assert names.count("lu_factor") == 1


def test_the_second_derivative_of_a_determinant_is_exact_at_every_rank():
    """Of polynomials of degree 3 differences of order 8 are exact but for rounding."""
    for rank in range(4):
        a = normal(3, rank) @ normal(rank, 3)
        ad.check_gradients(ad.linalg.det, (a,), order=2, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 3])
def test_the_third_derivative_of_a_determinant(rank):
    a, x, y, z = normal(4, 3, 3)
    a = a[:, :rank] @ a[:rank]

    def along(f, v):
        return lambda a: ad.jvp(f, (a,), (v,))[1]

    def mixed(x, y, z):
        """The coefficient of r s t in det(r x + s y + t z)."""
        total = 0.0
        for i in range(1, 8):
            chosen = [v for k, v in enumerate((x, y, z)) if i >> k & 1]
            total += (-1) ** (3 - len(chosen)) * np.linalg.det(sum(chosen))
        return total

    found = along(along(along(ad.linalg.det, x), y), z)(a)
    assert_allclose(found, mixed(x, y, z))


def test_the_third_derivative_of_a_large_determinant():
    ad.check_gradients(ad.linalg.det, (normal(4, 4),), order=3)


def test_many_right_hand_sides_of_one_matrix_are_one_system():
    right = ad.vmap(lambda b: ad.linalg.solve(A, b))(normal(6, 4))
    shapes = [n.shape for n in topological_order([right.node]) if n.op.name == "lu_solve"]
    assert shapes == [(4, 6)]


def test_the_gradient_of_the_logarithm_is_the_inverse():
    gradient = ad.grad(lambda a: ad.linalg.slogdet(a).logabsdet)(A)
    assert_allclose(gradient, np.linalg.inv(A).T)


def test_mapped_over_the_matrix_the_right_side_or_both():
    a, b = normal(3, 4, 4), normal(3, 4)
    both = ad.vmap(ad.linalg.solve)(a, b)
    assert_allclose(both, np.linalg.solve(a, b[..., None])[..., 0])
    right = ad.vmap(ad.linalg.solve, in_axes=(None, 0))(a[0], b)
    assert_allclose(right, np.linalg.solve(a[0], b.T).T)
    left = ad.vmap(ad.linalg.solve, in_axes=(0, None))(a, b[0])
    assert_allclose(left, np.linalg.solve(a, b[0]))


# mistakes


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky"])
def test_matrices_must_be_square(name):
    with pytest.raises(ShapeError, match=rf"{name}: needs square matrices .* got shape \(2, 3\)"):
        getattr(ad.linalg, name)(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=rf"{name}: needs matrices .* got shape \(2,\)"):
        getattr(ad.linalg, name)(np.ones(2))
    with pytest.raises(DTypeError, match=f"{name}: needs float32, .* got float16"):
        getattr(ad.linalg, name)(np.ones((2, 2), "float16"))


@pytest.mark.parametrize("name", ["solve", "solve_triangular"])
def test_right_hand_sides_must_fit(name):
    function = getattr(ad.linalg, name)
    with pytest.raises(ShapeError, match=r"with 4 rows, got shape \(3,\)"):
        function(A, np.ones(3))
    with pytest.raises(ShapeError, match=r"with 4 rows, got shape \(3, 2\)"):
        function(A, np.ones((3, 2)))
    with pytest.raises(ShapeError, match=f"{name}: the right-hand side must be a vector"):
        function(A, 1.0)
    with pytest.raises(ShapeError, match=rf"{name}: shapes \(2,\) and \(3,\)"):
        function(normal(2, 4, 4), normal(3, 4, 1))


def test_triangular_systems_have_three_kinds():
    with pytest.raises(RangeError, match=r"trans must be 0, 1, 2, .* got 3"):
        ad.linalg.solve_triangular(A, np.ones(4), trans=3)


def test_options_that_do_not_exist():
    with pytest.raises(RangeError, match=r'eigh: UPLO must be "L" or "U", got .X.'):
        ad.linalg.eigh(A, "X")
    with pytest.raises(RangeError, match=r"qr: mode must be .* got .full."):
        ad.linalg.qr(A, "full")
    with pytest.raises(RangeError, match=r"pinv: the relative tolerance must be a number"):
        ad.linalg.pinv(A, rtol="small")


ONES = np.ones((2, 2))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: ad.linalg.solve(ONES, np.ones(2)), "solve: the matrix is singular, pivot 1 is 0"),
        (lambda: ad.linalg.inv(np.stack([np.eye(2), ONES])), r"the matrix at \[1\] of the stack"),
        (lambda: ad.linalg.solve_triangular(np.diag([1.0, 0.0]), np.ones(2)), "number 1 of the d"),
        (lambda: ad.linalg.cholesky(-ONES), "not positive definite: its leading part of size 1"),
        (lambda: ad.grad(lambda a: ad.sum(ad.linalg.inv(a)))(ONES), "the matrix is singular"),
        (lambda: ad.linalg.svdvals(np.full((2, 2), np.nan)), "svd: .* did not converge"),
    ],
)
def test_failures_that_depend_on_values_are_linalgerrors(function, message):
    with pytest.raises(LinAlgError, match=message) as caught:
        print(function())
    assert isinstance(caught.value, np.linalg.LinAlgError)
