"""Every operation linearized, the linear function transposed, and certified."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import NotDifferentiableError
from tests.table.cases import TWICE
from tests.table.test_table import DOUBLE, agree, table

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning")]

REAL = [case for case in DOUBLE if case.differentiable and case.real]


ANOTHER_DERIVATIVE = {"stop_gradient"}
INEXACT = {"hyperu"}
"""SciPy computes it to 12 digits, and certify takes what is beyond the 16th for noise."""
CERTIFIED = [
    x
    for x in TWICE
    if x.differentiable and x.real and not x.single and not x.once
    if x.op not in ANOTHER_DERIVATIVE | INEXACT
]


@table(REAL)
def test_linearize_and_its_transpose_are_the_products_with_the_jacobian(case):
    xs = tuple(case.inputs[i] for i in case.active)
    vs = tuple(case.random(x, 20 + i) for i, x in enumerate(xs))
    value, tangent = ad.jvp(case.of_active, xs, vs)
    found, linear = ad.linearize(case.of_active, *xs)
    agree(found, value, case, 1e-12)
    agree(linear(*vs), tangent, case, 1e-10)
    w = case.random(np.asarray(value), 40)
    shares = ad.vjp(case.of_active, *xs)[1](w)
    transposed = ad.linear_transpose(linear, *xs)(w)
    for share, other in zip(shares, transposed, strict=True):
        agree(other, share, case, 1e-10)


@table([case for case in CERTIFIED if "conjugated" not in case.name])
def test_certified(case):
    """But for the rounding: what is 0 by cancellation, as a singular determinant, has no digits."""
    xs = tuple(case.inputs[i] for i in case.active)
    try:
        report = ad.certify(case.of_active, *xs)
    except NotDifferentiableError as error:
        pytest.skip(f"by one of its inputs no derivative is known: {error}")
    failed = [check for check in report.checks if check.passed is False]
    assert not [check for check in failed if check.name != "rounding"], str(report)
