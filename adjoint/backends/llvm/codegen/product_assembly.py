"""A tile of a matrix product as assembly: what `product_tile.Tile` writes, and the putting down.

Floor 6. The sums are made in the same order, so results have the same bits; LLVM takes a twentieth
of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from adjoint.backends.llvm.codegen.assembly import Operands, Registers
from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.codegen.product_tile import Columns, TileSize


@dataclass(frozen=True)
class TileAssembly:
    """Writes one tile.

    Distances are in bytes: `between` rows of a, `a_step` and `b_step` from depth to depth, and
    `c_step` between rows of the result. An `a_step` of None is given. `masked` says whether what b
    has in lanes that do not count cannot be read. Rows before `skipped` are not put down, but the
    last row always is, if `skips`. What is there is `added` to always, never, or later: unless the
    number `k` is zero.
    """

    registers: Registers
    height: int
    columns: Columns
    between: int
    a_step: int | None
    b_step: int
    c_step: int
    masked: bool
    skips: bool
    added: Literal["never", "always", "later"]
    negative: bool
    scaled: bool

    def write(self, builder: Any, given: Mapping[str, Any]) -> None:
        """Put it where the builder stands: `given` are the addresses `a`, `b`, `c` and `scale`, the
        depth `count`, and the numbers `skipped`, `k` and `a_step`."""
        wanted = ["c"]
        wanted += ["a_step"] if self.a_step is None else []
        wanted += ["skipped"] if self.skips else []
        wanted += ["k"] if self.added == "later" else []
        wanted += ["scale"] if self.scaled else []
        others = {name: given[name] for name in wanted}
        if self.is_partial:
            others["mask"] = self.registers.mask_of(builder, I64(self.columns.active))
        operands = Operands({name: given[name] for name in ("a", "b", "count")}, others)
        operands.write(builder, self.registers, list(self.lines(operands)))

    @property
    def is_partial(self) -> bool:
        """Whether some lanes of the last vector do not count."""
        return self.columns.active < self.columns.lanes

    @cached_property
    def row_of_b(self) -> list[str]:
        """The registers for vectors of b. One row of a reads them once, and needs one register, for
        what is read under a mask."""
        return self.registers.named(0, self.columns.width if self.height > 1 else 1)

    @cached_property
    def number(self) -> str:
        """The register for a number of a in all lanes, later for the factor."""
        place = len(self.row_of_b)
        return self.registers.named(place, place + 1)[0]

    @cached_property
    def sums(self) -> list[list[str]]:
        """The registers for the sums, row by row, of each chain."""
        size, first = TileSize(self.height, self.columns.width), len(self.row_of_b) + 1
        own = size.height * size.width
        starts = range(first, first + own * size.chains, own)
        return [self.registers.named(start, start + own) for start in starts]

    def lines(self, operands: Operands) -> Iterator[str]:
        """The assembly."""
        registers, chains = self.registers, len(self.sums)
        if self.is_partial:
            yield from registers.ready(operands["mask"])
        for own in self.sums:
            yield from registers.zeros(own)
        count = operands["count"]
        if chains == 1:
            yield from self.rounds(operands, 1, count)
        else:
            yield from (f"movq {count}, %rax", f"andq $$-{chains}, %rax", "je 2f")
            yield from self.rounds(operands, chains, "%rax")
            yield from ("2:", f"andq $${chains - 1}, {count}", "je 3f")
            yield from self.rounds(operands, 1, count)
            yield "3:"
            yield from self.added_up()
        yield from self.factor(operands)
        if self.added == "later":
            yield from (f"testq {operands['k']}, {operands['k']}", "jne 4f")
            yield from registers.zeros(self.row_of_b[:1])
            yield from self.rows(operands, "zero")
            yield from ("jmp 5f", "4:")
            yield from self.rows(operands, "there")
            yield "5:"
        else:
            yield from self.rows(operands, "there" if self.added == "always" else None)

    # the sums

    def rounds(self, operands: Operands, depths: int, count: str) -> Iterator[str]:
        """A loop over so many depths, `count` of them, each round with one for each of the first
        chains."""
        yield from (".p2align 4", "1:")
        for chain in range(depths):
            yield from self.step(operands, chain)
        if self.a_step is not None:
            yield f"addq $${depths * self.a_step}, {operands['a']}"
        yield f"addq $${depths * self.b_step}, {operands['b']}"
        yield from (f"subq $${depths}, {count}", "jne 1b")

    def step(self, operands: Operands, chain: int) -> Iterator[str]:
        """The products at one depth, added to the sums of a chain."""
        registers, width = self.registers, self.columns.width
        row_of_b = []  # registers, or what is read by one product only
        for v in range(width):
            at = f"{chain * self.b_step + v * registers.bytes}({operands['b']})"
            register = self.row_of_b[v if self.height > 1 else 0]
            if self.is_partial and self.masked and v == width - 1:
                yield from registers.load_first(at, register, operands["mask"])
            elif self.height > 1:
                yield f"vmovu{registers.packed} {at}, {register}"
            else:
                register = at
            row_of_b.append(register)
        start = 0 if self.a_step is None else chain * self.a_step
        fma, sums = f"vfmadd231{registers.packed}", iter(self.sums[chain])
        for row in range(self.height):
            at = f"{start + row * self.between}({operands['a']})"
            if width == 1 and self.height > 1 and registers.is_widest:
                yield f"{fma} {at}{{1to{registers.lanes}}}, {row_of_b[0]}, {next(sums)}"
                continue
            yield f"vbroadcast{registers.single} {at}, {self.number}"
            for x in row_of_b:
                yield f"{fma} {x}, {self.number}, {next(sums)}"
        if self.a_step is None:
            yield f"addq {operands['a_step']}, {operands['a']}"

    def added_up(self) -> Iterator[str]:
        """Add the chains up into the first, halves with halves."""
        chains = self.sums
        while len(chains) > 1:
            half = len(chains) // 2
            for own, others in zip(chains[:half], chains[half:], strict=True):
                for x, y in zip(own, others, strict=True):
                    yield f"vadd{self.registers.packed} {y}, {x}, {x}"
            chains = chains[:half]

    # what becomes of them

    def factor(self, operands: Operands) -> Iterator[str]:
        """Have ± the factor in its register; without one the bits by which sums are negated."""
        registers, free = self.registers, self.row_of_b[0]
        if self.scaled:
            yield f"vbroadcast{registers.single} ({operands['scale']}), {self.number}"
            if self.negative:
                yield from registers.signs(free)
                yield f"vxor{registers.packed} {free}, {self.number}, {self.number}"
        elif self.negative:
            yield from registers.signs(self.number)

    def rows(self, operands: Operands, old: Literal["zero", "there"] | None) -> Iterator[str]:
        """Put the sums down, row by row, with zero or what is there added to them."""
        width = self.columns.width
        for row in range(self.height):
            is_skipped = self.skips and row < self.height - 1  # the other may be another thread's
            if is_skipped:
                yield from (f"cmpq $${row}, {operands['skipped']}", "jg 6f")
            for v in range(width):
                offset = row * self.c_step + v * self.registers.bytes
                is_partial = self.is_partial and v == width - 1
                total = self.sums[0][row * width + v]
                yield from self.put_down(operands, total, offset, is_partial, old)
            if is_skipped:
                yield "6:"

    def put_down(
        self, operands: Operands, total: str, offset: int, is_partial: bool, old: str | None
    ) -> Iterator[str]:
        """Write ± factor · total + old to an offset from where the tile begins in the result."""
        registers, before = self.registers, self.row_of_b[0]
        at, p = f"{offset}({operands['c']})", registers.packed
        if old == "there" and is_partial:
            yield from registers.load_first(at, before, operands["mask"])
        elif old == "there":
            yield f"vmovu{p} {at}, {before}"
        if self.scaled:
            fma, product = f"vfmadd213{p} {before}", f"vmul{p} {total}"
            yield f"{fma if old else product}, {self.number}, {total}"
        elif old:
            yield f"v{'sub' if self.negative else 'add'}{p} {total}, {before}, {total}"
        elif self.negative:
            yield f"vxor{p} {self.number}, {total}, {total}"
        if is_partial:
            yield from registers.store_first(total, operands["c"], offset, self.columns.active)
        else:
            yield f"vmovu{p} {total}, {at}"
