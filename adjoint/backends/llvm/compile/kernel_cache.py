"""The kernels of this process: equal kernels of all programs are compiled once.

The key of a kernel is a hash of its structure as text. Where the code can leave the number of rows
open the text does, too, so a program for another batch size finds its kernels here. Code is kept
alive by the programs that call it, not by this cache: what no program uses is freed.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol
from weakref import WeakValueDictionary

import llvmlite.binding as llvm
from llvmlite import ir

from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.graph.forking import building

failures = ctypes.c_int64(0)
"""How often native code found that a check failed. It only grows: a program compares it with what
it was before, and so notices each failure of its own, perhaps one of a program beside it."""

_kernels: WeakValueDictionary[str, KernelCode] = WeakValueDictionary()


class Writer(Protocol):
    """What writes a function that programs share."""

    def text(self) -> str:
        """Equal for equal functions."""

    @property
    def has_loops(self) -> bool:
        """Whether LLVM should look for vectors in what `write` writes."""

    def write_vectors(self, module: ir.Module, name: str, functions: dict[str, Any]) -> bool:
        """Add the function to a module with vector instructions, if it has such a form."""

    def write(self, module: ir.Module, name: str, functions: dict[str, Any]) -> Any:
        """Add the function to a module."""

    def symbols(self) -> dict[str, int]:
        """The addresses of what it calls outside, by name."""


class KernelCode:
    """The code of kernels compiled together; lives as long as a program uses one of them."""

    def __init__(self, loaded: jit.Loaded, was_cached: bool) -> None:
        self.loaded = loaded
        self.was_cached = was_cached


def kernel_name(writer: Writer) -> str:
    """The name of the function of a kernel, the same for equal kernels."""
    return "adjoint_kernel_" + hashlib.sha256(writer.text().encode()).hexdigest()[:24]


def module_texts(writers: Mapping[str, Writer]) -> dict[str, str]:
    """The LLVM texts of the modules with these kernels, by the kind of optimisation (`jit.LEVELS`).

    One has ``loops`` in which LLVM must find the vectors. What is ``written`` has no loops, or has
    them written with vectors.
    """
    modules = {"written": ir.Module("adjoint_written"), "loops": ir.Module("adjoint_loops")}
    functions: dict[str, dict[str, Any]] = {kind: {} for kind in modules}
    used = set()
    for name, writer in writers.items():
        kind = "written"
        if not writer.write_vectors(modules[kind], name, functions[kind]):
            kind = "loops" if writer.has_loops else "written"
            writer.write(modules[kind], name, functions[kind])
        used.add(kind)
    return {kind: str(module) for kind, module in modules.items() if kind in used}


def address(name: str) -> int:
    """The address of a kernel that is loaded."""
    return _kernels[name].loaded.address(name)


def load_kernels(writers: Mapping[str, Writer]) -> list[KernelCode]:
    """Compile the kernels that are missing, together, and bind their names for code that is loaded
    later.

    Returns what must be kept for as long as they may be called. Kernels are compiled together, as
    a module and a link for each cost more than they save.
    """
    with building:
        return _load_kernels(writers)


def _load_kernels(writers: Mapping[str, Writer]) -> list[KernelCode]:
    """`load_kernels`, by one thread at a time."""
    found = {name: _kernels.get(name) for name in writers}  # asked once: any may go at any time
    kept = [code for code in found.values() if code is not None]
    missing = {name: writer for name, writer in writers.items() if found[name] is None}
    if missing:
        key = jit.cache_key("kernels", *sorted(missing))
        code = object_cache.read(key)
        was_cached = code is not None
        if code is None:
            code = jit.compile_object(module_texts(missing))
            object_cache.write(key, code)
        outside = {k: v for writer in missing.values() for k, v in writer.symbols().items()}
        compiled = KernelCode(jit.load_object(code, symbols() | outside), was_cached)
        for name in missing:
            llvm.add_symbol(name, compiled.loaded.address(name))
            _kernels[name] = compiled
        kept.append(compiled)
    return kept


@cache
def symbols() -> dict[str, int]:
    """The addresses of what kernels refer to outside, by name."""
    return {"adjoint_failures": ctypes.addressof(failures)}
