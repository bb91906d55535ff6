"""Who knows better: mathematics at 40 digits, and differences of plain NumPy functions.

An oracle of a function f of arrays gives its value, J v, the gradient of Re⟨w, f⟩ (the direction of
steepest ascent for complex arguments), and the derivative of that gradient along u.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import scipy.special

from tests.exact_slopes import slope

DIGITS = 40
STENCIL = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
"""The central difference of order 8."""
STEP = 2.0**-6

mp = mpmath.mp

# Elementwise operations whose mathematics mpmath does not offer under the same name. Static
# parameters come last.
MATHEMATICS: dict[str, Callable[..., Any]] = {
    "abs": mpmath.fabs,
    "airy": lambda x, k: (mpmath.airyai if k < 2 else mpmath.airybi)(x, derivative=k % 2),
    "airye": lambda x, k: (
        (mpmath.airyai if k < 2 else mpmath.airybi)(x, derivative=k % 2)
        * mpmath.exp((1 if k < 2 else -1) * 2 * x * mpmath.sqrt(x) / 3)
    ),
    "add": lambda a, b: a + b,
    "arccos": mpmath.acos,
    "arccosh": mpmath.acosh,
    "arcsin": mpmath.asin,
    "arcsin_slope": lambda x: 1 / mpmath.sqrt((1 - x) * (1 + x)),
    "arccosh_slope": lambda x: 1 / (mpmath.sqrt(x - 1) * mpmath.sqrt(x + 1)),
    "arcsinh_slope": lambda x: 1 / mpmath.sqrt(1 + x * x),
    "arctanh_slope": lambda x: 1 / ((1 - x) * (1 + x)),
    "arcsinh": mpmath.asinh,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arctanh": mpmath.atanh,
    "one_sided_abs": lambda x, right: abs(x),
    "one_sided_clip": lambda x, lo, hi, low, high: min(max(x, lo), hi),
    "one_sided_maximum": lambda a, b, first: max(a, b),
    "one_sided_minimum": lambda a, b, first: min(a, b),
    "clip": lambda x, lo, hi: min(max(x, lo), hi),
    "copysign": lambda a, b: -mpmath.fabs(a) if b < 0 else mpmath.fabs(a),
    "deg2rad": lambda x: x * mpmath.pi / 180,
    "betainc": lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True),
    "betainc_by_shapes": lambda a, b, x, i, j: mpmath.diff(
        lambda s, t: mpmath.betainc(s, t, 0, x, regularized=True), (a, b), (i, j)
    ),
    "betaincinv": lambda a, b, q: _inverse(
        lambda x: mpmath.betainc(a, b, 0, x, regularized=True),
        q,
        scipy.special.betaincinv(float(a), float(b), float(q)),
    ),
    "betaln": lambda a, b: mpmath.log(mpmath.beta(a, b)),
    "dawsn": lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x),
    "digamma": lambda x: mpmath.psi(0, x),
    "divide": lambda a, b: a / b,
    "ellipe": mpmath.ellipe,
    "ellipeinc": mpmath.ellipe,
    "ellipj": lambda u, m, k: _jacobi(u, m, k),
    "ellipk": mpmath.ellipk,
    "ellipkinc": mpmath.ellipf,
    "ellipkm1": lambda p: mpmath.elliprf(0, p, 1),
    "entr": lambda x: -x * mpmath.log(x),
    "erfcinv": lambda x: mpmath.erfinv(1 - x),
    "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
    "exp2": lambda x: mpmath.exp(x * mpmath.log(2)),
    "exp_within": mpmath.exp,
    "excess": lambda x: x * 0,
    "exp1": mpmath.e1,
    "expi": mpmath.ei,
    "expn": lambda n, x: mpmath.expint(int(n), x),
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "exprel": lambda x, n: _derivative(lambda t: mpmath.expm1(t) / t, x, n),
    "floor_divide": lambda a, b: mpmath.floor(a / b),
    "fmax": max,
    "fmin": min,
    "fresnel": lambda x, k: (mpmath.fresnels, mpmath.fresnelc)[k](x),
    "hyp0f1": lambda b, x, j, n: mpmath.diff(mpmath.hyp0f1, (b, x), (j, n)),
    "hyp1f1": lambda a, b, x, *n: mpmath.diff(mpmath.hyp1f1, (a, b, x), n),
    "hyp2f1": lambda a, b, c, x, *n: mpmath.diff(mpmath.hyp2f1, (a, b, c, x), n),
    "hyperu": lambda a, b, x, i, j: mpmath.diff(mpmath.hyperu, (a, b, x), (i, j, 0)),
    "incomplete_elliptic": lambda phi, m, n, p: (mpmath.ellipf(phi, m) - mpmath.ellipe(phi, m)) / m,
    "fmod": lambda a, b: a - b * _towards_zero(a / b),
    "gammainc": lambda a, x: mpmath.gammainc(a, 0, x, regularized=True),
    "gammainc_by_a": lambda a, x, n: mpmath.diff(
        lambda t: mpmath.gammainc(t, 0, x, regularized=True), a, n
    ),
    "gammaincc": lambda a, x: mpmath.gammainc(a, x, mpmath.inf, regularized=True),
    "gammaincinv": lambda a, q: _inverse(
        lambda x: mpmath.gammainc(a, 0, x, regularized=True),
        q,
        scipy.special.gammaincinv(float(a), float(q)),
    ),
    "gammainccinv": lambda a, q: _inverse(
        lambda x: mpmath.gammainc(a, x, regularized=True),
        q,
        scipy.special.gammainccinv(float(a), float(q)),
    ),
    "log_gamma_quantile": lambda a, u: mpmath.log(MATHEMATICS["gammaincinv"](a, u)),
    "log_gamma_quantile_by_a": lambda a, y: (
        -MATHEMATICS["gammainc_by_a"](a, mpmath.exp(y), 1)
        / mpmath.exp(a * y - mpmath.exp(y))
        * mpmath.gamma(a)
    ),
    "log_gamma_quantile_by_a_a": lambda a, y: mpmath.diff(
        lambda t: MATHEMATICS["log_gamma_quantile_by_a"](t, y), a
    ),
    "gammaln": lambda x: mpmath.log(mpmath.fabs(mpmath.gamma(x))),
    "heaviside": lambda a, b: mpmath.mpf(a > 0) if a else b,
    "i0": lambda x: mpmath.besseli(0, x),
    "i0e": lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)),
    "i1": lambda x: mpmath.besseli(1, x),
    "i1e": lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)),
    "iv": mpmath.besseli,
    "ive_by_order": lambda v, x, n: (
        mpmath.diff(lambda t: mpmath.besseli(t, x), v, n) * mpmath.exp(-x)
    ),
    "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-abs(x)),
    "j0": lambda x: mpmath.besselj(0, x),
    "j1": lambda x: mpmath.besselj(1, x),
    "jv": mpmath.besselj,
    "jv_by_order": lambda v, x, n: mpmath.diff(lambda t: mpmath.besselj(t, x), v, n),
    "k0": lambda x: mpmath.besselk(0, x),
    "k0e": lambda x: mpmath.besselk(0, x) * mpmath.exp(x),
    "k1": lambda x: mpmath.besselk(1, x),
    "k1e": lambda x: mpmath.besselk(1, x) * mpmath.exp(x),
    "kolmogi": lambda p: _inverse(_kolmogorov, p, scipy.special.kolmogi(float(p))),
    "kolmogorov": lambda x: _kolmogorov(x),
    "kv": mpmath.besselk,
    "kve_by_order": lambda v, x, n: (
        mpmath.diff(lambda t: mpmath.besselk(t, x), v, n) * mpmath.exp(x)
    ),
    "kve": lambda v, x: mpmath.besselk(v, x) * mpmath.exp(x),
    "kelvin": lambda x, which: _kelvin(x, which),
    "lambertw": lambda z, k: mpmath.lambertw(z, k),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)),
    "inverse_square": lambda x: 1 / x**2,
    "power_part": lambda x, y, n, m: mpmath.diff(lambda a, b: a**b, (x, y), (n, m)),
    "log_slope": lambda x: 1 / x,
    "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
    "logaddexp2": lambda a, b: mpmath.log(2**a + 2**b) / mpmath.log(2),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "maximum": max,
    "minimum": min,
    "modstruve": mpmath.struvel,
    "multiply": lambda a, b: a * b,
    "ndtr": mpmath.ncdf,
    "ndtri": lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
    "ndtri_exp": lambda x: mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.exp(x) - 1),
    "negative": lambda x: -x,
    "noncentral_chi2": lambda x, df, nc, upper: _noncentral_chi2(x, df, nc, upper),
    "nonnegative": lambda x: x,
    "owens_t": lambda h, a: (
        mpmath.quad(
            lambda t: mpmath.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a], maxdegree=5
        )
        / (2 * mpmath.pi)
    ),
    "positive": lambda x: x,
    "polygamma": lambda x, n: mpmath.psi(n, x),
    "power_const": mpmath.power,
    "rad2deg": lambda x: x * 180 / mpmath.pi,
    "reciprocal": lambda x: 1 / x,
    "remainder": lambda a, b: a - b * mpmath.floor(a / b),
    "rel_entr": lambda x, y: x * mpmath.log(x / y),
    "riemann_zeta": lambda x, n: _derivative(mpmath.zeta, x, n),
    "rint": mpmath.nint,
    "round": lambda x, n: mpmath.nint(x * mpmath.mpf(10) ** n) / mpmath.mpf(10) ** n,
    "shichi": lambda x, k: (mpmath.shi, mpmath.chi)[k](x),
    "sici": lambda x, k: (mpmath.si, mpmath.ci)[k](x),
    "sign": mpmath.sign,
    "sinc": lambda x, n: _derivative(mpmath.sincpi, x, n),
    "skewed_normal": lambda x, a: (
        mpmath.ncdf(x)
        - mpmath.quad(lambda t: mpmath.exp(-x * x * (1 + t * t) / 2) / (1 + t * t), [0, a])
        / mpmath.pi
    ),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "spence": lambda x: mpmath.polylog(2, 1 - x),
    "square": lambda x: x * x,
    "stdtr": lambda df, t: _student(df, t),
    "stdtrit": lambda df, p: _inverse(
        lambda t: _student(df, t), p, scipy.special.stdtrit(float(df), float(p))
    ),
    "struve": mpmath.struveh,
    "symmetric_elliptic": lambda x, y, z, w, *p: 2 * mpmath.elliprj(x, y, z, w) / 3,
    "subtract": lambda a, b: a - b,
    "exact_add": lambda a, b: a + b,
    "exact_subtract": lambda a, b: a - b,
    "trunc": lambda x: _towards_zero(x),
    "von_mises_moment": lambda x, k, n: (
        mpmath.quad(
            lambda t: (mpmath.cos(t) - 1) ** n * mpmath.exp(k * mpmath.cos(t)), [-mpmath.pi, x]
        )
        / (2 * mpmath.pi * mpmath.besseli(0, k))
    ),
    "voigt_profile": lambda x, s, g, n, m: mpmath.diff(_voigt, (x, s, g), (n, 0, m)),
    "wofz": lambda z, n: _derivative(_faddeeva, z, n),
    "wrightomega": lambda z: mpmath.lambertw(mpmath.exp(z)),
    "x_log_x": lambda x: x * mpmath.log(x),
    "xlog1py": lambda x, y: x * mpmath.log1p(y),
    "xlogy": lambda x, y: x * mpmath.log(y),
    "y0": lambda x: mpmath.bessely(0, x),
    "y1": lambda x: mpmath.bessely(1, x),
    "yv": mpmath.bessely,
    "yv_by_order": lambda v, x, n: mpmath.diff(lambda t: mpmath.bessely(t, x), v, n),
    "zeta": lambda x, q, n: _derivative(lambda t: mpmath.zeta(t, q), x, n),
    "zetac": lambda x: mpmath.zeta(x) - 1,
}


def _kolmogorov(x: Any) -> Any:
    """The series, which has converged at x = 0.4 to forty digits."""
    return 2 * sum((-1) ** (k - 1) * mpmath.exp(-2 * k * k * x * x) for k in range(1, 20))


def _faddeeva(z: Any) -> Any:
    return mpmath.exp(-z * z) * mpmath.erfc(-1j * z)


def _voigt(x: Any, sigma: Any, gamma: Any) -> Any:
    z = (x + 1j * gamma) / (sigma * mpmath.sqrt(2))
    return mpmath.re(_faddeeva(z)) / (sigma * mpmath.sqrt(2 * mpmath.pi))


def _jacobi(u: Any, m: Any, which: int) -> Any:
    """Three elliptic functions, and the amplitude."""
    if which < 3:
        return mpmath.ellipfun(("sn", "cn", "dn")[which], u=u, m=m)
    near = scipy.special.ellipj(float(u), float(m))[3]
    return _inverse(lambda phi: mpmath.ellipf(phi, m), u, near)


def _inverse(function: Callable[..., Any], value: Any, near: Any) -> Any:
    """The place near a double at which an increasing or decreasing function has a value."""
    start = mpmath.mpf(float(near))
    return mpmath.findroot(
        lambda x: function(x) - value, (start, start * (1 + mpmath.mpf(2) ** -40))
    )


def _kelvin(x: Any, which: int) -> Any:
    bessel, turns = (mpmath.besselj, 3) if which % 4 < 2 else (mpmath.besselk, 1)
    turn = mpmath.expjpi(mpmath.mpf(turns) / 4)
    found = bessel(0, x * turn) if which < 4 else -turn * bessel(1, x * turn)
    return found.imag if which % 2 else found.real


def _noncentral_chi2(x: Any, df: Any, nc: Any, upper: bool) -> Any:
    """The mean of the probabilities of χ² with df + 2j, by Poisson's distribution of j."""
    half, a = nc / 2, df / 2
    central = mpmath.gammainc(a, 0, x / 2, regularized=True)
    step = (x / 2) ** a * mpmath.exp(-x / 2) / mpmath.gamma(a + 1)
    share, below = mpmath.exp(-half), mpmath.mpf(0)
    for j in range(40):
        below += share * central
        central, share = central - step, share * half / (j + 1)
        step *= x / 2 / (a + j + 1)
    return 1 - below if upper else below


