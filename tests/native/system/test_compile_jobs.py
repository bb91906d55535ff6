"""Modules are compiled side by side: order, errors, interrupts, no threads to be had, forks."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import jit, kernel_cache
from adjoint.backends.llvm.compile.jobs import MOST_HELPERS, Jobs

pytestmark = pytest.mark.native


def many_kernels(x: Any) -> Any:
    """A program of which the kernels fill several modules."""
    for i in range(6):
        x = ad.exp(x - ad.max(x, axis=1, keepdims=True)) + ad.sin(x) * (i + 1.0)
        x = x / ad.sum(ad.tanh(x), axis=1, keepdims=True)
    return x


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch, fresh_caches: None) -> None:
    """An object file is done when it has a few kernels; no code is in any cache."""
    monkeypatch.setattr(kernel_cache, "MOST_INSTRUCTIONS", 100)


@pytest.mark.parametrize("threads", [1, 2, 3, 100])
def test_every_job_is_done_once(threads: int) -> None:
    done: list[int] = []
    with Jobs(threads) as jobs:
        for i in range(50):
            jobs.add(lambda i=i: done.append(i), is_long=i % 3 == 0)  # type: ignore[misc]
        jobs.finish()
        assert sorted(done) == list(range(50))
    assert threading.active_count() <= 1 + MOST_HELPERS


def test_how_many_threads_is_asked_when_a_long_job_comes() -> None:
    asked: list[int] = []

    def threads() -> int:
        asked.append(2)
        return 2

    with Jobs(threads) as jobs:
        jobs.add(lambda: None, is_long=False)
        assert not asked
        jobs.add(lambda: None, is_long=True)
        jobs.add(lambda: None, is_long=True)
        jobs.finish()
    assert asked == [2]


def test_every_program_looks_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJOINT_NUM_THREADS", "some")
    with pytest.raises(ad.errors.RangeError, match="ADJOINT_NUM_THREADS"):
        ad.compile(lambda x: x + 3.25)(1.0)
    with ad.options(threads=2):
        assert float(ad.compile(lambda x: x + 3.25)(1.0)) == 4.25
        monkeypatch.delenv("ADJOINT_NUM_THREADS")  # which is looked at again when the block ends


def test_helpers_work_while_jobs_are_given() -> None:
    begun = threading.Event()
    with Jobs(2) as jobs:
        jobs.add(begun.set, is_long=True)
        assert begun.wait(timeout=60)
        jobs.finish()


def test_short_jobs_wait_for_whoever_gave_them() -> None:
    who: list[int] = []
    with Jobs(4) as jobs:
        for _ in range(5):
            jobs.add(lambda: who.append(threading.get_ident()), is_long=False)
        jobs.finish()
    assert who == [threading.get_ident()] * 5


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_job_is_raised_when_all_are_done(threads: int) -> None:
    done: list[int] = []

    def fail() -> None:
        raise RuntimeError("this one")

    with Jobs(threads) as jobs:
        jobs.add(fail, is_long=True)
        jobs.add(lambda: done.append(1), is_long=True)
        with pytest.raises(RuntimeError, match="this one"):
            jobs.finish()
    assert done == [1]


def test_leaving_early_waits_for_helpers_and_forgets_the_rest() -> None:
    begun, added, done = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        added.wait(timeout=60)
        for _ in range(
            10_000
        ):  # until the rest is forgotten, however long the others take to leave
            if not jobs._waiting:
                break
            time.sleep(0.001)
        done.append("slow")

    with pytest.raises(KeyboardInterrupt), Jobs(2) as jobs:
        jobs.add(slow, is_long=True)
        begun.wait(timeout=60)
        jobs.add(lambda: done.append("never"), is_long=False)
        added.set()
        raise KeyboardInterrupt
    assert done == ["slow"]


def test_an_interrupt_of_whoever_waits_is_raised_at_once() -> None:
    done: list[int] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Jobs(1) as jobs:
        jobs.add(interrupted, is_long=True)
        jobs.add(lambda: done.append(1), is_long=True)
        jobs.finish()
    assert done == []


def test_modules_that_cannot_be_linked_are_an_error() -> None:
    twice = "define void @f() {\n ret void\n}"
    with pytest.raises(RuntimeError, match="symbol multiply defined"):
        jit.compile_object({"written": twice, "loops": twice})


def test_files_that_were_given_up_are_collected_in_any_order() -> None:
    text = "define void @f() {\n ret void\n}"
    for compiled in (False, True) * 5:
        file = jit.ObjectFile({"written": text, "loops": text.replace("@f", "@g")})
        if compiled:
            file.compile()
        ring: list[Any] = [file, file.modules, file.modules[0].module]
        ring.append(ring)
        del file, ring
        gc.collect()


def test_finished_files_leave_no_context_behind() -> None:
    before = len(jit._contexts)
    for _ in range(3):
        jit.compile_object({"written": "define void @f() {\n ret void\n}"})
    assert len(jit._contexts) == before


def test_without_threads_everything_is_done_by_whoever_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []
    with Jobs(4) as jobs:
        jobs.add(lambda: done.append(1), is_long=True)
        jobs.finish()
    assert done == [1]


@pytest.mark.parametrize("threads", [1, 4])
def test_results_do_not_depend_on_the_number_of_threads(threads: int, small_files: None) -> None:
    x = np.random.default_rng(0).normal(size=(30, 40))
    with ad.options(threads=threads):
        compiled = ad.compile(many_kernels)
        np.testing.assert_allclose(compiled(x), many_kernels(x), rtol=1e-9)
        writers = compiled._last().program.writer.all_kernels()
    assert len(list(kernel_cache.module_texts(writers))) > 1


def test_the_same_code_comes_from_any_number_of_threads(small_files: None) -> None:
    x = np.ones((30, 40))
    writers = ad.compile(many_kernels).trace(x).program.writer.all_kernels()
    files = list(kernel_cache.module_texts(writers))
    codes = []
    for threads in (1, 2, 4):
        with Jobs(threads) as jobs:
            codes.append(jit.begin_compiling(files, jobs).code())
    assert codes[0] == codes[1] == codes[2]
    assert len(jit.unpacked(codes[0])) == len(files) > 1


@pytest.mark.parametrize("parts", [[], [b""], [b"a"], [b"a", b"", b"bcd" * 100]])
def test_what_was_packed_is_found_again(parts: list[bytes]) -> None:
    assert jit.unpacked(jit.packed(parts)) == parts


def test_text_that_is_no_module_is_an_error_and_leaves_nothing_behind() -> None:
    with pytest.raises(RuntimeError, match="parsing error"):
        jit.compile_object({"written": "define"})
    assert jit.compile_object({"written": "define void @f() {\n ret void\n}"})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork beside threads is the point
def test_a_fork_in_the_middle_waits_for_the_job_of_a_helper() -> None:
    """As a handler of signals may do it, in the thread that compiles."""
    begun = threading.Event()
    order: list[str] = []

    def slow() -> None:
        begun.set()
        time.sleep(0.3)
        order.append("slow")

    with Jobs(2) as jobs:
        jobs.add(slow, is_long=True)
        assert begun.wait(timeout=60)
        jobs.add(lambda: order.append("next"), is_long=False)
        child = os.fork()
        if child == 0:  # the helper is gone, its job done, and the queue as it was
            fine = order[:1] == ["slow"]
            signal.alarm(60)
            jobs.finish()
            os._exit(0 if fine and "next" in order else 1)
        jobs.finish()
    assert os.waitpid(child, 0)[1] == 0
    assert order == ["slow", "next"]


def in_thread(act: Callable[[], None]) -> threading.Thread:
    """A thread that does it."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_threads_compile_at_the_same_time(small_files: None) -> None:
    x = np.random.default_rng(0).normal(size=(20, 30))
    found: dict[int, Any] = {}

    def compute(n: int) -> None:
        found[n] = ad.compile(lambda x: many_kernels(x) * n)(x)

    for thread in [in_thread(lambda n=n: compute(n)) for n in range(1, 4)]:  # type: ignore[misc]
        thread.join()
    for n, value in found.items():
        np.testing.assert_allclose(value, many_kernels(x) * n, rtol=1e-9)
    assert len(found) == 3
