"""Long loops stop for Ctrl-C and let other threads run; threads and forks share compiled ones."""

from __future__ import annotations

import os
import subprocess
import threading
import time

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native


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
    kill = subprocess.Popen(["sh", "-c", f"sleep 0.4; kill -INT {os.getpid()}"])
    began = time.perf_counter()
    with ad.options(native=engine), pytest.raises(KeyboardInterrupt):
        CALLS[call]()
    kill.wait()
    assert time.perf_counter() - began < 30


def test_other_threads_have_their_turn():
    count = ad.compile(lambda a: ad.while_loop(lambda c: c < a, lambda c: c + 1.0, 0.0))
    for _ in range(5):
        count(1.0)
    turns, done = [], threading.Event()

    def wait():
        while not done.wait(0.001):
            turns.append(time.perf_counter())

    thread = threading.Thread(target=wait)
    thread.start()
    began = time.perf_counter()
    rounds = 1e8
    while time.perf_counter() - began < 2.5:
        start = time.perf_counter()
        count(rounds)
        end = time.perf_counter()
        rounds *= 2
    done.set()
    thread.join()
    assert any(start < t < end - 1e-3 for t in turns)


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
