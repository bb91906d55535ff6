"""The caching allocator: memory of large results that nobody uses any more, kept for those to come.

The first touch of a page that the system gives costs as much as some thousand instructions, and the
C library gives large blocks back at once. An array made here owns memory from the cache; when the
array is gone, and with it all its views, the memory returns there, to be used by whatever asks for
that size next. NumPy's interface for handlers of memory (NEP 49) does this, so the array is like
any other.

The code is native and takes no lock: NumPy frees arrays in any thread, also without the lock of the
interpreter, and after its end.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from typing import Any

import numpy as np

from adjoint.backends.llvm.system import cgroups
from adjoint.backends.llvm.system.caching_allocator_ir import (
    ADVICE,
    C_FUNCTIONS,
    SMALLEST,
    code,
)
from adjoint.backends.llvm.system.cpython_layout import LAYOUT, set_handler_address
from adjoint.backends.llvm.system.native_code import NativeCode, c_functions, keep_for_ever
from adjoint.graph import forking, options
from adjoint.graph.types import DType, Shape, size_of

Array = np.ndarray[Any, Any]

available = LAYOUT is not None and os.name == "posix"
"""Whether NumPy can be given memory; if not, arrays are made as NumPy makes them."""
LARGE = 1 << SMALLEST
"""Bytes from which on an array gets its memory here; the system is quick with less."""
MOST = 1 << 30
PART = 8
"""At most so many bytes are cached, and at most this part of the memory there is."""


class _Handler(ctypes.Structure):
    """NumPy's struct ``PyDataMem_Handler``."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        *((name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")),
    )


class CachingAllocator:
    """The native code of the allocator in this process. There is one."""

    def __init__(self) -> None:
        has_huge_pages = sys.platform == "linux"
        symbols = c_functions((*C_FUNCTIONS, *(ADVICE if has_huge_pages else ())))
        key = f"caching allocator {has_huge_pages}"
        loaded = NativeCode(key, lambda: code(has_huge_pages), symbols)
        self.allocate = loaded.address("adjoint_cache_allocate")
        self.free = loaded.address("adjoint_cache_free")
        self.limit = loaded.function("adjoint_cache_limit", None, ctypes.c_int64)
        self.size = loaded.function("adjoint_cache_size", ctypes.c_int64)
        self.shrink = loaded.function("adjoint_cache_shrink", None, ctypes.c_int64)
        self.handler = _capsule(loaded) if available else None


def _capsule(loaded: NativeCode) -> Any:
    """The handler as NumPy takes it; arrays point at it, so it is never freed."""
    functions = ("malloc", "calloc", "realloc", "release")
    addresses = [loaded.address(f"adjoint_cache_{name}") for name in functions]
    handler = keep_for_ever(_Handler(b"adjoint", 1, None, *addresses))
    name = keep_for_ever(ctypes.c_char_p(b"mem_handler"))
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    new = kind(("PyCapsule_New", ctypes.pythonapi))
    return keep_for_ever(new(ctypes.addressof(handler), name, None))


_lock = forking.new_lock()
_allocator: CachingAllocator | None = None
_chosen: int | None = None


def allocator() -> CachingAllocator:
    """The allocator, loaded now if it was not."""
    global _allocator
    if _allocator is None:
        with forking.building, _lock:
            if _allocator is None:
                made = CachingAllocator()
                made.limit(limit())
                _allocator = made
    return _allocator


def limit() -> int:
    """How many bytes may be cached."""
    if _chosen is not None:
        return _chosen
    limits = [float(PART * MOST), *cgroups.memory()]
    with suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return int(min(limits)) // PART


def set_limit(size: int | None) -> None:
    """Cache at most so many bytes; None for the usual limit."""
    global _chosen
    with _lock:
        _chosen = size
        if _allocator is not None:
            _allocator.limit(limit())


def cached() -> int:
    """How many bytes are cached now."""
    return 0 if _allocator is None else int(_allocator.size())


def empty_cache() -> None:
    """Give all that is cached back to the system."""
    if _allocator is not None:
        _allocator.shrink(-1)


@cache
def _set_handler() -> Callable[[Any], Any]:
    """Make a handler that of this context; the one before comes back."""
    return ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(set_handler_address())


class for_numpy(AbstractContextManager[None]):
    """``with for_numpy(): …``: arrays that NumPy makes in this thread get their memory here."""

    def __enter__(self) -> None:
        self.before = _set_handler()(allocator().handler)

    def __exit__(self, *error: object) -> None:
        _set_handler()(self.before)


def empty(shape: Shape, dtype: DType) -> Array:
    """A new array, if it is large with memory from the cache."""
    if size_of(shape) * dtype.itemsize < LARGE or not available:
        return np.empty(shape, dtype)
    with for_numpy():
        return np.empty(shape, dtype)


def _follow(limits: Sequence[int | None]) -> None:
    set_limit(limits[-1] if limits else None)


options.watch("cached_memory_limit", _follow)
