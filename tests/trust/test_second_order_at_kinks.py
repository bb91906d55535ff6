"""At order two a chosen subgradient never enters a finite result in silence.

Either the function is smooth there, and its true second derivative comes; or it is not, and the
answer is nan and a `KinkWarning` names the operation and the line.
"""

from __future__ import annotations

import warnings

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
}
COMPILED = {f"{name}, compiled": lambda f, t=t: ad.compile(t(f)) for name, t in SECOND.items()}
MODES = SECOND | COMPILED
A = 1.3


def matern52(r):
    return (1 + A * r + A * A * r * r / 3) * ad.exp(-A * r)


def matern32(r):
    return (1 + A * r) * ad.exp(-A * r)


WEIGHTS = np.array([2.0, 0.5, 3.0])
MATRIX = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.25], [0.0, -0.25, 3.0]])
EYE = np.eye(3)
LENGTHS = {
    "norm": (ad.linalg.norm, EYE),
    "√Σx²": (lambda x: ad.sqrt(ad.sum(x**2)), EYE),
    "√Σxx": (lambda x: ad.sum(x * x) ** 0.5, EYE),
    "√(x·x)": (lambda x: ad.sqrt(x @ x), EYE),
    "√Σ(x - y)² at y": (lambda x: ad.sqrt(ad.sum((x - np.zeros(3)) ** 2)), EYE),
    "√Σwx²": (lambda x: ad.sqrt(ad.sum(WEIGHTS * x**2)), np.diag(WEIGHTS)),
    "√Σwxx": (lambda x: ad.sqrt(ad.sum(WEIGHTS * x * x)), np.diag(WEIGHTS)),
    "√(2Σx²)": (lambda x: ad.sqrt(2 * ad.sum(x**2)), 2 * EYE),
    "√mean x²": (lambda x: ad.sqrt(ad.mean(x**2)), EYE / 3),
    "√Σ(x/l)²": (lambda x: ad.sqrt(ad.sum((x / WEIGHTS) ** 2)), np.diag(WEIGHTS**-2.0)),
    "√Σx²/l²": (lambda x: ad.sqrt(ad.sum(x**2 / WEIGHTS**2)), np.diag(WEIGHTS**-2.0)),
    "√(xAx)": (lambda x: ad.sqrt(x @ MATRIX @ x), MATRIX),
    "√(x·Ax)": (lambda x: ad.sqrt(ad.sum(x * (MATRIX @ x))), MATRIX),
    "√(x² + 2y² + 3z²)": (
        lambda x: ad.sqrt(x[0] ** 2 + 2 * x[1] ** 2 + 3 * x[2] * x[2]),
        np.diag([1.0, 2.0, 3.0]),
    ),
    "hypot": (lambda x: ad.hypot(x[0], 2 * x[1]), np.diag([1.0, 4.0, 0.0])),
    "|z|": (lambda x: ad.abs(x[0] + 1j * x[1]), np.diag([1.0, 1.0, 0.0])),
    "std": (ad.std, (EYE - 1 / 3) / 3),
}
EVEN = {
    "Matérn 5/2": (matern52, -A * A / 3),
    "Matérn 3/2": (matern32, -A * A),
    "cos r": (ad.cos, -1.0),
    "exp(-r²/2)": (lambda r: ad.exp(-(r**2) / 2), -1.0),
    "r²": (lambda r: r**2, 2.0),
    "r³": (lambda r: r**3, 0.0),
    "log(1 + r²)": (lambda r: ad.log1p(r * r), 2.0),
    "1 / (1 + r²)": (lambda r: 1 / (1 + r**2), -2.0),
    "r tanh r": (lambda r: r * ad.tanh(r), 2.0),
    "exp(r) - r": (lambda r: ad.exp(r) - r, 1.0),
}


@pytest.mark.parametrize(("even", "length", "mode"), in_turn(EVEN, LENGTHS, SECOND))
def test_an_even_function_of_a_length_has_its_true_hessian_at_zero(even, length, mode):
    phi, curvature = EVEN[even]
    r, metric = LENGTHS[length]
    found = SECOND[mode](lambda x: phi(r(x)))(np.zeros(3)).numpy()
    np.testing.assert_allclose(found, curvature * metric, atol=1e-12)


