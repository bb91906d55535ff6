"""No store writes beyond the end of a result: every cast, every length of a tail."""

from __future__ import annotations

import re

import numpy as np
import pytest
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.registers import Vector
from tests.sampling import every

pytestmark = pytest.mark.native

DTYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
CASTS = [(a, b) for a in DTYPES for b in DTYPES if a != b]
LENGTHS = {
    "vectors": (15, *(64 + tail for tail in (1, 2, 3, 5, 9, 17, 33))),
    "AVX2": (65, 66, 69, 73),
    "scalars": (9, 15, 65),
}
"""Of rows: for vectors of 4, 8, 16, 32 and 64 lanes each kind of tail; and short ones, for which
LLVM may write a single iteration of its own."""

GUARD, BYTE = 64, 0xA5


class Guarded:
    """Memory for an array between guards."""

    def __init__(self, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.memory = np.full(GUARD + size + GUARD, BYTE, np.uint8)
        self.array = self.memory[GUARD:-GUARD].view(dtype).reshape(shape)

    @property
    def is_whole(self):
        return bool((self.memory[:GUARD] == BYTE).all() and (self.memory[-GUARD:] == BYTE).all())


@pytest.mark.parametrize(
    ("vector_target", "length"),
    every(3, [(target, length) for target, lengths in LENGTHS.items() for length in lengths]),
    indirect=["vector_target"],
)
def test_a_cast_writes_its_elements_and_no_more(vector_target, length):
    """Each cast is a kernel of its own, as its number of blocks is; the length of a row is known
    to the code, so that the tail of a row is, too."""
    values = np.random.default_rng(length).integers(0, 100, (2, length))
    given = {dtype: values.astype(dtype) for dtype in DTYPES}

    def f(given):
        return [
            ad.broadcast_to(given[a], (2 + i, 2, length)).astype(b)
            for i, (a, b) in enumerate(CASTS)
        ]

    results = [Guarded((2 + i, 2, length), b) for i, (_, b) in enumerate(CASTS)]
    program = ad.compile(f).trace(given).program
    program.run([given[d] for d in sorted(DTYPES)], {i: p.array for i, p in enumerate(results)})
    assert [c for c, p in zip(CASTS, results, strict=True) if not p.is_whole] == []
    for (a, b), result in zip(CASTS, results, strict=True):
        wanted = np.broadcast_to(given[a].astype(b), result.array.shape)
        np.testing.assert_array_equal(result.array, wanted, err_msg=f"{a} to {b}")


@pytest.mark.parametrize("lanes", [2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("kind", [ir.IntType(8), ir.IntType(32), ir.DoubleType()])
def test_a_store_of_a_known_number_of_lanes_has_no_mask(kind, lanes):
    """LLVM 22 makes a store of the type before a truncation of a masked store of one lane."""
    for count in range(1, lanes):
        module = ir.Module()
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()]), "f")
        builder = ir.IRBuilder(function.append_basic_block())
        value = builder.load(function.args[0], typ=Vector(kind, lanes))
        mask = vectors.first_lanes(builder, count, lanes)
        vectors.store(builder, function.args[0], kind, value, mask)
        builder.ret_void()
        stores = re.findall(r"store (?:<(\d+) x )?", str(module))
        assert sum(int(n or 1) for n in stores) == count
        assert "masked" not in str(module)
