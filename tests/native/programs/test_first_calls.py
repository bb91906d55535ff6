"""Each of the first calls is right: stepwise, then native, with code that is new or from disk.

A kernel too large for LLVM is split; what a part stores must be complete before another index of it
is read. Memory of an earlier call hides a read of what is not there yet, so every call counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Scope
from adjoint.graph.tensor import Tensor
from adjoint.schedule.access_patterns import reads_of
from adjoint.schedule.fuse import schedule

pytestmark = pytest.mark.native

MOVES = {
    "reversed": lambda x: x[::-1],
    "rolled": lambda x: ad.roll(x, 3),
    "shifted": lambda x: ad.concat([x[1:], x[:1]]),
    "transposed": lambda x: ad.reshape(ad.reshape(x, (2, -1)).T, (-1,)),
    "strided": lambda x: ad.concat([x[::2], x[1::2]]),
}


def layers(move: Any, count: int) -> Any:
    def f(x: Any) -> Any:
        for _ in range(count):
            x = ad.cos(x) / (1 + x * x) + move(x) * 0.1
        return ad.sum(x)

    return f


@pytest.mark.parametrize("n", [2, 10, 34, 1000])
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.usefixtures("cache_folder")
def test_each_of_the_first_calls_is_right(move: str, n: int) -> None:
    gradient = ad.grad(layers(MOVES[move], 11))
    x = np.linspace(0.5, 1.5, n)
    with ad.options(native="never"):
        right = gradient(x).numpy()
    compiled = ad.compile(gradient)
    for _ in range(6):
        np.testing.assert_allclose(compiled(x).numpy(), right, rtol=1e-9)


@pytest.mark.parametrize("count", [9, 11, 16, 40])
@pytest.mark.parametrize("move", MOVES)
def test_no_loop_reads_elsewhere_what_it_writes(move: str, count: int) -> None:
    x = Tensor(variable_node(None, (34,), np.dtype(float), Scope(abstract=True)))
    with ad.options(roll_loops=False):
        gradient = ad.grad(layers(MOVES[move], count))(x)
    plan = schedule([x.node], [gradient.node])
    kernels = [kernel for step in plan.steps for kernel in step.kernels]
    assert len(kernels) > 3
    for kernel in kernels:
        assert not reads_of(kernel).keys() & set(kernel.roots)


@pytest.mark.parametrize("move", ["reversed", "transposed"])
def test_each_call_of_an_uncompiled_function_is_right(move: str) -> None:
    """Compiled at once, or after some calls: by itself, and run step by step at first."""
    gradient = ad.grad(layers(MOVES[move], 11))
    x = np.linspace(0.5, 1.5, 34)
    with ad.options(native="never"):
        right = gradient(x).numpy()
    for mode in ("always", "auto"):
        with ad.options(native=mode):
            for _ in range(8):
                np.testing.assert_allclose(gradient(x).numpy(), right, rtol=1e-9)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_each_call_is_right_for_any_number_of_threads(threads: int) -> None:
    """Layers of matrices large enough to be cut into chunks of rows."""

    def f(x: Any) -> Any:
        for _ in range(5):
            x = ad.cos(x) / (1 + x * x) + x[:, ::-1] * 0.1 + ad.sum(x, axis=1, keepdims=True) / 99
        return ad.sum(x)

    gradient = ad.grad(f)
    x = np.random.default_rng(0).normal(size=(600, 99))
    with ad.options(native="never"):
        right = gradient(x).numpy()
    compiled = ad.compile(gradient)
    with ad.options(threads=threads):
        for _ in range(5):
            np.testing.assert_allclose(compiled(x).numpy(), right, rtol=1e-9, atol=1e-12)
    assert "chunks" in compiled.text("schedule")
