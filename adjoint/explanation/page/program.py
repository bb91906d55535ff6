"""What becomes of a function and its gradient when they are compiled, as data for the page."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.api.compiling import compile as compiled
from adjoint.api.derivatives import value_and_grad
from adjoint.api.report import report_of
from adjoint.api.specialization import Specialization
from adjoint.explanation.formulas import Number, Term, Word, formula_of
from adjoint.explanation.page.terms import term_data
from adjoint.graph import engine
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.schedule.plan import Control, Kernel, Nest, Step

MOST = 400
"""Of a larger program only the kernels are told."""


def program_of(
    f: Callable[..., Any], leaves: Sequence[Any], names: Sequence[str]
) -> tuple[dict[str, Any] | None, str]:
    """The optimised graph and the kernels of value and gradient, or why there are none.

    Tracing for compilation asks for no value, so what depends on values (an ``if``) is refused
    there: then the graph is one of several, and the page must not move its inputs.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what can be said of f was said when it was explained
            both = compiled(value_and_grad(f, tuple(range(len(leaves)))))
            specialization = both.trace(*leaves)
            report = report_of(specialization)
    except Exception as error:  # whatever the code of the user raises when it is traced
        return None, f"{type(error).__name__}: {error}"
    numbering = _numbered(specialization, names)
    kernels = [
        {
            "kind": row.kind,
            "computes": row.computes,
            "operations": row.operations,
            "bytes": row.bytes_moved,
            "nodes": sorted({numbering[n] for n in _nodes_of(step) if n in numbering}),
        }
        for row, step in zip(report.rows, _working(specialization), strict=True)
    ]
    data = {
        "nodes": _node_data(specialization, numbering, names),
        "kernels": kernels,
        "before": {"operations": report.operations, "bytes": report.bytes_before},
        "after": {"steps": report.kernels, "bytes": report.bytes_moved},
    }
    return data, ""


def _working(specialization: Specialization) -> list[Step]:
    return [step for step in specialization.schedule.steps if not step.is_view]


def _numbered(specialization: Specialization, names: Sequence[str]) -> dict[Node, int]:
    """Numbers for what the optimised graph computes, its inputs and constants left out."""
    inputs = set(specialization.inputs)
    order = topological_order(specialization.optimised, lambda n: () if n in inputs else n.inputs)
    working = [n for n in order if n not in inputs and not is_constant(n)]
    return {node: i for i, node in enumerate(working, 1)}


def _node_data(
    specialization: Specialization, numbering: dict[Node, int], names: Sequence[str]
) -> list[dict[str, Any]]:
    if len(numbering) > MOST:
        return []
    known: dict[Node, Term] = {
        node: Word(name) for node, name in zip(specialization.inputs, names, strict=False)
    }
    inputs = set(specialization.inputs)
    for node in topological_order(specialization.optimised, lambda n: n.inputs):
        if is_constant(node) and node not in inputs:
            known[node] = Number(engine.value_of(node))
    results: dict[Node, list[int]] = {}
    for place, node in enumerate(specialization.optimised):
        results.setdefault(node, []).append(place)
    rows = []
    for node, number in numbering.items():
        row: dict[str, Any] = {"i": number, "t": term_data(formula_of(node, known))}
        if node.shape:
            row["shape"] = list(node.shape)
        if node in results:
            row["result"] = results[node]
        known[node] = Word(f"u{number}")
        rows.append(row)
    return rows


def _nodes_of(step: Step) -> list[Node]:
    """The nodes a step computes, also those that live only inside its loops."""
    match step:
        case Kernel():
            return [*step.inlined, *step.roots]
        case Nest():
            return [n for kernel in step.kernels for n in (*kernel.inlined, *kernel.roots)]
        case Control():
            return [step.root]
    return list(step.roots)
