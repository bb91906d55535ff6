"""Assembly for x86, which LLVM only has to encode: operands have names, registers numbers.

Floor 6. LLVM takes 13 microseconds to choose instructions and registers for an instruction of its
language, and about one to encode a line. What lies around such lines is left to LLVM, which knows
how a platform passes arguments and what a function must leave as it was. Labels are numbers, of
which each may occur often, so no name is seen from outside.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.compile import jit

I8, I32 = ir.IntType(8), ir.IntType(32)
WIDEST = 64
"""Bytes of a register of AVX-512, where a mask has one bit for each lane. One of AVX2 has as many
bytes as a lane."""
BITS = "k1"
"""The register for a mask of bits."""


def is_written() -> bool:
    """Whether there can be assembly for this processor: x86 of 64 bits with AVX2 and FMA."""
    return vectors.register_bytes() > 0 and jit.host()[0].startswith(("x86_64", "amd64"))


@dataclass(frozen=True)
class Registers:
    """The vector registers of so many bytes, for numbers of so many."""

    bytes: int
    itemsize: int

    @property
    def lanes(self) -> int:
        """How many numbers one holds."""
        return self.bytes // self.itemsize

    @property
    def is_widest(self) -> bool:
        """Whether they are those of AVX-512."""
        return self.bytes == WIDEST

    @property
    def packed(self) -> str:
        """How instructions end that work on all lanes."""
        return "ps" if self.itemsize == 4 else "pd"

    @property
    def single(self) -> str:
        """How those end that work on one number."""
        return "ss" if self.itemsize == 4 else "sd"

    def named(self, start: int, stop: int) -> list[str]:
        """The names of the registers with these numbers."""
        return [f"%{'z' if self.is_widest else 'y'}mm{n}" for n in range(start, stop)]

    def all(self) -> list[str]:
        """The names of all there are."""
        return self.named(0, 32 if self.is_widest else 16)

    def zeros(self, registers: Sequence[str]) -> list[str]:
        """Set all lanes to zero."""
        word = "vpxord" if self.is_widest else "vpxor"
        return [f"{word} {r}, {r}, {r}" for r in registers]

    def signs(self, register: str) -> list[str]:
        """Set the bit of the sign, and no other, in all lanes."""
        r, kind = register, "d" if self.itemsize == 4 else "q"
        ones = f"vpternlogd $$255, {r}, {r}, {r}" if self.is_widest else f"vpcmpeqd {r}, {r}, {r}"
        return [ones, f"vpsll{kind} $${8 * self.itemsize - 1}, {r}, {r}"]

    # the first lanes of a register

    def mask_of(self, builder: Any, count: Any) -> Any:
        """The operand `mask` by which the first `count` lanes are chosen: bits, or an address."""
        if not self.is_widest:
            offset = builder.sub(I64(self.bytes), builder.mul(count, I64(self.itemsize)))
            return builder.gep(_masks(builder.module, self.bytes), [offset], source_etype=I8)
        if isinstance(count, ir.Constant):
            return I32((1 << count.constant) - 1)
        bits = builder.sub(builder.shl(I64(1), count), I64(1))
        return builder.trunc(bits, I32)

    def ready(self, mask: str) -> list[str]:
        """Have the operand `mask` ready for what follows."""
        return [f"kmovw {mask}, %{BITS}"] if self.is_widest else []

    def load_first(self, at: str, register: str, mask: str) -> list[str]:
        """Read the lanes that the mask has, and zeros into the others."""
        if self.is_widest:
            return [f"vmovu{self.packed} {at}, {register}{{%{BITS}}}{{z}}"]
        load = f"vmaskmov{self.packed} {at}, {register}, {register}"
        return [f"vmovu{self.packed} ({mask}), {register}", load]

    def store_first(self, register: str, at: str, offset: int, count: int) -> list[str]:
        """Write the first `count` lanes to an offset from an address; the register is changed.

        In parts of 8, 4, 2 and 1 lanes: some processors take long to write under a mask of bytes,
        and what is written under one of bits cannot be read soon, nor can its neighbours.
        """
        lines, low = [], register
        extract = "vextractf32x4" if self.is_widest else "vextractf128"
        for size, word, name in ((32, "vextractf64x4", "%ymm"), (16, extract, "%xmm")):
            if size < self.bytes:
                high, low = low, name + register[4:]
                if count * self.itemsize >= size:
                    lines.append(f"vmovu{self.packed} {low}, {offset}({at})")
                    lines.append(f"{word} $$1, {high}, {low}")
                    offset, count = offset + size, count - size // self.itemsize
        if count * self.itemsize >= 8 and self.itemsize == 4:
            lines.append(f"vmovlps {low}, {offset}({at})")
            lines.append(f"vunpckhpd {low}, {low}, {low}")
            offset, count = offset + 8, count - 2
        return lines + ([f"vmov{self.single} {low}, {offset}({at})"] if count else [])


def _masks(module: Any, size: int) -> Any:
    """The bytes of which those from the right place on are a mask: ones, and as many zeros."""
    name = "adjoint_masks"
    found = module.globals.get(name)
    if found is None:
        kind = ir.ArrayType(I8, 2 * size)
        found = ir.GlobalVariable(module, kind, name)
        found.linkage, found.global_constant = "internal", True
        found.initializer = ir.Constant(kind, bytearray(b"\xff" * size + bytes(size)))
    return found


class Operands:
    """What lines of assembly are given, by name: values that they change, and others."""

    def __init__(self, changed: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self.changed, self.given = changed, given
        self.names = {name: f"${n}" for n, name in enumerate((*changed, *given))}

    def __getitem__(self, name: str) -> str:
        return self.names[name]

    def write(self, builder: Any, registers: Registers, lines: Sequence[str]) -> None:
        """Put the lines where the builder stands. They may use ``rax`` and all vectors and masks.

        The function around them must have no floats or vectors of its own. So there is nothing that
        LLVM could keep in vector registers, and it is told of one only, as it takes 12 microseconds
        to find one by name: then the function ends by ``vzeroupper``. Windows wants some of them
        left as they were, so there it is told of all.
        """
        values = [*self.given.values(), *self.changed.values()]
        clobbered = registers.all() if sys.platform == "win32" else registers.all()[:1]
        constraints = [
            *["=&r"] * len(self.changed),
            *["r"] * len(self.given),
            *map(str, range(len(self.changed))),
            *[f"~{{{name.strip('%')}}}" for name in (*clobbered, "rax", "memory", "flags")],
        ]
        kinds = [x.type for x in self.changed.values()]
        result = ir.LiteralStructType(kinds) if len(kinds) > 1 else kinds[0]
        kind = ir.FunctionType(result, [x.type for x in values])
        text, places = "\n".join(lines), ",".join(constraints)
        builder.call(ir.InlineAsm(kind, text, places, side_effect=True), values)
