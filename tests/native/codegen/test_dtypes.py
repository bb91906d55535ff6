"""Integers, booleans and complex numbers in compiled functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.native.running import assert_agrees

pytestmark = pytest.mark.native


def test_a_complex_constant_of_one_element() -> None:
    assert_agrees(lambda x: x * (2.0 - 3.0j), np.array([1.0 + 1.0j, 2.0]))


@pytest.mark.parametrize("c", [1, -1, 2, 0.5, 0, 1j])
def test_complex_numbers_are_not_simplified_as_if_they_were_real(c: complex) -> None:
    """(1 + 0i) (∞ + i) is ∞ + i nan; a division by 2 and a subtraction of 0 compile."""
    z = np.array([1 + 2j, complex(np.inf, 1), complex(-0.0, 0.0)])
    assert_agrees(lambda z: z * c, z)
    assert_agrees(lambda z: z - c, z)
    assert_agrees(lambda z: z / (c or 2), z)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("f", [ad.floor, ad.ceil, ad.trunc, ad.rint])
def test_rounding_integers_does_not_abort_the_process(f: Any, dtype: str) -> None:
    assert_agrees(f, np.array([0, 3, 200]).astype(dtype))


def test_a_condition_may_be_a_number() -> None:
    assert_agrees(lambda c, x: ad.where(c, x, -x), np.array([0, 2, -1]), np.array([1.0, 2.0, 3.0]))
    assert_agrees(lambda c, x: ad.where(c, x, -x), np.array([0.0, np.nan]), np.array([1.0, 2.0]))


def test_powers_of_integers() -> None:
    """Those that wrap around too; a negative exponent is refused, as by NumPy."""
    x, y = np.array([2, -3, 10]), np.array([3, 5, 40])
    assert_agrees(lambda x, y: x**y, x, y)
    assert_agrees(lambda x: x**70, x)
    with pytest.raises(ValueError, match="negative integer powers"):
        ad.compile(lambda x, y: x**y)(x, -y)
