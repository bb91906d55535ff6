"""Where the parts of the state of a loop lie from round to round.

A part that is stacked anyway lives in that stack: a round writes it where it belongs, and the next
one reads it there. Any other part has two buffers that are written in turn, of which one is where
the last state is wanted. So nothing is copied from round to round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.codegen.reduction_buffers import copy_buffer
from adjoint.graph.node import Node
from adjoint.ops.control.loop import Loop
from adjoint.schedule.plan import Schedule, nbytes


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
    def at(cls, builder: Any, i: Any, loop: Loop) -> Round:
        """The round with number `i`."""
        left = builder.sub(I64(loop.length - 1), i)
        return cls(
            t=left if loop.backwards else i,
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
    loop: Loop
    stack: Any
    initial: Any
    last: Any

    def begin(self, builder: Any) -> None:
        first = I64(self.loop.length - 1 if self.loop.backwards else 0)
        copy_buffer(builder, self.node, at_step(builder, self.stack, first, self.node), self.initial)

    def before(self, builder: Any, now: Round) -> Any:
        return at_step(builder, self.stack, now.t, self.node)

    def after(self, builder: Any, now: Round) -> Any:
        following = builder.add(now.t, I64(-1 if self.loop.backwards else 1))
        following = at_step(builder, self.stack, following, self.node)
        return builder.select(now.is_last, self.last, following)

    def end(self, builder: Any) -> None:
        pass


@dataclass(frozen=True)
class InStackAfter:
    """In the stack of what each round ends with."""

    node: Node
    loop: Loop
    stack: Any
    initial: Any
    last: Any

    def begin(self, builder: Any) -> None:
        pass

    def before(self, builder: Any, now: Round) -> Any:
        previous = builder.add(now.t, I64(1 if self.loop.backwards else -1))
        previous = at_step(builder, self.stack, previous, self.node)
        return builder.select(now.is_first, self.initial, previous)

    def after(self, builder: Any, now: Round) -> Any:
        return at_step(builder, self.stack, now.t, self.node)

    def end(self, builder: Any) -> None:
        final = I64(0 if self.loop.backwards else self.loop.length - 1)
        copy_buffer(builder, self.node, self.last, at_step(builder, self.stack, final, self.node))


def at_step(builder: Any, base: Any, t: Any, node: Node) -> Any:
    """The address of the slice with number `t` of a stack of results like `node`."""
    offset = builder.mul(t, I64(nbytes(node)))
    return builder.gep(base, [offset], source_etype=ir.IntType(8))


def stacks_of_state(body: Schedule, loop: Loop) -> dict[int, tuple[int, bool]]:
    """For parts of the state the number of the output that stacks them, and whether that is before
    the round, rather than after it."""
    state = range(loop.state)
    inputs = {body.inputs[loop.constants + n]: n for n in state}
    results: dict[Node, int] = {}
    for n in state:
        results.setdefault(body.outputs[n], n)
    found: dict[int, tuple[int, bool]] = {}
    ys = range(loop.state, len(body.outputs))
    for known, is_before in ((inputs, True), (results, False)):
        for y in ys:
            part = known.get(body.outputs[y])
            if part is not None:
                found.setdefault(part, (y, is_before))
    return found
