"""Which code writes a loop or a branch into a program, and the memory that it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adjoint.backends.llvm.program import control_writer
from adjoint.backends.llvm.program.while_adjoint_writer import write_while_adjoint
from adjoint.graph.op import Op
from adjoint.ops import records
from adjoint.schedule.plan import Control

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.program_writer import GraphWriter, ProgramWriter

WRITERS: dict[Op, Callable[[Any, Control, Any], None]] = {
    records.scan: control_writer.write_scan,
    records.while_loop: control_writer.write_while,
    records.while_adjoint: write_while_adjoint,
    records.branch: control_writer.write_branch,
}


def write(builder: Any, step: Control, writer: ProgramWriter) -> None:
    """Write a loop or a branch."""
    WRITERS[step.root.op](builder, step, writer)


def memory_of(step: Control, writers: Sequence[GraphWriter]) -> int:
    """The bytes that a step needs beside its result."""
    return control_writer.scratch_bytes(step) + max(writer.block_bytes() for writer in writers)
