"""The scalar mathematics, compiled in a loop for this machine, is as exact as it says."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.special

from adjoint.ops import scalar
from adjoint.ops.scalar import BOUNDS
from tests.native.codegen.numpy_emitter import NumPyEmitter
from tests.native.codegen.references import BINARY, Array, exact_values, pairs, samples, worst
from tests.native.codegen.scalar_loop import Kernel, build
from tests.sampling import marked

pytestmark = pytest.mark.native

DTYPES = ("float64", "float32")
EVERY = [(name, dtype) for name in BOUNDS for dtype in DTYPES]
TINY = 5e-324
SPECIAL = [0.0, 1e-40, TINY, 2.3e-308, 1e-20, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 88.0, 1e19, 1e300]
NUMPY = {
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "erfcx": scipy.special.erfcx,
    "erfinv": scipy.special.erfinv,
    "erfcinv": scipy.special.erfcinv,
    "ndtr": scipy.special.ndtr,
    "ndtri": scipy.special.ndtri,
    "log_ndtr": scipy.special.log_ndtr,
    "lgamma": lambda x: np.array([lgamma_or_pole(float(v)) for v in x.flat], x.dtype),
    "digamma": scipy.special.psi,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
}


def lgamma_or_pole(x: float) -> float:
    try:
        return math.lgamma(x)
    except ValueError:
        return math.inf


@cache
def kernel(name: str, dtype: str, **options: Any) -> Kernel:
    return build(getattr(scalar, name), *[dtype] * arity(name), **options)


def arity(name: str) -> int:
    return 2 if name in BINARY else 1


def points(name: str, dtype: str, size: int, seed: int = 0) -> tuple[Array, ...]:
    if arity(name) == 2:
        return pairs(name, dtype, size, seed)
    return (samples(name, dtype, size, seed),)


def special(name: str, dtype: str) -> tuple[Array, ...]:
    with np.errstate(all="ignore"):
        column = np.array([*SPECIAL, np.inf], dtype)
    column = np.concatenate([column, -column, np.array([np.nan, -np.nan], dtype)])
    if arity(name) == 1:
        return (column,)
    x, y = np.meshgrid(column, column)
    return x.ravel(), y.ravel()


def same_bits(a: Array, b: Array) -> Array:
    """Where two arrays agree to the last bit; all nan are one."""
    return (a.view(f"u{a.itemsize}") == b.view(f"u{b.itemsize}")) | (np.isnan(a) & np.isnan(b))


@pytest.mark.parametrize(
    ("size", "name", "dtype"),
    [
        *(marked((800, *case), quick=True) for case in EVERY),
        *(marked((2500, *case), quick=False) for case in EVERY),
    ],
)
def test_the_error_stays_below_the_bound(size: int, name: str, dtype: str) -> None:
    """On many arguments of all kinds, against mpmath."""
    xs = points(name, dtype, size)
    error, at = worst(name, kernel(name, dtype)(*xs), *xs)
    assert error <= BOUNDS[name] + 1e-3, f"{name}{at} in {dtype} is {error} ulps off"


@pytest.mark.parametrize(("name", "dtype"), EVERY)
def test_the_loop_is_vectorised(name: str, dtype: str) -> None:
    """For this machine, and for one with AVX2 if this is of the kind."""
    assert kernel(name, dtype).vectorised
    if "x86" in kernel(name, dtype).triple:
        assert kernel(name, dtype, cpu="haswell").vectorised


@pytest.mark.parametrize(("name", "dtype"), EVERY)
def test_native_words_mean_what_numpy_says(name: str, dtype: str) -> None:
    """The same function in NumPy's words gives the same bits."""
    for xs in (special(name, dtype), points(name, dtype, 200)):
        expected = np.asarray(getattr(scalar, name)(NumPyEmitter(), *xs))
        actual = kernel(name, dtype)(*xs)
        where = ~same_bits(actual, expected)
        assert not where.any(), [x[where][:3] for x in xs]


@pytest.mark.parametrize(("name", "dtype"), [c for c in EVERY if c[0] != "trigamma"])
def test_special_values_are_those_of_numpy(name: str, dtype: str) -> None:
    """Infinities, nan, zeros with their signs and subnormal numbers."""
    xs = special(name, dtype)
    other = NUMPY.get(name) or getattr(np, "power" if name == "pow" else name)
    with np.errstate(all="ignore"):
        expected = other(*xs)
    actual = kernel(name, dtype)(*xs)
    exact = ~np.isfinite(expected) | (expected == 0)
    if name in ("sigmoid", "ndtr", "erfc"):  # their peers underflow at once
        exact &= expected != 0
    agree = same_bits(actual, expected)
    agree[~exact] = np.isclose(actual, expected, rtol=2e-6, atol=0)[~exact]
    if name == "erfcinv":  # SciPy gives up on the least number
        agree |= (xs[0] == TINY) & np.isfinite(actual)
    if name in ("log_ndtr", "erfinv"):  # SciPy has a -0 for the logarithm of 1, and erfinv(-0) = 0
        agree |= (actual == 0) & (expected == 0)
    if name in ("lgamma", "digamma"):
        agree |= np.isclose(actual, expected, rtol=1e-5)
    assert agree.all(), [(x[~agree], actual[~agree], expected[~agree]) for x in xs]


