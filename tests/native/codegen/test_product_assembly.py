"""Products by assembly against those that LLVM writes: equal to the last bit."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle, product
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

from adjoint.backends.llvm.calls import product_form
from adjoint.backends.llvm.calls.product_kernel import ProductWriter
from adjoint.backends.llvm.calls.product_layout import Product
from adjoint.backends.llvm.codegen import assembly, vectors
from adjoint.backends.llvm.codegen.assembly import Operands, Registers
from adjoint.backends.llvm.codegen.loops import I64
from adjoint.backends.llvm.codegen.product_assembly import TileAssembly
from adjoint.backends.llvm.codegen.product_tile import Columns, lanes_of, tile_size
from adjoint.backends.llvm.compile import jit, kernel_cache
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.graph.forking import building
from adjoint.graph.tensor import as_tensor
from adjoint.schedule.plan import Gemm
from tests.native.codegen.products import Functions, at_the_end_of_memory, step_of, within

pytestmark = [pytest.mark.native]
RNG = np.random.default_rng(11)

SIZES = [
    (1, 1, 3),
    (1, 33, 21),
    (2, 6, 39),
    (3, 70, 5),
    (5, 15, 70),
    (7, 12, 1),
    (14, 3, 40),
    (29, 50, 13),
    (65, 17, 40),
    (101, 98, 410),
    (300, 11, 18),
    (400, 150, 430),
    (430, 132, 300),
]
"""Rows, columns, depth: few of them multiples of a vector or a tile; the last ones are packed, and
summed in blocks."""
FLAGS = list(product((False, True), repeat=2))


everywhere = pytest.mark.parametrize("vector_target", ["vectors", "AVX2"], indirect=True)


@pytest.fixture
def target(vector_target: str) -> str:
    """A processor for which there is assembly: this one, or one with AVX2."""
    if not assembly.is_written():
        pytest.skip("there is no assembly for this processor")
    return vector_target


def steps_of(dtype: str) -> list[Gemm]:
    """Products of all sizes, with all that may be done with a sum."""
    scale = as_tensor(np.asarray(0.3, dtype)).node
    words: list[dict[str, Any]] = [
        {} | ({"negative": True} if negative else {}) | added | scaled
        for negative in (False, True)
        for added in ({}, {"addend": True})
        for scaled in ({}, {"scale": scale})
    ]
    more, found = cycle(words), []
    for number, size in enumerate(SIZES):
        for flags in FLAGS[number % 2 :: 2]:
            found.append(step_of(*size, flags, dtype, **next(more)))
        next(more)  # so that flags come with other words
    return [step for step in found if not Product(step).by_dots]


def unusual(shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers, among them zeros, the smallest there are, and in larger arrays some not finite."""
    found = RNG.normal(size=shape).astype(dtype)
    found[RNG.random(shape) < 0.1] = -0.0
    found[RNG.random(shape) < 0.02] = np.finfo(dtype).smallest_subnormal
    if found.size > 100:
        found.flat[[3, 50, 77]] = np.inf, -np.inf, np.nan
    return found


