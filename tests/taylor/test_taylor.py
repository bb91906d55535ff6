"""Taylor mode: coefficients against 60-digit mathematics, through loops, branches and rules."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, KinkWarning, ShapeError
from adjoint.graph.order import topological_order

pytestmark = pytest.mark.unit

FUNCTIONS = {
    "exp(sin x)": (lambda x: ad.exp(ad.sin(x)), lambda x: mpmath.exp(mpmath.sin(x))),
    "tanh x": (ad.tanh, mpmath.tanh),
    "a quotient": (
        lambda x: (1 + x * x) / (2 + ad.sin(x)),
        lambda x: (1 + x * x) / (2 + mpmath.sin(x)),
    ),
    "log(1 + x²)": (lambda x: ad.log(1 + x * x), lambda x: mpmath.log(1 + x * x)),
    "(1 + x)^2.5": (lambda x: (1 + x) ** 2.5, lambda x: (1 + x) ** 2.5),
    "x^x": (lambda x: x**x, lambda x: x**x),
    "erf": (lambda x: ad.special.erf(x), mpmath.erf),
    "arcsin(x / 2)": (lambda x: ad.arcsin(x / 2), lambda x: mpmath.asin(x / 2)),
    "sqrt(1 + x)": (lambda x: ad.sqrt(1 + x), lambda x: mpmath.sqrt(1 + x)),
    "cosh": (ad.cosh, mpmath.cosh),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_twenty_orders_are_exact(name):
    ours, exact = FUNCTIONS[name]
    with mpmath.workdps(60):
        expected = [float(c) for c in mpmath.taylor(exact, mpmath.mpf(0.7), 20)]
    found = [float(c) for c in ad.taylor(ours, (0.7,), (1.0,), 20)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * max(map(abs, expected)))


def test_compiled_as_uncompiled():
    def f(x, v):
        return ad.taylor(lambda y: ad.exp(ad.sin(y)), (x,), (v,), 12)

    x, v = np.linspace(0.1, 1.0, 5), np.linspace(1.0, 2.0, 5)
    for ours, theirs in zip(ad.compile(f)(x, v), f(x, v), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def nodes_of(order):
    found = ad.taylor(lambda x: ad.exp(ad.sin(x)), (ad.variable(0.7),), (1.0,), order)
    return len(topological_order([found[-1].node]))


def test_the_work_grows_with_the_square_of_the_order():
    small, large = nodes_of(10), nodes_of(40)
    assert large < 1.2 * 16 * small


def steps(x):
    return ad.scan(lambda c, t: (ad.sin(c) * x + t * c, c * t), x, np.linspace(0.0, 1.0, 6))


def rounds(x):
    return ad.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, ad.sin(s[1]) * x), (0, x))[1]


@ad.custom_jvp
def ruled(x):
    return ad.sin(x)


ruled.defjvp(lambda p, t: (ruled(p[0]), ad.cos(p[0]) * t[0]))

HELD = {
    "last state of a scan": lambda x: steps(x)[0],
    "stacked ys of a scan": lambda x: ad.sum(steps(x)[1] ** 2),
    "scanned xs": lambda x: ad.scan(lambda c, t: (c + ad.sin(t), None), 0.0, x * np.arange(4.0))[0],
    "while": rounds,
    "branch taken": lambda x: ad.cond(x > 0, ad.exp, ad.sin, x),
    "other branch": lambda x: ad.cond(x < 0, ad.exp, ad.sin, x),
    "checkpoint": lambda x: ad.checkpoint(lambda y: ad.exp(ad.sin(y)))(x),
    "custom rule": lambda x: ruled(x * x),
    "root": lambda x: ad.root(lambda y: y**3 + y - x, 1.0),
    "loop in a loop": lambda x: ad.fori_loop(0, 3, lambda i, c: steps(c)[0] * 0.1, x),
    "solve": lambda x: ad.sum(ad.linalg.solve(np.eye(2) * 2 + x, np.array([1.0, x]))),
}


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("compiled", [False, True])
def test_through_what_holds_graphs(name, compiled):
    f = HELD[name]
    along = [f]
    for _ in range(3):
        g = along[-1]
        along.append(lambda x, g=g: ad.jvp(g, (x,), (1.0,))[1])

    def series(x):
        return ad.taylor(f, (x,), (1.0,), 3)

    found = (ad.compile(series) if compiled else series)(0.7)
    for k, g in enumerate(along):
        assert float(found[k]) == pytest.approx(float(g(0.7)) / math.factorial(k), rel=1e-11)


def test_a_coefficient_has_derivatives_of_its_own():
    def third(x):
        return ad.taylor(lambda y: ad.exp(ad.sin(y)), (x,), (1.0,), 3)[3]

    fourth = ad.taylor(lambda y: ad.exp(ad.sin(y)), (0.7,), (1.0,), 4)[4]
    assert float(ad.grad(third)(0.7)) == pytest.approx(4 * float(fourth), rel=1e-13)
    np.testing.assert_allclose(ad.vmap(third)(np.array([0.1, 0.7]))[1], third(0.7), rtol=1e-14)


def test_at_a_kink_from_the_second_order_on_nan_and_a_warning():
    with pytest.warns(KinkWarning, match="abs"):
        found = [float(c) for c in ad.taylor(lambda x: ad.exp(ad.abs(x)), (0.0,), (1.0,), 3)]
    assert found[:2] == [1.0, 0.0]
    assert np.isnan(found[2])


def test_what_does_not_leave_a_kink_is_not_spoilt():
    x, v = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    found = ad.taylor(lambda x: ad.sum(ad.maximum(x, 0.0) ** 2), (x,), (v,), 2)
    np.testing.assert_array_equal(found, [1.0, 2.0, 1.0])


def test_the_branch_not_taken_counts_for_nothing():
    def f(x):
        return ad.where(x > 0, ad.sqrt(ad.where(x > 0, x, 0.0)), 0.0)

    np.testing.assert_array_equal(ad.taylor(f, (0.0,), (1.0,), 3), np.zeros(4))


def test_trees_and_several_arguments():
    def f(p, x):
        return {"y": p["w"] * x, "z": p["b"]}

    primals, tangents = ({"w": 2.0, "b": 1.0}, 3.0), ({"w": 1.0, "b": 5.0}, 1.0)
    found = ad.taylor(f, primals, tangents, 2)
    assert [float(c["y"]) for c in found] == [6.0, 5.0, 1.0]
    assert [float(c["z"]) for c in found] == [1.0, 5.0, 0.0]


def test_jet_gives_derivatives_along_a_curve():
    value, found = ad.jet(ad.exp, (1.0,), ([2.0, 3.0, 0.0],))
    e = math.e  # x' = 2, x'' = 3: y'' = e (4 + 3), y''' = e (8 + 3 · 2 · 3)
    np.testing.assert_allclose([value, *found], [e, 2 * e, 7 * e, 26 * e], rtol=1e-14)


def test_kepler_by_taylor_steps():
    """One revolution of an ellipse in steps of order 20, back where it began."""

    def f(t, y):
        r3 = (y[0] ** 2 + y[1] ** 2) ** 1.5
        return ad.stack([y[2], y[3], -y[0] / r3, -y[1] / r3])

    step = ad.compile(lambda t, y, h: ad.polyval(ad.taylor_ode(f, t, y, 20)[::-1], h))
    start = np.array([0.5, 0.0, 0.0, math.sqrt(3.0)])
    y, count = start, 60
    for i in range(count):
        y = np.asarray(step(i * 2 * math.pi / count, y, 2 * math.pi / count))
    np.testing.assert_allclose(y, start, atol=1e-11)


def test_a_right_side_of_the_time():
    found = ad.taylor_ode(lambda t, y: -2 * t * y, 0.0, 1.0, 8)
    np.testing.assert_allclose(found, [1, 0, -1, 0, 1 / 2, 0, -1 / 6, 0, 1 / 24], atol=1e-16)
    assert [float(c) for c in ad.taylor_ode(lambda t, y: 3.0 * t**0, 0.0, 1.0, 2)] == [1, 3, 0]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ad.taylor(ad.sin, 0.0, (1.0,), 2), ArgumentError, "taylor.*primals must be a tup"),
        (lambda: ad.taylor(ad.sin, (0.0,), (1.0,), -1), ArgumentError, "order must be a whole"),
        (lambda: ad.taylor(ad.sin, (0.0,), (1.0, 2.0), 2), ArgumentError, "1 primals but 2"),
        (lambda: ad.taylor(ad.sin, (0.0,), (np.ones(2),), 2), ShapeError, "tangent 0 has shape"),
        (lambda: ad.taylor(3, (0.0,), (1.0,), 2), ArgumentError, "expected a function"),
        (lambda: ad.jet(ad.sin, (0.0,), (1.0,)), ArgumentError, "list of derivatives"),
        (
            lambda: ad.taylor_ode(lambda t, y: (y, y), 0.0, 1.0, 2),
            ArgumentError,
            "the state y0 has",
        ),
        (
            lambda: ad.taylor_ode(lambda t, y: y[0], 0.0, np.ones(2), 2),
            ShapeError,
            "what .* returned has shape",
        ),
    ],
)
def test_errors_say_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    "f", [lambda t: ad.abs(-(t**2)), lambda t: ad.maximum(t**2, 0)], ids=["abs", "maximum"]
)
def test_a_kink_at_a_square_is_none(f):
    """No square is negative, so both are t² on both sides."""
    assert [float(c) for c in ad.taylor(f, (0.0,), (1.0,), 3)] == [0.0, 0.0, 1.0, 0.0]
    assert float(ad.laplacian(f)(0.0)) == 2.0


LATER = {
    "the larger of two": lambda t: ad.max(ad.stack([t**2, -(t**2)])),
    "a norm": lambda t: ad.linalg.norm(ad.stack([t**2, -(t**2)])),
    "relu(t)²": lambda t: ad.nn.relu(t) ** 2,
    "relu(t²)": lambda t: ad.nn.relu(t**2),
    "leaky_relu(-t²)": lambda t: ad.nn.leaky_relu(-(t**2)),
}
"""Functions of which the rule's chosen slope makes the second coefficient wrong, if it counts."""


