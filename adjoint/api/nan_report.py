"""explain_nan: the operation that first made a nan or an infinity, and the way it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable, function_name, ones_like
from adjoint.api.options import options
from adjoint.api.traced_call import TracedCall
from adjoint.graph import nans
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.text import type_text
from adjoint.graph.types import is_inexact
from adjoint.ops.elementwise.complex import real
from adjoint.ops.reductions.reduction import sum
from adjoint.transforms.reverse import reverse


@dataclass(frozen=True)
class NanReport:
    """What `explain_nan` found. Prints as a text; true if there is a nan or an infinity.

    `of` says whether it is in the "value" or in an "adjoint"; `operation` and `line` which
    operation made it first, from which line; `inputs` what it read there; `path` the operations
    through which it reached the result, with their lines. `message` says all of it.
    """

    of: str
    operation: str
    line: str
    inputs: tuple[complex, ...]
    path: tuple[tuple[str, str], ...]
    message: str

    def __bool__(self) -> bool:
        return bool(self.of)

    def __str__(self) -> str:
        return self.message

    __repr__ = __str__


def explain_nan(f: Callable[..., Any], *args: Any) -> NanReport:
    """Where the nan or the infinity in the value of `f` at `args`, or in its gradient, comes from.

    Names the operation that made it from finite numbers, your line that called it, what it read,
    and the way to the result. If the value is finite, the adjoints of the arguments are looked at
    (of the sum of the outputs). A nan inside a loop is followed to the operation and the round.

    >>> import adjoint as ad
    >>> report = ad.explain_nan(lambda x: ad.sqrt(x - 2.0) * 3.0, 1.0)
    >>> report.of, report.operation, report.inputs, [name for name, _ in report.path]
    ('value', 'sqrt', (-1.0,), ['multiply'])
    """
    check_callable("explain_nan", f)
    name = function_name(f)
    with options(debug_nans=True), TracedCall("explain_nan", f) as traced:
        arguments = traced.open(args)
        outputs = [y for y in traced.tensors(arguments.given, {}) if y.dtype.kind in "fc"]
        found = _report("value", f"explain_nan: the value of {name}", [y.node for y in outputs])
        if found:
            return found
        for x in arguments.nodes:
            if not _is_finite(x):
                return _given(f"explain_nan: an argument of {name}", x)
        seeds = [(real(sum(y)), 1) for y in outputs]
        adjoints = reverse([(y.node, ones_like(y)) for y, _ in seeds], arguments.nodes)
        wanted = [adjoints[x].sum().node for x in arguments.nodes if x in adjoints]
        found = _report("adjoint", f"explain_nan: a derivative of {name}", wanted)
    return found or NanReport(
        "", "", "", (), (), f"explain_nan: value and derivatives of {name} are finite"
    )


def _is_finite(node: Node) -> bool:
    value = np.asarray(node.value)
    return not is_inexact(value.dtype) or bool(np.isfinite(value).all())


def _given(what: str, node: Node) -> NanReport:
    text = f"{what} holds nan or infinity: {np.asarray(node.value)!r}"
    return NanReport("value", "argument", "", (), (), text)


def _report(of: str, what: str, results: Sequence[Node]) -> NanReport | None:
    """What is to be said of results, which are computed with all below; None if all are finite."""
    order = topological_order(results)
    with np.errstate(all="ignore"):
        for node in order:
            if node.value is None:
                node.value = node.op.evaluate(*[x.value for x in node.inputs], *node.params)
                nans.trace(node, node.value, False)
    spoilt = next((y for y in results if not _is_finite(y)), None)
    if spoilt is None:
        return None
    path = [spoilt]
    while True:
        guilty = [x for x in path[-1].inputs if not _is_finite(x)]
        if not guilty:
            break
        path.append(guilty[0])
    culprit, way = path[-1], path[-2::-1]
    if not culprit.inputs:
        return _given(what, culprit)
    index = tuple(map(int, np.argwhere(~np.isfinite(np.asarray(culprit.value)))[0]))
    read = _read(culprit, index)
    line = nans.place_of(culprit)
    kind = "nan" if np.isnan(np.asarray(culprit.value)[index]) else "an infinity"
    origin = nans.origin_of(culprit) if kind == "nan" else None
    shown = ", ".join(map(type_text, culprit.inputs))
    text = origin or (
        f"{line + ': ' if line else ''}{culprit.op.name}({shown}) made {kind}"
        f"{f' at {index}' if index else ''}"
        f"{' of ' + ' and '.join(map(str, read)) if read else ''}"
    )
    steps = tuple((x.op.name, nans.place_of(x)) for x in way)
    route = " → ".join(f"{n} ({p})" if p else n for n, p in steps)
    message = f"{what} is not finite. {text}" + (f"\n  It went through {route}" if route else "")
    return NanReport(of, culprit.op.name, line, read, steps, message)


def _read(node: Node, index: tuple[int, ...]) -> tuple[complex, ...]:
    """What an elementwise operation read of its inputs at an index; else nothing."""
    if not node.op.pointwise:
        return ()
    values = [np.broadcast_to(np.asarray(x.value), node.shape)[index] for x in node.inputs]
    return tuple(v.item() for v in values)
