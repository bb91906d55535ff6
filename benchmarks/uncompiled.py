"""Derivatives of functions that nobody compiled, beside compiled ones and peers that record too.

Native code answers at once here, and not only when it has paid; each in alternation with the same
compiled, and with the interpreter alone. Times are of the processor, so that others who use the
machine count little.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad
from benchmarks import training as networks
from benchmarks.measure import Result, installed
from benchmarks.process import Process
from benchmarks.rows import training_small
from benchmarks.systems import SYSTEMS

Call = Callable[[], Any]
Calls = dict[str, tuple[Any, Call]]
"""By name, what the option `native` is, and what is called."""
MOST = {
    "hessian of rosenbrock, 300": 3.0,
    "training 784-128-10": 1.3,
    "step 784-128-10 with its update": 1.3,
}
"""What a call may take, relative to the compiled one."""
LONGEST = {"value and gradient of the lecture": 15.0}
"""What it may take, in microseconds."""


def run(smoke: bool) -> list[Result]:
    """All figures; with `smoke` a few calls each, of which nothing is asked but that they agree."""
    results = []
    for name, prepare in programs().items():
        f, args = prepare()
        compiled = ad.compile(f)
        agree(f(*args), compiled(*args))
        uncompiled = lambda f=f, args=args: ad.evaluate(f(*args))
        calls: Calls = {
            "uncompiled": ("always", uncompiled),
            "interpreter": ("never", uncompiled),
            "compiled": ("auto", lambda c=compiled, args=args: c(*args)),
        }
        seconds = times(calls, *((2, 2) if smoke else (25, 100)))
        most, longest = (None, None) if smoke else (MOST.get(name), LONGEST.get(name))
        results += [
            Result(f"{name}, uncompiled", 1e6 * seconds["uncompiled"], "µs", longest),
            Result("  interpreter", seconds["interpreter"] / seconds["uncompiled"], "× as long"),
            Result(
                "  uncompiled ÷ compiled", seconds["uncompiled"] / seconds["compiled"], "×", most
            ),
        ]
    return [*results, *steps(smoke), *peers(smoke)]


def steps(smoke: bool) -> list[Result]:
    """Whole training steps 784-128-10: the gradient, and parameters that are moved by a line of the
    user's; and the mean of such steps in the first second of a process, beside PyTorch."""
    inputs = networks.inputs_of(*(20, 30, 10, 5) if smoke else (64, 784, 128, 10))
    uncompiled, compiled = (
        make(*inputs) for make in (networks.with_adjoint_uncompiled, networks.with_adjoint)
    )
    agree(uncompiled(), compiled())
    calls: Calls = {"uncompiled": ("always", uncompiled), "compiled": ("auto", compiled)}
    seconds = times(calls, *((2, 2) if smoke else (25, 100)))
    name, ratio = "step 784-128-10 with its update", seconds["uncompiled"] / seconds["compiled"]
    results = [
        Result(f"{name}, uncompiled", 1e6 * seconds["uncompiled"], "µs"),
        Result("  uncompiled ÷ compiled", ratio, "×", None if smoke else MOST[name]),
    ]
    for system in () if smoke else ("adjoint_uncompiled", "torch"):
        label = SYSTEMS[system].label
        if SYSTEMS[system].lacks:
            print(f"  {label}: {SYSTEMS[system].lacks}: skipped")
            continue
        mean = 1e6 * mean_of_first_second(system)
        results.append(Result(f"  {label}, mean of the first second", mean, "µs"))
    return results


def mean_of_first_second(system: str) -> float:
    """The mean of the seconds of a step in a fresh process, the first one included."""
    with tempfile.TemporaryDirectory() as caches:
        process = Process("training_small", training_small.ROW, system, caches, False)
        try:
            process.ask("stretch 1.0")
            return float(process.ask("mean"))
        finally:
            process.end()


def programs() -> dict[str, Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]]]:
    """A derivative and its arguments, by name."""
    return {
        "value and gradient of the lecture": lecture,
        "training 784-128-10": training,
        "hessian of rosenbrock, 300": hessian,
    }


def lecture() -> Any:
    """Of the lecture's function, by two numbers."""
    f = ad.value_and_grad(lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2), (0, 1))
    return f, (2.0, 5.0)


def training() -> Any:
    """Of a loss by two layers, for a batch of 64."""
    rng = np.random.default_rng(0)
    w = [0.05 * rng.normal(size=s) for s in ((784, 128), (128, 10))]
    p = tuple(ad.asarray(x.astype(np.float32)) for x in w)
    x = ad.asarray(rng.normal(size=(64, 784)).astype(np.float32))
    y = ad.asarray(rng.integers(0, 10, 64))

    def loss(p: Any, x: Any, y: Any) -> Any:
        hidden = ad.maximum(x @ p[0], 0)
        return ad.mean(ad.nn.softmax_cross_entropy(hidden @ p[1], y))

    return ad.value_and_grad(loss), (p, x, y)


def hessian() -> Any:
    """Dense, of Rosenbrock's function."""

    def f(x: Any) -> Any:
        return ad.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return ad.hessian(f), (np.linspace(-1.0, 1.0, 300),)


def times(calls: Calls, repeats: int, inner: int) -> dict[str, float]:
    """By name the median of the seconds that a call takes, in alternation."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, (native, call) in calls.items():
            with ad.options(native=native):
                started = time.process_time()
                for _ in range(inner if repeat else 8):  # at first what happens only once
                    call()
                found[name].append((time.process_time() - started) / inner)
    return {name: statistics.median(x[1:]) for name, x in found.items()}


def agree(one: Any, other: Any) -> None:
    """Assert that two results are the same, but for rounding."""
    if isinstance(one, (tuple, list)):
        for a, b in zip(one, other, strict=True):
            agree(a, b)
        return
    assert np.allclose(one, other, rtol=1e-4, atol=1e-6), "compiled and uncompiled do not agree"


def peers(smoke: bool) -> list[Result]:
    """The lecture's gradient elsewhere."""
    calls: Calls = {}
    if installed("torch"):
        calls["torch"] = "auto", _torch()
    if installed("autograd"):
        calls["autograd"] = "auto", _autograd()
    seconds = times(calls, *((2, 2) if smoke else (25, 100))) if calls else {}
    return [Result(f"lecture by {name}", 1e6 * x, "µs") for name, x in seconds.items()]


def _torch() -> Call:
    import torch

    def call() -> Any:
        x1 = torch.tensor(2.0, requires_grad=True, dtype=torch.float64)
        x2 = torch.tensor(5.0, requires_grad=True, dtype=torch.float64)
        (torch.log(x1) + x1 * x2 - torch.sin(x2)).backward()
        return x1.grad, x2.grad

    return call


def _autograd() -> Call:
    import autograd
    import autograd.numpy as anp

    def f(x: Any) -> Any:
        return anp.log(x[0]) + x[0] * x[1] - anp.sin(x[1])

    gradient = autograd.value_and_grad(f)
    return lambda: gradient(anp.array([2.0, 5.0]))