@pytest.mark.parametrize("f", LATER.values(), ids=list(LATER))
def test_a_kink_left_by_the_second_derivative_is_not_passed_over(f):
    with pytest.warns(KinkWarning):
        value, first, *rest = ad.taylor(f, (0.0,), (1.0,), 3)
        assert float(value) == float(first) == 0.0
        assert np.isnan([float(c) for c in rest]).all()
        assert np.isnan(float(ad.laplacian(f)(0.0)))
    smooth = [float(c) for c in ad.taylor(f, (0.5,), (1.0,), 3)]
    assert np.isfinite(smooth).all()


def test_singular_values_that_leave_zero_have_two_sides():
    def values(a):
        return ad.linalg.svd(a, full_matrices=False)[1]

    a, at_once, later = np.diag([1.0, 0.0]), [[0.3, 0.2], [0.1, 0.7]], [[0.3, 0.2], [0.1, 0.0]]
    for v in (at_once, later):  # the smaller one is |0.7 t| or |0.02 t²|
        with pytest.warns(KinkWarning):
            second = np.asarray(ad.taylor(values, (a,), (np.array(v),), 2)[2])
        np.testing.assert_allclose(second, [0.025, np.nan], rtol=1e-12)
    still = ad.taylor(values, (np.ones((2, 3)),), (np.array([[1.0, 2, 3], [1, 2, 3]]),), 2)[2]
    np.testing.assert_allclose(float(still[1]), 0, atol=1e-12)


