"""From LLVM's text to object code, and from object code to functions of this process.

llvmlite may be called by one thread at a time, and not while the process forks: all of it happens
under the lock `building`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from adjoint.graph.forking import building, lock_while_forking

LEVELS = {"loops": 2, "written": 1, "driver": 0}
"""How much LLVM does for each kind of code. Only ``loops`` leave it vectors to find. What is
``written`` holds the vectors already, so LLVM chooses instructions and registers: the step of a
small network compiles in 40 to 55 ms instead of 280. A ``driver`` calls other code, and its own
speed does not matter."""

LIGHT_PASSES = ("sroa", "simplify_cfg")
"""The passes for code that holds its vectors: stack slots become registers, and blocks that follow
each other one. Inlining, searching for vectors and moving code would find nothing left to do."""

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


@cache
def compiling_machine(level: int, *host: str) -> Any:
    """The target machine with which modules are compiled: making one takes 0.2 ms.

    The arguments from `host` make another where tests pretend to have another processor.
    """
    return target_machine(level)


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


def optimise(text: str, kind: str) -> tuple[Any, Any]:
    """The optimised module of a kind and the machine it is for."""
    level = LEVELS[kind]
    machine = compiling_machine(level, *host())
    module = llvm.parse_assembly(text)
    module.triple = host()[0]
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = options.loop_interleaving = True
    # Straight-line code holds few vectors, and what should be unrolled says so in its metadata:
    # both passes gain little and take long.
    options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    if kind == "loops":
        passes = builder.getModulePassManager()
    else:
        passes = llvm.create_new_module_pass_manager()
        for name in LIGHT_PASSES:
            getattr(passes, f"add_{name}_pass")()
    passes.run(module, builder)
    return module, machine


def compile_object(texts: Mapping[str, str]) -> bytes:
    """The object code of modules by kind."""
    with building:
        (module, machine), *others = [optimise(text, kind) for kind, text in texts.items()]
        for other, _ in others:
            module.link_in(other)
        code: bytes = machine.emit_object(module)
    return code


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
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
    return Loaded(engine)


def assembly(text: str, kind: str) -> tuple[str, str]:
    """The optimised LLVM text and the assembly of a module, to read."""
    with building:
        module, machine = optimise(text, kind)
        return str(module), machine.emit_assembly(module)
