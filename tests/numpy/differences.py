"""Points, and the derivatives of NumPy's own functions there by differences."""

from __future__ import annotations

from typing import Any

import numpy as np


def points(shape: Any, seed: int) -> Any:
    """Generic points: evenly spaced and shuffled, so that nothing ties; complex after a 1j."""
    if isinstance(shape, np.ndarray):
        return shape
    imaginary = bool(shape) and isinstance(shape[0], complex)
    shape = shape[1:] if imaginary else shape
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    x = rng.permutation((np.arange(size) + 0.37 + 0.23 * seed % 0.6) * 1.7 / max(size, 1) + 0.11)
    return (x + 1j * rng.permutation(x) if imaginary else x).reshape(shape)


def slopes(f: Any, x: Any) -> Any:
    """The gradient of a function of an array by central differences of fourth order."""
    found = np.zeros(x.shape, x.dtype)
    for place in np.ndindex(x.shape):
        if np.isnan(x[place]):
            continue
        for unit in (1.0, 1j) if x.dtype.kind == "c" else (1.0,):
            h = np.zeros(x.shape, x.dtype)
            h[place] = 1e-3 * unit
            change = 8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))
            found[place] += change / 12e-3 * unit
    return found


def near(ours: Any, theirs: Any, rtol: float, name: str = "") -> None:
    theirs = np.asarray(theirs)
    finite = np.abs(theirs[np.isfinite(theirs)])
    atol = rtol * max(1.0, finite.max(initial=0))
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=name)
