"""What a compiled program is made of: kernels, bytes moved and flops, before and after fusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from adjoint.api.specialization import Specialization
from adjoint.backends.availability import missing
from adjoint.errors import UnknownNameError
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.recording import Rolled
from adjoint.graph.text import graph_text
from adjoint.schedule.memory import plan_memory
from adjoint.schedule.plan import (
    Alias,
    CCall,
    Control,
    Gemm,
    Kernel,
    Lapack,
    Nest,
    NumpyCall,
    Step,
    nbytes,
)


@dataclass(frozen=True)
class Row:
    """One step of a program."""

    kind: str
    computes: str
    operations: int
    bytes_moved: int
    flops: int


@dataclass(frozen=True)
class Report:
    """Prints as a table. Bytes are those read and written; flops count an elementary function as
    one operation; `before` is what running operation by operation would cost."""

    rows: tuple[Row, ...]
    operations: int
    bytes_before: int
    temporaries: int
    temporaries_unshared: int
    compile_seconds: float | None
    cached: bool | None
    rolled: tuple[Rolled, ...] = ()
    """What Python loops left, and is a loop again; the innermost loops first."""
    without_native: str = ""
    """Why there is no native code; empty if there can be."""
    without_native_entry: str = ""
    """Why calls go through Python before native code runs; empty if they need not."""

    @property
    def kernels(self) -> int:
        """The number of steps that do work."""
        return len(self.rows)

    @property
    def bytes_moved(self) -> int:
        """Bytes read and written by all steps."""
        return sum(row.bytes_moved for row in self.rows)

    @property
    def flops(self) -> int:
        """Floating-point operations of all steps."""
        return sum(row.flops for row in self.rows)

    @property
    def peak_memory(self) -> int:
        """Bytes of intermediate results alive at once, memory being shared."""
        return self.temporaries

    def __str__(self) -> str:
        lines = [f"{'step':<8} {'operations':>10} {'bytes':>12} {'flops':>12}  computes"]
        lines += [
            f"{r.kind:<8} {r.operations:>10,} {r.bytes_moved:>12,} {r.flops:>12,}  {r.computes}"
            for r in self.rows
        ]
        lines += [
            f"before fusion: {counted(self.operations, 'operation')} "
            f"moving {self.bytes_before:,} bytes",
            f"after fusion:  {counted(self.kernels, 'step')} moving {self.bytes_moved:,} bytes",
            f"intermediate results: {self.temporaries:,} bytes "
            f"({self.temporaries_unshared:,} without sharing memory)",
        ]
        lines += [
            f"rolled up: {rolled.repetitions:,} repetitions of {rolled.operations:,} operations"
            + (f", {count:,} times" if count > 1 else "")
            for rolled, count in Counter(self.rolled).items()
        ]
        if self.without_native:
            lines.append(f"runs on the interpreter, operation by operation: {self.without_native}")
        if self.without_native_entry:
            lines.append(f"calls go through Python, microseconds more: {self.without_native_entry}")
        if self.compile_seconds is not None:
            source = " (object code from the cache)" if self.cached else ""
            lines.append(f"compiled in {self.compile_seconds * 1e3:.1f} ms{source}")
        return "\n".join(lines)


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 step``, ``1,024 steps``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


@dataclass(frozen=True)
class Cost:
    """What a call costs. Prints as one line. Bytes moved are those that all steps read and write;
    the peak memory is that of arguments, results, constants and intermediate results."""

    flops: int
    bytes_moved: int
    peak_memory: int
    kernels: int

    def __str__(self) -> str:
        return (
            f"{self.flops:,} flops, {self.bytes_moved:,} bytes moved, "
            f"{self.peak_memory:,} bytes at most, {counted(self.kernels, 'step')}"
        )


def cost_of(specialization: Specialization) -> Cost:
    """The cost of a call; the specialization need not have been compiled."""
    report, plan = report_of(specialization), specialization.schedule
    held = _bytes([*plan.inputs, *plan.constants]) + sum(map(nbytes, plan.outputs))
    return Cost(report.flops, report.bytes_moved, held + report.peak_memory, report.kernels)


def text_of(specialization: Specialization, stage: str) -> str:
    """A program at a stage: graph, passes, schedule, llvm or assembly. Raises `UnknownNameError`
    for another."""
    match stage:
        case "graph":
            return graph_text(specialization.outputs)
        case "passes":
            return graph_text(specialization.optimised)
        case "schedule":
            return str(report_of(specialization))
        case "llvm" | "assembly":
            if reason := missing():
                return f"there is no native code: {reason}"
            return str(specialization.program.listing(stage))
    raise UnknownNameError(
        f"text: there is no stage {stage!r}; choose graph, passes, schedule, llvm or assembly"
    )


def report_of(specialization: Specialization) -> Report:
    """The report of a specialization; it need not have been compiled."""
    plan = plan_memory(specialization.schedule)
    inputs = set(specialization.inputs)
    order = topological_order(specialization.outputs, lambda n: () if n in inputs else n.inputs)
    work = [n for n in order if n not in inputs and not is_constant(n)]
    program = specialization.built
    return Report(
        rows=tuple(_row(step) for step in specialization.schedule.steps if not step.is_view),
        operations=len(work),
        bytes_before=sum(nbytes(n) + _bytes(n.inputs) for n in work),
        temporaries=plan.size,
        temporaries_unshared=plan.unshared,
        compile_seconds=None if program is None else program.seconds,
        cached=None if program is None else program.was_cached,
        rolled=tuple(specialization.rolled),
        without_native=missing(),
        without_native_entry="" if program is None else program.without_native_entry,
    )


def _bytes(nodes: Iterable[Node]) -> int:
    return sum(map(nbytes, set(nodes)))


def _row(step: Step) -> Row:
    return Row(step.name, _computes(step), step.operations, step.bytes_moved, step.flops)


def _computes(step: Step) -> str:
    """What a step computes, in a few words."""
    match step:
        case Kernel():
            return f"{list(step.domain)} {_names(step)}"
        case Nest():
            cut = f"{step.extent} rows, {step.block} at a time"
            if step.in_chunks:
                cut += f", in chunks of {step.grain}"
            return f"[{cut}] {' '.join(dict.fromkeys(' '.join(map(_names, step.kernels)).split()))}"
        case Gemm(a=a, b=b):
            turned = "ᴴ" if step.conjugate_a else "ᵀ" if step.transpose_a else ""
            flags = f"{turned}·" + ("ᴴ" if step.conjugate_b else "ᵀ" if step.transpose_b else "")
            more = [w for w, n in (("scaled", step.scale), ("added to", step.addend)) if n]
            return ", ".join([f"{list(a.shape)}{flags} {list(b.shape)}", *more])
        case Lapack(root=root):
            return " ".join([root.op.name, *(str(list(n.shape)) for n in step.reads)])
        case Control(root=root, chunks=chunks):
            rows = "" if chunks is None else f", {chunks.extent} rows in chunks of {chunks.grain}"
            steps = ", ".join(map(_computes, step.steps))
            return f"{root.op.name}, {step.rounds} times{rows}: {steps}"
        case CCall(root=root):
            return f"{root.op.params_text(root)}, in C"
        case Alias(root=root) | NumpyCall(root=root):
            return root.op.name


def _names(kernel: Kernel) -> str:
    """The operations of a kernel, each once."""
    nodes = [*reversed(kernel.inlined), *kernel.roots]
    return " ".join(dict.fromkeys(n.op.name for n in nodes))
