"""All steps of a schedule in one native function.

Floor 6. ``i32 adjoint_body(ptr *buffers)`` takes the addresses of inputs and outputs and returns 0,
or 1 if it failed; then it may have left a Python exception, or the interpreter finds out what is
wrong. Kernels lie in modules of their own, and are only declared here.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.calls import blas, c_function, lapack, product_blocks, product_calls
from adjoint.backends.llvm.calls.product_kernel import ProductWriter
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.kernel import KernelWriter
from adjoint.backends.llvm.codegen.loops import (
    I64,
    POINTER,
    extern,
    failures_of,
    memory_type,
)
from adjoint.backends.llvm.codegen.nest import NestWriter, all_rows, call_kernel, table_of
from adjoint.backends.llvm.codegen.reduction_buffers import copy_buffer, initialize, store
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.backends.llvm.compile.kernel_cache import Writer, kernel_name
from adjoint.backends.llvm.program import control_steps
from adjoint.backends.llvm.program.block import (
    I32,
    NULL,
    Block,
    load_address,
    moved,
    opaque,
    stack_memory,
)
from adjoint.backends.llvm.program.register_loop import fits_registers
from adjoint.backends.llvm.program.signals import Interrupts, check_signals, resume_if_done
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.schedule.memory import ALIGNMENT, MemoryPlan, plan_memory, rounded
from adjoint.schedule.plan import (
    Alias,
    CCall,
    Control,
    Gemm,
    Kernel,
    Lapack,
    Nest,
    NumpyCall,
    Schedule,
    Step,
    all_steps,
    nbytes,
)
from adjoint.schedule.signature import is_literal


class ProgramWriter:
    """Writes the module of a schedule.

    `writer_of` and `all_kernels` can be asked without writing anything.
    """

    def __init__(self, schedule: Schedule, gap: int = 0) -> None:
        self.schedule = schedule
        self.memory: MemoryPlan = plan_memory(schedule, gap)
        self.module = ir.Module("adjoint")
        self.kernels: dict[str, Writer] = {}
        self.nests: list[NestWriter] = []
        self.stored: list[Node] = []
        """The constants that code reads from memory, of loops and branches, too."""
        self.numpy_calls = [s for s in all_steps(schedule) if isinstance(s, NumpyCall)]
        self.begin()

    def begin(self) -> None:
        """What the writer of a program and that of a graph within it have in common."""
        self.writers: dict[tuple[Kernel, bool, int | None], KernelWriter] = {}
        self.products: dict[Gemm, tuple[str, ProductWriter]] = {}
        self.first_stored = len(self.stored)
        self.own_stored = [n for n in self.schedule.constants if not is_literal(n)]
        self.stored += self.own_stored
        self.inner = {
            step: [
                GraphWriter(graph, self, ALIGNMENT if step.chunks else 0) for graph in step.inner
            ]
            for step in self.schedule.steps
            if isinstance(step, Control)
        }
        """The writers of the graphs that loops and branches run."""
        self.addresses: dict[Node, Any] = {}
        """Where in memory the value of a node lies: a pointer of the function that is written."""

    def write(self) -> ir.Function:
        """The function that runs the whole schedule."""
        body = ir.Function(self.module, ir.FunctionType(I32, [POINTER]), "adjoint_body")
        builder = IRBuilder(body.append_basic_block())
        self.failed = body.append_basic_block("failed")
        self.find_addresses(builder, body.args[0])
        failures = self.count_failures(builder)
        self.write_steps(builder)
        self.fail_if_counted(builder, failures)
        self.copy_outputs(builder)
        self.block.end(builder, self.failed)
        return body

    # checks

    @property
    def checks(self) -> bool:
        """Whether a check in one of the kernels may fail."""
        return any(k.can_fail for step in all_steps(self.schedule) for k in step.kernels)

    def count_failures(self, builder: Any) -> Any:
        """How many checks of the process have failed so far, if the program has any."""
        return builder.load(failures_of(self.module), typ=I64) if self.checks else None

    def fail_if_counted(self, builder: Any, before: Any) -> None:
        """Fail if a check failed meanwhile, of this program or another: the interpreter will tell.

        Kernels only count failures, and the count of the process only grows. A flag that one
        program resets would hide the failure of another, in another thread.
        """
        if before is None:
            return
        passed = builder.append_basic_block()
        same = builder.icmp_signed("==", self.count_failures(builder), before)
        builder.cbranch(same, passed, self.failed)
        builder.position_at_end(passed)

    # memory

    def find_addresses(self, builder: Any, buffers: Any) -> None:
        """Find the addresses of inputs, outputs, constants and intermediate results."""
        inputs, outputs = self.schedule.inputs, self.schedule.outputs
        for number, node in enumerate(inputs):
            self.addresses.setdefault(node, load_address(builder, buffers, number))
        self.outputs = [
            load_address(builder, buffers, len(inputs) + number) for number in range(len(outputs))
        ]
        written = {root for step in self.schedule.steps for root in step.roots}
        for node, address in zip(outputs, self.outputs, strict=True):
            if node in written:  # of an output that is there twice, the first
                self.addresses.setdefault(node, address)
        self.addresses |= self.constant_addresses(builder)
        self.block = self.open_block(builder)
        for node, offset in self.memory.offsets.items():
            self.addresses[node] = moved(builder, self.block.address, offset)
        for node, (source, offset) in self.memory.storage.items():
            if source in self.addresses and source is not node:
                self.addresses[node] = moved(builder, self.addresses[source], offset)

    def constant_table(self) -> Any:
        """The global with the addresses of constants, which whoever loads the code fills in."""
        known = self.module.globals.get("adjoint_constants")
        if known is not None:
            return known
        kind = ir.ArrayType(POINTER, max(1, len(self.stored)))
        table = ir.GlobalVariable(self.module, kind, "adjoint_constants")
        table.initializer = ir.Constant(kind, None)
        return opaque(table)

    def constant_addresses(self, builder: Any) -> dict[Node, Any]:
        """Where the constants lie that the code reads from memory."""
        table = self.constant_table()
        return {
            node: load_address(builder, table, number)
            for number, node in enumerate(self.own_stored, self.first_stored)
        }

    def open_block(self, builder: Any) -> Block:
        """The memory of one call."""
        return Block(self.module, builder, self.block_bytes())

    def block_bytes(self) -> int:
        """What the steps need: results, partial sums, and what loops and branches do."""
        needs = [control_steps.memory_of(step, own) for step, own in self.inner.items()]
        return self.control_offset() + max(needs, default=0)

    def control_offset(self) -> int:
        """Where in the block loops and branches have their memory; one of them runs at a time."""
        return rounded(self.memory.size + self.partial_bytes())

    def partial_bytes(self) -> int:
        """The memory that the partial sums of a step need at most; one step runs at a time."""
        nests = (step for step in self.schedule.steps if isinstance(step, Nest))
        needs = [NestWriter(nest, only_asked).partial_bytes() for nest in nests]
        for step in self.schedule.steps:
            if isinstance(step, Gemm):
                needs.append(self.product_bytes(step))
        return max(needs, default=0)

    def address_of(self, builder: Any, node: Node) -> Any:
        """Where the value of a node can be read; a literal is put on the stack."""
        if node in self.addresses:
            return self.addresses[node]
        address, emitter = stack_memory(builder, memory_type(node.dtype)), LLVMEmitter(builder)
        store(emitter, address, emitter.constant(np.asarray(node.value).item(), node.dtype))
        return address

    def address_of_part(self, builder: Any, step: Alias) -> Any:
        """Where the part of its source lies that an alias is."""
        owner, offset = self.memory.storage.get(step.source, (step.source, 0))
        output = self.memory.pieces.get((owner, offset + step.offset))
        if output is not None:
            return self.addresses[output]
        return moved(builder, self.address_of(builder, step.source), step.offset)

    def share_memory(self, node: Node, other: Node) -> bool:
        """Whether `node` is written into the memory of `other` anyway."""
        home, other_home = (self.memory.storage.get(n, (n, 0))[0] for n in (node, other))
        return home is other_home

    def copy(self, builder: Any, node: Node, address: Any) -> None:
        """Copy the value of a node."""
        copy_buffer(builder, node, address, self.address_of(builder, node))

    def copy_outputs(self, builder: Any, left_out: Collection[int] = ()) -> None:
        """Outputs that no step writes: inputs and constants handed through, and repetitions."""
        for number, (node, address) in enumerate(
            zip(self.schedule.outputs, self.outputs, strict=True)
        ):
            if number not in left_out and self.addresses.get(node) is not address:
                self.copy(builder, node, address)

    # kernels

    def all_kernels(self) -> dict[str, Writer]:
        """The kernels that the program calls, by name; it need not have been written."""
        if not self.kernels or isinstance(self, GraphWriter):
            for step in self.schedule.steps:
                if isinstance(step, Kernel):
                    self.writer_of(step, fixed=True)
                elif isinstance(step, Nest):
                    for part in step.kernels:
                        self.writer_of(part, step.is_whole, step.rows_at_once)
                elif isinstance(step, Gemm) and product_calls.is_own(step):
                    self.product(step)
                elif isinstance(step, Lapack):
                    self.one_matrix(step)
                elif isinstance(step, CCall):
                    self.c_call(step)
            for step, writers in self.inner.items():
                if not fits_registers(step):
                    for writer in writers:
                        writer.all_kernels()
        return self.kernels

    def writer_of(self, step: Kernel, fixed: bool = False, rows: int | None = None) -> KernelWriter:
        """The writer of a kernel of the program, which is made once."""
        key = step, fixed, rows
        found = self.writers.get(key)
        if found is None:
            found = self.writers[key] = KernelWriter(*key)
            self.kernels.setdefault(kernel_name(found), found)
        return found

    def kernel(
        self, step: Kernel, fixed: bool = False, rows: int | None = None
    ) -> tuple[KernelWriter, Any]:
        """The writer of a kernel and its function, declared in the module."""
        writer = self.writer_of(step, fixed, rows)
        return writer, writer.declare(self.module, kernel_name(writer))

    def product(self, step: Gemm) -> tuple[str, ProductWriter]:
        """The function that computes the products of a step, which is named once: its name and
        its writer."""
        found = self.products.get(step)
        if found is None:
            writer = ProductWriter(step)
            found = self.products[step] = kernel_name(writer), writer
            self.kernels.setdefault(*found)
        return found

    def one_matrix(self, step: Lapack) -> Any:
        """The function that takes a step of LAPACK for one matrix, declared in the module."""
        writer = lapack.LapackWriter(step)
        name = kernel_name(writer)
        self.kernels.setdefault(name, writer)
        return writer.declare(self.module, name)

    def c_call(self, step: CCall) -> Any:
        """The function that takes a step by one of the user in C, declared in the module."""
        writer = c_function.CCallWriter(step)
        name = kernel_name(writer)
        self.kernels.setdefault(name, writer)
        return writer.declare(self.module, name)

    # steps

    def write_steps(self, builder: Any) -> None:
        """Write the code of all steps, which a signal may stop."""
        self.interrupts = Interrupts(self.module, builder, self.schedule.steps)
        for step in self.schedule.steps:
            self.interrupts.check_before(step, self.failed)
            self.write_step(builder, step)

    def write_step(self, builder: Any, step: Step) -> None:
        """Write the code of a step."""
        match step:
            case Kernel():
                self.write_kernel(builder, step)
            case Nest():
                self.write_nest(builder, step)
            case Gemm():
                self.write_gemm(builder, step)
            case Lapack(root=root, reads=reads):
                addresses = [*(self.address_of(builder, n) for n in reads), self.addresses[root]]
                lapack.emit(builder, step, self.one_matrix(step), addresses, self.failed)
            case CCall(root=root, reads=reads):
                function = self.c_call(step)
                addresses = [*(self.address_of(builder, n) for n in reads), self.addresses[root]]
                builder.call(function, [*addresses, I64(size_of(root.shape))])
            case Alias(root=root):
                if root in self.schedule.outputs and not self.share_memory(root.inputs[0], root):
                    start = self.address_of_part(builder, step)
                    if start is not self.addresses[root]:
                        copy_buffer(builder, root, self.addresses[root], start)
            case Control():
                control_steps.write(builder, step, self)
            case NumpyCall():
                self.write_numpy_call(builder, step)

    def write_kernel(self, builder: Any, step: Kernel) -> None:
        """Call a kernel for all its rows; what it adds to in memory starts at its neutral value."""
        writer, function = self.kernel(step, fixed=True)
        for root in step.roots:
            if writer.accumulates(root):
                initialize(builder, root, self.addresses[root])
        call_kernel(builder, writer, function, self.addresses, *all_rows(writer))

    def write_nest(self, builder: Any, step: Nest) -> None:
        """Run the kernels of a nest, a block of rows at a time."""
        kernel = partial(self.kernel, fixed=step.is_whole, rows=step.rows_at_once)
        writer = NestWriter(step, kernel)
        writer.write(self.module, f"nest_{len(self.nests)}")
        self.nests.append(writer)
        partial_sums = NULL
        if step.in_chunks and writer.sums:  # behind what the memory plan has in the block
            partial_sums = moved(builder, self.block.address, self.memory.size)
        writer.run(builder, self.addresses, partial_sums)

    def write_gemm(self, builder: Any, step: Gemm) -> None:
        """Compute products, which are added to what is in the memory of the result."""
        a, b, c = (self.address_of(builder, n) for n in (step.a, step.b, step.root))
        if step.addend is not None and not self.share_memory(step.addend, step.root):
            addend = self.address_of(builder, step.addend)
            with builder.if_then(builder.icmp_unsigned("!=", addend, c)):  # unless it was donated
                self.copy(builder, step.addend, c)
        scale = None if step.scale is None else self.address_of(builder, step.scale)
        in_loop = isinstance(self, GraphWriter)
        blocks = self.blocks_of(step)
        beside = NULL
        if self.product_bytes(step):  # where nests have their partial sums
            beside = moved(builder, self.block.address, self.memory.size)
        if product_calls.is_own(step):
            name, writer = self.product(step)
            function = writer.declare(self.module, name)
            product_calls.emit(
                builder, step, function, (a, b, c), scale, beside, shared=not in_loop
            )
        elif blocks is not None:
            product_blocks.emit(builder, step, blocks, (a, b, c), scale, beside)
        else:
            blas.emit_gemm(builder, step, a, b, c, scale, in_loop)

    def product_bytes(self, step: Gemm) -> int:
        """The memory that a product needs beside its result: copies, or sums of its own."""
        if product_calls.is_own(step):
            return product_calls.scratch_bytes(step)
        blocks = self.blocks_of(step)
        return 0 if blocks is None else blocks.sums() * nbytes(step.root)

    def blocks_of(self, step: Gemm) -> product_blocks.Blocks | None:
        """The blocks in which threads share a product; None if BLAS computes it at once."""
        return None if isinstance(self, GraphWriter) else blocks_of_library(step)

    def write_numpy_call(self, builder: Any, step: NumpyCall) -> None:
        """Call back Python, which knows the step by the numbers of the program and of the step."""
        number = self.numpy_calls.index(step)
        result = self.addresses[step.root]
        addresses = [*(self.address_of(builder, n) for n in step.reads), result]
        table = table_of(builder, [*addresses, result])  # two at least, for an exception
        call = extern(self.module, "adjoint_numpy_call", I32, [I64, I32, POINTER])
        program = self.module.globals.get("adjoint_program")
        if program is None:
            program = ir.GlobalVariable(self.module, I64, "adjoint_program")
            program.initializer = I64(0)
        check_signals(builder, self.failed)
        status = builder.call(call, [builder.load(program, typ=I64), I32(number), table])
        resume_if_done(builder, status, table, self.failed)


class GraphWriter(ProgramWriter):
    """Writes ``i32 graph(ptr *buffers, ptr block)``, which runs a graph within a program."""

    def __init__(self, schedule: Schedule, outer: ProgramWriter, gap: int = 0) -> None:
        self.schedule = schedule
        self.memory = plan_memory(schedule, gap)
        self.module, self.kernels, self.nests = outer.module, outer.kernels, outer.nests
        self.stored, self.numpy_calls = outer.stored, outer.numpy_calls
        self.begin()

    def write(self, left_out: Collection[int] = ()) -> ir.Function:
        """The function; it returns 0 if all is well. Its block is a part of the program's.

        Outputs `left_out` are inputs or other outputs that lie where they are wanted anyway.
        """
        kind = ir.FunctionType(I32, [POINTER, POINTER])
        body = ir.Function(self.module, kind, self.module.get_unique_name("adjoint_graph"))
        body.linkage = "internal"
        builder = IRBuilder(body.append_basic_block())
        self.failed = body.append_basic_block("failed")
        self.given_block = body.args[1]
        self.find_addresses(builder, body.args[0])
        self.write_steps(builder)
        self.copy_outputs(builder, left_out)
        builder.ret(I32(0))
        builder.position_at_end(self.failed)
        builder.ret(I32(1))
        return body

    def open_block(self, builder: Any) -> Block:
        """The memory of one call, which the program has."""
        return Block.at(self.given_block)


def blocks_of_library(step: Gemm) -> product_blocks.Blocks | None:
    """The blocks in which BLAS computes a product, if it does so in blocks."""
    return None if product_calls.is_own(step) else product_blocks.blocks_of(step)


def only_asked(step: Kernel) -> tuple[KernelWriter, Any]:
    """The writer of a kernel of which only sizes are asked, so that it needs no function."""
    return KernelWriter(step), None
