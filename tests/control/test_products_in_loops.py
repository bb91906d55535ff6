"""Products in loops wake no threads: those of middling size are computed in blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.calls.blas import ONE_THREAD, row_blocks
from adjoint.graph.tensor import as_tensor
from adjoint.schedule.library_calls import gemm

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("rows", "depth", "columns", "count"),
    [(32, 64, 192, 2), (16, 16, 16, 1), (100, 70, 90, 3), (400, 400, 400, 1), (1, 900, 900, 1)],
)
def test_blocks_cover_the_rows_and_are_small(rows, depth, columns, count):
    product = ad.matmul(as_tensor(np.ones((rows, depth))), as_tensor(np.ones((depth, columns))))
    step = gemm(product.node)
    blocks = row_blocks(step)
    assert len(blocks) == count
    assert [b for a, b in blocks] == [*(a for a, _ in blocks[1:]), rows] and blocks[0][0] == 0
    if count > 1:
        assert all((b - a) * depth * columns <= ONE_THREAD * 1.2 for a, b in blocks)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_blocks_compute_what_one_product_does(turned, dtype):
    w = (RNG.normal(size=(70, 70)) / 9).astype(dtype)
    u = (RNG.normal(size=(70, 70)) / 9).astype(dtype)

    def loop(scan):
        def f(w, u):
            def step(h, _):
                a, b = (x.mT if t else x for x, t in zip((h, w), turned, strict=True))
                return ad.tanh(a @ b + u), None

            return ad.sum(scan(step, u) ** 2)

        return f

    def written_out(step, h):
        for _ in range(3):
            h, _ = step(h, None)
        return h

    looped = ad.compile(ad.grad(loop(lambda f, h: ad.scan(f, h, length=3)[0]), (0, 1)))
    plain = ad.grad(loop(written_out), (0, 1))
    for a, b in zip(looped(w, u), plain(w, u), strict=True):
        size = float(np.abs(np.asarray(b)).max())
        rtol = 1e-11 if dtype == "float64" else 1e-4
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol, rtol * size)
