"""The program: all steps of a schedule in one native function with one block of memory.

``i32 body(ptr *buffers)`` takes the addresses of inputs and outputs and returns 0, or 1 if it
failed; then it may have left a Python exception, or the interpreter finds out what is wrong.
"""

from __future__ import annotations

from functools import partial as partial_call
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.calls import blas, lapack
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.kernel import KernelWriter
from adjoint.backends.llvm.codegen.loops import I64, POINTER, extern, failures_of, memory_type
from adjoint.backends.llvm.codegen.nest import NestWriter, call_kernel, table_of, whole
from adjoint.backends.llvm.codegen.reduction_buffers import copied, fill
from adjoint.backends.llvm.compile.kernel_cache import Writer, kernel_name
from adjoint.backends.llvm.program.signals import Interrupts, ask_at_once, go_on_if_done
from adjoint.graph.node import Node
from adjoint.schedule.memory import ALIGNMENT, MemoryPlan, plan_memory
from adjoint.schedule.plan import (
    Alias,
    Gemm,
    Kernel,
    Lapack,
    Nest,
    NumpyCall,
    Schedule,
)
from adjoint.schedule.signature import is_literal

I32 = ir.IntType(32)
I8 = ir.IntType(8)
ON_STACK = 4096
"""Intermediate results up to this many bytes live on the stack."""

MOST_BYTES = 2**63 - 1
"""More cannot be asked for; nor will so many be given."""


def on_stack(builder: Any, kind: Any) -> Any:
    """The address of memory that lives as long as the call."""
    with builder.goto_entry_block():
        place = builder.alloca(kind)
    place.align = ALIGNMENT
    return opaque(place)


def opaque(pointer: Any) -> Any:
    """The same pointer, its type not saying what it points to."""
    pointer.type = POINTER
    return pointer


def unwritten(step: Kernel) -> tuple[KernelWriter, Any]:
    """A kernel of which only the sizes are asked."""
    return KernelWriter(step), None


