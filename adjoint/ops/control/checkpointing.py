"""Loops over blocks of steps, and of blocks, so that a reverse sweep keeps few states.

Going back through a loop keeps the state before each of its steps. If the steps of a loop are
loops themselves, what is kept are the states between blocks, and those within the one block that is
gone through. With b blocks on each of r levels that is r·b states for bʳ steps, and every step is
run r times: once more for each level. Binomial checkpointing (Griewank and Walther, 2000), which is
optimal, runs no step more than r times if C(s + r, r) steps have s states; blocks need a level
more than that where s is a little less than r·b (see design note 15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.graph.subgraph import Subgraph, fresh_variable
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape

MOST_LEVELS = 6
"""Sixty states of a million steps. A level more takes a second to compile and saves few states."""


def levels_for(length: int, states: int) -> int:
    """The fewest levels of blocks that keep no more than so many states; if none do, those that
    keep the fewest."""
    counts = range(1, MOST_LEVELS + 1)
    enough = (levels for levels in counts if kept(length, levels) <= states)
    return next(enough, min(counts, key=lambda levels: kept(length, levels)))


def kept(length: int, levels: int) -> int:
    """How many states a reverse sweep through a loop of several levels keeps at a time."""
    total = 0
    for left in range(levels, 1, -1):
        size = block_size(length, left)
        total += length // size
        length = size
    return total + length


def block_size(length: int, levels: int) -> int:
    """How many steps a block has, of the outermost of several levels."""
    steps: float = length ** (1 - 1 / levels)
    return max(1, round(steps))


def scan_in_levels(loop: Loop, inputs: Sequence[Tensor], levels: int) -> list[Tensor]:
    """The results of a loop: as `scan`, over blocks of blocks of steps."""
    size = block_size(loop.length, levels)
    blocks, rest = divmod(loop.length, size)
    if levels == 1 or blocks < 2 or size < 2:
        return scan(loop, inputs)
    first = loop.constants + loop.state
    constants, state, xs = inputs[: loop.constants], inputs[loop.constants : first], inputs[first:]
    start = rest if loop.backwards else 0  # what is left over comes last
    rows = [_rows(x, start, (blocks, size)) for x in xs]
    found = scan(_over_blocks(loop, blocks, size, levels), [*constants, *state, *rows])
    state, ys = found[: loop.state], found[loop.state :]
    ys = [reshape(y, (blocks * size, *y.node.shape[2:])) for y in ys]
    if rest:
        start = 0 if loop.backwards else blocks * size
        left = [along(x, 0, start, 1, rest) for x in xs]
        own = replace(loop, length=rest)
        found = scan_in_levels(own, [*constants, *state, *left], levels - 1)
        state, more = found[: loop.state], found[loop.state :]
        pairs = zip(ys, more, strict=True)
        ys = [concat((b, a) if loop.backwards else (a, b)) for a, b in pairs]
    return [*state, *ys]


def _rows(x: Tensor, start: int, sizes: tuple[int, int]) -> Tensor:
    """The slices of x from one on, in blocks."""
    blocks, size = sizes
    return reshape(along(x, 0, start, 1, blocks * size), (blocks, size, *x.node.shape[1:]))


def _over_blocks(loop: Loop, blocks: int, size: int, levels: int) -> Loop:
    """A loop of which a step takes a block of steps of another."""
    first = loop.constants + loop.state
    variables = [
        fresh_variable(x.shape if n < first else (size, *x.shape), x.dtype)
        for n, x in enumerate(loop.body.inputs)
    ]
    outputs = scan_in_levels(replace(loop, length=size), variables, levels - 1)
    body = Subgraph([x.node for x in variables], [x.node for x in outputs])
    return replace(loop, body=body, length=blocks)
