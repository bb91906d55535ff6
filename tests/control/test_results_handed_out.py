"""Derivatives by what loops, branches and traced functions hand out: right, or an error, never 0.

In the graph such a result is read by nobody, though the program made others of it.
"""

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import HistoryError
from adjoint.scipy.integrate import solve_ivp


def pair(x):
    h = ad.sin(x)
    return h * h, h


def kept_apart(x):
    return ad.square(ad.sin(x)), ad.cos(x)


def through_loop(x):
    def step(c, _):
        c = ad.sin(c)
        return c, c

    return ad.scan(step, x, length=4)


def stated_forward(x):
    f = ad.custom_jvp(pair)
    f.defjvp(lambda p, t: (pair(*p), (ad.sin(2 * p[0]) * t[0], ad.cos(p[0]) * t[0])))
    return f(x)


def stated_back(x):
    f = ad.custom_vjp(pair)
    f.defvjp(lambda x: (pair(x), x), lambda x, c: (ad.sin(2 * x) * c[0] + ad.cos(x) * c[1],))
    return f(x)


def of_numpy(x):
    def slopes(arguments, value, c):
        (x,) = arguments
        return (np.sin(2 * x) * c[0] + np.cos(x) * c[1],)

    number = ((), np.float64)
    return ad.op(
        lambda x: (np.sin(x) ** 2, np.sin(x)), result=[number, number], vjp=slopes, name="pair"
    )(x)


HIDING = {
    "checkpoint": ad.checkpoint(pair),
    "checkpoint of a policy": ad.checkpoint(pair, policy="everything_saveable"),
    "what is passed through": ad.checkpoint(lambda x: (ad.sin(x), x)),
    "the same twice": ad.checkpoint(lambda x: (ad.sin(x),) * 2),
    "cond": lambda x: ad.cond(x > 0, pair, kept_apart, x),
    "switch": lambda x: ad.switch(1, [kept_apart, pair], x),
    "scan": through_loop,
    "the last of scan": lambda x: through_loop(x)[::-1],
    "states of scan": lambda x: ad.scan(lambda c, _: ((c[0] * c[1], c[0]), None), (x, x), length=3)[
        0
    ],
    "an earlier step": lambda x: (lambda ys: (ys[3], ys[1]))(through_loop(x)[1]),
    "while": lambda x: ad.while_loop(lambda s: s[0] < 9, lambda s: (s[1] + s[0], s[0]), (x, x)),
    "fori": lambda x: ad.fori_loop(0, 3, lambda _, s: (s[0] * s[1], s[0]), (x, x)),
    "map": lambda x: ad.map(pair, ad.stack([x, x])),
    "vmap of checkpoint": lambda x: ad.vmap(ad.checkpoint(pair))(ad.stack([x, x])),
    "vmap of scan": lambda x: ad.vmap(through_loop)(ad.stack([x, x])),
    "within checkpoint": ad.checkpoint(ad.checkpoint(pair)),
    "a view of a state": lambda x: ad.scan(
        lambda c, _: (c * ad.flip(c), c[0]), ad.stack([x, x]), length=3
    ),
    "an element": ad.checkpoint(lambda x: (lambda v: (v[0] * v[1], v[0]))(ad.stack([x, x]))),
    "a state of a loop within": ad.checkpoint(
        lambda x: (lambda r: (r[0], r[1][2]))(through_loop(x))
    ),
    "custom_jvp": stated_forward,
    "custom_vjp": stated_back,
    "op": of_numpy,
}


@pytest.mark.parametrize("function", HIDING.values(), ids=HIDING)
def test_by_a_result_of_which_another_is_made(function):
    y, h = function(ad.variable(0.7))
    with pytest.raises(HistoryError, match="handed out by one operation"):
        ad.gradient(ad.sum(y), [h])
    with pytest.raises(HistoryError, match="handed out by one operation"):
        ad.gradient(ad.sum(y) + ad.sum(h), [h])
    with pytest.raises(HistoryError, match="handed out by one operation"):
        ad.backprop(ad.sum(y), [h])


@pytest.mark.parametrize("name", ["checkpoint", "cond", "scan", "while", "map"])
def test_the_derivative_of_another_result(name):
    x = ad.variable(0.7)
    y, h = HIDING[name](x)
    slope = ad.gradient(ad.sum(y), x)
    with pytest.raises(HistoryError, match="the derivative of another result"):
        ad.gradient(slope, [h])
    with pytest.raises(HistoryError, match="derivative"):
        ad.gradient(ad.gradient(slope, x), [h])


def test_in_a_compiled_function():
    def f(x):
        y, h = ad.checkpoint(pair)(x)
        return ad.gradient(y, [h])

    with pytest.raises(HistoryError):
        ad.compile(f)(0.7)