def _student(df: Any, t: Any) -> Any:
    half = mpmath.betainc(df / 2, mpmath.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
    return 1 - half if t > 0 else half


# Operations that mpmath has a namesake of which is something else, or no function of numbers.
OTHERWISE = {"isnan", "isinf", "isfinite", "conj", "real", "imag"}

# NumPy's or SciPy's functions where they have another name; and what must be written here.
NUMERICAL: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "bitwise_invert": np.invert,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "inverse_square": lambda x: 1 / x**2,
    "excess": lambda x: x * 0,
    "exp_within": np.exp,
    "log_slope": lambda x: 1 / x,
    "nonnegative": lambda x: np.where(x < 0, np.nan, x),
    "power_const": np.power,
    "arcsin_slope": lambda x: 1 / np.sqrt((1 - x) * (1 + x)),
    "arccosh_slope": lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),
    "arcsinh_slope": lambda x: 1 / np.hypot(1, x),
    "arctanh_slope": lambda x: 1 / ((1 - x) * (1 + x)),
    "round": np.round,
    "polygamma": lambda x, n: scipy.special.polygamma(n, x),
    "stop_gradient": lambda x: x,
    "x_log_x": lambda x: x * np.log(x),
}


def _derivative(f: Callable[[Any], Any], x: Any, n: int) -> Any:
    return mpmath.diff(f, x, n) if n else f(x)


