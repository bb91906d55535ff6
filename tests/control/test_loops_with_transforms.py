"""Loops whose steps transform: time steps of a wave function, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

SIZE, STEPS, TIME = 32, 6, 0.05
PLACES = np.linspace(-4, 4, SIZE, endpoint=False)
KINETIC = np.exp(-0.5j * TIME * (2 * np.pi * np.fft.fftfreq(SIZE, 8 / SIZE)) ** 2)
START = np.exp(-((PLACES - 1) ** 2)) / np.sqrt(np.sum(np.exp(-2 * (PLACES - 1) ** 2))) + 0j
POTENTIAL = 0.5 * PLACES**2


def mean_place(potential: Any) -> Any:
    """Where a particle is after some steps of Strang's splitting (Schrödinger's equation)."""
    half = ad.exp(-0.5j * TIME * potential)

    def step(psi: Any, _: Any) -> Any:
        return half * ad.fft.ifft(KINETIC * ad.fft.fft(half * psi)), None

    psi, _ = ad.scan(step, ad.asarray(START), length=STEPS)
    return ad.sum(PLACES * (ad.real(psi) ** 2 + ad.imag(psi) ** 2))


def by_numpy(potential: Any) -> float:
    half, psi = np.exp(-0.5j * TIME * potential), START
    for _ in range(STEPS):
        psi = half * np.fft.ifft(KINETIC * np.fft.fft(half * psi))
    return float(np.sum(PLACES * np.abs(psi) ** 2))


def test_the_gradient_by_the_potential() -> None:
    compiled = ad.compile(ad.value_and_grad(mean_place))
    value, gradient = compiled(POTENTIAL)
    assert float(value) == pytest.approx(by_numpy(POTENTIAL), rel=1e-13)
    for i in (3, 16, 20):
        step = 1e-5 * (np.arange(SIZE) == i)
        slope = (by_numpy(POTENTIAL + step) - by_numpy(POTENTIAL - step)) / 2e-5
        assert float(gradient[i]) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_steps_back_transform_adjoints_only() -> None:
    """What the steps have transformed they hand on: it is not transformed again."""
    compiled = ad.compile(ad.grad(mean_place))
    compiled(POTENTIAL)
    forward, back = (row for row in compiled.report().rows if row.kind == "scan")
    assert [row.computes.count("fft") for row in (forward, back)] == [2, 2]