@everywhere
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_all_bits_are_those_of_the_code_that_llvm_writes(
    dtype: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_form, "LEAST_WORK", 1)
    steps = steps_of(dtype)
    assert all(ProductWriter(step).is_assembly for step in steps)
    ours = Functions(steps)
    monkeypatch.setattr(assembly, "is_written", lambda: False)
    wanted = Functions(steps)
    scale = np.asarray(0.3, dtype)
    for number, step in enumerate(steps):
        a = unusual(step.a.shape, dtype)
        b = RNG.normal(size=step.b.shape).astype(dtype)
        old, found = RNG.normal(size=step.root.shape), []
        units = Product(step).units
        cuts = [(0, units // 2), (units // 2, units)] if units > 1 else [(0, units)]
        for functions in (ours, wanted):
            c, whole = within(step.root.shape, dtype, old)
            functions.call(number, step, a, b, c, scale, cuts)
            assert np.isnan(whole[:64]).all() and np.isnan(whole[-64:]).all()
            found.append(np.where(np.isnan(c), np.nan, c).view(f"u{c.itemsize}"))
        np.testing.assert_array_equal(*found, err_msg=f"{ProductWriter(step).text()}")


@everywhere
def test_the_sizes_reach_all_that_is_written_differently(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of("f4")
    writers, products = [ProductWriter(step) for step in steps], [Product(step) for step in steps]
    assert {p.packs for p in products} == {w.is_exact for w in writers} == {True, False}
    assert {p.packs_a for p in products} == {w.is_blocked for w in writers} == {True, False}
    chains = {p.tile.chains for p in products}
    assert chains == {1, 2, 4}
    seen = {
        (w.is_blocked, w.step.negative, w.step.scale is None, w.step.addend is None)
        for w in writers
    }
    assert len({words[1:] for words in seen}) == 8 and len({w for w in seen if w[0]}) >= 4


def forms(itemsize: int) -> Iterator[TileAssembly]:
    """Tiles of all sizes; for each all forms of masks, and some of what is done with sums."""
    lanes = lanes_of(itemsize)
    registers = Registers(lanes * itemsize, itemsize)
    sizes = {tile_size(m, n, lanes) for m in (*range(1, 40), 512) for n in range(1, 9 * lanes)}
    heights = {(size.height, width) for size in sizes for width in range(1, size.width + 1)}
    words = cycle(product(("never", "always", "later"), (False, True), (False, True), (None, 4)))
    for (height, width), active, masked in product(sorted(heights), (lanes, 1, 3), (False, True)):
        for skips in (False, True):
            added, negative, scaled, step = next(words)
            columns, rows = Columns(width, lanes, active), (itemsize, step, 4 * width, 4000)
            yield TileAssembly(
                registers, height, columns, *rows, masked, skips, added, negative, scaled
            )


@everywhere
@pytest.mark.parametrize("itemsize", [4, 8])
def test_every_tile_can_be_assembled_and_has_registers_enough(itemsize: int, target: str) -> None:
    module = ir.Module()
    kind = ir.FunctionType(ir.VoidType(), [I64] * 9)
    builder = IRBuilder(ir.Function(module, kind, "f").append_basic_block())
    names = ("a", "b", "count", "c", "skipped", "k", "scale", "a_step", "mask")
    given = dict(zip(names, builder.function.args, strict=True))
    given["mask"] = Registers(vectors.register_bytes(), itemsize).mask_of(builder, I64(1))
    operands = Operands({name: given.pop(name) for name in ("a", "b", "count")}, given)
    lines: list[str] = []
    for tile in forms(itemsize):
        sums = [x for own in tile.sums for x in own]
        assert len({*sums, *tile.row_of_b, tile.number}) == len(sums) + len(tile.row_of_b) + 1
        assert set(sums) < set(tile.registers.all())
        lines += tile.lines(operands)
    assert len(lines) > 10_000
    operands.write(builder, Registers(vectors.register_bytes(), itemsize), lines)
    builder.ret_void()
    assert jit.compile_object({"assembly": str(module)})


@pytest.mark.parametrize("vector_target", ["vectors"], indirect=True)
def test_what_llvm_writes_although_there_is_assembly(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = step_of(64, 64, 64)
    writer = ProductWriter(step)
    assert writer.is_assembly and writer.level == "assembly"
    assert not ProductWriter(step_of(3, 3, 3)).is_assembly, "too small"
    assert not ProductWriter(step_of(3, 300, 300, (False, True))).is_assembly, "dot products"
    (file,) = kernel_cache.module_texts({"f": writer})
    assert set(file) == {"assembly"} and "asm sideeffect" in file["assembly"]
    monkeypatch.setattr(product_form, "FURTHEST", 64 * 8)
    assert not ProductWriter(step).is_assembly, "rows too far from each other"
    monkeypatch.undo()
    monkeypatch.setattr(assembly, "is_written", lambda: False)
    other = ProductWriter(replace(step))
    assert other.level == "written" and other.text() != writer.text()


@everywhere
@pytest.mark.parametrize("flags", FLAGS)
def test_llvm_keeps_nothing_in_vector_registers(flags: tuple[bool, bool], target: str) -> None:
    """It is not told which of them assembly changes."""
    scale = as_tensor(np.asarray(0.3, "f4")).node
    writer = ProductWriter(step_of(430, 132, 300, flags, "f4", addend=True, scale=scale))
    assert writer.is_assembly
    (file,) = kernel_cache.module_texts({"f": writer})
    text = jit.assembly(file["assembly"], "assembly")[1]
    parts = re.split(r"#(NO_)?APP", text)
    around = "".join(parts[::4])
    assert len(parts) > 4 and "retq" in around and "vzeroupper" in around
    assert not re.search(r"%([xyz]mm|k)\d", around)


@pytest.mark.parametrize("vector_target", ["vectors"], indirect=True)
def test_files_of_assembly_are_compiled_by_themselves(target: str) -> None:
    """LLVM would do as much for them as for the code beside them."""
    writers = {f"f{n}": ProductWriter(step_of(n, 40, 50)) for n in (1, 30, 60)}
    kinds = [set(file) for file in kernel_cache.module_texts(writers)]
    assert kinds == [{"written"}, {"assembly"}]


@everywhere
@pytest.mark.skipif(sys.platform == "win32", reason="pages are protected in another way")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nothing_behind_the_arrays_is_read_or_written(
    dtype: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_form, "LEAST_WORK", 1)
    steps = steps_of(dtype)
    functions, scale = Functions(steps), np.asarray(0.3, dtype)
    for number, step in enumerate(steps):
        shapes = (step.a.shape, step.b.shape, step.root.shape)
        with ExitStack() as stack:
            a, b, c = (
                stack.enter_context(at_the_end_of_memory(RNG.normal(size=shape).astype(dtype)))
                for shape in shapes
            )
            old = c.copy()
            functions.call(number, step, a, b, c, scale, [(0, Product(step).units)])
            left, right = a.T if step.transpose_a else a, b.T if step.transpose_b else b
            wanted = np.longdouble(left) @ np.longdouble(right)
            wanted *= (-1 if step.negative else 1) * (1 if step.scale is None else 0.3)
            wanted += 0 if step.addend is None else old
            room = 1e-4 if dtype == "f4" else 1e-12
            np.testing.assert_allclose(c, wanted.astype(dtype), rtol=room, atol=30 * room)


@everywhere
@pytest.mark.parametrize("system", ["windows-msvc", "apple-macosx"])
def test_other_systems_get_their_registers_back(
    system: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as assembly: Windows wants registers 6 to 15 as they were, in their lower half."""
    monkeypatch.setattr(sys, "platform", "win32" if "windows" in system else "darwin")
    writer = ProductWriter(step_of(430, 132, 300, (True, False), "f4"))
    (file,) = kernel_cache.module_texts({"f": writer})
    _, cpu, features = jit.host()
    with building:
        module = llvm.parse_assembly(file["assembly"])
        module.triple = f"x86_64-{system.replace('windows', 'pc-windows')}"
        machine = llvm.Target.from_triple(module.triple).create_target_machine(cpu, features, 0)
        text, code = machine.emit_assembly(module), machine.emit_object(module)
    saved = set(re.findall(r"v?movap?s\s+%xmm(\d+), .*\(%r[sb]p\)", text.split("APP")[0]))
    assert saved == ({str(n) for n in range(6, 16)} if "windows" in system else set())
    assert code and "vzeroupper" in text
