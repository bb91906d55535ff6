"""What a node costs: time, bytes and calls; graphs of a million nodes; the import.

All in Python and on graphs of scalars, where the library's own work is everything.
"""

from __future__ import annotations

import itertools
import math
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.measure import Result, count_calls, installed, median_process, median_time

MOST_MICROSECONDS = 3.0
MOST_BYTES = 400.0
MOST_IMPORT = 0.15


def run(smoke: bool) -> list[Result]:
    """All figures; with `smoke` on small graphs."""
    return [
        *nodes(smoke),
        *calls(),
        *memory(5_000 if smoke else 200_000),
        *chain(20_000 if smoke else 1_000_000),
        *users(20_000 if smoke else 1_000_000),
        *imports(2 if smoke else 11),
        *peers(smoke),
    ]


def operations() -> dict[str, Callable[[], Any]]:
    """One operation each, through the public API, on a pending scalar."""
    x = ad.variable(0.5, name="x")
    return {
        "x + x": lambda: x + x,
        "x + 2.0": lambda: x + 2.0,
        "sin(x)": lambda: ad.sin(x),
        "np.sin(x)": lambda: np.sin(x),
    }


def nodes(smoke: bool) -> list[Result]:
    """The time of making one operation's node, user call included."""
    repeats, inner = (3, 2_000) if smoke else (15, 50_000)
    empty = median_time(lambda: None, repeats, inner)
    return [
        Result(
            f"node of {name}",
            1e6 * (median_time(make, repeats, inner) - empty),
            "µs",
            None if name.startswith("np.") else MOST_MICROSECONDS,
        )
        for name, make in operations().items()
    ]


def calls() -> list[Result]:
    """Python and C functions called for one node."""
    results = []
    for name, make in operations().items():
        python, c = count_calls(make)
        results.append(Result(f"calls of {name}", python - 1, f"Python, {c} C"))  # its lambda
    x = ad.variable(0.5)
    y = ad.sin(x) * x + 2.0
    python, c = count_calls(lambda: ad.gradient(y, x))
    results.append(Result("calls of gradient(sin(x) x + 2, x)", python - 1, f"Python, {c} C"))
    return results


def memory(n: int) -> list[Result]:
    """The bytes that each node of a pending chain holds, constants included."""
    results = []
    for name, step in {"sin(x)": ad.sin, "x + x": lambda x: x + x, "x + 2.0": _plus}.items():
        x = ad.variable(0.5)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        y = x
        for _ in range(min(n, 9_000)):  # shorter than a chain that is evaluated on the way
            y = step(y)
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        most = MOST_BYTES if name != "x + 2.0" else None
        results.append(Result(f"bytes of {name}", used / min(n, 9_000), "bytes", most))
        del y
    return results


def _plus(x: Any) -> Any:
    return x + 2.0


def chain(n: int) -> list[Result]:
    """A chain of n operations: built, differentiated, evaluated, freed; the result is checked."""
    times = [time.perf_counter()]
    x = ad.variable(0.3)
    y = x
    for _ in range(n // 2):
        y = ad.sin(y)
        y = y + 0.5
    times.append(time.perf_counter())
    g = ad.gradient(y, x)
    times.append(time.perf_counter())
    slope = float(g)
    times.append(time.perf_counter())
    value = float(y)
    del y, g, x
    times.append(time.perf_counter())
    expected, derivative = 0.3, 1.0
    for _ in range(n // 2):
        derivative *= math.cos(expected)
        expected = math.sin(expected) + 0.5
    assert math.isclose(value, expected, rel_tol=1e-9), "the chain has the wrong value"
    assert math.isclose(slope, derivative, rel_tol=1e-9, abs_tol=1e-300), "wrong derivative"
    return _phases(f"chain of {n:,}", times, n)


def users(n: int) -> list[Result]:
    """A node with n users."""
    times = [time.perf_counter()]
    x = ad.variable(0.5)
    y = x
    for _ in range(n):
        y = y + x
    times.append(time.perf_counter())
    g = ad.gradient(y, x)
    times.append(time.perf_counter())
    slope = float(g)
    times.append(time.perf_counter())
    del x, y, g
    times.append(time.perf_counter())
    assert slope == n + 1, "the node with many users has the wrong derivative"
    return _phases(f"{n:,} users", times, n)


def _phases(name: str, times: list[float], n: int) -> list[Result]:
    names = ("built", "differentiated", "evaluated", "freed")
    spans = [b - a for a, b in itertools.pairwise(times)]
    results = [
        Result(f"{name}, {phase}", span, f"s, {1e6 * span / n:.2f} µs each")
        for phase, span in zip(names, spans, strict=True)
    ]
    return [*results, Result(f"{name}, in all", sum(spans), "s")]


def imports(repeats: int) -> list[Result]:
    """The time of ``import adjoint`` in a fresh process, less that of a bare Python."""
    bare = median_process("pass", repeats)
    numpy = median_process("import numpy", repeats) - bare
    whole = median_process("import adjoint", repeats) - bare
    return [
        Result("import adjoint", whole, "s", MOST_IMPORT),
        Result("  of which import numpy", numpy, "s"),
    ]


def peers(smoke: bool) -> list[Result]:
    """One addition of scalars that remembers how to be differentiated, elsewhere."""
    repeats, inner = (3, 500) if smoke else (15, 10_000)
    results = []
    for name, prepare in {"autograd": _autograd, "torch": _torch, "casadi": _casadi}.items():
        if installed(name):
            results.append(
                Result(f"{name}: x + x", 1e6 * median_time(prepare(), repeats, inner), "µs")
            )
    if installed("jax"):
        import jax

        seconds: list[float] = []

        def f(x: Any) -> Any:
            seconds.append(median_time(lambda: x + x, repeats, inner))
            return x

        jax.make_jaxpr(f)(0.5)
        results.append(Result("jax: x + x, traced", 1e6 * seconds[0], "µs"))
    return results


def _autograd() -> Callable[[], Any]:
    from autograd.core import VJPNode
    from autograd.tracer import new_box

    x = new_box(0.5, 0, VJPNode.new_root())
    return lambda: x + x


def _torch() -> Callable[[], Any]:
    import torch

    x = torch.tensor(0.5, requires_grad=True)
    return lambda: x + x


def _casadi() -> Callable[[], Any]:
    import casadi

    x = casadi.SX.sym("x")
    return lambda: x + x
