"""`op`: functions of NumPy arrays as operations, in every transform and engine."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    DTypeError,
    GradientMismatchError,
    NotDifferentiableError,
    RangeError,
    ShapeError,
)

pytestmark = pytest.mark.unit

X = np.linspace(0.5, 3.0, 5)


@ad.op(jvp=lambda args, y, tangents: slope(args[0]) * tangents[0], vectorized=True)
def bessel(x: Any) -> Any:
    """J0, by SciPy."""
    return scipy.special.j0(x)


slope = ad.op(
    lambda x: -scipy.special.j1(x),
    jvp=lambda args, y, tangents: -(bessel(args[0]) + y / args[0]) * tangents[0],
    vectorized=True,
    name="slope",
)

solve = ad.op(
    lambda a, b: np.linalg.solve(a, b[..., None])[..., 0],
    vjp=lambda args, y, v: _adjoints(args[0], y, v),
    result=lambda a, b: b,
    vectorized="(n,n),(n)->(n)",
    name="solve",
)
solve_transposed = ad.op(
    lambda a, b: np.linalg.solve(np.swapaxes(a, -1, -2), b[..., None])[..., 0],
    result=lambda a, b: b,
    vectorized="(n,n),(n)->(n)",
)


def _adjoints(a: Any, y: Any, v: Any) -> Any:
    w = solve_transposed(a, v)
    return -ad.outer(w, y), w


# Values and derivatives.


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_value_and_derivatives(wrap: Any, dtype: Any) -> None:
    """Value, both modes and the second order are SciPy's, in each precision."""
    x = X.astype(dtype)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    j0, j1 = scipy.special.j0(X), scipy.special.j1(X)
    found = {
        "value": (wrap(bessel)(x), j0),
        "reverse": (wrap(ad.grad(lambda x: ad.sum(bessel(x))))(x), -j1),
        "forward": (wrap(lambda x: ad.jvp(bessel, (x,), (2 * x,))[1])(x), -j1 * 2 * X),
        "mapped": (wrap(ad.vmap(ad.grad(bessel)))(x), -j1),
        "second": (wrap(ad.vmap(ad.hessian(bessel)))(x), -(j0 - j1 / X)),
    }
    for name, (given, wanted) in found.items():
        assert given.dtype == dtype, name
        np.testing.assert_allclose(given.numpy(), wanted, rtol=rtol, err_msg=name)


@pytest.mark.parametrize("layout", ["transposed", "strided", "empty", "0-d", "reversed"])
def test_layouts(layout: str) -> None:
    """Whatever the layout of an array, the function sees its elements in order."""
    base = np.arange(1.0, 13.0).reshape(3, 4)
    x = {
        "transposed": base.T,
        "strided": base[:, ::2],
        "empty": base[:0],
        "0-d": np.array(2.0),
        "reversed": base[::-1],
    }[layout]
    for f in (bessel, ad.compile(bessel)):
        np.testing.assert_array_equal(f(x).numpy(), scipy.special.j0(x))


