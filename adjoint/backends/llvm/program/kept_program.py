"""The program of a traced graph: by a plan that lies on disk, or by passes and a schedule.

Floor 6.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adjoint.backends.llvm.compile import jit, kernel_cache, object_cache
from adjoint.backends.llvm.entry.descriptor import Tree
from adjoint.backends.llvm.program import kept_plan
from adjoint.backends.llvm.program.kept_plan import Found
from adjoint.backends.llvm.program.memory_guards import is_asked_for, program_for
from adjoint.backends.llvm.program.native_code import NativeCode, Outside
from adjoint.backends.llvm.program.program import Program
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.backends.llvm.system import thread_pool
from adjoint.graph.node import Node
from adjoint.schedule.donation import Reuse
from adjoint.schedule.plan import Schedule


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


def program_of(traced: Traced) -> Program:
    """The program of a traced graph, which says what it does with donated inputs.

    It is the same, to the last bit, whether another process has left its plan or not.
    """
    key = None
    if jit.HAS_ORC and not is_asked_for():  # elsewhere the names of kernels are those of a process
        key = kept_plan.plan_key(traced.inputs, traced.outputs, traced.donated)
    if key is not None:
        began = time.perf_counter()
        thread_pool.check_environment()
        found = kept_plan.load(key)
        if found is not None:
            return KeptProgram(traced, found, began)
    schedule = traced.schedule()
    program = program_for(schedule, traced.weak, traced.tree)
    program.reuse = reuse = Reuse.of(schedule, traced.donated)
    if key is not None:
        name = key

        def keep(program: Program, native: NativeCode) -> None:
            kernels = program.kernels, program.kernel_names, program.key
            outside = Outside.of(program.schedule)
            plan = kept_plan.plan_of(native, *kernels, program.is_long, outside, reuse)
            if plan is not None:
                object_cache.write(name, plan.packed())

        program.when_made(keep)
    return program


class KeptProgram(Program):
    """A program of which the plan lay on disk. Its schedule is made for those who look at it."""

    serves_other_sizes = False

    def __init__(self, traced: Traced, found: Found, began: float) -> None:
        plan = found.plan
        self._traced = traced
        self._schedule = self._writer = None
        self._enter(traced.inputs, traced.outputs, traced.weak, traced.tree)
        self.kernel_names = [*plan.called]
        self.key = plan.program_file
        self.kernels = [found.kernels]
        kernel_cache.add(found.kernels)
        self.native = found.native
        self.reuse = plan.reuse
        self.was_cached = True
        self._is_long = plan.is_long
        self.seconds = time.perf_counter() - began

    @property
    def schedule(self) -> Schedule:
        """The schedule, made when first asked for."""
        if self._schedule is None:
            self._schedule = self._traced.schedule()
        return self._schedule

    @property
    def writer(self) -> ProgramWriter:
        """What writes the module of the schedule, made when first asked for."""
        if self._writer is None:
            self._writer = ProgramWriter(self.schedule)
        return self._writer

    @property
    def is_long(self) -> bool:
        """Whether other threads run while the program does."""
        return self._is_long
