"""Products by code of our own: every way in which they are cut, against NumPy in long doubles."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.calls import product_layout
from adjoint.backends.llvm.calls.product_calls import is_own
from adjoint.backends.llvm.calls.product_kernel import ProductWriter
from adjoint.backends.llvm.calls.product_layout import MOST_PARTS, PACKED_ROWS, Product
from adjoint.backends.llvm.codegen import assembly, product_tile, vectors
from adjoint.backends.llvm.codegen.product_tile import (
    ARM_REGISTERS,
    OPEN_SIZE,
    TileSize,
    register_count,
    tile_size,
)
from adjoint.backends.llvm.compile.kernel_cache import KernelModule
from adjoint.graph.forking import building
from adjoint.graph.tensor import as_tensor
from adjoint.schedule.library_calls import gemm
from adjoint.schedule.plan import Gemm
from tests.native.codegen.products import Functions, step_of, within

pytestmark = pytest.mark.native
RNG = np.random.default_rng(7)

UPDATE: dict[str, Any] = {"negative": True, "addend": True}
"""A product that is subtracted from something."""
SIZES = [
    (9, 9, 9),
    (1, 1, 37),
    (1, 33, 21),
    (3, 5, 70),
    (14, 32, 1),
    (29, 50, 13),
    (65, 17, 40),
    (300, 11, 18),
    (120, 130, 345),
    (1, 600, 400),
]
"""Rows, columns, depth: few of them multiples of a vector or a tile."""


def check(functions: Functions, number: int, step: Gemm, transposed: Any) -> None:
    """Compare one product, computed at once and in parts, with NumPy's in float128."""
    dtype = str(step.root.dtype)
    a, _ = within(step.a.shape, dtype, RNG.normal(size=step.a.shape))
    b, _ = within(step.b.shape, dtype, RNG.normal(size=step.b.shape))
    old = RNG.normal(size=step.root.shape).astype(dtype)
    scale = None if step.scale is None else np.asarray(step.scale.value)
    left, right = (x.T if t else x for x, t in zip((a, b), transposed, strict=True))
    exact = np.longdouble(left) @ np.longdouble(right)
    exact = exact * np.longdouble(-1 if step.negative else 1) * np.longdouble(scale or 1)
    if step.addend is not None:
        exact = exact + old
    product = Product(step)
    parts = [
        (low, min(low + product.grain, product.units))
        for low in range(0, product.units, product.grain)
    ]
    found = []
    for cuts in ([(0, product.units)], parts[::-1]):
        c, whole = within(step.root.shape, dtype, old)
        functions.call(number, step, a, b, c, scale, cuts)
        assert np.isnan(whole[:64]).all() and np.isnan(whole[-64:]).all()
        found.append(c)
    room = 4 * np.finfo(dtype).eps * (1 + np.abs(left) @ np.abs(right)) * (1 + product.depth**0.5)
    np.testing.assert_array_less(np.abs(found[0] - exact).astype("f8"), room)
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_products(dtype: str, vector_target: str) -> None:
    flags = [(False, False), (True, False), (False, True), (True, True)]
    cases = [
        (size, flags[(i + n) % 4]) for i, size in enumerate(SIZES) for n in (0, 1 + 2 * (i % 2))
    ]
    assert {t for _, t in cases} == set(flags)
    steps = [step_of(*size, t, dtype) for size, t in cases]
    functions = Functions(steps)
    for number, (step, (_, transposed)) in enumerate(zip(steps, cases, strict=True)):
        check(functions, number, step, transposed)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_factors_and_addends(dtype: str) -> None:
    scale = as_tensor(np.asarray(0.3, dtype)).node
    extras: list[dict[str, Any]] = [
        {"negative": True},
        {"addend": True},
        {"negative": True, "addend": True},
        {"scale": scale, "addend": True},
        {"scale": scale, "negative": True},
        {"scale": scale, "negative": True, "addend": True},
    ]
    sizes = [(10, 40, 30), (150, 33, 700), (17, 9, 5), (1, 1, 37)]
    steps = [step_of(*size, dtype=dtype, **more) for size in sizes for more in extras]
    steps += [step_of(3, 20, 30, (False, True), dtype, **more) for more in extras]
    flags = [(False, False)] * (len(steps) - len(extras)) + [(False, True)] * len(extras)
    functions = Functions(steps)
    for number, (step, transposed) in enumerate(zip(steps, flags, strict=True)):
        check(functions, number, step, transposed)


