"""Counterparts of scipy.signal, scipy.ndimage and scipy.spatial.distance."""

from __future__ import annotations

import numpy as np
import pytest

from tests.scipy.checks import check_compiled, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(4)
A, B = rng.normal(size=6), rng.normal(size=3)
M, K = rng.normal(size=(4, 5)), rng.normal(size=(2, 3))
LONG = np.random.default_rng(5).normal(size=24)
FIR, IIR = np.array([0.5, 0.3, -0.2]), np.array([1.2, -0.4, 0.1])
ROWS, OTHERS = rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
POSITIVE = np.array([[0.2, 0.5, 0.3], [0.4, 0.1, 0.5]])
W4 = np.array([0.5, 1.5, 1.0, 2.0])
SPREAD = np.array([[2.0, 0.3, 0, 0], [0.3, 1.5, 0, 0], [0, 0, 1, 0.2], [0, 0, 0.2, 1]])
SOS = np.array([[0.5, 0.3, -0.2, 1.0, -0.4, 0.1], [0.7, 0.1, 0.2, 1.0, 0.3, -0.1]])

SIGNAL = [
    *(
        Case(f"{f} {mode}", lambda s, a, b, f=f, m=mode: getattr(s.signal, f)(a, b, m), [A, B])
        for f in ("convolve", "fftconvolve", "correlate")
        for mode in ("full", "same", "valid")
    ),
    Case("convolve shorter first", lambda s, a, b: s.signal.convolve(a, b, "same"), [B, A]),
    Case("correlate valid turned", lambda s, a, b: s.signal.correlate(a, b, "valid"), [B, A]),
    *(
        Case(f"convolve 2d {m}", lambda s, a, b, m=m: s.signal.convolve(a, b, m), [M, K])
        for m in ("full", "same", "valid")
    ),
    Case("correlate 2d", lambda s, a, b: s.signal.correlate(a, b, "same"), [M, K]),
    Case("convolve2d", lambda s, a, b: s.signal.convolve2d(a, b, "same"), [M, K]),
    Case("correlate2d", lambda s, a, b: s.signal.correlate2d(a, b, "valid"), [M, K]),
    Case("fftconvolve axes", lambda s, a, b: s.signal.fftconvolve(a, b, "same", 1), [M, K[:1]]),
    Case("oaconvolve", lambda s, a, b: s.signal.oaconvolve(a, b), [A, B]),
    Case("lfilter FIR", lambda s, b, x: s.signal.lfilter(b, 1.0, x), [FIR, M], single=False),
    Case("lfilter IIR", lambda s, b, a, x: s.signal.lfilter(b, a, x), [FIR, IIR, M]),
    Case("lfilter axis", lambda s, b, a, x: s.signal.lfilter(b[:2], a, x, 0), [FIR, IIR, M]),
    Case(
        "lfilter state",
        lambda s, b, a, x, z: s.signal.lfilter(b, a, x, zi=z),
        [FIR, IIR, A, [0.3, -0.2]],
    ),
    Case(
        "lfilter short",
        lambda s, b, a, x, z: s.signal.lfilter(b, a, x, zi=z),
        [FIR, IIR, A[:1], [0.3, -0.2]],
    ),
    Case("welch", lambda s, x: s.signal.welch(x, 2.0, nperseg=8)[1], [LONG]),
    Case(
        "welch median",
        lambda s, x: s.signal.welch(x, nperseg=4, noverlap=1, nfft=7, average="median", axis=0)[1],
        [LONG.reshape(12, 2)],
    ),
    Case(
        "welch spectrum",
        lambda s, x: s.signal.welch(x, window=W4, detrend="linear", scaling="spectrum")[1],
        [LONG],
    ),
    Case("welch complex", lambda s, x: s.signal.welch(x * (1 + 2j), nperseg=6)[1], [LONG]),
    Case("periodogram", lambda s, x: s.signal.periodogram(x, window="hann", nfft=10)[1], [LONG]),
    Case("csd", lambda s, x, y: s.signal.csd(x, y, nperseg=6, detrend=False)[1], [LONG, A]),
    Case("coherence", lambda s, x, y: s.signal.coherence(x, y, nperseg=6)[1], [LONG, LONG**2]),
    *(
        Case(
            f"spectrogram {m}",
            lambda s, x, m=m: s.signal.spectrogram(x, nperseg=9, mode=m)[2],
            [LONG],
        )
        for m in ("psd", "magnitude", "complex", "phase")
    ),
    Case("lfilter_zi", lambda s, b, a: s.signal.lfilter_zi(b, a), [FIR, IIR]),
    *(
        Case(
            f"filtfilt {pad}",
            lambda s, x, pad=pad: s.signal.filtfilt([0.4], [1.0, -0.6], x, padtype=pad, padlen=3),
            [M],
            single=False,
        )
        for pad in ("odd", "even", "constant")
    ),
    Case("filtfilt", lambda s, b, a, x: s.signal.filtfilt(b, a, x), [FIR, IIR, np.tile(A, 2)]),
    Case("sosfilt", lambda s, c, x: s.signal.sosfilt(c / c[:, 3:4], x), [SOS, A]),
    *(
        Case(
            f"savgol_filter {mode}",
            lambda s, x, mode=mode: s.signal.savgol_filter(x, 5, 2, mode=mode),
            [rng.normal(size=(2, 8))],
        )
        for mode in ("interp", "mirror", "constant", "nearest", "wrap")
    ),
    Case("savgol_filter deriv", lambda s, x: s.signal.savgol_filter(x, 3, 2, 1, 0.1, 0), [M]),
    *(
        Case(f"hilbert {n}", lambda s, x, n=n: abs(s.signal.hilbert(x, n, -1)), [M])
        for n in (None, 3, 7)
    ),
    *(
        Case(f"resample {n} of {m}", lambda s, x, n=n: s.signal.resample(x, n), [A[:m]])
        for n, m in ((3, 6), (4, 6), (6, 6), (8, 6), (9, 6), (3, 5), (4, 5), (8, 5))
    ),
    Case("resample axis", lambda s, x: s.signal.resample(x, 5, axis=1), [M]),
    *(
        Case(
            f"upfirdn {up} {down}",
            lambda s, h, x, up=up, down=down: s.signal.upfirdn(h, x, up, down),
            [FIR, M],
        )
        for up, down in ((1, 1), (2, 1), (1, 3), (3, 2))
    ),
    Case("upfirdn axis", lambda s, h, x: s.signal.upfirdn(h, x, 2, 3, axis=0), [FIR, M]),
    *(
        Case(f"{f} {args}", lambda s, x, f=f, a=args: getattr(s.fft, f)(x, *a), [x], single=False)
        for f in ("fht", "ifht")
        for args in ((0.1, 0.5), (0.2, 1.0, 0.3, -0.4), (0.1, 0.0, 0.1, 0.3))
        for x in (A, A[:5])
    ),
    Case("detrend", lambda s, x: s.signal.detrend(x), [M]),
    Case("detrend parts", lambda s, x: s.signal.detrend(x, bp=[2]), [M]),
    Case("detrend constant", lambda s, x: s.signal.detrend(x, 0, type="constant"), [M]),
]

MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
NDIMAGE = [
    *(
        Case(
            f"{f} {m}",
            lambda s, x, w, f=f, m=m: getattr(s.ndimage, f)(x, w, mode=m, cval=0.3),
            [M, K],
        )
        for f in ("correlate", "convolve")
        for m in MODES
    ),
    *(
        Case(
            f"{f} {m}",
            lambda s, x, w, f=f, m=m: getattr(s.ndimage, f)(x, w, 0, mode=m, cval=0.3),
            [M, B],
        )
        for f in ("correlate1d", "convolve1d")
        for m in MODES
    ),
    Case("correlate1d even", lambda s, x, w: s.ndimage.correlate1d(x, w, origin=1), [M, A[:4]]),
    Case("convolve1d even", lambda s, x, w: s.ndimage.convolve1d(x, w, origin=-1), [M, A[:4]]),
    Case("convolve origin", lambda s, x, w: s.ndimage.convolve(x, w, origin=[0, 1]), [M, K]),
    Case("gaussian_filter", lambda s, x: s.ndimage.gaussian_filter(x, 0.8), [M]),
    Case("gaussian_filter axes", lambda s, x: s.ndimage.gaussian_filter(x, 0.8, axes=(1,)), [M]),
    Case(
        "gaussian_filter orders",
        lambda s, x: s.ndimage.gaussian_filter(x, [0.8, 1.1], order=[0, 2], mode="nearest"),
        [M],
    ),
    Case(
        "gaussian_filter1d by sigma",
        lambda s, x, sigma: s.ndimage.gaussian_filter1d(
            x, float(sigma) if s.package == "scipy" else sigma, radius=3
        ),
        [M, 0.9],
    ),
    Case("gaussian_filter1d", lambda s, x: s.ndimage.gaussian_filter1d(x, 0.9, 0, 3), [M]),
    Case("uniform_filter", lambda s, x: s.ndimage.uniform_filter(x, 3), [M]),
    Case("uniform_filter sizes", lambda s, x: s.ndimage.uniform_filter(x, (2, 3), origin=-1), [M]),
    Case("uniform_filter1d", lambda s, x: s.ndimage.uniform_filter1d(x, 4, 1), [M]),
    Case("laplace", lambda s, x: s.ndimage.laplace(x), [M]),
    Case("sobel", lambda s, x: s.ndimage.sobel(x, 0), [M]),
    Case("prewitt", lambda s, x: s.ndimage.prewitt(x), [M]),
    Case("gaussian_laplace", lambda s, x: s.ndimage.gaussian_laplace(x, 0.7), [M]),
    Case(
        "gaussian_gradient_magnitude",
        lambda s, x: s.ndimage.gaussian_gradient_magnitude(x, 0.7),
        [M],
    ),
]

