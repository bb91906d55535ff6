"""A program in memory: its native code, the constants it holds, and its NumPy calls."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any
from weakref import WeakValueDictionary, finalize

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.calls import blas
from adjoint.backends.llvm.codegen.loops import POINTER, extern
from adjoint.backends.llvm.compile import jit, kernel_cache, object_cache
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.program import signals
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.backends.llvm.program.signals import DONE, FAILED, RAISED
from adjoint.backends.llvm.program.stepwise import Array, ColdProgram, Failed, can_run, rooms
from adjoint.backends.llvm.system import caching_allocator, thread_pool
from adjoint.errors import GraphError
from adjoint.graph import engine
from adjoint.graph.arrays import truths
from adjoint.graph.forking import building
from adjoint.graph.node import Node
from adjoint.schedule.donation import Donations
from adjoint.schedule.plan import Gemm, Nest, NumpyCall, Schedule, nbytes
from adjoint.schedule.signature import schedule_text

COLD_CALLS = 3
"""How often a program is run from Python before it gets code of its own."""

LONG = 1 << 18
"""Bytes of inputs and outputs from which on a program lets other Python threads run."""

_running: WeakValueDictionary[int, Program] = WeakValueDictionary()
_raised: dict[int, BaseException] = {}
"""What a NumPy call raised last in each thread, kept alive until it has been raised again."""
_numbers = count(1)


class Program:
    """Native code of a schedule, loaded into this process.

    `weak` says which inputs are Python numbers, `tree` how the outputs are put together: an index
    or a tuple of trees, or None if Python code does that.
    """

    failed = Failed

    def __init__(self, schedule: Schedule, weak: Sequence[bool], tree: entry.Tree | None) -> None:
        began = time.perf_counter()
        self.schedule = schedule
        self.inputs = [
            entry.Input(n.dtype, n.shape, w) for n, w in zip(schedule.inputs, weak, strict=True)
        ]
        self.outputs = [entry.Output(n.dtype, n.shape) for n in schedule.outputs]
        self.tree = tree
        self.number = next(_numbers)
        check_size(schedule)
        self.writer = ProgramWriter(schedule)
        self.cold: ColdProgram | None = None
        self.is_hot = False
        self.kernel_names = sorted(self.writer.all_kernels())
        shape = f"{self.inputs} {tree} {entry.available} {entry.fingerprint()}"
        self.key = jit.cache_key(schedule_text(schedule), shape, *self.kernel_names)
        with building:
            self.make(began)

    def make(self, began: float) -> None:
        """Find or compile the code."""
        writers = self.writer.all_kernels()
        self.kernels = kernel_cache.provide(writers)
        code = object_cache.read(self.key)
        self.was_cached = all(k.was_cached for k in self.kernels)
        if code is None and can_run(self.writer):
            self.cold = ColdProgram(self.writer)
            self.calls_left = COLD_CALLS
        else:
            self.make_hot(code)
        self.seconds = time.perf_counter() - began

    @property
    def is_cold(self) -> bool:
        """Whether the steps are still taken from Python, as the program was hardly ever called."""
        return self.cold is not None

    def make_hot(self, code: bytes | None) -> None:
        """Load the native code that takes all steps, compiling it if need be."""
        with building:
            if not self.is_hot:
                self.load(code)

    def load(self, code: bytes | None) -> None:
        """Compile the code if there is none, and link it into this process."""
        if code is None:
            self.was_cached = False
            code = jit.compile_object({self.kind: self.written()})
            object_cache.write(self.key, code)
        entry.register_symbols()
        self.loaded = jit.load_object(code, self.symbols())
        self.hold_constants()
        block = self.loaded.global_address("adjoint_block")
        if block:
            finalize(self.loaded, _give_back, block).atexit = False
        # Not CFUNCTYPE: what the body leaves raised is to be raised.
        self.body = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(
            self.loaded.address("adjoint_call" if self.is_long() else "adjoint_body")
        )
        _running[self.number] = self
        self.is_hot = True
        self.cold = None

    def written(self) -> str:
        """The LLVM text of the program and its entry."""
        self.writer = ProgramWriter(self.schedule)
        body = self.writer.write()
        if sorted(self.writer.kernels) != self.kernel_names:
            raise GraphError(
                "a compiled function changed after it was traced, so its code cannot be finished; "
                "please report this function"
            )
        if self.is_long():
            emit_call(self.writer.module, body)
        if entry.available:
            entry.emit_entry(
                self.writer.module,
                "adjoint_entry",
                self.inputs,
                self.outputs,
                self.tree if self.tree is not None else tuple(range(len(self.schedule.outputs))),
                body,
                has_unflatten=self.tree is None,
                release_gil=self.is_long(),
            )
        return str(self.writer.module)

    @property
    def kind(self) -> str:
        """What kind of code the program is: short ones are worth more of LLVM's time."""
        long = (Gemm, NumpyCall, Nest)
        is_short = not any(isinstance(step, long) for step in self.schedule.steps)
        return "written" if is_short and not self.is_long() else "driver"

    def is_long(self) -> bool:
        """Whether the program runs so long, without Python, that other threads should run too."""
        if any(step.calls_python for step in self.schedule.steps):
            return False
        return sum(nbytes(n) for n in (*self.schedule.inputs, *self.schedule.outputs)) > LONG

    def bind(
        self,
        name: str,
        slow: Callable[..., Any],
        unflatten: Any,
        donations: Donations | None = None,
    ) -> Callable[..., Any]:
        """The built-in that runs the program; calls that do not fit go to `slow`."""
        if not entry.available:
            return slow
        address = self.loaded.address("adjoint_entry")
        return entry.bind_entry(address, name, "", slow, self.outputs, unflatten, self, donations)

    def listing(self, stage: str) -> str:
        """The code to read: optimised LLVM text (``llvm``) or assembly."""
        kernels = kernel_cache.kernels_texts(ProgramWriter(self.schedule).all_kernels())
        texts = [*kernels.items(), (self.kind, self.written())]
        return "\n".join(jit.assembly(text, kind)[stage == "assembly"] for kind, text in texts)

    def symbols(self) -> dict[str, int]:
        """The addresses of what the code calls outside."""
        memory = caching_allocator.allocator()
        found = {
            "adjoint_numpy_call": _address(_numpy_call),
            "adjoint_allocate": memory.allocate,
            "adjoint_free": memory.free,
            **kernel_cache.symbols(),
            **signals.symbols(),
        }
        if any(step.in_chunks for step in self.schedule.steps):
            found.update(thread_pool.symbols())
        for step in self.schedule.steps:
            if isinstance(step, Gemm):
                name = blas.routine(step)
                found["adjoint_" + name] = blas.address(name)
        return found

    def hold_constants(self) -> None:
        """Write the addresses of the constants, and the number of the program, into its globals."""
        stored = self.writer.stored
        self.constants = [np.ascontiguousarray(engine.value_of(node)) for node in stored]
        place = self.loaded.global_address("adjoint_constants")
        table = (ctypes.c_void_p * max(1, len(stored))).from_address(place)
        for i, array in enumerate(self.constants):
            table[i] = array.ctypes.data
        if any(step.calls_python for step in self.schedule.steps):
            place = self.loaded.global_address("adjoint_program")
            ctypes.c_int64.from_address(place).value = self.number

    def run(self, arrays: Sequence[Array], into: Mapping[int, Array] | None = None) -> list[Array]:
        """The outputs for contiguous input arrays of the right dtypes and shapes.

        into: for some outputs, by number, the arrays to write them to.
        """
        cold = self.cold
        if cold is not None:
            if self.calls_left > 0:
                self.calls_left -= 1
                return cold.run(arrays, into)
            self.make_hot(None)
        outputs = rooms(self.schedule.outputs, into)
        pointers = [a.ctypes.data for a in (*arrays, *outputs)]
        table = (ctypes.c_void_p * len(pointers))(*pointers)
        if self.body(ctypes.addressof(table)):
            raise Failed
        return outputs


