"""From LLVM's text to object code, and from object code to functions of this process.

llvmlite may be called by one thread at a time, and not while the process forks: all of it happens
under the lock `building`. Whoever holds it may have helpers, which do nothing but run LLVM on what
is theirs.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from adjoint.backends.llvm.compile.jobs import Jobs
from adjoint.graph.forking import building, lock_while_forking

LEVELS = {"loops": 2, "written": 1, "driver": 0}
"""How much LLVM does for each kind of code. Only ``loops`` leave it vectors to find. What is
``written`` holds the vectors already, so LLVM chooses instructions and registers: the step of a
small network compiles in 40 to 55 ms instead of 280. A ``driver`` calls other code, and its own
speed does not matter."""

LIGHT_PASSES = ("sroa", "simplify_cfg")
"""The passes for code that holds its vectors: stack slots become registers, and blocks that follow
each other one. Inlining, searching for vectors and moving code would find nothing left to do."""

LONG_TEXT = 8_000
"""Characters of a module worth a thread: it takes LLVM some three milliseconds."""

# llvmlite serialises its calls with a lock of its own, also those that free memory, which happen at
# any time. A fork waits for it, as the child would find it taken for ever.
if _of_llvmlite := getattr(llvm.ffi.lib, "_lock", None):
    lock_while_forking(_of_llvmlite)


@cache
def host() -> tuple[str, str, str]:
    """Triple, processor and features of this machine."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
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


FLOORS = ("graph", "ops", "passes", "schedule", "backends")
"""The floors whose code decides what is compiled."""


@cache
def own_version() -> str:
    """A fingerprint of the code that decides what is compiled: the files of `FLOORS`.

    Sizes and times stand for contents, as in Python's own ``.pyc`` files. An edit or another
    release changes them; a copy of the package may change the times, and then compiles once more.
    """
    package = Path(__file__).parents[__name__.count(".") - 1]
    files = sorted(path for floor in FLOORS for path in (package / floor).rglob("*.py"))
    states = [(path.relative_to(package), path.stat()) for path in files]
    return str([(str(path), state.st_size, state.st_mtime_ns) for path, state in states])


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

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def address(self, name: str) -> int:
        """The address of a function or a global."""
        with building:
            found: int = self._engine.get_function_address(name)
        return found

    def global_address(self, name: str) -> int:
        """The address of a global variable."""
        with building:
            found: int = self._engine.get_global_value_address(name)
        return found


class Module:
    """A module of a kind, ready to be compiled by any thread.

    It is in a context of its own, and has a machine of its own: LLVM works on as many of these at a
    time as there are threads.
    """

    def __init__(self, text: str, kind: str) -> None:
        level = LEVELS[kind]
        self._idle = _idle_machines(level, *host())
        self.machine = self._idle.pop() if self._idle else target_machine(level)
        self.module = llvm.parse_assembly(text, llvm.create_context())
        self.module.triple = host()[0]
        self.module.data_layout = str(self.machine.target_data)
        self.options = llvm.create_pipeline_tuning_options(speed_level=level)
        self.options.loop_vectorization = self.options.loop_interleaving = True
        # Straight-line code holds few vectors, and what should be unrolled says so in its metadata:
        # both passes gain little and take long.
        self.options.slp_vectorization = self.options.loop_unrolling = False
        self.builder = llvm.create_pass_builder(self.machine, self.options)
        self.passes = self._passes(kind)
        self._buffer: Any = None
        self._error = llvm.ffi.OutputString()

    def _passes(self, kind: str) -> Any:
        if kind == "loops":
            return self.builder.getModulePassManager()
        passes = llvm.create_new_module_pass_manager()
        for name in LIGHT_PASSES:
            getattr(passes, f"add_{name}_pass")()
        return passes

    def optimise(self) -> None:
        """Run the passes."""
        _run_passes()(self.passes, self.module, self.builder)

    def compile(self) -> None:
        """Have LLVM do all that takes long. Nothing else is done here: between two calls of LLVM a
        thread may wait for that which writes the next module."""
        self.optimise()
        self._buffer = _emit()(self.machine, self.module, 1, self._error)

    def code(self) -> bytes:
        """The object code of the compiled module, to be asked for once."""
        library, buffer, self._buffer = llvm.ffi.lib, self._buffer, None
        if not buffer:
            raise RuntimeError(str(self._error))
        try:
            size = library.LLVMPY_GetBufferSize(buffer)
            return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), size)
        finally:
            library.LLVMPY_DisposeMemoryBuffer(buffer)
            if len(self._idle) < MOST_IDLE:
                self._idle.append(self.machine)


MOST_IDLE = 4
"""As many machines are kept: a program of one module needs one at a time."""


@cache
def _idle_machines(level: int, *host: str) -> list[Any]:
    """Machines that no module has at the moment: making one takes 0.2 ms.

    The arguments from `host` make others where tests pretend to have another processor.
    """
    return []


def _without_lock(name: str) -> Any:
    """A function of llvmlite without the lock that lets one thread at a time into LLVM, which needs
    none where threads share nothing; with the lock, should llvmlite know no other."""
    function = getattr(llvm.ffi.lib, name)
    return getattr(function, "_cfn", function)


@cache
def _run_passes() -> Any:
    return _without_lock("LLVMPY_RunNewModulePassManager")


@cache
def _emit() -> Any:
    return _without_lock("LLVMPY_TargetMachineEmitToMemory")


class Compilation:
    """Modules that are being compiled, by `jobs`."""

    def __init__(self, modules: Sequence[Module], jobs: Jobs) -> None:
        self.modules = modules
        self.jobs = jobs

    def code(self) -> bytes:
        """Their object code, when all is done."""
        self.jobs.finish()
        return packed([module.code() for module in self.modules])


def begin_compiling(texts: Iterable[tuple[str, str]], jobs: Jobs) -> Compilation:
    """Give modules to `jobs`, each as soon as it is there: pairs of a kind and a text."""
    modules = []
    for kind, text in texts:
        module = Module(text, kind)
        modules.append(module)
        jobs.add(module.compile, len(text) > LONG_TEXT)
    return Compilation(modules, jobs)


def compile_object(texts: Mapping[str, str]) -> bytes:
    """The object code of modules by kind."""
    with building, Jobs(1) as jobs:
        return begin_compiling(texts.items(), jobs).code()


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


def load_object(code: bytes, symbols: Mapping[str, int]) -> Loaded:
    """Object code linked into this process, its external names bound to `symbols`.

    The names of LLVM are global: one that is bound anew counts for code that is loaded from then
    on, which is why this happens under the lock. The empty module is what an engine needs to exist.
    """
    with building:
        for name, address in symbols.items():
            llvm.add_symbol(name, address)
        empty = llvm.parse_assembly("")
        empty.triple = host()[0]
        engine = llvm.create_mcjit_compiler(empty, target_machine())
        for part in unpacked(code):
            engine.add_object_file(llvm.ObjectFileRef.from_data(part))
        engine.finalize_object()
    return Loaded(engine)


def assembly(text: str, kind: str) -> tuple[str, str]:
    """The optimised LLVM text and the assembly of a module, to read."""
    with building:
        found = Module(text, kind)
        found.optimise()
        return str(found.module), found.machine.emit_assembly(found.module)
