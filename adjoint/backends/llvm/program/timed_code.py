"""A program that notes the time between its steps.

Floor 6. It has the steps, the kernels and the memory plan of the program itself. Reading the clock
takes 20 to 30 ns, so that the times of a program of a few short steps are too long by that.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, extern
from adjoint.backends.llvm.compile import jit
from adjoint.backends.llvm.compile.jobs import Jobs
from adjoint.backends.llvm.program.block import I32, opaque
from adjoint.backends.llvm.program.linked_code import linked
from adjoint.backends.llvm.program.native_code import Array
from adjoint.backends.llvm.program.native_program import output_arrays
from adjoint.backends.llvm.program.program import Program
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.backends.llvm.program.signals import CLOCK
from adjoint.graph.forking import building
from adjoint.schedule.plan import Schedule


class TimedWriter(ProgramWriter):
    """Writes the module of a schedule, with a clock that is read before, between and after steps.

    The times lie in the global `adjoint_times`, in seconds and nanoseconds: when the call begins,
    when its memory is there, after each step, and when the outputs are complete.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule)
        self.count = len(schedule.steps) + 3
        self.noted = 0
        kind = ir.ArrayType(I64, 2 * self.count)
        times = ir.GlobalVariable(self.module, kind, "adjoint_times")
        times.initializer = ir.Constant(kind, None)
        self.times = opaque(times)

    def note_time(self, builder: Any) -> None:
        """Write code that notes the time."""
        function = extern(self.module, "adjoint_clock", I32, [I32, POINTER])
        place = builder.gep(self.times, [I64(2 * self.noted)], source_etype=I64)
        builder.call(function, [I32(CLOCK), place])
        self.noted += 1

    def find_addresses(self, builder: Any, buffers: Any) -> None:
        self.note_time(builder)
        super().find_addresses(builder, buffers)

    def write_steps(self, builder: Any) -> None:
        self.note_time(builder)
        super().write_steps(builder)

    def write_step(self, builder: Any, step: Any) -> None:
        super().write_step(builder, step)
        self.note_time(builder)

    def copy_outputs(self, builder: Any, left_out: Any = ()) -> None:
        super().copy_outputs(builder, left_out)
        self.note_time(builder)


class TimedCode:
    """The native code of a program, with the times of its steps."""

    def __init__(self, program: Program) -> None:
        self.schedule = program.schedule
        writer = TimedWriter(program.schedule)
        writer.write()
        with building, Jobs(1) as jobs:
            code = jit.begin_compiling([{program.kind: str(writer.module)}], jobs).code()
            self.native = linked(
                code, program.schedule, writer.stored, writer.kernels, is_long=False
            )
        address = self.native.loaded.address("adjoint_times")
        memory = (ctypes.c_int64 * (2 * writer.count)).from_address(address)
        self.times = np.frombuffer(memoryview(memory), np.int64).reshape(-1, 2)

    def run(self, arrays: list[Array]) -> Array:
        """The nanoseconds that a call takes: to find its memory, for each step, and to complete
        the outputs. Raises `Failed` as `Program.run`."""
        self.native.run(arrays, output_arrays(self.schedule.outputs, None))
        seconds, nanoseconds = self.times.T
        found: Array = np.diff((seconds - seconds[0]) * 1_000_000_000 + nanoseconds)
        return found
