"""Loops, stack slots and accumulation: what kernels and programs are written with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.registers import Scalar, llvm_type, pair_type, scalar_in
from adjoint.graph.node import Node
from adjoint.graph.types import DType, to_real

BIT = ir.IntType(1)
I64 = ir.IntType(64)
POINTER = ir.PointerType()

MAX_FULL_UNROLL = 8
"""A loop of at most so many iterations is unrolled away: LLVM vectorises innermost loops only, so
this lets it vectorise the loop around. A longer one must stay, as it is itself worth vectors."""

MANY_ITERATIONS = 256
"""From so many iterations on two vectors are computed in one, where chains are long. With AVX-512
that saves 6 to 10% of the time, and costs 5 to 15 ms to compile; below it saves 2 to 5%."""

MIN_INTERLEAVE_DEPTH = 40
"""How long a chain of dependent instructions must be for LLVM to interleave two vectors. On AVX2
Black-Scholes went from 6.9 to 5.3 ns an option so, and pow from 4.9 to 3.6 ns; with the registers
of AVX-512 nothing is gained or lost. Wide but shallow loops, as an optimiser's update of several
parameters, gain nothing and compile slower."""

MAX_INTERLEAVED_INSTRUCTIONS = 1000
"""In a loop of more instructions nothing is interleaved: LLVM's time grows faster than its size."""


def memory_type(dtype: DType) -> Any:
    """The type of a dtype in memory; a bool takes a byte."""
    if dtype.kind == "c":
        return pair_type(llvm_type(to_real(dtype)))
    return ir.IntType(8) if dtype.kind == "b" else llvm_type(dtype)


def start_of(e: LLVMEmitter, root: Node) -> Scalar:
    """The value that a reduction starts from; a scatter adds to 0."""
    if root.op.scatters:
        return e.constant(0, root.dtype)
    return e.constant(root.op.start(root.dtype), root.dtype)


def combined(e: LLVMEmitter, word: str | None, old: Scalar, new: Scalar) -> Scalar:
    """One step of a reduction.

    Only here LLVM may reassociate: sums and products of floats may be taken in another order, as
    NumPy takes them in pairs. Everywhere else the order of operations is what the user wrote.
    """
    if old.dtype.kind == "f" or (old.dtype.kind == "c" and word == "add"):
        write = {"add": e.builder.fadd, "multiply": e.builder.fmul}.get(str(word))
        if write is not None:
            pairs = zip(old.registers, new.registers, strict=True)
            sums = [write(*pair, flags=("reassoc", "contract")) for pair in pairs]
            return scalar_in(sums, old.dtype)
    result: Scalar = getattr(e, str(word))(old, new)
    return result


def alloca(builder: Any, kind: Any) -> Any:
    """A stack slot in the first block of the function, where LLVM can keep it in a register."""
    with builder.goto_entry_block():
        return builder.alloca(kind)


def element_address(builder: Any, base: Any, index: Any, kind: Any) -> Any:
    """The address of an element of a kind; of the first one that is `base`, without instruction."""
    if is_constant(index) and index.constant == 0:
        return base
    return builder.gep(base, [index], source_etype=kind)


def maximum(builder: Any, a: Any, b: Any) -> Any:
    """The larger of two integers."""
    return builder.select(builder.icmp_signed(">", a, b), a, b)


def is_constant(value: Any) -> bool:
    """Whether an LLVM value is a number known now."""
    return isinstance(value, ir.Constant)


