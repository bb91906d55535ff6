"""The lecture's function log x₁ + x₁ x₂ − sin x₂ and both partial derivatives, Python floats in
and out"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.rows import lecture_tensors
from benchmarks.rows.lecture_tensors import ROW, inputs, make_numpy

__all__ = ["ROW", "inputs", "make_numpy"]


def in_floats(make: Callable[..., Callable[[], Any]]) -> Callable[..., Callable[[], Any]]:
    """The same work, its value and its two derivatives made Python floats."""

    def made(x1: float, x2: float) -> Callable[[], Any]:
        work = make(x1, x2)

        def floats() -> Any:
            value, (by_x1, by_x2) = work()
            return float(value), (float(by_x1), float(by_x2))

        return floats

    return made


make_adjoint = in_floats(lecture_tensors.make_adjoint)
make_adjoint_uncompiled = in_floats(lecture_tensors.make_adjoint_uncompiled)
make_jax = in_floats(lecture_tensors.make_jax)
make_torch = in_floats(lecture_tensors.make_torch)
make_torch_compile = in_floats(lecture_tensors.make_torch_compile)
make_autograd = in_floats(lecture_tensors.make_autograd)


def make_casadi(x1: float, x2: float) -> Callable[[], Any]:
    work = lecture_tensors.make_casadi(x1, x2)

    def floats() -> Any:
        value, by_x1, by_x2 = work()
        return float(value), (float(by_x1), float(by_x2))

    return floats
