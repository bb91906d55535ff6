"""Where eigenvalues or singular values coincide: what is smooth has its true derivatives, what
depends on a choice of vectors is nan and says so."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import scipy.linalg

import adjoint as ad
from adjoint.errors import KinkWarning
from tests.sampling import in_turn

pytestmark = pytest.mark.unit

SECOND = {
    "forward over reverse": ad.hessian,
    "reverse over reverse": lambda f: ad.jacrev(ad.jacrev(f)),
    "forward over forward": lambda f: ad.jacfwd(ad.jacfwd(f)),
    "reverse over forward": lambda f: ad.jacrev(ad.jacfwd(f)),
    "compiled": lambda f: ad.compile(ad.hessian(f)),
}
NORMAL = np.random.default_rng(3)
TURN = np.linalg.qr(NORMAL.normal(size=(3, 3)))[0]
WEIGHTS = NORMAL.normal(size=(3, 3))
MATRICES = {
    "the identity": np.eye(3),
    "two equal": TURN @ np.diag([1.0, 1.0, 2.0]) @ TURN.T,
    "two nearly equal": TURN @ np.diag([1.0, 1.0 + 1e-10, 2.0]) @ TURN.T,
    "all distinct": TURN @ np.diag([1.0, 1.7, 2.5]) @ TURN.T,
}
STEP = 2e-3
STENCIL = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))


def symmetric(f):
    return lambda a: f((a + a.T) / 2)


def differences(f, a):
    """The gradient, or the Jacobian, of a function of NumPy by central differences of order 8."""
    rows = []
    for e in np.eye(a.size).reshape(-1, *a.shape):
        rows.append(sum(w * (f(a + k * STEP * e) - f(a - k * STEP * e)) for k, w in STENCIL) / STEP)
    return np.array(rows)


def second_differences(f, a):
    return differences(lambda x: differences(f, x), a).reshape(*a.shape, *a.shape)


values, singular = np.linalg.eigvalsh, lambda a: np.linalg.svd(a)[1]
SYMMETRIC = {
    "Σ exp λ": (
        lambda a: ad.sum(ad.exp(ad.linalg.eigvalsh(a))),
        lambda a: np.sum(np.exp(values(a))),
    ),
    "log det": (
        lambda a: ad.sum(ad.log(ad.linalg.eigvalsh(a))),
        lambda a: np.linalg.slogdet(a)[1],
    ),
    "tr A³": (lambda a: ad.sum(ad.linalg.eigvalsh(a) ** 3), lambda a: np.trace(a @ a @ a)),
    "(tr A)²": (lambda a: ad.sum(ad.linalg.eigvalsh(a)) ** 2, lambda a: np.trace(a) ** 2),
    "log Σ exp λ": (
        lambda a: ad.logsumexp(ad.linalg.eigvalsh(a)),
        lambda a: np.log(np.sum(np.exp(values(a)))),
    ),
    "Π λ": (lambda a: ad.prod(ad.linalg.eigvalsh(a)), np.linalg.det),
    "Σ s²": (lambda a: ad.sum(ad.linalg.svdvals(a) ** 2), lambda a: np.sum(a * a)),
    "Σ s⁴": (lambda a: ad.sum(ad.linalg.svdvals(a) ** 4), lambda a: np.sum(singular(a) ** 4)),
    "nuclear norm": (lambda a: ad.linalg.norm(a, "nuc"), lambda a: np.sum(singular(a))),
}


@cache
def exact_hessian(name, matrix):
    return second_differences(symmetric(SYMMETRIC[name][1]), MATRICES[matrix])


@pytest.mark.parametrize(("name", "matrix", "mode"), in_turn(SYMMETRIC, MATRICES, SECOND, times=2))
def test_symmetric_functions_of_the_values_have_their_true_hessian(name, matrix, mode):
    f, a = SYMMETRIC[name][0], MATRICES[matrix]
    expected = exact_hessian(name, matrix)
    size = max(1.0, np.max(np.abs(expected)))
    found = SECOND[mode](symmetric(f))(a).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-7 * size)


@pytest.mark.parametrize("mode", SECOND)
@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3)])
def test_singular_values_of_matrices_of_any_shape_have_their_hessian(shape, mode):
    a = np.eye(*shape) * 1.5
    found = SECOND[mode](lambda a: ad.sum(ad.linalg.svdvals(a) ** 4))(a).numpy()
    expected = second_differences(lambda a: np.sum((a.T @ a) ** 2), a)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_at_zero_an_even_function_of_singular_values_is_smooth():
    a = np.diag([1.0, 0.0])
    found = ad.hessian(lambda a: ad.sum(ad.linalg.svdvals(a) ** 2))(a).numpy()
    np.testing.assert_allclose(found.reshape(4, 4), 2 * np.eye(4), atol=1e-12)
    with pytest.warns(KinkWarning, match="svd"):
        assert np.isnan(ad.hessian(lambda a: ad.linalg.norm(a, "nuc"))(a).numpy()).any()


def by_columns(a):
    w, v = ad.linalg.eigh(a)
    return (v * ad.exp(w)) @ v.T


def by_rows(a):
    w, v = ad.linalg.eigh(a)
    return v @ (ad.exp(w)[:, None] * v.T)


def by_three(a):
    w, v = ad.linalg.eigh(a)
    return v @ ad.diag(ad.exp(w)) @ v.T


def by_einsum(a):
    w, v = ad.linalg.eigh(a)
    return ad.einsum("ij,j,kj->ik", v, ad.exp(w), v)


def by_svd(a):
    u, s, v = ad.linalg.svd(a)
    return (u * ad.exp(s)) @ v


EXPONENTIALS = (by_columns, by_rows, by_three, by_einsum, by_svd)


@pytest.mark.parametrize("first", [ad.grad, ad.jacfwd, lambda f: ad.compile(ad.grad(f))])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("exponential", EXPONENTIALS)
def test_a_function_of_the_matrix_does_not_depend_on_the_choice_of_vectors(
    exponential, matrix, first
):
    a = MATRICES[matrix]
    f = symmetric(lambda a: ad.sum(WEIGHTS * exponential(a)))
    expected = differences(symmetric(lambda a: np.sum(WEIGHTS * scipy.linalg.expm(a))), a)
    np.testing.assert_allclose(first(f)(a).numpy().ravel(), expected, rtol=1e-7, atol=1e-7)


def test_the_gradient_of_the_exponential_at_the_identity_is_e_times_ones():
    found = ad.grad(lambda a: ad.sum(by_columns(a)))(np.eye(3)).numpy()
    np.testing.assert_allclose(found, np.full((3, 3), np.e))


@pytest.mark.parametrize("matrix", MATRICES)
def test_reverse_mode_sees_that_no_choice_of_vectors_matters_however_it_is_written(matrix):
    a = MATRICES[matrix]

    def f(a):
        w, v = ad.linalg.eigh(a)
        return ad.sum(ad.exp(w) * ad.diagonal(v.T @ WEIGHTS @ v))

    expected = differences(symmetric(lambda a: np.sum(WEIGHTS * scipy.linalg.expm(a))), a)
    np.testing.assert_allclose(
        ad.grad(symmetric(f))(a).numpy().ravel(), expected, rtol=1e-7, atol=1e-7
    )


def test_the_projector_on_all_vectors_of_a_value_has_its_derivative():
    def exact(a):
        _, v = np.linalg.eigh(a)
        return np.sum(WEIGHTS * (v[:, :2] @ v[:, :2].T))

    def f(a):
        _, v = ad.linalg.eigh(a)
        return ad.sum(WEIGHTS * (v[:, :2] @ v[:, :2].T))

    a = MATRICES["two equal"]
    expected = differences(symmetric(exact), a)
    np.testing.assert_allclose(
        ad.grad(symmetric(f))(a).numpy().ravel(), expected, rtol=1e-7, atol=1e-7
    )


DEPENDENT = {
    "a vector": lambda a: ad.linalg.eigh(a).eigenvectors[0, 1],
    "a projector on one of two": lambda a: ad.sum(
        WEIGHTS * ad.outer(ad.linalg.eigh(a)[1][:, 0], ad.linalg.eigh(a)[1][:, 0])
    ),
    "a singular vector": lambda a: ad.linalg.svd(a).U[0, 1],
}


@pytest.mark.parametrize("first", [ad.grad, ad.jacfwd, lambda f: ad.compile(ad.grad(f))])
@pytest.mark.parametrize("name", DEPENDENT)
def test_what_depends_on_the_choice_of_vectors_is_nan_with_a_warning(name, first):
    with pytest.warns(KinkWarning, match=r"(eigh|svd): values coincide") as caught:
        assert np.isnan(first(DEPENDENT[name])(np.eye(3)).numpy()).any()
    assert "Use a function of" in str(caught[0].message)


@pytest.mark.parametrize("mode", SECOND)
def test_one_of_several_equal_values_has_no_second_derivative(mode):
    with pytest.warns(KinkWarning, match="eigh"):
        hessian = SECOND[mode](symmetric(lambda a: ad.linalg.eigvalsh(a)[0]))(np.eye(3))
        assert np.isnan(hessian.numpy()).any()


def test_one_of_several_equal_values_keeps_the_slope_of_its_vector():
    found = ad.grad(lambda a: ad.linalg.eigvalsh(a)[0])(np.eye(3)).numpy()
    np.testing.assert_array_equal(found, np.diag([1.0, 0.0, 0.0]))


def test_each_matrix_of_a_stack_is_checked_by_itself():
    stack = np.stack([MATRICES["the identity"], MATRICES["all distinct"], MATRICES["two equal"]])
    f = symmetric(lambda a: ad.sum(ad.exp(ad.linalg.eigvalsh(a))))
    v = NORMAL.normal(size=(3, 3, 3))
    whole = lambda a: ad.sum(ad.exp(ad.linalg.eigvalsh((a + ad.matrix_transpose(a)) / 2)))
    found = ad.hvp(whole, stack, v).numpy()
    each = [ad.hvp(f, a, x).numpy() for a, x in zip(stack, v, strict=True)]
    np.testing.assert_allclose(found, each, rtol=1e-9)
    mapped = ad.vmap(ad.grad(f))(stack).numpy()
    np.testing.assert_allclose(mapped, [ad.grad(f)(a).numpy() for a in stack], rtol=1e-12)


def test_hermitian_matrices_have_their_hessian_along_a_line():
    x = NORMAL.normal(size=(3, 3)) + 1j * NORMAL.normal(size=(3, 3))
    x = x + x.conj().T

    def along(t):
        return ad.sum(ad.exp(ad.linalg.eigvalsh(np.eye(3) + t * x)))

    expected = np.e * np.sum(np.abs(x) ** 2)
    np.testing.assert_allclose(float(ad.grad(ad.grad(along))(0.0)), expected, rtol=1e-9)


@pytest.mark.parametrize("mode", SECOND)
@pytest.mark.parametrize(
    "matrix", [np.diag([1.0, 2.0, 0.0]), np.outer([1.0, 2.0, 3.0], np.ones(3))]
)
def test_the_nuclear_norm_has_no_second_derivative_where_a_singular_value_is_0(matrix, mode):
    with pytest.warns(KinkWarning, match="svd"):
        found = np.asarray(SECOND[mode](lambda a: ad.linalg.norm(a, "nuc"))(matrix))
    assert np.isnan(found).any()


@pytest.mark.parametrize("mode", SECOND)
def test_even_functions_of_singular_values_have_theirs_where_one_is_0(mode):
    matrix = np.outer([1.0, 2.0, 3.0], np.ones(3))
    found = SECOND[mode](lambda a: ad.sum(ad.linalg.svdvals(a) ** 2))(matrix)
    np.testing.assert_allclose(np.asarray(found).reshape(9, 9), 2 * np.eye(9), atol=1e-12)


@pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning")
@pytest.mark.parametrize("mode", SECOND)
def test_equal_values_of_a_general_matrix_have_no_second_derivative_that_is_wrong(mode):
    f = lambda a: ad.sum(ad.real(ad.exp(ad.linalg.eigvals(a))))
    found = np.asarray(SECOND[mode](f)(np.eye(2)))
    assert np.isnan(found[0, 1]).any()  # e, in truth
    assert np.isnan(found[1, 0]).any()


def test_equal_values_of_a_general_matrix_have_their_gradient_and_the_second_is_warned_of():
    f = lambda a: ad.sum(ad.real(ad.exp(ad.linalg.eigvals(a))))
    np.testing.assert_allclose(np.asarray(ad.grad(f)(np.eye(2))), np.e * np.eye(2), atol=1e-12)
    with pytest.warns(KinkWarning, match="eig: values coincide"):
        np.asarray(ad.jacrev(ad.grad(f))(np.eye(2)))
