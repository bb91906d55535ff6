"""Differentiate programs that import nothing but NumPy and SciPy, and compare with differences.

    python examples/numpy_unchanged/run.py [program ...]

Each program defines an `objective` and where it starts. Nothing in it knows of adjoint.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

import numpy as np

import adjoint as ad

HERE = Path(__file__).resolve().parent
FILES = sorted(HERE.glob("*.py"))
PROGRAMS = [p.stem for p in FILES if "\nSTART = " in p.read_text(encoding="utf-8")]

parser = argparse.ArgumentParser(description="Differentiate unchanged NumPy programs.")
parser.add_argument("programs", nargs="*", default=PROGRAMS, help="which ones, by default all")
parser.add_argument("--smoke", action="store_true", help="no timing, for tests")


def slope(f, x, direction, h=1e-4):
    """The derivative of `f` in a direction, by differences of order 4."""
    near = f(x + h * direction) - f(x - h * direction)
    far = f(x + 2 * h * direction) - f(x - 2 * h * direction)
    return (8 * near - far) / (12 * h)


def seconds(f, x):
    """The least time of a call, of several."""
    found = []
    for _ in range(7):
        start = time.perf_counter()
        np.asarray(f(x))
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    options = parser.parse_args()
    print(f"{'program':22}{'parameters':>11}{'off by':>11}", end="")
    print("" if options.smoke else f"{'NumPy ms':>11}{'gradient ms':>13}{'compiled ms':>13}")
    for name in options.programs:
        program = importlib.import_module(name)
        f, x = program.objective, program.START
        direction = np.random.default_rng(0).normal(size=x.shape)
        direction /= np.linalg.norm(direction)
        expected = slope(f, x, direction)
        gradient = ad.grad(f)
        compiled = ad.compile(gradient)
        found = [float(np.asarray(g(x)) @ direction) for g in (gradient, compiled)]
        off = max(abs(number - expected) for number in found) / max(1.0, abs(expected))
        print(f"{name:22}{x.size:11}{off:11.1e}", end="")
        if options.smoke:
            print()
            continue
        times = [seconds(called, x) for called in (f, gradient, compiled)]
        print(f"{1e3 * times[0]:11.2f}{1e3 * times[1]:13.2f}{1e3 * times[2]:13.2f}")


if __name__ == "__main__":
    main()
