"""Deblur an image, and find out meanwhile how it was blurred."""

import numpy as np
from scipy import ndimage, signal

rng = np.random.default_rng(5)
SIZE = 24
y, x = np.mgrid[:SIZE, :SIZE] / SIZE
SHARP = ((x - 0.4) ** 2 + (y - 0.5) ** 2 < 0.08).astype(float)
SHARP[4:8, 12:20] = 0.7
BLURRED = ndimage.gaussian_filter(SHARP, 1.2, mode="nearest")
BLURRED += 0.01 * rng.normal(size=SHARP.shape)

START = np.concatenate([BLURRED.ravel(), [np.log(0.8)]])


def objective(params):
    """The misfit of the blurred guess, and its total variation; the width is unknown."""
    image = params[:-1].reshape(SIZE, SIZE)
    width = np.exp(params[-1])
    offsets = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (offsets / width) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(image, 4, mode="edge")
    blurred = signal.fftconvolve(padded, np.outer(kernel, kernel), mode="valid")
    misfit = 0.5 * np.sum((blurred - BLURRED) ** 2) / 0.01**2
    edges = ndimage.sobel(image, axis=0) ** 2 + ndimage.sobel(image, axis=1) ** 2
    smooth = ndimage.gaussian_filter(image, 2.0)
    return misfit + 2.0 * np.sum(np.sqrt(edges + 1e-4)) + 0.1 * np.sum((image - smooth) ** 2)
