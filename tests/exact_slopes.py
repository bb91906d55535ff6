"""Derivatives of functions of mpmath, by central differences with more digits than they lose.

``mpmath.diff`` asks for the function at several times the digits, which takes a Bessel function of
large arguments seconds. Steps of the relative size 1e-15 err by 1e-30, where a function changes as
fast as its arguments do, and lose 30 of 60 digits at order two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath

DIGITS = 60
STEP = mpmath.mpf(10) ** -15


def slope(f: Callable[..., Any], at: Sequence[Any], orders: Sequence[int]) -> Any:
    """The derivative of `f` of so many `orders` by each argument, two in all at most."""
    with mpmath.workdps(DIGITS):
        return _slope(f, [mpmath.mpmathify(x) for x in at], orders)


def _slope(f: Callable[..., Any], at: Sequence[Any], orders: Sequence[int]) -> Any:
    place = next((i for i, order in enumerate(orders) if order), None)
    if place is None:
        return f(*at)
    step = STEP * (abs(at[place]) or 1)
    lower = [order - (i == place) for i, order in enumerate(orders)]
    ahead, behind = ([x + s * (i == place) for i, x in enumerate(at)] for s in (step, -step))
    return (_slope(f, ahead, lower) - _slope(f, behind, lower)) / (2 * step)
