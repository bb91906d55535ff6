"""Cached memory is used again when nobody sees it any more, never before, and is bounded."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends import large_arrays
from adjoint.backends.llvm.compile import jit
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.system import caching_allocator, cgroups
from adjoint.backends.llvm.system.caching_allocator_ir import C_FUNCTIONS, HUGE, PAGE, code
from adjoint.backends.llvm.system.native_code import c_functions
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.options import current

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not entry.available, reason="NumPy's memory cannot be managed here"),
]
ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20
BYTES = np.dtype(np.uint8)
handler_name = np._core.multiarray.get_handler_name  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Every test begins and ends with an empty cache."""
    caching_allocator.empty_cache()
    yield
    caching_allocator.empty_cache()


@ad.compile
def line(x):
    return 2 * x + 1


def made(x):
    """What `line` answers, by its own native entry."""
    for _ in range(5):
        line(x)
    return line(x).numpy()


def address(array):
    return array.ctypes.data


def test_the_memory_of_a_result_is_used_again():
    """By the next call, if nothing of it is left."""
    x = np.ones(MIB // 8)
    first = made(x)
    where = address(first)
    del first
    second = line(x).numpy()
    assert address(second) == where
    assert handler_name(second.base) == "adjoint"


def test_another_function_uses_it_too():
    """Whatever needs so much takes it."""
    first = made(np.ones(MIB // 8))
    where = address(first)
    del first
    assert address(caching_allocator.empty((MIB // 4,), np.dtype("float32"))) == where


@pytest.mark.parametrize(
    "seen", [lambda a: a[10:], lambda a: a.T[::2], memoryview, lambda a: np.asarray(memoryview(a))]
)
def test_it_is_not_used_while_a_view_is_alive(seen):
    """The array itself is gone, but somebody still reads."""
    x = np.arange(MIB / 8)
    view = seen(made(x))
    kept = np.array(view)
    others = [line(-x - i).numpy() for i in range(40)]
    assert np.array_equal(np.array(view), kept)
    assert not any(np.shares_memory(np.asarray(view), other) for other in others)


def test_results_that_live_together_have_memory_of_their_own():
    """Several calls, several outputs; and then as many of them come back."""
    f = ad.compile(lambda x: (x + 1, x + 2, x + 3))
    x = np.zeros(MIB // 8)
    for _ in range(5):
        f(x)
    held = [y.numpy() for _ in range(3) for y in f(x)]
    assert [array[0] for array in held] == [1, 2, 3] * 3
    assert [array[-1] for array in held] == [1, 2, 3] * 3
    addresses = {address(array) for array in held}
    assert len(addresses) == 9
    del held
    again = [y.numpy() for _ in range(3) for y in f(x)]
    assert {address(array) for array in again} == addresses


def test_results_are_arrays_like_any_other():
    """They own their memory, can be written to, and can be resized in block."""
    array = made(np.arange(MIB / 8)).base
    assert array.flags.owndata and array.flags.writeable and array.base is None
    copy = np.array(array)
    array.resize(2 * copy.size, refcheck=False)
    assert np.array_equal(array[: copy.size], copy) and not array[copy.size :].any()
    array.resize(10, refcheck=False)
    assert np.array_equal(array, copy[:10])


def test_no_reference_is_left_behind():
    """To the handler of the allocator, or to the one before it."""
    x = np.ones(MIB // 8)
    made(x)
    block = caching_allocator.for_numpy()
    with block:
        pass
    handlers = caching_allocator.allocator().handler, block.before
    before = [sys.getrefcount(handler) for handler in handlers]
    for _ in range(100):
        line(x)
        caching_allocator.empty((MIB,), BYTES)
    assert [sys.getrefcount(handler) for handler in handlers] == before


def test_small_results_are_left_to_numpy():
    """And so is whatever the user makes between calls."""
    assert handler_name(made(np.ones(100)).base) == "default_allocator"
    made(np.ones(MIB))
    assert handler_name() == "default_allocator"


def test_fresh_zeros_are_zero():
    """Also where the memory was used before."""
    with caching_allocator.for_numpy():
        used = np.ones(MIB)
        del used
        assert not np.zeros(MIB).any()


def test_at_most_the_limit_is_kept():
    """What goes beyond is given back; so is what was there, when the limit sinks."""
    with ad.options(cached_memory_limit=4 * MIB):
        arrays = [caching_allocator.empty((MIB,), BYTES) for _ in range(10)]
        assert caching_allocator.cached() == 0
        arrays.clear()
        assert 3 * MIB <= caching_allocator.cached() <= 4 * MIB
        caching_allocator.empty((8 * MIB,), BYTES)
        assert caching_allocator.cached() <= 4 * MIB
        with ad.options(cached_memory_limit=MIB):
            assert caching_allocator.cached() <= MIB
        with ad.options(cached_memory_limit=0):
            assert caching_allocator.cached() == 0
            caching_allocator.empty((MIB,), BYTES)
            assert caching_allocator.cached() == 0


def test_sizes_that_nobody_asks_for_are_freed():
    """They do not fill the cache for ever."""
    with ad.options(cached_memory_limit=4 * MIB):
        arrays = [caching_allocator.empty((MIB,), BYTES) for _ in range(4)]
        arrays.clear()
        other = caching_allocator.empty((3 * MIB,), BYTES)
        where = address(other)
        for _ in range(3):
            del other
            other = caching_allocator.empty((3 * MIB,), BYTES)
        assert address(other) == where or caching_allocator.cached() <= MIB
        del other
        assert caching_allocator.cached() >= 3 * MIB


def test_the_usual_limit():
    """A part of the machine's memory, and not too much of a large one."""
    assert 0 < caching_allocator.limit() <= caching_allocator.MOST
    with ad.options(cached_memory_limit=5):
        assert caching_allocator.limit() == 5 and current().cached_memory_limit == 5


@pytest.mark.parametrize("version", [1, 2])
def test_the_usual_limit_in_a_container(version, tmp_path, monkeypatch):
    """An eighth of what the control group allows, if that is less than the machine has."""
    group = tmp_path / ("memory/docker/x" if version == 1 else "docker/x")
    group.mkdir(parents=True)
    (tmp_path / "own").write_text("7:memory:/docker/x\n" if version == 1 else "0::/docker/x\n")
    name = "memory.limit_in_bytes" if version == 1 else "memory.max"
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path)
    monkeypatch.setattr(cgroups, "OWN_CGROUPS", tmp_path / "own")
    free = caching_allocator.limit()
    (group / name).write_text(f"{64 * MIB}\n")
    assert caching_allocator.limit() == 8 * MIB < free
    (group / name).write_text("max\n")
    assert caching_allocator.limit() == free


@pytest.mark.parametrize("size", ["1 GiB", 1.5, True, object()])
def test_a_limit_is_a_whole_number(size):
    """Other things are refused by name."""
    with pytest.raises(ArgumentError, match="options: cached_memory_limit must be a whole number"):
        ad.set_options(cached_memory_limit=size)


@pytest.mark.parametrize("size", [-1, 2**63])
def test_a_limit_is_a_number_of_bytes(size):
    """Not below zero, nor beyond all machines."""
    with pytest.raises(RangeError, match="options: cached_memory_limit must be a number of bytes"):
        ad.set_options(cached_memory_limit=size)


def native():
    """`allocate` and `free` as functions that let other Python threads run."""
    own = caching_allocator.allocator()
    allocate = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(own.allocate)
    free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(own.free)
    return allocate, free


def test_blocks_are_as_large_as_asked():
    """On a boundary of 64 bytes, for sizes around all edges of classes."""
    allocate, free = native()
    rng = np.random.default_rng(0)
    around = [(n << k) + d for k in range(12, 21) for n in range(8, 16) for d in (-1, 0, 1)]
    sizes = [0, 1, 63, 64, 65, *around, *rng.integers(1, 1 << 23, 200).tolist()]
    blocks = []
    for i, size in enumerate(sizes):
        block = allocate(size)
        assert block % 64 == 0
        ctypes.memset(block, i % 251, size)
        blocks.append((block, size, i % 251))
        if i % 3 == 0:
            free(blocks.pop(rng.integers(len(blocks)))[0])
    for block, size, value in blocks:
        assert ctypes.string_at(block, size) == bytes([value]) * size
        free(block)


def test_huge_blocks_begin_on_a_huge_page():
    """So that all of it can be of such pages; smaller ones do not waste as much."""
    assert address(caching_allocator.empty((HUGE,), BYTES)) % PAGE == 0
    assert address(caching_allocator.empty((HUGE // 2,), BYTES)) % 64 == 0


def test_it_works_without_advice_on_huge_pages():
    """Other systems have none."""
    symbols = c_functions(C_FUNCTIONS)
    loaded = jit.load_object(jit.compile_object({"driver": code(has_huge_pages=False)}), symbols)
    allocate = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(
        loaded.address("adjoint_cache_allocate")
    )
    free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(loaded.address("adjoint_cache_free"))
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(loaded.address("adjoint_cache_limit"))(64 * MIB)
    for size in (100, MIB, 2 * HUGE):
        block = allocate(size)
        ctypes.memset(block, 1, size)
        free(block)
        assert size == 100 or allocate(size) == block


def test_too_much_is_refused():
    """With Python's own error; the handler of NumPy is then as it was."""
    allocate, _ = native()
    assert allocate(2**64 - 1) is None and allocate(1 << 60) is None
    with pytest.raises(MemoryError):
        caching_allocator.empty((1 << 45,), np.dtype("float64"))
    assert handler_name() == "default_allocator"


def test_threads_never_share_a_block():
    """Native threads allocate, write, read and free, all at once, few sizes from a small cache."""
    allocate, free = native()
    wrong = []

    def work(number):
        rng = np.random.default_rng(number)
        mine = bytes([number]) * 64
        blocks = []
        for _ in range(1500):
            size = int(rng.choice([1 << 16, 3 << 16, 1 << 18]))
            block = allocate(size)
            for end in (block, block + size - 64):
                ctypes.memmove(end, mine, 64)
            blocks.append((block, size))
            if len(blocks) > 5:
                block, size = blocks.pop(int(rng.integers(5)))
                ends = (block, block + size - 64)
                wrong.extend(end for end in ends if ctypes.string_at(end, 64) != mine)
                free(block)
        for block, _ in blocks:
            free(block)

    with ad.options(cached_memory_limit=2 * MIB):
        threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert 0 <= caching_allocator.cached() <= 2 * MIB
    caching_allocator.empty_cache()
    assert caching_allocator.cached() == 0


def test_memory_is_seen_by_tracemalloc():
    """An array counts while it lives, and no longer."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        array = caching_allocator.empty((MIB,), BYTES)
        assert tracemalloc.get_traced_memory()[0] - before >= MIB
        del array
        assert tracemalloc.get_traced_memory()[0] - before < MIB // 2
    finally:
        tracemalloc.stop()


def script(text):
    """A process that runs `text` to its end without complaint."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=300, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


BEGIN = """
import atexit, os, sys
import numpy as np
import adjoint as ad
f = ad.compile(lambda x: 2 * x + 1)
x = np.arange(200_000.0)
for _ in range(5):
    kept = f(x).numpy()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_goes_on_by_itself():
    """Both use what was cached, and neither sees what the other writes."""
    script(
        BEGIN
        + """
dropped = f(x).numpy()
del dropped
child = os.fork()
for i in range(20):
    y = f(x + i + 100 * (child == 0)).numpy()
    assert y[3] == 2 * (3 + i + 100 * (child == 0)) + 1
assert kept[3] == 7
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    )


def test_results_may_outlive_the_interpreter():
    """Arrays in modules, in builtins, in cycles, and those that appear at the very end."""
    script(
        BEGIN
        + """
import builtins
builtins.kept = f(x).numpy()
np.kept = f(x).numpy()
cycle = [f(x).numpy()]
cycle.append(cycle)
class Late:
    def __init__(self, array): self.array = array
    def __del__(self): self.array = self.array + 1
sys.late = Late(f(x).numpy())
atexit.register(lambda: f(x).numpy())
"""
    )


# uncompiled code


def test_an_array_is_large_at_one_size():
    """Which is written twice, as the allocator is not loaded to know it."""
    assert large_arrays.LARGE == caching_allocator.LARGE


def evaluated(x):
    """An array that the interpreter made."""
    with ad.options(native="never"):
        array = np.asarray(ad.sin(x) * 2.0)
    return array if array.base is None else array.base


def test_uncompiled_code_uses_it_in_the_end(monkeypatch):
    """When so much has been read that loading it is little; small arrays stay NumPy's."""
    monkeypatch.setattr(large_arrays, "_read", 0)
    monkeypatch.setattr(large_arrays, "WORTH_LOADING", 3 * MIB)
    x = np.linspace(0, 1, MIB // 8)
    names = [handler_name(evaluated(x)) for _ in range(4)]
    assert names == ["default_allocator"] * 2 + ["adjoint"] * 2
    assert handler_name(evaluated(x[:100])) == "default_allocator"
    assert handler_name() == "default_allocator"


def test_uncompiled_code_leaves_numpy_as_it_was_after_an_error(monkeypatch):
    """Also where an operation fails while memory comes from the cache."""
    monkeypatch.setattr(large_arrays, "WORTH_LOADING", 0)
    handlers = []

    def fail(*values):
        handlers.append(handler_name())
        raise ZeroDivisionError

    with ad.options(native="never"):
        x = ad.asarray(np.ones(MIB // 8))
        pending = ad.sin(x)
        monkeypatch.setattr(type(pending.node.op), "evaluate", lambda self, *v: fail(*v))
        with pytest.raises(ZeroDivisionError):
            np.asarray(pending)
    assert handlers == ["adjoint"]
    assert handler_name() == "default_allocator"


@pytest.mark.parametrize("what", ["LLVM", "NumPy's interface"])
def test_arrays_are_numpys_if_something_is_missing(what, monkeypatch):
    """Other interpreters and systems do without the caching allocator."""
    monkeypatch.setattr(large_arrays, "WORTH_LOADING", 0)
    if what == "LLVM":
        monkeypatch.setattr(large_arrays, "missing", lambda: "llvmlite is not installed")
    else:
        monkeypatch.setattr(caching_allocator, "available", False)
        assert handler_name(caching_allocator.empty((MIB,), BYTES)) == "default_allocator"
    assert handler_name(evaluated(np.ones(MIB // 8))) == "default_allocator"
