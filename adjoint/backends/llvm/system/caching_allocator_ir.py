"""The native code of the caching allocator. `caching_allocator` loads it, and says what it is for.

Free blocks stand in a table of slots, `WAYS` for each class of sizes. A slot is emptied by
exchanging its address for null and filled where it is null, so that no lock is needed: whatever a
thread, a handler of signals or a forked child interrupts, a block is in one slot or in one hand.
An exchange acquires and releases, as the next owner of a block writes over what the last one wrote.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.system.function_writer import (
    BIT,
    I32,
    I64,
    NULL,
    POINTER,
    RELAXED,
    VOID,
    ModuleWriter,
    Writer,
)

SMALLEST = 16
"""Blocks of less than 2 to this many bytes are not kept.

The C library has its own cache for them: 40 results of 64 KiB took 9 times as long from it as from
here, 40 of 16 KiB no longer (glibc 2.36).
"""
LARGEST = 48
"""Nor can more than 2 to this many bytes be asked for: no machine addresses more."""
STEPS = 8
"""Classes for each power of two; a block is at most an eighth larger than what was asked for."""
WAYS = 32
"""How many free blocks of one class there may be: the weights of as many layers of one size."""
SLOTS = (LARGEST - SMALLEST + 1) * STEPS * WAYS
HUGE = 1 << 22
"""Bytes from which on huge pages are asked for, as NumPy does, too: one fault instead of 512.

