"""Nothing is written beyond the end of a result: every cast, every rest of a loop, every vector."""

from __future__ import annotations

import re

import numpy as np
import pytest
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.emitter import Vector
from adjoint.backends.llvm.compile import jit, kernel_cache

pytestmark = pytest.mark.native

DTYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
CASTS = [(a, b) for a in DTYPES for b in DTYPES if a != b]
LENGTHS = {
    "vectors": (15, *(64 + rest for rest in (1, 2, 3, 5, 9, 17, 33))),
    "AVX2": (65, 66, 69, 73),
    "one by one": (9, 15, 65),
}
"""Of rows: such of which each kind of rest is left over by vectors of 4, 8, 16, 32 and 64 lanes;
and short ones, which LLVM may do in one round of its own."""

GUARD, BYTE = 64, 0xA5
AVX2 = "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.1,+sse4.2"


@pytest.fixture
def way(request, monkeypatch, tmp_path):
    """All ways to write a kernel; nothing is found on disk or in memory."""
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "_kernels", {})
    if request.param == "one by one":
        monkeypatch.setattr(vectors, "register_bytes", lambda: 0)
    elif not vectors.register_bytes():
        pytest.skip("the lanes of this processor's vectors cannot be masked")
    elif request.param == "AVX2":
        triple, _, _ = jit.host()
        monkeypatch.setattr(jit, "host", lambda: (triple, "haswell", AVX2))
        monkeypatch.setattr(vectors, "register_bytes", vectors.register_bytes.__wrapped__)
    return request.param


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
    ("way", "length"),
    [(way, length) for way, lengths in LENGTHS.items() for length in lengths],
    indirect=["way"],
)
def test_a_cast_writes_its_elements_and_no_more(way, length):
    """Each cast is a kernel of its own, as its number of blocks is; the length of a row is known
    to the code, so that the rest of a row is, too."""
    values = np.random.default_rng(length).integers(0, 100, (2, length))
    given = {dtype: values.astype(dtype) for dtype in DTYPES}

    def f(given):
        return [
            ad.broadcast_to(given[a], (2 + i, 2, length)).astype(b)
            for i, (a, b) in enumerate(CASTS)
        ]

    places = [Guarded((2 + i, 2, length), b) for i, (_, b) in enumerate(CASTS)]
    program = ad.compile(f).trace(given).program
    program.run([given[d] for d in sorted(DTYPES)], {i: p.array for i, p in enumerate(places)})
    assert [c for c, p in zip(CASTS, places, strict=True) if not p.is_whole] == []
    for (a, b), place in zip(CASTS, places, strict=True):
        wanted = np.broadcast_to(given[a].astype(b), place.array.shape)
        np.testing.assert_array_equal(place.array, wanted, err_msg=f"{a} to {b}")


@pytest.mark.parametrize("lanes", [2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("kind", [ir.IntType(8), ir.IntType(32), ir.DoubleType()])
def test_a_store_of_so_many_lanes_as_are_known_has_no_mask(kind, lanes):
    """LLVM takes a masked store of one lane for a store of what was there before a truncation."""
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