LONG = [n for n in BOUNDS if hasattr(np, n) and n not in ("pow", "sqrt")]


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="long double is not longer here")
@pytest.mark.parametrize("name", LONG)
def test_many_more_arguments_against_long_double(name: str) -> None:
    """A hundred thousand arguments; long double is good to a thousandth of a unit."""
    xs = points(name, "float64", 100_000, seed=3)
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(*[x.astype(np.longdouble) for x in xs])
    usable = np.isfinite(exact) & (np.abs(exact) < np.finfo(np.float64).max)
    if name in ("sin", "cos", "tan"):  # long double reduces less exactly
        usable &= np.abs(xs[0]) < 1e4
    error = ulps_apart(kernel(name, "float64")(*xs), exact)
    assert error[usable].max() <= BOUNDS[name] + 0.01


@pytest.mark.parametrize("name", [n for n in BOUNDS if n not in ("pow", "trigamma")])
def test_many_more_arguments_in_float32(name: str) -> None:
    """A hundred thousand arguments; NumPy and SciPy are exact enough in float64."""
    xs = points(name, "float32", 100_000, seed=3)
    other = NUMPY.get(name) or getattr(np, name)
    with np.errstate(all="ignore"):
        exact = other(*[x.astype(np.float64) for x in xs])
    usable = np.abs(exact) < np.finfo(np.float32).max
    usable &= ~((name in ("digamma", "lgamma")) & (np.abs(exact) < 1e-3))
    error = ulps_apart(kernel(name, "float32")(*xs), exact)
    assert error[usable].max() <= BOUNDS[name] + 0.01


def ulps_apart(result: Array, exact: Array) -> Array:
    """The errors of results in units in the last place of their exact values."""
    info = np.finfo(result.dtype)
    _, exponent = np.frexp(exact)
    exponent = np.maximum(exponent - 1, info.minexp) - info.nmant
    with np.errstate(all="ignore"):
        return np.abs(np.ldexp(result.astype(exact.dtype) - exact, -exponent))


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_huge_angles_are_reduced_exactly(name: str) -> None:
    """Below the bound by us, above it by the C library; near a multiple of π/2 in float32."""
    x = np.array([2.0**40, 2.0**41 + 1, 1e22, -1e300, 3.0e6, 5.0])
    assert worst(name, kernel(name, "float64")(x), x)[0] <= 1.0
    x = np.array([16367173.0 * 2.0**72, 3.3e6, 3.4e6, 1e30, -2e38, 5.0], np.float32)
    assert worst(name, kernel(name, "float32")(x), x)[0] <= 1.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["lgamma", "digamma", "trigamma"])
def test_gamma_of_negative_numbers(name: str, dtype: str) -> None:
    """Reflected: exact to the size of the terms."""
    x = -np.random.default_rng(5).uniform(0.01, 30, 300).astype(dtype)
    x = x[np.abs(x - np.round(x)) > 0.01]
    with np.errstate(all="ignore"):
        exact = [float(v) for v in exact_values(name, x)]
    tolerance = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(kernel(name, dtype)(x), exact, rtol=tolerance, atol=10 * tolerance)
    poles = kernel(name, dtype)(np.array([-1, -2, -1e9], dtype))
    assert np.isnan(poles).all() if name == "digamma" else np.isposinf(poles).all()


def test_the_slow_path_does_not_disturb_neighbours() -> None:
    """A strip computed twice gives what it gave, a strip without such arguments is left alone."""
    x = np.linspace(-9, 9, 5000)
    mixed = x.copy()
    mixed[1000] = 1e200
    usual, other = kernel("sin", "float64")(x), kernel("sin", "float64")(mixed)
    assert other[1000] == pytest.approx(math.sin(1e200), abs=1e-15)
    assert same_bits(np.delete(usual, 1000), np.delete(other, 1000)).all()


def test_contraction_does_not_reach_the_scalar_mathematics() -> None:
    """An emitter that may contract still gives the same bits: error-free sums stay so."""
    x = samples("pow", "float64", 2000)
    y = np.flip(x).copy()
    loose = kernel("pow", "float64", contract=True)(x, y)
    assert same_bits(loose, kernel("pow", "float64")(x, y)).all()


def test_float16_goes_through_float32() -> None:
    """Results are those of float32, rounded."""
    x = np.linspace(-5, 5, 100).astype(np.float16)
    result = build(scalar.exp, "float16")(x)
    assert result.dtype == np.float16
    np.testing.assert_array_equal(result, np.exp(x.astype(np.float32)).astype(np.float16))


def test_other_dtypes_are_refused() -> None:
    """An integer has no exponential until it is converted."""
    with pytest.raises(TypeError, match=r"exp needs float16, float32 or float64, got int32"):
        build(scalar.exp, "int32")


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values_of_trigamma(dtype: str) -> None:
    """At the poles, infinity and nan, as SciPy's polygamma has them."""
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -9e9, 1.0], dtype)
    expected = [np.inf, np.inf, 0.0, np.inf, np.nan, np.inf, np.inf, np.pi**2 / 6]
    np.testing.assert_allclose(kernel("trigamma", dtype)(x), expected, rtol=2e-7)
