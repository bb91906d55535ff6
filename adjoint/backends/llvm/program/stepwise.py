"""The stepwise way to run a program: its kernels are known, and Python calls them one by one.

Floor 6. A new batch size of a function needs no new kernels, only code that calls them with other
numbers. Until the program has been called a few times that code is this module, which costs nothing
to make. Results are the same to the last bit: nests run in the same blocks and chunks as in native
code, on one thread, and partial results are added up in the same order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.backends.llvm.calls import blas, c_function, lapack, product_calls
from adjoint.backends.llvm.codegen.kernel import KernelWriter
from adjoint.backends.llvm.codegen.nest import sums_of
from adjoint.backends.llvm.compile import kernel_cache
from adjoint.backends.llvm.program.buffers import Buffers, bytes_of, part_of
from adjoint.backends.llvm.program.native_code import Array, Failed
from adjoint.backends.llvm.program.native_program import Allocate, output_arrays
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.backends.llvm.program.step_facts import KnownKernel, KnownProgram
from adjoint.backends.llvm.system.caching_allocator import empty
from adjoint.backends.numpy_values import write_value
from adjoint.graph.node import Node
from adjoint.graph.types import DType, Shape, size_of
from adjoint.schedule.memory import ALIGNMENT
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
)

Call: TypeAlias = Callable[[Buffers], None]
"""Takes one step on the memory of all nodes."""

BYTES = np.dtype(np.uint8)

MOST_WORK = 1 << 24
"""Elements times operations of a nest in chunks for threads, up to which it may be taken on one
thread. That much takes 2 ms (sums of products) to 14 ms (softmax), measured on a Xeon with AVX-512,
about as long as compiling code for several threads."""

MOST_PRODUCT = 1 << 26
"""Multiplications of a product that threads could share, up to which it may be computed on one: 2
to 4 ms."""

MOST_CALLS = 500
"""How often the kernels of a nest may be called from Python. Each call costs a microsecond or two:
together at most a tenth of the 10 ms that compiling takes at least."""

FOLDS: dict[str, np.ufunc] = {"add": np.add, "multiply": np.multiply}
"""What adds up partial results of chunks as native code does, to the last bit. Which of two zeros
or two nans NumPy's maximum and minimum take depends on the processor, so they are not here."""


def can_run_stepwise(writer: ProgramWriter) -> bool:
    """Whether the steps can be taken from Python without losing time."""
    steps = writer.schedule.steps
    if any(isinstance(step, Control) for step in steps):
        return False  # a loop from Python takes as long as to compile it
    products = [step for step in steps if isinstance(step, Gemm)]
    if any(writer.blocks_of(step) is not None for step in products):
        return False  # neither would it be the same sum, nor on all threads
    if any(product_calls.in_parts(step) and step.work > MOST_PRODUCT for step in products):
        return False
    return all(is_short(step, writer) for step in steps if isinstance(step, Nest))


