"""What the code of a matrix product is like, and what it depends on."""

from __future__ import annotations

from functools import cached_property

from adjoint.backends.llvm.calls.product_layout import product_of
from adjoint.backends.llvm.codegen import assembly
from adjoint.backends.llvm.codegen.product_tile import MOST_HEIGHT, OPEN_SIZE
from adjoint.schedule.plan import Gemm

LITTLE = 4096
"""So many numbers are transposed one by one: in less than a microsecond or two, and by code that is
an eighth as long."""
FURTHEST = 1 << 31
"""Bytes from the beginning of a tile that assembly cannot reach any more."""
LEAST_WORK = 1 << 12
"""Fewer multiplications take as little time as what is around them, so LLVM writes all of that as
well as it can: products of 3×3 matrices would take 9 ns instead of 8. There is more around those of
which a is transposed. But what transposes b first takes half as long by assembly."""


class ProductForm:
    """The form of the code for a step."""

    def __init__(self, step: Gemm) -> None:
        self.step = step
        self.product = product_of(step)

    @cached_property
    def fixed_depth(self) -> int | None:
        """The depth, where the code depends on it: it is the distance between rows of a."""
        product = self.product
        is_open = product.transpose_a and product.depth >= OPEN_SIZE
        return None if is_open else product.depth

    @cached_property
    def is_exact(self) -> bool:
        """Whether it is known that tiles end where the rows do."""
        rows, height = self.product.rows, self.product.tile.height
        return self.product.by_dots or (rows < OPEN_SIZE and rows % height == 0)

    @cached_property
    def is_blocked(self) -> bool:
        """Whether the depth is summed in several blocks."""
        return self.product.depth_block < self.product.depth

    @cached_property
    def is_assembly(self) -> bool:
        """Whether what takes long is written as assembly, and all around it compiled quickly."""
        p = self.product
        if p.by_dots or not assembly.is_written():
            return False
        is_near = MOST_HEIGHT * max(p.columns, p.depth) * p.itemsize < FURTHEST
        least = 1 if p.transpose_b else LEAST_WORK * (4 if p.transpose_a else 1)
        return is_near and p.rows * p.columns * p.depth >= least

    @cached_property
    def registers(self) -> assembly.Registers:
        """The registers that assembly uses."""
        return assembly.Registers(self.product.lanes * self.product.itemsize, self.product.itemsize)

    @property
    def by_number(self) -> bool:
        """Whether b is transposed one number after the other."""
        product = self.product
        is_little = product.transpose_b and product.depth * product.columns <= LITTLE
        return is_little and not self.is_assembly

    def text(self) -> str:
        """What the code depends on: equal for equal functions."""
        step, p = self.step, self.product
        tile = f"{p.rows} dots" if p.by_dots else f"{p.tile.height}x{p.tile.width}"
        block = p.depth_block if self.fixed_depth is not None else self.is_blocked
        return (
            f"product {step.root.dtype.str} {tile} columns {p.columns} depth {self.fixed_depth} "
            f"block {block} {p.lanes} {p.transpose_a} {p.transpose_b} "
            f"packs {p.packs_a} {p.packs} {p.group} "
            f"{self.by_number} assembly {self.is_assembly} "
            f"exact {self.is_exact} {step.negative} {step.scale is not None} "
            f"{step.addend is not None}"
        )

    @property
    def level(self) -> str:
        """Which of `jit.LEVELS` it is compiled with."""
        return "assembly" if self.is_assembly else "written"

    @property
    def across_a(self) -> int:
        """How many numbers a depth has in what is packed of a: whole vectors."""
        lanes = self.product.lanes
        return -(-self.product.tile.height // lanes) * lanes
