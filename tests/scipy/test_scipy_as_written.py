"""SciPy's functions, classes and distributions that have no counterpart are traced as written."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import constants, interpolate, optimize, signal, spatial, special, stats
from scipy.fft import rfft
from scipy.spatial import distance_matrix, procrustes
from scipy.spatial.transform import RigidTransform, Rotation, RotationSpline, Slerp

import adjoint as ad
from adjoint.errors import AdjointError, LostDerivativeError, NotDifferentiableError

pytestmark = pytest.mark.unit

X = np.array([0.31, 0.72, 0.18, 0.55, 0.93, 0.44, 0.27, 0.66])
D = np.cos(np.arange(8))
T = np.arange(8.0)
FIXED = Rotation.from_euler("xyz", [0.1, 0.2, 0.3])
KEYS = Rotation.from_rotvec([[0.1, 0.2, 0.3], [0.3, -0.2, 0.1], [0.5, 0.1, 0.2]])
LINEAR = signal.lti([1.0, 0.5], [1.0, 0.3, 0.2])
KROGH = interpolate.KroghInterpolator(T, X)
FROZEN = stats.alpha(3.5)


def rows(x):
    return x.reshape(4, 2)


PROGRAMS = {
    # rotations
    "euler": lambda x: (Rotation.from_euler("xyz", x[:3]).as_matrix() @ x[3:6]).sum(),
    "rotvec": lambda x: Rotation.from_rotvec(x[:3]).apply(x[3:6])[0],
    "quat": lambda x: Rotation.from_quat(x[:4]).as_euler("zyx")[1],
    "product": lambda x: (Rotation.from_rotvec(x[:3]) * FIXED).as_rotvec().sum(),
    "fixed": lambda x: FIXED.apply(x[:3]).sum(),
    "inverse": lambda x: (FIXED * Rotation.from_quat(x[:4])).inv().magnitude(),
    "slerp": lambda x: Slerp([0, 1, 2.0], KEYS)(x[0]).as_rotvec().sum(),
    "spline": lambda x: RotationSpline([0, 1, 2.0], KEYS)(x[0]).as_rotvec().sum(),
    "rigid": lambda x: RigidTransform.from_components(x[:3], FIXED).apply(x[3:6]).sum(),
    # linear systems and filters
    "lsim": lambda x: signal.lsim((x[:1], x[1:4]), np.ones(5), np.arange(5.0))[1].sum(),
    "step": lambda x: signal.step((x[:2], x[2:5]), T=np.linspace(0, 3, 6))[1].sum(),
    "state space": lambda x: signal.dlsim(
        (np.diag(x[:2]), x[2:4, None], x[None, 4:6], 0.0, 0.1), np.ones(5)
    )[1].sum(),
    "system": lambda x: LINEAR.output(x, T)[1].sum(),
    "bode": lambda x: signal.bode((x[:2], x[2:5]), np.linspace(0.1, 3, 5))[1].sum(),
    "butter": lambda x: signal.butter(3, x[0])[1][1],
    "decimate": lambda x: (signal.decimate(np.tile(x, 6), 2) ** 2).sum(),
    "wiener": lambda x: (signal.wiener(x, 3) ** 2).sum(),
    "medfilt": lambda x: (signal.medfilt(x, 3) ** 2).sum(),
    "sosfiltfilt": lambda x: signal.sosfiltfilt(signal.butter(2, 0.3, output="sos"), np.tile(x, 3))[
        3
    ],
    "lombscargle": lambda x: signal.lombscargle(T, x, np.array([0.3, 0.7])).sum(),
    "window": lambda x: signal.get_window(("gaussian", x[0] + 1), 8)[0],
    "czt": lambda x: np.abs(signal.czt(x)).sum(),
    "spectrum": lambda x: np.abs(rfft(x)).sum(),
    # statistics
    "tvar": lambda x: stats.tvar(x),
    "levene": lambda x: stats.levene(x[:4], x[4:]).statistic,
    "bartlett": lambda x: stats.bartlett(x[:4], x[4:]).pvalue,
    "normaltest": lambda x: stats.normaltest(np.tile(x, 3) * np.arange(24)).statistic,
    "energy": lambda x: stats.energy_distance(x[:4], x[4:]),
    "expectile": lambda x: stats.expectile(x, 0.7),
    "binned": lambda x: stats.binned_statistic(T, x, "mean", bins=3)[0][1],
    "alpha": lambda x: stats.alpha.logpdf(x, x[0] + 2).sum() + FROZEN.cdf(x).sum(),
    "betabinom": lambda x: stats.betabinom.logpmf(2, 5, x[0], x[1]),
    "logser": lambda x: stats.logser.logpmf(2, x[0]),
    "tukeylambda": lambda x: stats.tukeylambda.ppf(x[0], x[1], loc=x[2]),
    # others
    "krogh": lambda x: KROGH(x[0]) + interpolate.KroghInterpolator(T, x)(2.3),
    "barycentric": lambda x: interpolate.BarycentricInterpolator(T, x)(2.3),
    "lagrange": lambda x: interpolate.lagrange(T[:4], x[:4])(1.3),
    "distances": lambda x: distance_matrix(rows(x), rows(x)[::-1]).sum(),
    "procrustes": lambda x: procrustes(rows(x), rows(T) ** 2)[2],
    "arc": lambda x: spatial.geometric_slerp(
        x[:3] / np.linalg.norm(x[:3]), np.array([0, 0, 1.0]), np.array([0.3, 0.6])
    )[0, 0],
    "temperature": lambda x: constants.convert_temperature(x, "C", "K").prod() * 1e-19,
    "legendre": lambda x: special.legendre(3)(x).sum(),
    "rosen": lambda x: optimize.rosen(x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient_are_those_of_scipy(name):
    f = PROGRAMS[name]
    value, found = ad.value_and_grad(f)(X)
    np.testing.assert_allclose(np.asarray(value), f(X), rtol=1e-9)
    slope = (f(X + 1e-6 * D) - f(X - 1e-6 * D)) / 2e-6
    np.testing.assert_allclose(np.sum(found.numpy() * D), slope, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["euler", "inverse", "slerp", "tvar", "wiener"])
def test_compiled_mapped_and_of_second_order(name):
    f = PROGRAMS[name]
    gradient = ad.grad(f)(X).numpy()
    np.testing.assert_allclose(ad.compile(ad.grad(f))(X).numpy(), gradient, rtol=1e-8, atol=1e-10)
    both = ad.vmap(ad.grad(f))(np.stack([X, X])).numpy()
    np.testing.assert_allclose(both[1], gradient, rtol=1e-8, atol=1e-10)
    second = ad.hvp(f, X, D).numpy()
    step = (ad.grad(f)(X + 1e-6 * D).numpy() - ad.grad(f)(X - 1e-6 * D).numpy()) / 2e-6
    np.testing.assert_allclose(second, step, rtol=1e-4, atol=1e-5)


def test_what_is_scipys_stays_as_it_was():
    for name in ("fixed", "system", "krogh", "alpha"):
        ad.grad(PROGRAMS[name])(X)
    assert type(FIXED) is Rotation and type(FIXED.as_quat()) is np.ndarray
    assert type(FIXED.apply(X[:3])) is np.ndarray
    assert type(LINEAR).__name__ == "TransferFunctionContinuous"
    assert type(LINEAR.num) is np.ndarray and type(KROGH(0.5)) is np.ndarray
    assert type(FROZEN.pdf(0.5)) is np.float64


@pytest.mark.parametrize(
    "f",
    [
        lambda a: optimize.fmin_tnc(lambda x: (x[0] - a) ** 2, [1.0], approx_grad=True)[0][0],
        lambda a: optimize.newton_krylov(lambda x: x**2 - a, [1.0])[0],
        lambda a: optimize.bracket(lambda x: (x - a) ** 2)[0],
    ],
)
def test_solvers_without_counterpart_refuse_what_is_differentiated(f):
    with pytest.raises(NotDifferentiableError, match=r"scipy\.optimize\.\w+ has no derivative"):
        ad.grad(f)(1.3)


def test_solvers_without_counterpart_work_on_constants():
    f = lambda a: a * optimize.newton_krylov(lambda x: x**2 - 4.0, [1.0])[0]
    assert float(ad.grad(f)(1.3)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("f", "error", "match"),
    [
        (lambda x: stats.kappa4.logpdf(x, 0.0, x[0]).sum(), LostDerivativeError, "kappa4"),
        (lambda x: signal.ShortTimeFFT(x, 2, 1.0), NotDifferentiableError, "takes no tensors"),
        (lambda x: spatial.KDTree(rows(x)).query(x[:2])[0], LostDerivativeError, "KDTree"),
        (lambda x: stats.kendalltau(x, T)[0], NotDifferentiableError, "kendalltau takes no"),
        (lambda x: stats.anderson(x).statistic, NotDifferentiableError, "takes no tensors"),
    ],
)
def test_what_cannot_be_traced_says_so(f, error, match):
    with pytest.raises(error, match=match):
        ad.grad(f)(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_mean_what_they_mean_to_scipy(bad):
    x = X.copy()
    x[3] = bad
    with np.errstate(all="ignore"):
        for f in (
            lambda x: stats.tvar(x),
            lambda x: stats.tmean(x, (0.2, 0.8)),
            lambda x: stats.levene(x[:4], x[4:]).statistic,
            lambda x: stats.levene(x[:4], x[4:], nan_policy="omit").statistic,
            lambda x: stats.bartlett(x[:4], x[4:]).statistic,
            lambda x: stats.energy_distance(x[:4], x[4:]),
            lambda x: signal.wiener(x, 3)[0],
        ):
            found = float(np.asarray(ad.value_and_grad(f)(x)[0]))
            np.testing.assert_allclose(found, f(x), rtol=1e-9)


def test_an_error_of_the_user_stays_what_it_is():
    with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
        ad.grad(lambda x: stats.tvar(x, nonsense=1))(X)
    assert not isinstance(caught.value, AdjointError)


def test_scipys_modules_stay_as_they_are():
    before = dict(vars(stats))
    ad.grad(lambda x: stats.tvar(x) + signal.butter(2, x[0])[0][0])(X)
    assert vars(stats) == before
    assert type(stats.tvar(X)) is np.float64
