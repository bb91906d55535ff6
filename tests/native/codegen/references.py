"""What the scalar mathematics is measured against: mpmath, and samples that look for trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
from mpmath import mp, mpf

Array = np.ndarray[Any, Any]
INFINITY = float("inf")


def _power(x: mpf, y: mpf) -> mpf:
    if x == 0:
        return mp.one if y == 0 else mp.zero if y > 0 else mp.inf
    if x < 0 and y == mp.floor(y):
        return -((-x) ** y) if int(y) % 2 else (-x) ** y
    return x**y


def _lgamma(x: mpf) -> mpf:
    return mp.log(abs(mp.gamma(x))) if x < 0 else mp.loggamma(x)


def _quantile(q: mpf) -> mpf:
    """The y with erfc y = q, by Newton's steps on the logarithm."""
    if q == 0:
        return mp.inf
    if q == 1:
        return mp.zero
    goal = mp.log(q)
    y = mpf(float(scipy.special.erfcinv(max(float(q), 1e-300))))
    for _ in range(40):
        value = mp.erfc(y)
        step = (mp.log(value) - goal) * value * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        y += step
        if abs(step) < abs(y) * mpf(2) ** -75:
            break
    return y


def _log_ndtr(x: mpf) -> mpf:
    if x > 0:
        return mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


EXACT: dict[str, Callable[..., Any]] = {
    "exp": mp.exp,
    "exp2": lambda x: mpf(2) ** x,
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log1p": mp.log1p,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)) if x > -2000 else mp.exp(x),
    "softplus": lambda x: mp.log1p(mp.exp(x)) if x < 2000 else x,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "erfinv": lambda x: _quantile(1 - abs(x)) * mp.sign(x) if abs(x) > 0.1 else mp.erfinv(x),
    "erfcinv": lambda x: _quantile(x) if x <= 1 else -_quantile(2 - x),
    "ndtri": lambda p: mp.sqrt(2) * (-_quantile(2 * p) if p < 0.5 else _quantile(2 - 2 * p)),
    "log_ndtr": lambda x: _log_ndtr(x),
    "ndtr": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
    "pow": _power,
    "sqrt": mp.sqrt,
    "cbrt": lambda x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x),
    "hypot": mp.hypot,
    "lgamma": _lgamma,
    "digamma": mp.digamma,
    "trigamma": lambda x: mp.psi(1, x),
}

DOMAIN = {
    "log": (0.0, INFINITY),
    "log2": (0.0, INFINITY),
    "log10": (0.0, INFINITY),
    "sqrt": (0.0, INFINITY),
    "log1p": (-1.0, INFINITY),
    "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0),
    "atanh": (-1.0, 1.0),
    "erfinv": (-1.0, 1.0),
    "erfcinv": (0.0, 2.0),
    "ndtri": (0.0, 1.0),
    "acosh": (1.0, INFINITY),
    # beyond these ends the result is 0, infinite or constant
    "exp": (-800.0, 800.0),
    "exp2": (-1200.0, 1200.0),
    "expm1": (-800.0, 800.0),
    "sigmoid": (-800.0, 800.0),
    "softplus": (-800.0, 800.0),
    "sinh": (-800.0, 800.0),
    "cosh": (-800.0, 800.0),
    "tanh": (-800.0, 800.0),
    "erf": (-30.0, 30.0),
    "erfc": (-30.0, 30.0),
    "erfcx": (-27.0, 1e9),
    "log_ndtr": (-1e9, 40.0),
    "ndtr": (-40.0, 40.0),
}
BINARY = ("pow", "hypot", "atan2")


