"""Counterparts of scipy.integrate and scipy.interpolate."""

from __future__ import annotations

import numpy as np
import pytest

from tests.scipy.checks import check_compiled, check_single, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(3)
X = np.array([0.0, 0.7, 1.5, 2.9, 3.3])
X6 = np.append(X, 4.1)
Y, Y6 = rng.normal(size=5), rng.normal(size=6)
Y2 = rng.normal(size=(2, 5))


def orbit(t, y, k):
    """A damped pendulum; a list, as users write it."""
    return [y[1], -k * np.sin(y[0]) - 0.1 * y[1]]


INTEGRATE = [
    Case("trapezoid", lambda s, y: s.integrate.trapezoid(y), [Y]),
    Case("trapezoid x", lambda s, y, x: s.integrate.trapezoid(y, x), [Y2, X]),
    Case("trapezoid dx", lambda s, y, dx: s.integrate.trapezoid(y, dx=dx, axis=0), [Y2, 0.3]),
    Case("simpson odd", lambda s, y: s.integrate.simpson(y, dx=0.5), [Y]),
    Case("simpson even", lambda s, y: s.integrate.simpson(y), [Y6]),
    Case("simpson x odd", lambda s, y, x: s.integrate.simpson(y, x=x), [Y2, X]),
    Case("simpson x even", lambda s, y, x: s.integrate.simpson(y, x=x), [Y6, X6]),
    Case("simpson two", lambda s, y: s.integrate.simpson(y, axis=0), [Y2]),
    Case("cumulative_trapezoid", lambda s, y: s.integrate.cumulative_trapezoid(y), [Y2]),
    Case(
        "cumulative_trapezoid x",
        lambda s, y, x: s.integrate.cumulative_trapezoid(y, x, initial=0),
        [Y2, X],
    ),
    Case("cumulative_simpson", lambda s, y: s.integrate.cumulative_simpson(y, dx=0.5), [Y6]),
    Case(
        "cumulative_simpson x",
        lambda s, y, x: s.integrate.cumulative_simpson(y, x=x, initial=0.0),
        [Y, X],
    ),
    Case("cumulative_simpson axis", lambda s, y: s.integrate.cumulative_simpson(y, axis=0), [Y2]),
    Case(
        "fixed_quad",
        lambda s, a, b: s.integrate.fixed_quad(lambda x: np.sin(x * b) / (1 + x * x), a, b, n=6)[0],
        [0.2, 1.4],
    ),
    *(
        Case(
            f"solve_ivp {method}",
            lambda s, y, k, m=method: s.integrate.solve_ivp(
                orbit, (0.0, 2.0), y, m, args=(k,), rtol=1e-7, atol=1e-9
            ).y[:, -1],
            [[1.0, 0.2], 1.3],
            slope=1e-4,
            second=False,
            single=False,
            compiled=False,
        )
        for method in ("RK45", "RK23")
    ),
    Case(
        "solve_ivp t_eval",
        lambda s, y, k: (
            s.integrate.solve_ivp(
                orbit, (0.0, 2.0), y, t_eval=[0.0, 0.4, 1.7], args=(k,), rtol=1e-8, atol=1e-10
            ).y
        ),
        [[1.0, 0.2], 1.3],
        slope=1e-5,
        second=False,
        single=False,
        compiled=False,
    ),
    Case(
        "odeint",
        lambda s, y, k: s.integrate.odeint(lambda y, t: orbit(t, y, k), y, [0.0, 0.5, 2.0]),
        [[1.0, 0.2], 1.3],
        rtol=2e-7,
        slope=1e-5,
        second=False,
        single=False,
        compiled=False,
    ),
    Case("romb", lambda s, y: s.integrate.romb(y, dx=0.25), [Y]),
]

XQ = np.array([-0.4, 0.3, 0.9, 2.05, 3.2, 3.6])
IN = np.array([0.25, 0.9, 2.05, 3.2])
COLUMNS = rng.normal(size=(5, 2))
GRID = (np.array([0.0, 1.0, 2.5]), np.array([-1.0, 0.5]))
TABLE = rng.normal(size=(3, 2))
PLACES = np.array([[0.3, 0.2], [1.8, -0.6], [2.1, 0.1]])


def spline(bc):
    return Case(
        f"CubicSpline {bc}",
        lambda s, x, y, q: s.interpolate.CubicSpline(x, y, bc_type=bc)(q),
        [X, Y if bc != "periodic" else np.append(Y[:-1], Y[0]), XQ],
        slope=1e-5,
    )


def piecewise(name, **options):
    label = " ".join([name, *map(str, options.values())])
    return Case(
        label,
        lambda s, x, y, q: getattr(s.interpolate, name)(x, y, **options)(q),
        [X, Y, IN],
        step=2.0**-11,
        slope=1e-5,
    )


