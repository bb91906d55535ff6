"""Every operation in Taylor mode, against differences of its oracle and against nested tangents."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as ad
from tests.table.cases import NOT_THRICE, TWICE, Case
from tests.table.sample import sampled
from tests.table.test_table import agree

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning")]

REAL = [case for case in TWICE if case.differentiable and not case.single and case.real]
ORDER = 4
"""The highest coefficient that is compared."""


def point_and_direction(case: Case):
    xs = tuple(case.inputs[i] for i in case.active)
    return xs, tuple(case.random(x, 20 + i) for i, x in enumerate(xs))


@sampled("series", REAL)
def test_the_second_coefficient_is_half_the_slope_of_the_first(case):
    """By central differences of the oracle's tangent."""
    xs, vs = point_and_direction(case)
    step = 1e-4
    sides = []
    for sign in (1, -1):
        at = list(case.exact)
        directions = [None] * len(at)
        for i, v in zip(case.active, vs, strict=True):
            at[i] = at[i] + sign * step * v
            directions[i] = v
        sides.append(case.oracle.push(tuple(at), directions))
    expected = (sides[0] - sides[1]) / (4 * step)
    found = ad.taylor(case.of_active, xs, vs, 2)[2]
    agree(found, expected, case, 2e-6)


@sampled("nested tangents", REAL)
def test_coefficients_are_nested_tangents(case):
    xs, vs = point_and_direction(case)
    along = [case.of_active]
    order = 2 if case.op in NOT_THRICE else 3
    for _ in range(order):
        f = along[-1]
        along.append(lambda *x, f=f: ad.jvp(f, x, vs)[1])
    found = ad.taylor(case.of_active, xs, vs, order)
    for k, f in enumerate(along):
        agree(found[k], np.asarray(f(*xs)) / math.factorial(k), case, 1e-8)
