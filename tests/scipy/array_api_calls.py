"""What SciPy makes of tensors where it supports the array API standard: a program, run by a test.

Every function that SciPy's own table says takes arrays of the standard, as far as it computes
floating numbers from such, is called with two vectors that are differentiated. Printed is, as JSON,
for each of them "gradient" where value and gradient agree with SciPy on NumPy's arrays and with
differences, the error where it raises, and otherwise what is wrong.

usage: python -m tests.scipy.array_api_calls, with SCIPY_ARRAY_API=1 or without
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import (
    constants,
    differentiate,
    fft,
    integrate,
    interpolate,
    linalg,
    ndimage,
    optimize,
    signal,
    special,
    stats,
)
from scipy.cluster import hierarchy, vq
from scipy.signal import windows
from scipy.spatial.transform import RigidTransform, Rotation, Slerp

import adjoint as ad
from adjoint.errors import AdjointError
from tests.scipy.array_api_more_calls import MORE_CASES, words

X = np.array([0.31, 0.72, 0.18, 0.55, 0.93, 0.44, 0.27, 0.66])
Y = np.array([0.62, 0.23, 0.81, 0.39, 0.15, 0.74, 0.48, 0.57])
U = np.array([0.7, -1.1, 0.4, 0.9, -0.3, 0.8, -0.6, 0.2])
V = np.array([-0.5, 0.3, 1.2, -0.8, 0.6, -0.2, 0.9, 0.1])
GRID = np.linspace(0.0, 1.0, 8)
AT = np.array([0.11, 0.37, 0.52, 0.88])
SQUARE = (2, 4)
Call = Callable[[Any, Any], Any]

STATISTICS = words("""
gmean hmean tmean tvar tmin tmax tstd tsem moment skew kurtosis kstat kstatvar sem zscore gzscore
gstd iqr median_abs_deviation circmean circvar circstd variation entropy differential_entropy
rankdata lmoment
""")
UNARY = words("""
cbrt chdtrc cosdg cosm1 cotdg ellipk ellipkm1 entr erf erfc erfcx erfinv exp1 exp10 exp2 exprel
expi expit gamma gammaln i0 i0e i1 i1e j0 j1 k0 k0e k1 k1e log_ndtr loggamma logit ndtr ndtri psi
rgamma sinc sindg spence tandg y0 y1 zetac softmax log_softmax logsumexp
""")
BINARY = words("""
betaln binom boxcox boxcox1p huber inv_boxcox inv_boxcox1p kl_div poch pseudo_huber rel_entr
xlog1py xlogy chdtr chdtrc chdtri gammainc gammaincc gammaincinv gammainccinv stdtr stdtrit pdtrc
""")
TERNARY = words("betainc betaincc betaincinv fdtr fdtrc fdtri gdtr gdtrc hyp1f1")

CASES: dict[str, Call] = {
    # constants, differentiate, optimize
    "constants.convert_temperature": lambda x, y: constants.convert_temperature(x, "C", "F"),
    "constants.lambda2nu": lambda x, y: constants.lambda2nu(x) * 1e-9,
    "constants.nu2lambda": lambda x, y: constants.nu2lambda(x) * 1e-9,
    "optimize.rosen": lambda x, y: optimize.rosen(x),
    "optimize.rosen_der": lambda x, y: optimize.rosen_der(x),
    "optimize.rosen_hess": lambda x, y: optimize.rosen_hess(x),
    "optimize.rosen_hess_prod": lambda x, y: optimize.rosen_hess_prod(x, y),
    "differentiate.derivative": lambda x, y: differentiate.derivative(np.sin, x).df,
    # fft
    "fft.fft": lambda x, y: fft.fft(x),
    "fft.ifft": lambda x, y: fft.ifft(x),
    "fft.rfft": lambda x, y: fft.rfft(x),
    "fft.irfft": lambda x, y: fft.irfft(x, 9),
    "fft.hfft": lambda x, y: fft.hfft(x),
    "fft.ihfft": lambda x, y: fft.ihfft(x),
    "fft.fftn": lambda x, y: fft.fftn(x.reshape(SQUARE)),
    "fft.ifftn": lambda x, y: fft.ifftn(x.reshape(SQUARE)),
    "fft.fft2": lambda x, y: fft.fft2(x.reshape(SQUARE)),
    "fft.ifft2": lambda x, y: fft.ifft2(x.reshape(SQUARE)),
    "fft.rfftn": lambda x, y: fft.rfftn(x.reshape(SQUARE)),
    "fft.rfft2": lambda x, y: fft.rfft2(x.reshape(SQUARE)),
    "fft.irfftn": lambda x, y: fft.irfftn(x.reshape(SQUARE)),
    "fft.irfft2": lambda x, y: fft.irfft2(x.reshape(SQUARE)),
    "fft.hfftn": lambda x, y: fft.hfftn(x.reshape(SQUARE)),
    "fft.hfft2": lambda x, y: fft.hfft2(x.reshape(SQUARE)),
    "fft.ihfftn": lambda x, y: fft.ihfftn(x.reshape(SQUARE)),
    "fft.ihfft2": lambda x, y: fft.ihfft2(x.reshape(SQUARE)),
    "fft.fht": lambda x, y: fft.fht(x, 0.3, 0.5),
    "fft.ifht": lambda x, y: fft.ifht(x, 0.3, 0.5),
    "fft.fftshift": lambda x, y: fft.fftshift(x),
    "fft.ifftshift": lambda x, y: fft.ifftshift(x),
    "fft.dct": lambda x, y: fft.dct(x),
    "fft.idct": lambda x, y: fft.idct(x, 3, norm="ortho"),
    "fft.dst": lambda x, y: fft.dst(x, 1),
    "fft.idst": lambda x, y: fft.idst(x, 4),
    "fft.dctn": lambda x, y: fft.dctn(x.reshape(SQUARE)),
    "fft.idctn": lambda x, y: fft.idctn(x.reshape(SQUARE)),
    "fft.dstn": lambda x, y: fft.dstn(x.reshape(SQUARE)),
    "fft.idstn": lambda x, y: fft.idstn(x.reshape(SQUARE)),
    # integrate, interpolate
    "integrate.trapezoid": lambda x, y: integrate.trapezoid(x, np.cumsum(y)),
    "integrate.cumulative_trapezoid": lambda x, y: integrate.cumulative_trapezoid(x, np.cumsum(y)),
    "integrate.cumulative_simpson": lambda x, y: integrate.cumulative_simpson(x, dx=0.1),
    "integrate.romb": lambda x, y: integrate.romb(np.concatenate([x, y[:1]])),
    "integrate.tanhsinh": lambda x, y: integrate.tanhsinh(np.exp, x, x + y).integral,
    "interpolate.BSpline": lambda x, y: interpolate.BSpline(np.arange(12.0), x, 3)(5 + y),
    "interpolate.make_interp_spline": lambda x, y: interpolate.make_interp_spline(GRID, x)(AT),
    "interpolate.make_lsq_spline": lambda x, y: interpolate.make_lsq_spline(
        GRID, x, np.array([0, 0, 0, 0, 0.5, 1, 1, 1, 1]), 3
    )(AT),
    "interpolate.make_smoothing_spline": lambda x, y: interpolate.make_smoothing_spline(
        GRID, x, lam=0.01
    )(AT),
    "interpolate.CubicSpline": lambda x, y: interpolate.CubicSpline(GRID, x)(y),
    "interpolate.CubicHermiteSpline": lambda x, y: interpolate.CubicHermiteSpline(GRID, x, y)(AT),
    "interpolate.PchipInterpolator": lambda x, y: interpolate.PchipInterpolator(GRID, x)(AT),
    "interpolate.Akima1DInterpolator": lambda x, y: interpolate.Akima1DInterpolator(GRID, x)(AT),
    "interpolate.PPoly": lambda x, y: interpolate.PPoly(x.reshape(4, 2), np.arange(3.0))(AT),
    "interpolate.BPoly": lambda x, y: interpolate.BPoly(x.reshape(4, 2), np.arange(3.0))(AT),
    "interpolate.RBFInterpolator": lambda x, y: interpolate.RBFInterpolator(GRID[:, None], x)(
        AT[:, None]
    ),
    "interpolate.RegularGridInterpolator": lambda x, y: interpolate.RegularGridInterpolator(
        (np.arange(2.0), np.arange(4.0)), x.reshape(2, 4)
    )(y.reshape(4, 2)),
    # linalg
    "linalg.orthogonal_procrustes": lambda x, y: linalg.orthogonal_procrustes(
        x.reshape(4, 2), y.reshape(4, 2)
    ),
    "linalg.block_diag": lambda x, y: linalg.block_diag(x.reshape(2, 4), y.reshape(4, 2)),
    "linalg.fiedler": lambda x, y: linalg.fiedler(x),
    # ndimage
    "ndimage.convolve": lambda x, y: ndimage.convolve(x, y[:3]),
    "ndimage.convolve1d": lambda x, y: ndimage.convolve1d(x, y[:3]),
    "ndimage.correlate": lambda x, y: ndimage.correlate(x.reshape(2, 4), y[:4].reshape(2, 2)),
    "ndimage.correlate1d": lambda x, y: ndimage.correlate1d(x, y[:3]),
    "ndimage.gaussian_filter": lambda x, y: ndimage.gaussian_filter(x.reshape(2, 4), 1.0),
    "ndimage.gaussian_filter1d": lambda x, y: ndimage.gaussian_filter1d(x, 1.0),
    "ndimage.gaussian_gradient_magnitude": lambda x, y: ndimage.gaussian_gradient_magnitude(
        x.reshape(2, 4), 1.0
    ),
    "ndimage.gaussian_laplace": lambda x, y: ndimage.gaussian_laplace(x, 1.0),
    "ndimage.laplace": lambda x, y: ndimage.laplace(x.reshape(2, 4)),
    "ndimage.maximum_filter": lambda x, y: ndimage.maximum_filter(x, 3),
    "ndimage.maximum_filter1d": lambda x, y: ndimage.maximum_filter1d(x, 3),
    "ndimage.minimum_filter": lambda x, y: ndimage.minimum_filter(x, 3),
    "ndimage.minimum_filter1d": lambda x, y: ndimage.minimum_filter1d(x, 3),
    "ndimage.median_filter": lambda x, y: ndimage.median_filter(x, 3),
    "ndimage.percentile_filter": lambda x, y: ndimage.percentile_filter(x, 30, 3),
    "ndimage.rank_filter": lambda x, y: ndimage.rank_filter(x, 1, 3),
    "ndimage.prewitt": lambda x, y: ndimage.prewitt(x.reshape(2, 4)),
    "ndimage.sobel": lambda x, y: ndimage.sobel(x.reshape(2, 4)),
    "ndimage.uniform_filter": lambda x, y: ndimage.uniform_filter(x, 3),
    "ndimage.uniform_filter1d": lambda x, y: ndimage.uniform_filter1d(x, 3),
    "ndimage.fourier_gaussian": lambda x, y: ndimage.fourier_gaussian(x, 1.0),
    "ndimage.fourier_shift": lambda x, y: ndimage.fourier_shift(x + 0j, 0.7),
    "ndimage.fourier_uniform": lambda x, y: ndimage.fourier_uniform(x, 2.0),
    "ndimage.affine_transform": lambda x, y: ndimage.affine_transform(
        x.reshape(2, 4), np.array([[0.9, 0.1], [-0.1, 1.1]]), order=1
    ),
    "ndimage.map_coordinates": lambda x, y: ndimage.map_coordinates(
        x.reshape(2, 4), y.reshape(2, 4), order=1
    ),
    "ndimage.rotate": lambda x, y: ndimage.rotate(x.reshape(2, 4), 20, order=1),
    "ndimage.shift": lambda x, y: ndimage.shift(x, 0.3, order=1),
    "ndimage.zoom": lambda x, y: ndimage.zoom(x, 1.6, order=1),
    "ndimage.spline_filter": lambda x, y: ndimage.spline_filter(x.reshape(2, 4)),
    "ndimage.spline_filter1d": lambda x, y: ndimage.spline_filter1d(x),
    "ndimage.center_of_mass": lambda x, y: ndimage.center_of_mass(x.reshape(2, 4)),
    "ndimage.extrema": lambda x, y: ndimage.extrema(x)[:2],
    "ndimage.maximum": lambda x, y: ndimage.maximum(x),
    "ndimage.minimum": lambda x, y: ndimage.minimum(x),
    "ndimage.mean": lambda x, y: ndimage.mean(x),
    "ndimage.median": lambda x, y: ndimage.median(x),
    "ndimage.standard_deviation": lambda x, y: ndimage.standard_deviation(x),
    "ndimage.variance": lambda x, y: ndimage.variance(x),
    "ndimage.sum": lambda x, y: ndimage.sum(x),
    "ndimage.sum_labels": lambda x, y: ndimage.sum_labels(x, np.arange(8) % 3, np.arange(3)),
    "ndimage.grey_closing": lambda x, y: ndimage.grey_closing(x, 3),
    "ndimage.grey_opening": lambda x, y: ndimage.grey_opening(x, 3),
    "ndimage.grey_dilation": lambda x, y: ndimage.grey_dilation(x, 3),
    "ndimage.grey_erosion": lambda x, y: ndimage.grey_erosion(x, 3),
    "ndimage.black_tophat": lambda x, y: ndimage.black_tophat(x, 3),
    "ndimage.white_tophat": lambda x, y: ndimage.white_tophat(x, 3),
    "ndimage.morphological_gradient": lambda x, y: ndimage.morphological_gradient(x, 3),
    # signal
    "signal.convolve": lambda x, y: signal.convolve(x, y),
    "signal.convolve2d": lambda x, y: signal.convolve2d(x.reshape(2, 4), y[:4].reshape(2, 2)),
    "signal.correlate": lambda x, y: signal.correlate(x, y, "same"),
    "signal.correlate2d": lambda x, y: signal.correlate2d(x.reshape(2, 4), y[:4].reshape(2, 2)),
    "signal.fftconvolve": lambda x, y: signal.fftconvolve(x, y),
    "signal.oaconvolve": lambda x, y: signal.oaconvolve(x, y[:3]),
    "signal.deconvolve": lambda x, y: signal.deconvolve(x, y[:3]),
    "signal.detrend": lambda x, y: signal.detrend(x),
    "signal.envelope": lambda x, y: signal.envelope(x),
    "signal.hilbert": lambda x, y: signal.hilbert(x),
    "signal.hilbert2": lambda x, y: signal.hilbert2(x.reshape(2, 4)),
    "signal.lfilter": lambda x, y: signal.lfilter(y[:3], y[3:6], x),
    "signal.lfilter_zi": lambda x, y: signal.lfilter_zi(x[:3], y[:3]),
    "signal.lfiltic": lambda x, y: signal.lfiltic(x[:3], y[:3], x[3:5]),
    "signal.filtfilt": lambda x, y: signal.filtfilt(y[:2], y[2:4], x, padlen=3),
    "signal.sosfilt": lambda x, y: signal.sosfilt(np.array([[0.5, 0.2, 0.1, 1, 0.3, 0.1]]), x),
    "signal.sosfiltfilt": lambda x, y: signal.sosfiltfilt(
        np.array([[0.5, 0.2, 0.1, 1, 0.3, 0.1]]), x, padlen=3
    ),
    "signal.medfilt": lambda x, y: signal.medfilt(x, 3),
    "signal.medfilt2d": lambda x, y: signal.medfilt2d(x.reshape(2, 4), 3),
    "signal.order_filter": lambda x, y: signal.order_filter(x, np.ones(3), 1),
    "signal.resample": lambda x, y: signal.resample(x, 11),
    "signal.resample_poly": lambda x, y: signal.resample_poly(x, 3, 2),
    "signal.upfirdn": lambda x, y: signal.upfirdn(y[:3], x, 2),
    "signal.wiener": lambda x, y: signal.wiener(x, 3),
    "signal.savgol_filter": lambda x, y: signal.savgol_filter(x, 5, 2),
    "signal.cspline1d": lambda x, y: signal.cspline1d(x),
    "signal.qspline1d": lambda x, y: signal.qspline1d(x),
    "signal.gauss_spline": lambda x, y: signal.gauss_spline(x, 3),
    "signal.freqz": lambda x, y: signal.freqz(x[:3], y[:3], 5)[1],
    "signal.freqs": lambda x, y: signal.freqs(x[:3], y[:3], np.array([0.3, 1.0]))[1],
    "signal.zpk2tf": lambda x, y: signal.zpk2tf(x[:2], y[:3], 1.5),
    "signal.tf2zpk": lambda x, y: signal.tf2zpk(x[:2], y[:3]),
    "signal.bilinear": lambda x, y: signal.bilinear(x[:3], y[:3], 2.0),
    "signal.lp2lp": lambda x, y: signal.lp2lp(x[:3], y[:3], 2.0),
    "signal.abcd_normalize": lambda x, y: signal.abcd_normalize(
        x[:4].reshape(2, 2), x[4:6].reshape(2, 1), y[:2].reshape(1, 2), y[2:3].reshape(1, 1)
    ),
    "signal.vectorstrength": lambda x, y: signal.vectorstrength(x, 0.7),
    "signal.minimum_phase": lambda x, y: signal.minimum_phase(x[:5] + x[4::-1]),
    "signal.windows.general_cosine": lambda x, y: windows.general_cosine(5, x[:3]),
    # spatial
    "Rotation.from_quat": lambda x, y: Rotation.from_quat(x.reshape(2, 4)).as_matrix(),
    "Rotation.from_rotvec": lambda x, y: Rotation.from_rotvec(x[:3]).as_matrix(),
    "Rotation.from_matrix": lambda x, y: Rotation.from_matrix(
        Rotation.from_rotvec(x[:3]).as_matrix()
    ).as_quat(),
    "Rotation.from_euler": lambda x, y: Rotation.from_euler("xyz", x[:3]).as_rotvec(),
    "Rotation.from_mrp": lambda x, y: Rotation.from_mrp(x[:3]).as_euler("zyx"),
    "Rotation.apply": lambda x, y: Rotation.from_rotvec(x[:3]).apply(y[:6].reshape(2, 3)),
    "Rotation.inv": lambda x, y: Rotation.from_rotvec(x[:3]).inv().as_mrp(),
    "Rotation.magnitude": lambda x, y: Rotation.from_rotvec(x[:3]).magnitude(),
    "Rotation.mean": lambda x, y: Rotation.from_quat(x.reshape(2, 4)).mean().as_matrix(),
    "Rotation.__mul__": lambda x, y: (
        Rotation.from_rotvec(x[:3]) * Rotation.from_rotvec(y[:3])
    ).as_matrix(),
    "Slerp": lambda x, y: Slerp(np.arange(2.0), Rotation.from_quat(x.reshape(2, 4)))(
        y[:3]
    ).as_matrix(),
    "RigidTransform": lambda x, y: RigidTransform.from_components(
        x[:3], Rotation.from_rotvec(y[:3])
    ).apply(y[3:6]),
    # stats
    **{f"stats.{name}": lambda x, y, name=name: getattr(stats, name)(x) for name in STATISTICS},
    "stats.pmean": lambda x, y: stats.pmean(x, 3),
    "stats.zmap": lambda x, y: stats.zmap(x, y),
    "stats.quantile": lambda x, y: stats.quantile(x, np.array([0.2, 0.5])),
    "stats.trim_mean": lambda x, y: stats.trim_mean(x, 0.2),
    "stats.boxcox_llf": lambda x, y: stats.boxcox_llf(0.7, x),
    "stats.yeojohnson_llf": lambda x, y: stats.yeojohnson_llf(0.7, x),
    "stats.directional_stats": lambda x, y: stats.directional_stats(x.reshape(4, 2)).mean_direction,
    "stats.describe": lambda x, y: stats.describe(x)[2:],
    "stats.pearsonr": lambda x, y: stats.pearsonr(x, y)[:2],
    "stats.spearmanrho": lambda x, y: stats.spearmanrho(x, y)[:2],
    "stats.skewtest": lambda x, y: stats.skewtest(x)[:2],
    "stats.kurtosistest": lambda x, y: stats.kurtosistest(x)[:2],
    "stats.normaltest": lambda x, y: stats.normaltest(x)[:2],
    "stats.jarque_bera": lambda x, y: stats.jarque_bera(x)[:2],
    "stats.ttest_1samp": lambda x, y: stats.ttest_1samp(x, 0.3)[:2],
    "stats.ttest_ind": lambda x, y: stats.ttest_ind(x, y)[:2],
    "stats.ttest_rel": lambda x, y: stats.ttest_rel(x, y)[:2],
    "stats.ttest_ind_from_stats": lambda x, y: stats.ttest_ind_from_stats(
        x[0], x[1], 9, y[0], y[1], 7
    )[:2],
    "stats.f_oneway": lambda x, y: stats.f_oneway(x, y)[:2],
    "stats.bartlett": lambda x, y: stats.bartlett(x, y)[:2],
    "stats.levene": lambda x, y: stats.levene(x, y)[:2],
    "stats.power_divergence": lambda x, y: stats.power_divergence(
        x / np.sum(x), y / np.sum(y), lambda_=0.5
    )[:2],
    "stats.chisquare": lambda x, y: stats.chisquare(x / np.sum(x), y / np.sum(y))[:2],
    "stats.combine_pvalues": lambda x, y: stats.combine_pvalues(x)[:2],
    "stats.false_discovery_control": lambda x, y: stats.false_discovery_control(x),
    "stats.alexandergovern": lambda x, y: stats.alexandergovern(x, y).statistic,
    # special
    "special.expn": lambda x, y: special.expn(2, x),
    "special.polygamma": lambda x, y: special.polygamma(1, x),
    "special.multigammaln": lambda x, y: special.multigammaln(2 + x, 2),
    "special.zeta": lambda x, y: special.zeta(1.5 + x, y),
    "special.yn": lambda x, y: special.yn(2, x),
    "special.lpmv": lambda x, y: special.lpmv(1, 2, x),
    "special.bdtr": lambda x, y: special.bdtr(2, 5, x),
    "special.nbdtr": lambda x, y: special.nbdtr(2, 5, x),
    "special.radian": lambda x, y: special.radian(x, 0.0, 0.0),
    **{
        f"special.{name}": lambda x, y, name=name: getattr(special, name)(x)
        for name in UNARY
        if name != "chdtrc"
    },
    **{f"special.{name}": lambda x, y, name=name: getattr(special, name)(x, y) for name in BINARY},
    **{
        f"special.{name}": lambda x, y, name=name: getattr(special, name)(1 + x, 1.5, y)
        for name in TERNARY
    },
    # cluster
    "cluster.vq.whiten": lambda x, y: vq.whiten(x.reshape(4, 2)),
    "cluster.vq.vq": lambda x, y: vq.vq(x.reshape(4, 2), y[:4].reshape(2, 2))[1],
    "cluster.vq.kmeans2": lambda x, y: vq.kmeans2(x.reshape(4, 2), y[:4].reshape(2, 2))[0],
    "cluster.hierarchy.linkage": lambda x, y: hierarchy.linkage(x.reshape(4, 2))[:, 2],
    "cluster.hierarchy.cophenet": lambda x, y: hierarchy.cophenet(
        hierarchy.linkage(x.reshape(4, 2))
    ),
}


ALL_CASES = CASES | MORE_CASES


def total(result: Any) -> Any:
    """A number that hangs on all of a result, real and imaginary parts."""
    if isinstance(result, (tuple, list)):
        sums = [total(part) for part in result if part is not None]
        return sum(sums[1:], sums[0])
    weights = np.cos(np.arange(np.size(result))).reshape(np.shape(result))
    return np.sum(np.real(result) * weights) + np.sum(np.imag(result) * (weights + 0.3))


def outcome(call: Call) -> str:
    """How SciPy's function fares with tensors."""

    def f(x: Any, y: Any) -> Any:
        return total(call(x, y))

    step = 1e-5
    expected = float(f(X, Y))
    slope = (
        8 * (f(X + step * U, Y + step * V) - f(X - step * U, Y - step * V))
        - (f(X + 2 * step * U, Y + 2 * step * V) - f(X - 2 * step * U, Y - 2 * step * V))
    ) / (12 * step)
    try:
        value, (by_x, by_y) = ad.value_and_grad(f, argnums=(0, 1))(X, Y)
        found = float(np.sum(np.asarray(by_x) * U) + np.sum(np.asarray(by_y) * V))
        value = float(value)
    except AdjointError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    except Exception as error:  # of SciPy's, about what it does not take
        return f"SciPy's {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    if not np.isclose(value, expected, rtol=1e-9, atol=1e-12):
        return f"wrong value {value}, not {expected}"
    if not np.isclose(found, slope, rtol=1e-5, atol=1e-6 * (1 + abs(expected))):
        return f"wrong gradient {found}, not {slope}"
    return "gradient"


def main() -> None:
    warnings.simplefilter("ignore")
    print(json.dumps({name: outcome(call) for name, call in ALL_CASES.items()}, indent=0))


if __name__ == "__main__":
    main()
