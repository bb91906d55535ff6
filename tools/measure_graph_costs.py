"""Print what graphs cost that nobody compiled: interpreted, and to compile.

    python tools/measure_graph_costs.py [--repeats N]

Run it from the root of the repository. The estimates in `adjoint/backends/graph_runner.py` are set
beside what is measured: processor time, so that a busy machine changes little; medians. Nothing is
read from the cache on disk, as in a first process.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["ADJOINT_CACHE_DIR"] = tempfile.mkdtemp()  # before adjoint is imported
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

import adjoint as ad
from adjoint.backends import graph_runner
from adjoint.backends.graph_program import GraphProgram
from adjoint.backends.llvm.compile import kernel_cache
from adjoint.graph.subgraph import Subgraph, fresh_variable
from adjoint.graph.types import as_dtype

SHAPES: dict[str, tuple[int, ...]] = {
    "scalars": (),
    "vectors of 10": (10,),
    "vectors of 1000": (1000,),
    "matrices 16×16": (16, 16),
}
SIZES = (5, 20, 80, 320)


def chain(y: Any, w: Any, size: int, salt: int) -> Any:
    """So many operations; others for each `salt`, so that nothing is known of them."""
    for number in range(size // 2):
        y = ad.tanh(y) if number % 3 == 2 else y * (0.5 + 1e-6 * salt)
        y = y @ w if len(w.shape) == 2 and (number + salt) % 4 == 1 else y + w * number
    return y


def body(shape: tuple[int, ...], size: int, salt: int) -> Subgraph:
    """A graph of so many operations."""
    x, w = (fresh_variable(shape, as_dtype("float64")) for _ in range(2))
    return Subgraph([x.node, w.node], [chain(x, w, size, salt).node])


def looped(shape: tuple[int, ...], size: int, salt: int, length: int) -> Subgraph:
    """A loop of so many rounds over such a graph, with the gradient by what it reads."""
    x, w = (fresh_variable(shape, as_dtype("float64")) for _ in range(2))

    def f(start: Any, other: Any) -> Any:
        def once(state: Any, _: Any) -> Any:
            return chain(state, other, size, salt), None

        return ad.sum(ad.scan(once, start, length=length)[0])

    found = ad.grad(f, (0, 1))(x, w)
    return Subgraph([x.node, w.node], [t.node for t in found])


def seconds(act: Callable[[], Any]) -> float:
    """Processor time of one run."""
    start = time.process_time()
    act()
    return time.process_time() - start


def interpreted(graph: Subgraph, values: list[Any], repeats: int) -> float:
    """Seconds that the interpreter takes for a graph, once it knows it."""
    with ad.options(native="never"):
        graph.run(values)
        return statistics.median(seconds(lambda: graph.run(values)) for _ in range(repeats))


def compiled(make: Callable[[int], Subgraph], values: list[Any], repeats: int) -> float:
    """Seconds that making a program and its first call take."""

    def act(graph: Subgraph) -> None:
        for _ in range(4):  # the first ones may be step by step
            GraphProgram(graph.inputs, graph.outputs).run(values)

    found = []
    for salt in range(repeats):
        graph = make(salt)
        kernel_cache._kernels.clear()
        found.append(seconds(functools.partial(act, graph)))
    return statistics.median(found)


def program_bytes(count: int = 40) -> float:
    """Bytes of memory that a program of 80 operations keeps."""
    kept = []
    for salt in range(2 * count):
        if salt == count:  # what is allocated once was allocated before
            before = resident()
        graph = body((10,), 80, 2000 + salt)
        kept.append(GraphProgram(graph.inputs, graph.outputs))
        kept[-1].run([np.ones(10), np.ones(10)])
    return (resident() - before) / count


def resident() -> int:
    """Bytes of memory that this process uses (on Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def fit(sizes: list[int], times: list[float]) -> tuple[float, float]:
    """What is always paid, and for each operation: least squares of relative errors."""
    a = np.stack([np.ones(len(sizes)), np.array(sizes, float)], 1) / np.array(times)[:, None]
    start, each = np.linalg.lstsq(a, np.ones(len(sizes)), rcond=None)[0]
    return float(start), float(each)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(0)
    a, b, c = graph_runner.OPERATION, graph_runner.COMPILATION, graph_runner.PER_OPERATION
    print(f"estimates: {a * 1e6:.1f} µs an operation; {b * 1e3:.0f} ms + {c * 1e3:.2f} ms")
    print(f"memory: {program_bytes() / 1024:.0f} KiB for a program", flush=True)
    for name, shape in SHAPES.items():
        values = [rng.normal(size=shape) * 0.1 for _ in range(2)]
        GraphProgram(*_ends(body(shape, 4, 1000))).run(values)  # what is imported once
        for kind, make in kinds(shape).items():
            sizes, runs, makes = [], [], []
            for size in SIZES:
                graph = make(size, repeats)
                sizes.append(graph_runner.size(graph))
                runs.append(interpreted(graph, values, 3 * repeats) / graph_runner.work(graph))
                makes.append(compiled(lambda salt, m=make, n=size: m(n, salt), values, repeats))
            start, each = fit(sizes, makes)
            texts = ", ".join(f"{1e6 * x:.1f}" for x in runs)
            print(f"{name}, {kind} of {sizes} operations:")
            print(f"    interpreted {texts} µs an operation")
            print(
                f"    compiled {1e3 * start:.0f} ms + {1e3 * each:.2f} ms an operation", flush=True
            )


def kinds(shape: tuple[int, ...]) -> dict[str, Callable[[int, int], Subgraph]]:
    """What is measured: graphs by size and salt."""
    return {
        "a graph": lambda size, salt: body(shape, size, salt),
        "the gradient of a loop": lambda size, salt: looped(shape, size, salt, 50),
    }


def _ends(graph: Subgraph) -> tuple[Any, Any]:
    return graph.inputs, graph.outputs


if __name__ == "__main__":
    main()
