"""How a matrix product is cut into tiles, which tiles are computed together, and what is packed.

What is worth several threads is cut for our pool, by columns or by rows, whichever there are more
of. Each element is summed in the same order whatever the cut, so the result is the same for any
number of threads.
"""

from __future__ import annotations

from functools import cached_property

from adjoint.backends.llvm.codegen import product_dots
from adjoint.backends.llvm.codegen.product_tile import (
    LITTLE_HEIGHT,
    MOST_HEIGHT,
    TileSize,
    lanes_of,
    tile_size,
)
from adjoint.schedule.memory import rounded
from adjoint.schedule.plan import Gemm

MOST_DEPTH = 400
"""So much depth is summed before the sums are put down: what a tile reads of a and of b then fits
into the nearest cache, and rounding errors grow less."""
STREAM_DEPTH = 16
"""The same where all of b is read once: so many rows of it are read side by side, each from its
beginning to its end, as the processor fetches ahead best."""
GROUP_BYTES = 1 << 18
"""What is packed at a time: it should stay in the second cache."""
SMALL_BYTES = 1 << 15
"""So many bytes of b are near anyway, and not worth packing."""
DIRECT_BYTES = 1 << 20
"""So many bytes of b are read where they are if rows of a, stored as columns, are packed: then only
b comes from the second cache, and packing it gains nothing."""
PACKED_ROWS = 100
"""For fewer rows packing costs more than it gains: 64 rows of 784 times 128 columns take 87 µs, and
95 with it (float32, Xeon with AVX-512)."""
PAGE, NEAR_PAGES = 4096, 64
"""Bytes of a page of memory, and how many pages a core finds without delay."""
SHARED_PANELS = 4
"""By so many tiles side by side at least something packed of a has to be read."""
PART_WORK = 1 << 19
"""Multiplications that are worth handing to a thread: 10 to 20 µs."""
ENOUGH_PANELS = 8
"""From so many tiles side by side on threads share these where b is packed: each packs its own, and
two threads end at about the same time."""
MOST_PARTS = 16
"""Parts of a product at most."""


def product_of(step: Gemm) -> Product:
    """One of the products of a step, which is found once."""
    if step.layout is None:
        step.layout = Product(step)
    found: Product = step.layout
    return found


class Product:
    """One product c = op(a) op(b) as the code sees it. A result of one column is computed as its
    transpose, a row: then a and b have changed places.

    `transpose_a` says whether rows of a are stored as columns, which makes no difference for one
    row; `transpose_b` whether columns of b are stored as rows, for which one column is taken.
    """

    def __init__(self, step: Gemm) -> None:
        rows, columns = step.root.shape[-2:]
        self.depth = step.a.shape[-2 if step.transpose_a else -1]
        self.is_turned = columns == 1
        self.rows, self.columns = (columns, rows) if self.is_turned else (rows, columns)
        self.transpose_a = step.transpose_a and self.rows > 1
        self.transpose_b = step.transpose_b
        if self.is_turned:
            self.transpose_b = not step.transpose_a or self.columns == 1
        self.itemsize = step.root.dtype.itemsize
        self.lanes = lanes_of(self.itemsize)

    @cached_property
    def tile(self) -> TileSize:
        is_small = self.rows * self.columns * self.depth < PART_WORK
        highest = LITTLE_HEIGHT if is_small else MOST_HEIGHT
        return tile_size(self.rows, self.columns, self.lanes, highest)

    @cached_property
    def by_dots(self) -> bool:
        """Whether vectors go along the depth."""
        return self.transpose_b and self.rows <= product_dots.MOST_ROWS and not self.transpose_a

    @cached_property
    def packs(self) -> bool:
        """Whether what is read of b is copied first."""
        if self.by_dots or self.transpose_b:
            return not self.by_dots
        near = DIRECT_BYTES if self.packs_a else SMALL_BYTES
        is_near = self.depth * self.columns * self.itemsize <= near
        return not is_near and self.rows >= PACKED_ROWS

    @cached_property
    def packs_a(self) -> bool:
        """Whether what a row of tiles reads of a is copied first.

        It pays where rows of a are stored as columns, some numbers of which lie on more pages than
        a core finds without delay: 784×256 times 256×512 takes 1.15 ms instead of 1.54, and
        256×512 times 512×1000 as long as before (float32, Xeon with AVX-512).
        """
        pages = self.depth_block * min(self.rows * self.itemsize, PAGE) // PAGE
        is_far = self.transpose_a and pages > NEAR_PAGES
        return is_far and self.panels >= SHARED_PANELS and self.rows >= PACKED_ROWS

    @cached_property
    def depth_block(self) -> int:
        """How much depth is summed at a time."""
        most = MOST_DEPTH
        is_large = self.depth * self.columns * self.itemsize > 8 * SMALL_BYTES
        if is_large and self.rows <= self.tile.height and self.columns > self.panel:
            most = STREAM_DEPTH
        if self.by_dots or self.depth <= most:
            return self.depth
        blocks = -(-self.depth // most)
        return -(-self.depth // (4 * blocks)) * 4

    @cached_property
    def panel(self) -> int:
        """How many columns a tile has."""
        if self.by_dots:
            return product_dots.group_size(self.rows, self.columns, self.lanes)
        return self.tile.width * self.lanes

    @cached_property
    def panel_bytes(self) -> int:
        """The memory in which a panel is packed."""
        deep = -(-self.depth_block // self.lanes) * self.lanes
        return self.panel * deep * self.itemsize

    @cached_property
    def group(self) -> int:
        """How many panels are packed at a time, at most all. Few numbers occur, as code depends on
        it that is the same for any depth."""
        if not self.packs:
            return self.panels
        deep = min(1 << (self.depth_block - 1).bit_length(), MOST_DEPTH)
        return min(max(1, GROUP_BYTES // (self.panel * deep * self.itemsize)), self.panels)

    @cached_property
    def panels(self) -> int:
        """How many tiles lie side by side."""
        return -(-self.columns // self.panel)

    @cached_property
    def row_tiles(self) -> int:
        """How many tiles lie one below the other."""
        return 1 if self.by_dots else -(-self.rows // self.tile.height)

    @cached_property
    def by_rows(self) -> bool:
        """Whether threads share the rows, rather than the columns: then each packs all of b."""
        return self.row_tiles > self.panels and not (self.packs and self.panels >= ENOUGH_PANELS)

    @cached_property
    def units(self) -> int:
        """What threads share: rows of tiles, or columns of them."""
        return self.row_tiles if self.by_rows else self.panels

    @cached_property
    def grain(self) -> int:
        """How many of these are a part."""
        parts = self.rows * self.columns * self.depth // PART_WORK
        if self.by_rows and self.packs:  # each part packs for itself
            parts = min(parts, self.row_tiles // 8)
        elif self.packs_a and not self.by_rows:  # each part packs all of a
            parts = min(parts, self.panels // SHARED_PANELS)
        return -(-self.units // max(1, min(parts, MOST_PARTS)))

    @cached_property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.units // self.grain)

    @cached_property
    def scratch_bytes(self) -> int:
        """The memory for what is packed."""
        if not self.packs:
            return 0
        slots = self.parts * self.group if self.by_rows else self.panels
        return rounded(slots * self.panel_bytes)
