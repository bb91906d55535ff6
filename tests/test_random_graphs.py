"""Properties of random graphs: every way to a value or a derivative leads to the same number."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import adjoint as ad
from adjoint.graph.verify import verify

pytestmark = pytest.mark.unit

REPEATABLE = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
"""The same examples each time and everywhere, so that a failure is a change in the code."""

# Smooth functions that stay of moderate size however they are nested. `n` is adjoint or NumPy.
UNARY = {
    "sin": lambda n, x: n.sin(x),
    "cos": lambda n, x: n.cos(x),
    "tanh": lambda n, x: n.tanh(x),
    "exp": lambda n, x: n.exp(-(x * x)),
    "log": lambda n, x: n.log(x * x + 1.0),
    "sqrt": lambda n, x: n.sqrt(x * x + 0.5),
    "negate": lambda n, x: -x,
    "reciprocal": lambda n, x: 1.0 / (2.0 + n.cos(x)),
    "flip": lambda n, x: x[::-1],
    "cumsum": lambda n, x: n.cumsum(x) / 3.0,
    "first": lambda n, x: x[0] + 0.0 * x,
    "turn": lambda n, x: n.reshape(n.reshape(x, (3, 1)), (3,)),
}
BINARY = {
    "add": lambda n, x, y: x + y,
    "subtract": lambda n, x, y: x - y,
    "multiply": lambda n, x, y: x * n.tanh(y),
    "divide": lambda n, x, y: x / (y * y + 1.0),
    "outer": lambda n, x, y: n.sum(x.reshape((3, 1)) * n.sin(y), axis=0),
    "matmul": lambda n, x, y: (x.reshape((1, 3)) @ n.tanh(y.reshape((3, 1)))).reshape(()) + 0.1 * x,
    "where": lambda n, x, y: n.where(n.sin(3.0 * x) > 0, x, n.tanh(y)),
}


@st.composite
def programs(draw: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Steps, each an operation and the earlier values it takes; two vectors come first."""
    steps = []
    for place in range(2, draw(st.integers(1, 8)) + 2):
        # mostly recent values, so that graphs are deep as well as wide
        earlier = st.integers(max(0, place - 4), place - 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(UNARY))), (draw(earlier),)))
        else:
            name = draw(st.sampled_from(sorted(BINARY)))
            steps.append((name, (draw(earlier), draw(earlier))))
    return steps


def run(n: Any, steps: Any, x: Any, y: Any) -> Any:
    """The sum of the last two values of a program."""
    values = [x, y]
    for name, places in steps:
        rule = UNARY.get(name) or BINARY[name]
        values.append(rule(n, *(values[i] for i in places)))
    return n.sum(values[-1] + 0.5 * values[-2])


VECTORS = st.lists(
    st.floats(-2, 2, allow_subnormal=False).map(lambda v: round(v, 3) + 0.0123),
    min_size=3,
    max_size=3,
).map(np.array)


def close(a: Any, b: Any, tolerance: float = 1e-10) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.max(np.abs(b))))


@REPEATABLE
@given(programs(), VECTORS, VECTORS)
def test_the_interpreter_computes_what_numpy_does(steps, x, y):
    out = run(ad, steps, ad.asarray(x), ad.asarray(y))
    verify([out.node])
    close(out, run(np, steps, x, y))


@REPEATABLE
@given(programs(), VECTORS, VECTORS)
def test_every_first_derivative_is_the_same(steps, x, y):
    """gradient, backprop, grad, vjp, jvp: exact to rounding; differences to their own error."""

    def f(x, y):
        return run(ad, steps, x, y)

    vx, vy = ad.variable(x, name="x"), ad.variable(y, name="y")
    out = f(vx, vy)
    extended = ad.gradient(out, [vx, vy])
    verify([g.node for g in extended])
    numbers = ad.backprop(out, [vx, vy])
    functional = ad.grad(f, (0, 1))(x, y)
    pulled = ad.vjp(f, x, y)[1](1.0)
    pushed = [
        [float(ad.jvp(f, (x, y), (e, 0 * e))[1]) for e in np.eye(3)],
        [float(ad.jvp(f, (x, y), (0 * e, e))[1]) for e in np.eye(3)],
    ]
    for way in (numbers, functional, pulled, pushed):
        for found, expected in zip(way, extended, strict=True):
            close(found, expected)
    ad.check_gradients(f, (x, y), modes=("reverse",))


@REPEATABLE
@given(programs(), VECTORS, VECTORS)
def test_the_partial_adjoints_add_up(steps, x, y):
    vx, vy = ad.variable(x), ad.variable(y)
    out = run(ad, steps, vx, vy)
    entries = ad.adjoints(out)
    for node, entry in entries.items():
        total = np.zeros(node.shape)
        for _, partial in entry.partials:
            total = total + partial.numpy()
        close(total, entry.sum())


@settings(REPEATABLE, max_examples=60)
@given(programs(), VECTORS, VECTORS)
def test_second_derivatives_agree_however_they_are_nested(steps, x, v):
    def f(x):
        return run(ad, steps, x, ad.sin(x))

    matrix = ad.hessian(f)(x)
    close(matrix, matrix.T, 1e-9)
    expected = matrix.numpy() @ v
    close(ad.hvp(f, x, v), expected, 1e-9)
    close(ad.grad(lambda x: ad.sum(ad.grad(f)(x) * v))(x), expected, 1e-9)
    close(ad.grad(lambda x: ad.jvp(f, (x,), (v,))[1])(x), expected, 1e-9)
    twice = ad.jvp(lambda x: ad.jvp(f, (x,), (v,))[1], (x,), (v,))[1]
    close(twice, v @ expected, 1e-9)
    close(ad.jacrev(ad.jacfwd(f))(x), matrix, 1e-9)
    close(ad.jacrev(ad.jacrev(f))(x), matrix, 1e-9)
    vx = ad.variable(x)
    (g,) = ad.gradient(f(vx), [vx])
    close(ad.gradient(ad.sum(g * v), vx), expected, 1e-9)
    verify([g.node])


