"""What overflows on the way to an ordinary number is right: values and derivatives, every engine.

Each composition is written as users write it. It is compared with the same lines computed with
enough digits, which neither overflow nor cancel.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.text import graph_text
from tests.sampling import every, in_turn

pytestmark = pytest.mark.unit

DIGITS = {"far": 1000, "between": 260, "near": 80}
"""How many digits know the truth at these points: those of exp(1000) and exp(-1000) apart, and
those that second differences by `STEP` lose."""
STEP = mpmath.mpf(10) ** -20
MP = SimpleNamespace(
    exp=np.frompyfunc(mpmath.exp, 1, 1),
    expm1=np.frompyfunc(lambda x: mpmath.exp(x) - 1, 1, 1),
    log=np.frompyfunc(mpmath.log, 1, 1),
    log2=np.frompyfunc(lambda x: mpmath.log(x) / mpmath.log(2), 1, 1),
    log10=np.frompyfunc(lambda x: mpmath.log(x) / mpmath.log(10), 1, 1),
    log1p=np.frompyfunc(lambda x: mpmath.log(1 + x), 1, 1),
    cosh=np.frompyfunc(mpmath.cosh, 1, 1),
    sinh=np.frompyfunc(mpmath.sinh, 1, 1),
    abs=np.abs,
    sqrt=np.frompyfunc(mpmath.sqrt, 1, 1),
    sum=np.sum,
    mean=np.mean,
    max=np.max,
    where=np.where,
    reshape=np.reshape,
)
W = np.array([0.0, 1.0, 2.0, 0.5])
ROWS = np.array([0, 1])
LABELS = np.array([1, 0])


def pairs(x):
    """`x` as two rows."""
    return x.reshape(2, 2)


def softmax(n, x, axis=None):
    e = n.exp(x)
    return e / n.sum(e, axis=axis, keepdims=True)


def sigmoid(n, x):
    return 1 / (1 + n.exp(-x))


def cross_entropy(n, y, s):
    return -n.sum(y * n.log(s) + (1 - y) * n.log(1 - s))


Composition = Callable[[Any, Any], Any]
L = lambda n, u: n.log1p(n.exp(-n.abs(u)))

KINDS: dict[str, Composition] = {
    # sums of exponentials
    "log sum exp": lambda n, x: n.log(n.sum(n.exp(x))),
    "log sum exp, method": lambda n, x: n.log(n.exp(x).sum()),
    "log sum exp, axis": lambda n, x: n.sum(n.log(n.sum(n.exp(pairs(x)), axis=1)) * W[:2]),
    "log sum exp, kept": lambda n, x: n.sum(
        n.log(n.sum(n.exp(pairs(x)), axis=0, keepdims=True)) * W[:2]
    ),
    "log mean exp": lambda n, x: n.log(n.mean(n.exp(x))),
    "log of a weighted sum": lambda n, x: n.log(n.sum(W * n.exp(x))),
    "log of a sum and a number": lambda n, x: n.log(3.5 + n.sum(n.exp(x))),
    "log of a sum over a number": lambda n, x: n.log(n.sum(n.exp(x)) / 4.0),
    "log of a product with a matrix": lambda n, x: n.sum(n.log(n.exp(pairs(x)) @ np.ones((2, 3)))),
    "log of a masked sum": lambda n, x: n.log(n.sum(n.where(W > 0.7, n.exp(x), 0.0))),
    "log of three": lambda n, x: n.log(n.exp(x[0]) + n.exp(x[1]) + n.exp(x[2])),
    "log of two": lambda n, x: n.sum(n.log(n.exp(x) + n.exp(x[::-1]))),
    "log of a difference": lambda n, x: n.log(n.exp(x[0]) - n.exp(x[1])),
    "log2": lambda n, x: n.log2(n.sum(n.exp(x))),
    "log10": lambda n, x: n.log10(n.sum(n.exp(x) * 2)),
    "by hand minus log sum exp": lambda n, x: n.sum((x - n.log(n.sum(n.exp(x)))) * W),
    # quotients of them
    "softmax": lambda n, x: n.sum(softmax(n, x) * W),
    "softmax of rows": lambda n, x: n.sum(softmax(n, pairs(x), 1) * W[:2]),
    "softmax, sum without keeping": lambda n, x: n.sum(
        (n.exp(pairs(x)) / n.exp(pairs(x)).sum(axis=1)[:, None]) * W[:2]
    ),
    "softmax, transposed": lambda n, x: n.sum(
        (n.exp(pairs(x)).T / n.exp(pairs(x)).sum(axis=1)).T * W[:2]
    ),
    "softmax, by the inverse": lambda n, x: n.sum(n.exp(x) * (1 / n.sum(n.exp(x))) * W),
    "softmax with weights": lambda n, x: n.sum(W * n.exp(x)) / n.sum(n.exp(x)),
    "softmax of squares": lambda n, x: n.sum(softmax(n, -((x - 1.0) ** 2) / 2) * W),
    "log softmax": lambda n, x: n.sum(n.log(softmax(n, x)) * W),
    "log softmax, largest out": lambda n, x: n.sum(n.log(softmax(n, x - n.max(x))) * W),
    "log softmax of labels": lambda n, x: -n.mean(n.log(softmax(n, pairs(x), 1)[ROWS, LABELS])),
    "one log softmax": lambda n, x: n.log(softmax(n, x)[1]),
    # the logistic function
    "sigmoid": lambda n, x: n.sum(sigmoid(n, x) * W),
    "sigmoid, of exp(x)": lambda n, x: n.sum(n.exp(x) / (1 + n.exp(x)) * W),
    "sigmoid, of exp(x), 1 behind": lambda n, x: n.sum(n.exp(x) / (n.exp(x) + 1.0) * W),
    "sigmoid, one less": lambda n, x: n.sum((1 - 1 / (1 + n.exp(x))) * W),
    "sigmoid, a power": lambda n, x: n.sum((1 + n.exp(-x)) ** -1 * W),
    "sigmoid, squared below": lambda n, x: n.sum((1 + n.exp(-x)) ** -2.0 * W),
    "sigmoid of two": lambda n, x: n.exp(x[0]) / (n.exp(x[0]) + n.exp(x[1])),
    "logistic density": lambda n, x: n.sum(n.exp(-x) / (1 + n.exp(-x)) ** 2),
    "logistic growth": lambda n, x: n.sum(7 * n.exp(x) / (5 + 2 * (n.exp(x) - 1))),
    "swish": lambda n, x: n.sum(x / (1 + n.exp(-x))),
    "log sigmoid": lambda n, x: n.sum(n.log(sigmoid(n, x)) * W),
    "log of one less sigmoid": lambda n, x: n.sum(n.log(1 - sigmoid(n, x)) * W),
    "log of one less sigmoid of exp(x)": lambda n, x: n.sum(
        n.log(1 - n.exp(x) / (1 + n.exp(x))) * W
    ),
    "log1p of minus sigmoid": lambda n, x: n.sum(n.log1p(-sigmoid(n, x)) * W),
    "binary cross entropy": lambda n, x: cross_entropy(n, W / 4, sigmoid(n, x)),
    "odds": lambda n, x: n.sum(n.log(sigmoid(n, x) / (1 - sigmoid(n, x))) * W),
    # softplus
    "log(1 + exp(x))": lambda n, x: n.sum(n.log(1 + n.exp(x)) * W),
    "log(exp(x) + 1)": lambda n, x: n.sum(n.log(n.exp(x) + 1) * W),
    "log1p(exp(x))": lambda n, x: n.sum(n.log1p(n.exp(x)) * W),
    "log1p(exp(3x)) / 3": lambda n, x: n.sum(n.log1p(n.exp(3 * x)) / 3),
    "log1p(expm1(x))": lambda n, x: n.sum(n.log1p(n.expm1(x)) * W),
    "log1p of a sum": lambda n, x: n.log1p(n.sum(n.exp(x))),
    "log1p of a multiple": lambda n, x: n.sum(n.log1p(2.5 * n.exp(x))),
    # hyperbolic functions
    "tanh": lambda n, x: n.sum((n.exp(x) - n.exp(-x)) / (n.exp(x) + n.exp(-x)) * W),
    "tanh, of exp(2x)": lambda n, x: n.sum((n.exp(2 * x) - 1) / (n.exp(2 * x) + 1) * W),
    "tanh, of exp(-2x)": lambda n, x: n.sum((1 - n.exp(-2 * x)) / (1 + n.exp(-2 * x)) * W),
    "tanh, by sigmoid": lambda n, x: n.sum((2 / (1 + n.exp(-2 * x)) - 1) * W),
    "sinh / cosh": lambda n, x: n.sum(n.sinh(x) / n.cosh(x) * W),
    "cosh / sinh": lambda n, x: n.sum(n.cosh(x) / n.sinh(x) * W),
    "1 / cosh": lambda n, x: n.sum(1 / n.cosh(x)),
    "1 / cosh²": lambda n, x: n.sum(1 / n.cosh(x) ** 2),
    "log cosh": lambda n, x: n.sum(n.log(n.cosh(x)) * W),
    "log cosh, of exp": lambda n, x: n.sum(n.log((n.exp(x) + n.exp(-x)) / 2) * W),
    # one less
    "log expm1": lambda n, x: n.sum(n.log(n.expm1(n.abs(x)))),
    "log(exp(x) - 1)": lambda n, x: n.sum(n.log(n.exp(n.abs(x)) - 1)),
    "log(1 - exp(x))": lambda n, x: n.sum(n.log(1 - n.exp(-n.abs(x)))),
    "Planck": lambda n, x: n.sum(x**3 / (n.exp(x) - 1)),
    "Bose": lambda n, x: n.sum(1 / n.expm1(x)),
    # bare ones
    "log exp": lambda n, x: n.sum(n.log(n.exp(x)) * W),
    "x / exp(x)": lambda n, x: n.sum(x / n.exp(n.abs(x))),
    "log of a quotient": lambda n, x: n.log(n.exp(x[0]) / n.exp(x[1])),
    "root of exp": lambda n, x: n.sum(n.log(n.sqrt(n.exp(x)) * 2) * W),
}
POINTS = {
    "far": np.array([1000.0, -1000.0, 3.0, 0.5]),
    "near": np.array([1.25, -0.75, 3.0, 0.5]),
    "between": np.array([150.0, -60.0, 110.0, -130.0]),
}
DIRECTION = np.array([0.7, -0.4, 0.9, 0.3])


def exact(f: Composition, point: str) -> tuple[float, np.ndarray, np.ndarray]:
    """The value, the gradient, and its derivative along `DIRECTION`, with many digits."""
    x = POINTS[point]
    with mpmath.workdps(DIGITS[point]):
        h = STEP
        at, v = (np.array([mpmath.mpf(float(a)) for a in b], object) for b in (x, DIRECTION))
        units = np.array([[h if i == j else 0 * h for j in range(4)] for i in range(4)], object)
        g = lambda p: mpmath.mpf(np.sum(f(MP, p)))
        grad = lambda p: np.array([(g(p + e) - g(p - e)) / (2 * h) for e in units])
        along = (grad(at + h * v) - grad(at - h * v)) / (2 * h)
        return float(g(at)), grad(at).astype(float), along.astype(float)


def ours(f: Composition) -> Callable[[Any], list[Any]]:
    """Value, gradient in both modes, and the second derivative in all four ways."""
    g = lambda x: f(ad, x)
    v = DIRECTION

    def along(x: Any) -> Any:
        return ad.jvp(g, (x,), (v,))[1]

    return lambda x: [
        g(ad.asarray(x)) if isinstance(x, np.ndarray) else g(x),
        ad.grad(g)(x),
        ad.jacfwd(g)(x),
        ad.jvp(ad.grad(g), (x,), (v,))[1],
        ad.grad(along)(x),
        ad.grad(lambda x: ad.sum(ad.grad(g)(x) * v))(x),
        ad.jacfwd(along)(x),
    ]


def few(f: Composition) -> Callable[[Any], list[Any]]:
    """Value, gradient, and the derivative of that along `DIRECTION`."""
    g = lambda x: f(ad, x)
    return lambda x: [g(x), ad.grad(g)(x), ad.jvp(ad.grad(g), (x,), (DIRECTION,))[1]]


def check(found: list[Any], true: list[Any], what: str) -> None:
    for i, (a, b) in enumerate(zip(found, true, strict=True)):
        size = max(1.0, float(np.max(np.abs(b))))
        np.testing.assert_allclose(
            np.asarray(a), b, rtol=1e-11, atol=2e-13 * size, err_msg=f"{what}, result {i}"
        )


@pytest.mark.parametrize(
    ("kind", "point"),
    [*every(1, product(KINDS, ["far"])), *in_turn(KINDS, ["near", "between"])],
)
def test_values_and_derivatives_are_right(kind, point):
    f, x = KINDS[kind], POINTS[point]
    value, gradient, along = exact(f, point)
    with ad.options(native="never"):
        check(ours(f)(x), [value, gradient, gradient, *[along] * 4], "interpreter")
    if point == "far":
        true = [value, gradient, along]
        compiled = ad.compile(few(f))
        for call in range(1, 4):
            check(compiled(x), true, f"call {call} of the compiled function")
        with ad.options(native="always"):
            check(few(f)(ad.asarray(x)), true, "native")


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_function_without_native_code_agrees(kind):
    x = POINTS["far"]
    with ad.options(native="never"):
        found = ad.compile(few(KINDS[kind]))(x)
        check(found, few(KINDS[kind])(ad.asarray(x)), "compiled, without native code")


THIRD = {
    "sigmoid": lambda n, x: 1 / (1 + n.exp(-x)),
    "log(1 + exp(x))": lambda n, x: n.log(1 + n.exp(x)),
    "log sigmoid": lambda n, x: n.log(1 / (1 + n.exp(-x))),
    "log cosh": lambda n, x: n.log(n.cosh(x)),
    "softmax": lambda n, x: n.exp(x) / (n.exp(x) + n.exp(0.5 * x) + n.exp(-x)),
    "Planck": lambda n, x: x**3 / (n.exp(x) - 1),
}


@pytest.mark.parametrize("name", THIRD)
@pytest.mark.parametrize("x", [1000.0, -1000.0, 125.0, 2.0])
def test_derivatives_of_higher_orders_are_right(name, x):
    f = THIRD[name]
    g = lambda x: f(ad, x)
    modes = (ad.grad, ad.jacfwd)
    for order in range(1, 5):
        g = modes[order % 2](g)
        with mpmath.workdps(DIGITS["far"]):
            h = mpmath.mpf(10) ** -(DIGITS["far"] // 10)
            terms = [
                (-1) ** k * mpmath.binomial(order, k) * f(MP, mpmath.mpf(x) + (order - 2 * k) * h)
                for k in range(order + 1)
            ]
            true = float(sum(terms) / (2 * h) ** order)
        np.testing.assert_allclose(float(g(x)), true, rtol=1e-11, atol=1e-13)


# What stays.


@pytest.mark.parametrize("kind", KINDS)
def test_moderate_numbers_are_computed_as_they_were_written(kind):
    x = POINTS["near"]
    with ad.options(native="never"):
        found = float(KINDS[kind](ad, ad.asarray(x)))
    np.testing.assert_allclose(found, KINDS[kind](np, x), rtol=1e-14, atol=4e-16)


SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 800.0])
ELEMENTWISE = {
    "sigmoid": lambda n, x: 1 / (1 + n.exp(-x)),
    "log(1 + exp(x))": lambda n, x: n.log(1 + n.exp(x)),
    "log1p(exp(x))": lambda n, x: n.log1p(n.exp(x)),
    "log(exp(x))": lambda n, x: n.log(n.exp(x)),
    "x / exp(x)": lambda n, x: x / n.exp(x),
    "1 / (exp(x) - 1)": lambda n, x: 1 / (n.exp(x) - 1),
    "log cosh": lambda n, x: n.log(n.cosh(x)),
    "3 / (2 + exp(x))": lambda n, x: 3 / (2 + n.exp(x)),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("native", ["never", "always"])
def test_infinity_and_nan_mean_what_they_mean(name, native):
    f = ELEMENTWISE[name]
    x = SPECIAL[:-1]
    with np.errstate(all="ignore"):
        expected = f(np, x)
    with ad.options(native=native):
        np.testing.assert_array_equal(f(ad, ad.asarray(x)).numpy(), expected)


def test_rows_with_infinity_and_nan():
    rows = np.array([[-np.inf, -np.inf], [np.inf, 0.0], [np.nan, 0.0], [-np.inf, 1000.0]])
    x = ad.asarray(rows)
    total = ad.log(ad.sum(ad.exp(x), axis=1))
    np.testing.assert_array_equal(total.numpy(), [-np.inf, np.inf, np.nan, 1000.0])
    share = (ad.exp(x) / ad.sum(ad.exp(x), axis=1, keepdims=True)).numpy()
    nan = np.nan
    np.testing.assert_array_equal(share, [[nan, nan], [nan, 0], [nan, nan], [0, 1]])


def test_what_overflows_is_infinite_when_looked_at():
    x = ad.asarray(np.array([1000.0, 0.0]))
    e = ad.exp(x)
    p = e / ad.sum(e)
    assert p.tolist() == [1.0, 0.0]
    assert e.tolist() == [np.inf, 1.0]

    def f(x):
        e = ad.exp(x)
        if float(e[0]) > 1:  # looked at: but its inputs are kept while somebody differentiates
            e = e * 1.0
        return ad.sum(e / ad.sum(e) * np.array([1.0, 2.0]))

    for native in ("never", "always"):
        with ad.options(native=native, lost_derivatives="allow"):
            value, gradient = ad.value_and_grad(f)(np.array([1000.0, 0.0]))
            assert float(value) == 1.0
            assert gradient.tolist() == [0.0, 0.0]


def test_the_graph_stays_as_it_was_written():
    x = ad.variable(1000.0, name="x")
    y = 1 / (1 + ad.exp(-x))
    before = graph_text([y.node])
    assert float(y) == 1.0
    assert float(ad.gradient(y, x)) == 0.0
    assert graph_text([y.node]) == before
    assert [t.node.op.name for t in ad.topological_order(y)][-3:] == ["exp", "add", "divide"]


def test_derivatives_with_respect_to_nodes_in_between():
    x = ad.variable(2.0)
    e = ad.exp(-x)
    y = 1 / (1 + e)
    s = float(y)
    np.testing.assert_allclose(float(ad.gradient(y, e)), -s * s, rtol=1e-15)
    np.testing.assert_allclose(
        [float(g) for g in ad.gradient(y, [x, e])], [s * (1 - s), -s * s], rtol=1e-14
    )


TWICE = {
    "sigmoid": (lambda x: x * 1.5, lambda a, b: ad.exp(a) / (1 + ad.exp(b)), 0.4),
    "sigmoid, powers": (ad.exp, lambda a, b: a / (1 + b), 0.4),
    "tanh": (
        lambda x: x * 1.5,
        lambda a, b: (ad.exp(a) - ad.exp(-a)) / (ad.exp(b) + ad.exp(-b)),
        0.4,
    ),
    "sinh / cosh": (lambda x: x * 1.5, lambda a, b: ad.sinh(a) / ad.cosh(b), 0.4),
    "log(1 - s)": (lambda x: x * 1.5, lambda a, b: ad.log(1 - ad.exp(a) / (2 + ad.exp(b))), 0.4),
    "softplus": (lambda x: x * 1.5, lambda a, b: ad.maximum(a, 0.0) + L(ad, b), 0.4),
    "softplus, opposite": (lambda x: -x, lambda a, b: ad.maximum(-a, 0.0) + L(ad, b), -0.4),
    "logaddexp": (
        lambda x: x - 3.0,
        lambda a, b: ad.maximum(a + 3.0, 3.0) + L(ad, b),
        3.25,
    ),
}


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("both", [False, True])
def test_equal_expressions_made_twice_are_two_nodes(name, both):
    """Whoever asks for the derivative by one of two equal nodes gets that of this one."""
    make, f, at = TWICE[name]
    x = ad.variable(at)
    a, b = make(x), make(x)
    y = f(a, b)
    h = 1e-6
    p, q = float(a), float(b)
    one = lambda s, t: float(f(ad.asarray(s), ad.asarray(t)))
    by_a = (one(p + h, q) - one(p - h, q)) / (2 * h)
    by_b = (one(p, q + h) - one(p, q - h)) / (2 * h)
    for derivative in (ad.gradient, ad.backprop):
        if both:
            found = derivative(y, [a, b])
            np.testing.assert_allclose(
                [float(g) for g in found], [by_a, by_b], rtol=1e-6, atol=1e-9
            )
        else:
            np.testing.assert_allclose(float(derivative(y, a)), by_a, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(float(derivative(y, b)), by_b, rtol=1e-6, atol=1e-9)


def test_weights_of_nothing_leave_nothing_behind():
    """The largest exponent has weight zero."""
    f = lambda w, x: ad.log(ad.sum(w * ad.exp(x)))
    w, x = np.array([0.0, 1.0]), np.array([1000.0, -1000.0])
    assert float(f(ad.asarray(w), ad.asarray(x))) == -1000.0
    by_x = ad.grad(f, 1)(w, x)
    assert by_x.tolist() == [0.0, 1.0]
    by_w = ad.grad(f, 0)(w, np.array([1.0, 0.0]))
    np.testing.assert_allclose(by_w.tolist(), [np.e, 1.0], rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_short_floats_are_right_too(dtype):
    x = np.array([200.0, -200.0, 2.0, 0.5], dtype)
    for native in ("never", "always"):
        with ad.options(native=native):
            for f, true in (
                (lambda x: ad.sum(1 / (1 + ad.exp(-x))), 1 + 0 + 0.8807971 + 0.62245935),
                (lambda x: ad.log(ad.sum(ad.exp(x))), 200.0),
                (lambda x: ad.log(ad.exp(x) / ad.sum(ad.exp(x)))[1], -400.0),
                (lambda x: ad.sum(ad.log(2 + ad.exp(x))), 200 + 0.6931472 + 2.2395448 + 1.2945),
            ):
                y = f(ad.asarray(x))
                assert y.dtype == dtype
                assert float(y) == pytest.approx(true, rel=2e-3)
                assert np.isfinite(ad.grad(f)(x).numpy()).all()


def test_batches_are_right():
    f = lambda x: -ad.log(softmax(ad, x)[0])
    x = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    assert ad.vmap(f)(x).tolist() == [0.0, 1000.0]
    assert ad.vmap(ad.grad(f))(x).tolist() == [[0.0, 0.0], [-1.0, 1.0]]
    assert ad.jacrev(ad.vmap(f))(x).numpy()[1, 1].tolist() == [-1.0, 1.0]


def test_other_quotients_and_logarithms_have_no_form():
    x = ad.variable(np.array([1.0, 2.0]))
    for y in (
        ad.log(x / (1 + x)),
        x / ad.sum(x),
        1 / (1 + x * x),
        ad.exp(x) / (1 + x),
        ad.log1p(x),
        (lambda e: e / ad.sum(e))(ad.exp(x - ad.max(x))),
    ):
        assert y.node.op.stable_form(y.node, frozenset()) is None


def test_a_long_chain_is_not_searched_to_its_end():
    x = ad.variable(0.5)
    y = x
    for _ in range(2000):
        y = y + ad.exp(x)
    assert np.isfinite(float(ad.log(y)))
    assert np.isfinite(float(ad.gradient(ad.log(y), x)))
