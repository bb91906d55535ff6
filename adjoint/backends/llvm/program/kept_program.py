"""The program of a traced graph: by a plan that lies on disk, or by passes and a schedule.

Floor 6. What writes code is imported where there is no plan, or somebody looks at the code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adjoint.backends.llvm.compile import jit, kernel_cache, object_cache
from adjoint.backends.llvm.entry.descriptor import Tree
from adjoint.backends.llvm.program import kept_plan
from adjoint.backends.llvm.program.kept_plan import Found
from adjoint.backends.llvm.program.native_code import NativeCode
from adjoint.backends.llvm.program.native_program import NativeProgram, checks_memory
from adjoint.backends.llvm.system import thread_pool
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.schedule.donation import Reuse
from adjoint.schedule.plan import Schedule

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.program import Program


@dataclass(frozen=True)
class Traced:
    """A graph that was traced: which of its inputs are Python numbers, how its outputs are put
    together, which inputs are donated, and what makes its schedule."""

    inputs: Sequence[Node]
    outputs: Sequence[Node]
    weak: Sequence[bool]
    tree: Tree | None
    donated: Sequence[int]
    schedule: Callable[[], Schedule]


def program_of(traced: Traced) -> NativeProgram:
    """The program of a traced graph, which says what it does with donated inputs.

    It is the same, to the last bit, whether another process has left its plan or not.
    """
    key = None
    if jit.HAS_ORC and not checks_memory():  # elsewhere the names of kernels are those of a process
        key = kept_plan.plan_key(traced.inputs, traced.outputs, traced.donated)
    if key is not None:
        began = time.perf_counter()
        thread_pool.check_environment()
        found = kept_plan.load(key)
        if found is not None:
            return KeptProgram(traced, found, began)
    schedule = traced.schedule()
    program = _program(traced, schedule)
    program.reuse = reuse = Reuse.of(schedule, traced.donated)
    if key is not None:
        name = key

        def keep(program: Program, native: NativeCode) -> None:
            files = program.kernels, program.key
            outside = import_module("adjoint.backends.llvm.program.linked_code").outside_of(
                program.schedule
            )
            plan = kept_plan.plan_of(native, *files, program.is_long, outside, reuse)
            if plan is not None:
                object_cache.write(name, plan.packed())

        program.when_made(keep)
    return program


def _program(traced: Traced, schedule: Schedule) -> Program:
    """The program of a schedule."""
    guards = import_module("adjoint.backends.llvm.program.memory_guards")
    found: Program = guards.program_for(schedule, traced.weak, traced.tree)
    return found


class KeptProgram(NativeProgram):
    """A program of which the plan lay on disk.

    Its schedule, and what there is to read of its code, are made for those who look at it.
    """

    was_cached = True

    def __init__(self, traced: Traced, found: Found, began: float) -> None:
        super().__init__(traced.inputs, traced.outputs, traced.weak, traced.tree)
        self.kernels = [found.kernels]
        kernel_cache.add(found.kernels)
        self.native = found.native
        self.reuse = found.plan.reuse
        self._traced = traced
        self._is_long = found.plan.is_long
        self._written: Program | None = None
        self.seconds = time.perf_counter() - began

    def native_code(self) -> NativeCode:
        """The native code, which was found."""
        assert self.native is not None
        return self.native

    @property
    def is_long(self) -> bool:
        """Whether other threads run while the program does."""
        return self._is_long

    @property
    def schedule(self) -> Schedule:
        """The schedule, made when first asked for."""
        return self._traced.schedule()

    @property
    def written(self) -> Program:
        """The same program by passes and a schedule."""
        if self._written is None:
            self._written = _program(self._traced, self.schedule)
        return self._written

    @property
    def kind(self) -> str:
        """What kind of code it is."""
        return self.written.kind

    def listing(self, stage: str) -> str:
        """The code to read."""
        return self.written.listing(stage)

    def instructions(self) -> int:
        """How many LLVM instructions were written for it and its kernels."""
        return self.written.instructions()