@pytest.mark.parametrize("direct", [0, 1 << 20], ids=["b packed", "b direct"])
def test_rows_stored_as_columns_are_packed(direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_layout, "DIRECT_BYTES", direct)
    scale = as_tensor(np.asarray(0.3, "f8")).node
    sizes, transposed = [(171, 150, 430), (300, 130, 128)], (True, False)
    steps = [step_of(*size, transposed, **more) for size in sizes for more in ({}, UPDATE)]
    steps[1] = replace(steps[1], scale=scale)
    assert all(Product(step).packs_a for step in steps)
    assert {Product(step).packs for step in steps} == {not direct}
    assert any(Product(step).depth_block < Product(step).depth for step in steps)
    assert any(Product(step).parts > 1 for step in steps)
    functions = Functions(steps)
    for number, step in enumerate(steps):
        check(functions, number, step, transposed)


def test_what_lies_near_is_not_packed_of_a() -> None:
    assert not Product(step_of(500, 10, 256, (True, False))).packs_a
    assert not Product(step_of(500, 500, 20, (True, False))).packs_a
    assert not Product(step_of(256, 500, 256, (True, False), "f4")).packs_a
    assert not Product(step_of(500, 500, 256)).packs_a


def test_what_is_cut_and_packed() -> None:
    """The sizes above reach all that the code does differently."""
    products = [Product(step_of(*size)) for size in SIZES]
    assert {p.packs for p in products} == {p.by_rows for p in products} == {True, False}
    assert any(p.parts > 1 for p in products) and all(p.parts <= MOST_PARTS for p in products)
    assert any(p.depth_block < p.depth for p in products)
    assert {p.is_turned for p in products} == {True, False}
    assert Product(step_of(3, 5, 70, (False, True))).by_dots
    assert not Product(step_of(PACKED_ROWS - 1, 500, 500)).packs
    big = Product(step_of(2000, 2000, 2000))
    assert big.packs and big.group * big.panel_bytes <= 1 << 18


@pytest.mark.parametrize("rows", [1, 2, 7, 16, 63, 64, 255, 1000])
@pytest.mark.parametrize("columns", [1, 10, 128, 1000])
def test_tiles_fit_into_the_registers(rows: int, columns: int) -> None:
    size = tile_size(rows, columns, 16)
    assert size.height <= rows
    assert size == TileSize(1, min(8, -(-columns // 16))) or (
        size.height * size.width + size.width < register_count()
    )


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True)])
def test_the_code_for_any_number_of_rows_or_depth_is_one_of_few(
    transposed: tuple[bool, bool], vector_target: str
) -> None:
    """Tiles have one of two heights, and what is large is packed, and summed in blocks."""
    sizes = [(256, 128, n) if transposed[0] else (n, 128, 256) for n in range(OPEN_SIZE, 900)]
    texts = {ProductWriter(step_of(*size, transposed, "f4")).text() for size in sizes}
    assert len(texts) <= 5


def test_numbers_that_are_not_finite_stay_in_their_rows_and_columns() -> None:
    a, b = np.ones((30, 20)), np.ones((20, 25))
    a[3, 4], b[7, 9], a[11, 2] = np.nan, np.inf, -np.inf
    b[2, 5] = 0.0
    with np.errstate(invalid="ignore"):
        expected = a @ b
    np.testing.assert_array_equal(np.asarray(ad.compile(lambda a, b: a @ b)(a, b)), expected)


def test_a_program_gives_the_same_bits_step_by_step_and_on_any_number_of_threads() -> None:
    x, w, v = (RNG.normal(size=s).astype("f4") for s in ((150, 300), (300, 260), (260, 10)))

    def loss(w, v, x):
        return ad.sum(ad.tanh(ad.maximum(x @ w, 0.0) @ v) ** 2)

    f = ad.compile(lambda w, v, x: (ad.grad(loss, (0, 1))(w, v, x), w - 0.1 * (x.T @ (x @ w))))
    first = f(w, v, x)
    before = ad.get_options()["threads"]
    try:
        for threads in (1, 2, 3, 2, 1):
            ad.set_options(threads=threads)
            (dw, dv), moved = f(w, v, x)
            for found, same in zip((dw, dv, moved), (*first[0], first[1]), strict=True):
                np.testing.assert_array_equal(np.asarray(found), np.asarray(same))
    finally:
        ad.set_options(threads=before)


def test_what_is_left_to_a_library() -> None:
    small, large = step_of(64, 64, 64), step_of(200, 200, 200)
    assert is_own(small) and is_own(replace(small, blas="scipy-openblas"))
    assert not is_own(replace(large, blas="scipy-openblas"))
    with ad.options(blas="scipy-openblas"):
        assert gemm(ad.matmul(as_tensor(np.ones((2, 2))), as_tensor(np.ones((2, 2)))).node) is None
        step = gemm(ad.matmul(as_tensor(np.ones((20, 20))), as_tensor(np.ones((20, 20)))).node)
        assert step is not None and step.blas == "scipy-openblas"


