"""From LLVM's text to object code, and from object code to functions of this process.

llvmlite may be called by one thread at a time, and not while the process forks: all of it happens
under the lock `building`. Whoever holds it may have helpers, which do nothing but run LLVM on what
is theirs.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from adjoint.backends.llvm.compile.jobs import Jobs
from adjoint.backends.llvm.compile.linking import Library, McjitLibrary
from adjoint.graph.forking import building, lock_while_forking

LEVELS = {"loops": 2, "short": 1, "written": 1, "assembly": 0, "driver": 0}
"""How much LLVM does for each kind of code. Only ``loops`` leave it vectors to find. Those that are
``short`` it unrolls. What is ``written`` holds the vectors already, so LLVM chooses instructions
and registers: the step of a small network compiles in 40 to 55 ms instead of 280. In ``assembly``
what takes long is written as that. A ``driver`` calls other code, and its own speed does not
matter."""

LIGHT_PASSES = ("sroa", "simplify_cfg")
"""The passes for code that holds its vectors: stack slots become registers, and blocks that follow
each other one. Inlining, searching for vectors and moving code would find nothing left to do."""

UNROLLING = ("loop_unroll", "sroa", "new_gvn", "dead_code_elimination", "simplify_cfg")
"""The passes for short loops: the iterations become straight-line code, in which what one of them
loads or computes again is found. For the kernels of a Kalman filter they take 0.4 of the time of
LLVM's own selection, and code generation 0.8 to 1.0."""

HAS_ORC = sys.platform == "linux"
"""Whether object code is linked by ORC. On other systems it was not tried, so MCJIT does it."""

LONG_TEXT = 8_000
"""Characters of an object file worth a thread: it takes LLVM some three milliseconds."""

# llvmlite serialises its calls with a lock of its own, also those that free memory, which happen at
# any time. A fork waits for it, as the child would find it taken for ever.
if _of_llvmlite := getattr(llvm.ffi.lib, "_lock", None):
    lock_while_forking(_of_llvmlite)


@cache
def host() -> tuple[str, str, str]:
    """Triple, processor and features of this machine."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    return (
        llvm.get_default_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    )


def target_machine(level: int = 2) -> Any:
    """A target machine for this processor. An engine owns the one that it is made with."""
    triple, cpu, features = host()
    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(
        cpu=cpu, features=features, opt=level, jit=True, reloc="default"
    )


FLOORS = ("graph", "transforms", "ops", "passes", "schedule", "backends")
"""The floors whose code decides what is compiled."""


@cache
def own_version() -> str:
    """A fingerprint of the code that decides what is compiled: the files of `FLOORS`.

    Sizes and times stand for contents, as in Python's own ``.pyc`` files. An edit or another
    release changes them; a copy of the package may change the times, and then compiles once more.
    """
    package = str(Path(__file__).parents[__name__.count(".") - 1])
    states = []
    for floor in FLOORS:
        for folder, inner, names in os.walk(os.path.join(package, floor)):
            inner[:] = [name for name in inner if name != "__pycache__"]
            for path in [os.path.join(folder, name) for name in names if name.endswith(".py")]:
                state = os.stat(path)
                states.append((path[len(package) + 1 :], state.st_size, state.st_mtime_ns))
    return str(sorted(states))


def cache_key(*parts: str) -> str:
    """A key under which object code can be kept.

    Code depends on the parts (the structure of what is compiled), on the features of the processor
    (a cache may be shared by machines), and on the versions of LLVM, llvmlite and this package.
    The parts are kept apart, so that ("te", "xt") is another key than ("text",).
    """
    versions = (llvmlite.__version__, str(llvm.llvm_version_info), own_version(), *host())
    return hashlib.sha256("\0".join((*versions, *parts)).encode()).hexdigest()


class Loaded:
    """Machine code in memory; lives as long as this object."""

    def __init__(self, library: Library | McjitLibrary) -> None:
        self._library = library

    def address(self, name: str) -> int:
        """The address of a function or a global variable; 0 if there is none of that name."""
        with building:
            return self._library.address(name)


class Module:
    """A module of a kind, and what will optimise it."""

    def __init__(self, text: str, kind: str, machine: Any, context: Any) -> None:
        self.module = llvm.parse_assembly(text, context)
        self.module.triple = host()[0]
        self.module.data_layout = str(machine.target_data)
        self.options = llvm.create_pipeline_tuning_options(speed_level=LEVELS[kind])
        self.options.loop_vectorization = self.options.loop_interleaving = True
        # Straight-line code holds few vectors, and what should be unrolled says so in its metadata:
        # both passes gain little and take long.
        self.options.slp_vectorization = self.options.loop_unrolling = False
        self.builder = llvm.create_pass_builder(machine, self.options)
        if kind == "loops":
            self.passes = self.builder.getModulePassManager()
            return
        self.passes = llvm.create_new_module_pass_manager()
        for name in UNROLLING if kind == "short" else LIGHT_PASSES:
            getattr(self.passes, f"add_{name}_pass")()

    def optimise(self) -> None:
        """Run the passes."""
        _unlocked("LLVMPY_RunNewModulePassManager")(self.passes, self.module, self.builder)

    def link(self, other: Module, error: Any) -> None:
        """Put the other module, which is gone then, into this one."""
        failed = _unlocked("LLVMPY_LinkModules")(self.module, other.module, error)
        other.module.detach()
        if failed:
            raise RuntimeError(str(error))


class ObjectFile:
    """The object file of modules by kind, which any thread can compile.

    It has an LLVM context of its own, and a machine of its own: LLVM works on as many of these at a
    time as there are threads.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.is_long = sum(map(len, texts.values())) > LONG_TEXT
        level = max(LEVELS[kind] for kind in texts)
        self._idle = _idle_machines(level, *host())
        self.machine = self._idle.pop() if self._idle else target_machine(level)
        self._context = llvm.create_context()
        _contexts[id(self._context)] = self._context
        self.modules = [Module(t, kind, self.machine, self._context) for kind, t in texts.items()]
        self._buffer: Any = None
        self._error = llvm.ffi.OutputString()

    def optimise(self) -> Any:
        """The optimised modules as one of LLVM's."""
        for module in self.modules:
            module.optimise()
        first, *others = self.modules
        for other in others:
            first.link(other, self._error)
        return first.module

    def compile(self) -> None:
        """Have LLVM do all that takes long. Little else is done here: between two calls of LLVM a
        thread may wait for that which writes the next module."""
        module = self.optimise()
        emit = _unlocked("LLVMPY_TargetMachineEmitToMemory")
        self._buffer = emit(self.machine, module, 1, self._error)

    def code(self) -> bytes:
        """The object code, to be asked for once, when it is compiled."""
        library, buffer, self._buffer = llvm.ffi.lib, self._buffer, None
        if not buffer:
            raise RuntimeError(str(self._error))
        try:
            size = library.LLVMPY_GetBufferSize(buffer)
            return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), size)
        finally:
            library.LLVMPY_DisposeMemoryBuffer(buffer)
            self.close()

    def close(self) -> None:
        """Free the modules, then their context, and let others have the machine."""
        for module in self.modules:
            module.module.close()
        self._context.close()
        del _contexts[id(self._context)]
        if len(self._idle) < MOST_IDLE:
            self._idle.append(self.machine)


