"""Derivatives by complex steps: for rows in which nobody would write them by hand.

f(x + ih) has f'(x) h as its imaginary part, exact to rounding, if f is written for complex numbers
(Squire and Trapp, 1998).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TINY = 1e-30


def gradient(f: Callable[..., Any], *args: Any) -> tuple[np.ndarray, ...]:
    """The gradients of a real scalar function by each of its arguments, arrays of numbers."""
    points = [np.asarray(x, np.complex128) for x in args]
    slopes = []
    for number, x in enumerate(points):
        slope = np.empty(x.shape)
        for place in np.ndindex(x.shape):
            moved = [np.array(p) for p in points]
            moved[number][place] += 1j * TINY
            slope[place] = f(*moved).imag / TINY
        slopes.append(slope)
    return tuple(slopes)


def hessian(f: Callable[[Any], Any], x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """The Hessian, by central differences of the gradient."""
    rows = []
    for direction in np.eye(len(x)) * h:
        rows.append((gradient(f, x + direction)[0] - gradient(f, x - direction)[0]) / (2 * h))
    return np.array(rows)


def scan(step: Callable[[Any, Any], Any], state: Any, xs: Any, length: int | None = None) -> Any:
    """The loop of that name, in NumPy."""
    ys = []
    for x in [None] * (length or 0) if xs is None else xs:
        state, y = step(state, x)
        ys.append(y)
    return state, ys
