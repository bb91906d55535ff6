"""Constants with digits that were shown: what was read from text past the readers that are known.

``eval("%.5f" % y)``, a file, a database and C code make plain numbers of text, and nobody can see
it. But then the result of the function holds a constant of the very digits as which a tensor was
shown. That may be chance, so it is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from adjoint.errors import LostDerivativeWarning
from adjoint.graph import options
from adjoint.graph.caller import warn
from adjoint.graph.leaf import constant, variable
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.shown import digits_shown, written
from adjoint.tracing.code_of_copies import contents_of

_LEAST = 4
"""Numbers of fewer digits are equal to others by chance."""


def check_constants(
    transform: str, f: Any, roots: Sequence[Node], scopes: Collection[Scope]
) -> None:
    """Warn of each constant number in the graph below the roots, what `f` returned, that has the
    digits of a text that shows what is differentiated in one of the scopes.

    Not of numbers that stand in the code and the module of `f`, and of values that were given.
    """
    shown = digits_shown(scopes, _LEAST)
    if not shown or options.current().lost_derivatives == "allow":
        return
    nodes = topological_order(list(roots))
    found = {x for node in nodes if node.op is constant for x in _numbers(node, shown)}
    if not found:
        return
    given = [value for node in nodes for value in _given(node, scopes)]
    for number in sorted(found - set(_numbers_of(f))):
        if any(np.any(value == number) for value in given):
            continue
        warn(
            f"{transform}: {number!r} is a constant of the result, and has the digits of a text "
            f"that shows a tensor which is differentiated. If it was read from that text, its "
            f"derivative is lost: compute with the tensor itself, or take the number of "
            f"adjoint.stop_gradient(x) where it is meant to be constant",
            LostDerivativeWarning,
        )


def _numbers(node: Node, shown: Collection[str]) -> Iterator[float]:
    """The value of a constant, if it is a number with digits that were shown."""
    if node.dtype.kind not in "fc" or node.value is None or node.value.size != 1:
        return
    value = node.value.item()
    for number in (value.real, value.imag) if node.dtype.kind == "c" else (value,):
        single = np.float32(number)
        forms = [repr(number), *([str(single)] if single == number else [])]
        if any(written(form) in shown for form in forms):
            yield number


def _given(node: Node, scopes: Collection[Scope]) -> Iterator[Any]:
    """The value for which a variable of these scopes stands."""
    if node.op is variable and node.inputs and node.scope is not None:
        of_these = any(member in scopes for member in node.scope.members)
        if of_these and node.inputs[0].value is not None:
            yield node.inputs[0].value


def _numbers_of(f: Any) -> Iterator[float]:
    """The numbers in the code, the closure and the defaults of a function, and in the module in
    which it stands."""
    f = getattr(f, "__func__", f)
    f = getattr(f, "func", f)
    if type(f) is not FunctionType:
        return
    cells = contents_of(f.__closure__ or ())
    around = [*f.__globals__.values(), *cells, *(f.__defaults__ or ())]
    yield from (x for x in around if isinstance(x, float))
    for function in (f, *(x for x in around if type(x) is FunctionType)):
        yield from _numbers_in(function.__code__)


def _numbers_in(code: CodeType) -> Iterator[float]:
    """The literals in code, and in that of the functions within it."""
    for literal in code.co_consts:
        if isinstance(literal, CodeType):
            yield from _numbers_in(literal)
        elif isinstance(literal, tuple):
            yield from (x for x in literal if isinstance(x, float))
        elif isinstance(literal, float):
            yield literal