@pytest.mark.parametrize("mapped", [lambda f: f, ad.compile], ids=["as it is", "compiled"])
def test_eigenvalues_and_extrema_within_another_transform(mapped):
    a, x = np.array([[4.0, 1, 0.5], [1, 3, 0.2], [0.5, 0.2, 2]]), np.array([0.5, 1.2, 2.1])
    v = np.array([0.3, -0.2, 0.5])
    functions = [
        lambda x: ad.linalg.eigh(a + ad.diag(x**2))[0][0],
        lambda x: ad.linalg.svd(a + ad.diag(x**2))[1][1],
        lambda x: ad.max(x**3),
        lambda x: ad.sum(ad.cummax(ad.sin(2 * x)) ** 3),
        lambda x: ad.sum(ad.nn.relu(x - 1) ** 3),
    ]
    for f in functions:

        def third(x, f=f):
            return ad.taylor(f, (x,), (v,), 3)[3]

        step = 1e-5
        found = np.asarray(mapped(ad.grad(third))(x))
        expected = [
            (float(third(x + e)) - float(third(x - e))) / (2 * step) for e in step * np.eye(3)
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
        trace = np.trace(np.asarray(ad.hessian(f)(x)))
        np.testing.assert_allclose(float(mapped(ad.laplacian(f))(x)), trace, rtol=1e-9)
        both = mapped(ad.vmap(ad.laplacian(f)))(np.stack([x, x]))
        np.testing.assert_allclose(np.asarray(both), [trace, trace], rtol=1e-9)


def test_the_order_may_be_an_integer_of_numpy():
    assert len(ad.taylor(ad.sin, (0.5,), (1.0,), np.int64(3))) == 4
