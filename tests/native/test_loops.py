"""Loops: which hints LLVM is given, and that results do not depend on them."""

from __future__ import annotations

import numpy as np
import pytest
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.codegen.loops import DEEP, I64, MANY, MOST, SHORT, loop

pytestmark = pytest.mark.native


def text_of(rounds: int | None, chain: int, others: int = 0, stays: bool = False) -> str:
    """A module with a loop of a chain of instructions, and others; of unknown rounds if None."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64, I64]), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    stop = function.args[1] if rounds is None else I64(rounds)
    with loop(builder, I64(0), stop, stays=stays) as i:
        value = i
        for _ in range(chain):
            value = builder.mul(value, i)
        for _ in range(others):
            builder.mul(i, i)
    builder.ret_void()
    return str(module)


@pytest.mark.parametrize("rounds", [None, MANY, 10**9])
def test_long_chains_are_worked_on_side_by_side(rounds: int | None) -> None:
    """Not what is wide and short, nor what LLVM would brood over too long."""
    assert "interleave.count" in text_of(rounds, DEEP, 100)
    assert "interleave.count" not in text_of(rounds, DEEP // 2, 2 * DEEP)
    assert "interleave.count" not in text_of(rounds, DEEP, MOST)


def test_loops_of_few_rounds_are_not() -> None:
    """The shortest are unrolled, unless they are to stay."""
    assert "interleave.count" not in text_of(MANY - 1, DEEP)
    assert "unroll.full" in text_of(SHORT, DEEP)
    assert "llvm.loop" not in text_of(SHORT, DEEP, stays=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_element_does_not_depend_on_its_place(dtype: str) -> None:
    """Whether the last rounds are done in vectors, in halves of them or one by one."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 3.0, (2, 700)).astype(dtype)
    f = ad.compile(lambda x, y: x**y + ad.special.erf(x) * ad.log(y))
    whole = f(x, y).numpy()
    for n in (*range(1, 135, 7), 255, 256, 257, 300, 699):
        assert np.array_equal(f(x[:n], y[:n]).numpy(), whole[:n]), n