def _towards_zero(x: Any) -> Any:
    return mpmath.floor(x) if x >= 0 else mpmath.ceil(x)


def mathematics(name: str) -> Callable[..., Any] | None:
    """The function of numbers that the elementwise operation `name` means, if mpmath can say."""
    found = MATHEMATICS.get(name)
    if found is None and name not in OTHERWISE and name not in NUMERICAL:
        found = getattr(mpmath, name, None)
        found = found if callable(found) else None
    return found


def numerical(name: str) -> Callable[..., Any] | None:
    """The function of arrays of that name in NumPy or SciPy."""
    return NUMERICAL.get(name) or getattr(np, name, None) or getattr(scipy.special, name, None)


class Mathematics:
    """The oracle of an elementwise operation: derivatives of numbers at 40 digits."""

    def __init__(self, function: Callable[..., Any], params: tuple[Any, ...] = ()) -> None:
        self.function = function
        self.params = params

    def value(self, *xs: Any) -> Any:
        return self._derivative(xs, (0,) * len(xs))

    def push(self, xs: Sequence[Any], vs: Sequence[Any]) -> Any:
        return sum(
            self._derivative(xs, _unit(len(xs), i)) * v for i, v in enumerate(vs) if v is not None
        )

    def pull(self, xs: Sequence[Any], active: Sequence[int], w: Any) -> list[Any]:
        return [
            _sum_to(np.conj(self._derivative(xs, _unit(len(xs), i))) * w, xs[i].shape)
            for i in active
        ]

    def curve(
        self, xs: Sequence[Any], active: Sequence[int], w: Any, us: Sequence[Any]
    ) -> list[Any]:
        rows = []
        for i in active:
            change = sum(
                self._derivative(xs, _unit(len(xs), i, j)) * u
                for j, u in enumerate(us)
                if u is not None
            )
            rows.append(_sum_to(np.conj(change) * w, xs[i].shape))
        return rows

    def _derivative(self, xs: Sequence[Any], order: tuple[int, ...]) -> Any:
        arrays = np.broadcast_arrays(*xs)
        points = list(zip(*(a.ravel().tolist() for a in arrays), strict=True))
        values = [_at(self.function, point, order, self.params) for point in points]
        kind = complex if any(a.dtype.kind == "c" for a in arrays) else float
        return np.array(values, kind).reshape(arrays[0].shape)