def is_short(nest: Nest, writer: ProgramWriter) -> bool:
    """Whether a nest has few blocks of rows, and little to gain from threads."""
    if nest.is_whole:
        return True
    parts = writers_of(nest, writer)
    roots = [root for part in parts for root in part.kernel.roots if part.accumulates(root)]
    blocks = -(-nest.extent // nest.block)
    return (
        nest.work <= MOST_WORK
        and blocks * len(parts) <= MOST_CALLS
        and (not nest.in_chunks or all(root.op.combine in FOLDS for root in roots))
    )


class Stepwise:
    """Takes the steps of a schedule one by one."""

    def __init__(self, writer: ProgramWriter | KnownProgram) -> None:
        self.writer = writer
        self.constants = {n: np.asarray(n.value, order="C") for n in writer.schedule.constants}
        self.checks = writer.checks
        memory = writer.memory
        self.in_block = dict(memory.offsets)
        """From which bytes of one block on intermediate results lie."""
        self.elsewhere: list[tuple[Node, Node, int]] = []
        """Those that lie in other nodes, these, and from which bytes on."""
        for node, (source, offset) in memory.storage.items():
            if source in memory.offsets:
                self.in_block[node] = memory.offsets[source] + offset
            elif source is not node:
                self.elsewhere.append((node, source, offset))
        self.calls = [self.call_for(step) for step in writer.schedule.steps]

    def run(self, inputs: Sequence[Array], into: Mapping[int, Array] | None = None) -> list[Array]:
        """The outputs for contiguous input arrays of the right dtypes and shapes.

        into: for some outputs, by number, the arrays to write them to.
        """
        schedule = self.writer.schedule
        known = dict(zip(schedule.inputs, inputs, strict=True)) | self.constants
        outputs = output_arrays(schedule.outputs, into, self.allocate)
        for node, output in zip(schedule.outputs, outputs, strict=True):
            known.setdefault(node, output)
        arrays = Buffers(known)
        self.place_intermediates(arrays)
        before = kernel_cache.failures.value
        for call in self.calls:
            call(arrays)
        if self.checks and kernel_cache.failures.value != before:
            raise Failed
        for node, output in zip(schedule.outputs, outputs, strict=True):
            if arrays[node] is not output:
                output[...] = arrays[node].reshape(node.shape)
        return outputs

    def place_intermediates(self, arrays: Buffers) -> None:
        """Add the intermediate results: parts of one block, or of an input or output they share."""
        arrays.place(self.block(), self.in_block)
        for node, source, offset in self.elsewhere:
            if source in arrays:
                arrays.place_in(source, node, offset)

    def allocate(self, shape: Shape, dtype: DType) -> Array:
        """A new array that kernels will write."""
        return empty(shape, dtype)

    def block(self) -> Array:
        """Memory for the intermediate results of one call."""
        return self.allocate((self.writer.memory.size + ALIGNMENT,), BYTES)

    def call_for(self, step: Step) -> Call:
        """A function of the arrays that takes one step."""
        match step:
            case Kernel():
                return kernel_call(step, self.writer.writer_of(step, fixed=True))
            case Nest():
                return nest_call(step, writers_of(step, self.writer), self.allocate)
            case Gemm():
                return self.product_call(step)
            case Lapack():
                return self.lapack_call(step)
            case CCall():
                return self.c_call(step)
            case Alias(root=root) if root.op.keeps_order:
                return lambda arrays: _hand_on(arrays, root, root.inputs[0])
            case Alias(root=root) if root not in self.writer.memory.storage:
                return lambda arrays: _copy_part(arrays, step)
            case Alias():
                return lambda arrays: _hand_on_part(arrays, step)
            case NumpyCall(root=root):
                return lambda arrays: _evaluate(arrays, root, step.reads)
            case Control(root=root):
                return lambda arrays: _evaluate(arrays, root, root.inputs)

    def product_call(self, step: Gemm) -> Call:
        """A function of the arrays that computes products."""
        if not is_own(step, self.writer):
            return lambda arrays: _multiply(arrays, step)
        multiply = product_calls.caller(step, kernel_cache.address(self.writer.product(step)[0]))
        size = product_calls.scratch_bytes(step)

        def call(arrays: Buffers) -> None:
            _copy_addend(arrays, step)
            ends = [arrays.address(node) for node in (step.a, step.b, step.root)]
            scale = None if step.scale is None else arrays.address(step.scale)
            scratch = self.allocate((size,), BYTES)
            multiply(ends, scale, scratch.ctypes.data)

        return call

    def lapack_call(self, step: Lapack) -> Call:
        address = kernel_cache.address(kernel_cache.kernel_name(lapack.LapackWriter(step)))

        def call(arrays: Buffers) -> None:
            addresses = [arrays.address(node) for node in (*step.reads, step.root)]
            if not lapack.run(step, address, addresses):
                raise Failed

        return call

    def c_call(self, step: CCall) -> Call:
        address = kernel_cache.address(kernel_cache.kernel_name(c_function.CCallWriter(step)))

        def call(arrays: Buffers) -> None:
            addresses = [arrays.address(node) for node in (*step.reads, step.root)]
            c_function.run(address, addresses, size_of(step.root.shape))

        return call


def is_own(step: Gemm, writer: ProgramWriter | KnownProgram) -> bool:
    """Whether a product is computed by code of our own."""
    if isinstance(writer, KnownProgram):
        return step in writer.names
    return product_calls.is_own(step)


def writers_of(
    nest: Nest, writer: ProgramWriter | KnownProgram
) -> Sequence[KernelWriter | KnownKernel]:
    """The writers of the kernels of a nest of the program."""
    return [writer.writer_of(k, nest.is_whole, nest.rows_at_once) for k in nest.kernels]


def kernel_call(kernel: Kernel, writer: KernelWriter | KnownKernel) -> Call:
    """A function that runs a kernel over all its rows."""
    rows_of = runner(writer)
    folded = [root for root in kernel.roots if writer.accumulates(root)]
    rows = kernel.domain[0] if kernel.domain else 1

    def call(arrays: Buffers) -> None:
        for root in folded:
            arrays[root][...] = start_of(root)
        rows_of(arrays, 0, rows)

    return call


def nest_call(
    nest: Nest, writers: Sequence[KernelWriter | KnownKernel], allocate: Allocate
) -> Call:
    """A function that runs the kernels of a nest, chunk by chunk and block by block."""
    parts = [runner(writer) for writer in writers]
    sums, row_sums = sums_of(writers)

    def call(arrays: Buffers) -> None:
        for root in (*row_sums, *sums):
            arrays[root][...] = start_of(root)
        local = arrays
        if nest.local or nest.in_chunks:
            own = {node: allocate(node.shape, node.dtype) for node in nest.local}
            local = arrays.with_own(own)
        for low in range(0, nest.extent, nest.grain):
            high = min(low + nest.grain, nest.extent)
            if nest.in_chunks:
                for root in sums:
                    local[root] = allocate(root.shape, root.dtype)
                    local[root][...] = start_of(root)
            for start in range(low, high, nest.block):
                for part in parts:
                    part(local, start, min(start + nest.block, high))
            if nest.in_chunks:
                for root in sums:
                    fold = FOLDS[str(root.op.combine)]
                    fold(arrays[root], local[root], out=arrays[root])

    return call


def runner(writer: KernelWriter | KnownKernel) -> Callable[[Buffers, int, int], None]:
    """A function of the memory and the rows from which on and before which a kernel runs."""
    if isinstance(writer, KnownKernel):
        function = writer.functions.get(writer.name)
        if function is None:
            function = writer.functions[writer.name] = _function_of(writer, writer.name)
    else:
        function = _function_of(writer, kernel_cache.kernel_name(writer))
    width = size_of(writer.kernel.domain[1:]) if writer.flat else 1

    def run(arrays: Buffers, low: int, high: int) -> None:
        known = arrays.addresses
        addresses = [known[n] if n in known else arrays.address(n) for n in writer.arguments]
        if writer.by_table:
            table = (ctypes.c_void_p * len(addresses))(*addresses)
            addresses = [ctypes.addressof(table)]
        function(*addresses, low * width, high * width)

    return run


def _function_of(writer: KernelWriter | KnownKernel, name: str) -> Any:
    """The code of a kernel, which takes addresses, and the rows between which it runs."""
    count = 1 if writer.by_table else len(writer.arguments)
    kinds = [ctypes.c_void_p] * count + [ctypes.c_int64] * 2
    code = kernel_cache.code_of(name)
    function = ctypes.CFUNCTYPE(None, *kinds)(code.loaded.address(name))
    function.code = code  # type: ignore[attr-defined]  # which it needs
    return function


def start_of(root: Node) -> Any:
    """Where what is added to in memory starts, as a number of its dtype."""
    return root.dtype.type(0 if root.op.scatters else root.op.start(root.dtype))


def _copy_part(arrays: Buffers, step: Alias) -> None:
    """Copy a part of a result to where it is wanted."""
    source = bytes_of(arrays[step.root.inputs[0]])
    arrays[step.root][...] = part_of(source, step.offset, step.root)


def _multiply(arrays: Buffers, step: Gemm) -> None:
    _copy_addend(arrays, step)
    blas.multiply(step, *map(arrays.address, (step.a, step.b, step.root)))


def _copy_addend(arrays: Buffers, step: Gemm) -> None:
    """Put what a product is added to into the memory of the result."""
    if step.addend is not None:
        _hand_on(arrays, step.root, step.addend)


def _hand_on(arrays: Buffers, root: Node, node: Node) -> None:
    """The elements of `node` as `root`: the same memory, or a copy into an output."""
    source = arrays[node].reshape(root.shape)
    if root not in arrays:
        arrays[root] = source
    elif source.size and not np.shares_memory(arrays[root], source):
        arrays[root][...] = source


def _hand_on_part(arrays: Buffers, step: Alias) -> None:
    """A part of a tensor: the same memory, which is known by now, or a copy into an output."""
    source = bytes_of(arrays[step.root.inputs[0]])
    part = part_of(source, step.offset, step.root)
    if step.root not in arrays:
        arrays[step.root] = part
    elif part.size and not np.shares_memory(arrays[step.root], part):
        arrays[step.root][...] = part


def _evaluate(arrays: Buffers, root: Node, reads: Sequence[Node]) -> None:
    with np.errstate(all="ignore"):
        values = [arrays[node] for node in reads]
        write_value(root, values, arrays[root])
