"""How a program goes back through a `while_loop`: forwards, keeping its states, and then back.

The states lie in pieces of memory, each twice as large as the one before, up to the bytes that the
loop may keep. Then every other one is dropped, and those between are computed again on the way
back, as `History` does where there is no native code (`adjoint.ops.control.while_adjoint`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.backends.llvm.codegen.reduction_buffers import copy_buffer
from adjoint.backends.llvm.program.block import NULL, is_null
from adjoint.backends.llvm.program.control_writer import (
    I8,
    Call,
    Scratch,
    check_now_and_then,
    pieces,
)
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.ops.control.packing import layouts
from adjoint.ops.control.while_adjoint import WayBack, step_back
from adjoint.schedule.plan import Control, nbytes

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.program_writer import ProgramWriter

WORD = 8
FIRST_BYTES = 1 << 14
"""Memory for states before it is known how many there are."""
MOST_PIECES = 48
"""More pieces, each twice as large as the one before, than any memory has room for."""


def write_while_adjoint(builder: Any, step: Control, writer: ProgramWriter) -> None:
    """The adjoints of the inputs of a loop that goes on while a condition holds."""
    code = _WayBackWriter(builder, step, writer)
    code.forwards()
    code.backwards()
    code.results()
    code.free_states()
    done = builder.append_basic_block("done")
    builder.branch(done)
    builder.position_at_end(code.failed)
    code.free_states()
    builder.branch(writer.failed)
    builder.position_at_end(done)


class Record:
    """Values one behind the other: where each begins, and the bytes of all."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.offsets = []
        self.size = 0
        for node in nodes:
            self.offsets.append(self.size)
            self.size += -(-nbytes(node) // WORD) * WORD

    def places(self, builder: Any, base: Any) -> list[Any]:
        """The addresses of the values of a record that begins at `base`."""
        return [moved(builder, base, I64(offset)) for offset in self.offsets]


class Slot:
    """A variable of the code: a number or an address."""

    def __init__(self, builder: Any, kind: Any, value: Any) -> None:
        self.builder, self.kind = builder, kind
        self.place = alloca(builder, kind)
        self.place.type = POINTER
        self.set(value)

    def get(self) -> Any:
        """The value now."""
        return self.builder.load(self.place, typ=self.kind)

    def set(self, value: Any) -> None:
        """Give it another value."""
        self.builder.store(value, self.place)


class _WayBackWriter:
    """Writes the loop forwards, which keeps the states, and the loop back."""

    def __init__(self, builder: Any, step: Control, writer: ProgramWriter) -> None:
        self.builder, self.step, self.writer = builder, step, writer
        self.way: WayBack = step.root.params[0]
        self.back = step_back(self.way)
        condition, body, back = writer.inner[step]
        self.body, self.constants = body.schedule, self.way.loop.constants
        self.inputs = [writer.address_of(builder, x) for x in step.root.inputs]
        self.state, self.carried = Record(body.schedule.outputs), Record(back.schedule.outputs)
        size = max(1, self.state.size)
        self.most = max(2, self.way.loop.memory // size)
        self.first = 1 << max(1, (FIRST_BYTES // size).bit_length() - 1)
        scratch = Scratch(builder, step, writer)
        self.answer = scratch.take(condition.schedule.outputs[0])
        self.states = [scratch.take_bytes(self.state.size) for _ in range(2)]
        self.adjoints = [scratch.take_bytes(self.carried.size) for _ in range(2)]
        self.failed = builder.append_basic_block("free_and_fail")
        self.rounds, self.count, self.room, self.every = (
            Slot(builder, I64, I64(n)) for n in (0, 0, 0, 1)
        )
        self.taken, self.between = Slot(builder, I64, I64(0)), Slot(builder, POINTER, NULL)
        self.table = alloca(builder, ir.ArrayType(POINTER, MOST_PIECES))
        self.table.type = POINTER
        self.condition_call, self.body_call, self.back_call = (
            Call(builder, graph, scratch.block, self.failed) for graph in (condition, body, back)
        )
        for call in (self.condition_call, self.body_call, self.back_call):
            for n in range(self.constants):
                call.set(n, self.inputs[n])
        self.condition_call.set(self.condition_call.outputs, self.answer)

    # memory

    def allocate(self, size: Any) -> Any:
        """The address of so many bytes; fails if there are none."""
        builder = self.builder
        function = extern(builder.module, "adjoint_allocate", POINTER, [I64])
        found = builder.call(function, [size])
        there = builder.append_basic_block()
        builder.cbranch(is_null(builder, found), self.failed, there)
        builder.position_at_end(there)
        return found

    def free_states(self) -> None:
        """Give back the memory of the states."""
        builder = self.builder
        free = extern(builder.module, "adjoint_free", ir.VoidType(), [POINTER])
        with loop(builder, I64(0), self.taken.get(), unroll=False) as i:
            builder.call(free, [builder.load(self.piece(i), typ=POINTER)])
        between = self.between.get()
        with builder.if_then(builder.not_(is_null(builder, between))):
            builder.call(free, [between])

    def piece(self, number: Any) -> Any:
        """Where the address of a piece of memory stands."""
        return self.builder.gep(self.table, [number], source_etype=POINTER)

    def kept(self, number: Any) -> Any:
        """The address of a kept state."""
        builder, first = self.builder, I64(self.first)
        shift = I64(self.first.bit_length() - 1)
        # Before the piece with number p there is room for `first` times 2^p - 1 states.
        before = builder.add(builder.lshr(number, shift), I64(1))
        p = builder.sub(I64(63), builder.ctlz(before, ir.IntType(1)(1)))
        start = builder.sub(builder.shl(first, p), first)
        base = builder.load(self.piece(p), typ=POINTER)
        return self.state_at(base, builder.sub(number, start))

    def copy(self, target: Any, source: Any, size: Any) -> None:
        """Copy bytes."""
        function = extern(self.builder.module, "memcpy", POINTER, [POINTER, POINTER, I64])
        self.builder.call(function, [target, source, size])

    def state_at(self, base: Any, number: Any) -> Any:
        """The address of a state among those that begin at `base`."""
        return moved(self.builder, base, self.builder.mul(number, I64(self.state.size)))

    def turn(self, number: Any, pair: Sequence[Any]) -> tuple[Any, Any]:
        """Of two records the one to read from and the one to write to, in a round."""
        builder = self.builder
        is_even = builder.icmp_signed("==", builder.and_(number, I64(1)), I64(0))
        first, second = pair
        return builder.select(is_even, first, second), builder.select(is_even, second, first)

    # forwards

    def forwards(self) -> None:
        """Run the loop, and keep states."""
        builder, loop_inputs = self.builder, self.inputs[self.constants :]
        starts = self.state.places(builder, self.states[0])
        for node, target, source in zip(self.state.nodes, starts, loop_inputs, strict=False):
            copy_buffer(builder, node, target, source)
        while_true(builder, self.goes_on, self.round)

    def goes_on(self) -> Any:
        """Whether there is another round."""
        now, _ = self.turn(self.rounds.get(), self.states)
        self.set_state(self.condition_call, now)
        self.condition_call.run()
        answer = self.builder.load(self.answer, typ=I8)
        return self.builder.icmp_unsigned("!=", answer, I8(0))

    def round(self) -> None:
        """One round forwards."""
        builder, number = self.builder, self.rounds.get()
        check_now_and_then(builder, number, self.body, self.writer, self.failed)
        now, after = self.turn(number, self.states)
        with builder.if_then(self.is_due(number)):
            full = builder.icmp_signed("==", self.count.get(), self.room.get())
            with builder.if_then(full, likely=False):
                self.make_room()
            with builder.if_then(self.is_due(number)):
                count = self.count.get()
                self.copy(self.kept(count), now, I64(self.state.size))
                self.count.set(builder.add(count, I64(1)))
        self.run_body(now, after)
        self.rounds.set(builder.add(number, I64(1)))

    def is_due(self, number: Any) -> Any:
        """Whether the state before a round is one to keep."""
        builder = self.builder
        rest = builder.and_(number, builder.sub(self.every.get(), I64(1)))
        return builder.icmp_signed("==", rest, I64(0))

    def make_room(self) -> None:
        """Take more memory, or drop every other state where there may not be more."""
        builder = self.builder
        room = self.room.get()
        all_taken = builder.icmp_signed(">=", room, I64(self.most))
        with builder.if_else(all_taken) as (drop, grow):
            with drop:
                half = builder.lshr(builder.add(room, I64(1)), I64(1))
                with loop(builder, I64(1), half, unroll=False) as i:
                    source = self.kept(builder.mul(i, I64(2)))
                    self.copy(self.kept(i), source, I64(self.state.size))
                self.count.set(half)
                self.every.set(builder.mul(self.every.get(), I64(2)))
            with grow:
                taken = self.taken.get()
                more = builder.shl(I64(self.first), taken)
                left = builder.sub(I64(self.most), room)
                more = builder.select(builder.icmp_signed("<", more, left), more, left)
                new = self.allocate(builder.mul(more, I64(max(1, self.state.size))))
                builder.store(new, self.piece(taken))
                self.taken.set(builder.add(taken, I64(1)))
                self.room.set(builder.add(room, more))

    def set_state(self, call: Call, base: Any) -> None:
        """Have a call read the state that begins at `base`."""
        for n, place in enumerate(self.state.places(self.builder, base), self.constants):
            call.set(n, place)

    def run_body(self, before: Any, after: Any) -> None:
        """The state after a round, written to the record `after`."""
        call = self.body_call
        self.set_state(call, before)
        for n, place in enumerate(self.state.places(self.builder, after), call.outputs):
            call.set(n, place)
        call.run()

    # backwards

    def backwards(self) -> None:
        """Go back through the states, a stretch between two kept ones at a time."""
        builder = self.builder
        self.begin_adjoints()
        sparse = builder.icmp_signed(">", self.every.get(), I64(1))
        with builder.if_then(sparse, likely=False):
            size = builder.mul(self.every.get(), I64(max(1, self.state.size)))
            self.between.set(self.allocate(size))
        self.end, self.turns = Slot(builder, I64, self.rounds.get()), Slot(builder, I64, I64(0))

        def any_left() -> Any:
            return builder.icmp_signed(">", self.count.get(), I64(0))

        while_true(builder, any_left, self.stretch)

    def begin_adjoints(self) -> None:
        """The adjoints of the last state: those given, and zeros."""
        builder, first = self.builder, self.adjoints[0]
        fill = extern(builder.module, "memset", POINTER, [POINTER, ir.IntType(32), I64])
        builder.call(fill, [first, ir.IntType(32)(0), I64(self.carried.size)])
        places = self.carried.places(builder, first)
        adjoints = self.inputs[self.body_call.outputs :]
        given = dict(zip(self.way.given, adjoints, strict=False))
        thin = dict(zip(self.way.thin, adjoints[len(given) :], strict=True))
        for n, place in zip(self.back.active, places, strict=False):
            if n in given:
                self.copy(place, given[n], I64(nbytes(self.state.nodes[n])))
        masks = slice(len(self.back.active), len(self.back.active) + len(self.back.masked))
        for n, place in zip(self.back.masked, places[masks], strict=True):
            size = nbytes(self.state.nodes[n]) // self.state.nodes[n].dtype.itemsize
            if n in thin:
                self.copy(place, thin[n], I64(size))
            elif n in given:
                builder.call(fill, [place, ir.IntType(32)(1), I64(size)])

    def stretch(self) -> None:
        """Back from one kept state to the one before it."""
        builder = self.builder
        count = builder.sub(self.count.get(), I64(1))
        self.count.set(count)
        kept = self.kept(count)
        start = builder.mul(count, self.every.get())
        length = builder.sub(self.end.get(), start)
        self.end.set(start)
        none_between = is_null(builder, self.between.get())
        with builder.if_then(builder.not_(none_between), likely=False):
            self.copy(self.between.get(), kept, I64(self.state.size))
        base = builder.select(none_between, kept, self.between.get())
        with loop(builder, I64(0), builder.sub(length, I64(1)), unroll=False) as i:
            self.run_body(self.state_at(base, i), self.state_at(base, builder.add(i, I64(1))))
        with loop(builder, I64(0), length, unroll=False) as i:
            left = builder.sub(builder.sub(length, I64(1)), i)
            self.step_back(self.state_at(base, left))

    def step_back(self, state: Any) -> None:
        """One step back, from the state before it."""
        builder, number, call = self.builder, self.turns.get(), self.back_call
        check_now_and_then(builder, number, self.step.inner[-1], self.writer, self.failed)
        before, after = self.turn(number, self.adjoints)
        self.set_state(call, state)
        first = self.constants + len(self.state.nodes)
        for n, place in enumerate(self.carried.places(builder, before), first):
            call.set(n, place)
        for n, place in enumerate(self.carried.places(builder, after), call.outputs):
            call.set(n, place)
        call.run()
        self.turns.set(builder.add(number, I64(1)))

    def results(self) -> None:
        """Copy the adjoints and their masks to where they are wanted."""
        builder = self.builder
        wanted = pieces(builder, self.step, self.writer, layouts(self.way))
        last, _ = self.turn(self.turns.get(), self.adjoints)
        places = self.carried.places(builder, last)
        fill = extern(builder.module, "memset", POINTER, [POINTER, ir.IntType(32), I64])
        results, shapes = self.way.results(), self.way.pieces()
        for n, target in wanted.items():
            (shape, dtype), place = shapes[n], results[n]
            size = I64(size_of(shape) * dtype.itemsize)
            if place is None:
                builder.call(fill, [target, ir.IntType(32)(0), size])
            else:
                self.copy(target, places[place], size)


def moved(builder: Any, address: Any, offset: Any) -> Any:
    """The address so many bytes further on."""
    return builder.gep(address, [offset], source_etype=I8)


def while_true(builder: Any, holds: Callable[[], Any], body: Callable[[], None]) -> None:
    """A loop: `holds` writes the condition, `body` what is repeated; then the builder is after."""
    head, again, after = (builder.append_basic_block(name) for name in ("head", "again", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    builder.cbranch(holds(), again, after)
    builder.position_at_end(again)
    body()
    builder.branch(head)
    builder.position_at_end(after)