@pytest.mark.parametrize(("length", "mode"), in_turn(LENGTHS, COMPILED))
def test_a_compiled_kernel_has_its_true_hessian_on_every_call(length, mode):
    r, metric = LENGTHS[length]
    hessian = COMPILED[mode](lambda x: matern52(r(x)))
    points = (np.array([0.3, -0.2, 0.1]), np.zeros(3), np.array([0.0, 0.4, 0.0]), np.zeros(3))
    for x in points:
        plain = ad.hessian(lambda x: matern52(r(x)))(x).numpy()
        np.testing.assert_allclose(hessian(x).numpy(), plain, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(hessian(np.zeros(3)).numpy(), -A * A / 3 * metric, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_has_the_slope_zero_at_zero_in_both_modes(length):
    r, _ = LENGTHS[length]
    for first in (ad.grad(r), ad.jacfwd(r), ad.compile(ad.grad(r)), ad.compile(ad.jacfwd(r))):
        for _ in range(3):
            np.testing.assert_array_equal(first(np.zeros(3)).numpy(), 0)


@pytest.mark.parametrize("mode", MODES)
def test_a_gram_matrix_with_its_diagonal_has_the_hessian_of_differences(mode):
    """The log-likelihood of a Gaussian process by its inputs: each is 0 away from itself."""
    y = np.array([1.0, 2.0, -1.0])

    def loss(x):
        x = ad.reshape(x, (3, 2))
        r = ad.linalg.norm(x[:, None, :] - x[None, :, :], axis=-1)
        k = matern52(r) + 0.1 * np.eye(3)
        return ad.sum(y * ad.linalg.solve(k, y)) + ad.linalg.slogdet(k)[1]

    x = np.array([0.0, 0.0, 1.0, 0.5, 0.3, 2.0])
    gradient, step = ad.grad(loss), 1e-5
    rows = [gradient(x + step * e).numpy() - gradient(x - step * e).numpy() for e in np.eye(6)]
    np.testing.assert_allclose(MODES[mode](loss)(x).numpy(), np.array(rows) / (2 * step), atol=1e-8)


def test_each_example_of_a_batch_is_checked_by_itself():
    rows = np.array([[0.0, 0.0], [1.0, 0.0]])
    far = np.diag([-0.09365100847958796, -0.353110359841069])
    near = -A * A / 3 * np.eye(2)
    hessian = ad.hessian(lambda x: matern52(ad.linalg.norm(x)))
    np.testing.assert_allclose(ad.vmap(hessian)(rows).numpy(), [near, far], rtol=1e-12)
    whole = ad.hessian(lambda x: ad.sum(matern52(ad.linalg.norm(x, axis=1))))(rows).numpy()
    np.testing.assert_allclose(whole[0, :, 0], near, atol=1e-12)
    np.testing.assert_allclose(whole[1, :, 1], far, atol=1e-12)
    outer = ad.grad(lambda x: ad.sum(ad.vmap(ad.grad(lambda x: ad.cos(ad.abs(x))))(x)))
    np.testing.assert_allclose(outer(np.array([0.0, 1.0])).numpy(), [-1, -np.cos(1.0)])


def test_products_with_a_hessian_are_as_the_hessian():
    v = np.array([1.0, 2.0])
    f = lambda x: matern52(ad.linalg.norm(x))
    expected = -A * A / 3 * v
    np.testing.assert_allclose(ad.hvp(f, np.zeros(2), v).numpy(), expected)
    along = lambda x: ad.jvp(f, (x,), (v,))[1]
    np.testing.assert_allclose(float(ad.jvp(along, (np.zeros(2),), (v,))[1]), expected @ v)
    np.testing.assert_allclose(ad.grad(along)(np.zeros(2)).numpy(), expected)
    x = ad.variable(np.zeros(2))
    slope = ad.gradient(f(x), x)
    np.testing.assert_allclose(ad.gradient(slope[1], x).numpy(), [0, -A * A / 3])


def test_hyperparameters_beside_a_kink_have_their_mixed_derivatives():
    def f(x, a):
        r = ad.linalg.norm(x)
        return a * (1 + a * r) * ad.exp(-a * r)

    (xx, xa), (ax, aa) = ad.hessian(f, (0, 1))(np.zeros(2), 1.5)
    np.testing.assert_allclose(xx.numpy(), -(1.5**3) * np.eye(2))
    for mixed in (xa, ax):
        np.testing.assert_array_equal(mixed.numpy(), 0)
    assert float(aa) == 0


STRAIGHT = {
    "abs": ad.abs,
    "relu": ad.nn.relu,
    "leaky relu": ad.nn.leaky_relu,
    "maximum": lambda x: ad.maximum(x, 0.0),
    "clip": lambda x: ad.clip(x, 0.0, 1.0),
    "max(x, -x)": lambda x: ad.maximum(x, -x),
    "√(x² + 4x²)": lambda x: ad.sqrt(x**2 + 4 * x**2),
    "fmin": lambda x: ad.fmin(x, 0.0),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STRAIGHT)
def test_what_is_straight_on_both_sides_has_the_second_derivative_zero(name, mode):
    f = STRAIGHT[name]
    np.testing.assert_array_equal(MODES[mode](lambda x: ad.sum(f(x)))(np.zeros(2)).numpy(), 0)
    np.testing.assert_array_equal(MODES[mode](lambda x: ad.sum(3 * f(x)))(np.zeros(2)).numpy(), 0)


@pytest.mark.parametrize("mode", MODES)
def test_smooth_products_of_kinks_have_their_true_value(mode):
    point = np.array([0.0, 1.0])
    for f, expected in (
        (lambda x: ad.sum(ad.abs(x) ** 3), [0, 6]),
        (lambda x: ad.sum(x * x * ad.abs(x)), [0, 6]),
        (lambda x: ad.sum(ad.maximum(x, 0.0) ** 3), [0, 6]),
        (lambda x: ad.sum(ad.nn.relu(x) ** 3), [0, 6]),
        (lambda x: ad.sum(ad.cos(ad.maximum(x, -x))), [-1, -np.cos(1.0)]),
    ):
        np.testing.assert_allclose(MODES[mode](f)(point).numpy(), np.diag(expected), atol=1e-15)


OF_ONE_SIGN = {
    "|-x²|": (lambda x: ad.abs(-(x**2)), 2.0),
    "|-x x|": (lambda x: ad.abs(-x * x), 2.0),
    "|3 x²|": (lambda x: ad.abs(x * x * 3), 6.0),
    "|x² + x⁴|": (lambda x: ad.abs(x**2 + x**4), 2.0),
    "|exp x|": (lambda x: ad.abs(ad.exp(x)), 1.0),
    "max(x², 0)": (lambda x: ad.maximum(x * x, 0.0), 2.0),
    "min(-1, -x²)": (lambda x: ad.minimum(1.0, -(x**2)), -2.0),
    "|x³|": (lambda x: ad.abs(x**3), 0.0),
}


@pytest.mark.parametrize("name", OF_ONE_SIGN)
def test_a_kink_that_is_met_but_not_crossed_has_the_true_second_derivative(name):
    f, expected = OF_ONE_SIGN[name]
    for mode in SECOND.values():
        assert float(mode(f)(0.0)) == expected
    assert float(ad.grad(ad.grad(f))(0.0)) == expected
    assert float(ad.compile(ad.grad(ad.grad(f)))(0.0)) == expected


@pytest.mark.parametrize("mode", SECOND)
def test_what_is_straight_in_the_variables_is_not_spoilt_by_what_is_curved_elsewhere(mode):
    """The second element is curved, but not at its kink; the first is at its kink, but straight."""
    f = lambda x: ad.sum(ad.abs(ad.stack([W[0] @ x, 1 + x[0] ** 2])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(np.asarray(SECOND[mode](f)(np.zeros(2))), np.diag([2.0, 0]))


def test_second_sweeps_by_hand_see_what_is_curved_too():
    for f in (lambda x: ad.abs(1 - ad.cos(x)), lambda x: ad.nn.relu(x * x)):
        with pytest.warns(KinkWarning):
            assert np.isnan(float(ad.grad(ad.grad(f))(0.0)))


W = np.array([[1.0, 2.0], [0.5, -1.0]])
SPOILT = {
    "abs: of what is curved": (lambda x: ad.sum(ad.abs(1 - ad.cos(x))), [0.0, 1.0]),
    "minimum: one side curved": (lambda x: ad.minimum(x[0] ** 2, x[1]), [0.0, 0.0]),
    "max: of what is curved": (lambda x: ad.max(x**2), [1.0, 1.0]),
    "relu: of a product": (lambda x: ad.nn.relu(x[0] * x[1]), [1.0, 0.0]),
    "abs": (lambda x: ad.sum(ad.exp(-ad.abs(x))), [0.0, 1.0]),
    "norm2": (lambda x: ad.exp(-ad.linalg.norm(x)), [0.0, 0.0]),
    "norm2: alone": (ad.linalg.norm, [0.0, 0.0]),
    "norm2: a root": (lambda x: ad.exp(-ad.sqrt(ad.sum(WEIGHTS[:2] * x * x))), [0.0, 0.0]),
    "hypot": (lambda x: ad.exp(ad.hypot(x[0], x[1])), [0.0, 0.0]),
    "relu": (lambda x: ad.sum(ad.nn.relu(x) ** 2), [0.0, 1.0]),
    "leaky_relu": (lambda x: ad.sum(ad.nn.leaky_relu(x) ** 2), [0.0, 1.0]),
    "hard_tanh": (lambda x: ad.sum(ad.nn.hard_tanh(x) ** 2), [1.0, 0.5]),
    "maximum": (lambda x: ad.sum(ad.maximum(x, 0.0) ** 2), [0.0, 1.0]),
    "maximum: a tie": (lambda x: ad.maximum(x[0], x[1]) ** 2, [1.0, 1.0]),
    "minimum": (lambda x: ad.exp(ad.minimum(x[0], x[1])), [1.0, 1.0]),
    "fmax": (lambda x: ad.sum(ad.fmax(x, 0.0) ** 2), [0.0, 1.0]),
    "clip": (lambda x: ad.sum(ad.clip(x, -1, 1) ** 2), [1.0, 0.5]),
    "max": (lambda x: ad.max(x) ** 2, [1.0, 1.0]),
    "min": (lambda x: ad.min(x) ** 2, [1.0, 1.0]),
    "order_statistic": (lambda x: ad.median(x) ** 2, [1.0, 1.0, 2.0]),
    "nanmedian": (lambda x: ad.nanmedian(ad.append(x, np.nan)) ** 2, [1.0, 1.0, 2.0]),
    "interp": (lambda x: ad.sum(ad.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]) ** 2), [1.0, 0.5]),
    "abs|vector_norm": (lambda x: ad.cos(ad.linalg.vector_norm(x, ord=3)), [0.0, 0.0]),
    "abs: 1-norm": (lambda x: ad.cos(ad.linalg.vector_norm(x, ord=1)), [0.0, 1.0]),
    "abs: a product": (lambda x: ad.abs(x[0]) * ad.abs(x[1]), [0.0, 0.0]),
    "abs: beside its argument": (lambda x: ad.sum(x * ad.abs(x)), [0.0, 1.0]),
    "abs|maximum: two kinks": (lambda x: ad.sum(ad.maximum(x, 0.0) * ad.abs(x)), [0.0, 1.0]),
    "abs: its weight varies": (lambda x: x[0] * ad.abs(x[1]), [1.0, 0.0]),
    "abs|hypot: a size of sizes": (
        lambda x: ad.cos(ad.hypot(ad.abs(x[0]), ad.abs(x[1]))),
        [0.0, 0.0],
    ),
    "abs|norm2: a norm of sizes": (lambda x: ad.cos(ad.linalg.norm(W @ ad.abs(x))), [0.0, 0.0]),
    "relu: in a network": (lambda x: ad.sum((W @ ad.nn.relu(W @ x) - 1) ** 2), [0.0, 0.0]),
    "sort": (lambda x: ad.sum(WEIGHTS * ad.sort(x) ** 2), [1.0, 0.5, 1.0]),
    "sort: of what is curved": (lambda x: ad.sum(WEIGHTS * ad.sort(x**2)), [1.0, 0.5, 1.0]),
    "sort: some of it": (lambda x: ad.sum(ad.sort(x)[:2] ** 2), [1.0, 1.0, 0.5]),
    "sort: a weight that varies": (lambda x: ad.sort(x[:2])[0] * x[2], [1.0, 1.0, 0.5]),
    "top_k: left out": (lambda x: ad.sum(ad.top_k(x, 2)[0] ** 2), [1.0, 0.5, 0.5]),
    "copysign": (lambda x: ad.sum(ad.exp(ad.copysign(x, 1.0))), [0.0, 1.0]),
}


@pytest.mark.parametrize(("name", "mode"), in_turn(SPOILT, MODES, times=3))
def test_where_no_second_derivative_exists_it_is_nan_and_warned_of(name, mode):
    f, x = SPOILT[name]
    hessian = MODES[mode](f)
    for _ in range(3):  # the first call of a compiled function, and later ones
        with pytest.warns(KinkWarning, match=name.split(":")[0]) as caught:
            assert np.isnan(hessian(np.array(x)).numpy()).any()
    assert any("test_second_order_at_kinks.py:" in str(w.message) for w in caught)


@pytest.mark.parametrize("name", SPOILT)
def test_away_from_the_kink_nothing_is_spoilt(name):
    f, x = SPOILT[name]
    x = np.array(x) + np.linspace(0.11, 0.23, len(x))
    gradient, step = ad.grad(f), 1e-5
    for mode in SECOND.values():
        rows = [
            (gradient(x + step * e).numpy() - gradient(x - step * e).numpy()) / (2 * step)
            for e in np.eye(len(x))
        ]
        np.testing.assert_allclose(mode(f)(x).numpy(), rows, rtol=1e-6, atol=1e-8)


def test_the_third_derivative_at_a_kink_is_never_a_number_in_silence():
    for f in (lambda x: matern32(ad.abs(x)), lambda x: ad.cos(ad.abs(x))):
        third = ad.grad(ad.grad(ad.grad(f)))
        with pytest.warns(KinkWarning, match="abs"):
            assert np.isnan(float(third(0.0)))
    assert float(ad.grad(ad.grad(ad.grad(lambda x: ad.abs(x) ** 2)))(0.0)) == 0
    assert float(ad.grad(ad.grad(ad.grad(ad.abs)))(0.0)) == 0


def test_first_derivatives_at_kinks_stay_as_they_were_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f, x in SPOILT.values():
            assert np.isfinite(ad.grad(f)(np.array(x)).numpy()).all()
            assert np.isfinite(ad.jacfwd(f)(np.array(x)).numpy()).all()


def test_a_first_derivative_compiled_has_no_trace_of_marks():
    f = ad.compile(ad.grad(lambda x: ad.sum(ad.exp(-ad.abs(x)))))
    f(np.ones(3))
    assert "mark" not in str(f.text("graph"))


TURNS = {
    "r² cos 2θ": lambda x: ad.sum(x**2) * ad.cos(2 * ad.arctan2(x[1], x[0])),  # x² - y², in truth
    "|z|² cos 2 arg z": lambda x: (
        ad.abs(x[0] + 1j * x[1]) ** 2 * ad.cos(2 * ad.angle(x[0] + 1j * x[1]))
    ),
    "θ": lambda x: ad.arctan2(x[1], x[0]),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TURNS)
def test_an_angle_at_the_origin_says_that_nothing_is_known(name, mode):
    with pytest.warns(KinkWarning, match="arctan2"):
        found = np.asarray(MODES[mode](TURNS[name])(np.zeros(2)))
    assert np.isnan(found).any()


@pytest.mark.parametrize("mode", MODES)
def test_an_angle_that_is_not_taken_meets_no_kink(mode):
    def f(x):
        return ad.where(ad.sum(x**2) > 0, ad.arctan2(x[1], x[0]) * x[0], x[0] ** 2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.asarray(MODES[mode](f)(np.zeros(2)))
    np.testing.assert_array_equal(np.asarray(found), [[2, 0], [0, 0]])


TRIANGLE = np.array([[2.0, 0.3, 0.5], [0.0, 3.0, 0.2], [0.0, 0.0, 1.0]])
ZERO_BY_CONSTRUCTION = {
    "cholesky": lambda x: np.linalg.cholesky(TRIANGLE.T @ TRIANGLE + np.diag(x)),
    "inv": lambda x: np.linalg.inv(TRIANGLE + np.diag(x)),
    "solve": lambda x: np.linalg.solve(np.diag(x), np.eye(3)),
    "solve_triangular": lambda x: scipy.linalg.solve_triangular(TRIANGLE + np.diag(x), TRIANGLE),
    "pinv": lambda x: np.linalg.pinv(np.diag(x)),
    "expm": lambda x: scipy.linalg.expm(TRIANGLE * x),
    "sqrtm": lambda x: scipy.linalg.sqrtm(np.diag(x**2)),
    "qr": lambda x: np.linalg.qr(TRIANGLE.T + np.diag(x))[1],
    "lu": lambda x: scipy.linalg.lu(TRIANGLE.T + np.diag(x))[1],
}


UNSEEN = {("expm", "reverse over reverse")}
"""The block matrix that its derivative is taken of hides that what arrives has no part in it."""


@pytest.mark.parametrize(
    ("name", "mode"),
    [(n, m) for n in ZERO_BY_CONSTRUCTION for m in SECOND if (n, m) not in UNSEEN],
)
def test_what_a_decomposition_leaves_zero_is_not_a_kink_that_is_crossed(name, mode):
    f, x = ZERO_BY_CONSTRUCTION[name], np.array([0.4, 0.7, 1.1])
    there = np.abs(np.asarray(f(x))) > 1e-12
    assert not there.all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.asarray(SECOND[mode](lambda x: ad.sum(ad.abs(f(x))))(x))
    np.testing.assert_allclose(
        found, np.asarray(ad.hessian(lambda x: ad.sum(ad.abs(f(x))[there]))(x)), atol=1e-12
    )


def test_what_crosses_zero_in_a_decomposition_is_a_kink():
    f = lambda x: ad.abs(np.linalg.inv(ad.stack([1.0, x + x**2, 0.0, 1.0]).reshape(2, 2))[0, 1])
    with pytest.warns(KinkWarning, match="abs"):
        assert np.isnan(float(ad.grad(ad.grad(f))(0.0)))


ALIKE = {
    "squares": lambda x: ad.sum(ad.sort(x) ** 2),
    "of what is curved": lambda x: ad.sum(ad.sort(x**2)),
    "along rows": lambda x: ad.sum(ad.sort(ad.stack([x, x**2]), axis=1, descending=True) ** 2),
    "straight": lambda x: ad.sum(ad.sort(x) * WEIGHTS),
    "the largest": lambda x: ad.sum(ad.top_k(x, 2)[0] ** 2),
    "a weight for all": lambda x: ad.sum(ad.sort(x[:2]) ** 2) * x[2],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ALIKE)
def test_what_treats_equal_elements_alike_is_smooth_in_their_order(name, mode):
    f, x = ALIKE[name], np.array([1.5, 1.5, 0.5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.asarray(MODES[mode](f)(x))
    apart = np.array([1.5, 1.5 + 1e-12, 0.5])  # no tie
    np.testing.assert_allclose(found, np.asarray(ad.hessian(f)(apart)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("f", [ad.sort, ad.cummax, lambda x: ad.top_k(x, 1)[0]])
def test_series_in_a_tie_are_nan_and_warned_of_from_the_second_order_on(f):
    with pytest.warns(KinkWarning):
        found = ad.taylor(lambda x: ad.sum(f(x) ** 2), (np.ones(2),), (np.array([1.0, 2.0]),), 3)
        assert np.isnan(np.asarray(found[2:])).all()
    assert np.isfinite(np.asarray(found[:2])).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("running", [ad.cummax, ad.cummin])
def test_a_running_extremum_in_a_tie_is_nan_and_warned_of(running, mode):
    with pytest.warns(KinkWarning, match="cumm"):
        found = np.asarray(MODES[mode](lambda x: ad.sum(running(x) ** 2))(np.ones(2)))
    assert np.isnan(found).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_running_extremum_without_ties_or_straight_is_known(mode):
    apart = np.array([1.0, 0.5, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        square = np.asarray(MODES[mode](lambda x: ad.sum(ad.cummax(x) ** 2))(apart))
        straight = np.asarray(MODES[mode](lambda x: ad.sum(ad.cummax(x) * WEIGHTS))(np.ones(3)))
    np.testing.assert_array_equal(square, np.diag([4.0, 0.0, 2.0]))
    np.testing.assert_array_equal(straight, np.zeros((3, 3)))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, -1])
def test_a_norm_of_rows_has_its_hessian_whatever_shape_it_keeps(axis, keepdims):
    def f(x):
        norms = np.linalg.norm(x, ord=3, axis=axis, keepdims=keepdims)
        return np.sum(norms**2) * np.sum(np.sin(x))

    x, v = np.linspace(-0.7, 1.1, 6).reshape(2, 3), np.cos(np.arange(6.0)).reshape(2, 3)
    after, before = (ad.grad(f)(x + h * v).numpy() for h in (1e-5, -1e-5))
    (found,) = ad.hvp(f, (x,), (v,))
    np.testing.assert_allclose(found, (after - before) / 2e-5, rtol=1e-5, atol=1e-6)
