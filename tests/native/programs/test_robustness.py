"""What must not break a compiled program: errors inside, threads, size, depth, and time."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.op import OPS, Op, register
from adjoint.graph.tensor import as_tensor, make
from tests.native.running import assert_close

pytestmark = pytest.mark.native

X = np.linspace(-1, 2, 7)


# calls to NumPy


class Breaks(Op):
    """An operation whose NumPy rule does what the test says."""

    name = "breaks_on_purpose"
    action: Any = None

    def infer(self, x: Any) -> Any:
        return x.shape, x.dtype

    def evaluate(self, x: Any) -> Any:
        return Breaks.action(x)


@pytest.fixture
def breaks() -> Iterator[Any]:
    op = register(Breaks())
    yield lambda x: make(op, [as_tensor(x)])
    del OPS[op.name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError, SystemExit])
def test_what_a_call_to_numpy_raises_comes_out(breaks: Any, error: type[BaseException]) -> None:
    def fail(x: Any) -> Any:
        raise error("from inside")

    g = ad.compile(lambda x: ad.sin(breaks(ad.cos(x))) + ad.sum(x))
    for _ in range(6):
        Breaks.action = staticmethod(fail)
        with pytest.raises(error, match="from inside"):
            g(X)
        Breaks.action = staticmethod(np.negative)
        assert_close(g(X), np.sin(-np.cos(X)) + np.sum(X))


def test_a_program_may_be_entered_again_from_its_own_call_to_numpy(breaks: Any) -> None:
    depth = []
    g = ad.compile(lambda x: ad.sum(breaks(ad.cos(x))) + ad.sin(x) * 3.0)

    def again(x: Any) -> Any:
        depth.append(1)
        if len(depth) < 8:
            inner = g(np.arccos(np.clip(x, -1, 1))).numpy()
            assert np.isfinite(inner).all()
        return x * 2

    Breaks.action = staticmethod(lambda x: x * 2)
    expected = g(X)
    Breaks.action = staticmethod(again)
    assert_close(g(X), expected)
    assert len(depth) == 8


def test_indices_out_of_bounds_are_refused_as_by_the_interpreter() -> None:
    g = ad.compile(lambda x, i: ad.take(x, i) * 2)
    assert_close(g(X, np.array([0, -7, 6])), X[[0, -7, 6]] * 2)
    for _ in range(4):
        for wrong in (7, -8, 2**40, -(2**63)):
            with pytest.raises(IndexError):
                g(X, np.array([0, wrong]))
        assert_close(g(X, np.array([1, 2])), X[1:3] * 2)


# threads


def test_many_threads_share_a_program() -> None:
    w = np.random.default_rng(0).normal(size=(300, 300))
    g = ad.compile(ad.value_and_grad(lambda x: ad.sum(ad.tanh(x @ w) * ad.sort(x, axis=0))))
    inputs = [np.random.default_rng(i).normal(size=(30, 300)) for i in range(8)]
    expected = [tuple(t.numpy() for t in g(x)) for x in inputs]

    def work(number: int) -> None:
        for _ in range(10):
            value, gradient = g(inputs[number])
            np.testing.assert_array_equal(value.numpy(), expected[number][0])
            np.testing.assert_array_equal(gradient.numpy(), expected[number][1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.parametrize("time", range(3))
def test_threads_that_compile_at_the_same_time(time: int) -> None:
    """New signatures of one function, and functions of their own, all at once."""
    shared = ad.compile(lambda x: ad.sum(ad.sin(x) * 1.5) + time)
    start = threading.Barrier(6)

    def work(number: int) -> None:
        start.wait()
        own = ad.compile(lambda x: ad.exp(-x) * (number + 0.25))
        for n in range(1, 5):
            x = np.linspace(0, 1, n)
            assert_close(shared(x), np.sum(np.sin(x) * 1.5) + time)
            assert_close(own(x), np.exp(-x) * (number + 0.25))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))


def test_errors_stay_with_the_thread_that_made_them(breaks: Any) -> None:
    g = ad.compile(lambda x: breaks(x) + 1)

    def act(x: Any) -> Any:
        if x[0] < 0:
            raise ValueError(f"{x[0]}")
        return x

    Breaks.action = staticmethod(act)
    g(X + 5)

    def work(number: int) -> None:
        for _ in range(50):
            x = np.full(3, float(number))
            if number % 2:
                assert_close(g(x), x + 1)
            else:
                with pytest.raises(ValueError, match=str(-number - 1.0)):
                    g(-x - 1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


def test_runs_are_identical_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(513, 100)), rng.normal(size=(100, 64))

    def loss(x: Any, w: Any) -> Any:
        z = ad.softmax(ad.tanh(x @ w), axis=1)
        return ad.mean(ad.log(z[:, 0] + 0.1)) + ad.sum(ad.var(z, axis=0))

    g = ad.compile(ad.value_and_grad(loss, (0, 1)))
    first = g(x, w)
    again = [g(x, w) for _ in range(5)]
    again.append(ad.compile(ad.value_and_grad(loss, (0, 1)))(x, w))
    for value, gradients in again:
        assert float(value) == float(first[0])
        for a, b in zip(gradients, first[1], strict=True):
            assert a.numpy().tobytes() == b.numpy().tobytes()


# memory


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ad.broadcast_to(x, (10**7, 10**6, 7)),
        lambda x: ad.broadcast_to(ad.sin(x), (10**13, 7)) * 2.0,
        lambda x: (x, ad.zeros((10**13,)) + x[0]),
    ],
    ids=["broadcast", "expression", "beside another"],
)
def test_results_that_no_memory_holds(f: Any) -> None:
    """80 terabytes and more are a MemoryError, not a crash; small calls go on."""
    g = ad.compile(f)
    for _ in range(3):
        with pytest.raises(MemoryError):
            g(X)
    assert_close(ad.compile(lambda x: x * 2)(X), X * 2)


@pytest.mark.parametrize("size", [10**13, 10**17])
def test_intermediate_results_that_no_memory_holds(size: int) -> None:
    g = ad.compile(lambda x: ad.cumsum(ad.broadcast_to(x[0], (size,)))[-1] + 1.0)
    for _ in range(3):
        with pytest.raises(MemoryError):
            g(X)


def test_memory_of_programs_that_are_gone_is_given_back() -> None:
    """Also the block that a program keeps between its calls."""

    def once(number: int) -> float:
        g = ad.compile(lambda x: ad.sum(ad.cumsum(ad.sin(x * (number + 0.5))) ** 2))
        for _ in range(5):
            g(np.ones(2_000_000))
        del g
        gc.collect()  # programs are in circles
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096 / 2**20

    sizes = [once(number) for number in range(10)]
    assert sizes[-1] - sizes[1] < 60  # eight blocks of 32 MiB would be 256


# depth and width


def test_a_chain_of_20000_operations_with_its_gradient() -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = ad.sin(x) + 0.5
        return x

    value, gradient = ad.compile(ad.value_and_grad(f))(0.3)
    expected = ad.value_and_grad(f)(0.3)
    assert_close(value, expected[0], 1e-10)
    assert_close(gradient, expected[1], 1e-6)


def test_a_deep_chain_of_vectors() -> None:
    def f(x: Any) -> Any:
        for _ in range(2_000):
            x = x * 1.0001 + 0.001
        return ad.sum(x)

    assert_close(ad.compile(ad.grad(f))(X), ad.grad(f)(X), 1e-10)


def test_a_value_with_a_thousand_users() -> None:
    def f(x: Any) -> Any:
        y = ad.exp(x)
        return sum((ad.sum(y * float(i)) for i in range(1000)), ad.asarray(0.0))

    assert_close(ad.compile(ad.grad(f))(X), np.exp(X) * sum(range(1000)), 1e-10)


def test_sums_that_double_forty_times() -> None:
    """x + x, forty times: 2⁴⁰ paths, forty nodes."""

    def f(x: Any) -> Any:
        for _ in range(40):
            x = x + x
        return ad.sum(x)

    assert_close(ad.compile(ad.grad(f))(X), np.full(7, 2.0**40))
