"""Where the parts of the state of a loop lie from round to round.

A part that is stacked anyway lives in that stack: a round writes it where it belongs, and the next
one reads it there. A part that is a slice of the round before is read where that lies. Any other
part has two buffers that are written in turn, of which one is where the last state is wanted. So
nothing is copied from round to round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.codegen.reduction_buffers import copy_buffer
from adjoint.graph.node import Node
from adjoint.ops.control.loop import Loop
from adjoint.schedule.plan import Schedule, nbytes


class Order(NamedTuple):
    """The numbers of the first and the last slices, and the step from one to the next."""

    first: Any
    last: Any
    step: int

    @classmethod
    def of(cls, what: Loop) -> Order:
        """The order in which a loop takes its slices."""
        final = I64(what.length - 1)
        return cls(final, I64(0), -1) if what.backwards else cls(I64(0), final, 1)


@dataclass(frozen=True)
class Round:
    """One round of a loop: the number of its slices, and whether it is the first or the last one.

    `in_turn` is true in the last round, and in every second one before it.
    """

    t: Any
    is_first: Any
    is_last: Any
    in_turn: Any

    @classmethod
    def at(cls, builder: Any, i: Any, final: Any, is_backwards: bool) -> Round:
        """The round with number `i` of those up to the `final` one."""
        left = builder.sub(final, i)
        return cls(
            t=left if is_backwards else i,
            is_first=builder.icmp_signed("==", i, I64(0)),
            is_last=builder.icmp_signed("==", left, I64(0)),
            in_turn=builder.icmp_signed("==", builder.and_(left, I64(1)), I64(0)),
        )


class StatePart(Protocol):
    """Where a part of the state lies. `begin` and `end` write code before and after the loop."""

    def begin(self, builder: Any) -> None: ...

    def before(self, builder: Any, now: Round) -> Any:
        """The address at which a round reads it."""

    def after(self, builder: Any, now: Round) -> Any:
        """The address to which a round writes it."""

    def end(self, builder: Any) -> None: ...


@dataclass(frozen=True)
class InTurn:
    """In two buffers that are written in turn."""

    initial: Any
    last: Any
    other: Any

    def begin(self, builder: Any) -> None:
        pass

    def before(self, builder: Any, now: Round) -> Any:
        left = builder.select(now.in_turn, self.other, self.last)
        return builder.select(now.is_first, self.initial, left)

    def after(self, builder: Any, now: Round) -> Any:
        return builder.select(now.in_turn, self.last, self.other)

    def end(self, builder: Any) -> None:
        pass


@dataclass(frozen=True)
class InStackBefore:
    """In the stack of what each round begins with."""

    node: Node
    order: Order
    stack: Any
    initial: Any
    last: Any

    def begin(self, builder: Any) -> None:
        first = at_step(builder, self.stack, self.order.first, self.node)
        copy_buffer(builder, self.node, first, self.initial)

    def before(self, builder: Any, now: Round) -> Any:
        return at_step(builder, self.stack, now.t, self.node)

    def after(self, builder: Any, now: Round) -> Any:
        following = builder.add(now.t, I64(self.order.step))
        following = at_step(builder, self.stack, following, self.node)
        return builder.select(now.is_last, self.last, following)

    def end(self, builder: Any) -> None:
        pass


@dataclass(frozen=True)
class InStackAfter:
    """In a stack of what each round ends with; it may be one of the inputs of the loop."""

    node: Node
    order: Order
    stack: Any
    initial: Any
    last: Any

    def begin(self, builder: Any) -> None:
        pass

    def before(self, builder: Any, now: Round) -> Any:
        previous = builder.sub(now.t, I64(self.order.step))
        previous = at_step(builder, self.stack, previous, self.node)
        return builder.select(now.is_first, self.initial, previous)

    def after(self, builder: Any, now: Round) -> Any:
        return at_step(builder, self.stack, now.t, self.node)

    def end(self, builder: Any) -> None:
        final = at_step(builder, self.stack, self.order.last, self.node)
        copy_buffer(builder, self.node, self.last, final)


def part_at(
    home: Home | None,
    node: Node,
    order: Order,
    stacks: dict[int, Any],
    initial: Any,
    last: Any,
    other: Any,
) -> StatePart:
    """A part of the state with this home, or in two buffers: that of the last state and another."""
    if home is None:
        return InTurn(initial, last, other)
    kind = InStackBefore if home.is_before else InStackAfter
    return kind(node, order, stacks[home.stack], initial, last)


def at_step(builder: Any, base: Any, t: Any, node: Node) -> Any:
    """The address of the slice with number `t` of a stack of results like `node`."""
    size = nbytes(node)
    kind = ir.IntType(8) if size == 1 else ir.ArrayType(ir.IntType(8), size)
    return builder.gep(base, [t], source_etype=kind)


class Home(NamedTuple):
    """Which stack a part of the state lies in, by the number of the input or output of a round,
    outputs after inputs; whether it holds what is there before the round, rather than after it;
    and the output that a round need not write."""

    stack: int
    is_before: bool
    left_out: int


def homes_of(body: Schedule, loop: Loop) -> dict[int, Home]:
    """The homes of the parts of the state, by number, that lie in a stack."""
    first, inputs = loop.constants + loop.state, len(body.inputs)
    found: dict[int, Home] = {}
    stacked = {x: number for number, x in enumerate(body.outputs) if number >= loop.state}
    slices = {x: number for number, x in enumerate(body.inputs) if number >= first}
    results: dict[Node, int] = {}
    for n in range(loop.state):
        before, after = body.inputs[loop.constants + n], body.outputs[n]
        results.setdefault(after, n)
        if before in stacked:
            found[n] = Home(inputs + stacked[before], True, stacked[before])
        elif after in slices:
            found[n] = Home(slices[after], False, n)
        elif after in stacked and results[after] == n:
            found[n] = Home(inputs + stacked[after], False, stacked[after])
    return found
