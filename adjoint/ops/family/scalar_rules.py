"""Where the native rules of elementwise operations are found, by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from adjoint.graph import complex_words
from adjoint.graph.emitter import Emitter
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node

_SCALAR_MODULES = (
    "basic",
    "exponential",
    "logarithmic",
    "trigonometric",
    "hyperbolic",
    "power",
    "error",
    "gamma",
)
_COMPLEX_MODULES = ("complex", "complex_functions")


@cache
def scalar_rule(op: Any) -> Callable[..., Any] | None:
    """The native rule of an operation; None if it has none.

    Without one of its own, it is the function of `adjoint.ops.scalar`, or the word of the emitter,
    that has the name of the operation.
    """
    rule: Callable[..., Any] | None = op.scalar
    if rule is not None:
        return rule
    for module in _SCALAR_MODULES:
        found = getattr(import_module(f"adjoint.ops.scalar.{module}"), op.name, None)
        if found is not None:
            rule = found
            return rule
    if not hasattr(Emitter, op.name):
        return None
    return lambda e, *values: getattr(e, op.name)(*values)


@cache
def complex_rule(op: Any) -> Callable[..., Any] | None:
    """The native rule of an operation on complex numbers: the function that has its name in a
    module of `adjoint.ops.scalar`, or the word of the emitter; None if it has none."""
    for module in _COMPLEX_MODULES:
        found = getattr(import_module(f"adjoint.ops.scalar.{module}"), op.name, None)
        if found is not None:
            rule: Callable[..., Any] = found
            return rule
    if op.name not in complex_words.WORDS and op.name not in ("real", "imag"):
        return None
    return lambda e, *values: getattr(e, op.name)(*values)


def native_rule(node: Node) -> Callable[..., Any] | None:
    """The native rule of an elementwise node; None if there is none for its dtypes."""
    op: Any = node.op
    is_complex = any(x.dtype.kind == "c" for x in node.inputs)
    return complex_rule(op) if is_complex else scalar_rule(op)
