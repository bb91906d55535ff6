"""particle: the charge that makes a particle's path end at the origin.

The particle moves in the potential of two charges, by Euler's method with the gradient of that
potential; where the charge has to be is found by gradient descent: a derivative in a while loop in
a derivative in a while loop.
"""

from __future__ import annotations

from typing import Any

import adjoint as ad
from benchmarks.gradbench.descent import VARIANTS, Point, argmin, length, value_and_gradient
from benchmarks.gradbench.forms import flat

STEP = 0.1


def end_of_path(w: Any, mode: str) -> Any:
    """The square of where the path meets the axis, the upper charge being at 10 - w."""

    def potential(x: Point) -> Any:
        away = length((x[0] - 10.0, x[1] - 10.0 + w)), length((x[0] - 10.0, x[1]))
        return 1.0 / away[0] + 1.0 / away[1]

    slope = value_and_gradient(potential, mode)

    def moved(x: Point, way: Point, size: float) -> Point:
        return tuple(a + size * b for a, b in zip(x, way, strict=True))

    def stays_above(at: Any) -> Any:
        x, speed = at
        return moved(x, speed, STEP)[1] > 0.0

    def move(at: Any) -> Any:
        x, speed = at
        return moved(x, speed, STEP), moved(speed, slope(x)[1], -STEP)

    x, speed = ad.while_loop(stays_above, move, ((0.0, 8.0), (0.75, 0.0)))
    x = moved(x, speed, STEP)
    end = x[0] - x[1] / speed[1] * speed[0]
    return end * end


def control(w: Any, outer: str, inner: str) -> Any:
    """The w for which the path ends at the origin."""
    return argmin(lambda point: end_of_path(point[0], inner), (w,), outer)[0]


def make(given: Any) -> Any:
    """For each variant what it finds."""
    start = float(given["w"])

    def solver(outer: str, inner: str) -> Any:
        solve = ad.compile(lambda w: control(w, outer, inner))
        return lambda: solve(start), flat

    return {name: solver(*name) for name in VARIANTS}