INTERPOLATE = [
    *(spline(bc) for bc in ("not-a-knot", "natural", "clamped", ((1, 0.5), (2, -0.3)))),
    Case(
        "CubicSpline periodic",
        lambda s, y, q: s.interpolate.CubicSpline(
            X, np.append(y, y[0]) if s.package == "scipy" else _closed(y), bc_type="periodic"
        )(q),
        [Y[:-1], XQ + 0.05],
    ),
    Case("CubicSpline two", lambda s, y, q: s.interpolate.CubicSpline(X[:2], y)(q), [Y[:2], XQ]),
    Case("CubicSpline three", lambda s, y, q: s.interpolate.CubicSpline(X[:3], y)(q), [Y[:3], XQ]),
    Case(
        "CubicSpline axis",
        lambda s, y, q: s.interpolate.CubicSpline(X, y, axis=1)(q),
        [Y2, XQ.reshape(2, 3)],
    ),
    Case("CubicSpline nu", lambda s, y, q: s.interpolate.CubicSpline(X, y)(q, 1), [COLUMNS, XQ]),
    Case(
        "CubicSpline derivative",
        lambda s, y, q: s.interpolate.CubicSpline(X, y).derivative()(q),
        [Y, XQ],
    ),
    Case(
        "CubicSpline antiderivative",
        lambda s, y, q: s.interpolate.CubicSpline(X, y).antiderivative()(q),
        [Y, XQ],
    ),
    Case(
        "CubicSpline integrate",
        lambda s, y, a, b: s.interpolate.CubicSpline(X, y).integrate(a, b),
        [Y, 0.2, 2.5],
        single=False,
    ),
    piecewise("PchipInterpolator"),
    piecewise("Akima1DInterpolator"),
    piecewise("Akima1DInterpolator", method="makima"),
    piecewise("interp1d"),
    piecewise("interp1d", kind="cubic"),
    Case(
        "interp1d nearest",
        lambda s, y, q: s.interpolate.interp1d(X, y, kind="nearest")(q),
        [Y2, IN],
    ),
    Case(
        "interp1d previous",
        lambda s, y, q: s.interpolate.interp1d(X, y, kind="previous")(q),
        [Y, IN],
    ),
    Case(
        "interp1d extrapolate",
        lambda s, y, q: s.interpolate.interp1d(X, y, fill_value="extrapolate")(q),
        [Y2, XQ],
    ),
    Case(
        "interp1d fill",
        lambda s, y, q: s.interpolate.interp1d(X, y, bounds_error=False, fill_value=(1.0, 2.0))(q),
        [Y, XQ],
    ),
    Case(
        "interp1d unsorted",
        lambda s, y, q: s.interpolate.interp1d(X[::-1], y)(q),
        [Y, IN],
    ),
    Case(
        "interp1d quadratic",
        lambda s, y, q: s.interpolate.interp1d(X, y, kind="quadratic")(q),
        [Y, IN],
    ),
    *(
        Case(
            f"make_interp_spline {k}",
            lambda s, y, q, k=k: s.interpolate.make_interp_spline(X, y, k=k)(q),
            [COLUMNS, XQ],
        )
        for k in (1, 2, 3, 4)
    ),
    Case(
        "CubicHermiteSpline",
        lambda s, x, y, d, q: s.interpolate.CubicHermiteSpline(x, y, d)(q),
        [X, Y, Y[::-1], XQ],
        slope=1e-5,
    ),
    Case(
        "pchip_interpolate",
        lambda s, y, q: s.interpolate.pchip_interpolate(X, y, q),
        [Y, IN],
        step=2.0**-11,
    ),
    Case("splev", lambda s, y, q: s.interpolate.splev(q, s.interpolate.splrep(X, y)), [Y, XQ]),
    Case(
        "splev derivative",
        lambda s, y, q: s.interpolate.splev(q, s.interpolate.splrep(X, y, k=2), der=1, ext=3),
        [Y, IN],
        compiled=False,
    ),
    Case(
        "InterpolatedUnivariateSpline",
        lambda s, y, q: s.interpolate.InterpolatedUnivariateSpline(X, y)(q),
        [Y, XQ],
    ),
    Case(
        "BSpline",
        lambda s, c, q: s.interpolate.BSpline([0, 0, 0, 1, 2, 4, 4, 4], c, 2)(q),
        [Y, IN],
    ),
    Case(
        "RegularGridInterpolator",
        lambda s, v, q: s.interpolate.RegularGridInterpolator(GRID, v)(q),
        [TABLE, PLACES],
    ),
    Case(
        "RegularGridInterpolator nearest",
        lambda s, v, q: s.interpolate.RegularGridInterpolator(GRID, v, method="nearest")(q),
        [TABLE, PLACES],
    ),
    Case(
        "RegularGridInterpolator extrapolate",
        lambda s, v, q: s.interpolate.RegularGridInterpolator(
            GRID, v, bounds_error=False, fill_value=None
        )(q),
        [TABLE, PLACES * 2],
    ),
    Case("interpn", lambda s, v, q: s.interpolate.interpn(GRID, v, q), [TABLE, PLACES]),
]


def _closed(y):
    import adjoint as ad

    return ad.concat([ad.asarray(y), ad.asarray(y)[:1]])


CASES = INTEGRATE + INTERPOLATE
SINGLE = {case.name for case in CASES if case in INTEGRATE or len(case.at) == 3}


@each(CASES)
def test_integrate_and_interpolate(checks, case):
    for check in checks:
        if check is not check_single or case.name in SINGLE:  # others close over doubles
            check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)