class ProgramWriter:
    """Writes the module of a schedule."""

    def __init__(self, schedule: Schedule, gap: int = 0) -> None:
        self.schedule = schedule
        self.memory: MemoryPlan = plan_memory(schedule, gap)
        self.module = ir.Module("adjoint")
        self.stored = [n for n in schedule.constants if not is_literal(n)]
        self.kernels: dict[str, Writer] = {}
        self.writers: dict[tuple[Kernel, bool, int | None], KernelWriter] = {}
        self.nests: list[NestWriter] = []
        self.places: dict[Node, Any] = {}

    def write(self) -> ir.Function:
        """The function that runs the whole schedule."""
        self.constants = ir.GlobalVariable(
            self.module, ir.ArrayType(POINTER, max(1, len(self.stored))), "adjoint_constants"
        )
        self.constants.initializer = ir.Constant(self.constants.value_type, None)
        opaque(self.constants)
        body = ir.Function(self.module, ir.FunctionType(I32, [POINTER]), "adjoint_body")
        builder = ir.IRBuilder(body.append_basic_block())
        self.failed = body.append_basic_block("failed")
        self.find_buffers(builder, body.args[0])
        failures = self.count_failures(builder)
        interrupts = Interrupts(self.module, builder, self.schedule.steps)
        for number, step in enumerate(self.schedule.steps):
            interrupts.ask_before(step, self.failed)
            self.step(builder, number, step)
        self.compare_failures(builder, failures)
        self.copy_outputs(builder)
        self.release(builder)
        builder.ret(I32(0))
        builder.position_at_end(self.failed)
        self.release(builder)
        builder.ret(I32(1))
        return body

    @property
    def checks(self) -> bool:
        """Whether a check in one of the kernels may fail."""
        return any(k.can_fail for step in self.schedule.steps for k in step.kernels)

    def count_failures(self, builder: Any) -> Any:
        """How many checks of the process have failed, if the program has any."""
        return builder.load(failures_of(self.module), typ=I64) if self.checks else None

    def compare_failures(self, builder: Any, before: Any) -> None:
        """Fail if a check failed meanwhile: perhaps another program's, so look without native code.

        The number only grows, so that no program takes for itself what another waits for.
        """
        if before is None:
            return
        fine = builder.append_basic_block()
        same = builder.icmp_signed("==", self.count_failures(builder), before)
        builder.cbranch(same, fine, self.failed)
        builder.position_at_end(fine)

    # memory

    def find_buffers(self, builder: Any, buffers: Any) -> None:
        """The addresses of inputs, outputs, constants and intermediate results."""
        for number, node in enumerate(self.schedule.inputs):
            self.places.setdefault(node, self.pointer_at(builder, buffers, number))
        first = len(self.schedule.inputs)
        self.outputs = [
            self.pointer_at(builder, buffers, first + n) for n in range(len(self.schedule.outputs))
        ]
        written = {root for step in self.schedule.steps for root in step.roots}
        for node, place in zip(self.schedule.outputs, self.outputs, strict=True):
            if node in written:
                self.places.setdefault(node, place)
        for number, node in enumerate(self.stored):
            self.places[node] = self.pointer_at(builder, self.constants, number)
        self.open_block(builder)
        for node, offset in self.memory.offsets.items():
            self.places[node] = builder.gep(self.block, [I64(offset)], source_etype=I8)
        for node, (source, place) in self.memory.storage.items():
            if source in self.places and source is not node:
                base = self.places[source]
                self.places[node] = (
                    builder.gep(base, [I64(place)], source_etype=I8) if place else base
                )

    def pointer_at(self, builder: Any, table: Any, number: int) -> Any:
        place = builder.gep(table, [I64(number)], source_etype=POINTER)
        return builder.load(place, typ=POINTER)

    def open_block(self, builder: Any) -> None:
        """Memory for intermediate results: the stack, or a block kept between calls.

        The block is taken by exchanging its address for null; a second call at the same time
        finds null and takes a block of its own.
        """
        self.keeper = None
        size = min(self.memory.size + self.partial_bytes(), MOST_BYTES)
        if size <= ON_STACK:
            self.block = on_stack(builder, ir.ArrayType(I8, max(1, size)))
            return
        self.keeper = ir.GlobalVariable(self.module, POINTER, "adjoint_block")
        self.keeper.initializer = ir.Constant(POINTER, None)
        taken = self.exchange(builder, ir.Constant(POINTER, None))
        entry = builder.block
        with builder.if_then(self.is_null(builder, taken), likely=False):
            fresh = builder.call(
                extern(self.module, "adjoint_allocate", POINTER, [I64]), [I64(size)]
            )
            with builder.if_then(self.is_null(builder, fresh), likely=False):
                builder.ret(I32(1))  # the interpreter raises MemoryError, or finds enough
            inside = builder.block
        block = builder.phi(POINTER)
        block.add_incoming(taken, entry)
        block.add_incoming(fresh, inside)
        self.block = block

    def partial_bytes(self) -> int:
        """The memory that the partial sums of a nest need at most; one nest runs at a time."""
        nests = (step for step in self.schedule.steps if isinstance(step, Nest))
        return max((NestWriter(nest, unwritten).partial_bytes() for nest in nests), default=0)

    def is_null(self, builder: Any, pointer: Any) -> Any:
        return builder.icmp_unsigned("==", builder.ptrtoint(pointer, I64), I64(0))

    def exchange(self, builder: Any, pointer: Any) -> Any:
        number = builder.ptrtoint(pointer, I64)
        old = builder.atomic_rmw("xchg", self.keeper, number, "seq_cst")
        return builder.inttoptr(old, POINTER)

    def release(self, builder: Any) -> None:
        """Give the block back; free it if another call gave one back before."""
        if self.keeper is None:
            return
        other = self.exchange(builder, self.block)
        with builder.if_then(builder.not_(self.is_null(builder, other)), likely=False):
            builder.call(extern(self.module, "adjoint_free", ir.VoidType(), [POINTER]), [other])

    # steps

    def step(self, builder: Any, number: int, step: Any) -> None:
        match step:
            case Kernel():
                self.run_kernel(builder, step)
            case Nest():
                self.run_nest(builder, step)
            case Gemm():
                self.run_gemm(builder, step)
            case Lapack(root=root, reads=reads):
                places = [*(self.place_of(builder, n) for n in reads), self.places[root]]
                lapack.emit(builder, step, self.one_matrix(step), places, self.failed)
            case Alias(root=root):
                if root in self.schedule.outputs and not self.lies_in(root.inputs[0], root):
                    self.copy(builder, root.inputs[0], self.places[root])
            case NumpyCall():
                self.numpy_call(builder, number, step)

    def kernel(
        self, step: Kernel, fixed: bool = False, rows: int | None = None
    ) -> tuple[KernelWriter, Any]:
        """The writer of a kernel and its function, which lies in a module of its own."""
        writer = self.writer_of(step, fixed, rows)
        return writer, writer.declare(self.module, kernel_name(writer))

    def writer_of(self, step: Kernel, fixed: bool = False, rows: int | None = None) -> KernelWriter:
        """The writer of a kernel of the program, which is made once."""
        key = step, fixed, rows
        found = self.writers.get(key)
        if found is None:
            found = self.writers[key] = KernelWriter(*key)
            self.kernels.setdefault(kernel_name(found), found)
        return found

    def one_matrix(self, step: Lapack) -> Any:
        """The function that takes a step of LAPACK for one matrix."""
        writer = lapack.LapackWriter(step)
        name = kernel_name(writer)
        self.kernels.setdefault(name, writer)
        return writer.declare(self.module, name)

    def run_kernel(self, builder: Any, step: Kernel) -> None:
        writer, function = self.kernel(step, fixed=True)
        for root in step.roots:
            if writer.accumulates(root):
                fill(builder, root, self.places[root])
        call_kernel(builder, writer, function, self.places, *whole(writer))

    def all_kernels(self) -> dict[str, Writer]:
        """The kernels that the program calls, by name; it need not have been written."""
        if not self.kernels:
            for step in self.schedule.steps:
                if isinstance(step, Kernel):
                    self.writer_of(step, fixed=True)
                elif isinstance(step, Nest):
                    for part in step.kernels:
                        self.writer_of(part, step.is_whole, step.rows_at_once)
                elif isinstance(step, Lapack):
                    self.one_matrix(step)
        return self.kernels

    def run_nest(self, builder: Any, step: Nest) -> None:
        kernel = partial_call(self.kernel, fixed=step.is_whole, rows=step.rows_at_once)
        writer = NestWriter(step, kernel)
        writer.write(self.module, f"nest_{len(self.nests)}")
        self.nests.append(writer)
        partial = None
        if step.in_chunks and writer.sums:
            partial = builder.gep(self.block, [I64(self.memory.size)], source_etype=I8)
        writer.run(builder, self.places, partial or ir.Constant(POINTER, None))

    def run_gemm(self, builder: Any, step: Gemm) -> None:
        a, b, c = (self.place_of(builder, n) for n in (step.a, step.b, step.root))
        if step.addend is not None and not self.lies_in(step.addend, step.root):
            addend = self.place_of(builder, step.addend)
            with builder.if_then(builder.icmp_unsigned("!=", addend, c)):  # unless it was donated
                self.copy(builder, step.addend, c)
        scale = None if step.scale is None else self.place_of(builder, step.scale)
        blas.emit_gemm(builder, step, a, b, c, scale)

    def numpy_call(self, builder: Any, number: int, step: NumpyCall) -> None:
        places = [*(self.place_of(builder, n) for n in step.reads), self.places[step.root]]
        table = table_of(builder, [*places, self.places[step.root]])  # two at least, for errors
        call = extern(self.module, "adjoint_numpy_call", I32, [I64, I32, POINTER])
        program = self.module.globals.get("adjoint_program")
        if program is None:
            program = ir.GlobalVariable(self.module, I64, "adjoint_program")
            program.initializer = I64(0)
        ask_at_once(builder, self.failed)
        status = builder.call(call, [builder.load(program, typ=I64), I32(number), table])
        go_on_if_done(builder, status, table, self.failed)

    def lies_in(self, node: Node, other: Node) -> bool:
        """Whether `node` is written into the memory of `other` anyway."""
        home, owner = (self.memory.storage.get(n, (n, 0))[0] for n in (node, other))
        return home is owner

    def place_of(self, builder: Any, node: Node) -> Any:
        """Where the value of a node can be read; a literal is given a place of its own."""
        if node in self.places:
            return self.places[node]
        kind = memory_type(node.dtype)
        place = on_stack(builder, kind)
        value = LLVMEmitter(builder).constant(np.asarray(node.value).item(), node.dtype).value
        builder.store(builder.zext(value, kind) if node.dtype.kind == "b" else value, place)
        return place

    def copy_outputs(self, builder: Any) -> None:
        """Outputs that no step writes: inputs and constants handed through, and repetitions."""
        for node, place in zip(self.schedule.outputs, self.outputs, strict=True):
            if self.places.get(node) is not place:
                self.copy(builder, node, place)

    def copy(self, builder: Any, node: Node, place: Any) -> None:
        copied(builder, node, place, self.place_of(builder, node))