_contexts: dict[int, Any] = {}
"""The LLVM contexts of object files that are not closed. Of those given up, after an error, they
stay: the garbage collector would free a context and its modules in any order, and crash."""

MOST_IDLE = 4
"""As many machines are kept: most programs need one or two at a time."""


@cache
def _idle_machines(level: int, *host: str) -> list[Any]:
    """Machines that nobody has at the moment: making one takes 0.2 ms.

    The arguments from `host` make others where tests pretend to have another processor.
    """
    return []


@cache
def _unlocked(name: str) -> Any:
    """A function of llvmlite without the lock that lets one thread at a time into LLVM, which needs
    none where threads share nothing; with the lock, should llvmlite know no other."""
    function = getattr(llvm.ffi.lib, name)
    return getattr(function, "_cfn", function)


class Compilation:
    """Object files that are being compiled, by `jobs`."""

    def __init__(self, files: Sequence[ObjectFile], jobs: Jobs) -> None:
        self.files = files
        self.jobs = jobs

    def code(self) -> bytes:
        """Their object code, when all is done."""
        self.jobs.finish()
        return packed([file.code() for file in self.files])


def begin_compiling(files: Iterable[Mapping[str, str]], jobs: Jobs) -> Compilation:
    """Give object files to `jobs`, each as soon as it is there: texts of modules by kind."""
    begun = []
    for texts in files:
        file = ObjectFile(texts)
        begun.append(file)
        jobs.add(file.compile, file.is_long)
    return Compilation(begun, jobs)


def compile_object(texts: Mapping[str, str]) -> bytes:
    """The object code of modules by kind."""
    with building, Jobs(1) as jobs:
        return begin_compiling([texts], jobs).code()


def packed(objects: Sequence[bytes]) -> bytes:
    """Object files as one, each after its length."""
    return b"".join(part for code in objects for part in (len(code).to_bytes(8), code))


def unpacked(code: bytes) -> list[bytes]:
    """The object files in what was `packed`."""
    found = []
    start = 0
    while start < len(code):
        end = start + 8 + int.from_bytes(code[start : start + 8])
        found.append(code[start + 8 : end])
        start = end
    return found


def load_object(code: bytes, symbols: Mapping[str, int], names: Collection[str] = ()) -> Loaded:
    """Object code linked into this process, its external names bound to `symbols`; `names` are
    those whose addresses will be asked for."""
    with building:
        if HAS_ORC:
            return Loaded(Library(unpacked(code), symbols, names, target_machine))
        return Loaded(McjitLibrary(unpacked(code), symbols, host()[0], target_machine()))


def assembly(text: str, kind: str) -> tuple[str, str]:
    """The optimised LLVM text and the assembly of a module, to read."""
    with building:
        found = ObjectFile({kind: text})
        module = found.optimise()
        texts = str(module), found.machine.emit_assembly(module)
        found.close()
        return texts
