"""The stages in which a compiled function answers, each forced and named.

A program is first run step by step from Python, then by native code that takes all steps, entered
through Python or by the native entry; it may come from the disk, in this process or another;
threads may take a part; what is not compiled may be answered by native code as well. Before each
call the memory that results will probably get is filled with nan, so that nothing right is left
there; inputs are overwritten after one, which no result may notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.backends import tiering
from adjoint.backends.llvm.compile import kernel_cache
from adjoint.backends.llvm.program import kept_plan
from adjoint.backends.llvm.program.memory_guards import GuardedProgram, poison
from adjoint.backends.llvm.program.stepwise import Stepwise, can_run_stepwise
from adjoint.backends.llvm.system import caching_allocator
from tests.native.fuzzing.random_programs import Program, program, together

Results = list[list[Any]]
THREADS = (1, 2, 5)
"""How many threads, where a program is cut into chunks for them."""

STAGES = (
    "step by step",
    "step by step again",
    "program",
    "program again",
    "entry",
    "call",
    "call again",
    "inputs changed",
    "guarded",
    "threads",
    "disk",
    "disk again",
    "uncompiled",
    "uncompiled again",
    "uncompiled native",
)
"""All of them but "second process", which belongs to who runs many programs."""


class Calls:
    """The calls of some programs that are compiled together."""

    def __init__(self, programs: Sequence[Program], donate: bool = True) -> None:
        self.programs = programs
        self.donate = donate
        self.function = together(programs)
        self.shapes: list[Any] = []
        kernel_cache._kernels.clear()  # what other programs have compiled is of no use to these
        self.compiled = self.compile()

    def compile(self) -> Any:
        donated = tuple(i for i, p in enumerate(self.programs) if p.donates and self.donate)
        return ad.compile(self.function, donate=donated) if donated else ad.compile(self.function)

    def inputs(self) -> list[Any]:
        """Fresh ones where a call donates them."""
        return [program(p.seed).inputs if p.donates else p.inputs for p in self.programs]

    @property
    def traced(self) -> Any:
        """The only signature of the compiled function."""
        return self.compiled.trace(*self.inputs())

    def leaves(self) -> list[Any]:
        return [x for group in self.inputs() for x in group]

    def take(self, call: Callable[[], Any]) -> Results:
        """The results of a call, copied; memory that it is likely to use was poisoned before."""
        kept = [np.full(n, 0xFF, np.uint8) for n in self.shapes]
        kept += [
            buffer for n in self.shapes if n >= 1 << 16 and (buffer := poisoned(n)) is not None
        ]
        del kept
        found = [[np.array(x.numpy()) for x in group] for group in call()]
        self.shapes = [x.nbytes for group in found for x in group if x.nbytes]
        return found


def poisoned(size: int) -> Any:
    """Memory of the caching allocator, filled with nan."""
    buffer = caching_allocator.empty((size,), np.dtype(np.uint8))
    buffer[...] = 0xFF
    return buffer


@contextmanager
def planned_anew() -> Iterator[None]:
    """Programs come from passes and a schedule here, also if their plans lie on disk."""
    load = kept_plan.load
    kept_plan.load = lambda key: None
    try:
        yield
    finally:
        kept_plan.load = load


def compiled_stages(calls: Calls) -> Iterator[tuple[str, Results]]:
    """What is expected to be the same to the last bit at each stage."""
    traced = calls.traced
    with planned_anew():
        built = traced.program
    if can_run_stepwise(built.writer):
        built.stepwise = Stepwise(built.writer)  # also if there is code on disk
        built.stepwise_calls_left = 2
        yield "step by step", calls.take(lambda: calls.compiled(*calls.inputs()))
        yield "step by step again", calls.take(lambda: calls.compiled(*calls.inputs()))
        assert built.stepwise_calls_left == 0, "the program was not run step by step"
    built.make_native(None)
    assert not built.is_stepwise
    for name in ("program", "program again"):
        poison(built)
        yield name, calls.take(lambda: traced.run(*calls.leaves()))
    if traced.can_enter:
        poison(built)
        yield "entry", calls.take(lambda: traced.enter(calls.leaves()))
    for name in ("call", "call again"):
        poison(built)
        yield name, calls.take(lambda: calls.compiled(*calls.inputs()))
    yield "inputs changed", calls.take(lambda: changed(calls))
    yield "guarded", calls.take(lambda: guarded(traced, calls.leaves()))
    if any(step.in_chunks for step in built.schedule.steps):
        for count in THREADS:
            with ad.options(threads=count):
                poison(built)
                yield "threads", calls.take(lambda: calls.compiled(*calls.inputs()))


def changed(calls: Calls) -> Any:
    """The results of a call whose inputs were written over before anybody looked at them."""
    inputs = calls.inputs()
    kept_back = [
        group
        for p, group in zip(calls.programs, inputs, strict=True)
        if not (p.donates and calls.donate)
    ]
    arrays = {id(x): x for group in kept_back for x in group if isinstance(x, np.ndarray)}
    before = [(x, np.array(x)) for x in arrays.values() if x.flags.writeable]
    found = calls.compiled(*inputs)
    for x, kept in before:
        x[...] = ~kept if x.dtype.kind == "b" else 77
    copied = [[np.array(x.numpy()) for x in group] for group in found]
    for x, kept in before:
        x[...] = kept
    return [list(map(ad.asarray, group)) for group in copied]


def guarded(traced: Any, leaves: Sequence[Any]) -> Any:
    """The results of the program that looks after memory."""
    weak = [x.weak for x in traced.leaves]
    looking = GuardedProgram(traced.schedule, weak, traced.tree)
    into: Any = {}
    arrays = traced.arrays(leaves)
    if traced.donation is not None:
        into, arrays = traced.donation.take(leaves, traced.arrays)
    try:
        found = looking.run(arrays, into)
    except looking.failed:
        return traced.unflatten(traced.interpret(arrays))
    return traced.unflatten([ad.asarray(x) for x in found])


def disk_stages(calls: Calls) -> Iterator[tuple[str, Results]]:
    """All code, and the plan, from the disk, as in another process."""
    calls.compiled.clear_cache()
    again = Calls(calls.programs, calls.donate)
    traced = again.traced
    assert traced.program.was_cached or not traced.schedule.steps, "there was no code on the disk"
    yield "disk", again.take(lambda: again.compiled(*again.inputs()))
    yield "disk again", again.take(lambda: again.compiled(*again.inputs()))


def uncompiled_stages(calls: Calls) -> Iterator[tuple[str, Results]]:
    """What native code answers for a function that nobody compiled."""

    def call() -> Any:
        groups = [program(p.seed).inputs if p.donates else p.inputs for p in calls.programs]
        return ad.evaluate(calls.function(*groups))

    tiering.clear()
    with ad.options(native="always"):
        yield "uncompiled", calls.take(call)
        yield "uncompiled again", calls.take(call)
        for _ in range(2):
            found = calls.take(call)
        yield "uncompiled native", found


def digest(results: Results) -> str:
    """A text that is equal for equal results."""
    parts = [f"{x.dtype}{x.shape}".encode() + x.tobytes() for group in results for x in group]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def from_disk(programs: Sequence[Program], donate: bool) -> str:
    """The digest of the results, in a process that finds all code on the disk."""
    calls = Calls(programs, donate)
    traced = calls.traced
    assert traced.program.was_cached or not traced.schedule.steps, "there was no code on the disk"
    return digest(calls.take(lambda: calls.compiled(*calls.inputs())))
