"""The thread pool: what handing out a job costs, and what the threads gain."""

from __future__ import annotations

import ctypes
import functools
import statistics
import time
from typing import Any

import numpy as np

from adjoint.backends.llvm.compile import jit
from adjoint.backends.llvm.system import thread_pool
from benchmarks.measure import Result, median_time

MOST_MICROSECONDS = 10.0

NATIVE = """
declare void @adjoint_parallel(ptr, ptr, i64, i64, i64)
declare double @llvm.sqrt.f64(double)

define void @empty(ptr %context, i64 %low, i64 %high) {
  ret void
}

; x[i] = 1/sqrt(x[i]² + 1), so many times that arithmetic and not memory is the bound
define void @map(ptr %x, i64 %low, i64 %high) {
  br label %element
element:
  %i = phi i64 [%low, %0], [%after, %store]
  %address = getelementptr double, ptr %x, i64 %i
  %value = load double, ptr %address
  br label %round
round:
  %n = phi i64 [0, %element], [%more, %round]
  %old = phi double [%value, %element], [%new, %round]
  %square = fmul double %old, %old
  %sum = fadd double %square, 1.0
  %root = call double @llvm.sqrt.f64(double %sum)
  %new = fdiv double 1.0, %root
  %more = add i64 %n, 1
  %again = icmp slt i64 %more, 8
  br i1 %again, label %round, label %store
store:
  store double %new, ptr %address
  %after = add i64 %i, 1
  %further = icmp slt i64 %after, %high
  br i1 %further, label %element, label %end
end:
  ret void
}

define void @repeat(ptr %task, ptr %context, i64 %size, i64 %grain, i64 %times) {
  br label %loop
loop:
  %i = phi i64 [0, %0], [%following, %loop]
  call void @adjoint_parallel(ptr %task, ptr %context, i64 0, i64 %size, i64 %grain)
  %following = add i64 %i, 1
  %again = icmp slt i64 %following, %times
  br i1 %again, label %loop, label %end
end:
  ret void
}
"""


def run(smoke: bool) -> list[Result]:
    """Latencies of empty jobs, and the speed-up of a loop over a million elements."""
    code = jit.load_object(jit.compile_object({"loops": NATIVE}), thread_pool.symbols())
    try:
        return [*latencies(code, smoke), *speed_up(code, smoke)]
    finally:
        thread_pool.set_threads(None)


def repeat(code: Any, task: str, context: int, size: int, grain: int, times: int) -> None:
    """Run a native task again and again, without Python in between."""
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3)
    kind(code.address("repeat"))(code.address(task), context, size, grain, times)


def latencies(code: Any, smoke: bool) -> list[Result]:
    """A job of empty tasks: one after the other, and when the workers have gone to sleep."""
    jobs, naps = (500, 20) if smoke else (2_000, 500)
    alone = statistics.median(one_by_one(code, 1, naps))
    results = [Result("a call from Python", alone, "µs")]
    for threads in sorted({2, thread_pool.default_threads()}):
        thread_pool.set_threads(threads)
        chunks = 4 * threads
        repeat(code, "empty", 0, chunks, 1, jobs)
        job = functools.partial(repeat, code, "empty", 0, chunks, 1, jobs)
        warm = 1e6 / jobs * median_time(job, 15)
        results.append(
            Result(f"{threads} threads, one job after another", warm, "µs", MOST_MICROSECONDS)
        )
        for name, nap in {"after 0.1 ms": 1e-4, "after 2 ms": 2e-3}.items():
            figure = statistics.median(one_by_one(code, threads, naps, nap)) - alone
            results.append(Result(f"{threads} threads, {name}", figure, "µs", MOST_MICROSECONDS))
    return results


def one_by_one(code: Any, threads: int, count: int, nap: float = 0.0) -> list[float]:
    """The microseconds that single jobs take, with a busy nap before each."""
    thread_pool.set_threads(threads)
    times = []
    for _ in range(count):
        wake = time.perf_counter() + nap
        while time.perf_counter() < wake:
            pass
        started = time.perf_counter()
        repeat(code, "empty", 0, 4 * threads, 1, 1)
        times.append(1e6 * (time.perf_counter() - started))
    return times


def speed_up(code: Any, smoke: bool) -> list[Result]:
    """A loop over a million elements, bound by arithmetic, on one thread and on more."""
    size = 100_000 if smoke else 1_000_000
    x = np.random.default_rng(0).random(size)
    grain = 16_384
    results, alone, expected = [], 0.0, b""
    for threads in sorted({1, 2, thread_pool.default_threads()}):
        thread_pool.set_threads(threads)
        y = x.copy()
        repeat(code, "map", y.ctypes.data, size, grain, 1)
        expected = expected or y.tobytes()
        assert y.tobytes() == expected, "the result depends on the number of threads"
        job = functools.partial(repeat, code, "map", y.ctypes.data, size, grain, 1)
        seconds = median_time(job, 15)
        alone = alone or seconds
        note = f"ms, {alone / seconds:.2f} times as fast as one"
        results.append(Result(f"{size:,} elements, {threads} threads", 1e3 * seconds, note))
    return results
