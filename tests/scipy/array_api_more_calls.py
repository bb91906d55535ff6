"""More calls of `array_api_calls`: clustering, designs of filters, windows, tests, rotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import differentiate, integrate, interpolate, ndimage, signal, special, stats
from scipy.cluster import hierarchy, vq
from scipy.signal import windows
from scipy.spatial.transform import RigidTransform, Rotation

Call = Callable[[Any, Any], Any]


def words(text: str) -> list[str]:
    return text.split()


LINKED = np.array([[0.0, 1, 0.2, 2], [2, 3, 0.5, 2], [4, 5, 0.9, 4]])
SECTION = np.array([[0.5, 0.2, 0.1, 1, 0.3, 0.1]])
GRID = np.linspace(0.0, 1.0, 8)
AT = np.array([0.11, 0.37, 0.52, 0.88])


def moved(x: Any, y: Any) -> Any:
    return RigidTransform.from_components(x[:3], Rotation.from_rotvec(y[:3]))


MORE_CASES: dict[str, Call] = {
    **{
        f"cluster.hierarchy.{name}": lambda x, y, name=name: getattr(hierarchy, name)(x[:6])
        for name in words("single complete average weighted centroid median ward")
    },
    "cluster.hierarchy.fclusterdata": lambda x, y: hierarchy.fclusterdata(x.reshape(4, 2), 0.5),
    "cluster.hierarchy.inconsistent": lambda x, y: hierarchy.inconsistent(LINKED * x[0]),
    "cluster.vq.kmeans": lambda x, y: vq.kmeans(x.reshape(4, 2), y[:4].reshape(2, 2))[1],
    "differentiate.jacobian": lambda x, y: differentiate.jacobian(np.sin, x).df,
    "integrate.cubature": lambda x, y: (
        integrate.cubature(lambda t: np.exp(t[:, 0] * x[0]), [0.0], [1.0]).estimate
    ),
    "integrate.nsum": lambda x, y: integrate.nsum(lambda k: 1 / k ** (2 + x[0]), 1, 50).sum,
    "interpolate.make_splrep": lambda x, y: interpolate.make_splrep(GRID, x, s=0)(AT),
    "interpolate.NdBSpline": lambda x, y: interpolate.NdBSpline((np.arange(12.0),), x, 3)(
        5 + AT[:, None]
    ),
    "ndimage.generic_filter": lambda x, y: ndimage.generic_filter(x, np.mean, 3),
    "ndimage.vectorized_filter": lambda x, y: ndimage.vectorized_filter(x, np.mean, size=3),
    "ndimage.fourier_ellipsoid": lambda x, y: ndimage.fourier_ellipsoid(x.reshape(2, 4), 2.0),
    "ndimage.geometric_transform": lambda x, y: ndimage.geometric_transform(
        x, lambda p: (p[0] + 0.3,), order=1
    ),
    "ndimage.morphological_laplace": lambda x, y: ndimage.morphological_laplace(x, 3),
    "ndimage.distance_transform_edt": lambda x, y: ndimage.distance_transform_edt(x),
    "ndimage.labeled_comprehension": lambda x, y: ndimage.labeled_comprehension(
        x, np.arange(8) % 2, np.arange(2), np.mean, float, 0
    ),
    "signal.bilinear_zpk": lambda x, y: signal.bilinear_zpk(x[:2], y[:3], 1.5, 2.0),
    "signal.butter": lambda x, y: signal.butter(2, x[0]),
    "signal.cheby1": lambda x, y: signal.cheby1(2, 1.0, x[0]),
    "signal.ellip": lambda x, y: signal.ellip(2, 1.0, 20.0, x[0]),
    "signal.bessel": lambda x, y: signal.bessel(2, x[0]),
    "signal.iirfilter": lambda x, y: signal.iirfilter(2, x[0], btype="low"),
    "signal.iirnotch": lambda x, y: signal.iirnotch(x[0], 10 + y[0]),
    "signal.iirpeak": lambda x, y: signal.iirpeak(x[0], 10 + y[0]),
    "signal.freqs_zpk": lambda x, y: signal.freqs_zpk(x[:2], -y[:3], 1.5, AT)[1],
    "signal.freqz_zpk": lambda x, y: signal.freqz_zpk(x[:2], y[:3], 1.5, 5)[1],
    "signal.freqz_sos": lambda x, y: signal.freqz_sos(SECTION * (1 + x[0] * (SECTION < 1)), 5)[1],
    "signal.sosfilt_zi": lambda x, y: signal.sosfilt_zi(SECTION * (1 + x[0] * (SECTION < 1))),
    "signal.group_delay": lambda x, y: signal.group_delay((x[:3], y[:3]), 5)[1],
    "signal.lp2bp": lambda x, y: signal.lp2bp(x[:3], y[:3], 2.0, 0.5),
    "signal.lp2bs": lambda x, y: signal.lp2bs(x[:3], y[:3], 2.0, 0.5),
    "signal.lp2hp": lambda x, y: signal.lp2hp(x[:3], y[:3], 2.0),
    "signal.lp2lp_zpk": lambda x, y: signal.lp2lp_zpk(x[:2], y[:3], 1.5, 2.0),
    "signal.lp2hp_zpk": lambda x, y: signal.lp2hp_zpk(x[:2], y[:3], 1.5, 2.0),
    "signal.lp2bp_zpk": lambda x, y: signal.lp2bp_zpk(x[:2], y[:3], 1.5, 2.0, 0.5),
    "signal.lp2bs_zpk": lambda x, y: signal.lp2bs_zpk(x[:2], y[:3], 1.5, 2.0, 0.5),
    "signal.normalize": lambda x, y: signal.normalize(x[:3], y[:3]),
    "signal.sos2tf": lambda x, y: signal.sos2tf(SECTION * (1 + x[0] * (SECTION < 1))),
    "signal.sos2zpk": lambda x, y: signal.sos2zpk(SECTION * (1 + x[0] * (SECTION < 1))),
    "signal.tf2sos": lambda x, y: signal.tf2sos(x[:3], y[:3]),
    "signal.zpk2sos": lambda x, y: signal.zpk2sos(x[:2], y[:2], 1.5),
    "signal.firwin": lambda x, y: signal.firwin(5, x[0]),
    "signal.firwin2": lambda x, y: signal.firwin2(9, np.linspace(0, 1, 4), x[:4]),
    "signal.firls": lambda x, y: signal.firls(5, np.linspace(0, 1, 4), x[:4]),
    "signal.remez": lambda x, y: signal.remez(5, np.linspace(0, 0.5, 4), x[:2]),
    "signal.cspline1d_eval": lambda x, y: signal.cspline1d_eval(x, 7 * y),
    "signal.qspline1d_eval": lambda x, y: signal.qspline1d_eval(x, 7 * y),
    "signal.cspline2d": lambda x, y: signal.cspline2d(np.outer(np.repeat(x, 3), np.repeat(y, 3))),
    "signal.gammatone": lambda x, y: signal.gammatone(x[0], "fir", fs=10.0, numtaps=5),
    "signal.windows.gaussian": lambda x, y: windows.gaussian(5, 1 + x[0]),
    "signal.windows.general_gaussian": lambda x, y: windows.general_gaussian(5, 1 + x[0], 1 + y[0]),
    "signal.windows.general_hamming": lambda x, y: windows.general_hamming(5, x[0]),
    "signal.windows.exponential": lambda x, y: windows.exponential(5, tau=1 + x[0]),
    "signal.windows.kaiser": lambda x, y: windows.kaiser(5, 2 + x[0]),
    "signal.windows.kaiser_bessel_derived": lambda x, y: windows.kaiser_bessel_derived(6, 2 + x[0]),
    "signal.windows.tukey": lambda x, y: windows.tukey(7, x[0]),
    "signal.windows.chebwin": lambda x, y: windows.chebwin(5, 60 + x[0]),
    "Rotation.from_davenport": lambda x, y: Rotation.from_davenport(
        np.eye(3), "extrinsic", x[:3]
    ).as_matrix(),
    "Rotation.as_davenport": lambda x, y: Rotation.from_rotvec(x[:3]).as_davenport(
        np.eye(3), "extrinsic"
    ),
    "Rotation.__pow__": lambda x, y: (Rotation.from_rotvec(x[:3]) ** 0.7).as_matrix(),
    "Rotation.__getitem__": lambda x, y: Rotation.from_quat(x.reshape(2, 4))[1].as_matrix(),
    "Rotation.concatenate": lambda x, y: Rotation.concatenate(
        [Rotation.from_rotvec(x[:3]), Rotation.from_rotvec(y[:3])]
    ).as_matrix(),
    "Rotation.align_vectors": lambda x, y: Rotation.align_vectors(
        x[:6].reshape(2, 3), y[:6].reshape(2, 3)
    )[0].as_matrix(),
    "Rotation.reduce": lambda x, y: Rotation.from_rotvec(x[:3]).reduce().as_matrix(),
    "RigidTransform.as_matrix": lambda x, y: moved(x, y).as_matrix(),
    "RigidTransform.as_components": lambda x, y: moved(x, y).as_components()[0],
    "RigidTransform.as_exp_coords": lambda x, y: moved(x, y).as_exp_coords(),
    "RigidTransform.as_dual_quat": lambda x, y: moved(x, y).as_dual_quat(),
    "RigidTransform.from_exp_coords": lambda x, y: RigidTransform.from_exp_coords(
        x[:6]
    ).as_matrix(),
    "RigidTransform.from_dual_quat": lambda x, y: RigidTransform.from_dual_quat(
        moved(x, y).as_dual_quat()
    ).as_matrix(),
    "RigidTransform.from_matrix": lambda x, y: RigidTransform.from_matrix(
        moved(x, y).as_matrix()
    ).as_exp_coords(),
    "RigidTransform.from_translation": lambda x, y: RigidTransform.from_translation(
        x[:3]
    ).as_matrix(),
    "RigidTransform.inv": lambda x, y: moved(x, y).inv().as_matrix(),
    "RigidTransform.__mul__": lambda x, y: (moved(x, y) * moved(y, x)).as_matrix(),
    "RigidTransform.__pow__": lambda x, y: (moved(x, y) ** 0.5).as_matrix(),
    "special.bdtrc": lambda x, y: special.bdtrc(2, 5, x),
    "special.bdtri": lambda x, y: special.bdtri(2, 5, x),
    "special.nbdtrc": lambda x, y: special.nbdtrc(2, 5, x),
    "special.nbdtri": lambda x, y: special.nbdtri(2, 5, x),
    "special.pdtr": lambda x, y: special.pdtr(2, x),
    "special.pdtri": lambda x, y: special.pdtri(2, x),
    "stats.chatterjeexi": lambda x, y: stats.chatterjeexi(x, y)[:2],
    "stats.cramervonmises": lambda x, y: stats.cramervonmises(x, "uniform").statistic,
    "stats.cramervonmises_2samp": lambda x, y: stats.cramervonmises_2samp(x, y).statistic,
    "stats.epps_singleton_2samp": lambda x, y: stats.epps_singleton_2samp(x, y)[:2],
    "stats.mannwhitneyu": lambda x, y: stats.mannwhitneyu(x, y)[:2],
    "stats.ansari": lambda x, y: stats.ansari(x, y)[:2],
    "stats.fligner": lambda x, y: stats.fligner(x, y)[:2],
    "stats.mood": lambda x, y: stats.mood(x, y)[:2],
    "stats.wilcoxon": lambda x, y: stats.wilcoxon(x, y)[:2],
    "stats.brunnermunzel": lambda x, y: stats.brunnermunzel(x, y)[:2],
    "stats.friedmanchisquare": lambda x, y: stats.friedmanchisquare(x, y, x * y)[:2],
    "stats.kruskal": lambda x, y: stats.kruskal(x, y)[:2],
    "stats.ks_1samp": lambda x, y: stats.ks_1samp(x, stats.uniform.cdf).statistic,
    "stats.mode": lambda x, y: stats.mode(x)[:1],
    "stats.sigmaclip": lambda x, y: stats.sigmaclip(x),
}
