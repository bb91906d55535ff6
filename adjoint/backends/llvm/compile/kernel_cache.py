"""The library of kernels in this process: equal kernels of all programs are compiled once.

Their code does not know the number of rows where it can be left open, so a program for another
batch size finds its kernels here and costs no optimisation.
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
"""How often native code found that a check failed; programs compare it with what it was before."""

_known: WeakValueDictionary[str, Compiled] = WeakValueDictionary()


class Writer(Protocol):
    """Writes a function that programs share."""

    def text(self) -> str:
        """Equal for equal functions."""

    @property
    def has_loops(self) -> bool:
        """Whether LLVM should look for vectors in what `write` writes."""

    def write_vectors(self, module: ir.Module, name: str) -> bool:
        """Add the function to a module with vector instructions, if it has such a form."""

    def write(self, module: ir.Module, name: str, functions: dict[str, Any]) -> Any:
        """Add the function to a module."""

    def symbols(self) -> dict[str, int]:
        """The addresses of what it calls outside, by name."""


class Compiled:
    """The code of some kernels; lives as long as a program uses one of them."""

    def __init__(self, loaded: jit.Loaded, was_cached: bool) -> None:
        self.loaded = loaded
        self.was_cached = was_cached


def kernel_name(writer: Writer) -> str:
    """The name of the function of a kernel, the same for equal kernels."""
    return "adjoint_kernel_" + hashlib.sha256(writer.text().encode()).hexdigest()[:24]


def kernels_texts(writers: Mapping[str, Writer]) -> dict[str, str]:
    """The LLVM texts of two modules with these kernels, by the kind of what they need.

    One has ``loops`` in which LLVM must find the vectors. What is ``written`` has none, or has
    them written with vectors.
    """
    modules = {"written": ir.Module("adjoint_written"), "loops": ir.Module("adjoint_loops")}
    functions: dict[str, dict[str, Any]] = {kind: {} for kind in modules}
    used = set()
    for name, writer in writers.items():
        kind = "written"
        if not writer.write_vectors(modules[kind], name):
            kind = "loops" if writer.has_loops else "written"
            writer.write(modules[kind], name, functions[kind])
        used.add(kind)
    return {kind: str(module) for kind, module in modules.items() if kind in used}


def address(name: str) -> int:
    """The address of a kernel that was provided."""
    return _known[name].loaded.address(name)


def provide(writers: Mapping[str, Writer]) -> list[Compiled]:
    """Have the kernels compiled and known by name to code that is loaded later.

    Returns what must be kept for as long as they may be called.
    """
    with building:
        return _provide(writers)


def _provide(writers: Mapping[str, Writer]) -> list[Compiled]:
    """What `provide` says, for one thread at a time."""
    kept = [_known[name] for name in writers if name in _known]
    missing = {name: writer for name, writer in writers.items() if name not in _known}
    if missing:
        key = jit.cache_key("kernels", *sorted(missing))
        code = object_cache.read(key)
        was_cached = code is not None
        if code is None:
            code = jit.compile_object(kernels_texts(missing))
            object_cache.write(key, code)
        outside = {k: v for writer in missing.values() for k, v in writer.symbols().items()}
        compiled = Compiled(jit.load_object(code, symbols() | outside), was_cached)
        for name in missing:
            llvm.add_symbol(name, compiled.loaded.address(name))
            _known[name] = compiled
        kept.append(compiled)
    return kept


@cache
def symbols() -> dict[str, int]:
    """What kernels refer to outside."""
    return {"adjoint_failures": ctypes.addressof(failures)}
