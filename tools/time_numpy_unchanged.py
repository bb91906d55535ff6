"""Time the programs of `examples/numpy_unchanged` against autograd and JAX, where these run them.

usage: python tools/time_numpy_unchanged.py [adjoint | autograd | jax]

Run it by an interpreter that has the library. The programs are not edited: for the other two the
names `np`, `fft`, `stats` … in their modules are bound to the namespaces that stand for NumPy's and
SciPy's there, as whoever moves to them would do by editing the imports. What they cannot run is
shown with the error. Times are the least of several calls; an error of the gradient is one of the
direction that differences of the plain program do not confirm.
"""

from __future__ import annotations

import importlib
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent.parent / "examples" / "numpy_unchanged"
FILES = sorted(HERE.glob("*.py"))
PROGRAMS = [p.stem for p in FILES if "\nSTART = " in p.read_text(encoding="utf-8")]
Gradient = Callable[[Any], Any]


def counterpart(value: Any, numpy: str, scipy: str) -> Any:
    """What stands for a module of NumPy or SciPy, or a function of SciPy, in another library."""
    if value is np:
        return importlib.import_module(numpy)
    name = value.__name__ if isinstance(value, types.ModuleType) else value.__module__
    if not name.startswith("scipy"):
        return value
    if name == "scipy.fft":
        return importlib.import_module(f"{numpy}.fft")
    public = ".".join(part for part in name.split(".") if not part.startswith("_"))
    module = importlib.import_module(public.replace("scipy", scipy, 1))
    return module if isinstance(value, types.ModuleType) else getattr(module, value.__name__)


def moved(name: str, numpy: str, scipy: str) -> Any:
    """A program whose names for NumPy and SciPy mean another library."""
    program = importlib.import_module(name)
    for key, value in list(vars(program).items()):
        if isinstance(value, (types.ModuleType, types.FunctionType)):
            setattr(program, key, counterpart(value, numpy, scipy))
    return program.objective


def by_adjoint(name: str) -> list[tuple[str, Gradient]]:
    import adjoint as ad

    f = importlib.import_module(name).objective
    return [("adjoint", ad.grad(f)), ("adjoint, compiled", ad.compile(ad.grad(f)))]


def by_autograd(name: str) -> list[tuple[str, Gradient]]:
    import autograd

    return [("autograd", autograd.grad(moved(name, "autograd.numpy", "autograd.scipy")))]


def by_jax(name: str) -> list[tuple[str, Gradient]]:
    import jax

    jax.config.update("jax_enable_x64", True)
    return [("JAX, jit", jax.jit(jax.grad(moved(name, "jax.numpy", "jax.scipy"))))]


LIBRARIES = {"adjoint": by_adjoint, "autograd": by_autograd, "jax": by_jax}


def seconds(f: Gradient, x: Any) -> float:
    """The least time of a call, of seven."""
    found = []
    for _ in range(7):
        start = time.perf_counter()
        np.asarray(f(x))
        found.append(time.perf_counter() - start)
    return min(found)


def shown(library: str, name: str) -> None:
    program = importlib.import_module(name)
    f, x = program.objective, program.START
    direction = np.random.default_rng(0).normal(size=x.shape)
    step = 1e-4 * direction / np.linalg.norm(direction)
    slope = (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / 12
    try:
        gradients = LIBRARIES[library](name)
        for label, gradient in gradients:
            start = time.perf_counter()
            found = float(np.asarray(gradient(x)) @ step)
            first = time.perf_counter() - start
            right = np.isclose(found, slope, rtol=1e-6, atol=1e-10)
            took = f"{1e3 * seconds(gradient, x):10.3f} ms, first call {first:6.2f} s"
            print(f"{name:22}{label:19}{took if right else f'wrong: {found}, not {slope}'}")
    except Exception as error:
        print(f"{name:22}{library:19}{type(error).__name__}: {str(error).splitlines()[0][:90]}")


def main() -> None:
    sys.path.insert(0, str(HERE))
    for library in sys.argv[1:] or ["adjoint"]:
        for name in PROGRAMS:
            shown(library, name)


if __name__ == "__main__":
    main()
