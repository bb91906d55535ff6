"""Forking while other threads import and compile: children can do all that their parent can.

Each test runs in a process of its own, which is told where it hangs if it does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]

ROOT = Path(__file__).resolve().parents[3]
SHARED = ("thread_pool", "caching_allocator")
"""Modules that guard what the process has one of by a lock."""
LIMIT = 300
"""Seconds after which a program counts as hanging; it takes a few."""

PRELUDE = """
import faulthandler, itertools, logging, os, signal, threading, time, warnings
import numpy as np
import adjoint as ad

warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads is the point
faulthandler.register(signal.SIGUSR1, all_threads=True)
numbers = itertools.count(1)

def compute():
    "A value from a program that nobody has compiled before."
    n = next(numbers)
    f = ad.compile(lambda x: ad.sum(ad.tanh(x) * n + ad.special.gammainc(2.0, x)) ** 2)
    return float(f(np.zeros(n % 7 + 1)))

def in_child(act):
    "Wait for what a forked child does."
    child = os.fork()
    if child == 0:
        fine = False
        try:
            fine = act()
        finally:
            os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0

stopped = threading.Event()

def busy():
    while not stopped.is_set():
        compute()

def beside_threads(act, count=2):
    threads = [threading.Thread(target=busy, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    act()
    stopped.set()
    for thread in threads:
        thread.join()
"""


def run(program: str, cache: Path) -> None:
    """Run a program that prints "done"; if it hangs, show where it and its children stand."""
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)],
        cwd=ROOT,
        env={**os.environ, "ADJOINT_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGUSR1)
        time.sleep(2)
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"it hangs: {process.communicate()}")
    assert (output, process.returncode) == ("done\n", 0), errors
    assert not errors, errors


def test_children_forked_while_threads_compile_compile_too(tmp_path):
    run(
        """
        compute()
        def fork_often():
            for i in range(40):
                time.sleep(i % 7 * 2e-3)
                in_child(lambda: compute() == 0)
        beside_threads(fork_often)
        print("done")
        """,
        tmp_path,
    )


@pytest.mark.parametrize("delay", [0, 0.01, 0.03, 0.1, 0.3])
def test_children_forked_while_a_thread_first_imports_the_engine_import_it_too(tmp_path, delay):
    run(
        f"""
        def fork():
            time.sleep({delay})
            in_child(lambda: compute() == 0)
        beside_threads(fork, 1)
        print("done")
        """,
        tmp_path,
    )


def test_what_is_imported_late_is_imported_under_the_lock_that_forking_waits_for(tmp_path):
    run(
        """
        import sys
        from adjoint.graph.forking import building

        free = []
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if not building._is_owned():
                    free.append(name)
        sys.meta_path.insert(0, Watch())

        x = np.linspace(0.1, 0.9, 6)
        compute()
        ad.compile(ad.grad(lambda a: ad.sum((a @ a.T) @ a)))(np.ones((3, 3)))
        ad.compile(ad.vmap(ad.special.erfinv))(x)
        for _ in range(2000):  # until the engine of uncompiled code compiles, too
            float(ad.sum(ad.exp(ad.sin(x) * ad.tanh(x))))
        with ad.options(native="always"):
            float(ad.sum(ad.exp(ad.sin(x) * x)))
        print(ad.special.polygamma(2, x), ad.sinc(x), file=open(os.devnull, "w"))
        ad.grad(lambda a: ad.sum(ad.special.gammainc(a, x)))(x)
        ad.grad(lambda a: ad.sum(ad.sinc(a)))(x).numpy()
        ad.grad(lambda a: ad.sum(a[np.zeros(60_000, int)] ** 2))(np.ones((9, 5))).numpy()
        ad.grad(lambda params: params["a"] * 2)({"a": 1.0})
        ad.linalg.solve(np.eye(3), np.ones(3)).numpy()
        ad.compile(ad.linalg.inv)(np.eye(3))
        ad.einsum("ij,jk,kl->il", *[np.ones((2, 2))] * 3).numpy()
        assert not free, free
        assert "scipy.sparse" in sys.modules and "llvmlite" in sys.modules
        print("done")
        """,
        tmp_path,
    )


def test_a_pool_of_processes_calls_what_its_parent_compiled(tmp_path):
    run(
        """
        import multiprocessing

        double = ad.compile(lambda x: ad.sum(ad.exp(x)) * 2)

        def work(n):
            assert float(double(np.zeros(3))) == 6       # compiled before the fork
            assert float(double(np.zeros(n))) == 2 * n   # and after
            return compute()

        double(np.zeros(3))
        def map_often():
            for _ in range(3):
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    assert pool.map(work, range(1, 9), chunksize=1) == [0.0] * 8
        beside_threads(map_often, 1)
        print("done")
        """,
        tmp_path,
    )


def test_children_run_loops_on_threads_of_their_own(tmp_path):
    run(
        """
        from adjoint.backends.llvm.system import thread_pool as pool

        ad.set_options(threads=3)
        x = np.linspace(0, 1, 200_000)
        mean = ad.compile(lambda x: ad.mean(ad.exp(ad.sin(x) * x)))
        for _ in range(4):  # the first calls are taken from Python, without threads
            expected = float(mean(x))
        assert pool.workers()

        def same():
            assert pool.workers() == 0
            other = ad.compile(lambda x: ad.mean(ad.exp(ad.sin(x) * x)) + next(numbers))
            fine = float(mean(x)) == expected and float(other(x)) > expected
            return fine and pool.workers() > 0

        def fork_often():
            for _ in range(8):
                float(mean(x))
                in_child(same)
        beside_threads(fork_often, 1)
        print("done")
        """,
        tmp_path,
    )


def test_a_thread_that_compiles_may_fork(tmp_path):
    run(
        """
        from adjoint.graph.forking import building

        with building:
            in_child(lambda: compute() == 0)
        in_child(lambda: compute() == 0)
        def elsewhere():
            compute()
        thread = threading.Thread(target=elsewhere)  # which would wait, were the lock still held
        thread.start()
        thread.join()
        print("done")
        """,
        tmp_path,
    )


@pytest.mark.parametrize(
    "where", ["adjoint.graph.options", *(f"adjoint.backends.llvm.system.{n}" for n in SHARED)]
)
def test_a_signal_handler_may_fork_while_its_thread_holds_a_lock(tmp_path, where):
    run(
        f"""
        import importlib

        compute()
        lock = importlib.import_module("{where}")._lock
        def fork(*_):
            in_child(lambda: compute() == 0)
        signal.signal(signal.SIGUSR2, fork)
        with lock:
            os.kill(os.getpid(), signal.SIGUSR2)
        elsewhere = threading.Thread(target=lambda: lock.acquire() and lock.release())
        elsewhere.start()
        elsewhere.join()    # the lock is free again
        print("done")
        """,
        tmp_path,
    )


def test_there_is_one_fork_hook():
    package = ROOT / "adjoint"
    files = [p for p in package.rglob("*.py") if "register_at_fork" in p.read_text("utf-8")]
    assert files == [package / "graph" / "forking.py"]
