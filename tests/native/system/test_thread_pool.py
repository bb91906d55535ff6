"""The thread pool: each chunk once, the same for any number of threads, and nothing ever hangs."""

from __future__ import annotations

import ctypes
import itertools
import sys
import threading
import time
from collections.abc import Iterator

import llvmlite.binding as llvm
import numpy as np
import pytest

from adjoint.backends.llvm.compile import jit
from adjoint.backends.llvm.system import thread_pool
from adjoint.backends.llvm.system.thread_pool_ir import Platform, code
from tests.native.system.thread_pool_programs import (
    PARALLEL,
    TASK,
    address,
    check,
    chunks,
    parallel,
    repeat,
    run,
    sums,
)
from tests.native.system.thread_pool_scripts import script

pytestmark = pytest.mark.native
needs_threads = pytest.mark.skipif(not thread_pool.available, reason="there are no POSIX threads")


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    """Every test leaves the pool as it was."""
    yield
    thread_pool.set_threads(None)


def wait_for(condition, seconds=120.0):
    """Wait until `condition()`; fail if it never comes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


# the job


@pytest.mark.parametrize("threads", range(1, 9))
def test_every_chunk_is_done_once(threads):
    thread_pool.set_threads(threads)
    for size, grain in itertools.product(
        (0, 1, 2, 3, 7, 8, 9, 64, 100, 1000), (1, 2, 3, 7, 8, 64, 999, 1000, 1001, 10**18)
    ):
        if size <= 100 * grain:
            check(0, size, grain)
            check(-5, size - 5, grain)


@pytest.mark.parametrize("low, high", [(5, 5), (5, 4), (2**63 - 1, -(2**63)), (0, 0)])
def test_an_empty_range_is_no_work(low, high):
    check(low, high, 1)


@pytest.mark.parametrize("grain", [0, -1, -(2**63)])
def test_a_grain_below_one_is_the_whole_range(grain):
    check(3, 50, grain)


@pytest.mark.parametrize("threads", [1, 2])
def test_ranges_at_the_ends_of_the_integers(threads):
    thread_pool.set_threads(threads)
    top, bottom = 2**63 - 1, -(2**63)
    check(top - 10, top, 3)
    check(bottom, bottom + 10, 3)
    check(0, top, 2**61)
    check(top - 10, top, top)


def test_results_are_the_same_bits_for_any_number_of_threads():
    x = np.random.default_rng(0).normal(size=100_003)
    for grain in (97, 1_000, 50_000):
        found = []
        for threads in range(1, 9):
            thread_pool.set_threads(threads)
            for _ in range(5):
                found.append(sums(x, grain).tobytes())
        assert len(set(found)) == 1


@needs_threads
def test_the_caller_and_workers_share_the_work():
    thread_pool.set_threads(3)
    workers = set()
    barrier = threading.Barrier(3)  # passed only if three threads are in the job at once

    def task(start, stop):
        barrier.wait(120)
        workers.add(threading.get_native_id())

    run(task, 0, 3, 1)
    assert len(workers) == 3
    assert threading.get_native_id() in workers


# who calls


def test_four_threads_at_once():
    thread_pool.set_threads(4)
    x = np.random.default_rng(1).normal(size=20_000)
    expected = sums(x, 100).tobytes()
    wrong = []

    def work():
        for _ in range(200):
            if sums(x, 100).tobytes() != expected:
                wrong.append(1)
            check(0, 10, 3)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not wrong


@needs_threads
def test_a_busy_pool_lets_others_work_alone():
    thread_pool.set_threads(2)
    inside, leave = threading.Event(), threading.Event()

    def long(start, stop):
        inside.set()
        leave.wait(120)

    holder = threading.Thread(target=run, args=(long, 0, 2, 1))
    holder.start()
    assert inside.wait(120)
    here = set()
    run(lambda start, stop: here.add(threading.get_native_id()), 0, 100, 1)
    assert here == {threading.get_native_id()}
    leave.set()
    holder.join(120)
    assert not holder.is_alive()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_nested_jobs(threads):
    thread_pool.set_threads(threads)
    done = []
    run(
        lambda a, b: run(lambda c, d: run(lambda e, f: done.append(e), c, d, 1), a, b, 2),
        0,
        60,
        7,
    )
    assert sorted(done) == list(range(60))


def test_nested_native_jobs():
    thread_pool.set_threads(4)
    count = np.zeros(1, np.int64)
    repeat("nested", count.ctypes.data, 1_000, 10, 500)
    assert count[0] == 500_000


def test_a_task_that_raises_harms_nobody(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    thread_pool.set_threads(2)
    run(lambda start, stop: 1 // 0, 0, 4, 1)
    assert len(seen) == 4
    seen.clear()
    check(0, 100, 3)


# the threads


@needs_threads
def test_threads_start_only_when_needed():
    script("""
    assert pool.workers() == 0
    pool.set_threads(4)
    check(0, 10, 100)       # one chunk
    assert pool.workers() == 0
    check(0, 10, 5)         # two chunks
    assert pool.workers() == 1
    check(0, 10, 1)
    assert pool.workers() == 3
    pool.set_threads(1)
    check(0, 10, 1)
    """)


@needs_threads
def test_surplus_threads_end():
    thread_pool.set_threads(8)
    check(0, 100, 1)
    assert thread_pool.workers() == 7
    thread_pool.set_threads(3)
    wait_for(lambda: thread_pool.workers() == 2)
    check(0, 100, 1)
    thread_pool.set_threads(1)
    wait_for(lambda: thread_pool.workers() == 0)
    check(0, 100, 1)
    assert thread_pool.workers() == 0
    thread_pool.set_threads(2)
    check(0, 100, 1)
    assert thread_pool.workers() == 1


def test_the_number_may_change_while_jobs_run():
    x = np.random.default_rng(2).normal(size=50_000)
    expected = sums(x, 500).tobytes()
    stop = threading.Event()

    def change():
        for n in itertools.cycle((1, 5, 2, 8, 3)):
            if stop.is_set():
                return
            thread_pool.set_threads(n)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        assert all(sums(x, 500).tobytes() == expected for _ in range(2_000))
    finally:
        stop.set()
        changer.join()


def test_a_hundred_thousand_tiny_jobs():
    import resource

    count = np.zeros(1, np.int64)
    for threads in (2, 4):
        thread_pool.set_threads(threads)
        repeat("count", count.ctypes.data, 4, 1, 1_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count[0] = 0
        repeat("count", count.ctypes.data, 4, 1, 100_000)
        assert count[0] == 400_000
        assert thread_pool.workers() <= threads - 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000  # KiB


@needs_threads
def test_jobs_that_let_the_workers_sleep_in_between():
    thread_pool.set_threads(4)
    count = np.zeros(1, np.int64)
    for i in range(300):
        time.sleep(0.0005 * (i % 3))
        parallel(address("count"), count.ctypes.data, 0, 64, 1)
    assert count[0] == 300 * 64


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@needs_threads
def test_workers_are_deaf_to_signals_and_sleep_between_jobs():
    script("""
    def threads():
        return {int(p.name) for p in pathlib.Path("/proc/self/task").iterdir()}
    before = threads()
    pool.set_threads(4)
    check(0, 100, 1)
    made = threads() - before
    assert len(made) == 3, made
    def status_of(number):
        return pathlib.Path(f"/proc/self/task/{number}/status").read_text()
    while any("State:\\tS" not in status_of(number) for number in made):
        time.sleep(0.01)    # until all of them have begun, and sleep
    for number in made:
        status = status_of(number)
        mask = int(re.search(r"SigBlk:\\s*(\\w+)", status)[1], 16)
        for name in ("SIGINT", "SIGTERM", "SIGALRM", "SIGCHLD", "SIGUSR1"):
            assert mask >> (getattr(signal, name) - 1) & 1, name
        assert not mask >> (signal.SIGSEGV - 1) & 1
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])  # ours is as it was
    """)


# where there are no threads


def test_without_threads_the_caller_does_all():
    loaded = jit.load_object(jit.compile_object({"loops": code(None)}), {})
    alone = PARALLEL(loaded.address("adjoint_parallel"))
    for low, high, grain in [(0, 10, 3), (0, 9, 3), (-4, 4, 0), (5, 5, 1), (6, 5, 1), (0, 3, 9)]:
        done = []
        task = TASK(lambda _, start, stop, done=done: done.append((start, stop)))
        alone(ctypes.cast(task, ctypes.c_void_p), None, low, high, grain)
        assert done == chunks(low, high, grain)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64"])
def test_the_code_is_sound_for_each_machine(machine):
    llvm.parse_assembly(code(Platform(machine, 1, 2, (11,)))).verify()
