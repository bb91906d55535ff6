"""Where the boxes of a picture go: in columns, with few crossings, close to what they belong to.

A layered layout after Sugiyama: an edge that passes a column gets a bend there, which takes part in
the layout like a small box; columns are sorted by the mean place of their neighbours; then each box
moves as near to the mean height of its neighbours as its column allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ROUNDS = 24


@dataclass(eq=False)
class Box:
    """A rectangle with a column; `x` and `y` of its centre are found by `place`."""

    column: int
    width: float = 0.0
    height: float = 4.0
    x: float = 0.0
    y: float = 0.0


@dataclass(eq=False)
class Edge:
    """A line between two boxes, by the bends in the columns it passes."""

    source: Box
    target: Box
    bends: list[Box] = field(default_factory=list)

    def chain(self) -> list[Box]:
        """Everything the line goes through."""
        return [self.source, *self.bends, self.target]


def place(boxes: Sequence[Box], edges: Sequence[Edge], gap: float) -> list[Box]:
    """Give every box and bend its height, centred around 0; returns the bends."""
    bends = []
    for edge in edges:
        step = 1 if edge.target.column > edge.source.column else -1
        passed = range(edge.source.column + step, edge.target.column, step)
        edge.bends += [Box(number) for number in passed]
        bends += edge.bends
    columns = _columns([*boxes, *bends])
    neighbours = _neighbours([*boxes, *bends], edges)
    order = {box: float(i) for column in columns for i, box in enumerate(column)}
    for round_ in range(ROUNDS):
        for column in columns[:: 1 if round_ % 2 == 0 else -1]:
            wish = {b: _mean([order[n] for n in neighbours[b]], order[b]) for b in column}
            column.sort(key=wish.__getitem__)
            order.update({box: i - (len(column) - 1) / 2 for i, box in enumerate(column)})
    for column in columns:
        _stack(column, lambda box: 0.0, gap)
    for round_ in range(ROUNDS):
        for column in columns[:: 1 if round_ % 2 == 0 else -1]:
            wishes = {b: _mean([n.y for n in neighbours[b]], b.y) for b in column}
            _stack(column, wishes.__getitem__, gap)
    for box in (*boxes, *bends):
        box.y = -box.y  # the first on top
    return bends


def _columns(boxes: Sequence[Box]) -> list[list[Box]]:
    columns: dict[int, list[Box]] = {}
    for box in boxes:
        columns.setdefault(box.column, []).append(box)
    return [columns[number] for number in sorted(columns)]


def _neighbours(boxes: Sequence[Box], edges: Sequence[Edge]) -> dict[Box, list[Box]]:
    found: dict[Box, list[Box]] = {box: [] for box in boxes}
    for edge in edges:
        chain = edge.chain()
        for a, b in pairwise(chain):
            found[a].append(b)
            found[b].append(a)
    return found


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _stack(column: Sequence[Box], wish: Callable[[Box], float], gap: float) -> None:
    """Put the boxes of a column in order, as near as possible to where they wish to be.

    With the distances to keep subtracted this is isotonic regression: neighbours in the wrong
    order are merged into blocks at their mean.
    """
    offsets = [0.0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + (above.height + below.height) / 2 + gap)
    blocks: list[tuple[float, int]] = []
    for box, offset in zip(column, offsets, strict=True):
        mean, size = wish(box) - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    places = [mean for mean, size in blocks for _ in range(size)]
    for box, mean, offset in zip(column, places, offsets, strict=True):
        box.y = mean + offset
