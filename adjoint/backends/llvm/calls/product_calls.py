"""How a step calls the function that computes its products: natively, or from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.calls import blas, product_blocks
from adjoint.backends.llvm.calls.product_layout import MOST_PARTS, PART_WORK, Product, product_of
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.graph.types import size_of
from adjoint.schedule.plan import Gemm

POINTERS, NUMBERS = 5, 8
"""How many addresses and numbers the function takes."""


def is_own(step: Gemm) -> bool:
    """Whether the products are computed by code of our own, rather than by BLAS as complex ones.

    A sum over a long axis, for a few rows and columns, is left to BLAS on threads of ours: each has
    a part of the sum.
    """
    if step.root.dtype.kind == "c":
        return False
    if step.work <= blas.ONE_THREAD * matrices(step):
        return True
    if step.blas != "auto" or not vectors.register_bytes():
        return False
    blocks = product_blocks.blocks_of(step)
    return blocks is None or not blocks.sums()


def matrices(step: Gemm) -> int:
    """How many products a step computes."""
    return size_of(step.root.shape[:-2])


def matrices_of_part(step: Gemm) -> int:
    """How many products of a stack a thread takes at a time: all, unless there are many and each is
    too small to be shared."""
    count = matrices(step)
    if count == 1:
        return 1
    parts = min(step.work // PART_WORK, MOST_PARTS)
    if parts <= 1 or product_of(step).parts > 1:
        return count
    return -(-count // parts)


def in_parts(step: Gemm) -> bool:
    """Whether our threads share the work, where they may."""
    if is_own(step):
        return product_of(step).parts > 1 or matrices_of_part(step) < matrices(step)
    return product_blocks.blocks_of(step) is not None


def scratch_bytes(step: Gemm) -> int:
    """The memory that is needed for what is packed."""
    count = matrices(step)
    parts = 1 if count == 1 else -(-count // matrices_of_part(step))
    return product_of(step).scratch_bytes * parts


def numbers_of(product: Product, low: Any, high: Any, slot: Any) -> list[Any]:
    """The numbers that the function takes to compute the units from `low` to `high`, and to pack
    from `slot` on."""
    columns, rows = (0, product.panels), (0, product.row_tiles)
    tiles = (*columns, low, high) if product.by_rows else (low, high, *rows)
    return [product.rows, product.depth, product.depth_block, slot, *tiles]


def all_numbers_of(product: Product) -> list[int]:
    """The same for all units at once."""
    return numbers_of(product, 0, product.units, 0)


def emit(
    builder: Any,
    step: Gemm,
    function: Any,
    ends: Sequence[Any],
    scale: Any,
    scratch: Any,
    shared: bool,
) -> None:
    """Compute the products at the addresses `ends` of a, b and c, on threads if `shared`; `scale`
    is the address of a factor, and `scratch` of memory for what is packed."""
    product, count, grain = product_of(step), matrices(step), matrices_of_part(step)
    factor = ir.Constant(POINTER, None) if scale is None else scale
    given = [*ends, factor, scratch]
    if shared and grain < count:
        task = stack_task(builder.module, step, function)
        hand_out(builder, task, given, count, grain)
        return
    task = None
    if shared and product.parts > 1:
        task = part_task(builder.module, product, function)
    with loop(builder, I64(0), I64(count), unroll=False) as index:
        own = [*matrices_at(builder, step, index, ends), factor, scratch]
        if task is None:
            builder.call(function, [*own, *map(I64, all_numbers_of(product))])
        else:
            hand_out(builder, task, own, product.units, product.grain)


def hand_out(builder: Any, task: Any, given: Sequence[Any], count: int, grain: int) -> None:
    """Have the pool do a task, which finds these addresses in a table."""
    table = alloca(builder, ir.ArrayType(POINTER, POINTERS))
    table.type = POINTER
    for number, pointer in enumerate(given):
        builder.store(pointer, builder.gep(table, [I64(number)], source_etype=POINTER))
    kinds = [POINTER, POINTER, I64, I64, I64]
    parallel = extern(builder.module, "adjoint_parallel", ir.VoidType(), kinds)
    builder.call(parallel, [task, table, I64(0), I64(count), I64(grain)])


def matrices_at(builder: Any, step: Gemm, index: Any, ends: Sequence[Any]) -> list[Any]:
    """The addresses of what the product with a number reads as a and b, and writes; a result of
    one column is computed as a row, with a and b in each other's place."""
    found = list(ends)
    for axis in reversed(range(len(step.root.shape) - 2)):
        size = I64(step.root.shape[axis])
        place, index = builder.srem(index, size), builder.sdiv(index, size)
        for number, node in enumerate((step.a, step.b, step.root)):
            bytes_between = I64(blas.stride(node, axis, step.root))
            offset = builder.mul(place, bytes_between)
            found[number] = builder.gep(found[number], [offset], source_etype=ir.IntType(8))
    if product_of(step).is_turned:
        found[0], found[1] = found[1], found[0]
    return found


def task_of(module: Any) -> tuple[Any, list[Any], Any, Any]:
    """A new ``void task(ptr table, i64 low, i64 high)``: its builder, the addresses in the table,
    and where the work begins and ends."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, I64])
    task = ir.Function(module, kind, module.get_unique_name("adjoint_product"))
    task.linkage = "internal"
    builder = IRBuilder(task.append_basic_block())
    table, low, high = task.args
    given = [
        builder.load(builder.gep(table, [I64(n)], source_etype=POINTER), typ=POINTER)
        for n in range(POINTERS)
    ]
    return builder, given, low, high


def part_task(module: Any, product: Product, function: Any) -> Any:
    """The task that computes some units of one product. Those of other parts pack elsewhere: each
    its own panels, or all of them if it has rows."""
    builder, given, low, high = task_of(module)
    slot = low
    if product.by_rows:
        slot = builder.mul(builder.udiv(low, I64(product.grain)), I64(product.group))
    numbers = [I64(n) if type(n) is int else n for n in numbers_of(product, low, high, slot)]
    builder.call(function, [*given, *numbers])
    builder.ret_void()
    return builder.function


def stack_task(module: Any, step: Gemm, function: Any) -> Any:
    """The task that computes some of the products of a stack."""
    builder, (*ends, factor, scratch), low, high = task_of(module)
    part = builder.sdiv(low, I64(matrices_of_part(step)))
    offset = builder.mul(part, I64(product_of(step).scratch_bytes))
    own = builder.gep(scratch, [offset], source_etype=ir.IntType(8))
    with loop(builder, low, high, unroll=False) as index:
        given = [*matrices_at(builder, step, index, ends), factor, own]
        builder.call(function, [*given, *map(I64, all_numbers_of(product_of(step)))])
    builder.ret_void()
    return builder.function


def caller(step: Gemm, address: int) -> Callable[[Sequence[int], int | None, int], None]:
    """What computes the products now, on this thread, by the function at an address: called with
    the addresses of a, b and c, of a factor, and of memory for what is packed."""
    product = product_of(step)
    function = _function_type()(address)
    numbers = all_numbers_of(product)

    def call(ends: Sequence[int], scale: int | None, scratch: int) -> None:
        for a, b, c in blas.each_matrix(step, ends):
            if product.is_turned:
                a, b = b, a
            function(a, b, c, scale, scratch, *numbers)

    return call


@cache
def _function_type() -> Any:
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * POINTERS, *[ctypes.c_int64] * NUMBERS)
