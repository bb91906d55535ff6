"""A convolution below a relu and a pool pays nothing for the zeros that these send back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 1, 12, 12))
WEIGHTS = RNG.normal(size=(3, 1, 3, 3)) / 3, RNG.normal(size=(4, 3, 2, 2)) / 3


def loss(weights: Any, x: Any) -> Any:
    for w in weights:
        x = ad.nn.max_pool(ad.maximum(ad.nn.conv(x, w), 0), 2)
    return ad.sum(ad.log_softmax(ad.reshape(x, (x.shape[0], -1)))[:, 1])


@pytest.mark.native
def test_there_is_no_convolution_of_masks() -> None:
    """Two forwards, two for the weights, and one for what the first layer is sent."""
    traced = ad.compile(ad.grad(loss)).trace(WEIGHTS, IMAGES)
    names = [node.op.name for node in topological_order(traced.optimised)]
    assert sum(name.startswith("channel_convolution") for name in names) == 5


def test_the_gradient_by_differences() -> None:
    for number, w in enumerate(WEIGHTS):
        found = np.asarray(ad.grad(loss)(WEIGHTS, IMAGES)[number])
        for place in [(0, 0, 1, 1), (2, 0, 0, 1)]:
            ends = []
            for step in (1e-6, -1e-6):
                moved = [np.array(x) for x in WEIGHTS]
                moved[number][place] += step
                ends.append(float(loss(tuple(moved), IMAGES)))
            assert w.shape == found.shape
            np.testing.assert_allclose(
                found[place], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8
            )


def test_infinite_data_are_kept_out_where_they_are_known() -> None:
    """A pixel that reaches only windows which lose sends nothing, though it is infinite."""

    x = np.array(IMAGES)
    x[:, 0, 0, 0] = -np.inf

    def f(w: Any) -> Any:
        return ad.sum(ad.nn.max_pool(ad.maximum(ad.nn.conv(x, w), 0), 2))

    w = np.abs(WEIGHTS[0])
    slope = np.asarray(ad.grad(f)(w))
    assert np.isfinite(slope).all()


def test_nan_is_passed_on() -> None:
    """By the pool as by the relu: no number stands in its place."""
    x = np.array(IMAGES)
    x[0, 0, 5, 5] = np.nan
    for gradient in (ad.grad(loss), ad.compile(ad.grad(loss))):
        assert np.isnan(np.asarray(gradient(WEIGHTS, x)[0])).all()
