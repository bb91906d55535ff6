"""Systems of equations, inverses, determinants and decompositions beside NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import adjoint as ad
from adjoint.errors import DTypeError, LinAlgError, RangeError, ShapeError
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


# derivatives


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


def test_the_third_derivative_of_a_determinant():
    a, x, y, z = normal(4, 3, 3)

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


ONES = np.ones((2, 2))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: ad.linalg.solve(ONES, np.ones(2)), "solve: the matrix is singular, pivot 1 is 0"),
        (lambda: ad.linalg.inv(np.stack([np.eye(2), ONES])), r"the matrix at \[1\] of the stack"),
        (lambda: ad.linalg.solve_triangular(np.diag([1.0, 0.0]), np.ones(2)), "number 1 of the d"),
        (lambda: ad.linalg.cholesky(-ONES), "not positive definite: its leading part of size 1"),
        (lambda: ad.grad(lambda a: ad.linalg.slogdet(a)[1])(ONES), "the matrix is singular"),
    ],
)
def test_what_only_the_values_show_is_a_linalgerror(function, message):
    with pytest.raises(LinAlgError, match=message) as caught:
        print(function())
    assert isinstance(caught.value, np.linalg.LinAlgError)
