"""The thread pool: native code runs a loop in chunks on all cores.

``void adjoint_parallel(void (*task)(void *context, int64 low, int64 high), void *context,
int64 low, int64 high, int64 grain)`` runs `task` over [low, high) in chunks of `grain`. Where the
chunks lie depends on these three numbers only, so results are the same for any number of threads.
The caller works too. If the pool is at work already, for another thread or for a task that asks
again, the caller does the whole job alone, at once. Tasks must not touch Python objects.

Workers are native threads: they start with the first job that has several chunks, hold no Python
state, block signals, and end with the process. A forked child starts its own.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import signal
import time

from adjoint.backends.llvm.system import cgroups
from adjoint.backends.llvm.system.native_code import NativeCode, c_functions
from adjoint.backends.llvm.system.thread_pool_ir import C_FUNCTIONS, Platform, code
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph import forking, options

VARIABLE = "ADJOINT_NUM_THREADS"
"""The environment variable that limits the number of threads."""
PATIENCE = 20_000
"""Nanoseconds for which a thread spins before it sleeps: twice what it costs to sleep and be woken.

So waiting costs never more than thrice the least, whenever the next job comes. Without it, jobs of
12 µs on two threads took 1.9 times as long (Xeon of 2 cores).
"""


def _platform() -> tuple[Platform | None, dict[str, int]]:
    """What this system is, and the addresses of its functions; None if it has no such threads."""
    if os.name != "posix" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None, {}
    addresses = c_functions(C_FUNCTIONS)
    if len(addresses) < len(C_FUNCTIONS):
        return None, {}
    faults = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
    numbers = tuple(int(fault) for fault in faults)
    own = Platform(platform.machine(), time.CLOCK_MONOTONIC, int(signal.SIG_SETMASK), numbers)
    return own, addresses


_PLATFORM, _ADDRESSES = _platform()
available = _PLATFORM is not None
"""Whether there are threads; if not, `adjoint_parallel` works alone."""


class ThreadPool:
    """The native code of the pool in this process. There is one."""

    def __init__(self) -> None:
        loaded = NativeCode(f"thread pool {_PLATFORM}", lambda: code(_PLATFORM), _ADDRESSES)
        self.address = loaded.address("adjoint_parallel")
        if available:
            number = ctypes.c_int64
            self._limit = loaded.function("adjoint_pool_limit", None, number, number)
            self._workers = loaded.function("adjoint_pool_workers", number)
            self.reset = loaded.function("adjoint_pool_reset", None)
            self.reset()

    def set_threads(self, n: int) -> None:
        """Let at most `n` threads work, the caller included.

        If there are more than cores nobody spins: it would keep a core from those with work.
        """
        if available:
            self._limit(n - 1, PATIENCE if n <= cores() else 0)

    def workers(self) -> int:
        """How many threads wait for work, or work, beside the callers."""
        return int(self._workers()) if available else 0


_lock = forking.new_lock()
_pool: ThreadPool | None = None
_chosen: int | None = None


def _load() -> ThreadPool:
    """The pool, loaded now if it was not; call with the lock held."""
    global _pool
    if _pool is None:
        n = threads()
        made = ThreadPool()
        made.set_threads(n)
        _pool = made
    return _pool


def symbols() -> dict[str, int]:
    """The address of `adjoint_parallel`, for native code that calls it."""
    with forking.building, _lock:
        return {"adjoint_parallel": _load().address}


def threads() -> int:
    """How many threads may work at a job."""
    return default_threads() if _chosen is None else _chosen


def workers() -> int:
    """How many native threads there are now beside those that call."""
    with _lock:
        return 0 if _pool is None else _pool.workers()


def set_threads(n: int | None) -> None:
    """Let `n` threads work at a job; None for as many as the process may use.

    Also while a job runs: a worker that is one too many ends when it has done its chunks.
    """
    global _chosen
    if n is not None:
        if isinstance(n, bool) or not isinstance(n, int):
            raise ArgumentError(f"set_threads: n must be a whole number or None, got {n!r}")
        if not 1 <= n <= options.MOST_THREADS:
            raise RangeError(f"set_threads: n must be from 1 to {options.MOST_THREADS}, got {n}")
    with _lock:
        _chosen = n
        if _pool is not None:
            _pool.set_threads(threads())


def cores() -> int:
    """The processors on which this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """The processors this process may use, by affinity, control groups and environment."""
    limits = [float(cores()), *cgroups.processors()]
    asked = asked_threads()
    if asked is not None:
        limits.append(asked)
    return max(1, math.ceil(min(limits)))


def check_environment() -> None:
    """`RangeError` if how many threads there are is left to the environment, and that is wrong."""
    if _chosen is None:
        asked_threads()


def asked_threads() -> int | None:
    """How many threads the environment asks for; `RangeError` if that is no number of threads."""
    asked = os.environ.get(VARIABLE, "").strip()
    if not asked:
        return None
    if not asked.isdecimal() or int(asked) < 1:
        raise RangeError(
            f"the environment variable {VARIABLE} must be a whole number above zero, "
            f"got {asked!r}; set it right or remove it"
        )
    return int(asked)


@forking.in_forked_child
def _reset() -> None:
    """Forget the workers: only the thread that forked goes on in the child."""
    if _pool is not None and available:
        _pool.reset()


options.watch("threads", lambda values: set_threads(values[-1] if values else None))
