"""Short-time transforms, responses of filters, chirps, other rates, extended images."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

import adjoint as ad
from adjoint.errors import AdjointError
from adjoint.scipy import signal
from tests.scipy.checks import CHECKS, applies, check_compiled, check_forward, check_second
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

SLOWER = (check_forward, check_second, check_compiled)
EACH = [
    pytest.param(check, marks=[pytest.mark.slow] if check in SLOWER else []) for check in CHECKS
]

rng = np.random.default_rng(8)
X = rng.normal(size=14)
TWO = rng.normal(size=(2, 9))
IMAGE, KERNEL = rng.normal(size=(4, 5)), rng.normal(size=(3, 2))
SOS = np.array([[0.5, 0.2, 0.1, -0.3, 0.2], [0.7, 0.1, 0.3, 0.4, 0.1]])


def sections(x):
    """With the coefficients that must be 1."""
    n = np if isinstance(x, np.ndarray) else ad
    return n.concatenate([x[:, :3], np.ones((2, 1), x.dtype), x[:, 3:]], axis=1)


def parts(z):
    """Real and imaginary part, as differences are taken of real numbers."""
    return z.real, z.imag


CASES = [
    Case("stft", lambda s, x: parts(s.signal.stft(x, nperseg=4)[2]), [X]),
    Case(
        "stft, options",
        lambda s, x: parts(
            s.signal.stft(x, 10.0, "hamming", 6, 4, 8, "constant", boundary=None, scaling="psd")[2]
        ),
        [TWO],
    ),
    Case(
        "istft",
        lambda s, x: s.signal.istft(x[:3] + 1j * x[3:], nperseg=4)[1],
        [rng.normal(size=(6, 5))],
        single=False,
    ),
    Case(
        "istft, options",
        lambda s, x: s.signal.istft(x[:3] * (1 - 2j), 2.0, "hamming", 5, 4, 5, scaling="psd")[1],
        [rng.normal(size=(3, 6))],
        single=False,
    ),
    Case("freqz", lambda s, b, a: parts(s.signal.freqz(b, a, worN=5)[1]), [X[:3], [2.0, 0.3]]),
    Case(
        "freqz by frequency",
        lambda s, b, w: parts(s.signal.freqz(b, 1, worN=w, fs=3.0)[1]),
        [X[:3], [0.2, 1.1]],
        single=False,
    ),
    Case("freqz_sos", lambda s, x: parts(s.signal.freqz_sos(sections(x), worN=4)[1]), [SOS]),
    *(
        Case(
            f"chirp {method}",
            lambda s, t, f0, t1, f1, m=method: s.signal.chirp(t, f0, t1, f1, m, phi=30),
            [[0.1, 0.6, 0.9], 1.2, 1.5, 2.1],
            single=False,
        )
        for method in ("linear", "quadratic", "logarithmic", "hyperbolic")
    ),
    *(
        Case(
            f"chirp {method}, one frequency",
            lambda s, t, m=method: s.signal.chirp(t, 1.5, 1.2, 1.5, m),
            [[0.0, 0.6, 0.9]],
            single=False,
        )
        for method in ("logarithmic", "hyperbolic")
    ),
    Case(
        "chirp, vertex at the end",
        lambda s, t, f1: s.signal.chirp(t, 1.0, 2.0, f1, "quadratic", vertex_zero=False),
        [[0.1, 0.6], 2.1],
        single=False,
    ),
    *(
        Case(
            f"resample_poly {up}:{down}",
            lambda s, x, u=up, d=down: s.signal.resample_poly(x, u, d),
            [X],
        )
        for up, down in ((3, 2), (1, 2), (4, 2), (2, 5))
    ),
    Case("resample_poly rows", lambda s, x: s.signal.resample_poly(x, 2, 1, axis=1), [TWO]),
    *(
        Case(
            f"{name} {boundary} {mode}",
            lambda s, a, b, n=name, m=mode, e=boundary: getattr(s.signal, n)(a, b, m, e),
            [IMAGE, KERNEL],
            compiled=mode == "same",
        )
        for name in ("convolve2d", "correlate2d")
        for mode, boundary in (
            ("full", "wrap"),
            ("same", "symm"),
            ("same", "wrap"),
            ("full", "symm"),
        )
    ),
    Case(
        "convolve2d, filled",
        lambda s, a, b: s.signal.convolve2d(a, b, "same", "fill", 1.5),
        [IMAGE, KERNEL],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("check", EACH, ids=lambda check: check.__name__[6:])
def test_signals(check, case):
    if applies(check, case):
        check(case)


def test_frequencies_and_times_are_scipys():
    for options in (
        {"nperseg": 4},
        {"nperseg": 5, "fs": 3.0, "padded": False},
        {"window": [1, 2, 1]},
    ):
        if "window" in options:
            options = {**options, "nperseg": 3}
        found, expected = signal.stft(X, **options), scipy.signal.stft(X, **options)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-14)
        found, expected = (
            signal.istft(found[2], **{k: v for k, v in options.items() if k != "padded"}),
            X,
        )
        np.testing.assert_allclose(found[1][:10], expected[:10], atol=1e-13)
    for options in ({"worN": 4, "include_nyquist": True}, {"worN": 3, "whole": True, "fs": 2.0}):
        found, expected = signal.freqz(X, 1, **options), scipy.signal.freqz(X, 1, **options)
        np.testing.assert_allclose(found[0], expected[0])
        np.testing.assert_allclose(found[1], expected[1])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: signal.freqz(x.reshape((2, 7))), "one axis"),
        (lambda x: signal.freqz_sos(x), r"\(sections, 6\)"),
        (lambda x: signal.chirp(x, 1.0, 1.0, 2.0, "cubic"), "method='cubic'"),
        (lambda x: signal.chirp(x, 1.0, 1.0, -2.0, "log"), "of one sign and not 0"),
        (lambda x: signal.chirp(x, 0.0, 1.0, 2.0, "hyperbolic"), "other than 0"),
        (lambda x: signal.resample_poly(x, 0, 1), "at least 1"),
        (lambda x: signal.stft(x, nperseg=4, boundary="even"), "boundary='even'"),
        (lambda x: signal.stft(x, nperseg=4, scaling="power"), '"spectrum" or "psd"'),
        (lambda x: signal.istft(x), "two axes"),
        (lambda x: signal.istft(x.reshape((2, 7)), nperseg=2, noverlap=0), "larger noverlap"),
        (lambda x: signal.convolve2d(x, x), "needs matrices"),
    ],
)
def test_errors(call, match):
    with pytest.raises(AdjointError, match=match):
        call(ad.asarray(X))


@pytest.mark.parametrize("method", ["logarithmic", "hyperbolic"])
def test_a_chirp_whose_frequency_does_not_move(method):
    """Its derivative by f1 is that of a frequency which moves a little; float32 stays float32."""

    def wave(f1):
        return signal.chirp(0.7, 2.0, 2.0, f1, method)

    def expected(f1):
        return scipy.signal.chirp(0.7, 2.0, 2.0, f1, method)

    h = 1e-3
    slope = (expected(2 + h) - expected(2 - h)) / (2 * h)
    bend = (expected(2 + h) - 2 * expected(2.0) + expected(2 - h)) / h**2
    np.testing.assert_allclose(ad.grad(wave)(2.0), slope, rtol=1e-5)
    np.testing.assert_allclose(ad.hessian(wave)(2.0), bend, rtol=1e-4)
    assert signal.chirp(np.float32([0.5]), 1.0, 2.0, 3.0, method).dtype == np.float32
    assert np.isnan(signal.chirp(0.5, ad.asarray(0.0), 2.0, ad.asarray(1.0), method))


@pytest.mark.parametrize("shape", [(3, 2), (2, 2), (4, 3), (1, 6), (5, 6)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_products_of_images_in_every_mode(shape, mode):
    """Where the middle of an even kernel lies, and what is exchanged for a larger one."""
    b = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    for boundary in ("fill", "wrap", "symm"):
        for name in ("convolve2d", "correlate2d"):
            try:
                expected = getattr(scipy.signal, name)(IMAGE, b, mode, boundary)
            except ValueError:
                with pytest.raises(AdjointError, match="at least as large"):
                    getattr(signal, name)(IMAGE, b, mode, boundary)
                continue
            found = getattr(signal, name)(IMAGE, b, mode, boundary)
            np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_products_of_vectors_of_all_lengths(mode):
    for n in range(1, 7):
        for m in range(1, 8):
            a, b = (rng.normal(size=k) + 1j * rng.normal(size=k) for k in (n, m))
            for name in ("convolve", "correlate"):
                expected = getattr(np, name)(a, b, mode)
                np.testing.assert_allclose(getattr(ad, name)(a, b, mode), expected, atol=1e-13)
                expected = getattr(scipy.signal, name)(a, b, mode)
                np.testing.assert_allclose(getattr(signal, name)(a, b, mode), expected, atol=1e-13)
