"""saddle: the least maximum of a function of two points.

Gradient descent on a maximum that is itself found by gradient descent: a while loop in a derivative
in a while loop.
"""

from __future__ import annotations

from typing import Any

import adjoint as ad
from benchmarks.gradbench.descent import VARIANTS, Point, argmin
from benchmarks.gradbench.forms import flat


def height(x: Point, y: Point) -> Any:
    """The function with the saddle point."""
    return (x[0] * x[0] + x[1] * x[1]) - (y[0] * y[0] + y[1] * y[1])


def argmax(x: Point, start: Point, mode: str) -> Point:
    """The y where the function is greatest for this x."""
    return argmin(lambda y: -height(x, y), start, mode)


def saddle_point(start: Point, outer: str, inner: str) -> Any:
    """The x that makes the maximum over y least, and that y, as four numbers."""
    x = argmin(lambda x: height(x, argmax(x, start, inner)), start, outer)
    return ad.stack([*x, *argmax(x, start, outer)])


def make(given: Any) -> Any:
    """For each variant what it finds."""
    start = tuple(map(float, given["start"]))

    def solver(outer: str, inner: str) -> Any:
        solve = ad.compile(lambda start: saddle_point(start, outer, inner))
        return lambda: solve(start), flat

    return {name: solver(*name) for name in VARIANTS}
