"""SciPy called in a differentiated function, as users write it: nothing of adjoint's is named."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy import integrate, interpolate, linalg, ndimage, signal, special, stats
from scipy.integrate import solve_ivp
from scipy.spatial.distance import cdist, pdist, squareform

import adjoint as ad
from adjoint.errors import NotDifferentiableError

pytestmark = pytest.mark.unit

X = np.array([0.3, 0.7, 1.9])
DATA = np.array([0.2, 1.1, 0.4, 2.3, 0.9])


def gaussian_process(x):
    points = np.linspace(0.0, 3.0, 5)[:, None]
    kernel = x[0] * np.exp(-cdist(points, points, "sqeuclidean") / x[1]) + x[2] * np.eye(5)
    factor = linalg.cho_factor(kernel, lower=True)
    weights = linalg.cho_solve(factor, DATA)
    return 0.5 * DATA @ weights + np.sum(np.log(np.diag(factor[0])))


def decay(x):
    solution = solve_ivp(
        lambda t, y: [-x[0] * y[0], x[1] * y[0] - x[2] * y[1]],
        (0, 2),
        [1.0, 0.5],
        t_eval=np.linspace(0, 2, 5),
        rtol=1e-9,
        atol=1e-11,
    )
    return np.sum(solution.y**2)


def pendulum(x):
    path = integrate.odeint(
        lambda y, t, k: [y[1], -k * np.sin(y[0])], [x[0], 0.0], np.linspace(0, 2, 5), args=(x[2],)
    )
    return np.sum((path[:, 0] - 0.1) ** 2)


def heat(x):
    n = 6
    bands = np.zeros((3, n))
    bands[0, 1:] = bands[2, :-1] = -x[0]
    bands[1] = 1 + 2 * x[0]
    u = np.sin(np.linspace(0, np.pi, n)) * x[1]
    for _ in range(3):
        u = linalg.solve_banded((1, 1), bands, u)
    return np.sum(u**2) + x[2]


FLAT = np.array([1.0, 1.0, 0.0])
SPECIAL = [special.rgamma, special.exp10, special.boxcox, special.yn]


def plane(x):
    """A covariance that has no density of three variables."""
    return np.diag(x * FLAT) + 0.1 * np.outer(FLAT, FLAT)


PROGRAMS = [
    gaussian_process,
    decay,
    pendulum,
    heat,
    lambda x: -np.sum(stats.norm.logpdf(DATA, loc=x[0], scale=x[1])) + x[2],
    lambda x: np.sum(scipy.stats.gamma(x[0], scale=x[1]).cdf(DATA)) * x[2],
    lambda x: stats.multivariate_normal.logpdf([0.1, 0.2], x[:2], np.diag(x[1:])),
    lambda x: stats.poisson.logpmf([1, 2, 0], x).sum() + stats.zscore(x)[0],
    lambda x: special.logsumexp(x) + special.gammaln(x).sum() + special.erf(x[0]),
    lambda x: special.logsumexp([x[0], x[1] ** 2]) + special.expit([x[2], 0.1]).sum(),
    lambda x: interpolate.CubicSpline(np.arange(3.0), x, bc_type="natural")(0.5),
    lambda x: interpolate.interp1d([0.0, 1.0, 2.0], DATA[:3])(x).sum(),
    lambda x: interpolate.PchipInterpolator([0, 1, 3], x)([0.5, 1.5]).sum(),
    lambda x: np.sum(signal.fftconvolve(x, x, mode="same") * x),
    lambda x: np.sum(signal.lfilter([1.0], [1.0, -x[0]], DATA)) + x[1] * x[2],
    lambda x: np.sum(ndimage.gaussian_filter1d(x * DATA[:3], 1.0) ** 2),
    lambda x: np.sum(squareform(pdist(np.stack([x, x**2], 1)))),
    lambda x: integrate.simpson(np.exp(-x), x=np.array([0.0, 0.5, 2.0])),
    lambda x: integrate.fixed_quad(lambda t: np.exp(-x[0] * t), 0.0, x[1], n=8)[0] + x[2],
    lambda x: np.sum(linalg.expm(np.outer(x, x) / 4)) + linalg.det(np.diag(x)),
    lambda x: linalg.lu_solve(linalg.lu_factor(np.diag(x) + 0.1), x)[0],
    # Roots and logarithms of real matrices that are complex, as SciPy has them.
    lambda x: np.sum(np.abs(linalg.sqrtm(np.outer(x, x) - np.diag(DATA[:3] ** 2 + 1))) ** 2),
    lambda x: np.sum(np.abs(linalg.logm(np.outer(x, x) - np.diag(DATA[:3] ** 2 + 1))) ** 2),
    lambda x: stats.multivariate_normal.logpdf([0.1, 0.2, 0.0], None, plane(x), True),
    lambda x: stats.multivariate_normal(x * FLAT, plane(x), True).pdf([[0.3, 0.1, 0.0]] * 2).sum(),
    lambda x: sum(f(x[0]) for f in SPECIAL[:2]) + SPECIAL[2](x[1], x[2]) + SPECIAL[3](2, x[1]),
]


@pytest.mark.parametrize("f", PROGRAMS)
def test_the_gradient_is_that_of_central_differences(f):
    found = ad.grad(f)(X).numpy()
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5
        slope = (float(f(X + step)) - float(f(X - step))) / 2e-5
        np.testing.assert_allclose(found[i], slope, rtol=1e-5, atol=1e-7)


def test_functions_without_counterpart_work_on_constants():
    def f(x):
        smooth = interpolate.UnivariateSpline(np.arange(5.0), DATA, s=0.5)
        level = float(smooth(2.2))
        root = integrate.quad(lambda t: t**2, 0, 3)[0]
        return (level + root) * x

    assert float(ad.grad(f)(2.0)) == pytest.approx(float(f(1.0)))


def test_functions_without_counterpart_refuse_differentiated_arguments():
    with pytest.raises(NotDifferentiableError, match=r"scipy\.interpolate\.make_lsq_spline has"):
        ad.grad(lambda y: interpolate.make_lsq_spline(np.arange(5.0), y, [0, 4.0], 1)(0.5))(DATA)
