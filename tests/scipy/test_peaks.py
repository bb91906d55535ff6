"""Peaks: their places are SciPy's, and heights, prominences and widths have derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

import adjoint as ad
from adjoint.errors import AdjointError, ShapeError

pytestmark = pytest.mark.unit

rng = np.random.default_rng(7)
X = np.sin(np.arange(40) * 0.9) + 0.3 * rng.normal(size=40) + 0.01 * np.arange(40)
D = rng.normal(size=40)

PROGRAMS = [
    lambda x: x[signal.find_peaks(x)[0]].sum(),
    lambda x: sum(
        np.sum(part * (i + 1.0))
        for i, part in enumerate(
            signal.find_peaks(x, height=0.2, threshold=0, prominence=0.3, width=0.5)[1].values()
        )
        if part.dtype.kind == "f"
    ),
    lambda x: signal.find_peaks(x, width=(0.1, 9), rel_height=0.3)[1]["widths"].sum(),
    lambda x: signal.peak_prominences(x, signal.find_peaks(x)[0])[0].prod(),
    lambda x: signal.peak_widths(x, signal.find_peaks(x)[0], 0.7)[2].sum(),
    lambda x: signal.peak_widths(
        x,
        signal.find_peaks(x)[0],
        prominence_data=signal.peak_prominences(x, signal.find_peaks(x)[0]),
    )[1].sum(),
    lambda x: x[signal.argrelmin(x)[0]].sum(),
]


@pytest.mark.parametrize("f", PROGRAMS)
def test_values_are_scipys_and_slopes_those_of_differences(f):
    value, found = ad.value_and_grad(f)(X)
    assert float(value) == pytest.approx(float(f(X)), rel=1e-12)
    slope = (f(X + 1e-7 * D) - f(X - 1e-7 * D)) / 2e-7
    assert np.sum(found.numpy() * D) == pytest.approx(float(slope), rel=1e-5)
    second = ad.hvp(f, X, D).numpy()
    step = (ad.grad(f)(X + 1e-7 * D).numpy() - ad.grad(f)(X - 1e-7 * D).numpy()) / 2e-7
    np.testing.assert_allclose(second, step, rtol=1e-4, atol=1e-4)


def test_conditions_may_be_differentiated_and_do_not_count():
    f = lambda a: signal.find_peaks(X, height=a)[1]["peak_heights"].sum() + a
    assert float(ad.grad(f)(0.2)) == 1.0


def test_no_peaks_and_wrong_shapes():
    assert (
        float(ad.grad(lambda a: signal.find_peaks(np.ones(5) * a, height=0)[0].size * a)(1.0)) == 0
    )
    with pytest.raises(ShapeError, match="must be a vector"):
        ad.grad(lambda x: signal.find_peaks(x.reshape(2, 20))[0].size * x[0])(X)
    with pytest.raises(AdjointError, match="must be known while tracing"):
        ad.compile(PROGRAMS[0])(X)