def test_products_in_a_loop_that_are_packed() -> None:
    """A loop has the memory for what is packed as a part of that of its program."""
    w = (RNG.normal(size=(200, 200)) / 15).astype("f4")
    h = RNG.normal(size=(120, 200)).astype("f4")

    def f(w, h):
        h, each = ad.scan(lambda h, _: (ad.tanh(h @ w.T) @ w, ad.sum(h)), h, length=3)
        return h, each

    found, _ = ad.compile(f)(w, h)
    wanted = h.astype("f8")
    for _ in range(3):
        wanted = np.tanh(wanted @ w.T) @ w
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-4, atol=1e-4)


def test_the_result_may_lie_in_a_donated_argument() -> None:
    w = RNG.normal(size=(150, 150))
    step = ad.compile(lambda w, x: (w - 0.1 * (w.T @ x), w @ w + w), donate=0)
    for _ in range(5):
        given, x = w.copy(), RNG.normal(size=(150, 150))
        first, second = step(given, x)
        np.testing.assert_allclose(np.asarray(first), w - 0.1 * (w.T @ x), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(np.asarray(second), w @ w + w, rtol=1e-10, atol=1e-10)


def test_long_sums_are_as_exact_as_those_of_numpy() -> None:
    a, b = (1 + RNG.random(size=s, dtype="f4") for s in ((9, 30_000), (30_000, 12)))
    exact = a.astype("f8") @ b
    ours = np.abs(np.asarray(ad.compile(lambda a, b: a @ b)(a, b)) / exact - 1).max()
    theirs = np.abs(a @ b / exact - 1).max()
    assert ours <= 3 * theirs


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((300, 17, 20), (300, 20, 12)),
        ((4, 90, 16, 16), (90, 16, 30)),
        ((7, 1, 130, 70), (1, 3, 70, 90)),
        ((200, 40, 40), (200, 40, 1)),
    ],
    ids=str,
)
def test_threads_share_a_stack(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    a, b = RNG.normal(size=first), RNG.normal(size=second)
    stacked = ad.compile(lambda a, b: (a @ b, (a.mT).mT @ (b.mT * 2.0).mT))
    once = [np.asarray(x) for x in stacked(a, b)]
    np.testing.assert_allclose(once[0], a @ b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(once[1], 2 * (a @ b), rtol=1e-12, atol=1e-12)
    before = ad.get_options()["threads"]
    try:
        for threads in (1, 2, 3, 1, 2):
            ad.set_options(threads=threads)
            for x, y in zip(stacked(a, b), once, strict=True):
                np.testing.assert_array_equal(np.asarray(x), y)
    finally:
        ad.set_options(threads=before)


TARGETS = {
    "AVX-512": ("x86_64", "skylake-avx512", 64, 32, "vfmadd", r"\(%rsp\)"),
    "AVX2": ("x86_64", "haswell", 32, 16, "vfmadd", r"\(%rsp\)"),
    "NEON": ("aarch64", "neoverse-n1", 0, ARM_REGISTERS, "fmla", r"\[sp"),
}
"""Machine, processor, bytes of a register as `vectors` says, registers that a tile may use, what a
product and sum is in assembly, and what stands in an instruction that uses the stack."""


@pytest.mark.parametrize("transposed", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("name", TARGETS)
def test_the_innermost_loop_is_products_and_reads(
    name: str, transposed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What LLVM writes, read as assembly, also of processors that are not here."""
    machine, cpu, width, registers, word, stack = TARGETS[name]
    monkeypatch.setattr(vectors, "register_bytes", lambda: width)
    monkeypatch.setattr(product_tile, "register_count", lambda: registers)
    monkeypatch.setattr(assembly, "is_written", lambda: False)
    step = step_of(400, 128, 240, (transposed, False), dtype="f4")
    assert Product(step).packs_a == transposed
    module = KernelModule()
    ProductWriter(step).write_vectors(module.module, "f", {})
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    with building:
        parsed = llvm.parse_assembly(str(module.module))
        parsed.triple = f"{machine}-unknown-linux-gnu"
        target = llvm.Target.from_triple(parsed.triple).create_target_machine(cpu=cpu, opt=1)
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.run(parsed, llvm.create_pass_builder(target, llvm.PipelineTuningOptions()))
        text = target.emit_assembly(parsed)
    tile = Product(step).tile
    loops = re.split(r"\.LBB0_", text)
    inner = max(loops, key=lambda block: block.count(word))
    assert inner.count(word) == tile.height * tile.width >= 12
    assert len(inner.splitlines()) <= 2 * tile.height * tile.width + 8
    assert not re.search(stack, inner), "a sum is kept in memory"
