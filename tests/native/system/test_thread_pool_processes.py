"""The thread pool in processes that fork, end and are interrupted, each of its own."""

from __future__ import annotations

import os

import pytest

from tests.native.system.thread_pool_scripts import script

pytestmark = pytest.mark.native


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

CHILD = """
    def in_child():
        assert pool.workers() == 0
        for _ in range(20):
            check(0, 100, 3)
        assert pool.workers() == 3
        pool.set_threads(2)
        check(0, 100, 3)

    def fork():
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(120)
                in_child()
                os._exit(0)
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
"""


@needs_fork
def test_fork_of_an_idle_pool():
    script(
        CHILD
        + """
    pool.set_threads(4)
    fork()              # not loaded
    check(0, 100, 3)
    for _ in range(20):
        fork()
        check(0, 100, 3)
    """
    )


@needs_fork
def test_fork_while_another_thread_runs_a_job():
    script(
        CHILD
        + """
    pool.set_threads(4)
    stop = False
    count = np.zeros(1, np.int64)
    address("count")    # compiled before
    def work():
        while not stop:
            repeat("count", count.ctypes.data, 64, 1, 100)
    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(50):
        fork()
    stop = True
    worker.join()
    assert count[0] % 6400 == 0

    worker = threading.Thread(target=run, args=(lambda a, b: time.sleep(0.2), 0, 8, 1))
    worker.start()
    time.sleep(0.1)
    fork()
    worker.join()
    """
    )


@needs_fork
def test_fork_inside_a_task():
    script(
        CHILD
        + """
    pool.set_threads(4)
    done = []
    def task(start, stop):
        if start == 5:
            child = os.fork()
            if child == 0:
                signal.alarm(120)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        done.append(start)
    run(task, 0, 20, 1)
    assert len(done) == 20
    """
    )


@needs_fork
def test_multiprocessing_by_fork():
    script("""
    pool.set_threads(3)
    x = np.arange(10_000.0)
    expected = sums(x, 100)
    def work(i):
        return sums(x, 100)
    with multiprocessing.get_context("fork").Pool(3) as processes:
        for found in processes.map(work, range(12)):
            assert np.array_equal(found, expected)
    """)


@pytest.mark.parametrize(
    ("times", "body"),
    [
        (1, "pool.symbols()"),
        (3, "pool.set_threads(4); check(0, 100, 1)"),
        (1, "pool.set_threads(4); check(0, 100, 1); sys.exit(0)"),
        # a job is running in a daemon thread when the interpreter ends
        (3, """
        pool.set_threads(4)
        address("empty")
        work = lambda: repeat("empty", None, 8, 1, 10**9)
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        """),
        (3, """
        pool.set_threads(4)
        count = np.zeros(1, np.int64)
        class Last:
            def __del__(self, repeat=repeat, address=count.ctypes.data, own=count):
                repeat("count", address, 8, 1, 10)
        sys.modules["last"] = Last()  # runs a job while modules are taken apart
        check(0, 100, 1)
        """),
        (1, """
        import atexit
        pool.set_threads(4)
        atexit.register(check, 0, 100, 1)
        """),
    ],
)  # fmt: skip
def test_the_interpreter_ends_cleanly(times, body):
    """As often as it hangs on chance what the workers are doing then."""
    for _ in range(times):
        assert script(body) == ""


@pytest.mark.skipif(os.name != "posix", reason="sends itself signals")
def test_ctrl_c_during_a_job():
    script("""
    pool.set_threads(4)
    count = np.zeros(1, np.int64)
    repeat("count", count.ctypes.data, 8, 1, 1)
    for _ in range(3):
        count[0] = 0
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            while True:
                repeat("count", count.ctypes.data, 8, 1, 10_000)
        except KeyboardInterrupt:
            pass
        assert count[0] % 80_000 == 0  # no job was cut short
        check(0, 100, 3)
    """)
