"""How a step calls the function that computes its products: natively, or from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.calls import blas, product_blocks
from adjoint.backends.llvm.calls.product_layout import Product
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.schedule.plan import Gemm

POINTERS, NUMBERS = 5, 4
"""Addresses and sizes that the function takes before the units it computes."""


def is_own(step: Gemm) -> bool:
    """Whether the products are computed by code of our own, rather than by BLAS.

    A sum over a long axis, for a few rows and columns, is left to BLAS on threads of ours: each has
    a part of the sum.
    """
    if step.work <= blas.ONE_THREAD * matrices(step):
        return True
    if step.blas != "auto" or not vectors.register_bytes():
        return False
    blocks = product_blocks.blocks_of(step)
    return blocks is None or not blocks.sums()


def matrices(step: Gemm) -> int:
    """How many products a step computes."""
    count = 1
    for size in step.root.shape[:-2]:
        count *= size
    return count


def in_parts(step: Gemm) -> bool:
    """Whether our threads share the work, where they may."""
    if is_own(step):
        return Product(step).parts > 1
    return product_blocks.blocks_of(step) is not None


def numbers_of(product: Product, shared: bool) -> list[int]:
    """Rows, depth, depth of a block, and units of a part."""
    grain = product.grain if shared else product.units
    return [product.rows, product.depth, product.depth_block, grain]


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
    product = Product(step)
    null = ir.Constant(POINTER, None)

    def one(pointers: Sequence[Any]) -> None:
        a, b, c = pointers
        if product.is_turned:
            a, b = b, a
        given = [a, b, c, null if scale is None else scale, scratch]
        numbers = [I64(n) for n in numbers_of(product, shared)]
        if not shared or product.parts == 1:
            builder.call(function, [*given, *numbers, I64(0), I64(product.units)])
            return
        table = alloca(builder, ir.ArrayType(POINTER, POINTERS))
        table.type = POINTER
        for number, pointer in enumerate(given):
            builder.store(pointer, builder.gep(table, [I64(number)], source_etype=POINTER))
        kinds = [POINTER, POINTER, I64, I64, I64]
        parallel = extern(builder.module, "adjoint_parallel", ir.VoidType(), kinds)
        task = part_task(builder.module, function, numbers)
        builder.call(parallel, [task, table, I64(0), I64(product.units), I64(product.grain)])

    def along(axes: Sequence[int], pointers: Sequence[Any]) -> None:
        if not axes:
            one(pointers)
            return
        axis, *rest = axes
        with loop(builder, I64(0), I64(step.root.shape[axis]), unroll=False) as i:
            moved = []
            for pointer, node in zip(pointers, (step.a, step.b, step.root), strict=True):
                offset = builder.mul(i, I64(blas.stride(node, axis, step.root)))
                moved.append(builder.gep(pointer, [offset], source_etype=ir.IntType(8)))
            along(rest, moved)

    along(range(len(step.root.shape) - 2), ends)


def part_task(module: Any, function: Any, numbers: Sequence[Any]) -> Any:
    """``void task(ptr table, i64 low, i64 high)``: the units of a product with these numbers."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, I64])
    task = ir.Function(module, kind, module.get_unique_name("adjoint_product"))
    task.linkage = "internal"
    builder = ir.IRBuilder(task.append_basic_block())
    table, low, high = task.args
    given = [
        builder.load(builder.gep(table, [I64(n)], source_etype=POINTER), typ=POINTER)
        for n in range(POINTERS)
    ]
    builder.call(function, [*given, *numbers, low, high])
    builder.ret_void()
    return task


def run(step: Gemm, address: int, ends: Sequence[int], scale: int | None, scratch: int) -> None:
    """Compute the products now, on this thread."""
    product = Product(step)
    kinds = [ctypes.c_void_p] * POINTERS + [ctypes.c_int64] * (NUMBERS + 2)
    function = ctypes.CFUNCTYPE(None, *kinds)(address)
    numbers = numbers_of(product, shared=False)
    for a, b, c in blas.each_matrix(step, ends):
        if product.is_turned:
            a, b = b, a
        function(a, b, c, scale, scratch, *numbers, 0, product.units)