The first touch of 4, 8 and 64 MB took 0.3, 0.7 and 22 ms with them and 1.2, 6.3 and 53 ms without
(Xeon, 2 cores, Linux).
"""
PAGE = 1 << 21
"""Bytes of a huge page, and the boundary on which such blocks begin."""
LINE = 64
"""The boundary of all other blocks: a line of the cache, and the longest vector."""
MADV_HUGEPAGE = 14
"""The advice to `madvise` that huge pages are wanted, as Linux numbers it."""
HEADER = 24
"""Bytes before a block: the address that the system gave, its class, and its own bytes."""
MEMORY, CLASS, CAPACITY = -3, -2, -1
"""Where these stand, in words from the block."""

C_FUNCTIONS = {
    "malloc": (POINTER, [I64]),
    "free": (VOID, [POINTER]),
    "memcpy": (POINTER, [POINTER, POINTER, I64]),
    "memset": (POINTER, [POINTER, I32, I64]),
}
ADVICE = {"madvise": (I32, [POINTER, I64, I32])}
_INTRINSICS = {
    "llvm.ctlz.i64": (I64, [I64, BIT]),
    "llvm.umul.with.overflow.i64": (ir.LiteralStructType([I64, BIT]), [I64, I64]),
}


def code(has_huge_pages: bool) -> str:
    """The LLVM text of the allocator, for a system with or without advice on huge pages."""
    foreign = {**C_FUNCTIONS, **(ADVICE if has_huge_pages else {}), **_INTRINSICS}
    module = ModuleWriter(foreign)
    module.variable("slots", ir.ArrayType(POINTER, SLOTS), LINE)
    module.variable("cached", align=LINE)  # bytes of the free blocks
    module.variable("limit")  # and how many there may be
    module.variable("hand")  # the slot that is emptied next if there are more
    _write_class_of(module)
    _write_take(module)
    _write_put(module)
    _write_shrink(module)
    _write_new_block(module, has_huge_pages)
    _write_allocate(module)
    _write_free(module)
    _write_settings(module)
    _write_numpy_handler(module)
    return module.text()


def _write_class_of(module: ModuleWriter) -> None:
    """`class_of(size, capacity*)`: the class of a size, -1 if such blocks are not kept.

    A size is read as a number of `STEPS` times a power of two, rounded up; that is the capacity.
    """
    w, (size, capacity) = module.define("class_of", I64, I64, POINTER)
    w.set(capacity, size)
    with w.if_then(w.icmp_unsigned("<", size, I64(1 << SMALLEST))):
        w.ret(I64(-1))
    last = w.sub(size, I64(1))
    power = w.sub(I64(63), w.invoke("llvm.ctlz.i64", last, BIT(0)))
    shift = w.sub(power, I64(STEPS.bit_length() - 1))
    steps = w.lshr(last, shift)  # from STEPS to 2 * STEPS - 1
    w.set(capacity, w.shl(w.add(steps, I64(1)), shift))
    order = w.sub(power, I64(SMALLEST - 1))
    w.ret(w.add(w.mul(order, I64(STEPS)), w.sub(steps, I64(STEPS))))


def _write_take(module: ModuleWriter) -> None:
    """`take(slot)`: the block that stood there, or null.

    It looks before it exchanges: an exchange takes the line of the cache from all other cores.
    """
    w, (slot,) = module.define("take", POINTER, POINTER)
    with w.if_then(w.is_null(w.get(slot, POINTER, RELAXED))):
        w.ret(NULL)
    block = w.fetch("xchg", slot, NULL, "acq_rel")
    with w.if_then(w.not_(w.is_null(block))):
        w.fetch("sub", "cached", w.get(w.item(block, CAPACITY)))
    w.ret(block)


def _write_put(module: ModuleWriter) -> None:
    """`put(slot, block)`: whether the slot was free, and now has the block."""
    w, (slot, block) = module.define("put", BIT, POINTER, POINTER)
    with w.if_then(w.not_(w.is_null(w.get(slot, POINTER, RELAXED)))):
        w.ret(BIT(0))
    is_put = w.exchange_null(slot, block, "acq_rel")
    with w.if_then(is_put):
        w.fetch("add", "cached", w.get(w.item(block, CAPACITY)))
    w.ret(is_put)


def _write_shrink(module: ModuleWriter) -> None:
    """`adjoint_cache_shrink(size)`: free blocks, of all classes in turn, until so much is cached.

    Round the slots at most once: other threads may fill them as quickly. In turn, so that sizes
    that nobody asks for any more do not fill the cache for ever.
    """
    w, (size,) = module.define("adjoint_cache_shrink", VOID, I64, public=True)
    with w.each(SLOTS):
        with w.if_then(w.icmp_signed("<=", w.get("cached", order=RELAXED), size)):
            w.ret_void()
        number = w.urem(w.fetch("add", "hand", I64(1)), I64(SLOTS))
        block = w.invoke("take", w.item("slots", number, POINTER))
        with w.if_then(w.not_(w.is_null(block))):
            _give_to_system(w, block)
    w.ret_void()


def _give_to_system(w: Writer, block: Any) -> None:
    w.invoke("free", w.get(w.item(block, MEMORY), POINTER))


def _write_new_block(module: ModuleWriter, has_huge_pages: bool) -> None:
    """`new_block(class, capacity)`: from the system; null if it has none, with all cached freed."""
    w, (kind, capacity) = module.define("new_block", POINTER, I64, I64)
    is_huge = w.icmp_unsigned(">=", capacity, I64(HUGE))
    boundary = w.select(is_huge, I64(PAGE), I64(LINE))
    slack = w.add(boundary, I64(HEADER - 1))
    wanted = w.add(capacity, slack)
    given = w.local(w.invoke("malloc", wanted))
    with w.if_then(w.is_null(w.get(given, POINTER)), likely=False):
        w.invoke("adjoint_cache_shrink", I64(-1))
        w.set(given, w.invoke("malloc", wanted))
    memory = w.get(given, POINTER)
    with w.if_then(w.is_null(memory), likely=False):
        w.ret(NULL)
    after = w.add(w.ptrtoint(memory, I64), slack)
    block = w.inttoptr(w.and_(after, w.neg(boundary)), POINTER)
    for position, value in ((MEMORY, memory), (CLASS, kind), (CAPACITY, capacity)):
        w.set(w.item(block, position), value)
    if has_huge_pages:
        with w.if_then(is_huge):
            w.invoke("madvise", block, w.and_(capacity, I64(-PAGE)), I32(MADV_HUGEPAGE))
    w.ret(block)


def _write_allocate(module: ModuleWriter) -> None:
    """`adjoint_cache_allocate(size)`: memory on a boundary of a line; null if there is none."""
    w, (size,) = module.define("adjoint_cache_allocate", POINTER, I64, public=True)
    with w.if_then(w.icmp_unsigned(">", size, I64(1 << LARGEST)), likely=False):
        w.ret(NULL)
    capacity = w.local()
    kind = w.invoke("class_of", size, capacity)
    with w.if_then(w.icmp_signed(">=", kind, I64(0))):
        first = w.item("slots", w.mul(kind, I64(WAYS)), POINTER)
        with w.each(WAYS) as way:
            block = w.invoke("take", w.item(first, way, POINTER))
            with w.if_then(w.not_(w.is_null(block))):
                w.ret(block)
    w.ret(w.invoke("new_block", kind, w.get(capacity)))


def _write_free(module: ModuleWriter) -> None:
    """`adjoint_cache_free(block)`: keep it for others, or give it back to the system."""
    w, (block,) = module.define("adjoint_cache_free", VOID, POINTER, public=True)
    with w.if_then(w.is_null(block)):
        w.ret_void()
    kind, capacity = w.get(w.item(block, CLASS)), w.get(w.item(block, CAPACITY))
    limit = w.get("limit", order=RELAXED)
    is_known = w.icmp_signed(">=", kind, I64(0))
    with w.if_then(w.and_(is_known, w.icmp_signed("<=", capacity, limit))):
        first = w.item("slots", w.mul(kind, I64(WAYS)), POINTER)
        with w.each(WAYS) as way, w.if_then(w.invoke("put", w.item(first, way, POINTER), block)):
            w.invoke("adjoint_cache_shrink", limit)
            w.ret_void()
    _give_to_system(w, block)
    w.ret_void()


def _write_settings(module: ModuleWriter) -> None:
    """What Python calls: set how many bytes may be cached, and ask how many are."""
    w, (limit,) = module.define("adjoint_cache_limit", VOID, I64, public=True)
    w.set("limit", limit, RELAXED)
    w.invoke("adjoint_cache_shrink", limit)
    w.ret_void()

    w, _ = module.define("adjoint_cache_size", I64, public=True)
    w.ret(w.get("cached", order=RELAXED))


def _write_numpy_handler(module: ModuleWriter) -> None:
    """The functions of a handler as NumPy calls them (NEP 49); each is given a context first."""
    w, (_, size) = module.define("adjoint_cache_malloc", POINTER, POINTER, I64, public=True)
    w.ret(w.invoke("adjoint_cache_allocate", size))

    w, (_, count, size) = module.define(
        "adjoint_cache_calloc", POINTER, POINTER, I64, I64, public=True
    )
    product = w.invoke("llvm.umul.with.overflow.i64", count, size)
    size, is_over = w.extract_value(product, 0), w.extract_value(product, 1)
    block = w.invoke("adjoint_cache_allocate", w.select(is_over, I64(-1), size))
    with w.if_then(w.not_(w.is_null(block))):
        w.invoke("memset", block, I32(0), size)
    w.ret(block)

    w, (_, block, size) = module.define(
        "adjoint_cache_realloc", POINTER, POINTER, POINTER, I64, public=True
    )
    made = w.invoke("adjoint_cache_allocate", size)
    with w.if_then(w.or_(w.is_null(made), w.is_null(block))):
        w.ret(made)
    w.invoke("memcpy", made, block, w.smaller(w.get(w.item(block, CAPACITY)), size))
    w.invoke("adjoint_cache_free", block)
    w.ret(made)

    w, (_, block, _) = module.define(
        "adjoint_cache_release", VOID, POINTER, POINTER, I64, public=True
    )
    w.invoke("adjoint_cache_free", block)
    w.ret_void()
