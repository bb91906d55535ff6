"""Time the programs of `examples/numpy_unchanged` against autograd and JAX, where these run them.

usage: python tools/time_numpy_unchanged.py [--smoke] [adjoint | autograd | jax]

Run it by an interpreter that has the library. The programs are not edited: for the other two the
names `np`, `fft`, `stats` … in their modules are bound to the namespaces that stand for NumPy's and
SciPy's there, as whoever moves to them would do by editing the imports. What they cannot run is
shown with the error. Times are the least of several calls; an error of the gradient is one of the
direction that differences of the plain program do not confirm. With --smoke nothing is timed, and
the exit status says whether all gradients are there and right.
"""

from __future__ import annotations

import importlib
import importlib.util
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


def loaded(name: str) -> types.ModuleType:
    """The module of a program, made anew."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def moved(name: str, numpy: str, scipy: str) -> Any:
    """The objective of a program in a copy whose names for NumPy and SciPy mean another library."""
    program = loaded(name)
    for key, value in list(vars(program).items()):
        if isinstance(value, (types.ModuleType, types.FunctionType)):
            setattr(program, key, counterpart(value, numpy, scipy))
    return program.objective


def by_adjoint(name: str) -> list[tuple[str, Gradient]]:
    import adjoint as ad

    f = loaded(name).objective
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


def shown(library: str, name: str, smoke: bool) -> bool:
    """Print what a library makes of a program; whether all of its gradients are right."""
    program = loaded(name)
    f, x = program.objective, program.START
    direction = np.random.default_rng(0).normal(size=x.shape)
    step = 1e-4 * direction / np.linalg.norm(direction)
    slope = (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / 12
    fine = True
    try:
        for label, gradient in LIBRARIES[library](name):
            start = time.perf_counter()
            found = float(np.asarray(gradient(x)) @ step)
            first = time.perf_counter() - start
            right = bool(np.isclose(found, slope, rtol=1e-6, atol=1e-10))
            fine = fine and right
            took = "" if smoke else f"{1e3 * seconds(gradient, x):10.3f} ms, "
            told = f"{took}first call {first:6.2f} s" if right else f"wrong: {found}, not {slope}"
            print(f"{name:22}{label:19}{told}")
    except Exception as error:
        print(f"{name:22}{library:19}{type(error).__name__}: {str(error).splitlines()[0][:90]}")
        fine = False
    return fine


def main() -> int:
    """Show all programs with the libraries named; with --smoke 1 if a gradient is missing."""
    given = sys.argv[1:]
    smoke = "--smoke" in given
    libraries = [name for name in given if name != "--smoke"] or ["adjoint"]
    fine = [shown(library, name, smoke) for library in libraries for name in PROGRAMS]
    return int(smoke and not all(fine))


if __name__ == "__main__":
    sys.exit(main())
