"""Large transforms of complex numbers are as NumPy has them, some of them computed by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.ops.signal import fourier

RNG = np.random.default_rng(0)


def numbers(shape: tuple[int, ...], dtype: Any = np.complex128) -> np.ndarray:
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_as_numpy_has_them(dtype: Any) -> None:
    """Along one axis and several, in either direction and layout, an axis also twice."""
    rtol = 1e-12 if dtype == np.complex128 else 1e-4
    for shape, axes in (
        ((fourier.LARGE,), (0,)),
        ((40, 50), (0, 1)),
        ((40, 50), (0,)),
        ((50, 7, 9), (2, 0)),
        ((40, 50), (1, 1)),
    ):
        for x in (numbers(shape, dtype), numbers(shape[::-1], dtype).T):
            for norm in ("backward", "ortho", "forward"):
                for name in ("fftn", "ifftn"):
                    expected = getattr(np.fft, name)(x, axes=axes, norm=norm)
                    found = np.asarray(getattr(ad.fft, name)(x, axes=axes, norm=norm))
                    assert found.dtype == dtype
                    scale = np.abs(expected).max()
                    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale)


def test_who_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy for single rows, and for fewer numbers than SciPy's transforms are loaded for."""
    monkeypatch.setattr(np.fft, "fft", None)
    monkeypatch.setattr(np.fft, "fftn", None)
    np.asarray(ad.fft.fft2(numbers((40, 40))))
    np.asarray(ad.fft.fft(numbers((40, 40), np.complex64)))
    for transform, x in (
        (ad.fft.fft2, numbers((20, 20))),
        (ad.fft.fft, numbers((1, 5000), np.complex64)),
        (ad.fft.fft, numbers((40, 40))),
    ):
        with pytest.raises(TypeError, match="not callable"):
            np.asarray(transform(x))


@pytest.mark.native
def test_steps_of_a_wave_function() -> None:
    """With the gradient by the potential, compiled and not, and by differences."""
    wave, k = numbers((2048,)) / 64, np.fft.fftfreq(2048)

    def loss(potential: Any) -> Any:
        x = ad.asarray(wave)
        for _ in range(3):
            x = ad.fft.ifft(ad.fft.fft(x) * np.exp(-1j * k**2)) * ad.exp(-0.1j * potential)
        return ad.sum(ad.abs(x[:100]) ** 2)

    given = RNG.normal(size=2048)
    slope = np.asarray(ad.compile(ad.grad(loss))(given))
    np.testing.assert_allclose(slope, np.asarray(ad.grad(loss)(given)), rtol=1e-9, atol=1e-13)
    v = RNG.normal(size=2048)
    ends = [float(loss(given + step * v)) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(slope @ v, (ends[0] - ends[1]) / 2e-5, rtol=1e-6)