@settings(REPEATABLE, max_examples=25)
@given(programs(), VECTORS)
def test_the_hessian_is_the_difference_of_gradients(steps, x):
    def f(x):
        return run(ad, steps, x, x * x)

    ad.check_gradients(f, x, order=2)


@settings(REPEATABLE, max_examples=60)
@given(programs(), VECTORS, VECTORS)
def test_jacobians_agree_in_both_modes(steps, x, y):
    def f(x):
        z = run(ad, steps, x, ad.asarray(y))
        return ad.stack([z * x[0], ad.sin(z), x[1] * x[2]])

    columns = np.stack([ad.jvp(f, (x,), (e,))[1].numpy() for e in np.eye(3)], axis=1)
    rows = np.stack([ad.vjp(f, x)[1](e)[0].numpy() for e in np.eye(3)])
    close(rows, columns)
    close(ad.jacrev(f)(x), columns)
    close(ad.jacfwd(f)(x), columns)
    close(ad.jacobian(f)(x), columns)


@settings(REPEATABLE, max_examples=60)
@given(programs(), st.lists(VECTORS, min_size=2, max_size=4), VECTORS)
def test_vmap_is_a_loop_whatever_is_nested_in_it(steps, xs, y):
    def f(x, y):
        return run(ad, steps, x, y)

    stack = np.stack(xs)
    close(ad.vmap(f, in_axes=(0, None))(stack, y), [f(ad.asarray(x), ad.asarray(y)) for x in xs])
    g = ad.grad(f, 1)
    close(ad.vmap(g, in_axes=(0, None))(stack, y), np.stack([g(x, y).numpy() for x in xs]))

    def slope(x):
        return ad.jvp(lambda t: f(t, y), (x,), (y,))[1]

    close(ad.vmap(slope)(stack), [float(slope(x)) for x in xs])
    total = ad.grad(lambda y: ad.sum(ad.vmap(f, in_axes=(0, None))(stack, y)))(y)
    close(total, sum(g(x, y).numpy() for x in xs))
    pairs = ad.vmap(lambda x: ad.vmap(lambda z: f(x, z))(stack))(stack)
    close(pairs, [[float(f(ad.asarray(x), ad.asarray(z))) for z in xs] for x in xs])


# Perturbation confusion: each transform must know its own variable.


def test_the_classic_of_nested_derivatives():
    """d/dx (x d/dy (x + y)) at 1 is 1; confusing the two perturbations gives 2."""
    assert float(ad.grad(lambda x: x * ad.grad(lambda y: x + y)(1.0))(1.0)) == 1.0

    def inner(x):
        return ad.jvp(lambda y: x + y, (1.0,), (1.0,))[1]

    assert float(ad.jvp(lambda x: x * inner(x), (1.0,), (1.0,))[1]) == 1.0
    assert float(ad.grad(lambda x: x * inner(x))(1.0)) == 1.0

    def outer(x):
        return x * ad.grad(lambda y: x + y)(1.0)

    assert float(ad.jvp(outer, (1.0,), (1.0,))[1]) == 1.0


def test_nested_derivatives_at_the_same_point():
    """d/dx (x d/dy (x y) at y = x) = d/dx x² = 2x."""
    assert float(ad.grad(lambda x: x * ad.grad(lambda y: x * y)(x))(3.0)) == 6.0
    assert float(ad.grad(lambda x: ad.grad(lambda y: x * y * y)(x))(3.0)) == 12.0


def test_a_variable_that_escapes_into_an_inner_derivative_is_a_constant_there():
    def f(x):
        return ad.grad(lambda y: ad.sin(x) * y)(x) + ad.grad(lambda y: x)(x)

    assert float(ad.grad(f)(0.3)) == pytest.approx(np.cos(0.3))


def test_a_function_that_returns_functions_does_not_confuse_levels():
    """Amazing bug of forward mode (Manzyuk et al.): D (λx. λf. λy. f (x + y)) twice."""

    def s(x):
        return lambda f: lambda y: f(y + x)

    def derivative(f):
        return lambda x: ad.jvp(f, (x,), (1.0,))[1]

    def shifted(x):
        return derivative(s(x)(ad.sin))(0.5)

    assert float(derivative(shifted)(0.2)) == pytest.approx(-np.sin(0.7))


def test_four_levels():
    f = ad.sin
    for _ in range(4):
        f = ad.grad(f)
    assert float(f(0.4)) == pytest.approx(np.sin(0.4))

    def g(x):
        return ad.exp(2.0 * x)

    for _ in range(4):

        def g(x, g=g):
            return ad.jvp(g, (x,), (1.0,))[1]

    assert float(g(0.1)) == pytest.approx(16 * np.exp(0.2))


def test_vmap_inside_grad_inside_vmap():
    xs = np.array([0.1, 0.2, 0.3])

    def f(x):
        return ad.sum(ad.vmap(lambda t: ad.sin(t * x))(xs))

    expected = [np.sum(xs * np.cos(xs * x)) for x in xs]
    close(ad.vmap(ad.grad(f))(xs), expected)