@cache
def _at(
    function: Callable[..., Any],
    point: tuple[complex, ...],
    order: tuple[int, ...],
    params: tuple[Any, ...],
) -> complex:
    with mpmath.workdps(DIGITS):
        xs = [mpmath.mpmathify(x) for x in point]
        if not any(order):
            result = function(*xs, *params)
        else:
            result = slope(lambda *xs: function(*xs, *params), xs, order)
        return complex(result) if isinstance(result, mpmath.mpc) else float(result)


class Differences:
    """The oracle of any other operation: differences of order 8 of a plain NumPy function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def value(self, *xs: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(self.function(*xs))

    def push(self, xs: Sequence[Any], vs: Sequence[Any]) -> Any:
        return _slope(lambda t: self.value(*_moved(xs, vs, t)))

    def pull(self, xs: Sequence[Any], active: Sequence[int], w: Any) -> list[Any]:
        return [self._gradient(xs, i, w) for i in active]

    def curve(
        self, xs: Sequence[Any], active: Sequence[int], w: Any, us: Sequence[Any]
    ) -> list[Any]:
        return [_slope(lambda t, i=i: self._gradient(_moved(xs, us, t), i, w)) for i in active]

    def _gradient(self, xs: Sequence[Any], i: int, w: Any) -> Any:
        gradient = np.zeros_like(xs[i])
        for index in np.ndindex(gradient.shape):
            for direction in (1, 1j) if gradient.dtype.kind == "c" else (1,):
                unit = np.zeros_like(gradient)
                unit[index] = direction
                vs = [unit if j == i else None for j in range(len(xs))]
                gradient[index] += direction * np.sum((np.conj(w) * self.push(xs, vs)).real)
        return gradient


class Flat(Differences):
    """The oracle of an operation whose derivative is zero by definition, not by its values."""

    def push(self, xs: Sequence[Any], vs: Sequence[Any]) -> Any:
        return np.zeros_like(self.value(*xs))


def _slope(f: Callable[[float], Any]) -> Any:
    return sum(c * (f(k * STEP) - f(-k * STEP)) for k, c in STENCIL) / STEP


def _moved(xs: Sequence[Any], vs: Sequence[Any], t: float) -> list[Any]:
    return [x if v is None else x + t * v for x, v in zip(xs, vs, strict=True)]


def _unit(n: int, *places: int) -> tuple[int, ...]:
    return tuple(places.count(i) for i in range(n))


def _sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    lead = x.ndim - len(shape)
    x = x.sum(axis=tuple(range(lead)))
    axes = tuple(i for i, size in enumerate(shape) if size == 1)
    return x.sum(axis=axes, keepdims=True)
