"""Learn the filter that takes the noise out of a recording, in the frequency domain."""

import numpy as np
from scipy import fft

rng = np.random.default_rng(3)
N = 1024
TIME = np.arange(N) / N
CLEAN = np.sin(2 * np.pi * 12 * TIME) + 0.5 * np.sign(np.sin(2 * np.pi * 3 * TIME))
NOISY = CLEAN + 0.4 * rng.normal(size=N)
BANDS = 24
EDGES = np.unique(np.round(np.geomspace(1, N // 2 + 1, BANDS + 1)).astype(int))

START = np.linspace(2.0, -2.0, len(EDGES) - 1)


def denoise(gains, signal):
    spectrum = fft.rfft(signal)
    response = np.ones(spectrum.shape)
    for k in range(len(gains)):
        response[EDGES[k] : EDGES[k + 1]] = 1 / (1 + np.exp(-gains[k]))
    return fft.irfft(response * spectrum, n=len(signal))


def objective(gains):
    """The error of the result, and a penalty for its total variation and for rough filters."""
    restored = denoise(gains, NOISY)
    error = np.mean((restored - CLEAN) ** 2)
    variation = np.mean(np.sqrt(np.diff(restored) ** 2 + 1e-6))
    log_power = np.log(np.abs(np.fft.rfft(restored * np.hanning(N))) ** 2 + 1e-3)
    return error + 0.02 * variation + 1e-3 * np.sum(np.diff(gains) ** 2) + 1e-4 * log_power.mean()
