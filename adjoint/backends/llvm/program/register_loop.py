"""Loops of known length whose state is small: it lives in registers from round to round.

A step of a recurrence of 3×3 matrices takes 4 ns, a product and two or three fma that wait for each
other; calls of kernels and a state in memory would take twice that. So the body stands in the loop
itself (`register_body`). Slices are read from the stacks, and what is stacked is written there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.codegen.parts import Partition
from adjoint.backends.llvm.codegen.register_body import COPIES_INLINED, RegisterBody
from adjoint.backends.llvm.codegen.registers import Scalar
from adjoint.backends.llvm.program.loop_state import at_step
from adjoint.backends.llvm.program.signals import rounds_between_checks
from adjoint.graph.loop_form import ZERO, Affine
from adjoint.graph.native_rule import cost, is_elementary
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.ops.control.loop import Loop
from adjoint.schedule.access_patterns import Recorder
from adjoint.schedule.plan import Alias, Control, Kernel, Nest, Schedule

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.program_writer import GraphWriter, ProgramWriter

MOST_ELEMENTS = 128
"""Elements of the largest tensor of a body: in float64 half the registers of AVX-512."""

MOST_INSTRUCTIONS = 800
"""About the most instructions of a body. So many compile in 60 ms, a fifth longer than the kernels
that they stand for; small bodies compile as fast or faster."""

MOST_HOISTED = 24
"""The most elements of constants that are read before the loop and kept in registers. More are
read in each round, in the products themselves."""

CALL = 4
"""Instructions that a call of an elementary function takes."""

NARROWEST_REGISTER = 16
"""Bytes of the vectors that every processor has."""


def fits_registers(step: Control) -> bool:
    """Whether a loop is written so."""
    if step.root.op is not records.scan or not step.root.params[0].length:
        return False
    if step.chunks is not None:
        return False
    (body,) = step.inner
    tensors = {*body.inputs, *body.outputs, *body.constants}
    for inner in step.steps:
        if not isinstance(inner, Kernel | Nest | Alias) or inner.can_fail:
            return False
        tensors |= {*inner.roots, *inner.reads}
        tensors |= {node for kernel in inner.kernels for node in kernel.nodes}
    if not all(0 < size_of(x.shape) <= MOST_ELEMENTS and x.dtype.kind in "fiub" for x in tensors):
        return False
    nodes = [node for inner in step.steps for kernel in inner.kernels for node in kernel.nodes]
    if not all(map(has_known_indices, nodes)):
        return False
    return instructions(body, partition_of(body)) <= MOST_INSTRUCTIONS


def has_known_indices(node: Node) -> bool:
    """Whether an element at a known index reads its inputs at known ones, and checks nothing."""
    if node.op.scatters or node.op.scans:
        return False
    if node.op.combine is not None or node.op.pointwise:
        return True
    asked = ValuesAsked()
    node.op.lower(node, (ZERO,) * len(node.shape), asked)
    return not asked.unknown


class ValuesAsked(Recorder):
    """Counts the indices and checks that depend on values."""

    def clamped(self, i: Affine, size: int) -> Affine:
        return i

    def wrapped(self, i: Affine, size: int) -> Affine:
        return i

    def check(self, condition: Any) -> None:
        self.unknown += 1


def partition_of(body: Schedule) -> Partition:
    """How the tensors of a body are cut into vectors: the widest floats fill a register."""
    nodes = nodes_of(body)
    floats = [x.dtype.itemsize for x in (*body.inputs, *nodes) if x.dtype.kind == "f"]
    lanes = max(NARROWEST_REGISTER, vectors.register_bytes()) // max(floats, default=8)
    return Partition(lanes, any(map(mixes, nodes)))


def nodes_of(body: Schedule) -> list[Node]:
    """All nodes that the kernels of a body compute."""
    return [node for step in body.steps for kernel in step.kernels for node in kernel.nodes]


def mixes(node: Node) -> bool:
    """Whether an element of the node is made of several of an input."""
    return not (node.op.pointwise or node.op.moves or node.op.keeps_order)


def instructions(body: Schedule, partition: Partition) -> int:
    """About how many instructions a round is."""
    total = 0
    for node in dict.fromkeys(nodes_of(body)):
        whole = node if node.op.combine is None else node.inputs[0]
        parts = len(partition.parts(whole.shape))
        is_called = is_elementary(node) and parts > COPIES_INLINED
        total += cost(node) + parts * CALL if is_called else max(1, cost(node)) * parts
    return total


def write_register_loop(
    builder: Any,
    step: Control,
    writer: ProgramWriter,
    graph: GraphWriter,
    stacks: dict[int, Any],
    wanted: dict[int, Any],
) -> None:
    """The loop. `stacks` has the addresses of what is stacked, by the numbers of inputs and outputs
    of a round, outputs after inputs; `wanted` those of the last state."""
    loop: Loop = step.root.params[0]
    schedule = graph.schedule
    body = RegisterBody(builder, partition_of(schedule), schedule)
    body.preheader = builder.append_basic_block("before")
    builder.branch(body.preheader)
    builder.position_at_end(body.preheader)
    constants = schedule.inputs[: loop.constants]
    first = loop.constants + loop.state
    variables = schedule.inputs[loop.constants : first]
    given = [writer.address_of(builder, x) for x in step.root.inputs[:first]]
    body.memory |= dict(zip(constants, given, strict=False))
    body.memory |= graph.constant_addresses(builder)
    if sum(size_of(x.shape) for x in body.memory) <= MOST_HOISTED:
        body.unchanging = set(body.memory)
    body.memory |= dict(zip(variables, given[loop.constants :], strict=True))
    initial = [body.parts_of(x) for x in variables]
    for x in variables:
        del body.memory[x]
    body.values.clear()
    every = rounds_between_checks(sum(inner.work for inner in schedule.steps))
    flat = [x.value for values in initial for x in values]
    check = partial(writer.interrupts.check, writer.failed)
    vectors.align_stack(builder.function, len(nodes_of(schedule)))
    rounds = Rounds(builder, loop.length, every, flat, check)
    carried = iter(rounds.values)
    state = [[Scalar(next(carried), x.dtype) for x in values] for values in initial]
    t = builder.sub(I64(loop.length - 1), rounds.number) if loop.backwards else rounds.number
    body.registers |= dict(zip(variables, state, strict=True))
    slices = dict(enumerate([*schedule.inputs, *schedule.outputs]))
    addresses = {n: at_step(builder, stack, t, slices[n]) for n, stack in stacks.items()}
    body.memory |= {x: addresses[n] for n, x in enumerate(schedule.inputs) if n in addresses}
    body.write()
    after = [body.parts_of(x) for x in schedule.outputs]
    for n, values in enumerate(after[loop.state :], len(schedule.inputs) + loop.state):
        body.store(addresses[n], slices[n], values)
    rounds.end([x.value for values in after[: loop.state] for x in values])
    for n, address in wanted.items():
        if n < loop.state:
            body.store(address, schedule.outputs[n], after[n])


class Rounds:
    """The loop around a body: code is written into a round, until `end`.

    The rounds between two checks for signals are a loop of their own, without a call: that would
    have to save all registers.
    """

    def __init__(
        self,
        builder: Any,
        length: int,
        every: int,
        initial: Sequence[Any],
        check: Callable[[], None],
    ) -> None:
        self.builder, self.length = builder, length
        self.is_nested = every < length
        start, values, self.stop = I64(0), initial, I64(length)
        if self.is_nested:
            start, values = self.open("checked", start, values)
            self.outer = builder.block, start, values
            check()
            stop = builder.add(start, I64(every))
            is_inside = builder.icmp_signed("<", stop, I64(length))
            self.stop = builder.select(is_inside, stop, I64(length))
        self.number, self.values = self.open("round", start, values)
        self.head = builder.block

    def open(self, name: str, start: Any, values: Sequence[Any]) -> tuple[Any, list[Any]]:
        """A block that is run again and again: its number, and what is carried, both as they are
        there."""
        builder, before = self.builder, self.builder.block
        block = builder.append_basic_block(name)
        builder.branch(block)
        builder.position_at_end(block)
        phis = []
        for value in (start, *values):
            phi = builder.phi(value.type)
            phi.add_incoming(value, before)
            phis.append(phi)
        return phis[0], phis[1:]

    def end(self, after: Sequence[Any]) -> None:
        """End a round, after which the carried values are others."""
        builder = self.builder
        following = builder.add(self.number, I64(1))
        self.again(self.head, self.number, self.values, following, after, self.stop)
        if self.is_nested:
            head, start, values = self.outer
            self.again(head, start, values, self.stop, after, I64(self.length))

    def again(
        self, head: Any, number: Any, phis: Sequence[Any], following: Any, after: Any, stop: Any
    ) -> None:
        """Go back to a block while its number is below `stop`."""
        builder = self.builder
        for phi, value in zip((number, *phis), (following, *after), strict=True):
            phi.add_incoming(value, builder.block)
        done = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", following, stop), head, done)
        builder.position_at_end(done)
