"""The reserve: memory of large results that nobody uses any more, kept for the results to come.

The first touch of a page that the system gives costs as much as some thousand instructions, and
allocators give large blocks back at once. An array made here owns memory from the reserve; when
the array is gone, and with it all its views, the memory returns there, to be used by whatever asks
for that size next. NumPy's interface for handlers of memory (NEP 49) does this, so the array is
like any other.

The code is native, takes no lock, and is never unloaded: arrays may outlive everything else.
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

from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.backends.llvm.system import cgroups
from adjoint.backends.llvm.system.caching_allocator_ir import FIRST, FUNCTIONS, Platform, code
from adjoint.backends.llvm.system.cpython_layout import LAYOUT, set_handler_address
from adjoint.graph import forking, options
from adjoint.graph.types import DType, Shape, size_of

Array = np.ndarray[Any, Any]

available = LAYOUT is not None and os.name == "posix"
"""Whether NumPy can be given memory; if not, arrays are made as NumPy makes them."""
LARGE = 1 << FIRST
"""Bytes from which on an array gets its memory here; the system is quick with less."""
MOST = 1 << 30
PART = 8
"""The reserve is at most so many bytes, and at most this part of the memory there is."""
_MADV_HUGEPAGE = 14


class Reserve:
    """The native code of the reserve in this process. There is one, and it is never unloaded."""

    def __init__(self) -> None:
        has_advice = sys.platform == "linux"
        text = code(Platform(_MADV_HUGEPAGE if has_advice else None))
        key = jit.cache_key(text)
        found = object_cache.read(key)
        if found is None:
            found = jit.compile_object({"driver": text})
            object_cache.write(key, found)
        self.loaded = jit.load_object(found, _addresses(has_advice))
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.loaded))
        self.take = self.loaded.address("adjoint_reserve_take")
        self.give = self.loaded.address("adjoint_reserve_give")
        self.drop = self._function("adjoint_reserve_drop", None, ctypes.c_void_p)
        self.limit = self._function("adjoint_reserve_limit", None, ctypes.c_int64)
        self.held = self._function("adjoint_reserve_held", ctypes.c_int64)
        self.clear = self._function("adjoint_reserve_clear", None)
        self.handler = self._capsule() if available else None

    def _function(self, name: str, *types: Any) -> Any:
        return ctypes.CFUNCTYPE(*types)(self.loaded.address(name))

    def _capsule(self) -> Any:
        """The handler as NumPy takes it; it is never freed."""
        make = ctypes.pythonapi.PyCapsule_New
        kind = ctypes.PYFUNCTYPE(ctypes.py_object, *[ctypes.c_void_p] * 3)
        handler, name = (
            self.loaded.global_address(f"adjoint_reserve_{part}") for part in ("handler", "name")
        )
        capsule = kind(ctypes.cast(make, ctypes.c_void_p).value or 0)(handler, name, None)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(capsule))
        return capsule


def _addresses(has_advice: bool) -> dict[str, int]:
    library = ctypes.CDLL(None)
    return {
        "adjoint_reserve_" + name: ctypes.cast(getattr(library, c_name), ctypes.c_void_p).value or 0
        for name, c_name in FUNCTIONS.items()
        if name != "advise" or has_advice
    }


_lock = forking.new_lock()
_made: Reserve | None = None
_chosen: int | None = None


def reserve() -> Reserve:
    """The reserve, made now if there was none."""
    global _made
    if _made is None:
        with forking.building, _lock:
            if _made is None:
                made = Reserve()
                made.limit(most())
                _made = made
    return _made


def most() -> int:
    """How many bytes may be kept."""
    if _chosen is not None:
        return _chosen
    limits = [float(PART * MOST), *cgroups.memory()]
    with suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return int(min(limits)) // PART


def held() -> int:
    """How many bytes are kept now."""
    return 0 if _made is None else int(_made.held())


def clear() -> None:
    """Give all that is kept back to the system."""
    if _made is not None:
        _made.clear()


def set_most(size: int | None) -> None:
    """Keep at most so many bytes; None for the usual bound."""
    global _chosen
    with _lock:
        _chosen = size
        if _made is not None:
            _made.limit(most())


@cache
def _set_handler() -> Callable[[Any], Any]:
    """Make a handler that of this context; the one before comes back."""
    return ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(set_handler_address())


class memory(AbstractContextManager[None]):
    """``with memory(): …``: arrays that NumPy makes in this thread get their memory here."""

    def __enter__(self) -> None:
        self.before = _set_handler()(reserve().handler)

    def __exit__(self, *error: object) -> None:
        _set_handler()(self.before)


def empty(shape: Shape, dtype: DType) -> Array:
    """A new array, if it is large with memory from the reserve."""
    if size_of(shape) * dtype.itemsize < LARGE or not available:
        return np.empty(shape, dtype)
    with memory():
        return np.empty(shape, dtype)


def _follow(values: Sequence[int | None]) -> None:
    set_most(values[-1] if values else None)


options.watch("cached_memory_limit", _follow)
