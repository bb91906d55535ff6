"""Code of loops that carry scans, rows as lanes: for vectors of each width, and without masks."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors
from tests.schedule.test_carried_scans import BY_NUMPY, SCANS, SUMS, given, loss

pytestmark = pytest.mark.native


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [64, 101, 1030])
def test_value_and_gradient(vector_target: Any, n: int, dtype: str) -> None:
    x, t = given(n, 90, dtype)
    value, gradient = ad.compile(ad.value_and_grad(loss))(x, t)
    matrix = np.vander(t.astype(float), 90, increasing=True)
    rest = matrix @ x - np.sign(t)
    tolerance = 1e-11 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(value.numpy(), rest @ rest, rtol=tolerance)
    wanted = 2 * matrix.T @ rest
    assert np.linalg.norm(gradient.numpy() - wanted) <= tolerance * np.linalg.norm(wanted)


@pytest.mark.parametrize("scan", SCANS)
def test_all_that_is_done_with_a_scan(vector_target: Any, scan: str) -> None:
    rng = np.random.default_rng(0)
    t, c = rng.normal(size=77), rng.normal(size=60)

    def f(t: Any, c: Any) -> Any:
        rows = SCANS[scan](t, c)
        return [done(rows) for done in SUMS.values()]

    wanted = [done(ad.asarray(BY_NUMPY[scan](t, c))) for done in SUMS.values()]
    for a, b in zip(ad.compile(f)(t, c), wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-11, atol=1e-11)


def test_what_a_row_needs_is_loaded_before_its_loop() -> None:
    """For each column the loop loads a coefficient, and no vector."""

    def polynomial(x: Any, t: Any) -> Any:
        steps = ad.broadcast_to(t[:, None], (1024, 128))
        return ad.sum(ad.cumprod(steps, axis=1) * x, axis=1)

    f = ad.compile(polynomial)
    f(*given(1024, 128, "float64"))
    blocks = re.split(r"\n(?=[\w.]+:)", f.text("llvm"))
    loops = [b for b in blocks if re.search(r"= phi <\d+ x double>", b) and "fmul" in b]
    assert loops or not vectors.register_bytes()
    for block in loops:
        assert "load double" in block
        assert "load <" not in block and "masked.load" not in block
