"""Loops and branches in a program: calls of the functions of the graphs they hold.

The functions take a table of addresses, as a whole program does. Slices are addresses in the
stacks; where the state lies says `loop_state`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, loop
from adjoint.backends.llvm.codegen.reduction_buffers import copy_buffer
from adjoint.backends.llvm.program.loop_state import (
    Order,
    Round,
    StatePart,
    at_step,
    homes_of,
    part_at,
)
from adjoint.backends.llvm.program.register_loop import fits_registers, write_register_loop
from adjoint.backends.llvm.program.row_loop import APART, RowLoop, partial_bytes
from adjoint.backends.llvm.program.signals import rounds_between_checks
from adjoint.graph.node import Node
from adjoint.ops import records
from adjoint.ops.control import branch, rounds
from adjoint.ops.control import loop as scans
from adjoint.ops.control.packing import layouts
from adjoint.schedule.memory import rounded
from adjoint.schedule.plan import Control, nbytes

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.program_writer import GraphWriter, ProgramWriter

I8, I32 = ir.IntType(8), ir.IntType(32)


def scratch_bytes(step: Control) -> int:
    """Bytes for results that are not wanted, and for two states."""
    states = [x for graph in step.inner for x in graph.outputs]
    if step.root.op is records.branch:
        states = step.inner[-1].outputs
    more = 0 if step.chunks is None else rounded(partial_bytes(step.chunks))
    apart = 0 if step.chunks is None else APART
    return sum(2 * rounded(nbytes(x) + apart) for x in states) + more


class Scratch:
    """Memory of a step, taken piece by piece."""

    def __init__(self, builder: Any, step: Control, writer: ProgramWriter) -> None:
        self.builder = builder
        self.base = builder.gep(
            writer.block.address, [I64(writer.control_offset())], source_etype=I8
        )
        self.used = 0
        self.block = builder.gep(self.base, [I64(scratch_bytes(step))], source_etype=I8)

    def take(self, node: Node) -> Any:
        """A place for a result like `node`."""
        return self.take_bytes(nbytes(node))

    def take_bytes(self, size: int) -> Any:
        """A place for so many bytes."""
        place = self.builder.gep(self.base, [I64(self.used)], source_etype=I8)
        self.used += rounded(size)
        return place


def pieces(builder: Any, step: Control, writer: ProgramWriter, groups: Any) -> dict[int, Any]:
    """Where the results of the step are wanted, by their numbers: in the packed result, or in an
    output that is only read from there."""
    group = step.root.params[1]
    numbers, layout = groups[group]
    base = writer.addresses[step.root]
    found: dict[int, Any] = {}
    for place, number in enumerate(numbers):
        start = layout.starts[place] * layout.dtype.itemsize
        output = writer.memory.pieces.get((step.root, start))
        if output is None:
            found[number] = builder.gep(base, [I64(start)], source_etype=I8)
        else:
            found[number] = writer.addresses[output]
    return found


class Call:
    """A call of the function of a graph, by a table of addresses."""

    def __init__(
        self,
        builder: Any,
        graph: GraphWriter,
        block: Any,
        failed: Any,
        left_out: Collection[int] = (),
    ) -> None:
        self.builder, self.block, self.failed = builder, block, failed
        self.function = graph.write(left_out)
        count = len(graph.schedule.inputs) + len(graph.schedule.outputs)
        self.outputs = len(graph.schedule.inputs)
        self.table = alloca(builder, ir.ArrayType(POINTER, max(1, count)))
        self.table.type = POINTER

    def set(self, number: int, address: Any) -> None:
        """Put an address into the table: inputs come first, then outputs."""
        place = self.builder.gep(self.table, [I64(number)], source_etype=POINTER)
        self.builder.store(address, place)

    def run(self) -> None:
        """Call the function; go to `failed` if it fails."""
        builder = self.builder
        status = builder.call(self.function, [self.table, self.block])
        going_on = builder.append_basic_block()
        builder.cbranch(builder.icmp_signed("==", status, I32(0)), going_on, self.failed)
        builder.position_at_end(going_on)


def write_scan(builder: Any, step: Control, writer: ProgramWriter) -> None:
    """A loop of known length."""
    what: scans.Loop = step.root.params[0]
    (graph,) = writer.inner[step]
    inputs = [writer.address_of(builder, x) for x in step.root.inputs]
    scratch = Scratch(builder, step, writer)
    groups = layouts(what)
    wanted = pieces(builder, step, writer, groups)
    ys = [n for n in groups[step.root.params[1]][0] if n >= what.state]
    body = graph.schedule
    first = what.constants + what.state
    initial = inputs[what.constants : first]
    if not what.length:
        for n, place in wanted.items():
            if n < what.state:
                copy_buffer(builder, body.outputs[n], place, initial[n])
        return
    stacks = dict(enumerate(inputs[first:], first))
    stacks |= {len(inputs) + what.state + place: wanted[n] for place, n in enumerate(ys)}
    if fits_registers(step):
        write_register_loop(builder, step, writer, graph, stacks, wanted)
        return
    if step.chunks is not None:
        RowLoop(builder, step, writer, graph, stacks, wanted, scratch).write()
        return
    final = I64(what.length - 1)
    order = Order.of(what)
    homes = homes_of(body, what)
    state: list[StatePart] = []
    for n, given in enumerate(initial):
        node = body.outputs[n]
        last = wanted.get(n) or scratch.take(node)
        other = None if n in homes else scratch.take(node)
        state.append(part_at(homes.get(n), node, order, stacks, given, last, other))
    left_out = [home.left_out for home in homes.values()]
    call = Call(builder, graph, scratch.block, writer.failed, left_out)
    for n in range(what.constants):
        call.set(n, inputs[n])
    for part in state:
        part.begin(builder)
    with loop(builder, I64(0), I64(what.length), unroll=False) as i:
        check_now_and_then(builder, i, body, writer)
        now = Round.at(builder, i, final, what.backwards)
        for n, part in enumerate(state):
            call.set(what.constants + n, part.before(builder, now))
            call.set(call.outputs + n, part.after(builder, now))
        slices = [*body.inputs, *body.outputs]
        for n, stack in stacks.items():
            call.set(n, at_step(builder, stack, now.t, slices[n]))
        call.run()
    for part in state:
        part.end(builder)


def write_while(builder: Any, step: Control, writer: ProgramWriter) -> None:
    """A loop that goes on while a condition holds."""
    what: rounds.Rounds = step.root.params[0]
    condition, graph = writer.inner[step]
    inputs = [writer.address_of(builder, x) for x in step.root.inputs]
    scratch = Scratch(builder, step, writer)
    wanted = pieces(builder, step, writer, layouts(what))
    body = graph.schedule
    states = [[scratch.take(x) for x in body.outputs] for _ in range(2)]
    answer = scratch.take(condition.schedule.outputs[0])
    asked = Call(builder, condition, scratch.block, writer.failed)
    call = Call(builder, graph, scratch.block, writer.failed)
    for n in range(what.constants):
        asked.set(n, inputs[n])
        call.set(n, inputs[n])
    asked.set(asked.outputs, answer)
    for n, x in enumerate(body.outputs):
        copy_buffer(builder, x, states[0][n], inputs[what.constants + n])
    start = builder.block
    head, again, done = (builder.append_basic_block(name) for name in ("head", "again", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    count = builder.phi(I64)
    count.add_incoming(I64(0), start)
    is_even = builder.icmp_signed("==", builder.and_(count, I64(1)), I64(0))
    now = [builder.select(is_even, a, b) for a, b in zip(*states, strict=True)]
    for n, x in enumerate(now):
        asked.set(what.constants + n, x)
    asked.run()
    holds = builder.icmp_unsigned("!=", builder.load(answer, typ=I8), I8(0))
    builder.cbranch(holds, again, done)
    builder.position_at_end(again)
    check_now_and_then(builder, count, body, writer)
    for n, (a, b) in enumerate(zip(*states, strict=True)):
        call.set(what.constants + n, now[n])
        call.set(call.outputs + n, builder.select(is_even, b, a))
    call.run()
    count.add_incoming(builder.add(count, I64(1)), builder.block)
    builder.branch(head)
    builder.position_at_end(done)
    for n, place in wanted.items():
        copy_buffer(builder, body.outputs[n], place, now[n])


def write_branch(builder: Any, step: Control, writer: ProgramWriter) -> None:
    """One of several graphs."""
    what: branch.Choice = step.root.params[0]
    graphs = writer.inner[step]
    number, *inputs = [writer.address_of(builder, x) for x in step.root.inputs]
    scratch = Scratch(builder, step, writer)
    wanted = list(pieces(builder, step, writer, layouts(what)).values())
    chosen = builder.load(number, typ=I64)
    done = builder.append_basic_block("done")
    blocks = [builder.append_basic_block() for _ in graphs]
    negative = builder.icmp_signed("<", chosen, I64(0))
    chosen = builder.select(negative, I64(0), chosen)
    switch = builder.switch(chosen, blocks[-1])
    for n, block in enumerate(blocks[:-1]):
        switch.add_case(I64(n), block)
    for graph, block in zip(graphs, blocks, strict=True):
        builder.position_at_end(block)
        call = Call(builder, graph, scratch.block, writer.failed)
        for n, address in enumerate([*inputs, *wanted]):
            call.set(n, address)
        call.run()
        builder.branch(done)
    builder.position_at_end(done)


def check_now_and_then(
    builder: Any, count: Any, body: Any, writer: ProgramWriter, failed: Any = None
) -> None:
    """Let a signal stop a long loop, which then goes to `failed`."""
    every = rounds_between_checks(sum(step.work for step in body.steps))
    due = builder.icmp_signed("==", builder.and_(count, I64(every - 1)), I64(every - 1))
    with builder.if_then(due, likely=False):
        writer.interrupts.check(failed or writer.failed)
