"""What `derive_scalar_coefficients.py` approximates: each entry a function, a weight, a range.

The weight turns the error of the polynomial into an error relative to the final result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp, mpf

mp.dps = 60
Function = Callable[[mpf], mpf]
HALF_LN2 = mp.log(2) / 2
SMALL = mpf(10) ** -25


@dataclass(frozen=True)
class Polynomial:
    """p of these degrees (per dtype) for which |weight (function - p)| is least on [low, high]."""

    meaning: str
    function: Function
    weight: Function
    low: mpf
    high: mpf | dict[str, mpf]
    degrees: dict[str, int]


def degrees(double: int, single: int) -> dict[str, int]:
    return {"float64": double, "float32": single}


def tail(function: Callable[[mpf], mpf], order: int) -> Callable[[mpf], mpf]:
    """x ↦ (function(x) - its Taylor polynomial of degree order - 1) / x^order, also at small x."""
    series = mp.taylor(function, 0, order + 30)

    def remainder(x: mpf) -> mpf:
        if abs(x) < mpf(1) / 16:
            return mp.polyval(series[: order - 1 : -1], x)
        return (function(x) - mp.polyval(series[order - 1 :: -1], x)) / x**order

    return remainder


def of_square(function: Callable[[mpf], mpf], order: int) -> Callable[[mpf], mpf]:
    """z ↦ the remainder of an odd or even function beyond x^order, divided by x^order, z = x²."""
    inner = tail(function, order)
    return lambda z: inner(mp.sqrt(z))


def erf_over_x(x: mpf) -> mpf:
    return mp.erf(x) / x if x else 2 / mp.sqrt(mp.pi)


def scaled_erfc(x: mpf) -> mpf:
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def erfinv_of(w: mpf) -> mpf:
    """The y with -log(1 - erf² y) = w."""
    guess = mp.sqrt(w) if w > 2 else mp.sqrt(-mp.pi * mp.expm1(-w)) / 2
    return mp.findroot(lambda y: mp.log(mp.erfc(y)) + mp.log1p(mp.erf(y)) + w, guess)


def lgamma_far(y: mpf) -> mpf:
    return y * (mp.loggamma(y + mpf(1) / 2) - y * mp.log(y) + y - mp.log(2 * mp.pi) / 2)


def digamma_root() -> mpf:
    return mp.findroot(mp.digamma, mpf("1.4616321449683623413"))


POLYNOMIALS = {
    "EXP": Polynomial(
        "exp r = 1 + r + r² p(r), |r| ≤ ln 2 / 2",
        tail(mp.exp, 2),
        lambda r: r**2 / mp.exp(r),
        -HALF_LN2 * 1.0001,
        HALF_LN2 * 1.0001,
        degrees(9, 4),
    ),
    "EXP2": Polynomial(
        "2^r = 1 + r ln 2 + r² p(r), |r| ≤ 1/2",
        tail(lambda r: mpf(2) ** r, 2),
        lambda r: r**2 / mpf(2) ** r,
        mpf(-1) / 2,
        mpf(1) / 2,
        degrees(9, 4),
    ),
    "LOG": Polynomial(
        "log((1 + s) / (1 - s)) = 2 s + s z p(z), z = s², |s| ≤ 3 - 2 √2",
        of_square(lambda s: mp.log((1 + s) / (1 - s)), 3),
        lambda z: z / 2,
        mpf(0),
        (3 - 2 * mp.sqrt(2)) ** 2 * 1.0001,
        degrees(6, 2),
    ),
    "SIN": Polynomial(
        "sin r = r + r z p(z), z = r², |r| ≤ 0.92",
        of_square(mp.sin, 3),
        lambda z: z * mp.sqrt(z) / mp.sin(mp.sqrt(z)),
        SMALL,
        mpf("0.92") ** 2,
        degrees(6, 3),
    ),
    "COS": Polynomial(
        "cos r = 1 - z / 2 + z² p(z), z = r², |r| ≤ 0.92",
        of_square(mp.cos, 4),
        lambda z: z**2 / mp.cos(mp.sqrt(z)),
        mpf(0),
        mpf("0.92") ** 2,
        degrees(5, 2),
    ),
    "ASIN": Polynomial(
        "asin x = x + x z p(z), z = x² ≤ 1/4",
        of_square(mp.asin, 3),
        lambda z: z,
        mpf(0),
        mpf("0.2501"),
        degrees(12, 5),
    ),
    "ATAN": Polynomial(
        "atan t = t + t z p(z), z = t² ≤ 1/4",
        of_square(mp.atan, 3),
        lambda z: z,
        mpf(0),
        mpf("0.2501"),
        degrees(11, 4),
    ),
    "TANH": Polynomial(
        "tanh x = x + x z p(z), z = x² ≤ 0.55²",
        of_square(mp.tanh, 3),
        lambda z: z,
        mpf(0),
        mpf("0.3026"),
        degrees(9, 4),
    ),
    "LOG_TAIL": Polynomial(
        "log((1 + s) / (1 - s)) = 2 s + s z (2/3 + z p(z)), z = s², to the digits of a pair",
        of_square(lambda s: mp.log((1 + s) / (1 - s)), 5),
        lambda z: z**2 / 2,
        mpf(0),
        (3 - 2 * mp.sqrt(2)) ** 2 * 1.0001,
        degrees(7, 2),
    ),
    "ERF": Polynomial(
        "erf x = x + x p(z), z = x² ≤ 1",
        lambda z: erf_over_x(mp.sqrt(z)) - 1,
        lambda z: 1 / erf_over_x(mp.sqrt(z)),
        mpf(0),
        mpf("1.0001"),
        degrees(11, 6),
    ),
    "ERF_TAIL": Polynomial(
        "exp(x²) erfc x = p(t), t = (x - 1) / (x + 2), x ≥ 1; error of erf x",
        lambda t: scaled_erfc((1 + 2 * t) / (1 - t)) * (1 - t) / 3 / (1 + t),
        lambda t: mp.exp(-(((1 + 2 * t) / (1 - t)) ** 2)),
        mpf(0),
        {"float64": mpf(5) / 8, "float32": mpf(1) / 2},
        degrees(12, 5),
    ),
    "ERFCX": Polynomial(
        "exp(x²) erfc x = p(t) / (1 + 2 x), t = (x - 4) / (x + 4), x ≥ 0.45",
        lambda t: scaled_erfc(4 * (1 + t) / (1 - t)),
        lambda t: 1 / scaled_erfc(4 * (1 + t) / (1 - t)),
        mpf("-3.55") / mpf("4.45"),
        1 - mpf(10) ** -6,
        degrees(22, 10),
    ),
    "ERFINV_NEAR": Polynomial(
        "erf⁻¹ x = x p(w), w = -log(1 - x²) ≤ 6: where an iteration starts",
        lambda w: erfinv_of(w) / mp.sqrt(-mp.expm1(-w)) if w else mp.sqrt(mp.pi) / 2,
        lambda w: mpf(1),
        mpf(0),
        mpf(6),
        degrees(6, 4),
    ),
    "ERFINV_FAR": Polynomial(
        "erf⁻¹ x = p(√w - 6), w = -log(1 - x²) ≥ 6: where an iteration starts",
        lambda t: erfinv_of((6 + t) ** 2),
        lambda t: 6 + t,
        mp.sqrt(6) - 6,
        {"float64": mp.sqrt(750) - 6, "float32": mp.sqrt(104) - 6},
        degrees(12, 6),
    ),
    "RECIPROCAL_CBRT": Polynomial(
        "1 / ∛m, 1/2 ≤ m ≤ 1: where an iteration starts",
        lambda m: 1 / mp.cbrt(m),
        mp.cbrt,
        mpf(1) / 2,
        mpf(1),
        degrees(4, 4),
    ),
    "LGAMMA_NEAR_2": Polynomial(
        "log Γ(2 + d) = d p(d), |d| ≤ 1/2",
        lambda d: mp.loggamma(2 + d) / d if d else 1 - mp.euler,
        lambda d: d / mp.loggamma(2 + d) if d else 1 / (1 - mp.euler),
        mpf(-1) / 2,
        mpf(1) / 2,
        degrees(18, 8),
    ),
    "LGAMMA_FAR": Polynomial(
        "log Γ(y + 1/2) = y log y - y + log(2 π) / 2 + p(1 / y²) / y, y ≥ 3",
        lambda v: lgamma_far(1 / mp.sqrt(v)),
        lambda v: mp.sqrt(v) / mp.loggamma(1 / mp.sqrt(v) + mpf(1) / 2),
        mpf(10) ** -8,
        mpf(1) / 9,
        degrees(10, 2),
    ),
    "DIGAMMA_FAR": Polynomial(
        "ψ(y + 1/2) = log y + p(v) v, v = 1 / y², y ≥ 3/2",
        lambda v: (mp.digamma(1 / mp.sqrt(v) + mpf(1) / 2) + mp.log(v) / 2) / v,
        lambda v: v / mp.digamma(1 / mp.sqrt(v) + mpf(1) / 2),
        mpf(10) ** -8,
        mpf(4) / 9,
        degrees(18, 5),
    ),
    "TRIGAMMA_FAR": Polynomial(
        "ψ'(y + 1/2) = 1 / y + p(v) v / y, v = 1 / y², y ≥ 3/2",
        lambda v: (mp.psi(1, 1 / mp.sqrt(v) + mpf(1) / 2) / mp.sqrt(v) - 1) / v,
        lambda v: v * mp.sqrt(v) / mp.psi(1, 1 / mp.sqrt(v) + mpf(1) / 2),
        mpf(10) ** -8,
        mpf(4) / 9,
        degrees(21, 6),
    ),
    "DIGAMMA_ROOT": Polynomial(
        "ψ(x₀ + d) = d p(d) about the positive root x₀, |d| ≤ 1/8",
        lambda d: mp.digamma(digamma_root() + d) / d if d else mp.psi(1, digamma_root()),
        lambda d: d / mp.digamma(digamma_root() + d) if d else 1 / mp.psi(1, digamma_root()),
        mpf(-1) / 8,
        mpf(1) / 8,
        degrees(13, 5),
    ),
}

CONSTANTS = {
    "LN2": (
        "ln 2; the first part times a whole exponent is exact",
        lambda: mp.log(2),
        3,
        {"float64": 41, "float32": 15},
    ),
    "LN2_FULL": ("ln 2", lambda: mp.log(2), 2, {}),
    "INVERSE_LN2": ("1 / ln 2", lambda: 1 / mp.log(2), 2, {}),
    "INVERSE_LN10": ("1 / ln 10", lambda: 1 / mp.log(10), 2, {}),
    "LOG10_2": (
        "log10 2; the first part times a whole exponent is exact",
        lambda: mp.log10(2),
        2,
        {"float64": 41, "float32": 15},
    ),
    "PI": ("π", lambda: +mp.pi, 2, {}),
    "LOG_PI": ("log π", lambda: mp.log(mp.pi), 2, {}),
    "HALF_LOG_2PI": ("log(2 π) / 2", lambda: mp.log(2 * mp.pi) / 2, 2, {}),
    "INVERSE_ROOT_2": ("1 / √2", lambda: 1 / mp.sqrt(2), 2, {}),
    "ROOT_2": ("√2", lambda: mp.sqrt(2), 2, {}),
    "TWO_THIRDS": ("2 / 3", lambda: mpf(2) / 3, 2, {}),
    "DIGAMMA_ZERO": ("the positive root of the digamma function", digamma_root, 2, {}),
    "QUARTER_PI": ("π / 4", lambda: mp.pi / 4, 2, {}),
    "HALF_PI": ("π / 2", lambda: mp.pi / 2, 4, {}),
    "INVERSE_HALF_PI": ("2 / π", lambda: 2 / mp.pi, 2, {}),
}
