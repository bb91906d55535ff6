"""Programs that check their use of memory: for debugging, and for tests that search for faults.

Floor 6. With ``ADJOINT_DEBUG_MEMORY=1`` in the environment each program has its memory plan checked
when it is made, and each call is taken twice. First step by step, where every buffer that native
code writes lies between guard bytes of its own, is filled with nan before, and has nothing else in
it; then in the usual way, the results between guard bytes. Inputs that were not donated must be as
they were, and both ways must agree to the last bit, if there are no loops and branches, which the
first leaves to the interpreter. Slow, and nothing else differs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from adjoint.backends.llvm.program.native_code import Array
from adjoint.backends.llvm.program.native_program import checks_memory
from adjoint.backends.llvm.program.program import Program
from adjoint.backends.llvm.program.program_writer import ProgramWriter, blocks_of_library
from adjoint.backends.llvm.program.stepwise import FOLDS, Stepwise
from adjoint.errors import GraphError
from adjoint.graph.options import begin_block, end_block
from adjoint.graph.types import DType, Shape, size_of
from adjoint.schedule.memory_check import check_plan
from adjoint.schedule.plan import Control, Gemm, Schedule, nbytes

GUARD = 128
"""Bytes before and behind each buffer: more than the widest store of native code."""

PATTERN = 0xA5
"""The byte that guards consist of: no number is likely to be written that has it everywhere."""

POISON = 0xFF
"""The byte of memory that nothing was written to: a float of it is nan, an integer -1."""


class GuardError(GraphError):
    """Native code wrote where it should not, or read what was not written."""


def program_for(schedule: Schedule, weak: Sequence[bool], tree: Any) -> Program:
    """The program of a schedule; one that checks its use of memory if the environment says so."""
    return (GuardedProgram if checks_memory() else Program)(schedule, weak, tree)


class Guards:
    """Buffers between guard bytes."""

    def __init__(self) -> None:
        self.zones: list[tuple[str, Array]] = []

    def allocate(self, shape: Shape, dtype: DType, what: str = "a buffer") -> Array:
        """A poisoned array between guards."""
        size = size_of(shape) * dtype.itemsize
        memory = np.full(size + 2 * GUARD + 64, PATTERN, np.uint8)
        start = GUARD + -(memory.ctypes.data + GUARD) % 64
        inner = memory[start : start + size]
        inner[...] = POISON
        self.zones.append((f"before {what}", memory[:start]))
        self.zones.append((f"behind {what}", memory[start + size :]))
        made: Array = inner.view(dtype).reshape(shape)
        return made

    def copy(self, x: Array, what: str) -> Array:
        """A copy of an array between guards."""
        made = self.allocate(x.shape, x.dtype, what)
        made[...] = x
        return made

    def forbid(self, memory: Array, what: str) -> None:
        """Make a part of a buffer a guard."""
        memory[...] = PATTERN
        self.zones.append((what, memory))

    def check(self, when: str) -> None:
        """Raise `GuardError` if a guard was written over."""
        for what, memory in self.zones:
            if memory.size and not (memory == PATTERN).all():
                places = np.flatnonzero(memory != PATTERN)
                raise GuardError(
                    f"native code wrote {len(places)} bytes {what}, from byte {places[0]} of "
                    f"{memory.size} on, {when}; please report this program"
                )


class GuardedStepwise(Stepwise):
    """Steps taken one by one, each buffer between guards of its own."""

    guards: Guards

    def allocate(self, shape: Shape, dtype: DType) -> Array:
        return self.guards.allocate(shape, dtype, f"a buffer {dtype}{list(shape)}")

    def block(self) -> Array:
        """The block, in which what no node takes is a guard."""
        memory = self.writer.memory
        made = super().block()
        ends = {home: offset + nbytes(home) for home, offset in memory.offsets.items()}
        for node, (home, behind) in memory.storage.items():
            if home in ends:
                ends[home] = max(ends[home], memory.offsets[home] + behind + nbytes(node))
        parts = sorted((memory.offsets[home], end, home) for home, end in ends.items() if end)
        last, before = 0, "the block"
        for start, end, home in parts:
            self.guards.forbid(made[last:start], f"behind {before}")
            last, before = max(last, end), str(home)
        self.guards.forbid(made[last:], f"behind {before}")
        return made


def is_same_stepwise(schedule: Schedule) -> bool:
    """Whether steps taken one by one give the same to the last bit."""
    nests = [s for s in schedule.steps if s.in_chunks]
    roots = [r for nest in nests for r in nest.roots if r.op.combine is not None]
    products = (s for s in schedule.steps if isinstance(s, Gemm))
    return all(root.op.combine in FOLDS for root in roots) and not any(
        map(blocks_of_library, products)
    )


def check_plans(writer: ProgramWriter) -> None:
    """Check the memory plan of a program and those of the graphs that its loops hold."""
    check_plan(writer.schedule, writer.memory)
    for inner in chain.from_iterable(writer.inner.values()):
        check_plans(inner)


class GuardedProgram(Program):
    """A program of which each call checks the use of memory."""

    serves_other_sizes = False

    def prepare(self) -> None:
        check_plans(self.writer)
        super().prepare()
        self.donations: list[dict[int, int]] = []
        self.has_control = any(isinstance(step, Control) for step in self.schedule.steps)
        """Loops and branches are taken by the interpreter, which rounds in other places."""
        self.guarded: GuardedStepwise | None = None
        if is_same_stepwise(self.schedule):
            self.guarded = GuardedStepwise(ProgramWriter(self.schedule, GUARD))

    @property
    def is_stepwise(self) -> bool:
        """Always, so that no call goes to the native entry, which does not check."""
        return True

    def run(self, arrays: Sequence[Array], into: Mapping[int, Array] | None = None) -> list[Array]:
        given = dict(into or {})
        taken = {
            number: i
            for number, buffer in given.items()
            for i, array in enumerate(arrays)
            if array is buffer
        }
        if taken and taken not in self.donations:
            check_plan(self.schedule, self.writer.memory, taken)
            self.donations.append(taken)
        ways = [self.step_by_step] if self.guarded is not None else []
        found = [self.once(way, arrays, taken) for way in (*ways, self.as_usual)]
        for number, results in enumerate(zip(*found, strict=True)):
            if not self.has_control and len({result.tobytes() for result in results}) > 1:
                raise GuardError(f"result {number} differs between the steps and the program")
        for number, buffer in given.items():
            buffer[...] = found[-1][number]
        return [given.get(i, np.array(result)) for i, result in enumerate(found[-1])]

    def once(self, way: Any, arrays: Sequence[Array], taken: Mapping[int, int]) -> list[Array]:
        """The results by one way, with all guards checked."""
        guards = Guards()
        copies = [guards.copy(x, f"input {i}") for i, x in enumerate(arrays)]
        into = {
            number: copies[taken[number]]
            if number in taken
            else guards.allocate(node.shape, node.dtype, f"result {number}, {node}")
            for number, node in enumerate(self.schedule.outputs)
        }
        results: list[Array] = way(guards, copies, into)
        guards.check(f"in a call {way.__name__}")
        for i, (copy, x) in enumerate(zip(copies, arrays, strict=True)):
            if i not in taken.values() and copy.tobytes() != x.tobytes():
                raise GuardError(f"a call {way.__name__} changed input {i}")
        return results

    def step_by_step(
        self, guards: Guards, arrays: Sequence[Array], into: Mapping[int, Array]
    ) -> list[Array]:
        """Each step from Python, loops and branches by the interpreter."""
        assert self.guarded is not None
        self.guarded.guards = guards
        block = begin_block((("native", "never"),))
        try:
            return self.guarded.run(arrays, into)
        finally:
            end_block(*block)

    def as_usual(
        self, guards: Guards, arrays: Sequence[Array], into: Mapping[int, Array]
    ) -> list[Array]:
        """As a program that does not check."""
        self.poison()
        return super().run(arrays, into)

    def poison(self) -> None:
        """Have what is left in the block of former calls be read as nan."""
        poison(self)


def poison(program: Program) -> None:
    """Write nan over what a program has left in its block of memory."""
    native = program.native
    holder = native.loaded.address("adjoint_block") if native is not None else 0
    block = ctypes.c_void_p.from_address(holder).value if holder else None
    if block:
        ctypes.memset(block, POISON, program.writer.memory.size)
