"""Native code that a process loads once and never unloads: the pool's and the allocator's.

When the interpreter takes its modules apart, threads may still run in it and arrays be freed by it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adjoint.backends.llvm.compile import jit, object_cache


class NativeCode:
    """What `write` writes, compiled or from the disk; its functions by name.

    key: tells the code from all others that these files may write, on any system.
    symbols: the addresses of what the code calls.
    """

    def __init__(self, key: str, write: Callable[[], str], symbols: Mapping[str, int]) -> None:
        key = jit.cache_key(key)
        found = object_cache.read(key)
        if found is None:
            found = jit.compile_object({"driver": write()})
            object_cache.write(key, found)
        self._loaded = keep_for_ever(jit.load_object(found, symbols))

    def address(self, name: str) -> int:
        """Where a function is."""
        found: int = self._loaded.address(name)
        return found

    def function(self, name: str, *types: Any) -> Any:
        """A function to call, with the types of its result and arguments; other threads run on."""
        return ctypes.CFUNCTYPE(*types)(self.address(name))


def keep_for_ever(thing: Any) -> Any:
    """`thing`, which is never freed, not even when the interpreter ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def c_functions(names: Iterable[str]) -> dict[str, int]:
    """The addresses of functions of the C library, without those that it lacks."""
    library = ctypes.CDLL(None)
    found = {name: getattr(library, name) for name in names if hasattr(library, name)}
    return {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in found.items()}
