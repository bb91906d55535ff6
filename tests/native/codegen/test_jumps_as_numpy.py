"""Where a sum of products decides about a jump, native code rounds it as NumPy does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

rng = np.random.default_rng(0)
A = rng.integers(1, 50, 400) / 1.0
B = 1 / A  # a b - 1 is 0 in NumPy, and as an fma up to 1e-16 on either side


def of_gradient(a: Any, b: Any) -> Any:
    return ad.grad(lambda a: ad.sum(ad.where(a * b - 1 >= 0, a * 2, a)))(a)


def of_scan(a: Any, b: Any) -> Any:
    step = lambda total, pair: (total, ad.floor(pair[0] * pair[1] - 1))
    return ad.scan(step, 0.0, (a, b))[1]


def of_filled(a: Any, b: Any) -> Any:
    half = a.shape[0] // 2
    filled = ad.zeros(a.shape)
    filled[:half] = a[:half] * b[:half] - 1
    filled[half:] = 1 - a[half:] * b[half:]
    return ad.where(filled >= 0, a, b)


DECIDING = {
    "floor": lambda a, b: ad.floor(a * b - 1),
    "ceil": lambda a, b: ad.ceil(1 - a * b),
    "rint of a multiple": lambda a, b: ad.rint((a * b - 1) * 1e16),
    "round": lambda a, b: ad.round(-(a * b - 1) / 2 * 1e16),
    "where": lambda a, b: ad.where(a * b + -1 > 0, a, b),
    "equal": lambda a, b: (a * b - 1 == 0) * 1.0,
    "sign": lambda a, b: ad.sign(abs(a * b - 1)),
    "square": lambda a, b: ad.sign(ad.sqrt(b) ** 2 - b),
    "cube": lambda a, b: b**3 - b * b * b >= 0,
    "remainder": lambda a, b: ad.remainder(a * b - 1, 1.0),
    "fmod": lambda a, b: ad.fmod(2 - a * b, 1.0),
    "floor_divide": lambda a, b: (a * b - 1) // 1,
    "integers": lambda a, b: ((a * b - 1) * 1e16).astype(int),
    "heaviside": lambda a, b: ad.heaviside(a * b - 1, 0.5),
    "copysign": lambda a, b: ad.copysign(1.0, ad.maximum(a * b - 1, -1.0)),
    "searchsorted": lambda a, b: ad.searchsorted(np.array([0.0, 1.0]), a * b - 1),
    "argmax": lambda a, b: ad.argmax(ad.reshape(a * b - 1, (-1, 4)), 1),
    "argsort": lambda a, b: ad.argsort(a * b - 1),
    "gradient": of_gradient,
    "scan": of_scan,
    "filled": of_filled,
    "stack": lambda a, b: ad.sign(ad.stack([a * b - 1, 1 - a * b])),
    "reversed slice": lambda a, b: ad.floor((a * b - 1)[::-1][1:]),
    "roll": lambda a, b: ad.floor(ad.roll(a * b - 1, 1)),
    "gather": lambda a, b: ad.floor((a * b - 1)[np.array([3, 0, 2])]),
    "differences": lambda a, b: ad.sign((a * b)[1:] - (a * b)[:-1]),
    "outer": lambda a, b: ad.floor(-(a * b)[:, None] + np.ones(3)),
    "min": lambda a, b: ad.floor(ad.min(ad.reshape(a * b - 1, (-1, 4)), 1)),
}


def test_native_code_takes_the_side_of_a_jump_that_numpy_takes() -> None:
    def all_of_them(a: Any, b: Any) -> Any:
        return {name: f(a, b) for name, f in DECIDING.items()}

    expected = all_of_them(ad.asarray(A), ad.asarray(B))
    one = {name: f(ad.asarray(A[:4]), ad.asarray(B[:4])) for name, f in DECIDING.items()}
    compiled = ad.compile(all_of_them)
    for wanted, found in ((expected, compiled(A, B)), (one, compiled(A[:4], B[:4]))):
        for name, value in wanted.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)
    np.testing.assert_array_equal(expected["floor"], np.floor(A * B - 1))
    np.testing.assert_array_equal(expected["where"], np.where(A * B - 1 > 0, A, B))


def test_the_value_that_decides_is_the_one_that_is_returned() -> None:
    difference, whole = ad.compile(lambda a, b: (a * b - 1, ad.floor(a * b - 1)))(A, B)
    np.testing.assert_array_equal(np.floor(np.asarray(difference)), whole)


def test_elsewhere_products_are_not_rounded_before_they_are_added() -> None:
    compiled = ad.compile(lambda a, b: a * b - 1)
    compiled(A, B)
    assert "fsub contract" in compiled.text("llvm")