def test_a_matrix_function_from_its_vjp() -> None:
    """A rule for reverse mode that calls another operation, mapped over either argument."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3, 3)), rng.normal(size=(4, 3))
    wanted = ad.vmap(ad.grad(lambda a, b: ad.sum(ad.linalg.solve(a, b)), (0, 1)))(a, b)
    found = ad.compile(ad.vmap(ad.grad(lambda a, b: ad.sum(solve(a, b)), (0, 1))))(a, b)
    for x, y in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9)
    for axes in ((0, None), (None, 0), (0, 0)):
        given = [x if axis == 0 else x[0] for x, axis in zip((a, b), axes, strict=True)]
        rows = [
            np.linalg.solve(a[i if axes[0] == 0 else 0], b[i if axes[1] == 0 else 0])
            for i in range(4)
        ]
        np.testing.assert_allclose(ad.vmap(solve, axes)(*given).numpy(), rows, rtol=1e-12)


def test_mapping_calls_once_or_for_each_example() -> None:
    """A function that broadcasts is called once, another one once for each example."""
    calls: list[Any] = []

    def noted(x: Any, y: Any) -> Any:
        calls.append((np.shape(x), np.shape(y)))
        return x * y

    for vectorized, shapes in ((True, [((4, 3), (4, 1))]), (False, [((3,), ())] * 4)):
        f = ad.op(noted, vectorized=vectorized, result="like first")
        calls.clear()
        x, y = np.ones((4, 3)), np.arange(4.0)
        np.testing.assert_array_equal(ad.vmap(f)(x, y).numpy(), x * y[:, None])
        assert calls == shapes


def test_examples_broadcast_over_the_right_axis() -> None:
    """As many examples as elements: the axis of examples is not taken for that of elements."""
    f = ad.op(np.multiply, vectorized=True, name="product")
    x, y = np.arange(9.0).reshape(3, 3), np.array([1.0, 10.0, 100.0])
    np.testing.assert_array_equal(ad.vmap(f)(x, y).numpy(), x * y[:, None])
    np.testing.assert_array_equal(ad.vmap(f, (0, None))(x, y).numpy(), x * y)
    twice = ad.vmap(ad.vmap(f, (0, None)), (None, 0))(x, y)
    np.testing.assert_array_equal(twice.numpy(), x[None] * y[:, None, None])


def test_both_rules_where_neither_can_be_transposed() -> None:
    """Rules that pass the tangent or the adjoint to a function that is not traced."""
    times_cos = ad.op(lambda x, t: np.cos(x) * t, vectorized=True)
    f = ad.op(
        np.sin,
        jvp=lambda args, y, tangents: times_cos(args[0], tangents[0]),
        vjp=lambda args, y, v: (times_cos(args[0], v),),
        vectorized=True,
    )
    for wrap in (lambda f: f, ad.compile):
        assert np.allclose(wrap(ad.grad(lambda x: ad.sum(f(x))))(X), np.cos(X), rtol=1e-14)
        assert np.allclose(wrap(lambda x: ad.jvp(f, (x,), (x,))[1])(X), X * np.cos(X), rtol=1e-14)
        jacobians = wrap(ad.vmap(ad.jacfwd(f)))(X), wrap(ad.vmap(ad.jacrev(f)))(X)
        for found in jacobians:
            assert np.allclose(found, np.cos(X), rtol=1e-14)
    only = ad.op(np.sin, jvp=lambda args, y, tangents: times_cos(args[0], tangents[0]))
    with pytest.raises(NotDifferentiableError, match="both"):
        ad.grad(only)(1.0)


def test_several_results_and_trees() -> None:
    """A function that takes a dictionary and returns a tuple, of two dtypes."""

    @ad.op
    def both(p: Any, k: Any) -> Any:
        return np.linalg.norm(p["x"]), (p["x"] * k).astype(np.float32), np.int64(3)

    both.defvjp(
        lambda args, y, v: (
            {"x": v[0] * args[0]["x"] / y[0] + v[1].astype("float64") * args[1]},
            ad.sum(v[1].astype("float64") * args[0]["x"]),
        )
    )
    for wrap in (lambda f: f, ad.compile):
        value = wrap(both)({"x": X}, 2.0)
        assert [y.dtype for y in value] == [np.float64, np.float32, np.int64]

        def total(p: Any, k: Any) -> Any:
            y = both(p, k)
            return y[0] + ad.sum(y[1].astype("float64")) * y[2]

        shares = wrap(ad.grad(total, (0, 1)))({"x": X}, 2.0)
        assert np.allclose(shares[0]["x"], X / np.linalg.norm(X) + 6.0)
        assert np.isclose(float(shares[1]), 3 * X.sum())


def test_in_loops_and_branches() -> None:
    """The operation is called in each round, by the chosen branch only, and differentiated."""

    def looped(x: Any) -> Any:
        return ad.scan(lambda c, _: (bessel(c), c), x, length=3)[0]

    def chosen(x: Any) -> Any:
        return ad.cond(x > 1.0, bessel, lambda x: 2.0 * x, x)

    def searched(x: Any) -> Any:
        return ad.while_loop(lambda y: y > 0.9, bessel, x)

    j0, j1 = scipy.special.j0, scipy.special.j1
    a, b = j0(2.0), j0(j0(2.0))
    for wrap in (lambda f: f, ad.compile):
        value, grad = wrap(ad.value_and_grad(looped))(2.0)
        assert np.isclose(float(value), j0(b))
        assert np.isclose(float(grad), -j1(2.0) * j1(a) * j1(b))
        assert np.isclose(float(wrap(ad.grad(chosen))(2.0)), -j1(2.0))
        assert float(wrap(ad.grad(chosen))(0.5)) == 2.0
        assert np.isclose(float(wrap(ad.grad(searched))(0.95)), -j1(0.95))


def test_numbers_keep_the_dtype_of_the_others() -> None:
    """A Python number beside float32 is one for the function, too; what has none is a number."""
    seen: list[Any] = []

    def f(x: Any, k: Any, n: Any) -> Any:
        seen[:] = [type(x), type(k), type(n)]
        return x * k**n

    own = ad.op(f, vjp=lambda args, y, v: (v * args[1] ** 2, None, None))
    assert own(np.float32(3.0), 2.0, 2).dtype == np.float32
    assert seen == [np.float32, float, int]
    assert ad.grad(own)(np.float32(3.0), 2.0, 2).dtype == np.float32
    assert float(ad.compile(own)(3.0, 2.0, 2)) == 12.0


def test_static_arguments() -> None:
    """What is passed on as it is: the order of a function, a text."""

    def f(kind: str, n: int, x: Any) -> Any:
        return getattr(scipy.special, kind)(n, x)

    own = ad.op(
        f,
        jvp=lambda kind, n, args, y, t: (own(kind, n - 1, *args) - n / args[0] * y) * t[0],
        nondiff_argnums=(0, 1),
    )
    for order in (1, 2):
        wanted = scipy.special.jvp(order, 1.3)
        assert np.isclose(float(ad.grad(lambda x, n=order: own("jv", n, x))(1.3)), wanted)
    with pytest.raises(ArgumentError, match="hashable"):
        own("jv", [1], 1.3)
    kinds = ad.op(lambda k, x: x + len(repr(k)), nondiff_argnums=0, result="like first")
    assert [float(kinds(k, 0.0)) for k in (1, True, 1.0, (1,), (1.0,))] == [1, 4, 3, 4, 6]


def test_complex_numbers() -> None:
    """Gradients of real functions of complex numbers are directions of steepest ascent."""
    size = ad.op(lambda z: np.abs(z) ** 2, vjp=lambda args, y, v: (2 * v * args[0],))
    z = 1.0 + 2.0j
    assert complex(ad.grad(size)(z)) == 2 * z
    assert complex(ad.compile(ad.grad(size))(z)) == 2 * z


# What goes wrong.


def test_no_derivative() -> None:
    """Without a rule a derivative is refused, with the ways out; beside a stop it is not asked."""
    f = ad.op(np.cos, name="my_cos")
    assert float(f(0.0)) == 1.0
    for transform in (ad.grad(f), lambda x: ad.jvp(f, (x,), (1.0,)), ad.compile(ad.grad(f))):
        with pytest.raises(NotDifferentiableError, match=r"my_cos .*jvp= or vjp=.*stop_gradient"):
            transform(1.0)
    assert float(ad.grad(lambda x: x * f(ad.stop_gradient(x)))(0.0)) == 1.0


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: x[:2], ShapeError, r"shifted returned .*\(2,\), expected \(5,\)"),
        (lambda x: x.astype("f4"), DTypeError, "shifted returned dtype float32, expected float64"),
        (lambda x: (x, x), ArgumentError, "shifted returned a tuple of 2, expected one array"),
        (lambda x: "text", ArgumentError, "shifted returned str, expected an array of numbers"),
        (lambda x: [x, [1.0]], ArgumentError, "shifted returned list"),
        (lambda x: None, ArgumentError, "shifted returned NoneType"),
    ],
)
def test_wrong_results(wrap: Any, f: Any, error: Any, message: str) -> None:
    """Another shape, dtype or kind than was promised raises, and names the function."""
    own = ad.op(f, result="like first", name="shifted")
    with pytest.raises(error, match=message):
        wrap(own)(X).numpy()


def test_wrong_counts_of_results() -> None:
    """A tuple of another length than was promised."""
    own = ad.op(lambda x: (x,), result=lambda x: [x, x], name="twice")
    with pytest.raises(ArgumentError, match=r"twice returned tuple of 1, expected a tuple of 2"):
        own(X)[0].numpy()


def test_errors_of_the_function_arrive() -> None:
    """What the function raises is raised, also out of native code."""

    def f(x: Any) -> Any:
        raise KeyError("mine")

    own = ad.op(f, result="like first")
    for wrap in (lambda f: f, ad.compile):
        with pytest.raises(KeyError, match="mine"):
            wrap(own)(X).numpy()
    unknown = ad.op(np.linalg.cholesky, name="cholesky")
    with pytest.raises(ArgumentError, match=r"cholesky raised LinAlgError .* result="):
        ad.compile(unknown)(np.eye(2))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"result": "like second"}, RangeError, "'like first'"),
        ({"result": 3}, ArgumentError, r"pair \(shape, dtype\)"),
        ({"result": [((2,), float), 5]}, ArgumentError, r"pair \(shape, dtype\)"),
        ({"vectorized": "(n,n)"}, ArgumentError, r"\(n,n\),\(n\)->\(n\)"),
        ({"vectorized": 1}, ArgumentError, "vectorized must be"),
        ({"jvp": lambda x: x}, ArgumentError, "arguments, value, tangents"),
        ({"nondiff_argnums": -1}, ArgumentError, "nondiff_argnums"),
    ],
)
def test_wrong_settings(settings: Any, error: Any, message: str) -> None:
    """Each is refused when the operation is made."""
    with pytest.raises(error, match=message):
        ad.op(np.sin, **settings)


def test_wrong_calls() -> None:
    """Keyword arguments without a position, no arguments, too few axes, too many arguments."""
    with pytest.raises(ArgumentError, match=r"\['axis'\].*functools.partial"):
        ad.op(np.sin)(X, axis=1)
    with pytest.raises(ArgumentError, match="needs an argument"):
        ad.op(lambda: 1.0)()
    with pytest.raises(ShapeError, match="argument 0 has shape"):
        solve(X, X)
    with pytest.raises(ArgumentError, match="says 2 arguments, got 1"):
        solve(np.eye(2))
    with pytest.raises(ArgumentError, match="arguments"):
        bessel("text")


@pytest.mark.parametrize("transform", [ad.grad, lambda f: lambda x: ad.jvp(f, (x,), (1.0,))])
def test_wrong_rules(transform: Any) -> None:
    """What a rule returns is checked."""
    longer = ad.op(np.sin, jvp=lambda args, y, tangents: ad.stack([tangents[0]] * 2), name="longer")
    with pytest.raises(ShapeError, match="jvp of longer"):
        transform(longer)(1.0)
    fewer = ad.op(np.sin, vjp=lambda args, y, v: v, name="fewer")
    with pytest.raises(ArgumentError, match="vjp of fewer must return a tuple"):
        transform(fewer)(1.0)


def test_check_rule() -> None:
    """It finds a factor that is missing, in either rule, and a rule that does not fit the other."""
    assert ad.check_rule(bessel, X, order=2).agrees
    assert ad.check_rule(solve, np.array([[2.0, 1.0], [0.5, 3.0]]), np.ones(2)).agrees
    wrong = [
        {"jvp": lambda args, y, t: 2.0 * ad.cos(args[0]) * t[0]},
        {"vjp": lambda args, y, v: (v * y,)},
        {
            "jvp": lambda args, y, t: ad.cos(args[0]) * t[0],
            "vjp": lambda args, y, v: (1.5 * ad.cos(args[0]) * v,),
        },
    ]
    for rules in wrong:
        with pytest.raises(GradientMismatchError):
            ad.check_rule(ad.op(np.sin, vectorized=True, **rules), X)


# Identity: what is kept of a call must never answer another one.


def test_functions_of_one_name_do_not_answer_for_each_other() -> None:
    """Equal names, shapes and graphs, other functions: each program calls its own."""
    found = []
    for factor in (2.0, 3.0, 5.0):
        own = ad.op(lambda x, k=factor: k * x, result="like first", name="scaled")
        program = ad.compile(lambda x, own=own: own(x) + 1.0)
        found.append((float(own(1.0)), float(program(1.0)), float(program(2.0))))
    assert found == [(2.0, 3.0, 5.0), (3.0, 4.0, 7.0), (5.0, 6.0, 11.0)]
    with ad.options(native="always"):
        for factor in (2.0, 3.0):
            own = ad.op(lambda x, k=factor: k * x, result="like first", name="scaled")
            for _ in range(3):
                assert float(ad.sum(own(np.ones(4)) + 1.0)) == 4 * (factor + 1)


def test_the_function_may_keep_and_write_what_it_is_given() -> None:
    """Arguments are copies: a function that keeps its last argument, as memoising ones do."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x)
        x += 1.0
        return x

    own = ad.op(f, result="like first")
    x = np.zeros(1000)
    program = ad.compile(lambda x: own(2.0 * x) + own(3.0 * x + 1.0))
    for _ in range(3):
        np.testing.assert_array_equal(program(x).numpy(), np.full(1000, 3.0))
        ad.compile(lambda x: ad.cumsum(x) * 7.0)(np.arange(1000.0))  # uses the memory again
    assert not x.any()
    assert all(np.ptp(array) == 0.0 for array in kept)
    assert {array[0] for array in kept} == {1.0, 2.0}


def test_pickle() -> None:
    """A decorated function is pickled by its name, another one by its parts."""
    assert pickle.loads(pickle.dumps(bessel)) is bessel
    other = ad.op(np.sin, name="mine")
    again = pickle.loads(pickle.dumps(other))
    assert again is not other
    assert again.name == "mine"
    assert float(again(1.0)) == float(np.sin(1.0))
    assert float(copy.deepcopy(other)(1.0)) == float(np.sin(1.0))


def test_report_names_the_step() -> None:
    """Who looks at a program sees that a step calls Python."""
    program = ad.compile(lambda x: bessel(x) * 2.0)
    program(X)
    assert "external_call" in str(program.report())
