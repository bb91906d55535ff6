"""What Python and NumPy tell apart, a compiled function tells apart; and what NumPy answers, we do.

The keys of a dict have an order, which a function may go by; equal numbers beyond a dtype compare;
booleans stay booleans, as masks must.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from tests.sampling import in_turn


def weighted(parts: dict[str, Any]) -> Any:
    return sum((i + 1) * part for i, part in enumerate(parts.values()))


ONE, OTHER = {"p": 1.0, "q": 2.0}, {"q": 2.0, "p": 1.0}


@pytest.mark.parametrize("wrap", [dict, lambda d: defaultdict(float, d), lambda d: dict(d, r=3.0)])
@pytest.mark.parametrize("native", ["auto", "never"])
def test_the_order_of_keys_is_part_of_the_signature(wrap: Any, native: Any) -> None:
    whole = ad.compile(weighted)
    named = ad.compile(lambda **parts: weighted(parts))
    given = ad.compile(weighted, donate=0)
    slopes = ad.compile(ad.grad(weighted))
    with ad.options(native=native):
        for _ in range(3):
            for parts in map(wrap, (ONE, OTHER)):
                expected = weighted(parts)
                assert float(whole(parts)) == float(given(parts)) == expected
                assert float(named(**parts)) == expected
                assert list(slopes(parts)) == list(parts)
                assert [float(s) for s in slopes(parts).values()] == [*range(1, len(parts) + 1)]
    for parts in (ONE, OTHER, ONE):
        at_once = ad.compile(lambda a: weighted(a["x"]) + a["y"])
        for outer in ({"x": parts, "y": 1.0}, {"y": 1.0, "x": parts}):
            assert float(at_once(outer)) == weighted(parts) + 1
    tree = [{"x": ONE}], [{"x": OTHER}]
    nested = ad.compile(lambda a: weighted(a[0]["x"]))
    assert [float(nested(t)) for t in (*tree, *tree)] == [5.0, 4.0, 5.0, 4.0]


class Pair(NamedTuple):
    a: Any
    b: Any = 0


@dataclass(frozen=True)
class Setting:
    a: Any


@dataclass
class Own:
    a: list[Any]

    def __hash__(self) -> int:
        return 1


WRAPS: list[Any] = [
    (lambda v: v, lambda s: s),
    (lambda v: (2, (v,)), lambda s: s[1][0]),
    (Pair, lambda s: s.a),
    (Setting, lambda s: s.a),
    (lambda v: frozenset([v]), lambda s: next(iter(s))),
    (lambda v: (Setting(Pair(v)),), lambda s: s[0].a.a),
]
EQUAL: list[list[Any]] = [
    [0.0, -0.0, 0, False, np.float64(0.0), np.float64(-0.0), np.float32(-0.0), 0j],
    [1, 1.0, True, np.int8(1), np.float32(1), np.float64(1)],
]


@pytest.mark.parametrize("values", EQUAL, ids=["zeros", "ones"])
@pytest.mark.parametrize("number", range(len(WRAPS)))
def test_equal_static_arguments_are_told_apart(number: int, values: list[Any]) -> None:
    wrap, unwrap = WRAPS[number]
    x = np.array([1, -2], "int16")
    f = ad.compile(lambda t, s: t / unwrap(s), static=1)
    with np.errstate(all="ignore"):
        for value in values * 2:
            if value != 0 or type(value) is not complex:
                expected = np.asarray(1.0 * x / unwrap(wrap(value)))
                result = f(1.0 * x, wrap(value))
                np.testing.assert_array_equal(result, expected)
                np.testing.assert_array_equal(np.signbit(result), np.signbit(expected))
        g = ad.compile(lambda t, s: t * unwrap(s), static="s")
        for value in values * 2:
            assert g(x, s=wrap(value)).dtype == (x * value).dtype


def test_static_arguments_with_their_own_equality_stay_allowed() -> None:
    f = ad.compile(lambda t, s: t * s.a[0], static=1)
    assert float(f(2.0, Own([3.0]))) == float(f(2.0, Own([3.0]))) == 6.0
    assert "1 signature" in repr(f)


def test_equal_keys_are_told_apart() -> None:
    f = ad.compile(lambda parts: sum(key * part for key, part in parts.items()))
    g = ad.compile(lambda parts: sum(part["x"] * key for key, part in parts.items()))
    x = np.array([1, 2], "int8")
    for key in (1, 1.0, True, np.float32(1), 1, 1.0, 2, True):
        assert f({key: x}).dtype == g({key: {"x": x}}).dtype == (0 + key * x).dtype
        assert f({key: x, 3: x}).dtype == (0 + key * x + 3 * x).dtype


COMPARISONS = [np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal]


def sides(compare: Any, number: int) -> list[Any]:
    return [lambda t: compare(t, number), lambda t: compare(number, t)]


@pytest.mark.parametrize(
    ("compare", "dtype"),
    in_turn(COMPARISONS, ["int8", "uint8", "int32", "uint32", "int64", "uint64"], times=2),
)
def test_integers_compare_with_numbers_beyond_their_dtype(compare: Any, dtype: str) -> None:
    limits = np.iinfo(dtype)
    x = np.array([[limits.min, 0, limits.max]], dtype)
    for number in (limits.min - 1, limits.max + 1, limits.min, limits.max, 2**70, -(2**70)):
        for f in sides(compare, number):
            for result in (f(ad.asarray(x)), ad.compile(f)(x), ad.vmap(f)(x)):
                assert result.dtype == bool
                np.testing.assert_array_equal(result, f(x))
    mask = ad.grad(lambda t: ad.sum(ad.where(ad.asarray(x[0]) < 2**65, t, 0.0)))(np.ones(3))
    np.testing.assert_array_equal(mask, np.ones(3))


SIGNED = np.array([2**63 - 1, -1, 2**53 + 1, 5, -(2**63), 0], "int64")
UNSIGNED = np.array([2**63, 2**64 - 1, 2**53, 5, 2**63, 0], "uint64")


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)
def test_signed_and_unsigned_integers_compare_exactly(compare: Any) -> None:
    pairs = [(SIGNED, UNSIGNED), (SIGNED[1], UNSIGNED), (SIGNED[:, None], UNSIGNED)]
    pairs += [(SIGNED.astype("int8"), UNSIGNED), (SIGNED, UNSIGNED.astype("uint8"))]
    for pair in pairs:
        for a, b in (pair, pair[::-1]):
            expected = compare(a, b)
            f = ad.compile(lambda t, u: compare(t, u))
            for result in (
                compare(ad.asarray(a), ad.asarray(b)),
                compare(ad.asarray(a), b),
                compare(a, ad.asarray(b)),
                f(a, b),
                f(a, b),
            ):
                np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("compare", "native"), in_turn(COMPARISONS, ["auto", "never"]))
def test_compiled_comparisons_take_any_python_integer(compare: Any, native: Any) -> None:
    f, g = ad.compile(lambda t, n: compare(t, n)), ad.compile(lambda t, n: compare(n, t))
    with ad.options(native=native):
        for number in (1, 300, -1, 44, -(2**63), 2**63 - 1):
            for dtype in ("int8", "uint8", "int64", "uint64", "float32", "bool"):
                x = np.array([1, 44, 0], dtype)
                for _ in range(2):
                    np.testing.assert_array_equal(f(x, number), compare(x, number))
                    np.testing.assert_array_equal(g(x, number), compare(number, x))
            np.testing.assert_array_equal(f(UNSIGNED, number), compare(UNSIGNED, number))
            assert bool(f(number, number)) == compare(number, number)
            assert bool(f(number, 7)) == compare(number, 7)


@pytest.mark.parametrize("setting", [{}, {"native": "never"}, {"debug_nans": True}])
def test_compiled_arithmetic_refuses_python_integers_that_do_not_fit(setting: Any) -> None:
    programs = [
        ad.compile(lambda t, n: t + n),
        ad.compile(lambda t, n: n - t),
        ad.compile(lambda t, n: np.where(t > 1, t, n)),
        ad.compile(lambda t, n: np.maximum(t, n) * 2, donate=0),
        ad.compile(lambda t, n: ad.sum(ad.compile(lambda u, m: u * m)(t, n))),
    ]
    fitting = {"int8": (-128, 127), "uint8": (0, 255), "int32": (-7, 7), "uint64": (0, 2**63 - 1)}
    beyond = {"int8": (128, -129), "uint8": (256, -1), "int32": (2**31,), "uint64": (-1,)}
    with ad.options(**setting):
        for dtype in fitting:
            x = np.array([1, 2, 0], dtype)
            for f in programs:
                for _ in range(2):
                    for number in fitting[dtype]:
                        assert f(x, number).dtype.kind == x.dtype.kind
                    for number in beyond[dtype]:
                        with pytest.raises(ad.errors.TooLargeError, match="does not fit"):
                            f(x, number)
            for number in fitting[dtype]:
                np.testing.assert_array_equal(programs[0](x, number), x + number)
                np.testing.assert_array_equal(programs[1](x, number), number - x)


def element(t: Any, value: Any) -> None:
    t[0] = value


def several(t: Any, value: Any) -> None:
    t[:2] = [value, 1]


def chosen(t: Any, value: Any) -> None:
    t[np.array([0, 0])] = value


def filled(t: Any, value: Any) -> None:
    t.fill(value)


def placed(t: Any, value: Any) -> None:
    np.put(t, [0], value)


def copied(t: Any, value: Any) -> None:
    np.copyto(t, value)


def diagonal(t: Any, value: Any) -> None:
    np.fill_diagonal(t.reshape(1, -1), value)


WRITES = [element, several, chosen, filled, placed, copied, diagonal]


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64", "int64"])
def test_written_values_must_fit(write: Any, dtype: str) -> None:
    limits = np.iinfo(dtype)
    if write is several and dtype == "uint64":
        pytest.skip("NumPy makes floats of such lists")

    def written(t: Any, value: Any) -> Any:
        t = t * 1
        write(t, value)
        return t

    x = np.zeros(3, dtype)
    for number in (limits.min, limits.max, 1):
        expected = written(x, number)
        for f in (partial(written, value=number), ad.compile(partial(written, value=number))):
            t = ad.asarray(x)
            np.testing.assert_array_equal(f(t), expected)
    for number in (limits.min - 1, limits.max + 1):
        for f in (partial(written, value=number), ad.compile(partial(written, value=number))):
            with pytest.raises((OverflowError, ad.errors.TooLargeError, ad.errors.DTypeError)):
                f(ad.asarray(x))
    with pytest.raises(ad.errors.TooLargeError):
        np.insert(ad.asarray(x), 0, limits.max + 1)


def test_the_size_of_booleans_is_a_mask() -> None:
    mask = np.array([True, False, True])
    x = np.array([1.0, 2.0, 4.0])
    for result in (np.abs(ad.asarray(mask)), ad.abs(mask), abs(ad.asarray(mask))):
        assert result.dtype == bool
        np.testing.assert_array_equal(result, mask)
    slopes = ad.grad(lambda t: np.sum(t[np.abs(np.asarray(t) > 1.5)] ** 2), argnums=0)
    np.testing.assert_array_equal(
        ad.grad(lambda t: ad.sum(t[ad.abs(ad.asarray(mask))] ** 2))(x), [2.0, 0.0, 8.0]
    )
    np.testing.assert_array_equal(slopes(x), [0.0, 4.0, 8.0])
    source = ad.asarray(mask)
    copied = abs(source)
    copied[0] = False
    assert bool(source[0])


@pytest.mark.parametrize("choose", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_maximum_of_equal_arguments_has_no_kink(choose: Any) -> None:
    x = np.array([1.0, -2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (
            lambda t: np.sum(choose(t, t) ** 3),
            lambda t: np.sum(choose(t * t, t * t) * t),
        ):
            for hessian in (ad.hessian(f), ad.compile(ad.hessian(f))):
                np.testing.assert_allclose(hessian(x), np.diag(6 * x))
