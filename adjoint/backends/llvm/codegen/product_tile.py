"""A tile of a matrix product: some rows and columns of the result, held in registers while the
depth, the size that is summed over, goes by.

At each depth the vectors of a row of b are read once, and multiplied by a number of each row of a.
The larger a tile, the fewer reads for a multiplication: with 32 registers of AVX-512 fourteen rows
of two vectors need 16 reads for 28 products and sums, of which a core does two a cycle (K. Goto,
R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64, POINTER, is_constant, loop
from adjoint.backends.llvm.codegen.registers import splat, splat_constant, vector_type

NARROWEST = 16
"""Bytes of a register that every processor has."""
ARM_REGISTERS = 30
"""Of 32: LLVM reads several numbers of a ahead there, and with one register for these, as in a tile
of 14 rows of two vectors, it keeps sums on the stack."""
CHAINS = 8
"""So many sums must go on side by side: one takes four cycles, and a core begins two a cycle."""
MOST_VECTORS = 4
"""The most vectors of a row of a tile, where there are several rows."""
MOST_HEIGHT, LITTLE_HEIGHT = 14, 8
"""The most rows of a tile, and of one of a small product: as code it is half as long to compile."""
SECOND_TILE = 1.5
"""What the last tile of a row counts if it has fewer columns: it is code of its own, to compile."""
SECOND_CACHE = 0.1
"""Cycles that reading a vector of b costs beside the products."""
LARGE = 16
"""From so many vectors on a round of a tile has room for counters that LLVM would have saved."""
OPEN_SIZE = 2 * MOST_HEIGHT + 1
"""A number of rows, or a depth, from which on the code is the same for any."""
MANY_ROWS = 512
"""From so many rows on a tile has as many as it can."""
HEIGHTS = 13, 8
"""For fewer rows it has one of these numbers, so that their code serves any number of rows: the
first leaves little over of 64, 128 and 256 rows, the second of those that are few."""


def lanes_of(itemsize: int) -> int:
    """How many numbers of so many bytes a vector of a product has."""
    return max(NARROWEST, vectors.register_bytes()) // itemsize


def register_count() -> int:
    """How many vector registers a tile may use, the one for a number of a included."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return ARM_REGISTERS
    return 32 if vectors.register_bytes() == 64 else 16


