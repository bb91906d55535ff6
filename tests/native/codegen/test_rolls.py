"""Rolls in native kernels: of an outer axis the rows are chosen before the inner loop."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

SHIFTS = {
    "rows": ((1, 0), (-1, 0)),
    "columns": ((1, 1), (-3, 1)),
    "both": ((1, 0), (-1, 0), (1, 1), (-1, 1)),
    "of a roll": ((2, (0, 1)), (-1, (1, 0))),
    "many": tuple((n, 1) for n in range(1, 9)),
}


def stencil(np_: Any, x: Any, shifts: Any) -> Any:
    """A weighted sum of rolls and their products with what is not moved."""
    rolls = [np_.roll(x, shift, axis) for shift, axis in shifts]
    return x + sum((k + 1) * x * r for k, r in enumerate(rolls))


CASES = [
    *[
        (shape, "float64")
        for shape in ((5, 7), (2, 3), (40, 33), (16, 300), (1, 9), (9, 1), (0, 4))
    ],
    *[((17, 19), dtype) for dtype in ("float32", "int8", "bool")],
]


@pytest.mark.parametrize(("shape", "dtype"), CASES)
def test_rolls_move_elements_as_numpy_does(shape: Any, dtype: str) -> None:
    x = np.random.default_rng(0).integers(-3, 4, size=shape).astype(dtype)
    shifts = [s for group in SHIFTS.values() for s in group]
    outputs = ad.compile(lambda x: [ad.roll(x, *s) for s in shifts])
    for found, (shift, axis) in zip(outputs(x), shifts, strict=True):
        np.testing.assert_array_equal(np.asarray(found), np.roll(x, shift, axis))


@pytest.mark.parametrize("shape", [(5, 7), (20, 130)])
@pytest.mark.parametrize("shifts", SHIFTS.values(), ids=SHIFTS)
def test_a_stencil_and_its_gradient_are_those_of_the_interpreter(shifts: Any, shape: Any) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    f = ad.value_and_grad(lambda x: ad.sum(stencil(ad, x, shifts) ** 2))
    value, slope = ad.compile(f)(x)
    with ad.options(native="never"):
        expected, expected_slope = f(x)
    assert float(value) == pytest.approx(float(np.sum(stencil(np, x, shifts) ** 2)), rel=1e-12)
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-11, atol=1e-11)


def test_three_axes_and_other_layouts() -> None:
    x = np.random.default_rng(2).normal(size=(6, 5, 9))
    for given in (x, np.asfortranarray(x), x[::-1, :, ::2]):
        f = ad.compile(lambda x: stencil(ad, x, ((1, 0), (-2, 1), (3, 2), (1, (0, 2)))))
        expected = stencil(np, given, ((1, 0), (-2, 1), (3, 2), (1, (0, 2))))
        np.testing.assert_allclose(f(given), expected, rtol=1e-12)


def test_what_is_taken_of_a_roll_of_rows_stays_in_place() -> None:
    """Slices, sums and gathers read a row that was chosen."""
    x = np.random.default_rng(3).normal(size=(20, 24))
    picks = np.array([3, 0, 19, 7])
    f = ad.compile(
        lambda x: [
            ad.roll(x, 1, 0)[2:, ::3] * 2,
            ad.sum(ad.roll(x, -7, 0), 1),
            ad.roll(x, 5, 0)[picks] + 1,
            ad.roll(ad.cumsum(x, 1), 2, 0) * 1.0,
            ad.roll(ad.roll(x, 1, 0).T, 1, 0) - 1,
        ]
    )
    r = np.roll
    wanted = [
        r(x, 1, 0)[2:, ::3] * 2,
        np.sum(r(x, -7, 0), 1),
        r(x, 5, 0)[picks] + 1,
        r(np.cumsum(x, 1), 2, 0),
        r(r(x, 1, 0).T, 1, 0) - 1,
    ]
    for found, expected in zip(f(x), wanted, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_roll_of_rows_repeats_no_code() -> None:
    """A cut at each edge would write the whole body once more for each."""

    def stores(roll: Any) -> int:
        f = ad.compile(lambda x: x + roll(x, 1) * roll(x, -1))
        f(np.ones((64, 256)))
        return len(re.findall(r"\bstore\b", f.text("llvm").split("@adjoint_body")[0]))

    assert stores(lambda x, shift: ad.roll(x, shift, 0)) == 1
    assert stores(lambda x, shift: ad.roll(x, shift, 1)) > 2
