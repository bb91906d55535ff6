"""A program: a schedule that can be called with arrays.

Floor 6. It has two ways to run, with the same results to the last bit: `Stepwise` takes the steps
one by one from Python and needs only kernels that are known; `NativeCode` takes all of them in one
call and has to be compiled first. A program starts on the first and changes over to the second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adjoint.backends.llvm.compile import jit, kernel_cache, object_cache
from adjoint.backends.llvm.compile.jobs import Jobs
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.program.linked_code import linked, write_call_without_lock
from adjoint.backends.llvm.program.native_code import Array, NativeCode
from adjoint.backends.llvm.program.native_program import NativeProgram
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.backends.llvm.program.stepwise import Stepwise, can_run_stepwise
from adjoint.backends.llvm.system import thread_pool
from adjoint.errors import GraphError
from adjoint.graph.forking import building
from adjoint.schedule.plan import Control, Gemm, Nest, NumpyCall, Schedule, all_steps, nbytes
from adjoint.schedule.signature import schedule_text

STEPWISE_CALLS = 3
"""How often a program is run from Python before it gets code of its own. A batch size that comes
once or twice in an epoch (the last batch, a validation set) then never pays for compiling: 8 ms for
a step of a small network, where taking its four steps from Python costs 50 µs more a call."""

LONG_RUNNING = 1 << 18
"""Bytes of inputs and outputs from which on a program lets other Python threads run. Going through
that much takes 10 µs and more. Below, a waiting thread gains little, and a program that gave the
lock away may wait up to 5 ms (`sys.getswitchinterval`) until it has it back."""

MANY_STEPS = 150
"""A program with more steps, loops or not, is compiled in the quickest way: a loop of 320 steps in
0.9 s instead of 3.6, to run as fast. What the steps do takes longer than to call them."""

LONG_ROUND = 1 << 14
"""Operations of a round, two microseconds and more, from which on the code that leads through a
loop need not be fast. Compiled in the quickest way it takes 25 ns more a round, and 10 to 30 ms
less to compile."""

LARGEST_ARRAY = 1 << 62
"""Bytes of an array that cannot be had anywhere, and of which offsets in int64 must not overflow
though a few of them are added."""


class Program(NativeProgram):
    """A schedule with its code and memory plan, callable.

    `weak` says which inputs are Python numbers, `tree` how the outputs are put together: an index
    or a tuple of trees, or None if Python code does that.
    """

    serves_other_sizes = True

    def __init__(self, schedule: Schedule, weak: Sequence[bool], tree: entry.Tree | None) -> None:
        began = time.perf_counter()
        check_size(schedule)
        self.schedule = schedule
        super().__init__(schedule.inputs, schedule.outputs, weak, tree)
        self.stepwise: Stepwise | None = None
        self.stepwise_calls_left = STEPWISE_CALLS
        self.tell: Callable[[Program, NativeCode], None] | None = None
        """Who is told when there is native code."""
        self.writer = ProgramWriter(schedule)
        """What writes the module of the schedule, and knows where its results lie."""
        self.kernel_names = sorted(self.writer.all_kernels())
        libraries = sorted({s.blas for s in all_steps(schedule) if isinstance(s, Gemm)})
        self.key = jit.cache_key(schedule_text(schedule), *libraries, *self.kernel_names)
        with building:
            self.prepare()
        self.seconds = time.perf_counter() - began

    def prepare(self) -> None:
        """Provide the kernels, and the way to run that is ready first.

        That is native code if it lies on disk, or if steps one by one would take much longer.
        """
        thread_pool.check_environment()
        code = object_cache.read(self.key)
        runs_stepwise = code is None and can_run_stepwise(self.writer)
        own: jit.Compilation | None = None
        with Jobs(thread_pool.threads) as jobs:
            loading = kernel_cache.Loading(self.writer.all_kernels(), jobs)
            if code is None and not runs_stepwise:
                own = self.begin_compiling(jobs)
            self.kernels = loading.load()
            self.is_without_new_code = not loading.missing and own is None
            self.was_cached = own is None and all(k.was_cached for k in self.kernels)
            if own is not None:
                code = self.finish_compiling(own)
        if runs_stepwise:
            self.stepwise = Stepwise(self.writer)
        else:
            self.make_native(code)

    # running it

    def run(self, arrays: Sequence[Array], into: Mapping[int, Array] | None = None) -> list[Array]:
        """As native programs, or step by step."""
        stepwise = self.stepwise
        if stepwise is not None and self.stepwise_calls_left > 0:
            self.stepwise_calls_left -= 1
            return stepwise.run(arrays, into)
        return super().run(arrays, into)

    @property
    def is_stepwise(self) -> bool:
        """Whether the steps are still taken from Python, as the program was hardly ever called."""
        return self.stepwise is not None

    # its native code

    def native_code(self) -> NativeCode:
        """The native code, made now if it was not."""
        return self.native or self.make_native(None)

    def make_native(self, code: bytes | None) -> NativeCode:
        """The native code that takes all steps, from now on the way to run; compiled unless given.

        Another thread may be making it: the first to come does.
        """
        with building:
            if self.native is None:
                if code is None:
                    code = self.compile()
                self.native = linked(
                    code, self.schedule, self.writer.stored, self.kernel_names, self.is_long
                )
                self.tell_made(self.native)
            self.stepwise = None
        return self.native

    def when_made(self, tell: Callable[[Program, NativeCode], None]) -> None:
        """Have `tell` called once there is native code, which then lies on disk, too."""
        with building:
            self.tell = tell
            if self.native is not None:
                self.tell_made(self.native)

    def tell_made(self, native: NativeCode) -> None:
        """Tell that there is native code, once."""
        tell, self.tell = self.tell, None
        if tell is not None:
            tell(self, native)

    def compile(self) -> bytes:
        """The object code, which is also kept on disk."""
        self.was_cached = False
        with Jobs(1) as jobs:
            return self.finish_compiling(self.begin_compiling(jobs))

    def begin_compiling(self, jobs: Jobs) -> jit.Compilation:
        """Have `jobs` compile the native code."""
        return jit.begin_compiling([{self.kind: self.llvm_text()}], jobs)

    def finish_compiling(self, compilation: jit.Compilation) -> bytes:
        """The object code, which is kept on disk."""
        code = compilation.code()
        object_cache.write(self.key, code)
        return code

    def llvm_text(self) -> str:
        """The LLVM text of the program."""
        return str(self.llvm_module())

    def llvm_module(self) -> Any:
        """The LLVM module of the program."""
        self.writer = ProgramWriter(self.schedule)
        body = self.writer.write()
        if sorted(self.writer.kernels) != self.kernel_names:
            # A name that nothing stands behind is address 0 to the loader: a call would crash.
            raise GraphError(
                "a compiled function changed after it was traced, so its code cannot be finished; "
                "please report this function"
            )
        if self.is_long:
            write_call_without_lock(self.writer.module, body)
        return self.writer.module

    def instructions(self) -> int:
        """How many LLVM instructions are written for it and its kernels: what compiling costs."""
        files = kernel_cache.modules(ProgramWriter(self.schedule).all_kernels())
        kernels = sum(module.instructions() for file in files for module in file.values())
        return kernels + kernel_cache.instructions(self.llvm_module())

    @property
    def kind(self) -> str:
        """What kind of code the program is: short ones, and loops, are worth LLVM's time."""
        steps = list(all_steps(self.schedule))
        loops = [graph for step in steps if isinstance(step, Control) for graph in step.inner]
        if loops:
            shortest = min(sum(step.work for step in graph.steps) for graph in loops)
            return "driver" if len(steps) > MANY_STEPS or shortest >= LONG_ROUND else "written"
        long = (Gemm, NumpyCall, Nest)
        is_short = not any(isinstance(step, long) for step in self.schedule.steps)
        return "written" if is_short and not self.is_long else "driver"

    @property
    def is_long(self) -> bool:
        """Whether the program runs so long, without Python, that other threads should run too."""
        if any(step.calls_python for step in self.schedule.steps):
            return False
        if any(isinstance(s, Control) and s.work > LONG_RUNNING for s in self.schedule.steps):
            return True
        nodes = (*self.schedule.inputs, *self.schedule.outputs)
        return sum(map(nbytes, nodes)) > LONG_RUNNING

    def listing(self, stage: str) -> str:
        """The code to read: optimised LLVM text (``llvm``) or assembly."""
        kernels = kernel_cache.module_texts(ProgramWriter(self.schedule).all_kernels())
        texts = [item for file in kernels for item in file.items()]
        texts.append((self.kind, self.llvm_text()))
        return "\n".join(jit.assembly(text, kind)[stage == "assembly"] for kind, text in texts)


def check_size(schedule: Schedule) -> None:
    """Raise `MemoryError` where no machine could hold an array, or count to its size."""
    steps = schedule.steps
    nodes = {*schedule.inputs, *schedule.outputs, *(n for s in steps for n in (*s.roots, *s.reads))}
    for node in nodes:
        if nbytes(node) >= LARGEST_ARRAY:
            raise MemoryError(f"a compiled function needs an array of shape {node.shape}")
