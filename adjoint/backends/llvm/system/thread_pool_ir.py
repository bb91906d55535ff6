"""The native code of the thread pool. `thread_pool` loads it, and says what it is for.

One mutex guards the state. What is read outside it is the chunk counter, `busy`, and what a thread
watches while it spins. These accesses are atomic but relaxed: who has seen such a value takes the
mutex before it reads anything else, and the mutex passes on what was written before.

A job is open while it may be joined. A worker joins by adding itself to `active` under the mutex,
so the caller need not wait for workers that were late: it closes the job when no chunk is left and
waits for `active` to be zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.system.function_writer import (
    BIT,
    BYTE,
    I32,
    I64,
    NULL,
    POINTER,
    RELAXED,
    VOID,
    ModuleWriter,
    PointerTo,
    Writer,
)

C_FUNCTIONS = {
    "pthread_mutex_init": (I32, [POINTER, POINTER]),
    "pthread_mutex_lock": (I32, [POINTER]),
    "pthread_mutex_unlock": (I32, [POINTER]),
    "pthread_cond_init": (I32, [POINTER, POINTER]),
    "pthread_cond_wait": (I32, [POINTER, POINTER]),
    "pthread_cond_signal": (I32, [POINTER]),
    "pthread_cond_broadcast": (I32, [POINTER]),
    "pthread_create": (I32, [POINTER, POINTER, POINTER, POINTER]),
    "pthread_detach": (I32, [POINTER]),
    "pthread_sigmask": (I32, [I32, POINTER, POINTER]),
    "sigfillset": (I32, [POINTER]),
    "sigdelset": (I32, [POINTER, I32]),
    "clock_gettime": (I32, [I32, POINTER]),
    "sched_yield": (I32, []),
}
_X86, _ARM = ("llvm.x86.sse2.pause", ()), ("llvm.aarch64.hint", (I32(1),))
_PAUSES: dict[str, tuple[str, tuple[Any, ...]]] = dict(
    x86_64=_X86, AMD64=_X86, aarch64=_ARM, arm64=_ARM
)
"""By machine the instruction that makes a busy wait cheap for the other thread of its core."""
_SPINS = 16
"""Looks between two offers of the core, which are calls of the system: so seldom that a change is
seen at once, so often that somebody else can work."""
_LINE = 64
"""Bytes of a line of the cache. What many threads write has one to itself: a write takes the line
away from all other cores."""
_LARGE = ir.ArrayType(BYTE, 256)
"""Room for any C type used here: the largest anywhere is sigset_t, of 128 bytes on Linux."""

_TASK = PointerTo(ir.FunctionType(VOID, [POINTER, I64, I64]))
_JOB = (_TASK, POINTER, I64, I64, I64)
_STATE_OF_JOB = ("task", "context", "low", "high", "grain", "chunks")


@dataclass(frozen=True)
class Platform:
    """What differs between systems: the numbers that C headers give."""

    machine: str
    clock: int
    set_mask: int
    faults: tuple[int, ...]
    """Signals that a thread raises itself, which must not be blocked."""


def code(platform: Platform | None) -> str:
    """The LLVM text of the pool; without a platform, of one that always works alone."""
    module = ModuleWriter({} if platform is None else C_FUNCTIONS)
    _write_serial(module)
    if platform is None:
        _run_alone(*_define_parallel(module))
    else:
        _declare_state(module)
        _write_now(module, platform.clock)
        _write_watch(module, platform.machine)
        _write_drain(module)
        _write_work(module)
        _write_start(module, platform)
        _write_wake_workers(module)
        _write_open(module)
        _write_close(module)
        _write_parallel(module)
        _write_settings(module)
    return module.text()


def _declare_state(module: ModuleWriter) -> None:
    for name in ("mutex", "wake", "done"):  # `wake` is for workers, `done` for the caller
        module.variable(name, _LARGE, _LINE)
    module.variable("limit", align=_LINE)  # workers wanted
    module.variable("patience")  # nanoseconds to spin before sleeping
    module.variable("workers")  # that there are
    module.variable("sleeping")  # workers that wait for `wake`
    module.variable("active")  # workers in the job
    module.variable("open")  # whether the job may be joined
    module.variable("busy", align=_LINE)  # whether somebody has the pool
    module.variable("generation", align=_LINE)  # the number of jobs opened so far
    module.variable("next", align=_LINE)  # the next chunk
    for name, kind in zip(_STATE_OF_JOB, (*_JOB, I64), strict=True):
        module.variable(name, kind, _LINE if name == "task" else 8)


def _lock(w: Writer) -> None:
    w.invoke("pthread_mutex_lock", w["mutex"])


def _unlock(w: Writer) -> None:
    w.invoke("pthread_mutex_unlock", w["mutex"])


def _run_chunk(w: Writer, task: Any, context: Any, start: Any, high: Any, grain: Any) -> Any:
    """Run the task on the chunk that begins at `start`; where it ends comes back."""
    stop = w.add(start, w.smaller(w.sub(high, start), grain))
    w.call(task, [context, start, stop])
    return stop


def _write_serial(module: ModuleWriter) -> None:
    """`serial(task, context, low, high, grain)`: all chunks, one after the other."""
    w, (task, context, low, high, grain) = module.define("serial", VOID, *_JOB)
    start = w.local(low)
    with w.loop() as leave_if:
        stop = _run_chunk(w, task, context, w.get(start), high, grain)
        leave_if(w.icmp_signed(">=", stop, high))
        w.set(start, stop)
    w.ret_void()


def _write_now(module: ModuleWriter, clock: int) -> None:
    """`now()`: nanoseconds on a clock that never goes back."""
    w, _ = module.define("now", I64)
    time = w.local(words=2)
    w.invoke("clock_gettime", I32(clock), time)
    seconds, nanoseconds = (w.get(w.item(time, i)) for i in range(2))
    w.ret(w.add(w.mul(seconds, I64(10**9)), nanoseconds))


def _write_watch(module: ModuleWriter, machine: str) -> None:
    """`watch(variable, value, differs)`: spin until the variable has, or has not, the value.

    Or until patience ends. A thread that sleeps in the kernel wakes up too late for a job of some
    microseconds. The one waited for may be waiting for this very core: it is offered now and then.
    """
    pause, arguments = _PAUSES.get(machine, ("", ()))
    if pause:
        kinds = [argument.type for argument in arguments]
        ir.Function(module.module, ir.FunctionType(VOID, kinds), pause)
    w, (variable, value, differs) = module.define("watch", VOID, POINTER, I64, BIT)
    patience = w.get("patience", order=RELAXED)
    with w.if_then(w.equal(patience, I64(0))):
        w.ret_void()
    end = w.add(w.invoke("now"), patience)
    with w.loop() as leave_if:
        with w.each(_SPINS):
            same = w.equal(w.get(variable, order=RELAXED), value)
            with w.if_then(w.xor(same, differs)):
                w.ret_void()
            if pause:
                w.invoke(pause, *arguments)
        w.invoke("sched_yield")
        leave_if(w.icmp_signed(">", w.invoke("now"), end))
    w.ret_void()


def _write_drain(module: ModuleWriter) -> None:
    """`drain()`: work off chunks until none is left.

    The job stands still while anybody works at it, and was passed on by the mutex, so the counter
    has to be no more than atomic.
    """
    w, _ = module.define("drain", VOID)
    task, context = w.get("task", _TASK), w.get("context", POINTER)
    low, high, grain, chunks = (w.get(name) for name in _STATE_OF_JOB[2:])
    with w.loop() as leave_if:
        number = w.fetch("add", "next", I64(1))
        leave_if(w.icmp_unsigned(">=", number, chunks))
        _run_chunk(w, task, context, w.add(low, w.mul(number, grain)), high, grain)
    w.ret_void()


def _write_work(module: ModuleWriter) -> None:
    """`work(NULL)`, a worker: join each new job that is open, and sleep between jobs.

    It ends if there are too many. Before it sleeps it spins for the next job: in a program of many
    loops that comes soon.
    """
    w, _ = module.define("work", POINTER, POINTER)
    seen = w.local(-1)  # the last job that this worker knows of
    _lock(w)
    with w.loop() as leave_if:  # the mutex is held whenever a round begins
        leave_if(w.icmp_signed(">", w.get("workers"), w.get("limit")))
        generation = w.get("generation")
        is_new = w.icmp_unsigned("!=", generation, w.get(seen))
        w.set(seen, generation)
        is_open = w.icmp_unsigned("!=", w.get("open"), I64(0))
        with w.if_else(w.and_(is_new, is_open)) as (join, sleep):
            with join:
                _take_part(w)
                w.invoke("watch", w["generation"], generation, BIT(1))
                _lock(w)
            with sleep:
                w.increase("sleeping", 1)
                w.invoke("pthread_cond_wait", w["wake"], w["mutex"])
                w.increase("sleeping", -1)
    w.increase("workers", -1)
    _unlock(w)
    w.ret(NULL)


def _take_part(w: Writer) -> None:
    """Work at the open job. The mutex is held before, and not after."""
    w.increase("active", 1, RELAXED)
    _unlock(w)
    w.invoke("drain")
    # Under the mutex also because it passes the results on to the caller.
    _lock(w)
    active = w.increase("active", -1, RELAXED)
    _unlock(w)
    with w.if_then(w.equal(active, I64(0))):
        w.invoke("pthread_cond_signal", w["done"])


def _write_start(module: ModuleWriter, platform: Platform) -> None:
    """`start(needed)`: workers until there are so many, or as many as the system gives.

    The mutex is held. They inherit the mask of signals: Python's handlers are for Python's threads.
    """
    w, (needed,) = module.define("start", VOID, I64)
    every, before, thread = (w.local(words=n) for n in (32, 32, 1))
    w.invoke("sigfillset", every)
    for fault in platform.faults:
        w.invoke("sigdelset", every, I32(fault))
    w.invoke("pthread_sigmask", I32(platform.set_mask), every, before)
    with w.loop() as leave_if:
        workers = w.get("workers")
        leave_if(w.icmp_signed(">=", workers, needed))
        error = w.invoke("pthread_create", thread, NULL, w["work"], NULL)
        is_refused = w.icmp_unsigned("!=", error, I32(0))
        with w.if_then(is_refused):
            w.set("limit", workers, RELAXED)
        leave_if(is_refused)
        w.invoke("pthread_detach", w.get(thread, POINTER))
        w.increase("workers", 1)
    w.invoke("pthread_sigmask", I32(platform.set_mask), before, NULL)
    w.ret_void()


def _write_wake_workers(module: ModuleWriter) -> None:
    """`wake_workers(count, sleeping)`: so many of those that sleep.

    Not all for few chunks: each that wakes up in vain takes the mutex, and a core, from others.
    """
    w, (count, sleeping) = module.define("wake_workers", VOID, I64, I64)
    with w.if_then(w.icmp_signed("<=", count, I64(0))):
        w.ret_void()
    with w.if_then(w.icmp_signed(">=", count, sleeping)):
        w.invoke("pthread_cond_broadcast", w["wake"])
        w.ret_void()
    left = w.local(count)
    with w.loop() as leave_if:
        w.invoke("pthread_cond_signal", w["wake"])
        leave_if(w.equal(w.increase(left, -1), I64(0)))
    w.ret_void()


def _write_open(module: ModuleWriter) -> None:
    """`open_job(needed)`: let workers join, and see to it that so many of them are awake.

    They are woken after the mutex is free: they would only run into it.
    """
    w, (needed,) = module.define("open_job", VOID, I64)
    _lock(w)
    with w.if_then(w.icmp_signed("<", w.get("workers"), needed)):
        w.invoke("start", needed)
    w.set("open", 1)
    w.increase("generation", 1, RELAXED)
    sleeping = w.get("sleeping")
    awake = w.sub(w.get("workers"), sleeping)
    _unlock(w)
    w.invoke("wake_workers", w.sub(needed, awake), sleeping)
    w.ret_void()


def _write_close(module: ModuleWriter) -> None:
    """`close_job()`: let nobody join any more, and wait for the workers in the job."""
    w, _ = module.define("close_job", VOID)
    _lock(w)
    w.set("open", 0)
    with w.if_then(w.icmp_unsigned("!=", w.get("active"), I64(0))):
        _unlock(w)
        w.invoke("watch", w["active"], I64(0), BIT(0))
        _lock(w)
    with w.loop() as leave_if:
        leave_if(w.equal(w.get("active"), I64(0)))
        w.invoke("pthread_cond_wait", w["done"], w["mutex"])
    _unlock(w)
    w.ret_void()


def _write_parallel(module: ModuleWriter) -> None:
    """`adjoint_parallel(task, context, low, high, grain)`.

    Who finds the pool busy works alone. `busy` is acquired and released: what the next job writes
    over, this one has read.
    """
    w, job = _define_parallel(module)
    _, _, low, high, grain = job
    others = w.udiv(w.sub(w.sub(high, low), I64(1)), grain)  # chunks beside the first
    limit = w.get("limit", order=RELAXED)
    with w.if_then(w.or_(w.icmp_signed("<", limit, I64(1)), w.equal(others, I64(0)))):
        _run_alone(w, job)
    with w.if_then(w.not_(w.exchange_null("busy", I64(1), "acquire"))):
        _run_alone(w, job)
    for name, value in zip(_STATE_OF_JOB, (*job, w.add(others, I64(1))), strict=True):
        w.set(name, value)
    w.set("next", 0, RELAXED)
    w.invoke("open_job", w.smaller(others, limit))
    w.invoke("drain")
    w.invoke("close_job")
    w.set("busy", 0, "release")
    w.ret_void()


def _define_parallel(module: ModuleWriter) -> tuple[Writer, tuple[Any, ...]]:
    """The beginning of `adjoint_parallel`: from here on the job is not empty and has a grain."""
    w, (task, context, low, high, grain) = module.define(
        "adjoint_parallel", VOID, *_JOB, public=True
    )
    with w.if_then(w.icmp_signed(">=", low, high)):
        w.ret_void()
    # A grain below one stands for the whole range.
    grain = w.select(w.icmp_signed(">", grain, I64(0)), grain, w.sub(high, low))
    return w, (task, context, low, high, grain)


def _run_alone(w: Writer, job: tuple[Any, ...]) -> None:
    """Do the whole job in this thread, and return."""
    w.invoke("serial", *job)
    w.ret_void()


def _write_settings(module: ModuleWriter) -> None:
    """What Python calls: set the limit and the patience, count the workers, forget them."""
    w, (workers, patience) = module.define("adjoint_pool_limit", VOID, I64, I64, public=True)
    _lock(w)
    w.set("limit", workers, RELAXED)
    w.set("patience", patience, RELAXED)
    _unlock(w)
    w.invoke("pthread_cond_broadcast", w["wake"])  # those that are too many shall end
    w.ret_void()

    w, _ = module.define("adjoint_pool_workers", I64, public=True)
    _lock(w)
    count = w.get("workers")
    _unlock(w)
    w.ret(count)

    # Whoever held the mutex is gone: this is the first call, or a forked child.
    w, _ = module.define("adjoint_pool_reset", VOID, public=True)
    w.invoke("pthread_mutex_init", w["mutex"], NULL)
    for name in ("wake", "done"):
        w.invoke("pthread_cond_init", w[name], NULL)
    for name in ("workers", "sleeping", "active", "open"):
        w.set(name, 0)
    w.set("busy", 0, "release")
    w.ret_void()
