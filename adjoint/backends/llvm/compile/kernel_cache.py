"""The kernels of this process: equal kernels of all programs are compiled once.

The key of a kernel is a hash of its structure as text. Where the code can leave the number of rows
open the text does, too, so a program for another batch size finds its kernels here. Code is kept
alive by the programs that call it, not by this cache: what no program uses is freed.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol
from weakref import WeakValueDictionary

from llvmlite import ir

from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.backends.llvm.compile.jobs import Jobs

failures = ctypes.c_int64(0)
"""How often native code found that a check failed. It only grows: a program compares it with what
it was before, and so notices each failure of its own, perhaps one of a program beside it."""

MOST_INSTRUCTIONS = 400
"""A module of kernels with more is done: LLVM has work for some 15 ms, ten times what an object
file costs beside its contents. The sooner the first is done, the longer two threads work."""

_kernels: WeakValueDictionary[str, KernelCode] = WeakValueDictionary()


class Writer(Protocol):
    """What writes a function that programs share."""

    def text(self) -> str:
        """Equal for equal functions."""

    @property
    def level(self) -> str:
        """What LLVM should do for what `write` writes, a key of `jit.LEVELS`."""

    def write_vectors(self, module: ir.Module, name: str, functions: dict[str, Any]) -> bool:
        """Add the function to a module with vector instructions, if it has such a form."""

    def write(self, module: ir.Module, name: str, functions: dict[str, Any]) -> Any:
        """Add the function to a module."""

    def symbols(self) -> dict[str, int]:
        """The addresses of what it calls outside, by name."""


class KernelCode:
    """The code of kernels compiled together; lives as long as a program uses one of them.

    `keys` are those of its files on disk. `names` are the kernels in these, or None if some call
    what other kernels do not.
    """

    def __init__(
        self,
        loaded: jit.Loaded,
        was_cached: bool,
        keys: Sequence[str],
        names: Collection[str] | None,
    ) -> None:
        self.loaded = loaded
        self.was_cached = was_cached
        self.keys = keys
        self.names = names


def kernel_name(writer: Writer) -> str:
    """The name of the function of a kernel, the same for equal kernels."""
    return "adjoint_kernel_" + hashlib.sha256(writer.text().encode()).hexdigest()[:24]


def module_texts(writers: Mapping[str, Writer]) -> Iterator[dict[str, str]]:
    """The LLVM texts of `modules`."""
    for file in modules(writers):
        yield {kind: str(module.module) for kind, module in file.items()}


def modules(writers: Mapping[str, Writer]) -> Iterator[dict[str, KernelModule]]:
    """The modules with these kernels, by kind (`jit.LEVELS`), for each object file.

    ``loops`` are those in which LLVM must find the vectors, or which it must unroll as they are
    ``short``. What is ``written`` has no loops, or has them written with vectors; ``assembly`` has
    a file of its own. A module that is large enough is done, so that it can be compiled while the
    next is written.
    """
    begun: dict[str, KernelModule] = {}
    for name, writer in writers.items():
        kind = "written"
        module = begun.setdefault(kind, KernelModule())
        if not writer.write_vectors(module.module, name, module.functions):
            if writer.level != kind:
                kind = writer.level
                module = begun.setdefault(kind, KernelModule())
            writer.write(module.module, name, module.functions)
        if module.instructions() > MOST_INSTRUCTIONS:
            yield {kind: begun.pop(kind)}
    rest = {kind: module for kind, module in begun.items() if module.instructions()}
    quick = {kind: rest.pop(kind) for kind in list(rest) if not jit.LEVELS[kind]}
    yield from filter(None, (rest, quick))  # LLVM does as much for a file as one of its kinds asks


def instructions(module: ir.Module) -> int:
    """How many instructions there are in a module."""
    return sum(len(block.instructions) for f in module.functions for block in f.blocks)


class KernelModule:
    """A module of kernels that is being written, with its outlined functions."""

    def __init__(self) -> None:
        self.module = ir.Module("adjoint_kernels")
        self.functions: dict[str, Any] = {}

    def instructions(self) -> int:
        """How many instructions there are in it."""
        return instructions(self.module)


def address(name: str) -> int:
    """The address of a kernel that is loaded."""
    return code_of(name).loaded.address(name)


def code_of(name: str) -> KernelCode:
    """The code of a kernel that is loaded, which is there as long as somebody holds it."""
    return _kernels[name]


class Loading:
    """Kernels that will be loaded: those that are missing are compiled together, by `jobs`, or read
    from the disk. A link for each would cost more than it saves.

    Whoever makes one holds `building` until they are loaded.
    """

    def __init__(self, writers: Mapping[str, Writer], jobs: Jobs) -> None:
        found = {name: _kernels.get(name) for name in writers}  # asked once: any may go at any time
        self.kept = [code for code in found.values() if code is not None]
        self.missing = {name: writer for name, writer in writers.items() if found[name] is None}
        self.compilation: jit.Compilation | None = None
        if self.missing:
            self.key = jit.cache_key("kernels", *sorted(self.missing))
            self.code = object_cache.read(self.key)
            if self.code is None:
                self.compilation = jit.begin_compiling(module_texts(self.missing), jobs)

    def load(self) -> list[KernelCode]:
        """Link the kernels that are missing. Returns what must be kept for as long as any of these
        may be called."""
        if not self.missing:
            return self.kept
        if self.compilation is not None:
            self.code = self.compilation.code()
            object_cache.write(self.key, self.code)
        assert self.code is not None
        outside = {k: v for writer in self.missing.values() for k, v in writer.symbols().items()}
        loaded = jit.load_object(self.code, symbols() | outside, self.missing)
        was_cached, names = self.compilation is None, None if outside else list(self.missing)
        compiled = KernelCode(loaded, was_cached, [self.key], names)
        for name in self.missing:
            _kernels[name] = compiled
        return [*self.kept, compiled]


def add(code: KernelCode) -> None:
    """Let programs have kernels that were loaded, unless they have the same ones already."""
    for name in code.names or ():
        _kernels.setdefault(name, code)


@cache
def symbols() -> dict[str, int]:
    """The addresses of what kernels refer to outside, by name."""
    return {"adjoint_failures": ctypes.addressof(failures)}
