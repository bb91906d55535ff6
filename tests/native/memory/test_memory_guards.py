"""Guard bytes around all that native code writes, and memory that is nan before it is written."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.program import memory_guards
from adjoint.backends.llvm.program.memory_guards import (
    GuardedProgram,
    GuardError,
    Guards,
    program_for,
)
from adjoint.backends.llvm.program.program import Program
from adjoint.graph.node import Node

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 33))
LONG = RNG.normal(size=(3000, 200))


def looking(f: Any, *inputs: Any) -> GuardedProgram:
    traced = ad.compile(f).trace(*inputs)
    return GuardedProgram(traced.schedule, [False] * len(inputs), traced.tree)


def writes_behind(program: GuardedProgram, chosen: Any, by: int) -> None:
    """Have the first step also write a byte outside of the buffer of a node."""
    assert program.guarded is not None
    first, *others = program.guarded.calls

    def call(arrays: dict[Node, Any]) -> None:
        first(arrays)
        array = arrays[chosen(program)]
        address = array.ctypes.data + (array.nbytes - 1 + by if by > 0 else by)
        ctypes.memset(address, 0, 1)

    program.guarded.calls = [call, *others]


@pytest.mark.parametrize("by", [1, 4, 64, 127, -1, -64])
def test_a_write_outside_a_result_is_noticed(by: int) -> None:
    program = looking(lambda x: ad.tanh(x) * 2, X)
    program.run([X])
    writes_behind(program, lambda p: p.schedule.outputs[0], by)
    with pytest.raises(GuardError, match="result 0"):
        program.run([X])


@pytest.mark.parametrize("by", [1, 8, 100])
def test_a_write_behind_an_intermediate_result_is_noticed(by: int) -> None:
    program = looking(lambda x: ad.tanh(x @ x.T) @ ad.sin(x), X)
    program.run([X])
    assert program.guarded is not None
    nodes = list(program.guarded.writer.memory.offsets)
    assert len(nodes) > 1
    for node in nodes:
        program = looking(lambda x: ad.tanh(x @ x.T) @ ad.sin(x), X)
        writes_behind(program, lambda p: next(iter(p.guarded.writer.memory.offsets)), by)
        with pytest.raises(GuardError, match="native code wrote 1 bytes behind"):
            program.run([X])
        del node


def test_a_byte_behind_the_local_memory_of_a_nest_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Results that live in a nest only, a block of rows at a time."""

    def f(x: Any) -> Any:
        z = ad.exp(x)
        z = z / ad.sum(z, axis=1, keepdims=True)
        return ad.cumsum(ad.sin(z) + ad.cumsum(z, axis=1), axis=1)

    program = looking(f, LONG)
    program.run([LONG])
    assert any(getattr(step, "local", ()) for step in program.schedule.steps)
    usual, made = Guards.allocate, []

    def allocate(self: Guards, *given: Any) -> Any:
        made.append(usual(self, *given))
        return made[-1]

    monkeypatch.setattr(Guards, "allocate", allocate)
    check = Guards.check

    def later(self: Guards, when: str) -> None:
        local = next(x for x in made if x.shape == (3000, 200) and x is not made[0])
        ctypes.memset(local.ctypes.data + local.nbytes, 0, 1)
        check(self, when)

    monkeypatch.setattr(Guards, "check", later)
    with pytest.raises(GuardError, match="wrote 1 bytes behind"):
        program.run([LONG])


def test_an_input_that_is_written_to_is_noticed() -> None:
    program = looking(lambda x: ad.tanh(x) * 2, X)
    writes_behind(program, lambda p: p.schedule.inputs[0], -X.nbytes + 1)
    assert program.guarded is not None
    step = program.guarded.calls[0]

    def call(arrays: dict[Node, Any]) -> None:
        arrays[program.schedule.inputs[0]][3, 3] += 1.0

    program.guarded.calls = [*program.guarded.calls[1:], call]
    del step
    with pytest.raises(GuardError, match="changed input 0"):
        program.run([X])


def test_what_is_not_written_is_nan() -> None:
    program = looking(lambda x: ad.tanh(x) * 2, X)
    assert program.guarded is not None
    program.guarded.calls = []
    with pytest.raises(GuardError, match="differs between the steps and the program"):
        program.run([X])


def test_donated_memory_lies_between_guards() -> None:
    program = looking(lambda x: ad.tanh(x) * 2, X)
    given = X.copy()
    (found,) = program.run([given], {0: given})
    assert found is given
    np.testing.assert_allclose(found, np.tanh(X) * 2, rtol=1e-12)
    writes_behind(program, lambda p: p.schedule.outputs[0], 1)
    with pytest.raises(GuardError, match="behind input 0"):
        program.run([given], {0: given})


@pytest.mark.usefixtures("cache_folder")
def test_the_environment_asks_for_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ad.compile(ad.tanh).trace(X)
    assert type(program_for(plain.schedule, [False], plain.tree)) is Program
    monkeypatch.setenv("ADJOINT_DEBUG_MEMORY", "1")
    compiled = ad.compile(lambda x: ad.value_and_grad(lambda x: ad.sum(ad.tanh(x @ x.T)))(x))
    with ad.options(native="never"):
        value, slope = ad.value_and_grad(lambda x: ad.sum(ad.tanh(x @ x.T)))(X)
    for _ in range(6):
        ours, found = compiled(X)
        np.testing.assert_allclose(ours, value, rtol=1e-12)
        np.testing.assert_allclose(found, slope, rtol=1e-9, atol=1e-12)
    assert type(compiled.trace(X).built) is GuardedProgram
    assert not compiled.trace(X).can_enter


@pytest.mark.parametrize("tail", range(1, 18))
@pytest.mark.parametrize("narrow", ["int32", "int16", "int8", "bool", "uint8", "float32"])
def test_a_narrowing_cast_writes_nothing_beyond(narrow: str, tail: int) -> None:
    """A constant inner length with every remainder modulo the width of a vector."""
    a = np.arange(2 * (16 + tail), dtype=np.int64).reshape(2, 16 + tail)
    program = looking(lambda a: ad.astype(ad.broadcast_to(a, (2, *a.shape)), narrow), a)
    (found,) = program.run([a])
    np.testing.assert_array_equal(found, np.broadcast_to(a, (2, *a.shape)).astype(narrow))


def test_guards_are_wider_than_any_store() -> None:
    assert memory_guards.GUARD >= 128
