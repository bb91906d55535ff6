"""Products of few rows with columns that are stored one after the other, as dot products: vectors
go along the depth, and in the end the lanes of several sums are added up side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.codegen.product_tile import CHAINS, add_up, multiply_add, summed
from adjoint.backends.llvm.codegen.registers import Vector, splat_constant

I32 = ir.IntType(32)
MOST_ROWS = 4
"""Of so many rows at most products are computed so: more are better served by packing."""
MOST_SUMS = 16
"""The most sums that go on side by side."""


def group_size(rows: int, columns: int, lanes: int) -> int:
    """Of how many columns the sums are taken together: a power of two.

    Of a single column, too, it is two, as values of one lane are no vectors (`vector_type`).
    """
    most = min(lanes, MOST_SUMS // rows)
    size = 2
    while size * 2 <= most and size < columns:
        size *= 2
    return size


@dataclass(frozen=True)
class Dots:
    """Writes the dot products of rows of a and columns of b, all of them contiguous."""

    builder: Any
    kind: Any
    rows: int
    lanes: int
    depth: int

    def sums(
        self,
        count: int,
        size: int,
        a_at: Callable[[int, Any], Any],
        b_at: Callable[[int, Any], Any],
    ) -> list[Any]:
        """For each row a vector of `size` sums, of which the first `count` count."""
        builder, own = self.builder, self.rows * count
        zero = splat_constant(ir.Constant(self.kind, 0.0), self.lanes)
        chains = max(1, min(4, CHAINS // own))
        found = [zero] * (own * chains)

        def step(k: Any, mask: Any, sums: list[Any]) -> list[Any]:
            """The sums with the products of a vector along the depth."""
            xs = [self.read(a_at(row, k), mask) for row in range(self.rows)]
            ys = [self.read(b_at(column, k), mask) for column in range(count)]
            pairs = [(x, y) for x in xs for y in ys]
            return [
                multiply_add(builder, x, y, old) for (x, y), old in zip(pairs, sums, strict=True)
            ]

        def some(k: Any, sums: list[Any]) -> list[Any]:
            parts = [sums[i * own : (i + 1) * own] for i in range(chains)]
            places = [builder.add(k, I64(i * self.lanes)) if i else k for i in range(chains)]
            return [x for k, part in zip(places, parts, strict=True) for x in step(k, None, part)]

        def one(k: Any, sums: list[Any]) -> list[Any]:
            return step(k, None, sums[:own]) + sums[own:]

        middle = self.depth - self.depth % (chains * self.lanes)
        end = self.depth - self.depth % self.lanes
        found = summed(builder, I64(0), I64(middle), chains * self.lanes, found, some)
        found = summed(builder, I64(middle), I64(end), self.lanes, found, one)
        if end < self.depth:
            mask = vectors.first_lanes(None, self.depth - end, self.lanes)
            found = step(I64(end), mask, found[:own]) + found[own:]
        totals = [add_up(builder, found[i::own]) for i in range(own)]
        rows = [totals[row * count : (row + 1) * count] for row in range(self.rows)]
        return [self.added_up(row + [zero] * (size - count)) for row in rows]

    def read(self, address: Any, mask: Any) -> Any:
        """A vector along the depth."""
        return vectors.load(self.builder, address, self.kind, self.lanes, mask)

    def added_up(self, sums: Sequence[Any]) -> Any:
        """The sums of the lanes of each of these vectors, as the lanes of one.

        Each step halves either the number of vectors, by adding up two into the halves of one, or,
        when there is one left, its length.
        """
        found, size, length = list(sums), 1, self.lanes
        while len(found) > 1:
            found = [self.halved(x, y, size) for x, y in zip(found[::2], found[1::2], strict=True)]
            size *= 2
        (total,) = found
        while length > size:
            length //= 2
            low, high = (
                self.builder.shuffle_vector(
                    total, total, ir.Constant(Vector(I32, length), list(picks))
                )
                for picks in (range(length), range(length, 2 * length))
            )
            total = self.builder.fadd(low, high)
        return total

    def halved(self, x: Any, y: Any, size: int) -> Any:
        """Two vectors, in each of which every `size` lanes hold that many sums, added up to one in
        which twice as many do: neighbouring groups of lanes are added."""
        lanes = self.lanes
        even: list[int] = []
        odd: list[int] = []
        for first in range(0, lanes, 2 * size):
            for start in (0, lanes):
                even += range(start + first, start + first + size)
                odd += range(start + first + size, start + first + 2 * size)
        parts = [
            self.builder.shuffle_vector(x, y, ir.Constant(Vector(I32, lanes), picks))
            for picks in (even, odd)
        ]
        return self.builder.fadd(*parts)
