"""The choice of subgradients at kinks: in each transform and engine, and never anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.op import OPS
from tests.sampling import in_turn

pytestmark = pytest.mark.unit

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float, float, float, float]] = {
    # the function, its kink, and its slope there: by default, from the left, from the right
    "abs": (ad.abs, 0.0, 0.0, -1.0, 1.0),
    "abs by operator": (lambda x: abs(x), 0.0, 0.0, -1.0, 1.0),
    "abs by NumPy": (lambda x: np.abs(x), 0.0, 0.0, -1.0, 1.0),
    "maximum": (lambda x: ad.maximum(x, 2.0), 2.0, 0.0, 0.0, 1.0),
    "maximum by NumPy": (lambda x: np.maximum(2.0, x), 2.0, 0.0, 0.0, 1.0),
    "minimum": (lambda x: ad.minimum(x, 2.0), 2.0, 0.0, 1.0, 0.0),
    "minimum, reversed": (lambda x: ad.minimum(2.0, x), 2.0, 0.0, 1.0, 0.0),
    "of both": (lambda x: ad.maximum(x, 3.0 * x), 0.0, 2.0, 3.0, 1.0),
    "fmax": (lambda x: ad.fmax(x, 2.0), 2.0, 0.0, 0.0, 1.0),
    "fmin by NumPy": (lambda x: np.fmin(2.0, x), 2.0, 0.0, 1.0, 0.0),
    "copysign": (lambda x: ad.copysign(x, -2.0), 0.0, 0.0, 1.0, -1.0),
    "relu": (ad.nn.relu, 0.0, 0.0, 0.0, 1.0),
    "elu": (lambda x: ad.nn.elu(x, 0.5), 0.0, 0.5, 0.5, 1.0),
    "elu, steep": (lambda x: ad.nn.elu(x, 3.0), 0.0, 1.0, 3.0, 1.0),
    "relu6 above": (ad.nn.relu6, 6.0, 0.0, 1.0, 0.0),
    "hard_tanh below": (ad.nn.hard_tanh, -1.0, 0.0, 0.0, 1.0),
    "leaky_relu": (lambda x: ad.nn.leaky_relu(x, 0.1), 0.0, 0.1, 0.1, 1.0),
    "leaky_relu, steep": (lambda x: ad.nn.leaky_relu(x, 3.0), 0.0, 1.0, 3.0, 1.0),
    "clip below": (lambda x: ad.clip(x, -1.0, 1.0), -1.0, 1.0, 0.0, 1.0),
    "clip above": (lambda x: np.clip(x, -1.0, 1.0), 1.0, 1.0, 1.0, 0.0),
}
SIDES = ("least", "left", "right")


def forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: ad.jvp(f, (x,), (x * 0 + 1.0,))[1]


def mapped(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: ad.vmap(ad.grad(f))(ad.stack([x, x + 0.25]))[0]


def in_scan(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def total(x: Any) -> Any:
        return ad.scan(lambda c, _: (c + f(x), None), 0.0 * x, length=3)[0] / 3.0

    return ad.grad(total)


def in_branch(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return ad.grad(lambda x: ad.cond(x < 100.0, f, lambda x: 5.0 * x, x))


WAYS: dict[str, Callable[..., Any]] = {
    "reverse": ad.grad,
    "forward": forward,
    "mapped": mapped,
    "scan": in_scan,
    "cond": in_branch,
    "checkpoint": lambda f: ad.grad(ad.checkpoint(f)),
    "taylor": lambda f: lambda x: ad.taylor(f, (x,), (1.0,), 1)[1],
}


@pytest.mark.parametrize(("name", "way"), in_turn(FUNCTIONS, WAYS, times=3))
def test_the_side_holds(name: str, way: str) -> None:
    """The slope of the side that was asked for, in every transform, compiled and not, whether the
    choice is made inside of the transform or outside, whatever was asked for before."""
    f, at, *slopes = FUNCTIONS[name]
    programs = []
    for side, slope in zip(SIDES, slopes, strict=True):
        for g in (
            WAYS[way](ad.with_subgradients(f, side)),
            ad.with_subgradients(WAYS[way](f), side),
        ):
            assert float(g(at)) == slope, (side, "uncompiled")
            program = ad.compile(g)
            assert float(program(at)) == slope, (side, "compiled")
            programs.append((program, slope))
    for program, slope in programs * 2:
        assert float(program(at)) == slope
    assert float(WAYS[way](f)(at)) == slopes[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_off_the_kink_and_the_value(name: str) -> None:
    """Values, and slopes beside the kink, are as without a choice; nan stays nan."""
    f, at, *_ = FUNCTIONS[name]
    points = np.array([at - 0.5, at, at + 0.5, np.nan, np.inf, -np.inf])
    for dtype in (np.float32, np.float64):
        x = points.astype(dtype)
        for side in SIDES:
            g = ad.with_subgradients(f, side)
            for y in (g(ad.asarray(x)), ad.compile(g)(x)):
                assert y.dtype == dtype
                np.testing.assert_array_equal(y.numpy(), f(ad.asarray(x)).numpy())
            beside = [0, 2, 3] if name == "of both" else [0, 2, 3, 4, 5]  # inf is 3 inf
            slopes = ad.vmap(ad.grad(g))(x).numpy()
            np.testing.assert_array_equal(slopes[beside], ad.vmap(ad.grad(f))(x).numpy()[beside])


def test_uncompiled_native_code() -> None:
    """Graphs of equal structure but another side are answered by other native code."""
    x = np.zeros(64)
    with ad.options(native="always"):
        for _ in range(3):
            for side, slope in (("left", -1.0), ("least", 0.0), ("right", 1.0)):
                f = ad.with_subgradients(lambda x: ad.sum(ad.abs(x) * 2.0), side)  # type: ignore[arg-type]
                np.testing.assert_array_equal(ad.grad(f)(x).numpy(), np.full(64, 2 * slope))


def test_a_compiled_function_keeps_its_own() -> None:
    """What was compiled is as it was compiled, whoever calls it first, and where."""
    inner = ad.compile(lambda x: ad.abs(x))
    outer = ad.with_subgradients(lambda x: inner(x) + ad.abs(x), "right")
    assert float(ad.grad(outer)(0.0)) == 1.0
    assert float(ad.grad(inner)(0.0)) == 0.0
    assert float(ad.compile(ad.grad(outer))(0.0)) == 1.0
    slopes = ad.compile(ad.grad(lambda x: ad.abs(x)))
    first = ad.with_subgradients(lambda x: slopes(x), "left")
    assert float(first(0.0)) == 0.0
    assert float(slopes(0.0)) == 0.0
    with pytest.raises(ArgumentError, match=r"compile\(with_subgradients\(f"):
        ad.with_subgradients(inner, "left")


def test_an_argument_that_is_not_differentiated_by() -> None:
    """It counts as a constant in compiled functions, too, where it is no constant."""
    for side, slopes in (("least", (0.0, 0.0)), ("left", (0.0, 0.0)), ("right", (1.0, 1.0))):
        f = ad.with_subgradients(lambda a, b: ad.maximum(a, b), side)  # type: ignore[arg-type]
        for wrap in (lambda f: f, ad.compile):
            found = [float(wrap(ad.grad(f, n))(2.0, 2.0)) for n in (0, 1)]
            assert found == list(slopes), side
    both = ad.grad(lambda a, b: ad.maximum(a, b), (0, 1))
    for wrap in (lambda f: f, ad.compile):
        assert list(map(float, wrap(both)(2.0, 2.0))) == [0.5, 0.5]
        inner = wrap(lambda a: ad.grad(lambda b: ad.maximum(a * b, b))(2.0))
        assert float(inner(1.0)) == 1.0
        nested = ad.jvp(
            wrap(lambda a: ad.grad(lambda b: ad.maximum(a * b, b))(2.0)), (1.0,), (0.0,)
        )
        assert float(nested[0]) == 1.0
        summed = wrap(lambda x, c: ad.scan(lambda y, _: (ad.maximum(y, c), None), x, length=2)[0])
        assert sum(map(float, ad.grad(summed, (0, 1))(1.0, 1.0))) == 1.0


def test_the_innermost_choice_holds() -> None:
    """A choice within a choice, and the outer one again after it, also after an error."""
    left = ad.with_subgradients(ad.abs, "left")
    f = ad.with_subgradients(lambda x: ad.abs(x) + 10.0 * left(x) + 100.0 * ad.abs(x), "right")
    assert float(ad.grad(f)(0.0)) == 1.0 - 10.0 + 100.0

    def fails(x: Any) -> Any:
        raise KeyError

    with pytest.raises(KeyError):
        ad.with_subgradients(fails, "left")(1.0)
    assert float(ad.grad(ad.abs)(0.0)) == 0.0


def test_all_orders_are_those_of_the_piece() -> None:
    """Of max(x², 2x²) at 0 the second derivative is that of the side; the usual one is unsaid."""

    def f(x: Any) -> Any:
        return ad.maximum(x + x * x, 3.0 * x * x)

    for side, first, second in (("left", 0.0, 6.0), ("right", 1.0, 2.0)):
        g = ad.with_subgradients(f, side)  # type: ignore[arg-type]
        assert float(ad.grad(g)(0.0)) == first
        assert float(ad.grad(ad.grad(g))(0.0)) == second
        assert float(ad.compile(ad.hessian(g))(0.0)) == second


def test_rules_take_no_notice() -> None:
    """A rule that uses abs gives what it gives; only what the function itself calls is chosen."""
    f = ad.custom_jvp(lambda x: ad.abs(x))
    f.defjvp(lambda primals, tangents: (f(*primals), ad.grad(ad.abs)(primals[0]) * tangents[0]))
    g = ad.with_subgradients(f, "right")
    assert float(ad.grad(g)(0.0)) == 0.0
    assert float(ad.grad(f)(0.0)) == 0.0


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
def test_the_edge_of_clip(wrap: Any) -> None:
    """edge=0 for one call, clip_edge=0 for a function; the bounds share what x does not get."""
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    for f in (
        lambda x: ad.clip(x, -1.0, 1.0, edge=0),
        ad.with_subgradients(lambda x: np.clip(x, -1.0, 1.0), clip_edge=0),
        ad.with_subgradients(lambda x: np.clip(x, -1.0, 1.0), "left", clip_edge=0),
    ):
        assert wrap(ad.vmap(ad.grad(f)))(x).tolist() == [0, 0, 1, 0, 0]
    again = ad.with_subgradients(lambda x: ad.clip(x, -1.0, 1.0, edge=1), clip_edge=0)
    assert wrap(ad.vmap(ad.grad(again)))(x).tolist() == [0, 1, 1, 1, 0]
    for edge in (None, 0, 1):
        for place in ((0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.0, 0.0, 0.0), (0.5, 1.0, 0.0)):
            shares = wrap(ad.grad(lambda x, lo, hi, e=edge: ad.clip(x, lo, hi, edge=e), (0, 1, 2)))
            assert sum(map(float, shares(*place))) == 1.0, (edge, place)
    assert float(wrap(ad.grad(lambda x: ad.clip(x, min=0.0, edge=0)))(0.0)) == 0.0
    assert float(wrap(ad.grad(lambda x: ad.clip(x, max=0.0, edge=0)))(0.0)) == 0.0


def test_wrong_arguments() -> None:
    """Each names what is allowed."""
    with pytest.raises(RangeError, match="least, left, right"):
        ad.with_subgradients(ad.abs, "up")  # type: ignore[arg-type]
    with pytest.raises(RangeError, match="0 or 1"):
        ad.with_subgradients(ad.abs, clip_edge=2)
    with pytest.raises(RangeError, match="edge=2 must be 0 or 1"):
        ad.clip(1.0, 0.0, 1.0, edge=2)
    with pytest.raises(ArgumentError):
        ad.with_subgradients(3.0)  # type: ignore[arg-type]


def test_integers_and_complex_numbers() -> None:
    """They are as without a choice."""
    f = ad.with_subgradients(lambda x: ad.maximum(ad.abs(x), 2), "left")
    assert f(np.array([-3, 1])).tolist() == [3, 2]
    size = ad.with_subgradients(ad.abs, "left")
    assert float(size(3.0 + 4.0j)) == 5.0
    assert complex(ad.grad(size)(3.0 + 4.0j)) == complex(ad.grad(ad.abs)(3.0 + 4.0j))


WITH_SIDES = {"abs", "clip", "copysign", "fmax", "fmin", "maximum", "minimum"}
MORE_SIDES_THAN_TWO = {
    "arctan2": (lambda x: ad.arctan2(x[0], x[1]), [0.0, 0.0]),
    "cummax": (ad.cummax, [1.0, 1.0]),
    "cummin": (ad.cummin, [1.0, 1.0]),
    "eigh": (lambda x: ad.linalg.eigvalsh(ad.diag(x)), [1.0, 1.0]),
    "hypot": (lambda x: ad.hypot(x[0], x[1]), [0.0, 0.0]),
    "max": (ad.max, [1.0, 1.0]),
    "min": (ad.min, [1.0, 1.0]),
    "norm2": (ad.linalg.norm, [0.0, 0.0]),
    "order_statistic": (ad.median, [1.0, 1.0, 1.0]),
    "svd": (lambda x: ad.linalg.svdvals(ad.diag(x)), [1.0, 1.0]),
    "with_kink": (lambda x: ad.linalg.vector_norm(x, ord=3), [0.0, 0.0]),
    "with_ties": (lambda x: ad.sort(x) * np.arange(2.0), [1.0, 1.0]),
}


def test_every_operation_with_a_kink_has_sides_or_is_as_ever() -> None:
    """What has more than two sides takes no notice of a choice, also within, in both modes."""
    known = {op.name for op in OPS.values() if op.kinks}
    assert known == WITH_SIDES | MORE_SIDES_THAN_TWO.keys()
    for name in WITH_SIDES:
        assert any(row.startswith(name) for row in FUNCTIONS)
    for f, at in MORE_SIDES_THAN_TWO.values():
        x = np.array(at)
        for transform in (ad.jacrev, ad.jacfwd):
            for side in ("left", "right"):
                chosen = transform(ad.with_subgradients(f, side))(x)
                np.testing.assert_array_equal(np.asarray(chosen), np.asarray(transform(f)(x)))


def test_numbers_beside_nan_and_other_dtypes() -> None:
    """fmax and copysign keep their values, dtypes and shapes where a side is chosen."""
    a = np.array([[1.0, np.nan, 3.0]], np.float32)
    b = np.array([[2.0], [np.nan]], np.float32)
    for f in (ad.fmax, ad.fmin, ad.copysign):
        found = ad.with_subgradients(f, "left")(ad.array(a), b)
        plain = f(ad.array(a), b)
        assert found.dtype == plain.dtype
        np.testing.assert_array_equal(np.asarray(found), np.asarray(plain))
        whole = ad.with_subgradients(f, "left")(ad.array([1, 2]), 2)
        assert whole.dtype == f(ad.array([1, 2]), 2).dtype
