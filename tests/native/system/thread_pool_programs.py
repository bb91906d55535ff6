"""Jobs for the thread pool, in Python and in native code: what its tests and benchmark share."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.backends.llvm.compile import jit
from adjoint.backends.llvm.system import thread_pool

TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
PARALLEL = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64
)

NATIVE = """
declare void @adjoint_parallel(ptr, ptr, i64, i64, i64)
declare double @llvm.sin.f64(double)

define void @empty(ptr %context, i64 %low, i64 %high) {
  ret void
}

; context: address of x, address of one sum for each chunk, grain
define void @sums(ptr %context, i64 %low, i64 %high) {
  %x = load ptr, ptr %context
  %out_address = getelementptr i64, ptr %context, i64 1
  %out = load ptr, ptr %out_address
  %grain_address = getelementptr i64, ptr %context, i64 2
  %grain = load i64, ptr %grain_address
  br label %loop
loop:
  %i = phi i64 [%low, %0], [%following, %loop]
  %sum = phi double [0.0, %0], [%more, %loop]
  %address = getelementptr double, ptr %x, i64 %i
  %value = load double, ptr %address
  %square = fmul double %value, %value
  %one = fadd double %square, 1.0
  %term = fdiv double %value, %one
  %more = fadd double %sum, %term
  %following = add i64 %i, 1
  %again = icmp slt i64 %following, %high
  br i1 %again, label %loop, label %end
end:
  %number = udiv i64 %low, %grain
  %result = getelementptr double, ptr %out, i64 %number
  store double %more, ptr %result
  ret void
}

; Counts, in context[0], how often each element is reached: atomically, by nested jobs of one each.
define void @count(ptr %context, i64 %low, i64 %high) {
  %amount = sub i64 %high, %low
  %old = atomicrmw add ptr %context, i64 %amount monotonic, align 8
  ret void
}
define void @nested(ptr %context, i64 %low, i64 %high) {
  call void @adjoint_parallel(ptr @count, ptr %context, i64 %low, i64 %high, i64 1)
  ret void
}

; The same job again and again.
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


@functools.cache
def native() -> Any:
    """The tasks in native code."""
    return jit.load_object(jit.compile_object({"loops": NATIVE}), thread_pool.symbols())


def address(name: str) -> int:
    """Where a native task is."""
    return native().address(name)


def repeat(task: str, context: int | None, size: int, grain: int, times: int) -> None:
    """Run a native task `times` times over [0, size), without Python in between."""
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3)
    kind(address("repeat"))(address(task), context, size, grain, times)


def parallel(task: int, context: int | None, low: int, high: int, grain: int) -> None:
    """`adjoint_parallel`, called without the lock of the interpreter."""
    PARALLEL(thread_pool.symbols()["adjoint_parallel"])(task, context, low, high, grain)


def run(task: Callable[[int, int], Any], low: int, high: int, grain: int) -> None:
    """Run a Python function as the task."""
    kept = TASK(lambda _, start, stop: task(start, stop))
    parallel(ctypes.cast(kept, ctypes.c_void_p).value or 0, None, low, high, grain)


def chunks(low: int, high: int, grain: int) -> list[tuple[int, int]]:
    """The chunks of which a job is made."""
    if low >= high:
        return []
    step = grain if grain > 0 else high - low
    return [(i, min(i + step, high)) for i in range(low, high, step)]


def check(low: int, high: int, grain: int) -> None:
    """Run a job and check that each chunk was done once."""
    done: list[tuple[int, int]] = []
    run(lambda start, stop: done.append((start, stop)), low, high, grain)
    assert sorted(done) == chunks(low, high, grain), (low, high, grain, sorted(done)[:10])


def sums(x: np.ndarray[Any, Any], grain: int, task: str = "sums") -> np.ndarray[Any, Any]:
    """Some sum over each chunk of `x`, natively."""
    out = np.full(len(chunks(0, len(x), grain)), np.nan)
    context = np.array([x.ctypes.data, out.ctypes.data, grain], np.int64)
    parallel(address(task), context.ctypes.data, 0, len(x), grain)
    return out
