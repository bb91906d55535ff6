"""Loops over no elements: arrays with an axis of size zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.native.fuzzing.layouts import read_only
from tests.native.running import assert_agrees

pytestmark = pytest.mark.native


@pytest.mark.parametrize("shape", [(0,), (1, 0, 1), (3, 0)])
def test_the_gradient_of_a_broadcast_to_no_elements_is_zero(shape: Any) -> None:
    x = np.ones((1,) * len(shape))
    gradient = ad.grad(lambda x: ad.sum(x * np.ones(shape)))
    np.testing.assert_array_equal(gradient(x).numpy(), np.zeros_like(x))
    assert_agrees(gradient, x)


def test_the_slow_path_around_an_axis_of_no_elements() -> None:
    def f(x: Any) -> Any:
        y = ad.asarray(x) * 1.0
        y[:, 1:0] = ad.sin(x[0, 1:0])
        return ad.any(y > 0.0)

    assert not ad.compile(f)(np.zeros((8, 0), np.float32))


def test_a_call_reads_an_empty_input_under_another_shape() -> None:
    x = read_only(np.zeros(0))
    assert_agrees(lambda x: ad.reshape(x, (1, 0)) @ ad.reshape(x, (0, 1)), x)


def test_a_loop_of_no_elements_inside_a_vector_loop() -> None:
    """What it would read is not invariant in the outer loop."""
    assert_agrees(lambda x: ad.sum(ad.tanh(x), axis=1) / 0.5, np.zeros((64, 0), np.float32))
