"""Loops, stack slots and folds: what kernels and programs are written with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter, Scalar, llvm_type
from adjoint.graph.node import Node
from adjoint.graph.types import DType

BIT = ir.IntType(1)
I64 = ir.IntType(64)
POINTER = ir.PointerType()
SHORT = 8
"""A loop of at most so many rounds is unrolled away, so that the loop around it is vectorised."""
MANY = 256
"""Rounds from which on working on two vectors side by side is worth the code."""
DEEP = 40
"""How long a chain of instructions must be for that, each of which waits for the one before."""
MOST = 1000
"""In a loop of more instructions it is not done: LLVM takes too long."""


def memory_type(dtype: DType) -> Any:
    """The type of a dtype in memory; a bool takes a byte."""
    return ir.IntType(8) if dtype.kind == "b" else llvm_type(dtype)


def start_of(e: LLVMEmitter, root: Node) -> Scalar:
    """The value that a fold starts from; sums by scattering from 0."""
    if root.op.scatters:
        return e.constant(0, root.dtype)
    return e.constant(root.op.start(root.dtype), root.dtype)


def combined(e: LLVMEmitter, word: str | None, old: Scalar, new: Scalar) -> Scalar:
    """One step of a fold; sums and products of floats may be taken in another order."""
    if old.dtype.kind == "f" and word in ("add", "multiply"):
        write = e.builder.fadd if word == "add" else e.builder.fmul
        return Scalar(write(old.value, new.value, flags=("reassoc", "contract")), old.dtype)
    result: Scalar = getattr(e, str(word))(old, new)
    return result


def alloca(builder: Any, kind: Any) -> Any:
    """A stack slot in the first block of the function."""
    with builder.goto_entry_block():
        return builder.alloca(kind)


def is_constant(value: Any) -> bool:
    """Whether an LLVM value is a number known now."""
    return isinstance(value, ir.Constant)


class loop:
    """``with loop(builder, start, stop) as i``: the builder stands in the body, then after it.

    A short one is unrolled, unless it `stays`. One known to have one round is no loop at all.
    """

    def __init__(
        self, builder: Any, start: Any, stop: Any, step: int = 1, stays: bool = False
    ) -> None:
        self.builder, self.start, self.stop, self.step = builder, start, stop, step
        self.stays = stays
        ends = is_constant(start) and is_constant(stop)
        self.rounds = -(-(stop.constant - start.constant) // step) if ends else None
        self.before: Any = None

    def __enter__(self) -> Any:
        builder = self.builder
        if self.rounds == 1:
            return self.start
        function = builder.function
        before = self.before = builder.block
        self.head = function.append_basic_block("loop")
        self.after = function.append_basic_block("after")
        if self.rounds is not None and self.rounds > 0:
            builder.branch(self.head)
        else:  # of no round, too: the body stays reachable for the verifier
            builder.cbranch(builder.icmp_signed("<", self.start, self.stop), self.head, self.after)
        builder.position_at_end(self.head)
        self.counter = builder.phi(I64)
        self.counter.add_incoming(self.start, before)
        return self.counter

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None or self.rounds == 1:
            return
        builder = self.builder
        following = builder.add(self.counter, I64(self.step), flags=("nsw",))
        self.counter.add_incoming(following, builder.block)
        latch = builder.cbranch(
            builder.icmp_signed("<", following, self.stop), self.head, self.after
        )
        if self.rounds is not None and self.rounds <= SHORT:
            if not self.stays:
                latch.set_metadata("llvm.loop", marked(builder.module, "llvm.loop.unroll.full"))
        elif self.is_interleaved():
            hint = "llvm.loop.interleave.count", ir.IntType(32)(2)
            latch.set_metadata("llvm.loop", marked(builder.module, *hint))
        builder.position_at_end(self.after)

    def is_interleaved(self) -> bool:
        """Whether two vectors are to be worked on side by side.

        A processor looks ahead a few hundred instructions. If the chain is long, there are not
        enough of other rounds among these to keep it busy.
        """
        is_many = self.rounds is None or self.rounds >= MANY
        return is_many and self.builder.block is self.head and is_deep(self.head.instructions)


def is_deep(instructions: Sequence[Any], deep: int = DEEP) -> bool:
    """Whether a round of these is too deep for a processor to begin the next one meanwhile."""
    return len(instructions) <= MOST and depth(instructions) >= deep


def depth(instructions: Sequence[Any]) -> int:
    """The length of the longest chain in which each instruction needs the one before."""
    lengths: dict[int, int] = {}
    for one in instructions:
        lengths[id(one)] = 1 + max((lengths.get(id(x), 0) for x in one.operands), default=0)
    return max(lengths.values(), default=0)


def marked(module: Any, name: str, *values: Any) -> Any:
    """The mark of a loop that gives LLVM a hint."""
    number = len(module.metadata)
    rule = module.add_metadata([ir.MetaDataString(module, name), *values])
    mark = module.add_metadata([I64(number)])
    mark.operands = (mark, rule)  # a loop's mark begins with itself, which makes it unique
    return mark


def written_apart(
    module: Any, name: str, buffers: Sequence[Node]
) -> dict[Node | None, dict[str, Any]]:
    """For each buffer that function `name` writes the marks of its loads and stores, which say that
    it is none of the others; for None those of what is only read."""
    domain = module.add_metadata([ir.MetaDataString(module, name)])
    scopes = {
        node: module.add_metadata([ir.MetaDataString(module, f"{name}.{i}"), domain])
        for i, node in enumerate(buffers)
    }
    marks: dict[Node | None, dict[str, Any]] = {
        None: {"noalias": module.add_metadata(list(scopes.values()))}
    }
    for node, scope in scopes.items():
        others = [other for other in scopes.values() if other is not scope]
        marks[node] = {
            "alias.scope": module.add_metadata([scope]),
            "noalias": module.add_metadata(others),
        }
    return marks


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