def check_size(schedule: Schedule) -> None:
    """Raise `MemoryError` where no machine could hold an array, or count to its size."""
    steps = schedule.steps
    nodes = {*schedule.inputs, *schedule.outputs, *(n for s in steps for n in (*s.roots, *s.reads))}
    for node in nodes:
        if nbytes(node) >= 1 << 62:
            raise MemoryError(f"a compiled function needs an array of shape {node.shape}")


def emit_call(module: Any, body: Any) -> None:
    """Add ``i32 adjoint_call(ptr *buffers)``: the body while other Python threads run."""
    function = ir.Function(module, body.function_type, "adjoint_call")
    builder = ir.IRBuilder(function.append_basic_block())
    state = builder.call(extern(module, "PyEval_SaveThread", POINTER, []), [])
    status = builder.call(body, function.args)
    builder.call(extern(module, "PyEval_RestoreThread", ir.VoidType(), [POINTER]), [state])
    builder.ret(status)


def _array(node: Node, address: int) -> np.ndarray[Any, Any]:
    size = max(1, int(np.prod(node.shape)) * node.dtype.itemsize)
    memory = (ctypes.c_char * size).from_address(address)
    flat = np.frombuffer(memoryview(memory), np.uint8)
    array: np.ndarray[Any, Any] = flat[: nbytes(node)].view(node.dtype).reshape(node.shape)
    return array


def _evaluate(number: int, position: int, places: Any) -> int:
    """Evaluate one operation by its own rule, for native code without one."""
    try:
        step = _running[number].schedule.steps[position]
        assert isinstance(step, NumpyCall)
        values = [_array(n, places[i]) for i, n in enumerate(step.reads)]
        values = [truths(x) if x.dtype.kind == "b" else x for x in values]
        with np.errstate(all="ignore"):
            result = step.root.op.evaluate(*values, *step.root.params)
        _array(step.root, places[len(values)])[...] = result
    except Exception:
        return FAILED  # the interpreter will raise it, on arrays that outlive it
    except BaseException as error:
        _raised[threading.get_ident()] = error.with_traceback(None)
        places[0], places[1] = id(type(error)), id(error)
        return RAISED
    return DONE


_numpy_call = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int64, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)
)(_evaluate)


def _give_back(place: int) -> None:
    """Free the block that a program whose code is about to go has kept between its calls."""
    free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(caching_allocator.allocator().free)
    free(ctypes.c_void_p.from_address(place).value)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
