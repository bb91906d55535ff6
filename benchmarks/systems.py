"""The systems that are compared: how to see whether one is there, and how to wake it.

Waking is compiling something trivial, so that what is measured as the first call of a row is its
own compilation, and not the loading of compilers.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import version_of


def wake_adjoint() -> None:
    """Compile x + 1 of a number and of many, and call it until all its code is there.

    What all programs share, such as the pool of threads, is compiled once on a machine and kept.
    """
    import numpy as np

    import adjoint as ad

    f = ad.compile(lambda x: x + 1.0)
    for x in (1.0, np.zeros(1 << 20)):
        for _ in range(5):
            f(x)


def wake_jax() -> None:
    """Compile x + 1."""
    import jax

    jax.jit(lambda x: x + 1.0)(1.0).block_until_ready()


def wake_torch() -> None:
    """Differentiate x²."""
    import torch

    x = torch.tensor(1.0, requires_grad=True)
    torch.autograd.grad(x * x, x)


def wake_torch_compile() -> None:
    """Compile x² and its gradient."""
    import torch

    torch.compile(torch.func.grad_and_value(lambda x: x * x))(torch.tensor(1.0))


def wake_autograd() -> None:
    """Differentiate x²."""
    import autograd

    autograd.grad(lambda x: x * x)(1.0)


def asleep() -> None:
    """Nothing to wake."""


@dataclass(frozen=True)
class System:
    """Its name in tables, what must be importable, the packages whose versions are printed."""

    label: str
    needs: tuple[str, ...]
    packages: tuple[str, ...]
    peer: bool
    wake: Callable[[], None] = asleep
    compiler: str = ""
    eager: bool = False
    """Whether it calls the function that is differentiated anew each time, and compiles nothing
    that the user asks for."""

    @property
    def lacks(self) -> str:
        """What is missing for it to run; empty if nothing is."""
        for name in self.needs:
            if importlib.util.find_spec(name) is None:
                return f"{name} is not installed"
        if self.compiler and shutil.which(self.compiler) is None:
            return f"{self.compiler} is not installed"
        return ""

    @property
    def version(self) -> str:
        """The packages it consists of, with versions."""
        return ", ".join(f"{name} {version_of(name)}" for name in self.packages)


SYSTEMS = {
    "adjoint": System("adjoint", ("llvmlite",), ("adjoint",), False, wake_adjoint),
    "adjoint_uncompiled": System(
        "adjoint, uncompiled", (), ("adjoint",), False, wake_adjoint, eager=True
    ),
    "jax": System("JAX jit", ("jax",), ("jax", "jaxlib"), True, wake_jax),
    "torch": System("PyTorch", ("torch",), ("torch",), True, wake_torch, eager=True),
    "torch_compile": System(
        "torch.compile", ("torch",), ("torch",), True, wake_torch_compile, "g++"
    ),
    "autograd": System("autograd", ("autograd",), ("autograd",), True, wake_autograd, eager=True),
    "casadi": System("CasADi", ("casadi",), ("casadi",), True),
    "numpy": System("by hand, NumPy", ("numpy",), ("numpy",), False),
    "products": System("its products alone", ("numpy",), ("numpy",), False),
    "c": System("by hand, C", (), (), False, compiler="gcc"),
}
"""In the order of the table; `products` is a part of the work, a bound and no rival."""
