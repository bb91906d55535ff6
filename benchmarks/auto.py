"""Uncompiled code with ``native="auto"``, beside the interpreter alone.

Small graphs must not suffer; loops that go on over larger arrays gain without a word from the user.
Figures are ratios of processor time, in alternation, the compilation included where it happens.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.backends import interpreter, tiering
from adjoint.graph import engine
from benchmarks.measure import Result

MOST_FOR_SMALL = 1.1
"""What small graphs may take, relative to the interpreter."""


def run(smoke: bool) -> list[Result]:
    """All figures; with `smoke` few repetitions, of which nothing is asked but that they agree."""
    results = []
    for name, prepare in looks().items():
        ratio = looked(prepare, 20 if smoke else 400, 3 if smoke else 15)
        results.append(Result(f"look at {name}", ratio, "×", None if smoke else MOST_FOR_SMALL))
    for name, (width, batch, steps) in loops().items():
        first, later = trained(width, batch, 5 if smoke else steps)
        most = None if smoke else MOST_FOR_SMALL
        results.append(Result(f"training, {name}", first, "×", most))
        results.append(Result(f"training, {name}, again", later, "×", most))
    return results


def looks() -> dict[str, Callable[[], Any]]:
    """Graphs too small for native code: what is measured is the looking at them alone."""
    x, v = ad.asarray(0.5), ad.asarray(np.linspace(0.0, 1.0, 10))
    return {
        "1 scalar": lambda: ad.sin(x),
        "4 scalars": lambda: ad.sin(x * 2.0 + 1.0) * x,
        "20 scalars": lambda: chain(x, 20),
        "4 vectors of 10": lambda: ad.sum(ad.sin(v * 2.0) + v),
        "20 vectors of 10": lambda: chain(v, 20),
    }


def chain(x: Any, n: int) -> Any:
    """A chain of n operations."""
    for _ in range(n // 2):
        x = ad.sin(x) + 0.5
    return x


def looked(prepare: Callable[[], Any], inner: int, repeats: int) -> float:
    """The time of a look with `auto`, relative to the interpreter."""
    times: dict[Any, list[float]] = {tiering.evaluate: [], interpreter.evaluate: []}
    for _ in range(repeats):
        for evaluate, taken in times.items():
            graphs = [(prepare().node,) for _ in range(inner)]
            with engine.using(evaluate):
                started = time.process_time()
                for nodes in graphs:
                    engine.compute(nodes)
                taken.append(time.process_time() - started)
    return statistics.median(times[tiering.evaluate]) / statistics.median(
        times[interpreter.evaluate]
    )


def loops() -> dict[str, tuple[int, int, int]]:
    """Width of the hidden layer, examples in a batch, and steps."""
    return {
        "8 wide, 8 examples": (8, 8, 500),
        "1024 wide, 256 examples": (1024, 256, 300),
    }


def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
    """A layer of tanh, and cross-entropy."""
    hidden = ad.tanh(x @ p["w1"] + p["b1"])
    logits = hidden @ p["w2"] + p["b2"]
    return -ad.mean(ad.sum(y * ad.log_softmax(logits, axis=-1), axis=-1))


def trained(width: int, batch: int, steps: int) -> tuple[float, float]:
    """The time of a loop of ``ad.value_and_grad`` without compile, relative to the interpreter.

    And that of the same loop once more, in the same process.
    """
    rng = np.random.default_rng(0)
    x = ad.asarray(rng.normal(size=(batch, 50)))
    y = ad.asarray(np.eye(10)[rng.integers(10, size=batch)])
    start = {
        "w1": ad.asarray(0.1 * rng.normal(size=(50, width))),
        "b1": ad.asarray(np.zeros(width)),
        "w2": ad.asarray(0.1 * rng.normal(size=(width, 10))),
        "b2": ad.asarray(np.zeros(10)),
    }

    def loop() -> float:
        p = start
        for _ in range(steps):
            value, g = ad.value_and_grad(loss)(p, x, y)
            p = {k: p[k] - 0.1 * g[k] for k in p}
            ad.evaluate((p, value))
        return float(value)

    seconds, results = [], []
    tiering.clear()
    for evaluate in (interpreter.evaluate, tiering.evaluate, tiering.evaluate):
        with engine.using(evaluate):
            started = time.process_time()
            results.append(loop())
            seconds.append(time.process_time() - started)
    assert np.allclose(results, results[0], rtol=1e-9), "the engines do not agree"
    return seconds[1] / seconds[0], seconds[2] / seconds[0]