def bit_patterns(rng: np.random.Generator, dtype: Any, size: int) -> Array:
    """Numbers of random bits, finite ones."""
    unsigned = {4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
    bits = rng.integers(0, np.iinfo(unsigned).max, size, unsigned, endpoint=True)
    numbers = bits.view(dtype)
    return np.where(np.isfinite(numbers), numbers, dtype(1))


def samples(name: str, dtype: Any, size: int, seed: int = 0) -> Array:
    """About `size` arguments for a function of one variable."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype).type
    low, high = DOMAIN.get(name, (-INFINITY, INFINITY))
    part = max(size // 8, 1)
    sign = rng.choice([-1.0, 1.0], part)
    whole = rng.integers(-40, 40, part)
    near = [0.5, 1.0, np.pi / 4, np.log(2) / 2, np.pi / 2]
    pieces = [
        bit_patterns(rng, dtype, 2 * part),
        sign * 10.0 ** rng.uniform(-12, 4, part),
        rng.uniform(-1.5, 1.5, part),
        rng.uniform(-12, 12, part),
        rng.uniform(max(low, -1000.0), min(high, 1000.0), part),
        whole * rng.choice(near, part) * (1 + rng.choice([-1, 0, 1], part) * 2.0**-23),
        rng.choice(near, part) * whole + rng.normal(size=part) * 10.0 ** rng.uniform(-9, 0, part),
    ]
    x = np.concatenate([p.astype(dtype) for p in pieces])
    if name in ("log", "log2", "log10", "sqrt"):
        x = np.abs(x)
    if "gamma" in name:
        x = x[x > 0]
    return x[(x >= low) & (x <= high) & np.isfinite(x)]


def pairs(name: str, dtype: Any, size: int, seed: int = 0) -> tuple[Array, Array]:
    """About `size` arguments for a function of two variables."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype).type
    part = size // 4
    if name == "pow":
        x = np.abs(np.concatenate([samples("", dtype, size, seed), rng.uniform(0.5, 2, part)]))
        x = np.concatenate([x, -x[:part]]).astype(dtype)
        with np.errstate(all="ignore"):
            largest = np.log(float(np.finfo(dtype).max)) * 1.05
            y = rng.uniform(-largest, largest, x.size) / np.log(np.abs(x.astype(np.float64)))
        y = np.where(rng.random(x.size) < 0.3, rng.integers(-9, 9, x.size) / 2, y)
        y = np.where((x < 0) | (rng.random(x.size) < 0.1), np.round(y), y)
        return x, np.clip(np.nan_to_num(y), -1e30, 1e30).astype(dtype)
    x = samples("", dtype, size, seed)
    with np.errstate(all="ignore"):
        y = x * (10.0 ** rng.uniform(-3, 3, x.size) * rng.choice([-1, 1], x.size)).astype(dtype)
    y[:part] = bit_patterns(rng, dtype, part)
    y = np.where(np.isfinite(y), y, x).astype(dtype)
    origin = (x == 0) & (y == 0)
    return x[~origin], y[~origin]


def ulps(result: Any, exact: Any, dtype: Any) -> float:
    """The distance of a result from the exact value, in units in the last place of the latter."""
    info = np.finfo(dtype)
    if not np.isfinite(result):
        if exact != exact:
            return 0.0 if np.isnan(result) else INFINITY
        if np.isnan(result) or (result > 0) != (exact > 0):
            return INFINITY
        result = mp.ldexp(1, info.maxexp) * (1 if result > 0 else -1)
        if abs(exact) >= abs(result):
            return 0.0
    elif exact != exact:
        return INFINITY
    exponent = info.minexp if exact == 0 else max(mp.frexp(exact)[1] - 1, info.minexp)
    return float(abs(mpf(float(result)) - exact) / mp.ldexp(1, int(exponent) - info.nmant))


def exact_values(name: str, *arguments: Array) -> list[Any]:
    """The function of these arguments to more digits than float64 has."""
    function = EXACT[name]
    values = []
    with mp.workprec(140):
        for row in zip(*arguments, strict=True):
            try:
                values.append(function(*[mpf(float(x)) for x in row]))
            except (ZeroDivisionError, ValueError, OverflowError):
                values.append(mp.nan)
    return values


def worst(name: str, results: Array, *arguments: Array) -> tuple[float, tuple[float, ...]]:
    """The greatest error in ulps, and the arguments where it is."""
    exact = exact_values(name, *arguments)
    with mp.workprec(140):
        errors = [ulps(r, v, results.dtype) for r, v in zip(results, exact, strict=True)]
    at = int(np.argmax(errors))
    return errors[at], tuple(float(a[at]) for a in arguments)
