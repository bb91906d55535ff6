"""Gradient descent as the evals `particle` and `saddle` ask for it, as one while loop.

The step is doubled after ten successes and halved after a failure. Points are tuples of numbers.
Each eval has four variants, named by two letters: the mode of the outer derivative, and that of the
inner one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import adjoint as ad

VARIANTS = ("ff", "fr", "rf", "rr")
TOLERANCE = 1e-5
FIRST_STEP = 1e-5
SUCCESSES = 10

Point: TypeAlias = tuple[Any, ...]
ValueAndGradient: TypeAlias = Callable[[Point], tuple[Any, Point]]


def value_and_gradient(f: Callable[[Point], Any], mode: str) -> ValueAndGradient:
    """What computes ``f(x)`` and its gradient, in forward mode "f" or in reverse mode "r"."""
    if mode == "r":
        return ad.value_and_grad(f)

    def forwards(x: Point) -> tuple[Any, Point]:
        ways = [tuple(float(i == j) for j in range(len(x))) for i in range(len(x))]
        found = [ad.jvp(f, (x,), (way,)) for way in ways]
        return found[0][0], tuple(slope for _, slope in found)

    return forwards


def length(x: Point) -> Any:
    """The Euclidean length."""
    return ad.sqrt(sum(c * c for c in x))


def argmin(f: Callable[[Point], Any], start: Point, mode: str) -> Point:
    """Where f has a minimum, near the start."""
    both = value_and_gradient(f, mode)

    def goes_on(at: Any) -> Any:
        _, _, gradient, step, _ = at
        way = length(tuple(step * c for c in gradient))
        return (length(gradient) > TOLERANCE) & (way > TOLERANCE)

    def descend(at: Any) -> Any:
        x, value, gradient, step, successes = at
        new = tuple(a - step * b for a, b in zip(x, gradient, strict=True))
        found, slope = both(new)
        better = found < value
        count = ad.where(better, successes + 1, 0)
        step = ad.where(better, ad.where(count == SUCCESSES, 2.0 * step, step), step / 2.0)

        def chosen(new: Point, old: Point) -> Point:
            return tuple(ad.where(better, a, b) for a, b in zip(new, old, strict=True))

        (value,) = chosen((found,), (value,))
        return chosen(new, x), value, chosen(slope, gradient), step, count % SUCCESSES

    point: Point = ad.while_loop(goes_on, descend, (start, *both(start), FIRST_STEP, 0))[0]
    return point
