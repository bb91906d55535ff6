"""Long loops stop for Ctrl-C and let other threads run; threads and forks share compiled ones."""

from __future__ import annotations

import _thread
import _weakrefset
import os
import signal
import threading
import time
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

CALLBACKS = (weakref.__file__, _weakrefset.__file__)


def endless(x):
    return ad.while_loop(lambda c: c > 0, lambda c: c * 1.0000001, x)


def very_long(x):
    return ad.scan(lambda c, _: (c * 0.9999, None), x, length=10**12)[0]


CALLS = {
    "compiled while": lambda: ad.compile(endless)(1.0),
    "while": lambda: float(endless(1.0)),
    "compiled scan": lambda: ad.compile(very_long)(1.0),
    "scan": lambda: float(very_long(1.0)),
    "gradient": lambda: float(ad.grad(endless)(1.0)),
}


@pytest.mark.parametrize("engine", ["auto", "never"])
@pytest.mark.parametrize("call", CALLS)
def test_interrupts(call, engine):
    if engine == "never" and call.startswith("compiled"):
        pytest.skip("compiled functions are native")
    with ad.options(native=engine), interrupting(), pytest.raises(KeyboardInterrupt):
        CALLS[call]()


@contextmanager
def interrupting():
    """What Ctrl-C raises is raised within the block after a while. Not in a callback of a weak
    reference, which could not hand it on: then a second later."""
    armed = True

    def interrupt(_, frame):
        if armed and frame.f_code.co_filename not in CALLBACKS:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.4, 1.0)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_have_their_turn():
    """A loop that would take long is interrupted by a thread that runs while it does."""
    count = ad.compile(lambda a: ad.while_loop(lambda c: c < a, lambda c: c + 1.0, 0.0))
    for _ in range(5):
        count(1.0)
    running, over = threading.Event(), threading.Event()

    def interrupt():
        running.wait()
        for _ in range(2):  # turns, of which the first may come before the loop
            time.sleep(0.001)
        if not over.is_set():
            _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # perhaps it was ignored
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            running.set()
            count(2e10)
            over.set()
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


def total(w, x):
    def step(h, row):
        h = ad.tanh(h @ w + row)
        return h, ad.sum(h * h)

    h, ys = ad.scan(step, ad.zeros(3), x)
    return ad.sum(h) + ad.sum(ys)


W = np.linspace(-0.5, 0.5, 9).reshape(3, 3)
X = np.cos(np.arange(60.0)).reshape(20, 3)


@pytest.mark.parametrize("compiled", [False, True])
def test_threads(compiled):
    slope = ad.compile(ad.grad(total)) if compiled else ad.grad(total)
    want = [np.asarray(slope(W * k, X)) for k in range(4)]
    wrong = []

    def work(k):
        for _ in range(40 if compiled else 5):
            if not np.allclose(np.asarray(slope(W * k, X)), want[k], rtol=1e-12, atol=1e-14):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_forks():
    slope = ad.compile(ad.grad(total))
    want = np.asarray(slope(W, X))
    child = os.fork()
    if not child:
        fine = np.array_equal(np.asarray(slope(W, X)), want)
        fine &= np.allclose(np.asarray(ad.grad(total)(W, X)), want)
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_while_loop_that_goes_on_for_long_is_taken_over_by_native_code(monkeypatch):
    from adjoint.backends.graph_runner import GraphRunner

    runs = []
    run = GraphRunner.run
    monkeypatch.setattr(GraphRunner, "run", lambda self, given: runs.append(1) or run(self, given))

    def f(x):
        return ad.while_loop(
            lambda s: s[0] < 60_000, lambda s: (s[0] + 1, ad.sin(s[1]) + s[1] * 0.125), (0, x)
        )

    with ad.options(native="never"):
        want = [np.asarray(v) for v in f(0.75)]
    assert len(runs) > 100_000  # the condition and the body
    runs.clear()
    got = [np.asarray(v) for v in f(0.75)]
    assert len(runs) < 30_000
    assert got[0] == want[0]
    np.testing.assert_allclose(got[1], want[1], rtol=1e-12)


@pytest.mark.parametrize("memory", [1 << 20, 1000])
def test_so_is_its_way_back(monkeypatch, memory):
    from adjoint.backends.graph_runner import GraphRunner

    def end(x):
        def turn(s):
            return s[0] + 1, ad.cos(s[1]) + x * 0.125

        return ad.while_loop(lambda s: s[0] < 9_000, turn, (0, x), memory=memory)[1]

    runs = []
    run = GraphRunner.run
    monkeypatch.setattr(GraphRunner, "run", lambda self, given: runs.append(1) or run(self, given))
    with ad.options(native="never"):
        want = float(ad.grad(end)(0.75))
    assert len(runs) > 27_000  # the condition, the body, and a step back
    runs.clear()
    np.testing.assert_allclose(float(ad.grad(end)(0.75)), want, rtol=1e-12)
    assert len(runs) < 9_000