PLAIN = (
    "euclidean",
    "sqeuclidean",
    "cityblock",
    "chebyshev",
    "cosine",
    "correlation",
    "canberra",
    "braycurtis",
)
DISTANCE = [
    *(
        Case(
            f"cdist {m}",
            lambda s, a, b, m=m: getattr(s, "spatial.distance").cdist(a, b, m),
            [ROWS, OTHERS],
            step=2.0**-12,
        )
        for m in (*PLAIN, "seuclidean", "minkowski")
    ),
    *(
        Case(
            f"pdist {m}",
            lambda s, a, m=m: getattr(s, "spatial.distance").pdist(a, m),
            [ROWS],
        )
        for m in (*PLAIN, "seuclidean")
    ),
    *(
        Case(
            f"{m}",
            lambda s, u, v, m=m: getattr(getattr(s, "spatial.distance"), m)(u, v),
            [ROWS[0], OTHERS[0]],
        )
        for m in PLAIN
    ),
    *(
        Case(
            f"{m} weights",
            lambda s, u, v, w, m=m: getattr(getattr(s, "spatial.distance"), m)(u, v, w=w),
            [ROWS[0], OTHERS[0], W4],
        )
        for m in (
            "euclidean",
            "sqeuclidean",
            "cityblock",
            "cosine",
            "correlation",
            "canberra",
            "braycurtis",
            "minkowski",
        )
    ),
    Case(
        "cdist minkowski 3",
        lambda s, a, b: getattr(s, "spatial.distance").cdist(a, b, "minkowski", p=3),
        [ROWS, OTHERS],
    ),
    Case(
        "cdist weights",
        lambda s, a, b, w: getattr(s, "spatial.distance").cdist(a, b, "sqeuclidean", w=w),
        [ROWS, OTHERS, W4],
    ),
    Case(
        "cdist mahalanobis",
        lambda s, a, b, v: getattr(s, "spatial.distance").cdist(a, b, "mahalanobis", VI=v),
        [ROWS, OTHERS, SPREAD],
    ),
    Case(
        "pdist mahalanobis, by the samples",
        lambda s, a: getattr(s, "spatial.distance").pdist(a, "mahalanobis"),
        [rng.normal(size=(5, 2))],
        rtol=1e-9,
    ),
    Case(
        "cdist function",
        lambda s, a, b: getattr(s, "spatial.distance").cdist(a, b, lambda u, v: (u * v).sum() ** 2),
        [ROWS, OTHERS],
    ),
    Case(
        "mahalanobis",
        lambda s, u, v, w: getattr(s, "spatial.distance").mahalanobis(u, v, w),
        [ROWS[0], OTHERS[0], SPREAD],
    ),
    Case(
        "seuclidean",
        lambda s, u, v, w: getattr(s, "spatial.distance").seuclidean(u, v, w),
        [ROWS[0], OTHERS[0], W4],
    ),
    Case(
        "jensenshannon",
        lambda s, p, q: getattr(s, "spatial.distance").jensenshannon(p, q, 2.0, axis=0),
        [POSITIVE[0], POSITIVE[1]],
        step=2.0**-11,
    ),
    Case(
        "cdist jensenshannon",
        lambda s, p, q: getattr(s, "spatial.distance").cdist(p, q, "jensenshannon"),
        [POSITIVE, POSITIVE[:, ::-1]],
        step=2.0**-11,
    ),
    Case("squareform", lambda s, x: getattr(s, "spatial.distance").squareform(x), [A]),
    Case(
        "squareform back",
        lambda s, x: getattr(s, "spatial.distance").squareform(x + x.T, checks=False),
        [np.triu(rng.normal(size=(3, 3)), 1)],
    ),
]

CASES = SIGNAL + NDIMAGE + DISTANCE


@each(CASES)
def test_signal_ndimage_and_distance(checks, case):
    for check in checks:
        check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)
