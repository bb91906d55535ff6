"""Products by code of our own, compiled and called without a program around them."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.calls.product_calls import NUMBERS, POINTERS, numbers_of
from adjoint.backends.llvm.calls.product_kernel import ProductWriter
from adjoint.backends.llvm.calls.product_layout import Product
from adjoint.backends.llvm.compile import jit, kernel_cache
from adjoint.graph.tensor import as_tensor
from adjoint.schedule.plan import Gemm


def step_of(rows, columns, depth, transposed=(False, False), dtype="f8", **given: Any) -> Gemm:
    a = as_tensor(np.ones((depth, rows) if transposed[0] else (rows, depth), dtype))
    b = as_tensor(np.ones((columns, depth) if transposed[1] else (depth, columns), dtype))
    left, right = (x.mT if t else x for x, t in zip((a, b), transposed, strict=True))
    product = ad.matmul(left, right).node
    more = given | ({"addend": product} if "addend" in given else {})
    return replace(Gemm(product, a.node, b.node, *transposed), **more)


class Functions:
    """The functions of some products, compiled together."""

    def __init__(self, steps: Sequence[Gemm]) -> None:
        writers = {f"f{number}": ProductWriter(step) for number, step in enumerate(steps)}
        files = kernel_cache.module_texts(writers)
        code = b"".join(jit.compile_object(texts) for texts in files)
        self.loaded = jit.load_object(code, {})

    def call(self, number: int, step: Gemm, a: Any, b: Any, c: Any, scale: Any, cuts: Any) -> None:
        kinds = [ctypes.c_void_p] * POINTERS + [ctypes.c_int64] * NUMBERS
        function = ctypes.CFUNCTYPE(None, *kinds)(self.loaded.address(f"f{number}"))
        product = Product(step)
        if product.is_turned:
            a, b = b, a
        scratch = np.full(product.scratch_bytes + 64, 255, np.uint8)
        ends = [x.ctypes.data for x in (a, b, c)]
        factor = None if scale is None else scale.ctypes.data
        for low, high in cuts:
            slot = low // product.grain * product.group if product.by_rows else low
            function(*ends, factor, scratch.ctypes.data, *numbers_of(product, low, high, slot))


def within(shape: tuple[int, ...], dtype: str, start: Any) -> tuple[Any, Any]:
    """An array with 64 nans before it and behind it, and all of that."""
    size = int(np.prod(shape))
    whole = np.full(size + 128, np.nan, dtype)
    inner = whole[64 : 64 + size].reshape(shape)
    inner[...] = start
    return inner, whole


@contextmanager
def at_the_end_of_memory(start: Any) -> Iterator[Any]:
    """The same numbers, behind which lies a page that nobody may read or write."""
    page = mmap.PAGESIZE
    whole = np.frombuffer(mmap.mmap(-1, (start.nbytes // page + 3) * page), np.uint8)
    address = whole.ctypes.data
    guard = (address + start.nbytes + page) // page * page
    protect = getattr(ctypes.CDLL(None), "mprotect", None)
    if protect is None or protect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0):
        pytest.skip("this system lets no page be protected")
    try:
        end = guard - address
        found = whole[end - start.nbytes : end].view(start.dtype).reshape(start.shape)
        found[...] = start
        yield found
    finally:
        protect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 3)
