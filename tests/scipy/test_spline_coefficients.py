"""What splines say of themselves, and splines made of them, are SciPy's, and have derivatives."""

import numpy as np
import pytest
from scipy import interpolate

import adjoint as ad
from adjoint.errors import NotDifferentiableError, RangeError
from adjoint.scipy import interpolate as ours

X = np.linspace(0.0, 1.0, 7)
Y = np.sin(3 * X) + 0.2
KNOTS = np.r_[0, 0, 0, np.linspace(0, 1, 6)[1:-1], 1, 1, 1]
AT = np.array([0.2, 0.55])

# each a function of a module like scipy.interpolate and of values, at most quadratic in these
CASES = {
    "BSpline.c": lambda s, y: s.BSpline(KNOTS, y, 2).c,
    "BSpline.derivative.c": lambda s, y: s.BSpline(KNOTS, y, 2).derivative().c,
    "BSpline.antiderivative.tck": lambda s, y: s.BSpline(KNOTS, y, 2).antiderivative(2).tck[1],
    "BSpline axis": lambda s, y: s.BSpline(KNOTS, np.outer(AT, y), 2, axis=1).derivative().c,
    "cubic c": lambda s, y: s.make_interp_spline(X, y).c,
    "natural c": lambda s, y: s.make_interp_spline(X, y, bc_type="natural").derivative().c,
    "linear c": lambda s, y: s.make_interp_spline(X, y, k=1).c,
    "quintic t": lambda s, y: s.make_interp_spline(X, y, k=5).t * np.sum(y),
    "tck": lambda s, y: s.splev(AT, s.make_interp_spline(X, y).tck),
    "design_matrix": lambda s, y: s.BSpline.design_matrix(AT, KNOTS, 2).toarray() @ y,
    "derivative": lambda s, y: s.UnivariateSpline(X, y, s=0).derivative(2)(AT),
    "derivative outside": lambda s, y: s.UnivariateSpline(X, y, s=0, ext=3).derivative()(AT + 0.8),
    "antiderivative": lambda s, y: s.InterpolatedUnivariateSpline(X, y, k=4).antiderivative()(AT),
    "derivatives": lambda s, y: s.UnivariateSpline(X, y, s=0).derivatives(0.3),
    "integral": lambda s, y: s.UnivariateSpline(X, y, s=0).integral(1.5, 0.1),
    "get_coeffs": lambda s, y: s.UnivariateSpline(X, y, s=0).get_coeffs(),
    "get_knots": lambda s, y: s.UnivariateSpline(X, y, s=0, k=2).get_knots() * np.sum(y),
    "splint": lambda s, y: s.splint(-0.2, 0.7, s.splrep(X, y)),
    "splder": lambda s, y: s.splev(AT, s.splder(s.splrep(X, y), 2)),
    "splantider": lambda s, y: s.splev(AT, s.splantider(s.splrep(X, y))),
    "partial": lambda s, y: s.RectBivariateSpline(X, X, np.outer(y, y)).partial_derivative(1, 0)(
        AT, AT
    ),
    "partial ev": lambda s, y: s.RectBivariateSpline(X, X, np.outer(y, y)).partial_derivative(1, 1)(
        AT, AT, grid=False
    ),
    "integral on a grid": lambda s, y: s.RectBivariateSpline(X, X, np.outer(y, y)).integral(
        0.1, 1.3, -0.2, 0.8
    ),
}


def test_values_and_slopes():
    for name, f in CASES.items():
        expected = f(interpolate, Y)
        np.testing.assert_allclose(f(ours, Y), expected, rtol=1e-9, atol=1e-11, err_msg=name)
        slopes = ad.jacobian(lambda y, f=f: f(interpolate, y))(Y).numpy()
        rows = [(np.asarray(f(interpolate, Y + e)) - f(interpolate, Y - e)) / 2 for e in np.eye(7)]
        np.testing.assert_allclose(slopes, np.stack(rows, -1), rtol=1e-8, atol=1e-9, err_msg=name)


def test_compiled_batched_and_in_float32():
    for name in ("BSpline.c", "cubic c", "integral", "integral on a grid"):
        f = CASES[name]
        expected = np.asarray(ad.jacobian(lambda y, f=f: f(ours, y))(Y))
        compiled = ad.compile(ad.jacobian(lambda y, f=f: f(ours, y)))
        np.testing.assert_allclose(compiled(Y), expected, rtol=1e-9, atol=1e-11)
        batched = ad.vmap(lambda y, f=f: f(ours, y))(np.stack([Y, 2 * Y]))
        np.testing.assert_allclose(batched[1], f(ours, 2 * Y), rtol=1e-12)
    for name in ("BSpline.c", "integral"):
        assert CASES[name](ours, Y.astype("float32")).dtype == "float32"


def test_ends_of_integrals_have_slopes():
    spline = interpolate.splrep(X, Y)
    slopes = ad.grad(lambda a, b: interpolate.splint(a, b, spline), argnums=(0, 1))(0.2, 0.7)
    np.testing.assert_allclose(
        slopes, [-interpolate.splev(0.2, spline), interpolate.splev(0.7, spline)]
    )
    assert ad.grad(lambda b: interpolate.splint(0.2, b, spline))(1.5) == 0


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="no derivative by x"):
        ad.grad(lambda x: np.sum(interpolate.make_interp_spline(x, Y).c))(X)
    with pytest.raises(RangeError, match="at most the degree 3 of the spline, got 4"):
        ad.grad(lambda y: interpolate.splev(0.1, interpolate.splder(interpolate.splrep(X, y), 4)))(
            Y
        )
    for call in (
        lambda y: interpolate.splev(0.1, interpolate.splrep(X, y), -1),
        lambda y: interpolate.BSpline(KNOTS, y, 2)(0.1, -1),
        lambda y: interpolate.RectBivariateSpline(X, X, np.outer(y, y)).partial_derivative(-1, 0),
        lambda y: interpolate.RectBivariateSpline(X, X, np.outer(y, y))(0.1, 0.2, dy=-1),
    ):
        with pytest.raises(RangeError, match=r"must be 0, or the order of a derivative, got -1"):
            ad.grad(call)(Y)
    with pytest.raises(NotDifferentiableError, match="roots has no differentiable counterpart"):
        ad.grad(lambda y: interpolate.UnivariateSpline(X, y, s=0).roots()[0])(Y)