@pytest.mark.parametrize("function", HIDING.values(), ids=HIDING)
def test_what_is_computed_outside_is_answered(function):
    x = ad.variable(0.7)
    _, h = function(x)
    top = ad.exp(h) * h
    want = np.exp(np.asarray(h)) * (1 + np.asarray(h))
    np.testing.assert_allclose(ad.gradient(top, h, np.ones(h.shape)), want, rtol=1e-14)
    assert np.all(np.isfinite(np.asarray(ad.gradient(ad.sum(top), x))))


def test_results_that_are_not_made_of_each_other_are_apart():
    x = ad.variable(0.7)
    for function in (ad.checkpoint(kept_apart), lambda x: ad.map(kept_apart, ad.stack([x, x]))):
        y, h = function(x)
        loss = ad.sum(y * y) + ad.sum(h)
        assert np.array_equal(ad.gradient(ad.sum(y), h), np.zeros(h.shape))
        np.testing.assert_allclose(ad.gradient(loss, y), 2 * np.asarray(y))
        slope = ad.gradient(ad.sum(y), x)
        assert np.array_equal(ad.gradient(slope, h), np.zeros(h.shape))
    total, energies = ad.scan(lambda c, _: (ad.sin(c), ad.stop_gradient(c)), x, length=3)
    assert np.array_equal(ad.gradient(total, energies), np.zeros(3))
    total, squares = ad.scan(lambda c, _: (ad.sin(c), c * c), x, length=3)  # read by no later step
    assert np.array_equal(ad.gradient(total, squares), np.zeros(3))


def leaking(transform):
    """The result of a transformed function, and a tensor that the function left lying about."""
    held = []

    def f(x):
        held.append(ad.sin(x))
        return held[-1] * held[-1]

    return transform(f), held


LEAKS = {
    "checkpoint": lambda f: ad.checkpoint(f)(ad.variable(0.7)),
    "cond": lambda f: ad.cond(True, f, ad.sin, ad.variable(0.7)),
    "scan": lambda f: ad.scan(lambda c, _: (f(c), None), ad.variable(0.7), length=3)[0],
    "while": lambda f: ad.while_loop(lambda c: c > 0.1, f, ad.variable(0.7)),
    "vmap": lambda f: ad.sum(ad.vmap(f)(ad.stack([ad.variable(0.7)] * 2))),
    "root": lambda f: ad.root(lambda z: f(z) - ad.variable(0.2), 1.0),
    "compile": lambda f: ad.compile(f)(0.7),
}


@pytest.mark.parametrize("transform", LEAKS.values(), ids=LEAKS)
def test_by_what_a_traced_function_left_lying_about(transform):
    y, held = leaking(transform)
    with pytest.raises(HistoryError, match="while a function was traced"):
        ad.gradient(y, [held[0]])


def test_by_the_argument_of_a_traced_function():
    held = []
    y = ad.checkpoint(lambda x: (held.append(x), ad.sin(x))[1])(ad.variable(0.7))
    with pytest.raises(HistoryError, match="while a function was traced"):
        ad.gradient(y, held)


@pytest.mark.parametrize("transform", [ad.grad, lambda f: lambda x: ad.jvp(f, (x,), (1.0,))[1]])
def test_what_a_differentiated_function_left_lying_about_is_in_the_graph(transform):
    slope, held = leaking(lambda f: transform(f)(ad.variable(0.7)))
    assert abs(float(ad.gradient(slope, held[0])) - 2 * np.cos(0.7)) < 1e-14


def parts():
    x = ad.variable(np.array([1.0, 2.0, 3.0]))
    yield x[0] * x[1], x[0]
    yield ad.sum(ad.sin(x)), x[1:]
    yield ad.sum(ad.outer(x, x)), ad.reshape(x, (3, 1))
    ys = ad.associative_scan(ad.multiply, x)
    yield ys[2], ys[1]
    times = np.linspace(0.0, 1.0, 4)
    states = ad.odeint(lambda y, t: -y * x[0], ad.variable(1.0), times)
    yield states[3], states[1]
    found = solve_ivp(lambda t, y: -y * x[0], (0.0, 1.0), ad.stack([x[1]]), t_eval=times)
    yield found.y[0, -1], found.y[0, 1]


def test_by_parts_that_were_taken_anew():
    for y, part in parts():
        with pytest.raises(HistoryError, match="taken anew"):
            ad.gradient(y, [part])


def test_by_parts_that_were_computed_with():
    x = ad.variable(np.array([1.0, 2.0, 3.0]))
    a, b = x[0], x[1:]
    assert float(ad.gradient(a * ad.sum(b) + ad.sum(x), a)) == 5
    assert np.array_equal(ad.gradient(a * ad.sum(b), [x])[0], [5, 1, 1])
    assert float(ad.gradient(ad.sum(ad.sin(x)), ad.variable(1.0))) == 0  # nothing to do with it
    y = ad.variable(np.ones(3))
    assert float(ad.gradient(ad.sum(y), x[0])) == 0