class loop:
    """``with loop(builder, start, stop) as i``: the builder stands in the body, then after it.

    A short one is fully unrolled unless `unroll` is false. One known to have a single iteration is
    no loop at all. The loop is written bottom-tested, the form into which LLVM's passes would
    rotate it first. If it `runs`, there is at least one iteration, though their number is not
    known.
    """

    def __init__(
        self,
        builder: Any,
        start: Any,
        stop: Any,
        step: int = 1,
        unroll: bool = True,
        runs: bool = False,
    ) -> None:
        self.builder, self.start, self.stop, self.step = builder, start, stop, step
        self.unroll, self.runs = unroll, runs
        ends = is_constant(start) and is_constant(stop)
        self.trip_count = -(-(stop.constant - start.constant) // step) if ends else None
        self.preheader: Any = None

    def __enter__(self) -> Any:
        builder = self.builder
        if self.trip_count == 1:
            return self.start
        function = builder.function
        before = self.preheader = builder.block
        self.head = function.append_basic_block("loop")
        self.after = function.append_basic_block("after")
        if self.runs or (self.trip_count is not None and self.trip_count > 0):
            builder.branch(self.head)
        else:  # also for no iteration at all: the verifier wants the body reachable
            builder.cbranch(builder.icmp_signed("<", self.start, self.stop), self.head, self.after)
        builder.position_at_end(self.head)
        self.counter = builder.phi(I64)
        self.counter.add_incoming(self.start, before)
        return self.counter

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None or self.trip_count == 1:
            return
        builder = self.builder
        following = builder.add(self.counter, I64(self.step), flags=("nsw",))
        self.counter.add_incoming(following, builder.block)
        latch = builder.cbranch(
            builder.icmp_signed("<", following, self.stop), self.head, self.after
        )
        if self.trip_count is not None and self.trip_count <= MAX_FULL_UNROLL:
            if self.unroll:
                hint = loop_metadata(builder.module, "llvm.loop.unroll.full")
                latch.set_metadata("llvm.loop", hint)
        elif self.is_interleaved():
            hint = loop_metadata(builder.module, "llvm.loop.interleave.count", ir.IntType(32)(2))
            latch.set_metadata("llvm.loop", hint)
        builder.position_at_end(self.after)

    def is_interleaved(self) -> bool:
        """Whether LLVM is asked to work on two vectors an iteration.

        A processor looks ahead a few hundred instructions. If each waits for the one before, too
        few of the following iterations are among these to keep it busy.
        """
        is_many = self.trip_count is None or self.trip_count >= MANY_ITERATIONS
        return is_many and self.builder.block is self.head and is_deep(self.head.instructions)


def is_deep(instructions: Sequence[Any], least: int = MIN_INTERLEAVE_DEPTH) -> bool:
    """Whether a chain of these is so long that a processor does not reach the next iteration."""
    return len(instructions) <= MAX_INTERLEAVED_INSTRUCTIONS and depth(instructions) >= least


def depth(instructions: Sequence[Any]) -> int:
    """The length of the longest chain in which each instruction needs the one before."""
    lengths: dict[int, int] = {}
    for one in instructions:
        lengths[id(one)] = 1 + max((lengths.get(id(x), 0) for x in one.operands), default=0)
    return max(lengths.values(), default=0)


def loop_metadata(module: Any, name: str, *values: Any) -> Any:
    """The metadata that gives LLVM a hint about one loop."""
    number = len(module.metadata)
    hint = module.add_metadata([ir.MetaDataString(module, name), *values])
    node = module.add_metadata([I64(number)])
    node.operands = (node, hint)  # LLVM wants a loop's node to begin with itself: it is then unique
    return node


MAX_SCOPES = 16
"""The most scopes of buffers in a function. Each is told apart from all others, so that metadata
would grow with the square of their number: with 400 buffers it was two thirds of the text."""


def noalias_metadata(
    module: Any, name: str, buffers: Sequence[Node]
) -> dict[Node | None, dict[str, Any]]:
    """For each buffer that the function `name` writes the metadata of its loads and stores, which
    say that it overlaps none of the others; for None those of all that is only read.

    It replaces the ``noalias`` of arguments where addresses come from a table. Each written buffer
    has a scope of its own, or of many a few share one: LLVM then believes that those may overlap.
    What is only read may overlap itself, so it needs none.
    """
    domain = module.add_metadata([ir.MetaDataString(module, name)])
    scopes = [
        module.add_metadata([ir.MetaDataString(module, f"{name}.{i}"), domain])
        for i in range(min(len(buffers), MAX_SCOPES))
    ]
    of_scopes = [
        {
            "alias.scope": module.add_metadata([scope]),
            "noalias": module.add_metadata([other for other in scopes if other is not scope]),
        }
        for scope in scopes
    ]
    found: dict[Node | None, dict[str, Any]] = {None: {"noalias": module.add_metadata(scopes)}}
    for i, node in enumerate(buffers):
        found[node] = of_scopes[i % MAX_SCOPES]
    return found


def failures_of(module: Any) -> Any:
    """The variable of the process that counts kernels in which a check failed."""
    found = module.globals.get("adjoint_failures")
    if found is None:
        found = ir.GlobalVariable(module, I64, "adjoint_failures")
    return found


def extern(module: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    """A function outside the module, by name."""
    found = module.globals.get(name)
    return found or ir.Function(module, ir.FunctionType(result, arguments), name)
