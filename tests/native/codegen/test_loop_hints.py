"""Loops: which hints LLVM is given, and that results do not depend on them."""

from __future__ import annotations

import numpy as np
import pytest
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.codegen.loops import (
    I64,
    MANY_ITERATIONS,
    MAX_FULL_UNROLL,
    MAX_INTERLEAVED_INSTRUCTIONS,
    MIN_INTERLEAVE_DEPTH,
    loop,
)

pytestmark = pytest.mark.native


def text_of(trip_count: int | None, chain: int, others: int = 0, unroll: bool = True) -> str:
    """A module with a loop over a chain of instructions and others; of unknown length if None."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64, I64]), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    stop = function.args[1] if trip_count is None else I64(trip_count)
    with loop(builder, I64(0), stop, unroll=unroll) as i:
        value = i
        for _ in range(chain):
            value = builder.mul(value, i)
        for _ in range(others):
            builder.mul(i, i)
    builder.ret_void()
    return str(module)


@pytest.mark.parametrize("trip_count", [None, MANY_ITERATIONS, 10**9])
def test_long_dependence_chains_are_interleaved(trip_count: int | None) -> None:
    """Not what is wide and shallow, nor what LLVM would take long to compile."""
    depth, most = MIN_INTERLEAVE_DEPTH, MAX_INTERLEAVED_INSTRUCTIONS
    assert "interleave.count" in text_of(trip_count, depth, 100)
    assert "interleave.count" not in text_of(trip_count, depth // 2, 2 * depth)
    assert "interleave.count" not in text_of(trip_count, depth, most)


def test_loops_of_few_iterations_are_not_interleaved() -> None:
    """The shortest are unrolled, where the caller allows it."""
    assert "interleave.count" not in text_of(MANY_ITERATIONS - 1, MIN_INTERLEAVE_DEPTH)
    assert "unroll.full" in text_of(MAX_FULL_UNROLL, MIN_INTERLEAVE_DEPTH)
    assert "llvm.loop" not in text_of(MAX_FULL_UNROLL, MIN_INTERLEAVE_DEPTH, unroll=False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_element_does_not_depend_on_its_position(dtype: str) -> None:
    """Whether it is computed in a whole vector, in the tail or alone."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 3.0, (2, 700)).astype(dtype)
    f = ad.compile(lambda x, y: x**y + ad.special.erf(x) * ad.log(y))
    whole = f(x, y).numpy()
    for n in (*range(1, 135, 7), 255, 256, 257, 300, 699):
        assert np.array_equal(f(x[:n], y[:n]).numpy(), whole[:n]), n