@dataclass(frozen=True)
class TileSize:
    """So many rows, and so many vectors of each."""

    height: int
    width: int

    @property
    def chains(self) -> int:
        """How many sums each element is made of, so that there are enough to do side by side."""
        least = -(-CHAINS // (self.height * self.width))
        return 4 if least > 2 else least


def tile_size(rows: int, columns: int, lanes: int, highest: int = MOST_HEIGHT) -> TileSize:
    """The size of tile that computes so many rows and columns in the fewest cycles, of at most the
    `highest` number of rows."""
    across = -(-columns // lanes)
    if rows == 1:
        return TileSize(1, min(across, CHAINS))
    highest_of = {
        width: min((register_count() - 1 - width) // width, MOST_HEIGHT)
        for width in range(1, min(across, MOST_VECTORS) + 1)
    }
    sizes = []
    if rows < OPEN_SIZE:
        for width, most in highest_of.items():
            fewest = -(-rows // min(most, highest))
            sizes += [TileSize(-(-rows // count), width) for count in (fewest, fewest + 1)]
    else:  # the width is the same for any number of rows
        sizes = [TileSize(most, width) for width, most in highest_of.items()]
        best = min(sizes, key=lambda size: _cycles(size, MANY_ROWS, across))
        most = min(best.height, highest)
        some = [height for height in HEIGHTS if height <= most and rows < MANY_ROWS]
        sizes = [TileSize(height, best.width) for height in some or [most]]
    return min(sizes, key=lambda size: _cycles(size, rows, across))


def _cycles(size: TileSize, rows: int, across: int) -> float:
    """About how many cycles all tiles of a product take for each depth."""
    high = rows / size.height if rows >= MANY_ROWS else -(-rows // size.height)
    whole, rest = divmod(across, size.width)
    last = _cycles_of(TileSize(size.height, rest)) * SECOND_TILE if rest and whole else 0.0
    if rest and not whole:
        last = _cycles_of(TileSize(size.height, rest))
    return high * (whole * _cycles_of(size) + last)


def _cycles_of(size: TileSize) -> float:
    """The same for one tile: two products, or two reads, a cycle, and the loop itself. What it
    reads of b comes from the second cache."""
    products, reads = size.height * size.width, size.height + size.width
    return max(products, reads) / 2 + 0.5 + SECOND_CACHE * size.width


@dataclass(frozen=True)
class Columns:
    """What lies where in a tile: `width` vectors, of the last of which `active` lanes count."""

    width: int
    lanes: int
    active: int

    def mask(self, vector: int) -> Any:
        """The mask of a vector, or None if all lanes count."""
        if vector < self.width - 1 or self.active == self.lanes:
            return None
        return vectors.first_lanes(None, self.active, self.lanes)


@dataclass(frozen=True)
class Tile:
    """Writes the sums of one tile.

    `a_at(depth)` and `b_at(depth)` are the addresses of what is read first: of rows that are
    `between` numbers apart, and of one vector after the other. `masked` says whether what b has in
    lanes that do not count cannot be read.
    """

    builder: Any
    kind: Any
    height: int
    columns: Columns
    a_at: Callable[[Any], Any]
    between: int
    b_at: Callable[[Any], Any]
    masked: bool

    def sums(self, depth: Any) -> list[list[Any]]:
        """For each row its vectors, summed over so much depth, of which there is some unless it is
        known to be zero."""
        chains = TileSize(self.height, self.columns.width).chains
        own = self.height * self.columns.width
        is_large = own >= LARGE and not (is_constant(depth) and depth.constant < OPEN_SIZE)
        zero = splat_constant(ir.Constant(self.kind, 0.0), self.columns.lanes)
        found = [zero] * (own * chains)

        def some(k: Any, sums: list[Any]) -> list[Any]:
            parts = [sums[i * own : (i + 1) * own] for i in range(chains)]
            steps = [
                self.step(self.builder.add(k, I64(i)) if i else k, part, is_large)
                for i, part in enumerate(parts)
            ]
            return [total for step in steps for total in step]

        def one(k: Any, sums: list[Any]) -> list[Any]:
            return self.step(k, sums[:own], is_large) + sums[own:]

        middle = I64(0)
        if chains > 1:
            middle = _without_rest(self.builder, depth, chains)
            found = summed(self.builder, I64(0), middle, chains, found, some)
        found = summed(self.builder, middle, depth, 1, found, one, runs=chains == 1)
        totals = [add_up(self.builder, found[i::own]) for i in range(own)]
        width = self.columns.width
        return [totals[row * width : (row + 1) * width] for row in range(self.height)]

    def step(self, k: Any, sums: Sequence[Any], is_large: bool) -> list[Any]:
        """The sums with the products at one depth, row by row."""
        builder, columns = self.builder, self.columns
        row_of_b = []
        a, b = self.a_at(k), self.b_at(k)
        if is_large and vectors.register_bytes():
            a, b = opaque(builder, a), opaque(builder, b)
        for v in range(columns.width):
            mask = columns.mask(v) if self.masked else None
            address = self.behind(b, v * columns.lanes)
            row_of_b.append(vectors.load(builder, address, self.kind, columns.lanes, mask))
        found = []
        for row in range(self.height):
            number = builder.load(self.behind(a, row * self.between), typ=self.kind)
            factor = splat(builder, number, columns.lanes)
            for v, x in enumerate(row_of_b):
                old = sums[row * columns.width + v]
                found.append(multiply_add(builder, factor, x, old))
        return found

    def behind(self, address: Any, count: int) -> Any:
        """The address so many numbers further on."""
        return self.builder.gep(address, [I64(count)], source_etype=self.kind) if count else address


def opaque(builder: Any, address: Any) -> Any:
    """An address of which LLVM does not know how it was computed: empty assembly, no instruction.

    The reads of a tile lie at known distances from it, as the processor takes them. LLVM would look
    for better ways to go from round to round, in a sixth of the time that a tile takes to compile.
    For NEON, and for small tiles, it finds some.
    """
    kind = ir.FunctionType(POINTER, [POINTER])
    return builder.call(ir.InlineAsm(kind, "", "=r,0"), [address])


def summed(
    builder: Any,
    start: Any,
    stop: Any,
    step: int,
    sums: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
    runs: bool = False,
) -> list[Any]:
    """What a loop makes of sums: `body` answers those after a round from those before it. If it
    `runs`, a number of rounds that is not known is not zero."""
    over = loop(builder, start, stop, step, unroll=False, runs=runs)
    if over.trip_count == 0:
        return sums
    with over as k:
        if over.trip_count == 1:
            return body(k, sums)
        before = [builder.phi(x.type) for x in sums]
        after = body(k, before)
        last = builder.block
        for phi, x, y in zip(before, sums, after, strict=True):
            phi.add_incoming(x, over.preheader)
            phi.add_incoming(y, last)
    if runs or over.trip_count is not None:
        return after
    found = [builder.phi(x.type) for x in sums]
    for phi, x, y in zip(found, sums, after, strict=True):
        phi.add_incoming(x, over.preheader)
        phi.add_incoming(y, last)
    return found


def add_up(builder: Any, values: Sequence[Any]) -> Any:
    """The sum of a power of two of values, halves with halves."""
    values = list(values)
    while len(values) > 1:
        half = len(values) // 2
        values = [builder.fadd(x, y) for x, y in zip(values[:half], values[half:], strict=True)]
    return values[0]


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, in one rounding where the processor has that."""
    name, signature = multiply_add_of(a.type.element, a.type.count)
    function = builder.module.globals.get(name) or ir.Function(builder.module, signature, name)
    return builder.call(function, [a, b, c])


@cache
def multiply_add_of(kind: Any, lanes: int) -> tuple[str, Any]:
    """The name of the intrinsic for vectors, and its type."""
    vector = vector_type(kind, lanes)
    return f"llvm.fmuladd.{vector.intrinsic_name}", ir.FunctionType(vector, [vector] * 3)


def _without_rest(builder: Any, count: Any, step: int) -> Any:
    """The largest multiple of a power of two up to `count`."""
    if isinstance(count, ir.Constant):
        return I64(count.constant // step * step)
    return builder.and_(count, I64(-step))
