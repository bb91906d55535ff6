"""Loops written in Python over tensors in bfloat16, which become loop operations: their derivatives
are those of the same steps written out, as adjoints within are in float32."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = [pytest.mark.unit, pytest.mark.native]

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
X = np.array([1.0, -2.0, 0.5], BFLOAT16)
DIRECTION = np.array([0.5, 1.0, -1.0], BFLOAT16)
ROWS = np.sin(np.arange(180.0)).reshape(60, 3).astype(BFLOAT16)
MASK = np.array([True, False, True])
STEPS = 40


def carried(x):
    s = x * 0
    for _ in range(STEPS):
        s = np.sin(s + x)
    return np.sum(s)


def chosen(x):
    s = x * 0
    for i in range(STEPS):
        s = np.where(MASK, np.tanh(s + ROWS[i] * x), x)
    return np.sum(s)


def stacked(x):
    s, found = x * 0, []
    for i in range(STEPS):
        s = np.tanh(s + ROWS[i] * x)
        found.append(s)
    return np.sum(np.stack(found) ** 2)


def of_two_steps_ago(x):
    s, t = x, x * 0
    for _ in range(STEPS):
        s, t = t, s * 0.5 + np.sin(t + x)
    return np.sum(t)


@pytest.mark.parametrize("f", [carried, chosen, stacked, of_two_steps_ago])
@pytest.mark.parametrize(
    "derivative",
    [ad.grad, lambda f: lambda x: ad.jvp(f, (x,), (DIRECTION,))[1], ad.hessian],
    ids=["grad", "jvp", "hessian"],
)
def test_derivatives_of_a_rolled_loop_are_those_of_its_steps(f, derivative):
    compiled = ad.compile(derivative(f))
    found = compiled(X)
    assert "rolled up" in str(compiled.report())
    with ad.options(native="never", roll_loops=False):
        expected = derivative(f)(X)
        known = np.asarray(derivative(f)(X.astype(np.float32)))
    assert found.dtype == expected.dtype == BFLOAT16
    found, expected = (np.asarray(x).astype(np.float32) for x in (found, expected))
    scale = np.abs(known).max()
    np.testing.assert_allclose(found, expected, rtol=2**-6, atol=2**-7 * scale)
    np.testing.assert_allclose(found, known, rtol=0.25, atol=0.1 * scale)


def test_the_sign_is_kept_in_bfloat16():
    found = np.sign(ad.asarray(X)), ad.compile(np.sign)(X)
    for x in found:
        assert x.dtype == BFLOAT16
        assert np.asarray(x).tolist() == [1.0, -1.0, 1.0]
