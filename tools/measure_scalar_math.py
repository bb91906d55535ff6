"""Print the speed and the greatest error of each scalar function, beside NumPy or SciPy.

    python tools/measure_scalar_math.py [--points N] [NAME …]

Run it from the root of the repository. Speed: nanoseconds an element on arrays that fit into the
second-level cache, the best of many runs. Error: in units in the last place, against mpmath.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special

sys.path.insert(0, str(Path(__file__).parent.parent))

from adjoint.ops import scalar
from tests.native.codegen.references import BINARY, pairs, samples, worst
from tests.native.codegen.scalar_loop import build

OTHERS: dict[str, Callable[..., Any]] = {
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "ndtr": scipy.special.ndtr,
    "erfinv": scipy.special.erfinv,
    "erfcinv": scipy.special.erfcinv,
    "erfcx": scipy.special.erfcx,
    "ndtri": scipy.special.ndtri,
    "log_ndtr": scipy.special.log_ndtr,
    "lgamma": scipy.special.gammaln,
    "digamma": scipy.special.psi,
    "trigamma": lambda x, out: np.copyto(out, scipy.special.polygamma(1, x)),
    "sigmoid": scipy.special.expit,
    "softplus": lambda x, out: np.logaddexp(x, 0, out=out),
}
SIZE = 1 << 15


def nanoseconds(run: Callable[[], Any], elements: int) -> float:
    best = float("inf")
    start = time.perf_counter()
    while time.perf_counter() - start < 0.1:
        before = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - before)
    return best / elements * 1e9


def arguments(name: str, dtype: str) -> list[Any]:
    """Ordinary arguments, for the clock."""
    rng = np.random.default_rng(0)
    low, high = {"acosh": (1, 5), "sin": (-9, 9), "exp": (-9, 9)}.get(name, (0.05, 0.95))
    return [rng.uniform(low, high, SIZE).astype(dtype) for _ in range(1 + (name in BINARY))]


def measure(name: str, dtype: str, points: int) -> str:
    arity = 1 + (name in BINARY)
    start = time.perf_counter()
    kernel = build(getattr(scalar, name), *[dtype] * arity)
    compiled = time.perf_counter() - start
    xs = pairs(name, dtype, points) if arity == 2 else (samples(name, dtype, points),)
    error, at = worst(name, kernel(*xs), *xs)
    xs = tuple(arguments(name, dtype))
    out = np.empty_like(xs[0])
    other = OTHERS.get(name) or getattr(np, name)
    ours = nanoseconds(lambda: kernel(*xs, out=out), SIZE)
    theirs = nanoseconds(lambda: other(*xs, out=out), SIZE)
    where = ", ".join(f"{x:.9g}" for x in at)
    vectors = "yes" if kernel.vectorised else "NO"
    return (
        f"{name:10}{dtype:9}{error:8.3f}{ours:9.2f}{theirs:9.2f}{theirs / ours:7.1f}"
        f"{vectors:>8}{compiled * 1e3:8.0f}   {where}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(scalar.BOUNDS))
    parser.add_argument("--points", type=int, default=5000)
    options = parser.parse_args()
    np.seterr(all="ignore")
    print("function  dtype    max ulp  ns here    NumPy  ratio  vector  compile ms   worst at")
    for name in options.names or list(scalar.BOUNDS):
        for dtype in ("float64", "float32"):
            print(measure(name, dtype, options.points), flush=True)


if __name__ == "__main__":
    main()
